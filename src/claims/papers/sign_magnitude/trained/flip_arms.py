"""Experiments D and E (sections 7.3 and 9.5) on a trained model: sign flips in outlier columns against all others.

A seed draws a window of the evaluation text and its flips; outlier columns are chosen on the calibration text, which
is disjoint from it. All arms of a seed share the window and the unperturbed model's pass over it, and pass through the
model together, a layer at a time, so that arms which differ in where they flip share the flips.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from claims.models.decoder import Decoder, plain_linear
from claims.models.divergence import Divergence, divergences
from claims.models.prepared import SQUARE, decoder, moments, window
from claims.papers.sign_magnitude.trained.column_groups import Group, columns_of_one_input, outlier_columns, split
from claims.papers.sign_magnitude.trained.flips import (
    Change,
    change_norm,
    counted_flips,
    flips_shared_by_column,
    flips_shared_by_shape,
    group_norms,
    independent_flips,
    kept_for_a_layer,
    running,
    within_group,
)

if TYPE_CHECKING:
    from claims.streams import Streams
    from claims.subject import Subject

Records = list[dict[str, Any]]


def flip_arms(point: Mapping[str, Any], streams: Streams) -> Records:
    """Experiment D with true flips: in all columns, in outlier columns and in the others, each at one rate.

    Arms: ``random``, ``outlier`` and ``rest`` are one mask for each matrix and its restrictions to the groups;
    ``scaled`` is ``outlier`` scaled up to the norm of ``random``, which makes of a weight w not -w but
    ``scaled_weight`` w; ``matched`` is as many flips in the other columns as are expected in outlier columns.

    Coordinates: flip_rate (swept); length, of the window in tokens.
    """
    model = decoder(point["subject"])
    groups = split(model.architecture, outlier_columns(moments(point["subject"])))
    tokens = window(point["subject"], streams, length=point["length"])
    planned = [_true_flips(model, groups, streams, rate) for rate in point["flip_rate"]]
    found = iter(measured(model, tokens, [change for arms, _ in planned for change in arms.values()]))
    return [
        {"flip_rate": rate, "scaled_weight": 1 - 2 * factor}
        | _with_sum(in_nats(model, {arm: next(found) for arm in arms}))
        for rate, (arms, factor) in zip(point["flip_rate"], planned, strict=True)
    ]


def _with_sum(found: dict[str, float]) -> dict[str, float]:
    """And ``log_over_sum``: KL of flips in all columns over the sum of that of its two parts."""
    return found | {"log_over_sum": found["log_kl_random"] - math.log(found["kl_outlier"] + found["kl_rest"])}


def _true_flips(
    model: Decoder, groups: tuple[Group, Group], streams: Streams, flip_rate: float
) -> tuple[dict[str, Change], float]:
    """The arms, and the factor by which ``scaled`` exceeds flips."""
    outliers, rest = groups
    everywhere = kept_for_a_layer(independent_flips(streams, flip_rate))
    norms = group_norms(model, everywhere, groups)
    factor = math.hypot(*norms) / norms[0]
    count = round(flip_rate * outliers.total)
    return {
        "random": everywhere,
        "outlier": within_group(everywhere, outliers),
        "rest": within_group(everywhere, rest),
        "scaled": within_group(everywhere, outliers, factor=factor),
        "matched": counted_flips(streams, rest, count, label=f"matched at {flip_rate}"),
    }, factor


def script_arms(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Experiment D as its script runs it: masks shared between matrices, both groups scaled to the random arm's norm.

    ``outlier_weight`` and ``rest_weight`` are what a flipped weight is multiplied by.

    Coordinates: flip_rate; length, of the window in tokens.
    """
    model = decoder(point["subject"])
    groups = split(model.architecture, outlier_columns(moments(point["subject"])))
    tokens = window(point["subject"], streams, length=point["length"])
    arms, factors = as_scripted(model, groups, streams, point["flip_rate"])
    found = dict(zip(arms, measured(model, tokens, list(arms.values())), strict=True))
    return in_nats(model, found) | {f"{name}_weight": 1 - 2 * factor for name, factor in factors.items()}


