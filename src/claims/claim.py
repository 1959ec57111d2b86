"""The claim: one quantitative statement, declared once, validated when made."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from claims.bands import Band, Limits
from claims.errors import InvalidDeclaration, RivalInsideBand
from claims.experiment import Point, check_most_seeds, check_point, point_of
from claims.fields import check_range, check_text, check_whole, check_word
from claims.formula import check_formula
from claims.kinds.base import CLOSE_LOOKS, ChecksLevels, Kind, KnowsRange, offers
from claims.lazy import Number, check_number, resolve_number
from claims.paper import Paper
from claims.reading import Reading, check_readings
from claims.streams import CONFIRM_OFFSET
from claims.verdict import DEPENDS, HOLDS, REFUTED, UNDECIDED, Role, Tier, Verdict

__all__ = ["Claim", "Paper", "nearest"]

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)+")
_EXPECTED = (HOLDS, REFUTED, DEPENDS, UNDECIDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One quantitative statement of a paper, or about it.

    Attributes:
        id: dotted, lower-case, stable for ever; the first part is the paper's key.
        locus: where the paper says it ("Theorem 3, eq. 13").
        statement: one sentence in plain words.
        formula: the statement's mathematics, or that of the equation it is about, as TeX.
        read_as: what the statement adds to the passage: a number, a comparison, a depth, a baseline, a sample size.
            It is shown beside the verdict. Of role "implied" it says why the paper needs or invites the statement.
        test: how values become a verdict, from ``claims.kinds``.
        at: the points at which it is claimed, from ``claims.experiment.grid``.
        band: where the statistic has to lie. Not for identity, search, table and replay, which bring their own.
        rival: a value the claim must reject, or where to compute it. Without one the claim is descriptive.
        expected: the verdict on record.
        finding: in plain words, for what is expected REFUTED what is true instead, for DEPENDS what it turns with, for
            UNDECIDED what would decide it.
        corrected_by: id of a claim that HOLDS in its place.
        role: who says so.
        decides: the tier from which on the claim has to be decided.
        most_seeds: of a block at that tier, for what is too dear for 256; eight times as many above it. Unless it says
            so, those that its experiments allow.
        version: of the paper, that it was read from; None: the one that the paper names.
        readings: where the passage leaves a choice open, the fair ways to take it (``claims.Reading``), of each axis
            the claim as declared among them. The claim HOLDS or is REFUTED if it is under every reading, and DEPENDS
            if readings disagree.
    """

    id: str
    locus: str
    statement: str
    test: Kind
    at: tuple[Point, ...] = ((),)
    band: Band | None = None
    rival: Number | None = None
    expected: Verdict = HOLDS
    finding: str = ""
    corrected_by: str | None = None
    read_as: str = ""
    role: Role = Role.PAPER
    decides: Tier = Tier.SMOKE
    most_seeds: int | None = None
    version: int | None = None
    readings: tuple[Reading, ...] = ()
    formula: str = ""

    if TYPE_CHECKING:  # names of roles, tiers and verdicts may be given as plain strings, too

        def __init__(
            self,
            *,
            id: str,
            locus: str,
            statement: str,
            test: Kind,
            at: tuple[Point, ...] = ...,
            band: Band | None = ...,
            rival: Number | None = ...,
            expected: Verdict | str = ...,
            finding: str = ...,
            corrected_by: str | None = ...,
            read_as: str = ...,
            role: Role | str = ...,
            decides: Tier | str = ...,
            most_seeds: int | None = ...,
            version: int | None = ...,
            readings: Sequence[Reading] = ...,
            formula: str = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        self._check_words()
        self._check_test()
        self._check_readings()
        if self.band is None:
            return
        if self.rival is not None:
            check_number(self.rival, "rival", where=self.id)
        rival = float(self.rival) if isinstance(self.rival, int | float) else None
        if self.band.deferred or (rival is None and not offers(self.test, KnowsRange)):
            return
        _check_rival(self.test, self.band.resolve({}), rival, where=self.id)

    def _check_words(self) -> None:
        if not isinstance(self.id, str) or not _ID.fullmatch(self.id):
            raise InvalidDeclaration("id", self.id, "dotted lower-case words such as 'my-paper.theorem-1.rate'")
        for field in ("locus", "statement"):
            check_text(getattr(self, field), field, allowed="a non-empty string", empty=False, where=self.id)
        for field in ("finding", "read_as"):
            check_text(getattr(self, field), field, where=self.id)
        if self.formula != "":
            check_formula(self.formula, where=self.id)
        if self.corrected_by is not None and not (
            isinstance(self.corrected_by, str) and _ID.fullmatch(self.corrected_by)
        ):
            raise InvalidDeclaration("corrected_by", self.corrected_by, "the id of a claim, or None", where=self.id)
        if self.version is not None:
            check_whole(self.version, "version", least=1, where=self.id)
        for field, kind in (("role", Role), ("decides", Tier), ("expected", Verdict)):
            object.__setattr__(self, field, check_word(getattr(self, field), field, kind, where=self.id))
        if self.expected not in _EXPECTED:
            raise InvalidDeclaration("expected", self.expected, ", ".join(_EXPECTED), where=self.id)
        if self.role is Role.IMPLIED and not self.read_as.strip():
            allowed = "why the paper needs or invites the statement, for a claim of role implied"
            raise InvalidDeclaration("read_as", self.read_as, allowed, where=self.id)
        if self.expected is REFUTED and not self.finding.strip():
            raise InvalidDeclaration(
                "finding", self.finding, "what is true instead, for a claim expected REFUTED", where=self.id
            )
        if self.expected is DEPENDS and not (self.finding.strip() and self.readings):
            field = "finding" if self.readings else "readings"
            allowed = "readings, and in the finding what the verdict turns with, for a claim expected to be DEPENDS"
            raise InvalidDeclaration(field, getattr(self, field), allowed, where=self.id)
        if self.expected is REFUTED and self.role is not Role.CONTROL and not self.corrected_by:
            raise InvalidDeclaration(
                "corrected_by", self.corrected_by, "the id of a claim that HOLDS instead", where=self.id
            )

    def _check_test(self) -> None:
        if not _is_kind(self.test):
            raise InvalidDeclaration("test", self.test, "a test from claims.kinds, such as mean(...)", where=self.id)
        if self.band is not None and not isinstance(self.band, Band):
            raise InvalidDeclaration("band", self.band, "a band, from claims.bands", where=self.id)
        if self.test.needs_band != (self.band is not None):
            allowed = "a band, from claims.bands" if self.test.needs_band else f"none: {self.test.kind} brings its own"
            raise InvalidDeclaration("band", self.band, allowed, where=self.id)
        if self.rival is not None and self.band is None:
            raise InvalidDeclaration(
                "rival", self.rival, f"none: {self.test.kind} carries a planted wrong version", where=self.id
            )
        for axis in self.test.over:
            check_text(axis, "test.over", allowed="the name of an axis", empty=False, where=self.id)
        if offers(self.test, KnowsRange):
            check_range(self.test.seed_range, "test.seed_range", where=self.id)
        for look in self.test.looks if self.test.looks is not CLOSE_LOOKS else ():  # most claims have these
            check_whole(look, "test.looks", least=0, most=CONFIRM_OFFSET, where=self.id)
        self._check_points()
        for quantity in self.test.quantities():
            if not quantity.experiment.address:
                allowed = "values of an experiment; the column of a fixed sample belongs into sample(...)"
                raise InvalidDeclaration("test", quantity.name, allowed, where=self.id)
        check_most_seeds(self.most_seeds, where=self.id)
        self._check_axes()
        for point in self.at:
            for quantity in self.test.quantities():
                quantity.experiment.cell(dict(point))

    def _check_readings(self) -> None:
        """Each reading is a claim that could stand by itself, about the same model or text."""
        object.__setattr__(self, "readings", check_readings(self.readings, where=self.id))
        for reading, variant in self.as_read() if self.readings else ():
            if (variant.needs, variant.of) != (self.needs, self.of):
                allowed = f"readings that need what the claim needs ({self.of or self.needs or 'nothing'})"
                where = f"{self.id}: reading {reading}"
                raise InvalidDeclaration("needs", variant.of or variant.needs, allowed, where=where)

    def _check_points(self) -> None:
        if not isinstance(self.at, tuple) or not self.at:
            raise InvalidDeclaration("at", self.at, "one or more points, from claims.experiment.grid", where=self.id)
        for point in self.at:
            check_point(point, "at", where=self.id)
        if len(set(self.at)) < len(self.at):  # a level would be compared with itself
            raise InvalidDeclaration("at", self.at, "distinct points", where=self.id)

    def _check_axes(self) -> None:
        """The axes that the test runs over are there, with two or more levels, and such as it can use."""
        for axis in self.test.over:
            if any(axis not in dict(point) for point in self.at):
                raise InvalidDeclaration(
                    "at", sorted(dict(self.at[0])), f"an axis {axis!r}, over which the test runs", where=self.id
                )
            for _, members in self.judged_points():
                levels = list(dict.fromkeys(dict(member)[axis] for member in members))
                if len(levels) < 2:
                    allowed = "two or more levels of the axis over which the test runs"
                    raise InvalidDeclaration(f"at.{axis}", levels, allowed, where=self.id)
                if isinstance(self.test, ChecksLevels):
                    self.test.check_levels(levels)

    @property
    def paper(self) -> str:
        """Key of the paper the claim belongs to."""
        return self.id.partition(".")[0]

    @property
    def kind(self) -> str:
        """Name of the kind that decides it."""
        return self.test.kind

    @property
    def needs(self) -> str:
        """What it is measured on besides drawn numbers: "model", "text" or nothing."""
        found = {quantity.experiment.needs for quantity in self.test.quantities()}
        return next((needs for needs in ("model", "text") if needs in found), "")

    @property
    def devices(self) -> tuple[str, ...]:
        """Where some of it may be measured; empty if nothing has to be."""
        return tuple(dict.fromkeys(each for quantity in self.test.quantities() for each in quantity.experiment.devices))

    @property
    def of(self) -> str:
        """The one model that it can be measured on; empty if any will do."""
        return next((quantity.experiment.of for quantity in self.test.quantities() if quantity.experiment.of), "")

    @property
    def seed_cap(self) -> int | None:
        """Seeds of a block at the tier that decides it, if the claim or its experiments limit them."""
        if self.most_seeds is not None:
            return self.most_seeds
        caps = (quantity.experiment.most_seeds for quantity in self.test.quantities())
        return min((cap for cap in caps if cap is not None), default=None)

    @property
    def seed_range(self) -> tuple[float, float] | None:
        """The range in which it declares the value of a seed to lie."""
        return self.test.seed_range if offers(self.test, KnowsRange) else None

    @property
    def descriptive(self) -> bool:
        """Whether nothing is named that the claim would have to reject: shown, but counted apart."""
        return self.band is not None and self.rival is None

    def as_read(self) -> tuple[tuple[Reading | None, Claim], ...]:
        """The claim as declared (None), and under each reading that measures something else.

        Raises:
            InvalidDeclaration: a reading makes no claim; names it.
        """
        found: list[tuple[Reading | None, Claim]] = [(None, self)]
        for reading in self.readings:
            if not reading.as_declared:
                try:
                    variant = replace(self, expected=HOLDS, readings=(), **reading.changes())
                except InvalidDeclaration as error:
                    raise error.within(f"reading {reading}") from error.__cause__
                found.append((reading, variant))
        return tuple(found)

    def judged_points(self) -> tuple[tuple[Point, tuple[Point, ...]], ...]:
        """Each point that gets a verdict of its own, with the points of the axis its test runs over."""
        groups: dict[Point, list[Point]] = {}
        for point in self.at:
            rest = point_of({name: value for name, value in point if name not in self.test.over})
            groups.setdefault(rest, []).append(point)
        return tuple((judged, tuple(members)) for judged, members in groups.items())

    def limits(self, point: Point) -> tuple[Limits | None, float | None]:
        """Band and rival at a judged point.

        Raises:
            RivalInsideBand: the rival lies in the band there.
            InvalidDeclaration: a deferred target or rival cannot be computed there.
        """
        if self.band is None:
            return None, None
        try:
            band = self.band.resolve(dict(point))
            rival = None if self.rival is None else resolve_number(self.rival, dict(point), field="rival")
            _check_rival(self.test, band, rival)
        except InvalidDeclaration as error:
            at = f" at {', '.join(f'{name} = {level!r}' for name, level in point)}" if point else ""
            raise error.within(f"{self.id}{at}") from error.__cause__
        return band, rival


def _check_rival(test: Kind, band: Limits, rival: float | None, *, where: str = "") -> None:
    """Refuse a band that contains the value it has to reject; where seeds have a range, what no mean of them can be."""
    if rival is not None and band.contains(rival):
        allowed = f"a value outside the band [{band.lo:.6g}, {band.hi:.6g}], or a narrower band"
        raise RivalInsideBand("rival", rival, allowed, where=where)
    if not offers(test, KnowsRange):
        return
    lo, hi = test.seed_range
    within = f"within the declared range of a seed, {lo:.6g} to {hi:.6g}"
    if (band.lo <= lo and hi <= band.hi) or band.hi < lo or band.lo > hi:
        allowed = f"a band that some mean {within}, lies in, and another misses"
        raise InvalidDeclaration("band", (band.lo, band.hi), allowed, where=where)
    if rival is not None and not lo <= rival <= hi:
        raise InvalidDeclaration("rival", rival, f"a mean {within}", where=where)


#: Types whose instances are known to be tests: a protocol of many members is slow to check, and claims are many.
_KNOWN_KINDS: set[type] = set()


def _is_kind(test: object) -> bool:
    if type(test) not in _KNOWN_KINDS:
        if not isinstance(test, Kind) or isinstance(test, type):
            return False
        _KNOWN_KINDS.add(type(test))
    return True


def nearest(asked: str, ids: list[str]) -> list[str]:
    """Up to three ids that look like what was asked for."""
    close = difflib.get_close_matches(asked, ids, n=3, cutoff=0.5)
    contained = [name for name in ids if asked and asked in name]
    return list(dict.fromkeys([*close, *contained]))[:3]
