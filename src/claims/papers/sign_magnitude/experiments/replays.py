"""The authors' own random streams, as their public scripts draw them: published figures recomputed, not only matched.

Everything is drawn in float32 by torch CPU generators seeded with ``manual_seed``, inputs in batches of 2000. The seed
index picks one of the twenty published seeds; the harness's own streams are not used. Nor are the kernels, so that a
replay, which takes minutes, is not measured again when one of them is edited.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from claims.streams import Streams

Record = dict[str, Any]

#: Seeds of the synthetic experiments, in the scripts' order.
PUBLISHED_SEEDS = (
    42, 123, 456, 789, 1000, 1234, 2000, 2345, 3000, 3456,
    4000, 4567, 5000, 5678, 6000, 6789, 7000, 7890, 8000, 9000,
)  # fmt: skip
_INPUTS = 10_000
_BATCH = 2_000


def seeded(seed: int) -> torch.Generator:
    """A CPU generator at a seed, as the scripts make theirs."""
    return torch.Generator().manual_seed(seed)


def input_batches(seed: int, n: int, *, offset: int = 0) -> Iterator[Tensor]:
    """The 10,000 unit inputs of a seed, in batches; each batch has a generator of its own."""
    for start in range(0, _INPUTS, _BATCH):
        x = torch.randn(_BATCH, n, generator=seeded(seed * 100_000 + start + offset))
        yield x / x.norm(dim=1, keepdim=True)


def weight_matrix(generator: torch.Generator, rows: int, columns: int) -> Tensor:
    """(rows, columns) weights of variance 1/columns, the generator's next draws."""
    return torch.randn(rows, columns, generator=generator) / math.sqrt(columns)


def sign_flips(weight: Tensor, flip_rate: float, seed: int) -> Tensor:
    """Change by sign flips with the scripts' mask: one uniform number an entry, flipped below the rate."""
    return -2 * weight * (torch.rand(weight.shape, generator=seeded(seed)) < flip_rate)


def norm_ratio(direction: Tensor, flips: Tensor) -> float:
    """Factor that gives a direction the flips' Frobenius norm."""
    return float(flips.norm() / direction.norm())


def split_energy(y: Tensor, dy: Tensor) -> Tensor:
    """(3, K) float64: total, radial and transverse energy of each sample, as the scripts form them in float32."""
    unit = y / y.norm(dim=1, keepdim=True)
    total, radial = (dy * dy).sum(1), (unit * dy).sum(1) ** 2
    return torch.stack([total, radial, total - radial]).double()