def as_scripted(
    model: Decoder, groups: tuple[Group, Group], streams: Streams, flip_rate: float
) -> tuple[dict[str, Change], dict[str, float]]:
    """The script's arms ``random``, ``outlier`` and ``rest``, and the factors by which the latter two exceed flips."""
    arms = {"random": flips_shared_by_shape(streams, flip_rate)}
    norm, factors = change_norm(model, arms["random"]), {}
    flips = kept_for_a_layer(flips_shared_by_column(streams, flip_rate))
    for name, group, own in zip(("outlier", "rest"), groups, group_norms(model, flips, groups), strict=True):
        factors[name] = norm / own
        arms[name] = within_group(flips, group, factor=factors[name])
    return arms, factors


def counted_arms(point: Mapping[str, Any], streams: Streams) -> Records:
    """Experiment E: equally many flips in outlier columns and in the others, at several rates.

    Quantities are means over ``draws`` draws of the flips, logarithms are of these means. ``log_over_alpha`` is the
    leverage over n E[alpha^2] of outlier columns (``column_facts``).

    Coordinates: flip_rate (swept), of the weights in outlier columns as the authors' script counts, or of all weights
    as section 9.5 says, by ``counted_on`` = "pool" or "all"; draws; length, of the window in tokens.
    """
    subject = point["subject"]
    model = decoder(subject)
    groups = split(model.architecture, outlier_columns(moments(subject)))
    weights = sum(group.total for group in groups)
    alpha = math.log(_mean_alpha(moments(subject), groups[0]))
    pool = groups[0].total if point["counted_on"] == "pool" else weights
    tokens = window(subject, streams, length=point["length"])
    counts = [math.floor(rate * pool) for rate in point["flip_rate"]]
    pairs = [_pairs(groups, streams, count, point["draws"]) for count in counts]
    found = iter(measured(model, tokens, [change for pair in pairs for change in pair]))
    records = []
    for rate, count, changes in zip(point["flip_rate"], counts, pairs, strict=True):
        leverage = _leverage(count, [next(found) for _ in changes])
        records.append({"flip_rate": rate, "log_over_alpha": leverage["log_leverage"] - alpha, **leverage})
    return records


def chosen_columns(point: Mapping[str, Any], streams: Streams) -> Records:
    """Experiment E at one rate, with outlier columns chosen in several ways.

    Coordinates: columns (swept), "own", each matrix's own by E |x_j|, or "8/22" and so on: by E |x_j| / |x| at the
    gate's input of the layer at that depth for all matrices with inputs as wide; flip_rate, of the weights in outlier
    columns; draws; length.
    """
    subject = point["subject"]
    model = decoder(subject)
    tokens = window(subject, streams, length=point["length"])
    splits = {rule: split(model.architecture, _columns(subject, model, rule)) for rule in point["columns"]}
    counts = {rule: math.floor(point["flip_rate"] * groups[0].total) for rule, groups in splits.items()}
    pairs = {rule: _pairs(groups, streams, counts[rule], point["draws"]) for rule, groups in splits.items()}
    found = iter(measured(model, tokens, [change for pair in pairs.values() for change in pair]))
    return [
        {"columns": rule, **_leverage(counts[rule], [next(found) for _ in changes])} for rule, changes in pairs.items()
    ]


def _columns(subject: Subject, model: Decoder, rule: str) -> dict[str, Tensor]:
    if rule == "own":
        return outlier_columns(moments(subject))
    layer = math.floor(Fraction(rule) * model.architecture.layers)
    return columns_of_one_input(moments(subject), f"layers.{layer}.gate")


