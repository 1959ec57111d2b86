"""Claims of what Table 1's differences show task by task, whatever the pairing of the answers."""

from __future__ import annotations

import math

from claims import HOLDS, UNDECIDED, Claim, Point, at_least, at_most, experiment, sample, value
from claims.experiment import point_of
from claims.papers.mean_bias.figures.scores import SCORES, Score, TwoProportions
from claims.papers.mean_bias.shared import SIGNIFICANT, TASK_NAMES, WHICH_IS_LARGER

PAIRINGS = experiment("claims.papers.mean_bias.experiments.discordance:attainable", seconds=0.005)
FEW_ITEMS = (
    "Needs the answers item by item, or more items: with the printed scores alone the difference may be significant or "
    "not, see mean-bias.table1.pairing-open and mean-bias.table1.pairing-never."
)

FAMILY = {
    score.task: {
        "right": (float(score.bf16), float(score.averis)),
        "items": (float(score.items), float(score.items)),
    }
    for score in SCORES
}


def _gain(score: Score) -> Claim:
    """One task, its answers taken as independent, beside the six others."""
    decided = score.task in ("boolq", "lambada")
    return Claim(
        id=f"mean-bias.table1.gain-{score.task.replace('_', '-')}",
        locus="Table 1, single scores",
        statement=(
            f"On {TASK_NAMES[score.task]} the Averis run is better than the BF16 run beyond the sampling of items "
            "(independent answers, Holm over seven tasks)."
        ),
        test=sample(
            TwoProportions(), family=FAMILY, member=score.task, bands=dict.fromkeys(FAMILY, (0.0, math.inf)), level=0.05
        ),
        band=at_least(0.0, provenance="smallest-effect", because=WHICH_IS_LARGER),
        rival=-0.01,
        expected=HOLDS if decided else UNDECIDED,
        finding="" if decided else FEW_ITEMS,
        role="ours",
    )


GAINS = tuple(_gain(score) for score in SCORES)


def _at(*tasks: str) -> tuple[Point, ...]:
    return tuple(
        point_of({"items": score.items, "bf16": score.bf16, "averis": score.averis})
        for score in SCORES
        if score.task in tasks
    )


PAIRING = (
    Claim(
        id="mean-bias.table1.pairing-always",
        locus="Table 1, BoolQ and LAMBADA",
        statement=(
            "Both runs answered the same items. However their right answers are paired, the differences on BoolQ and "
            "LAMBADA are significant at five per cent (McNemar's |z| 2.64 and 2.16 at least)."
        ),
        at=_at("boolq", "lambada"),
        test=value(PAIRINGS["smallest_z"]),
        band=at_least(SIGNIFICANT, provenance="theory", because="the normal quantile at five per cent"),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.table1.pairing-never",
        locus="Table 1, ARC-C",
        statement="However the answers are paired, five right answers more or less on ARC-C are not significant.",
        at=_at("arc_c"),
        test=value(PAIRINGS["smallest_p"]),
        band=at_least(0.05, provenance="theory", because="the level; five tosses of a fair coin give 1/16"),
        rival=0.01,
        role="ours",
    ),
    *(
        Claim(
            id=f"mean-bias.table1.pairing-open{name}",
            locus="Table 1, the other scores",
            statement=f"On ARC-E, HellaSwag, PIQA and RACE {words}.",
            at=_at("arc_e", "hellaswag", "piqa", "race"),
            test=value(PAIRINGS[quantity]),
            band=band(SIGNIFICANT, provenance="theory", because="the normal quantile at five per cent"),
            rival=rival,
            role="ours",
        )
        for name, quantity, band, rival, words in (
            ("", "largest_z", at_least, 1.0, "the differences may be significant, if the runs differ on few items"),
            ("-least", "smallest_z", at_most, 3.0, "they need not be: some pairing leaves |z| below 1.96"),
        )
    ),
)
