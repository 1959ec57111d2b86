"""Activations with a planted mean, and the split of an error into what tokens share and what they do not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from claims.kernels import AverisRecipe, averis_split, dequantize

#: One cell of a sweep: its coordinates and the quantities measured there.
Record = dict[str, Any]

_PLAIN: dict[str, Any] = {"split_activation": False, "split_gradient": False}

#: What becomes of the mean, by the names that the experiments use.
RECIPES: dict[str, AverisRecipe] = {
    "plain": AverisRecipe(**_PLAIN),
    "printed": AverisRecipe(),
    "bfloat16": AverisRecipe(mean="bfloat16"),
    "float32": AverisRecipe(mean="float32"),
    "kept": AverisRecipe(subtract="kept mean"),
    "exact weight": AverisRecipe(mean="bfloat16", mean_weight="exact"),
    "printed/4": AverisRecipe(),
    "printed/2": AverisRecipe(weight_gradient_terms=2),
    "bfloat16/4": AverisRecipe(mean="bfloat16"),
    "bfloat16/2": AverisRecipe(mean="bfloat16", weight_gradient_terms=2),
    "float32/2": AverisRecipe(mean="float32", weight_gradient_terms=2),
    "kept/4": AverisRecipe(subtract="kept mean"),
    "hadamard": AverisRecipe(**_PLAIN, hadamard=True),
    "activation/2": AverisRecipe(mean="bfloat16", weight_gradient_terms=2, split_gradient=False),
}


def direction(generator: torch.Generator, channels: int, *, every: int = 1) -> Tensor:
    """A mean vector (channels,) of root mean square 1, uniform on its sphere; with ``every`` > 1 it is zero but in one
    channel of so many, of random signs and magnitudes that are log-uniform over a factor of two."""
    b = torch.randn(channels, generator=generator)
    if every > 1:
        b, signs = torch.zeros(channels), b[::every].sign()
        b[::every] = signs * 2 ** torch.rand(signs.shape, generator=generator)
    unit: Tensor = b * (channels**0.5 / torch.linalg.vector_norm(b))
    return unit


def energy(x: Tensor) -> float:
    """Squared Frobenius norm, summed in float64."""
    return float(x.double().square().sum())


def parts(error: Tensor) -> dict[str, float]:
    """Energy of an error (tokens, ...) an element: ``coherent``, of its mean over tokens, ``varying``, of the rest, and
    ``total``, of both."""
    wide = error.double()
    shared = wide.mean(0)
    coherent, total = float(shared.square().mean()), float(wide.square().mean())
    return {"varying": total - coherent, "coherent": coherent, "total": total}


def split_error(x: Tensor, recipe: AverisRecipe, *, key: int | None = None) -> Tensor:
    """What the recipe's split and quantization along the channels do to ``x`` (tokens, channels), in float64."""
    part = averis_split(x, recipe=recipe, key=key)
    assert not isinstance(part.residual, Tensor)  # all recipes here have a format
    restored: Tensor = dequantize(part.residual, dtype=torch.float64)
    return restored - x.double() if part.mean is None else restored + part.mean.double() - x.double()
