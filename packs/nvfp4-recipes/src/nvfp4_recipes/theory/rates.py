"""Constants of the rates at which a long block's preserved energy falls; below d = 1/24 of its largest all is zero.

Laplace: the energy beyond t = d log G is exp(-t) (t^2 + 2 t + 2)/2, of which d^2/2 times (log G)^2 G^-d is left.
Normal: beyond t = d sqrt(2 log G) it is 2 t phi(t) + erfc(t / sqrt 2), of which 2 d / sqrt(pi) times sqrt(log G)
G^-(d^2) is left.
"""

from __future__ import annotations

import math

CUT = 1 / 24


def constant(law: str) -> float:
    """What the energy that is kept tends to, over its rate."""
    return CUT**2 / 2 if law == "laplace" else 2 * CUT / math.sqrt(math.pi)


def without_power(law: str, log_group: float) -> float:
    """The same if the power of log G were missing from the rate."""
    return constant(law) * (log_group**2 if law == "laplace" else math.sqrt(log_group))
