"""``table``: arithmetic, rounding and granularity of printed numbers; a perturbed cell has to be caught."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Protocol

from claims.bands import Limits, printed_value
from claims.errors import InvalidDeclaration
from claims.experiment import Quantity
from claims.kinds.base import Judgement, Sample
from claims.verdict import HOLDS, REFUTED, UNDECIDED

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
        for row in filter(self.where, rows):
            lo, hi = self._range(row)
            cell_lo, cell_hi = cell(row[self.result])
            rounding = _ROUNDING * max(abs(lo), abs(hi), abs(cell_lo), abs(cell_hi))
            if hi < cell_lo - rounding or lo > cell_hi + rounding:
                found.append(f"{self.result} is printed as {row[self.result]} and recomputed as [{lo:.6g}, {hi:.6g}]")
        return found

    def perturbed(self, rows: Rows) -> Rows:
        """The first checked row's result moved beyond every value that its cells can give."""
        first = next(filter(self.where, rows), None)
        if first is None:
            raise InvalidDeclaration("recomputed.where", "no row", "a condition that some row of the table meets")
        lo, hi = self._range(first)
        unit = float(printed_value(first[self.result])[1])
        moved = shifted(first[self.result], math.ceil((hi - lo) / unit) + 2)
        return tuple(dict(row) | {self.result: moved} if row is first else row for row in rows)

    def _range(self, row: Mapping[str, str]) -> tuple[float, float]:
        corners = [self.formula(*corner) for corner in itertools.product(*(cell(row[name]) for name in self.uses))]
        return min(corners), max(corners)


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
            value, unit = (Fraction(part) for part in printed_value(row[self.cells]))
            lo, hi = ((value + side * unit / 2) * self.n / Fraction(self.scale) for side in (-1, 1))
            if math.ceil(lo) > math.floor(hi):  # exact: a count on the edge of a cell may have been rounded into it
                found.append(f"no count out of {self.n} rounds to {row[self.cells]}")
        return found

    def perturbed(self, rows: Rows) -> Rows:
        """The first row's figure moved to the nearest one that no count can give."""
        for units in range(1, 10_000):
            moved = dict(rows[0]) | {self.cells: shifted(rows[0][self.cells], units)}
            if self.failures((moved,)):
                return (moved, *rows[1:])
        return rows


@dataclass(frozen=True, slots=True)
class Table:
    """Printed rows and what has to be true of them."""

    path: str
    check: Check

    kind: ClassVar[str] = "table"
    over: ClassVar[tuple[str, ...]] = ()
    needs_band: ClassVar[bool] = False
    looks: ClassVar[tuple[int, ...]] = (0,)
    sequential: ClassVar[bool] = False

    def quantities(self) -> Sequence[Quantity]:
        """Nothing is measured."""
        return ()

    def judge(self, sample: Sample, band: Limits | None, alpha: float) -> Judgement:
        """Possible or impossible as printed; alpha plays no part."""
        rows = read_rows(self.path)
        found = self.check.failures(rows)
        if found:
            return Judgement(verdict=REFUTED, reason="; ".join(found), detail={"rows": len(rows), "failures": found})
        if not self.check.failures(self.check.perturbed(rows)):
            reason = "a perturbed cell was not caught: the printed digits are too few to check anything"
            return Judgement(verdict=UNDECIDED, reason=reason, detail={"rows": len(rows)})
        reason = f"{len(rows)} printed rows agree; a perturbed cell is caught"
        return Judgement(verdict=HOLDS, reason=reason, detail={"rows": len(rows)})


def table(path: str, *, check: Check) -> Table:
    """Check a printed table.

    Args:
        path: ``"package:folder/file.toml"``, or a file's path; the file has ``[[rows]]`` with every figure as a string.
        check: what has to be true of the rows.
    """
    return Table(path, check)


def recomputed(
    result: str,
    *,
    uses: Sequence[str],
    formula: Callable[..., float],
    where: Callable[[Mapping[str, str]], bool] = bool,
) -> Recomputed:
    """``result`` is printed as ``formula(*uses)`` gives it, within the rounding of all cells, in the rows ``where``."""
    return Recomputed(result=result, uses=tuple(uses), formula=formula, where=where)


def granularity(*, cells: str, n: int, scale: float = 1.0) -> Granularity:
    """Every figure of a column is ``scale * count / n`` for a whole count."""
    if n < 1:
        raise InvalidDeclaration("granularity.n", n, "a whole number >= 1")
    return Granularity(cells=cells, n=n, scale=scale)


def read_rows(path: str) -> Rows:
    """The rows of a printed table.

    Raises:
        InvalidDeclaration: no such file, no ``[[rows]]``, or a figure that is not a string.
    """
    package, _, inside = path.rpartition(":")
    source = resources.files(package).joinpath(inside) if package else Path(path)
    try:
        data: dict[str, Any] = tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InvalidDeclaration("table", path, f"a readable TOML file ({error})") from error
    rows = data.get("rows")
    if not isinstance(rows, list) or not rows:
        raise InvalidDeclaration("table", path, "a TOML file with [[rows]]")
    for number, row in enumerate(rows):
        for name, figure in row.items():
            if not isinstance(figure, str):
                raise InvalidDeclaration(
                    f"table.rows[{number}].{name}", figure, "the figure as a string, digits as printed"
                )
    return tuple(rows)
