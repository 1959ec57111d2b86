"""Small Triton kernels that show a device function alone. Import inside ``interpreter.running``."""

import triton
import triton.language as tl

from claims.kernels.triton.numbers import bfloat16_of, interleave_words, philox_words


@triton.jit
def words_of_blocks(block_ptr, out_ptr, key_low, key_high, COUNT: tl.constexpr):
    """The four words of each of COUNT Philox blocks, as int64."""
    place = tl.arange(0, COUNT)
    w0, w1, w2, w3 = philox_words(tl.load(block_ptr + place), key_low, key_high)
    tl.store(out_ptr + tl.arange(0, 4 * COUNT), interleave_words(w0, w1, w2, w3).to(tl.int64))


@triton.jit
def rounded_to_bfloat16(x_ptr, out_ptr, COUNT: tl.constexpr):
    """float32 to bfloat16 as the kernels round it."""
    place = tl.arange(0, COUNT)
    tl.store(out_ptr + place, bfloat16_of(tl.load(x_ptr + place)))


@triton.jit
def words_of_triton(out_ptr, seed, COUNT: tl.constexpr):
    """The words of Triton's own generator for COUNT offsets, as int64."""
    offset = tl.arange(0, COUNT)
    w0, w1, w2, w3 = tl.randint4x(seed, offset)
    tl.store(out_ptr + 4 * offset, w0.to(tl.int64) & 0xFFFFFFFF)
    tl.store(out_ptr + 4 * offset + 1, w1.to(tl.int64) & 0xFFFFFFFF)
    tl.store(out_ptr + 4 * offset + 2, w2.to(tl.int64) & 0xFFFFFFFF)
    tl.store(out_ptr + 4 * offset + 3, w3.to(tl.int64) & 0xFFFFFFFF)
