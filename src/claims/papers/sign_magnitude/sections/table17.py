"""Claims of Table 17 (Exp D): medians and ratios of the twenty seeds, and how large these changes are."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from claims import REFUTED, Claim, aggregated, bounded, recomputed, table
from claims.kinds.table import Aggregated
from claims.papers.sign_magnitude.figures.published import having

TABLE_17 = "claims.papers.sign_magnitude:figures/table17.toml"
VOCABULARY = 32_000

NOT_CLAIMS = {
    "Table 17, column 'CM leverage'; Table 8, count-matched control": (
        "Per-seed figures of the control are not in the text and not released. Exp E repeats it with ten seeds: "
        "sign-magnitude.expe.leverage-p05. Table 8's medians are audited as sign-magnitude.table8.count-matched-*."
    ),
    "Table 17, seeds beyond the first five": (
        "The released results of Exp D hold five seeds, 42 to 1000, which agree with the table "
        "(sign-magnitude.table17.released-*). Fresh seeds on that model: sign-magnitude.replication.expd.*."
    ),
}


def _excess(outlier: float, other: float, baseline: float) -> float:
    return (outlier - baseline) / (other - baseline)


def _log_ratio(arm: float, other: float, baseline: float) -> float:
    return math.log(arm / baseline) / math.log(other / baseline)


def _first_quartile(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=4, method="inclusive")[0]


def _third_quartile(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=4, method="inclusive")[2]


def _is_seed(row: Mapping[str, str]) -> bool:
    return row["seed"].isdigit()


def _summary(
    result: str,
    uses: Sequence[str],
    formula: Callable[..., float],
    statistic: Callable[[Sequence[float]], float] = statistics.median,
    row: str = "recomputed",
) -> Aggregated:
    """A statistic over the twenty seeds against the figure of one summary row."""
    return aggregated(
        result,
        into=having("seed", row),
        uses=uses,
        formula=formula,
        statistic=statistic,
        where=_is_seed,
    )


PAIR, RANDOM_PAIR = ("outlier", "nonoutlier", "baseline"), ("random", "nonoutlier", "baseline")

MEDIANS = tuple(
    Claim(
        id=f"sign-magnitude.table17.median-{name}",
        locus="Table 17, last row; Table 8",
        statement=f"The median perplexity over the twenty seeds is {printed} with flips in {where}.",
        test=table(TABLE_17, check=_summary(column, (column,), lambda ppl: ppl, row="Median")),
    )
    for name, column, printed, where in (
        ("random", "random", "979", "all columns"),
        ("outlier", "outlier", "41,727", "outlier columns"),
        ("other", "nonoutlier", "41.1", "the other columns"),
    )
)
RATIOS = (
    Claim(
        id="sign-magnitude.table17.ratio",
        locus="Table 8, PPL ratio; section 7.3",
        statement="The median ratio of excess perplexities over the unperturbed model's is 1,265.",
        test=table(TABLE_17, check=_summary("ratio", PAIR, _excess, row="text")),
    ),
    Claim(
        id="sign-magnitude.table17.plain-ratio",
        locus="Table 17, column 'Out./Non-out.'",
        statement=(
            "Read as the quotient of the two perplexities, as the column's label has it, the ratio has a median of "
            "1,265."
        ),
        test=table(TABLE_17, check=_summary("ratio", PAIR[:2], lambda a, b: a / b, row="text")),
        expected=REFUTED,
        finding=(
            "The quotient's median is 1,034. Read as the authors' script has it, as a ratio of what each arm adds to "
            "the unperturbed model's 7.38, the median is 1,265."
        ),
        corrected_by="sign-magnitude.table17.ratio",
        role="ours",
    ),
    Claim(
        id="sign-magnitude.table17.plain-ratio-recomputed",
        locus="Table 17, column 'Out./Non-out.'",
        statement="The median quotient of the two perplexities is 1,034.",
        test=table(TABLE_17, check=_summary("raw_ratio", PAIR[:2], lambda a, b: a / b)),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.table17.nll-ratio",
        locus="abstract; Table 8, NLL ratio; section 7.2",
        statement="The median ratio of NLL changes, outlier against other columns, is 5.0.",
        test=table(TABLE_17, check=_summary("nll_ratio", PAIR, _log_ratio, row="text")),
    ),
    *(
        Claim(
            id=f"sign-magnitude.table17.{name}",
            locus="Table 17",
            statement=statement,
            test=table(TABLE_17, check=_summary(result, uses, formula, statistic)),
            role="ours",
        )
        for name, result, uses, formula, statistic, statement in (
            ("ratio-q1", "ratio_q1", PAIR, _excess, _first_quartile, "The excess ratio's first quartile is 795."),
            ("ratio-q3", "ratio_q3", PAIR, _excess, _third_quartile, "The excess ratio's third quartile is 1,628."),
            ("ratio-mean", "ratio_mean", PAIR, _excess, statistics.fmean, "The excess ratio's mean is 1,776."),
            ("nll-q1", "nll_ratio_q1", PAIR, _log_ratio, _first_quartile, "The NLL ratio's first quartile is 4.85."),
            ("nll-q3", "nll_ratio_q3", PAIR, _log_ratio, _third_quartile, "The NLL ratio's third quartile is 5.42."),
            (
                "nll-random",
                "random_nll_ratio",
                RANDOM_PAIR,
                _log_ratio,
                statistics.median,
                "Flips in all columns change NLL 2.92 times as much as flips in the other columns (median).",
            ),
            (
                "compression",
                "compression",
                PAIR,
                lambda *cells: _excess(*cells) / _log_ratio(*cells),
                statistics.median,
                "The excess ratio is 248 times the NLL ratio (median): the gap of 67 is no compression factor.",
            ),
        )
    ),
)
RELEASED = tuple(
    Claim(
        id=f"sign-magnitude.table17.released-{name}",
        locus="Table 17, seeds 42 to 1000",
        statement=f"With flips in {where} the released perplexities of five seeds round to the table's.",
        test=table(
            TABLE_17,
            check=recomputed(
                column,
                uses=(f"released_{column}",),
                formula=lambda ppl: ppl,
                where=having(f"released_{column}"),
            ),
        ),
    )
    for name, column, where in (
        ("random", "random", "all columns"),
        ("outlier", "outlier", "outlier columns"),
        ("other", "nonoutlier", "the other columns"),
    )
)

SATURATION = (
    Claim(
        id="sign-magnitude.table17.below-uniform",
        locus="section 7.2, log-loss resolution; Table 17",
        statement=(
            "If the NLL ratio near 5 measures a response below its ceiling, flips in outlier columns leave the model "
            "better than a uniform guess among its 32,000 tokens in every seed."
        ),
        test=table(TABLE_17, check=bounded(uses=("outlier",), formula=lambda ppl: ppl, hi=VOCABULARY, where=_is_seed)),
        expected=REFUTED,
        finding=(
            "In 13 of the 20 seeds perplexity is above 32,000. A uniform guess would have the ratio (ln 32,000 - ln "
            "7.38) over the other columns' change, 4.88 in the median. The paper makes no statement on the level of a "
            "guess."
        ),
        corrected_by="sign-magnitude.table17.ceiling",
        role="ours",
    ),
    Claim(
        id="sign-magnitude.table17.ceiling",
        locus="section 7.2; Table 17",
        statement="A model that guesses uniformly would have the NLL ratio 4.88 to the other columns (median).",
        test=table(
            TABLE_17, check=_summary("ceiling", PAIR[1:], lambda other, base: _log_ratio(VOCABULARY, other, base))
        ),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.table17.above-uniform",
        locus="Table 17",
        statement="13 of the 20 outlier perplexities are above 32,000.",
        test=table(TABLE_17, check=_summary("above_uniform", ("outlier",), lambda ppl: float(ppl > VOCABULARY), sum)),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.table17.median-nll",
        locus="Table 17",
        statement="The median NLL after flips in outlier columns is 10.64 nats, above ln 32,000 = 10.37.",
        test=table(TABLE_17, check=_summary("log_outlier", ("outlier",), math.log)),
        role="ours",
    ),
)
