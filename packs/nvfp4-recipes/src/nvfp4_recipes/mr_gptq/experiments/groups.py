"""Block length, scale format and rotation: what each does to the error of E2M1 blocks on drawn matrices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels import dequantize, mxfp4_quantize, nvfp4_quantize
from claims.streams import Streams
from nvfp4_recipes.numerics.blocks import levels, nearest, quantized, rotated
from nvfp4_recipes.numerics.drawn import Record, energy, matrix, relative_error

#: Candidates for a block's scale, relative to the one that puts its largest element on 6.
_STRETCHES = (0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5)


def by_group(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Blocks of several lengths on one matrix of each law, with scales that are not rounded and with powers of two.

    Base point: elements. Sweep: law, group, scale ("exact", "e4m3" or "e8m0"). Quantity: ``error``, squared, relative.
    """
    records = []
    for law in point["law"]:
        x = matrix(law, point["elements"], streams.numpy(law))
        for group in point["group"]:
            for scale in point["scale"]:
                error = relative_error(quantized(x, group, "e2m1", scale), x)
                records.append({"law": law, "group": group, "scale": scale, "error": error})
    return records


def turned(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """NVFP4 and MXFP4 on a matrix of each law, as it is and behind a random Hadamard transform of the format's blocks.

    Base point: elements. Sweep: law; format, "nvfp4" or "mxfp4". Quantities, squared errors relative to the energy:
    ``plain``, ``rotated``.
    """
    records = []
    for law in point["law"]:
        x = matrix(law, point["elements"], streams.numpy(law))
        for name in point["format"]:
            y = rotated(x, 16 if name == "nvfp4" else 32, streams.key("signs"))
            found = {"plain": relative_error(_values(x, name), x), "rotated": relative_error(_values(y, name), y)}
            records.append({"law": law, "format": name} | found)
    return records


def _values(x: Tensor, name: str) -> Tensor:
    q = nvfp4_quantize(x) if name == "nvfp4" else mxfp4_quantize(x)
    values: Tensor = dequantize(q, dtype=torch.float64)
    return values


def top(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The largest element of each block of 16 as it is, and behind a rotation of its block.

    Base point: elements. Sweep: law. Quantities: ``exact``, mean squared error of largest elements over that of all
    under scales that are not rounded; ``worst``, the largest relative error of one of them under E4M3 scales;
    ``spread``, the same ratio as ``exact`` where blocks are rotated, quantized and turned back.
    """
    records = []
    for law in point["law"]:
        x = matrix(law, point["elements"], streams.numpy(law)).double()
        place = x.reshape(-1, 16).abs().argmax(1, keepdim=True)
        plain, rough = (quantized(x, 16, "e2m1", scale) for scale in ("exact", "e4m3"))
        key = streams.key("signs")
        back = rotated(quantized(rotated(x, 16, key), 16, "e2m1"), 16, key, inverse=True)
        largest = x.reshape(-1, 16).gather(1, place)
        off = (rough.reshape(-1, 16).gather(1, place) / largest - 1).abs()
        ratios = {name: _of_top(values - x, place) for name, values in (("exact", plain), ("spread", back))}
        records.append({"law": law, "worst": float(off.max())} | ratios)
    return records


def _of_top(off: Tensor, place: Tensor) -> float:
    squares = off.reshape(-1, 16).square()
    return float(squares.gather(1, place).mean() / squares.mean())


def kept(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Numbers with one element of each block of 16 known: its relative error with a scale that is not rounded.

    Base point: blocks. Quantities: ``error`` of the largest element, the largest over blocks; ``other``, with scales
    that are powers of two; ``zero``.
    """
    x = matrix("laplace", point["blocks"] * 16, streams.numpy("laplace")).double()
    found = {}
    for name, scale in (("error", "exact"), ("other", "e8m0")):
        off = (quantized(x, 16, "e2m1", scale) - x).reshape(-1, 16)
        place = x.reshape(-1, 16).abs().argmax(1, keepdim=True)
        found[name] = float((off.gather(1, place) / x.reshape(-1, 16).gather(1, place)).abs().max())
    return found | {"zero": 0.0}


def searched(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Blocks of 16 whose scale is the best of a few, by squared error, beside the one for the largest element.

    Scales are not rounded. Base point: elements. Sweep: law. Quantities: ``plain`` and ``best``, squared and relative.
    """
    records = []
    for law in point["law"]:
        x = matrix(law, point["elements"], streams.numpy(law))
        scaled, steps = levels(x, 16, "e2m1")
        tried = torch.stack(
            [((nearest(scaled / stretch, "e2m1") * stretch - scaled) * steps).square().sum(1) for stretch in _STRETCHES]
        )
        best, plain = float(tried.amin(0).sum()), float(tried[_STRETCHES.index(1.0)].sum())
        records.append({"law": law, "plain": plain / energy(x), "best": best / energy(x)})
    return records


def preserved(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The part of the energy that is not rounded to zero, over the rate at which it is said to fall.

    The block's largest magnitude is taken as its typical one, log G for a Laplace law of scale 1 and sqrt(2 log G) for
    a normal one; what lies below 1/24 of it, half the smallest value of E2M1 over the largest, becomes zero.

    Base point: law; log_group, the natural logarithm of the block length G. Quantity: ``ratio``.
    """
    import mpmath as mp

    log_group, cut = mp.mpf(point["log_group"]), mp.mpf(1) / 24
    if point["law"] == "laplace":
        edge = cut * log_group
        kept_energy = mp.exp(-edge) * (edge**2 + 2 * edge + 2) / 2
        rate = log_group**2 * mp.exp(-cut * log_group)
    else:
        edge = cut * mp.sqrt(2 * log_group)
        kept_energy = 2 * edge * mp.npdf(edge) + mp.erfc(edge / mp.sqrt(2))
        rate = mp.sqrt(log_group) * mp.exp(-(cut**2) * log_group)
    return {"ratio": float(kept_energy / rate)}
