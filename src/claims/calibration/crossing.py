"""How often Student's t of normal values with mean zero exceeds its quantile at any of several looks: exactly.

The chain that :mod:`claims.auditing.schedule` describes, backwards: from each V after n values, the probability that a
later look is exceeded. Angles stand for V = sqrt(n) sin(angle), so that t = sqrt(n - 1) tan(angle).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from scipy import stats
from scipy.interpolate import PchipInterpolator
from scipy.special import betaln

#: Probabilities below this are taken to be none; it is added before logarithms are interpolated.
_NEVER = 1e-16
#: A probability by angle, of any shape.
ByAngle = Callable[[np.ndarray], np.ndarray]


def crossing(levels: Mapping[int, float], *, nodes: int = 480, points: int = 16) -> float:
    """The probability that the two-sided t interval of any look misses the truth.

    Args:
        levels: the two-sided level of each look, by its number of values, two or more.
        nodes: angles at which the probability is kept, from one value to the next.
        points: of each Gauss-Legendre rule.
    """
    bounds = {n: _angle(level, n) for n, level in levels.items()}
    first, last = min(levels), max(levels)
    later: ByAngle = np.zeros_like
    for n in range(last - 1, first - 1, -1):
        angles = _nodes(n, bounds, nodes)
        later = _interpolated(angles, _before(angles, n, later, bounds.get(n + 1), points))
    start, end = np.array([-bounds[first]]), np.array([bounds[first]])
    inside = _integral(lambda angle: _density(angle, first - 1) * later(np.abs(angle)), start, end, 32, points)
    return levels[first] + float(inside[0])


def _nodes(n: int, bounds: Mapping[int, float], nodes: int) -> np.ndarray:
    """The angles at which the probability is kept: half of them evenly, half close above where it begins.

    In m steps V^2 grows by m at most, so the next bound is out of reach below some V; above it the probability rises
    like a power of the distance, a square root if m is one.
    """
    top = bounds.get(n, _angle(_NEVER, n))
    look = min(later for later in bounds if later > n)
    reach = look * math.sin(bounds[look]) ** 2 - (look - n)
    start = min(math.asin(min(math.sqrt(max(reach, 0.0) / n), 1.0)), top)
    half = np.linspace(0.0, 1.0, nodes // 2)
    return np.unique(np.concatenate([top * half, start + (top - start) * half**2]))


def _before(angles: np.ndarray, n: int, later: ByAngle, bound: float | None, points: int) -> np.ndarray:
    """The probability one value earlier, shape (angles,): V becomes R sin(phi + psi), which may lie beyond the bound.

    It does so between those phi at which the sine is one or the other edge; there the integrand is one.
    """
    v = math.sqrt(n) * np.sin(angles)
    radius, psi = np.hypot(1.0, v), np.arctan(v)
    most = np.full_like(v, _angle(_NEVER, n + 1))

    def inside(phi: np.ndarray) -> np.ndarray:
        sine = radius[:, None] * np.sin(phi + psi[:, None]) / math.sqrt(n + 1)
        result: np.ndarray = _density(phi, n) * later(np.arcsin(np.minimum(np.abs(sine), 1.0)))
        return result

    if bound is None:
        return _integral(inside, -most, most, 10, points)
    edge = np.arcsin(np.minimum(math.sqrt(n + 1) * math.sin(bound) / radius, 1.0))
    edges = [np.clip(phi, -most, most) for phi in (edge - math.pi - psi, -edge - psi, edge - psi, math.pi - edge - psi)]
    cuts = [-most, *edges, most]
    parts = [_integral(inside, cuts[i], cuts[i + 1], 6 if i == 2 else 2, points) for i in (0, 2, 4)]
    parts += [_integral(lambda phi: _density(phi, n), cuts[i], cuts[i + 1], 2, points) for i in (1, 3)]
    total: np.ndarray = np.sum(parts, axis=0)
    return total


def _interpolated(angles: np.ndarray, probability: np.ndarray) -> ByAngle:
    """Through its logarithm, between angles and at the last one beyond them."""
    logarithm, most = PchipInterpolator(angles, np.log(np.maximum(probability, 0.0) + _NEVER)), angles[-1]
    return lambda angle: np.exp(logarithm(np.minimum(angle, most))) - _NEVER


def _integral(integrand: ByAngle, start: np.ndarray, end: np.ndarray, panels: int, points: int) -> np.ndarray:
    """From each start to each end, shape (ranges,), by Gauss-Legendre rules on as many equal panels."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    half = (end - start) / (2 * panels)
    middles = (start + half * (2 * panel + 1) for panel in range(panels))
    sums = (half * (integrand(at[:, None] + half[:, None] * nodes) @ weights) for at in middles)
    total: np.ndarray = sum(sums, np.zeros_like(half))
    return total


def _angle(level: float, n: int) -> float:
    """The angle that is exceeded, whatever its sign, with probability ``level`` after n values."""
    return math.atan(float(stats.t.isf(level / 2, n - 1)) / math.sqrt(n - 1))


def _density(angle: np.ndarray, n: int) -> np.ndarray:
    """cos^(n - 1), made a density."""
    density: np.ndarray = np.exp((n - 1) * np.log(np.cos(angle)) - betaln(0.5, n / 2))
    return density
