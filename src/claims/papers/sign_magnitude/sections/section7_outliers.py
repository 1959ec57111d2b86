"""Claims of section 7.2 about the ratio of transverse energies when one input coordinate is large."""

from __future__ import annotations

from claims import REFUTED, Claim, at_least, at_most, experiment, grid, ratio, search, within
from claims.papers.sign_magnitude.theory import outliers, small_rate

AMPLITUDES = (0.1, 0.289, 0.6, 0.9)

FIRST_ORDER = experiment(
    "claims.papers.sign_magnitude.experiments.outliers:first_order",
    sweep={"alpha": AMPLITUDES},
    fixed={"n": 64, "rows": 2048, "inputs": 16},
    seconds=0.03,
)
FINITE_RATE = experiment(
    "claims.papers.sign_magnitude.experiments.outliers:wide_background",
    sweep={"alpha": AMPLITUDES},
    fixed={"flip_rate": 0.01, "neurons": 2**14},
    seconds=0.01,
)
EVERYWHERE = ratio(FIRST_ORDER["sign"], FIRST_ORDER["magnitude"])
COLUMN = ratio(FIRST_ORDER["column_sign"], FIRST_ORDER["column_magnitude"])
COLUMN_RADIAL = ratio(FIRST_ORDER["column_radial"], FIRST_ORDER["column_total"])


def with_outlier(alpha: float) -> float:
    """The ratio with an outlier at the experiment's n = 64."""
    return outliers.ratio_with_outlier(alpha, 64)


CONJECTURE = (
    Claim(
        id="sign-magnitude.sec72.outliers-raise-ratio",
        locus="section 7.2, last paragraph; O1",
        statement=(
            "As section 7.2 conjectures and leaves open, an outlier column raises the ratio of transverse energies "
            "above pi/(pi - 2) = 2.75."
        ),
        at=grid(alpha=[0.6, 0.9]),
        test=EVERYWHERE,
        band=at_least(small_rate.c_limit(), provenance="author", because="beyond 2.75 is the conjecture"),
        rival=with_outlier,
        expected=REFUTED,
        finding=(
            "With one input coordinate of amplitude .6 it is 2.41 at n = 64, and 2.49 as p -> 0 in a wide layer "
            "(sign-magnitude.sec72.ratio-with-outlier). The radial share of the magnitude step is 2/pi whatever the "
            "input, and flips of a large coordinate cost less than in proportion to its energy, because the ReLU's "
            "S(q) lies below 2q."
        ),
        corrected_by="sign-magnitude.sec72.ratio-with-outlier",
        role="ours",
    ),
    Claim(
        id="sign-magnitude.sec72.ratio-with-outlier",
        locus="section 7.2, last paragraph; O1",
        statement="With an outlier the ratio tends to pi/(pi - 2) times the mean of S(x_j^2)/2 over single flips.",
        at=grid(alpha=list(AMPLITUDES)),
        test=EVERYWHERE,
        band=within(with_outlier, rel=0.03, provenance="smallest-effect", because="a third of the fall from .1 to .6"),
        rival=lambda alpha: 1.05 * small_rate.c_limit(),
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.sec72.never-above",
        locus="section 7.2, last paragraph; O1",
        statement="No amplitude takes the ratio above pi/(pi - 2), with all weights perturbed or one column alone.",
        test=search(
            "claims.papers.sign_magnitude.experiments.beyond_statements:NEVER_ABOVE",
            examples=60,
            restarts=2,
            seconds=0.1,
        ),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.sec72.never-above-finite-rate",
        locus="section 7.2, last paragraph; O1",
        statement=(
            "At p = .01 the ratio with an outlier in a wide layer stays below pi/(pi - 2), as it does for p -> 0."
        ),
        at=grid(alpha=[0.289, 0.6, 0.9]),
        test=ratio(FINITE_RATE["transverse_sign"], FINITE_RATE["transverse_magnitude"]),
        band=at_most(small_rate.c_limit(), provenance="author", because="beyond 2.75 is the conjecture"),
        rival=3.0,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.sec72.radial-channelling",
        locus="section 7.2, last paragraph",
        statement=(
            "If the conjecture of section 7.2 is about a magnitude step on an outlier column alone, the larger part of "
            "that step's energy is radial."
        ),
        at=grid(alpha=[0.1, 0.289, 0.6]),
        test=COLUMN_RADIAL,
        band=at_least(0.5, provenance="author", because="predominantly means more than half"),
        rival=outliers.column_radial_fraction,
        expected=REFUTED,
        finding=(
            "Its radial share is 2 alpha^2/pi: .6 %, 5 % and 23 % at alpha = .1, .289 and .6. The step moves z by "
            "alpha sign(w_1), whose squared correlation with z is 2 alpha^2/pi. Of a step on all columns 2/pi is "
            "radial, with and without an outlier."
        ),
        corrected_by="sign-magnitude.sec72.column-radial",
        role="ours",
    ),
    Claim(
        id="sign-magnitude.sec72.column-radial",
        locus="section 7.2, last paragraph",
        statement="The radial share of a magnitude step on the outlier's column alone is 2 alpha^2/pi.",
        at=grid(alpha=list(AMPLITUDES)),
        test=COLUMN_RADIAL,
        band=within(outliers.column_radial_fraction, abs=0.02, provenance="smallest-effect", because="3 % of 2/pi"),
        rival=0.6366,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.sec72.column-ratio",
        locus="section 7.2, last paragraph",
        statement="With the outlier's column alone perturbed the ratio is [S(alpha^2)/(2 alpha^2)]/(1 - 2 alpha^2/pi).",
        at=grid(alpha=list(AMPLITUDES)),
        test=COLUMN,
        band=within(outliers.column_ratio, rel=0.03, provenance="smallest-effect", because="three per cent of one"),
        rival=with_outlier,
        role="ours",
        decides="standard",
    ),
)
