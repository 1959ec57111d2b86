"""Whether a statement at the top level of a module does nothing but bind its names, as far as its syntax can tell.

Everything counts as doing something unless it is known not to: a call, unless it is one of the harness's declarations,
a builtin that makes a plain value, or a function of the module of which the same is true; a decorator, a base class.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterable

#: Parts of the harness that declare: calling them makes a value and does nothing else.
_DECLARING = tuple(
    f"claims.{name}" for name in ("bands", "claim", "experiment", "kinds", "packs", "paper", "subject", "verdict")
)
_PLAIN = frozenset(
    {"abs", "bool", "dict", "enumerate", "float", "frozenset", "int", "len", "list", "max", "min", "range", "reversed"}
    | {"round", "set", "sorted", "str", "sum", "tuple", "zip"}
)
_DECORATORS = frozenset(
    {
        "contextlib.contextmanager",
        "dataclasses.dataclass",
        "functools.cache",
        "functools.lru_cache",
        "functools.total_ordering",
        "torch.inference_mode",
        "torch.no_grad",
    }
)
#: Functions that make a value of their arguments and touch nothing else.
_MAKERS = frozenset(
    {
        "dataclasses.field",
        "decimal.Decimal",
        "fractions.Fraction",
        "numpy.array",
        "pathlib.Path",
        "re.compile",
        "torch.tensor",
        "types.MappingProxyType",
    }
)
_BASES = frozenset({"enum.Enum", "enum.IntEnum", "enum.StrEnum", "typing.NamedTuple", "typing.Protocol", "abc.ABC"})
_METHODS = ("staticmethod", "classmethod", "property")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Effects:
    """What the statements of one module do when they run.

    ``binds`` gives the names that one binds, ``idle`` whether it does no more than that, and ``declared`` whether a
    name is a declaration of the harness: a claim, an experiment, a pack, a collection of such.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._origins: dict[str, str] = {}
        self._functions: dict[str, _Function] = {}
        self._values: dict[str, list[ast.expr]] = {}
        self._stored: set[str] = set()
        self._asked: set[str] = set()
        self._times: Counter[str] = Counter()
        for statement in tree.body:
            self._times.update(self.binds(statement))
            self._note(statement)

    def _note(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import):
            self._origins |= {each.asname or each.name.partition(".")[0]: each.name for each in statement.names}
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            self._origins |= {each.asname or each.name: f"{statement.module}.{each.name}" for each in statement.names}
        elif isinstance(statement, _Function):
            self._stored.add(statement.name)
            self._functions[statement.name] = statement
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            for name in self.binds(statement):
                self._values.setdefault(name, []).append(statement.value)
                self._stored.add(name)
        else:
            self._stored |= self.binds(statement)

    def binds(self, statement: ast.stmt) -> set[str]:
        """The names that a statement may bind in its module."""
        found: set[str] = set()
        for node in _same_scope(statement):
            if isinstance(node, _Function | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                found |= {each.asname or each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ExceptHandler) and node.name:
                found.add(node.name)
        return found

    def declared(self, name: str) -> bool:
        """Whether a name is bound to declarations of the harness, and to nothing else."""
        values = self._values.get(name, [])
        return bool(values) and name not in self._functions and all(map(self._declares, values))

    def _declares(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Tuple | ast.List):
            return bool(node.elts) and all(map(self._declares, node.elts))
        if isinstance(node, ast.Starred | ast.Subscript | ast.Attribute):
            return self._declares(node.value)
        if isinstance(node, ast.BinOp):
            return self._declares(node.left) or self._declares(node.right)
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            return self._declares(node.elt)
        if isinstance(node, ast.Name):
            if node.id in self._asked:
                return False
            self._asked.add(node.id)
            try:
                return self.declared(node.id)
            finally:
                self._asked.discard(node.id)
        if not isinstance(node, ast.Call):
            return False
        collected = isinstance(node.func, ast.Name) and node.func.id in ("tuple", "list") and self._plain(node.func.id)
        return all(map(self._declares, node.args)) if collected else self._declaring(node.func)

    def _declaring(self, function: ast.expr) -> bool:
        """Whether this is a declaration of the harness, or a method of one."""
        origin = self._origin(function)
        if origin.startswith("claims."):
            return origin.count(".") == 1 or origin.startswith(_DECLARING)
        return isinstance(function, ast.Attribute) and self._declares(function.value)

    def _origin(self, node: ast.expr) -> str:
        """The dotted name under which something was imported; empty of what was not, or may be something else."""
        if isinstance(node, ast.Attribute):
            owner = self._origin(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        if isinstance(node, ast.Name) and node.id not in self._stored:
            return self._origins.get(node.id, "")
        return ""

    # Statements

    def idle(self, statement: ast.stmt) -> bool:
        """Whether running it only binds its names."""
        if isinstance(statement, _Function):
            return self._idle_function(statement)
        if isinstance(statement, ast.ClassDef):
            return self._idle_class(statement)
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = [name for target in targets for name in _plain_targets(target)]
            public = all(name == "__all__" or not _special(name) for name in names)
            parts = [statement.value, getattr(statement, "annotation", None)]
            pure = all(part is None or self._pure(part) for part in parts)
            return public and all(map(_is_plain, targets)) and pure
        return isinstance(statement, ast.Pass)

    def _idle_function(self, made: _Function) -> bool:
        given = made.args
        defaults = [*given.defaults, *(each for each in given.kw_defaults if each is not None)]
        hints = [each.annotation for each in ast.walk(given) if isinstance(each, ast.arg) and each.annotation]
        outward = any(isinstance(node, ast.Global) for node in ast.walk(made))
        return (
            not _special(made.name)
            and not outward
            and all(map(self._idle_decorator, made.decorator_list))
            and all(map(self._pure, [*defaults, *hints, *([made.returns] if made.returns else [])]))
        )

    def _idle_decorator(self, node: ast.expr) -> bool:
        called = isinstance(node, ast.Call)
        given = [*node.args, *(word.value for word in node.keywords)] if isinstance(node, ast.Call) else []
        name = node.func if isinstance(node, ast.Call) else node
        if isinstance(name, ast.Name) and name.id in _METHODS and not called:
            return name.id not in self._stored
        return self._origin(name) in _DECORATORS and all(map(self._pure, given))

    def _idle_class(self, made: ast.ClassDef) -> bool:
        based = all(self._origin(base) in _BASES or self._is_exception(base) for base in made.bases)
        body = [each for each in made.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
        inside = all(
            self._idle_function(each) or (_special(each.name) and self._decorated_idly(each))
            if isinstance(each, _Function)
            else self.idle(each)
            for each in body
        )
        return based and not made.keywords and all(map(self._idle_decorator, made.decorator_list)) and inside

    def _decorated_idly(self, made: _Function) -> bool:
        defaults = [*made.args.defaults, *(each for each in made.args.kw_defaults if each is not None)]
        special = made.name in ("__init_subclass__", "__set_name__", "__class_getitem__")
        return not special and all(map(self._idle_decorator, made.decorator_list)) and all(map(self._pure, defaults))

    def _is_exception(self, base: ast.expr) -> bool:
        found = getattr(builtins, base.id, None) if isinstance(base, ast.Name) and base.id not in self._stored else None
        return isinstance(found, type) and issubclass(found, Exception)

    # Expressions

    def _pure(self, node: ast.expr) -> bool:
        """Whether evaluating it makes a value and does nothing else."""
        if isinstance(node, ast.Lambda):
            return all(map(self._pure, [*node.args.defaults, *(each for each in node.args.kw_defaults if each)]))
        if isinstance(node, ast.Call):
            given = [*node.args, *(word.value for word in node.keywords)]
            return self._pure_function(node.func) and all(map(self._pure, given))
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return False
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift | ast.RShift | ast.MatMult):
            return False  # in libraries that make them do something
        return all(map(self._pure, _inner(node)))

    def _pure_function(self, function: ast.expr) -> bool:
        if self._times["*"]:  # anything may have been bound by `from … import *`
            return False
        if self._declaring(function):
            return self._pure(function.value) if isinstance(function, ast.Attribute) else True
        origin = self._origin(function)
        if origin in _MAKERS or origin.startswith("math."):
            return True
        if not isinstance(function, ast.Name):
            return False
        if function.id in _PLAIN:
            return self._plain(function.id)
        made = self._functions.get(function.id)
        if made is None or self._times[function.id] > 1 or function.id in self._asked:
            return False
        self._asked.add(function.id)
        try:
            return self.idle(made) and not made.decorator_list and all(map(self._pure_inside, made.body))
        finally:
            self._asked.discard(function.id)

    def _plain(self, name: str) -> bool:
        """Whether a builtin's name means the builtin."""
        return not self._times[name]

    def _pure_inside(self, statement: ast.stmt) -> bool:
        """Whether a statement in a function that a declaration calls only makes values."""
        if isinstance(statement, ast.Return):
            return statement.value is None or self._pure(statement.value)
        if isinstance(statement, ast.If):
            return self._pure(statement.test) and all(map(self._pure_inside, [*statement.body, *statement.orelse]))
        return self.idle(statement)


def _same_scope(statement: ast.stmt) -> Iterable[ast.AST]:
    """The nodes of a statement but those inside functions, classes, lambdas and comprehensions, which bind elsewhere.

    What a function declares ``global`` is bound outside, and what ``:=`` binds in a comprehension too.
    """
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, _Function | ast.ClassDef | ast.Lambda):
            yield from (
                ast.Name(name, ast.Store())
                for deep in ast.walk(node)
                if isinstance(deep, ast.Global)
                for name in deep.names
            )
            continue
        waiting += ast.iter_child_nodes(node)


def _inner(node: ast.AST) -> list[ast.expr]:
    """The expressions that an expression is made of."""
    found: list[ast.expr] = []
    for child in ast.iter_child_nodes(node):
        found += [child] if isinstance(child, ast.expr) else _inner(child)
    return found


def _plain_targets(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _is_plain(target: ast.expr) -> bool:
    """Whether it is a name, or a tuple of names: an attribute or an item belongs to something else."""
    return all(isinstance(node, ast.Name | ast.Tuple | ast.List | ast.expr_context) for node in ast.walk(target))


def _special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
