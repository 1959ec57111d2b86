"""Exact statements beside the depth experiments: column-wise flips (section 7.2) and gains before a ReLU."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from claims.papers.sign_magnitude.experiments.blocks import flip_change, gaussian_matrix, sphere
from claims.streams import Streams

_EPS = float(np.finfo(np.float64).eps)


def column_flip(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Section 7.2's special case: all signs of one column flipped.

    Base point: m, n. Quantities: ``energy`` = |D x|^2 for the D that flips column 0, ``weighted`` = 4 x_0^2 |W_:0|^2,
    ``planted`` = 4 x_0^2 |W|_F^2/n, and ``rounding``: the flipped column enters m products of n terms, of which all
    others are exactly zero, so that 8 m machine epsilons cover both sums.
    """
    weight, x = _layer(point, streams)
    change = np.zeros_like(weight)
    change[:, 0] = -2 * weight[:, 0]
    energy = float(np.sum((change @ x) ** 2))
    return {
        "energy": energy,
        "weighted": float(4 * x[0] ** 2 * np.sum(weight[:, 0] ** 2)),
        "planted": float(4 * x[0] ** 2 * np.sum(weight**2) / weight.shape[1]),
        "rounding": 8 * weight.shape[0] * _EPS * energy,
    }


def flip_energy(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Mean of |D x|^2 over all Bernoulli(p) masks, enumerated: rows are independent, so 2^n masks a row suffice.

    Base point: m, n (small), flip_rate. Quantities: ``enumerated``, for the weights drawn; ``column_sum`` =
    4p sum_j x_j^2 |W_:j|^2; ``fixed_weights`` = 4p(1-p) sum_j x_j^2 |W_:j|^2 + 4p^2 |W x|^2; ``sign_average``, the mean
    of ``enumerated`` over all 2^n sign patterns of the columns, which a symmetric weight law makes equally likely; and
    ``rounding``, 2^(n+3) machine epsilons of the largest of them, since no sum has more than 4^n terms and numpy adds
    pairwise.
    """
    weight, x = _layer(point, streams)
    n, p = point["n"], point["flip_rate"]
    masks = np.array(list(itertools.product((0.0, 1.0), repeat=n)))
    chances = np.prod(np.where(masks == 1, p, 1 - p), axis=1)

    def enumerated(signs: np.ndarray) -> np.ndarray:
        """Mean energies for the column sign patterns in the rows of ``signs``."""
        products = weight[None] * (signs * x)[:, None, :]  # (patterns, m, n)
        means: np.ndarray = ((2 * products @ masks.T) ** 2 @ chances).sum(axis=1)
        return means

    columns = float(np.sum(x**2 * np.sum(weight**2, axis=0)))
    mean = float(enumerated(np.ones((1, n)))[0])
    column_sum = 4 * p * columns
    fixed_weights = 4 * p * (1 - p) * columns + 4 * p**2 * float(np.sum((weight @ x) ** 2))
    return {
        "enumerated": mean,
        "column_sum": column_sum,
        "fixed_weights": fixed_weights,
        "sign_average": float(np.mean(enumerated(1 - 2 * masks))),
        "rounding": 2 ** (n + 3) * _EPS * max(mean, column_sum, fixed_weights),
    }


def _layer(point: Mapping[str, Any], streams: Streams) -> tuple[np.ndarray, np.ndarray]:
    """A Gaussian weight of variance 1/n, and one unit input."""
    weight = gaussian_matrix(streams.torch("weights"), point["m"], point["n"], dtype=torch.float64)
    x = sphere(streams.torch("inputs"), 1, point["n"], dtype=torch.float64)
    return weight.numpy(), x[0].numpy()


def gains(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Squared sine of the output's angle under sign flips, with a gain before each ReLU and without.

    Gains are drawn from [1/4, 4], one a layer, and multiply clean and perturbed pre-activations alike; outputs are
    normalised after each layer.

    Base point: width, layers, flip_rate. Quantities: ``with_gains``, ``without``, ``with_skip`` (the gains again, but
    with each layer's input added to its output), and ``rounding``: a layer's products of ``width`` terms and its
    normalisation turn a unit vector by at most 2 (width + 8) machine epsilons, and a squared sine changes by no more
    than twice the angles of both vectors.
    """
    width, layers = point["width"], point["layers"]
    generator = streams.torch("weights")
    weights = [gaussian_matrix(generator, width, width, dtype=torch.float64) for _ in range(layers)]
    changes = [
        flip_change(weight, flip_rate=point["flip_rate"], key=streams.key(f"flips {layer}"))
        for layer, weight in enumerate(weights)
    ]
    x = sphere(streams.torch("inputs"), 1, width, dtype=torch.float64)[0]
    drawn = torch.exp2(4 * torch.rand(layers, generator=streams.torch("gains"), dtype=torch.float64) - 2)
    ones = torch.ones_like(drawn)

    def sine_squared(gains: Tensor, *, skip: bool) -> float:
        clean = moved = x
        for gain, weight, change in zip(gains, weights, changes, strict=True):
            clean = _next(clean, gain * weight, skip=skip)
            moved = _next(moved, gain * (weight + change), skip=skip)
        return float(torch.linalg.vector_norm(moved - (moved @ clean) * clean) ** 2)

    return {
        "with_gains": sine_squared(drawn, skip=False),
        "without": sine_squared(ones, skip=False),
        "with_skip": sine_squared(drawn, skip=True),
        "rounding": 2 * 2 * layers * 2 * (width + 8) * _EPS,
    }


def _next(y: Tensor, weight: Tensor, *, skip: bool) -> Tensor:
    branch = torch.relu(weight @ y)
    output = y + branch if skip else branch
    unit: Tensor = output / torch.linalg.vector_norm(output)
    return unit
