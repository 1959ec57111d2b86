"""End to end: the loss of a trained model all of whose linear maps are computed from 4-bit operands.

One pass a seed over the seed's own window of text, for every arm at once, a layer at a time, so that arms are paired
and share quantized weights. Rounding is to nearest; norms, attention, embedding and head are as they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log
from typing import Any

import torch
from torch import Tensor

from claims.kernels import (
    RHT_SIGNS,
    AverisRecipe,
    BlockScaled,
    averis_split,
    dequantize,
    hadamard_transform,
    mxfp4_quantize,
    nvfp4_quantize,
)
from claims.models.decoder import Decoder, Linear, product
from claims.models.divergence import divergence, divergences
from claims.models.prepared import decoder, window
from claims.papers.mean_bias.experiments.planted_mean import RECIPES, Record
from claims.papers.mean_bias.trained.gradients import mean_share
from claims.streams import Streams

#: Of the search for leading singular modes.
_ITERATIONS = 2


@dataclass(frozen=True, slots=True)
class Arm:
    """How a linear map is computed.

    Attributes:
        recipe: how its input is split and quantized; None leaves the input as it is.
        modes: per cent of the channels whose singular modes are split off and kept in float32, at least one mode; None
            for no such split.
        rotated: whether input and weight are quantized after Hadamard transforms of 16 channels each.
        first_only: whether only what the embedding feeds, q, k and v of layer 0, is split, the rest being plain.
        exact_weight: whether weights stay as they are.
    """

    recipe: AverisRecipe | None
    modes: int | None = None
    rotated: bool = False
    first_only: bool = False
    exact_weight: bool = False


_PLAIN = RECIPES["plain"]
ARMS: dict[str, Arm] = {
    "weights": Arm(None),
    "plain": Arm(_PLAIN),
    "printed": Arm(RECIPES["printed"]),
    "bfloat16": Arm(RECIPES["bfloat16"]),
    "a4 plain": Arm(_PLAIN, exact_weight=True),
    "a4 printed": Arm(RECIPES["printed"], exact_weight=True),
    "a4 bfloat16": Arm(RECIPES["bfloat16"], exact_weight=True),
    "first": Arm(RECIPES["bfloat16"], first_only=True),
    "svd 1": Arm(_PLAIN, modes=0),
    "svd 1%": Arm(_PLAIN, modes=1),
    "rotated": Arm(_PLAIN, rotated=True),
    "mxfp4 plain": Arm(replace(_PLAIN, format="mxfp4")),
    "mxfp4 bfloat16": Arm(replace(RECIPES["bfloat16"], format="mxfp4")),
}


def losses(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """What quantizing every linear map does to the model's predictions.

    Base point: subject, tokens. Sweep: arm, of ``ARMS``. Quantities, averaged over the predictions of the window, in
    nats: ``change``, how much larger the loss is than that of the model as it is; ``kl``, KL(model || arm), and
    ``log_kl``, its logarithm; ``loss``, that of the model as it is.
    """
    model, tokens = decoder(point["subject"]), window(point["subject"], streams, length=point["tokens"])
    with torch.no_grad():
        clean = model.run(model.embed(tokens))
        arms = _quantized(model, tokens, point["arm"], streams.torch("modes"))
        found = divergences(model, clean, arms, tokens)
    return [
        {"arm": arm, "change": one.change, "kl": one.kl, "log_kl": log(one.kl), "loss": one.loss}
        for arm, one in zip(point["arm"], found, strict=True)
    ]


def _quantized(model: Decoder, tokens: Tensor, arms: tuple[str, ...], generator: torch.Generator) -> list[Tensor]:
    """The residual stream after the last layer, by arm."""
    kept = [model.embed(tokens)] * len(arms)
    for index in range(model.architecture.layers):
        weights: dict[tuple[str, str], Tensor] = {}
        for i, arm in enumerate(arms):
            linear = _linear(_at_layer(ARMS[arm], index), weights, generator)
            kept[i] = model.run(kept[i], start=index, stop=index + 1, linear=linear)
    return kept


def _at_layer(arm: Arm, index: int) -> Arm:
    return replace(arm, recipe=_PLAIN) if arm.first_only and index > 0 else arm


def _linear(arm: Arm, weights: dict[tuple[str, str], Tensor], generator: torch.Generator) -> Linear:
    last: list[Tensor] = []

    def linear(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        recipe = _PLAIN if arm.first_only and not name.endswith((".q", ".k", ".v")) else arm.recipe
        how = "rotated" if arm.rotated else "nvfp4" if recipe is None else str(recipe.format)
        if (name, how) not in weights and not arm.exact_weight:
            weights[name, how] = _quantized_weight(weight, how)
        if not last or last[0] is not x:  # q, k and v have one input, gate and up have one
            seen = x if recipe is None else quantized_input(x[0], replace(arm, recipe=recipe), generator)[None]
            last[:] = [x, seen]
        return product(last[1], weight if arm.exact_weight else weights[name, how], bias)

    return linear


def _quantized_weight(weight: Tensor, how: str) -> Tensor:
    seen = hadamard_transform(weight, signs=RHT_SIGNS) if how == "rotated" else weight
    values: Tensor = dequantize(mxfp4_quantize(seen) if how == "mxfp4" else nvfp4_quantize(seen))
    return values


def quantized_input(x: Tensor, arm: Arm, generator: torch.Generator) -> Tensor:
    """What the product with the quantized weight sees of ``x`` (tokens, channels): mean or modes and the rest, float32.

    With ``rotated`` it is the transform of ``x`` that is quantized, and stays transformed, as its weight does.
    """
    assert arm.recipe is not None
    x = x.contiguous()
    if arm.rotated:
        x = hadamard_transform(x, signs=RHT_SIGNS)
    spike = leading_modes(x, max(1, arm.modes * x.shape[1] // 100), generator) if arm.modes is not None else None
    part = averis_split(x if spike is None else x - spike, recipe=arm.recipe)
    assert isinstance(part.residual, BlockScaled)
    values: Tensor = dequantize(part.residual)
    for kept in (part.mean, spike):
        values = values if kept is None else values + kept
    return values


def leading_modes(x: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """The part of ``x`` (tokens, channels) in its ``count`` leading singular modes, float32.

    By subspace iteration in float64 from random vectors, eight more than modes: what is lost of a mode is a power of
    the ratio of singular values that is negligible beside a quantization error.
    """
    wide = x.double()
    size = min(count + 8, *x.shape)
    basis = wide @ torch.randn(x.shape[1], size, generator=generator, dtype=torch.float64)
    for _ in range(_ITERATIONS):
        basis = wide @ (wide.T @ torch.linalg.qr(basis).Q)
    basis = torch.linalg.qr(basis).Q
    inside = torch.linalg.svd(basis.T @ wide, full_matrices=False).U[:, :count]
    vectors = basis @ inside
    part: Tensor = (vectors @ (vectors.T @ wide)).float()
    return part


def embedding_mean(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The mean over tokens subtracted once, at the embedding's output, and never added again.

    Base point: subject, tokens. Quantities: ``before`` and ``after``, the share of the mean in the energy of the inputs
    of linear maps, averaged over those of all layers but the first, in the model as it is and in the one whose
    embedding is centred; ``change``, how much that raises the loss, in nats; ``log_kl``, logarithm of how far it
    takes the model from itself, as in ``losses``.
    """
    model, tokens = decoder(point["subject"]), window(point["subject"], streams, length=point["tokens"])
    with torch.no_grad():
        embedded = model.embed(tokens)
        clean, before = _shares(model, embedded)
        centred, after = _shares(model, embedded - embedded.mean(1, keepdim=True))
        found = divergence(model, clean, centred, tokens)
    return {"before": before, "after": after, "change": found.change, "log_kl": log(found.kl)}


def _shares(model: Decoder, stream: Tensor) -> tuple[Tensor, float]:
    found: list[float] = []

    def watched(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if name.endswith((".q", ".o", ".gate", ".down")) and not name.startswith("layers.0."):
            found.append(mean_share(x[0]))
        return product(x, weight, bias)

    after = model.run(stream, linear=watched)
    return after, sum(found) / len(found)
