"""Two sides point by point: the difference of their estimates, what it would take to see one, and how many are real.

Where both sides drew the same streams, seeds are pairs; where they drew others, the two samples are independent
(Welch 1947). Seeds of two epochs are never taken for one sample, and nothing is compared that was declared or measured
at another point. How many seeds there are depends on what they gave, since audits stop at looks; so errors are added up
over the looks at which both may have stopped, as audits do.

Which differences are real is decided for all points together, by the step-up procedure of Benjamini and Yekutieli
(2001), which holds however the points depend on each other. Intervals are those of the same authors (2005): at the
level of the last difference that was found, so that an interval excludes zero exactly where a difference was found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from claims.comparing.samples import Key, Sample, Samples
from claims.kinds.base import CLOSE_LOOKS
from claims.kinds.intervals import scaled, t_interval, unscaled, unscaled_interval
from claims.report.movement import moved

#: Probability with which a difference as large as the detectable one is found.
POWER = 0.9
#: Values up to which sums and differences of seeds are finite.
_LARGEST = 1e300
#: The largest edge of a t test for which a detectable difference is told; eight seeds reach it at 3e-12.
_FARTHEST = 100.0


@dataclass(frozen=True, slots=True)
class Contrast:
    """The difference at one point, B minus A.

    Attributes:
        id, at, locus: whose point it is.
        method: "paired" (the same streams), "unpaired" (others) or "evaluated" (computed, not sampled).
        seeds: of A and B; of pairs, how many.
        a, b: estimates, of pairs over those seeds that both have.
        difference: of the two.
        interval: of the difference; None where there is none, an edge is None where it is unbounded.
        p: of no difference, whenever the audits stopped; None of what is evaluated.
        adjusted: the smallest false-discovery rate at which it would be found.
        detectable: the difference that would be found with probability :data:`POWER`.
        differs: whether it is found to differ.
        reason: what has to be known beside it, in words.
    """

    id: str
    at: str
    locus: str
    method: str
    seeds: tuple[int, int]
    a: float
    b: float
    difference: float
    interval: tuple[float | None, float | None] | None = None
    p: float | None = None
    adjusted: float | None = None
    detectable: float | None = None
    differs: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A point that is not compared, and why."""

    id: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """All points of two sides.

    Attributes:
        contrasts: what was compared, in the order of B.
        refused: what was not.
        rate: of false discoveries among what is found, at most, on average.
        tested: points that were tested, over which that holds.
        level: confidence of each interval.
    """

    contrasts: tuple[Contrast, ...]
    refused: tuple[Refused, ...]
    rate: float
    tested: int
    level: float

    @property
    def differing(self) -> tuple[Contrast, ...]:
        """What was found to differ, the surest first; what is evaluated at the end."""
        found = (each for each in self.contrasts if each.differs)
        return tuple(sorted(found, key=lambda each: 2.0 if each.p is None else each.p))

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self) | {"differing": [f"{each.id} {each.at}".strip() for each in self.differing]}


def contrast(a: Samples, b: Samples, *, rate: float) -> Comparison:
    """Compare two sides.

    Args:
        a: the first side.
        b: the second.
        rate: of false discoveries, at most, in (0, 1).
    """
    found: list[tuple[Contrast, tuple[np.ndarray, ...]]] = []
    refused = [Refused(*reason) for reason in _only_one(a, b)]
    for key, second in b.points.items():
        first = a.points.get(key)
        if first is None:
            continue
        if words := _objection(first, second):
            refused.append(Refused(second.id, second.at, words))
        elif first.evaluated and second.evaluated:
            found.append((_evaluated(first, second), ()))
        else:
            found.append(_tested(first, second))
    tested = [i for i, (each, _) in enumerate(found) if each.p is not None]
    alpha = rate
    contrasts = [each for each, _ in found]
    if tested:
        p_values = [contrasts[i].p for i in tested]
        real, adjusted, *_ = multipletests(p_values, alpha=rate, method="fdr_by")
        alpha = max(int(real.sum()), 1) * rate / (len(tested) * sum(1 / i for i in range(1, len(tested) + 1)))
        for i, differs, corrected in zip(tested, real, adjusted, strict=True):
            made, arrays = found[i]
            made = replace(made, differs=bool(differs), adjusted=float(corrected))
            contrasts[i] = _with_interval(made, arrays, alpha)
    return Comparison(tuple(contrasts), tuple(refused), rate, len(tested), 1 - alpha)


def _only_one(a: Samples, b: Samples) -> Iterator[tuple[str, str, str]]:
    """Points that one side alone has: a claim of which the other has nothing is named once."""
    for side, other, name in ((a, b, "A"), (b, a, "B")):
        known = {key[0] for key in other.points}
        lone: dict[Key, Sample] = {key: each for key, each in side.points.items() if key not in other.points}
        for claim in dict.fromkeys(key[0] for key in lone if key[0] not in known):
            yield claim, "", f"only {name} has it"
        for key, each in lone.items():
            if key[0] in known:
                yield each.id, each.at, f"only {name} has this point"


