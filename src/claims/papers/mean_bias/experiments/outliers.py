"""Section 4 on synthetic activations: mean + spike + tail, who makes the largest entries, which blocks they reach."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from claims.kernels import dequantize, e4m3_decode, nvfp4_quantize
from claims.papers.mean_bias.experiments.rows import EPS, Array, Record, energy

if TYPE_CHECKING:
    from claims.streams import Streams

BLOCK = 16


def spike_rank(channels: int) -> int:
    """Directions of the spike: one per cent of the channels, rounded down (none below 100)."""
    return channels // 100


def spike_of(x: Array, rank: int) -> tuple[Array, Array]:
    """The part of x in its ``rank`` leading singular modes, and the part in the others, both from the factors."""
    left, values, right = np.linalg.svd(x, full_matrices=False)
    return (left[:, :rank] * values[:rank]) @ right[:rank], (left[:, rank:] * values[rank:]) @ right[rank:]


def decomposition(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Eq. 6 and 7 at one drawn X of wide spectrum with a mean.

    Base point: ``tokens``, ``channels`` (100 or more). Quantities, energies over |X|^2: ``sum_gap`` =
    |X - M - S - T|/|X| and ``sum_planted`` without the spike's last mode; ``inner``, the largest of the three inner
    products of M, S, T over |X|^2; ``column_means``, the length of the column means of S and T over |X|/sqrt(l);
    ``energy`` of X (one), ``separated`` = |M|^2 + |S|^2 + |T|^2. ``uncentred_`` are the same with the spike of X
    itself, the tail being what is left of X - M.

    Rounding: LAPACK's factors are those of a matrix within 8 (l + m) ulp of sigma_1 <= |X|, and orthogonal as closely;
    products and sums over m entries stay within that.
    """
    tokens, channels = int(point["tokens"]), int(point["channels"])
    generator = streams.numpy("matrix")
    spread = np.exp(0.5 * generator.standard_normal(channels))
    x = (generator.standard_normal((tokens, channels)) + generator.standard_normal(channels)) * spread
    rank = spike_rank(channels)
    total = energy(x)
    mean = np.broadcast_to(x.mean(0), x.shape)
    spike, rest = spike_of(x - mean, rank)
    shorter, _ = spike_of(x - mean, rank - 1)
    whole, _ = spike_of(x, rank)
    left_over = x - mean - whole
    return {
        "sum_gap": math.sqrt(energy(x - mean - spike - rest) / total),
        "sum_planted": math.sqrt(energy(x - mean - shorter - rest) / total),
        "inner": _largest_inner(mean, spike, rest) / total,
        "uncentred_inner": _largest_inner(mean, whole, left_over) / total,
        "column_means": _column_means(spike, rest) / math.sqrt(total / tokens),
        "uncentred_column_means": _column_means(whole, left_over) / math.sqrt(total / tokens),
        "energy": 1.0,
        "separated": (energy(mean) + energy(spike) + energy(rest)) / total,
        "uncentred_separated": (energy(mean) + energy(whole) + energy(left_over)) / total,
        "bound": 16 * (tokens + channels) * EPS,
    }


def _largest_inner(*parts: Array) -> float:
    return max(abs(float(np.vdot(a, b))) for i, a in enumerate(parts) for b in parts[:i])


def _column_means(*parts: Array) -> float:
    return max(math.sqrt(energy(part.mean(0))) for part in parts)


def extremes(x: Array, largest: float) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Flat indices of the ``largest`` share of the entries by magnitude, one at least."""
    count = max(1, round(largest * x.size))
    return np.argpartition(np.abs(x), -count, axis=None)[-count:]


def attribution(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Eq. 8 with the mean against everything else, among the largest entries.

    Base point: ``tokens``, ``channels``, ``largest`` (share of entries that are extreme). Sweep: ``law`` of the channel
    means ("gaussian", or "channels": one of 128 carries all) and ``shift``, their root mean square; all share the
    noise. Quantities, averages over the extremes: ``squared_mean`` = mu^2/X^2, ``squared_rest`` = z^2/X^2, ``cross`` =
    2 mu z/X^2, ``additive`` = mu/X; over all entries: ``mean_share``, |M|^2/|X|^2; ``columns``, the smallest share of
    the channels that holds nine tenths of the extremes. The noise has column means zero, as eq. 6 has it.
    """
    tokens, channels = int(point["tokens"]), int(point["channels"])
    generator = streams.numpy("entries")
    noise = generator.standard_normal((tokens, channels))
    noise -= noise.mean(0)
    spread = generator.standard_normal(channels)
    few = np.where(np.arange(channels) % 128 == 0, np.sign(spread) * math.sqrt(128), 0.0)
    laws = {"gaussian": spread, "channels": few}
    records = []
    for law in point["law"]:
        for shift in point["shift"]:
            mean = shift * laws[law]
            x = mean + noise
            chosen = extremes(x, float(point["largest"]))
            entries, means, rest = x.ravel()[chosen], mean[chosen % channels], noise.ravel()[chosen]
            held = np.sort(np.bincount(chosen % channels, minlength=channels))[::-1].cumsum()
            records.append(
                {
                    "law": law,
                    "shift": shift,
                    "squared_mean": float(np.mean((means / entries) ** 2)),
                    "squared_rest": float(np.mean((rest / entries) ** 2)),
                    "cross": float(np.mean(2 * means * rest / entries**2)),
                    "additive": float(np.mean(means / entries)),
                    "mean_share": tokens * energy(mean) / energy(x),
                    "columns": float(np.searchsorted(held, 0.9 * len(chosen)) + 1) / channels,
                }
            )
    return records


