"""Exp B: sign flips against the magnitude step in a stack of a trained model's gate matrices (section 9.4).

The matrices of six layers from the middle of the model, each cropped to its first d rows and columns (d the smaller of
its sizes), are chained: y -> act(W y), normalised. Inputs are uniform on the sphere. Every layer is perturbed.

Two metrics compare a layer's outputs. "post", the authors': outputs are normalised first, and the change of direction
is measured. "pre", the theorem's: the change of the output is projected by the derivative of the normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels import transverse_energy
from claims.models.known import TINYLLAMA
from claims.models.prepared import decoder
from claims.papers.sign_magnitude.experiments.blocks import (
    Record,
    energy,
    flip_change,
    gaussian_matrix,
    inner,
    matched_size,
    sphere,
)
from claims.papers.sign_magnitude.experiments.replays import (
    PUBLISHED_SEEDS,
    input_batches,
    norm_ratio,
    sign_flips,
    split_energy,
)
from claims.papers.sign_magnitude.trained.weights import row_cosines
from claims.streams import Streams
from claims.subject import Subject

#: Matrices in the stack.
DEPTH = 6
_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "silu": torch.nn.functional.silu}


def gate_stack(subject: Subject) -> list[Tensor]:
    """The six cropped matrices, float32 (d, d), in the order of the layers.

    Raises:
        Unavailable: the model has fewer layers.
    """
    model = decoder(subject)
    layers, side = model.architecture.layers, min(model.architecture.width, model.architecture.hidden)
    subject.require(layers >= DEPTH, f"takes the gate matrices of {DEPTH} layers, the model has {layers}")
    first = (layers - DEPTH) // 2
    names = [f"layers.{layer}.gate" for layer in range(first, first + DEPTH)]
    return [model.checkpoint.tensor(name)[:side, :side].contiguous() for name in names]


def trained_stack(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The ratio of transverse energies after a layer, sign flips over the magnitude step of the same norm.

    Base point: inputs. Sweep: weights ("trained"; "shuffled": the entries of each trained matrix in random order;
    "iid": Gaussian of variance 1/d), activation ("relu", "silu"), flip_rate, layer (1 to 6), metric ("pre", "post").
    Weights differ in nothing else: inputs and positions of flips are the same, and those of a smaller rate are among
    those of a larger one. Quantities: ``c`` and ``log_c``.
    """
    trained = gate_stack(point["subject"])
    side = len(trained[0])
    shuffle, gaussian = streams.torch("shuffle"), streams.torch("iid")
    stacks = {
        "trained": trained,
        "shuffled": [w.flatten()[torch.randperm(w.numel(), generator=shuffle)].view_as(w) for w in trained],
        "iid": [gaussian_matrix(gaussian, side, side) for _ in trained],
    }
    keys = [streams.key(f"flips {layer}") for layer in range(1, DEPTH + 1)]
    x = sphere(streams.torch("inputs"), point["inputs"], side)
    records = []
    for weights in point["weights"]:
        for flip_rate in point["flip_rate"]:
            arms = [_arms(w, flip_rate, key) for w, key in zip(stacks[weights], keys, strict=True)]
            for activation in point["activation"]:
                cell = {"weights": weights, "activation": activation, "flip_rate": flip_rate}
                ratios = _ratios(arms, x, _ACTIVATIONS[activation])
                records += [
                    cell | {"layer": layer, "metric": metric, "c": ratios[layer, metric]}
                    for layer in point["layer"]
                    for metric in point["metric"]
                ]
    return [record | {"log_c": math.log(record["c"])} for record in records]


def _arms(weight: Tensor, flip_rate: float, key: int) -> tuple[Tensor, Tensor, Tensor]:
    """A matrix, the same with flips, and with the step along its signs that has the flips' norm."""
    flips = flip_change(weight, flip_rate=flip_rate, key=key)
    step = matched_size(energy(flips), int(torch.count_nonzero(weight))) * torch.sign(weight)
    return weight, weight + flips, weight + step


