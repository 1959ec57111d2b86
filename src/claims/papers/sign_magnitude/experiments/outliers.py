"""Experiments on inputs with outliers: one flipped weight (Appendix E), two groups of columns (F), one outlier column.

Given the input, neurons are iid and a pre-activation is a sum of few independent normals, so these are drawn instead of
matrices. Each draw is used with both signs of the input. Energies are per neuron, pre-activations have variance one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from claims.papers.sign_magnitude.experiments.blocks import Record, controlled_mean
from claims.streams import Streams


def _normals(streams: Streams, name: str, count: int, samples: int) -> Tensor:
    """(count, samples) standard normals in float64."""
    return torch.randn(count, samples, generator=streams.torch(name), dtype=torch.float64)


def _both_signs(function: Any, *arguments: Tensor) -> Tensor:
    """Average of a function over the arguments and their negatives."""
    mirrored: Tensor = (function(*arguments) + function(*(-a for a in arguments))) / 2
    return mirrored


def _relu_change(z: Tensor, moved: Tensor) -> Tensor:
    return torch.relu(moved) - torch.relu(z)


def _energy(z: Tensor, moved: Tensor) -> Tensor:
    return _relu_change(z, moved).square()


def _gate_energy(z: Tensor, moved: Tensor) -> Tensor:
    return _energy(z, moved) * ((z > 0) != (moved > 0))


def single_flip(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """One flipped weight of a neuron: z = alpha g + sqrt(1 - alpha^2) h becomes z' = -alpha g + sqrt(1 - alpha^2) h.

    g is the flipped weight and h the sum of all others, standard normals. Controls are g^2, h^2 and g h.

    Base point: n, neurons (pairs of draws). Sweep: alpha. Quantities: ``correlation`` = mean of z z', ``fourth`` = mean
    of (z z')^2 and ``gate_rate``, all without controls; ``energy`` and its part ``gate_energy``; ``linear_energy`` =
    mean of (z' - z)^2 without controls; the same draws' energies for an entry of amplitude 1/sqrt(n) (``isotropic``)
    and sqrt((1 - alpha^2)/(n - 1)) (``unit_norm``), and ``linear_isotropic``.
    """
    g, h = _normals(streams, "weights", 2, point["neurons"])
    columns: list[Tensor] = []
    plain: list[dict[str, float]] = []

    def pair(amplitude: float) -> tuple[Tensor, Tensor]:
        rest = math.sqrt(1 - amplitude * amplitude) * h
        return rest + amplitude * g, rest - amplitude * g

    baseline = pair(1 / math.sqrt(point["n"]))
    for alpha in point["alpha"]:
        z, moved = pair(alpha)
        others = pair(math.sqrt((1 - alpha * alpha) / (point["n"] - 1)))
        columns += [_both_signs(_energy, z, moved), _both_signs(_gate_energy, z, moved)]
        columns += [_both_signs(_energy, *others)]
        product = z * moved
        plain.append(
            {
                "correlation": float(product.mean()),
                "fourth": float(product.square().mean()),
                "gate_rate": float(((z > 0) != (moved > 0)).double().mean()),
                "linear_energy": float((moved - z).square().mean()),
                "linear_isotropic": float((baseline[1] - baseline[0]).square().mean()),
            }
        )
    columns.append(_both_signs(_energy, *baseline))
    controls = torch.stack([g * g, h * h, g * h], dim=-1)
    means = torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    estimates = controlled_mean(torch.stack(columns, dim=-1), controls, means).tolist()
    names = ("energy", "gate_energy", "unit_norm")
    return [
        {"alpha": alpha, "isotropic": estimates[-1]}
        | dict(zip(names, estimates[3 * i : 3 * i + 3], strict=True))
        | plain[i]
        for i, alpha in enumerate(point["alpha"])
    ]


def two_groups(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Flips in the outlier columns against flips in all others; entries within a group are equal.

    A neuron's flips in a group of N columns are Binomial(N, flip_rate), K of them carry a share K/N of the group's
    energy, and leave of its sum u the part (1 - 2 K/N) u + 2 sqrt(K/N (1 - K/N)) xi.

    Base point: n, outliers (their number of columns), neurons (pairs), flip_rate (1: all of the group). Sweep: eta, the
    outliers' share of the energy. Quantities: ``energy_outliers``, ``energy_rest``, ``correlation`` = mean of z z' for
    flipped outliers.
    """
    samples, n, outliers = point["neurons"], point["n"], point["outliers"]
    u, v, noise, other_noise = _normals(streams, "weights", 4, samples)
    flips = streams.numpy("flips")

    def flipped(total: Tensor, xi: Tensor, columns: int) -> Tensor:
        share = torch.from_numpy(flips.binomial(columns, point["flip_rate"], samples)).double() / columns
        return (1 - 2 * share) * total + 2 * (share * (1 - share)).sqrt() * xi

    u_moved, v_moved = flipped(u, noise, outliers), flipped(v, other_noise, n - outliers)
    records = []
    for eta in point["eta"]:
        own, rest = math.sqrt(eta), math.sqrt(1 - eta)
        z = own * u + rest * v
        moved = own * u_moved + rest * v
        records.append(
            {
                "eta": eta,
                "energy_outliers": float(_both_signs(_energy, z, moved).mean()),
                "energy_rest": float(_both_signs(_energy, z, own * u + rest * v_moved).mean()),
                "correlation": float((z * moved).mean()),
            }
        )
    return records


def first_order(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Both perturbations as p -> 0 for a fixed input of amplitude alpha in one column and equal entries in the others.

    At first order in p a hidden layer has at most one flip: energies of all single flips are added up. The magnitude
    step has the flips' expected norm, 4 p times that of the weights it moves, and moves a neuron by 1{z > 0} u with
    u = sum_j sign(w_j) x_j. Energies are in units of p and transverse to the layer's clean output. ``column`` perturbs
    only the outlier's column.

    Base point: n, rows (hidden neurons), inputs (random signs of the entries; flips are measured on the first input).
    Sweep: alpha. Quantities: ``sign``, ``magnitude``, ``column_sign`` and ``column_magnitude``, transverse energies;
    ``column_radial`` and ``column_total`` of the magnitude step.
    """
    n, rows = point["n"], point["rows"]
    weight = torch.randn(rows, n, generator=streams.torch("weights"), dtype=torch.float64)
    signs = 2.0 * torch.randint(0, 2, (n, point["inputs"]), generator=streams.torch("inputs")).double() - 1
    aligner = torch.sign(weight)
    scale, column_scale = 4 * float(weight.square().mean()), 4 * float(weight[:, 0].square().mean())
    records = []
    for alpha in point["alpha"]:
        size = torch.full((n, 1), math.sqrt((1 - alpha * alpha) / (n - 1)), dtype=torch.float64)
        size[0] = alpha
        x = size * signs
        z, u = weight @ x, aligner @ x
        flips = (_single_flips(z[:, 0], weight * x[:, 0]) + _single_flips(-z[:, 0], -weight * x[:, 0])) / 2
        total, radial = _step_energies(z, u)
        column_total, column_radial = _step_energies(z, aligner[:, :1] * x[:1])
        records.append(
            {
                "alpha": alpha,
                "sign": float(flips.sum()),
                "magnitude": scale * (total - radial),
                "column_sign": float(flips[0]),
                "column_magnitude": column_scale * (column_total - column_radial),
                "column_total": column_scale * column_total,
                "column_radial": column_scale * column_radial,
            }
        )
    return records


def _single_flips(z: Tensor, terms: Tensor) -> Tensor:
    """(n,): transverse energy per row of flipping each of the ``terms`` (rows, n) of z alone; a flip in row i is radial
    to the extent (a_i da_i)^2/|a|^2."""
    a = torch.relu(z)
    change = torch.relu(z[:, None] - 2 * terms) - a[:, None]
    transverse: Tensor = (change.square() * (1 - a.square() / a.square().sum())[:, None]).mean(0)
    return transverse


def _step_energies(z: Tensor, step: Tensor) -> tuple[float, float]:
    """Total and radial energy per row of da = 1{z > 0} step, averaged over inputs (columns) and their negatives."""
    total = radial = 0.0
    for sign in (1, -1):
        a = torch.relu(sign * z)
        active = sign * step * (a > 0)
        total += float(active.square().mean()) / 2
        radial += float(((a * active).sum(0).square() / a.square().sum(0)).mean()) / (2 * len(z))
    return total, radial


def wide_background(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Both perturbations at a finite flip rate for one outlier above infinitely many equal entries.

    z = alpha g + beta h. The other columns' flips turn h into (1 - 2p) h + 2 sqrt(p (1 - p)) xi, the outlier's weight
    is flipped with probability p, which is averaged exactly; the magnitude step adds 2 sqrt(p) (alpha sign(g) + beta v)
    with corr(h, v) = sqrt(2/pi).

    Base point: flip_rate, neurons (pairs). Sweep: alpha. Quantities: transverse_sign, transverse_magnitude.
    """
    rate = point["flip_rate"]
    g, h, xi, other = _normals(streams, "weights", 4, point["neurons"])
    along = math.sqrt(2 / math.pi)
    v = along * h + math.sqrt(1 - along * along) * other
    h_moved = (1 - 2 * rate) * h + 2 * math.sqrt(rate * (1 - rate)) * xi
    records = []
    for alpha in point["alpha"]:
        beta = math.sqrt(1 - alpha * alpha)
        z = alpha * g + beta * h
        clean = float(_both_signs(lambda a: torch.relu(a).square(), z).mean())
        kept = _energy_and_cross(z, alpha * g + beta * h_moved)
        flipped = _energy_and_cross(z, beta * h_moved - alpha * g)
        step = _energy_and_cross(z, z + 2 * math.sqrt(rate) * (alpha * torch.sign(g) + beta * v))
        energy, cross = ((1 - rate) * k + rate * f for k, f in zip(kept, flipped, strict=True))
        records.append(
            {
                "alpha": alpha,
                "transverse_sign": energy - cross**2 / clean,
                "transverse_magnitude": step[0] - step[1] ** 2 / clean,
            }
        )
    return records


def _energy_and_cross(z: Tensor, moved: Tensor) -> tuple[float, float]:
    """Means of da^2 and a da."""
    cross = _both_signs(lambda a, b: torch.relu(a) * _relu_change(a, b), z, moved)
    return float(_both_signs(_energy, z, moved).mean()), float(cross.mean())
