"""When a claim is looked at, and which share of its alpha each look spends: fixed by the claim, whatever is audited.

*Stages.* What a claim may take at the tier that decides it is its first stage, and what each tier above would add one
more. A stage gets most of the alpha that is left, the last one all of it: seeds that are dear do not pay for looks that
they will never take, and a verdict is the same at every tier that reaches it.

*Looks of Student's t* (:class:`~claims.kinds.base.StudentsT`) are wrong together less often than each by itself in sum,
by a factor that is known exactly. With the truth on an edge of the band let S be the sum of the first n values above it
and Q that of their squares. Then V = S / sqrt(Q) determines the t statistic and is a Markov chain: the direction of
normal values does not depend on their length, so the next V is V cos(phi) + sin(phi), where phi has the density
cos(phi)^(n - 1), up to a constant, whatever came before. :func:`claims.calibration.crossing.crossing` integrates
that; ``_GAINS`` are the sum of levels that spend alpha, over alpha, rounded down by about half a percent. They are
those at the alpha of an audit: at a larger one, such as that of a calibration, looks overlap more, and they are safe.

*Looks of a kind that knows the range of its seeds* (:class:`~claims.kinds.base.KnowsRange`) have all of alpha each:
its intervals hold together, at whatever number of seeds.

*Any other looks* get equal levels that add up to alpha (Bonferroni), whatever their joint law.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from claims.claim import Claim
from claims.kinds.base import CLOSE_LOOKS, LOOKS, Kind, KnowsRange, StudentsT, offers
from claims.verdict import Tier

#: How many times the seeds that an experiment allows at the deciding tier it allows one tier above.
DEEPER = 8
#: What a stage gets of the alpha that those before it left, if others follow.
_FIRST = 0.75
#: Levels fall like the cube root of the seeds, but the last one of a stage is so many times as large: where a claim
#: ends, its power is decided. Chosen by simulation, over margins of .5, 1 and 2 standard deviations of a seed.
_FALL, _LAST = 1 / 3, 8.0
#: Where a stage begins and ends, and by how much its levels may exceed Bonferroni's.
_GAINS = {
    (0, 8): 1.0,
    (0, 16): 1.088,
    (0, 32): 1.224,
    (0, 64): 1.385,
    (0, 128): 1.483,
    (0, 256): 1.551,
    (8, 64): 1.412,
    (16, 128): 1.586,
    (32, 256): 1.732,
    (64, 256): 1.655,
    (128, 256): 1.462,
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Looks that spend a share of the claim's alpha together, ``budget`` at most, and the share that is each one's."""

    budget: float
    shares: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The stages of a claim, in order."""

    stages: tuple[Stage, ...]

    def share(self, look: int) -> float:
        """The level of a look, as a share of the claim's alpha."""
        return next(share for stage in self.stages for seeds, share in stage.shares if seeds == look)

    def spent(self, looks: Iterable[int]) -> float:
        """The probability that any of these looks is wrong, at most, as a share of the claim's alpha."""
        taken = frozenset(looks)
        sums = ((stage.budget, sum(share for look, share in stage.shares if look in taken)) for stage in self.stages)
        return sum(min(pair) for pair in sums)


def schedule(claim: Claim) -> Schedule:
    """The schedule of a claim, at whatever tier it is audited."""
    return schedule_of(claim.test, cap=claim.seed_cap, above=Tier.FULL.level - claim.decides.level)


def schedule_of(test: Kind, *, cap: int | None = None, above: int = 0) -> Schedule:
    """The schedule of a test that may take ``cap`` seeds at the tier that decides it, with so many tiers above that.

    One that is not sequential has one look, at all of alpha or at a level of its own.
    """
    if not test.sequential or offers(test, KnowsRange):
        return Schedule((Stage(1.0, tuple((look, 1.0) for look in test.looks)),))
    close = set(test.looks) <= set(CLOSE_LOOKS) and offers(test, StudentsT)
    return _schedule(tuple(test.looks), close, cap, above)


@functools.cache
def _schedule(looks: tuple[int, ...], close: bool, cap: int | None, above: int) -> Schedule:
    stages = list(_stages(looks, close, cap, above))
    left, made = 1.0, []
    for number, (start, end) in enumerate(stages):
        budget = left if number + 1 == len(stages) else left * _FIRST
        left -= budget
        among = [look for look in looks if start < look <= end]
        made.append(Stage(budget, tuple(_student(start, end, among, budget) if close else _equal(among, budget))))
    return Schedule(tuple(made))


def _stages(looks: tuple[int, ...], close: bool, cap: int | None, above: int) -> Iterator[tuple[int, int]]:
    """Where each stage begins and ends, in seeds; every one has a look."""
    first, last = min(looks), max(looks)
    ends = [last] if cap is None else [min(cap * DEEPER**tiers, last) for tiers in range(above + 1)]
    ends = [end for end in ends if end >= first]
    if close:  # up to where one may end: an end in between would need a gain of its own
        ends = [next(look for look in LOOKS if look >= end) for end in ends]
    for start, end in pairwise([0, *dict.fromkeys(ends)]):
        if any(start < look <= end for look in looks):
            yield start, end


def _student(start: int, end: int, looks: list[int], budget: float) -> Iterator[tuple[int, float]]:
    weights = {look: look**-_FALL * (_LAST if look == end else 1.0) for look in CLOSE_LOOKS if start < look <= end}
    whole = sum(weights.values())
    return ((look, budget * _GAINS[start, end] * weights[look] / whole) for look in looks)


def _equal(looks: list[int], budget: float) -> Iterator[tuple[int, float]]:
    return ((look, budget / len(looks)) for look in looks)
