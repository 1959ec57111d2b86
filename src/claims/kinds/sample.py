"""``sample``: a fixed, finite sample, judged once at its own stated level, Holm's procedure over its family."""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from claims.bands import Limits
from claims.errors import InvalidDeclaration
from claims.experiment import Experiment, Quantity
from claims.fields import check_finite, check_text, is_finite
from claims.kinds.base import GivesPValue, Judgement, Kind, Values, offers
from claims.kinds.per_seed import PerSeed
from claims.kinds.ranged import Ranged
from claims.verdict import UNDECIDED

_DATA = Experiment("data", "")
#: Alphas below this are not told apart: intervals are taken at the quantile of 1 - alpha/2, which rounds to 1 there.
_LEAST = 2.0**-53


@dataclass(frozen=True, slots=True)
class Member:
    """One sample of a family: its columns (one value an observation), and the band of its statistic."""

    columns: tuple[tuple[str, tuple[float, ...]], ...]
    band: Limits


@dataclass(frozen=True, slots=True)
class FixedSample:
    """A sample that cannot grow: printed, or measured once by somebody else."""

    test: Kind
    family: tuple[tuple[str, Member], ...]
    member: str
    level: float

    kind: ClassVar[str] = "sample"
    over: ClassVar[tuple[str, ...]] = ()
    needs_band: ClassVar[bool] = True
    looks: ClassVar[tuple[int, ...]] = (0,)
    sequential: ClassVar[bool] = False

    @property
    def together(self) -> Hashable:
        """The columns of all members, the test and the level: what one procedure of Holm's is about."""
        return _of_test(self.test), self.level, tuple((name, member.columns) for name, member in self.family)

    def quantities(self) -> Sequence[Quantity]:
        """Nothing is measured."""
        return ()

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """One look. ``alpha`` is replaced by the level that Holm's procedure leaves this member."""
        assert band is not None
        assert isinstance(self.test, Hashable)  # by sample()
        family = dict(self.family)
        family[self.member] = Member(family[self.member].columns, band)
        smallest = {name: _smallest_alpha(self.test, member) for name, member in family.items()}
        granted = holm(smallest, self.level)[self.member]
        judged = _judge(self.test, family[self.member], granted)
        detail: dict[str, Any] = dict(judged.detail) | {
            "level": self.level,
            "granted": granted,
            "family": len(family),
            "smallest_alpha": smallest[self.member],
        }
        reason = judged.reason or f"one look at level {self.level:g}, Holm over {len(family)}"
        return Judgement(
            verdict=judged.verdict, estimate=judged.estimate, interval=judged.interval, reason=reason, detail=detail
        )


def _of_test(test: Kind) -> Hashable:
    """A test as another one equals it that was made of the same columns: what reduces them is a function."""
    if isinstance(test, PerSeed) and not test.over:
        return test.kind, test.expressions
    if isinstance(test, Ranged):
        return _of_test(test.test), test.seed_range
    assert isinstance(test, Hashable)  # by sample()
    return test


def _judge(test: Kind, member: Member, alpha: float) -> Judgement:
    return test.judge(_values(member), member.band, alpha)


def _values(member: Member) -> Values:
    import numpy as np

    return Values({_DATA[name]: np.array(column) for name, column in member.columns}, ())


@functools.lru_cache(maxsize=1024)  # claims of one family ask for the same members
def _smallest_alpha(test: Kind, member: Member) -> float:
    """The smallest alpha at which this member is decided at all: its p value, whichever way it falls."""
    if offers(test, GivesPValue):
        return max(test.p_value(_values(member), member.band), _LEAST)
    lo, hi = math.log(_LEAST), 0.0
    if _judge(test, member, 1 - 1e-12).verdict is UNDECIDED:
        return 1.0
    for _ in range(44):
        middle = (lo + hi) / 2
        if _judge(test, member, math.exp(middle)).verdict is UNDECIDED:
            lo = middle
        else:
            hi = middle
    return math.exp(hi)


