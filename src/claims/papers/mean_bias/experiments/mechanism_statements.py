"""For-all statements of sections 3 and 4 about single numbers, as margins that are negative where they fail."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from claims.kinds.search import Statement
from claims.papers.mean_bias.experiments.precision import Real, in_digits

#: What rounding may make of a sum of two values of an activation at |z| <= 30.
ALLOWANCE = 1e-14

_RANGE = (-30.0, 30.0)
_PLANE = dict.fromkeys(("mean_x", "mean_y", "change_x", "change_y"), (-1.0, 1.0))
_PARTS = {"mean": (-3.0, 3.0), "spike": (-3.0, 3.0), "tail": (-3.0, 3.0)}
#: Entries below this magnitude are never among the largest ones: eq. 8 is about extremes.
LEAST_ENTRY = 0.1


def gelu_float(z: float) -> float:
    """z Phi(z)."""
    return z * math.erfc(-z / math.sqrt(2)) / 2


def silu_float(z: float) -> float:
    """z sigmoid(z)."""
    return z / (1 + math.exp(-z)) if z >= 0 else z * math.exp(z) / (1 + math.exp(z))


def _gelu_precise(z: Real) -> Real:
    import mpmath

    return z * mpmath.ncdf(z)


def _silu_precise(z: Real) -> Real:
    import mpmath

    return z / (1 + mpmath.exp(-z))


def even_part_margin(phi: Callable[[Real], Real], z: Real, *, lowered: float, allowance: float) -> Real:
    """Even part of ``phi`` less ``lowered``, at z."""
    return (phi(z) + phi(-z)) / 2 - lowered + allowance


def _even(phi: Callable[[float], float], precise: Callable[[Real], Real]) -> Statement:
    return Statement(
        inputs={"z": _RANGE},
        margin=lambda z: float(even_part_margin(phi, z, lowered=0.0, allowance=ALLOWANCE)),
        planted=lambda z: float(even_part_margin(phi, z, lowered=0.001, allowance=ALLOWANCE)),
        precise=in_digits(even_part_margin, phi=precise, lowered=0.0, allowance=0.0),
        rounding=ALLOWANCE,
    )


def cancellation_margin(mean_x: Real, mean_y: Real, change_x: Real, change_y: Real, *, allowance: float = 0.0) -> Real:
    """|mu + d|^2 - |mu|^2: what adding the mean of a layer does to the energy of the mean."""
    return change_x * (2 * mean_x + change_x) + change_y * (2 * mean_y + change_y) + allowance


def cross_margin(mean: Real, spike: Real, tail: Real, *, limit: float, allowance: float) -> Real:
    """``limit`` less the cross terms' share 1 - (M^2 + S^2 + T^2)/X^2 of an entry X = M + S + T."""
    entry = mean + spike + tail
    if abs(entry) < LEAST_ENTRY:
        return 1.0
    squares = mean * mean + spike * spike + tail * tail
    return limit - 1 + squares / (entry * entry) + allowance


#: Even parts of GELU and SiLU are nowhere negative; planted: the activations lowered by a thousandth.
GELU_EVEN_PART = _even(gelu_float, _gelu_precise)
SILU_EVEN_PART = _even(silu_float, _silu_precise)

#: A residual layer never shortens the mean, which is false; planted: the same less a thousandth.
NO_CANCELLATION = Statement(
    inputs=_PLANE,
    margin=cancellation_margin,
    planted=lambda **entries: float(cancellation_margin(**entries, allowance=-0.001)),
    precise=in_digits(cancellation_margin),
)

#: The cross terms of an entry are at most 2/3 of its square; planted: at most .6.
CROSS_TERMS = Statement(
    inputs=_PARTS,
    margin=lambda **parts: float(cross_margin(**parts, limit=2 / 3, allowance=1e-11)),
    planted=lambda **parts: float(cross_margin(**parts, limit=0.6, allowance=0.0)),
    precise=in_digits(cross_margin, limit=Fraction(2, 3), allowance=0.0),
    rounding=1e-11,
)
