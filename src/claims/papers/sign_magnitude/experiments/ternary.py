"""Quantized weights in one layer (section 8, Appendices B and G), as experiments.

Quantizers are those of ``claims.kernels``: "sign-row" (the paper's, one scale a row), "sign-tensor" (BitNet, one
scale), "ternary" (b1.58, codes -1, 0, 1 with one scale) and "ternary-fitted" (the same codes, least-squares scale).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels import gemm, sign_quantize, ternary_quantize, transverse_energy
from claims.papers.sign_magnitude.experiments.blocks import (
    Record,
    controlled_mean,
    dtype_of,
    energy,
    flip_change,
    gaussian_matrix,
    inner,
    product,
    sphere,
)
from claims.papers.sign_magnitude.experiments.vectors import draw_weights
from claims.streams import Streams

_VALUES = ("total", "radial", "cross", "quantized_pre", "quantized_post", "flips_pre", "flips_post")


def quantize(weight: Tensor, quantizer: str) -> Tensor:
    """Q(W), of the dtype of W.

    Raises:
        ValueError: a quantizer of another name.
    """
    if quantizer in ("sign-row", "sign-tensor"):
        codes, scale = sign_quantize(weight, per=quantizer.removeprefix("sign-"))
        signs: Tensor = codes.to(weight.dtype) * (scale[:, None] if scale.dim() else scale)
        return signs
    if quantizer not in ("ternary", "ternary-fitted"):
        raise ValueError(f"quantizer: sign-row, sign-tensor, ternary or ternary-fitted, got {quantizer!r}")
    codes, scale = ternary_quantize(weight)
    matrix: Tensor = codes.to(weight.dtype)
    return matrix * (scale if quantizer == "ternary" else product(weight, matrix) / energy(matrix))


def quantized_block(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Quantization error and sign flips of equal expected norm, with and without a ReLU, in both metrics.

    A quantizer's flips are drawn at the rate |Q(W) - W|^2/(4 |W|^2), and what they do is divided by their realised norm
    over the one wanted: that takes out most of the spread over seeds, and moves the mean by a fraction of order
    1/(p m n), the curvature of the energy in p being small. Inputs come as x, -x; controls are |h|^2, h.dh and |dh|^2,
    whose means over the sphere are |W|^2/n, <W, D>/n and |D|^2/n. A second projection would change none of these ratios
    in the pre metric, so there is none.

    Base point: m, n, pairs, dtype. Sweep: quantizer, activation ("linear", "relu"). Quantities, energies per neuron of
    unit variance: ``total`` = |da|^2, ``radial`` its part along a, ``cross`` = a.da, all of the quantization error;
    ``quantized_pre`` and ``flips_pre``, energies transverse to a; ``quantized_post`` and ``flips_post``, squared sines
    of the angle between clean and perturbed output; ``radial_fraction`` = radial/total; ``flip_rate``.
    """
    m, n, dtype = point["m"], point["n"], dtype_of(point)
    weight = gaussian_matrix(streams.torch("weights"), m, n, dtype=dtype)
    x = sphere(streams.torch("inputs"), point["pairs"], n, dtype=dtype)
    h = gemm(x, weight.T)
    records = []
    for quantizer in point["quantizer"]:
        change = quantize(weight, quantizer) - weight
        flip_rate = energy(change) / (4 * energy(weight))
        flips = flip_change(weight, flip_rate=flip_rate, key=streams.key("flips"))
        moves = [gemm(x, matrix.T) for matrix in (change, flips)]
        controls = torch.stack([inner(h, h)] + [c for dh in moves for c in (inner(h, dh), inner(dh, dh))], dim=-1)
        means = [energy(weight)] + [c for matrix in (change, flips) for c in (product(weight, matrix), energy(matrix))]
        for activation in point["activation"]:
            sides = (1, -1) if activation == "relu" else (1,)
            values = torch.stack([_values(activation, side * h, *(side * dh for dh in moves)) for side in sides])
            exact = torch.tensor(means, dtype=torch.float64) / n
            estimate = dict(zip(_VALUES, controlled_mean(values.mean(0), controls, exact).tolist(), strict=True))
            record = {name: v if name.endswith("post") else v * n / m for name, v in estimate.items()}
            record |= {name: record[name] * energy(change) / energy(flips) for name in ("flips_pre", "flips_post")}
            record |= {"radial_fraction": record["radial"] / record["total"], "flip_rate": flip_rate}
            records.append({"quantizer": quantizer, "activation": activation} | record)
    return records


def _values(activation: str, h: Tensor, quantized: Tensor, flipped: Tensor) -> Tensor:
    """(K, 7) per-input ``_VALUES``, summed over neurons, from pre-activations and their changes."""
    if activation not in ("linear", "relu"):
        raise ValueError(f"activation: relu or linear, got {activation!r}")
    clean, ternary, flips = (torch.relu(v) if activation == "relu" else v for v in (h, h + quantized, h + flipped))
    total, radial, transverse = transverse_energy(clean, ternary - clean)
    across = transverse_energy(clean, flips - clean)[2]
    sines = (transverse / inner(ternary, ternary), across / inner(flips, flips))
    return torch.stack([total, radial, inner(clean, ternary - clean), transverse, sines[0], across, sines[1]], dim=-1)


