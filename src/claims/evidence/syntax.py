"""What of a module's source runs when one of its functions does: that much of its syntax tree counts, and no more.

A module is run whole when it is imported, and afterwards a function reaches the names that it uses and those that they
use. What is left out is what neither can have touched: functions, classes and constants that nothing of the rest names,
and declarations of the harness (claims, experiments, packs), provided that making them cannot do anything else. Whoever
looks names up at run time (``globals()``, ``eval``, ``sys.modules``) may reach everything, and keeps everything.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from claims.evidence.effects import Effects

#: Files that experiments read: named in the code as "package:folder/file.toml", or by a path from the module's folder.
_DATA = re.compile(r"(?:(?P<package>\w+(?:\.\w+)*):)?(?P<path>[\w-]+(?:[./][\w-]+)*\.(?:toml|json|csv|txt|npy|npz))")
#: A whole folder of them, from which the code chooses: "package:folder".
_FOLDER = re.compile(r"(?P<package>\w+(?:\.\w+)*):(?P<path>[\w-]+(?:/[\w-]+)*)")
#: Names and attributes by which code may reach what it does not name.
_REFLECTION = frozenset(
    {"globals", "locals", "vars", "eval", "exec", "compile", "modules", "import_module", "__import__", "__dict__"}
    | {"__globals__", "__builtins__", "f_globals", "currentframe", "_getframe", "getmodule", "getmembers"}
    | {"run_module", "run_path"}
)
_IMPORTERS = ("import_module", "__import__")
#: Of a package that others only pass through, counts all but its declarations. Not a name: Python has no such one.
PASSED = "<passed>"
#: Stands for whatever is in a package, of which the code chooses by a computed name.
EVERY = ".*"
#: Stands for all that a package loads when it is asked for, of a package that is handed on whole.
ASKED = ".?"


@dataclass(frozen=True, slots=True)
class Parsed:
    """What matters of a source file: its code, what it imports, and what may be data that it names: package, path.

    ``through`` are the dotted names that it reaches through what it imports: ``a.b`` where ``a`` was.
    """

    code: str
    imports: tuple[str, ...]
    named: tuple[tuple[str, str], ...]
    through: tuple[str, ...] = ()


@functools.lru_cache(maxsize=8192)
def parse(path: Path, version: tuple[int, int], module: str, name: str = "") -> Parsed:
    """The file's code as far as ``name`` reaches; all of it where none is given, or where that cannot be told."""
    try:
        tree = _tree(path, version)
    except (SyntaxError, ValueError, RecursionError):  # nothing that this Python can run
        return Parsed(hashlib.sha256(path.read_bytes()).hexdigest(), (), ())
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    body = _reached(path, version, name) if name else tree.body
    strings = {
        node.value
        for statement in body
        for node in nodes_of(statement)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    matches = (_DATA.fullmatch(text) or _FOLDER.fullmatch(text) for text in sorted(strings))
    return Parsed(
        code=hashlib.sha256("\n".join(map(_dumped, body)).encode()).hexdigest(),
        imports=tuple(sorted(imports_of(body, package))),
        named=tuple((match["package"] or "", match["path"]) for match in matches if match),
        through=tuple(sorted(reached_through(body, package))),
    )


@functools.lru_cache(maxsize=65536)
def nodes_of(statement: ast.stmt) -> tuple[ast.AST, ...]:
    """Every node of a statement of a finished tree, which is asked for many times: walked once."""
    return tuple(ast.walk(statement))


@functools.lru_cache(maxsize=65536)
def _dumped(statement: ast.stmt) -> str:
    return ast.dump(statement)


@functools.lru_cache(maxsize=256)
def _tree(path: Path, version: tuple[int, int]) -> ast.Module:
    """The syntax tree without positions, without docstrings that nothing reads, and without what only types are for."""
    source = path.read_bytes()
    tree = ast.parse(source, filename=str(path))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        body[:] = [kept for child in body for kept in (child.orelse if _type_checking(child) else [child])]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and body:
            first = body[0].value if isinstance(body[0], ast.Expr) else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and b"__doc__" not in source:
                del body[0]
    return tree


def _type_checking(node: ast.AST) -> bool:
    """Whether this is ``if TYPE_CHECKING:``, of which only ``else`` is ever run."""
    test = node.test if isinstance(node, ast.If) else None
    return getattr(test, "id", getattr(test, "attr", None)) == "TYPE_CHECKING"


# What a name reaches


@dataclass(frozen=True, slots=True)
class _Statement:
    """One statement at the top level: what it binds, the names it uses, whether it may do more, or reach everything."""

    node: ast.stmt
    binds: frozenset[str]
    uses: frozenset[str]
    acts: bool
    reflects: bool


@functools.lru_cache(maxsize=256)
def _statements(path: Path, version: tuple[int, int]) -> tuple[tuple[_Statement, ...], frozenset[str]]:
    """The statements of a module, and the names that it binds to declarations of the harness."""
    tree = _tree(path, version)
    effects = Effects(tree)
    found = []
    for node in tree.body:
        names, attributes = _used(node)
        reflects = bool((names | attributes) & _REFLECTION)
        found.append(_Statement(node, frozenset(effects.binds(node)), names, not effects.idle(node), reflects))
    known = frozenset().union(*(each.binds for each in found))
    return tuple(found), frozenset(filter(effects.declared, known))


def _reached(path: Path, version: tuple[int, int], name: str) -> list[ast.stmt]:
    """The statements that run at import and may do something, and those that bind what they and ``name`` use."""
    statements, declared = _statements(path, version)
    known = frozenset().union(*(each.binds for each in statements))
    wanted = set(known - declared) if name == PASSED else {name}
    rest = dict(enumerate(statements))
    while more := [number for number, each in rest.items() if each.acts or each.binds & wanted]:
        for number in more:
            wanted |= rest.pop(number).uses
    kept = [each for number, each in enumerate(statements) if number not in rest]
    whole = (name != PASSED and name not in known) or any(each.reflects for each in kept)
    return [each.node for each in (statements if whole else kept)]


def _used(statement: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """Every name in a statement, and every attribute; but not those of imports whose module is plain to see."""
    nodes = nodes_of(statement)
    known = {node.func for node in nodes if isinstance(node, ast.Call) and _imports_by_name(node)}
    names = frozenset(node.id for node in nodes if isinstance(node, ast.Name) and node not in known)
    attributes = frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute) and node not in known)
    renamed = (each for node in nodes if isinstance(node, ast.ImportFrom) for each in node.names if each.asname)
    return names, attributes | {each.name for each in renamed if each.name != each.asname}


