"""Quantiles and tails of the distributions that intervals end at, by the special functions that scipy.stats asks.

``scipy.stats`` takes longer to import than a thousand claims to decide, and checks and broadcasts for a tenth of a
millisecond around each number that it is asked for. Tests hold all of these equal to it, and all but ``binomial_cdf``
to the bit.
"""

from __future__ import annotations

import math

from scipy import special


def student_sf(x: float, degrees: int) -> float:
    """The probability that Student's t of so many degrees of freedom exceeds ``x``."""
    return float(special.stdtr(degrees, -x))


def student_isf(q: float, degrees: int) -> float:
    """The value that Student's t exceeds with probability ``q``."""
    return math.inf if q == 0 else -float(special.stdtrit(degrees, q))


def student_ppf(p: float, degrees: int) -> float:
    """The value below which Student's t lies with probability ``p``."""
    return -math.inf if p == 0 else float(special.stdtrit(degrees, p))


def normal_cdf(x: float) -> float:
    """The probability that a standard normal value lies below ``x``."""
    return float(special.ndtr(x))


def normal_sf(x: float) -> float:
    """The probability that a standard normal value exceeds ``x``."""
    return float(special.ndtr(-x))


def normal_ppf(p: float) -> float:
    """The value below which a standard normal one lies with probability ``p``."""
    return float(special.ndtri(p))


def beta_ppf(p: float, a: float, b: float) -> float:
    """The value below which a beta variable lies with probability ``p``."""
    return float(special.betaincinv(a, b, p))


def beta_isf(q: float, a: float, b: float) -> float:
    """The value that a beta variable exceeds with probability ``q``."""
    return float(special.betainccinv(a, b, q))


def binomial_cdf(count: int, trials: int, p: float) -> float:
    """The probability of so many successes or fewer."""
    if not 0 <= count < trials:
        return float(count >= trials)
    return float(special.betaincc(count + 1, trials - count, p))


def binomial_sf(count: int, trials: int, p: float) -> float:
    """The probability of more than so many successes."""
    if not 0 <= count < trials:
        return float(count < 0)
    return float(special.betainc(count + 1, trials - count, p))
