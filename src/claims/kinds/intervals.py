"""The intervals that all kinds share: those of statsmodels, to the bit, which tests hold them to.

Written out, an interval takes a twentieth of the time, and an audit that measures nothing need not import statsmodels.
They square what they are given, and squares of floats underflow near 1e-160 and overflow near 1e160. So they work on
values divided by a power of two, which changes no digit: intervals and verdicts are the same at every scale.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from claims.kinds.distributions import beta_isf, beta_ppf, student_ppf

Interval = tuple[float, float]
EVERYTHING: Interval = (-np.inf, np.inf)


def scaled(x: np.ndarray) -> tuple[np.ndarray, int]:
    """``x / 2**k`` and ``k``, such that the largest magnitude lies in [1/2, 1); zeros stay as they are.

    Exact but for what is a factor of 2**1000 smaller than the largest value.
    """
    exponent = math.frexp(np.abs(x).max(initial=0.0))[1]
    return np.ldexp(x, -exponent), exponent


def unscaled(value: float, exponent: int) -> float:
    """``value * 2**exponent``; infinite or zero where no float is that large or small."""
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(math.inf, value)


def unscaled_interval(lo: float, hi: float, exponent: int) -> Interval:
    """Both ends times ``2**exponent``, outwards where no float is that large or small: it never becomes narrower."""
    low, high = unscaled(lo, exponent), unscaled(hi, exponent)
    if unscaled(low, -exponent) > lo:
        low = math.nextafter(low, -math.inf)
    if unscaled(high, -exponent) < hi:
        high = math.nextafter(high, math.inf)
    return low, high


def mean_of(x: np.ndarray) -> float:
    """The mean of finite values, shape (seeds,); their sum cannot overflow."""
    values, exponent = scaled(x)
    return unscaled(values.sum() / len(values), exponent)


def spread_of(x: np.ndarray, *, ddof: int = 1) -> float:
    """The standard deviation of finite values, shape (seeds,), more than ``ddof`` of them."""
    values, exponent = scaled(x)
    squares = (values - values.sum() / len(values)) ** 2
    return unscaled(math.sqrt(squares.sum() / (len(values) - ddof)), exponent)


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard error of scaled values, shape (seeds,), two of them or more.

    In the order of statsmodels' ``DescrStatsW``, whose sums are products with weights of one.
    """
    n, ones = len(values), np.ones(len(values))
    mean = np.dot(values, ones) / n
    squares = np.dot((values - mean) ** 2, ones)
    return float(mean), math.sqrt(squares / n) / math.sqrt(n - 1)


def t_interval(x: np.ndarray, alpha: float) -> Interval:
    """Student's t interval for the mean of one value a seed, shape (seeds,), at two-sided ``alpha``.

    The one of statsmodels, ``DescrStatsW.tconfint_mean``.
    Values without spread give the whole line: a constant is no evidence of a mean (use value or proportion for it).
    """
    if len(x) < 2 or x.min() == x.max():
        return EVERYTHING
    values, exponent = scaled(x)
    mean, error = mean_and_error(values)
    half = student_ppf(1 - alpha / 2, len(x) - 1) * error
    return unscaled_interval(mean - half, mean + half, exponent)


def fieller_interval(u: np.ndarray, v: np.ndarray, alpha: float) -> Interval:
    """Fieller's interval for mean(u) / mean(v) of paired values, shape (seeds,); the whole line unless v > 0 is sure.

    It is the set of r for which the t interval of mean(u - r v) contains zero, in closed form. Two constants give the
    whole line, as a constant does to the t interval.
    """
    (u, u_exponent), (v, v_exponent) = scaled(u), scaled(v)
    constant = v.min() == v.max()
    if len(u) < 2 or (constant and u.min() == u.max()):
        return EVERYTHING
    if not (v[0] > 0 if constant else t_interval(v, alpha)[0] > 0):
        return EVERYTHING
    n = len(u)
    q = student_ppf(1 - alpha / 2, n - 1) ** 2 / n
    mean_u, mean_v = float(u.sum() / n), float(v.sum() / n)
    from_u, from_v = u - mean_u, v - mean_v
    s_uu, s_uv, s_vv = (
        float(np.dot(*pair)) / (n - 1) for pair in ((from_u, from_u), (from_u, from_v), (from_v, from_v))
    )
    a = mean_v**2 - q * s_vv
    b = mean_u * mean_v - q * s_uv
    c = mean_u**2 - q * s_uu
    if a <= 0:  # the mean of v clears zero by less than rounding
        return EVERYTHING
    root = math.sqrt(max(b * b - a * c, 0.0))
    return unscaled_interval((b - root) / a, (b + root) / a, u_exponent - v_exponent)


def beyond(u: np.ndarray, v: np.ndarray, edge: float) -> np.ndarray:
    """``u - edge * v`` of paired values, shape (seeds,), divided by some power of two: its signs are what matters."""
    (u, u_exponent), (v, v_exponent) = scaled(u), scaled(v)
    factor, exponent = math.frexp(edge)
    terms = [(u, u_exponent), (-factor * v, v_exponent + exponent)]
    most = max((exponent for values, exponent in terms if values.any()), default=0)
    return sum((np.ldexp(values, exponent - most) for values, exponent in terms), np.zeros_like(u))


@functools.cache
def count_interval(count: int, trials: int, alpha: float) -> Interval:
    """Clopper-Pearson interval for a proportion at two-sided ``alpha``.

    The one of statsmodels, ``proportion_confint(method="beta")``.
    """
    lo = 0.0 if count == 0 else beta_ppf(alpha / 2, count, trials - count + 1)
    hi = 1.0 if count == trials else beta_isf(alpha / 2, count + 1, trials - count)
    return lo, hi


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
