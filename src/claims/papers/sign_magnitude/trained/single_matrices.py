"""One matrix of a trained model is perturbed: how KL goes with the energy that this brings into the residual stream.

Energies are those of section 3 of the paper where the model has its norm: what is transverse to the residual stream
after the perturbed layer, relative to the stream, which is what the next RMSNorm lets through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from claims.kernels import transverse_energy
from claims.models.architecture import LINEARS
from claims.models.decoder import Decoder, Linear, product
from claims.models.divergence import divergences
from claims.models.prepared import decoder, window
from claims.papers.sign_magnitude.trained.directions import perturbation, quantized
from claims.streams import Streams

#: The weak flips have this share of the rate of those that move as far as ternary quantization.
WEAK = 1 / 16
#: What is done to each matrix; "flip-x" are flips that move it as far as x does.
ARMS = ("weak", "outward", "inward", "flip-ternary", "ternary", "flip-sign", "sign")


@dataclass(frozen=True, slots=True)
class Effects:
    """What each of ``ARMS`` does to one matrix, all (arms,), natural logarithms.

    Attributes:
        kl: KL(model || perturbed).
        energy: transverse energy in the residual stream after the layer, relative to the stream, mean over tokens.
        output: energy of the change of the matrix's output, relative to the output's.
    """

    kl: np.ndarray
    energy: np.ndarray
    output: np.ndarray

    def gap(self, above: str, *below: str, of: str = "kl") -> float:
        """Logarithm of how many times as large it is in the one arm as in the others (their geometric mean)."""
        values = getattr(self, of)
        return float(values[ARMS.index(above)] - np.mean([values[ARMS.index(arm)] for arm in below]))


def perturbed_weights(weight: Tensor, name: str, streams: Streams) -> list[Tensor]:
    """The matrix after each of ``ARMS``; the steps outward and inward are as long as the weak flips."""
    ternary, sign = quantized(weight, "ternary-tensor"), quantized(weight, "sign-row")
    rates = [
        float((matrix - weight).double().square().sum() / weight.double().square().sum()) / 4
        for matrix in (ternary, sign)
    ]

    def moved(arm: str, flip_rate: float, mask: int) -> Tensor:
        return perturbation(streams, arm, flip_rate, mask=mask)(name, weight)

    weak = WEAK * rates[0]
    return [
        moved("flip", weak, 0),
        moved("outward", weak, 0),
        moved("inward", weak, 0),
        moved("flip", rates[0], 1),
        ternary,
        moved("flip", rates[1], 2),
        sign,
    ]


def effects(model: Decoder, tokens: Tensor, *, layer: int, part: str, streams: Streams) -> Effects:
    """Measure every arm on one matrix; layers before it run once."""
    name = f"layers.{layer}.{part}"
    weights = perturbed_weights(model.layer(layer)[part], name, streams)
    moved: list[float] = []

    def with_weight(matrix: Tensor) -> Linear:
        def linear(here: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            if here != name:
                return product(x, weight, bias)
            out = product(x, matrix, bias)
            before = product(x, weight)
            change = product(x, matrix - weight)
            moved.append(float(change.double().square().sum() / before.double().square().sum()))
            return out

        return linear

    before = model.run(model.embed(tokens), stop=layer)
    clean = model.run(before, start=layer, stop=layer + 1)
    after = [model.run(before, start=layer, stop=layer + 1, linear=with_weight(matrix)) for matrix in weights]
    energies = [_relative_energy(clean, stream) for stream in after]
    rest, *others = torch.split(model.run(torch.cat([clean, *after]), start=layer + 1), 1)
    found = divergences(model, rest, others, tokens)
    return Effects(*(np.log(np.array(values)) for values in ([one.kl for one in found], energies, moved)))


def _relative_energy(clean: Tensor, perturbed: Tensor) -> float:
    """Mean over tokens of the transverse energy of the change, relative to the clean stream's."""
    y = clean.flatten(0, -2)
    _, _, transverse = transverse_energy(y, perturbed.flatten(0, -2) - y)
    return float((transverse / y.double().square().sum(-1)).mean())


def one_of_each(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """One matrix of each of the seven kinds, each in a random layer, perturbed alone; a random window.

    Base point: subject; length (tokens of the window). Quantities, of natural logarithms averaged over the matrices:

    ``exponent``: least-squares slope of log KL on log energy in the stream over the arms, one line a matrix;
    ``scatter``: standard deviation over the matrices of log(KL/energy), mean over the arms; ``explained``: share of the
    variance of log KL, over matrices and arms, that log energy explains linearly; ``left_by_output``: log of how many
    times as much is left unexplained by the energy of the change of the matrix's own output, relative to the output;
    ``step``, ``step_energy``: KL, and energy in the stream, of steps of all weights (geometric mean of outward and
    inward) over those of weak flips; ``ternary``, ``sign``: KL of quantization (b1.58, and signs by row) over that of
    flips of its norm, and with ``_energy`` the energies.
    """
    model, tokens = decoder(point["subject"]), window(point["subject"], streams, length=int(point["length"]))
    layers = streams.numpy("layers").integers(model.architecture.layers, size=len(LINEARS))
    with torch.no_grad():
        found = [
            effects(model, tokens, layer=int(layer), part=part, streams=streams)
            for layer, part in zip(layers, LINEARS, strict=True)
        ]
    return summary(found)


def summary(found: Sequence[Effects]) -> dict[str, float]:
    """The quantities of ``one_of_each`` from the effects on each matrix."""
    pairs = {
        "step": ("weak", "outward", "inward"),
        "ternary": ("flip-ternary", "ternary"),
        "sign": ("flip-sign", "sign"),
    }
    kl, stream, output = (np.stack([getattr(one, field) for one in found]) for field in ("kl", "energy", "output"))
    inside = stream - stream.mean(1, keepdims=True)
    result = {"exponent": float((inside * kl).sum() / (inside**2).sum())}
    explained = [float(np.corrcoef(kl.ravel(), energy.ravel())[0, 1] ** 2) for energy in (stream, output)]
    result |= {"explained": explained[0], "left_by_output": float(np.log((1 - explained[1]) / (1 - explained[0])))}
    result["scatter"] = float(np.std((kl - stream).mean(1), ddof=1))
    for name, (flips, *others) in pairs.items():
        for field, suffix in (("kl", ""), ("energy", "_energy")):
            result[name + suffix] = -float(np.mean([one.gap(flips, *others, of=field) for one in found]))
    return result
