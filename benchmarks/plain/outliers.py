"""Appendices E and F the straightforward way: whole rows of weights are drawn, and every sum over columns is taken.

The experiments draw the few normals that a pre-activation is the sum of; here it is made from its n weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks.plain.common import count_of, input_batches, only, split_energy
from claims.streams import Streams

Record = dict[str, Any]
_ENTRIES = 1 << 22


def _row_batches(total: int, n: int, generator: torch.Generator) -> Iterator[Tensor]:
    """``total`` rows of n standard normals, in batches of about four million entries."""
    left = total
    while left > 0:
        rows = torch.randn(min(left, max(1, _ENTRIES // n)), n, generator=generator)
        yield rows
        left -= len(rows)


def _energy(z: Tensor, moved: Tensor) -> Tensor:
    return (torch.relu(moved) - torch.relu(z)).double().square()


def single_flip(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Appendix E: a layer of ``neurons`` rows at an input of amplitude alpha in one column, that column flipped."""
    n, alpha = point["n"], only(point["alpha"])
    rest = math.sqrt((1 - alpha * alpha) / (n - 1))
    sums: dict[str, float] = {}
    for w in _row_batches(point["neurons"], n, streams.torch("weights")):
        own, total = w[:, 0], w.sum(1)
        z = alpha * own + rest * (total - own)
        moved, equal = z - 2 * alpha * own, total / math.sqrt(n)
        product, switched = (z * moved).double(), (z > 0) != (moved > 0)
        values = {
            "energy": _energy(z, moved),
            "gate_energy": _energy(z, moved) * switched,
            "unit_norm": _energy(z, z - 2 * rest * w[:, 1]),
            "isotropic": _energy(equal, equal - 2 * own / math.sqrt(n)),
            "correlation": product,
            "fourth": product.square(),
            "gate_rate": switched,
            "linear_energy": (moved - z).double().square(),
            "linear_isotropic": (4 / n) * own.double().square(),
        }
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + float(value.double().sum()) / point["neurons"]
    return [{"alpha": alpha} | sums]


