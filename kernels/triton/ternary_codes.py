# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202
"""Triton routes of what precedes a product with binary or ternary weights: scales, codes, and packing to two bits.

Rows of a tensor scale are pieces of the flat tensor; their sums are added by torch in a fixed order, so that the scale
has the same bits in every run on the same device.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.native import plain
from claims.kernels.triton.launch import Build, Choice, Kernel, ceiling, launch, power_of_two, rows_a_program
from claims.kernels.triton.numbers import row_tile, widen

PIECE = 4096


@triton.jit
def _absolute_sum(w_ptr, out_ptr, rows, d, count, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    """w: (rows, d) contiguous, of which ``count`` entries exist; out: (rows,) float64."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    total = tl.zeros((ROWS, BLOCK), tl.float64)
    for start in range(0, d, BLOCK):
        at, inside = row_tile(row, start + tl.arange(0, BLOCK), rows, d)
        total += tl.abs(widen(tl.load(w_ptr + at, inside & (at < count), other=0.0)))
    tl.store(out_ptr + row, tl.sum(total, 1), row < rows)


@triton.jit
def _weight_codes(
    w_ptr,
    scale_ptr,
    out_ptr,
    rows,
    d,
    count,
    scale_step,
    TERNARY: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """w, out: (rows, d) contiguous, of which ``count`` entries exist; the scale of a row lies at row * scale_step."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    at, inside = row_tile(row, tl.program_id(1) * BLOCK + tl.arange(0, BLOCK), rows, d)
    inside = inside & (at < count)
    w = widen(tl.load(w_ptr + at, inside, other=0.0))
    if TERNARY:
        bound = (widen(tl.load(scale_ptr + row * scale_step, row < rows, other=0.0)) * 0.5)[:, None]
        code = (w > bound).to(tl.int8) - (w < 0.0 - bound).to(tl.int8)
    else:
        code = 1 - 2 * (w < 0.0).to(tl.int8)
    tl.store(out_ptr + at, code, inside)


@triton.jit
def _pack(codes_ptr, out_ptr, rows, columns, packed_columns, ROWS: tl.constexpr, BYTES: tl.constexpr):
    """codes: (rows, columns) int8, out: (rows, packed_columns) uint8, contiguous."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1) * (4 * BYTES) + tl.arange(0, 4 * BYTES)
    at, inside = row_tile(row, column, rows, columns)
    digit = (tl.load(codes_ptr + at, inside, other=0).to(tl.int32) + 1) & 3
    shifted = digit << (2 * (column & 3))[None, :]
    byte = tl.sum(tl.reshape(shifted, (ROWS, BYTES, 4)), 2)
    at, inside = row_tile(row, tl.program_id(1) * BYTES + tl.arange(0, BYTES), rows, packed_columns)
    tl.store(out_ptr + at, byte.to(tl.uint8), inside)


ABSOLUTE_SUM = Kernel(
    function=_absolute_sum,
    space=(Choice(warps=8), Choice(warps=4)),
    key=("d",),
    builds=(
        Build(
            name="absolute_sum_fp32",
            types={"w_ptr": "*fp32", "out_ptr": "*fp64", "rows": "i32", "d": "i32", "count": "i64"},
            constants={"ROWS": 1, "BLOCK": 2048},
            warps=8,
            multiples_of_16=("d", "count"),
        ),
    ),
)
WEIGHT_CODES = Kernel(
    function=_weight_codes,
    space=(Choice(constants={"ROWS": 1, "BLOCK": 1024}), Choice(constants={"ROWS": 4, "BLOCK": 512}, warps=8)),
    interpreted={"ROWS": 64, "BLOCK": 512},
    exact=True,
    builds=(
        Build(
            name="weight_codes_fp32",
            types={"w_ptr": "*fp32", "scale_ptr": "*fp32", "out_ptr": "*i8", "count": "i64"}
            | {"rows": "i32", "d": "i32", "scale_step": "i32"},
            constants={"TERNARY": True, "ROWS": 1, "BLOCK": 1024},
            multiples_of_16=("count", "d"),
        ),
    ),
)
PACK = Kernel(
    function=_pack,
    space=(Choice(constants={"ROWS": 4, "BYTES": 256}), Choice(constants={"ROWS": 1, "BYTES": 512})),
    interpreted={"ROWS": 64, "BYTES": 128},
    exact=True,
    builds=(
        Build(
            name="pack_ternary",
            types={"codes_ptr": "*i8", "out_ptr": "*u8"} | dict.fromkeys(("rows", "columns", "packed_columns"), "i32"),
            constants={"ROWS": 4, "BYTES": 256},
            multiples_of_16=("columns", "packed_columns"),
        ),
    ),
)
KERNELS = (ABSOLUTE_SUM, WEIGHT_CODES, PACK)


def _pieces(w: Tensor, by_row: bool) -> tuple[int, int, int]:
    """Rows, their length, and how many entries there are: pieces of the flat tensor serve as rows of a tensor scale."""
    count = w.numel()
    return (math.prod(w.shape[:-1]), w.shape[-1], count) if by_row else (ceiling(count, PIECE), PIECE, count)


def absmean(w: Tensor, by_row: bool, out: Tensor | None) -> Tensor:
    """``ternary.absmean`` on a GPU or in the interpreter: float64 sums in a fixed order, one rounding."""
    source = plain(w)
    rows, d, count = _pieces(source, by_row)
    sums = torch.zeros(rows, dtype=torch.float64, device=w.device)
    if count:
        block = min(power_of_two(d), PIECE)
        size = rows_a_program(rows, block)
        launch(ABSOLUTE_SUM, (ceiling(rows, size),), source, sums, rows, d, count, ROWS=size, BLOCK=block)
    dtype = torch.float64 if w.dtype == torch.float64 else torch.float32
    mean = sums.view(w.shape[:-1]) / d if by_row else sums.sum() / count
    return mean.to(dtype) if out is None else out.copy_(mean)


def weight_codes(w: Tensor, scale: Tensor, by_row: bool, ternary: bool, out: Tensor | None) -> Tensor:
    """``ternary.weight_codes`` on a GPU or in the interpreter: int8 codes of the shape of w, compared exactly."""
    source = plain(w)
    codes = torch.empty_like(source, dtype=torch.int8) if out is None else out
    rows, d, count = _pieces(source, by_row)

    def grid(tile: Mapping[str, int]) -> tuple[int, ...]:
        return ceiling(rows, tile["ROWS"]), ceiling(d, tile["BLOCK"])

    sizes = rows, d, count, int(by_row)
    # Nothing is beyond a negative scale that zero isn't beyond.
    launch(WEIGHT_CODES, grid, source, plain(scale.clamp(min=0)), codes, *sizes, TERNARY=ternary)
    return codes


def pack_ternary(codes: Tensor, out: Tensor | None) -> Tensor:
    """``ternary.pack_ternary`` on a GPU or in the interpreter: int8 (rows, d) to uint8 (rows, ceil(d / 4))."""
    codes = plain(codes)
    rows, columns = codes.shape
    width = ceiling(columns, 4)
    packed = codes.new_empty((rows, width), dtype=torch.uint8) if out is None else out

    def grid(tile: Mapping[str, int]) -> tuple[int, ...]:
        return ceiling(rows, tile["ROWS"]), ceiling(width, tile["BYTES"])

    launch(PACK, grid, codes, packed, rows, columns, width)
    return packed
