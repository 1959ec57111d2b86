"""Activations of a trained model: how much of them the mean is, and which singular mode; who makes the largest entries.

A matrix X is (l tokens, m channels), of one window of text: what a linear map sees, or the residual stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from claims.models.prepared import decoder, window
from claims.papers.mean_bias.trained.matrices import Step, layer_at, steps

if TYPE_CHECKING:
    from claims.streams import Streams
    from claims.subject import Subject

Record = dict[str, Any]

#: Standard deviations beyond which a channel's noise is counted as tail.
TAIL = 4.0


def activations(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Measures of the matrices of one random window.

    Base point: ``tokens`` (l), ``largest`` (share of the entries that counts as extreme). Sweep: ``depth``, relative;
    ``operand``, the input of "q", "o", "gate" or "down" in the layer at that depth, "stream", the residual stream that
    the layer reads, or "later stream", that without the window's first token. Quantities: those of ``spectrum``,
    ``signs`` and ``attribution``, and ``tail``.
    """
    subject: Subject = point["subject"]
    model = decoder(subject)
    wanted: dict[int, list[float]] = {}
    for depth in point["depth"]:
        wanted.setdefault(layer_at(model, depth), []).append(depth)
    records = []
    for step in steps(model, window(subject, streams, length=point["tokens"])):
        for operand in point["operand"] if step.index in wanted else ():
            measured = measures(matrix(step, operand), largest=point["largest"])
            records += [{"operand": operand, "depth": depth} | measured for depth in wanted[step.index]]
    return records


def matrix(step: Step, operand: str) -> Tensor:
    """The matrix of this name, see ``activations``."""
    if operand in step.inputs:
        return step.inputs[operand]
    return step.before if operand == "stream" else step.before[1:]


def measures(x: Tensor, *, largest: float) -> dict[str, float]:
    """All quantities of one matrix."""
    wide = x.double()
    return spectrum(wide) | signs(wide) | attribution(wide, largest) | {"tail": tail(wide)}


def mean_share(x: Tensor) -> float:
    """The mean's share of the energy, |M|^2 / |X|^2: the square of equation 1, in float64."""
    wide = x.double()
    return float(len(wide) * wide.mean(0).square().sum() / wide.square().sum())


def left_modes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Squared singular values (l,), the largest first, and left singular vectors as columns (l, l), in float64.

    From the products of tokens with tokens, of which there are fewer than of channels. Values below 1e-16 of the
    largest one are rounding noise.
    """
    values, vectors = torch.linalg.eigh(x @ x.T)
    return values.flip(0).clamp_min(0), vectors.flip(1)


def spectrum(x: Tensor) -> dict[str, float]:
    """Which singular mode the mean is.

    Quantities: ``share`` of the mean and ``leading_share`` of the first mode of the energy; ``cosine`` of the mean with
    v1 and ``other_cosine``, the largest with another right singular vector; ``coherence`` = (u1'1)^2 / l and
    ``other_coherence``, its average over the other modes.
    """
    values, left = left_modes(x)
    modes = left.sum(0).square() / len(x)
    along = (values * modes / (values * modes).sum()).sqrt()  # of the mean, |V' mu| / |mu|, by its expansion
    return {
        "share": float((values * modes).sum() / values.sum()),
        "leading_share": float(values[0] / values.sum()),
        "cosine": float(along[0]),
        "other_cosine": float(along[1:].max()),
        "coherence": float(modes[0]),
        "other_coherence": float(modes[1:].mean()),
    }


def signs(x: Tensor) -> dict[str, float]:
    """Signs of projections of tokens: ``one_sign``, the share that agree with the mean direction; ``held_out``, the
    share that agree with the mean of the half of the window in which they are not."""
    half = len(x) // 2
    first, second = x[:half].mean(0), x[half:].mean(0)
    apart = torch.cat([x[:half] @ second, x[half:] @ first])
    return {
        "one_sign": float((x @ x.mean(0) > 0).double().mean()),
        "held_out": float((apart > 0).double().mean()),
    }


def attribution(x: Tensor, largest: float) -> dict[str, float]:
    """Equation 8 among the entries of largest magnitude: mean, spike and tail of equation 6.

    The spike has one mode in a hundred channels, one at least. Quantities, averages over the extremes: squared shares
    ``squared_mean``, ``squared_spike`` and ``squared_tail``, ``lead``, the first less the larger of the others, and
    ``cross``, one less their sum; ``additive_mean`` = M / X; ``columns``, the smallest share of the channels that holds
    nine tenths of the extremes. Over all channels: ``concentration``, the share of |mu|^2 in the one per cent largest.
    """
    channels = x.shape[1]
    mean = x.mean(0)
    centred = x - mean
    rank = max(1, channels // 100)
    leading = left_modes(centred)[1][:, :rank]
    spike = leading @ (leading.T @ centred)
    count = max(1, round(largest * x.numel()))
    chosen = x.abs().flatten().topk(count).indices
    columns, entries = chosen % channels, x.flatten()[chosen]
    of_mean, of_spike = mean[columns] / entries, spike.flatten()[chosen] / entries
    squares = [float(part.square().mean()) for part in (of_mean, of_spike, 1 - of_mean - of_spike)]
    held = torch.bincount(columns, minlength=channels).sort(descending=True).values.cumsum(0)
    energies = mean.square().sort(descending=True).values
    return {
        "squared_mean": squares[0],
        "squared_spike": squares[1],
        "squared_tail": squares[2],
        "lead": squares[0] - max(squares[1:]),
        "cross": 1 - sum(squares),
        "additive_mean": float(of_mean.mean()),
        "columns": (int((held < 0.9 * count).sum()) + 1) / channels,
        "concentration": float(energies[:rank].sum() / energies.sum()),
    }


def tail(x: Tensor) -> float:
    """The share of entries that are more than four standard deviations of their channel from its mean."""
    centred = x - x.mean(0)
    spread = centred.square().mean(0).sqrt()
    return float((centred.abs() > TAIL * spread).double().mean())
