"""``mean`` and ``bound``: the mean over seeds, against a band or against one edge."""

from __future__ import annotations

from claims.experiment import Linear, Quantity, linear
from claims.kinds.per_seed import PerSeed


def mean(x: Quantity | Linear) -> PerSeed:
    """The mean of one value a seed. Average inside the seed: skewed values make any t interval too sure.

    Args:
        x: one number a seed, ``experiment["name"]`` or a linear combination of such.
    """
    expression = linear(x)
    return PerSeed("mean", (expression,), lambda sample: sample.of(expression))


def bound(x: Quantity | Linear) -> PerSeed:
    """The mean of one value a seed against a one-sided band. A tight bound needs slack, else it stays undecided.

    Args:
        x: one number a seed; the band is ``at_least(...)`` or ``at_most(...)``.
    """
    expression = linear(x)
    return PerSeed("bound", (expression,), lambda sample: sample.of(expression))
