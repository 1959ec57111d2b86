"""``table``: arithmetic, rounding and granularity of printed numbers; a perturbed cell has to be caught."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

from claims.bands import Limits
from claims.errors import InvalidDeclaration
from claims.experiment import Quantity
from claims.fields import check_text
from claims.kinds.base import Judgement, Values
from claims.kinds.checks import (
    Aggregated,
    Bounded,
    Check,
    Granularity,
    Recomputed,
    Rows,
    aggregated,
    bounded,
    cell,
    granularity,
    recomputed,
    shifted,
)
from claims.toml import parse
from claims.verdict import HOLDS, REFUTED, UNDECIDED

__all__ = [
    "Aggregated",
    "Bounded",
    "Check",
    "Granularity",
    "Recomputed",
    "Rows",
    "Table",
    "aggregated",
    "bounded",
    "cell",
    "granularity",
    "read_rows",
    "recomputed",
    "shifted",
    "table",
]


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
    reads_files: ClassVar[bool] = True

    def quantities(self) -> Sequence[Quantity]:
        """Nothing is measured."""
        return ()

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """Possible or impossible as printed; alpha plays no part."""
        rows = read_rows(self.path)
        try:
            found = self.check.failures(rows)
            noticed = bool(found or self.check.failures(self.check.perturbed(rows)))
        except InvalidDeclaration as error:
            raise error.within(self.path) from error.__cause__
        if found:
            return Judgement(verdict=REFUTED, reason="; ".join(found), detail={"rows": len(rows), "failures": found})
        if not noticed:
            reason = "a perturbed cell was not caught: the printed digits are too few to check anything"
            return Judgement(verdict=UNDECIDED, reason=reason, detail={"rows": len(rows)})
        reason = f"{len(rows)} printed rows agree; a perturbed cell is caught"
        return Judgement(verdict=HOLDS, reason=reason, detail={"rows": len(rows)})


def table(path: str, *, check: Check) -> Table:
    """Check a printed table.

    Args:
        path: ``"package:folder/file.toml"``, or a file's path, relative to the folder of the file that declares the
            table; the file has ``[[rows]]`` with every figure as a string.
        check: what has to be true of the rows.
    """
    if not (callable(getattr(check, "failures", None)) and callable(getattr(check, "perturbed", None))):
        raise InvalidDeclaration("table.check", check, "a check of claims.kinds, such as recomputed(...)")
    check_text(path, "table.path", allowed="the path of a TOML file", empty=False)
    declaring = sys._getframe(1).f_globals.get("__file__")  # none in a notebook: its own folder
    if ":" not in path and declaring:
        path = str(Path(declaring).absolute().parent / path)
    return Table(path, check)


def read_rows(path: str) -> Rows:
    """The rows of a printed table.

    Raises:
        InvalidDeclaration: no such file, no ``[[rows]]``, or a figure that is not a string.
    """
    package, _, inside = path.rpartition(":")
    try:
        source = resources.files(package).joinpath(inside) if package else Path(path)
        text = source.read_text(encoding="utf-8")
    except (OSError, ValueError, ImportError) as error:
        raise InvalidDeclaration("table", path, f"a readable TOML file ({error})") from error
    return tuple(dict(row) for row in _parse(path, text))


@functools.lru_cache(maxsize=64)
def _parse(path: str, text: str) -> Rows:
    """The rows in a file's text; a file that many claims read is parsed once."""
    try:
        data: dict[str, Any] = parse(text)
    except ValueError as error:
        raise InvalidDeclaration("table", path, f"a readable TOML file ({error})") from error
    rows = data.get("rows")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InvalidDeclaration("table", path, "a TOML file with [[rows]]")
    for number, row in enumerate(rows):
        for name, figure in row.items():
            if not isinstance(figure, str):
                raise InvalidDeclaration(
                    f"table.rows[{number}].{name}", figure, "the figure as a string, digits as printed"
                )
    return tuple(rows)
