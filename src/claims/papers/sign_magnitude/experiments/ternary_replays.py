"""Theorem 4's experiment (Table 10) on the authors' own random streams.

As in ``replays``: float32 on torch CPU generators. W comes from a generator at the seed itself, inputs from the common
ones; the first ten of the published seeds were used. The quantizer is row-wise, s_i sgn(W) with s_i = mean |W_i|.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from claims.papers.sign_magnitude.experiments.replays import PUBLISHED_SEEDS, input_batches, seeded, weight_matrix
from claims.streams import Streams


def _cosine2(a: Tensor, b: Tensor) -> float:
    """Mean over rows of the squared cosine."""
    return float(((a * b).sum(1).square() / (a.square().sum(1) * b.square().sum(1))).double().mean())


def _weights(point: Mapping[str, Any], streams: Streams) -> tuple[int, Tensor, Tensor]:
    seed = PUBLISHED_SEEDS[streams.seed_index]
    weight = weight_matrix(seeded(seed), point["m"], point["n"])
    return seed, weight, weight.sign() * weight.abs().mean(1, keepdim=True)


def quantized_rows(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Between weights and quantized weights; no input is drawn.

    Base point: m, n. Quantity: ``rows``, the mean over rows of cos^2(w, Q(w)).
    """
    _, weight, quantized = _weights(point, streams)
    return {"rows": _cosine2(weight, quantized)}


def quantized_outputs(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Between outputs, and between rows as in ``quantized_rows``.

    Base point: m, n. Quantities: ``vectors``, the mean over inputs of cos^2(Wx, Q(W)x); ``rows``.
    """
    seed, weight, quantized = _weights(point, streams)
    means = [_cosine2(x @ weight.T, x @ quantized.T) for x in input_batches(seed, point["n"])]
    return {"vectors": sum(means) / len(means), "rows": _cosine2(weight, quantized)}
