"""How often |mu + Z| exceeds a threshold t (section 4, Theorems 1 and 2). Lengths are in units of sigma.

A law is sub-Gaussian with proxy sigma^2 if E e^(a Z) <= e^(a^2 sigma^2/2) for every a; the smallest such sigma is its
optimal proxy.
"""

import math

from .normal import tail

#: Beyond this many standard deviations a normal density no longer matters to a quadrature in double precision.
_REACH = 12.0


def exceedance(threshold: float, mean: float) -> float:
    """P(|mu + Z| > t) for standard normal Z and t >= 0."""
    return tail(threshold - mean) + tail(threshold + mean)


def printed_bound(threshold: float, mean: float) -> float:
    """Theorem 1, eq. 9: the lower bound 1 - 2 exp(-(|mu| - t)^2/2), for 0 < t < |mu|."""
    return 1 - 2 * math.exp(-((abs(mean) - threshold) ** 2) / 2)


def one_tail_bound(threshold: float, mean: float) -> float:
    """1 - exp(-(|mu| - t)^2/2): only noise against the sign of mu can bring |X| down to t."""
    return -math.expm1(-((abs(mean) - threshold) ** 2) / 2)


def informative_margin() -> float:
    """The |mu| - t above which the bound of eq. 9 is positive, sqrt(2 ln 2)."""
    return math.sqrt(2 * math.log(2))


def tail_bound(threshold: float) -> float:
    """Eq. 10: 2 exp(-t^2/2)."""
    return 2 * math.exp(-(threshold**2) / 2)


def tail_bound_excess(threshold: float) -> float:
    """The bound of eq. 10 over P(|Z| > t) for Gaussian noise."""
    return tail_bound(threshold) / exceedance(threshold, 0.0)


def exceedance_equal_energy(threshold: float, mean: float) -> float:
    """P(|Z'| > t) for centred normal Z' of variance mu^2 + 1: the energy of mean and noise, all of it in the noise."""
    return exceedance(threshold / math.sqrt(1 + mean * mean), 0.0)


def energy_quotient(threshold: float, mean: float) -> float:
    """How many times as often noise of the whole energy exceeds t as mean and noise do."""
    return exceedance_equal_energy(threshold, mean) / exceedance(threshold, mean)


def count_variance(tokens: int, threshold: float, mean: float, correlation: float) -> float:
    """Variance of the number of exceedances over its square range l^2, for equally correlated normal tokens.

    Given the part sqrt(rho) g that all tokens share they are independent and exceed with probability P(g), so that
    Var C = l E[P (1 - P)] + l^2 Var P.

    Raises:
        ValueError: the correlation is not in [0, 1).
    """
    if not 0 <= correlation < 1:
        raise ValueError(f"correlation: got {correlation!r}; allowed: 0 <= correlation < 1")
    once = exceedance(threshold, mean)
    if correlation == 0:
        return once * (1 - once) / tokens
    both = _both_exceed(threshold, mean, correlation)
    return (once - both) / tokens + both - once * once


def _both_exceed(threshold: float, mean: float, correlation: float) -> float:
    """P(|X_1| > t and |X_2| > t)."""
    from scipy.integrate import quad

    shared, own = math.sqrt(correlation), math.sqrt(1 - correlation)

    def integrand(g: float) -> float:
        given = tail((threshold - mean - shared * g) / own) + tail((threshold + mean + shared * g) / own)
        return math.exp(-g * g / 2) * given * given

    turns = [(side * threshold - mean) / shared for side in (-1, 1)]
    value, _ = quad(integrand, -_REACH, _REACH, points=turns, limit=400, epsabs=1e-13)
    return float(value) / math.sqrt(2 * math.pi)
