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
        statement=(
            "If about 10 = n E[alpha^2] is the leverage of a flip in layer 12's outlier columns over one in its other "
            "columns, Exp F's energy ratio is 10, to a factor of 1.5."
        ),
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
            "The released ratio at layer 12's q projection is 33. n E[alpha^2] compares an outlier column with one of "
            "average energy, Exp E's 10 outlier columns with all others in every layer, Exp F's ratio outlier columns "
            "with all others in one matrix."
        ),
        corrected_by="sign-magnitude.expf.energy-ratio-released",
        role="ours",
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
        statement=(
            "Read as the ratio of outlier and other columns' mean alpha^2, the field 17.35 of the released results "
            "gives Exp F's energy ratio with that of squared column norms."
        ),
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
            "With squared norms larger by 4 per cent it gives an energy ratio of 18.1, and the released one is 33. "
            "The authors' script squares the ratio of the mean alpha; the ratio of mean squares that the energies "
            "imply is 31.6. The paper does not print the field."
        ),
        corrected_by="sign-magnitude.expf.mean-square-ratio",
        role="ours",
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
        statement=(
            "If 'approximately uniform' is said of single columns, the squared norms of Exp G's twenty lie within a "
            "third of their mean, 1.56."
        ),
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
        finding=("They range from .52 to 3.94, a factor of 7.5. The paper says it of its ratio of group means, 1.04."),
        corrected_by="sign-magnitude.expf.largest-norm",
        role="ours",
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
