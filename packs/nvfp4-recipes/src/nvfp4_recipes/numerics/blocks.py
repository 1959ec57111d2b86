"""Block formats of any block length, element grid and scale format, in float64: what the kernels do not have.

A block's scale puts its largest magnitude on the last value of the grid, rounded as its format says. Elements are
rounded to nearest, ties to even.
"""

from __future__ import annotations

import torch
from torch import Tensor

from claims.kernels import e2m1_decode, e2m1_encode, e4m3_decode, e4m3_encode, hadamard_signs, hadamard_transform

#: Magnitudes of each grid of elements: E2M1 with its steps of .5, 1 and 2; symmetric INT4 (E1M2 is its half) of 1.
MAGNITUDES = {"e2m1": (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0), "int4": tuple(map(float, range(8)))}
LAST = {grid: magnitudes[-1] for grid, magnitudes in MAGNITUDES.items()}
_LARGEST_E4M3 = 448.0


def nearest(x: Tensor, grid: str) -> Tensor:
    """The nearest values of a grid, beyond its last one that; float64."""
    if grid == "e2m1":
        values: Tensor = e2m1_decode(e2m1_encode(x), dtype=torch.float64)
        return values
    return x.double().round().clamp(-LAST[grid], LAST[grid])


def levels(x: Tensor, block: int, grid: str, scale: str = "exact") -> tuple[Tensor, Tensor]:
    """Scaled magnitudes (blocks, block) and the scales (blocks, 1) they were divided by, in float64; signs are kept.

    ``scale``: "exact"; "e4m3", relative to the largest scale of the tensor, which is 448; "e8m0", the power of two
    floor(log2 a) - 2 of the OCP specification, for E2M1 alone.
    """
    blocks = x.double().reshape(-1, block)
    largest = blocks.abs().amax(1, keepdim=True)
    steps = largest / LAST[grid]
    if scale == "e4m3":
        unit = steps.max() / _LARGEST_E4M3
        steps = e4m3_decode(e4m3_encode(steps / unit), dtype=torch.float64) * unit
    elif scale == "e8m0":
        steps = torch.exp2(torch.floor(torch.log2(largest)) - 2)
    elif scale != "exact":
        raise ValueError(f"scale: got {scale!r}; allowed: exact, e4m3, e8m0")
    return torch.where(steps > 0, blocks / steps, 0.0), steps


def quantized(x: Tensor, block: int, grid: str, scale: str = "exact") -> Tensor:
    """Values of ``x`` in the format: float64, of the shape of ``x``, whose entries fill whole blocks in their order."""
    scaled, steps = levels(x, block, grid, scale)
    return (nearest(scaled, grid) * steps).reshape(x.shape)


def rotated(x: Tensor, block: int, key: int, *, inverse: bool = False) -> Tensor:
    """The random Hadamard transform of blocks along the columns, float64."""
    turned: Tensor = hadamard_transform(x.double(), block=block, signs=hadamard_signs(block, key=key), inverse=inverse)
    return turned
