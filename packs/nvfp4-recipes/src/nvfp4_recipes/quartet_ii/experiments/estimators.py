"""The paper's NVFP4 estimators, as its published code has them: to nearest, stochastic, and MS-EDEN.

A tensor's scale puts its largest magnitude on ``top`` times the largest block scale, where ``top`` is 6 * 16/17 for
stochastic rounding, so that a scale that E4M3 rounds down by a seventeenth still reaches it, and 1/.93 of that to
nearest. MS-EDEN rounds a rotated vector of 128 to nearest, then multiplies its block scales by the factor that restores
its length along itself, and rounds those stochastically.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels import (
    dequantize,
    e2m1_decode,
    e2m1_encode,
    e4m3_decode,
    e4m3_encode,
    hadamard_transform,
    nvfp4_quantize,
)
from claims.streams import Streams
from nvfp4_recipes.numerics.blocks import nearest, rotated
from nvfp4_recipes.numerics.drawn import Record, energy

BLOCK, ROTATION = 16, 128
#: Largest magnitude of a block in units of its scale, before that is rounded.
STOCHASTIC_TOP = 6 * 16 / 17
NEAREST_TOP = STOCHASTIC_TOP / 0.93


def block_scales(x: Tensor, top: float, largest: float) -> tuple[Tensor, Tensor]:
    """E4M3 scales of blocks of 16, (blocks, 1), and the tensor scale that they are multiplied by; float64."""
    blocks = x.double().reshape(-1, BLOCK)
    unit = blocks.abs().max() / (top * largest)
    wanted = blocks.abs().amax(1, keepdim=True) / (top * unit)
    return e4m3_decode(e4m3_encode(wanted), dtype=torch.float64), unit


def stochastic_e4m3(x: Tensor, generator: torch.Generator) -> Tensor:
    """Positive numbers below 448 at one of their two neighbours, the nearer the likelier; float64."""
    codes = e4m3_encode(x)
    near = e4m3_decode(codes, dtype=torch.float64)
    lower = e4m3_decode(torch.where(near > x, codes - 1, codes), dtype=torch.float64)
    upper = e4m3_decode(torch.where(near > x, codes, codes + 1), dtype=torch.float64)
    chance = (x - lower) / (upper - lower)
    coins = torch.rand(x.shape, generator=generator, dtype=torch.float64)
    return torch.where(coins < chance, upper, lower)


def to_nearest(x: Tensor) -> Tensor:
    """Values rounded to nearest, with the clipping that is best for normal entries."""
    scales, unit = block_scales(x, NEAREST_TOP, 448.0)
    return (nearest(x.double().reshape(-1, BLOCK) / (scales * unit), "e2m1") * scales * unit).reshape(x.shape)


def stochastic(x: Tensor, key: int) -> Tensor:
    """Values rounded stochastically, none of them clipped."""
    scales, unit = block_scales(x, STOCHASTIC_TOP, 448.0)
    codes = e2m1_encode(x.double().reshape(-1, BLOCK) / (scales * unit), rounding="stochastic", key=key)
    values: Tensor = e2m1_decode(codes, dtype=torch.float64) * scales * unit
    return values.reshape(x.shape)


def ms_eden(x: Tensor, generator: torch.Generator, *, weighted: bool) -> Tensor:
    """Values of rotated vectors, 128 entries each, by MS-EDEN.

    ``weighted`` takes the factor <y, y> / <y, Q(y)> of the vector itself; the published code takes it of the vector in
    units of its block scales, in which blocks weigh alike however large they are.
    """
    scales, unit = block_scales(x, NEAREST_TOP, 256.0)
    steps = scales * unit
    scaled = x.double().reshape(-1, BLOCK) / steps
    codes = nearest(scaled, "e2m1")
    weights = steps.square() if weighted else torch.ones_like(steps)
    vectors = ROTATION // BLOCK
    above, below = ((scaled * other * weights).sum(1).reshape(-1, vectors).sum(1) for other in (scaled, codes))
    factors = (above / below).repeat_interleave(vectors)[:, None]
    return (codes * stochastic_e4m3(scales * factors, generator) * unit).reshape(x.shape)


def chosen_by_draws(x: Tensor, key: int) -> Tensor:
    """Stochastic values near 6 or near 4, each block's by whichever turned out nearer to it, as the published code."""
    blocks = x.double().reshape(-1, BLOCK)
    scales, unit = block_scales(x, STOCHASTIC_TOP, 256.0)
    found = []
    for stretch, turn in ((1.0, 0), (1.5, 1)):
        wanted = blocks.abs().amax(1, keepdim=True) / (STOCHASTIC_TOP * unit) * stretch
        steps = (scales if stretch == 1.0 else e4m3_decode(e4m3_encode(wanted), dtype=torch.float64)) * unit
        codes = e2m1_encode(blocks / steps, rounding="stochastic", key=(key + turn) % 2**64)
        values = e2m1_decode(codes, dtype=torch.float64) * steps
        found.append((values, (values - blocks).square().sum(1, keepdim=True)))
    (six, off_six), (four, off_four) = found
    return torch.where(off_six <= off_four, six, four).reshape(x.shape)


