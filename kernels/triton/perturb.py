# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202
"""Triton routes of the weight perturbations: sign flips, the magnitude step, and the energy that matches them.

Flips are bits: a sign is turned by exclusive or in an integer of the element's width, so that zeros, infinities and
NaNs are treated alike on every device (Triton's ``-x`` is ``0 - x`` and would lose the sign of zero). One Philox block
serves four neighbours; the mask is never in memory. Only a GPU could show that Philox hides behind the memory traffic:
ten rounds cost about 25 integer instructions an element, which a memory-bound kernel has room for on data-centre parts.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.native import plain
from claims.kernels.philox import flip_threshold
from claims.kernels.triton.launch import (
    Build,
    Choice,
    Kernel,
    blocks_of,
    ceiling,
    float_bits,
    interpreting,
    key_halves,
    launch,
)
from claims.kernels.triton.numbers import interleave_words, narrow, philox_words, single, widen

INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""The integer type that holds a float of so many bytes."""


@triton.jit
def _flips(first_block, last, key_low, key_high, BLOCK: tl.constexpr):
    """Which of BLOCK neighbouring elements, from the one that starts ``first_block``, are flipped."""
    block = first_block + tl.arange(0, BLOCK // 4)
    w0, w1, w2, w3 = philox_words(block, key_low, key_high)
    return interleave_words(w0, w1, w2, w3) <= last.to(tl.uint32, bitcast=True)


@triton.jit(do_not_specialize=["last", "key_low", "key_high"])
def _sign_flip(bits_ptr, out_ptr, count, last, key_low, key_high, BLOCK: tl.constexpr):
    """bits, out: (count,) integers that hold floats; an element is negated iff its word is at most ``last``."""
    program = tl.program_id(0).to(tl.int64)
    at = program * BLOCK + tl.arange(0, BLOCK)
    bits = tl.load(bits_ptr + at, at < count, other=0)
    flip = _flips(program * (BLOCK // 4), last, key_low, key_high, BLOCK)
    SIGN: tl.constexpr = bits_ptr.dtype.element_ty.primitive_bitwidth - 1
    tl.store(out_ptr + at, bits ^ (flip.to(bits.dtype) << SIGN), at < count)


@triton.jit(do_not_specialize=["step_bits"])
def _magnitude_step(w_ptr, out_ptr, count, step_bits, BLOCK: tl.constexpr):
    """w, out: (count,); w + step sign(w), zeros kept: in float64 for float64, else in float32 and then rounded."""
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    w = tl.load(w_ptr + at, at < count, other=0.0)
    step = step_bits.to(tl.int64).to(tl.float64, bitcast=True)
    if w_ptr.dtype.element_ty != tl.float64:
        w = single(w)
        step = step.to(tl.float32)
    sign = (w > 0.0).to(w.dtype) - (w < 0.0).to(w.dtype)
    moved = tl.where(w == 0.0, w, w + step * sign)
    tl.store(out_ptr + at, narrow(moved, out_ptr.dtype.element_ty), at < count)


@triton.jit(do_not_specialize=["last", "key_low", "key_high"])
def _flip_energy(w_ptr, out_ptr, count, last, key_low, key_high, ALL_KEPT: tl.constexpr, BLOCK: tl.constexpr):
    """w: (count,), out: (programs, 2) float64: each program's sum of squares over its flips, and its nonzeros."""
    program = tl.program_id(0).to(tl.int64)
    at = program * BLOCK + tl.arange(0, BLOCK)
    w = widen(tl.load(w_ptr + at, at < count, other=0.0))
    energy = tl.zeros((BLOCK,), tl.float64)
    if not ALL_KEPT:
        flip = _flips(program * (BLOCK // 4), last, key_low, key_high, BLOCK)
        energy = tl.where(flip, w * w, 0.0)
    tl.store(out_ptr + 2 * program, tl.sum(energy, 0))
    tl.store(out_ptr + 2 * program + 1, tl.sum((w != 0.0).to(tl.float64), 0))


_SPACE = tuple(Choice(constants={"BLOCK": block}, warps=warps) for block, warps in ((2048, 8), (1024, 4), (4096, 8)))
_INTERPRETED = {"BLOCK": 1 << 14}
_FLIP_TYPES = {"count": "i64", "last": "i32", "key_low": "i32", "key_high": "i32"}
SIGN_FLIP = Kernel(
    function=_sign_flip,
    space=_SPACE,
    interpreted=_INTERPRETED,
    exact=True,
    builds=tuple(
        Build(
            name=f"sign_flip_{name}",
            types={"bits_ptr": pointer, "out_ptr": pointer} | _FLIP_TYPES,
            constants={"BLOCK": 2048},
            warps=8,
            multiples_of_16=("count",),
        )
        for name, pointer in (("fp32", "*i32"), ("bf16", "*i16"))
    ),
)
MAGNITUDE_STEP = Kernel(
    function=_magnitude_step,
    space=_SPACE,
    interpreted=_INTERPRETED,
    exact=True,
    builds=tuple(
        Build(
            name=f"magnitude_step_{name}",
            types={"w_ptr": f"*{name}", "out_ptr": f"*{name}", "count": "i64", "step_bits": "i64"},
            constants={"BLOCK": 2048},
            warps=8,
            multiples_of_16=("count",),
        )
        for name in ("fp32", "bf16")
    ),
)
FLIP_ENERGY = Kernel(
    function=_flip_energy,
    space=(Choice(warps=8), Choice(warps=4)),
    builds=(
        Build(
            name="flip_energy_fp32",
            types={"w_ptr": "*fp32", "out_ptr": "*fp64"} | _FLIP_TYPES,
            constants={"ALL_KEPT": False, "BLOCK": 2048},
            warps=8,
            multiples_of_16=("count",),
        ),
    ),
)
KERNELS = (SIGN_FLIP, MAGNITUDE_STEP, FLIP_ENERGY)


def last_flipping_word(threshold: int) -> int:
    """The largest word that flips, for a threshold above 0, as a signed 32-bit integer with its bits."""
    last = threshold - 1
    return last - (1 << 32) if last >> 31 else last


def sign_flip(w: Tensor, flip_rate: float, key: int, out: Tensor | None) -> Tensor:
    """``perturb.sign_flip`` on a GPU or in the interpreter; any shape and float dtype; ``out`` may be w."""
    source = plain(w)
    result = torch.empty_like(source) if out is None else out
    threshold = flip_threshold(flip_rate, operation="sign_flip")
    if threshold == 0:
        return result.copy_(source)
    integer = INTEGERS[source.element_size()]
    count = source.numel()
    low, high = key_halves(key)
    tensors = source.view(-1).view(integer), result.view(-1).view(integer)
    launch(SIGN_FLIP, blocks_of(count), *tensors, count, last_flipping_word(threshold), low, high)
    return result


def magnitude_step(w: Tensor, step: float, out: Tensor | None) -> Tensor:
    """``perturb.magnitude_step`` on a GPU or in the interpreter, of the signed step; ``out`` may be w."""
    source = plain(w)
    result = torch.empty_like(source) if out is None else out
    count = source.numel()
    launch(MAGNITUDE_STEP, blocks_of(count), source, result, count, float_bits(step))
    return result


def flip_energy(w: Tensor, flip_rate: float, key: int, out: Tensor | None) -> Tensor:
    """Float64 pair: the sum of w**2 over the elements that ``sign_flip`` negates, and how many w are not zero.

    One partial sum a program, added up by torch in a fixed order: the same bits in every run on the same device.
    """
    source = plain(w)
    count, block = source.numel(), (1 << 17) if interpreting() else 2048
    partial = torch.empty((ceiling(count, block), 2), dtype=torch.float64, device=source.device)
    threshold = flip_threshold(flip_rate, operation="flip_energy")
    low, high = key_halves(key)
    scalars = count, last_flipping_word(threshold), low, high
    launch(FLIP_ENERGY, (partial.shape[0],), source, partial, *scalars, ALL_KEPT=threshold == 0, BLOCK=block)
    total = partial.sum(0)
    return total if out is None else out.copy_(total)
