"""Ranges of formulas over the cells of printed figures: from corner to corner, which takes them to be monotone.

A formula that turns inside a cell has its extremes elsewhere, and would refute what is true. No number of points proves
that it does not turn, but a few on lines through the cells notice what does: a square, a distance, a pole, a product
of two figures that may be zero in each other's way.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import pairwise

from claims.errors import InvalidDeclaration

Cell = tuple[float, float]
#: Where on a line through a cell the formula is looked at: uneven, so that no period hides between the points.
_FRACTIONS = (0.0, *sorted((k * (math.sqrt(5) - 1) / 2) % 1 for k in range(1, 6)), 1.0)
#: Turns below this share of the range, of the largest value, or this many times what a last bit does, are rounding.
_OF_RANGE, _OF_VALUE, _OF_LAST_BIT = 1e-9, 1e-12, 16.0


def formula_range(
    formula: Callable[..., float], cells: Sequence[Cell], *, names: Sequence[str], field: str
) -> tuple[float, float]:
    """Smallest and largest value of a formula over a box of cells, each (lowest, highest) value of one column.

    Raises:
        InvalidDeclaration: a value is not finite, or the formula is seen to turn as one of the columns ``names`` grows.
    """
    looked = _cached_range if isinstance(formula, Hashable) else _range
    return looked(formula, tuple(cells), tuple(names), field)


def _range(formula: Callable[..., float], cells: Sequence[Cell], names: Sequence[str], field: str) -> Cell:
    corners = [_finite(formula, corner, field) for corner in itertools.product(*cells)]
    lo, hi = min(corners), max(corners)
    noise = _OF_RANGE * (hi - lo) + _OF_LAST_BIT * _last_bits(formula, cells, field)
    for axis, name in enumerate(names):
        for line in _lines(cells, axis):
            values = [_finite(formula, point, field) for point in line]
            slack = noise + _OF_VALUE * max(map(abs, (*values, lo, hi)))
            steps = [after - before for before, after in pairwise(values)]
            turns = max(steps) > slack and min(steps) < -slack
            if turns or min(values) < lo - slack or max(values) > hi + slack:
                got = f"one that turns as {name!r} goes from {cells[axis][0]:.6g} to {cells[axis][1]:.6g}"
                raise InvalidDeclaration(field, got, "one that only rises or only falls in each column")
    return lo, hi


#: A table is checked as it is printed and once more with one cell changed: all other rows are the same.
_cached_range = functools.lru_cache(maxsize=4096)(_range)


def statistic_range(
    statistic: Callable[[Sequence[float]], float], ranges: Sequence[Cell], *, field: str
) -> tuple[float, float]:
    """A statistic of all lower ends and of all upper ones, shape (rows,) each.

    Raises:
        InvalidDeclaration: a value is not finite, or the statistic falls when one of the rows rises.
    """
    lows, highs = [lo for lo, _ in ranges], [hi for _, hi in ranges]
    lo, hi = (_finite(statistic, (ends,), field) for ends in (lows, highs))
    slack = _OF_VALUE * max(abs(lo), abs(hi))
    for row in range(len(ranges)):
        raised = _finite(statistic, (_with(lows, row, highs[row]),), field)
        lowered = _finite(statistic, (_with(highs, row, lows[row]),), field)
        if raised < lo - slack or lowered > hi + slack:
            got = f"one that falls when row {row + 1} of {len(ranges)} rises"
            raise InvalidDeclaration(field, got, "one that rises with every row, such as sum, max or statistics.median")
    return lo, hi


def _lines(cells: Sequence[Cell], axis: int) -> Iterator[list[list[float]]]:
    """Points along one axis of the box: with all other columns at their lower ends, in the middle, at their upper."""
    lo, hi = cells[axis]
    for share in (0.0, 0.5, 1.0) if len(cells) > 1 else (0.0,):
        others = [(1 - share) * low + share * high for low, high in cells]
        yield [_with(others, axis, (1 - fraction) * lo + fraction * hi) for fraction in _FRACTIONS]


def _last_bits(formula: Callable[..., float], cells: Sequence[Cell], field: str) -> float:
    """How much the formula changes in the middle of the box where one argument changes in its last bits.

    Where it takes the difference of what is nearly equal, that is rounding and may be large.
    """
    middle = [lo / 2 + hi / 2 for lo, hi in cells]
    value = _finite(formula, middle, field)
    moved = (_with(middle, axis, x + bits * math.ulp(x)) for axis, x in enumerate(middle) for bits in (-2, -1, 1, 2))
    return max((abs(_finite(formula, point, field) - value) for point in moved), default=0.0)


def _with(values: Sequence[float], index: int, value: float) -> list[float]:
    return [*values[:index], value, *values[index + 1 :]]


def _finite(function: Callable[..., float], arguments: Sequence[object], field: str) -> float:
    try:
        value = float(function(*arguments))
    except (ValueError, ArithmeticError) as error:
        got = f"{type(error).__name__}: {error}"
        raise InvalidDeclaration(field, got, f"a finite number, as at {tuple(arguments)}") from error
    if not math.isfinite(value):
        raise InvalidDeclaration(field, value, f"a finite number, as at {tuple(arguments)}")
    return value
