"""``limit``: a claimed limit, by Richardson extrapolation of each seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claims.experiment import Linear, Quantity, linear
from claims.kinds.base import Values
from claims.kinds.convergence import by_size
from claims.kinds.per_seed import PerSeed
from claims.kinds.ranged import Ranged, ranged

if TYPE_CHECKING:
    import numpy as np


def limit(
    y: Quantity | Linear, *, over: str, rate: float, range: tuple[float, float] | None = None
) -> PerSeed | Ranged:
    """(2^rate T_2n - T_n) / (2^rate - 1) a seed, an estimate of the limit free of the error of order n^-rate.

    The axis has the two levels n and 2n; draw them from common streams, else the variance grows fivefold (rate 1).

    Args:
        y: one number a seed and level.
        over: name of the axis in the claim's grid.
        rate: order of the error that is removed.
        range: the lowest and the highest extrapolated value that a seed can have, as of :func:`claims.mean`.
    """
    expression = linear(y)

    def extrapolated(sample: Values) -> np.ndarray:
        small, large = by_size(sample, expression, over)
        factor = 2.0**rate
        result: np.ndarray = (factor * large - small) / (factor - 1)
        return result

    return ranged(PerSeed("limit", (expression,), extrapolated, (over,), doubling=2), range)
