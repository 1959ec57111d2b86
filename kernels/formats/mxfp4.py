"""MXFP4: E2M1 elements and one power-of-two scale (E8M0) for 32 of them; no tensor scale.

With a the largest magnitude of a block, the exponent of its scale is

    floor: floor(log2(a)) - 2        (OCP): elements reach up to 8 times the scale and saturate at 6
    ceil:  ceil(log2(a / 6))         (RCEIL): nothing saturates

limited to [-127, 127]; both are exact, from the bits of the float32 ``a``. Dividing by the scale is exact, so that all
error is that of E2M1. Source: OCP Microscaling Formats (MX) v1.0, sections 5.2.4 and 6.3.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.arguments import check_choice
from claims.kernels.dispatch import FLOATS, Operation, register
from claims.kernels.formats.block_scaled import (
    LARGEST_FLOAT32,
    MXFP4_BLOCK,
    BlockScaled,
    as_blocks,
    as_matrix,
    buffer_of,
    center_step,
    cpu_source,
    e8m0_decode,
    oriented_center,
    pack,
    payload_bytes,
    split,
)
from claims.kernels.formats.e2m1 import Rounding, check_rounding, refuse_nan

ScaleRule = Literal["floor", "ceil"]
_SIX_FRACTION = 0x400000  # mantissa field of 6 = 1.5 * 4: above it, a / 6 exceeds the power of two


def scale_codes(largest: Tensor, round_up: bool) -> Tensor:
    """E8M0 codes for the largest magnitudes (float32, finite) of blocks."""
    bits = largest.view(torch.int32)
    field, mantissa = bits >> 23, bits & 0x7FFFFF
    code = field - 2 + (mantissa > _SIX_FRACTION) if round_up else field - 2
    # A field of 0 (zero or subnormal) means less than 2**-126, and its scale is the smallest either way.
    return code.clamp(min=0).to(torch.uint8)


def _reference(x: Tensor, center: Tensor | None, round_up: bool, stochastic: bool, key: int) -> Tensor:
    rows, k = x.shape
    payload = torch.empty(payload_bytes(rows, k, MXFP4_BLOCK, 1), dtype=torch.uint8, device=x.device)
    codes, scales, _ = split(payload, rows, k, MXFP4_BLOCK, 1)
    blocks = as_blocks(x, center, MXFP4_BLOCK, 1)
    refuse_nan("mxfp4_quantize", blocks)
    magnitude = blocks.abs()
    if magnitude.numel():
        scales.copy_(scale_codes(magnitude.amax(dim=(1, 3)).clamp(max=LARGEST_FLOAT32), round_up))
    scaled = magnitude.double() / e8m0_decode(scales, torch.float64)[:, None, :, None]
    codes.copy_(pack(scaled, blocks, rows, stochastic, key))
    return payload


def _cpu(x: Tensor, center: Tensor | None, round_up: bool, stochastic: bool, key: int, *, out: Tensor | None) -> Tensor:
    rows, k = x.shape
    memory, by_columns = cpu_source(x)
    payload = (
        torch.empty(payload_bytes(rows, k, MXFP4_BLOCK, 1), dtype=torch.uint8, device="cpu") if out is None else out
    )
    codes, scales, _ = split(payload, rows, k, MXFP4_BLOCK, 1)
    source = (memory, native.code(memory.dtype), rows, k, by_columns, center, center_step(center, rows))
    largest = torch.empty((), dtype=torch.float32, device="cpu")
    native.call("mxfp4_quantize", *source, largest, int(round_up), int(stochastic), key, codes, scales)
    refuse_nan("mxfp4_quantize", largest)
    return payload


_QUANTIZE = register(
    Operation(
        name="mxfp4_quantize",
        schema="(Tensor x, Tensor? center, bool round_up, bool stochastic, int key) -> Tensor",
        reference=_reference,
        cpu=_cpu,
        cpu_dtypes=FLOATS,
        fake=lambda x, center, round_up, stochastic, key: x.new_empty(
            payload_bytes(x.shape[0], x.shape[1], MXFP4_BLOCK, 1), dtype=torch.uint8
        ),
        triton="triton.mxfp4:mxfp4_quantize",
    )
)


def mxfp4_quantize(
    x: Tensor,
    *,
    axis: int = -1,
    scale_rule: ScaleRule = "floor",
    rounding: Rounding = "nearest",
    key: int | None = None,
    center: Tensor | None = None,
    out: BlockScaled | None = None,
    route: str | None = None,
) -> BlockScaled:
    """Quantize ``x`` (or ``x - center``) with blocks of 32 along ``axis``, which becomes the contraction axis.

    ``axis``, ``rounding``, ``key``, ``center``, ``out`` and padding are those of ``nvfp4_quantize``, with blocks of 32.
    Stochastic rounding is unbiased with ``scale_rule="ceil"``; with "floor" for elements up to 6 times the scale.

    NaN (also from ``center``) raises KernelError; Inf scales its block like the largest finite float32 and gets the
    largest code. All routes give the same bits.
    """
    view, shape = as_matrix("mxfp4_quantize", x, axis)
    check_choice("mxfp4_quantize", "scale_rule", scale_rule, ("floor", "ceil"))
    stochastic = check_rounding("mxfp4_quantize", rounding, key)
    offset = oriented_center("mxfp4_quantize", x, center, axis)
    buffer = buffer_of("mxfp4_quantize", out, shape, "mxfp4", 1)
    payload = _QUANTIZE(view, offset, scale_rule == "ceil", *stochastic, out=buffer, route=route)
    return BlockScaled(payload=payload, shape=shape, format="mxfp4") if out is None else out
