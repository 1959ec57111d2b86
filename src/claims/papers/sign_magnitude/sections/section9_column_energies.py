"""Claims of section 9.5 on Exp F: energies of single columns' flips at layer 12, which are computed, not measured."""

from __future__ import annotations

import statistics

from claims import REFUTED, Claim, aggregated, bounded, recomputed, table
from claims.papers.sign_magnitude.figures import published
from claims.papers.sign_magnitude.figures.published import having

EXP_F, EXP_G = published.path("exp_f"), published.path("exp_g")
_IS_COLUMN = having("nll_change")
MEAN_NORM = statistics.fmean(published.columns("exp_g", _IS_COLUMN)["column_norm"])

ENERGIES = (
    Claim(
        id="sign-magnitude.expf.energy-identity",
        locus="section 9.5, Exp F",
        statement="The released energy of a column is 4 alpha^2 E|x|^2 |W_j|^2 / m.",
        test=table(
            EXP_F,
            check=recomputed(
                "energy",
                uses=("alpha", "column_norm", "input_norm", "rows"),
                formula=lambda alpha, norm, inputs, rows: 4 * alpha**2 * inputs * norm / round(rows),
                where=having("energy"),
            ),
        ),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.expf.energy-ratio",
        locus="section 9.5, Exp F against Exp E; abstract, 'about 10 = n E[alpha^2]'",
        statement="At layer 12 a flip in an outlier column has 10 times the energy of others, to a factor of 1.5.",
        test=table(
            EXP_F,
            check=bounded(
                uses=("energy_ratio",),
                formula=lambda ratio: ratio,
                lo=10 / 1.5,
                hi=15.0,
                where=having("energy_ratio"),
            ),
        ),
        expected=REFUTED,
        finding=(
            "The released ratio is 33. The paper compares Exp E's 10, outlier columns against all others in every "
            "layer, with n E[alpha^2], a column against one of average energy in one layer. Like is compared with like "
            "in Exp F, and there the theory's prediction is 33."
        ),
        corrected_by="sign-magnitude.expf.energy-ratio-released",
    ),
    Claim(
        id="sign-magnitude.expf.energy-ratio-released",
        locus="released results of Exp F",
        statement="At layer 12 a flip in an outlier column has about 33 times the energy of one elsewhere.",
        test=table(
            EXP_F,
            check=bounded(
                uses=("energy_ratio",),
                formula=lambda ratio: ratio,
                lo=32.9,
                hi=33.0,
                where=having("energy_ratio"),
            ),
        ),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.expf.alpha-ratio",
        locus="released results of Exp F, ratio of alpha^2",
        statement="The released ratio 17.35 is that of outlier and other columns' mean alpha^2, which energies follow.",
        test=table(
            EXP_F,
            check=recomputed(
                "energy_ratio",
                uses=("alpha_ratio", "norm_ratio"),
                formula=lambda squares, norms: squares * norms,
                where=having("alpha_ratio"),
            ),
        ),
        expected=REFUTED,
        finding=(
            "With columns longer by 4 per cent it would give an energy ratio of 18.1, and the released one is 33. The "
            "authors' script squares the ratio of the mean alpha. A mean of squares is larger than the squared mean, "
            "and here, where one column has ninety times the median's alpha^2, by nearly a factor of two."
        ),
        corrected_by="sign-magnitude.expf.mean-square-ratio",
    ),
    Claim(
        id="sign-magnitude.expf.mean-square-ratio",
        locus="released results of Exp F",
        statement="Norms divided out, energies put the mean alpha^2 of outlier columns at 31.6 times the others'.",
        test=table(
            EXP_F,
            check=recomputed(
                "mean_square_ratio",
                uses=("mean_energy_ratio", "mean_norm_ratio"),
                formula=lambda energies, norms: energies / norms,
                where=having("mean_square_ratio"),
            ),
        ),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.expf.uniform-norms",
        locus="section 9.5, Exp F, 'approximately uniform'",
        statement="Squared norms of Exp G's twenty columns lie within a third of their mean, 1.61.",
        test=table(
            EXP_G,
            check=bounded(
                uses=("column_norm",),
                formula=lambda norm: norm / MEAN_NORM,
                lo=2 / 3,
                hi=4 / 3,
                where=_IS_COLUMN,
            ),
        ),
        expected=REFUTED,
        finding=(
            "They range from .52 to 3.94. The printed ratio of 1.04 compares group means; single columns differ by a "
            "factor of 7.5."
        ),
        corrected_by="sign-magnitude.expf.largest-norm",
    ),
    *(
        Claim(
            id=f"sign-magnitude.expf.{extreme}-norm",
            locus="released results of Exp G",
            statement=f"The {extreme} squared norm of the twenty columns is {printed}.",
            test=table(
                EXP_G,
                check=aggregated(
                    "column_norm",
                    into=having("summary", f"{extreme} squared column norm"),
                    uses=("column_norm",),
                    formula=lambda norm: norm,
                    statistic=statistic,
                    where=_IS_COLUMN,
                ),
            ),
            role="ours",
        )
        for extreme, statistic, printed in (("largest", max, "3.94"), ("smallest", min, ".523"))
    ),
)
