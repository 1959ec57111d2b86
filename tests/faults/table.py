"""The table of faults: what was tried, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

#: What may become of a fault. ``found``: named or refused. ``harmless``: everything reads as it was written. ``lost``:
#: less is read than was written, without a word. ``wrong``: something else is read. ``traceback``: an internal failure.
OUTCOMES = ("found", "harmless", "lost", "wrong", "traceback")


@dataclass
class Line:
    """One kind of fault."""

    kind: str
    tried: int = 0
    found: int = 0
    harmless: int = 0
    lost: int = 0
    wrong: int = 0
    traceback: int = 0

    def count(self, outcome: str) -> None:
        """One more."""
        self.tried += 1
        setattr(self, outcome, getattr(self, outcome) + 1)

    @property
    def bad(self) -> int:
        """Outcomes that must not be."""
        return self.lost + self.wrong + self.traceback


def total(lines: Iterable[Line], *, kind: str = "total") -> Line:
    """All of them in one line."""
    made = Line(kind)
    for line in lines:
        for field in fields(Line)[1:]:
            setattr(made, field.name, getattr(made, field.name) + getattr(line, field.name))
    return made


def shown(lines: Iterable[Line]) -> str:
    """The table as text, with a line that sums it up."""
    rows = list(lines)
    names = [field.name for field in fields(Line)]
    cells = [names, *([str(getattr(line, name)) for name in names] for line in (*rows, total(rows)))]
    widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )
