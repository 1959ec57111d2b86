"""Section 3's other mechanisms on synthetic activations: token frequencies, averaging, residual depth, width.

Unless said, X = shift 1 b' + Z: l tokens (rows), m channels, Z standard normal, b of unit root mean square.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from claims.papers.mean_bias.experiments.rows import EPS, Record, energy, share_of_mean, unit_direction

if TYPE_CHECKING:
    from claims.streams import Streams


def token_frequencies(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Eq. 2 over independent Gaussian embeddings with Zipf's frequencies.

    Base point: ``vocabulary``, ``channels``, ``exponent``, ``head``, ``tokens`` (length of a drawn text). Quantities:
    ``weighted_share`` and ``uniform_share``, energy of the mean embedding over the mean energy of an embedding under
    either weighting; ``head_energy`` and ``mean_energy``, |sum over the first ``head`` ranks of p(v) E_v|^2 and
    |sum of all|^2; ``count_gap`` = distance of the text's row mean from the mean weighted by its counts,
    ``count_planted`` from the mean weighted by the frequencies that the text was drawn with, ``count_bound``.
    """
    vocabulary, channels, tokens = int(point["vocabulary"]), int(point["channels"]), int(point["tokens"])
    generator = streams.numpy("embedding")
    embedding = generator.standard_normal((vocabulary, channels))
    frequencies = np.arange(1, vocabulary + 1) ** -float(point["exponent"])
    frequencies /= frequencies.sum()
    energies = np.einsum("vm,vm->v", embedding, embedding)
    mean, head = frequencies @ embedding, frequencies[: int(point["head"])] @ embedding[: int(point["head"])]
    text = generator.choice(vocabulary, size=tokens, p=frequencies)
    counts = np.bincount(text, minlength=vocabulary) / tokens
    rows = embedding[text].mean(0)
    return {
        "weighted_share": energy(mean) / float(frequencies @ energies),
        "uniform_share": energy(embedding.mean(0)) / float(energies.mean()),
        "head_energy": energy(head),
        "mean_energy": energy(mean),
        "count_gap": math.sqrt(energy(rows - counts @ embedding)),
        "count_planted": math.sqrt(energy(rows - mean)),
        "count_bound": (vocabulary + tokens) * EPS * math.sqrt(float(energies.max())),
    }


