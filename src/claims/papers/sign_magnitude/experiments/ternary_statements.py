"""For-all statement of Appendix B.1: how fast a quadratic form changes along the unit sphere.

Two points and the origin span a plane, and the form restricted to it has no larger norm: two dimensions leave a search
nothing to miss. A margin works on plain numbers, floats or mpmath's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from claims import Statement

Real = Any
ALLOWANCE = 1e-14
PRECISE_DIGITS = 50


@dataclass(frozen=True, slots=True)
class Functions:
    """Square root, sine and cosine for one kind of number."""

    root: Callable[[Real], Real]
    sine: Callable[[Real], Real]
    cosine: Callable[[Real], Real]


FLOATS = Functions(math.sqrt, math.sin, math.cos)


def form_slope(of: Functions, *, a: Real, b: Real, c: Real, d: Real, f: Real, g: Real) -> Real | None:
    """|x'Mx - y'My| over |M| and the angle between unit x, y at angles f, g, for M = [[a, b], [c, d]].

    x'Mx = (a + d)/2 + (a - d)/2 cos 2f + (b + c)/2 sin 2f, so the difference is a product with sin(f - g). None if
    x = y or M = 0. M is divided by its largest entry first, so that no square underflows.
    """
    largest = max(abs(entry) for entry in (a, b, c, d))
    if f == g or largest == 0:
        return None
    a, b, c, d = (entry / largest for entry in (a, b, c, d))
    change = ((a - d) * of.sine(f + g) - (b + c) * of.cosine(f + g)) * of.sine(f - g) / (f - g)
    norm = (of.root((a + d) ** 2 + (b - c) ** 2) + of.root((a - d) ** 2 + (b + c) ** 2)) / 2
    return abs(change) / norm


def _margin(constant: float, allowance: float) -> Callable[..., float]:
    def margin(**inputs: float) -> float:
        found = form_slope(FLOATS, **inputs)
        return 1.0 if found is None else constant - found + allowance

    return margin


def _precise(**inputs: float) -> Real:
    from mpmath import mp, mpf

    with mp.workdps(PRECISE_DIGITS):
        exact = Functions(mp.sqrt, mp.sin, mp.cos)
        found = form_slope(exact, **{name: mpf(value) for name, value in inputs.items()})
        return mpf(1) if found is None else 2 - found


FORM_LIPSCHITZ = Statement(
    inputs=dict.fromkeys(("a", "b", "c", "d"), (-1.0, 1.0)) | dict.fromkeys(("f", "g"), (0.0, math.pi / 2)),
    margin=_margin(2.0, ALLOWANCE),
    planted=_margin(1.9, 0.0),
    precise=_precise,
    rounding=ALLOWANCE,
)