def _imports_by_name(call: ast.Call) -> bool:
    """Whether a call imports a module whose name, or the package of it, is a literal."""
    return _name_of(call.func) in _IMPORTERS and bool(_beginning(call.args[:1])[0])


def _name_of(function: ast.expr) -> str:
    return str(getattr(function, "id", getattr(function, "attr", "")))


# What it imports


def imports_of(body: Iterable[ast.stmt], package: str) -> set[str]:
    """Every module that the statements may import, however deep: ``from a import b`` names both a and a.b."""
    found: set[str] = set()
    for node in (node for statement in body for node in nodes_of(statement)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node.module or "", node.level, package)
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _name_of(node.func) in _IMPORTERS:
            given, whole = _beginning(node.args[:1])
            name = given.lstrip(".")
            if name or given:
                found.add(_absolute(name, len(given) - len(name), package) + ("" if whole else EVERY))
    return found


def reached_through(body: Iterable[ast.stmt], package: str) -> set[str]:
    """What the statements may reach as attributes of what they import; all of what they hand on whole (``ASKED``).

    Most of it are functions and classes; but packages may load a name when it is asked for, and modules are attributes
    of the package that they are in once anybody has imported them.
    """
    nodes = [node for statement in body for node in nodes_of(statement)]
    bound = _bound(nodes, package)
    found: set[str] = set()
    named = set()
    for node in nodes:
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name):
                named.add(node.value)
            first, *rest = _chain(node)
            found.update(".".join((module, *rest)) for module in bound.get(first, ()))
        elif isinstance(node, ast.Call) and _name_of(node.func) in _IMPORTERS:
            given, whole = _beginning(node.args[:1])
            if whole and given:
                found.add(_absolute(given.lstrip("."), len(given) - len(given.lstrip(".")), package) + ASKED)
    alone = (node for node in nodes if isinstance(node, ast.Name) and node not in named)
    found.update(module + ASKED for node in alone for module in bound.get(node.id, ()))
    return found


def _bound(nodes: Iterable[ast.AST], package: str) -> dict[str, set[str]]:
    """The names that imports bind, wherever they stand, and what each may be."""
    found: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                found.setdefault(alias.asname or first, set()).add(alias.name if alias.asname else first)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node.module or "", node.level, package)
            for alias in node.names:
                found.setdefault(alias.asname or alias.name, set()).add(f"{base}.{alias.name}")
    return found


def _chain(node: ast.expr) -> list[str]:
    """The names of ``a.b.c``, the first one empty where it is no name."""
    if isinstance(node, ast.Attribute):
        return [*_chain(node.value), node.attr]
    return [node.id if isinstance(node, ast.Name) else ""]


def _beginning(given: list[ast.expr]) -> tuple[str, bool]:
    """The literal beginning of a string, up to its last dot, and whether that is all of it."""
    node = given[0] if given else None
    whole = not isinstance(node, ast.JoinedStr)
    first = node if not isinstance(node, ast.JoinedStr) else node.values[0]
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
    return (text, True) if whole else (text.rpartition(".")[0], False)


def _absolute(module: str, level: int, package: str) -> str:
    """The dotted name of a module that is named relative to a package."""
    parts = package.split(".")
    root = ".".join(parts[: len(parts) - level + 1]) if level else ""
    return ".".join(part for part in (root, module) if part)


# Packages that load their names when they are asked for


@functools.lru_cache(maxsize=256)
def asked_names(path: Path, version: tuple[int, int]) -> dict[str, str] | None:
    """Of a package with a ``__getattr__``: name -> module, by the literal dicts in it; "" for names that it binds.

    None of a package that has none, wherever it may come from.
    """
    tree = _tree(path, version)
    effects = Effects(tree)
    bound = {name for node in tree.body for name in effects.binds(node)}
    if "__getattr__" not in bound:
        return None
    found = {}
    for node in ast.walk(tree):
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                found[str(key.value)] = str(value.value)
    return found | dict.fromkeys(bound, "")
