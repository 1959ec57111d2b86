"""``regression`` and ``rank_correlation``: how two measured columns go together, observation by observation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from claims.bands import Limits
from claims.errors import MeasurementError
from claims.experiment import Linear, Quantity, linear, quantities_of
from claims.kinds.base import LOOKS, Judgement, Values, decide

if TYPE_CHECKING:
    import numpy as np

_EVERYTHING = (-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Association:
    """One number that says how y goes with x; each observation brings a pair."""

    kind: str
    y: Linear
    x: Linear
    fit: Callable[[np.ndarray, np.ndarray], Fit]

    over: ClassVar[tuple[str, ...]] = ()
    needs_band: ClassVar[bool] = True
    looks: ClassVar[tuple[int, ...]] = LOOKS
    sequential: ClassVar[bool] = True

    def quantities(self) -> Sequence[Quantity]:
        """What has to be measured."""
        return quantities_of(self.y, self.x)

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """The interval at two-sided ``alpha`` against the band."""
        assert band is not None
        y, x = sample.of(self.y), sample.of(self.x)
        fit = self.fit(y, x)
        estimate, interval = fit.estimate, fit.interval(alpha)
        reason = "too few observations, or none off the line" if interval == _EVERYTHING else ""
        return Judgement(
            verdict=decide(interval, band),
            estimate=estimate,
            interval=interval,
            reason=reason,
            detail={"observations": len(y)},
        )

    def p_value(self, sample: Values, band: Limits) -> float:
        """Of the pivot at the edge of the band that decides."""
        from claims.kinds.p_values import smallest_alpha

        return smallest_alpha(band, self.fit(sample.of(self.y), sample.of(self.x)).tails)


@dataclass(frozen=True, slots=True)
class Fit:
    """An estimate with its intervals by two-sided alpha, and its one-sided p values by edge."""

    estimate: float
    interval: Callable[[float], tuple[float, float]] = lambda alpha: _EVERYTHING
    tails: Callable[[float], tuple[float, float]] = lambda edge: (1.0, 1.0)


def _slope(y: np.ndarray, x: np.ndarray) -> Fit:
    from claims.kinds.distributions import student_isf, student_sf
    from claims.kinds.intervals import scaled, unscaled, unscaled_interval
    from claims.kinds.p_values import pivot_tails

    (y, y_exponent), (x, x_exponent) = scaled(y), scaled(x)
    exponent, degrees = y_exponent - x_exponent, len(y) - 2
    slope, error = least_squares(x, y)
    if degrees < 1 or error == 0:
        return Fit(unscaled(slope, exponent))

    def interval(alpha: float) -> tuple[float, float]:
        half = student_isf(alpha / 2, degrees) * error
        return unscaled_interval(slope - half, slope + half, exponent)

    tails = pivot_tails(slope, error, lambda pivot: student_sf(pivot, degrees), exponent=exponent)
    return Fit(unscaled(slope, exponent), interval, tails)


def least_squares(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The slope of y on x, shape (observations,), and its standard error; 0 of two observations, or with no residual.

    What ``scipy.stats.linregress`` gives, to the bit, without the second that the import of scipy.stats takes.

    Raises:
        MeasurementError: x is the same at each observation.
    """
    import numpy as np

    if x.min() == x.max():
        raise MeasurementError(f"regression: a slope needs values of x that differ, got {len(x)} equal ones")
    xx, xy, _, yy = np.cov(x, y, bias=True).flat
    if len(x) < 3 or yy == 0:
        return float(xy / xx), 0.0
    r = min(1.0, max(-1.0, xy / np.sqrt(xx * yy)))
    return float(xy / xx), float(np.sqrt((1 - r**2) * yy / xx / (len(x) - 2)))


def _log_slope(y: np.ndarray, x: np.ndarray) -> Fit:
    import numpy as np

    if (y <= 0).any() or (x <= 0).any():
        raise MeasurementError(f"regression: a logarithm needs values > 0, got {min(y.min(), x.min()):.6g}")
    return _slope(np.log(y), np.log(x))


def _spearman(y: np.ndarray, x: np.ndarray) -> Fit:
    from claims.kinds.distributions import normal_ppf, normal_sf
    from claims.kinds.p_values import pivot_tails

    rho = spearman(x, y)
    if len(y) < 4 or not abs(rho) <= 1 - 1e-12:  # a perfect order, but for rounding, or none
        return Fit(rho)
    centre, error = math.atanh(rho), math.sqrt((1 + rho**2 / 2) / (len(y) - 3))
    of_z = pivot_tails(centre, error, normal_sf)

    def interval(alpha: float) -> tuple[float, float]:
        half = -normal_ppf(alpha / 2) * error
        return math.tanh(centre - half), math.tanh(centre + half)

    def tails(edge: float) -> tuple[float, float]:
        return of_z(math.atanh(edge) if abs(edge) < 1 else math.copysign(math.inf, edge))

    return Fit(rho, interval, tails)


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """The correlation of the ranks of x and y, shape (observations,), ties sharing the mean; NaN of a constant.

    What ``scipy.stats.spearmanr`` gives, without importing it.
    """
    import numpy as np

    def ranks(values: np.ndarray) -> np.ndarray:
        _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
        middles: np.ndarray = counts.cumsum() - (counts - 1) / 2
        return middles[places]

    if x.min() == x.max() or y.min() == y.max():
        return math.nan
    return float(np.corrcoef(ranks(x), ranks(y))[0, 1])


def regression(y: Quantity | Linear, x: Quantity | Linear, *, log: bool = True) -> Association:
    """The least-squares slope of y on x over observations, of log y on log x by default, with its t interval.

    The level is exact for independent normal errors about the line. Fewer than three observations, or a perfect fit,
    decide nothing.

    Args:
        y: what is explained, one number an observation.
        x: what explains it.
        log: whether logs of both are taken.
    """
    return Association("regression", linear(y), linear(x), _log_slope if log else _slope)


def rank_correlation(x: Quantity | Linear, y: Quantity | Linear) -> Association:
    """Spearman's rank correlation, by Fisher's z with Bonett and Wright's variance (1 + rho^2/2)/(n - 3).

    An approximation, good from about ten observations on. Fewer than four, or a perfect order, decide nothing.

    Args:
        x: one number an observation.
        y: another.
    """
    return Association("rank-correlation", linear(y), linear(x), _spearman)
