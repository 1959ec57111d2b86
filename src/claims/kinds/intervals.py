"""The statsmodels intervals that all kinds share."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

Interval = tuple[float, float]
EVERYTHING: Interval = (-np.inf, np.inf)


def t_interval(x: np.ndarray, alpha: float) -> Interval:
    """Student's t interval for the mean of one value a seed, shape (seeds,), at two-sided ``alpha``.

    Values without spread give the whole line: a constant is no evidence of a mean (use value or proportion for it).
    """
    if len(x) < 2 or np.ptp(x) == 0:
        return EVERYTHING
    lo, hi = DescrStatsW(x).tconfint_mean(alpha=alpha)
    return float(lo), float(hi)


def fieller_interval(u: np.ndarray, v: np.ndarray, alpha: float) -> Interval:
    """Fieller's interval for mean(u) / mean(v) of paired values, shape (seeds,); the whole line unless v > 0 is sure.

    It is the set of r for which the t interval of mean(u - r v) contains zero, in closed form. Two constants give the
    whole line, as a constant does to the t interval.
    """
    if t_interval(v, alpha)[0] <= 0 and not (np.ptp(v) == 0 and v[0] > 0):
        return EVERYTHING
    if len(u) < 2 or (np.ptp(u) == 0 and np.ptp(v) == 0):
        return EVERYTHING
    n = len(u)
    q = stats.t.ppf(1 - alpha / 2, n - 1) ** 2 / n
    (s_uu, s_uv), (_, s_vv) = np.cov(u, v, ddof=1)
    mean_u, mean_v = u.mean(), v.mean()
    a = mean_v**2 - q * s_vv
    b = mean_u * mean_v - q * s_uv
    c = mean_u**2 - q * s_uu
    root = np.sqrt(max(b * b - a * c, 0.0))
    return float((b - root) / a), float((b + root) / a)


@functools.cache
def count_interval(count: int, trials: int, alpha: float) -> Interval:
    """Clopper-Pearson interval for a proportion at two-sided ``alpha``."""
    lo, hi = proportion_confint(count, trials, alpha=alpha, method="beta")
    return float(lo), float(hi)


def quantile_interval(x: np.ndarray, q: float, alpha: float) -> Interval:
    """Order-statistic interval for the q-quantile of independent draws, shape (draws,).

    Its ends are the order statistics at which Clopper-Pearson limits of the counts below cross q; infinite where the
    sample is too small for one.
    """
    ordered = np.sort(x)
    n = len(ordered)
    lower = _bisect(n, lambda k: count_interval(k, n, alpha)[1] > q) - 1
    upper = _bisect(n, lambda k: count_interval(k, n, alpha)[0] >= q)
    lo = -np.inf if lower < 0 else float(ordered[min(lower, n - 1)])
    hi = np.inf if upper > n else float(ordered[upper - 1])
    return lo, hi


def _bisect(n: int, reached: Callable[[int], bool]) -> int:
    """The smallest count in 0..n at which a monotone condition is reached, n + 1 if at none."""
    lo, hi = 0, n + 1
    while lo < hi:
        middle = (lo + hi) // 2
        if reached(middle):
            hi = middle
        else:
            lo = middle + 1
    return lo
