"""Averis, first half: split a matrix into its column mean and a residual, and quantize both.

``X = 1 mu + X_R`` with mu the mean over tokens (rows). The residual is made where it is quantized: one pass over X
gives the statistics, a second one subtracts and quantizes, and neither ``1 mu`` nor ``X_R`` is ever in memory.
Source: "The curse and blessing of mean bias in FP4-quantized LLM training" (arXiv 2603.10444), section 5, equation 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.arguments import check_choice
from claims.kernels.averis_recipe import PRINTED, AverisRecipe, Operand, check_recipe, stream
from claims.kernels.derivatives import check_plain
from claims.kernels.dispatch import FLOATS, Operation, check_floating, register
from claims.kernels.errors import KernelError
from claims.kernels.formats.block_scaled import LARGEST_FLOAT32, BlockScaled
from claims.kernels.formats.dequantize import dequantize
from claims.kernels.formats.e2m1 import Rounding
from claims.kernels.formats.mx import mxfp4_quantize
from claims.kernels.formats.nvfp4 import Tile, nvfp4_quantize
from claims.kernels.hadamard import RHT_SIGNS, hadamard_transform

PIECE = 1024  # rows that are added up one after the other; then the sums of the pieces are


def _statistics_reference(x: Tensor) -> Tensor:
    if x.shape[0] == 0:
        return torch.zeros(3, x.shape[1], dtype=torch.float32, device=x.device)
    total = torch.zeros(x.shape[1], dtype=torch.float64, device=x.device)
    for piece in torch.split(x, PIECE):
        partial = torch.zeros_like(total)
        for row in piece:
            partial += row
        total += partial
    single = x.float()
    statistics = torch.stack([(total / x.shape[0]).float(), single.amin(0), single.amax(0)])
    refuse_nonfinite("column_statistics", statistics)
    return statistics


def refuse_nonfinite(operation: str, statistics: Tensor) -> None:
    """Raise KernelError if a NaN or an Inf was in ``x``, which shows in its mean: neither leaves one to subtract."""
    if not bool(torch.isfinite(statistics).all()):
        raise KernelError(operation, "x", got="at least one NaN or Inf", allowed="finite (its mean is subtracted)")


def _statistics_cpu(x: Tensor, *, out: Tensor | None) -> Tensor:
    if x.dtype not in native.DTYPES:
        x = x.float()
    statistics = native.empty((3, x.shape[1]), torch.float32) if out is None else out
    native.call("column_statistics", native.plain(x), native.code(x.dtype), x.shape[0], x.shape[1], statistics)
    refuse_nonfinite("column_statistics", statistics)
    return statistics


_STATISTICS = register(
    Operation(
        name="column_statistics",
        schema="(Tensor x) -> Tensor",
        reference=_statistics_reference,
        cpu=_statistics_cpu,
        cpu_dtypes=FLOATS,
        fake=lambda x: x.new_empty((3, x.shape[1]), dtype=torch.float32),
        triton="triton.averis:column_statistics",
    )
)


def column_statistics(x: Tensor, *, out: Tensor | None = None, route: str | None = None) -> Tensor:
    """Mean, minimum and maximum of each column of a matrix (l, m), in one pass: float32 (3, m), zeros for l = 0.

    The mean is a float64 sum, row after row in pieces of 1024 rows, divided by l and rounded to float32 once, so that
    all routes agree to the bit (but for the sign of a zero extreme). Not differentiable: the result is detached.

    Raises KernelError for NaN and Inf, and for anything that is no matrix of floats.
    """
    check_floating("column_statistics", x=x)
    if x.dim() != 2:
        raise KernelError("column_statistics", "x", got=f"{x.dim()} axes", allowed="a matrix (tokens, channels)")
    statistics: Tensor = _STATISTICS(x, out=out, route=route)
    return statistics


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """A matrix in two parts: ``1 mean + residual``, or the residual alone.

    ``mean`` (m,) is what the kept mean is worth, ``mean_codes`` its packed form (1, m) where it is kept in FP4. The
    residual is quantized, (l, m) or for axis -2 (m, l); without a format it is ``x`` as it came and is yet to be
    centred.
    """

    residual: BlockScaled | Tensor
    mean: Tensor | None = None
    mean_codes: BlockScaled | None = None


def quantize(
    x: Tensor,
    recipe: AverisRecipe,
    *,
    axis: int,
    rounding: tuple[Rounding, int | None],
    tile: Tile = "1x16",
    center: Tensor | None = None,
    amax: Tensor | None = None,
    route: str | None = None,
) -> BlockScaled:
    """``x`` in the recipe's format (which is not None)."""
    how, key = rounding
    if recipe.format == "mxfp4":
        rule = recipe.scale_rule
        return mxfp4_quantize(x, axis=axis, scale_rule=rule, rounding=how, key=key, center=center, route=route)
    return nvfp4_quantize(x, axis=axis, tile=tile, rounding=how, key=key, center=center, amax=amax, route=route)


