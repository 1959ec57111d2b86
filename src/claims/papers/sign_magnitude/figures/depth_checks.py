"""Checks of the printed depth tables: order, agreement between tables, and the exponent that they imply."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from claims.bands import printed_value
from claims.kinds.table import Rows, cell, read_rows, shifted

_LOG_LIMIT = math.log(math.pi / (math.pi - 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Declining:
    """A printed column falls from each row to the next."""

    column: str

    def failures(self, rows: Rows) -> list[str]:
        """Steps that are no fall."""
        figures = [row[self.column] for row in rows]
        return [f"{b} after {a}" for a, b in pairwise(figures) if printed_value(b)[0] >= printed_value(a)[0]]

    def perturbed(self, rows: Rows) -> Rows:
        """The last figure replaced by the first."""
        return (*rows[:-1], dict(rows[-1]) | {self.column: rows[0][self.column]})


@dataclass(frozen=True, slots=True, kw_only=True)
class EndsOf:
    """In the row of an experiment stand the first and the last figure of another table's column."""

    experiment: str
    path: str
    column: str

    def failures(self, rows: Rows) -> list[str]:
        """Figures that differ from the other table's."""
        (row,) = (row for row in rows if row["experiment"] == self.experiment)
        others = read_rows(self.path)
        pairs = ((row["first"], others[0][self.column]), (row["last"], others[-1][self.column]))
        return [f"{ours} stands as {theirs} in {self.path}" for ours, theirs in pairs if ours != theirs]

    def perturbed(self, rows: Rows) -> Rows:
        """The last figure moved by one unit of its last place."""
        return tuple(
            dict(row) | {"last": shifted(row["last"], 1)} if row["experiment"] == self.experiment else row
            for row in rows
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponent:
    """The least-squares slope of the logarithm of a printed column, in units of ln(pi/(pi - 2)) a row."""

    column: str
    text: str

    def failures(self, rows: Rows) -> list[str]:
        """What no values in the cells can give: the slope is monotone in each of them."""
        centre = (len(rows) - 1) / 2
        weights = [index - centre for index in range(len(rows))]
        ends = [
            sorted(weight * math.log(end) for end in cell(row[self.column]))
            for weight, row in zip(weights, rows, strict=True)
        ]
        norm = sum(weight * weight for weight in weights) * _LOG_LIMIT
        lo, hi = (sum(end[side] for end in ends) / norm for side in (0, 1))
        cell_lo, cell_hi = cell(self.text)
        return [] if cell_lo <= hi and lo <= cell_hi else [f"the exponent is [{lo:.4g}, {hi:.4g}], not {self.text}"]

    def perturbed(self, rows: Rows) -> Rows:
        """The last figure replaced by the first."""
        return (*rows[:-1], dict(rows[-1]) | {self.column: rows[0][self.column]})
