"""Claims of the abstract: its printed figures against formulas, tables and the authors' released results."""

from __future__ import annotations

import math

from claims import REFUTED, Claim, bounded, recomputed, table
from claims.papers.sign_magnitude.figures.published import having
from claims.papers.sign_magnitude.theory import small_rate

PATH = "claims.papers.sign_magnitude:figures/abstract.toml"
OUTLIER_SHARE = 0.05

NOT_CLAIMS = {
    "Remark 1 and Remark 2, 'Table 6' for c(p)": (
        "A wrong reference: c(p) stands in Tables 2 and 7. Table 6 is about weights and their signs in trained models."
    ),
}

FORMULAS = (
    Claim(
        id="sign-magnitude.abstract.limit",
        locus="abstract",
        statement="pi/(pi - 2) is about 2.75.",
        test=table(PATH, check=recomputed("limit", uses=(), formula=small_rate.c_limit, where=having("limit"))),
    ),
    Claim(
        id="sign-magnitude.abstract.radial-match",
        locus="abstract; section 8.4",
        statement="The printed .365 differs from 1 - 2/pi by .4 per cent.",
        test=table(
            PATH,
            check=recomputed(
                "ternary_match",
                uses=("ternary_radial",),
                formula=lambda radial: 100 * (radial / (1 - 2 / math.pi) - 1),
                where=having("ternary_match"),
            ),
        ),
    ),
    Claim(
        id="sign-magnitude.abstract.column-bound",
        locus="abstract; Appendix F.3",
        statement="The bound 19 is the number of other columns to one outlier column when these are 5 per cent.",
        test=table(
            PATH,
            check=recomputed(
                "column_bound",
                uses=(),
                formula=lambda: (1 - OUTLIER_SHARE) / OUTLIER_SHARE,
                where=having("column_bound"),
            ),
        ),
    ),
    Claim(
        id="sign-magnitude.abstract.ppl-gap",
        locus="abstract; Appendix E.8",
        statement="The gap of 67 is the perplexity ratio 1,265 over the bound 19.",
        test=table(
            PATH,
            check=recomputed(
                "ppl_gap",
                uses=("ppl_ratio",),
                formula=lambda ratio: ratio * OUTLIER_SHARE / (1 - OUTLIER_SHARE),
                where=having("ppl_gap"),
            ),
        ),
    ),
    Claim(
        id="sign-magnitude.abstract.within-bound",
        locus="abstract; section 7.2",
        statement=(
            "The NLL ratio 5.0 is a smaller number than the bound 19, whatever the two compare (the bound is per flip, "
            "the ratio is not: sign-magnitude.appf.nll-ratio-within-bound)."
        ),
        test=table(
            PATH,
            check=bounded(
                uses=("nll_ratio", "column_bound"),
                formula=lambda ratio, limit: ratio / limit,
                hi=1.0,
                where=having("nll_ratio"),
            ),
        ),
    ),
)

ALPHA = tuple(
    Claim(
        id=f"sign-magnitude.abstract.alpha-{column}",
        locus="abstract; Appendix E.8",
        statement=(
            f"Read of the input of layer 12's q projection, which Exp F measured over as many tokens as Appendix E.8 "
            f"names, the {column} alpha of the outlier columns is {printed}."
        ),
        test=table(
            PATH,
            check=recomputed(
                "alpha",
                uses=("released",),
                formula=lambda alpha: alpha,
                where=having("column", column),
            ),
        ),
        expected=REFUTED,
        finding=(
            "The released results of Exp F, at the input of layer 12's q projection over 20,480 tokens, have "
            f"{released}. Abstract and appendix do not name the input: section 7.3 chooses outlier columns at the "
            "FFN's, of which no alpha is released. The abstract's figures give n alpha^2 = 1.18 and 138 (median, "
            "largest), the released ones 1.87 and 171.5."
        ),
        corrected_by="sign-magnitude.abstract.released-leverage",
        role="ours",
    )
    for column, printed, released in (("median", ".024", ".0302"), ("largest", ".26", ".2894"))
)
RELEASED_ALPHA = Claim(
    id="sign-magnitude.abstract.released-leverage",
    locus="released results of Exp F",
    statement="The released alpha give n alpha^2 = 1.87 for the median outlier column and 171.5 for the largest.",
    test=table(
        PATH,
        check=recomputed(
            "single_leverage",
            uses=("n", "released"),
            formula=lambda n, alpha: round(n) * alpha**2,
            where=having("single_leverage"),
        ),
    ),
    role="ours",
)