def three_way(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Eq. 8 as printed: squared shares of mean, spike and tail among the largest entries, and the additive shares.

    Base point: ``tokens``, ``channels``, ``largest``, ``spike`` (size of a planted rank-one part of the tokens). Sweep:
    ``shift`` (root mean square of Gaussian channel means). Centred parts do not depend on the mean, so all share one
    singular value decomposition. Quantities, averages over the extremes: ``squared_mean``, ``squared_spike``,
    ``squared_tail``, ``cross`` = 1 less their sum; ``additive_mean``, ``additive_spike``, ``additive_tail`` (M/X, S/X,
    T/X) and ``additive_sum``; ``squared_sum`` and ``bound``, the rounding of a quotient's average.
    """
    tokens, channels = int(point["tokens"]), int(point["channels"])
    generator = streams.numpy("entries")
    noise = generator.standard_normal((tokens, channels))
    noise += float(point["spike"]) * np.outer(generator.standard_normal(tokens), generator.standard_normal(channels))
    noise -= noise.mean(0)
    spike, tail = spike_of(noise, spike_rank(channels))
    means = generator.standard_normal(channels)
    records = []
    for shift in point["shift"]:
        x = shift * means + spike + tail
        chosen = extremes(x, float(point["largest"]))
        entries = x.ravel()[chosen]
        parts = {
            "mean": shift * means[chosen % channels] / entries,
            "spike": spike.ravel()[chosen] / entries,
            "tail": tail.ravel()[chosen] / entries,
        }
        squared = {f"squared_{name}": float(np.mean(part**2)) for name, part in parts.items()}
        additive = {f"additive_{name}": float(np.mean(part)) for name, part in parts.items()}
        total = sum(squared.values())
        sums = {"squared_sum": total, "cross": 1 - total, "additive_sum": sum(additive.values())}
        worst = max(float(np.abs(part).max()) for part in parts.values())
        records.append({"shift": shift, "bound": 16 * EPS * (1 + worst)} | squared | additive | sums)
    return records


def crowded_blocks(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """NVFP4 blocks of 16 standard normal entries, of which some are replaced by large ones.

    Base point: ``blocks``, ``size``. Sweep: ``outliers`` a block (at most 8), at its last places; magnitudes are
    uniform on [.8, 1] ``size``, signs random, and more outliers keep the fewer ones. The tensor scale is that of
    ``size`` everywhere. Quantities: ``scale``, the average step of a block (block scale times tensor scale),
    ``rest_error``, the mean square error of the first eight entries.
    """
    blocks, size = int(point["blocks"]), float(point["size"])
    generator = streams.numpy("blocks")
    x = generator.standard_normal((blocks, BLOCK))
    large = size * generator.uniform(0.8, 1, (blocks, BLOCK // 2)) * generator.choice((-1.0, 1.0), (blocks, BLOCK // 2))
    records = []
    for outliers in point["outliers"]:
        entries = x.copy()
        if outliers:
            entries[:, -outliers:] = large[:, -outliers:]
        single = torch.from_numpy(entries).float()
        quantized = nvfp4_quantize(single, amax=size)
        step = e4m3_decode(quantized.scales).double() * quantized.tensor_scale.double()
        error = (dequantize(quantized).double() - single.double())[:, : BLOCK // 2]
        records.append({"outliers": outliers, "scale": float(step.mean()), "rest_error": float(error.square().mean())})
    return records


def reached_blocks(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Which blocks hold an extreme entry when extremes are scattered, or make up whole channels.

    Base point: ``tokens``, ``channels`` (a multiple of 16), ``probability`` that an entry is extreme. Sweep:
    ``arrangement``: "scattered" entries on their own, or "channels", that share of the channels for all tokens.
    Quantities: ``reached`` and ``blocks`` (counts), ``share`` = their quotient.
    """
    tokens, channels, probability = int(point["tokens"]), int(point["channels"]), float(point["probability"])
    generator = streams.numpy("extremes")
    scattered = generator.uniform(size=(tokens, channels)) < probability
    chosen = generator.permutation(channels)[: round(probability * channels)]
    coherent = np.broadcast_to(np.isin(np.arange(channels), chosen), (tokens, channels))
    records = []
    for arrangement in point["arrangement"]:
        extreme = scattered if arrangement == "scattered" else coherent
        reached = extreme.reshape(tokens, channels // BLOCK, BLOCK).any(2)
        records.append(
            {
                "arrangement": arrangement,
                "reached": float(reached.sum()),
                "blocks": float(reached.size),
                "share": float(reached.mean()),
            }
        )
    return records
