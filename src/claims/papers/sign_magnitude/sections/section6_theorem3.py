"""Claims of Theorem 3 and Remark 1: the ratio c of transverse energies at a fixed flip rate, and its expansion."""

from __future__ import annotations

from claims import REFUTED, Claim, at_least, grid, limit, order, printed, value, within
from claims.papers.sign_magnitude.shared.block import (
    FOUR_WAY,
    RATES,
    RELU,
    SMALL_RATE,
    WIDE,
    by_quadrature,
    transverse_ratio,
)
from claims.papers.sign_magnitude.theory import block, finite, small_rate

#: Coefficient of sqrt(p) in the paper's factored formula: -4/(3 pi) times the limit.
FACTORED_SLOPE = -small_rate.FLIP_SLOPE * small_rate.c_limit()

NOT_CLAIMS = {
    "Figure 1, points": (
        "An image: no figures are printed at its points. They stand for Table 2's measured column, which is audited "
        "row by row; the curve is sign-magnitude.fig1.curve."
    ),
    "Remark 1, reference to Table 6 for R_p > 0": (
        "Table 6 holds cosines of trained weights, no c(p); Table 2 is meant, and audited as such."
    ),
    "Remark 2, convergence mode": (
        "A step of a proof (law of large numbers and Slutsky's theorem). What it gives, the limit, is audited as "
        "sign-magnitude.thm3.c-pre and sign-magnitude.thm3.c-pre-limit."
    ),
}

FIXED_RATE = (
    Claim(
        id="sign-magnitude.thm3.c-pre",
        locus="Theorem 3, eq. 13",
        statement=(
            "At a fixed flip rate the ratio of transverse energies, sign flips over magnitude step, is "
            "(E_s/E_m)(1 - R_s)/(1 - R_m) with Gaussian closed forms and their finite-width terms."
        ),
        at=grid(n=[512, 1024], flip_rate=RATES, metric="pre", step=1),
        test=transverse_ratio(RELU),
        band=within(
            finite.c_finite_n, rel=0.005, provenance="theory", because="next terms are O(p^0.5/n) and O(1/n^2), < .002"
        ),
        rival=small_rate.c_printed_formula,
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.thm3.c-pre-limit",
        locus="Theorem 3, eq. 13",
        statement=(
            "Extrapolated to infinite width the ratio is the closed form c(p), not the paper's factored formula."
        ),
        at=grid(n=[512, 1024], flip_rate=RATES, metric="pre", step=1),
        test=limit(RELU["c"], over="n", rate=1),
        band=within(block.c_exact, rel=0.01, provenance="theory", because="half of the formula's error at p = .01"),
        rival=small_rate.c_printed_formula,
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.thm3.closed-form-pre",
        locus="Theorem 3, eq. 13, by quadrature",
        statement=("The closed form of c(p) equals the quadrature of the definition, for growing and shrinking steps."),
        at=grid(flip_rate=[0.001, 0.01, 0.1], step=[1, -1]),
        test=value(WIDE["c_pre"]),
        band=by_quadrature(block.c_exact),
        rival=small_rate.c_series,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.thm3.closed-form-post",
        locus="section 9.3, by quadrature",
        statement="After normalising both outputs the ratio is c(p) times the growth s2 of the perturbed variance.",
        at=grid(flip_rate=[0.001, 0.01, 0.1], step=[1, -1]),
        test=value(WIDE["c_post"]),
        band=by_quadrature(lambda flip_rate, step: block.c_exact(flip_rate, "post", step)),
        rival=block.c_exact,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.thm3.output-width",
        locus="Theorem 3, (A5)",
        statement="A second projection to as few as 32 outputs leaves the ratio where it is.",
        at=grid(outputs=32, pairs=512, flip_rate=0.01, metric="pre"),
        test=order(FOUR_WAY.at(projection="gaussian")["c"], FOUR_WAY.at(projection="none")["c"]),
        band=within(0.0, abs=0.1, provenance="smallest-effect", because="four per cent of c"),
        rival=-0.956,
        decides="standard",
    ),
)

SMALL_RATES = (
    Claim(
        id="sign-magnitude.thm3.limit",
        locus="Theorem 3, eq. 14",
        statement="As the flip rate goes to zero the ratio tends to pi/(pi - 2), printed as 2.75.",
        at=grid(step=[1, -1]),
        test=value(SMALL_RATE["c_pre_0"]),
        band=by_quadrature(small_rate.c_limit),
        rival=2.7528,
    ),
    Claim(
        id="sign-magnitude.thm3.limit-printed",
        locus="section 9.4, i.i.d. theoretical value",
        statement="The limiting ratio is 2.75 to the printed digits.",
        test=value(SMALL_RATE["c_pre_0"]),
        band=printed("2.75"),
        rival=2.61,
    ),
    Claim(
        id="sign-magnitude.thm3.sqrt-coefficient",
        locus="Theorem 3, eq. 14, coefficient of the remainder",
        statement=(
            "The remainder is of order sqrt(p), with coefficient -(4/(3 pi))(1 - sqrt(1 - 2/pi)) = -.1686 of the limit."
        ),
        at=grid(step=[1, -1]),
        test=value(SMALL_RATE["c_pre_1"]),
        band=by_quadrature(small_rate.c_slope),
        rival=FACTORED_SLOPE,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.thm3.rate-coefficient",
        locus="Theorem 3, eq. 14, next order",
        statement="The next term of c(p) is -1.4514 p of the limit for a growing and -.6349 p for a shrinking one.",
        at=grid(step=[1, -1]),
        test=value(SMALL_RATE["c_pre_2"]),
        band=by_quadrature(lambda step: small_rate.c_limit() * small_rate.c_rate_coefficient("pre", step), 1e-8),
        rival=-2.7519,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.rem1.sqrt-coefficient",
        locus="Remark 1; Step A8",
        statement=(
            "Read as an expansion, which Remark 1 says it is not, the factored form has the ratio's sqrt(p) "
            "coefficient, -4/(3 pi) of the limit."
        ),
        test=value(SMALL_RATE["c_pre_1"]),
        band=within(FACTORED_SLOPE, rel=0.05, provenance="smallest-effect", because="five per cent of it"),
        rival=small_rate.c_slope,
        expected=REFUTED,
        finding=(
            "The ratio's coefficient is -.1686 of the limit. The remainder R_p, which the paper leaves undetermined, "
            "is +.2558 sqrt(p) to leading order and cancels three fifths of -.4244."
        ),
        corrected_by="sign-magnitude.thm3.sqrt-coefficient",
        role="ours",
    ),
    Claim(
        id="sign-magnitude.rem1.remainder-positive",
        locus="Remark 1, empirical R_p > 0",
        statement="The undetermined remainder R_p is positive at all flip rates of Table 2.",
        at=grid(flip_rate=RATES),
        test=value(WIDE["remainder"]),
        band=at_least(0.0, provenance="author", because="Remark 1 says positive"),
        rival=-0.01,
    ),
    Claim(
        id="sign-magnitude.rem1.remainder-coefficient",
        locus="Remark 1, R_p = O(sqrt p)",
        statement="R_p is of order sqrt(p), with coefficient (4/(3 pi)) sqrt(1 - 2/pi) = .2558.",
        test=value(SMALL_RATE["remainder_1"]),
        band=by_quadrature(small_rate.printed_remainder_coefficient),
        rival=0.0,
    ),
)
