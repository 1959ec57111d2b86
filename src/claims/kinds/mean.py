"""``mean`` and ``bound``: the mean over seeds, against a band or against one edge."""

from __future__ import annotations

from claims.experiment import Linear, Quantity, linear
from claims.kinds.per_seed import PerSeed


def mean(x: Quantity | Linear) -> PerSeed:
    """The mean of one value a seed. Average inside the seed: skewed values make any t interval too sure."""
    expression = linear(x)
    return PerSeed("mean", (expression,), lambda sample: sample.of(expression))


def bound(x: Quantity | Linear) -> PerSeed:
    """The mean of one value a seed against a one-sided band. A tight bound needs slack, else it stays undecided."""
    expression = linear(x)
    return PerSeed("bound", (expression,), lambda sample: sample.of(expression))
