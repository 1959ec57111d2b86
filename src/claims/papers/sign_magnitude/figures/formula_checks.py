"""A check of published figures against a closed form of another column, whose figures are parameters and exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from claims.kinds.table import Rows, cell


@dataclass(frozen=True, slots=True, kw_only=True)
class NearFormula:
    """Where a row has the column, its figure is a function of the row's parameter, to a relative tolerance."""

    column: str
    parameter: str
    formula: Callable[[float], float]
    tolerance: float

    def failures(self, rows: Rows) -> list[str]:
        """Figures none of whose cell lies within the tolerance."""
        found = []
        for row in rows:
            if self.column not in row:
                continue
            target = self.formula(float(row[self.parameter]))
            slack = self.tolerance * abs(target)
            lo, hi = cell(row[self.column])
            if hi < target - slack or lo > target + slack:
                found.append(f"{row[self.column]} at {self.parameter} = {row[self.parameter]}, not {target:.6g}")
        return found

    def perturbed(self, rows: Rows) -> Rows:
        """The first figure raised by three tolerances."""
        first = next(row for row in rows if self.column in row)
        moved = f"{float(first[self.column]) * (1 + 3 * self.tolerance):.9f}"
        return tuple(dict(row) | {self.column: moved} if row is first else row for row in rows)
