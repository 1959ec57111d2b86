"""For-all statements about RMSNorm (section 4), in three dimensions, as margins that are negative where they fail.

RMSNorm commutes with rotations and every statement involves at most the plane of two vectors, so three dimensions
leave a search nothing to miss while keeping y and h free. Margins work on plain numbers: floats, or mpmath's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from claims import Statement
from claims.papers.sign_magnitude.experiments.precision import Functions, Real, precisely

Vector = Sequence[Real]
Root = Callable[[Real], Real]

#: What rounding may make of a difference of two lengths of order one.
ALLOWANCE = 1e-14
#: Share of h that has to be transverse before remainders are divided by it, and the rounding of that ratio.
LEAST_TRANSVERSE = 1e-3
RATIO_ALLOWANCE = 1e-10


def dot(a: Vector, b: Vector) -> Real:
    """Inner product."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def scaled(a: Vector) -> Vector | None:
    """The vector divided by its largest magnitude, so that no square underflows; None if it is 0."""
    largest = max(abs(x) for x in a)
    return None if largest == 0 else [x / largest for x in a]


def normalised(a: Vector, root: Root) -> Vector | None:
    """The unit vector of a; None if a is 0."""
    safe = scaled(a)
    return None if safe is None else [x / root(dot(safe, safe)) for x in safe]


def rescaling_margin(z: Vector, alpha: Vector, root: Root, *, factor: float = 1.0) -> Real | None:
    """Theorem 1: factor * CV - |RMS(alpha z) - RMS(z)|/sqrt(d); None where a vector or the mean scale is 0."""
    scales, row = scaled(alpha), scaled(z)
    if scales is None or row is None:
        return None
    y = scaled([a * x for a, x in zip(scales, row, strict=True)])
    mean = sum(a * x * x for a, x in zip(scales, row, strict=True)) / dot(row, row)
    if y is None or mean == 0:
        return None
    variance = sum((a - mean) ** 2 * x * x for a, x in zip(scales, row, strict=True)) / dot(row, row)
    ny, nz = root(dot(y, y)), root(dot(row, row))
    chord = root(sum((b / ny - x / nz) ** 2 for b, x in zip(y, row, strict=True)))
    return factor * root(variance) / abs(mean) - chord


def remainder_lengths(y: Vector, h: Vector, eps: Real, root: Root) -> tuple[Real, Real] | None:
    """(remainder, |D[h]|) over sqrt(d) for a step of relative size eps along h; None if y or h is 0.

    With u = y/|y|, v = u + eps h/|h| and e = v - u: the remainder is v/|v| - u - (e - u (u.e)).
    """
    unit, direction = normalised(y, root), normalised(h, root)
    if unit is None or direction is None:
        return None
    step = [eps * x for x in direction]
    along = dot(unit, step)
    across = [s - along * u for s, u in zip(step, unit, strict=True)]
    norm = root(1 + 2 * along + eps * eps)
    # v/|v| - u = e/N - u (N^2 - 1)/(N (N + 1)), which does not cancel as eps goes to 0.
    shrink = (2 * along + eps * eps) / (norm * (norm + 1))
    rest = [s / norm - shrink * u - t for s, u, t in zip(step, unit, across, strict=True)]
    return root(dot(rest, rest)), root(dot(across, across))


def hessian_length(y: Vector, h: Vector, root: Root) -> Real | None:
    """|D^2 RMS(y)[h, h]|/sqrt(d) for the directions of y and h: |2 (u.h) Ph + |Ph|^2 u|."""
    unit, step = normalised(y, root), normalised(h, root)
    if unit is None or step is None:
        return None
    along = dot(unit, step)
    across = [s - along * u for s, u in zip(step, unit, strict=True)]
    total = [2 * along * t + dot(across, across) * u for t, u in zip(across, unit, strict=True)]
    return root(dot(total, total))


