"""How close a trained model's matrices are to their signs (Fact 1), and what takes them from the Gaussian 2/pi.

The squared cosine of a row w of n entries with sign(w) is |w|_1^2/(n |w|_2^2). A matrix has the mean over its rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn import functional

from claims.models.architecture import LINEARS
from claims.models.decoder import Decoder, product
from claims.models.known import QWEN25_05B, QWEN25_3B, QWEN25_15B, TINYLLAMA
from claims.models.prepared import decoder, window
from claims.papers.sign_magnitude.experiments.blocks import sphere
from claims.streams import Streams

_GAUSSIAN = 2 / math.pi
#: How far from 2/pi the paper has its matrices at most.
_CLOSE = 0.05
#: How many matrices of a model the authors take.
_CHOSEN = 20
#: The authors found four of twenty matrices to be off: how many are looked at as the worst.
_WORST_SHARE = 0.2
_ATTENTION = ("q", "k", "v", "o")
_KNOWN = {model.name: model for model in (TINYLLAMA, QWEN25_05B, QWEN25_15B, QWEN25_3B)}


def matrices(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The squared cosines of a model's matrices with their signs; nothing is random.

    Base point: chosen ("all": every linear map of every layer; "twenty": those that the authors' script takes, at even
    distances in the order of application); replicates (a model's name, whose weights are then rounded to half
    precision as the script loads them; empty for whatever model it is).

    Quantities, over matrices: ``mean``, ``median``, ``sd`` (ddof 1), ``deviation`` = mean/(2/pi) - 1, ``within`` = how
    many lie within 5 % of 2/pi, ``within_share``, ``below_share`` = share of those below 2/pi; of the fifth with the
    smallest cosines the shares ``worst_early`` in the first quarter of the layers, ``worst_attention`` in attention and
    ``worst_both``.

    Spearman correlations over matrices of the squared cosine with the rows' excess kurtosis (``row_kurtosis``), with
    that of all of a matrix's entries (``matrix_kurtosis``) and with how unequal its columns' squared norms are
    (``column_norms``: their standard deviation over their mean). With every column scaled to the same norm:
    ``deviation_left``, the share of ``deviation`` that stays, and ``within_left``, the share of matrices within 5 %.
    """
    if point["replicates"]:
        _KNOWN[point["replicates"]].require(point["subject"], "Table 6")
    model = decoder(point["subject"])
    names = _chosen(model, point["chosen"])
    rows = torch.tensor([_measured(weight) for weight in _weights(model, names, half=bool(point["replicates"]))])
    cosine, equalised, row_kurtosis, matrix_kurtosis, spread = rows.T.numpy()
    deviation, left = cosine / _GAUSSIAN - 1, equalised / _GAUSSIAN - 1
    return {
        "mean": float(cosine.mean()),
        "median": float(np.median(cosine)),
        "sd": float(cosine.std(ddof=1)),
        "deviation": float(deviation.mean()),
        "within": int((abs(deviation) <= _CLOSE).sum()),
        "within_share": float((abs(deviation) <= _CLOSE).mean()),
        "below_share": float((deviation < 0).mean()),
        "row_kurtosis": float(spearmanr(cosine, row_kurtosis).statistic),
        "matrix_kurtosis": float(spearmanr(cosine, matrix_kurtosis).statistic),
        "column_norms": float(spearmanr(cosine, spread).statistic),
        "deviation_left": float(left.mean() / deviation.mean()),
        "within_left": float((abs(left) <= _CLOSE).mean()),
    } | _worst(model, names, cosine)


def _chosen(model: Decoder, rule: str) -> list[tuple[int, str]]:
    """Layer and part of the matrices that are looked at."""
    names = [(layer, part) for layer in range(model.architecture.layers) for part in LINEARS]
    if rule == "twenty" and len(names) > _CHOSEN:
        return [names[i] for i in np.linspace(0, len(names) - 1, _CHOSEN, dtype=int)]
    return names


def _weights(model: Decoder, names: list[tuple[int, str]], *, half: bool) -> Iterator[Tensor]:
    """The matrices in float64, one at a time."""
    for layer, part in names:
        weight = model.checkpoint.tensor(f"layers.{layer}.{part}")
        yield (weight.half() if half else weight).double()


