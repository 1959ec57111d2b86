# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202
"""Triton route of the transverse energy: one pass over y and dy, float64 sums, one program a group of rows.

Bound by the reads on data-centre GPUs. Where float64 runs at one sixty-fourth of the float32 rate, three float64
multiply-adds a pair of entries come out near the reads; only such a GPU could show which of the two wins.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.native import plain
from claims.kernels.triton.launch import Build, Choice, Kernel, ceiling, launch, power_of_two, rows_a_program
from claims.kernels.triton.numbers import row_tile, scale_to_one, widen

LONGEST_BLOCK = 2048


@triton.jit
def _energy(y_ptr, dy_ptr, out_ptr, rows, d, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    """y, dy: (rows, d) contiguous; out: (3, rows) float64, the total, radial and transverse energy of dy."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    total = tl.zeros((ROWS, BLOCK), tl.float64)
    along = tl.zeros((ROWS, BLOCK), tl.float64)
    norm2 = tl.zeros((ROWS, BLOCK), tl.float64)
    power = tl.full((ROWS,), 1.0, tl.float64)
    if y_ptr.dtype.element_ty == tl.float64:
        largest = tl.zeros((ROWS, BLOCK), tl.float64)
        for start in range(0, d, BLOCK):
            at, inside = row_tile(row, start + tl.arange(0, BLOCK), rows, d)
            largest = tl.maximum(largest, tl.abs(tl.load(y_ptr + at, inside, other=0.0)))
        power = scale_to_one(tl.max(largest, 1))
    for start in range(0, d, BLOCK):
        at, inside = row_tile(row, start + tl.arange(0, BLOCK), rows, d)
        y = widen(tl.load(y_ptr + at, inside, other=0.0)) * power[:, None]
        dy = widen(tl.load(dy_ptr + at, inside, other=0.0))
        total += dy * dy
        along += y * dy
        norm2 += y * y
    total_sum, along_sum, norm2_sum = tl.sum(total, 1), tl.sum(along, 1), tl.sum(norm2, 1)
    still = norm2_sum == 0.0
    radial = tl.where(still, 0.0, along_sum * (along_sum / tl.where(still, 1.0, norm2_sum)))
    radial = tl.where(radial > total_sum, total_sum, radial)
    tl.store(out_ptr + row, total_sum, row < rows)
    tl.store(out_ptr + rows + row, radial, row < rows)
    tl.store(out_ptr + 2 * rows + row, total_sum - radial, row < rows)


ENERGY = Kernel(
    function=_energy,
    space=(Choice(warps=8), Choice(warps=4), Choice(warps=16)),
    key=("d", "ROWS"),
    builds=tuple(
        Build(
            name=f"transverse_energy_{name}",
            types={"y_ptr": f"*{name}", "dy_ptr": f"*{name}", "out_ptr": "*fp64", "rows": "i32", "d": "i32"},
            constants={"ROWS": 1, "BLOCK": LONGEST_BLOCK},
            warps=8,
            multiples_of_16=("d",),
        )
        for name in ("fp32", "bf16")
    ),
)
KERNELS = (ENERGY,)


def transverse_energy(y: Tensor, dy: Tensor, out: None = None) -> tuple[Tensor, Tensor, Tensor]:
    """``energy.transverse_energy`` on a GPU or in the interpreter: three float64 tensors of shape y.shape[:-1]."""
    y, dy = plain(y), plain(dy)
    shape, d = y.shape[:-1], y.shape[-1]
    result = torch.zeros((3, shape.numel()), dtype=torch.float64, device=y.device)
    if y.numel():
        block = min(power_of_two(d), LONGEST_BLOCK)
        size = rows_a_program(shape.numel(), block)
        launch(ENERGY, (ceiling(shape.numel(), size),), y, dy, result, shape.numel(), d, ROWS=size, BLOCK=block)
    total, radial, transverse = result.view(3, *shape)
    return total, radial, transverse
