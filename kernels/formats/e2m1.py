"""E2M1, the 4-bit element of NVFP4 and MXFP4: sign, two exponent bits (bias 1), one mantissa bit; no Inf, no NaN.

Codes 0-7 are the magnitudes 0, 1/2, 1, 3/2, 2, 3, 4, 6; bit 3 is the sign (code 8 is -0). Encoding keeps the sign
(also of zeros and of what rounds to zero), saturates at 6 (Inf included) and refuses NaN, for which the format has no
code. Two codes share a byte: element ``2i`` in the low nibble, ``2i + 1`` in the high one.

Source: OCP Microscaling Formats (MX) v1.0, section 5.3.3.
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.arguments import check_choice, check_tensor
from claims.kernels.derivatives import innermost
from claims.kernels.dispatch import FLOATS, Operation, check_floating, register
from claims.kernels.errors import KernelError
from claims.kernels.philox import check_key, flip_mask_words

Rounding = Literal["nearest", "stochastic"]
MAGNITUDES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
LARGEST = 6.0
_STEPS = (0.5, 1.0, 2.0)  # below 2, from 2 to 4, from 4 to 6
_MIDPOINTS = tuple((low + high) / 2 for low, high in itertools.pairwise(MAGNITUDES))


def refuse_nan(operation: str, x: Tensor | float) -> None:
    """Raise KernelError if a NaN is in ``x``: no 4-bit code stands for it, and no quantizer here writes another."""
    if bool(torch.isnan(x).any()) if isinstance(x, Tensor) else math.isnan(x):
        raise KernelError(operation, "x", got="at least one NaN", allowed="free of NaN (the format has no code for it)")


def check_rounding(operation: str, rounding: str, key: int | None) -> tuple[bool, int]:
    """``rounding`` and ``key`` as the pair (stochastic, signed key) that the registered operators take."""
    check_choice(operation, "rounding", rounding, ("nearest", "stochastic"))
    if (key is not None) != (rounding == "stochastic"):
        allowed = "given with rounding='stochastic' and only then"
        raise KernelError(operation, "key", got=repr(key), allowed=allowed)
    return (False, 0) if key is None else (True, check_key(key, operation=operation))


def nearest_code(magnitude: Tensor) -> Tensor:
    """Code 0-7 nearest to each magnitude >= 0, ties to the even code: how many midpoints lie below it."""
    code = torch.zeros_like(magnitude, dtype=torch.uint8)
    for lower_code, midpoint in enumerate(_MIDPOINTS):
        # A magnitude on the midpoint belongs to the even one of the two codes: up if the lower is odd.
        code += magnitude >= midpoint if lower_code % 2 else magnitude > midpoint
    return code


def stochastic_code(magnitude: Tensor, words: Tensor) -> Tensor:
    """Code 0-7 just below or above each magnitude >= 0; up with probability (distance to the lower) / (step).

    ``words`` are uniform integers in [0, 2**32): up iff word < floor(2**32 * fraction), so the probability is exact to
    2**-32 and, the fraction being exact in float32, the same on all routes.
    """
    m = magnitude.double().clamp(max=LARGEST)
    binade = (m >= 2).long() + (m >= 4).long()
    in_steps = m / torch.tensor(_STEPS, dtype=torch.float64, device=m.device)[binade]
    lower = in_steps.floor()
    threshold = ((in_steps - lower) * 2.0**32).long()
    return (lower.long() + 2 * binade + (words < threshold)).to(torch.uint8)


def signed_code(x: Tensor, magnitude_code: Tensor) -> Tensor:
    """Put the sign bit of ``x`` (also that of -0) into bit 3."""
    return magnitude_code | (torch.signbit(x).to(torch.uint8) << 3)


def encode(x: Tensor, stochastic: bool, key: int) -> Tensor:
    """Codes of NaN-free values; element i (row-major) is rounded with Philox word i of a signed 64-bit ``key``."""
    if not stochastic:
        return signed_code(x, nearest_code(x.abs()))
    words = flip_mask_words(x.shape, key=key & 0xFFFFFFFFFFFFFFFF, device=x.device)
    return signed_code(x, stochastic_code(x.abs(), words))


def decode(codes: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Values of codes in [0, 16) in any float dtype: all of them hold E2M1 exactly."""
    magnitude = torch.tensor(MAGNITUDES, dtype=dtype, device=codes.device)
    return torch.cat([magnitude, -magnitude])[codes.long()]


