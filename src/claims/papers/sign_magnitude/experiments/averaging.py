"""Two ways to average the block's ratio over inputs: one ratio of sums, or the mean of each input's own ratio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from claims.kernels import gemm, transverse_energy
from claims.papers.sign_magnitude.experiments.blocks import (
    Record,
    dtype_of,
    energy,
    flip_change,
    gaussian_matrix,
    matched_size,
    sphere,
)
from claims.streams import Streams


def own_ratios(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Transverse energy of sign flips over that of the growing magnitude step, behind a drawn second projection.

    The mean of ratios is the larger one: it is of order 1/n above, from the spread of an input's energies.

    Base point: n (= m = d), inputs, dtype. Sweep: flip_rate. Quantities: ``own``, the mean over inputs of each input's
    ratio; ``pooled``, the ratio of sums over inputs; ``excess``, own less pooled.
    """
    n, dtype = point["n"], dtype_of(point)
    weight = gaussian_matrix(streams.torch("weights"), n, n, dtype=dtype)
    projection = gaussian_matrix(streams.torch("projection"), n, n, dtype=dtype)
    x = sphere(streams.torch("inputs"), point["inputs"], n, dtype=dtype)
    aligner = torch.sign(weight)
    h, aligned = gemm(x, weight.T), gemm(x, aligner.T)
    a = torch.relu(h)
    y, moved = gemm(a, projection.T), int(torch.count_nonzero(weight))
    records = []
    for flip_rate in point["flip_rate"]:
        change = flip_change(weight, flip_rate=flip_rate, key=streams.key("flips"))
        size = matched_size(energy(change), moved)
        sign, magnitude = (
            transverse_energy(y, gemm(torch.relu(h + dh) - a, projection.T))[2]
            for dh in (gemm(x, change.T), size * aligned)
        )
        own, pooled = float((sign / magnitude).mean()), float(sign.sum() / magnitude.sum())
        records.append({"flip_rate": flip_rate, "own": own, "pooled": pooled, "excess": own - pooled})
    return records
