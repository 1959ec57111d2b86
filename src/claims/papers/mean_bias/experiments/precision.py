"""One margin in two precisions: floats while a search runs, 50 digits where what it found is evaluated again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

#: A number: float, or mpmath's mpf where the margin is evaluated again.
Real = Any

PRECISE_DIGITS = 50


@dataclass(frozen=True, slots=True)
class Numbers:
    """The functions that margins need, in one precision; ``lower`` inverts the lower tail of the normal law."""

    exp: Callable[[Real], Real]
    expm1: Callable[[Real], Real]
    log: Callable[[Real], Real]
    log1p: Callable[[Real], Real]
    root: Callable[[Real], Real]
    atanh: Callable[[Real], Real]
    erfc: Callable[[Real], Real]
    lower: Callable[[Real], Real]


def _lower(p: Real) -> float:
    return NormalDist().inv_cdf(float(p))


FLOATS = Numbers(math.exp, math.expm1, math.log, math.log1p, math.sqrt, math.atanh, math.erfc, _lower)


def precisely(build: Callable[..., Callable[..., Real]], *constants: Any) -> Callable[..., float]:
    """The margin ``build(numbers, *constants)`` in 50 digits, from the same inputs."""

    def margin(**inputs: float) -> float:
        import mpmath as mp

        def lower(p: Real) -> Real:
            return mp.findroot(lambda x: mp.log(mp.ncdf(x)) - mp.log(p), mp.mpf(_lower(p)))

        with mp.workdps(PRECISE_DIGITS):
            numbers = Numbers(mp.exp, mp.expm1, mp.log, mp.log1p, mp.sqrt, mp.atanh, mp.erfc, lower)
            return float(build(numbers, *constants)(**{name: mp.mpf(x) for name, x in inputs.items()}))

    return margin


def in_digits(margin: Callable[..., Real], **constants: Any) -> Callable[..., float]:
    """The margin in 50 digits, from the same inputs, where its arithmetic is that of the numbers it is given."""

    def precise(**inputs: float) -> float:
        import mpmath as mp

        with mp.workdps(PRECISE_DIGITS):
            return float(margin(**{name: mp.mpf(x) for name, x in inputs.items()}, **constants))

    return precise
