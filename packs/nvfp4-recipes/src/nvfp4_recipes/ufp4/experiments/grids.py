"""The E2M1 grid beside a uniform one: shrinkage, error and use of the codes, before and after a Hadamard rotation.

Blocks of 16 along the rows, each with a float32 scale of its own that is not rounded, as in the paper; rotations are
random Hadamard transforms of the same blocks. The uniform grid is that of INT4, -7 to 7, twice E1M2's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from claims.kernels import rms_norm
from claims.streams import Streams
from nvfp4_recipes.numerics.blocks import MAGNITUDES, levels, nearest, quantized, rotated
from nvfp4_recipes.numerics.drawn import Record, alignment, energy, matrix, relative_error

_BLOCK = 16
#: Midpoints of a bin: the mean of a linear error over them is exact.
_POINTS = 64


def shrinkage(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Both grids on a matrix of each law, as it is and rotated.

    Base point: elements, block. Sweep: law, grid, rotation ("none" or "hadamard"). Quantities: ``gain``, <x, q - x>
    over <x, x>, negative where q is shrunk; ``error``, squared and relative; ``decibel``, the ratio of signal to error;
    ``use``, exp of the entropy of the codes over their number, 15 for either grid.
    """
    records = []
    for law in point["law"]:
        drawn = matrix(law, point["elements"], streams.numpy(law))
        for rotation in point["rotation"]:
            x = drawn if rotation == "none" else rotated(drawn, _BLOCK, streams.key("signs"))
            for grid in point["grid"]:
                records.append({"law": law, "rotation": rotation, "grid": grid} | _measured(x, point["block"], grid))
    return records


def _measured(x: Tensor, block: int, grid: str) -> dict[str, float]:
    scaled, steps = levels(x, block, grid)
    codes = nearest(scaled, grid)
    values = (codes * steps).reshape(x.shape)
    error = relative_error(values, x)
    _, counts = torch.unique(codes, return_counts=True)
    shares = counts.double() / counts.sum()
    use = math.exp(-float((shares * shares.log()).sum())) / (2 * len(MAGNITUDES[grid]) - 1)
    return {"gain": alignment(values, x) - 1, "error": error, "decibel": -10 * math.log10(error), "use": use}


def bins(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Mean errors of numbers spread evenly in the bins of inner values, added up with random weights.

    Base point: grid. Quantities: ``measured``; ``formula``, (left - right) / 2 of the bin's half-widths; ``other``,
    with its sign turned; ``e2m1``, what the bins of E2M1 would give under the same weights; ``bound``.
    """
    weights = streams.numpy("weights").uniform(0.5, 1.5, size=6)

    def formula(grid: str) -> float:
        values = np.array(MAGNITUDES[grid])
        widths = np.diff(values) / 2
        return float(weights @ ((widths[:-1] - widths[1:]) / 2))

    values = np.array(MAGNITUDES[point["grid"]])
    edges = (values[1:] + values[:-1]) / 2
    within = (np.arange(_POINTS) + 0.5) / _POINTS
    spread = edges[:-1, None] + within * np.diff(edges)[:, None]
    off = nearest(torch.from_numpy(spread), point["grid"]).numpy() - spread
    own = formula(point["grid"])
    return {
        "measured": float(weights @ off.mean(1)),
        "formula": own,
        "other": -own,
        "e2m1": formula("e2m1"),
        "bound": 1e-12,
    }


def chain(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """A signal that goes through linear maps, one after another, both operands of each in blocks of a grid.

    Maps are iid normal with variance 1 / width. Base point: width, layers. Sweep: grid; layer, counted from 1; norm,
    "none" or "rms" for an RMSNorm before each map. Quantities: ``log_gain``, the logarithm of <z, z_q> / <z, z> behind
    the layer; ``log_product``, the sum of the logarithms of both operands' own factors up to there; ``log_size``, that
    of |z_q| / |z|.
    """
    width = point["width"]
    generator = streams.torch("signal")
    start = torch.randn(width, width, generator=generator)
    maps = [torch.randn(width, width, generator=generator) / math.sqrt(width) for _ in range(max(point["layer"]))]
    records = []
    for norm in point["norm"]:
        for grid in point["grid"]:
            exact, kept, product = start.double(), start.double(), 0.0
            for layer, weight in enumerate(maps, 1):
                if norm == "rms":
                    exact, kept = rms_norm(exact), rms_norm(kept)
                signal, values = quantized(kept, _BLOCK, grid), quantized(weight, _BLOCK, grid)
                product += math.log(alignment(signal, kept)) + math.log(alignment(values, weight))
                exact, kept = exact @ weight.double().T, signal @ values.T
                if layer in point["layer"]:
                    found = {
                        "log_gain": math.log(alignment(kept, exact)),
                        "log_product": product,
                        "log_size": math.log(energy(kept) / energy(exact)) / 2,
                    }
                    records.append({"norm": norm, "grid": grid, "layer": layer} | found)
    return records


def single(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """What an E2M1 matrix loses along itself, and what of its error that is, on normal entries.

    Base point: elements, a multiple of 256. Quantities: ``part``, the square of the loss over the squared error;
    ``mended``, the squared error once the values are divided by their factor, over that as they are.
    """
    x = matrix("normal", point["elements"], streams.numpy("normal"))
    values = quantized(x, _BLOCK, "e2m1")
    factor, error = alignment(values, x), relative_error(values, x)
    return {"part": (1 - factor) ** 2 / error, "mended": relative_error(values / factor, x) / error}