def column_facts(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """What needs no flips.

    Of all outlier columns, the share that is also chosen on the evaluation text (``judged``), and by E |x_j| / |x|
    (``normalised``); the share of all weights that lies in outlier columns (``pool``); ``alpha``, n E[alpha^2] of
    outlier columns, alpha^2 = E x_j^2 / E |x|^2, averaged over their weights; and ``norm_ratio``, that of the Frobenius
    norms of as many flips in outlier columns as elsewhere, in expectation.
    """
    model, found = decoder(point["subject"]), moments(point["subject"])
    chosen = outlier_columns(found)
    judged = outlier_columns(moments(point["subject"], part="evaluation"))
    outliers, rest = split(model.architecture, chosen)
    return {
        "judged": _common(chosen, judged),
        "normalised": _common(chosen, outlier_columns(found, rule="normalised")),
        "pool": outliers.total / (outliers.total + rest.total),
        "alpha": _mean_alpha(found, outliers),
        "norm_ratio": math.sqrt(_mean_square(model, outliers) / _mean_square(model, rest)),
    }


def _mean_alpha(found: Mapping[str, Tensor], group: Group) -> float:
    """n alpha^2 averaged over the group's weights."""
    total = 0.0
    for name, weights in group.weights().items():
        energy = found[name][SQUARE]
        total += weights * float(energy[group.columns[name]].mean() / energy.mean())
    return total / group.total


def _mean_square(model: Decoder, group: Group) -> float:
    """E w^2 over the group's weights."""
    (twice,) = group_norms(model, lambda name, weight: -weight, [group])
    return twice * twice / (4 * group.total)


def _common(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    return sum(int(torch.isin(a[name], b[name]).sum()) for name in a) / sum(len(columns) for columns in a.values())


def _pairs(groups: tuple[Group, Group], streams: Streams, count: int, draws: int) -> list[Change]:
    """An outlier arm and one of the other columns for each draw, in turns."""
    return [
        counted_flips(streams, group, count, label=f"{label}, draw {draw} of {count}")
        for draw in range(draws)
        for group, label in zip(groups, ("outlier", "rest"), strict=True)
    ]


def _leverage(count: int, found: list[Divergence]) -> dict[str, float]:
    """What the outlier arms (even places) do to the model against the other arms (odd places).

    ``log_metrics`` is the logarithm of the leverage in perplexity over that in NLL.
    """
    result: dict[str, float] = {}
    for arm, several in (("outlier", found[::2]), ("rest", found[1::2])):
        kl, change = fmean(each.kl for each in several), fmean(each.change for each in several)
        result |= {f"kl_{arm}": kl, f"change_{arm}": change, f"log_per_flip_{arm}": math.log(kl / count)}
    leverage = result["log_per_flip_outlier"] - result["log_per_flip_rest"]
    convexity = _log_convexity(result["change_outlier"]) - _log_convexity(result["change_rest"])
    return result | {"log_leverage": leverage, "log_metrics": convexity}


def _log_convexity(change: float) -> float:
    """Logarithm of the relative change of perplexity, e^c - 1, over the change c of NLL; 0 at c = 0."""
    return math.log(math.expm1(change) / change) if change else 0.0


def measured(model: Decoder, tokens: Tensor, changes: list[Change]) -> list[Divergence]:
    """What each change of the weights does to the model on a window: all at once, a layer at a time."""
    hooks = [plain_linear, *map(running, changes)]
    with torch.no_grad():
        kept = [model.embed(tokens)] * len(hooks)
        for index in range(model.architecture.layers):
            kept = [
                model.run(stream, start=index, stop=index + 1, linear=hook)
                for stream, hook in zip(kept, hooks, strict=True)
            ]
        clean, *perturbed = kept
        return divergences(model, clean, perturbed, tokens)


def in_nats(model: Decoder, found: Mapping[str, Divergence]) -> dict[str, float]:
    """Of each arm: change of the loss, KL and its logarithm, and the loss over that of a uniform guess, ln V.

    ``above_uniform`` is the difference, ``log_over_uniform`` the logarithm of the quotient, which has no heavy tail.
    """
    uniform = math.log(model.architecture.vocabulary)
    result: dict[str, float] = {}
    for arm, divergence in found.items():
        result |= {
            f"change_{arm}": divergence.change,
            f"kl_{arm}": divergence.kl,
            f"log_kl_{arm}": math.log(divergence.kl),
            f"above_uniform_{arm}": divergence.loss + divergence.change - uniform,
            f"log_over_uniform_{arm}": math.log((divergence.loss + divergence.change) / uniform),
        }
    return result
