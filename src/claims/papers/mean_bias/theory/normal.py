"""The standard normal law, with tails that keep their relative precision."""

import math
from statistics import NormalDist

_STANDARD = NormalDist()


def tail(x: float) -> float:
    """P(Z > x)."""
    return math.erfc(x / math.sqrt(2)) / 2


def tail_quantile(probability: float) -> float:
    """The x with P(Z > x) = probability, 0 < probability < 1."""
    return -_STANDARD.inv_cdf(probability)
