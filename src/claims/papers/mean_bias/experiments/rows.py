"""What experiments on matrices of tokens (rows) and channels (columns) share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Record = dict[str, Any]

#: Spacing of float64 at one, in which rounding bounds are counted.
EPS = 2.0**-52


def energy(x: Array) -> float:
    """Sum of squares."""
    return float(np.vdot(x, x))


def share_of_mean(x: Array) -> float:
    """|M|^2/|X|^2 of the rows of x: the square of eq. 1, read with the mean energy of a row."""
    mean = x.mean(0)
    return energy(mean) * len(x) / energy(x)


def unit_direction(generator: np.random.Generator, channels: int) -> Array:
    """A Gaussian direction of unit root mean square."""
    direction: Array = generator.standard_normal(channels)
    return direction * math.sqrt(channels / energy(direction))
