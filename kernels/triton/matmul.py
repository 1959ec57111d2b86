# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202
"""Triton route of the product with flipped weights, x @ sign_flip(w).T: neither mask nor flipped weights in memory.

Each tile of w is flipped in registers on its way into the product, with the words that ``sign_flip`` uses. The words of
a weight are made again for each tile of samples, so the wider that tile, the less they weigh. In float32 they cost less
than the product; beside 16-bit tensor cores Philox is the larger part, and ``sign_flip`` followed by a plain product is
faster wherever the flipped copy fits into memory. Only a GPU could say where the two cross.

Products of float32 are "ieee": no TF32. Products of 16-bit floats are exact and summed in float32; the interpreter,
which cannot multiply bfloat16, gets them as float32 with the same products.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.native import plain
from claims.kernels.philox import flip_threshold
from claims.kernels.triton.launch import Build, Choice, Kernel, ceiling, interpreting, key_halves, launch
from claims.kernels.triton.numbers import interleave_words, narrow, philox_words, single, word_of
from claims.kernels.triton.perturb import INTEGERS, last_flipping_word


@triton.jit
def _flipped(w, row, first_column, columns, last, key_low, key_high, BLOCK: tl.constexpr, ALIGNED: tl.constexpr):
    """A tile (rows, BLOCK) of integers that hold weights, with the flipped signs turned."""
    if ALIGNED:
        block = row[:, None] * (columns // 4) + (first_column // 4 + tl.arange(0, BLOCK // 4))[None, :]
        w0, w1, w2, w3 = philox_words(block, key_low, key_high)
        words = interleave_words(w0, w1, w2, w3)
    else:
        words = word_of(row[:, None] * columns + (first_column + tl.arange(0, BLOCK))[None, :], key_low, key_high)
    flip = words <= last.to(tl.uint32, bitcast=True)
    SIGN: tl.constexpr = w.dtype.primitive_bitwidth - 1
    return w ^ (flip.to(w.dtype) << SIGN)


@triton.jit(do_not_specialize=["last", "key_low", "key_high"])
def _sign_flip_linear(
    x_ptr, w_bits_ptr, out_ptr, samples, outputs, inputs, last, key_low, key_high,
    ANY: tl.constexpr, ALIGNED: tl.constexpr, AS_FLOAT32: tl.constexpr,
    SAMPLES: tl.constexpr, OUTPUTS: tl.constexpr, INPUTS: tl.constexpr,
):  # fmt: skip
    """x: (samples, inputs), w_bits: (outputs, inputs) integers that hold floats, out: (samples, outputs), contiguous.

    ALIGNED iff 4 divides inputs, ANY iff the flip rate is above zero, AS_FLOAT32 in the interpreter.
    """
    DTYPE: tl.constexpr = x_ptr.dtype.element_ty
    SUM: tl.constexpr = tl.float64 if tl.float64 == DTYPE else tl.float32
    sample = (tl.program_id(0) * SAMPLES + tl.arange(0, SAMPLES)).to(tl.int64)
    output = (tl.program_id(1) * OUTPUTS + tl.arange(0, OUTPUTS)).to(tl.int64)
    total = tl.zeros((SAMPLES, OUTPUTS), SUM)
    for start in range(0, inputs, INPUTS):
        column = start + tl.arange(0, INPUTS)
        inside = (column < inputs)[None, :]
        x = tl.load(x_ptr + sample[:, None] * inputs + column[None, :], (sample < samples)[:, None] & inside, other=0.0)
        bits = tl.load(
            w_bits_ptr + output[:, None] * inputs + column[None, :], (output < outputs)[:, None] & inside, other=0
        )
        if ANY:
            bits = _flipped(bits, output, start, inputs, last, key_low, key_high, INPUTS, ALIGNED)
        w = bits.to(DTYPE, bitcast=True)
        if AS_FLOAT32:
            x, w = single(x), single(w)
        total = tl.dot(x, tl.trans(w), total, input_precision="ieee", out_dtype=SUM)
    inside = (sample < samples)[:, None] & (output < outputs)[None, :]
    tl.store(out_ptr + sample[:, None] * outputs + output[None, :], narrow(total, DTYPE), inside)


def _tile(samples: int, outputs: int, inputs: int) -> dict[str, int]:
    return {"SAMPLES": samples, "OUTPUTS": outputs, "INPUTS": inputs}


def _kernel(name: str, bits: str, space: tuple[Choice, ...]) -> Kernel:
    sizes = ("samples", "outputs", "inputs")
    scalars = dict.fromkeys((*sizes, "last", "key_low", "key_high"), "i32")
    build = Build(
        name=f"sign_flip_linear_{name}",
        types={"x_ptr": f"*{name}", "w_bits_ptr": bits, "out_ptr": f"*{name}"} | scalars,
        constants={"ANY": True, "ALIGNED": True, "AS_FLOAT32": False} | space[0].constants,
        warps=space[0].warps,
        stages=space[0].stages,
        multiples_of_16=sizes,
    )
    return Kernel(function=_sign_flip_linear, space=space, key=sizes, interpreted=_tile(64, 64, 64), builds=(build,))


NARROW = _kernel(
    "bf16",
    "*i16",
    (
        Choice(constants=_tile(128, 64, 32), warps=8, stages=3),
        Choice(constants=_tile(64, 64, 32), warps=4, stages=3),
        Choice(constants=_tile(128, 128, 32), warps=8, stages=2),
    ),
)
# Triton 3.7 compiles "ieee" products of float32 to TF32 on sm_100 where a tile has 64 rows or more.
WIDE = _kernel(
    "fp32",
    "*i32",
    (
        Choice(constants=_tile(32, 64, 16), warps=4),
        Choice(constants=_tile(32, 32, 16), warps=4),
        Choice(constants=_tile(32, 128, 16), warps=8),
    ),
)
KERNELS = (NARROW, WIDE)


def sign_flip_linear(x: Tensor, w: Tensor, flip_rate: float, key: int, out: Tensor | None) -> Tensor:
    """``matmul.sign_flip_linear`` on a GPU or in the interpreter: x (..., n), w (m, n) -> (..., m)."""
    x, w = plain(x), plain(w)
    outputs, inputs = w.shape
    result = x.new_empty((*x.shape[:-1], outputs)) if out is None else out
    samples = result.numel() // outputs if outputs else 0
    threshold = flip_threshold(flip_rate, operation="sign_flip_linear")
    low, high = key_halves(key)
    sizes = samples, outputs, inputs
    emulated = interpreting() and x.dtype == torch.bfloat16
    constants = {"ANY": threshold > 0, "ALIGNED": inputs % 4 == 0, "AS_FLOAT32": emulated}

    def grid(tile: Mapping[str, int]) -> tuple[int, ...]:
        return ceiling(samples, tile["SAMPLES"]), ceiling(outputs, tile["OUTPUTS"])

    kernel = NARROW if x.element_size() == 2 else WIDE
    bits = w.view(INTEGERS[w.element_size()])
    launch(kernel, grid, x, bits, result, *sizes, last_flipping_word(threshold), low, high, **constants)
    return result
