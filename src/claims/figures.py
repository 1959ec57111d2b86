"""A figure of a paper, declared once: what we measured, what is printed, and what theory says, on one pair of axes.

A pack names a module of them (``Pack(figures="…")``); ``claimbench figures`` draws them from a result. Declaring one
imports neither matplotlib nor anything that a curve is computed with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from claims.errors import InvalidDeclaration
from claims.experiment import Scalar
from claims.fields import check_text, is_address
from claims.lazy import Number, check_number

_KEY = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Estimates with their intervals, from the points of a claim.

    Attributes:
        label: in the legend.
        claim: its id.
        where: coordinates that a point has to have; of the others every value is drawn.
    """

    label: str
    claim: str
    where: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """Figures as printed, from a table's TOML file.

    Attributes:
        label: in the legend.
        table: ``"package:file.toml"``.
        y: the column that is drawn; the figure's ``x`` is a column, too.
    """

    label: str
    table: str
    y: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A closed form over the figure's axis.

    Attributes:
        label: in the legend.
        function: ``"module:function"`` or a function, called with the axis's coordinate and those of ``at``.
        at: the other coordinates.
        whole: at whole numbers alone, such as layers.
    """

    label: str
    function: Number
    at: Mapping[str, Scalar] = field(default_factory=dict)
    whole: bool = False


Series = Measured | Printed | Curve


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
    """

    key: str
    locus: str
    title: str
    x: tuple[str, str]
    y: str
    series: tuple[Series, ...]
    log: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not _KEY.fullmatch(self.key) or "." not in self.key:
            raise InvalidDeclaration("figure.key", self.key, "the paper's key, a dot and a name, in lower case")
        for name in ("locus", "title", "y"):
            check_text(getattr(self, name), f"figure.{name}", empty=False, where=self.key)
        if len(self.x) != 2 or not all(isinstance(part, str) and part for part in self.x):
            raise InvalidDeclaration("figure.x", self.x, "a coordinate, and what it is called", where=self.key)
        if self.log not in ("", "x", "y", "xy"):
            raise InvalidDeclaration("figure.log", self.log, '"", "x", "y" or "xy"', where=self.key)
        if not self.series:
            raise InvalidDeclaration("figure.series", self.series, "one or more", where=self.key)
        for each in self.series:
            self._check(each)

    def _check(self, series: Series) -> None:
        if not isinstance(series, Measured | Printed | Curve):
            raise InvalidDeclaration("figure.series", series, "Measured, Printed or Curve", where=self.key)
        check_text(series.label, "figure.series.label", empty=False, where=self.key)
        if isinstance(series, Curve):
            check_number(series.function, "figure.series.function", where=self.key)
        elif isinstance(series, Printed) and not is_address(series.table):
            raise InvalidDeclaration("figure.series.table", series.table, '"package:file.toml"', where=self.key)

    @property
    def paper(self) -> str:
        """Key of the paper that it is of."""
        return self.key.partition(".")[0]
