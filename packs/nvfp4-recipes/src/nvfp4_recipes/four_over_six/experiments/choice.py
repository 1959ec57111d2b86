"""The choice itself, block by block: the paper's worked block, ties, room for the scales, and what can be searched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from claims import Statement
from claims.kernels import dequantize, e4m3_decode, nvfp4_quantize
from claims.streams import Streams

#: A largest magnitude of the tensor for which the tensor scale is 1: 6 times the largest scale.
_UNIT = {256: 6.0 * 256, 448: 6.0 * 448}
_BLOCK = 16
#: float32 sums of 16 squares, relative to the energy of the block.
_ALLOWANCE = 1e-6


def _chosen(x: Tensor, largest_scale: int, choice: str | None, amax: float) -> Tensor:
    options: dict[str, Any] = {"largest_scale": largest_scale, "amax": amax, "four_over_six": choice}
    values: Tensor = dequantize(nvfp4_quantize(x, **options), dtype=torch.float64)
    return values


def worked(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The block 10, 20, 30, 40 (and zeros) under a tensor scale of 1.

    Quantities: ``scale``, its E4M3 scale where 40 is put near 6; ``thirty``, what becomes of 30 there; ``plain``, the
    mean squared error of the four; ``chosen``, that with the choice.
    """
    x = torch.zeros(1, _BLOCK)
    x[0, :4] = torch.tensor([10.0, 20.0, 30.0, 40.0])
    q = nvfp4_quantize(x, largest_scale=256, amax=_UNIT[256])
    plain, chosen = (_chosen(x, 256, choice, _UNIT[256]) for choice in (None, "squared"))
    return {
        "scale": float(e4m3_decode(q.scales)[0, 0]),
        "thirty": float(plain[0, 2]),
        "plain": float((plain - x)[0, :4].square().mean()),
        "chosen": float((chosen - x)[0, :4].square().mean()),
    }


def room(point: Mapping[str, Any], streams: Streams) -> list[dict[str, float]]:
    """The block of the tensor's largest element where 4 is the better place for it: its scale, by the largest scale.

    The block is 4 and fifteen times 3, which are exact near 4. Sweep: largest. Quantities: ``scale``; ``error``, mean
    squared error of the block.
    """
    x = torch.full((1, _BLOCK), 3.0)
    x[0, 0] = 4.0
    records = []
    for largest in point["largest"]:
        q = nvfp4_quantize(x, largest_scale=largest, four_over_six="squared")
        off = dequantize(q, dtype=torch.float64) - x
        scale = float(e4m3_decode(q.scales)[0, 0])
        records.append({"largest": largest, "scale": scale, "error": float(off.square().mean())})
    return records


def ties(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Blocks of 6 and multiples of 3, signs at random: exact near 6 (scale 1) and near 4 (scale 1.5).

    Base point: blocks. Quantities: ``kept``, the number of blocks that keep the scale of 6; ``blocks``; ``moved``, the
    rest.
    """
    generator = streams.numpy("blocks")
    x = torch.from_numpy(generator.integers(-2, 3, size=(point["blocks"], _BLOCK)) * 3.0).float()
    x[:, 0] = 6.0
    q = nvfp4_quantize(x, largest_scale=256, amax=_UNIT[256], four_over_six="squared")
    kept = float((e4m3_decode(q.scales) == 1.0).sum())
    return {"kept": kept, "blocks": float(point["blocks"]), "moved": float(point["blocks"]) - kept}


def _spare(choice: str, plain: int, chosen: int, allowance: float, number: type[Any] = float) -> Callable[..., float]:
    """By how much the choice is better than the block without one, relative to the block's energy.

    Arguments: ``size``, the largest magnitude of the tensor over that of the block; ``tail``, the power of normal
    numbers that its elements are; their seed. All are rounded to float32 first; ``number`` is what sums are made of.
    """

    def margin(size: float, tail: float, seed: float) -> float:
        drawn = np.random.default_rng(int(seed)).standard_normal(_BLOCK)
        block = np.sign(drawn) * np.abs(drawn) ** tail
        x = torch.from_numpy(block / np.abs(block).max()).float()[None]
        amax = float(torch.tensor(size, dtype=torch.float32))
        entries, before, after = (
            [number(value) for value in values.flatten().tolist()]
            for values in (x, _chosen(x, plain, None, amax), _chosen(x, chosen, choice, amax))
        )
        spare = sum((b - e) ** 2 - (a - e) ** 2 for e, b, a in zip(entries, before, after, strict=True))
        return float(spare / sum(e * e for e in entries)) + allowance

    return margin


_INPUTS = {"size": (1.0, 16.0), "tail": (0.25, 3.0), "seed": (0.0, 1e6)}


def _better(plain: int, planted: str | None = None) -> Statement:
    wrong = _spare("squared", plain, 256, -0.05) if planted is None else _spare(planted, plain, 256, _ALLOWANCE)
    return Statement(
        inputs=_INPUTS,
        margin=_spare("squared", plain, 256, _ALLOWANCE),
        planted=wrong,
        precise=_spare("squared", plain, 256, 0.0, Fraction),
        rounding=_ALLOWANCE,
    )


#: No block is worse for the choice by squared errors; planted: the choice by absolute ones.
NEVER_WORSE = _better(256, "absolute")
#: The same against standard NVFP4, whose scales go up to 448, which is false; planted: a twentieth of the energy less.
NEVER_WORSE_THAN_448 = _better(448)
