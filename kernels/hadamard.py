"""Blockwise (random) Hadamard transform: ``x diag(signs) H / sqrt(block)`` on consecutive blocks of an axis.

H is the Sylvester matrix, ``H[i, j] = (-1)**popcount(i & j)``. With the 1 / sqrt(block) it is symmetric and orthogonal,
so the inverse is ``y H / sqrt(block) diag(signs)``, and a product over the transformed axis is unchanged where both
factors are transformed. NVFP4 training transforms both inputs of the weight gradient along the tokens, in blocks of 16
with the signs ``RHT_SIGNS`` (NVIDIA, arXiv 2509.25149, section 4.3; the vector is Transformer Engine's).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.arguments import check_choice
from claims.kernels.derivatives import innermost
from claims.kernels.dispatch import FLOATS, Operation, check_floating, register
from claims.kernels.errors import KernelError
from claims.kernels.philox import flip_mask_words

RHT_SIGNS = (1, 1, 1, -1, 1, -1, -1, -1, -1, -1, -1, 1, -1, 1, -1, -1)
"""The fixed sign vector of NVFP4 training, for blocks of 16."""


def hadamard_signs(block: int, *, key: int) -> Tensor:
    """Random signs for a block: float32 (block,), +1 where Philox word i of ``key`` is below 2**31, else -1."""
    check_block("hadamard_signs", block)
    # Not of `where`: a choice between two numbers has torch's default dtype, which the caller may have changed.
    return 1 - 2 * (flip_mask_words(block, key=key) >= 1 << 31).float()


def check_block(operation: str, block: int) -> None:
    """Raise KernelError unless the block is a power of two."""
    if isinstance(block, bool) or not isinstance(block, int) or block < 1 or block & (block - 1):
        raise KernelError(operation, "block", got=repr(block), allowed="a power of two")


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype of sums and differences: float64 for itself, float32 for the rest."""
    return torch.float64 if dtype == torch.float64 else torch.float32


@cache
def scale_of(block: int, dtype: torch.dtype) -> float:
    """1 / sqrt(block), rounded to the dtype of the computation."""
    return float(torch.tensor(1.0 / math.sqrt(block), dtype=compute_dtype(dtype), device="cpu"))


def _factors(signs: Tensor | tuple[int, ...], x: Tensor) -> Tensor:
    """The signs in the dtype of the computation."""
    try:
        factors = torch.as_tensor(signs, device=x.device)
    except (TypeError, ValueError, RuntimeError):
        factors = None
    if factors is None or factors.is_complex():
        raise KernelError("hadamard_transform", "signs", got=repr(signs), allowed="numbers, each 1 or -1")
    return factors.to(compute_dtype(x.dtype))


def _reference(x: Tensor, signs: Tensor | None, block: int, axis: int, inverse: bool) -> Tensor:
    wide = x.to(compute_dtype(x.dtype)).movedim(axis, -1)
    y = wide.reshape(-1, block)
    if signs is not None and not inverse:
        y = y * signs
    half = 1
    while half < block:
        low, high = y.view(-1, block // (2 * half), 2, half).unbind(2)
        y = torch.stack([low + high, low - high], dim=2).view(-1, block)
        half *= 2
    y = y * scale_of(block, x.dtype)
    if signs is not None and inverse:
        y = y * signs
    return y.reshape(wide.shape).movedim(-1, axis).to(x.dtype)


def _cpu(x: Tensor, signs: Tensor | None, block: int, axis: int, inverse: bool, *, out: Tensor | None) -> Tensor:
    if x.dtype == torch.float16:
        # Every float16 is a float32, and the one rounding at the end is torch's.
        return _cpu(x.float(), signs, block, axis, inverse, out=None).half()
    result = native.result(x, out)
    columns = x.shape[-1] if axis == -2 else 1
    inside = (native.plain(x), native.code(x.dtype), x.numel(), columns, block)
    factors = None if signs is None else native.plain(signs.double())
    native.call("hadamard_transform", *inside, factors, int(inverse), scale_of(block, x.dtype), result)
    return result


def _save(context: Any, arguments: tuple[Any, ...], output: Tensor) -> None:
    _, signs, context.block, context.axis, context.inverse = arguments
    context.save_for_backward(*(() if signs is None else (signs,)))


def _backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
    signs = context.saved_tensors[0] if context.saved_tensors else None
    return _TRANSFORM(gradient, signs, context.block, context.axis, not context.inverse), None, None, None, None


def _tangent(arguments: tuple[Any, ...], tangents: tuple[Any, ...]) -> Tensor:
    result: Tensor = _TRANSFORM(tangents[0], *arguments[1:])
    return result


_TRANSFORM = register(
    Operation(
        name="hadamard_transform",
        schema="(Tensor x, Tensor? signs, int block, int axis, bool inverse) -> Tensor",
        reference=_reference,
        cpu=_cpu,
        cpu_dtypes=FLOATS,
        fake=lambda x, signs, block, axis, inverse: x.new_empty(x.shape),
        triton="triton.hadamard:hadamard_transform",
        backward=_backward,
        save=_save,
        tangent=_tangent,
    )
)


def hadamard_transform(
    x: Tensor,
    *,
    block: int = 16,
    signs: Tensor | tuple[int, ...] | None = None,
    axis: int = -1,
    inverse: bool = False,
    out: Tensor | None = None,
    route: str | None = None,
) -> Tensor:
    """Transform each ``block`` consecutive entries along ``axis`` (-1 or -2); shape and dtype of ``x``.

    ``signs`` is one factor +-1 an entry of the block (``RHT_SIGNS``, ``hadamard_signs``); None means no signs. Sums and
    differences are float32 (float64 for float64) in the order of strides 1, 2, 4 ..., one product with 1 / sqrt(block)
    follows, and one rounding to the dtype of ``x``: the same bits on all routes. Differentiable in ``x``.

    A NaN makes its block NaN; an Inf makes its block Inf or NaN (Inf - Inf). Raises KernelError for a block that is no
    power of two, an axis it does not divide, and signs of another length or value.
    """
    check_floating("hadamard_transform", x=x)
    check_block("hadamard_transform", block)
    check_choice("hadamard_transform", "axis", axis, (-1, -2))
    check_choice("hadamard_transform", "inverse", inverse, (False, True))
    if x.dim() < -axis:
        raise KernelError("hadamard_transform", "axis", got=f"{axis} for {x.dim()} axes", allowed="-1 or -2, within x")
    if x.shape[axis] % block:
        got = f"length {x.shape[axis]} along the axis"
        raise KernelError("hadamard_transform", "x", got=got, allowed=f"a multiple of the block, {block}")
    factors = None
    if signs is not None:
        factors = _factors(signs, x)
        if tuple(factors.shape) != (block,) or not (factors.is_meta or bool((innermost(factors).abs() == 1).all())):
            got = f"shape {tuple(factors.shape)}"
            raise KernelError("hadamard_transform", "signs", got=got, allowed=f"{block} numbers, each 1 or -1")
    result: Tensor = _TRANSFORM(x, factors, block, axis, inverse, out=out, route=route)
    return result
