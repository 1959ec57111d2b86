"""``slope``: one least-squares slope a seed over an axis of the grid, then their mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claims.errors import MeasurementError
from claims.experiment import Linear, Quantity, linear
from claims.kinds.base import Values
from claims.kinds.per_seed import PerSeed
from claims.kinds.ranged import Ranged, ranged

if TYPE_CHECKING:
    import numpy as np


def slope(
    y: Quantity | Linear, *, over: str, log: bool = True, range: tuple[float, float] | None = None
) -> PerSeed | Ranged:
    """The slope of y over an axis, of log y over its log by default.

    Seeds are the clusters: sizes that share a seed are not independent, so each seed gives one slope. The log of a
    noisy mean is biased by -CV^2/2: average inside the seed until that is far below the tolerance.

    Args:
        y: one number a seed and level, positive if logs are taken.
        over: name of the axis in the claim's grid, with numbers as levels.
        log: whether it is the exponent of a power law that is claimed.
        range: the lowest and the highest slope that a seed can have, as of :func:`claims.mean`.
    """
    expression = linear(y)

    def slopes(sample: Values) -> np.ndarray:
        import numpy as np

        from claims.kinds.intervals import scaled

        x, values = sample.axis(over).astype(float), sample.of(expression)
        if log:
            if (values <= 0).any() or (x <= 0).any():
                raise MeasurementError(f"slope over {over}: a logarithm needs values > 0, got {values.min():.6g}")
            x, values = np.log(x), np.log(values)
        (x, x_exponent), (values, exponent) = scaled(x), scaled(values)
        centred = x - x.mean()
        result: np.ndarray = np.ldexp(values @ centred / (centred @ centred), exponent - x_exponent)
        return result

    return ranged(PerSeed("slope", (expression,), slopes, (over,)), range)
