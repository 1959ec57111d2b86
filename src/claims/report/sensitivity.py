"""Planted errors on a terminal and as Markdown: how many of each area are noticed, by whom, and which are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from claims.report.numbers import counted

if TYPE_CHECKING:
    from claims.sensitivity.ledger import Found
    from claims.sensitivity.plants import Plant
    from claims.sensitivity.rates import Rate, Row

_COLUMNS = ("area", "planted", "equivalent", "smoke audit", "standard audit", "tests", "audit or tests", "seeds")

_NO_REASON = "NO REASON: a test or a claim is missing"


def table(rows: Sequence[Row]) -> Table:
    """One line an area."""
    made = Table(*_COLUMNS, box=None, padding=(0, 2, 0, 0), header_style="bold")
    for row in rows:
        made.add_row(*_cells(row))
    return made


def markdown(rows: Sequence[Row]) -> str:
    """The same as a table of Markdown."""
    lines = [_COLUMNS, ("---",) + ("---:",) * (len(_COLUMNS) - 1), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def lines(tried: Sequence[tuple[Plant, Found]]) -> Iterator[str]:
    """What the table leaves out: each survivor with its reason, and trials that went wrong."""
    from claims.sensitivity.rates import survivors

    left = survivors(tried)
    yield f"{counted(len(left), 'planted error')} that nothing noticed" + (":" if left else "")
    for plant in left:
        yield f"  {plant.name} ({plant.file}: {plant.wrong}): {plant.survives or _NO_REASON}"
    for plant, found in tried:
        if found.broken:
            yield f"  could not be tried: {plant.name}: {found.broken}"
        elif found.caught and plant.survives:
            yield f"  noticed though said to survive: {plant.name}, by {found.tests or found.standard or found.smoke}"


def _cells(row: Row) -> tuple[str, ...]:
    shares = (_share(row.rates[who]) for who in ("smoke", "standard", "tests", "either"))
    seeds = "" if row.seeds is None else f"{row.seeds:g}"
    return (row.area, str(row.planted), str(row.equivalent or ""), *shares, seeds)


def _share(rate: Rate) -> str:
    if not rate.asked:
        return "not asked"
    low, high = rate.limits
    return f"{rate.caught} of {rate.asked}, {low:.0%} to {high:.0%}"
