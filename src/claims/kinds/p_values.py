"""P values: the smallest alpha at which a kind decides, whichever way, without trying one alpha after the other."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from claims.bands import Limits
from claims.kinds.distributions import binomial_cdf, binomial_sf, student_sf
from claims.kinds.intervals import mean_and_error, scaled

#: One-sided p values at an edge: that the statistic lies above it, and that it lies below.
Tails = Callable[[float], tuple[float, float]]


def smallest_alpha(band: Limits, tails: Tails, *, tails_above: Tails | None = None) -> float:
    """The smallest alpha at which a two-sided interval lies in the band or misses it; 1 if it never does.

    It lies in the band if it clears both edges to the inside, and misses it if it clears one to the outside.
    ``tails_above`` are those at the upper edge where they are others than at the lower one.
    """
    above_lo, below_lo = tails(band.lo) if math.isfinite(band.lo) else (0.0, 1.0)
    above_hi, below_hi = (tails_above or tails)(band.hi) if math.isfinite(band.hi) else (1.0, 0.0)
    return min(2 * min(max(above_lo, below_hi), below_lo, above_hi), 1.0)


def t_tails(x: np.ndarray) -> Tails:
    """Of the mean of one value a seed, shape (seeds,), by Student's t; a constant is no evidence."""
    if len(x) < 2 or x.min() == x.max():
        return lambda edge: (1.0, 1.0)
    values, exponent = scaled(x)
    mean, error = mean_and_error(values)
    return pivot_tails(mean, error, lambda pivot: student_sf(pivot, len(x) - 1), exponent=exponent)


def pivot_tails(centre: float, error: float, sf: Callable[[float], float], *, exponent: int = 0) -> Tails:
    """Of the pivot (centre - edge / 2**exponent) / error, whose distribution is symmetric with survival function sf."""

    def tails(edge: float) -> tuple[float, float]:
        with np.errstate(over="ignore", under="ignore"):
            pivot = (centre - np.ldexp(edge, -exponent)) / error
        return float(sf(pivot)), float(sf(-pivot))

    return tails


def quantile_tails(x: np.ndarray, q: float, *, closed: bool) -> Tails:
    """Of the q-quantile of independent draws, shape (draws,); draws on the edge lie below it if ``closed``."""
    n = len(x)

    def tails(edge: float) -> tuple[float, float]:
        count = int((x <= edge).sum() if closed else (x < edge).sum())
        return binomial_cdf(count, n, q), binomial_sf(count - 1, n, q)

    return tails
