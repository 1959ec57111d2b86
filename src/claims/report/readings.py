"""A claim's readings side by side, a specification curve: each reading's interval against its band, as text and drawn.

Where every reading has the same band, all are on one scale. Where bands differ, so may units, and each has its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from claims.report.numbers import band_text
from claims.report.plot import Drawing, draw, shared_axis
from claims.report.words import estimate_words

Row = Mapping[str, Any]
#: Characters of a strip.
_CELLS = 32
_BAND, _LINE, _DOT = "░", "─", "●"


@dataclass(frozen=True, slots=True)
class Reading:
    """One row of the curve.

    Attributes:
        row: the reading as in the result format.
        name: what differs from the claim as declared; of that one, what it chooses along each axis.
        note: whether it is as declared, and whether it is the paper's own setting.
        figures: estimate and interval against the band, or why there are none.
        because: why it is a fair reading, axis by axis if they are several.
        drawing: interval against band.
        strip: the same in characters.
    """

    row: Row
    name: str
    note: str
    figures: str
    because: tuple[str, ...]
    drawing: Drawing | None
    strip: str


def curve(claim: Row) -> tuple[Reading, ...]:
    """The readings of a claim of a result, as declared first; none where none are declared."""
    rows = claim["readings"]
    bands = {tuple(row["band"] or ()) for row in rows}
    drawn = [{**row, "rival": None} for row in rows if row["band"] is not None and row["estimate"] is not None]
    axis = shared_axis(drawn) if len(bands) == 1 and drawn else None
    span = _span(drawn)
    return tuple(
        Reading(
            row=row,
            name=name_of(row),
            note=_note(row),
            figures=_figures(row),
            because=_because(row),
            drawing=draw({**row, "rival": None}, axis=axis),
            strip=strip(row, span if len(bands) == 1 else _span([row])),
        )
        for row in rows
    )


def curve_lines(claim: Row) -> Iterator[str]:
    """The curve as text: of each reading its name, its strip with verdict and figures, and why it is a fair one."""
    found = curve(claim)
    one_scale = len({tuple(each.row["band"] or ()) for each in found}) == 1
    width = max((len(each.strip) for each in found), default=0)
    for each in found:
        yield f"{each.name}{f' ({each.note})' if each.note else ''}"
        drawn = f"{each.strip:<{width}}  " if width else ""
        yield f"    {drawn}{each.row['verdict']:<9} {each.figures}".rstrip()
        yield from (f"    because {why}" for why in each.because)
    if width:
        scale = "one scale" if one_scale else "each on a scale of its own, as their bands differ"
        yield f"{_BAND} is the band, {_LINE}{_DOT}{_LINE} the interval; {scale}"


def name_of(row: Row) -> str:
    """A reading in words: what differs, or all that is chosen."""
    axes = [row["differs"]] if row["differs"] in row["reads"] else list(row["reads"])
    return "; ".join(f"{axis}: {row['reads'][axis]}" for axis in axes)


def named(claim: Row) -> Iterator[str]:
    """Every option of a claim's readings, axis by axis, as its declaration names it."""
    for row in claim["readings"]:
        axes = [row["differs"]] if row["differs"] is not None else list(row["reads"])
        yield from (f"{axis}: {row['reads'][axis]}" for axis in axes if axis in row["reads"])


def _note(row: Row) -> str:
    shown = [row["differs"]] if row["differs"] is not None else list(row["reads"])
    own = [axis for axis in shown if axis in row["own"]]
    words = ["as declared"] if row["differs"] is None else []
    if own:
        words.append("the paper's own" if len(own) == len(shown) else f"the paper's own {', '.join(own)}")
    return ", ".join(words)


def _figures(row: Row) -> str:
    if row["estimate"] is None:
        return str(row["reason"] or "")
    against = f" against {band_text(row['band'])}" if row["band"] is not None else ""
    return f"{estimate_words(row)}{against}"


def _because(row: Row) -> tuple[str, ...]:
    if len(row["because"]) == 1:
        return tuple(row["because"].values())
    return tuple(f"{axis}: {why}" for axis, why in row["because"].items())


def _span(rows: Sequence[Row]) -> tuple[float, float] | None:
    """The numbers that a strip has to reach over: estimates, intervals and edges, and a little room."""
    known = [x for row in rows for x in (row["estimate"], *(row["interval"] or ()), *(row["band"] or ()))]
    finite = [x for x in known if x is not None]
    if not finite or all(row["estimate"] is None for row in rows):
        return None
    lo, hi = min(finite), max(finite)
    room = (hi - lo) / 16 or abs(hi) / 16 or 1.0
    return (lo - room, hi + room) if math.isfinite(hi - lo + 2 * room) else None


def strip(row: Row, span: tuple[float, float] | None) -> str:
    """Interval and band in characters, from the lower end of a span to the upper; empty without band or estimate."""
    if span is None or row["band"] is None or row["estimate"] is None:
        return ""
    lo, hi = span

    def cell(x: float | None, otherwise: int) -> int:
        return otherwise if x is None else int(min(max((x - lo) / (hi - lo), 0.0), 1.0) * (_CELLS - 1))

    cells = [" "] * _CELLS
    for edges, mark in ((row["band"], _BAND), (row["interval"] or [row["estimate"]] * 2, _LINE)):
        first, last = cell(edges[0], 0), cell(edges[1], _CELLS - 1)
        cells[first : last + 1] = mark * (last - first + 1)
    cells[cell(row["estimate"], 0)] = _DOT
    return "".join(cells).rstrip()
