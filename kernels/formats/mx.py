"""The MX formats: MXFP4, MXFP6, MXFP8. One power-of-two scale (E8M0) for 32 elements, which are small floats.

    MXFP4: E2M1    MXFP6: E2M3 or E3M2    MXFP8: E4M3 or E5M2

With a the largest magnitude of a block, M = s * 2**m (1 <= s < 2) the largest value of the element format, the exponent
of its scale is

    floor: floor(log2(a)) - m        (OCP): what lies between M and 2**(m + 1) times the scale saturates at M
    ceil:  ceil(log2(a / M))         (RCEIL): nothing saturates

limited to [-127, 127]; both are exact, from the bits of the float32 ``a``. Dividing by the scale is exact, so that all
error is that of the element. No code of Inf or NaN, which E4M3, E5M2 and E8M0 have, is ever written. Source: OCP
Microscaling Formats (MX) v1.0, sections 5 and 6.3.
"""

from __future__ import annotations

import ctypes
import math
from typing import Literal

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.arguments import check_choice
from claims.kernels.dispatch import FLOATS, Operation, register
from claims.kernels.formats.again import Again
from claims.kernels.formats.block_scaled import (
    LARGEST_FLOAT32,
    MX_BLOCK,
    BlockScaled,
    Format,
    as_blocks,
    as_matrix,
    buffer_of,
    cpu_source,
    e8m0_decode,
    element_of,
    oriented_center,
    pack,
    payload_bytes,
    quantized,
    split,
)
from claims.kernels.formats.e2m1 import Rounding, check_rounding, refuse_nan
from claims.kernels.formats.minifloat import ELEMENTS, Minifloat

ScaleRule = Literal["floor", "ceil"]


def last_fraction(element: Minifloat) -> int:
    """Mantissa field, as in float32, of the element's largest value M: above it, a / M exceeds the power of two."""
    return int((math.ldexp(element.largest, -element.largest_exponent) - 1) * 2**23)


def name_of(element: Minifloat) -> str:
    """Of the operation that quantizes to these elements."""
    return f"mxfp{element.bits}_quantize"


def scale_codes(largest: Tensor, round_up: bool, element: Minifloat) -> Tensor:
    """E8M0 codes for the largest magnitudes (float32, finite) of blocks."""
    bits = largest.view(torch.int32)
    field, mantissa = bits >> 23, bits & 0x7FFFFF
    code = field - element.largest_exponent + (mantissa > last_fraction(element) if round_up else 0)
    # A field of 0 (zero or subnormal) means less than 2**-126, and its scale is the smallest either way.
    return code.clamp(min=0).to(torch.uint8)


def _reference(x: Tensor, center: Tensor | None, round_up: bool, stochastic: bool, key: int, element: int) -> Tensor:
    (rows, k), form = x.shape, ELEMENTS[element]
    payload = torch.empty(payload_bytes(rows, k, MX_BLOCK, 1, element), dtype=torch.uint8, device=x.device)
    codes, scales, _ = split(payload, rows, k, MX_BLOCK, 1, element)
    blocks = as_blocks(x, center, MX_BLOCK, 1)
    refuse_nan(name_of(form), blocks)
    magnitude = blocks.abs()
    if magnitude.numel():
        scales.copy_(scale_codes(magnitude.amax(dim=(1, 3)).clamp(max=LARGEST_FLOAT32), round_up, form))
    scaled = magnitude.double() / e8m0_decode(scales, torch.float64)[:, None, :, None]
    codes.copy_(pack(scaled, blocks, rows, stochastic, key, form))
    return payload


def _cpu(
    x: Tensor, center: Tensor | None, round_up: bool, stochastic: bool, key: int, element: int, *, out: Tensor | None
) -> Tensor:
    source = cpu_source(x, center)
    size = payload_bytes(*source[2:4], MX_BLOCK, 1, element)
    payload = native.empty((size,), torch.uint8) if out is None else out
    largest = ctypes.c_float()
    rule = (int(round_up), int(stochastic), key, element)
    native.call("mx_quantize", *source, ctypes.addressof(largest), *rule, payload)
    refuse_nan(name_of(ELEMENTS[element]), largest.value)
    return payload


