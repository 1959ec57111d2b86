# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202
"""Triton route of the NVFP4 quantizer: the bits of ``nvfp4``, whatever the device.

Two passes over x where the largest magnitude is not given, else one; a mean is subtracted in both on the fly. Codes and
scales come from integer arithmetic and single IEEE operations with no fused multiply-add, so the bits do not hang on
the hardware's own FP4 conversions (which only sm_100 and later have). Only a GPU could show its speed.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.formats.block_scaled import NVFP4_BLOCK, payload_bytes, split
from claims.kernels.formats.e2m1 import refuse_nan
from claims.kernels.formats.nvfp4 import tensor_scales
from claims.kernels.triton.block_scaled import (
    TILE_INTERPRETED,
    TILE_SPACE,
    load_residual,
    magnitude_bits,
    store_codes,
    tiles_of,
)
from claims.kernels.triton.launch import Build, Kernel, ceiling, key_halves, launch
from claims.kernels.triton.numbers import e2m1_nearest, e2m1_value, e4m3_nearest, e4m3_value

_LARGEST_FLOAT32 = tl.constexpr(3.4028234663852886e38)


@triton.jit
def _largest(
    x_ptr, x_row, x_column, center_ptr, center_row, center_column, largest_ptr, rows, k,
    CENTERED: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """largest: one int32, zero before the launch; becomes the largest ``magnitude_bits`` of the residual."""
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = (row < rows)[:, None] & (column < k)[None, :]
    x = load_residual(x_ptr, x_row, x_column, center_ptr, center_row, center_column, row, column, inside, CENTERED)
    # A maximum of integers: the same in whatever order the programs come.
    tl.atomic_max(largest_ptr, tl.max(tl.max(magnitude_bits(x), 1), 0))


@triton.jit
def _factors(step, tensor_scale, TILE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """What scales each element of a tile whose blocks have the scales ``step`` (ROWS / TILE, COLUMNS / 16)."""
    product = tl.where(step == 0.0, 1.0, step * tensor_scale)
    factor = tl.minimum(tl.div_rn(tl.full(product.shape, 1.0, tl.float32), product), _LARGEST_FLOAT32)
    return _of_each(tl.where(step == 0.0, 0.0, factor), TILE, ROWS, COLUMNS)


@triton.jit
def _of_each(blocks, TILE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """What each block has, for each of its elements: (ROWS, COLUMNS)."""
    wide = tl.broadcast_to(blocks[:, None, :, None], (ROWS // TILE, TILE, COLUMNS // 16, 16))
    return tl.reshape(wide, (ROWS, COLUMNS))


@triton.jit
def _folded(x, A: tl.constexpr, N: tl.constexpr, B: tl.constexpr):
    """The second half of the middle axis added to the first: (A, N, B) to (A, N / 2, B)."""
    low, high = tl.split(tl.permute(tl.reshape(x, (A, 2, N // 2, B)), (0, 2, 3, 1)))
    return low + high


@triton.jit
def _block_errors(
    magnitude, code, tensor_scale, encode, SELECTION: tl.constexpr, TILE: tl.constexpr, ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):  # fmt: skip
    """Summed errors of a tile rounded to nearest with these scales, added by halves: (ROWS / TILE, COLUMNS / 16)."""
    step = e4m3_value(code)
    scaled = magnitude * _factors(step, tensor_scale, TILE, ROWS, COLUMNS)
    rounded = e2m1_value(e2m1_nearest(tl.minimum(scaled, 6.0))) * _of_each(step, TILE, ROWS, COLUMNS)
    error = rounded - magnitude * encode
    error = error * error if SELECTION == 1 else tl.abs(error)
    BLOCKS: tl.constexpr = ROWS * COLUMNS // 16
    error = _folded(tl.reshape(error, (BLOCKS, 16, 1)), BLOCKS, 16, 1)
    error = _folded(_folded(_folded(error, BLOCKS, 8, 1), BLOCKS, 4, 1), BLOCKS, 2, 1)
    if TILE == 16:
        error = tl.reshape(error, (ROWS // 16, 16, COLUMNS // 16))
        error = _folded(_folded(error, ROWS // 16, 16, COLUMNS // 16), ROWS // 16, 8, COLUMNS // 16)
        error = _folded(_folded(error, ROWS // 16, 4, COLUMNS // 16), ROWS // 16, 2, COLUMNS // 16)
    return tl.reshape(error, (ROWS // TILE, COLUMNS // 16))


@triton.jit(do_not_specialize=["key_low", "key_high"])
def _quantize(
    x_ptr, x_row, x_column, center_ptr, center_row, center_column, tensor_scale_ptr, to_scale_ptr, nan_ptr,
    codes_ptr, scales_ptr, rows, k, padded_k, key_low, key_high,
    CENTERED: tl.constexpr, TILE: tl.constexpr, STOCHASTIC: tl.constexpr, SELECTION: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """codes: (rows, padded_k / 2), scales: (ceil(rows / TILE), padded_k / 16), uint8; nan: int32, set if x has one.

    to_scale: what makes a scale of a largest magnitude, and ``encode``.
    """
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    first = tl.program_id(1) * COLUMNS
    column = first + tl.arange(0, COLUMNS)
    inside = (row < rows)[:, None] & (column < k)[None, :]
    x = load_residual(x_ptr, x_row, x_column, center_ptr, center_row, center_column, row, column, inside, CENTERED)
    bits = magnitude_bits(x)
    largest = tl.max(tl.reshape(bits, (ROWS // TILE, TILE, COLUMNS // 16, 16)), 3)
    largest = tl.max(largest, 1)
    if tl.max(tl.max(largest, 1), 0) > 0x7F800000:
        tl.store(nan_ptr, 1)
    # An infinity counts as the largest finite number.
    magnitude = tl.minimum(tl.abs(x), _LARGEST_FLOAT32)
    scaled_largest = tl.minimum(largest, 0x7F7FFFFF).to(tl.float32, bitcast=True) * tl.load(to_scale_ptr)
    scale_code = e4m3_nearest(tl.minimum(scaled_largest, 448.0))
    tensor_scale = tl.load(tensor_scale_ptr)
    if SELECTION != 0:
        four, encode = e4m3_nearest(tl.minimum(scaled_largest * 1.5, 448.0)), tl.load(to_scale_ptr + 1)
        by_six = _block_errors(magnitude, scale_code, tensor_scale, encode, SELECTION, TILE, ROWS, COLUMNS)
        by_four = _block_errors(magnitude, four, tensor_scale, encode, SELECTION, TILE, ROWS, COLUMNS)
        scale_code = tl.where(by_four < by_six, four, scale_code)
    group = tl.program_id(0) * (ROWS // TILE) + tl.arange(0, ROWS // TILE)
    block = first // 16 + tl.arange(0, COLUMNS // 16)
    scale_inside = (group * TILE < rows)[:, None] & (block < padded_k // 16)[None, :]
    scale_at = group.to(tl.int64)[:, None] * (padded_k // 16) + block[None, :]
    tl.store(scales_ptr + scale_at, scale_code.to(tl.uint8), scale_inside)
    scaled = magnitude * _factors(e4m3_value(scale_code), tensor_scale, TILE, ROWS, COLUMNS)
    store_codes(codes_ptr, x, scaled, row, first, rows, padded_k, key_low, key_high, STOCHASTIC, ROWS, COLUMNS)


_SOURCE = {"x_row": "i32", "x_column": "i32", "center_row": "i32", "center_column": "i32"}


def _build(
    name: str, x: str, *, tile: int = 1, stochastic: bool = False, centered: bool = False, selection: int = 0
) -> Build:
    pointers = {"x_ptr": x, "center_ptr": "*fp32", "tensor_scale_ptr": "*fp32", "to_scale_ptr": "*fp32"}
    pointers |= {"nan_ptr": "*i32", "codes_ptr": "*u8", "scales_ptr": "*u8"}
    scalars = dict.fromkeys(("rows", "k", "padded_k", "key_low", "key_high"), "i32")
    types = pointers | _SOURCE | scalars
    # A stride of 1 is compiled in, as at a launch.
    for stride in ("x_column", "center_column"):
        del types[stride]
    constants = {"CENTERED": centered, "TILE": tile, "STOCHASTIC": stochastic, "SELECTION": selection}
    constants |= {"x_column": 1, "center_column": 1}
    return Build(
        name=f"nvfp4_quantize_{name}",
        types=types,
        constants=constants | TILE_SPACE[0].constants,
        multiples_of_16=("x_row", "k", "padded_k"),
    )


LARGEST = Kernel(
    function=_largest,
    space=TILE_SPACE,
    key=("x_column",),
    interpreted=TILE_INTERPRETED,
    exact=True,
    builds=(
        Build(
            name="largest_magnitude_fp32",
            types={"x_ptr": "*fp32", "center_ptr": "*fp32", "largest_ptr": "*i32", "rows": "i32", "k": "i32"}
            | {"x_row": "i32", "center_row": "i32"},
            constants={"CENTERED": False, "x_column": 1, "center_column": 1} | TILE_SPACE[0].constants,
            multiples_of_16=("x_row", "k"),
        ),
    ),
)
QUANTIZE = Kernel(
    function=_quantize,
    space=TILE_SPACE,
    key=("x_column", "STOCHASTIC", "SELECTION"),
    interpreted=TILE_INTERPRETED,
    exact=True,
    builds=(
        _build("fp32", "*fp32"),
        _build("bf16", "*bf16"),
        _build("fp32_stochastic", "*fp32", stochastic=True),
        _build("fp32_16x16", "*fp32", tile=16),
        _build("fp32_centered", "*fp32", centered=True),
        _build("fp32_four_over_six", "*fp32", selection=1),
        _build("fp32_16x16_four_over_six", "*fp32", tile=16, selection=1),
    ),
)
KERNELS = (LARGEST, QUANTIZE)


def source_arguments(x: Tensor, center: Tensor | None) -> tuple[object, ...]:
    """What ``load_residual`` needs of the matrix and its center: pointers and strides, 0 along broadcast axes."""
    x = x.resolve_neg()
    if center is None:
        return (x, *x.stride(), x, 0, 0)
    return (x, *x.stride(), center, int(center.shape[0] > 1), int(center.shape[1] > 1))


def nvfp4_quantize(
    x: Tensor,
    center: Tensor | None,
    amax: Tensor | None,
    tile: int,
    stochastic: bool,
    key: int,
    selection: int,
    largest_scale: int,
    out: Tensor | None,
) -> Tensor:
    """``nvfp4.nvfp4_quantize`` on a GPU or in the interpreter: the payload of the matrix x (rows, k) of any strides."""
    rows, k = x.shape
    size = payload_bytes(rows, k, NVFP4_BLOCK, tile)
    payload = torch.empty(size, dtype=torch.uint8, device=x.device) if out is None else out
    codes, scales, tensor_scale = split(payload, rows, k, NVFP4_BLOCK, tile)
    assert tensor_scale is not None
    source = source_arguments(x, center)
    flags: dict[str, int] = {"CENTERED": center is not None}
    padded_k = ceiling(k, NVFP4_BLOCK) * NVFP4_BLOCK
    if amax is None:
        bits = torch.zeros((), dtype=torch.int32, device=x.device)
        launch(LARGEST, tiles_of(rows, k), *source, bits, rows, k, **flags)
        amax = bits.view(torch.float32)
        refuse_nan("nvfp4_quantize", amax)
    decode, *to_scale = tensor_scales(amax.float(), largest_scale)
    tensor_scale.copy_(decode)
    nan = torch.zeros((), dtype=torch.int32, device=x.device)
    destination = decode, torch.stack(to_scale), nan, codes, scales, rows, k, padded_k, *key_halves(key)
    flags |= {"TILE": tile, "STOCHASTIC": stochastic, "SELECTION": selection}
    launch(QUANTIZE, tiles_of(rows, padded_k), *source, *destination, **flags)
    refuse_nan("nvfp4_quantize", torch.where(nan == 0, 0.0, torch.nan))
    return payload
