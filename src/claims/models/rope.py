"""Rotary positions of models made for longer texts than they began with: what divides each frequency.

Channel pair i of a head of size d turns by base^(-2 i / d) / divisor_i a position.
"""

from __future__ import annotations

import math


def frequencies(base: float, head_size: int) -> list[float]:
    """Radians a position of each channel pair, undivided: (head size / 2)."""
    return [base ** (-2 * i / head_size) for i in range(head_size // 2)]


def linear(factor: float, head_size: int) -> tuple[float, ...]:
    """Positions squeezed by a factor (Chen et al. 2023, Position Interpolation)."""
    return (factor,) * (head_size // 2)


def llama3(base: float, head_size: int, *, factor: float, low: float, high: float, original: int) -> tuple[float, ...]:
    """Llama 3.1's divisors: one for fast pairs, ``factor`` for slow ones, and between them a mean of their inverses.

    Args:
        base: of the rotary frequencies.
        head_size: channels of a head.
        factor: what slow frequencies are divided by.
        low: pairs that turn less often than this within ``original`` positions are slow.
        high: pairs that turn more often are fast; larger than ``low``.
        original: longest window before the model was made for longer ones.
    """
    divisors = []
    for frequency in frequencies(base, head_size):
        turns = original * frequency / (2 * math.pi)
        fast = min(max((turns - low) / (high - low), 0.0), 1.0)
        divisors.append(1 / ((1 - fast) / factor + fast))
    return tuple(divisors)
