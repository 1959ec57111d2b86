"""E4M3 (FN variant), the block scale of NVFP4: sign, four exponent bits (bias 7), three mantissa bits.

Largest value 448 (code 0x7E), smallest normal 2**-6, subnormals in steps of 2**-9, no Inf; 0x7F and 0xFF are NaN.
Encoding rounds to nearest with ties to the even code, keeps the sign of zero, saturates at 448 (Inf included) and
refuses NaN; decoding a NaN code gives NaN.

Source: Micikevicius et al., "FP8 formats for deep learning" (2022), table 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.dispatch import FLOATS, Operation, check_floating, register
from claims.kernels.formats.e2m1 import check_codes, refuse_nan
from claims.kernels.formats.minifloat import E4M3

LARGEST = E4M3.largest


def encode(x: Tensor) -> Tensor:
    """uint8 codes of NaN-free values; see ``e4m3_encode``."""
    return E4M3.signed_code(x, E4M3.nearest_code(x.abs()))


def decode(codes: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Values of E4M3 codes in any float dtype (all of them hold E4M3 exactly)."""
    return E4M3.decode(codes, dtype)


def _encode_reference(x: Tensor) -> Tensor:
    refuse_nan("e4m3_encode", x)
    return encode(x)


def _encode_cpu(x: Tensor, *, out: Tensor | None) -> Tensor:
    refuse_nan("e4m3_encode", x)
    codes = native.result(x, out, dtype=torch.uint8)
    native.call("e4m3_encode", native.plain(x), native.code(x.dtype), x.numel(), codes)
    return codes


_ENCODE = register(
    Operation(
        name="e4m3_encode",
        schema="(Tensor x) -> Tensor",
        reference=_encode_reference,
        cpu=_encode_cpu,
        fake=lambda x: x.new_empty(x.shape, dtype=torch.uint8),
        triton="triton.e4m3:e4m3_encode",
        triton_dtypes=FLOATS[1:],
    )
)


def e4m3_encode(x: Tensor, *, out: Tensor | None = None, route: str | None = None) -> Tensor:
    """The E4M3 code of each element of ``x`` (uint8, the shape of ``x``), to nearest, ties to even, saturating at 448.

    Inf saturates like all beyond 448. float64 is rounded once, straight to E4M3. Raises KernelError for NaN and for
    dtypes that are not floats.
    """
    check_floating("e4m3_encode", x=x)
    codes: Tensor = _ENCODE(x, out=out, route=route)
    return codes


def e4m3_decode(codes: Tensor, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """The values of E4M3 codes (uint8, any shape), exact in every float dtype; 0x7F and 0xFF give NaN.

    Plain torch on all devices. Raises KernelError for codes that are not uint8.
    """
    check_codes("e4m3_decode", codes, dtype)
    return decode(codes, dtype)
