"""The paper's two-layer block y = W2 phi(W1 x), with W1 perturbed, as experiments.

Both perturbations of one seed share W1, the flips and the inputs; the magnitude step has the realised norm of the
flips (A4). Metrics: "pre" is the energy of W2 da transverse to the clean output, as in Theorem 3; "post" the same after
both outputs were normalised, which is the squared sine of the angle between them. Energies are per hidden neuron, in
units in which pre-activations have variance one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels import ReluMoments, gemm, relu_moments, transverse_energy
from claims.kernels.relu import Side
from claims.papers.sign_magnitude.experiments.blocks import (
    Record,
    alignment_excess,
    controlled_mean,
    dtype_of,
    energy,
    flip_change,
    gaussian_matrix,
    inner,
    matched_size,
    product,
    sine_squared_after_projection,
    sphere,
)
from claims.streams import Streams


def two_layer(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Transverse energies of both perturbations, with the second projection integrated out exactly.

    Given a and da, the rows of W2 make (y_i, dy_i) iid bivariate normal. Write dy = beta y + e with e independent of y:
    the part of e transverse to y has d - 1 degrees of freedom, so E_W2 of the transverse energy of W2 da is (d-1)/d
    times d/m times that of da at every d, and the post metric follows from the law of a sample correlation
    (``sine_squared_after_projection``). Here d = m = n.

    Inputs come in pairs x, -x, which costs no product. Controls are |h|^2, h.dh and |dh|^2, even in x, whose means over
    the sphere are |W|^2/n, <W, D>/n and |D|^2/n (norms and inner product of matrices) whatever W and D.

    Half of the spread between seeds is that of |W|_1/|W|_F, which says how far the step lies along W: what <W, D> has
    of it beyond the mean (``alignment_excess``) is taken out too.

    Base point: n, pairs, dtype. Sweep: activation ("relu", "linear"), flip_rate, metric, step (sign of the magnitude
    step). Quantities: transverse_sign and transverse_magnitude, the same with ``plain_`` (no controls), and c, their
    ratio in this seed.
    """
    n, pairs, dtype = point["n"], point["pairs"], dtype_of(point)
    weight = gaussian_matrix(streams.torch("weights"), n, n, dtype=dtype)
    x = sphere(streams.torch("inputs"), pairs, n, dtype=dtype)
    aligner = torch.sign(weight)
    h, aligned = gemm(x, weight.T), gemm(x, aligner.T)
    weight_energy, weight_sum, moved = energy(weight), product(weight, aligner), int(torch.count_nonzero(weight))
    excess = alignment_excess(weight_sum, weight_energy, n * n) / n
    arms, controls, means, beyond = [], [], [], []
    for flip_rate in point["flip_rate"]:
        change = flip_change(weight, flip_rate=flip_rate, key=streams.key("flips"))
        change_energy = energy(change)
        size = matched_size(change_energy, moved)
        moves = [(gemm(x, change.T), -change_energy / 2, 0.0)]  # D is -2 W or 0, so <W, D> = -|D|^2/2
        moves += [(k * size * aligned, k * size * weight_sum, k * size * excess) for k in point["step"]]
        for dh, cross, cross_excess in moves:
            moments = relu_moments(h, dh)
            arms.append(_block_values(point["activation"], moments, n))
            controls.append(torch.stack([moments.linear.clean, moments.linear.cross, moments.linear.total], dim=-1))
            means.append([weight_energy / n, cross / n, change_energy / n])
            beyond.append([0.0, cross_excess, 0.0])
    values, exact = torch.stack(arms), torch.tensor(means, dtype=torch.float64)
    beyond_means = torch.tensor(beyond, dtype=torch.float64)
    estimates = controlled_mean(values, torch.stack(controls), exact, excess=beyond_means)
    shape = (len(point["flip_rate"]), 1 + len(point["step"]), len(point["activation"]), 2)
    return _block_records(point, estimates.reshape(shape), values.mean(1).reshape(shape))


