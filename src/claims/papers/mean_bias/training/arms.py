"""The arithmetics in which a run is trained: what becomes of the three products of every linear map.

Operands are quantized along the true contraction axis of each product (activations and weights along the channels,
gradients along the outputs, both operands of the weight gradient along the tokens), weights and activations to nearest,
gradients stochastically.

A planted mean adds ``1 s r b^T`` to every operand X that is quantized, with b a fixed vector of root mean square 1 and
r the root mean square of X, so that about s^2 / (1 + s^2) of the energy is the mean's, and takes away what it does to
exact arithmetic: ``s r b W'`` from the output, with W' the weight as quantized, and ``(D^T 1) s r b^T`` from the weight
gradient. Function and gradient are the same as without it, unless X or D is quantized.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from claims.kernels import (
    AverisRecipe,
    averis_forward,
    averis_input_gradient,
    averis_weight_gradient,
    dequantize,
    nvfp4_quantize,
)
from claims.papers.mean_bias.training.network import Product


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """An arithmetic.

    Attributes:
        recipe: of the three products; None is exact arithmetic.
        rank: of the part that is split off X and D by singular vectors, in place of means; 0 is none.
        factors: "fp4", or "float32" for factors that are kept as they are.
        exact_weight: a planted mean is taken away with the weight itself, not with the quantized one.
    """

    recipe: AverisRecipe | None
    rank: int = 0
    factors: str = "fp4"
    exact_weight: bool = False


_GRADIENT: dict[str, Any] = {"stochastic": frozenset({"gradient"})}
PLAIN = AverisRecipe(split_activation=False, split_gradient=False, **_GRADIENT)
_FLOAT32 = AverisRecipe(mean="float32", **_GRADIENT)
_TWO_TERMS = replace(_FLOAT32, weight_gradient_terms=2)

#: The arms by name. "printed" is the algorithm as printed, with means in FP4; "float32" keeps means in float32, with
#: the four terms of the weight gradient or with the two that are not zero without quantization; "kept" subtracts the
#: FP4 mean itself; "svd" splits two singular modes off instead, in factors of FP4 or of float32.
ARMS: dict[str, Arm] = {
    "fp32": Arm(recipe=None),
    "plain": Arm(recipe=PLAIN),
    "printed": Arm(recipe=AverisRecipe(**_GRADIENT)),
    "float32/4": Arm(recipe=_FLOAT32),
    "float32/2": Arm(recipe=_TWO_TERMS),
    "kept/4": Arm(recipe=AverisRecipe(subtract="kept mean", **_GRADIENT)),
    "hadamard": Arm(recipe=replace(PLAIN, hadamard=True)),
    "svd/fp4": Arm(recipe=PLAIN, rank=2),
    "svd/float32": Arm(recipe=PLAIN, rank=2, factors="float32"),
    "float32/2, exact weight": Arm(recipe=_TWO_TERMS, exact_weight=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """Means to plant: ``strength`` s, and for each product its vector b of root mean square 1."""

    strength: float = 0.0
    vectors: Mapping[str, Tensor] = field(default_factory=dict)

    def of(self, name: str, x: Tensor) -> Tensor | None:
        """``s r b`` for the product's operand ``x``."""
        if not self.strength:
            return None
        return self.vectors[name] * (self.strength * x.detach().square().mean().sqrt())


NOTHING = Planted()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """What one product of a step needs beside its operands."""

    arm: Arm
    recipe: AverisRecipe
    key: int
    mean: Tensor | None


def _quantized_weight(weight: Tensor, recipe: AverisRecipe) -> Tensor:
    """The values of a weight (n, m) in the output's product."""
    if recipe.format is None:
        return weight
    values: Tensor = dequantize(nvfp4_quantize(weight, tile=recipe.weight_tile), dtype=weight.dtype)
    return values


class _Linear(torch.autograd.Function):
    """``x @ weight.T`` by a recipe, with the recipe's products for a gradient, and maybe a planted mean."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, call: _Call) -> Tensor:
        shifted = x if call.mean is None else x + call.mean
        context.save_for_backward(shifted, weight)
        context.call = call
        if call.arm.rank:
            y = _restored(shifted, call, axis=-1) @ _quantized_weight(weight, call.recipe).T
        else:
            y = averis_forward(shifted, weight, recipe=call.recipe, key=call.key).to(x.dtype)
        if call.mean is None:
            return y
        return y - call.mean @ (weight if call.arm.exact_weight else _quantized_weight(weight, call.recipe)).T

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = context.saved_tensors
        gradient, call = gradients[0], context.call
        if call.arm.rank:
            by_x = _restored(gradient, call, axis=-1, gradient=True) @ _quantized_weight(weight.T, call.recipe).T
            by_weight = _restored(gradient, call, axis=-2, gradient=True).T @ _restored(x, call, axis=-2)
        else:
            common: dict[str, Any] = {"recipe": call.recipe, "key": call.key}
            by_x = averis_input_gradient(gradient, weight, **common).to(x.dtype)
            by_weight = averis_weight_gradient(gradient, x, **common).to(x.dtype)
        if call.mean is not None:
            by_weight = by_weight.addr(gradient.sum(0), call.mean, alpha=-1)
        return by_x, by_weight, None


#: Power iterations towards the leading singular vectors.
_ITERATIONS = 2


def _leading(x: Tensor, rank: int) -> Tensor:
    """Orthonormal (m, rank), near the span of the leading right singular vectors of ``x`` (l, m).

    Block power iteration on X^T X from its first ``rank`` columns with the largest norm; the same bits every time.
    """
    start = x.square().sum(0).topk(rank).indices
    along = x[:, start]
    for _ in range(_ITERATIONS):
        along = x @ torch.linalg.qr(x.T @ along).Q
    vectors: Tensor = torch.linalg.qr(x.T @ along).Q
    return vectors


def _restored(x: Tensor, call: _Call, *, axis: int, gradient: bool = False) -> Tensor:
    """The values of ``x`` (l, m) when its leading ``rank`` modes are split off and parts quantized along ``axis``.

    Factors in FP4 have their blocks along their long axes.
    """
    vectors = _leading(x, call.arm.rank)
    along = x @ vectors
    rest = x - along @ vectors.T
    if gradient:
        codes = nvfp4_quantize(rest, axis=axis, rounding="stochastic", key=(call.key + axis) % (1 << 64))
    else:
        codes = nvfp4_quantize(rest, axis=axis)
    values = dequantize(codes, dtype=x.dtype)
    if call.arm.factors == "fp4":
        along = dequantize(nvfp4_quantize(along.T), dtype=x.dtype).T
        vectors = dequantize(nvfp4_quantize(vectors.T), dtype=x.dtype).T
    restored: Tensor = (values if axis == -1 else values.T) + along @ vectors.T
    return restored


def product_of(arm: Arm, key: Callable[[str], int], planted: Planted = NOTHING) -> Product:
    """The arm's product; ``key(name)`` seeds stochastic rounding in the product of that name."""

    def exact(name: str, x: Tensor, weight: Tensor) -> Tensor:
        return x @ weight.T

    def quantized(name: str, x: Tensor, weight: Tensor) -> Tensor:
        assert arm.recipe is not None
        call = _Call(arm=arm, recipe=arm.recipe, key=key(name), mean=planted.of(name, x))
        result: Tensor = _Linear.apply(x, weight, call)  # type: ignore[no-untyped-call]
        return result

    return exact if arm.recipe is None else quantized