def _estimate(x: Tensor, arm: str, key: int) -> Tensor:
    generator = torch.Generator().manual_seed(key >> 1)
    if arm == "nearest":
        return to_nearest(x)
    if arm == "stochastic":
        return stochastic(x, key)
    if arm in ("ms-eden", "ms-eden weighted"):
        return ms_eden(x, generator, weighted=arm.endswith("weighted"))
    if arm == "chosen by draws":
        return chosen_by_draws(x, key)
    choice = {"clipped": None, "chosen to nearest": "squared"}[arm]
    largest = 448 if arm == "clipped" else 256
    options: dict[str, Any] = {"rounding": "stochastic", "key": key, "four_over_six": choice, "largest_scale": largest}
    values: Tensor = dequantize(nvfp4_quantize(x, **options), dtype=torch.float64)
    return values


def distortion(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Normal vectors of 128 entries, each rotated at random, estimated and compared with themselves.

    Base point: vectors. Sweep: arm. Quantities, means over vectors: ``error``, squared and relative; ``misaligned``,
    1 - <x, q> / <x, x>.
    """
    x = torch.randn(point["vectors"], ROTATION, generator=streams.torch("vectors"), dtype=torch.float64)
    y = rotated(x, ROTATION, streams.key("signs"))
    length = y.square().sum(1)
    records = []
    for arm in point["arm"]:
        off = _estimate(y, arm, streams.key(arm)) - y
        error, along = (float((part.sum(1) / length).mean()) for part in (off.square(), off * y))
        records.append({"arm": arm, "error": error, "misaligned": -along})
    return records


def four_over_six(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Normal matrices in NVFP4 to nearest, with and without the choice of two scales, in blocks and in tiles.

    Base point: rows, columns. Sweep: tile, choice ("none" or "squared"). Quantity: ``error``, the mean over rows of the
    squared error relative to the row.
    """
    x = torch.randn(point["rows"], point["columns"], generator=streams.torch("matrix"))
    records = []
    for tile in point["tile"]:
        for choice in point["choice"]:
            options: dict[str, Any] = {"four_over_six": "squared", "largest_scale": 256} if choice == "squared" else {}
            off = dequantize(nvfp4_quantize(x, tile=tile, **options), dtype=torch.float64) - x
            error = float((off.square().sum(1) / x.double().square().sum(1)).mean())
            records.append({"tile": tile, "choice": choice, "error": error})
    return records


def averaged(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Product of two normal matrices from estimates of both, averaged over ever more draws.

    Every draw has its own signs of the rotation, which both operands share, and its own coins; the tensor scale is that
    of all draws together. Base point: rows. Sweep: arm; draws. Quantities: ``error``, squared and relative to the exact
    product; ``log_error``.
    """
    generator = streams.torch("matrices")
    operands = [torch.randn(point["rows"], ROTATION, generator=generator, dtype=torch.float64) for _ in range(2)]
    exact = operands[0] @ operands[1].T
    most = max(point["draws"])
    signs = torch.randint(2, (most, 1, ROTATION), generator=generator).double() * 2 - 1
    turned = [hadamard_transform(x * signs, block=ROTATION) for x in operands]
    records = []
    for arm in point["arm"]:
        left, right = (_estimate(y, arm, streams.key(f"{arm} {side}")) for side, y in enumerate(turned))
        totals = torch.cumsum(left @ right.mT, 0)
        for draws in point["draws"]:
            error = energy(totals[draws - 1] / draws - exact) / energy(exact)
            records.append({"arm": arm, "draws": draws, "error": error, "log_error": math.log(error)})
    return records


def two_coordinates(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The vector e_0 + e_1 / 10 of 128 entries, estimated by MS-EDEN and turned back, averaged over draws.

    Its rotation has two magnitudes, 1.1 and .9 in units of 128^(-1/2). Base point: draws. Quantities, relative to what
    they should be: ``first`` and ``second`` coordinate; ``along``, <x, q> over <x, x>.
    """
    x = torch.zeros(ROTATION, dtype=torch.float64)
    x[0], x[1] = 1.0, 0.1
    generator = streams.torch("signs")
    signs = torch.randint(2, (point["draws"], ROTATION), generator=generator).double() * 2 - 1
    values = ms_eden(hadamard_transform(x * signs, block=ROTATION), streams.torch("coins"), weighted=True)
    mean = (hadamard_transform(values, block=ROTATION) * signs).mean(0)
    along = float((mean * x).sum() / x.square().sum())
    return {"first": float(mean[0] / x[0]), "second": float(mean[1] / x[1]), "along": along}