def _encode_reference(x: Tensor, stochastic: bool, key: int) -> Tensor:
    refuse_nan("e2m1_encode", x)
    return encode(x, stochastic, key)


def _encode_cpu(x: Tensor, stochastic: bool, key: int, *, out: Tensor | None) -> Tensor:
    refuse_nan("e2m1_encode", x)
    codes = native.result(x, out, dtype=torch.uint8)
    native.call("e2m1_encode", native.plain(x), native.code(x.dtype), x.numel(), int(stochastic), key, codes)
    return codes


def check_codes(operation: str, codes: Tensor, dtype: torch.dtype) -> None:
    """Raise KernelError unless ``codes`` are uint8 and ``dtype`` is a float dtype to decode into."""
    check_tensor(operation, "codes", codes)
    if codes.dtype != torch.uint8:
        raise KernelError(operation, "codes", got=codes.dtype, allowed="a uint8 tensor")
    if dtype not in FLOATS:
        raise KernelError(operation, "dtype", got=dtype, allowed="float64, float32, bfloat16 or float16")


_ENCODE = register(
    Operation(
        name="e2m1_encode",
        schema="(Tensor x, bool stochastic, int key) -> Tensor",
        reference=_encode_reference,
        cpu=_encode_cpu,
        fake=lambda x, stochastic, key: x.new_empty(x.shape, dtype=torch.uint8),
        triton="triton.e2m1:e2m1_encode",
        triton_dtypes=FLOATS[1:],
    )
)


def e2m1_encode(
    x: Tensor,
    *,
    rounding: Rounding = "nearest",
    key: int | None = None,
    out: Tensor | None = None,
    route: str | None = None,
) -> Tensor:
    """The 4-bit code of each element of ``x``, one a byte (uint8, the shape of ``x``), without any scale.

    ``rounding="stochastic"`` takes one of the two neighbours, the nearer the likelier, with the Philox words of
    ``key`` (element i, row-major, uses word i): its mean over keys is ``x`` for |x| <= 6. Values beyond +-6 and +-Inf
    give +-6, -0 gives code 8. float64 is rounded once, straight to E2M1.

    Raises KernelError for NaN, for dtypes that are not floats, and for a key without stochastic rounding or the
    converse.
    """
    check_floating("e2m1_encode", x=x)
    codes: Tensor = _ENCODE(x, *check_rounding("e2m1_encode", rounding, key), out=out, route=route)
    return codes


def e2m1_decode(codes: Tensor, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """The values of 4-bit codes (uint8 in [0, 16), any shape), exact in every float dtype. Plain torch on all devices.

    Raises KernelError for codes of another dtype or value.
    """
    check_codes("e2m1_decode", codes, dtype)
    largest = 0 if codes.is_meta or codes.numel() == 0 else int(innermost(codes).max())
    if largest > 15:
        raise KernelError("e2m1_decode", "codes", got=f"a code of {largest}", allowed="codes in [0, 16)")
    return decode(codes, dtype)


def pack_nibbles(codes: Tensor) -> Tensor:
    """Two 4-bit codes a byte along the last axis, whose length must be even: (..., 2n) uint8 -> (..., n) uint8."""
    check_tensor("pack_nibbles", "codes", codes)
    if codes.dtype != torch.uint8 or codes.dim() == 0 or codes.shape[-1] % 2:
        got = f"{codes.dtype} of shape {tuple(codes.shape)}"
        raise KernelError("pack_nibbles", "codes", got=got, allowed="uint8 with an even last axis")
    return codes[..., 0::2] | (codes[..., 1::2] << 4)


def unpack_nibbles(packed: Tensor) -> Tensor:
    """Inverse of ``pack_nibbles``: (..., n) uint8 -> (..., 2n) uint8 in [0, 16)."""
    check_tensor("unpack_nibbles", "packed", packed)
    if packed.dtype != torch.uint8 or packed.dim() == 0:
        got = f"{packed.dtype} of shape {tuple(packed.shape)}"
        raise KernelError("unpack_nibbles", "packed", got=got, allowed="uint8 with at least one axis")
    return torch.stack([packed & 15, packed >> 4], dim=-1).flatten(-2)
