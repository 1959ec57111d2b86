"""Intervals of the mean of values that lie in a known range, whatever their distribution there, at any number of them.

A gambler who bets a share c of all there is on a value being above m gains the factor 1 + c (x / m - 1), of values from
0 on: in the mean at most 1 if the mean is at most m. So capital grown that way reaches 2 / alpha with probability
alpha / 2 at most, ever (Ville 1939), and it does so of the m that are too small. Several shares are played beside each
other, each with a part of the capital: their sum is as fair a game, and nearly as good as the best of them afterwards.
Values as far below the upper end of the range bound the mean from above. (Waudby-Smith and Ramdas 2024, whose bets
depend on the values before; fixed ones do not ask in which order seeds came.)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import optimize

from claims.kinds.intervals import Interval

Range = tuple[float, float]
#: Shares that are bet, and the logarithm of what each begins with: half of it bets everything, which is best of seeds
#: with little spread.
_SHARES = 2.0 ** (-np.arange(13) / 2)
_STAKES = np.log([0.5, *[0.5 / 12] * 12])
#: How far below the mean a limit is looked for, as a share of it, and how exactly; what is found is moved outwards.
_LEAST, _EXACT = 1e-12, 1e-12
#: Repetitions of the seeds so far that are as good as never.
_MOST = 1e9


def range_interval(x: np.ndarray, bounds: Range, alpha: float) -> Interval:
    """The interval of the mean of values in a range, shape (seeds,), one of a confidence sequence at ``alpha``."""
    lo, hi = bounds
    width = hi - lo
    return max(lo, lo + width * _least((x - lo) / width, alpha)), min(hi, hi - width * _least((hi - x) / width, alpha))


def seeds_needed(x: np.ndarray, bounds: Range, edges: Interval, alpha: float) -> int | None:
    """How many seeds like these clear the edges of a band, to one side; None if they never do.

    Args:
        x: the values of the seeds so far, shape (seeds,).
        bounds: their range.
        edges: of the band, both to the inside if the mean lies there; infinite where there is none.
        alpha: of the look.
    """
    (lo, hi), (low, high), mean = bounds, edges, float(x.mean())
    if mean < low:
        bets = [(hi - x, hi - low)]
    elif mean > high:
        bets = [(x - lo, high - lo)]
    else:
        bets = [(x - lo, low - lo), (hi - x, hi - high)]
    most = max(_repetitions(values, at, math.log(2 / alpha)) for values, at in bets)
    return math.ceil(most * len(x)) if most < _MOST else None


def _repetitions(x: np.ndarray, mean: float, needed: float) -> float:
    """How often such values have to come for betting that their mean is above ``mean`` to make so much, as logarithm.

    By the share that does it soonest, of its own; infinite if all lose.
    """
    if mean <= 0:
        return 0.0 if mean < 0 or x.any() else math.inf
    growth = _growth(x, mean)
    winning = growth > 0
    return float(np.min((needed - _STAKES[winning]) / growth[winning], initial=math.inf))


def capital(x: np.ndarray, mean: float) -> float:
    """Logarithm of what betting that the mean of values from 0 on is above ``mean`` has made of 1."""
    return float(np.logaddexp.reduce(_growth(x, mean) + _STAKES))


def range_tails(x: np.ndarray, bounds: Range) -> Callable[[float], tuple[float, float]]:
    """One-sided p values at an edge: that the mean lies above it, and below it."""
    lo, hi = bounds
    return lambda edge: (_p_value(x - lo, edge - lo), _p_value(hi - x, hi - edge))


def _p_value(x: np.ndarray, mean: float) -> float:
    """That the mean of values from 0 on is above ``mean``; certain if that is negative, or 0 and one value is not."""
    if mean <= 0:
        return 0.0 if mean < 0 or x.any() else 1.0
    return min(1.0, math.exp(-capital(x, mean)))


def _growth(x: np.ndarray, mean: float) -> np.ndarray:
    """Logarithm of the growth of each share, shape (shares,)."""
    with np.errstate(divide="ignore", over="ignore"):  # all is lost at a zero
        growth: np.ndarray = np.log1p(_SHARES[:, None] * (x / mean - 1)).sum(axis=1)
    return growth


def _least(x: np.ndarray, alpha: float) -> float:
    """Lower limit, at ``alpha / 2``, of the mean of values from 0 to 1."""
    mean = float(x.mean())
    least, needed = mean * _LEAST, math.log(2 / alpha)

    def excess(logarithm: float) -> float:
        return capital(x, math.exp(logarithm)) - needed

    if least < np.finfo(float).tiny or excess(math.log(least)) <= 0:
        return 0.0
    found = optimize.brentq(excess, math.log(least), math.log(mean), xtol=_EXACT)
    return math.exp(found - 2 * _EXACT)
