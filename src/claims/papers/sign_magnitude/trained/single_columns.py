"""Exp G on a trained model: one whole column of a weight matrix is negated, and the loss and KL divergence follow.

Negating column j moves the output of the matrix by -2 x_j W_j: the energy is 4 x_j^2 |W_j|^2, and alpha_j^2 =
E x_j^2 / E |x|^2 is the column's share of the input's energy (section 9.5 of the paper).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from claims.models.decoder import Decoder, Linear, product
from claims.models.divergence import Divergence, divergences
from claims.models.known import TINYLLAMA, WIKITEXT
from claims.models.prepared import SQUARE, decoder, moments, window
from claims.papers.sign_magnitude.trained.author_text import author_windows
from claims.streams import Streams
from claims.subject import Subject

#: Layer 12 of the 22 of the paper's model, as a share of the depth.
RELATIVE_DEPTH = 12 / 22
#: Correlations and slopes of fewer columns than this are reported as 0: the authors' script leaves them out.
_FEWEST = 5


def relative_layer(layers: int) -> int:
    """The layer at the relative depth of the paper's target: 12 of 22."""
    return round(RELATIVE_DEPTH * layers)


def log_spaced(alpha: np.ndarray, count: int, *, offset: float | None = None) -> list[int]:
    """Columns whose alpha is nearest to ``count`` values spaced evenly in log alpha, each column taken once.

    Args:
        alpha: of every column, (columns,).
        count: how many columns.
        offset: None is the authors' spacing, from the smallest to the largest alpha; else the k-th value lies at the
            fraction (k + offset)/count of that range, offset in [0, 1).
    """
    logs = np.log(np.maximum(alpha, 1e-10))
    at = np.linspace(0, 1, count) if offset is None else (np.arange(count) + offset) / count
    free, chosen = alpha.copy(), []
    for target in np.exp(logs.min() + at * (logs.max() - logs.min())):
        chosen.append(int(np.argmin(np.abs(free - target))))
        free[chosen[-1]] = np.inf
    return sorted(chosen, key=lambda column: float(alpha[column]))


