"""Checks of printed rows: a formula, a summary, an interval, a count; each can plant an error that it has to catch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from claims.bands import printed_value
from claims.errors import InvalidDeclaration, raised
from claims.fields import check_finite, check_names, check_text, check_whole, is_finite
from claims.kinds.monotone import formula_range, statistic_range

#: What float sums may add to a recomputed end, relative: cells that only touch do not contradict each other.
_ROUNDING = 1e-12
#: A printed table: one mapping a row, every figure a string with its digits as printed.
Rows = tuple[Mapping[str, str], ...]


class Check(Protocol):
    """A check of printed rows."""

    def failures(self, rows: Rows) -> list[str]:
        """What is impossible in the rows, in words; empty if nothing is."""
        ...

    def perturbed(self, rows: Rows) -> Rows:
        """The rows with one cell changed so that the check has to fail."""
        ...


def cell(text: str) -> tuple[float, float]:
    """The closed interval of values that print as this figure (tie rule unknown, so closed at both ends)."""
    value, unit = printed_value(text)
    return float(value - unit / 2), float(value + unit / 2)


def shifted(text: str, units: int) -> str:
    """The figure moved by whole units of its last place."""
    value, unit = printed_value(text)
    return str(Decimal(value + units * unit))


def figure(row: Mapping[str, str], column: str, field: str) -> str:
    """The figure of a row in a column.

    Raises:
        InvalidDeclaration: the row has no such column; names the field and the columns that there are.
    """
    if column not in row:
        raise InvalidDeclaration(field, column, f"a column of every row; one has {', '.join(row)}")
    return row[column]


def _meeting(
    condition: Callable[[Mapping[str, str]], bool], rows: Sequence[Mapping[str, str]], field: str
) -> list[Mapping[str, str]]:
    """The rows that meet a condition, which is anyone's code."""
    found = []
    for row in rows:
        try:
            met = bool(condition(row))
        except Exception as error:  # what fails here is the condition, at this row
            words = f"a condition that can be asked of every row, as of {dict(row)} ({raised(error)})"
            raise InvalidDeclaration(field, condition, words) from error
        if met:
            found.append(row)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """A printed column follows from others by a formula that is monotone in each of them."""

    result: str
    uses: tuple[str, ...]
    formula: Callable[..., float]
    where: Callable[[Mapping[str, str]], bool] = bool

    def failures(self, rows: Rows) -> list[str]:
        """Rows whose printed result no values in the cells of the others can give."""
        found = []
        for row in _meeting(self.where, rows, "recomputed.where"):
            lo, hi = self._range(row)
            printed = figure(row, self.result, "recomputed.result")
            cell_lo, cell_hi = cell(printed)
            rounding = _ROUNDING * max(abs(lo), abs(hi), abs(cell_lo), abs(cell_hi))
            if hi < cell_lo - rounding or lo > cell_hi + rounding:
                found.append(f"{self.result} is printed as {printed} and recomputed as [{lo:.6g}, {hi:.6g}]")
        return found

    def perturbed(self, rows: Rows) -> Rows:
        """The first checked row's result moved beyond every value that its cells can give."""
        first = next(iter(_meeting(self.where, rows, "recomputed.where")), None)
        if first is None:
            raise InvalidDeclaration("recomputed.where", "no row", "a condition that some row of the table meets")
        lo, hi = self._range(first)
        unit = float(printed_value(first[self.result])[1])
        moved = shifted(first[self.result], math.ceil((hi - lo) / unit) + 2)
        return tuple(dict(row) | {self.result: moved} if row is first else row for row in rows)

    def _range(self, row: Mapping[str, str]) -> tuple[float, float]:
        cells = [cell(figure(row, name, "recomputed.uses")) for name in self.uses]
        return formula_range(self.formula, cells, names=self.uses, field="recomputed.formula")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregated:
    """A figure in one row summarises the others: a statistic over rows of a formula, monotone in every cell."""

    result: str
    into: Callable[[Mapping[str, str]], bool]
    uses: tuple[str, ...]
    formula: Callable[..., float]
    statistic: Callable[[Sequence[float]], float]
    where: Callable[[Mapping[str, str]], bool] = bool

    def failures(self, rows: Rows) -> list[str]:
        """The summary, if no values in the cells of the other rows can give it."""
        summary, (lo, hi) = self._summary(rows), self._range(rows)
        cell_lo, cell_hi = cell(figure(summary, self.result, "aggregated.result"))
        rounding = _ROUNDING * max(abs(lo), abs(hi), abs(cell_lo), abs(cell_hi))
        if hi < cell_lo - rounding or lo > cell_hi + rounding:
            return [f"{self.result} is printed as {summary[self.result]} and recomputed as [{lo:.6g}, {hi:.6g}]"]
        return []

    def perturbed(self, rows: Rows) -> Rows:
        """The summary moved beyond every value that the other rows can give."""
        summary, (lo, hi) = self._summary(rows), self._range(rows)
        unit = float(printed_value(summary[self.result])[1])
        moved = shifted(summary[self.result], math.ceil((hi - lo) / unit) + 2)
        return tuple(dict(row) | {self.result: moved} if row is summary else row for row in rows)

    def _summary(self, rows: Rows) -> Mapping[str, str]:
        found = _meeting(self.into, rows, "aggregated.into")
        if len(found) != 1:
            raise InvalidDeclaration("aggregated.into", f"{len(found)} rows", "a condition that one row meets")
        return found[0]

    def _range(self, rows: Rows) -> tuple[float, float]:
        """From the smallest to the largest value: the statistic at all lower ends, and at all upper ones."""
        complete = [row for row in rows if all(name in row for name in self.uses)]
        summary = _meeting(self.into, complete, "aggregated.into")
        used = _meeting(self.where, [row for row in complete if row not in summary], "aggregated.where")
        if not used:
            raise InvalidDeclaration("aggregated.uses", self.uses, "columns that some row to summarise has all of")
        boxes = ([cell(row[name]) for name in self.uses] for row in used)
        ranges = [formula_range(self.formula, box, names=self.uses, field="aggregated.formula") for box in boxes]
        return statistic_range(self.statistic, ranges, field="aggregated.statistic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """A formula of a row's cells, monotone in each of them, lies in an interval in every row."""

    uses: tuple[str, ...]
    formula: Callable[..., float]
    lo: float
    hi: float
    where: Callable[[Mapping[str, str]], bool] = bool

    def failures(self, rows: Rows) -> list[str]:
        """Rows of which no values in the cells give a value in the interval."""
        checked = _meeting(self.where, rows, "bounded.where")
        if not checked:
            raise InvalidDeclaration("bounded.where", "no row", "a condition that some row of the table meets")
        found = []
        for row in checked:
            figures = [figure(row, name, "bounded.uses") for name in self.uses]
            lo, hi = formula_range(self.formula, [*map(cell, figures)], names=self.uses, field="bounded.formula")
            rounding = _ROUNDING * max(abs(lo), abs(hi))
            if hi < self.lo - rounding or lo > self.hi + rounding:
                found.append(f"{', '.join(figures)} give [{lo:.6g}, {hi:.6g}], outside [{self.lo:.6g}, {self.hi:.6g}]")
        return found

    def perturbed(self, rows: Rows) -> Rows:
        """The first checked row's first figure moved by ever larger steps until the formula leaves the interval."""
        first = _meeting(self.where, rows, "bounded.where")[0]
        for units in (sign * 2**power for power in range(64) for sign in (1, -1)):
            moved = dict(first) | {self.uses[0]: shifted(first[self.uses[0]], units)}
            if self._leaves(moved):
                return tuple(moved if row is first else row for row in rows)
        return rows

    def _leaves(self, row: Mapping[str, str]) -> bool:
        try:
            return bool(_meeting(self.where, (row,), "bounded.where") and self.failures((row,)))
        except InvalidDeclaration:  # no figure, or outside the formula's domain: no such thing can be printed
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Granularity:
    """A printed column is a count out of n: some whole count has to round to each figure."""

    cells: str
    n: int
    scale: float = 1.0

    def failures(self, rows: Rows) -> list[str]:
        """Figures that no count can give."""
        found = []
        for row in rows:
            printed = figure(row, self.cells, "granularity.cells")
            value, unit = (Fraction(part) for part in printed_value(printed))
            lo, hi = ((value + side * unit / 2) * self.n / Fraction(self.scale) for side in (-1, 1))
            if math.ceil(lo) > math.floor(hi):  # exact: a count on the edge of a cell may have been rounded into it
                found.append(f"no count out of {self.n} rounds to {printed}")
        return found

    def perturbed(self, rows: Rows) -> Rows:
        """The first row's figure moved to the nearest one that no count can give."""
        for units in range(1, 10_000):
            moved = dict(rows[0]) | {self.cells: shifted(rows[0][self.cells], units)}
            if self.failures((moved,)):
                return (moved, *rows[1:])
        return rows


def recomputed(
    result: str,
    *,
    uses: Sequence[str],
    formula: Callable[..., float],
    where: Callable[[Mapping[str, str]], bool] = bool,
) -> Recomputed:
    """``result`` is printed as ``formula(*uses)`` gives it, within the rounding of all cells, in the rows ``where``.

    The formula only rises or only falls in each column within a cell; one that is seen to turn is an error, as are
    values that are not finite. So it is for the other checks.

    Args:
        result: the column that follows.
        uses: the columns that it follows from, in the order of the formula's arguments.
        formula: of as many numbers.
        where: which rows are checked; all of them if nothing is said.
    """
    return Recomputed(result=result, uses=check_names(uses, "recomputed.uses"), formula=formula, where=where)


def aggregated(
    result: str,
    *,
    into: Callable[[Mapping[str, str]], bool],
    uses: Sequence[str],
    formula: Callable[..., float],
    statistic: Callable[[Sequence[float]], float],
    where: Callable[[Mapping[str, str]], bool] = bool,
) -> Aggregated:
    """A printed total, mean, median or count of the other rows, within the rounding of all cells.

    Args:
        result: the summary's column.
        into: which one row is the summary.
        uses: columns of which the formula makes one number a row.
        formula: monotone in each of them.
        statistic: of those numbers, increasing in each: ``sum``, ``max``, ``statistics.median``.
        where: which of the other rows that have all these columns are summarised.
    """
    columns = check_names(uses, "aggregated.uses")
    return Aggregated(result=result, into=into, uses=columns, formula=formula, statistic=statistic, where=where)


def bounded(
    *,
    uses: Sequence[str],
    formula: Callable[..., float],
    lo: float = -math.inf,
    hi: float = math.inf,
    where: Callable[[Mapping[str, str]], bool] = bool,
) -> Bounded:
    """``lo <= formula(*uses) <= hi`` is possible, within the rounding of all cells, in the rows ``where``.

    Args:
        uses: columns, in the order of the formula's arguments.
        formula: of as many numbers, monotone in each.
        lo: least value, or minus infinity.
        hi: largest value, or infinity.
        where: which rows are checked.
    """
    numbers = all(isinstance(edge, int | float) for edge in (lo, hi))
    if not numbers or not lo < hi or not (is_finite(lo) or is_finite(hi)):
        raise InvalidDeclaration("bounded", (lo, hi), "lo < hi, one of them finite")
    return Bounded(uses=check_names(uses, "bounded.uses"), formula=formula, lo=lo, hi=hi, where=where)


def granularity(*, cells: str, n: int, scale: float = 1.0) -> Granularity:
    """Every figure of a column is ``scale * count / n`` for a whole count.

    Args:
        cells: the column.
        n: how many items were counted.
        scale: 100 for percentages.
    """
    check_whole(n, "granularity.n", least=1)
    check_finite(scale, "granularity.scale", allowed="a finite number > 0", such=lambda x: x > 0)
    return Granularity(cells=check_text(cells, "granularity.cells", empty=False), n=n, scale=scale)
