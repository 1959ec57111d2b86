"""Dose and response: a mean of given strength is planted in activations, and the error of each product measured.

X = 1 s b^T + Z with Z iid N(0, 1) and b of root mean square 1, so that the mean has the share s^2/(1 + s^2) of the
energy. All strengths and arms of a seed share Z, b and weights. Arms are those of ``planted_mean.RECIPES``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from claims.kernels import averis_forward, averis_weight_gradient
from claims.papers.mean_bias.experiments.planted_mean import RECIPES, Record, direction, energy, parts, split_error
from claims.streams import Streams


def operand_error(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Error of the activation as products with weights see it: mean and residual, quantized along the channels.

    A weight matrix of iid entries with variance 1/channels turns it into the error of Y of the same energy, on average.

    Base point: tokens, channels, every (1 for a mean in all channels, else in one channel of so many). Sweep: strength,
    arm. Quantities, per element: ``varying``, ``coherent`` and ``total`` error, as in ``planted_mean.parts``;
    ``plain``, the total error of the arm "plain" at that strength (which the sweep must have).
    """
    noise = torch.randn(point["tokens"], point["channels"], generator=streams.torch("noise"))
    b = direction(streams.torch("mean"), point["channels"], every=point["every"])
    records = []
    for strength in point["strength"]:
        x = strength * b + noise
        cells = {arm: parts(split_error(x, RECIPES[arm])) for arm in point["arm"]}
        plain = cells["plain"]["total"]
        records += [{"strength": strength, "arm": arm, "plain": plain} | cell for arm, cell in cells.items()]
    return records


def product_error(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Error of Y = X W^T by equation 11, with X, W and (as the arm says) the mean in NVFP4.

    Base point: tokens, channels, outputs. Sweep: strength, arm. Quantities: ``varying``, ``coherent`` and ``total``
    error an element; ``noise``, the mean square of Z W^T.
    """
    noise = torch.randn(point["tokens"], point["channels"], generator=streams.torch("noise"))
    weight = torch.randn(point["outputs"], point["channels"], generator=streams.torch("weights"))
    b = direction(streams.torch("mean"), point["channels"])
    of_noise = energy(noise @ weight.T) / (point["tokens"] * point["outputs"])
    records = []
    for strength in point["strength"]:
        x = strength * b + noise
        exact = x.double() @ weight.double().T
        for arm in point["arm"]:
            error = averis_forward(x, weight, recipe=RECIPES[arm]) - exact
            records.append({"strength": strength, "arm": arm, "noise": of_noise} | parts(error))
    return records


def input_gradient_error(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Error of dX = D W by equation 12 for an exact W: that of D = 1 r g^T + G quantized along the outputs.

    Base point: tokens, outputs. Sweep: gradient_strength (r), arm. Quantities as in ``operand_error``.
    """
    base = {"tokens": point["tokens"], "channels": point["outputs"], "every": 1}
    cells = operand_error(base | {"strength": point["gradient_strength"], "arm": point["arm"]}, streams)
    return [{"gradient_strength": cell.pop("strength")} | cell for cell in cells]


def weight_gradient_error(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Error of dW = D^T X by equation 12, both operands in NVFP4 along the tokens.

    D = 1 r g^T + G with iid N(0, 1) entries in G and g of root mean square 1.

    Base point: tokens, channels, every (as in ``operand_error``), outputs, gradient_strength (r). Sweep: strength (of
    X), arm. Quantities: ``error``, mean squared error of an entry over that of G^T Z, which is the number of tokens;
    ``plain``, that of the arm "plain" at that strength (which the sweep must have).
    """
    tokens, channels, outputs = point["tokens"], point["channels"], point["outputs"]
    noise = torch.randn(tokens, channels, generator=streams.torch("noise"))
    b = direction(streams.torch("mean"), channels, every=point["every"])
    gradient = torch.randn(tokens, outputs, generator=streams.torch("gradient"))
    gradient += point["gradient_strength"] * direction(streams.torch("gradient mean"), outputs)
    records = []
    for strength in point["strength"]:
        x = strength * b + noise
        exact = gradient.double().T @ x.double()
        cells = {}
        for arm in point["arm"]:
            got = averis_weight_gradient(gradient, x, recipe=RECIPES[arm])
            cells[arm] = energy(got - exact) / (tokens * channels * outputs)
        plain = cells["plain"]
        records += [{"strength": strength, "arm": arm, "error": e, "plain": plain} for arm, e in cells.items()]
    return records