def _ratios(
    arms: list[tuple[Tensor, Tensor, Tensor]], x: Tensor, activation: Callable[[Tensor], Tensor]
) -> dict[tuple[int, str], float]:
    """The ratio after each layer in each metric."""
    streams = [x, x, x]
    found: dict[tuple[int, str], float] = {}
    for layer, weights in enumerate(arms, start=1):
        outputs = [activation(y @ w.T) for y, w in zip(streams, weights, strict=True)]
        clean, flipped, stepped = outputs
        pre, post = [], []
        for moved in (flipped, stepped):
            _, _, transverse = transverse_energy(clean, moved - clean)
            pre.append(float(transverse.sum()))
            post.append(float((transverse / inner(moved, moved)).sum()))
        found |= {(layer, "pre"): pre[0] / pre[1], (layer, "post"): post[0] / post[1]}
        streams = [_unit(y) for y in outputs]
    return found


def _unit(y: Tensor) -> Tensor:
    unit: Tensor = y / torch.linalg.vector_norm(y, dim=1, keepdim=True)
    return unit


def linear_layers(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """One layer of each of the six matrices without activation: the ratio times what theory divides by.

    In a wide linear layer it is (1 - p)/(1 - kappa) in the theorem's metric, kappa the squared cosine of the weights
    with their signs.

    Base point: inputs, flip_rate. Quantities, means over the matrices: ``by_matrix`` = c (1 - kappa)/(1 - p) with kappa
    of all of a matrix's entries together, ``by_row`` with the mean of its rows' own; ``kappa_matrix``, ``kappa_row``.
    """
    stack = gate_stack(point["subject"])
    rate = point["flip_rate"]
    x = sphere(streams.torch("inputs"), point["inputs"], len(stack[0]))
    rows = []
    for layer, weight in enumerate(stack, start=1):
        ratio = _ratios([_arms(weight, rate, streams.key(f"flips {layer}"))], x, lambda z: z)[1, "pre"]
        entries = float(row_cosines(weight.double().view(1, -1)))
        row = float(row_cosines(weight.double()).mean())
        rows.append([ratio * (1 - entries) / (1 - rate), ratio * (1 - row) / (1 - rate), entries, row])
    means = torch.tensor(rows, dtype=torch.float64).mean(0).tolist()
    return dict(zip(("by_matrix", "by_row", "kappa_matrix", "kappa_row"), means, strict=True))


def released_stack(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Exp B on the authors' model and random streams; the seed index picks one of their seeds.

    As in their script: weights from half precision, inputs in batches, masks seeded by seed and layer, outputs
    normalised before they are compared.

    Base point: activation, flip_rate. Sweep: layer. Quantity: ``c``.
    """
    TINYLLAMA.require(point["subject"], "Exp B")
    seed, act = PUBLISHED_SEEDS[streams.seed_index], _ACTIVATIONS[point["activation"]]
    return _replayed([w.half().float() for w in gate_stack(point["subject"])], seed, act, point)


def _replayed(
    stack: list[Tensor], seed: int, activation: Callable[[Tensor], Tensor], point: Mapping[str, Any]
) -> list[Record]:
    layers = []
    for index, weight in enumerate(stack):
        flips = sign_flips(weight, point["flip_rate"], seed + 1000 * index)
        layers.append((weight, weight + flips, weight + weight.sign() * norm_ratio(weight.sign(), flips)))
    sums = torch.zeros(len(layers), 2, dtype=torch.float64)
    for x in input_batches(seed, len(stack[0])):
        outputs = [x, x, x]
        for index, arms in enumerate(layers):
            outputs = [_unit(activation(y @ w.T)) for y, w in zip(outputs, arms, strict=True)]
            for arm in (0, 1):
                sums[index, arm] += split_energy(outputs[0], outputs[arm + 1] - outputs[0])[2].sum()
    ratios = (sums[:, 0] / sums[:, 1]).tolist()
    return [{"layer": layer, "c": ratios[layer - 1]} for layer in point["layer"]]
