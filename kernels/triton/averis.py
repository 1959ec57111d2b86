# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202
"""Triton route of the column statistics that Averis subtracts: mean, minimum and maximum over the tokens.

A program adds up one piece of rows for a strip of columns, row by row in float64; the sums of the pieces are added in
their order. So the bits hang neither on the device nor on how programs are scheduled. The subtraction itself, with the
quantization, is ``nvfp4_quantize(center=...)`` and ``mxfp4_quantize(center=...)``: the residual is never in memory.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.mean_split import PIECE, refuse_nonfinite
from claims.kernels.native import plain
from claims.kernels.triton.launch import Build, Choice, Kernel, ceiling, launch
from claims.kernels.triton.numbers import single, widen


@triton.jit
def _statistics(x_ptr, sum_ptr, low_ptr, high_ptr, rows, columns, PIECE: tl.constexpr, COLUMNS: tl.constexpr):
    """x: (rows, columns) contiguous; sum (float64), low, high (float32): (pieces, columns), one row a program."""
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    piece = tl.program_id(1)
    inside = column < columns
    first = piece * PIECE
    total = tl.zeros((COLUMNS,), tl.float64)
    low = tl.full((COLUMNS,), float("inf"), tl.float32)
    high = tl.full((COLUMNS,), float("-inf"), tl.float32)
    for row in range(first, tl.minimum(first + PIECE, rows)):
        x = tl.load(x_ptr + tl.cast(row, tl.int64) * columns + column, inside, other=0.0)
        total += widen(x)
        low, high = tl.minimum(low, single(x)), tl.maximum(high, single(x))
    at = piece.to(tl.int64) * columns + column
    tl.store(sum_ptr + at, total, inside)
    tl.store(low_ptr + at, low, inside)
    tl.store(high_ptr + at, high, inside)


STATISTICS = Kernel(
    function=_statistics,
    space=(Choice(constants={"COLUMNS": 128}, warps=1), Choice(constants={"COLUMNS": 64}, warps=1)),
    key=("columns",),
    interpreted={"COLUMNS": 1024},
    exact=True,
    builds=(
        Build(
            name="column_statistics_bf16",
            types={"x_ptr": "*bf16", "sum_ptr": "*fp64", "low_ptr": "*fp32", "high_ptr": "*fp32"}
            | {"rows": "i32", "columns": "i32"},
            constants={"PIECE": PIECE, "COLUMNS": 128},
            warps=1,
            multiples_of_16=("columns",),
        ),
    ),
)
KERNELS = (STATISTICS,)


def column_statistics(x: Tensor, out: Tensor | None) -> Tensor:
    """``mean_split.column_statistics`` on a GPU or in the interpreter: float32 (3, m), mean, minimum, maximum."""
    source = plain(x)
    rows, columns = source.shape
    result = torch.zeros((3, columns), dtype=torch.float32, device=x.device) if out is None else out.zero_()
    pieces = ceiling(rows, PIECE)
    if not source.numel():
        return result
    sums = torch.empty((pieces, columns), dtype=torch.float64, device=x.device)
    low, high = (torch.empty((pieces, columns), dtype=torch.float32, device=x.device) for _ in range(2))
    launch(
        STATISTICS,
        lambda constants: (ceiling(columns, constants["COLUMNS"]), pieces),
        *(source, sums, low, high, rows, columns),
        PIECE=PIECE,
    )
    total = torch.zeros_like(sums[0])
    for partial in sums:
        total += partial
    result[0], result[1], result[2] = total / rows, low.amin(0), high.amax(0)
    # The extremes drop a NaN or not, as the device likes; the mean never does.
    refuse_nonfinite("column_statistics", result)
    return result
