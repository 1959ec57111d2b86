# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202
"""Triton route of the blockwise Hadamard transform: butterflies in registers, the bits of ``hadamard``.

Sums and differences in the order h = 1, 2, 4 ... and one multiplication: each is a single rounding, so no order is left
to the compiler. A matrix product with the Hadamard matrix would use tensor cores, and round otherwise.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.hadamard import _reference, scale_of
from claims.kernels.native import plain
from claims.kernels.triton.launch import Build, Choice, Kernel, ceiling, float_bits, launch, rows_a_program
from claims.kernels.triton.numbers import narrow, single

LONGEST_BLOCK = 8192
"""What the registers of one program hold."""


@triton.jit
def _butterfly(x, VECTORS: tl.constexpr, BLOCK: tl.constexpr, HALF: tl.constexpr):
    """Entries i (without bit HALF) and i + HALF of each row of a tile (VECTORS, BLOCK): their sum and difference."""
    pairs = tl.reshape(x, (VECTORS, BLOCK // (2 * HALF), 2, HALF))
    a, b = tl.split(tl.permute(pairs, (0, 1, 3, 2)))
    return tl.reshape(tl.permute(tl.join(a + b, a - b), (0, 1, 3, 2)), (VECTORS, BLOCK))


@triton.jit(do_not_specialize=["scale_bits"])
def _hadamard(
    x_ptr, signs_ptr, out_ptr, vectors, inner, scale_bits, SIGNED: tl.constexpr, INVERSE: tl.constexpr,
    VECTORS: tl.constexpr, BLOCK: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """x, out: contiguous (outer, BLOCK, inner); vectors = outer * inner; signs: (BLOCK,) float32 or float64."""
    DTYPE: tl.constexpr = x_ptr.dtype.element_ty
    WIDE: tl.constexpr = tl.float64 if tl.float64 == DTYPE else tl.float32
    vector = (tl.program_id(0) * VECTORS + tl.arange(0, VECTORS)).to(tl.int64)
    place = tl.arange(0, BLOCK)
    start = (vector // inner) * (BLOCK * inner) + vector % inner
    at = start[:, None] + place.to(tl.int64)[None, :] * inner
    inside = (vector < vectors)[:, None] & (place < BLOCK)[None, :]
    x = tl.load(x_ptr + at, inside, other=0.0)
    if tl.float32 == WIDE:
        x = single(x)
    scale = scale_bits.to(tl.int64).to(tl.float64, bitcast=True).to(WIDE)
    if SIGNED and not INVERSE:
        x *= tl.load(signs_ptr + place)[None, :]
    for stage in tl.static_range(STAGES):
        x = _butterfly(x, VECTORS, BLOCK, 1 << stage)
    x *= scale
    if SIGNED and INVERSE:
        x *= tl.load(signs_ptr + place)[None, :]
    tl.store(out_ptr + at, narrow(x, DTYPE), inside)


HADAMARD = Kernel(
    function=_hadamard,
    space=(Choice(warps=4), Choice(warps=8), Choice(warps=2)),
    key=("BLOCK", "inner"),
    exact=True,
    builds=tuple(
        Build(
            name=f"hadamard_{block}_{name}",
            types={"x_ptr": f"*{name}", "signs_ptr": "*fp32", "out_ptr": f"*{name}", "vectors": "i32"}
            | {"scale_bits": "i64"},
            constants={"inner": 1, "SIGNED": True, "INVERSE": False, "BLOCK": block}
            | {"VECTORS": 2048 // block, "STAGES": block.bit_length() - 1},
            multiples_of_16=("vectors",),
        )
        for block, name in ((16, "bf16"), (128, "fp32"))
    ),
)
KERNELS = (HADAMARD,)


def hadamard_transform(
    x: Tensor, signs: Tensor | None, block: int, axis: int, inverse: bool, out: Tensor | None
) -> Tensor:
    """``hadamard.hadamard_transform`` on a GPU or in the interpreter; blocks beyond LONGEST_BLOCK in plain torch."""
    if block > LONGEST_BLOCK:
        result = _reference(x, signs, block, axis, inverse)
        return result if out is None else out.copy_(result)
    source = plain(x)
    result = torch.empty_like(source) if out is None else out
    inner, vectors = source.shape[-1] if axis == -2 else 1, source.numel() // block
    size = rows_a_program(vectors, block)
    scalars = vectors, inner, float_bits(scale_of(block, x.dtype))
    flags = {"SIGNED": signs is not None, "INVERSE": inverse}
    sizes = {"VECTORS": size, "BLOCK": block, "STAGES": block.bit_length() - 1}
    factors = source if signs is None else plain(signs)
    launch(HADAMARD, (ceiling(vectors, size),), source, factors, result, *scalars, **flags, **sizes)
    return result
