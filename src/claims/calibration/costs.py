"""What certainty costs: seeds until an edge is cleared at the alpha of audits, and the least that any test needs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from claims.auditing.decision import ALPHA_CLAIM
from claims.auditing.schedule import schedule_of
from claims.calibration.synthetic import made
from claims.streams import Streams

#: How far the truth is from the edge, in standard deviations of a seed; the first cannot always be decided.
DISTANCES = (0.3, 0.5, 1.0, 2.0)
#: Looks as the kinds have them of which one is named: Student's t, and those that are judged as any would be.
LOOKS_OF = {"close looks": "mean", "doubling looks": "proportion"}


@dataclass(frozen=True, slots=True)
class Cost:
    """Mean seeds of Student's t with some looks, normal seeds, and the truth at a distance from the edge.

    Attributes:
        over_least: the same over :func:`least_seeds`.
        decided: share that was decided before seeds ran out.
    """

    looks: str
    distance: float
    seeds: float
    over_least: float
    decided: float


def least_seeds(distance: float, alpha: float) -> float:
    """Expected seeds that a test which may go on for ever needs at least, by Wald's inequality.

    Wrongly clearing an edge has probability alpha / 2. Nobody knows the spread: what is hardest to tell from normal
    seeds at this distance, in their standard deviations, has its mean on the edge and the variance 1 + distance^2; a
    seed tells log(1 + distance^2) / 2 between them.
    """
    return 2 * math.log(2 / alpha) / math.log1p(distance**2)


def costs(paths: int, *, epoch: int) -> Iterator[Cost]:
    """Of each looks and distance, over so many sequences of seeds, the same for all of them."""
    levels = {name: _levels(kind) for name, kind in LOOKS_OF.items()}
    rng = Streams(epoch, "claims.calibration.costs", {"paths": paths}, 0).numpy("seeds")
    noise = rng.normal(size=(paths, max(max(each) for each in levels.values())))
    for distance in DISTANCES:
        t = _running_t(noise + distance)
        for name, each in levels.items():
            seeds, decided = _taken(t, each)
            yield Cost(name, distance, seeds, seeds / least_seeds(distance, ALPHA_CLAIM), decided)


def _levels(kind: str) -> Mapping[int, float]:
    test = made(kind, "normal", 0.0).test
    return {look: ALPHA_CLAIM * schedule_of(test).share(look) for look in test.looks}


def _running_t(x: np.ndarray) -> np.ndarray:
    """Student's t against zero of the first n of each row, shape (rows, n); of the first alone it is none."""
    n = np.arange(1, x.shape[1] + 1)
    total, squares = x.cumsum(axis=1), (x**2).cumsum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t: np.ndarray = total / np.sqrt(n * (squares - total**2 / n) / (n - 1))
    return t


def _taken(t: np.ndarray, levels: Mapping[int, float]) -> tuple[float, float]:
    """Mean seeds until the edge below the truth is cleared, or to the last look, and the share that cleared it."""
    looks = np.array(sorted(levels))
    clear = t[:, looks - 1] > [stats.t.isf(levels[look] / 2, look - 1) for look in looks.tolist()]
    decided = clear.any(axis=1)
    seeds = np.where(decided, looks[clear.argmax(axis=1)], looks[-1])
    return float(seeds.mean()), float(decided.mean())
