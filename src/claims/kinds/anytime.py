"""Intervals that hold at every sample size at once: for whoever goes on measuring until something is decided.

A confidence sequence of level alpha is a series of intervals, one after each value, all of which cover the truth with
probability 1 - alpha (Darling and Robbins 1967; Robbins 1970). So it may be looked at as often as one likes, and
measuring may stop or go on for whatever reason. Both sequences here invert a test martingale: under the truth its mean
stays one, so it ever reaches 1 / alpha with probability alpha at most (Ville 1939).
"""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize, special, stats

from claims.kinds.intervals import EVERYTHING, Interval

#: Variance of the prior of the effect, mean over standard deviation, that the martingale of the t test mixes over. At
#: 1 the sequence is narrowest, for its level, around some tens of seeds, and a tenth wider after ten thousand.
MIXTURE = 1.0


def alpha_at(seeds: int, alpha: float) -> float:
    """The level of Student's t interval of so many values that makes it a part of a confidence sequence at ``alpha``.

    Lai (1976); the martingale is the likelihood ratio of the scale-invariant t statistics, mixed over effects from
    N(0, :data:`MIXTURE`): (1 + n g)^(-1/2) ((1 + y) / (1 + y / (1 + n g)))^(n/2) with y = t^2 / (n - 1). Exact for
    independent normal values of any variance. Zero, the whole line, where a few values cannot reach 1 / alpha.
    """
    if seeds < 2:
        return 0.0
    growth = math.log1p(seeds * MIXTURE)
    needed = 2.0 / seeds * (growth / 2.0 - math.log(alpha))
    if needed >= growth:
        return 0.0
    y = math.expm1(needed) / -math.expm1(needed - growth)
    return float(2.0 * stats.t.sf(math.sqrt((seeds - 1) * y), seeds - 1))


def count_sequence(count: int, trials: int, alpha: float) -> Interval:
    """A proportion's confidence sequence at ``alpha`` after so many trials.

    The likelihood ratio mixed over Jeffreys' prior, Beta(1/2, 1/2) (Robbins 1970): exact for independent trials.
    """
    if trials == 0:
        return EVERYTHING
    mixed = special.betaln(count + 0.5, trials - count + 0.5) - special.betaln(0.5, 0.5)

    def excess(p: float) -> float:
        """Logarithm of the martingale at p over 1 / alpha; negative inside the interval."""
        plain = special.xlogy(count, p) + special.xlog1py(trials - count, -p)
        return float(mixed - plain + math.log(alpha))

    best = count / trials
    lo = 0.0 if count == 0 else float(optimize.brentq(excess, np.finfo(float).tiny, best))
    hi = 1.0 if count == trials else float(optimize.brentq(excess, best, 1.0 - np.finfo(float).epsneg))
    return lo, hi
