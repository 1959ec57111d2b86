"""Whether a block whose scale is rounded can still hold its largest element: what 16/17 of the grid leaves room for."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import torch

from claims import Statement
from claims.kernels import e4m3_decode, e4m3_encode

_LARGEST = math.log2(448)
_TOP = 6
#: Smallest normal and smallest E4M3 number: between them numbers are evenly spaced, rounding coarser than a sixteenth.
_NORMAL, _SMALLEST = -6.0, -9.0
_ROUNDING = 1e-6


def _spare(share: Fraction, number: type[Any], allowance: float) -> Callable[..., float]:
    """6 less the largest element of a block in units of its scale, if that is to be put on ``share`` of 6.

    Argument: ``binary``, the binary logarithm of the scale in units of the tensor's, before it is rounded to E4M3.
    """

    def margin(binary: float) -> float:
        exact = torch.tensor(2.0**binary, dtype=torch.float32)
        scale = number(float(e4m3_decode(e4m3_encode(exact), dtype=torch.float64)))
        reached = number(float(exact)) * number(_TOP * share if number is Fraction else float(_TOP * share)) / scale
        return float(_TOP - reached) + allowance

    return margin


def _room(least: float) -> Statement:
    share = Fraction(16, 17)
    return Statement(
        inputs={"binary": (least, _LARGEST)},
        margin=_spare(share, float, _ROUNDING),
        planted=_spare(Fraction(1), float, _ROUNDING),
        precise=_spare(share, Fraction, 0.0),
        rounding=_ROUNDING,
    )


#: With 16/17 nothing is clipped, if the scale is a normal number; planted: without the factor.
NORMAL_SCALES = _room(_NORMAL)
#: The same for every scale that does not become zero, which is false.
ALL_SCALES = _room(_SMALLEST)
