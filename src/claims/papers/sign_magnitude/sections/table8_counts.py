"""Claims of Table 8 (Exp D) on its numbers of flips."""

from __future__ import annotations

import math
import statistics

from claims import REFUTED, Claim, aggregated, bounded, recomputed, table
from claims.papers.sign_magnitude.figures import published
from claims.papers.sign_magnitude.figures.published import having

PATH = "claims.papers.sign_magnitude:figures/table8.toml"
EXP_D = published.path("exp_d")
RATE = 0.05
#: Weights of TinyLlama's 154 linear layers: 22 blocks of 2048 x 2048 twice, 256 x 2048 twice, 5632 x 2048 three times.
WEIGHTS = 22 * (2 * 2048**2 + 2 * 256 * 2048 + 3 * 5632 * 2048)


def _expected(name: str, weights: str) -> Claim:
    """A printed number of flips against the rate times the number of weights."""
    return Claim(
        id=f"sign-magnitude.table8.flips-{name}",
        locus="Table 8, weights flipped",
        statement=f"The number of flips in {name} columns is 5 per cent of the weights there.",
        test=table(
            PATH,
            check=recomputed(
                f"expected_{name}",
                uses=("weights", "outlier_weights"),
                formula=lambda total, outliers: (outliers if weights == "outlier" else total - outliers) * RATE / 1e6,
                where=having("weights"),
            ),
        ),
    )


COUNTS = (
    Claim(
        id="sign-magnitude.table8.count-ratio",
        locus="Table 8; section 7.3, '19:1 count confound'",
        statement="46M flips in other columns are 19 times the 2.41M in outlier columns.",
        test=table(
            PATH,
            check=recomputed(
                "quotient",
                uses=("numerator", "denominator"),
                formula=lambda a, b: a / b,
                where=having("quotient"),
            ),
        ),
    ),
    Claim(
        id="sign-magnitude.table8.outlier-share",
        locus="Table 8, 'top 5 %'",
        statement="2.41M of 48.7M flips are 4.95 per cent.",
        test=table(
            PATH,
            check=recomputed(
                "percent", uses=("part", "whole"), formula=lambda a, b: 100 * a / b, where=having("percent")
            ),
        ),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.table8.counts-add-up",
        locus="Table 8, weights flipped",
        statement="The flips in outlier and in other columns add up to the flips in all columns.",
        test=table(
            PATH,
            check=recomputed(
                "all_flips",
                uses=("outlier_flips", "other_flips"),
                formula=lambda a, b: a + b,
                where=having("all_flips"),
            ),
        ),
    ),
    _expected("outlier", "outlier"),
    _expected("other", "other"),
    Claim(
        id="sign-magnitude.table8.flips-random",
        locus="Table 8, weights flipped, random",
        statement=(
            "Read as the expected number of flips at a rate of .05, 48.7M is 5 per cent of the 968,884,224 weights in "
            "the model's linear layers."
        ),
        test=table(
            PATH,
            check=recomputed(
                "expected_random",
                uses=("weights",),
                formula=lambda total: total * RATE / 1e6,
                where=having("weights"),
            ),
        ),
        expected=REFUTED,
        finding=(
            "5 per cent are 48.44M. The released counts of the random arm, 48.58M to 48.78M, are 5.01 to 5.03 per "
            "cent, which is 5 per cent rounded."
        ),
        corrected_by="sign-magnitude.table8.random-rate",
        role="ours",
    ),
    Claim(
        id="sign-magnitude.table8.independent-flips",
        locus="section 7.3; released results of Exp D",
        statement=(
            "If 'random' at a 5 per cent flip rate means flips that are independent of each other, the released "
            "counts of the random arm lie within six standard deviations of their expectation."
        ),
        test=table(
            EXP_D,
            check=bounded(
                uses=("random_flips",),
                formula=lambda flips: (flips - RATE * WEIGHTS) / math.sqrt(RATE * (1 - RATE) * WEIGHTS),
                lo=-6.0,
                hi=6.0,
                where=having("random_flips"),
            ),
        ),
        expected=REFUTED,
        finding=(
            "The five released counts lie 19 to 50 standard deviations above the expected one. Their scatter is 12 "
            "times that of independent flips: the script seeds its generator anew for every matrix, so that matrices "
            "of one shape share a mask. Their mean is .5 per cent above the expected number; the results do not show "
            "why."
        ),
        corrected_by="sign-magnitude.table8.random-rate",
        role="ours",
    ),
    Claim(
        id="sign-magnitude.table8.random-rate",
        locus="released results of Exp D",
        statement="The random arm's mean rate over the five released seeds is 5.024 per cent.",
        test=table(
            EXP_D,
            check=aggregated(
                "percent",
                into=having("percent"),
                uses=("random_flips",),
                formula=lambda flips: 100 * flips / WEIGHTS,
                statistic=statistics.fmean,
            ),
        ),
        role="ours",
    ),
)
