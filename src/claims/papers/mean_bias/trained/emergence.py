"""Where the mean of a trained model's activations comes from: embedding, attention, MLP, residual additions.

Shares are of the energy, |M|^2 / |X|^2 of a matrix X of tokens (rows) over one window of text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from claims.models.prepared import decoder, text_tokens, window
from claims.papers.mean_bias.trained.activations import mean_share
from claims.papers.mean_bias.trained.matrices import Step, steps

if TYPE_CHECKING:
    from claims.streams import Streams
    from claims.subject import Subject

Record = dict[str, Any]


def embedding(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Stage I on the tokens of one random stretch of the text, embedded by the model.

    Base point: ``tokens``, the length of the stretch (of the whole text, if that is shorter). Quantities: share of the
    mean among the tokens as they come, ``text_share``, with each that occurs counted once, ``types_share``, and over
    the whole vocabulary, ``vocabulary_share``; ``independent_share``, sum p^2, what the text's frequencies p alone
    give to embeddings without a common direction; ``text_cosine`` and ``vocabulary_cosine``, the cosines (absolute) of
    v1 of the text's embeddings with the mean of the text and with that of the vocabulary, and ``best_cosine``, the
    largest of the text's mean with any singular vector; ``means_cosine`` between the two means.
    """
    subject: Subject = point["subject"]
    model, everything = decoder(subject), text_tokens(subject)
    length = min(int(point["tokens"]), len(everything))
    start = int(streams.numpy("stretch").integers(len(everything) - length + 1))
    types, counts = np.unique(everything[start : start + length].numpy(), return_counts=True)
    table = model.outer("embedding")
    rows, weights = table[torch.from_numpy(types)].double(), torch.from_numpy(counts / length)
    mean, vocabulary_mean = weights @ rows, table.double().mean(0)
    vectors = torch.linalg.eigh((rows * weights[:, None]).T @ rows).eigenvectors.flip(1)
    cosines = (mean @ vectors).abs() / torch.linalg.vector_norm(mean)
    energies = rows.square().sum(1)
    return {
        "text_share": float(mean.square().sum() / (weights @ energies)),
        "types_share": mean_share(rows),
        "vocabulary_share": mean_share(table),
        "independent_share": float(weights.square().sum()),
        "text_cosine": float(cosines[0]),
        "vocabulary_cosine": abs(cosine(vocabulary_mean, vectors[:, 0])),
        "best_cosine": float(cosines.max()),
        "means_cosine": cosine(mean, vocabulary_mean),
    }


def cosine(a: Tensor, b: Tensor) -> float:
    """Of the angle between two vectors, in float64; 0 if one is zero."""
    scale = torch.linalg.vector_norm(a.double()) * torch.linalg.vector_norm(b.double())
    return float(a.double() @ b.double() / scale) if scale > 0 else 0.0


