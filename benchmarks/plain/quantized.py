"""The authors' protocol of Theorem 4 (Table 10): one matrix, 10,000 inputs, means over them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks.plain.block import ACTIVATIONS
from benchmarks.plain.common import count_of, dtype_of, flips, input_batches, only, split_energy, weights
from claims.papers.sign_magnitude.experiments.vectors import draw_weights
from claims.streams import Streams

Record = dict[str, Any]


def quantize(weight: Tensor, quantizer: str) -> Tensor:
    """Q(W), written out: mean magnitudes by row or tensor times signs, or b1.58's codes with either scale."""
    magnitude = weight.abs()
    if quantizer == "sign-row":
        return weight.sign() * magnitude.mean(1, keepdim=True)
    if quantizer == "sign-tensor":
        return weight.sign() * magnitude.mean()
    scale = magnitude.mean()
    codes = (weight / scale).round().clamp(-1, 1)
    return codes * (scale if quantizer == "ternary" else (weight * codes).sum() / codes.square().sum())


def _norm2(a: Tensor) -> Tensor:
    return a.double().square().sum(1)


def quantized_block(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Quantization error and flips of equal expected norm at one quantizer and activation."""
    m, n, quantizer, name = point["m"], point["n"], only(point["quantizer"]), only(point["activation"])
    act = ACTIVATIONS[name]
    (weight,) = weights(streams, point, (m, n))
    quantized = quantize(weight, quantizer)
    rate = float((quantized - weight).double().square().sum() / (4 * weight.double().square().sum()))
    flipped = weight + flips(weight, rate, streams)
    sums = torch.zeros(7, dtype=torch.float64)
    for x in input_batches(point, streams, n):
        a, b, f = (act(x @ w.T) for w in (weight, quantized, flipped))
        total, radial, transverse = split_energy(a, b - a)
        across = split_energy(a, f - a)[2]
        cross = (a * (b - a)).sum(1)
        columns = [total, radial, cross, transverse, transverse / _norm2(b), across, across / _norm2(f)]
        sums += torch.stack([column.double().sum() for column in columns])
    names = ("total", "radial", "cross", "quantized_pre", "quantized_post", "flips_pre", "flips_post")
    record: Record = dict(zip(names, (sums / count_of(point)).tolist(), strict=True))
    record = {key: v if key.endswith("post") else v * n / m for key, v in record.items()}
    derived = {"radial_fraction": record["radial"] / record["total"], "flip_rate": rate}
    return [{"quantizer": quantizer, "activation": name} | record | derived]


def gate_quadrants(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The error behind a ReLU by what each neuron's gate does, from the definition of each part."""
    m, n, quantizer = point["m"], point["n"], only(point["quantizer"])
    (weight,) = weights(streams, point, (m, n))
    quantized = quantize(weight, quantizer)
    rows: list[Tensor] = []
    switched = 0.0
    for x in input_batches(point, streams, n):
        h, q = x @ weight.T, x @ quantized.T
        a, da = torch.relu(h), torch.relu(q) - torch.relu(h)
        off, on = (h > 0) & (q <= 0), (h <= 0) & (q > 0)
        flipped = off | on
        switched += float(flipped.double().sum()) / (count_of(point) * m)
        columns = [a.square(), da.square()]
        columns += [da.square() * off, da.square() * on, a * da, a * da * flipped, a.square() * flipped]
        rows.append(torch.stack([column.sum(1, dtype=torch.float64) for column in columns]))
    norm, total, lost, gained, cross, cross_flipped, norm_flipped = torch.cat(rows, dim=1)
    energies = {"both": total - lost - gained, "flipped": lost + gained}
    crosses = {"both": cross - cross_flipped, "flipped": cross_flipped}
    kept = {"both": norm - norm_flipped, "flipped": norm_flipped}
    record: Record = {"quantizer": quantizer, "gate_rate": switched, "averaged": 0.0}
    for name, part in (("both", energies["both"]), ("off", lost), ("on", gained)):
        record[f"share_{name}"] = float(part.sum() / total.sum())
    for name, part in energies.items():
        radial, own = (float((crosses[name].square() / against).sum()) for against in (norm, kept[name]))
        record |= {f"radial_{name}": radial / float(part.sum()), f"own_{name}": own / float(part.sum())}
        record["averaged"] += radial / float(total.sum())
    return [record | {"amplitude_flipped": float(cross_flipped.sum() / cross.sum())}]


def alignment(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Theorem 4: the angle between clean and quantized output over inputs."""
    n, quantizer = point["n"], only(point["quantizer"])
    m = round(point["aspect"] * n)
    weight = draw_weights(point["law"], m * n, streams.torch("weights")).reshape(m, n).to(dtype_of(point))
    matrix = quantize(weight, quantizer)
    basis = [torch.eye(n, dtype=weight.dtype)[: point["inputs"]]]
    batches = basis if point["input"] == "basis" else input_batches(point, streams, n)
    cosines = []
    for x in batches:
        z, q = x @ weight.T, x @ matrix.T
        cosines.append((z * q).double().sum(1) / (_norm2(z) * _norm2(q)).sqrt())
    cosine = torch.cat(cosines).clamp(-1, 1)
    rows = (weight * matrix).double().sum(1).square() / (_norm2(weight) * _norm2(matrix))
    return [
        {
            "quantizer": quantizer,
            "cosine2": float(cosine.square().mean()),
            "spread": m * float(cosine.square().var()),
            "deviation": math.sqrt(float(cosine.square().var())),
            "chord": float((2 - 2 * cosine).sqrt().mean()),
            "chord2": float((2 - 2 * cosine).mean()),
            "angle": float(torch.arccos(cosine).mean()),
            "rows": float(rows.mean()),
        }
    ]