def _objection(a: Sample, b: Sample) -> str:
    """Why two samples must not be compared; empty if they may be."""
    other = [name for name in a.meant if a.meant[name] != b.meant[name]]
    if other:
        return f"declared otherwise: {', '.join(other)}"
    for name, side in (("A", a), ("B", b)):
        if not side.evaluated and not side.values:
            return f"{name}: {side.why or 'nothing was measured'}"
        if side.evaluated and side.estimate is None:
            return f"{name}: nothing was measured"
    if a.evaluated != b.evaluated:
        return "evaluated on one side, sampled on the other"
    if min(len(a.values), len(b.values)) < 2 and not a.evaluated:
        return "one seed has no spread"
    stopped = next((len(each.values) for each in (a, b) if len(each.values) not in CLOSE_LOOKS), None)
    if stopped is not None and not a.evaluated:
        return f"{stopped} seeds: not a number after which an audit looks, so nobody knows when it may have stopped"
    if max(map(abs, (*a.values, *b.values)), default=0.0) > _LARGEST:
        return "values so large that floats do not hold their sums"
    return ""


def _evaluated(a: Sample, b: Sample) -> Contrast:
    """Computed numbers differ if they do by more than rounding."""
    assert a.estimate is not None
    assert b.estimate is not None
    rows = [{"estimate": each.estimate, "interval": None} for each in (a, b)]
    difference = b.estimate - a.estimate
    return Contrast(
        b.id, b.at, b.locus, "evaluated", (0, 0), a.estimate, b.estimate, difference, differs=moved(*rows)
    )  # fmt: skip


def _tested(a: Sample, b: Sample) -> tuple[Contrast, tuple[np.ndarray, ...]]:
    """The difference of two samples without its interval, which depends on all, and what that is made from."""
    x, y = np.array(a.values), np.array(b.values)
    if a.epoch == b.epoch:
        seeds = min(len(x), len(y))
        x, y = x[:seeds], y[:seeds]
        arrays: tuple[np.ndarray, ...] = (y - x,)
        p, reason = _paired_p(y - x)
    else:
        arrays, seeds = (x, y), 0
        p, reason = _unpaired_p(x, y)
    made = Contrast(
        id=b.id,
        at=b.at,
        locus=b.locus,
        method="paired" if seeds else "unpaired",
        seeds=(len(x), len(y)),
        a=float(x.mean()),
        b=float(y.mean()),
        difference=float(y.mean() - x.mean()),
        p=min(_stops(arrays) * p, 1.0),
        reason=reason,
    )
    return made, arrays


def _stops(arrays: Sequence[np.ndarray]) -> int:
    """Over how many ends of the audits errors add up: of pairs the looks of the shorter side, else those of both.

    Without it the difference of two that both stop by their own bands errs more often than it says.
    """
    return int(len(CLOSE_LOOKS) ** len(arrays))


def _paired_p(d: np.ndarray) -> tuple[float, str]:
    if d.min() == d.max():
        return 1.0, "the same to the bit" if d[0] == 0 else "every seed differs by the same: no spread to judge by"
    values, _ = scaled(d)
    return float(stats.ttest_1samp(values, 0.0).pvalue), ""


def _unpaired_p(x: np.ndarray, y: np.ndarray) -> tuple[float, str]:
    if x.min() == x.max() and y.min() == y.max():
        return 1.0, "all seeds of a side gave the same value: no spread to judge by"
    return float(_welch(x, y)[0].ttest_ind(usevar="unequal")[1]), ""


def _welch(x: np.ndarray, y: np.ndarray) -> tuple[CompareMeans, int]:
    """Both samples on one scale, B first, so that the difference is B minus A; and the power of two of the scale."""
    values, exponent = scaled(np.concatenate([x, y]))
    return CompareMeans(DescrStatsW(values[len(x) :]), DescrStatsW(values[: len(x)])), exponent


def _with_interval(made: Contrast, arrays: Sequence[np.ndarray], alpha: float) -> Contrast:
    """The contrast with its interval at that alpha, and the difference that it could have found."""
    alpha /= _stops(arrays)
    if made.reason:
        same = made.difference == 0 and made.method == "paired"
        return replace(made, interval=(0.0, 0.0) if same else (None, None))
    if len(arrays) == 1:
        (d,) = arrays
        values, exponent = scaled(d)
        interval, freedom, error = t_interval(d, alpha), len(d) - 1.0, values.std(ddof=1) / len(d) ** 0.5
    else:
        both, exponent = _welch(*arrays)
        low, high = both.tconfint_diff(alpha=alpha, usevar="unequal")
        interval = unscaled_interval(low, high, exponent)
        freedom, error = float(both.dof_satt()), float(both.std_meandiff_separatevar)
    reach = unscaled(float(error) * detectable(freedom, alpha), exponent)
    return replace(made, interval=(_finite(interval[0]), _finite(interval[1])), detectable=_finite(reach))


def detectable(freedom: float, alpha: float) -> float:
    """The difference, in its standard errors, that a two-sided t test finds with probability :data:`POWER`.

    The chance to find it on the wrong side is neglected. Infinite where a few seeds would have to reach so far that
    scipy's noncentral t does not go there.
    """
    edge = float(stats.t.isf(alpha / 2, freedom))
    if edge > _FARTHEST:
        return math.inf

    def lacking(shift: float) -> float:
        return float(stats.nct.cdf(edge, freedom, shift)) - (1 - POWER)

    return float(optimize.brentq(lacking, 0.0, 3 * edge + 10))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
