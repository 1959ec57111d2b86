"""Amplitudes of a trained model's activations, and the energies of single flips that follow (Exp F, Appendix E.8).

The amplitude of an input column j is alpha_j^2 = E x_j^2 / E |x|^2 over tokens. Outlier columns are the 5 % with the
largest. A flip in column j of an (m, n) matrix W moves the output by 4 |W_j|^2/m E x_j^2, averaged over rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from scipy.stats import spearmanr
from torch import Tensor

from claims.models.architecture import LINEARS
from claims.models.decoder import Decoder, product
from claims.models.known import TINYLLAMA, WIKITEXT
from claims.models.prepared import decoder, window
from claims.papers.sign_magnitude.experiments.blocks import Record
from claims.papers.sign_magnitude.trained.author_text import author_windows
from claims.streams import Streams

#: Share of the columns that the paper calls outliers.
OUTLIERS = 0.05
#: The paper's layer and the depth of its model: other models are looked at in the same relative depth.
_LAYER, _LAYERS = 12, 22
#: Parts of a layer whose input is another part's.
_SHARED = {"k": "q", "v": "q", "up": "gate"}


def middle_layer(model: Decoder) -> int:
    """The layer at the relative depth of the paper's layer 12 of 22."""
    return round(_LAYER / _LAYERS * model.architecture.layers)


