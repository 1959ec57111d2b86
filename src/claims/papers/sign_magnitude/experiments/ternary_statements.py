"""For-all statement of Appendix B.1: how fast a quadratic form changes along the unit sphere.

Two points and the origin span a plane, and the form restricted to it has no larger norm: two dimensions leave a search
nothing to miss. A margin works on plain numbers, floats or mpmath's.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from claims import Statement
from claims.papers.sign_magnitude.experiments.precision import Functions, Real, precisely

ALLOWANCE = 1e-14


def form_slope(m: Functions, *, a: Real, b: Real, c: Real, d: Real, f: Real, g: Real) -> Real | None:
    """|x'Mx - y'My| over |M| and the angle between unit x, y at angles f, g, for M = [[a, b], [c, d]].

    x'Mx = (a + d)/2 + (a - d)/2 cos 2f + (b + c)/2 sin 2f, so the difference is a product with sin(f - g). None if
    x = y or M = 0. M is divided by its largest entry first, so that no square underflows.
    """
    largest = max(abs(entry) for entry in (a, b, c, d))
    if f == g or largest == 0:
        return None
    a, b, c, d = (entry / largest for entry in (a, b, c, d))
    change = ((a - d) * m.sin(f + g) - (b + c) * m.cos(f + g)) * m.sin(f - g) / (f - g)
    norm = (m.sqrt((a + d) ** 2 + (b - c) ** 2) + m.sqrt((a - d) ** 2 + (b + c) ** 2)) / 2
    return abs(change) / norm


def _margin(m: Functions, constant: float, allowance: float) -> Callable[..., Real]:
    def margin(**inputs: Real) -> Real:
        found = form_slope(m, **inputs)
        return 1.0 if found is None else constant - found + allowance

    return margin


FORM_LIPSCHITZ = Statement(
    inputs=dict.fromkeys(("a", "b", "c", "d"), (-1.0, 1.0)) | dict.fromkeys(("f", "g"), (0.0, math.pi / 2)),
    margin=_margin(math, 2.0, ALLOWANCE),
    planted=_margin(math, 1.9, 0.0),
    precise=precisely(_margin, 2.0, 0.0),
    rounding=ALLOWANCE,
)
