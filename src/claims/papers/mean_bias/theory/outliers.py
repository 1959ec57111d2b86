"""Closed forms of section 4: who makes the largest entries, and how many blocks they reach.

Entries are X = mu + z with z standard normal and channel means mu of law N(0, shift^2) over many channels; extreme are
the ``largest`` share of the entries by magnitude. Given X, mu is normal with mean q X and variance q = s^2/(1 + s^2).
"""

import math

from .normal import tail, tail_quantile


def additive_share(shift: float) -> float:
    """E[mu/X] among entries of any magnitude: s^2/(1 + s^2), the mean's share of the energy."""
    return shift * shift / (1 + shift * shift)


def inverse_square(largest: float) -> float:
    """E[sigma^2/X^2] among the extremes of a normal X: (density(t)/t)/tail(t) - 1, t the threshold over sigma."""
    if not 0.0 < largest < 1.0:
        raise ValueError(f"largest: a share in (0, 1) is needed, got {largest!r}")
    t = tail_quantile(largest / 2)
    density = math.exp(-t * t / 2) / math.sqrt(2 * math.pi)
    return density / t / tail(t) - 1


def cross_share(shift: float, largest: float) -> float:
    """E[2 mu z/X^2] among the extremes, what eq. 8 leaves out: 2 q (1 - q) (1 - inverse_square), up to a half."""
    q = additive_share(shift)
    return 2 * q * (1 - q) * (1 - inverse_square(largest))


def affected_blocks(probability: float, block: int = 16) -> float:
    """Share of blocks with at least one of scattered extremes, each entry being one with ``probability``."""
    return -math.expm1(block * math.log1p(-probability)) if probability < 1 else 1.0
