"""A figure of a paper, declared once: what we measured, what is printed, and what theory says, on one pair of axes.

A pack names a module of them (``Pack(figures="…")``); ``claimbench figures`` draws them from a result. Declaring one
imports neither matplotlib nor anything that a curve is computed with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from claims.errors import InvalidDeclaration
from claims.experiment import Point, Scalar, check_point
from claims.fields import check_text, is_address, is_finite
from claims.kinds.base import Kind
from claims.lazy import Number, check_number

_KEY = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Estimates with their intervals, of a claim's points or of several claims.

    Attributes:
        label: in the legend.
        claim: its id; or the id of the claim for each place along the axis, which has one point there.
        where: coordinates that a point has to have; of the others every value is drawn.
        arm: what is the same in other series, such as a flip rate; those of one arm share colour, mark and dash.
        through: a monotone function that takes an estimate into the unit of the axis, such as ``math.exp``.
    """

    label: str
    claim: str | Mapping[str, str] | Mapping[int, str] | Mapping[float, str]
    where: Mapping[str, Scalar] = field(default_factory=dict)
    arm: str = ""
    through: Callable[[float], float] | None = None

    @property
    def claims(self) -> tuple[str, ...]:
        """Ids of the claims that it draws."""
        return (self.claim,) if isinstance(self.claim, str) else tuple(dict.fromkeys(self.claim.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Estimates of what no claim speaks of, from evidence that audits have stored: what its experiments measured.

    Attributes:
        label: in the legend.
        test: what is estimated, such as ``mean(block["loss"])``; with its interval of 95 per cent.
        at: points, from ``grid(…)``.
        arm: as of what is measured.
        through: as of what is measured.
    """

    label: str
    test: Kind
    at: tuple[Point, ...]
    arm: str = ""
    through: Callable[[float], float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """Figures as printed, from a table's TOML file; rows without one of the columns are left out.

    Attributes:
        label: in the legend.
        table: ``"package:file.toml"``.
        y: the column that is drawn.
        x: the column of the place along the axis; where it is empty, the coordinate's name.
        where: what a row has to have, by column.
        spread: the column of a standard deviation to either side.
        arm: as of what is measured.
        through: as of what is measured.
    """

    label: str
    table: str
    y: str
    x: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    spread: str = ""
    arm: str = ""
    through: Callable[[float], float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A closed form over the figure's axis.

    Attributes:
        label: in the legend.
        function: ``"module:function"`` or a function, called with the axis's coordinate and those of ``at``; or a
            number, which is a line; or one of these for each named place.
        at: the other coordinates.
        whole: at whole numbers alone, such as layers.
        arm: as of what is measured.
    """

    label: str
    function: Number | Mapping[str, Number]
    at: Mapping[str, Scalar] = field(default_factory=dict)
    whole: bool = False
    arm: str = ""


Series = Measured | Recorded | Printed | Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure.

    Attributes:
        key: its name in files: the paper's key, a dot, and what it is ("my-paper.figure-1").
        locus: where the paper has it.
        title: what it shows, in a few words.
        x: the coordinate along the axis, and what it is called.
        y: what the other axis is.
        series: what is drawn, in the order of the legend.
        log: the axes that are logarithmic: "", "x", "y" or "xy".
        places: of an axis that has names instead of numbers, such as a table's rows: each in order, and how it is
            written. Such a figure is drawn with the places below one another and ``y`` across; those with nothing to
            show are left out.
        span: the part of the axis that is drawn, if not all.
        joined: whether estimates are joined by a line, as of a course over time.
        relative_to: a closed form, as a curve's function, from which every number is shown as its deviation in per
            cent; for what lies too close to a curve to be told from it.
    """

    key: str
    locus: str
    title: str
    x: tuple[str, str]
    y: str
    series: tuple[Series, ...]
    log: str = ""
    places: Mapping[str, str] = field(default_factory=dict)
    span: tuple[float, float] | None = None
    joined: bool = False
    relative_to: Number | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not _KEY.fullmatch(self.key) or "." not in self.key:
            raise InvalidDeclaration("figure.key", self.key, "the paper's key, a dot and a name, in lower case")
        for name in ("locus", "title", "y"):
            check_text(getattr(self, name), f"figure.{name}", empty=False, where=self.key)
        if len(self.x) != 2 or not all(isinstance(part, str) and part for part in self.x):
            raise InvalidDeclaration("figure.x", self.x, "a coordinate, and what it is called", where=self.key)
        allowed = ("", "y") if self.places else ("", "x", "y", "xy")
        if self.log not in allowed:
            words = '"" or "y" where the axis has places' if self.places else '"", "x", "y" or "xy"'
            raise InvalidDeclaration("figure.log", self.log, words, where=self.key)
        for place, name in self.places.items():
            check_text(place, "figure.places", empty=False, where=self.key)
            check_text(name, f"figure.places[{place!r}]", empty=False, where=self.key)
        if self.span is not None and not (len(self.span) == 2 and all(map(is_finite, self.span)) and not self.places):
            raise InvalidDeclaration("figure.span", self.span, "both ends of an axis of numbers", where=self.key)
        if self.relative_to is not None:
            check_number(self.relative_to, "figure.relative_to", where=self.key)
        if not self.series:
            raise InvalidDeclaration("figure.series", self.series, "one or more", where=self.key)
        for each in self.series:
            self._check(each)

    def _check(self, series: Series) -> None:
        if not isinstance(series, Series):
            raise InvalidDeclaration("figure.series", series, "Measured, Recorded, Printed or Curve", where=self.key)
        check_text(series.label, "figure.series.label", empty=False, where=self.key)
        check_text(series.arm, "figure.series.arm", where=self.key)
        if isinstance(series, Curve):
            self._check_curve(series)
            return
        if series.through is not None and not callable(series.through):
            raise InvalidDeclaration("figure.series.through", series.through, "a function of a number", where=self.key)
        if isinstance(series, Printed):
            if not is_address(series.table):
                raise InvalidDeclaration("figure.series.table", series.table, '"package:file.toml"', where=self.key)
        elif isinstance(series, Recorded):
            self._check_recorded(series)
        elif not series.claims or not all(isinstance(name, str) and name for name in series.claims):
            allowed = "a claim's id, or the id of one for each place"
            raise InvalidDeclaration("figure.series.claim", series.claim, allowed, where=self.key)
        elif not isinstance(series.claim, str):
            self._check_places(series.claim, "figure.series.claim")

    def _check_recorded(self, series: Recorded) -> None:
        if not (callable(getattr(series.test, "quantities", None)) and series.test.quantities()):
            raise InvalidDeclaration("figure.series.test", series.test, "a test of measured values", where=self.key)
        if not isinstance(series.at, tuple) or not series.at:
            raise InvalidDeclaration("figure.series.at", series.at, "one or more points, from grid(…)", where=self.key)
        for point in series.at:
            check_point(point, "figure.series.at", where=self.key)

    def _check_curve(self, curve: Curve) -> None:
        if not isinstance(curve.function, Mapping):
            check_number(curve.function, "figure.series.function", where=self.key)
            return
        if not self.places:
            raise InvalidDeclaration("figure.series.function", curve.function, "one for all places", where=self.key)
        self._check_places(curve.function, "figure.series.function")
        for place, function in curve.function.items():
            check_number(function, f"figure.series.function[{place!r}]", where=self.key)

    def _check_places(self, given: Iterable[object], name: str) -> None:
        """Refuse a place that the axis does not have."""
        for place in given:
            fits = str(place) in self.places if self.places else isinstance(place, int | float)
            if not fits:
                allowed = f"one of {', '.join(self.places)}" if self.places else "a number, or name the figure's places"
                raise InvalidDeclaration(name, place, allowed, where=self.key)

    @property
    def paper(self) -> str:
        """Key of the paper that it is of."""
        return self.key.partition(".")[0]
