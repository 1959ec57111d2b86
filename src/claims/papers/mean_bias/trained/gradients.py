"""Real gradients: what quantization does to both gradients of a linear map, and what means are in them.

One backward pass a seed, through the seed's own window of text. Weights are frozen; X is the input of a linear map,
D = dL/dY the gradient of the mean loss with respect to its output, both (tokens, channels). Layers are kept one at a
time: the residual stream is stored at every layer, and each layer is run again when the gradient arrives there.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from claims.kernels import (
    RHT_SIGNS,
    AverisRecipe,
    BlockScaled,
    averis_input_gradient,
    averis_split,
    averis_weight_gradient,
    dequantize,
    hadamard_transform,
)
from claims.kernels.averis_recipe import Operand
from claims.kernels.mean_split import Split
from claims.models.decoder import Decoder, product
from claims.models.prepared import decoder, window
from claims.papers.mean_bias.experiments.planted_mean import RECIPES, Record, energy
from claims.streams import Streams

#: Positions whose logits exist at a time.
_POSITIONS = 128
#: Operands that are rounded stochastically: gradients always, or everything but the weights.
_STOCHASTIC: dict[str, frozenset[Operand]] = {
    "gradients": frozenset({"gradient"}),
    "all": frozenset({"gradient", "activation", "mean"}),
}
_OWN_RECIPES = {"hadamard/2": replace(RECIPES["bfloat16/2"], hadamard=True)}


@dataclass(frozen=True, slots=True)
class Product:
    """A linear map Y = X W^T in a backward pass: ``x`` (tokens, m), ``weight`` (n, m), ``gradient`` D (tokens, n)."""

    layer: int
    x: Tensor
    weight: Tensor
    gradient: Tensor


def spread_layers(layers: int, *, parts: int) -> tuple[int, ...]:
    """The layers in the middle of each of equal parts of the depth, fewer where there are fewer layers."""
    return tuple(sorted({(2 * part + 1) * layers // (2 * parts) for part in range(parts)}))


def backward(
    model: Decoder, tokens: Tensor, *, wanted: Collection[int], down_to: int = 0
) -> tuple[list[Product], Tensor]:
    """The linear maps of the ``wanted`` layers, and the gradient before layer ``down_to``, (tokens, width).

    The loss is the mean over the predictions of one window, ``tokens`` (1, tokens).
    """
    with torch.no_grad():
        kept = [model.embed(tokens)]
        for index in range(model.architecture.layers):
            kept.append(model.run(kept[-1], start=index, stop=index + 1))
    gradient, products = _gradient_of_loss(model, kept.pop(), tokens), []
    for index in reversed(range(down_to, model.architecture.layers)):
        maps, gradient = _through_layer(model, index, kept.pop(), gradient)
        products += maps if index in wanted else []
    return products, gradient[0]


def _gradient_of_loss(model: Decoder, stream: Tensor, tokens: Tensor) -> Tensor:
    found, following = torch.zeros_like(stream), tokens[0, 1:]
    for start in range(0, len(following), _POSITIONS):
        rows = slice(start, min(start + _POSITIONS, len(following)))
        with torch.enable_grad():
            part = stream[0, rows].clone().requires_grad_()
            loss = functional.cross_entropy(model.logits(part), following[rows], reduction="sum") / len(following)
            found[0, rows] = torch.autograd.grad(loss, part)[0]
    return found


def _through_layer(model: Decoder, index: int, stream: Tensor, gradient: Tensor) -> tuple[list[Product], Tensor]:
    seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def watched(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        y = product(x, weight, bias)
        seen.append((x, weight, y))
        return y

    with torch.enable_grad():
        leaf = stream.clone().requires_grad_()
        after = model.run(leaf, start=index, stop=index + 1, linear=watched)
        before, *of_outputs = torch.autograd.grad(after, [leaf, *(y for _, _, y in seen)], gradient)
    maps = [
        Product(index, x.detach()[0].contiguous(), weight, d[0].contiguous())
        for (x, weight, _), d in zip(seen, of_outputs, strict=True)
    ]
    return maps, before


def mean_share(x: Tensor) -> float:
    """Share of the mean over tokens in the energy of ``x`` (tokens, channels)."""
    return len(x) * energy(x.double().mean(0)) / energy(x)


def products(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Error of dW and dX by equation 12, for the linear maps of some layers over the depth.

    Base point: subject, tokens, layers (how many). Sweep: arm, of ``planted_mean.RECIPES`` or "hadamard/2" (BF16 means,
    two terms, and Hadamard transforms); rounding, what is rounded stochastically ("gradients" or "all", weights never).
    Quantities, each a geometric mean over the maps, relative to the arm "plain" with the same rounding (which the sweep
    must have): ``weight``, squared error of dW; ``input``, that of dX = D W with an unquantized W; ``quantized``, that
    of dX with W in NVFP4 too; and ``law``, what ``weight`` is to first order in the operands' own errors.
    """
    model = decoder(point["subject"])
    tokens = window(point["subject"], streams, length=point["tokens"])
    layers = spread_layers(model.architecture.layers, parts=point["layers"])
    maps, _ = backward(model, tokens, wanted=layers, down_to=layers[0])
    records = []
    for rounding in point["rounding"]:
        recipes = {arm: _recipe(arm, rounding) for arm in point["arm"]}
        cells = [_relative(one, recipes, streams.key(f"{rounding}, map {i}")) for i, one in enumerate(maps)]
        for arm in recipes:
            means = {name: fmean(math.log(cell[arm][name]) for cell in cells) for name in cells[0][arm]}
            records.append({"arm": arm, "rounding": rounding} | {name: math.exp(log) for name, log in means.items()})
    return records


