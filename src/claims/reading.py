"""Readings: where a passage leaves a choice open, each fair way to take it, measured like a claim of its own.

The claim as it is declared is one reading. Each of the others differs from it along one *axis* (geometry, layer,
baseline, norm, seeds' unit) and says what is measured instead: another statistic, other points, another band. Two
choices that only matter together are one option of one axis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from claims.bands import Band
from claims.errors import InvalidDeclaration
from claims.experiment import Point
from claims.fields import check_text, check_truth
from claims.kinds.base import Kind
from claims.lazy import Number

#: Readings of one claim, itself among them. What a false DEPENDS may cost grows with their number.
MOST_READINGS = 16
#: What a reading may measure in place of what the claim does.
_MEASURED = ("test", "at", "band", "rival", "most_seeds")
_AXIS = re.compile(r"[a-z][a-z0-9']*(?:[ -][a-z0-9']+)*")
#: Characters of an option: it has to fit beside a verdict.
_LONGEST = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One option of a choice that the passage leaves open.

    Attributes:
        axis: what is left open, in lower-case words ("geometry", "which layer").
        option: how it is read here ("one channel in 16 has a mean").
        because: why that is a fair way to read it.
        own: whether it is known to be the paper's own setting.
        test: what is measured and judged instead; None: as the claim, and so for the others.
        at: the points instead.
        band: where the statistic has to lie instead.
        rival: the value to be rejected instead.
        most_seeds: of a block, instead.
    """

    axis: str
    option: str
    because: str
    own: bool = False
    test: Kind | None = None
    at: tuple[Point, ...] | None = None
    band: Band | None = None
    rival: Number | None = None
    most_seeds: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.axis, str) or not _AXIS.fullmatch(self.axis):
            raise InvalidDeclaration("reading.axis", self.axis, 'lower-case words such as "geometry"')
        where = f"reading {self.axis!r}"
        for name in ("option", "because"):
            check_text(getattr(self, name), name, allowed="a non-empty string", empty=False, where=where)
        if len(self.option) > _LONGEST or not self.option.isprintable():
            raise InvalidDeclaration("option", self.option, f"one line of at most {_LONGEST} characters", where=where)
        check_truth(self.own, "own")

    @property
    def as_declared(self) -> bool:
        """Whether it is the claim as declared: nothing else is measured."""
        return not self.changes()

    def changes(self) -> dict[str, Any]:
        """The fields of the claim that are others under this reading."""
        given = {name: getattr(self, name) for name in _MEASURED if getattr(self, name) is not None}
        if self.test is not None and not getattr(self.test, "needs_band", True):
            given |= {"band": None, "rival": None}
        return given

    def __str__(self) -> str:
        return f"{self.axis}: {self.option}"


def check_readings(readings: object, *, where: str) -> tuple[Reading, ...]:
    """Readings that make sense together: of each axis the claim as declared, once, and something else.

    Raises:
        InvalidDeclaration: names the axis.
    """
    if isinstance(readings, str) or not isinstance(readings, Iterable):
        raise InvalidDeclaration("readings", readings, "a tuple of claims.Reading", where=where)
    made = tuple(readings)
    for each in made:
        if not isinstance(each, Reading):
            raise InvalidDeclaration("readings", each, "a claims.Reading", where=where)
    for axis, options in by_axis(made).items():
        field, names = f"readings.{axis}", [each.option for each in options]
        if len(set(names)) < len(names):
            raise InvalidDeclaration(field, names, "options with different names", where=where)
        if sum(each.as_declared for each in options) != 1 or len(options) < 2:
            allowed = "one option that is the claim as declared (it changes nothing), and one or more that differ"
            raise InvalidDeclaration(field, names, allowed, where=where)
        if sum(each.own for each in options) > 1:
            raise InvalidDeclaration(field, names, "at most one option that is the paper's own", where=where)
    if sum(not each.as_declared for each in made) >= MOST_READINGS:
        raise InvalidDeclaration("readings", len(made), f"at most {MOST_READINGS} with the claim itself", where=where)
    return made


def by_axis(readings: Iterable[Reading]) -> dict[str, list[Reading]]:
    """The options of each axis, in the order of their declaration."""
    found: dict[str, list[Reading]] = {}
    for each in readings:
        found.setdefault(each.axis, []).append(each)
    return found


def setting(readings: Iterable[Reading], changed: Reading | None = None) -> dict[str, Reading]:
    """What is chosen along each axis: the claim as declared, but for the one reading that is changed."""
    chosen = {each.axis: each for each in readings if each.as_declared}
    return chosen if changed is None else chosen | {changed.axis: changed}
