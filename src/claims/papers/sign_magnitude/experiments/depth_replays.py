"""Depth experiments on the authors' own streams: the two scripts behind Tables 3, 15, 16 and behind Figure 2.

The scripts implement the same two names, V2 (no skip connection) and V3 (with one), differently:

* ``network="tables"`` (n = 512): a layer maps y to W_down relu(W_up y) with 4n hidden units, added to y or not, and
  normalises the result. Only W_up is perturbed. Outputs are compared after normalisation.
* ``network="released"`` (n = m): a layer maps y to act(W y). V2 normalises the result and compares normalised
  outputs; V3 adds act(W y/|y|) to a stream that is never normalised, and compares the streams as they are.

As in ``replays``: float32 on torch CPU generators, 10,000 inputs a seed, sums over inputs, one ratio a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from claims.papers.sign_magnitude.experiments.replays import (
    PUBLISHED_SEEDS,
    Record,
    input_batches,
    norm_ratio,
    seeded,
    sign_flips,
    split_energy,
    weight_matrix,
)
from claims.streams import Streams

_EXPANSION = 4
_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "silu": torch.nn.functional.silu,
}


@dataclass(frozen=True, slots=True)
class _Layer:
    """Weights of one layer: clean, sign-flipped and stepped first projection; the second one, where there is one."""

    arms: tuple[Tensor, Tensor, Tensor]
    down: Tensor | None


def _layers(point: Mapping[str, Any], seed: int) -> list[_Layer]:
    """All layers of a seed, from one generator in the scripts' order; masks from one generator a layer."""
    width, generator = point["width"], seeded(seed + 99_999)
    layers = []
    for index in range(max(point["layer"])):
        tables = point["network"] == "tables"
        up = weight_matrix(generator, _EXPANSION * width if tables else width, width)
        down = weight_matrix(generator, width, _EXPANSION * width) if tables else None
        flips = sign_flips(up, point["flip_rate"], seed + 1000 * index)
        step = up.sign() * norm_ratio(up.sign(), flips)
        layers.append(_Layer((up, up + flips, up + step), down))
    return layers


def _unit(y: Tensor) -> Tensor:
    unit: Tensor = y / y.norm(dim=1, keepdim=True)
    return unit


def depth_ratios(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The ratio after each layer of a published depth experiment, every layer perturbed.

    Base point: network ("tables" or "released"), residual, activation ("relu" or "silu"), width, flip_rate.
    Sweep: layer (from 1). Quantity: c, the transverse energy of sign flips over that of the magnitude step.
    """
    if point["network"] not in ("tables", "released"):
        raise ValueError(f"network: tables or released, got {point['network']!r}")
    seed, act = PUBLISHED_SEEDS[streams.seed_index], _ACTIVATIONS[point["activation"]]
    keeps_stream = point["residual"] and point["network"] == "released"
    layers = _layers(point, seed)
    sums = torch.zeros(len(layers), 2, dtype=torch.float64)
    for x in input_batches(seed, point["width"]):
        arms = [x, x, x]
        for index, layer in enumerate(layers):
            for arm, weight in enumerate(layer.arms):
                y = arms[arm]
                branch = act((_unit(y) if keeps_stream else y) @ weight.T)
                if layer.down is not None:
                    branch = branch @ layer.down.T
                y = y + branch if point["residual"] else branch
                arms[arm] = y if keeps_stream else _unit(y)
            clean, flipped, stepped = arms
            for arm, moved in enumerate((flipped, stepped)):
                sums[index, arm] += split_energy(clean, moved - clean)[2].sum()
    ratios = (sums[:, 0] / sums[:, 1]).tolist()
    return [{"layer": level, "c": ratios[level - 1]} for level in point["layer"]]