def _recipe(arm: str, rounding: str) -> AverisRecipe:
    return replace(_OWN_RECIPES.get(arm) or RECIPES[arm], stochastic=_STOCHASTIC[rounding])


def _relative(one: Product, recipes: Mapping[str, AverisRecipe], key: int) -> dict[str, dict[str, float]]:
    d = one.gradient.double()
    exact_weight, exact_input = d.T @ one.x.double(), d @ one.weight.double()
    by_input: dict[AverisRecipe, dict[str, float]] = {}
    errors: dict[str, dict[str, float]] = {}
    for arm, recipe in recipes.items():
        # All that dX depends on: arms that differ in X or in dW alone share it.
        of_d = replace(recipe, split_activation=False, weight_gradient_terms=4, hadamard=False)
        if of_d not in by_input:
            by_input[of_d] = _input_errors(one, of_d, key, exact_input)
        errors[arm] = by_input[of_d] | _weight_errors(one, recipe, key, exact_weight)
    plain = errors["plain"]
    return {arm: {name: error / plain[name] for name, error in found.items()} for arm, found in errors.items()}


def _weight_errors(one: Product, recipe: AverisRecipe, key: int, exact: Tensor) -> dict[str, float]:
    got = averis_weight_gradient(one.gradient, one.x, recipe=recipe, key=key)
    operands = _operand(one.gradient, "gradient", recipe, key), _operand(one.x, "activation", recipe, key)
    return {"weight": energy(got - exact), "law": _first_order(*operands)}


def _input_errors(one: Product, recipe: AverisRecipe, key: int, exact: Tensor) -> dict[str, float]:
    part = averis_split(one.gradient, recipe=recipe, operand="gradient", key=key)
    restored = _values(part) if part.mean is None else _values(part) + part.mean.double()
    # The error itself is large enough for a product in float32; the exact product, of which little is left, is not.
    error = (restored - one.gradient.double()).float()
    got = averis_input_gradient(one.gradient, one.weight, recipe=recipe, key=key)
    return {"input": energy(error @ one.weight), "quantized": energy(got - exact)}


@dataclass(frozen=True, slots=True)
class _Operand:
    """An operand of dW (tokens, channels), float64: what meets the other's error, its error, its mean true and kept."""

    values: Tensor
    error: Tensor
    mean: Tensor
    kept: Tensor


