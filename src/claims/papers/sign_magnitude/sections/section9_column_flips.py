"""Claims of section 9.5 on Exp G: what NLL changes of single columns say about alpha."""

from __future__ import annotations

import math

from claims import (
    REFUTED,
    UNDECIDED,
    Claim,
    aggregated,
    at_least,
    at_most,
    column,
    rank_correlation,
    regression,
    sample,
    table,
    within,
)
from claims.papers.sign_magnitude.figures import published
from claims.papers.sign_magnitude.figures.published import having

EXP_G = published.path("exp_g")
_ALL = published.columns("exp_g", having("nll_change"))
_ROWS = list(zip(_ALL["alpha"], _ALL["column_norm"], _ALL["nll_change"], strict=True))
WIDTH = 2048


def _columns(*, regressor: str = "share", positive: bool = True, least_share: float = 0.0) -> published.Columns:
    """Exp G's columns: alpha^2 ("share") or alpha^2 |W_j|^2 ("energy"), and the NLL change; both of shape (columns,).

    ``positive`` keeps the columns with an increase, ``least_share`` those with n alpha^2 above it.
    """
    kept = [row for row in _ROWS if (row[2] > 0 or not positive) and WIDTH * row[0] ** 2 > least_share]
    return {
        "regressor": tuple(alpha**2 * (norm if regressor == "energy" else 1.0) for alpha, norm, _ in kept),
        "change": tuple(change for _, _, change in kept),
    }


EXPONENTS = {
    "share": _columns(),
    "energy": _columns(regressor="energy"),
    "large": _columns(least_share=1.0),
}
EXPONENT_BANDS = {"share": (-math.inf, 1.0), "energy": (-math.inf, 1.0), "large": (0.8, 1.2)}
SLOPE = regression(column("change"), column("regressor"))
CORRELATION = rank_correlation(column("regressor"), column("change"))

NOT_CLAIMS = {
    "Section 9.5, Exp G, 'compression by downstream layers'": (
        "An attribution of an exponent that is not told from 2 (sign-magnitude.expg.sub-quadratic). Where KL is "
        "measured nothing is compressed: sign-magnitude.model.expg-alpha-squared."
    ),
    "Section 7.2, Appendix E.8, mean and 95th percentile of alpha, share of columns above a threshold": (
        "Not in the text as it can be read, and not released. Needs the model."
    ),
}


_IS_COLUMN = having("nll_change")

SLOPES = (
    Claim(
        id="sign-magnitude.expg.grows",
        locus="section 9.5, Exp G",
        statement="NLL grows with alpha^2 over the 17 columns with an increase: the log-log slope is above zero.",
        test=sample(SLOPE, family={"share": EXPONENTS["share"]}, member="share", bands={"share": (0.0, math.inf)}),
        band=at_least(0.0, provenance="smallest-effect", because="that NLL grows with alpha at all"),
        rival=-0.2,
    ),
    Claim(
        id="sign-magnitude.expg.sub-quadratic",
        locus="section 9.5, Exp G; Appendix E.8",
        statement="NLL grows more slowly than alpha^2: the log-log slope on alpha^2 is below 1.",
        test=sample(SLOPE, family=EXPONENTS, member="share", bands=EXPONENT_BANDS),
        band=at_most(1.0, provenance="author", because="sub-quadratic means a slope below 1"),
        rival=1.2,
        expected=UNDECIDED,
        finding=(
            "The slope is .78 with a 95 per cent interval from .54 to 1.03, and three decreases were left out of it. "
            "Fifty columns, with a measure of change that is never negative, would decide."
        ),
    ),
    Claim(
        id="sign-magnitude.expg.sub-quadratic-energy",
        locus="section 9.5, Exp G",
        statement="NLL grows more slowly than the column's energy: the log-log slope on alpha^2 |W_j|^2 is below 1.",
        test=sample(SLOPE, family=EXPONENTS, member="energy", bands=EXPONENT_BANDS),
        band=at_most(1.0, provenance="author", because="sub-linear in energy means a slope below 1"),
        rival=1.2,
        expected=UNDECIDED,
        finding="The slope is .84 with a 95 per cent interval from .63 to 1.04. Sixty columns would decide.",
    ),
    Claim(
        id="sign-magnitude.expg.quadratic-large",
        locus="section 9.5, Exp G",
        statement="Among the 13 columns with an increase and n alpha^2 above 1 the slope is 1, to a fifth.",
        test=sample(SLOPE, family=EXPONENTS, member="large", bands=EXPONENT_BANDS),
        band=within(1.0, abs=0.2, provenance="smallest-effect", because="the slope said to be too small is .22 off"),
        rival=0.6,
        expected=UNDECIDED,
        finding=(
            "1.02 with a 95 per cent interval from .65 to 1.40: the small exponent rests on the columns with the "
            "smallest alpha, whose changes are near the floor. About 120 columns would decide."
        ),
        role="ours",
    ),
)
ORDERING = (
    Claim(
        id="sign-magnitude.expg.ordering",
        locus="section 9.5, Exp G, 'strong rank correlation'",
        statement="Over all twenty columns NLL change and alpha^2 have a rank correlation of .7 or more.",
        test=sample(CORRELATION, family={"all": _columns(positive=False)}, member="all", bands={"all": (0.7, 1.0)}),
        band=at_least(0.7, provenance="smallest-effect", because="half of the variance of ranks"),
        rival=0.0,
    ),
    Claim(
        id="sign-magnitude.expg.precision-floor",
        locus="section 9.5, Exp G, '17/20 columns with positive NLL'",
        statement=(
            "If columns are left out because their change is below the precision, no increase that is kept is smaller "
            "than the largest of the three decreases."
        ),
        test=table(
            EXP_G,
            check=aggregated(
                "count",
                into=having("summary", "columns with an increase below the precision"),
                uses=("nll_change",),
                formula=lambda change: float(0 < change < -min(_ALL["nll_change"])),
                statistic=sum,
                where=_IS_COLUMN,
            ),
        ),
        expected=REFUTED,
        finding=(
            "The largest decrease is 9.0e-5, and three of the increases that were kept are smaller: 1.5e-5, 4.8e-5 and "
            "4.9e-5. The paper says of the three decreases alone that they are below the precision."
        ),
        corrected_by="sign-magnitude.expg.below-floor",
        role="ours",
    ),
    *(
        Claim(
            id=f"sign-magnitude.expg.{name}",
            locus="section 9.5, Exp G, released results",
            statement=statement,
            test=table(
                EXP_G,
                check=aggregated(
                    "count",
                    into=having("summary", summary),
                    uses=("nll_change",),
                    formula=formula,
                    statistic=sum,
                    where=_IS_COLUMN,
                ),
            ),
            role=role,
        )
        for name, summary, formula, statement, role in (
            (
                "below-floor",
                "columns with an increase below the largest decrease",
                lambda change: float(0 < change < -min(_ALL["nll_change"])),
                "Three of the 17 increases are smaller than the largest of the decreases.",
                "ours",
            ),
            (
                "decreases",
                "columns with a decrease",
                lambda change: float(change < 0),
                "NLL decreases in three of the twenty columns.",
                "paper",
            ),
        )
    ),
)
