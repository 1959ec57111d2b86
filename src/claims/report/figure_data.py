"""The numbers of a declared figure, from a result and stored evidence alone: nothing is measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from claims.bands import printed_value
from claims.errors import InvalidDeclaration, raised
from claims.experiment import Point
from claims.figures import Curve, Figure, Measured, Printed, Recorded, Series
from claims.kinds.base import Judgement
from claims.kinds.table import read_rows
from claims.lazy import Number, resolve_number

#: Points of a curve.
_FINE = 200

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dot:
    """A number of a figure, with its interval where it has one; an open side is infinite.

    ``x`` of an axis that has names is the number of the place, from 0.
    """

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
        """``measured`` (recorded, too), ``printed`` or ``curve``."""
        return "measured" if isinstance(self.series, Recorded) else type(self.series).__name__.lower()


#: The estimates of a recorded series, point by point.
Recall = Callable[[Recorded], Iterable[tuple[Point, Judgement]]]


def numbers(figure: Figure, document: Mapping[str, Any], recall: Recall = lambda series: ()) -> list[Drawn]:
    """Every series with what there is of it; one that the result does not have is empty.

    Args:
        figure: as declared.
        document: a result.
        recall: takes what is recorded from stored evidence.

    Raises:
        InvalidDeclaration: a table has no such column, a closed form no such coordinate, or a claim several points at
            one place.
        Unavailable: a closed form needs a library that an extra brings.
    """
    rows = {row["id"]: row for row in document["claims"]}
    found = [Drawn(series, tuple(_given(figure, series, rows, recall))) for series in figure.series]
    span = sorted({dot.x for drawn in found for dot in drawn.dots})
    if span and figure.span is not None:
        span = sorted(figure.span)
    found = [
        Drawn(drawn.series, tuple(_curve(figure, drawn.series, span))) if isinstance(drawn.series, Curve) else drawn
        for drawn in found
    ]
    if figure.relative_to is None:
        return found
    return [Drawn(drawn.series, tuple(_relative(figure, dot) for dot in drawn.dots)) for drawn in found]


def _relative(figure: Figure, dot: Dot) -> Dot:
    """The deviation in per cent from the figure's closed form."""
    assert figure.relative_to is not None
    x: object = list(figure.places)[int(dot.x)] if figure.places else dot.x
    reference = resolve_number(figure.relative_to, {figure.x[0]: x}, field=f"{figure.key}: relative_to")
    if reference == 0:
        raise InvalidDeclaration("figure.relative_to", reference, f"not 0, as at {x!r}", where=figure.key)
    y, *edges = (None if each is None else 100 * (each / reference - 1) for each in (dot.y, dot.lo, dot.hi))
    assert y is not None
    lo, hi = edges if reference > 0 else edges[::-1]
    return replace(dot, y=y, lo=lo, hi=hi)


def _given(figure: Figure, series: Series, rows: Mapping[str, Row], recall: Recall) -> Iterator[Dot]:
    if isinstance(series, Curve):
        return
    if isinstance(series, Printed):
        made = _printed(figure, series)
    elif isinstance(series, Recorded):
        made = _recalled(figure, recall(series))
    elif isinstance(series.claim, str):
        made = _of_points(figure, series, rows.get(series.claim))
    else:
        made = _of_claims(figure, series, rows)
    yield from sorted((_in_unit(figure, series, dot) for dot in made), key=lambda dot: dot.x)


def _of_points(figure: Figure, series: Measured, row: Row | None) -> Iterator[Dot]:
    """The points of one claim, each at its own coordinate."""
    for point in row["points"] if row is not None else ():
        x = _place(figure, point["at"].get(figure.x[0]))
        if x is not None and _fits(point["at"], series.where) and point["estimate"] is not None:
            yield _measured(x, point, str(series.claim))


def _of_claims(figure: Figure, series: Measured, rows: Mapping[str, Row]) -> Iterator[Dot]:
    """The one point of each of several claims; a result that was kept without points has it in the claim's own row."""
    assert not isinstance(series.claim, str)
    for place, name in series.claim.items():
        x, row = _place(figure, place), rows.get(name)
        if x is None or row is None:
            continue
        there = [point for point in row["points"] if _fits(point["at"], series.where)]
        if len(there) > 1:
            found = f"{name}, which has {len(there)} points there"
            raise InvalidDeclaration("figure.series.where", found, "coordinates of one", where=figure.key)
        if not row["points"] and not series.where:
            there = [row]
        yield from (_measured(x, point, name) for point in there if point["estimate"] is not None)


