"""What seeds look like of which a mean is judged, and how much wider an interval has to be of skewed ones.

How much is simulated, by ``tools/skewness.py``, into ``skewness.toml``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from claims.bands import Limits
from claims.kinds.base import JudgesMeans, Kind, Values, offers
from claims.toml import parse

if TYPE_CHECKING:
    import numpy as np

#: The skewness that seeds are brought down to by averaging, at which intervals hardly err more often than they say.
_FINE_SKEWNESS = 0.5
#: Standard errors, of normal seeds and of these, by which a skewness has to exceed zero to be beyond doubt.
_DOUBT, _OWN_DOUBT = 3.0, 2.0
#: The same of a correlation.
_DEPENDENT = 5.0
#: Robust standard deviations from the median beyond which a seed is called an outlier.
_FAR = 5.0
#: Median distance from the median of a normal value, in its standard deviations.
_OF_NORMAL = 0.6744897501960817


@dataclass(frozen=True, slots=True)
class Shape:
    """What seeds look like of which a mean is judged.

    Attributes:
        seeds: how many there are.
        skewness: adjusted Fisher-Pearson coefficient.
        sure_skewness: the magnitude of the skewness that is beyond the error of so few seeds.
        kurtosis: excess, zero of normal seeds.
        outliers: how many lie five robust standard deviations from the median.
        correlation: of the ranks of one seed and the next.
        dependent: whether that is beyond chance.
    """

    seeds: int
    skewness: float
    sure_skewness: float
    kurtosis: float
    outliers: int
    correlation: float
    dependent: bool

    @property
    def averages(self) -> int:
        """How many of them to average inside a seed for the skewness to be fine."""
        return max(1, math.ceil((self.skewness / _FINE_SKEWNESS) ** 2))


def shape_of(x: np.ndarray) -> Shape | None:
    """The shape of seeds, shape (seeds,); None of fewer than four, or of a constant."""
    import numpy as np

    from claims.kinds.intervals import scaled

    n = len(x)
    if n < 4 or x.min() == x.max():
        return None
    values = scaled(x)[0]
    values = scaled(values - values.mean())[0]
    moments = standardised(values)
    skewness = float(moments[3] * math.sqrt(n * (n - 1)) / (n - 2))
    excess = float(moments[4] - 3)
    ordered = np.sort(values)
    far = np.abs(values - _middle(ordered))
    robust = _middle(np.sort(far)) / _OF_NORMAL
    correlation = _serial_correlation(values, ordered)
    return Shape(
        seeds=n,
        skewness=skewness,
        sure_skewness=float(surely(moments, n)),
        kurtosis=((n + 1) * excess + 6) * (n - 1) / ((n - 2) * (n - 3)),
        outliers=int(np.count_nonzero(far > _FAR * robust)) if robust else 0,
        correlation=correlation,
        dependent=(correlation + 1 / n) * math.sqrt(n) > _DEPENDENT,
    )


def standardised(values: np.ndarray) -> list[np.ndarray]:
    """Moments of order 0 to 6 of values of mean zero along the last axis, in standard deviations."""
    import numpy as np

    powers, count = [np.ones_like(values)], values.shape[-1]
    for _ in range(6):
        powers.append(powers[-1] * values)
    moments = [power.sum(axis=-1) / count for power in powers]
    return [moment / moments[2] ** (power / 2) for power, moment in enumerate(moments)]


def surely(moments: Sequence[np.ndarray], seeds: int) -> np.ndarray:
    """The magnitude of a skewness that is beyond its error: by standardised moments of order 0 to 6 of so many seeds.

    That is the larger of three standard errors of normal seeds, and two of those that these have themselves, to first
    order: the tails of heavy-tailed seeds hit one side or the other by chance.
    """
    import numpy as np

    n, g = float(seeds), moments[3]
    normal = math.sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3)))
    own = moments[6] - 3 * g * moments[5] + (2.25 * g**2 - 6) * moments[4] + 9 + 8.75 * g**2
    error = np.maximum(_DOUBT * normal, _OWN_DOUBT * np.sqrt(np.maximum(own, 0.0) / n))
    sure: np.ndarray = np.maximum(0.0, np.abs(g) * math.sqrt(n * (n - 1)) / (n - 2) - error)
    return sure


def _middle(ordered: np.ndarray) -> float:
    """The median of sorted values."""
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _serial_correlation(values: np.ndarray, ordered: np.ndarray) -> float:
    """Of the rank of a seed with that of the next; 0 where most values occur twice, of which ranks say nothing."""
    if 1 + (ordered[1:] != ordered[:-1]).sum() <= len(values) / 2:
        return 0.0
    ranks = values.argsort().argsort() - (len(values) - 1) / 2
    return float((ranks[1:] * ranks[:-1]).sum() / (ranks * ranks).sum())


def shapes(test: Kind, sample: Values, band: Limits | None) -> tuple[Shape, ...]:
    """Of all that a test takes the means of; empty for kinds that do not lean on seeds that are nearly normal."""
    if band is None or not offers(test, JudgesMeans):
        return ()
    return tuple(found for x in test.means(sample, band) if (found := shape_of(x)) is not None)


def worst(found: Sequence[Shape]) -> Shape | None:
    """The one that an interval can be trusted least with."""
    return max(found, key=lambda each: (each.dependent, each.sure_skewness, abs(each.skewness)), default=None)


def widened(alpha: float, seeds: int, skewness: float) -> float:
    """The two-sided alpha at which Student's t misses the mean of such seeds as seldom as it says at ``alpha``."""
    from claims.kinds.distributions import student_isf, student_sf

    return 2 * student_sf(student_isf(alpha / 2, seeds - 1) * factor(seeds, skewness), seeds - 1)


def factor(seeds: int, skewness: float) -> float:
    """How much wider an interval has to be of seeds of that skewness, by interpolation of logarithms."""
    import numpy as np

    _, levels, _ = _table()
    return math.exp(float(np.interp(abs(skewness), levels, _along(seeds))))


@functools.cache
def _along(seeds: int) -> tuple[float, ...]:
    """The logarithm of the factor of so many seeds at each skewness of the table."""
    import numpy as np

    looks, _, factors = _table()
    return tuple(float(np.interp(math.log2(seeds), np.log2(looks), row)) for row in np.log(factors))


@functools.cache
def _table() -> tuple[tuple[int, ...], tuple[float, ...], tuple[tuple[float, ...], ...]]:
    """Numbers of seeds, skewnesses from 0 on, and the factors, a row a skewness."""
    text = resources.files("claims.auditing").joinpath("skewness.toml").read_text(encoding="utf-8")
    data = parse(text)
    looks = tuple(data["seeds"])
    rows = [(0.0, (1.0,) * len(looks)), *((row["skewness"], tuple(row["factors"])) for row in data["rows"])]
    return looks, tuple(level for level, _ in rows), tuple(factors for _, factors in rows)
