"""Where the truth lies in the intervals: as often outside as they say, from an even chance to one in a hundred.

The rank of the truth among intervals of all levels is uniform if they are exact (simulation-based calibration).
Limits are exact, for all rows and levels of a table together.
"""

from __future__ import annotations

from dataclasses import dataclass

from claims.auditing.decision import judge
from claims.calibration.drawing import LAWS, columns
from claims.calibration.rates import ALARM
from claims.calibration.synthetic import FORMS, made
from claims.kinds.base import Values
from claims.kinds.intervals import count_interval
from claims.streams import Streams

#: Probabilities that an interval misses the truth, and the seeds that it is made of.
MISSES, _SEEDS = (0.5, 0.2, 0.05, 0.01), 32
#: Kinds whose interval is Student's of one number a seed: exact of normal seeds, where they must not be wider either.
_EXACT = frozenset({"mean", "bound", "order", "limit", "convergence", "slope"})


@dataclass(frozen=True, slots=True)
class Ranks:
    """How many of the intervals missed the truth, at each of :data:`MISSES`, with exact limits of the probability."""

    kind: str
    law: str
    claims: int
    missed: tuple[int, ...]
    limits: tuple[tuple[float, float], ...]

    @property
    def exact(self) -> bool:
        """Whether the intervals must not be wider than they say."""
        return self.kind in _EXACT and self.law == "normal"

    @property
    def as_it_must_be(self) -> bool:
        """Whether no level is missed more often than it says; of exact intervals nor less often."""
        return not any(
            lo > said or (self.exact and hi < said) for said, (lo, hi) in zip(MISSES, self.limits, strict=True)
        )


def rows() -> list[tuple[str, str]]:
    """Kind and law of each row; the interval of a trend is that of one of its steps."""
    return [(kind, law) for kind, form in FORMS.items() if kind != "trend" for law in form.laws]


def ranks(kind: str, law: str, claims: int, *, epoch: int, of: int) -> Ranks:
    """Draw so many claims with the truth at their target; the table has ``of`` rows."""
    claim = made(kind, law, 0.0)
    ((point, members),) = claim.judged_points()
    band, truth = claim.limits(point)[0], FORMS[kind].truth
    missed = [0] * len(MISSES)
    for number in range(claims):
        rng = Streams(epoch, "claims.calibration.ranks", {"kind": kind, "law": law, "number": number}, 0).numpy("x")
        drawn = columns(kind, LAWS[law], 0.0, rng, _SEEDS)
        sample = Values({each: drawn[each.name] for each in claim.test.quantities()}, members)
        for i, alpha in enumerate(MISSES):
            interval = judge(claim.test, sample, band, points=1, alpha=alpha).interval
            assert interval is not None
            missed[i] += not interval[0] <= truth <= interval[1]
    limits = tuple(count_interval(count, claims, ALARM / (of * len(MISSES))) for count in missed)
    return Ranks(kind, law, claims, tuple(missed), limits)