def _measured(weight: Tensor) -> list[float]:
    """Squared cosine; the same with columns of one norm; kurtosis by row and of all entries; spread of the columns."""
    norms = weight.square().sum(0)
    squares = weight.square()
    fourth = squares.square()
    return [
        float(row_cosines(weight).mean()),
        float(row_cosines(weight / norms.sqrt().clamp_min(1e-30)).mean()),
        float((fourth.mean(1) / squares.mean(1).square().clamp_min(1e-300)).mean() - 3),
        float(fourth.mean() / squares.mean().square() - 3),
        float(norms.std() / norms.mean()),
    ]


def row_cosines(weight: Tensor) -> Tensor:
    """Squared cosine of each row with its signs, (rows,); zero for a row of zeros."""
    nonzero = torch.count_nonzero(weight, dim=1)
    return weight.abs().sum(1).square() / (nonzero * weight.square().sum(1)).clamp_min(1e-300)


def _worst(model: Decoder, names: list[tuple[int, str]], cosine: np.ndarray) -> dict[str, float]:
    count = max(1, round(_WORST_SHARE * len(names)))
    worst = [names[i] for i in np.argsort(cosine, kind="stable")[:count]]
    early = [layer < model.architecture.layers / 4 for layer, _ in worst]
    attention = [part in _ATTENTION for _, part in worst]
    return {
        "worst_early": sum(early) / count,
        "worst_attention": sum(attention) / count,
        "worst_both": sum(a and b for a, b in zip(early, attention, strict=True)) / count,
    }


def outputs(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Squared cosine of W x with its ternary stand-in s sign(W) x, one scale a row, over every linear map of the model.

    Inputs of each map are ``inputs`` random tokens' own, from a window of the seed's own, and as many uniform on the
    sphere.

    Base point: length (tokens of the window), inputs. Quantities: means over matrices ``sphere`` and ``activations``,
    of the rows' own squared cosines ``rows``, and of these weighted by the rows' energy ``weighted``; shares of
    matrices within 5 % of 2/pi ``sphere_within`` and ``activations_within``; ``sphere_error``, the mean over matrices
    of |sphere - weighted|.
    """
    model = decoder(point["subject"])
    tokens = window(point["subject"], streams, length=point["length"])
    chosen = torch.randperm(tokens.numel(), generator=streams.torch("tokens"))[: point["inputs"]]
    generator = streams.torch("sphere")
    found: list[list[float]] = []

    def compared(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        scale = weight.abs().mean(1, keepdim=True)
        ternary = torch.sign(weight) * scale
        drawn = sphere(generator, point["inputs"], weight.shape[1])
        cosines = [float(_output_cosines(rows, weight, ternary).mean()) for rows in (drawn, x.flatten(0, -2)[chosen])]
        energy = weight.square().sum(1)
        rows = weight.shape[1] * scale[:, 0].square() / energy.clamp_min(1e-30)
        found.append([*cosines, float(rows.mean()), float((rows * energy).sum() / energy.sum())])
        return product(x, weight, bias)

    with torch.no_grad():
        model.run(model.embed(tokens), linear=compared)
    sphere_, activations, rows, weighted = np.array(found).T
    return {
        "sphere": float(sphere_.mean()),
        "activations": float(activations.mean()),
        "rows": float(rows.mean()),
        "weighted": float(weighted.mean()),
        "sphere_within": float((abs(sphere_ / _GAUSSIAN - 1) <= _CLOSE).mean()),
        "activations_within": float((abs(activations / _GAUSSIAN - 1) <= _CLOSE).mean()),
        "sphere_error": float(abs(sphere_ - weighted).mean()),
    }


def _output_cosines(x: Tensor, weight: Tensor, ternary: Tensor) -> Tensor:
    """Squared cosine of W x and its stand-in for each row of x."""
    exact, rounded = (product(x, matrix) for matrix in (weight, ternary))
    return functional.cosine_similarity(exact, rounded, dim=1).square()
