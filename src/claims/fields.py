"""Checks of declared fields: each names the field, what was got and what is allowed, and returns what it let pass."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeGuard, TypeVar

from claims.errors import InvalidDeclaration

W = TypeVar("W", bound=StrEnum)

_ADDRESS = re.compile(r"[^\s:<>]+:[^\s:<>]+")


def check_text(value: object, field: str, *, allowed: str = "a string", empty: bool = True, where: str = "") -> str:
    """A string that UTF-8 can write: a lone surrogate could be neither stored nor shown."""
    if not isinstance(value, str) or not (empty or value.strip()):
        raise InvalidDeclaration(field, value, allowed, where=where)
    if not is_text(value):
        raise InvalidDeclaration(field, value, f"{allowed}, without lone surrogates", where=where)
    return value


def is_text(value: str) -> bool:
    """Whether UTF-8 can write it: all but lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_finite(value: object) -> TypeGuard[int | float]:
    """Whether this is a number that a double holds; true and false are none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # of a whole number beyond the largest double
        return False


def check_finite(
    value: object,
    field: str,
    *,
    allowed: str = "a finite number",
    such: Callable[[float], bool] = math.isfinite,
    where: str = "",
) -> float:
    """A finite number, ``such`` that."""
    if not is_finite(value) or not such(value):
        raise InvalidDeclaration(field, value, allowed, where=where)
    return value


def check_range(value: object, field: str, *, where: str = "") -> tuple[float, float]:
    """The lowest and the highest of some values, the lower first and a finite number of units apart."""
    allowed = "(lowest, highest), two finite numbers, the lower first"
    if not isinstance(value, tuple | list) or len(value) != 2 or not all(map(is_finite, value)):
        raise InvalidDeclaration(field, value, allowed, where=where)
    lo, hi = float(value[0]), float(value[1])
    if not lo < hi or math.isinf(hi - lo):
        raise InvalidDeclaration(field, value, allowed, where=where)
    return lo, hi


def check_whole(value: object, field: str, *, least: int, most: int = 2**63 - 1, where: str = "") -> int:
    """A whole number of ``least`` or more, and not more than ``most``."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        also = f" and <= {most}" if isinstance(value, int) and value > most else ""
        raise InvalidDeclaration(field, value, f"a whole number >= {least}{also}", where=where)
    return value


def check_truth(value: object, field: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise InvalidDeclaration(field, value, "True or False")
    return value


def check_word(value: object, field: str, words: type[W], *, where: str = "") -> W:
    """One of the words, given as such or as a string."""
    try:
        return words(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidDeclaration(field, value, ", ".join(words), where=where) from None


def check_names(value: object, field: str, *, where: str = "") -> tuple[str, ...]:
    """Names, in their order."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidDeclaration(field, value, "names in their order", where=where)
    allowed = "names, which are non-empty strings"
    return tuple(check_text(name, field, allowed=allowed, empty=False, where=where) for name in value)


def is_address(value: object) -> TypeGuard[str]:
    """Whether this has the form ``"module:function"``."""
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None