def _recalled(figure: Figure, found: Iterable[tuple[Point, Judgement]]) -> Iterator[Dot]:
    for point, judged in found:
        x = _place(figure, dict(point).get(figure.x[0]))
        if x is not None and judged.estimate is not None:
            yield Dot(x, judged.estimate, *(judged.interval or (None, None)))


def _measured(x: float, point: Row, claim: str) -> Dot:
    y = float(point["estimate"])
    lo, hi = point["interval"] or (y, y)
    edges = (-math.inf if lo is None else float(lo), math.inf if hi is None else float(hi))
    return Dot(x, y, *edges, claim=claim, verdict=point["verdict"])


def _fits(at: Row, where: Row) -> bool:
    return all(at.get(name) == value for name, value in where.items())


def _place(figure: Figure, value: object) -> float | None:
    """Where a coordinate or a printed cell is along the axis; None where it is not on it."""
    if figure.places:
        names = list(figure.places)
        return float(names.index(str(value))) if str(value) in names else None
    if isinstance(value, str):
        value = float(printed_value(value)[0])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if figure.span is None or min(figure.span) <= value <= max(figure.span) else None


def _in_unit(figure: Figure, series: Measured | Recorded | Printed, dot: Dot) -> Dot:
    """A number in the unit of the axis, its interval, too."""
    if series.through is None:
        return dot
    edges = [dot.lo, dot.hi]
    try:
        y, lo, hi = (None if each is None else float(series.through(each)) for each in (dot.y, *edges))
    except Exception as error:
        allowed = f"a function of every number that is drawn ({raised(error)} at {dot.y!r})"
        raise InvalidDeclaration("figure.series.through", series.through, allowed, where=figure.key) from error
    if y is None or not math.isfinite(y):
        raise InvalidDeclaration("figure.series.through", y, f"a finite number at {dot.y!r}", where=figure.key)
    turned = lo is not None and hi is not None and lo > hi
    return replace(dot, y=y, lo=hi if turned else lo, hi=lo if turned else hi)


def _printed(figure: Figure, series: Printed) -> Iterator[Dot]:
    at, rows = series.x or figure.x[0], read_rows(series.table)
    wanted = [at, series.y, *series.where, *([series.spread] if series.spread else [])]
    columns = dict.fromkeys(name for row in rows for name in row)
    for name in wanted:
        if name not in columns:
            allowed = f"one of the columns {', '.join(columns)}"
            raise InvalidDeclaration("figure.series", name, allowed, where=f"{figure.key}, {series.table}")
    for row in rows:
        x = _place(figure, row[at]) if all(name in row for name in wanted) and _fits(row, series.where) else None
        if x is not None:
            y = float(printed_value(row[series.y])[0])
            spread = float(printed_value(row[series.spread])[0]) if series.spread else None
            yield Dot(x, y, *((None, None) if spread is None else (y - spread, y + spread)))


def _curve(figure: Figure, curve: Curve, span: Sequence[float]) -> Iterator[Dot]:
    """Over what the other series span, evenly as the axis is; at each place of an axis that has names."""
    if not span:
        return
    if figure.places:
        yield from _at_places(figure, curve)
        return
    assert not isinstance(curve.function, Mapping)
    for x in _whole(span) if curve.whole else _even(span[0], span[-1], logarithmic="x" in figure.log):
        yield Dot(float(x), _number(figure, curve, curve.function, x))


def _at_places(figure: Figure, curve: Curve) -> Iterator[Dot]:
    each = curve.function if isinstance(curve.function, Mapping) else dict.fromkeys(figure.places, curve.function)
    for i, place in enumerate(figure.places):
        if place in each:
            yield Dot(float(i), _number(figure, curve, each[place], place))


def _number(figure: Figure, curve: Curve, function: Number, x: object) -> float:
    return resolve_number(function, {figure.x[0]: x} | dict(curve.at), field=f"{figure.key}: curve")


def _whole(span: Sequence[float]) -> Iterator[int]:
    yield from range(math.ceil(span[0]), math.floor(span[-1]) + 1)


def _even(lo: float, hi: float, *, logarithmic: bool) -> Iterator[float]:
    for i in range(_FINE + 1):
        share = i / _FINE
        yield lo ** (1 - share) * hi**share if logarithmic and lo > 0 else lo + share * (hi - lo)
