"""For-all statements with known answers, searched by the tests of ``search``."""

from __future__ import annotations

import math
from itertools import pairwise

import mpmath
from hypothesis import strategies as st

from claims.kinds.search import Statement


def _jensen(x: float, y: float) -> float:
    return (math.exp(x) + math.exp(y)) / 2 - math.exp((x + y) / 2)


def _jensen_precise(x: float, y: float) -> mpmath.mpf:
    with mpmath.workdps(40):
        a, b = mpmath.mpf(x), mpmath.mpf(y)
        return (mpmath.exp(a) + mpmath.exp(b)) / 2 - mpmath.exp((a + b) / 2)


#: exp is convex: true, its margin zero on the diagonal. The planted version claims a little more than is so.
CONVEX = Statement(
    inputs={"x": (-2.0, 2.0), "y": (-2.0, 2.0)},
    margin=lambda x, y: _jensen(x, y) + 1e-9,
    planted=lambda x, y: _jensen(x, y) - 0.01,
    precise=lambda x, y: _jensen_precise(x, y) + mpmath.mpf("1e-9"),
)


def _narrow(x: float, y: float) -> float:
    """Negative only within .1 of one point of the square: a thousandth of it."""
    return (x - 0.7) ** 2 + (y + 1.3) ** 2 - 0.01


#: False, but only in a small corner: drawing alone would often miss it.
FALSE = Statement(
    inputs={"x": (-2.0, 2.0), "y": (-2.0, 2.0)},
    margin=_narrow,
    planted=lambda x, y: _narrow(x, y) - 0.01,
    precise=lambda x, y: (mpmath.mpf(x) - mpmath.mpf("0.7")) ** 2 + (mpmath.mpf(y) + mpmath.mpf("1.3")) ** 2 - 0.01,
)

#: True; in double precision x (1/x) - 1 is off by rounding, on either side.
ROUNDING = Statement(
    inputs={"x": (1.0, 100.0)},
    margin=lambda x: x * (1.0 / x) - 1.0,
    planted=lambda x: -1.0,
    precise=lambda x: mpmath.mpf(0),
    rounding=2**-52,
)

#: True, and the planted version is true as well, so that finding nothing says nothing.
TOOTHLESS = Statement(
    inputs={"x": (0.0, 1.0)},
    margin=lambda x: x + 1.0,
    planted=lambda x: x + 0.5,
    precise=lambda x: mpmath.mpf(x) + 1,
)

#: False for lists that are not in order: an input that no optimiser can move.
SORTED = Statement(
    inputs={"values": st.lists(st.integers(-5, 5), min_size=2, max_size=6)},
    margin=lambda values: min(b - a for a, b in pairwise(values)),
    planted=lambda values: -1.0,
    precise=lambda values: mpmath.mpf(min(b - a for a, b in pairwise(values))),
)

#: A double-precision margin that is wrong where it is most negative (k = 7), and right in saying that it fails at -3.
MIXED = Statement(
    inputs={"k": st.integers(-3, 10)},
    margin=lambda k: -20.0 if k == 7 else float(k + 2),
    planted=lambda k: -1.0,
    precise=lambda k: mpmath.mpf(k + 2),
)

NAN = Statement(
    inputs={"x": (0.0, 1.0)},
    margin=lambda x: math.nan,
    planted=lambda x: -1.0,
    precise=lambda x: mpmath.mpf(0),
)

NO_STATEMENT = "text"
