# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202
"""Triton route of products with ternary weights from the packed form.

A product with few rows of x reads each packed byte once and adds on the ordinary units (``_few``); one with many
unpacks tiles and uses the tensor cores (``_many``): int8 into int32, exactly, 16-bit floats into float32. Float32 and
float64 keep their precision (no TF32). Only a GPU could show where one overtakes the other; the switch is at 8 rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.native import plain
from claims.kernels.triton.launch import (
    Build,
    Choice,
    Grid,
    Kernel,
    ceiling,
    interpreting,
    launch,
)
from claims.kernels.triton.numbers import narrow, row_tile, single

MOST_SINGLE_ROWS = 8


@triton.jit
def _few(x_ptr, packed_ptr, out_ptr, columns, outputs, packed_columns, OUTPUTS: tl.constexpr, BYTES: tl.constexpr):
    """One row of x against OUTPUTS rows of weights; x: (samples, columns), out: (samples, outputs).

    Digit s of all bytes meets the entries 4j + s of x, so nothing is shuffled between threads.
    """
    DTYPE: tl.constexpr = x_ptr.dtype.element_ty
    SUM: tl.constexpr = tl.int32 if tl.int8 == DTYPE else (tl.float64 if tl.float64 == DTYPE else tl.float32)
    sample = tl.program_id(1).to(tl.int64)
    output = tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS)
    total = tl.zeros((OUTPUTS, BYTES), SUM)
    for start in range(0, packed_columns, BYTES):
        byte_column = start + tl.arange(0, BYTES)
        at, inside = row_tile(output, byte_column, outputs, packed_columns)
        byte = tl.load(packed_ptr + at, inside, other=0).to(tl.int32)
        for digit in tl.static_range(4):
            column = 4 * byte_column + digit
            x = tl.load(x_ptr + sample * columns + column, column < columns, other=0)
            if tl.bfloat16 == DTYPE:
                x = single(x)
            x = x.to(SUM)
            code = ((byte >> (2 * digit)) & 3) - 1
            total += code.to(SUM) * x[None, :]
    value = tl.sum(total, 1)
    if out_ptr.dtype.element_ty != tl.int32:
        value = narrow(value, out_ptr.dtype.element_ty)
    tl.store(out_ptr + sample * outputs + output, value, output < outputs)


@triton.jit
def _many(
    x_ptr, packed_ptr, out_ptr, samples, columns, outputs, packed_columns, AS_FLOAT32: tl.constexpr,
    SAMPLES: tl.constexpr, OUTPUTS: tl.constexpr, INPUTS: tl.constexpr,
):  # fmt: skip
    """x: (samples, columns), packed: (outputs, packed_columns), out: (samples, outputs); AS_FLOAT32 if interpreted."""
    DTYPE: tl.constexpr = x_ptr.dtype.element_ty
    OUT: tl.constexpr = out_ptr.dtype.element_ty
    SUM: tl.constexpr = tl.int32 if tl.int8 == DTYPE else (tl.float64 if tl.float64 == DTYPE else tl.float32)
    sample = tl.program_id(0) * SAMPLES + tl.arange(0, SAMPLES)
    output = tl.program_id(1) * OUTPUTS + tl.arange(0, OUTPUTS)
    total = tl.zeros((SAMPLES, OUTPUTS), SUM)
    for start in range(0, columns, INPUTS):
        at, inside = row_tile(sample, start + tl.arange(0, INPUTS), samples, columns)
        x = tl.load(x_ptr + at, inside, other=0)
        at, inside = row_tile(output, start // 4 + tl.arange(0, INPUTS // 4), outputs, packed_columns)
        byte = tl.load(packed_ptr + at, inside, other=0)
        even, odd = tl.interleave(byte & 3, (byte >> 4) & 3), tl.interleave((byte >> 2) & 3, byte >> 6)
        code = tl.interleave(even, odd).to(tl.int8) - 1
        if AS_FLOAT32:
            x, weight = single(x), code.to(tl.float32)
        else:
            weight = code.to(DTYPE)
        total = tl.dot(x, tl.trans(weight), total, input_precision="ieee", out_dtype=SUM)
    value = total
    if tl.int32 != OUT:
        value = narrow(total, OUT)
    at, inside = row_tile(sample, output, samples, outputs)
    tl.store(out_ptr + at, value, inside)


_OUT = {"i8": "*i32", "bf16": "*bf16", "fp32": "*fp32"}
_PRODUCT = {"packed_ptr": "*u8", "columns": "i32", "outputs": "i32", "packed_columns": "i32"}
_SIZES = ("columns", "outputs", "packed_columns")


def _tile(samples: int, outputs: int, inputs: int) -> dict[str, int]:
    return {"SAMPLES": samples, "OUTPUTS": outputs, "INPUTS": inputs}


def _many_kernel(dtypes: tuple[str, ...], space: tuple[Choice, ...]) -> Kernel:
    builds = tuple(
        Build(
            name=f"ternary_matmul_{dtype}",
            types={"x_ptr": f"*{dtype}", "out_ptr": _OUT[dtype], "samples": "i32"} | _PRODUCT,
            constants={"AS_FLOAT32": False} | space[0].constants,
            warps=space[0].warps,
            stages=space[0].stages,
            multiples_of_16=("samples", *_SIZES),
        )
        for dtype in dtypes
    )
    key = ("samples", "columns", "outputs")
    return Kernel(function=_many, space=space, key=key, interpreted=_tile(32, 64, 256), builds=builds)


FEW = Kernel(
    function=_few,
    space=(
        Choice(constants={"OUTPUTS": 4, "BYTES": 512}),
        Choice(constants={"OUTPUTS": 1, "BYTES": 1024}),
        Choice(constants={"OUTPUTS": 8, "BYTES": 256}),
    ),
    key=("columns", "outputs"),
    interpreted={"OUTPUTS": 64, "BYTES": 256},
    builds=tuple(
        Build(
            name=f"ternary_matvec_{dtype}",
            types={"x_ptr": f"*{dtype}", "out_ptr": _OUT[dtype]} | _PRODUCT,
            constants={"OUTPUTS": 4, "BYTES": 512},
            multiples_of_16=_SIZES,
        )
        for dtype in ("i8", "fp32")
    ),
)
MANY_NARROW = _many_kernel(
    ("i8", "bf16"),
    (
        Choice(constants=_tile(64, 64, 64)),
        Choice(constants=_tile(128, 64, 64), warps=8),
        Choice(constants=_tile(16, 64, 128)),
    ),
)
# As in ``matmul``: fewer than 64 rows a tile, or float32 becomes TF32 on sm_100.
MANY_WIDE = _many_kernel(("fp32",), (Choice(constants=_tile(32, 64, 16)), Choice(constants=_tile(32, 32, 16))))
KERNELS = (FEW, MANY_NARROW, MANY_WIDE)


def ternary_product(x: Tensor, packed: Tensor, out: Tensor | None) -> Tensor:
    """``ternary.ternary_product`` on a GPU or in the interpreter: x (..., columns), packed (rows, columns / 4)."""
    x, packed = plain(x), plain(packed)
    outputs, width = packed.shape
    dtype = torch.int32 if x.dtype == torch.int8 else x.dtype
    result = x.new_empty((*x.shape[:-1], outputs), dtype=dtype) if out is None else out
    samples, columns = math.prod(x.shape[:-1]), x.shape[-1]
    if samples <= MOST_SINGLE_ROWS:

        def few(tile: Mapping[str, int]) -> tuple[int, ...]:
            return ceiling(outputs, tile["OUTPUTS"]), samples

        launch(FEW, few, x, packed, result, columns, outputs, width)
        return result

    def many(tile: Mapping[str, int]) -> tuple[int, ...]:
        return ceiling(samples, tile["SAMPLES"]), ceiling(outputs, tile["OUTPUTS"])

    grid: Grid = many
    kernel = MANY_WIDE if x.dtype in (torch.float32, torch.float64) else MANY_NARROW
    emulated = interpreting() and x.dtype == torch.bfloat16
    launch(kernel, grid, x, packed, result, samples, columns, outputs, width, AS_FLOAT32=emulated)
    return result