def two_layer_block(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The two-layer architecture "V1" behind Table 2 and Appendix D.4.

    W1 and then W2 come from one generator at seed + 99999, the mask from one at the seed. The clean pass and the
    product with sign(W1) serve all flip rates.

    Base point: n (= m = d). Sweep: flip_rate. Quantities: ``c_pre`` (transverse energies of W2 da, summed over inputs,
    one ratio) and ``c_post`` (the same for normalised outputs), ``radial_sign`` and ``radial_magnitude`` (summed radial
    over summed total energy).
    """
    n, seed = point["n"], PUBLISHED_SEEDS[streams.seed_index]
    generator = seeded(seed + 99_999)
    w1, w2 = weight_matrix(generator, n, n), weight_matrix(generator, n, n)
    sums = torch.zeros(len(point["flip_rate"]), 2, 4, dtype=torch.float64)
    flips = [sign_flips(w1, flip_rate, seed) for flip_rate in point["flip_rate"]]
    sizes = [norm_ratio(w1.sign(), change) for change in flips]
    for x in input_batches(seed, n):
        h, aligned = x @ w1.T, x @ w1.sign().T
        a = torch.relu(h)
        y = a @ w2.T
        for i, (change, size) in enumerate(zip(flips, sizes, strict=True)):
            for arm, dh in enumerate((x @ change.T, size * aligned)):
                dy = (torch.relu(h + dh) - a) @ w2.T
                split = split_energy(y, dy)
                sums[i, arm, :3] += split.sum(1)
                sums[i, arm, 3] += (split[2] / (y + dy).double().square().sum(1)).sum()
    return [
        {
            "flip_rate": flip_rate,
            "c_pre": (sign[2] / magnitude[2]).item(),
            "c_post": (sign[3] / magnitude[3]).item(),
            "radial_sign": (sign[1] / sign[0]).item(),
            "radial_magnitude": (magnitude[1] / magnitude[0]).item(),
        }
        for flip_rate, (sign, magnitude) in zip(point["flip_rate"], sums, strict=True)
    ]


def one_layer_block(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The single-layer ablation "V0" of Table 7: relu(W x), both outputs normalised before they are compared.

    Base point: n (= m). Sweep: flip_rate. Quantities: ``c_post``, as the script computes it, and ``c_pre``, which is
    Theorem 3's ratio on the same draws.
    """
    n, seed = point["n"], PUBLISHED_SEEDS[streams.seed_index]
    weight = weight_matrix(seeded(seed + 99_999), n, n)
    flips = [sign_flips(weight, flip_rate, seed) for flip_rate in point["flip_rate"]]
    sizes = [norm_ratio(weight.sign(), change) for change in flips]
    sums = torch.zeros(len(flips), 2, 2, dtype=torch.float64)
    for x in input_batches(seed, n):
        h, aligned = x @ weight.T, x @ weight.sign().T
        a = torch.relu(h)
        unit = a / a.norm(dim=1, keepdim=True)
        for i, (change, size) in enumerate(zip(flips, sizes, strict=True)):
            for arm, dh in enumerate((x @ change.T, size * aligned)):
                moved = torch.relu(h + dh)
                normalised = moved / moved.norm(dim=1, keepdim=True)
                sums[i, arm, 0] += split_energy(unit, normalised - unit)[2].sum()
                sums[i, arm, 1] += split_energy(a, moved - a)[2].sum()
    return [
        {"flip_rate": flip_rate, "c_post": (sign[0] / magnitude[0]).item(), "c_pre": (sign[1] / magnitude[1]).item()}
        for flip_rate, (sign, magnitude) in zip(point["flip_rate"], sums, strict=True)
    ]


def linear_layer(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Proposition 1's experiment (Table 11): one linear layer, sign flips against additive noise of equal norm.

    W comes from seed + 99999, the mask from the seed, the noise's normals from seed + 5000.

    Base point: n, m, flip_rate. Quantities: ``radial_sign`` and ``radial_magnitude`` (means over inputs of the radial
    share), ``pooled_sign`` and ``pooled_magnitude`` (summed radial over summed total), ``energy_ratio`` (sign over
    magnitude).
    """
    n, m, seed = point["n"], point["m"], PUBLISHED_SEEDS[streams.seed_index]
    weight = weight_matrix(seeded(seed + 99_999), m, n)
    flips = sign_flips(weight, point["flip_rate"], seed)
    noise = weight.sign() * torch.randn(m, n, generator=seeded(seed + 5_000))
    sums = torch.zeros(2, 3, dtype=torch.float64)
    for x in input_batches(seed, n):
        y = x @ weight.T
        for arm, change in enumerate((flips, noise * norm_ratio(noise, flips))):
            total, radial, _ = split_energy(y, x @ change.T)
            sums[arm] += torch.stack([total.sum(), radial.sum(), (radial / total).sum()])
    (sign, sign_radial, sign_share), (magnitude, magnitude_radial, magnitude_share) = sums.tolist()
    return {
        "radial_sign": sign_share / _INPUTS,
        "radial_magnitude": magnitude_share / _INPUTS,
        "pooled_sign": sign_radial / sign,
        "pooled_magnitude": magnitude_radial / magnitude,
        "energy_ratio": sign / magnitude,
    }


def hidden_and_output(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Radial fractions before and after the second projection, as the two-layer part of Proposition 1's script does.

    W1 and then W2 come from one generator at the seed itself, the mask from seed + 10000, and the inputs' generators
    are offset by 50000.

    Base point: n, m, d, flip_rate. Quantities: ``hidden_`` and ``output_`` ``sign`` and ``magnitude``, means over
    inputs of the radial share.
    """
    seed = PUBLISHED_SEEDS[streams.seed_index]
    generator = seeded(seed)
    w1, w2 = weight_matrix(generator, point["m"], point["n"]), weight_matrix(generator, point["d"], point["m"])
    flips = sign_flips(w1, point["flip_rate"], seed + 10_000)
    step = w1.sign() * norm_ratio(w1.sign(), flips)
    sums = {f"{layer}_{arm}": 0.0 for layer in ("hidden", "output") for arm in ("sign", "magnitude")}
    for x in input_batches(seed, point["n"], offset=50_000):
        h = x @ w1.T
        a = torch.relu(h)
        y = a @ w2.T
        for arm, change in (("sign", flips), ("magnitude", step)):
            da = torch.relu(h + x @ change.T) - a
            for layer, clean, moved in (("hidden", a, da), ("output", y, da @ w2.T)):
                total, radial, _ = split_energy(clean, moved)
                sums[f"{layer}_{arm}"] += float((radial / total).sum())
    return {name: value / _INPUTS for name, value in sums.items()}