def attention_arms(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Mean share behind attention A X whose weights A come from similarities, from chance, or are equal.

    Base point: ``tokens``, ``channels``, ``shift``. Sweep: ``weights``, a softmax of ``sharpness`` times: "similarity",
    x_i'x_j/sqrt(m); "dealt", each row of these dealt out to the tokens at random, so that weights are as unequal and
    know nothing of X; "random", standard normal scores. ``sharpness`` 0 gives equal weights. All share X. Quantities:
    ``before``, ``after`` (shares) and ``effective_tokens``, 1 over a row's sum of squares.
    """
    tokens, channels = int(point["tokens"]), int(point["channels"])
    generator = streams.numpy("tokens")
    x = float(point["shift"]) * unit_direction(generator, channels) + generator.standard_normal((tokens, channels))
    scores = {"similarity": x @ x.T / math.sqrt(channels), "random": generator.standard_normal((tokens, tokens))}
    scores["dealt"] = generator.permuted(scores["similarity"], axis=1)
    before = share_of_mean(x)
    records = []
    for name in point["weights"]:
        for sharpness in point["sharpness"]:
            logits = sharpness * scores[name]
            weights = np.exp(logits - logits.max(1, keepdims=True))
            weights /= weights.sum(1, keepdims=True)
            records.append(
                {
                    "weights": name,
                    "sharpness": sharpness,
                    "before": before,
                    "after": share_of_mean(weights @ x),
                    "effective_tokens": float((1 / np.einsum("ij,ij->i", weights, weights)).mean()),
                }
            )
    return records


def residual_stream(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Mean share of a sum over layers that each add a mean of size ``shift`` and unit noise.

    Base point: ``tokens``, ``channels``, ``shift``. Sweep: ``depth`` (layers added), ``direction`` of the layers' means
    ("unrelated", "common"); all share the noise. Quantities: ``mean_energy`` and ``energy`` a token and channel,
    ``share``, their quotient.
    """
    tokens, channels, shift = int(point["tokens"]), int(point["channels"]), float(point["shift"])
    layers = max(point["depth"])
    generator = streams.numpy("layers")
    noise = np.cumsum(generator.standard_normal((layers, tokens, channels)), axis=0)
    directions = np.stack([unit_direction(generator, channels) for _ in range(layers)])
    sums = {
        "unrelated": np.cumsum(directions, axis=0),
        "common": directions[0] * np.arange(1, layers + 1)[:, None],
    }
    records = []
    for direction in point["direction"]:
        for depth in point["depth"]:
            x = noise[depth - 1] + shift * sums[direction][depth - 1]
            mean = x.mean(0)
            records.append(
                {
                    "direction": direction,
                    "depth": depth,
                    "mean_energy": energy(mean) / channels,
                    "energy": energy(x) / (tokens * channels),
                    "share": energy(mean) * tokens / energy(x),
                }
            )
    return records


def residual_identity(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Eq. 4 at one drawn layer: the mean of X + F against the sum of both means, and its energy.

    Base point: ``tokens``, ``channels``. Quantities: ``gap``, ``planted`` (F's mean left out for one channel),
    ``bound``; ``energy_before`` = |mu|^2, ``energy_after`` = |mu + d|^2, ``energy_balance`` = |mu|^2 + |d|^2 + 2 mu'd,
    ``energy_planted`` without the inner product, ``energy_bound``.
    """
    tokens, channels = int(point["tokens"]), int(point["channels"])
    generator = streams.numpy("layer")
    x, f = generator.standard_normal((2, tokens, channels)) + generator.standard_normal((2, 1, channels))
    mean, change, after = x.mean(0), f.mean(0), (x + f).mean(0)
    without = change.copy()
    without[0] = 0
    size = math.sqrt(channels) * float(np.abs(x).max() + np.abs(f).max())
    return {
        "gap": math.sqrt(energy(after - (mean + change))),
        "planted": math.sqrt(energy(after - (mean + without))),
        "bound": 2 * tokens * EPS * size,
        "energy_before": energy(mean),
        "energy_after": energy(after),
        "energy_balance": energy(mean) + energy(change) + 2 * float(mean @ change),
        "energy_planted": energy(mean) + energy(change),
        "energy_bound": 4 * (tokens + channels) * EPS * size * size,
    }


def width(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Norms, shares and largest entries as the number of channels grows and everything a channel stays the same.

    Base point: ``tokens``, ``shift``, ``largest`` (share of entries that count as extreme). Sweep: ``hidden`` (H),
    ``law`` of the channel means: "constant", "gaussian" (both of root mean square ``shift``); narrower matrices are the
    first channels of the widest. Quantities: ``mean_norm`` = |mu|, ``flat_norm`` = sqrt(H) mean|mu_j|, ``noise_norm``,
    root mean square length of a centred token; ``mean_share``; ``largest_entry`` = max|X_ij|, ``largest_mean`` =
    max|mu_j|; ``extreme_share``, the average of mu_j/X_ij over the ``largest`` entries.
    """
    tokens, shift = int(point["tokens"]), float(point["shift"])
    widest = max(point["hidden"])
    generator = streams.numpy("channels")
    means = {"constant": np.ones(widest), "gaussian": generator.standard_normal(widest)}
    noise = generator.standard_normal((tokens, widest))
    noise -= noise.mean(0)  # the channel means are what they are said to be
    records = []
    for law in point["law"]:
        for hidden in point["hidden"]:
            mean = shift * means[law][:hidden]
            x = mean + noise[:, :hidden]
            count = max(1, round(float(point["largest"]) * x.size))
            extreme = np.argpartition(np.abs(x), -count, axis=None)[-count:]
            records.append(
                {
                    "law": law,
                    "hidden": hidden,
                    "mean_norm": math.sqrt(energy(mean)),
                    "flat_norm": math.sqrt(hidden) * float(np.abs(mean).mean()),
                    "noise_norm": math.sqrt(energy(noise[:, :hidden]) / tokens),
                    "mean_share": tokens * energy(mean) / energy(x),
                    "largest_entry": float(np.abs(x).max()),
                    "largest_mean": float(np.abs(mean).max()),
                    "extreme_share": float((mean[extreme % hidden] / x.ravel()[extreme]).mean()),
                }
            )
    return records


def root_mean_square(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Eq. 5 at one drawn vector: |mu| against sqrt(H) times the root mean square and times the mean magnitude.

    Base point: ``hidden``. Quantities: ``norm``, ``by_root_mean_square``, ``by_magnitude``, ``bound``.
    """
    hidden = int(point["hidden"])
    mean = streams.numpy("vector").standard_normal(hidden)
    norm = float(np.linalg.norm(mean))
    return {
        "norm": norm,
        "by_root_mean_square": math.sqrt(hidden) * math.sqrt(float(np.mean(mean**2))),
        "by_magnitude": math.sqrt(hidden) * float(np.abs(mean).mean()),
        "bound": (hidden + 8) * EPS * norm,
    }
