"""Section 2 on synthetic activations: signs of projections, energy of the mean, singular modes.

Activations are X = shift 1 b' + Z: l tokens (rows), m channels, Z standard normal, b of unit root mean square.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from claims.kernels import dequantize, nvfp4_quantize
from claims.papers.mean_bias.experiments.rows import EPS, Array, Record, energy

if TYPE_CHECKING:
    from claims.streams import Streams


def expansion(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Mean vector, mean matrix and their expansion in singular modes at one drawn X of wide spectrum.

    Base point: ``tokens`` (l), ``channels`` (m). Quantities: ``expansion_gap`` = |mu - V a| with a_i = sigma_i
    (u_i'1)/l and ``expansion_planted`` with l - 1 for l; ``projection`` = mean of x_i'mu/|mu|, ``length`` = |mu| and
    ``median_projection``; ``mean_energy`` = |1 mu'|^2, ``split_energy`` = |X|^2 - |X - 1 mu'|^2 and
    ``split_planted`` with a mean over l - 1 tokens; ``ratio_squared`` (eq. 1) and ``spectral_share`` = the average of
    (u_i'1)^2/l under weights sigma_i^2, ``ratio``; ``cosine2`` between mu and v1 and ``coefficient_share`` =
    a_1^2/sum a^2, ``coefficient_planted`` without sigma.

    Rounding: LAPACK's factors are those of a matrix within 8 (l + m) ulp of sigma_1, so mu is met within
    8 (l + m) ulp sigma_1/sqrt(l); sums over l m entries add l m ulp at most.
    """
    tokens, channels = int(point["tokens"]), int(point["channels"])
    generator = streams.numpy("matrix")
    spread = np.exp(generator.standard_normal(channels))
    x = (generator.standard_normal((tokens, channels)) + generator.standard_normal(channels)) * spread
    left, values, right = np.linalg.svd(x, full_matrices=False)
    mean = x.mean(0)
    modes = left.sum(0)
    coefficients = values * modes / tokens
    length = math.sqrt(energy(mean))
    projections = x @ (mean / length)
    total, size = energy(x), 8 * (tokens + channels) * EPS * values[0]
    off = x - mean * (tokens / (tokens - 1))
    return {
        "expansion_gap": math.sqrt(energy(mean - right.T @ coefficients)),
        "expansion_planted": math.sqrt(energy(mean - right.T @ coefficients * (tokens / (tokens - 1)))),
        "expansion_bound": size / math.sqrt(tokens),
        "projection": float(projections.mean()),
        "length": length,
        "median_projection": float(np.median(projections)),
        "length_bound": size / math.sqrt(tokens),
        "mean_energy": tokens * length**2,
        "split_energy": total - energy(x - mean),
        "split_planted": total - energy(off),
        "split_bound": tokens * channels * EPS * total,
        "ratio": length / math.sqrt(total / tokens),
        "ratio_squared": length**2 / (total / tokens),
        "spectral_share": float((values**2 * modes**2).sum() / tokens / (values**2).sum()),
        "share_bound": tokens * channels * EPS,
        "cosine2": float(mean @ right[0]) ** 2 / length**2,
        "coefficient_share": float(coefficients[0] ** 2 / (coefficients @ coefficients)),
        "coefficient_planted": float(modes[0] ** 2 / (modes @ modes)),
        "cosine_bound": 8 * size / (math.sqrt(tokens) * length),
    }