def _rescaling(low: float) -> dict[str, tuple[float, float]]:
    return dict.fromkeys(("z1", "z2", "z3"), (-3.0, 3.0)) | dict.fromkeys(("a1", "a2", "a3"), (low, 3.0))


def _scaled(m: Functions, factor: float, allowance: float) -> Callable[..., Real]:
    def margin(**entries: Real) -> Real:
        found = rescaling_margin(*_vectors(entries, "z", "a"), m.sqrt, factor=factor)
        return 1.0 if found is None else found + allowance

    return margin


_PLANE = dict.fromkeys(("y1", "y2", "y3", "h1", "h2", "h3"), (-1.0, 1.0))
_STEP = _PLANE | {"eps": (0.01, 0.5)}


def _quadratic(m: Functions, constant: float) -> Callable[..., Real]:
    def margin(eps: Real, **entries: Real) -> Real:
        found = remainder_lengths(*_vectors(entries, "y", "h"), eps, m.sqrt)
        return constant if found is None else constant - found[0] / (eps * eps)

    return margin


def _relative(m: Functions, factor: float, allowance: float) -> Callable[..., Real]:
    def margin(eps: Real, **entries: Real) -> Real:
        found = remainder_lengths(*_vectors(entries, "y", "h"), eps, m.sqrt)
        if found is None or found[1] < LEAST_TRANSVERSE * eps:
            return 1.0
        return factor * eps / (1 - eps) - found[0] / found[1] + allowance

    return margin


def _hessian(m: Functions, constant: float) -> Callable[..., Real]:
    def margin(**entries: Real) -> Real:
        found = hessian_length(*_vectors(entries, "y", "h"), m.sqrt)
        return constant if found is None else constant - found

    return margin


def _vectors(entries: dict[str, Real], first: str, second: str) -> tuple[Vector, Vector]:
    return [entries[f"{first}{i}"] for i in (1, 2, 3)], [entries[f"{second}{i}"] for i in (1, 2, 3)]


#: Theorem 1's bound for positive scales; planted: a bound three per cent smaller, which small CV violate.
RESCALING = Statement(
    inputs=_rescaling(0.05),
    margin=_scaled(math, 1.0, ALLOWANCE),
    planted=_scaled(math, 0.97, ALLOWANCE),
    precise=precisely(_scaled, 1.0, 0.0),
)

#: The same without a sign condition on the scales, which is false: alpha = -1 turns the output round at CV = 0.
RESCALING_ANY_SIGN = Statement(
    inputs=_rescaling(-3.0),
    margin=_scaled(math, 1.0, ALLOWANCE),
    planted=_scaled(math, 0.97, ALLOWANCE),
    precise=precisely(_scaled, 1.0, 0.0),
)

#: Corollary 3 with 4, the smallest constant that its proof's steps can give; planted: 0.7, below the supremum.
REMAINDER = Statement(
    inputs=_STEP,
    margin=_quadratic(math, 4.0),
    planted=_quadratic(math, 0.7),
    precise=precisely(_quadratic, 4.0),
)

#: Corollary 3 with the sharp constant, rounded up.
REMAINDER_SHARP = Statement(
    inputs=_STEP,
    margin=_quadratic(math, 0.72468),
    planted=_quadratic(math, 0.7),
    precise=precisely(_quadratic, 0.72468),
)

#: Remainder over |D[h]| at most eps/(1 - eps); planted: one tenth less.
REMAINDER_RELATIVE = Statement(
    inputs=_STEP,
    margin=_relative(math, 1.0, RATIO_ALLOWANCE),
    planted=_relative(math, 0.9, RATIO_ALLOWANCE),
    precise=precisely(_relative, 1.0, 0.0),
)

#: |D^2 RMS[h, h]| at most 3 sqrt(d) for unit vectors; planted: 1.1, below the supremum 2/sqrt(3).
HESSIAN = Statement(
    inputs=_PLANE, margin=_hessian(math, 3.0), planted=_hessian(math, 1.1), precise=precisely(_hessian, 3.0)
)
