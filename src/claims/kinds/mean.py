"""``mean`` and ``bound``: the mean over seeds, against a band or against one edge."""

from __future__ import annotations

from claims.experiment import Linear, Quantity, linear
from claims.kinds.per_seed import PerSeed
from claims.kinds.ranged import Ranged, ranged


def mean(x: Quantity | Linear, *, range: tuple[float, float] | None = None) -> PerSeed | Ranged:
    """The mean of one value a seed. Average inside the seed: skewed values make any t interval too sure.

    Args:
        x: one number a seed, ``experiment["name"]`` or a linear combination of such.
        range: the lowest and the highest value that a seed can have, where that is known, as of a share. The claim is
            then decided whatever seeds are like there, which takes more of them; a value outside is an error.
    """
    expression = linear(x)
    return ranged(PerSeed("mean", (expression,), lambda sample: sample.of(expression)), range)


def bound(x: Quantity | Linear, *, range: tuple[float, float] | None = None) -> PerSeed | Ranged:
    """The mean of one value a seed against a one-sided band. A tight bound needs slack, else it stays undecided.

    Args:
        x: one number a seed; the band is ``at_least(...)`` or ``at_most(...)``.
        range: the lowest and the highest value that a seed can have, as of :func:`mean`.
    """
    expression = linear(x)
    return ranged(PerSeed("bound", (expression,), lambda sample: sample.of(expression)), range)
