"""Averis, second half: the three products of a linear layer from split and quantized operands.

With X = 1 mu_X + X_R (l, m), D = 1 mu_D + D_R (l, n), W (n, m) and bars for what is quantized:

    Y  = X W^T  = 1 (mu_X W^T) + X_R W^T                                                        (equation 11)
    dX = D W    = 1 (mu_D W) + D_R W                                                            (equation 12)
    dW = D^T X  = D_R^T X_R + (D_R^T 1) mu_X + mu_D^T (1^T X_R) + l mu_D^T mu_X                 (equation 12)

(weights lie as in ``torch.nn.Linear``, the transpose of the paper's). The means enter as a vector added to every row,
or as outer products added to dW. The two middle terms of dW are zero without quantization, because residuals sum to
zero, and pure noise with it: ``weight_gradient_terms=2`` leaves them out.
Source: "The curse and blessing of mean bias in FP4-quantized LLM training" (arXiv 2603.10444), section 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from claims.kernels.arguments import check_tensor
from claims.kernels.averis_recipe import PRINTED, AverisRecipe, check_recipe
from claims.kernels.block_gemm import PANEL, block_scaled_matmul, block_scaled_matvec
from claims.kernels.derivatives import check_plain, function_of
from claims.kernels.dispatch import ROUTES, Operation, check_floating, undisturbed
from claims.kernels.errors import KernelError
from claims.kernels.formats.block_scaled import BlockScaled
from claims.kernels.hadamard import RHT_SIGNS, hadamard_transform
from claims.kernels.mean_split import Split, averis_split, quantize_weight, token_mean


def _check(
    operation: str, first: str, a: Tensor, second: str, b: Tensor, axes: tuple[int, int],
    recipe: AverisRecipe, route: str | None,
) -> None:  # fmt: skip
    """Both are matrices of floats, alike in dtype and device, and of the same length along these axes."""
    check_floating(operation, **{first: a, second: b})
    check_plain(operation, **{first: a, second: b})
    if a.dim() != 2 or b.dim() != 2 or a.shape[axes[0]] != b.shape[axes[1]]:
        got = f"shape {tuple(b.shape)} for {first} of shape {tuple(a.shape)}"
        allowed = f"a matrix whose axis {axes[1]} is as long as axis {axes[0]} of the matrix {first}"
        raise KernelError(operation, second, got=got, allowed=allowed)
    check_recipe(operation, recipe)
    if route not in (None, *ROUTES):  # without a format nothing else would look at it
        raise KernelError(operation, "route", got=repr(route), allowed=f"None or one of {', '.join(map(repr, ROUTES))}")


def _result(operation: str, out: Tensor | None, like: Tensor, recipe: AverisRecipe, shape: tuple[int, int]) -> Tensor:
    """``out``, or memory for the result: float32, or without a format the dtype of the operands."""
    dtype = like.dtype if recipe.format is None else torch.float32
    if out is None:
        return like.new_empty(shape, dtype=dtype)
    check_tensor(operation, "out", out)
    if tuple(out.shape) != shape or (out.dtype, out.device) != (dtype, like.device) or not out.is_contiguous():
        got = f"{out.dtype} of shape {tuple(out.shape)} on {out.device}"
        raise KernelError(operation, "out", got=got, allowed=f"contiguous {dtype} of shape {shape} on {like.device}")
    return out


def _times_weight(
    x: Tensor,
    weight: Tensor,
    part: Split,
    axis: int,
    recipe: AverisRecipe,
    key: int | None,
    out: Tensor,
    route: str | None,
) -> Tensor:
    """``1 (mean W') + residual W'`` with W' = W^T (axis -1) or W (axis -2)."""
    exact = weight.mT if axis == -1 else weight
    if recipe.format is None:
        for rows, result in zip(torch.split(x, PANEL), torch.split(out, PANEL), strict=True):
            torch.mm(rows if part.mean is None else rows - part.mean, exact, out=result)
        return out if part.mean is None else out.add_(part.mean @ exact)
    assert isinstance(part.residual, BlockScaled)
    codes = quantize_weight(weight, recipe, axis=axis, key=key, route=route)
    block_scaled_matmul(part.residual, codes, out=out, route=route)
    if part.mean is None:
        return out
    if recipe.mean_weight == "exact":
        shift = part.mean.double() @ exact.double()
    elif part.mean_codes is not None:
        shift = block_scaled_matmul(part.mean_codes, codes, route=route)[0]
    else:
        shift = block_scaled_matvec(codes, part.mean)
    return out.add_(shift.to(out.dtype))


def averis_forward(
    x: Tensor,
    weight: Tensor,
    *,
    recipe: AverisRecipe = PRINTED,
    key: int | None = None,
    out: Tensor | None = None,
    route: str | None = None,
) -> Tensor:
    """Equation 11: ``x @ weight.T`` for x (l, m) and weight (n, m); float32 (l, n), or their dtype without a format.

    NaN and Inf raise KernelError where the operand is split (they have no mean to subtract); without a split NaN raises
    and Inf saturates, as in the quantizers. Without a format both do what products do. ``key`` seeds stochastic
    rounding. Beside the result, only packed operands and panels of 1024 x 1024 are in memory. Not differentiable by
    itself: the result is detached, and ``averis_linear`` has the gradient.
    """
    _check("averis_forward", "x", x, "weight", weight, (1, 1), recipe, route)
    result = _result("averis_forward", out, x, recipe, (x.shape[0], weight.shape[0]))
    with undisturbed(x):
        part = averis_split(x, recipe=recipe, key=key, route=route)
        return _times_weight(x, weight, part, -1, recipe, key, result, route)


def averis_input_gradient(
    gradient: Tensor,
    weight: Tensor,
    *,
    recipe: AverisRecipe = PRINTED,
    key: int | None = None,
    out: Tensor | None = None,
    route: str | None = None,
) -> Tensor:
    """Equation 12, dX: ``gradient @ weight`` for gradient (l, n) and weight (n, m); float32 (l, m).

    Options, NaN, Inf, memory and detachment as in ``averis_forward``.
    """
    _check("averis_input_gradient", "gradient", gradient, "weight", weight, (1, 0), recipe, route)
    result = _result("averis_input_gradient", out, gradient, recipe, (gradient.shape[0], weight.shape[1]))
    with undisturbed(gradient):
        part = averis_split(gradient, recipe=recipe, operand="gradient", key=key, route=route)
        return _times_weight(gradient, weight, part, -2, recipe, key, result, route)


def _over_tokens(part: Split, recipe: AverisRecipe) -> Tensor:
    """``1^T residual``, the sum over tokens of the residual as it is used."""
    if isinstance(part.residual, BlockScaled):
        ones = torch.ones(part.residual.shape[-1], 1, dtype=torch.float32, device=part.residual.payload.device)
        if recipe.hadamard:
            # The residual is H X_R: its product with H 1 is the sum of X_R.
            ones = hadamard_transform(ones, signs=RHT_SIGNS, axis=-2)
        return block_scaled_matvec(part.residual, ones[:, 0])
    total = part.residual.sum(0)
    return total if part.mean is None else total - len(part.residual) * part.mean


def _residual_product(d: Split, x: Split, out: Tensor, route: str | None) -> None:
    """``D_R^T X_R`` into ``out``; without a format a panel of tokens at a time."""
    if isinstance(d.residual, BlockScaled) and isinstance(x.residual, BlockScaled):
        block_scaled_matmul(d.residual, x.residual, out=out, route=route)
        return
    assert isinstance(d.residual, Tensor)
    assert isinstance(x.residual, Tensor)
    out.zero_()
    for left, right in zip(torch.split(d.residual, PANEL), torch.split(x.residual, PANEL), strict=True):
        left = left if d.mean is None else left - d.mean  # noqa: PLW2901
        right = right if x.mean is None else right - x.mean  # noqa: PLW2901
        out.addmm_(left.mT, right)


def averis_weight_gradient(
    gradient: Tensor,
    x: Tensor,
    *,
    recipe: AverisRecipe = PRINTED,
    key: int | None = None,
    out: Tensor | None = None,
    route: str | None = None,
) -> Tensor:
    """Equation 12, dW: ``gradient.T @ x`` for gradient (l, n) and x (l, m); float32 (n, m).

    Both are quantized along the tokens. With ``weight_gradient_terms=2`` the means enter as ``l mu_D^T mu_X`` alone,
    which without quantization is exact whichever of the two is split. Options, NaN, Inf, memory and detachment as in
    ``averis_forward``; the Hadamard transform does keep a residual in memory.
    """
    _check("averis_weight_gradient", "gradient", gradient, "x", x, (0, 0), recipe, route)
    result = _result("averis_weight_gradient", out, gradient, recipe, (gradient.shape[1], x.shape[1]))
    with undisturbed(x):
        return _weight_gradient(gradient, x, recipe, {"recipe": recipe, "key": key, "route": route}, result)


def _weight_gradient(
    gradient: Tensor, x: Tensor, recipe: AverisRecipe, common: dict[str, Any], result: Tensor
) -> Tensor:
    d = averis_split(gradient, axis=-2, operand="gradient", **common)
    a = averis_split(x, axis=-2, **common)
    _residual_product(d, a, result, common["route"])
    if d.mean is None and a.mean is None:
        return result
    tokens = float(len(x))
    if recipe.weight_gradient_terms == 2:
        # The mean of an operand that is not split is still needed: it is what meets the other's mean.
        mean_d = d.mean if d.mean is not None else token_mean(gradient, operand="gradient", **common).value
        mean_x = a.mean if a.mean is not None else token_mean(x, operand="activation", **common).value
        return result.addr_(mean_d, mean_x, alpha=tokens)
    if a.mean is not None:
        result.addr_(_over_tokens(d, recipe).to(result.dtype), a.mean)
    if d.mean is not None:
        result.addr_(d.mean, _over_tokens(a, recipe).to(result.dtype))
    if d.mean is not None and a.mean is not None:
        result.addr_(d.mean, a.mean, alpha=tokens)
    return result


@dataclass(frozen=True)
class _Options:
    """What the three products of a layer share."""

    recipe: AverisRecipe
    key: int | None
    route: str | None


def _apply(rules: type[torch.autograd.Function], product: Callable[..., Tensor], *operands: Any) -> Tensor:
    """A product under its rules, in the dtype of the operands: (matrix, matrix, options)."""

    def call(a: Tensor, b: Tensor, options: _Options, _: None) -> Tensor:
        return product(a, b, recipe=options.recipe, key=options.key, route=options.route).to(a.dtype)

    result: Tensor = rules.apply(call, *operands, None)
    return result


def _save(context: Any, arguments: tuple[Any, ...], output: Tensor) -> None:
    x, weight, context.options = arguments
    context.save_for_backward(x, weight)


def _backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
    """Equation 12, from the operands as they came, which are quantized again."""
    x, weight = context.saved_tensors
    _, to_x, to_weight, *_ = context.needs_input_grad
    options = context.options
    by_x = _apply(_INPUT_GRADIENT, averis_input_gradient, gradient, weight, options) if to_x else None
    by_weight = _apply(_WEIGHT_GRADIENT, averis_weight_gradient, gradient, x, options) if to_weight else None
    return by_x, by_weight, None


def _save_nothing(context: Any, arguments: tuple[Any, ...], output: Tensor) -> None:
    """There is no second derivative."""


def _no_second(context: Any, gradient: Tensor) -> tuple[None, None, None]:
    allowed = "differentiated once: equation 12 is the gradient of no function"
    raise KernelError("averis_linear", "the result", got="a second derivative", allowed=allowed)


def _rules(shape: Callable[[Tensor, Tensor], tuple[int, ...]], **derivative: Any) -> type[torch.autograd.Function]:
    """Of a product that is no operator of torch, but is differentiated and mapped as operators are."""

    def fake(a: Tensor, b: Tensor, _: _Options) -> Tensor:
        return a.new_empty(shape(a, b))

    return function_of(Operation(name="averis_linear", schema="", reference=averis_forward, fake=fake, **derivative))


_FORWARD = _rules(lambda x, weight: (x.shape[0], weight.shape[0]), backward=_backward, save=_save)
_INPUT_GRADIENT = _rules(lambda d, weight: (d.shape[0], weight.shape[1]), backward=_no_second, save=_save_nothing)
_WEIGHT_GRADIENT = _rules(lambda d, x: (d.shape[1], x.shape[1]), backward=_no_second, save=_save_nothing)


def averis_linear(
    x: Tensor,
    weight: Tensor,
    *,
    recipe: AverisRecipe = PRINTED,
    key: int | None = None,
    route: str | None = None,
) -> Tensor:
    """``x @ weight.T`` for x (..., m) and weight (n, m), in the dtype of x, with equation 12 as its gradient.

    All leading axes of ``x`` are tokens. The gradient is Averis's, not that of the quantizers, which are constant
    almost everywhere; it can be taken once, in reverse. NaN and Inf as in ``averis_forward``.
    """
    check_floating("averis_linear", x=x, weight=weight)
    if x.dim() == 0:
        raise KernelError("averis_linear", "x", got="no axis", allowed="a tensor (..., m)")
    rows: Tensor = x.reshape(x.shape[:-1].numel(), x.shape[-1])
    product = _apply(_FORWARD, averis_forward, rows, weight, _Options(recipe, key, route))
    return product.reshape(*x.shape[:-1], weight.shape[0])
