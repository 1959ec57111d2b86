"""Exact laws of NVFP4 and MXFP4 applied to iid N(0, 1) elements, in real arithmetic: error, gain, clipped share.

All elements of a block share the scale s(a) of its largest magnitude a, a step function. On a cell lo <= a < hi where
it is constant, an element of magnitude x meets it with density 2 phi(x) w(x): the other B - 1 elements have to stay
below hi, and one of them to reach lo unless x does itself. So every moment is a sum of integrals of polynomials times
phi between the midpoints (nearest) or values (stochastic) of E2M1, which are elementary.

NVFP4 scales blocks relative to the largest magnitude A of the tensor. Given A, all other elements are iid below A;
moments are averaged over the law of A by the midpoint rule in its distribution function.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import NamedTuple

MAGNITUDES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
LARGEST_ELEMENT, LARGEST_SCALE = 6.0, 448.0
_MIDPOINTS = tuple((low + high) / 2 for low, high in itertools.pairwise(MAGNITUDES))
#: Nodes in the distribution function of A, on which everything depends little: good to 1e-4 of any of the means.
_NODES = 16
_ROOT_TWO, _TOP = math.sqrt(2), 2 / math.sqrt(2 * math.pi)
#: Beyond all normal numbers that count.
_FAR = 40.0
#: Cells that a block's maximum meets less often are left out.
_NEGLIGIBLE = 1e-13


class Cell(NamedTuple):
    """Blocks of largest magnitude in [lo, hi) have the scale ``scale``, which multiplies the E2M1 element."""

    lo: float
    hi: float
    scale: float


class Moments(NamedTuple):
    """Of an element x and its quantized value q: E (q - x)^2, E x (q - x) and E x^2."""

    error: float
    along: float
    energy: float

    def plus(self, other: Moments, weight: float = 1.0) -> Moments:
        """Sum, the other one weighted."""
        return Moments(*(a + weight * b for a, b in zip(self, other, strict=True)))


def folded(x: float) -> float:
    """P(|N(0, 1)| < x)."""
    return math.erf(x / _ROOT_TWO)


def _powers(lo: float, hi: float) -> tuple[float, float, float]:
    """Of 1, x and x^2 times 2 phi(x): the integrals over [lo, hi]."""
    mass = folded(hi) - folded(lo)
    low, high = _TOP * math.exp(-lo * lo / 2), _TOP * math.exp(-hi * hi / 2)
    return mass, low - high, mass + lo * low - hi * high


def _pieces(scale: float, rounding: str) -> Iterator[tuple[float, float, float, float]]:
    """(lo, hi, a, b): for magnitudes in [lo, hi) the value is a (nearest, a = b), or a or b without bias."""
    top = LARGEST_ELEMENT * scale
    if rounding == "nearest":
        edges = (0.0, *(scale * midpoint for midpoint in _MIDPOINTS), math.inf)
        for (lo, hi), value in zip(itertools.pairwise(edges), MAGNITUDES, strict=True):
            yield lo, hi, scale * value, scale * value
    elif rounding == "stochastic":
        for low, high in itertools.pairwise(MAGNITUDES):
            yield scale * low, scale * high, scale * low, scale * high
        yield top, math.inf, top, top
    else:
        raise ValueError(f"rounding: got {rounding!r}; allowed: nearest, stochastic")


def _range_moments(scale: float, rounding: str, lo: float, hi: float) -> Moments:
    """Moments of one element over lo <= |x| < hi at a given scale."""
    total = Moments(0.0, 0.0, 0.0)
    for start, stop, a, b in _pieces(scale, rounding):
        left, right = max(start, lo), min(stop, hi)
        if left >= right:
            continue
        mass, first, energy = _powers(left, right)
        if a == b:
            total = total.plus(Moments(a * a * mass - 2 * a * first + energy, a * first - energy, energy))
        else:  # E (q - x)^2 = (x - a)(b - x), and E q = x
            total = total.plus(Moments((a + b) * first - a * b * mass - energy, 0.0, energy))
    return total


@functools.cache
def _e4m3_cells() -> tuple[tuple[float, float, float], ...]:
    """(lo, hi, value) for every E4M3 magnitude: what rounds to it, from its fields."""
    values = [
        math.ldexp((8 if field else 0) + mantissa, max(field, 1) - 10) for field in range(16) for mantissa in range(8)
    ][:-1]
    edges = [0.0, *((low + high) / 2 for low, high in itertools.pairwise(values)), math.inf]
    return tuple((lo, hi, value) for (lo, hi), value in zip(itertools.pairwise(edges), values, strict=True))


def nvfp4_cells(amax: float) -> tuple[Cell, ...]:
    """Scales of NVFP4 blocks in a tensor of largest magnitude ``amax``."""
    unit = amax / (LARGEST_ELEMENT * LARGEST_SCALE)
    block = LARGEST_ELEMENT * unit
    return tuple(Cell(lo * block, min(hi * block, amax), value * unit) for lo, hi, value in _e4m3_cells())


def mxfp4_cells(scale_rule: str) -> tuple[Cell, ...]:
    """Scales of MXFP4 blocks: powers of two, by floor(log2 a) - 2 or by ceil(log2(a / 6))."""
    if scale_rule not in ("floor", "ceil"):
        raise ValueError(f"scale_rule: got {scale_rule!r}; allowed: floor, ceil")
    lowest, highest = (4.0, 8.0) if scale_rule == "floor" else (3.0, 6.0)
    return tuple(Cell(lowest * 2.0**e, highest * 2.0**e, 2.0**e) for e in range(-12, 5))


def unrounded_cells(steps: int = 1024) -> tuple[Cell, ...]:
    """Scales a / 6 to relative 1 / steps: what blocks would have if their scale were not rounded at all."""
    edges = [0.05 * 200 ** (i / steps) for i in range(steps + 1)]
    return tuple(Cell(lo, hi, math.sqrt(lo * hi) / LARGEST_ELEMENT) for lo, hi in itertools.pairwise(edges))


def block_moments(cells: tuple[Cell, ...], block: int, rounding: str, *, below: float = math.inf) -> Moments:
    """Moments of an element of a block of ``block`` iid normals that all are below ``below``."""
    total, norm = Moments(0.0, 0.0, 0.0), folded(below) ** block
    for lo, hi, scale in cells:
        up, down = folded(hi) ** (block - 1), folded(lo) ** (block - 1)
        if up * folded(hi) / norm < _NEGLIGIBLE or lo >= hi or down >= 1:
            continue
        total = total.plus(_range_moments(scale, rounding, 0.0, lo), (up - down) / norm)
        total = total.plus(_range_moments(scale, rounding, lo, hi), up / norm)
    return total


def _over_amax(elements: int, value: Callable[[float], float]) -> float:
    """Mean of a function of the largest of ``elements`` magnitudes."""
    quantiles = (((i + 0.5) / _NODES) ** (1 / elements) for i in range(_NODES))
    return math.fsum(value(NormalDist().inv_cdf((1 + level) / 2)) for level in quantiles) / _NODES


def _nvfp4_mean(elements: int, block: int, rounding: str, part: str) -> float:
    """Mean over the tensor of one moment, the block that holds the largest element apart: its scale is amax / 6."""

    def at(amax: float) -> float:
        others = getattr(block_moments(nvfp4_cells(amax), block, rounding, below=amax), part)
        beside = getattr(_range_moments(amax / LARGEST_ELEMENT, rounding, 0.0, amax), part) / folded(amax)
        # The largest element itself is 6 times its scale: no error, and its energy belongs to the denominator.
        own = amax * amax if part == "energy" else 0.0
        return float((elements - block) * others + (block - 1) * beside + own) / elements

    return _over_amax(elements, at)


@functools.cache
def nvfp4_error(elements: int, tile: str = "1x16", rounding: str = "nearest") -> float:
    """Mean squared error of NVFP4 relative to the energy, for a tensor of so many N(0, 1) elements."""
    return _nvfp4_mean(elements, {"1x16": 16, "16x16": 256}[tile], rounding, "error")


@functools.cache
def nvfp4_gain(elements: int, rounding: str) -> float:
    """E[x (q - x)] / E[x^2]: how much the quantized tensor is shrunk along itself."""
    return _nvfp4_mean(elements, 16, rounding, "along")


@functools.cache
def mxfp4_error(scale_rule: str, rounding: str = "nearest") -> float:
    """Mean squared error of MXFP4 relative to the energy, for N(0, 1) elements."""
    return block_moments(mxfp4_cells(scale_rule), 32, rounding).error


@functools.cache
def unrounded_error(rounding: str = "nearest") -> float:
    """The error of blocks of 16 whose scale puts the largest element exactly on 6."""
    return block_moments(unrounded_cells(), 16, rounding).error


@functools.cache
def clipped_share(elements: int) -> float:
    """Expected share of NVFP4 blocks whose largest element exceeds 6 scales, for so many N(0, 1) elements.

    The block with the tensor's largest element never does: its scale is 448 exactly.
    """

    def at(amax: float) -> float:
        norm = folded(amax) ** 16
        above = (
            folded(hi) ** 16 - folded(min(max(LARGEST_ELEMENT * scale, lo), hi)) ** 16
            for lo, hi, scale in nvfp4_cells(amax)
            if lo < hi
        )
        return math.fsum(above) / norm * (1 - 16 / elements)

    return _over_amax(elements, at)


def _integral_of_power(lo: float, hi: float, power: int) -> float:
    """Of P(|N(0, 1)| < x)^power over [lo, hi], by Simpson's rule in steps of at most 1/16."""
    panels = max(1, math.ceil((hi - lo) * 8))
    step = (hi - lo) / (2 * panels)
    weights = (1 if i in (0, 2 * panels) else 4 if i % 2 else 2 for i in range(2 * panels + 1))
    return step / 3 * math.fsum(weight * folded(lo + i * step) ** power for i, weight in enumerate(weights))


