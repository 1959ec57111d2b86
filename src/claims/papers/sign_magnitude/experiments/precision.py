"""One margin in two precisions: floats while a search runs, 50 digits where what it found is evaluated again.

Margins are written for a module of functions, ``math`` or ``mpmath.mp``, so that both run the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: A number: float, or mpmath's mpf where the margin is evaluated again.
Real = Any
#: ``math`` or ``mpmath.mp``.
Functions = Any

PRECISE_DIGITS = 50


def precisely(build: Callable[..., Callable[..., Real]], *constants: Any) -> Callable[..., float]:
    """The margin ``build(functions, *constants)`` in 50 digits, from the same inputs."""

    def margin(**inputs: float) -> float:
        from mpmath import mp

        with mp.workdps(PRECISE_DIGITS):
            return float(build(mp, *constants)(**{name: mp.mpf(x) for name, x in inputs.items()}))

    return margin
