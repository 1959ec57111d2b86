# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202, PLR0124
"""Triton route of RMSNorm and of its Jacobian-vector product, which is also its backward product.

Float64 inside, one rounding at the end, as ``norm`` says: memory is the limit, and float64 at half or one sixty-fourth
of the float32 rate still keeps up with it or nearly so. A row of up to 16384 entries stays in registers between the sum
of squares and the result; a longer one is read twice. Only a GPU could show how near to its bandwidth this comes.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.native import plain
from claims.kernels.triton.launch import (
    Build,
    Choice,
    Kernel,
    ceiling,
    float_bits,
    launch,
    power_of_two,
    rows_a_program,
)
from claims.kernels.triton.numbers import narrow, row_tile, scale_to_one, widen

LONGEST_BLOCK = 16384


@triton.jit
def _root_mean_square(squares, d, root_eps, power):
    """sqrt(squares / d + eps power^2) without leaving the range of float64."""
    a = tl.sqrt(squares / d.to(tl.float64))
    b = root_eps * power
    large = tl.maximum(a, b)
    quotient = tl.where(large == 0.0, 0.0, tl.minimum(a, b) / tl.where(large == 0.0, 1.0, large))
    # An infinite b over an infinite a is no number, but the root is infinite all the same.
    root = tl.where(large == float("inf"), large, large * tl.sqrt(1.0 + quotient * quotient))
    return tl.where(a == a, root, a)


@triton.jit
def _scales(x_ptr, x, row, rows, d, root_eps, ROWS: tl.constexpr, BLOCK: tl.constexpr, WHOLE: tl.constexpr):
    """Of each row, as (ROWS, 1): a power of two, 1 / (rms times it), and whether the rms is zero.

    With WHOLE, ``x`` is the rows in float64; else they are read block by block.
    """
    WIDE: tl.constexpr = x_ptr.dtype.element_ty == tl.float64
    power = tl.full((ROWS,), 1.0, tl.float64)
    if WHOLE:
        if WIDE:
            power = scale_to_one(tl.max(tl.abs(x), 1))
        scaled = x * power[:, None]
        squares = tl.sum(scaled * scaled, 1)
    else:
        if WIDE:
            largest = tl.zeros((ROWS, BLOCK), tl.float64)
            for start in range(0, d, BLOCK):
                at, inside = row_tile(row, start + tl.arange(0, BLOCK), rows, d)
                largest = tl.maximum(largest, tl.abs(tl.load(x_ptr + at, inside, other=0.0)))
            power = scale_to_one(tl.max(largest, 1))
        sums = tl.zeros((ROWS, BLOCK), tl.float64)
        for start in range(0, d, BLOCK):
            at, inside = row_tile(row, start + tl.arange(0, BLOCK), rows, d)
            scaled = widen(tl.load(x_ptr + at, inside, other=0.0)) * power[:, None]
            sums += scaled * scaled
        squares = tl.sum(sums, 1)
    rms = _root_mean_square(squares, d, root_eps, power)
    zero = rms == 0.0
    return power[:, None], (1.0 / tl.where(zero, 1.0, rms))[:, None], zero[:, None]


@triton.jit(do_not_specialize=["root_eps_bits"])
def _forward(x_ptr, out_ptr, rows, d, root_eps_bits, ROWS: tl.constexpr, BLOCK: tl.constexpr, WHOLE: tl.constexpr):
    """Shapes: x, out (rows, d), contiguous; one program takes ROWS rows, WHOLE iff BLOCK covers d."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    root_eps = root_eps_bits.to(tl.int64).to(tl.float64, bitcast=True)
    if WHOLE:
        at, inside = row_tile(row, tl.arange(0, BLOCK), rows, d)
        x = widen(tl.load(x_ptr + at, inside, other=0.0))
        power, inverse, zero = _scales(x_ptr, x, row, rows, d, root_eps, ROWS, BLOCK, WHOLE)
        value = tl.where(zero, 0.0, x * power * inverse)
        tl.store(out_ptr + at, narrow(value, out_ptr.dtype.element_ty), inside)
    else:
        power, inverse, zero = _scales(x_ptr, None, row, rows, d, root_eps, ROWS, BLOCK, WHOLE)
        for start in range(0, d, BLOCK):
            at, inside = row_tile(row, start + tl.arange(0, BLOCK), rows, d)
            x = widen(tl.load(x_ptr + at, inside, other=0.0))
            value = tl.where(zero, 0.0, x * power * inverse)
            tl.store(out_ptr + at, narrow(value, out_ptr.dtype.element_ty), inside)