def holm(p_values: Mapping[str, float], level: float) -> dict[str, float]:
    """The level at which each member may be judged: level / (m - rank) while all smaller p values pass."""
    granted: dict[str, float] = {}
    remaining, passing = len(p_values), True
    share = level / remaining
    for name, p in sorted(p_values.items(), key=lambda pair: pair[1]):
        if passing:
            share = level / remaining
        granted[name] = share
        passing = passing and p <= share
        remaining -= 1
    return granted


def _are_limits(lo: object, hi: object) -> bool:
    """Whether these are limits of a statistic, which may be infinite."""
    return isinstance(lo, int | float) and isinstance(hi, int | float) and lo < hi


def column(name: str) -> Quantity:
    """A column of a fixed sample, to build its test from: ``mean(column("ratio"))``.

    Args:
        name: of the column, a key of each member of ``sample(..., family=...)``.
    """
    return _DATA[name]


def with_moments(*, mean: float, sd: float, n: int) -> tuple[float, ...]:
    """``n`` values that stand in for a sample of which only mean and standard deviation (ddof 1) are published.

    Student's t interval depends on a sample through these three numbers alone, so a mean is judged as from the values
    themselves. Nothing else is: not a quantile, and no pairing with another column.
    """
    if n < 2 or not (math.isfinite(mean) and math.isfinite(sd) and sd > 0):
        raise InvalidDeclaration("with_moments", (mean, sd, n), "n >= 2, a finite mean and a finite sd > 0")
    ranks = [rank - (n - 1) / 2 for rank in range(n)]
    scale = sd / math.sqrt(sum(rank**2 for rank in ranks) / (n - 1))
    return tuple(mean + scale * rank for rank in ranks)


def sample(
    test: Kind,
    *,
    family: Mapping[str, Mapping[str, Sequence[float]]],
    member: str,
    bands: Mapping[str, tuple[float, float]],
    level: float = 0.05,
) -> FixedSample:
    """Judge one member of a family of fixed samples.

    Args:
        test: how a sample is judged, built on :func:`column`; hashable, as frozen dataclasses are.
        family: the columns of every sample that is judged together with this one; declare it before looking.
        member: which of them this claim is about.
        bands: limits of the statistic for the other members; the claim's own band is this member's.
        level: family-wise level.
    """
    if not isinstance(test, Hashable):
        raise InvalidDeclaration("sample.test", test, "a test that can be hashed, such as a frozen dataclass")
    if not isinstance(family, Mapping) or not all(isinstance(columns, Mapping) for columns in family.values()):
        raise InvalidDeclaration("sample.family", family, "a mapping from members to their columns")
    for name in family:
        check_text(name, "sample.family", allowed="names of members that are strings")
    if not isinstance(bands, Mapping):
        raise InvalidDeclaration("sample.bands", bands, "a mapping from members to their limits")
    check_text(member, "sample.member")
    if member not in family:
        raise InvalidDeclaration("sample.member", member, ", ".join(family))
    check_finite(level, "sample.level", allowed="a number between 0 and 1", such=lambda x: 0 < x < 1)
    if not set(bands) <= set(family):
        raise InvalidDeclaration("sample.bands", list(bands), ", ".join(family))
    members = []
    for name, columns in family.items():
        if name != member and name not in bands:
            raise InvalidDeclaration("sample.bands", list(bands), f"limits for {name!r} too")
        limits = bands.get(name, (-math.inf, math.inf))
        if not isinstance(limits, tuple | list) or len(limits) != 2 or not _are_limits(*limits):
            raise InvalidDeclaration(f"sample.bands.{name}", limits, "two numbers, the lower first")
        for key, values in columns.items():
            check_text(key, f"sample.family.{name}", allowed="names of columns that are strings")
            if not isinstance(values, Sequence) or len(values) < 2 or not all(map(is_finite, values)):
                raise InvalidDeclaration(f"sample.family.{name}.{key}", values, "two or more finite numbers")
        frozen = tuple((key, tuple(values)) for key, values in columns.items())
        members.append((name, Member(frozen, Limits(limits[0], limits[1], None))))
    return FixedSample(test, tuple(members), member, level)
