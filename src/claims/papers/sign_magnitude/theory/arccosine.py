"""Moments of two rectified standard normals, as functions of the angle between them.

Write corr(u, v) = cos(theta). In polar coordinates (u, v) = r (cos f, cos(f - theta)) with f uniform and
E r^2 = 2, so each moment of relu(u), relu(v) is a trigonometric integral over an arc. Forms are arranged so
that nothing cancels as theta -> 0, where the quantities of the paper's Theorem 3 live.
"""

import math
from functools import lru_cache

SERIES_BELOW = 1.0  # radians; above it the direct forms lose less than two bits


def _odd_series(x: float, weight: int) -> float:
    """Sum over j >= 1 of (-1)^(j+1) (2j)^weight x^(2j+1) / (2j+1)!."""
    total, power = 0.0, x
    for j in range(1, 40):
        power *= -x * x / (2 * j * (2 * j + 1))
        term = -power * (2 * j) ** weight
        total += term
        if abs(term) <= 1e-18 * abs(total):
            break
    return total


def sine_minus_arc(x: float) -> float:
    """sin x - x cos x, without cancellation: x^3/3 - x^5/30 + ..."""
    return _odd_series(x, 1) if abs(x) < SERIES_BELOW else math.sin(x) - x * math.cos(x)


def arc_minus_sine(x: float) -> float:
    """x - sin x, without cancellation: x^3/6 - x^5/120 + ..."""
    return _odd_series(x, 0) if abs(x) < SERIES_BELOW else x - math.sin(x)


def relu_product(rho: float) -> float:
    """E[relu(u) relu(v)] for standard normals with correlation rho: the paper's product formula (step A5).

    J = [sin(theta) + (pi - theta) cos(theta)] / (2 pi) with theta = arccos(rho). J(1) = 1/2, J(-1) = 0.
    """
    if not -1.0 <= rho <= 1.0:
        raise ValueError(f"rho: a correlation lies in [-1, 1], got {rho!r}")
    supplement = math.acos(-rho)
    return sine_minus_arc(supplement) / (2 * math.pi)


def relu_deficit(theta: float) -> float:
    """1 - 2 J(cos theta): one minus the uncentred cosine of relu(u) and relu(v); theta in [0, pi].

    Equals 2 sin^2(theta/2) - (sin theta - theta cos theta)/pi; beyond a right angle the complement is used.
    """
    if not 0.0 <= theta <= math.pi:
        raise ValueError(f"theta: an angle lies in [0, pi], got {theta!r}")
    if theta > math.pi / 2:
        return 1.0 - sine_minus_arc(math.pi - theta) / math.pi
    return 2.0 * math.sin(theta / 2) ** 2 - sine_minus_arc(theta) / math.pi


def gate_loss_energy(theta: float) -> float:
    """E[u^2; u > 0 > v]: energy of a unit neuron that the perturbation switches off (one half of eq. 15).

    The arc of width theta at the edge of the half-plane u > 0 gives (theta - sin theta cos theta)/(2 pi).
    """
    return arc_minus_sine(2 * theta) / (4 * math.pi)


def both_on_energy(theta: float, growth: float = 0.0) -> float:
    """E[((1 + growth) v - u)^2; u > 0, v > 0]: energy of neurons that stay active (eq. 16 without growth).

    Growth and rotation separate: growth^2 E[u^2; both] + (1 + growth) both_on(0), where E[u^2; both] is
    (psi - sin psi cos psi)/(2 pi) with psi = pi - theta.
    """
    supplement = math.pi - theta
    mass = arc_minus_sine(2 * supplement) / (4 * math.pi)
    equal_scales = 2.0 * math.sin(theta / 2) ** 2 * arc_minus_sine(supplement) / math.pi
    return growth * growth * mass + (1.0 + growth) * equal_scales


def residual_fourth_moments(theta: float) -> tuple[float, float]:
    """(E[a^2 e^2], E[b^2 e^2]) for a = relu(u), b = relu(v) and e the part of b uncorrelated with a.

    e = b - 2 J a. On the common arc e = r [sin theta sin f - g cos f], g = (sin theta - theta cos theta)/pi;
    where v is off e = -2 J a; where u is off a = 0 and e = b. With E r^4 = 8 each arc is a polynomial in
    sines and cosines, integrated by Gauss-Legendre to rounding.
    """
    nodes, weights = _legendre()
    lag = sine_minus_arc(theta) / math.pi
    overlap = sine_minus_arc(math.pi - theta) / math.pi
    half = (math.pi - theta) / 2
    clean = perturbed = edge = 0.0
    for node, weight in zip(nodes, weights, strict=True):
        f = theta / 2 + half * node
        squared = (math.sin(theta) * math.sin(f) - lag * math.cos(f)) ** 2
        clean += weight * half * squared * math.cos(f) ** 2
        perturbed += weight * half * squared * math.cos(f - theta) ** 2
        edge += weight * theta / 2 * math.sin(theta / 2 * (1 + node)) ** 4
    return 4 / math.pi * (clean + overlap**2 * edge), 4 / math.pi * (perturbed + edge)


@lru_cache(maxsize=1)
def _legendre() -> tuple[list[float], list[float]]:
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(24)
    return nodes.tolist(), weights.tolist()