def _registered(name: str) -> Operation:
    return register(
        Operation(
            name=name,
            schema="(Tensor x, Tensor? center, bool round_up, bool stochastic, int key, int element) -> Tensor",
            reference=_reference,
            cpu=_cpu,
            cpu_dtypes=FLOATS,
            fake=lambda x, center, round_up, stochastic, key, element: x.new_empty(
                payload_bytes(x.shape[0], x.shape[1], MX_BLOCK, 1, element), dtype=torch.uint8
            ),
            triton="triton.mx:mx_quantize",
        )
    )


_MXFP4, _MXFP6, _MXFP8 = (
    Again(_registered(name), "mx_quantize", start=0.0)
    for name in ("mxfp4_quantize", "mxfp6_quantize", "mxfp8_quantize")
)


def _quantized(
    again: Again,
    wanted: Format,
    x: Tensor,
    axis: int,
    scale_rule: ScaleRule,
    rounding: Rounding,
    key: int | None,
    center: Tensor | None,
    out: BlockScaled | None,
    route: str | None,
) -> BlockScaled:
    usual, operation = center is None and out is None and route is None, again.operation
    options = (wanted, axis, type(axis), scale_rule, rounding)
    if usual and (made := again.take(options, x, key)) is not None:
        return made
    view, shape = as_matrix(operation.name, x, axis)
    check_choice(operation.name, "scale_rule", scale_rule, ("floor", "ceil"))
    rule = (scale_rule == "ceil", *check_rounding(operation.name, rounding, key), element_of(wanted))
    offset = oriented_center(operation.name, x, center, axis)
    buffer = buffer_of(operation.name, out, shape, wanted, 1)
    payload = operation(view, offset, *rule, out=buffer, route=route)
    if out is not None:
        return out
    made = quantized(payload, shape, wanted)
    if usual:
        again.keep(options, x, view, key, (int(rule[0]), int(rule[1])), rule[3:], made)
    return made


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
    return _quantized(_MXFP4, "mxfp4", x, axis, scale_rule, rounding, key, center, out, route)


def mxfp6_quantize(
    x: Tensor,
    *,
    element: Literal["e2m3", "e3m2"] = "e2m3",
    axis: int = -1,
    scale_rule: ScaleRule = "floor",
    rounding: Rounding = "nearest",
    key: int | None = None,
    center: Tensor | None = None,
    out: BlockScaled | None = None,
    route: str | None = None,
) -> BlockScaled:
    """Quantize ``x`` (or ``x - center``) with blocks of 32 six-bit elements along ``axis``, the contraction axis.

    Four codes lie in three bytes, the first in the lowest bits. All else, NaN and Inf too, is as in ``mxfp4_quantize``;
    with ``scale_rule="floor"`` elements saturate above 7.5 (E2M3) or 28 (E3M2) times the scale.
    """
    check_choice("mxfp6_quantize", "element", element, ("e2m3", "e3m2"))
    wanted: Format = "mxfp6_e2m3" if element == "e2m3" else "mxfp6_e3m2"
    return _quantized(_MXFP6, wanted, x, axis, scale_rule, rounding, key, center, out, route)


def mxfp8_quantize(
    x: Tensor,
    *,
    element: Literal["e4m3", "e5m2"] = "e4m3",
    axis: int = -1,
    scale_rule: ScaleRule = "floor",
    rounding: Rounding = "nearest",
    key: int | None = None,
    center: Tensor | None = None,
    out: BlockScaled | None = None,
    route: str | None = None,
) -> BlockScaled:
    """Quantize ``x`` (or ``x - center``) with blocks of 32 eight-bit elements along ``axis``, the contraction axis.

    All else, NaN and Inf too, is as in ``mxfp4_quantize``: the codes of NaN and Inf that these elements have are never
    written. With ``scale_rule="floor"`` elements saturate above 448 (E4M3) or 57344 (E5M2) times the scale.
    """
    check_choice("mxfp8_quantize", "element", element, ("e4m3", "e5m2"))
    wanted: Format = "mxfp8_e4m3" if element == "e4m3" else "mxfp8_e5m2"
    return _quantized(_MXFP8, wanted, x, axis, scale_rule, rounding, key, center, out, route)
