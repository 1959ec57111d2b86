"""NVFP4's error on blocks whose 16 elements share an offset c: iid N(c, 1), in real arithmetic, rounding to nearest.

That is what a coherent mean makes of blocks along the tokens, as the weight gradient needs them: every token has the
same mean in a channel, so the block's offset is that channel's mean. On a cell lo <= a < hi of the block's largest
magnitude its scale is constant, and an element of magnitude x meets that scale where the 15 others stay below hi and,
unless x does so itself, one of them reaches lo. Moments are then sums of elementary integrals over the steps of E2M1.
"""

from __future__ import annotations

import functools
import itertools
import math
from statistics import NormalDist
from typing import NamedTuple

from .formats import MAGNITUDES, nvfp4_cells

_BLOCK = 16
_EDGES = (0.0, *(sum(pair) / 2 for pair in itertools.pairwise(MAGNITUDES)), math.inf)
_STEPS = tuple(zip(itertools.pairwise(_EDGES), MAGNITUDES, strict=True))
#: Nodes in the distribution function of the magnitude of a channel's mean.
_NODES = 32
_NEGLIGIBLE = 1e-13


class OffsetError(NamedTuple):
    """``varying``, the variance over tokens of a channel's error; ``coherent``, its mean over them, squared."""

    varying: float
    coherent: float


def _density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _mass(lo: float, hi: float) -> float:
    """P(lo < N(0, 1) < hi), from the tail that loses no digits."""
    if lo > 0:
        lo, hi = -hi, -lo
    return (math.erfc(-hi / math.sqrt(2)) - math.erfc(-lo / math.sqrt(2))) / 2


def _signed(lo: float, hi: float, value: float, offset: float) -> tuple[float, float]:
    """Integrals of (x - value)^2 and (value - x) over [lo, hi] against the density of N(offset, 1)."""
    a, b, away = lo - offset, hi - offset, offset - value
    mass, first = _mass(a, b), _density(a) - _density(b)
    tails = a * _density(a) - (0.0 if math.isinf(b) else b * _density(b))
    return mass + tails + 2 * away * first + away**2 * mass, -first - away * mass


def _range(scale: float, lo: float, hi: float, offset: float) -> tuple[float, float]:
    """Squared error and error of one element over lo <= |x| < hi at a given scale."""
    squared = error = 0.0
    for (start, stop), value in _STEPS:
        left, right = max(start * scale, lo), min(stop * scale, hi)
        if left < right:
            for sign in (1, -1):  # x = -|x| has the error of |x| with the other sign, and offset -c
                square, first = _signed(left, right, value * scale, sign * offset)
                squared, error = squared + square, error + sign * first
    return squared, error


@functools.cache
def block_error(offset: float, amax: float) -> OffsetError:
    """Error of an element of a block of iid N(offset, 1) in a tensor of largest magnitude ``amax``.

    Raises:
        ValueError: a largest magnitude that is not positive.
    """
    if not amax > 0:
        raise ValueError(f"amax: a positive number is needed, got {amax!r}")

    def below(x: float) -> float:
        return _mass(-x - offset, x - offset) ** (_BLOCK - 1)

    squared = error = 0.0
    for lo, top, scale in nvfp4_cells(amax):
        if lo >= top:
            continue
        hi = math.inf if top >= amax else top  # what little lies above amax saturates, as in that block
        up, down = below(hi), below(lo)
        if up < _NEGLIGIBLE or down >= 1:
            continue
        for weight, start, stop in ((up - down, 0.0, lo), (up, lo, hi)):
            square, first = _range(scale, start, stop, offset)
            squared, error = squared + weight * square, error + weight * first
    return OffsetError(squared - error**2, error**2)


@functools.cache
def channel_error(strength: float, tokens: int, channels: int) -> OffsetError:
    """The same, averaged over channels whose means are ``strength`` times N(0, 1), for (tokens, channels) in all.

    The tensor's largest magnitude is set to strength * (largest of the means' N(0, 1)) + (largest of the noise): the
    average depends on it only through the phase of the scales, by less than one per cent up to strength 4.
    """
    means, noise = (NormalDist().inv_cdf(1 - 0.25 / count) for count in (channels, tokens * channels))
    amax = strength * means + noise
    # A block and its negative have the same error, so that half of the normal law is enough.
    quantiles = (NormalDist().inv_cdf(0.5 + (i + 0.5) / (2 * _NODES)) for i in range(_NODES))
    errors = [block_error(strength * quantile, amax) for quantile in quantiles]
    return OffsetError(*(math.fsum(parts) / _NODES for parts in zip(*errors, strict=True)))