def projected_signs(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Signs of projections on the mean, and eq. 1 in three readings, over independent matrices X.

    Base point: ``tokens`` (even), ``channels``, ``shift``, ``entries`` (drawn in all). Quantities: ``positive``, the
    share of tokens with x_i'mu > 0; ``held_out``, the same with the mean of the other half of the tokens;
    ``mean_share`` = |mu|^2 l/|X|^2, ``by_entries`` and ``by_tokens_twice``, that times m and l; ``mean_energy`` and
    ``energy`` a token and channel.
    """
    tokens, channels = int(point["tokens"]), int(point["channels"])
    draws = max(1, int(point["entries"]) // (tokens * channels))
    x = streams.numpy("tokens").standard_normal((draws, tokens, channels)) + float(point["shift"])
    half = tokens // 2
    halves = x[:, :half].mean(1), x[:, half:].mean(1)
    mean = (halves[0] + halves[1]) / 2
    held = (np.matmul(x[:, :half], halves[1][:, :, None]) > 0).mean() / 2
    held += (np.matmul(x[:, half:], halves[0][:, :, None]) > 0).mean() / 2
    squares = np.einsum("dlm,dlm->d", x, x)
    share = tokens * np.einsum("dm,dm->d", mean, mean) / squares
    return {
        "positive": float((np.matmul(x, mean[:, :, None]) > 0).mean()),
        "held_out": float(held),
        "mean_share": float(share.mean()),
        "by_entries": float(channels * share.mean()),
        "by_tokens_twice": float(tokens * share.mean()),
        "mean_energy": float((mean**2).mean()),
        "energy": float(squares.mean()) / (tokens * channels),
    }


def planted_modes(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Which singular mode the mean goes with: noise alone, a planted mean, or a mean beside one huge token.

    Base point: ``tokens``, ``channels``, ``shift``, ``token_size``. Sweep: ``content`` ("noise", "mean", "token"); all
    share Z. "token" is the planted mean and ``token_size`` sqrt(l m) shift added to the first token in a direction of
    its own, so that its mode leads from ``token_size`` 1 on. Quantities: ``leading_cosine2`` = cos^2(mu, v1),
    ``other_cosine2`` the largest over the other modes, ``leading_coherence`` = (u1'1)^2/l, ``second_coherence`` and
    ``other_coherence`` (mean over the others), ``mean_share``, ``leading_share`` = sigma_1^2/sum sigma^2, ``gap`` =
    sigma_2/sigma_1.
    """
    tokens, channels, shift = int(point["tokens"]), int(point["channels"]), float(point["shift"])
    generator = streams.numpy("matrix")
    noise = generator.standard_normal((tokens, channels))
    direction, other = np.linalg.qr(generator.standard_normal((channels, 2)))[0].T * math.sqrt(channels)
    token = np.zeros((tokens, channels))
    token[0] = float(point["token_size"]) * math.sqrt(tokens) * shift * other
    parts = {"noise": noise, "mean": noise + shift * direction, "token": noise + shift * direction + token}
    records = []
    for content in point["content"]:
        x = parts[content]
        left, values, right = np.linalg.svd(x, full_matrices=False)
        mean = x.mean(0)
        cosines = (right @ mean) ** 2 / energy(mean)
        coherence = left.sum(0) ** 2 / tokens
        records.append(
            {
                "content": content,
                "leading_cosine2": float(cosines[0]),
                "other_cosine2": float(cosines[1:].max()),
                "leading_coherence": float(coherence[0]),
                "second_coherence": float(coherence[1]),
                "other_coherence": float(coherence[1:].mean()),
                "mean_share": tokens * energy(mean) / energy(x),
                "leading_share": float(values[0] ** 2 / (values**2).sum()),
                "gap": float(values[1] / values[0]),
            }
        )
    return records


def mode_removal(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """What the leading singular mode adds to the error of NVFP4: the share of the error that goes when it is removed.

    Base point: ``tokens``, ``channels``. Sweep: ``shift``, ``law`` ("spread": b normal; "channels": b has one nonzero
    channel in 16, the same energy). Quantities: ``leading``, 1 - |Q(Y) - Y|^2/|Q(X) - X|^2 with Y = X less its leading
    mode; ``leading_share`` = sigma_1^2/|X|^2, ``gap`` = sigma_1/sigma_2, ``relative_error`` = |Q(X) - X|^2/|X|^2.
    Values are rounded to float32 before they are quantized.
    """
    tokens, channels = int(point["tokens"]), int(point["channels"])
    generator = streams.numpy("matrix")
    noise, spread = generator.standard_normal((tokens, channels)), generator.standard_normal(channels)
    few = np.where(np.arange(channels) % 16 == 0, np.sign(spread), 0.0)
    directions = {"spread": spread, "channels": few}
    records = []
    for law in point["law"]:
        direction = directions[law] * math.sqrt(channels / energy(directions[law]))
        for shift in point["shift"]:
            x = noise + shift * direction
            left, values, right = np.linalg.svd(x, full_matrices=False)
            error = quantization_error(x)
            without = quantization_error(x - values[0] * np.outer(left[:, 0], right[0]))
            records.append(
                {
                    "law": law,
                    "shift": shift,
                    "leading": 1 - without / error,
                    "leading_share": float(values[0] ** 2 / (values**2).sum()),
                    "gap": float(values[0] / values[1]),
                    "relative_error": error / energy(x),
                }
            )
    return records


def quantization_error(x: Array) -> float:
    """|Q(x) - x|^2 of NVFP4 with blocks of 16 along the rows, rounding to nearest."""
    single = torch.from_numpy(x).float()
    return float((dequantize(nvfp4_quantize(single)).double() - single.double()).square().sum())
