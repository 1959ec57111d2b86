"""Quantiles and tails of the distributions that intervals end at, by the special functions that scipy.stats asks.

``scipy.stats`` takes longer to import than a thousand claims to decide, and checks and broadcasts for a tenth of a
millisecond around each number that it is asked for. Tests hold all of these equal to it, and all but ``binomial_cdf``
to the bit. ``scipy.special`` itself takes as long as deciding some hundred claims, so numbers that were asked for
before are kept: an audit that measures nothing imports no scipy.
"""

from __future__ import annotations

import math

from claims.evidence.kept import current


def _special(name: str, *arguments: float) -> float:
    """A function of ``scipy.special`` at a point."""
    kept = current()
    if kept is None:
        return _asked(name, arguments)
    from claims.evidence.fingerprint import arithmetic

    return float.fromhex(kept.recall(f"{arithmetic()} {name} {arguments}", lambda: _asked(name, arguments).hex()))


def _asked(name: str, arguments: tuple[float, ...]) -> float:
    from scipy import special

    return float(getattr(special, name)(*arguments))


def student_sf(x: float, degrees: int) -> float:
    """The probability that Student's t of so many degrees of freedom exceeds ``x``."""
    return _special("stdtr", degrees, -x)


def student_isf(q: float, degrees: int) -> float:
    """The value that Student's t exceeds with probability ``q``."""
    return math.inf if q == 0 else -_special("stdtrit", degrees, q)


def student_ppf(p: float, degrees: int) -> float:
    """The value below which Student's t lies with probability ``p``."""
    return -math.inf if p == 0 else _special("stdtrit", degrees, p)


def normal_cdf(x: float) -> float:
    """The probability that a standard normal value lies below ``x``."""
    return _special("ndtr", x)


def normal_sf(x: float) -> float:
    """The probability that a standard normal value exceeds ``x``."""
    return _special("ndtr", -x)


def normal_ppf(p: float) -> float:
    """The value below which a standard normal one lies with probability ``p``."""
    return _special("ndtri", p)


def beta_ppf(p: float, a: float, b: float) -> float:
    """The value below which a beta variable lies with probability ``p``."""
    return _special("betaincinv", a, b, p)


def beta_isf(q: float, a: float, b: float) -> float:
    """The value that a beta variable exceeds with probability ``q``."""
    return _special("betainccinv", a, b, q)


def binomial_cdf(count: int, trials: int, p: float) -> float:
    """The probability of so many successes or fewer."""
    if not 0 <= count < trials:
        return float(count >= trials)
    return _special("betaincc", count + 1, trials - count, p)


def binomial_sf(count: int, trials: int, p: float) -> float:
    """The probability of more than so many successes."""
    if not 0 <= count < trials:
        return float(count < 0)
    return _special("betainc", count + 1, trials - count, p)
