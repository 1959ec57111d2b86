"""Deferred values: ``"module:function"`` strings, so that declaring a claim imports nothing heavy."""

from __future__ import annotations

import functools
import importlib
import inspect
import math
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from claims.errors import ClaimsError, InvalidDeclaration, Unavailable, described, raised
from claims.evidence.kept import current
from claims.evidence.watching import importing
from claims.extras import missing
from claims.fields import is_address, is_finite

#: A number, or where to compute it: ``"module:function"`` or the function, called with the point's coordinates.
Number = float | str | Callable[..., float]


def is_deferred(value: object) -> bool:
    """Whether the value is known only once a point is given."""
    return isinstance(value, str) or callable(value)


def check_number(value: object, field: str, *, where: str = "") -> None:
    """Refuse what neither is a number nor says where to compute one.

    Raises:
        InvalidDeclaration: names the field.
    """
    if not (is_finite(value) or is_address(value) or (callable(value) and not isinstance(value, type))):
        allowed = 'a finite number, or "module:function" or a function to compute it for each point'
        raise InvalidDeclaration(field, value, allowed, where=where)


def load(spec: str) -> Any:
    """The object that ``"module:attribute"`` names.

    Raises:
        InvalidDeclaration: no such module or attribute, one that cannot be imported, or not of that form. The
            attribute may be a function of a class, "C.f".
        Unavailable: it needs a library that an extra of claimbench brings; has the command.
    """
    module_name, _, attribute = spec.partition(":")
    if not module_name or not attribute:
        raise InvalidDeclaration("target", spec, '"module:attribute"')
    try:
        with importing():
            module = importlib.import_module(module_name)
    except Exception as error:  # a module of anyone's, which may raise anything
        if lacks := missing(error):
            raise Unavailable(lacks) from error
        words = str(error) if isinstance(error, ImportError) else raised(error)
        raise InvalidDeclaration("target", spec, f"an importable module ({words})") from error
    found: Any = module
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            public = sorted(name for name in dir(found) if not name.startswith("_"))
            raise InvalidDeclaration("target", spec, f"one of {', '.join(public)}") from None
    return found


def resolve_number(value: Number, point: Mapping[str, Any], *, field: str) -> float:
    """The number, computed if deferred from the coordinates that the function's parameters name.

    Raises:
        InvalidDeclaration: a parameter without default is no coordinate of the point, the function raises, or what it
            gives is no finite number.
        Unavailable: it needs a library that an extra of claimbench brings.
    """
    if isinstance(value, int | float):
        return float(value)
    function = load(value) if isinstance(value, str) else value
    arguments = _arguments(function, point, field, value)
    try:
        result = _called(function, arguments)
    except ClaimsError:
        raise
    except (Exception, SystemExit) as error:  # a function of anyone's, which may raise anything
        if lacks := missing(error):
            raise Unavailable(lacks) from error
        allowed = f"a function that gives a number at {dict(point)} ({raised(error)})"
        raise InvalidDeclaration(field, _named(value), allowed) from error
    if not math.isfinite(result):
        raise InvalidDeclaration(field, result, f"a finite number from {_named(value)} at {dict(point)}")
    return result


def _called(function: Callable[..., float], arguments: Mapping[str, Any]) -> float:
    """What a function gives, from what is kept where anything is."""
    kept = current()
    if kept is None:
        return float(function(**arguments))
    from claims.evidence.closed_forms import worked_out

    return worked_out(kept, function, arguments)


def _named(value: Number) -> str:
    return value if isinstance(value, str) else described(value)


def _arguments(function: Callable[..., float], point: Mapping[str, Any], field: str, value: Number) -> dict[str, Any]:
    """The coordinates that a function's parameters name."""
    try:
        # one in Python is asked once: claims share closed forms, and to read the parameters takes longer than to recall
        parameters = _told(function) if isinstance(function, FunctionType) else _parameters(function)
    except (TypeError, ValueError) as error:  # no function, or one in C that does not tell
        raise InvalidDeclaration(field, _named(value), f"a function whose parameters can be read ({error})") from error
    arguments = {}
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if parameter.name in point and parameter.kind is not parameter.POSITIONAL_ONLY:
            arguments[parameter.name] = point[parameter.name]
        elif parameter.default is parameter.empty:
            allowed = f"parameters among the point's coordinates {sorted(point)}, which {parameter.name!r} is not"
            raise InvalidDeclaration(field, _named(value), allowed)
    return arguments


def _parameters(function: Callable[..., float]) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(function).parameters.values())


_told = functools.cache(_parameters)