def flipped_columns(
    model: Decoder, before: Tensor, tokens: Tensor, *, layer: int, part: str, columns: Sequence[int]
) -> list[Divergence]:
    """What negating each column alone does; ``before`` is the residual stream before the layer.

    The perturbed matrix never exists: -2 x_j W_j is added to its output.
    """
    name = f"layers.{layer}.{part}"

    def negated(column: int) -> Linear:
        def linear(here: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            out = product(x, weight, bias)
            return out - 2 * x[..., column, None] * weight[:, column] if here == name else out

        return linear

    with torch.no_grad():
        clean = model.run(before, start=layer)
        after = [model.run(before, start=layer, linear=negated(column)) for column in columns]
        return divergences(model, clean, after, tokens)


def mean_squares(model: Decoder, before: Tensor, *, layer: int, part: str) -> np.ndarray:
    """Mean of x_j^2 over the tokens, for the inputs x of one matrix: float64 (columns,)."""
    name, found = f"layers.{layer}.{part}", []

    def watched(here: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if here == name:
            found.append(x.double().square().flatten(0, -2).mean(0).numpy())
        return product(x, weight, bias)

    with torch.no_grad():
        model.run(before, start=layer, stop=layer + 1, linear=watched)
    return np.asarray(found[0])


def shares(subject: Subject, name: str) -> np.ndarray:
    """alpha_j^2 of every column by the calibration text: E x_j^2 / E |x|^2, a ratio of means, (columns,)."""
    square = moments(subject)[name][SQUARE].numpy()
    return np.asarray(square / square.sum())


def column_norms(model: Decoder, layer: int, part: str) -> np.ndarray:
    """|W_j|^2 of every column of a matrix: float64 (columns,)."""
    return np.asarray(model.layer(layer)[part].double().square().sum(0).numpy())


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's coefficient; 0 for fewer than five columns."""
    return float(stats.spearmanr(x, y).statistic) if len(x) >= _FEWEST else 0.0


def log_slope(x: np.ndarray, y: np.ndarray) -> float:
    """Least-squares slope of log y on log x, both (columns,) and positive; 0 for fewer than five columns."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0]) if len(x) >= _FEWEST else 0.0


def summary(share: np.ndarray, energy: np.ndarray, change: np.ndarray, kl: np.ndarray) -> dict[str, float]:
    """How the columns' change of NLL and KL go with alpha^2 and energy; all (columns,), by increasing alpha.

    ``rank_kl``, ``rank_change`` and ``rank_kept``: Spearman with alpha^2, of KL, of all changes of NLL, and of those
    above zero only, as the authors filter. ``inflation`` = rank_kept - rank_change. ``increases``: share of columns
    above zero. ``slope_share``, ``slope_energy``: of log KL on log alpha^2 and on log energy; ``..._rest`` without the
    column of the largest alpha; ``slope_kept``: of log change on log alpha^2 over the increases. ``scatter``: standard
    deviation of log(KL/energy).
    """
    kept = change > 0
    return {
        "rank_kl": rank_correlation(share, kl),
        "rank_change": rank_correlation(share, change),
        "rank_kept": rank_correlation(share[kept], change[kept]),
        "inflation": rank_correlation(share[kept], change[kept]) - rank_correlation(share, change),
        "increases": float(kept.mean()),
        "slope_share": log_slope(share, kl),
        "slope_energy": log_slope(energy, kl),
        "slope_share_rest": log_slope(share[:-1], kl[:-1]),
        "slope_energy_rest": log_slope(energy[:-1], kl[:-1]),
        "slope_kept": log_slope(share[kept], change[kept]),
        "scatter": float(np.std(np.log(kl / energy), ddof=1)),
    }


def column_flips(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Columns log-spaced in alpha, with a random offset, of one matrix at the paper's relative depth; a random window.

    alpha comes from the calibration half of the text, loss and KL from a window of the other half. ``energy`` is the
    flip's energy on that window, 4 |W_j|^2 times the mean of x_j^2.

    Base point: subject; part ("q", "down"), columns (how many), length (tokens of the window). Quantities: those of
    ``summary``.
    """
    subject: Subject = point["subject"]
    model, part = decoder(subject), str(point["part"])
    layer = relative_layer(model.architecture.layers)
    alpha = np.sqrt(shares(subject, f"layers.{layer}.{part}"))
    columns = log_spaced(alpha, int(point["columns"]), offset=float(streams.numpy("offset").random()))
    tokens = window(subject, streams, length=int(point["length"]))
    with torch.no_grad():
        before = model.run(model.embed(tokens), stop=layer)
    found = flipped_columns(model, before, tokens, layer=layer, part=part, columns=columns)
    energy = (
        4 * mean_squares(model, before, layer=layer, part=part)[columns] * column_norms(model, layer, part)[columns]
    )
    change, kl = (np.array([getattr(one, field) for one in found]) for field in ("change", "kl"))
    return summary(alpha[columns] ** 2, energy, change, kl)


def released_protocol(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Exp G by the authors' script, on their model and text, in float32: layer 12's q_proj, 20 columns.

    Ten windows of 2,048 tokens serve both for alpha and for the loss; what the script leaves out is left out in
    ``rank_kept`` and ``slope_kept`` only.

    Base point: subject. Quantities: those of ``summary``.

    Raises:
        Unavailable: another model, or another text.
    """
    subject: Subject = point["subject"]
    TINYLLAMA.require(subject, "Exp G", text=WIKITEXT)
    model, layer, part = decoder(subject), 12, "q"
    windows = torch.split(author_windows(subject, count=10, length=2048), 1)
    with torch.no_grad():
        before = [model.run(model.embed(tokens), stop=layer) for tokens in windows]
    squares = np.mean([mean_squares(model, stream, layer=layer, part=part) for stream in before], axis=0)
    share = squares / squares.sum()
    columns = log_spaced(np.sqrt(share), 20)
    found = [
        flipped_columns(model, stream, tokens, layer=layer, part=part, columns=columns)
        for stream, tokens in zip(before, windows, strict=True)
    ]
    change, kl = (
        np.mean([[getattr(one, field) for one in row] for row in found], axis=0) for field in ("change", "kl")
    )
    energy = 4 * squares[columns] * column_norms(model, layer, part)[columns]
    return summary(share[columns], energy, change, kl)
