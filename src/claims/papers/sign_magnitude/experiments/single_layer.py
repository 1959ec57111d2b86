"""Perturbed linear layers (paper, section 5) as experiments.

The same flips are compared with four perturbations of equal Frobenius norm: ``additive`` (the section's independent
noise, sign(W) times iid normals), ``absolute`` (the same noise made sign-preserving by absolute values) and
``constant`` (the sign-preserving step of A4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels import transverse_energy
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


def perturbed_layer(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Energy of D x, and how much of it lies along W x, for x uniform on the sphere.

    Base point: n inputs, m outputs, inputs (samples), dtype. Sweep: flip_rate, arm ("sign", "additive", "absolute",
    "constant"). Quantities: ``energy_plain`` (mean of |D x|^2 over the inputs, no controls) and ``energy_exact`` =
    |D|_F^2/n; with controls ``transverse``, ``radial`` (both divided by energy_exact) and ``fraction``, the mean over
    inputs of the radial share.
    """
    n, m, dtype = point["n"], point["m"], dtype_of(point)
    weight = gaussian_matrix(streams.torch("weights"), m, n, dtype=dtype)
    x = sphere(streams.torch("inputs"), point["inputs"], n, dtype=dtype)
    noise = torch.randn(m, n, generator=streams.torch("noise"), dtype=dtype)
    h = x @ weight.T
    records = []
    for flip_rate in point["flip_rate"]:
        flips = flip_change(weight, flip_rate=flip_rate, key=streams.key("flips"))
        for arm in point["arm"]:
            change = flips if arm == "sign" else _equal_norm(arm, weight, noise, energy(flips))
            records.append({"flip_rate": flip_rate, "arm": arm} | _along_and_across(weight, change, h, x @ change.T))
    return records


def _equal_norm(arm: str, weight: Tensor, noise: Tensor, change_energy: float) -> Tensor:
    """The arm's change of the weight, with the given squared Frobenius norm."""
    if arm == "constant":
        return matched_size(change_energy, int(torch.count_nonzero(weight))) * torch.sign(weight)
    if arm not in ("additive", "absolute"):
        raise ValueError(f"arm: sign, constant, additive or absolute, got {arm!r}")
    step = torch.sign(weight) * (noise if arm == "additive" else noise.abs())
    return step * math.sqrt(change_energy / energy(step))


def _along_and_across(weight: Tensor, change: Tensor, h: Tensor, dh: Tensor) -> dict[str, float]:
    """Quantities of one arm, the direction-dependent ones with controls |h|^2, h.dh, |dh|^2."""
    n = weight.shape[1]
    exact = energy(change) / n
    total, radial, transverse = transverse_energy(h, dh)
    controls = torch.stack([inner(h, h), inner(h, dh), total], dim=-1)
    means = torch.tensor([energy(weight) / n, product(weight, change) / n, exact])
    values = torch.stack([transverse / exact, radial / exact, radial / total], dim=-1)
    across, along, fraction = controlled_mean(values, controls, means.double()).tolist()
    return {
        "energy_plain": float(total.mean()),
        "energy_exact": exact,
        "transverse": across,
        "radial": along,
        "fraction": fraction,
    }


def basis_average(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Proposition 1 for one fixed matrix, without sampling error.

    Orthonormal bases are spherical 2-designs: averaged over the n columns of an orthogonal Q, |D q|^2 has exactly its
    mean over the sphere. D is far from iid (decaying singular values, m != n), since the proposition asks for nothing.

    Base point: n, m. Quantities: ``average`` over the basis, ``frobenius`` = |D|_F^2/n, ``planted`` = |D|_F^2/m, and
    ``rounding``, 8 (n + m) machine epsilons of |D|_F^2/n: QR leaves Q orthogonal to within n epsilons, and each of the
    products and sums adds at most the length of its sum.
    """
    n, m = point["n"], point["m"]
    generator = streams.torch("matrix")
    change = torch.randn(m, n, generator=generator, dtype=torch.float64) / torch.arange(1, n + 1)
    basis = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=torch.float64)).Q
    frobenius = energy(change) / n
    return {
        "average": energy(change @ basis) / n,
        "frobenius": frobenius,
        "planted": energy(change) / m,
        "rounding": 8 * (n + m) * torch.finfo(torch.float64).eps * frobenius,
    }
