"""Claims of Appendix E.5 to E.8: one outlier flip against one flip elsewhere (the leverage R of Theorem 6)."""

from __future__ import annotations

import math

from claims import Claim, experiment, grid, printed, ratio, search, value, within
from claims.papers.sign_magnitude.shared.outliers import (
    CROSSOVER,
    EXACT,
    SINGLE_FLIP,
    SINGLE_FLIP_EXACTLY,
    N,
    linear_leverage,
    to_rounding,
)
from claims.papers.sign_magnitude.theory import outliers

#: Released amplitudes of TinyLlama's layer 12: median and 90th percentile of the outlier columns, and the largest.
RELEASED = {0.030230116: "1.865", 0.139083788: "37.63", 0.289411426: "151.7"}
UNIT_NORM = experiment(
    "claims.papers.sign_magnitude.experiments.outlier_quadrature:unit_norm_leverage", fixed={"n": N}, seconds=0.001
)


def leverage(alpha: float) -> float:
    """R at n = 2048 over an entry 1/sqrt(n)."""
    return outliers.leverage(alpha, N)


def leverage_unit_norm(alpha: float) -> float:
    """R at n = 2048 over an equal share of what the outlier leaves of the unit norm."""
    return outliers.leverage(alpha, N, "unit-norm")


LEVERAGE = (
    Claim(
        id="sign-magnitude.appe.leverage",
        locus="Appendix E.5, Theorem 6; Table 20",
        statement="R = E(1 - 2 alpha^2)/E(1 - 2/n) at n = 2048.",
        at=grid(alpha=[alpha for alpha in EXACT if alpha != CROSSOVER]),
        test=value(SINGLE_FLIP_EXACTLY["leverage"]),
        band=to_rounding(leverage),
        rival=linear_leverage,
    ),
    Claim(
        id="sign-magnitude.appe.leverage-drawn",
        locus="Appendix E.5, Theorem 6; Table 20",
        statement="Drawn neurons have the leverage R at n = 2048, over an entry of amplitude 1/sqrt(n).",
        at=grid(alpha=[0.1, 0.289, 0.5, 0.9]),
        test=ratio(SINGLE_FLIP["energy"], SINGLE_FLIP["isotropic"]),
        band=within(leverage, rel=0.012, provenance="smallest-effect", because="a third of 4 alpha/(3 pi) at .1"),
        rival=linear_leverage,
    ),
    Claim(
        id="sign-magnitude.appe.leverage-unit-norm",
        locus="Appendix E.5, Theorem 6, with the others sharing what unit norm leaves",
        statement="Over an entry sqrt((1 - alpha^2)/(n - 1)) R is 19.98, 165, 538 and 5021 at alpha = .1 to .9.",
        at=grid(alpha=[0.1, 0.289, 0.5, 0.9]),
        test=value(UNIT_NORM["leverage"]),
        band=to_rounding(leverage_unit_norm),
        rival=leverage,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.appe.leverage-unit-norm-drawn",
        locus="Appendix E.5, Theorem 6, with the others sharing what unit norm leaves",
        statement="Drawn neurons have that leverage.",
        at=grid(alpha=[0.289, 0.5, 0.9]),
        test=ratio(SINGLE_FLIP["energy"], SINGLE_FLIP["unit_norm"]),
        band=within(
            leverage_unit_norm, rel=0.015, provenance="smallest-effect", because="a fifth of its excess at .289"
        ),
        rival=leverage,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.appe.linear-leverage",
        locus="Appendix E.5, after eq. 28",
        statement="Before the ReLU the ratio of energies is n alpha^2 exactly.",
        at=grid(alpha=EXACT[2:]),
        test=value(SINGLE_FLIP_EXACTLY["linear_leverage"]),
        band=to_rounding(linear_leverage, rel=1e-12),
        rival=leverage,
    ),
    Claim(
        id="sign-magnitude.appe.leading-coefficient",
        locus="Appendix E.5, eq. 28",
        statement="The energy of one flip is 2 alpha^2 (1 - 4 alpha/(3 pi)) to second order.",
        at=grid(alpha=1e-5),
        test=value(SINGLE_FLIP_EXACTLY["energy_slope"]),
        band=within(-4 / (3 * math.pi), abs=1e-6, provenance="theory", because="rounding over alpha; no cubic term"),
        rival=-2 / (3 * math.pi),
    ),
    Claim(
        id="sign-magnitude.appe.leading-order",
        locus="Appendix E.5, eq. 28",
        statement="n alpha^2 (1 - 4 alpha/(3 pi)) is within 1 % of R from the crossover to alpha = .6, at n = 2048.",
        test=search(
            "claims.papers.sign_magnitude.experiments.beyond_statements:LEADING", examples=60, restarts=2, seconds=0.1
        ),
    ),
    Claim(
        id="sign-magnitude.appe.leading-order-at-one",
        locus="Appendix E.5, eq. 28, outside its regime",
        statement="At alpha = 1 the expansion is 14 % above R.",
        at=grid(alpha=1.0),
        test=value(SINGLE_FLIP_EXACTLY["lead_error"]),
        band=printed("0.14"),
        rival=0.0,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.appe.crossover",
        locus="Appendix E.7, crossover scale",
        statement="At alpha = 1/sqrt(n) a flip has the effect of any other: R = 1.",
        at=grid(alpha=CROSSOVER),
        test=value(SINGLE_FLIP_EXACTLY["leverage"]),
        band=within(1.0, abs=1e-12, provenance="theory", because="quadrature is exact to rounding"),
        rival=2.0,
    ),
    Claim(
        id="sign-magnitude.appe.increasing",
        locus="Appendix E.7, last paragraph",
        statement="R grows with alpha on all of (0, 1], without a jump or a dip.",
        test=search(
            "claims.papers.sign_magnitude.experiments.beyond_statements:INCREASING",
            examples=60,
            restarts=2,
            seconds=0.1,
        ),
    ),
    *(
        Claim(
            id=f"sign-magnitude.appe.released-leverage-{figure.replace('.', '-')}",
            locus="Appendix E.8, measured distribution",
            statement=f"At the released amplitude {alpha:.4f} Theorem 6 gives R = {figure}.",
            at=grid(alpha=alpha),
            test=value(SINGLE_FLIP_EXACTLY["leverage"]),
            band=printed(figure),
            rival=linear_leverage,
            role="ours",
        )
        for alpha, figure in RELEASED.items()
    ),
)
