"""Perturbations of a trained model that are as large, in Frobenius norm of each matrix, but point in other directions.

All linear maps are perturbed at once here; ``single_matrices`` perturbs one at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from claims.kernels import magnitude_step, sign_flip, ternary_quantize
from claims.models.divergence import divergences
from claims.models.prepared import SQUARE, decoder, moments, window
from claims.papers.sign_magnitude.experiments.ternary import quantize
from claims.papers.sign_magnitude.trained.flips import Change, running
from claims.streams import Streams

#: Perturbations of one norm; "double" is of interest where the second order leads, at the smallest rate of a sweep,
#: and "inward" and "noise" are measured at the largest only.
ARMS = ("flip", "outward", "scale", "double", "inward", "noise")
#: Quantizers of the weights, each matrix by itself.
QUANTIZERS = ("ternary-tensor", "ternary-row", "sign-row")


def perturbation(streams: Streams, arm: str, flip_rate: float, *, mask: int = 0) -> Change:
    """The perturbed weights of an arm: each matrix W moves by 2 sqrt(flip_rate) |W|_F, flips by that in expectation.

    "flip": independent sign flips. "double": the same entries moved as far the other way, w to 3 w, so that every sign
    stays. "outward", "inward": all weights moved away from zero, or towards it, by one size a matrix; inward, what is
    smaller than the size crosses zero. "noise": independent Gaussians. "scale": W times a factor above one.
    """

    def change(name: str, weight: Tensor) -> Tensor:
        if arm in ("flip", "double"):
            flipped: Tensor = sign_flip(weight, flip_rate=flip_rate, key=streams.key(f"flips {mask} of {name}"))
            return flipped if arm == "flip" else 2 * weight - flipped
        if arm == "scale":
            return weight * (1 + 2 * math.sqrt(flip_rate))
        norm = 2 * math.sqrt(flip_rate) * _norm(weight)
        if arm == "noise":
            noise = torch.randn(weight.shape, generator=streams.torch(f"noise of {name}"), dtype=weight.dtype)
            return torch.add(weight, noise, alpha=norm / _norm(noise))
        size = norm / math.sqrt(max(1, int(torch.count_nonzero(weight))))
        moved: Tensor = magnitude_step(weight, size=size, sign=1 if arm == "outward" else -1)
        return moved

    return change


def _norm(weight: Tensor) -> float:
    return float(torch.linalg.vector_norm(weight, dtype=torch.float64))


def quantized(weight: Tensor, quantizer: str) -> Tensor:
    """Q(W): b1.58's codes -1, 0, 1 with the mean magnitude as scale, of the tensor or of each row; or signs by row."""
    if quantizer == "ternary-row":
        codes, scale = ternary_quantize(weight, per="row")
        rows: Tensor = codes.to(weight.dtype) * scale[:, None]
        return rows
    return quantize(weight, quantizer.removesuffix("-tensor"))


def quantization(quantizer: str) -> Change:
    """Each matrix quantized by itself."""
    return lambda _, weight: quantized(weight, quantizer)


def all_matrices(point: Mapping[str, Any], streams: Streams) -> list[dict[str, float]]:
    """Loss and KL divergence with all linear maps perturbed, each arm at each rate, on one random window.

    Base point: subject; length (tokens of the window), masks (of the flips, drawn independently). Sweep: flip_rate.
    Quantities by arm: "flip" and so on, log KL(model || perturbed); "flip_change" and so on, change of the loss in
    nats; "double" at the smallest rate only, "inward" and "noise" at the largest. For flips they are means over the
    masks, of the logarithm too: one flip of a few decisive weights multiplies KL by ten, so that single masks say
    little. ``double`` takes the first mask, and ``first`` is log KL of that mask.
    ``least_room``: ln V less loss and change, the least of all arms; below 0 the model is worse than a uniform guess.
    """
    model, tokens = decoder(point["subject"]), window(point["subject"], streams, length=int(point["length"]))
    masks, rates, records = int(point["masks"]), point["flip_rate"], []
    with torch.no_grad():
        embedded = model.embed(tokens)
        clean = model.run(embedded)
        for rate in rates:
            arms = _arms_at(rate, rates)
            drawn = [(arm, mask) for arm in arms for mask in range(masks if arm == "flip" else 1)]
            changes = [perturbation(streams, arm, rate, mask=mask) for arm, mask in drawn]
            streams_after = [model.run(embedded, linear=running(change)) for change in changes]
            found = divergences(model, clean, streams_after, tokens)
            record = {"flip_rate": rate, "first": math.log(found[0].kl)}
            for arm in arms:
                mine = [one for one, (name, _) in zip(found, drawn, strict=True) if name == arm]
                record[arm] = sum(math.log(one.kl) for one in mine) / len(mine)
                record[f"{arm}_change"] = sum(one.change for one in mine) / len(mine)
            room = math.log(model.architecture.vocabulary) - max(one.loss + one.change for one in found)
            records.append(record | {"least_room": room})
    return records


def _arms_at(rate: float, rates: Sequence[float]) -> tuple[str, ...]:
    smallest, largest = rate == min(rates), rate == max(rates)
    return tuple(arm for arm in ARMS if {"double": smallest, "inward": largest, "noise": largest}.get(arm, True))


def quantized_model(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Loss with all linear maps quantized after training, on one random window.

    Base point: subject; length. Quantities by quantizer, "ternary_tensor" and so on: change of the loss in nats;
    ``room``: ln V less the model's own loss, what a uniform guess adds.
    """
    model, tokens = decoder(point["subject"]), window(point["subject"], streams, length=int(point["length"]))
    with torch.no_grad():
        embedded = model.embed(tokens)
        after = [model.run(embedded, linear=running(quantization(quantizer))) for quantizer in QUANTIZERS]
        found = divergences(model, model.run(embedded), after, tokens)
    changes = {name.replace("-", "_"): one.change for name, one in zip(QUANTIZERS, found, strict=True)}
    return changes | {"room": math.log(model.architecture.vocabulary) - found[0].loss}


def profile(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """How much more energy a perturbation of the same size in every weight brings into a matrix's output than flips do.

    With q_j = E x_j^2 by the calibration text, flips at rate p have the energy 4 p sum_j |W_j|^2 q_j, and independent
    noise of their norm 4 p |W|^2 mean(q). Deterministic.

    Base point: subject. Quantities: ``excess``, the mean over all matrices of the log of the latter over the former;
    ``share``, of the matrices in which it is above 0.
    """
    model, found = decoder(point["subject"]), moments(point["subject"])
    logs = []
    for name, rows in found.items():
        _, layer, part = name.split(".")
        columns, square = model.layer(int(layer))[part].double().square().sum(0), rows[SQUARE]
        logs.append(math.log(float(columns.sum() * square.mean() / (columns @ square))))
    return {"excess": sum(logs) / len(logs), "share": sum(value > 0 for value in logs) / len(logs)}