def gate_quadrants(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The quantization error behind a ReLU, split by what each neuron's gate does: stays on, switches off or on.

    Base point: m, n, pairs, dtype. Sweep: quantizer. Quantities: ``share_both``, ``share_off`` and ``share_on`` of
    |da|^2; ``amplitude_flipped``, the share of a.da on neurons whose gate changes; ``radial_both`` and
    ``radial_flipped``, (a.da)^2/(|a|^2 |da|^2) with da restricted to neurons that stay on, or whose gate changes;
    ``own_both`` and ``own_flipped``, with a restricted as well; ``averaged``, the energy-weighted mean of radial_both
    and radial_flipped; ``gate_rate``, the share of neurons whose gate changes. Sums over inputs before ratios.
    """
    m, n, dtype = point["m"], point["n"], dtype_of(point)
    weight = gaussian_matrix(streams.torch("weights"), m, n, dtype=dtype)
    x = sphere(streams.torch("inputs"), point["pairs"], n, dtype=dtype)
    h = gemm(x, weight.T)
    records = []
    for quantizer in point["quantizer"]:
        q = gemm(x, quantize(weight, quantizer).T)
        records.append({"quantizer": quantizer} | _quadrants(torch.cat([h, -h]), torch.cat([q, -q])))
    return records


def _quadrants(h: Tensor, q: Tensor) -> dict[str, float]:
    """From pre-activations; a neuron that switches off has da = -a, one that switches on da = relu(q) and a = 0."""
    a, moved = torch.relu(h), torch.relu(q)
    norm, overlap = inner(a, a), inner(a, moved)
    lost, gained = (inner(u, torch.where(v > 0, 0.0, u)) for u, v in ((a, q), (moved, h)))
    total = norm + inner(moved, moved) - 2 * overlap
    energies = {"both": total - lost - gained, "flipped": lost + gained}
    crosses = {"both": overlap - norm + lost, "flipped": -lost}
    kept = {"both": norm - lost, "flipped": lost}
    record = {
        f"share_{name}": float(part.sum() / total.sum())
        for name, part in (("both", energies["both"]), ("off", lost), ("on", gained))
    }
    averaged = 0.0
    for name, part in energies.items():
        radial, own = (float((crosses[name].square() / against).sum()) for against in (norm, kept[name]))
        record |= {f"radial_{name}": radial / float(part.sum()), f"own_{name}": own / float(part.sum())}
        averaged += radial / float(total.sum())
    return record | {
        "amplitude_flipped": float(crosses["flipped"].sum() / (overlap - norm).sum()),
        "averaged": averaged,
        "gate_rate": float(((h > 0) != (q > 0)).double().mean()),
    }


def alignment(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """How far the output of a quantized linear layer turns: Theorem 4, for a weight law and a kind of input.

    Base point: n, aspect (m/n), law, input ("sphere" or "basis"), inputs (how many; "basis" takes the first unit
    vectors), dtype.
    Sweep: quantizer. Quantities, means over inputs unless said otherwise, with the controls |Wx|^2, Wx.Q(W)x and
    |Q(W)x|^2 for inputs on the sphere: ``cosine2`` between Wx and Q(W)x, ``chord`` and ``chord2``, distance of the
    RMS-normalised outputs over sqrt(d) and its square, ``angle`` between them in radians; without controls ``spread``,
    m times the variance of cosine2 over inputs, and ``deviation``, its standard deviation; ``rows``, the mean over rows
    of cos^2 between weights and quantized weights.
    """
    n, count, dtype = point["n"], point["inputs"], dtype_of(point)
    m = round(point["aspect"] * n)
    weight = draw_weights(point["law"], m * n, streams.torch("weights")).reshape(m, n).to(dtype)
    if point["input"] not in ("sphere", "basis"):
        raise ValueError(f"input: sphere or basis, got {point['input']!r}")
    basis = point["input"] == "basis"
    x = torch.eye(n, dtype=dtype)[:count] if basis else sphere(streams.torch("inputs"), count, n, dtype=dtype)
    z, records = gemm(x, weight.T), []
    for quantizer in point["quantizer"]:
        matrix = quantize(weight, quantizer)
        q = gemm(x, matrix.T)
        cross, norms = inner(z, q), (inner(z, z), inner(q, q))
        cosine = (cross / (norms[0] * norms[1]).sqrt()).clamp(-1, 1)
        cosine2 = cosine.square()
        rows = inner(weight, matrix).square() / (inner(weight, weight) * inner(matrix, matrix))
        values = torch.stack([cosine2, (2 - 2 * cosine).sqrt(), 2 - 2 * cosine, torch.arccos(cosine)], dim=-1)
        if basis:
            means = values.mean(0)
        else:
            exact = torch.tensor([energy(weight), product(weight, matrix), energy(matrix)], dtype=torch.float64) / n
            means = controlled_mean(values, torch.stack([norms[0], cross, norms[1]], dim=-1), exact)
        records.append(
            {
                "quantizer": quantizer,
                "spread": m * float(cosine2.var()),
                "deviation": float(cosine2.std()),
                **dict(zip(("cosine2", "chord", "chord2", "angle"), means.tolist(), strict=True)),
                "rows": float(rows.mean()),
            }
        )
    return records
