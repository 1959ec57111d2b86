"""Small experiments that isolate one step of the proof of Theorem 3 (Appendix A)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from claims.kernels import flip_mask, transverse_energy
from claims.papers.sign_magnitude.experiments.blocks import (
    Record,
    controlled_mean,
    flip_change,
    gaussian_matrix,
    sphere,
)
from claims.streams import Streams


def projection(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Two fixed hidden vectors seen through many Gaussian projections (steps A1 and B2).

    a and da lie in R^m with |a| = |da| = 1 and squared cosine ``rho2``; W2 has d rows of N(0, 1/m).

    Base point: m, d, rho2, draws. Quantities, means over the draws: ``energy`` = |W2 da|^2, ``transverse`` = its part
    transverse to W2 a, ``cosine2`` = squared cosine after the projection.
    """
    m, d, draws, rho2 = point["m"], point["d"], point["draws"], point["rho2"]
    a, perpendicular = torch.zeros(2, m, dtype=torch.float64)
    a[: m // 2] = math.sqrt(2 / m)
    perpendicular[m // 2 :] = math.sqrt(1 / (m - m // 2))
    a /= torch.linalg.vector_norm(a)
    da = math.sqrt(rho2) * a + math.sqrt(1 - rho2) * perpendicular
    w2 = gaussian_matrix(streams.torch("projection"), draws * d, m, dtype=torch.float64)
    y, dy = (w2 @ torch.stack([a, da], dim=-1)).reshape(draws, d, 2).unbind(-1)
    total, radial, transverse = transverse_energy(y, dy)
    return {
        "energy": float(total.mean()),
        "transverse": float(transverse.mean()),
        "cosine2": float((radial / total).mean()),
    }


def pre_activations(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Moments of clean and flipped pre-activations z, z' over fresh rows of W1 (step A3), one input per seed.

    Base point: n, rows, flip_rate. Quantities, in units of var z: ``second`` = mean z^2, ``flipped_second`` = mean
    z'^2, ``product`` = mean z z', ``fourth`` = mean (z' - z)^4.
    """
    n, rows, flip_rate = point["n"], point["rows"], point["flip_rate"]
    weight = gaussian_matrix(streams.torch("weights"), rows, n)
    x = sphere(streams.torch("inputs"), 1, n)
    z = (weight @ x.T).double() * math.sqrt(n)
    mask = flip_mask(weight.shape, flip_rate=flip_rate, key=streams.key("flips"))
    change = -2 * ((weight * mask) @ x.T).double() * math.sqrt(n)
    return {
        "second": float(z.square().mean()),
        "flipped_second": float((z + change).square().mean()),
        "product": float((z * (z + change)).mean()),
        "fourth": float(change.pow(4).mean()),
    }


def flipped_share(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Energy of sign flips at fan-in n, from the exact law of the flipped share Q of an input's energy.

    Given the mask, (z, z') is bivariate normal with correlation 1 - 2 Q at every n, so that the hidden energy is E S(Q)
    with S(q) = 2 q - (sin t - t cos t)/pi, cos t = 1 - 2 q. K ~ Binomial(n, p) flips take a share Q ~ Beta(K/2,
    (n - K)/2) of an x uniform on the sphere. The control Q has the exact mean p.

    Base point: n, draws, flip_rate. Quantity: ``energy``.
    """
    n, draws, flip_rate = point["n"], point["draws"], point["flip_rate"]
    generator = streams.numpy("shares")
    flips = generator.binomial(n, flip_rate, size=draws)
    ours, others = generator.chisquare(np.maximum(flips, 1)), generator.chisquare(n - flips)
    share = np.where(flips > 0, ours / (ours + others), 0.0)
    angle = 2 * np.arcsin(np.sqrt(share))
    hidden = 2 * share - (np.sin(angle) - angle * np.cos(angle)) / math.pi
    values, controls = (torch.from_numpy(column)[:, None] for column in (hidden, share))
    return {"energy": controlled_mean(values, controls, torch.tensor([flip_rate], dtype=torch.float64)).item()}


def outlier_input(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Radial fraction of a small magnitude step when one input coordinate carries the share alpha^2 of the energy.

    Lemma A.1 assumes delocalised inputs (A2); here x = alpha e_1 + sqrt(1 - alpha^2) v, v uniform on the sphere of the
    other coordinates. Inputs come as x, -x. No flips are drawn: the step has size 2 sqrt(p/n), p = ``flip_rate``.

    Base point: n, m, pairs, flip_rate. Sweep: alpha. Quantities per unit of activation and step energy: ``radial`` =
    mean of (a.da)^2/|a|^2 and ``total`` = mean of |da|^2.
    """
    n, m = point["n"], point["m"]
    weight = gaussian_matrix(streams.torch("weights"), m, n, dtype=torch.float64)
    rest = sphere(streams.torch("inputs"), point["pairs"], n - 1, dtype=torch.float64)
    size = 2 * math.sqrt(point["flip_rate"] / n)
    records = []
    for alpha in point["alpha"]:
        spike = torch.full((len(rest), 1), alpha, dtype=torch.float64)
        x = torch.cat([spike, math.sqrt(1 - alpha**2) * rest], dim=1)
        x = torch.cat([x, -x])
        h, dh = x @ weight.T, size * (x @ torch.sign(weight).T)
        a = torch.relu(h)
        total, radial, _ = transverse_energy(a, torch.relu(h + dh) - a)
        unit = size**2 * m
        records.append({"alpha": alpha, "radial": float(radial.mean()) / unit, "total": float(total.mean()) / unit})
    return records


def flip_norm(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Mean and spread of |D|_F^2 over independent draws of weights and flips.

    Base point: n (= m), flip_rate, draws. Quantities: ``mean`` over the draws and ``variance`` (unbiased) among them.
    """
    n, draws = point["n"], point["draws"]
    weights = gaussian_matrix(streams.torch("weights"), draws * n, n).to(streams.device)
    change = flip_change(weights, flip_rate=point["flip_rate"], key=streams.key("flips"))
    norms = change.reshape(draws, -1).square().sum(-1, dtype=torch.float64)
    return {"mean": float(norms.mean()), "variance": float(norms.var())}
