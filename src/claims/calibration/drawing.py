"""Seeds of synthetic claims: values whose distribution, and so the truth of a claim about them, is known exactly.

The truth lies ``margins`` half-widths of the band away from its target: 0 is the target, 1 an edge of the band. Columns
have shape (seeds,), (seeds, levels) of a kind that runs over an axis, or (seeds, draws) where a seed is a list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from claims.streams import Streams

Columns = Mapping[str, "np.ndarray"]
#: Values of mean 0 and standard deviation 1, of any shape.
Law = Callable[["np.random.Generator", tuple[int, ...]], "np.ndarray"]

#: What one seed is like. Three are as skewed as a seed must not be: they are there to be noticed. The last three have
#: outliers that few seeds show, within a range that is known: :data:`RANGE`.
LAWS: dict[str, Law] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: (rng.gamma(100.0, size=shape) - 100.0) / 10.0,
    "heavy": lambda rng, shape: rng.standard_t(5, size=shape) / math.sqrt(5 / 3),
    "discrete": lambda rng, shape: (rng.binomial(20, 0.5, size=shape) - 10.0) / math.sqrt(5.0),
    "exponential": lambda rng, shape: rng.exponential(size=shape) - 1.0,
    "outliers": lambda rng, shape: (rng.normal(size=shape) + 10.0 * (rng.random(shape) < 0.05) - 0.5) / math.sqrt(5.75),
    "very skewed": lambda rng, shape: (rng.lognormal(size=shape) - math.exp(0.5)) / math.sqrt((math.e - 1.0) * math.e),
    "5 % at 10": lambda rng, shape: _rare(rng, shape, share=0.05, size=10.0),
    "1 % at 10": lambda rng, shape: _rare(rng, shape, share=0.01, size=10.0),
    "1 % at 1,000": lambda rng, shape: _rare(rng, shape, share=0.01, size=1000.0),
}
#: Where the values of :func:`_one` lie, of the last three laws and any margins from 0 to 6.
RANGE = (-0.7, 11.0)
#: Levels of the axis of those kinds that run over one.
LEVELS: dict[str, tuple[int, ...]] = {
    "slope": (1, 2, 4, 8),
    "trend": (1, 2, 3, 4),
    "limit": (64, 128),
    "convergence": (64, 128, 256),
}
#: Draws that a seed of a quantile gives, and trials of a seed of a proportion.
_DRAWS, _TRIALS = 4, 200
#: Margins of the band in standard deviations of a seed.
SHARPNESS = 2.0


def _rare(rng: np.random.Generator, shape: tuple[int, ...], *, share: float, size: float) -> np.ndarray:
    """Uniform values of standard deviation 1, a share of them so much larger; all centred and scaled."""
    far = rng.random(shape) < share
    plain = math.sqrt(12.0) * (rng.random(shape) - 0.5)
    return (plain + size * (far - share)) / math.sqrt(1.0 + size**2 * share * (1.0 - share))


def drawn(point: Mapping[str, Any], streams: Streams) -> list[dict[str, Any]] | dict[str, Any]:
    """The experiment: one seed of a synthetic claim. Base point: ``kind``, ``law``, ``margins``, and any others."""
    found = columns(point["kind"], LAWS[point["law"]], point["margins"], streams.numpy("values"), 1)
    return records(point["kind"], found, 0)


def records(kind: str, found: Columns, seed: int) -> list[dict[str, Any]] | dict[str, Any]:
    """What one seed of some columns is as the return value of an experiment."""
    if kind not in LEVELS:
        return {name: column[seed].tolist() for name, column in found.items()}
    return [
        {"level": level} | {name: float(column[seed, i]) for name, column in found.items()}
        for i, level in enumerate(LEVELS[kind])
    ]


def columns(kind: str, law: Law, margins: float, rng: np.random.Generator, seeds: int) -> Columns:
    """The quantities of so many seeds of a kind, of which a claim is about that the truth is ``margins`` away."""
    return _KINDS[kind](law, margins, rng, seeds)


def _noise(law: Law, rng: np.random.Generator, *shape: int) -> np.ndarray:
    return law(rng, shape) / SHARPNESS


def _one(law: Law, margins: float, rng: np.random.Generator, seeds: int) -> Columns:
    """One number whose mean is the truth."""
    return {"x": margins + _noise(law, rng, seeds)}


def _arms(law: Law, margins: float, rng: np.random.Generator, seeds: int) -> Columns:
    """Paired arms, a above b by 1 - margins."""
    common = 3.0 * law(rng, (seeds,))
    return {"a": common + 1.0 - margins + _noise(law, rng, seeds), "b": common}


def _parts(law: Law, margins: float, rng: np.random.Generator, seeds: int) -> Columns:
    """A ratio of means of 2.5 + margins / 2; the denominator has a coefficient of variation of a fifth."""
    v = 1.0 + 0.2 * law(rng, (seeds,))
    return {"u": (2.5 + margins / 2) * v + _noise(law, rng, seeds) / 2, "v": v}


def _counts(law: Law, margins: float, rng: np.random.Generator, seeds: int) -> Columns:
    """Successes with probability .04 + margins / 50."""
    import numpy as np

    return {"k": rng.binomial(_TRIALS, 0.04 + margins / 50, size=seeds), "n": np.full(seeds, _TRIALS)}


def _pooled(law: Law, margins: float, rng: np.random.Generator, seeds: int) -> Columns:
    """Exponential draws with a median of 1 + .3 margins."""
    return {"x": (1.0 + 0.3 * margins) / math.log(2) * rng.exponential(size=(seeds, _DRAWS))}


def _line(law: Law, margins: float, rng: np.random.Generator, seeds: int) -> Columns:
    """Observations about a line of slope ``margins``."""
    x = rng.normal(size=seeds)
    return {"x": x, "y": margins * x + _noise(law, rng, seeds)}


def _pairs(law: Law, margins: float, rng: np.random.Generator, seeds: int) -> Columns:
    """Pairs of normal numbers with a rank correlation of .3 margins - .9."""
    x, r = rng.normal(size=seeds), 2 * math.sin(math.pi * (0.3 * margins - 0.9) / 6)
    return {"x": x, "y": r * x + math.sqrt(1 - r * r) * rng.normal(size=seeds)}


def _powers(law: Law, margins: float, rng: np.random.Generator, seeds: int) -> Columns:
    """log y falls by .5 - .3 margins a unit of log n; the sizes of a seed share an effect."""
    import numpy as np

    log_n = np.log(LEVELS["slope"])
    noise = 0.5 * law(rng, (seeds, 1)) + 0.2 * law(rng, (seeds, len(log_n)))
    return {"y": np.exp((0.3 * margins - 0.5) * log_n + noise)}


def _stairs(law: Law, margins: float, rng: np.random.Generator, seeds: int) -> Columns:
    """Rises by ten at every step but one, where it rises by 1 - margins; the levels of a seed share an effect."""
    import numpy as np

    heights = np.array([0.0, 10.0, 11.0 - margins, 21.0 - margins])
    return {"y": heights + 5.0 * law(rng, (seeds, 1)) + _noise(law, rng, seeds, len(heights))}


def _approach(law: Law, margins: float, rng: np.random.Generator, seeds: int) -> Columns:
    """margins + 100 / n, with noise that the sizes of a seed share."""
    import numpy as np

    return {"y": margins + 100.0 / np.array(LEVELS["limit"]) + _noise(law, rng, seeds, 1)}


def _contrasts(law: Law, margins: float, rng: np.random.Generator, seeds: int) -> Columns:
    """Falls from 3 + margins by 1/n to 1 and 0, so that the contrast is the truth; its noise is in the first size."""
    import numpy as np

    first = 3.0 + margins + _noise(law, rng, seeds)
    y = np.stack([first, np.ones(seeds), np.zeros(seeds)], axis=1)
    return {"y": y + 5.0 * law(rng, (seeds, 1))}


_KINDS: dict[str, Callable[[Law, float, np.random.Generator, int], Columns]] = {
    "mean": _one,
    "bound-in-range": _one,
    "bound": _one,
    "sample": _one,
    "order": _arms,
    "ratio": _parts,
    "proportion": _counts,
    "quantile": _pooled,
    "regression": _line,
    "rank-correlation": _pairs,
    "slope": _powers,
    "trend": _stairs,
    "limit": _approach,
    "convergence": _contrasts,
}
