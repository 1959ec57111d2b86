# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN201, ANN202, SIM108
"""Triton routes for matrices in a block-scaled format: dequantization, the product, and what quantizers share.

The product decodes both operands tile by tile to bfloat16, which holds ``code * block scale`` exactly (six significant
bits at most), and multiplies them on tensor cores into float32; the tensor scales come last. The block-scaled products
of Blackwell's tensor cores are not used: their order of accumulation could only be judged on one.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.formats.block_scaled import MX_BLOCK, NVFP4_BLOCK, Format, element_of, split
from claims.kernels.formats.minifloat import ELEMENTS
from claims.kernels.triton.launch import Build, Choice, Grid, Kernel, ceiling, interpreting, launch
from claims.kernels.triton.numbers import (
    e2m1_nearest,
    e2m1_stochastic,
    e2m1_value,
    e4m3_value,
    interleave_words,
    minifloat_nearest,
    minifloat_stochastic,
    minifloat_value,
    narrow,
    philox_words,
    sign_bit,
    single,
)


@triton.jit
def load_residual(
    x_ptr, x_row, x_column, center_ptr, center_row, center_column, row, column, inside, CENTERED: tl.constexpr
):
    """A tile of x - center in float32, zero where not inside. The last arguments but one are strides and indices."""
    at = row[:, None] * x_row + column.to(tl.int64)[None, :] * x_column
    x = single(tl.load(x_ptr + at, inside, other=0.0))
    if CENTERED:
        x -= tl.load(center_ptr + row[:, None] * center_row + column[None, :] * center_column, inside, other=0.0)
    return x


@triton.jit
def magnitude_bits(x):
    """The bits of |x| as int32: ordered like magnitudes, with infinity above all numbers and NaN above infinity."""
    return x.to(tl.int32, bitcast=True) & 0x7FFFFFFF


@triton.jit
def store_codes(
    codes_ptr, x, scaled, row, first_column, rows, padded_k, key_low, key_high,
    STOCHASTIC: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
    BITS: tl.constexpr = 4, MANTISSA: tl.constexpr = 1, LOWEST: tl.constexpr = 0, LARGEST: tl.constexpr = 6.0,
):  # fmt: skip
    """Round scaled magnitudes of a tile to an element, give them the signs of x, and store the codes without gaps."""
    magnitude = tl.minimum(scaled, LARGEST)
    if STOCHASTIC:
        block = row[:, None] * (padded_k // 4) + (first_column // 4 + tl.arange(0, COLUMNS // 4))[None, :]
        w0, w1, w2, w3 = philox_words(block, key_low, key_high)
        if BITS == 4:
            code = e2m1_stochastic(magnitude, interleave_words(w0, w1, w2, w3))
        else:
            code = minifloat_stochastic(magnitude, interleave_words(w0, w1, w2, w3), MANTISSA, LOWEST)
    elif BITS == 4:
        code = e2m1_nearest(magnitude)
    else:
        code = minifloat_nearest(magnitude, MANTISSA, LOWEST)
    code |= sign_bit(x) << (BITS - 1)
    if BITS == 8:
        at = first_column + tl.arange(0, COLUMNS)
        inside = (row < rows)[:, None] & (at < padded_k)[None, :]
        tl.store(codes_ptr + row[:, None] * padded_k + at[None, :], code.to(tl.uint8), inside)
    else:
        low, high = tl.split(tl.reshape(code, (ROWS, COLUMNS // 2, 2)))
        pair = low | (high << BITS)
        if BITS == 4:
            half = first_column // 2 + tl.arange(0, COLUMNS // 2)
            inside = (row < rows)[:, None] & (half < padded_k // 2)[None, :]
            tl.store(codes_ptr + row[:, None] * (padded_k // 2) + half[None, :], pair.to(tl.uint8), inside)
        else:
            low, high = tl.split(tl.reshape(pair, (ROWS, COLUMNS // 4, 2)))
            word = low | (high << 12)
            four = first_column // 4 + tl.arange(0, COLUMNS // 4)
            inside = (row < rows)[:, None] & (four < padded_k // 4)[None, :]
            at = row[:, None] * (padded_k // 4 * 3) + 3 * four[None, :]
            tl.store(codes_ptr + at, word.to(tl.uint8), inside)
            tl.store(codes_ptr + at + 1, (word >> 8).to(tl.uint8), inside)
            tl.store(codes_ptr + at + 2, (word >> 16).to(tl.uint8), inside)


@triton.jit
def _scale_value(code, BLOCK: tl.constexpr):
    """float32 value of block scales: E4M3 for blocks of 16, E8M0 for blocks of 32 (255 is NaN)."""
    code = code.to(tl.int32)
    if BLOCK == 16:
        value = e4m3_value(code & 127)
        value = tl.where((code & 127) == 127, float("nan"), value)
        value = tl.where(code >= 128, 0.0 - value, value)
    else:
        value = tl.where(code == 0, 0x400000, code << 23).to(tl.float32, bitcast=True)
        value = tl.where(code == 255, float("nan"), value)
    return value


@triton.jit
def _load_codes(
    codes_ptr, row, first_column, rows, padded_k, ROWS: tl.constexpr, COLUMNS: tl.constexpr, BITS: tl.constexpr
):
    """A tile of codes, one an int32; zeros outside."""
    if BITS == 4:
        half = first_column // 2 + tl.arange(0, COLUMNS // 2)
        inside = (row < rows)[:, None] & (half < padded_k // 2)[None, :]
        byte = tl.load(codes_ptr + row[:, None] * (padded_k // 2) + half[None, :], inside, other=0).to(tl.int32)
        code = tl.interleave(byte & 15, byte >> 4)
    else:
        column = first_column + tl.arange(0, COLUMNS)
        inside = (row < rows)[:, None] & (column < padded_k)[None, :]
        if BITS == 8:
            code = tl.load(codes_ptr + row[:, None] * padded_k + column[None, :], inside, other=0).to(tl.int32)
        else:
            at = row[:, None] * (padded_k // 4 * 3) + (column * 6 // 8)[None, :]
            shift = (column * 6 % 8)[None, :]
            low = tl.load(codes_ptr + at, inside, other=0).to(tl.int32)
            high = tl.load(codes_ptr + at + 1, inside & (shift > 2), other=0).to(tl.int32)
            code = ((low | (high << 8)) >> shift) & 63
    return code


@triton.jit
def _decoded(
    codes_ptr, scales_ptr, row, first_column, rows, padded_k, TILE: tl.constexpr, BLOCK: tl.constexpr,
    BITS: tl.constexpr, MANTISSA: tl.constexpr, LOWEST: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Tiles (ROWS, COLUMNS) of float32 element values and of the scales that belong to them."""
    code = _load_codes(codes_ptr, row, first_column, rows, padded_k, ROWS, COLUMNS, BITS)
    size = code & ((1 << (BITS - 1)) - 1)
    if BITS == 4:
        magnitude = e2m1_value(size)
    else:
        magnitude = minifloat_value(size, MANTISSA, LOWEST)
    if BITS == 8 and MANTISSA == 3:
        magnitude = tl.where(size == 127, float("nan"), magnitude)
    if BITS == 8 and MANTISSA == 2:
        magnitude = tl.where(size > 124, float("nan"), tl.where(size == 124, float("inf"), magnitude))
    value = (magnitude.to(tl.int32, bitcast=True) | ((code >> (BITS - 1)) << 31)).to(tl.float32, bitcast=True)
    block = first_column // BLOCK + tl.arange(0, COLUMNS // BLOCK)
    inside_scale = (row < rows)[:, None] & (block < padded_k // BLOCK)[None, :]
    scale_at = (row // TILE)[:, None] * (padded_k // BLOCK) + block[None, :]
    scale = _scale_value(tl.load(scales_ptr + scale_at, inside_scale, other=0), BLOCK)
    wide = tl.broadcast_to(tl.expand_dims(scale, 2), (ROWS, COLUMNS // BLOCK, BLOCK))
    return value, tl.reshape(wide, (ROWS, COLUMNS))


@triton.jit
def _dequantize(
    codes_ptr, scales_ptr, tensor_scale_ptr, out_ptr, rows, k, padded_k, largest,
    TILE: tl.constexpr, BLOCK: tl.constexpr, BITS: tl.constexpr, MANTISSA: tl.constexpr, LOWEST: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """out: (rows, k) contiguous; float64 for float64, else float32 and one rounding; saturates at ``largest``."""
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    first = tl.program_id(1) * COLUMNS
    value, scale = _decoded(
        codes_ptr, scales_ptr, row, first, rows, padded_k, TILE, BLOCK, BITS, MANTISSA, LOWEST, ROWS, COLUMNS
    )
    if BITS == 8 and MANTISSA == 2:
        infinite = tl.abs(value) == float("inf")
    DTYPE: tl.constexpr = out_ptr.dtype.element_ty
    if tl.float64 == DTYPE:
        value, scale = value.to(tl.float64), scale.to(tl.float64)
    value *= scale
    if BLOCK == 16:
        value *= tl.load(tensor_scale_ptr).to(value.dtype)
    if tl.float64 != DTYPE:
        # Comparisons, because minimum and maximum of a NaN depend on the device.
        finite = tl.where(value > largest, largest, tl.where(value < -largest, -largest, value))
        if BITS == 8 and MANTISSA == 2:
            value = tl.where(infinite, value, finite)  # a code of E5M2 says so
        else:
            value = finite
    column = first + tl.arange(0, COLUMNS)
    inside = (row < rows)[:, None] & (column < k)[None, :]
    tl.store(out_ptr + row[:, None] * k + column[None, :], narrow(value, DTYPE), inside)


@triton.jit
def _matmul(
    a_ptr, a_scales_ptr, a_scale_ptr, b_ptr, b_scales_ptr, b_scale_ptr, out_ptr, m, n, padded_k,
    BLOCK: tl.constexpr, TILE_A: tl.constexpr, TILE_B: tl.constexpr, OPERAND: tl.constexpr,
    BITS: tl.constexpr, MANTISSA: tl.constexpr, LOWEST: tl.constexpr, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr,
):  # fmt: skip
    """out: (m, n) float32, contiguous; OPERAND is bfloat16, or float32 in the interpreter, with the same values."""
    a_row = (tl.program_id(0) * M + tl.arange(0, M)).to(tl.int64)
    b_row = (tl.program_id(1) * N + tl.arange(0, N)).to(tl.int64)
    total = tl.zeros((M, N), tl.float32)
    for first in range(0, padded_k, K):
        a, a_scale = _decoded(
            a_ptr, a_scales_ptr, a_row, first, m, padded_k, TILE_A, BLOCK, BITS, MANTISSA, LOWEST, M, K
        )
        b, b_scale = _decoded(
            b_ptr, b_scales_ptr, b_row, first, n, padded_k, TILE_B, BLOCK, BITS, MANTISSA, LOWEST, N, K
        )
        a, b = (a * a_scale).to(OPERAND), (b * b_scale).to(OPERAND)
        total = tl.dot(a, tl.trans(b), total, input_precision="ieee")
    if BLOCK == 16:
        total = total * tl.load(a_scale_ptr) * tl.load(b_scale_ptr)
    inside = (a_row < m)[:, None] & (b_row < n)[None, :]
    tl.store(out_ptr + a_row[:, None] * n + b_row[None, :], total, inside)


_FORMATS: tuple[Format, ...] = ("nvfp4", "mxfp4", "mxfp8_e4m3", "mxfp8_e5m2", "mxfp6_e2m3", "mxfp6_e3m2")
_PRODUCTS: tuple[Format, ...] = ("nvfp4", "mxfp4", "mxfp8_e4m3", "mxfp6_e2m3")


def element_constants(element: int) -> dict[str, int]:
    """What kernels are told of an element format."""
    form = ELEMENTS[element]
    return {"BITS": form.bits, "MANTISSA": form.mantissa_bits, "LOWEST": form.smallest_exponent}


def _constants(name: Format) -> dict[str, int]:
    return {"BLOCK": NVFP4_BLOCK if name == "nvfp4" else MX_BLOCK} | element_constants(element_of(name))


def _dequantize_builds() -> tuple[Build, ...]:
    types = {"codes_ptr": "*u8", "scales_ptr": "*u8", "tensor_scale_ptr": "*fp32", "out_ptr": "*bf16"}
    types |= {"rows": "i32", "k": "i32", "padded_k": "i32", "largest": "fp32"}
    return tuple(
        Build(
            name=f"dequantize_{name}_bf16",
            types=types,
            constants={"TILE": 1, "ROWS": 16, "COLUMNS": 128} | _constants(name),
            multiples_of_16=("k", "padded_k"),
        )
        for name in _FORMATS
    )


def _matmul_builds() -> tuple[Build, ...]:
    operands = dict.fromkeys(("a_ptr", "a_scales_ptr", "b_ptr", "b_scales_ptr"), "*u8")
    scales = {"a_scale_ptr": "*fp32", "b_scale_ptr": "*fp32", "out_ptr": "*fp32"}
    return tuple(
        Build(
            name=f"matmul_{name}",
            types=operands | scales | {"m": "i32", "n": "i32", "padded_k": "i32"},
            constants={"TILE_A": 1, "TILE_B": 1, "OPERAND": tl.bfloat16, "M": 64, "N": 64, "K": 64} | _constants(name),
            multiples_of_16=("m", "n", "padded_k"),
        )
        for name in _PRODUCTS
    )


TILE_SPACE = (
    Choice(constants={"ROWS": 16, "COLUMNS": 128}),
    Choice(constants={"ROWS": 64, "COLUMNS": 32}),
    Choice(constants={"ROWS": 16, "COLUMNS": 256}, warps=8),
    Choice(constants={"ROWS": 64, "COLUMNS": 64}, warps=8),
)
"""Wide tiles for rows that lie in memory one after the other, tall ones for transposed views."""
TILE_INTERPRETED = {"ROWS": 64, "COLUMNS": 256}
DEQUANTIZE = Kernel(
    function=_dequantize, space=TILE_SPACE, interpreted=TILE_INTERPRETED, exact=True, builds=_dequantize_builds()
)
MATMUL = Kernel(
    function=_matmul,
    space=(
        Choice(constants={"M": 64, "N": 64, "K": 64}, warps=4),
        Choice(constants={"M": 128, "N": 64, "K": 64}, warps=8),
        Choice(constants={"M": 128, "N": 128, "K": 64}, warps=8),
    ),
    key=("m", "n", "padded_k"),
    interpreted={"M": 64, "N": 64, "K": 256},
    builds=_matmul_builds(),
)
KERNELS = (DEQUANTIZE, MATMUL)


def tiles_of(rows: int, columns: int) -> Grid:
    """The grid of (ROWS, COLUMNS) tiles over a matrix."""

    def grid(tile: Mapping[str, int]) -> tuple[int, ...]:
        return ceiling(rows, tile["ROWS"]), ceiling(columns, tile["COLUMNS"])

    return grid


def dequantize_blocks(
    payload: Tensor, rows: int, k: int, block: int, tile: int, element: int, dtype: torch.dtype, out: Tensor | None
) -> Tensor:
    """``dequantize.dequantize_blocks`` on a GPU or in the interpreter: (rows, k) values of the dtype."""
    result = torch.empty((rows, k), dtype=dtype, device=payload.device) if out is None else out
    codes, scales, tensor_scale = split(payload, rows, k, block, tile, element)
    padded_k = ceiling(k, block) * block
    largest = torch.finfo(torch.float32 if dtype == torch.float64 else dtype).max
    arguments = codes, scales, tensor_scale, result, rows, k, padded_k, largest
    launch(DEQUANTIZE, tiles_of(rows, k), *arguments, TILE=tile, BLOCK=block, **element_constants(element))
    return result


def block_scaled_matmul(
    a: Tensor,
    b: Tensor,
    m: int,
    n: int,
    k: int,
    block: int,
    tile_a: int,
    tile_b: int,
    element: int,
    out: Tensor | None,
) -> Tensor:
    """``block_gemm.block_scaled_matmul`` on a GPU or in the interpreter: float32 (m, n), a @ b.T."""
    result = torch.empty((m, n), dtype=torch.float32, device=a.device) if out is None else out
    a_parts, b_parts = split(a, m, k, block, tile_a, element), split(b, n, k, block, tile_b, element)
    operand = tl.float32 if interpreting() else tl.bfloat16
    constants = {"BLOCK": block, "TILE_A": tile_a, "TILE_B": tile_b, "OPERAND": operand}
    constants |= element_constants(element)

    def grid(tile: Mapping[str, int]) -> tuple[int, ...]:
        return ceiling(m, tile["M"]), ceiling(n, tile["N"])

    launch(MATMUL, grid, *a_parts, *b_parts, result, m, n, ceiling(k, block) * block, **constants)
    return result