# Operand numbers of ``stream``. A mean is one operand, whichever product uses it.
_ORDINAL: dict[tuple[Operand, int], int] = {
    ("activation", -1): 0,
    ("weight", -1): 2,
    ("weight", -2): 3,
    ("gradient", -1): 4,
    ("activation", -2): 6,
    ("gradient", -2): 7,
}
_MEAN_ORDINAL = {"activation": 1, "gradient": 5}


def quantize_weight(
    weight: Tensor, recipe: AverisRecipe, *, axis: int, key: int | None, route: str | None
) -> BlockScaled:
    """The weight (n, m), which is never split, with the contraction axis of its product last."""
    rounding = stream(recipe, "weight", key, _ORDINAL["weight", axis])
    return quantize(weight, recipe, axis=axis, rounding=rounding, tile=recipe.weight_tile, route=route)


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenMean:
    """The mean over tokens of a matrix (l, m), each (m,): as kept, as packed (FP4 only), and as subtracted.

    ``residual_amax`` is the largest ``|x - subtracted|``, at most the largest float32. Without a format the mean is in
    the dtype of ``x``.
    """

    value: Tensor
    codes: BlockScaled | None = None
    subtracted: Tensor | None = None
    residual_amax: Tensor | None = None


def token_mean(
    x: Tensor, *, recipe: AverisRecipe, operand: Operand, key: int | None = None, route: str | None = None
) -> TokenMean:
    """The mean of ``x`` as the recipe keeps it. Raises KernelError for NaN and Inf if the recipe has a format."""
    if recipe.format is None:
        total = x.new_zeros(x.shape[1], dtype=torch.float64)
        for piece in torch.split(x.detach(), PIECE):
            total += piece.double().sum(0)
        return TokenMean(value=(total / max(1, len(x))).to(x.dtype))
    mean, low, high = column_statistics(x, route=route)
    codes = None
    if recipe.mean == "fp4":
        rounding = stream(recipe, "mean", key, _MEAN_ORDINAL[operand])
        codes = quantize(mean[None], recipe, axis=-1, rounding=rounding, route=route)
        kept = dequantize(codes, route=route)[0]
    else:
        kept = mean.to(getattr(torch, recipe.mean)).float()
    center = mean if recipe.subtract == "mean" else kept
    # Rounded subtraction is monotone, so that |x - center| is largest at the smallest or the largest x.
    amax = torch.maximum((high - center).abs(), (low - center).abs()).amax() if x.numel() else mean.new_zeros(())
    return TokenMean(value=kept, codes=codes, subtracted=center, residual_amax=amax.clamp(max=LARGEST_FLOAT32))


def averis_split(
    x: Tensor,
    *,
    recipe: AverisRecipe = PRINTED,
    axis: int = -1,
    operand: Literal["activation", "gradient"] = "activation",
    key: int | None = None,
    route: str | None = None,
) -> Split:
    """Split a matrix (l tokens, m channels) as the recipe says for this operand.

    ``axis=-1`` quantizes along the channels (products with weights), ``axis=-2`` along the tokens (weight gradient, and
    there after the Hadamard transform if the recipe has one, which needs l to be a multiple of 16 and does make X_R).
    An operand that the recipe does not split has no mean.

    Raises KernelError for NaN, for Inf where the operand is split (else it saturates), for x that is no matrix, and
    without ``key`` where something is stochastic.
    """
    check_floating("averis_split", x=x)
    if x.dim() != 2:
        raise KernelError("averis_split", "x", got=f"{x.dim()} axes", allowed="a matrix (tokens, channels)")
    check_plain("averis_split", x=x)
    check_recipe("averis_split", recipe)
    check_choice("averis_split", "operand", operand, tuple(_MEAN_ORDINAL))
    check_choice("averis_split", "axis", axis, (-1, -2))
    wanted = recipe.split_gradient if operand == "gradient" else recipe.split_activation
    mean = token_mean(x, recipe=recipe, operand=operand, key=key, route=route) if wanted else None
    if recipe.format is None:
        return Split(residual=x, mean=None if mean is None else mean.value)
    center = None if mean is None else mean.subtracted
    amax = None if mean is None else mean.residual_amax
    rounding = stream(recipe, operand, key, _ORDINAL[operand, axis])
    if axis == -2 and recipe.hadamard:
        residual = x.float() if center is None else x.float() - center
        x, center, amax = hadamard_transform(residual, signs=RHT_SIGNS, axis=-2, route=route), None, None
    codes = quantize(x, recipe, axis=axis, rounding=rounding, center=center, amax=amax, route=route)
    if mean is None:
        return Split(residual=codes)
    return Split(residual=codes, mean=mean.value, mean_codes=mean.codes)
