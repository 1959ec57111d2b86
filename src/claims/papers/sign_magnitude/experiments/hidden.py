"""Energies in the hidden layer of the paper's block, part by part (Appendix A), as experiments.

Units: pre-activations have variance one and energies are per hidden neuron, so ``flip_energy`` is 4p on average.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels import gemm, transverse_energy
from claims.papers.sign_magnitude.experiments.blocks import (
    Record,
    controlled_mean,
    dtype_of,
    energy,
    flip_change,
    gaussian_matrix,
    inner,
    matched_size,
    product,
    sphere,
)
from claims.streams import Streams

_PARTS = ("total", "gate", "smooth", "cross", "radial", "fraction", "gates_off", "gates_on", "variance")


def hidden_layer(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """What sign flips and the magnitude step do to relu(W1 x), each from the same W1, flips and inputs x, -x.

    Base point: n inputs, m hidden units (n of them unless given), pairs, step (sign of the magnitude step), dtype.
    Sweep: flip_rate, arm ("sign", "magnitude"). Quantities of each arm: ``total`` = |da|^2 and its parts from neurons
    whose ``gate`` changes or that stay on (``smooth``); ``cross`` = a.da; ``radial`` = (a.da)^2/|a|^2; ``fraction`` =
    mean over inputs of radial/total; ``gates_off`` and ``gates_on`` = shares of neurons; ``variance`` = |h'|^2;
    ``flip_energy`` = |D|_F^2/m, equal for both arms; ``activation`` = |a|^2; ``share``, ``gate_share`` and
    ``smooth_share`` = total, gate and smooth over ``flip_energy`` in this seed; ``radial_fraction`` = radial/total.
    """
    n, m, pairs, dtype = point["n"], point.get("m", point["n"]), point["pairs"], dtype_of(point)
    weight = gaussian_matrix(streams.torch("weights"), m, n, dtype=dtype)
    x = sphere(streams.torch("inputs"), pairs, n, dtype=dtype)
    aligner = torch.sign(weight)
    h, aligned = gemm(x, weight.T), gemm(x, aligner.T)
    weight_energy, weight_sum, moved = energy(weight), product(weight, aligner), int(torch.count_nonzero(weight))
    values, controls, means, change_energies = [], [], [], []
    for flip_rate in point["flip_rate"]:
        change = flip_change(weight, flip_rate=flip_rate, key=streams.key("flips"))
        change_energy = energy(change)
        size = point["step"] * matched_size(change_energy, moved)
        for arm in point["arm"]:
            sign = arm == "sign"
            # D is -2 W or 0 for flips, so <W, D> = -|D|^2/2
            dh, cross = (gemm(x, change.T), -change_energy / 2) if sign else (size * aligned, size * weight_sum)
            values.append((_parts(h, dh) + _parts(-h, -dh)) / 2)
            controls.append(torch.stack([inner(h, h), inner(h, dh), inner(dh, dh)], dim=-1))
            means.append([weight_energy / n, cross / n, change_energy / n])
            change_energies.append(change_energy)
    estimates = controlled_mean(torch.stack(values), torch.stack(controls), torch.tensor(means, dtype=torch.float64))
    cells = [(flip_rate, arm) for flip_rate in point["flip_rate"] for arm in point["arm"]]
    return [
        {"flip_rate": flip_rate, "arm": arm} | _derived(row, n, m, change_energy / m, weight_energy / (2 * m))
        for (flip_rate, arm), row, change_energy in zip(cells, estimates, change_energies, strict=True)
    ]


def _parts(h: Tensor, dh: Tensor) -> Tensor:
    """(K, 9) per-input values of ``_PARTS``, sums over neurons."""
    a, moved = torch.relu(h), torch.relu(h + dh)
    total, radial, _ = transverse_energy(a, moved - a)
    off, on = (h > 0) & (h + dh <= 0), (h <= 0) & (h + dh > 0)
    changed = torch.where(off | on, moved - a, 0.0)
    gate = inner(changed, changed)
    counts = [mask.sum(-1, dtype=torch.float64) for mask in (off, on)]
    variance = inner(h + dh, h + dh)
    return torch.stack(
        [total, gate, total - gate, inner(a, moved - a), radial, radial / total, *counts, variance], dim=-1
    )


def _derived(row: Tensor, n: int, m: int, flip_energy: float, activation: float) -> dict[str, float]:
    """Quantities of one cell from the sums over neurons; n/m makes energies per neuron of unit variance."""
    values = dict(zip(_PARTS, row.tolist(), strict=True))
    for name in _PARTS:
        values[name] *= {"fraction": 1.0, "gates_off": 1 / m, "gates_on": 1 / m}.get(name, n / m)
    return values | {
        "flip_energy": flip_energy,
        "activation": activation,
        "share": values["total"] / flip_energy,
        "gate_share": values["gate"] / flip_energy,
        "smooth_share": values["smooth"] / flip_energy,
        "radial_fraction": values["radial"] / values["total"],
    }
