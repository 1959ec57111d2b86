"""``convergence``: a claimed rate n^-rate, by a linear contrast that needs no logarithm and no known limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claims.experiment import Linear, Quantity, linear
from claims.kinds.base import Values
from claims.kinds.per_seed import PerSeed
from claims.kinds.ranged import Ranged, ranged

if TYPE_CHECKING:
    import numpy as np


def convergence(
    y: Quantity | Linear, *, over: str, rate: float, range: tuple[float, float] | None = None
) -> PerSeed | Ranged:
    """The contrast (T_n - T_2n) - 2^rate (T_2n - T_4n), zero if T_n - T falls like n^-rate.

    The axis has the three levels n, 2n, 4n; draw them from common streams. The band is zero and a tolerance; the
    rival is the contrast that another rate would give.

    Args:
        y: one number a seed and level.
        over: name of the axis in the claim's grid.
        rate: the exponent that is claimed.
        range: the lowest and the highest contrast that a seed can have, as of :func:`claims.mean`.
    """
    expression = linear(y)

    def contrasts(sample: Values) -> np.ndarray:
        t = by_size(sample, expression, over)
        result: np.ndarray = (t[0] - t[1]) - 2**rate * (t[1] - t[2])
        return result

    return ranged(PerSeed("convergence", (expression,), contrasts, (over,), doubling=3), range)


def by_size(sample: Values, expression: Linear, over: str) -> list[np.ndarray]:
    """Values at n, 2n, 4n, ... whatever the order in which the grid names them, each of shape (seeds,)."""
    values = sample.of(expression)
    return [values[:, i] for i in sample.axis(over).argsort()]