def amplitudes(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Amplitudes and energies over the seed's own window, for a set of matrices: medians over the set.

    Base point: length (tokens of the window). Sweep: where ("middle-q": the q projection in the paper's relative depth;
    a part of the layer such as "gate": that matrix of every layer; "all": every matrix).

    Quantities, with n columns, k of them outliers: ``median`` n alpha^2 over outliers; ``outlier`` n E[alpha^2|out];
    ``rest`` n E[alpha^2|not out]; ``largest`` n max alpha^2; ``share`` of the energy in outliers; ``giant``, what of
    that is the largest column's; ``log_skew`` = log(outlier/median); ``by_token``, the log of n E[alpha^2|out] with
    each token normalised first over ``outlier``; ``overlap`` of the outliers with the k columns of largest E |x_j|;
    ``rank`` = Spearman's correlation of alpha^2 and energy; ``rank_above`` = share of the set in which it exceeds .9;
    ``norm_ratio`` = mean squared norm of outlier columns over that of others; ``log_leverage`` = log of the mean energy
    of a flip in outliers over that in others; this less log(outlier) (``log_over_outlier``), and less
    log(outlier/rest) (``log_over_ratio``); ``log_average``, the log of the energy in outliers over that in a column of
    alpha^2 = 1/n and mean norm, less log(outlier).
    """
    model = decoder(point["subject"])
    moments = _moments(model, window(point["subject"], streams, length=point["length"]))
    found = {
        (layer, part): _described(*moments[layer, _SHARED.get(part, part)], _column_norms(model, layer, part))
        for layer in range(model.architecture.layers)
        for part in LINEARS
    }
    records = []
    for where in point["where"]:
        chosen = [values for name, values in found.items() if _belongs(model, where, *name)]
        stacked = torch.tensor([list(values.values()) for values in chosen], dtype=torch.float64)
        middles = torch.quantile(stacked, 0.5, dim=0).tolist()
        record: Record = {"where": where} | dict(zip(chosen[0], middles, strict=True))
        record["rank_above"] = sum(values["rank"] > 0.9 for values in chosen) / len(chosen)
        record["overlap"] = sum(values["overlap"] for values in chosen) / len(chosen)
        records.append(record)
    return records


def _belongs(model: Decoder, where: str, layer: int, part: str) -> bool:
    if where == "middle-q":
        return part == "q" and layer == middle_layer(model)
    return where in ("all", part)


def _moments(model: Decoder, tokens: Tensor) -> dict[tuple[int, str], tuple[Tensor, Tensor, Tensor]]:
    """E x_j^2, E |x_j| and E x_j^2/|x|^2 of the inputs of q, o, gate and down, float64 (n,)."""
    found = {}

    def watched(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        _, layer, part = name.split(".")
        if part not in _SHARED:
            rows = x.flatten(0, -2).double()
            squares = rows.square()
            shares = squares / squares.sum(1, keepdim=True)
            found[int(layer), part] = (squares.mean(0), rows.abs().mean(0), shares.mean(0))
        return product(x, weight, bias)

    with torch.no_grad():
        model.run(model.embed(tokens), linear=watched)
    return found


def _column_norms(model: Decoder, layer: int, part: str) -> Tensor:
    """Squared norms of a matrix's columns, float64 (n,)."""
    norms: Tensor = torch.linalg.vector_norm(model.layer(layer)[part], dim=0, dtype=torch.float64)
    return norms.square()


def _described(square: Tensor, absolute: Tensor, share: Tensor, norms: Tensor) -> dict[str, float]:
    """The quantities of one matrix; see ``amplitudes``."""
    n = len(square)
    count = max(1, int(OUTLIERS * n))
    alpha2, energy = square / square.sum(), norms * square
    order = _descending(alpha2)
    out, others = order[:count], order[count:]
    outlier, rest, median = (
        float(n * values) for values in (alpha2[out].mean(), alpha2[others].mean(), alpha2[out].median())
    )
    leverage = math.log(energy[out].mean() / energy[others].mean())
    average = math.log(energy[out].mean() / (square.mean() * norms.mean()))
    by_token = float(n * share[_descending(share)[:count]].mean())
    return {
        "median": median,
        "outlier": outlier,
        "rest": rest,
        "largest": float(n * alpha2.max()),
        "share": float(alpha2[out].sum()),
        "giant": float(alpha2.max() / alpha2[out].sum()),
        "log_skew": math.log(outlier / median),
        "by_token": math.log(by_token / outlier),
        "overlap": len(set(out.tolist()) & set(_descending(absolute)[:count].tolist())) / count,
        "rank": float(spearmanr(alpha2, energy).statistic),
        "norm_ratio": float(norms[out].mean() / norms[others].mean()),
        "log_leverage": leverage,
        "log_over_outlier": leverage - math.log(outlier),
        "log_over_ratio": leverage - math.log(outlier / rest),
        "log_average": average - math.log(outlier),
    }


def _descending(values: Tensor) -> Tensor:
    order: Tensor = torch.argsort(values, descending=True, stable=True)
    return order


def column_energy(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The energy of a flipped column of the paper's matrix, measured on the seed's window and from the formula.

    All m weights of a random column of the q projection in the paper's relative depth change sign; per weight that is
    1/m of |dy|^2, averaged over tokens.

    Base point: length. Quantities: ``measured``; ``formula`` = 4 alpha^2 E|x|^2 |W_j|^2/m; ``bound`` on what rounding
    makes of the difference; ``by_token`` = the formula with each token normalised before alpha is taken.
    """
    model = decoder(point["subject"])
    layer = middle_layer(model)
    tokens = window(point["subject"], streams, length=point["length"])
    kept: list[Tensor] = []

    def watched(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if name == f"layers.{layer}.q":
            kept.append(x.flatten(0, -2).double())
        return product(x, weight, bias)

    with torch.no_grad():
        model.run(model.embed(tokens), stop=layer + 1, linear=watched)
    (x,) = kept
    weight = model.layer(layer)["q"].double()
    column = int(streams.numpy("column").integers(x.shape[1]))
    flipped = weight.clone()
    flipped[:, column] *= -1
    clean, moved = x @ weight.T, x @ flipped.T
    rows, length = weight.shape[0], x.square().sum(1)
    per_norm = 4 * weight[:, column].square().sum() * length.mean() / rows
    difference = moved - clean
    # A product of n terms in float64 is off by n eps sum |w x| at most, a difference of two by twice that.
    off = 2 * x.shape[1] * torch.finfo(torch.float64).eps * (x.abs() @ weight.abs().T)
    bound = (2 * off * difference.abs() + off.square()).sum(1).mean() / rows
    return {
        "measured": float(difference.square().sum(1).mean() / rows),
        "formula": float(per_norm * (x[:, column].square().mean() / length.mean())),
        "by_token": float(per_norm * (x[:, column].square() / length).mean()),
        "bound": float(bound + 1e-12 * per_norm),
    }


def released(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Exp F and the amplitudes of Appendix E.8 on the authors' model and text, as their script takes them.

    Ten windows of 2,048 tokens; in float32 where the script's forward pass is in half precision. The figure of a
    quantile is that of one column. Quantities: ``alpha_max``, ``alpha_p90`` and ``alpha_median`` of the outliers,
    ``alpha_all`` = median of all columns, ``norm`` = E|x|^2, ``outlier`` = n E[alpha^2|out], ``rank``,
    ``energy_ratio``, ``norm_ratio``.
    """
    TINYLLAMA.require(point["subject"], "Exp F", text=WIKITEXT)
    model = decoder(point["subject"])
    squares: list[Tensor] = []

    def watched(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if name == f"layers.{_LAYER}.q":
            squares.append(x.flatten(0, -2).double().square())
        return product(x, weight, bias)

    with torch.no_grad():
        for tokens in author_windows(point["subject"]):
            model.run(model.embed(tokens[None]), stop=_LAYER + 1, linear=watched)
    return _summary(torch.cat(squares).mean(0), _column_norms(model, _LAYER, "q"))


def _summary(square: Tensor, norms: Tensor) -> dict[str, float]:
    """What the script reports of second moments and squared column norms, both (n,)."""
    n = len(square)
    count = max(1, int(OUTLIERS * n))
    alpha2, energy = square / square.sum(), norms * square
    order = torch.argsort(alpha2, stable=True)
    out, others = order[-count:], order[:-count]
    columns = {"max": order[-1], "p90": out[int(0.9 * count)], "median": out[count // 2], "all": order[n // 2]}
    return {f"alpha_{name}": math.sqrt(alpha2[column]) for name, column in columns.items()} | {
        "norm": float(square.sum()),
        "outlier": float(n * alpha2[out].mean()),
        "rank": float(spearmanr(alpha2, energy).statistic),
        "energy_ratio": float(energy[out].mean() / energy[others].mean()),
        "norm_ratio": float(norms[out].mean() / norms[others].mean()),
    }
