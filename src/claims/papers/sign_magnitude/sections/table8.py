"""Claims of Table 8 (Exp D): ratios of its perplexities, and what its outlier arm is."""

from __future__ import annotations

import math
import statistics

from claims import REFUTED, Claim, Reading, aggregated, bounded, recomputed, table
from claims.papers.sign_magnitude.figures import published
from claims.papers.sign_magnitude.figures.published import having

PATH = "claims.papers.sign_magnitude:figures/table8.toml"
EXP_D = published.path("exp_d")

NOT_CLAIMS = {
    "Table 8, PPL and NLL ratios of the count-matched control": (
        "Medians over seeds that are not released. The quotients of the table's medians are audited as "
        "sign-magnitude.table8.count-matched-*, and Exp E's ten seeds as sign-magnitude.expe.*."
    ),
    "Released script of Exp D, weights restored by subtraction": (
        "The rescaled change is added and subtracted in half precision, which does not give the weights back exactly. "
        "The paper says nothing on it. Here every arm starts from the weights as they were read."
    ),
}


RATIOS = (
    Claim(
        id="sign-magnitude.table8.relative",
        locus="Table 4, relative to baseline",
        statement="The perplexities are 5.57, 132.7 and 5,654 times the unperturbed model's.",
        test=table(
            PATH,
            check=recomputed(
                "relative",
                uses=("ppl", "baseline"),
                formula=lambda ppl, baseline: ppl / baseline,
                where=having("relative"),
            ),
        ),
        role="ours",
    ),
    *(
        Claim(
            id=f"sign-magnitude.table8.count-matched-{name}",
            locus="Table 8, count-matched control",
            statement=f"At equally many flips outlier columns {words} (quotient of medians).",
            test=table(
                PATH,
                check=recomputed(
                    result,
                    uses=("outlier", "other", "baseline"),
                    formula=formula,
                    where=having("excess_ratio"),
                ),
            ),
            role="ours",
        )
        for name, result, formula, words in (
            ("ppl", "excess_ratio", lambda a, b, p: (a - p) / (b - p), "add 78 times as much perplexity"),
            ("nll", "nll_ratio", lambda a, b, p: math.log(a / p) / math.log(b / p), "change NLL 39.5 times as much"),
        )
    ),
)

NAIVE = tuple(
    Claim(
        id=f"sign-magnitude.table8.naive-{result}",
        locus="section 7.3, footnote 2",
        statement=statement,
        test=table(PATH, check=recomputed(result, uses=uses, formula=formula, where=having("product"))),
        role="ours",
    )
    for result, uses, formula, statement in (
        ("product", ("excess",), lambda excess: 19 * excess, "1,265 times 19 is 24,035."),
        (
            "overestimate",
            ("excess", "control"),
            lambda excess, control: 19 * excess / control,
            "1,265 times 19 is 308 times the control's quotient of excess perplexities, 78.",
        ),
    )
)

OUTLIER_ARM = (
    Claim(
        id="sign-magnitude.table8.same-flips",
        locus="Table 8; section 7.3",
        statement=(
            "Table 8's outlier arms of the main run, 41,727, and of the control, 26.1, are both sign flips of 2.41M "
            "weights in outlier columns."
        ),
        read_as="Of the same flips damage within a factor of two is asked, which is this project's.",
        test=table(
            PATH,
            check=bounded(
                uses=("all_column", "count_matched"),
                formula=lambda a, b: a / b,
                lo=0.5,
                hi=2.0,
                where=having("all_column"),
            ),
        ),
        readings=(
            Reading(axis="damage", option="perplexity", because="It is the column of Table 8."),
            Reading(
                axis="damage",
                option="change of NLL from the unperturbed model's",
                because="Section 7.2 resolves ratios by log-loss, in which large damage is smaller.",
                test=table(
                    PATH,
                    check=bounded(
                        uses=("all_column", "count_matched", "unperturbed"),
                        formula=lambda a, b, start: math.log(a / start) / math.log(b / start),
                        lo=0.5,
                        hi=2.0,
                        where=having("all_column"),
                    ),
                ),
            ),
        ),
        expected=REFUTED,
        finding=(
            "Perplexities differ by a factor of 1,599, changes of NLL by one of 6.8 "
            "(sign-magnitude.table8.outlier-arms-nll). In the released results of the main run the norm of its outlier "
            "arm is scaled up to that of the random arm, by 4.345, so that a flipped weight w becomes -7.69 w; the "
            "control's flips are not scaled. The control's 26.1 is below the 41.1 of 46M flips in the other columns."
        ),
        corrected_by="sign-magnitude.table8.rescaled",
    ),
    Claim(
        id="sign-magnitude.table8.outlier-arms-nll",
        locus="Table 8; section 7.2, log-loss resolution",
        statement="Table 8's outlier arms of the main run and of the control change NLL by amounts 6.8 times apart.",
        test=table(
            PATH,
            check=recomputed(
                "nll_factor",
                uses=("all_column", "count_matched", "unperturbed"),
                formula=lambda a, b, start: math.log(a / start) / math.log(b / start),
                where=having("nll_factor"),
            ),
        ),
        role="ours",
    ),
    *(
        Claim(
            id=f"sign-magnitude.table8.{name}",
            locus="released results of Exp D, norms",
            statement=statement,
            test=table(
                EXP_D,
                check=aggregated(
                    result,
                    into=having(result),
                    uses=("random_norm", "outlier_norm"),
                    formula=formula,
                    statistic=statistics.median,
                ),
            ),
            role="ours",
        )
        for name, result, formula, statement in (
            (
                "rescaled",
                "norm_factor",
                lambda whole, part: whole / part,
                "The random arm's norm is 4.345 times that of the flips in outlier columns.",
            ),
            (
                "weight-factor",
                "weight_factor",
                lambda whole, part: 1 - 2 * whole / part,
                "Scaled to the random arm's norm, a flip multiplies a weight in an outlier column by -7.69.",
            ),
        )
    ),
)