def _operand(t: Tensor, name: Literal["activation", "gradient"], recipe: AverisRecipe, key: int) -> _Operand:
    """In two terms the residual alone is quantized and met; otherwise mean and residual together are."""
    part, wide = averis_split(t, axis=-2, operand=name, recipe=recipe, key=key), t.double()
    mean, two = wide.mean(0), recipe.weight_gradient_terms == 2 and part.mean is not None
    met = wide - mean if two else wide
    if recipe.hadamard:  # of tokens in blocks of 16, which leaves products over the tokens as they are
        met = hadamard_transform(met, signs=RHT_SIGNS, axis=-2)
    shift = 0 if part.mean is None or two else part.mean.double()
    kept = part.mean.double() if part.mean is not None and two else mean
    return _Operand(met, _values(part).T + shift - met, mean, kept)


def _first_order(d: _Operand, x: _Operand) -> float:
    """Energy of the error of dW to first order, if errors differ between tokens independently of what they meet."""
    means = len(x.values) * (torch.outer(d.kept, x.kept) - torch.outer(d.mean, x.mean))
    return _met(x.error, d.values) + _met(d.error, x.values) + energy(means)


def _met(error: Tensor, values: Tensor) -> float:
    """Energy of error^T values: an offset that tokens share meets the values' sum, the rest what differs in them."""
    offset, mean = error.mean(0), values.mean(0)
    by_token = (error - offset).square().sum(1) @ (values - mean).square().sum(1)
    return float(by_token) + energy(offset) * energy(len(values) * mean)


def _values(part: Split) -> Tensor:
    """The residual in float64, the contraction axis last."""
    assert isinstance(part.residual, BlockScaled)
    values: Tensor = dequantize(part.residual, dtype=torch.float64)
    return values


def means(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """What means over tokens are worth in gradients, and in the squared gradients that Adam averages.

    Base point: subject, tokens. Sweep: where, "embedding" (the gradient of the embedding's rows by way of the input),
    "first" (the maps of layer 0 that the embedding feeds) or "spread" (all maps of four layers over the depth).
    Quantities, averaged over the maps: ``share_x`` and ``share_d``, shares of the means in the energy of X and D
    (of "embedding": of the embedding's output, and of its gradient); ``times_null``, tokens * share_d, which is 1 for
    uncorrelated tokens; ``part``, energy of what the means alone make of dW, l mu_D^T mu_X, over that of dW;
    ``inflation``, energy of dW over that of dW without that part.
    """
    model = decoder(point["subject"])
    tokens = window(point["subject"], streams, length=point["tokens"])
    layers = spread_layers(model.architecture.layers, parts=4)
    maps, at_embedding = backward(model, tokens, wanted={0, *layers})
    found = {
        "embedding": [_embedding_means(model.embed(tokens)[0], at_embedding, tokens[0])],
        "first": [_map_means(one) for one in maps if one.layer == 0][:3],
        "spread": [_map_means(one) for one in maps if one.layer in layers],
    }
    return [
        {"where": where} | {name: fmean(one[name] for one in found[where]) for name in found[where][0]}
        for where in point["where"]
    ]


def _map_means(one: Product) -> dict[str, float]:
    x, d = one.x.double(), one.gradient.double()
    whole = d.T @ x
    return _mean_parts(one.x, one.gradient, whole, len(x) * torch.outer(d.mean(0), x.mean(0)))


def _embedding_means(x: Tensor, d: Tensor, tokens: Tensor) -> dict[str, float]:
    """Row v of the embedding gets the sum of D over the places of token v: of it, the mean of D makes count * mu_D."""
    _, rows = torch.unique(tokens, return_inverse=True)
    of_tokens = functional.one_hot(rows).double()
    wide = d.double()
    return _mean_parts(x, d, of_tokens.T @ wide, torch.outer(of_tokens.sum(0), wide.mean(0)))


def _mean_parts(x: Tensor, d: Tensor, whole: Tensor, part: Tensor) -> dict[str, float]:
    share_d = mean_share(d)
    return {
        "share_x": mean_share(x),
        "share_d": share_d,
        "times_null": len(d) * share_d,
        "part": energy(part) / energy(whole),
        "inflation": energy(whole) / energy(whole - part),
    }