def two_groups(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Appendix F: random flips of the outlier columns, or of all others, in a layer of ``neurons`` rows."""
    n, outliers, rate, eta = point["n"], point["outliers"], point["flip_rate"], only(point["eta"])
    own, rest = math.sqrt(eta / outliers), math.sqrt((1 - eta) / (n - outliers))
    masks, sums = streams.torch("flips"), torch.zeros(3, dtype=torch.float64)
    for w in _row_batches(point["neurons"], n, streams.torch("weights")):
        flipped = w * (torch.rand(w.shape, generator=masks) < rate)
        parts = [own * t[:, :outliers].sum(1) for t in (w, flipped)]
        others = [rest * t[:, outliers:].sum(1) for t in (w, flipped)]
        z = parts[0] + others[0]
        first, second = z - 2 * parts[1], z - 2 * others[1]
        sums += torch.stack([_energy(z, first).sum(), _energy(z, second).sum(), (z * first).double().sum()])
    outlying, usual, correlation = (sums / point["neurons"]).tolist()
    return [{"eta": eta, "energy_outliers": outlying, "energy_rest": usual, "correlation": correlation}]


def first_order(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """As the flip rate vanishes: one random column is flipped in every row, or the outlier's column in all of them.

    A flip in one row is radial to the extent that the row's own activation is, (a_i da_i)^2/|a|^2. Random columns count
    n times.
    """
    n, rows, alpha = point["n"], point["rows"], only(point["alpha"])
    weight = torch.randn(rows, n, generator=streams.torch("weights"), dtype=torch.float64)
    generator, inputs = streams.torch("inputs"), point["inputs"]
    size = torch.full((n,), math.sqrt((1 - alpha * alpha) / (n - 1)), dtype=torch.float64)
    size[0] = alpha
    x = size[:, None] * (2.0 * torch.randint(0, 2, (n, inputs), generator=generator).double() - 1)
    z = weight @ x
    chosen = torch.randint(0, n, (rows, inputs), generator=generator)
    columns = torch.arange(inputs)
    flipped = _one_flip(z, weight.gather(1, chosen) * x[chosen, columns])
    column = _one_flip(z, weight[:, :1] * x[:1])
    scale, column_scale = 4 * float(weight.square().mean()), 4 * float(weight[:, 0].square().mean())
    total, radial = _step(z, weight.sign() @ x)
    column_total, column_radial = _step(z, weight[:, :1].sign() * x[:1])
    return [
        {
            "alpha": alpha,
            "sign": n * flipped,
            "magnitude": scale * (total - radial),
            "column_sign": column,
            "column_magnitude": column_scale * (column_total - column_radial),
            "column_total": column_scale * column_total,
            "column_radial": column_scale * column_radial,
        }
    ]


def _one_flip(z: Tensor, terms: Tensor) -> float:
    """Mean over rows and inputs of the transverse energy of z -> z - 2 terms in one row."""
    a = torch.relu(z)
    change = torch.relu(z - 2 * terms) - a
    share = a.square() / a.square().sum(0)
    return float((change.square() * (1 - share)).mean())


def _step(z: Tensor, step: Tensor) -> tuple[float, float]:
    """Total and radial energy per row of da = 1{z > 0} step."""
    a = torch.relu(z)
    active = step * (z > 0)
    radial = (a * active).sum(0).square() / a.square().sum(0)
    return float(active.square().mean()), float(radial.mean()) / len(z)


def wide_background(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The limit of many columns by many columns: 2048 of them, at the point's flip rate."""
    n, rate, alpha = 2048, point["flip_rate"], only(point["alpha"])
    rest, masks = math.sqrt((1 - alpha * alpha) / (n - 1)), streams.torch("flips")
    sums = torch.zeros(5, dtype=torch.float64)
    for w in _row_batches(point["neurons"], n, streams.torch("weights")):
        x = torch.full((n,), rest)
        x[0] = alpha
        z = w @ x
        flipped = z - 2 * (w * (torch.rand(w.shape, generator=masks) < rate)) @ x
        stepped = z + 2 * math.sqrt(rate) * (w.sign() @ x)
        a = torch.relu(z)
        da = [torch.relu(moved) - a for moved in (flipped, stepped)]
        columns = [a * a, da[0] ** 2, a * da[0], da[1] ** 2, a * da[1]]
        sums += torch.stack([column.double().sum() for column in columns]) / point["neurons"]
    clean, *arms = sums.tolist()
    sign, magnitude = (energy - cross**2 / clean for energy, cross in (arms[:2], arms[2:]))
    return [{"alpha": alpha, "transverse_sign": sign, "transverse_magnitude": magnitude}]


def flipped_share(point: Mapping[str, Any], streams: Streams) -> Record:
    """Energy of flips at fan-in n: a row of weights, a mask and an input for each of 10,000 draws."""
    n, rate, count = point["n"], point["flip_rate"], count_of(point)
    rows, directions = streams.torch("weights"), streams.torch("inputs")
    masks, energy, left = streams.torch("flips"), 0.0, count
    for w in _row_batches(left, n, rows):
        x = torch.randn(w.shape, generator=directions)
        terms = w * x / x.norm(dim=1, keepdim=True)
        z = terms.sum(1)
        moved = z - 2 * (terms * (torch.rand(w.shape, generator=masks) < rate)).sum(1)
        energy += float(_energy(z, moved).sum()) / count
    return {"energy": energy}


def outlier_input(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Lemma A.1's radial fraction for inputs of which one coordinate carries the share alpha^2 of the energy."""
    n, m, alpha = point["n"], point["m"], only(point["alpha"])
    weight = torch.randn(m, n, generator=streams.torch("weights"), dtype=torch.float64) / math.sqrt(n)
    size, sums = 2 * math.sqrt(point["flip_rate"] / n), torch.zeros(2, dtype=torch.float64)
    for rest in input_batches(dict(point) | {"dtype": "float64"}, streams, n - 1):
        x = torch.cat([torch.full((len(rest), 1), alpha, dtype=torch.float64), math.sqrt(1 - alpha**2) * rest], dim=1)
        h = x @ weight.T
        a = torch.relu(h)
        total, radial, _ = split_energy(a, torch.relu(h + size * (x @ weight.sign().T)) - a)
        sums += torch.stack([radial.sum(), total.sum()]) / (count_of(point) * size**2 * m)
    return [{"alpha": alpha, "radial": float(sums[0]), "total": float(sums[1])}]
