"""Deferred values: ``"module:function"`` strings, so that declaring a claim imports nothing heavy."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from claims.errors import InvalidDeclaration

#: A number, or where to compute it: ``"module:function"`` or the function, called with the point's coordinates.
Number = float | str | Callable[..., float]


def is_deferred(value: object) -> bool:
    """Whether the value is known only once a point is given."""
    return isinstance(value, str) or callable(value)


def load(spec: str) -> Any:
    """The object that ``"module:attribute"`` names.

    Raises:
        InvalidDeclaration: no such module or attribute, or not of that form.
    """
    module_name, _, attribute = spec.partition(":")
    if not module_name or not attribute:
        raise InvalidDeclaration("target", spec, '"module:attribute"')
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise InvalidDeclaration("target", spec, f"an importable module ({error})") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        public = sorted(name for name in vars(module) if not name.startswith("_"))
        raise InvalidDeclaration("target", spec, f"one of {', '.join(public)}") from None


def resolve_number(value: Number, point: Mapping[str, Any], *, field: str) -> float:
    """The number, computed if deferred from the coordinates that the function's parameters name.

    Raises:
        InvalidDeclaration: a parameter without default is no coordinate of the point, or the result is not finite.
    """
    if isinstance(value, int | float):
        return float(value)
    function = load(value) if isinstance(value, str) else value
    name = value if isinstance(value, str) else function.__qualname__
    arguments = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in point:
            arguments[parameter.name] = point[parameter.name]
        elif parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD:
            raise InvalidDeclaration(field, name, f"parameters among the point's coordinates {sorted(point)}")
    result = float(function(**arguments))
    if not math.isfinite(result):
        raise InvalidDeclaration(field, result, f"a finite number from {name} at {dict(point)}")
    return result