def regeneration(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Stage II: the mean's share before and behind attention and MLP, on one random window.

    Base point: ``tokens``. Sweep: ``depth``: "first", the first layer, or "all", the average over all layers.
    Quantities: shares of the attention's input ``attention_input``, its values ``values``, the average ``mixed`` of
    these under softmax's weights, and ``uniform`` under equal weights for all tokens so far; of the MLP's input
    ``mlp_input``, its two pre-activations ``gate`` and ``up``, SiLU of the first ``silu``, and the product
    ``hidden``; with both pre-activations centred, of SiLU ``centred_silu`` and of the product ``centred_hidden``.
    ``attention_raises`` and ``swiglu_lowers`` are the shares of layers in which attention's average has more mean than
    its values, and the product less than the MLP's input; ``attention_below_input`` of those in which the average has
    less than attention's input.
    """
    subject: Subject = point["subject"]
    found = [shares(step) for step in steps(decoder(subject), window(subject, streams, length=point["tokens"]))]
    chosen = {"first": found[:1], "all": found}
    return [
        {"depth": depth} | {name: float(np.mean([layer[name] for layer in chosen[depth]])) for name in found[0]}
        for depth in point["depth"]
    ]


def shares(step: Step) -> dict[str, float]:
    """The quantities of ``regeneration`` in one layer."""
    values, gate, up = step.outputs["v"], step.outputs["gate"], step.outputs["up"]
    so_far = torch.arange(1, len(values) + 1, dtype=torch.float64)[:, None]
    centred, other = gate - gate.mean(0), up - up.mean(0)
    found = {
        "attention_input": step.inputs["q"],
        "values": values,
        "mixed": step.inputs["o"],
        "uniform": values.double().cumsum(0) / so_far,
        "mlp_input": step.inputs["gate"],
        "gate": gate,
        "up": up,
        "silu": functional.silu(gate),
        "hidden": step.inputs["down"],
        "centred_silu": functional.silu(centred),
        "centred_hidden": functional.silu(centred) * other,
    }
    share = {name: mean_share(x) for name, x in found.items()}
    share["attention_raises"] = float(share["mixed"] > share["values"])
    share["attention_below_input"] = float(share["mixed"] < share["attention_input"])
    share["swiglu_lowers"] = float(share["hidden"] < share["mlp_input"])
    return share


def accumulation(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Stage III: means along the residual stream of one random window, its first token left out.

    A layer adds to the stream twice, behind attention and behind the MLP; d is the mean of what is added to a stream
    of mean mu. Base point: ``tokens``. Quantities: ``against_attention`` and ``against_mlp``, shares of layers in which
    d points against mu, and ``shortened_mlp``, in which the sum is shorter than mu; ``cosine_attention`` and
    ``cosine_mlp``, averages of the cosine of d and mu over layers; ``length_growth`` = ln of |mu| behind the last layer
    over |mu| of the embedding; ``share_growth``, the mean's share behind the last layer less that of the embedding;
    ``share_rank``, Spearman's correlation of the share with depth, ``share_with_first``, the average share over depths
    with the first token, and ``share_without``, without it.
    """
    subject: Subject = point["subject"]
    model = decoder(subject)
    cosines: dict[str, list[float]] = {"attention": [], "mlp": []}
    shortened, share, with_first, lengths = [], [], [], []
    for step in steps(model, window(subject, streams, length=point["tokens"])):
        between = step.before + step.outputs["o"]
        means = [stream[1:].double().mean(0) for stream in (step.before, between, step.after)]
        cosines["attention"].append(cosine(means[0], means[1] - means[0]))
        cosines["mlp"].append(cosine(means[1], means[2] - means[1]))
        before, _, after = (float(torch.linalg.vector_norm(mean)) for mean in means)
        shortened.append(float(torch.linalg.vector_norm(means[2]) < torch.linalg.vector_norm(means[1])))
        share.append(mean_share(step.before[1:]))
        with_first.append(mean_share(step.before))
        lengths += [before, after]
        last = step.after
    share.append(mean_share(last[1:]))
    with_first.append(mean_share(last))
    return {
        "against_attention": float(np.mean(np.array(cosines["attention"]) < 0)),
        "against_mlp": float(np.mean(np.array(cosines["mlp"]) < 0)),
        "shortened_mlp": float(np.mean(shortened)),
        "cosine_attention": float(np.mean(cosines["attention"])),
        "cosine_mlp": float(np.mean(cosines["mlp"])),
        "length_growth": float(np.log(lengths[-1] / lengths[0])),
        "share_growth": share[-1] - share[0],
        "share_rank": spearman(share),
        "share_with_first": float(np.mean(with_first)),
        "share_without": float(np.mean(share)),
    }


def spearman(values: list[float]) -> float:
    """Rank correlation of values, all different, with their order."""
    ranks = np.argsort(np.argsort(values))
    return float(np.corrcoef(ranks, np.arange(len(values)))[0, 1])
