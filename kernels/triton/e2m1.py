# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# ruff: noqa: ANN001, ANN202, SIM108
"""Triton route of the E2M1 encoder, entry by entry, with the bits of ``e2m1``; not for float64."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from claims.kernels.formats.e2m1 import refuse_nan
from claims.kernels.native import plain
from claims.kernels.triton.launch import Build, Choice, Kernel, blocks_of, key_halves, launch
from claims.kernels.triton.numbers import e2m1_nearest, e2m1_stochastic, sign_bit, single, word_of


@triton.jit(do_not_specialize=["key_low", "key_high"])
def _encode(x_ptr, out_ptr, count, key_low, key_high, STOCHASTIC: tl.constexpr, BLOCK: tl.constexpr):
    """x, out: (count,); one uint8 code 0-15 an entry, which uses the Philox word of its own index."""
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    x = single(tl.load(x_ptr + at, at < count, other=0.0))
    magnitude = tl.minimum(tl.abs(x), 6.0)
    if STOCHASTIC:
        code = e2m1_stochastic(magnitude, word_of(at, key_low, key_high))
    else:
        code = e2m1_nearest(magnitude)
    tl.store(out_ptr + at, (code | (sign_bit(x) << 3)).to(tl.uint8), at < count)


_SPACE = (Choice(constants={"BLOCK": 1024}), Choice(constants={"BLOCK": 4096}, warps=8))
ENCODE = Kernel(
    function=_encode,
    space=_SPACE,
    key=("STOCHASTIC",),
    interpreted={"BLOCK": 1 << 17},
    exact=True,
    builds=tuple(
        Build(
            name=f"e2m1_encode_{name}",
            types={"x_ptr": "*fp32", "out_ptr": "*u8", "count": "i64", "key_low": "i32", "key_high": "i32"},
            constants={"STOCHASTIC": stochastic} | _SPACE[0].constants,
            multiples_of_16=("count",),
        )
        for name, stochastic in (("nearest", False), ("stochastic", True))
    ),
)
KERNELS = (ENCODE,)


def e2m1_encode(x: Tensor, stochastic: bool, key: int, out: Tensor | None) -> Tensor:
    """``e2m1.e2m1_encode`` on a GPU or in the interpreter: uint8 codes 0-15 of the shape of x."""
    refuse_nan("e2m1_encode", x)
    source = plain(x)
    codes = torch.empty_like(source, dtype=torch.uint8) if out is None else out
    arguments = source, codes, source.numel(), *key_halves(key)
    launch(ENCODE, blocks_of(source.numel()), *arguments, STOCHASTIC=stochastic)
    return codes