@triton.jit(do_not_specialize=["root_eps_bits"])
def _jvp(x_ptr, h_ptr, out_ptr, rows, d, root_eps_bits, ROWS: tl.constexpr, BLOCK: tl.constexpr, WHOLE: tl.constexpr):
    """Shapes: x, h, out (rows, d), contiguous; one program takes ROWS rows, WHOLE iff BLOCK covers d."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    root_eps = root_eps_bits.to(tl.int64).to(tl.float64, bitcast=True)
    if WHOLE:
        at, inside = row_tile(row, tl.arange(0, BLOCK), rows, d)
        x = widen(tl.load(x_ptr + at, inside, other=0.0))
        h = widen(tl.load(h_ptr + at, inside, other=0.0))
        power, inverse, zero = _scales(x_ptr, x, row, rows, d, root_eps, ROWS, BLOCK, WHOLE)
        unit = x * power * inverse
        along = tl.sum(unit * h, 1)[:, None] / d.to(tl.float64)
        value = tl.where(zero, 0.0, (h - unit * along) * power * inverse)
        tl.store(out_ptr + at, narrow(value, out_ptr.dtype.element_ty), inside)
    else:
        power, inverse, zero = _scales(x_ptr, None, row, rows, d, root_eps, ROWS, BLOCK, WHOLE)
        sums = tl.zeros((ROWS, BLOCK), tl.float64)
        for start in range(0, d, BLOCK):
            at, inside = row_tile(row, start + tl.arange(0, BLOCK), rows, d)
            x = widen(tl.load(x_ptr + at, inside, other=0.0))
            sums += x * power * inverse * widen(tl.load(h_ptr + at, inside, other=0.0))
        along = tl.sum(sums, 1)[:, None] / d.to(tl.float64)
        for start in range(0, d, BLOCK):
            at, inside = row_tile(row, start + tl.arange(0, BLOCK), rows, d)
            unit = widen(tl.load(x_ptr + at, inside, other=0.0)) * power * inverse
            h = widen(tl.load(h_ptr + at, inside, other=0.0))
            value = tl.where(zero, 0.0, (h - unit * along) * power * inverse)
            tl.store(out_ptr + at, narrow(value, out_ptr.dtype.element_ty), inside)


def _builds(name: str, pointers: tuple[str, ...]) -> tuple[Build, ...]:
    """bfloat16 rows of a usual hidden size, which stay in registers, and long float32 rows, which do not."""
    sizes = {"rows": "i32", "d": "i32", "root_eps_bits": "i64"}
    variants = (("bf16_whole", "*bf16", True), ("fp32_long", "*fp32", False))
    return tuple(
        Build(
            name=f"{name}_{variant}",
            types=dict.fromkeys(pointers, pointer) | sizes,
            constants={"ROWS": 1, "BLOCK": 4096, "WHOLE": whole},
            warps=8,
            multiples_of_16=("d",),
        )
        for variant, pointer, whole in variants
    )


_SPACE = (Choice(warps=8), Choice(warps=4), Choice(warps=16))
FORWARD = Kernel(function=_forward, space=_SPACE, key=("d", "ROWS"), builds=_builds("rms_norm", ("x_ptr", "out_ptr")))
JVP = Kernel(
    function=_jvp, space=_SPACE, key=("d", "ROWS"), builds=_builds("rms_norm_jvp", ("x_ptr", "h_ptr", "out_ptr"))
)
KERNELS = (FORWARD, JVP)


def _launch(kernel: Kernel, tensors: tuple[Tensor, ...], out: Tensor | None, eps: float) -> Tensor:
    plain_tensors = tuple(plain(tensor) for tensor in tensors)
    result = torch.empty_like(plain_tensors[0]) if out is None else out
    d = result.shape[-1]
    if result.numel():
        rows, block = result.numel() // d, min(power_of_two(d), LONGEST_BLOCK)
        size = rows_a_program(rows, block)
        constants = {"ROWS": size, "BLOCK": block, "WHOLE": block >= d}
        bits = float_bits(math.sqrt(eps))
        launch(kernel, (ceiling(rows, size),), *plain_tensors, result, rows, d, bits, **constants)
    return result


def rms_norm(x: Tensor, eps: float, out: Tensor | None) -> Tensor:
    """``norm.rms_norm`` on a GPU or in the interpreter; rows (..., d) of any float dtype."""
    return _launch(FORWARD, (x,), out, eps)


def rms_norm_jvp(x: Tensor, h: Tensor, eps: float, out: Tensor | None) -> Tensor:
    """``norm.rms_norm_jvp`` on a GPU or in the interpreter; rows x and h (..., d) of one float dtype."""
    return _launch(JVP, (x, h), out, eps)