@functools.cache
def maximum_gain(elements: int) -> float:
    """Mean of q - a over that of a, for the largest elements a of blocks under stochastic rounding: -(a - 6 s)^+."""
    blocks = elements // 16

    def lost(amax: float) -> float:
        total = 0.0
        for lo, hi, scale in nvfp4_cells(amax):
            top = max(LARGEST_ELEMENT * scale, lo)
            if top < hi:
                total += (hi - top) * folded(hi) ** 16 - _integral_of_power(top, hi, 16)
        return total / folded(amax) ** 16 * (blocks - 1)

    def largest(amax: float) -> float:
        others = amax - _integral_of_power(0.0, amax, 16) / folded(amax) ** 16
        return others * (blocks - 1) + amax

    return -_over_amax(elements, lost) / _over_amax(elements, largest)


@functools.cache
def error_at_scale(scale: float) -> float:
    """Mean squared error of N(0, 1) elements rounded to nearest at a given scale."""
    return _range_moments(scale, "nearest", 0.0, _FAR).error


def flushed_share(scale: float) -> float:
    """Share of N(0, 1) elements that become zero at a given scale: those up to a quarter of it."""
    return folded(scale / 4)


def nearest_level_error(level: float) -> float:
    """What rounding to nearest adds to a number given in units of the scale."""
    return min(MAGNITUDES, key=lambda magnitude: abs(magnitude - level)) - level
