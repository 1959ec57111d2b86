# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202
"""Triton route of the E4M3 encoder, entry by entry, with the bits of ``e4m3``; not for float64."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.formats.e2m1 import refuse_nan
from claims.kernels.native import plain
from claims.kernels.triton.launch import Build, Choice, Kernel, blocks_of, launch
from claims.kernels.triton.numbers import e4m3_nearest, sign_bit, single


@triton.jit
def _encode(x_ptr, out_ptr, count, BLOCK: tl.constexpr):
    """x, out: (count,); one uint8 code an entry."""
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    x = single(tl.load(x_ptr + at, at < count, other=0.0))
    code = e4m3_nearest(tl.minimum(tl.abs(x), 448.0))
    tl.store(out_ptr + at, (code | (sign_bit(x) << 7)).to(tl.uint8), at < count)


_SPACE = (Choice(constants={"BLOCK": 1024}), Choice(constants={"BLOCK": 4096}, warps=8))
ENCODE = Kernel(
    function=_encode,
    space=_SPACE,
    interpreted={"BLOCK": 1 << 17},
    exact=True,
    builds=(
        Build(
            name="e4m3_encode",
            types={"x_ptr": "*fp32", "out_ptr": "*u8", "count": "i64"},
            constants=_SPACE[0].constants,
            multiples_of_16=("count",),
        ),
    ),
)
KERNELS = (ENCODE,)


def e4m3_encode(x: Tensor, out: Tensor | None) -> Tensor:
    """``e4m3.e4m3_encode`` on a GPU or in the interpreter: uint8 codes of the shape of x."""
    refuse_nan("e4m3_encode", x)
    source = plain(x)
    codes = torch.empty_like(source, dtype=torch.uint8) if out is None else out
    launch(ENCODE, blocks_of(source.numel()), source, codes, source.numel())
    return codes
