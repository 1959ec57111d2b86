"""What a measurement depends on besides its point: the code that makes it and the arithmetic of the machine."""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from claims.evidence.canonical import digest
from claims.names import address_of, spec_of

#: The parts of the harness on which a measured value depends.
_MEASURING = tuple(
    f"claims.{name}" for name in ("streams", "evidence.canonical", "evidence.searching", "kernels", "models", "papers")
)


#: Files that experiments read: named in the code as "package:folder/file.toml", or by a path from the module's folder.
_DATA = re.compile(r"(?:(?P<package>\w+(?:\.\w+)*):)?(?P<path>[\w-]+(?:[./][\w-]+)*\.(?:toml|json|csv|txt|npy|npz))")
#: A whole folder of them, from which the code chooses: "package:folder".
_FOLDER = re.compile(r"(?P<package>\w+(?:\.\w+)*):(?P<path>[\w-]+(?:/[\w-]+)*)")
_SUFFIXES = (".toml", ".json", ".csv", ".txt", ".npy", ".npz")


def code_named(address: str, base: Iterable[tuple[str, object]]) -> tuple[str, ...]:
    """Addresses of what a measurement runs: its experiment, and whatever code its base point names."""
    return (address, *(address_of(value) for _, value in base if isinstance(value, str) and ":" in value))


def code_fingerprint(*targets: str) -> str:
    """SHA-256 over the normalised syntax trees of the targets' modules and all of ours or beside them that they import.

    Comments, docstrings, layout and type-checking imports do not count, so editing them keeps the evidence. A package's
    ``__init__`` counts where it is imported by name; of one that loads its names lazily, the modules of those that are
    imported. C++ sources, the libraries built from them, and data files that the code names count by their bytes.
    Taken anew from the files at every call; each version of a file is read once.
    """
    seen: dict[str, str] = {}
    for target in ("claims.streams", *targets):
        _collect(target.partition(":")[0], seen)
    return digest(sorted(seen.items())).hex()


def _collect(module: str, seen: dict[str, str]) -> None:
    if module in seen:
        return
    path = _source(module)
    if path is None or not path.is_file():
        return
    parsed = _parse(path, _version_of(path), module)
    seen[module] = parsed.code
    for name, file in (*_data_files(parsed.named, path), *_native_code(path)):
        seen[f"{module}/{name}"] = _bytes_of(file, _version_of(file))
    for imported in parsed.imports:
        if _counts(imported, module) or _beside(imported, path):
            _collect(_home(imported), seen)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """What matters of a source file: its code, what it imports, and what may be data that it names: package, path."""

    code: str
    imports: tuple[str, ...]
    named: tuple[tuple[str, str], ...]


@functools.lru_cache(maxsize=4096)
def _parse(path: Path, version: tuple[int, int], module: str) -> _Parsed:
    tree = ast.parse(path.read_bytes(), filename=str(path))
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    imports = tuple(sorted(_imports(tree, package)))
    code = _normalised(tree)
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    matches = (_DATA.fullmatch(text) or _FOLDER.fullmatch(text) for text in sorted(strings))
    return _Parsed(code, imports, tuple((match["package"] or "", match["path"]) for match in matches if match))


def _version_of(path: Path) -> tuple[int, int]:
    """What changes when a file is written."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@functools.lru_cache(maxsize=4096)
def _bytes_of(path: Path, version: tuple[int, int]) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _native_code(path: Path) -> list[tuple[str, Path]]:
    """The C++ sources of a package, by the path of its ``__init__``, and the libraries built from them.

    Without a library, or with one of other sources, the same experiment takes another route and gives other last bits.
    """
    if path.name != "__init__.py":
        return []
    sources = [file for file in sorted(path.parent.glob("native/*")) if file.suffix in (".cpp", ".h")]
    return [(file.name, file) for file in (*sources, *sorted(path.parent.glob("_native_*.so")))]


def _data_files(named: Iterable[tuple[str, str]], path: Path) -> list[tuple[str, Path]]:
    """The data files among what the strings of a module name, with the names that they have there."""
    found = []
    for package, inside in named:
        home = _source(package) if package else path
        file = (home or path).parent / inside
        files = [file] if file.is_file() else sorted(file.glob("*")) if file.is_dir() else []
        found += [(f"{package}:{inside}:{each.name}", each) for each in files if each.suffix in _SUFFIXES]
    return found


def _counts(imported: str, importer: str) -> bool:
    """Whether an imported module is ours. Of the harness only what computes: declaring and deciding measure nothing."""
    root = imported.partition(".")[0]
    if root == "claims":
        return imported.startswith(_MEASURING)
    return root == importer.partition(".")[0]


@functools.cache
def _source(module: str) -> Path | None:
    """The module's source file, found without importing anything; None if there is no such module."""
    spec = spec_of(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def _home(dotted: str) -> str:
    """The module that a dotted name loads: itself, or where its package's ``__getattr__`` finds it."""
    package, _, name = dotted.rpartition(".")
    if not package or _source(dotted) is not None:
        return dotted
    return f"{package}.{_lazy_names(package)[name]}" if name in _lazy_names(package) else dotted


def _lazy_names(package: str) -> dict[str, str]:
    """Of a package that loads its names when they are asked for: which submodule each is in, by its literal dict."""
    path = _source(package)
    return _literal_names(path, _version_of(path)) if path is not None and path.name == "__init__.py" else {}


@functools.lru_cache(maxsize=256)
def _literal_names(path: Path, version: tuple[int, int]) -> dict[str, str]:
    tree = ast.parse(path.read_bytes(), filename=str(path))
    if not any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in ast.walk(tree)):
        return {}
    found = {}
    for node in ast.walk(tree):
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                found[str(key.value)] = str(value.value)
    return found


def _beside(module: str, path: Path) -> bool:
    """Whether a module lies in the folder of the one that imports it, as helpers of a claim file do."""
    source = _source(module) if "." not in module and module not in sys.stdlib_module_names else None
    return source is not None and source.parent == path.parent


def _imports(tree: ast.AST, package: str) -> set[str]:
    """Every module a tree may import, wherever the statement stands: ``from a import b`` names both a and a.b."""
    found: set[str] = set()
    for node in _run_time(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            root = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (root, node.module or "") if part)
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return found


def _run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under ``if TYPE_CHECKING:``."""
    for node in ast.iter_child_nodes(tree):
        if _type_checking(node):
            continue
        yield node
        yield from _run_time(node)


def _type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _normalised(tree: ast.Module) -> str:
    """Digest of a syntax tree without docstrings, type-checking imports and positions."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [child for child in body if not _type_checking(child)]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and body:
            first = body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                del body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


@functools.cache
def environment() -> dict[str, str]:
    """The numerics class: what may change the last bits of a result. Versions are read without importing anything."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "device": "cpu",
        "cpu": _cpu_model(),
        "kernels": os.environ.get("CLAIMS_KERNELS_NATIVE", "best"),
        **{name: _version(name) for name in ("torch", "numpy", "scipy", "hypothesis")},
    }


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu_model() -> str:
    """Model name of the processor, with its family and stepping where the system tells."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        fields = dict(line.split(":", 1) for line in info.read_text().split("\n\n")[0].splitlines() if ":" in line)
        named = {key.strip(): value.strip() for key, value in fields.items()}
        return " ".join(named.get(key, "?") for key in ("model name", "cpu family", "model", "stepping"))
    return platform.processor() or "unknown"
