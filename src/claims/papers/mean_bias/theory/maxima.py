"""The largest of |mu + Z_i| over l independent standard normal Z_i (Theorem 3). Lengths are in units of sigma."""

import math
from typing import Literal

from .exceedance import exceedance
from .normal import tail_quantile

Quantile = Literal["printed", "corrected"]

#: Where Gauss-Legendre quadrature of a mean maximum may stop: l tails of the normal law weigh less than 1e-18 there.
_REACH = 14.0


def maximum_at_least(level: float, mean: float, tokens: int) -> float:
    """P(M >= level) = 1 - (1 - P(|X| > level))^l, without cancellation at either end."""
    if level <= 0:
        return 1.0
    single = exceedance(level, mean)
    return 1.0 if single >= 1 else -math.expm1(tokens * math.log1p(-single))


def quantile(tokens: int, delta: float, kind: Quantile = "corrected") -> float:
    """The q of Theorem 3: Phi^-1((1 - delta)^(1/l)) as printed, Phi^-1(delta^(1/l)) as its confidence needs.

    With probability delta the largest of l normal variables stays below the corrected one, and with probability
    1 - delta below the printed one.
    """
    log = (math.log1p(-delta) if kind == "printed" else math.log(delta)) / tokens
    return tail_quantile(-math.expm1(log)) if log > -math.log(2) else -tail_quantile(math.exp(log))


def confidence(tokens: int, mean: float, delta: float = 0.05, kind: Quantile = "corrected") -> float:
    """P(M >= |mu| + q) with the printed or the corrected q; Theorem 3 promises at least 1 - delta."""
    return maximum_at_least(abs(mean) + quantile(tokens, delta, kind), mean, tokens)


def printed_confidence(tokens: int, mean: float, delta: float = 0.05) -> float:
    """P(M >= |mu| + q) with the printed q: delta for a large mean, 1 - (2 (1 - delta)^(1/l) - 1)^l for none."""
    return confidence(tokens, mean, delta, "printed")


def reaches_mean(tokens: int, mean: float) -> float:
    """P(M >= |mu|) = 1 - (Phi(2 |mu|) - 1/2)^l."""
    return maximum_at_least(abs(mean), mean, tokens)


def half_of_the_tokens(tokens: int) -> float:
    """1 - 2^-l, the probability that Theorem 3 prints for M >= |mu|."""
    return -math.expm1(-tokens * math.log(2))


def mean_maximum(tokens: int, mean: float = 0.0) -> float:
    """E M, the integral of P(M >= x) over x >= 0."""
    from scipy.integrate import quad

    edge = abs(mean)
    turns = [edge / 2, edge] if edge else [1.0]
    value, _ = quad(maximum_at_least, 0, edge + _REACH, args=(mean, tokens), points=turns, limit=400, epsabs=1e-12)
    return float(value)


def mean_maximum_equal_energy(tokens: int, mean: float) -> float:
    """E max |Z'_i| for centred normal Z' of variance mu^2 + 1."""
    return math.sqrt(1 + mean * mean) * mean_maximum(tokens)


def mean_raises_maximum(tokens: int, mean: float) -> float:
    """E M with the mean, less E M without it."""
    return mean_maximum(tokens, mean) - mean_maximum(tokens)


def noise_raises_maximum(tokens: int, mean: float) -> float:
    """E M of noise alone with the same energy, less E M with the mean."""
    return mean_maximum_equal_energy(tokens, mean) - mean_maximum(tokens, mean)


def leading_growth(tokens: int) -> float:
    """sqrt(2 log l), the scale that the text after Theorem 3 gives."""
    return math.sqrt(2 * math.log(tokens))


def growth_constant() -> float:
    """Limit of 2 a (a - E max |Z|) - log log 2l with a = sqrt(2 log 2l): log(4 pi) - 2 gamma.

    The largest of l absolute values is the largest of 2 l values, whose law shifted by
    a - (log log 2l + log 4 pi)/(2 a) and scaled by a tends to Gumbel's, of mean gamma.
    """
    euler = 0.57721566490153286
    return math.log(4 * math.pi) - 2 * euler
