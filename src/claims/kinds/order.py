"""``order``: one arm against another, or the last level of an axis, as declared, against the first, paired by seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claims.errors import InvalidDeclaration
from claims.experiment import Linear, Quantity, linear
from claims.kinds.base import Values
from claims.kinds.per_seed import PerSeed
from claims.kinds.ranged import Ranged, ranged

if TYPE_CHECKING:
    import numpy as np


def order(
    a: Quantity | Linear,
    b: Quantity | Linear | None = None,
    *,
    over: str | None = None,
    range: tuple[float, float] | None = None,
) -> PerSeed | Ranged:
    """The paired difference a - b; with ``over``, the last level of a minus the first.

    Levels keep the order in which the grid names them: ``order(loss, over="arm")`` at ``grid(arm=["plain", "ours"])``
    is ours - plain.

    The band says how large the difference has to be: ``at_least(.01, ...)`` for a > b by an effect that matters.

    Args:
        a: one number a seed, and a level if ``over`` is given.
        b: what is subtracted, paired seed by seed.
        over: name of an axis of the claim's grid, in place of ``b``.
        range: the lowest and the highest difference that a seed can have, as of :func:`claims.mean`: of two shares,
            (-1, 1).
    """
    if (b is None) == (over is None):
        raise InvalidDeclaration("order", (b, over), "either a second quantity or over=, not both")
    if b is not None:
        difference = linear(a) - linear(b)
        return ranged(PerSeed("order", (difference,), lambda sample: sample.of(difference)), range)
    expression = linear(a)

    def ends(sample: Values) -> np.ndarray:
        values = sample.of(expression)
        result: np.ndarray = values[:, -1] - values[:, 0]
        return result

    return ranged(PerSeed("order", (expression,), ends, (over or "",), ends=True), range)
