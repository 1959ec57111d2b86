"""Claims of Appendix B: norms, row scales and quadratic forms in the proof of Theorem 4."""

from __future__ import annotations

import math

from claims import Claim, experiment, grid, limit, mean, search, slope, within
from claims.papers.sign_magnitude.theory import ternary_finite

KAPPA = 2 / math.pi
NORMS = experiment(
    "claims.papers.sign_magnitude.experiments.ternary_probes:operator_norms", fixed={"n": 256}, seconds=0.02
)
SCALES = experiment(
    "claims.papers.sign_magnitude.experiments.ternary_probes:row_scales",
    sweep={"n": (16, 32, 64)},
    fixed={"entries": 2**18},
    seconds=0.006,
)
FORMS = experiment(
    "claims.papers.sign_magnitude.experiments.ternary_probes:quadratic_forms",
    fixed={"inputs": 64, "aspect": 1, "dtype": "float32"},
    seconds=0.01,
)
_FINITE = "at n = 256 singular values stop short of the edge by n^-2/3, one to two per cent"


def wide_norm(aspect: float) -> float:
    """Limit of the largest singular value of W, entries N(0, 1/n): 1 + sqrt(m/n)."""
    return 1 + math.sqrt(aspect)


def frobenius_norm(aspect: float) -> float:
    """Root mean square of |Wx| over the sphere, which a norm is not: sqrt(m/n)."""
    return math.sqrt(aspect)


def quantized_norm(aspect: float) -> float:
    """The same of the sign quantizer of W."""
    return math.sqrt(KAPPA) * wide_norm(aspect)


def error_norm(aspect: float) -> float:
    """The same of its error."""
    return math.sqrt(1 - KAPPA) * wide_norm(aspect)


NOT_CLAIMS = {
    "Appendix B.1, Levy concentration, eq. 26": (
        "A cited theorem with free constants. What it is used for, that the forms concentrate, is audited as "
        "sign-magnitude.appb.concentration."
    ),
    "Appendix B.1, sub-Gaussian matrices": (
        "Cited results on other laws; Theorem 4's constant for them is audited as sign-magnitude.thm4.laplace and "
        "thm4.uniform."
    ),
    "Appendix B.2, Chebyshev": (
        "A step of a proof: the variance it needs is sign-magnitude.appb.scale-square-spread and appb.scale-variance."
    ),
}

NORM_BOUNDS = (
    Claim(
        id="sign-magnitude.appb.lipschitz",
        locus="Appendix B.1, quadratic forms",
        statement="Along the unit sphere x'Mx changes by at most 2 |M| per radian, |M| the operator norm.",
        test=search(
            "claims.papers.sign_magnitude.experiments.ternary_statements:FORM_LIPSCHITZ",
            examples=60,
            restarts=2,
            rounds=1,
            seconds=0.3,
        ),
    ),
    *(
        Claim(
            id=f"sign-magnitude.appb.norm-{name}",
            locus="Appendix B.1, operator norm bounds",
            statement=f"The operator norm of {what} tends to {form}.",
            at=grid(aspect=[0.25, 0.5]),
            test=mean(NORMS[name]),
            band=within(target, rel=0.04, provenance="smallest-effect", because=_FINITE),
            rival=rival,
        )
        for name, what, form, target, rival in (
            ("weight", "W", "1 + sqrt(m/n)", wide_norm, frobenius_norm),
            ("quantized", "W_T", "sqrt(2/pi) (1 + sqrt(m/n))", quantized_norm, wide_norm),
            ("error", "W_T - W", "sqrt(1 - 2/pi) (1 + sqrt(m/n))", error_norm, quantized_norm),
        )
    ),
)

ROW_SCALES = (
    Claim(
        id="sign-magnitude.appb.scale-mean",
        locus="Appendix B.2",
        statement="The row scale s = mean |w| has the mean sqrt(2/pi) sigma at every n.",
        at=grid(n=[16, 64]),
        test=mean(SCALES["mean"]),
        band=within(math.sqrt(KAPPA), abs=0.004, provenance="smallest-effect", because="half a per cent"),
        rival=KAPPA,
    ),
    Claim(
        id="sign-magnitude.appb.scale-square",
        locus="Appendix B.2",
        statement="The row scale s has the mean square (2/pi + (1 - 2/pi)/n) sigma^2 at every n.",
        at=grid(n=[16, 32, 64]),
        test=mean(SCALES["square"]),
        band=within(
            ternary_finite.row_scale_square, abs=0.0045, provenance="theory", because="less than (1 - 2/pi)/n at n = 64"
        ),
        rival=KAPPA,
    ),
    Claim(
        id="sign-magnitude.appb.scale-variance",
        locus="Appendix B.2",
        statement="The row scale s has the variance (1 - 2/pi) sigma^2/n at every n.",
        at=grid(n=[16, 64]),
        test=mean(SCALES["spread"]),
        band=within(1 - KAPPA, rel=0.06, provenance="smallest-effect", because="three per cent in deviation"),
        rival=1.0,
    ),
    Claim(
        id="sign-magnitude.appb.scale-square-spread",
        locus="Appendix B.2, fourth moments",
        statement="With s the row scale, n times the variance of s^2 tends to 4 (2/pi)(1 - 2/pi) sigma^4 = .925.",
        at=grid(n=[16, 32]),
        test=limit(SCALES["square_spread"], over="n", rate=1),
        band=within(
            4 * KAPPA * (1 - KAPPA), rel=0.06, provenance="smallest-effect", because="three per cent in deviation"
        ),
        rival=1 - KAPPA,
    ),
)

FORM_MEANS = (
    *(
        Claim(
            id=f"sign-magnitude.appb.form-{name}",
            locus="Appendix B.3",
            statement=f"On the unit sphere {form} has the mean {value} m/n.",
            at=grid(n=256, aspect=[0.5, 2]),
            test=mean(FORMS[name]),
            band=within(target, abs=0.03, provenance="smallest-effect", because="five per cent of 2/pi"),
            rival=rival,
        )
        for name, form, value, target, rival in (
            ("clean", "|Wx|^2", "1", 1.0, math.sqrt(KAPPA)),
            ("cross", "Wx.W_T x", "2/pi", KAPPA, math.sqrt(KAPPA)),
            ("quantized", "|W_T x|^2", "2/pi", KAPPA, math.sqrt(KAPPA)),
        )
    ),
    Claim(
        id="sign-magnitude.appb.concentration",
        locus="Appendix B.1",
        statement="Over inputs the largest deviation of the three forms falls as n^-1/2.",
        at=grid(n=[64, 128, 256]),
        test=slope(FORMS["deviation"], over="n"),
        band=within(
            -0.5, abs=0.15, provenance="smallest-effect", because="under a third of the distance to the rate 1"
        ),
        rival=-1.0,
    ),
)
