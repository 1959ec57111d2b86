"""What a claim can tell with its seeds, and what these cannot show: the rest of its qualification, as plain data.

Everything follows from the seeds of the looks. Their spread is taken as known, which at the cap it nearly is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claims.auditing.decision import last_looks
from claims.auditing.shape import Shape
from claims.bands import Limits
from claims.kinds.base import GivesSeeds, Judgement, JudgesMeans, KnowsRange, offers, split

if TYPE_CHECKING:
    from claims.auditing.trial import Trial

#: Probability that values as rare as is said are in no seed.
_MISSED = 0.05
#: The chance at which a distance counts as one that a claim can tell.
_TOLD = 0.9
#: Chances of which nothing is known, and a reach of what would turn no verdict.
_UNKNOWN: dict[str, float | None] = {"spread": None, "holds": None, "rejects": None, "tells": None}
_NOWHERE = (-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Qualification:
    """What is known of the seeds of a judged point whose mean is judged.

    Attributes:
        shape: of the seeds; None where they are all the same.
        spread: standard deviation of a seed, on the scale of the estimate; None where the interval is unbounded.
        cap: seeds of a block, should no look before the last decide.
        holds: chance to HOLD if the truth is the target; None if there is no target, or a declared range.
        rejects: chance to be REFUTED, on both blocks, if the truth is the rival; None likewise.
        tells: the smallest distance beyond an edge of the band that is REFUTED nine times in ten; None likewise.
        unseen: probability of what is so rare that the seeds miss it once in twenty.
        reach: values of a seed beyond which what is as rare as that would turn the verdict; infinite if none.
    """

    shape: Shape | None
    spread: float | None
    cap: int
    holds: float | None
    rejects: float | None
    tells: float | None
    unseen: float
    reach: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """As plain data, to four digits; null is unknown or unbounded."""
        shape = self.shape
        return {
            "spread": _rounded(self.spread),
            "skewness": None if shape is None else _rounded(shape.skewness),
            "sure_skewness": None if shape is None else _rounded(shape.sure_skewness),
            "kurtosis": None if shape is None else _rounded(shape.kurtosis),
            "outliers": None if shape is None else shape.outliers,
            "correlation": None if shape is None else _rounded(shape.correlation),
            "cap": self.cap,
            "holds": _rounded(self.holds),
            "rejects": _rounded(self.rejects),
            "tells": _rounded(self.tells),
            "unseen": _rounded(self.unseen),
            "reach": [_rounded(value) for value in self.reach],
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.4g}")


def qualification(trial: Trial) -> Qualification | None:
    """Of a trial that judges a mean and has taken a look; None of any other."""
    test, band, judged = trial.claim.test, trial.band, trial.final or trial.main
    if not offers(test, JudgesMeans) or band is None or trial.main is None or judged is None:
        return None
    seeds, cap = trial.main_seeds, min(last_looks(trial.claim), default=0)
    if offers(test, KnowsRange):  # no value within the range, and so rare, would turn the verdict
        chances = _UNKNOWN | {"spread": judged.detail.get("sd")}
        return Qualification(shape=trial.shape, cap=cap, unseen=unseen(seeds), reach=_NOWHERE, **chances)
    alone = offers(test, GivesSeeds) and judged.estimate is not None
    return Qualification(
        shape=trial.shape,
        cap=cap,
        unseen=unseen(seeds),
        reach=reach(judged.estimate, band, seeds) if alone and judged.estimate is not None else _NOWHERE,
        **_chances(trial, judged, band, max(cap, seeds)),
    )


def _chances(trial: Trial, judged: Judgement, band: Limits, cap: int) -> dict[str, float | None]:
    """Chances at the cap, of an estimate as precise as the interval says that it is."""
    from claims.kinds.distributions import normal_cdf, normal_ppf, student_isf

    if judged.interval is None or trial.main_seeds < 2 or cap < 2:
        return _UNKNOWN
    half = (judged.interval[1] - judged.interval[0]) / 2
    if not 0 < half < math.inf:
        return _UNKNOWN
    taken = student_isf(judged.detail.get("granted", trial.level(trial.main_seeds)) / 2, trial.main_seeds - 1)
    error = half / taken * math.sqrt(trial.main_seeds / cap)  # of the estimate, at the cap
    level = trial.level(cap)
    wide, wider = (error * student_isf(each / 2, cap - 1) for each in (level, split(level, trial.points)))
    target = band.target
    holds = None
    if target is not None and band.contains(target) and math.inf not in (abs(band.lo), abs(band.hi)):
        room = [(band.lo + wide - target) / error, (band.hi - wide - target) / error]
        holds = max(0.0, normal_cdf(room[1]) - normal_cdf(room[0]))
    rejects = None
    if trial.rival is not None:
        distance = max(band.lo - trial.rival, trial.rival - band.hi)
        rejects = normal_cdf((distance - wider) / error) ** 2
    tells = float(wider + error * normal_ppf(math.sqrt(_TOLD)))
    return {"spread": float(error * math.sqrt(cap)), "holds": holds, "rejects": rejects, "tells": tells}


def unseen(seeds: int, *, missed: float = _MISSED) -> float:
    """The probability of what is so rare that so many seeds miss it once in twenty (the rule of three, exactly).

    Args:
        seeds: how many there are.
        missed: the probability that they miss it, where that is another.
    """
    return float(-math.expm1(math.log(missed) / seeds)) if seeds else 1.0


def reach(estimate: float, band: Limits, seeds: int) -> tuple[float, float]:
    """Values of a seed beyond which unseen ones would bring the mean across an edge of the band; infinite if none do.

    A value x that comes with probability p moves a mean m to (1 - p) m + p x.
    """
    share = unseen(seeds)
    edges = [edge for edge in (band.lo, band.hi) if math.isfinite(edge)]
    below = max((edge for edge in edges if edge <= estimate), default=-math.inf)
    above = min((edge for edge in edges if edge >= estimate), default=math.inf)
    return estimate - (estimate - below) / share, estimate + (above - estimate) / share