def _block_values(activations: tuple[str, ...], moments: ReluMoments, outputs: int) -> Tensor:
    """Per-pair transverse energies (K, 2 len(activations)): pre and post of each activation, averaged over x and -x."""
    columns = []
    for activation in activations:
        if activation not in ("relu", "linear"):
            raise ValueError(f"activation: relu or linear, got {activation!r}")
        sides = (moments.linear,) if activation == "linear" else (moments.up, moments.down)
        columns.append(torch.stack([_metrics(side, outputs) for side in sides]).mean(0))
    return torch.cat(columns, dim=-1)


def _metrics(side: Side, outputs: int) -> Tensor:
    """(K, 2): transverse energy after the projection in the pre and in the post metric."""
    transverse = side.transverse
    pre = transverse * (1 - 1 / outputs)
    return torch.stack([pre, sine_squared_after_projection(transverse / side.moved, outputs)], dim=-1)


def _block_records(point: Mapping[str, Any], estimates: Tensor, plain: Tensor) -> list[Record]:
    """One record a cell from arrays of shape (flip rates, arms, activations, metrics); arm 0 is the flips."""
    records = []
    for i, flip_rate in enumerate(point["flip_rate"]):
        for j, step in enumerate(point["step"]):
            for k, activation in enumerate(point["activation"]):
                for metric in point["metric"]:
                    at = (k, 0 if metric == "pre" else 1)
                    sign, magnitude = estimates[i, 0][at].item(), estimates[i, 1 + j][at].item()
                    records.append(
                        {
                            "flip_rate": flip_rate,
                            "step": step,
                            "activation": activation,
                            "metric": metric,
                            "transverse_sign": sign,
                            "transverse_magnitude": magnitude,
                            "plain_transverse_sign": plain[i, 0][at].item(),
                            "plain_transverse_magnitude": plain[i, 1 + j][at].item(),
                            "c": sign / magnitude,
                        }
                    )
    return records


def four_way(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The same comparison with a second projection that is really drawn, and without one, in both metrics.

    All four cells share W1, flips, inputs x and -x, and the projection, so that their differences show what the
    projection does and what the metric does.

    Base point: n (= m), outputs (d), pairs, flip_rate, step, dtype. Sweep: projection ("none", "gaussian"), metric.
    Quantities: c of this seed; with the same projection and in either metric's record ``metric_factor`` = c_post/c_pre,
    ``norm_growth`` = mean square of the magnitude arm's output over the clean one's, ``radial_sign`` and
    ``radial_magnitude``, the radial over the total energy of dy, each summed over the inputs.
    """
    n, dtype = point["n"], dtype_of(point)
    weight = gaussian_matrix(streams.torch("weights"), n, n, dtype=dtype)
    x = sphere(streams.torch("inputs"), point["pairs"], n, dtype=dtype)
    x = torch.cat([x, -x])
    change = flip_change(weight, flip_rate=point["flip_rate"], key=streams.key("flips"))
    step = point["step"] * matched_size(energy(change), int(torch.count_nonzero(weight))) * torch.sign(weight)
    hidden = [torch.relu(x @ (weight + move).T) for move in (0, change, step)]
    projection = gaussian_matrix(streams.torch("projection"), point["outputs"], n, dtype=dtype)
    layers = {"none": hidden, "gaussian": [a @ projection.T for a in hidden]}
    records = []
    for name in point["projection"]:
        clean, flipped, stepped = layers[name]
        sign, magnitude = _output_energies(clean, flipped), _output_energies(clean, stepped)
        c = {metric: sign[metric] / magnitude[metric] for metric in ("pre", "post")}
        shared = {
            "metric_factor": c["post"] / c["pre"],
            "norm_growth": magnitude["norm"] / float(inner(clean, clean).sum()),
            "radial_sign": sign["radial"] / sign["total"],
            "radial_magnitude": magnitude["radial"] / magnitude["total"],
        }
        records += [{"projection": name, "metric": metric, "c": c[metric]} | shared for metric in point["metric"]]
    return records


def _output_energies(clean: Tensor, perturbed: Tensor) -> dict[str, float]:
    """Sums over inputs: total, radial and transverse ("pre") energy, squared sine ("post"), perturbed mean square."""
    total, radial, transverse = transverse_energy(clean, perturbed - clean)
    norm = inner(perturbed, perturbed)
    parts = {"total": total, "radial": radial, "pre": transverse, "post": transverse / norm, "norm": norm}
    return {name: float(part.sum()) for name, part in parts.items()}
