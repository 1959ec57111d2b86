"""Claims of Table 1's figures: averages, what counts of right answers they can be, and what needs no model."""

from __future__ import annotations

import math
import statistics

from claims import HOLDS, REFUTED, Claim, aggregated, bounded, granularity, recomputed, table
from claims.kinds.table import Table
from claims.papers.mean_bias.figures.scores import TABLE_1, TASKS, having
from claims.papers.mean_bias.shared import TASK_NAMES

#: Public sets that the scores may be shares of; HellaSwag's has more than 10,000 items, so that any figure fits.
ITEMS = {"arc_c": 1172, "arc_e": 2376, "boolq": 3270, "lambada": 5153, "piqa": 1838}
#: Sets of RACE: how many items, what they are, whether both scores fit.
RACE = {
    "": (1045, "RACE's 1,045 items as evaluation harnesses have them, one question for each high-school text", False),
    "-high": (3498, "the 3,498 questions of RACE's high-school test set", False),
    "-middle": (1436, "the 1,436 questions of RACE's middle-school test set", False),
    "-high-dev": (3451, "the 3,451 questions of RACE's high-school development set", False),
    "-all": (4934, "the 4,934 questions of RACE's whole test set", True),
    "-all-dev": (4887, "the 4,887 questions of RACE's whole development set", True),
}

NOT_CLAIMS = {
    "Table 1, HellaSwag scores as counts": (
        "The validation set has 10,042 items, more than there are figures of four places: every figure is some count."
    ),
    "Table 1, which test sets and which harness": (
        "Not said. What the printed figures allow is audited as mean-bias.table1.count-* and mean-bias.table1.race*."
    ),
}


def _mean_of(*scores: float) -> float:
    return statistics.fmean(scores)


def _mean_difference(of: str, *left_out: str) -> Table:
    """The printed mean of the tasks' differences, Averis's score less BF16's, is theirs."""
    check = aggregated(
        "difference",
        into=having("tasks", of),
        uses=("bf16", "averis"),
        formula=lambda first, second: second - first,
        statistic=statistics.fmean,
        where=having("task", *(task for task in TASK_NAMES if task not in left_out)),
    )
    return table(TASKS, check=check)


def _fits(column: str, items: int) -> Table:
    return table(TABLE_1, check=granularity(cells=column, n=items))


AVERAGES = (
    *(
        Claim(
            id=f"mean-bias.table1.average-{method.lower()}",
            locus="Table 1, Avg",
            statement=f"{method}'s printed average is the mean of its seven printed scores.",
            test=table(
                TABLE_1,
                check=recomputed("average", uses=tuple(TASK_NAMES), formula=_mean_of, where=having("method", method)),
            ),
        )
        for method in ("BF16", "Averis")
    ),
    Claim(
        id="mean-bias.table1.difference",
        locus="Table 1, Avg; section 6.2",
        statement="Averis's average is .0097 above BF16's, as printed and as the seven differences have it.",
        test=_mean_difference("all"),
    ),
)


LEFT_OUT = tuple(
    Claim(
        id=f"mean-bias.table1.difference-{name}",
        locus="Table 1, single scores",
        statement=statement,
        test=_mean_difference(name.replace("-", " "), *left_out),
        role="ours",
    )
    for name, left_out, statement in (
        ("without-boolq", ("boolq",), "Without BoolQ the mean difference is .0040, less than half."),
        (
            "without-boolq-and-lambada",
            ("boolq", "lambada"),
            "Without BoolQ and LAMBADA the mean difference is -.0004: two of seven tasks make all of it.",
        ),
    )
)

COUNTS = tuple(
    Claim(
        id=f"mean-bias.table1.count-{task.replace('_', '-')}",
        locus="Table 1, single scores",
        statement=f"Both {TASK_NAMES[task]} scores are whole numbers of right answers out of {items:,}.",
        test=_fits(task, items),
        role="ours",
    )
    for task, items in ITEMS.items()
)


def _race(name: str, items: int, words: str, fits: bool) -> Claim:
    """Whether both scores are counts out of so many items; the set is a guess of ours, the paper names none."""
    finding = (
        f"Not both of .4882 and .5036 are counts out of {items:,}. Of the public sets the whole test set "
        "(mean-bias.table1.race-all) and the whole development set (mean-bias.table1.race-all-dev) fit both, if digits "
        "are rounded; if they are cut off, the whole test set and the high-school development set."
    )
    return Claim(
        id=f"mean-bias.table1.race{name}",
        locus="Table 1, RACE",
        statement=f"Both RACE scores can be accuracies, rounded to four digits, on {words}.",
        test=_fits("race", items),
        expected=HOLDS if fits else REFUTED,
        finding="" if fits else finding,
        corrected_by=None if fits else "mean-bias.table1.race-all",
        role="ours",
    )


RACE_SETS = tuple(_race(name, *described) for name, described in RACE.items())


def _standard_errors(score: float, without_model: float, out_of: float) -> float:
    """How far a score lies from a known share, in standard errors of that share."""
    return (score - without_model) / math.sqrt(without_model * (1 - without_model) / out_of)


def _against(reference: str, *, lo: float = -math.inf, hi: float = math.inf) -> Table:
    """Distances from the reference's score lie between lo and hi standard errors."""
    uses = ("score", "without_model", "out_of")
    return table(
        TASKS, check=bounded(uses=uses, formula=_standard_errors, lo=lo, hi=hi, where=having("reference", reference))
    )


WITHOUT_MODEL = (
    Claim(
        id="mean-bias.table1.boolq-majority",
        locus="Table 1, BoolQ",
        statement=(
            "Both BoolQ scores are more than five standard errors below .6217, the score of answering yes to every "
            "question: the difference of .0437 is one between two ways of being worse than that."
        ),
        test=_against("always yes", hi=-5.0),
        role="ours",
    ),
    Claim(
        id="mean-bias.table1.arc-c-chance",
        locus="Table 1, ARC-C",
        statement="Both ARC-C scores are within one standard error of guessing among four choices.",
        test=_against("guessing", lo=-1.0, hi=1.0),
        role="ours",
    ),
)
