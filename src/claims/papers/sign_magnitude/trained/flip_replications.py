"""Experiments D and E on the authors' own model and text, by their scripts' protocol.

Ten windows of 2048 tokens of WikiText-2's test part; outlier columns by E |x_j| on the first five of them, the text on
which they are then judged; masks shared between matrices and arms scaled as the script of experiment D does. Two things
cannot be had here: the script's numbers are drawn by a GPU's generator, so masks are draws of our own, and it computes
in half precision, this in float32.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from claims.models.decoder import Decoder, plain_linear
from claims.models.known import TINYLLAMA, WIKITEXT
from claims.models.prepared import decoder, moments_over
from claims.papers.sign_magnitude.trained.author_text import author_windows
from claims.papers.sign_magnitude.trained.column_groups import Group, outlier_columns, split
from claims.papers.sign_magnitude.trained.flip_arms import as_scripted
from claims.papers.sign_magnitude.trained.flips import (
    Change,
    counted_flips,
    flips_shared_by_column,
    running,
    within_group,
)

if TYPE_CHECKING:
    from claims.streams import Streams
    from claims.subject import Subject

#: Windows of the text, their length, and how many of them columns are chosen on.
WINDOWS, LENGTH, CHOOSING = 10, 2048, 5


def published_arms(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Experiment D on TinyLlama.

    Coordinates: flip_rate. Returns what ``arms_as_published`` does.

    Raises:
        Unavailable: the model or the text is another.
    """
    subject = point["subject"]
    TINYLLAMA.require(subject, "Exp D", text=WIKITEXT)
    tokens = author_windows(subject, count=WINDOWS, length=LENGTH)
    return arms_as_published(decoder(subject), tokens, _groups(subject), streams, flip_rate=point["flip_rate"])


def published_sweep(point: Mapping[str, Any], streams: Streams) -> list[dict[str, float]]:
    """Experiment E on TinyLlama.

    Coordinates: flip_rate (swept), of the weights in outlier columns. Returns what ``sweep_as_published`` does.

    Raises:
        Unavailable: the model or the text is another.
    """
    subject = point["subject"]
    TINYLLAMA.require(subject, "Exp E", text=WIKITEXT)
    tokens = author_windows(subject, count=WINDOWS, length=LENGTH)
    return sweep_as_published(decoder(subject), tokens, _groups(subject), streams, flip_rates=point["flip_rate"])


@functools.lru_cache(maxsize=1)
def _groups(subject: Subject) -> tuple[Group, Group]:
    model, tokens = decoder(subject), author_windows(subject, count=WINDOWS, length=LENGTH)
    return groups_as_published(model, tokens)


def groups_as_published(model: Decoder, tokens: Tensor) -> tuple[Group, Group]:
    """Outlier columns and the others, chosen on the first windows of those that are judged, (windows, tokens)."""
    return split(model.architecture, outlier_columns(moments_over(model, tokens[:CHOOSING])))


def arms_as_published(
    model: Decoder, tokens: Tensor, groups: tuple[Group, Group], streams: Streams, *, flip_rate: float
) -> dict[str, float]:
    """NLL of each arm, the logarithm of its perplexity, and by how much it exceeds the unperturbed model's.

    Arms: ``random``, ``outlier`` and ``rest`` of the main run, ``matched_outlier`` and ``matched_rest`` of the
    count-matched control, and ``unscaled``, the main run's flips in outlier columns without scaling.
    """
    arms, _ = as_scripted(model, groups, streams, flip_rate)
    count = math.floor(flip_rate * groups[0].total)
    for name, group in zip(("outlier", "rest"), groups, strict=True):
        arms[f"matched_{name}"] = counted_flips(streams, group, count, label=f"matched {name}")
    arms["unscaled"] = within_group(flips_shared_by_column(streams, flip_rate), groups[0])
    clean = nll(model, tokens)
    losses = {name: nll(model, tokens, change) for name, change in arms.items()}
    return {f"nll_{name}": loss for name, loss in losses.items()} | {
        f"change_{name}": loss - clean for name, loss in losses.items()
    }


def sweep_as_published(
    model: Decoder,
    tokens: Tensor,
    groups: tuple[Group, Group],
    streams: Streams,
    *,
    flip_rates: tuple[float, ...],
) -> list[dict[str, float]]:
    """Changes of NLL with as many flips in outlier columns (``change_outlier``) as elsewhere (``change_rest``)."""
    clean, records = nll(model, tokens), []
    for rate in flip_rates:
        count, record = math.floor(rate * groups[0].total), {"flip_rate": rate}
        for name, group in zip(("outlier", "rest"), groups, strict=True):
            change = counted_flips(streams, group, count, label=f"{name} at {rate}")
            record[f"change_{name}"] = nll(model, tokens, change) - clean
        records.append(record)
    return records


def nll(model: Decoder, tokens: Tensor, change: Change | None = None) -> float:
    """Mean negative log-probability of the next token over all windows, one at a time, in nats."""
    linear = plain_linear if change is None else running(change)
    with torch.no_grad():
        losses = [model.token_losses(model.run(model.embed(row[None]), linear=linear), row[None]) for row in tokens]
    return float(torch.cat(losses).mean())
