"""Averis beside what it is meant to replace: splitting off singular vectors, and rotating blocks by Hadamard matrices.

All arms get the same activations X = 1 s b^T + t p q^T + Z: a mean of strength s, a spike of strength t (p and q normal
directions, so that p has next to no mean), and iid N(0, 1) noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from claims.kernels import RHT_SIGNS, dequantize, hadamard_transform, nvfp4_quantize
from claims.kernels.averis_recipe import Operand
from claims.papers.mean_bias.experiments.planted_mean import RECIPES, Record, direction, energy, parts, split_error
from claims.streams import Streams


def activations(point: Mapping[str, Any], streams: Streams) -> Tensor:
    """X (tokens, channels) of the point: ``tokens``, ``channels``, ``every``, ``strength`` (s) and ``spike`` (t)."""
    tokens, channels = point["tokens"], point["channels"]
    x = torch.randn(tokens, channels, generator=streams.torch("noise"))
    x += point["strength"] * direction(streams.torch("mean"), channels, every=point["every"])
    over_tokens = direction(streams.torch("spike over tokens"), tokens)
    x += point["spike"] * torch.outer(over_tokens, direction(streams.torch("spike"), channels))
    return x


def right_vectors(x: Tensor) -> Tensor:
    """Right singular vectors of ``x`` as columns (m, m), the largest singular value first, in float64."""
    wide = x.double()
    vectors: Tensor = torch.linalg.eigh(wide.T @ wide).eigenvectors
    return vectors.flip(1)


def fake_quantized(x: Tensor) -> Tensor:
    """The values of ``x`` after NVFP4 with blocks along its last axis, in float64."""
    values: Tensor = dequantize(nvfp4_quantize(x), dtype=torch.float64)
    return values


def spectral_error(x: Tensor, vectors: Tensor, *, factors: str) -> Tensor:
    """What splitting off the span of ``vectors`` (m, k) and quantizing the rest does to ``x``, in float64.

    ``factors``: "exact" keeps X V and V as they are, "fp4" has both in NVFP4 with blocks along their long axes.
    """
    along = x.double() @ vectors
    rest = x.double() - along @ vectors.T
    error = fake_quantized(rest) - rest
    if factors == "fp4":
        error += fake_quantized(along.T).T @ fake_quantized(vectors.T) - along @ vectors.T
    return error


def hadamard_error(x: Tensor) -> Tensor:
    """What quantization of the Hadamard transform of ``x``, in blocks of 16 with the fixed signs, does to it."""
    rotated = hadamard_transform(x, signs=RHT_SIGNS)
    back: Tensor = hadamard_transform(fake_quantized(rotated), signs=RHT_SIGNS, inverse=True)
    return back - x.double()


def _error(x: Tensor, arm: str, vectors: Tensor) -> Tensor:
    if arm in RECIPES:
        return split_error(x, RECIPES[arm])
    if arm == "rotated":
        return hadamard_error(x)
    rank, _, factors = arm.removeprefix("svd ").partition("/")
    count = 1 if rank == "1" else x.shape[1] // 100
    return spectral_error(x, vectors[:, :count], factors=factors)


def operand_alternatives(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Error of the activation as products with weights see it, quantized along the channels, by every method.

    Base point: that of ``activations``. Sweep: arm, one of ``planted_mean.RECIPES``, "rotated" (Hadamard), or
    "svd <rank>/<factors>" with rank 1 or 1% (of the channels) and factors exact or fp4. Quantities: ``error``, mean
    squared error of an element; ``plain``, that of the arm "plain" (which the sweep must have).
    """
    x = activations(point, streams)
    vectors = right_vectors(x) if any(arm.startswith("svd") for arm in point["arm"]) else x.new_empty(0)
    errors = {arm: parts(_error(x, arm, vectors))["total"] for arm in point["arm"]}
    return [{"arm": arm, "error": error, "plain": errors["plain"]} for arm, error in errors.items()]


def mode_removal(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """How much of the quantization error each singular mode of X causes: what is gone when it is split off exactly.

    Base point: that of ``activations``, and ``modes``, how many are tried. Quantities, as shares of the error of X:
    ``leading``, what goes with the first mode; ``second``, the largest share that goes with one of the others;
    ``energy``, the first mode's share of the energy of X.
    """
    x = activations(point, streams)
    vectors = right_vectors(x)
    plain = energy(fake_quantized(x) - x.double())
    removed = [
        1 - energy(spectral_error(x, vectors[:, i : i + 1], factors="exact")) / plain for i in range(point["modes"])
    ]
    along = energy(x.double() @ vectors[:, :1])
    return {"leading": removed[0], "second": max(removed[1:]), "energy": along / energy(x)}


def rounding(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Stochastic rounding and Averis, each with and without the other: error of the activation along the channels.

    Base point: that of ``activations``. Sweep: arm, rounding ("nearest" or "stochastic", of the residual and of an FP4
    mean). Quantities: ``varying``, ``coherent`` and ``total`` error, as in ``planted_mean.parts``.
    """
    x = activations(point, streams)
    records = []
    for arm in point["arm"]:
        for how in point["rounding"]:
            operands: frozenset[Operand] = frozenset({"activation", "mean"} if how == "stochastic" else ())
            recipe = replace(RECIPES[arm], stochastic=operands)
            error = split_error(x, recipe, key=streams.key("rounding") if operands else None)
            records.append({"arm": arm, "rounding": how} | parts(error))
    return records


def constant_block(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Hadamard transform of 16 equal entries c, as a mean is along the tokens, with and without the fixed signs.

    Quantities: ``largest`` and ``smallest`` magnitude with the signs, ``unsigned``, the largest without, ``magnitude``
    |c|, and ``bound``: the transform makes 4 additions and 2 roundings of float64.
    """
    c = float(streams.numpy("entry").standard_normal())
    block = torch.full((16,), c, dtype=torch.float64)
    signed = hadamard_transform(block, signs=RHT_SIGNS).abs()
    unsigned = hadamard_transform(block).abs()
    return {
        "largest": float(signed.max()),
        "smallest": float(signed.min()),
        "unsigned": float(unsigned.max()),
        "magnitude": abs(c),
        "bound": 16 * 2.0**-53 * abs(c),
    }
