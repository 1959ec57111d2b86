# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202
"""Triton route of the MX quantizers: one pass, the bits of ``formats.mx``, whatever the device.

The scale comes from the exponent bits of the block's largest magnitude, and scaling by a power of two is exact.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.formats.block_scaled import MX_BLOCK, payload_bytes, split
from claims.kernels.formats.e2m1 import refuse_nan
from claims.kernels.formats.minifloat import ELEMENTS
from claims.kernels.formats.mx import last_fraction, name_of
from claims.kernels.triton.block_scaled import (
    TILE_INTERPRETED,
    TILE_SPACE,
    element_constants,
    load_residual,
    magnitude_bits,
    store_codes,
    tiles_of,
)
from claims.kernels.triton.launch import Build, Kernel, ceiling, key_halves, launch
from claims.kernels.triton.nvfp4 import source_arguments


@triton.jit(do_not_specialize=["key_low", "key_high"])
def _quantize(
    x_ptr, x_row, x_column, center_ptr, center_row, center_column, nan_ptr, codes_ptr, scales_ptr,
    rows, k, padded_k, key_low, key_high,
    CENTERED: tl.constexpr, ROUND_UP: tl.constexpr, STOCHASTIC: tl.constexpr,
    BITS: tl.constexpr, MANTISSA: tl.constexpr, LOWEST: tl.constexpr, HIGHEST: tl.constexpr, FRACTION: tl.constexpr,
    LARGEST: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """codes: (rows, padded_k * BITS / 8), scales: (rows, padded_k / 32), uint8; nan: int32, set if x has one."""
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    first = tl.program_id(1) * COLUMNS
    column = first + tl.arange(0, COLUMNS)
    inside = (row < rows)[:, None] & (column < k)[None, :]
    x = load_residual(x_ptr, x_row, x_column, center_ptr, center_row, center_column, row, column, inside, CENTERED)
    largest = tl.max(tl.reshape(magnitude_bits(x), (ROWS, COLUMNS // 32, 32)), 2)
    if tl.max(tl.max(largest, 1), 0) > 0x7F800000:
        tl.store(nan_ptr, 1)
    largest = tl.minimum(largest, 0x7F7FFFFF)
    scale_code = (largest >> 23) - HIGHEST
    if ROUND_UP:
        scale_code += ((largest & 0x7FFFFF) > FRACTION).to(tl.int32)
    scale_code = tl.maximum(scale_code, 0)
    block = first // 32 + tl.arange(0, COLUMNS // 32)
    scale_inside = (row < rows)[:, None] & (block < padded_k // 32)[None, :]
    tl.store(scales_ptr + row[:, None] * (padded_k // 32) + block[None, :], scale_code.to(tl.uint8), scale_inside)
    # 2**(127 - code): codes reach 253 at most, so the exponent field 254 - code stays that of a normal float.
    encode = ((254 - scale_code) << 23).to(tl.float32, bitcast=True)
    encode = tl.broadcast_to(tl.expand_dims(encode, 2), (ROWS, COLUMNS // 32, 32))
    scaled = tl.abs(x) * tl.reshape(encode, (ROWS, COLUMNS))
    store_codes(
        codes_ptr, x, scaled, row, first, rows, padded_k, key_low, key_high, STOCHASTIC, ROWS, COLUMNS,
        BITS, MANTISSA, LOWEST, LARGEST,
    )  # fmt: skip


def _element(element: int) -> dict[str, int | float]:
    form = ELEMENTS[element]
    facts = {"HIGHEST": form.largest_exponent, "FRACTION": last_fraction(form), "LARGEST": form.largest}
    return element_constants(element) | facts


def _build(name: str, x: str, element: int, *, stochastic: bool = False) -> Build:
    pointers = {"x_ptr": x, "center_ptr": "*fp32", "nan_ptr": "*i32", "codes_ptr": "*u8", "scales_ptr": "*u8"}
    scalars = dict.fromkeys(("x_row", "center_row", "rows", "k", "padded_k", "key_low", "key_high"), "i32")
    strides = {"x_column": 1, "center_column": 1}  # as at a launch, where a stride of 1 is compiled in
    constants = {"CENTERED": False, "ROUND_UP": True, "STOCHASTIC": stochastic}
    return Build(
        name=name,
        types=pointers | scalars,
        constants=constants | strides | _element(element) | TILE_SPACE[0].constants,
        multiples_of_16=("x_row", "k", "padded_k"),
    )


QUANTIZE = Kernel(
    function=_quantize,
    space=TILE_SPACE,
    key=("x_column", "STOCHASTIC", "BITS", "MANTISSA"),
    interpreted=TILE_INTERPRETED,
    exact=True,
    builds=(
        _build("mxfp4_quantize_fp32", "*fp32", 0),
        _build("mxfp4_quantize_bf16", "*bf16", 0),
        _build("mxfp4_quantize_fp32_stochastic", "*fp32", 0, stochastic=True),
        _build("mxfp8_quantize_e4m3_bf16", "*bf16", 1),
        _build("mxfp8_quantize_e4m3_bf16_stochastic", "*bf16", 1, stochastic=True),
        _build("mxfp8_quantize_e5m2_bf16", "*bf16", 2),
        _build("mxfp6_quantize_e2m3_bf16", "*bf16", 3),
        _build("mxfp6_quantize_e3m2_bf16", "*bf16", 4),
        _build("mxfp6_quantize_e3m2_bf16_stochastic", "*bf16", 4, stochastic=True),
    ),
)
KERNELS = (QUANTIZE,)


def mx_quantize(
    x: Tensor, center: Tensor | None, round_up: bool, stochastic: bool, key: int, element: int, out: Tensor | None
) -> Tensor:
    """The quantizers of ``formats.mx`` on a GPU or in the interpreter: the payload of the matrix x (rows, k)."""
    rows, k = x.shape
    size = payload_bytes(rows, k, MX_BLOCK, 1, element)
    payload = torch.empty(size, dtype=torch.uint8, device=x.device) if out is None else out
    codes, scales, _ = split(payload, rows, k, MX_BLOCK, 1, element)
    padded_k = ceiling(k, MX_BLOCK) * MX_BLOCK
    nan = torch.zeros((), dtype=torch.int32, device=x.device)
    arguments = *source_arguments(x, center), nan, codes, scales, rows, k, padded_k, *key_halves(key)
    flags = {"CENTERED": center is not None, "ROUND_UP": round_up, "STOCHASTIC": stochastic}
    launch(QUANTIZE, tiles_of(rows, padded_k), *arguments, **flags, **_element(element))
    refuse_nan(name_of(ELEMENTS[element]), torch.where(nan == 0, 0.0, torch.nan))
    return payload
