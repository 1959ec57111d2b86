"""``order``: one arm against another, or the last level of an axis against the first, paired by seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claims.errors import InvalidDeclaration
from claims.experiment import Linear, Quantity, linear
from claims.kinds.base import Sample
from claims.kinds.per_seed import PerSeed

if TYPE_CHECKING:
    import numpy as np


def order(a: Quantity | Linear, b: Quantity | Linear | None = None, *, over: str | None = None) -> PerSeed:
    """The paired difference a - b; with ``over``, the last level of a minus the first.

    The band says how large the difference has to be: ``at_least(.01, ...)`` for a > b by an effect that matters.
    """
    if (b is None) == (over is None):
        raise InvalidDeclaration("order", (b, over), "either a second quantity or over=, not both")
    if b is not None:
        difference = linear(a) - linear(b)
        return PerSeed("order", (difference,), lambda sample: sample.of(difference))
    expression = linear(a)

    def ends(sample: Sample) -> np.ndarray:
        values = sample.of(expression)
        axis = list(sample.axis(over or ""))
        result: np.ndarray = values[:, axis.index(max(axis))] - values[:, axis.index(min(axis))]
        return result

    return PerSeed("order", (expression,), ends, (over or "",))
