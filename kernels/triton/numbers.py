# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN201, PLR0124, SIM108
"""Numbers inside Triton kernels: conversions, small floats, Philox words, each with the same bits wherever it runs.

Written with integer arithmetic on the bits and with single float32 operations that IEEE 754 defines, because the
interpreter's casts to bfloat16 and 8-bit floats are wrong and the hardware's conversion instructions differ between
generations. Blocks in, blocks of the same shape out; float32 unless said otherwise.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def single(x):
    """float32 of any float dtype, to nearest even from float64. bfloat16 is the upper half of its bits."""
    if x.dtype == tl.bfloat16:
        value = (x.to(tl.uint16, bitcast=True).to(tl.uint32) << 16).to(tl.float32, bitcast=True)
    else:
        value = x.to(tl.float32)
    return value


@triton.jit
def widen(x):
    """float64 of any float dtype."""
    if x.dtype == tl.bfloat16:
        value = single(x).to(tl.float64)
    else:
        value = x.to(tl.float64)
    return value


@triton.jit
def bfloat16_of(x):
    """float32 to bfloat16, to nearest even; a NaN becomes the quiet NaN of its sign."""
    bits = x.to(tl.uint32, bitcast=True)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    nan = ((bits >> 16) & 0x8000) | 0x7FC0
    return tl.where(x == x, rounded, nan).to(tl.uint16).to(tl.bfloat16, bitcast=True)


@triton.jit
def narrow(x, DTYPE: tl.constexpr):
    """float64 or float32 to a float dtype. Like torch, 16-bit types are reached through float32."""
    if tl.float64 == DTYPE:
        value = x.to(tl.float64)
    elif tl.bfloat16 == DTYPE:
        value = bfloat16_of(x.to(tl.float32))
    else:
        value = x.to(tl.float32).to(DTYPE)
    return value


@triton.jit
def sign_bit(x):
    """1 where the sign bit of a float32 is set (also of -0), else 0: int32."""
    return (x.to(tl.int32, bitcast=True) >> 31) & 1


@triton.jit
def power_of_two(exponent):
    """2**exponent for int32 exponents in [-126, 127]."""
    return ((exponent + 127) << 23).to(tl.float32, bitcast=True)


@triton.jit
def scale_to_one(largest):
    """Power of two that brings a float64 near 1, so that squares neither overflow nor vanish; 1 for 0, Inf, NaN."""
    field = (largest.to(tl.int64, bitcast=True) >> 52) & 0x7FF
    exponent = tl.minimum(tl.maximum(field - 1022, -1000), 1000)
    power = ((1023 - exponent) << 52).to(tl.float64, bitcast=True)
    return tl.where((largest > 0.0) & (field < 0x7FF), power, 1.0)


@triton.jit
def row_tile(row, column, rows, d):
    """Offsets and mask of a tile of a contiguous (rows, d) matrix, for vectors of rows and columns."""
    inside = (row < rows)[:, None] & (column < d)[None, :]
    return row.to(tl.int64)[:, None] * d + column[None, :], inside


@triton.jit
def philox_words(block, KEY_LOW, KEY_HIGH):
    """The four words of each Philox block: block numbers in int64 in, four uint32 blocks out.

    The key comes as two int32 with the bits of its halves. ``tl.randint4x`` is not used because a block number beyond
    32 bits would switch it to another generator (Philox4x64).
    """
    low = (block & 0xFFFFFFFF).to(tl.uint32)
    high = (block >> 32).to(tl.uint32)
    zero = low * 0
    key_low = zero + KEY_LOW.to(tl.uint32, bitcast=True)
    key_high = zero + KEY_HIGH.to(tl.uint32, bitcast=True)
    return tl.philox_impl(low, high, zero, zero, key_low, key_high)


@triton.jit
def interleave_words(w0, w1, w2, w3):
    """Four blocks (..., n) to one (..., 4 n), word by word."""
    even = tl.interleave(w0, w2)
    odd = tl.interleave(w1, w3)
    return tl.interleave(even, odd)


@triton.jit
def word_of(index, KEY_LOW, KEY_HIGH):
    """The Philox word of each element index (int64), for indices that do not come in aligned groups of four."""
    w0, w1, w2, w3 = philox_words(index >> 2, KEY_LOW, KEY_HIGH)
    place = index & 3
    return tl.where(place < 2, tl.where(place == 0, w0, w1), tl.where(place == 2, w2, w3))


@triton.jit
def e2m1_nearest(magnitude):
    """Code 0-7 (int32) of magnitudes in [0, 6], ties to even.

    From 1 on the code is the float's exponent and first mantissa bit: round those bits and move the bias from 127 to
    1. Below, 0, 1/2 and 1 have the ties 1/4 (down, to code 0) and 3/4 (up, to code 2).
    """
    bits = magnitude.to(tl.int32, bitcast=True)
    normal = ((bits + 0x1FFFFF + ((bits >> 22) & 1)) >> 22) - (126 << 1)
    small = (magnitude > 0.25).to(tl.int32) + (magnitude >= 0.75).to(tl.int32)
    return tl.where(magnitude < 1.0, small, normal)


@triton.jit
def e2m1_stochastic(magnitude, word):
    """Code 0-7 (int32) of magnitudes in [0, 6]: up iff the uint32 word is below floor(fraction of the step * 2**32).

    Steps are 1/2, 1, 2 below 2, 4, 6: dividing by them is exact, and so is every later step.
    """
    binade = (magnitude >= 2.0).to(tl.int32) + (magnitude >= 4.0).to(tl.int32)
    in_steps = magnitude * power_of_two(1 - binade)
    lower = in_steps.to(tl.int32)
    threshold = ((in_steps - lower.to(tl.float32)) * 4294967296.0).to(tl.uint32)
    return lower + 2 * binade + (word < threshold).to(tl.int32)


@triton.jit
def e2m1_value(code):
    """Magnitude of codes 0-7 (int32)."""
    normal = ((code + (126 << 1)) << 22).to(tl.float32, bitcast=True)
    return tl.where(code < 2, code.to(tl.float32) * 0.5, normal)


@triton.jit
def e4m3_nearest(magnitude):
    """Code 0-126 (int32) of magnitudes in [0, 448], ties to even."""
    return minifloat_nearest(magnitude, 3, -6)


@triton.jit
def e4m3_value(code):
    """Magnitude of codes 0-126 (int32)."""
    return minifloat_value(code, 3, -6)


@triton.jit
def minifloat_nearest(magnitude, M: tl.constexpr, LOWEST: tl.constexpr):
    """Code (int32) of magnitudes up to the largest of a format with M bits of mantissa, ties to even.

    From 2**LOWEST, the smallest normal number, on by rounding the float's bits; below, adding 2**(23 + LOWEST - M)
    leaves the rounded multiple of the step in the low bits.
    """
    POWER: tl.constexpr = (127 + 23 + LOWEST - M) << 23
    bits = magnitude.to(tl.int32, bitcast=True)
    normal = ((bits + ((1 << (22 - M)) - 1) + ((bits >> (23 - M)) & 1)) >> (23 - M)) - ((126 + LOWEST) << M)
    subnormal = (magnitude + 2.0 ** (23 + LOWEST - M)).to(tl.int32, bitcast=True) - POWER
    return tl.where(magnitude < 2.0**LOWEST, subnormal, normal)


@triton.jit
def minifloat_stochastic(magnitude, word, M: tl.constexpr, LOWEST: tl.constexpr):
    """Code (int32) of such magnitudes: up iff the uint32 word is below floor(fraction of the step * 2**32).

    Multiplying by the reciprocal of the step, a power of two, is exact, and so is every later step.
    """
    binade = tl.maximum((magnitude.to(tl.int32, bitcast=True) >> 23) - (127 + LOWEST), 0)
    in_steps = magnitude * power_of_two(M - LOWEST - binade)
    lower = in_steps.to(tl.int32)
    threshold = ((in_steps - lower.to(tl.float32)) * 4294967296.0).to(tl.uint32)
    return lower + (binade << M) + (word < threshold).to(tl.int32)


@triton.jit
def minifloat_value(code, M: tl.constexpr, LOWEST: tl.constexpr):
    """Magnitude of codes (int32) up to that of the largest value."""
    normal = ((code + ((126 + LOWEST) << M)) << (23 - M)).to(tl.float32, bitcast=True)
    return tl.where(code < (1 << M), code.to(tl.float32) * 2.0 ** (LOWEST - M), normal)
