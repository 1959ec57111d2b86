"""The numbers of a declared figure, from a result alone: nothing is measured."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from claims.errors import InvalidDeclaration
from claims.figures import Curve, Figure, Measured, Printed, Series
from claims.kinds.table import read_rows
from claims.lazy import resolve_number
from claims.report.visible import visible

#: Points of a curve.
_FINE = 200
_COLUMNS = ("series", "kind", "x", "y", "lo", "hi", "claim", "verdict")


@dataclass(frozen=True, slots=True)
class Dot:
    """A number of a figure, with its interval where it was measured; an open side is infinite."""

    x: float
    y: float
    lo: float | None = None
    hi: float | None = None
    claim: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A series with its numbers, in the order of the axis."""

    series: Series
    dots: tuple[Dot, ...]

    @property
    def kind(self) -> str:
        """``measured``, ``printed`` or ``curve``."""
        return type(self.series).__name__.lower()


def numbers(figure: Figure, document: Mapping[str, Any]) -> list[Drawn]:
    """Every series with what there is of it; one that the result does not have is empty.

    Raises:
        InvalidDeclaration: a table has no such column, or a closed form no such coordinate.
        Unavailable: a closed form needs a library that an extra brings.
    """
    rows = {row["id"]: row for row in document["claims"]}
    found = [Drawn(series, tuple(_given(figure, series, rows))) for series in figure.series]
    span = sorted({dot.x for drawn in found for dot in drawn.dots})
    return [
        Drawn(drawn.series, tuple(_curve(figure, drawn.series, span))) if isinstance(drawn.series, Curve) else drawn
        for drawn in found
    ]


def _given(figure: Figure, series: Series, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Dot]:
    if isinstance(series, Measured):
        yield from sorted(_measured(figure, series, rows.get(series.claim)), key=lambda dot: dot.x)
    elif isinstance(series, Printed):
        yield from sorted(_printed(figure, series), key=lambda dot: dot.x)


def _measured(figure: Figure, series: Measured, row: Mapping[str, Any] | None) -> Iterator[Dot]:
    for point in row["points"] if row is not None else ():
        at = point["at"]
        there = all(at.get(name) == value for name, value in series.where.items())
        x, y = at.get(figure.x[0]), point["estimate"]
        if there and _is_number(x) and y is not None:
            lo, hi = point["interval"] or (y, y)
            edges = (-math.inf if lo is None else float(lo), math.inf if hi is None else float(hi))
            yield Dot(float(x), float(y), *edges, claim=series.claim, verdict=point["verdict"])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _printed(figure: Figure, series: Printed) -> Iterator[Dot]:
    for row in read_rows(series.table):
        for name in (figure.x[0], series.y):
            if name not in row:
                allowed = f"one of the columns {', '.join(row)}"
                raise InvalidDeclaration("figure.series", name, allowed, where=f"{figure.key}, {series.table}")
        yield Dot(float(row[figure.x[0]]), float(row[series.y]))


def _curve(figure: Figure, curve: Curve, span: Sequence[float]) -> Iterator[Dot]:
    """Over what the other series span, evenly as the axis is."""
    if not span:
        return
    for x in _whole(span) if curve.whole else _even(span[0], span[-1], logarithmic="x" in figure.log):
        point = {figure.x[0]: x} | dict(curve.at)
        yield Dot(float(x), resolve_number(curve.function, point, field=f"{figure.key}: curve"))


def _whole(span: Sequence[float]) -> Iterator[int]:
    yield from range(math.ceil(span[0]), math.floor(span[-1]) + 1)


def _even(lo: float, hi: float, *, logarithmic: bool) -> Iterator[float]:
    for i in range(_FINE + 1):
        share = i / _FINE
        yield lo ** (1 - share) * hi**share if logarithmic and lo > 0 else lo + share * (hi - lo)


def as_csv(drawn: Sequence[Drawn]) -> str:
    """One line a number; a curve has the points at which it is drawn."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for each in drawn:
        for dot in each.dots:
            edges = ["" if edge is None or math.isinf(edge) else repr(edge) for edge in (dot.lo, dot.hi)]
            words = [_cell(text) for text in (dot.claim, dot.verdict)]
            writer.writerow([_cell(each.series.label), each.kind, repr(dot.x), repr(dot.y), *edges, *words])
    return stream.getvalue()


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    words = visible(text)
    return f"'{words}" if words[:1] in ("=", "+", "-", "@") else words
