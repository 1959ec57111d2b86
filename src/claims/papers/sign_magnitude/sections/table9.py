"""Claims of Table 9 that arithmetic decides: numbers of flips, norms, medians, and perplexity against NLL leverage."""

from __future__ import annotations

import math
import statistics

from claims import HOLDS, REFUTED, Claim, Reading, aggregated, bounded, recomputed, table
from claims.papers.sign_magnitude.figures import published
from claims.papers.sign_magnitude.figures.published import BASELINE, having

PATH = "claims.papers.sign_magnitude:figures/table9.toml"
EXP_E = published.path("exp_e")
HIGHEST = "0.05"
ARMS = ("outlier_ppl", "nonoutlier_ppl")
NORMS = ("outlier_norm", "nonoutlier_norm")
#: What becomes of seeds whose denominator is negative, although flips in outlier columns raised NLL.
_AS_SCRIPT = "infinite where the denominator is below 1e-6"
_AS_NUMBERS = "negative ones counted as the smallest"
#: Above every finite leverage of Exp E, which are below 300.
_BEYOND = 1e9
SMALL_RATES = ("0.005", "0.001", "0.0005", "0.0001")


def _nll_leverage(outlier: float, other: float) -> float:
    return math.log(outlier / BASELINE) / math.log(other / BASELINE)


def _script_leverage(outlier: float, other: float) -> float:
    """As the authors' script has it: infinite where the other columns' change is below 1e-6 or negative.

    A number beyond all others has its place in a median, and is finite, as formulas of tables have to be.
    """
    return _nll_leverage(outlier, other) if math.log(other / BASELINE) > 1e-6 else _BEYOND


def _metric_quotient(outlier: float, other: float) -> float:
    """Leverage in excess perplexity over leverage in NLL."""
    return (outlier - BASELINE) / (other - BASELINE) / _nll_leverage(outlier, other)


FLIPS = (
    Claim(
        id="sign-magnitude.table9.flips",
        locus="Table 9, flips",
        statement="The printed thousands are the released numbers of flips.",
        test=table(PATH, check=recomputed("thousands", uses=("flips",), formula=lambda flips: flips / 1000)),
    ),
    Claim(
        id="sign-magnitude.table9.global-rate",
        locus="section 9.5, Exp E, 'fraction of total entries flipped'",
        statement=(
            "Table 9's numbers of flips are p times the number of all weights, of which Table 8's 48.7M are 5 per cent."
        ),
        read_as="'Total entries' as all weights, of which Table 8 gives the number.",
        test=table(
            PATH,
            check=recomputed(
                "thousands", uses=("flip_rate", "random"), formula=lambda rate, random: rate * random / 0.05
            ),
        ),
        readings=(
            Reading(
                axis="total entries",
                option="the weights of the linear layers",
                because="They are what Exp D flips 5 per cent of, 48.7M by Table 8.",
            ),
            Reading(
                axis="total entries",
                option="the model's parameters, 1.1B by section 9.1",
                because="A global rate may be one over the whole model.",
                test=table(
                    PATH,
                    check=recomputed("thousands", uses=("flip_rate",), formula=lambda rate: rate * 1_100_000),
                ),
            ),
        ),
        expected=REFUTED,
        finding=(
            "They are p times the weights in outlier columns, 48.3M, a twentieth of all. Of all weights the rates are "
            "20 times smaller: p = .5 per cent is .025 per cent."
        ),
        corrected_by="sign-magnitude.table9.pool-rate",
    ),
    Claim(
        id="sign-magnitude.table9.pool-rate",
        locus="Table 9, flips",
        statement="The numbers of flips are p times the 48,277,504 weights in outlier columns, rounded down.",
        test=table(
            PATH,
            check=recomputed("flips", uses=("flip_rate", "pool"), formula=lambda rate, pool: math.floor(rate * pool)),
        ),
        role="ours",
    ),
)

MATCHED_NORMS = tuple(
    Claim(
        id=f"sign-magnitude.table9.norms-{name}",
        locus=locus,
        statement=statement,
        test=table(
            EXP_E,
            check=bounded(
                uses=NORMS,
                formula=lambda outlier, other: outlier / other - 1,
                lo=-0.045,
                hi=0.045,
                where=having("flip_rate", *rates),
            ),
        ),
        expected=expected,
        finding=finding,
        corrected_by=corrected_by,
        role="ours" if corrected_by else "paper",
    )
    for name, locus, rates, expected, statement, finding, corrected_by in (
        (
            "high-rates",
            "section 7.3; Table 8, control",
            (HIGHEST, "0.005"),
            HOLDS,
            "At p = 5 and .5 per cent the arms' norms agree to 4 per cent, rounded.",
            "",
            None,
        ),
        (
            "all-rates",
            "section 9.5, Exp E",
            (HIGHEST, *SMALL_RATES),
            REFUTED,
            "If the protocol that Exp E holds fixed includes norms matched to 4 per cent, every seed's arms agree to "
            "that "
            "at every rate.",
            "Single seeds differ by up to 5, 7 and 13 per cent at p = .1, .05 and .01 per cent, the means over ten "
            "seeds "
            "by 3.6, 3.9 and 5.0. At p = 5 per cent, of which the text says it, and at .5 every seed agrees.",
            "sign-magnitude.table9.norms-high-rates",
        ),
    )
)

MEDIANS = tuple(
    Claim(
        id=f"sign-magnitude.table9.median-{name}",
        locus="released results of Exp E, median NLL leverage",
        statement=f"The median over ten seeds of the quotient of NLL changes, {how}, is {printed} at p = {rate[1:]}.",
        test=table(
            EXP_E,
            check=aggregated(
                "leverage",
                into=having("median_at", at),
                uses=ARMS,
                formula=formula,
                statistic=statistics.median,
                where=having("flip_rate", rate),
            ),
        ),
        role="ours",
    )
    for name, rate, at, printed, how, formula in (
        ("p05", "0.05", "0.05", "41.278", _AS_SCRIPT, _script_leverage),
        ("p005", "0.005", "0.005", "10.381", _AS_SCRIPT, _script_leverage),
        ("p001", "0.001", "0.001", "8.652", _AS_SCRIPT, _script_leverage),
        ("p001-recomputed", "0.001", "0.001, recomputed", "7.683", _AS_NUMBERS, _nll_leverage),
        ("p0005", "0.0005", "0.0005", "9.485", _AS_SCRIPT, _script_leverage),
        ("p0005-recomputed", "0.0005", "0.0005, recomputed", "7.738", _AS_NUMBERS, _nll_leverage),
    )
)

METRICS = tuple(
    Claim(
        id=f"sign-magnitude.table9.metrics-{name}",
        locus="Table 9, PPL/NLL; section 9.5, observation (ii)",
        statement=statement,
        test=table(
            EXP_E,
            check=bounded(
                uses=ARMS,
                formula=_metric_quotient,
                lo=lo,
                hi=hi,
                where=having("flip_rate", *rates),
            ),
        ),
    )
    for name, rates, lo, hi, statement in (
        ("agree", SMALL_RATES, 0.98, 1.02, "Up to p = .5 per cent both leverages agree to 2 per cent."),
        (
            "differ",
            (HIGHEST,),
            1.5,
            math.inf,
            "At p = 5 per cent every leverage in perplexity is 1.5 times that in NLL or more.",
        ),
    )
)
