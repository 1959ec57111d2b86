"""RMSNorm geometry (paper, section 4): chord of a per-row rescaling, remainder of the linearisation.

RMS(y) = sqrt(d) y/|y|. The remainder RMS(y + h) - RMS(y) - D[h] lies in the plane of y and h, so with
|y| = 1 and h = eps (cos f, sin f) two coordinates give it in every dimension.
"""

import math
from collections.abc import Callable


def rescaling_chord(cv: float) -> float:
    """Relative distance |RMS(alpha z) - RMS(z)|/sqrt(d) for scales of energy-weighted variation `cv`.

    Theorem 1 (its proof, step 3): sqrt(2 - 2/sqrt(1 + cv^2)), valid for a positive weighted mean of the
    scales, written as cv sqrt(2/(s (s + 1))) with s = sqrt(1 + cv^2).
    """
    if cv < 0:
        raise ValueError(f"cv: a coefficient of variation is not negative, got {cv!r}")
    secant = math.hypot(1.0, cv)
    return cv * math.sqrt(2 / (secant * (secant + 1)))


def rescaling_slack(cv: float) -> float:
    """Theorem 1's bound over the exact value, cv / chord = sqrt(s (s + 1)/2) = 1 + 3 cv^2/8 + ..."""
    secant = math.hypot(1.0, cv)
    return math.sqrt(secant * (secant + 1) / 2)


def remainder(eps: float, angle: float) -> float:
    """|RMS(y + h) - RMS(y) - D[h]| / (sqrt(d) eps^2) for |h| = eps |y| at `angle` radians from y; eps < 1.

    With u = 1 + eps cos f, v = eps sin f, N = |(u, v)| the components are u/N - 1 and v (1/N - 1).
    """
    if not 0.0 <= eps < 1.0:
        raise ValueError(f"eps: a relative perturbation in [0, 1) is needed, got {eps!r}")
    cosine, sine = math.cos(angle), math.sin(angle)
    norm = math.hypot(1 + eps * cosine, eps * sine)
    along = sine * sine / (norm * (norm + 1 + eps * cosine))
    across = sine * (2 * cosine + eps) / (norm * (1 + norm))
    return math.hypot(along, across)


def remainder_sup(eps: float = 0.5) -> float:
    """Supremum over directions of `remainder` at relative size `eps`: the sharp constant of Corollary 3.

    It grows with eps from 1/sqrt(3), half of `hessian_sup`, so its value at 1/2 serves every |h| <= |y|/2.
    """
    return _maximum(lambda angle: remainder(eps, angle), 0.0, math.pi)


def remainder_worst_angle(eps: float = 0.5) -> float:
    """Angle between y and h, radians, at which `remainder_sup` is attained."""
    return _argmax(lambda angle: remainder(eps, angle), 0.0, math.pi)


def relative_remainder_sup(eps: float) -> float:
    """Supremum over directions of |remainder| / |D[h]|: eps/(1 - eps), approached as h turns against y.

    At h = -eps y (1 - delta) the across component tends to eps (2 - eps)/((1 - eps)(2 - eps)).
    """
    if not 0.0 <= eps < 1.0:
        raise ValueError(f"eps: a relative perturbation in [0, 1) is needed, got {eps!r}")
    return eps / (1 - eps)


def hessian_sup() -> float:
    """Supremum of |D^2 RMS(y)[h, h]|/sqrt(d) over unit y and h: 2/sqrt(3).

    The value is sqrt(b^4 + 4 a^2 b^2) with a = cos f, b = sin f, largest at b^2 = 2/3; adding the two
    orthogonal terms' lengths instead gives `hessian_sup_by_triangle`.
    """
    return _maximum(lambda f: math.hypot(math.sin(f) ** 2, math.sin(2 * f)), 0.0, math.pi / 2)


def hessian_sup_by_triangle() -> float:
    """The same with the triangle inequality, max of 2ab + b^2 = 1/2 + sin 2f - cos(2f)/2: (1 + sqrt 5)/2."""
    return (1 + math.sqrt(5)) / 2


def _argmax(function: Callable[[float], float], low: float, high: float, cells: int = 400) -> float:
    """Position of the largest value: best grid cell, then golden sections of its two neighbours."""
    width = (high - low) / cells
    best = max(range(cells + 1), key=lambda i: function(low + i * width))
    left, right = max(low, low + (best - 1) * width), min(high, low + (best + 1) * width)
    golden = (math.sqrt(5) - 1) / 2
    while right - left > 1e-9:
        inner, outer = right - golden * (right - left), left + golden * (right - left)
        if function(inner) < function(outer):
            left = inner
        else:
            right = outer
    return (left + right) / 2


def _maximum(function: Callable[[float], float], low: float, high: float) -> float:
    return function(_argmax(function, low, high))
