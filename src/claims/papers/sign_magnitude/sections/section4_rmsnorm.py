"""Claims of section 4: what RMSNorm does to a rescaling of its input, and to a perturbation of it."""

from __future__ import annotations

import math

from claims import REFUTED, Claim, at_most, experiment, grid, identity, linear, mean, ratio, search, value, within
from claims.kinds.search import Search
from claims.papers.sign_magnitude.theory import finite, geometry

KAPPA = 2 / math.pi
NOTHING = linear(0.0)

DEVICES = ("cpu", "cuda", "triton-interpreter")
RESCALING = experiment(
    "claims.papers.sign_magnitude.experiments.geometry:rescaling", fixed={"dim": 64}, seconds=0.001, devices=DEVICES
)
TWO_SCALES = experiment("claims.papers.sign_magnitude.experiments.geometry:two_scales", seconds=0.001)
PROJECTOR = experiment("claims.papers.sign_magnitude.experiments.geometry:projector", seconds=0.001, devices=DEVICES)
CURVATURE = experiment(
    "claims.papers.sign_magnitude.experiments.geometry:second_derivative", fixed={"dim": 64}, seconds=0.001
)
HESSIAN = experiment("claims.papers.sign_magnitude.experiments.geometry:hessian_supremum", seconds=0.002)
REMAINDER = experiment("claims.papers.sign_magnitude.experiments.geometry:remainder_supremum", seconds=0.006)
STEP = experiment(
    "claims.papers.sign_magnitude.experiments.geometry:step_kept",
    fixed={"n": 256, "m": 256, "inputs": 64, "size": 1e-4},
    seconds=0.006,
    megabytes=60,
)
LAYER = experiment(
    "claims.papers.sign_magnitude.experiments.single_layer:perturbed_layer",
    sweep={"flip_rate": (0.01, 0.1), "arm": ("sign", "constant")},
    fixed={"n": 256, "m": 256, "inputs": 64, "dtype": "float32"},
    seconds=0.01,
)


def searched(statement: str) -> Search:
    """A search of one statement. In 40 trial rounds of this effort every one found the planted violation."""
    return search(statement, examples=60, restarts=2, rounds=1, seconds=0.4)


def slack_to_first_order(cv: float) -> float:
    """Theorem 1's bound over the exact distance, through its first term."""
    return 1 + 3 * cv * cv / 8


def relative_remainder_to_first_order(eps: float) -> float:
    """eps/(1 - eps) through its first term."""
    return eps


def shrinkage_as_radial_fraction(flip_rate: float, width: int) -> float:
    """The mean shrinkage 2p of the output taken for the radial share of the error's energy."""
    return 2 * flip_rate + (1 - 2 * flip_rate) / width


THEOREM_1 = (
    Claim(
        id="sign-magnitude.thm1.chord",
        locus="Theorem 1, proof, step 3",
        statement="A row rescaled by factors of energy-weighted variation CV moves by sqrt(2 - 2/sqrt(1 + CV^2)).",
        test=identity(RESCALING["chord"], RESCALING["formula"], bound=RESCALING["bound"], planted=RESCALING["cv"]),
    ),
    Claim(
        id="sign-magnitude.thm1.bound",
        locus="Theorem 1, eq. 6",
        statement="Positive factors move the normalised row by no more than their energy-weighted variation CV.",
        test=searched("claims.papers.sign_magnitude.experiments.geometry_statements:RESCALING"),
    ),
    Claim(
        id="sign-magnitude.thm1.any-sign",
        locus="Theorem 1, without the sign of the factors",
        statement="Factors of any sign move the normalised row by no more than their energy-weighted variation CV.",
        test=searched("claims.papers.sign_magnitude.experiments.geometry_statements:RESCALING_ANY_SIGN"),
        expected=REFUTED,
        finding="With a negative weighted mean the row turns round: factors of -1 give CV = 0 and a distance of 2.",
        corrected_by="sign-magnitude.thm1.bound",
        role="control",
    ),
    Claim(
        id="sign-magnitude.thm1.uniform",
        locus="Theorem 1",
        statement="A common positive factor leaves the normalised row as it is.",
        test=identity(
            RESCALING["uniform"], NOTHING, bound=RESCALING["uniform_bound"], planted=RESCALING["uniform_planted"]
        ),
    ),
    Claim(
        id="sign-magnitude.thm1.tight",
        locus="section 4.1, tightness",
        statement="At CV = 0.1 the bound exceeds the exact distance by less than half a per cent.",
        at=grid(cv=0.1),
        test=value(TWO_SCALES["slack"]),
        band=at_most(1.005, provenance="smallest-effect", because="what 'extremely tight' has to mean at least"),
        rival=1.01,
    ),
    Claim(
        id="sign-magnitude.thm1.slack",
        locus="section 4.1, tightness",
        statement="Bound over exact distance is sqrt(s (s + 1)/2) with s = sqrt(1 + CV^2), so 1 + 3 CV^2/8 at first.",
        at=grid(cv=[0.05, 0.1, 0.2, 0.3, 0.5, 1.0]),
        test=value(TWO_SCALES["slack"]),
        band=within(geometry.rescaling_slack, abs=1e-8, provenance="theory", because="rounding; next term is CV^4"),
        rival=slack_to_first_order,
        role="ours",
    ),
)

THEOREM_2 = (
    Claim(
        id="sign-magnitude.thm2.derivative",
        locus="Theorem 2, eq. 7",
        statement="The derivative of RMSNorm at y is sqrt(d)/|y| times the projector transverse to y.",
        at=grid(dim=[2, 64, 512]),
        test=identity(PROJECTOR["gap"], NOTHING, bound=PROJECTOR["bound"], planted=PROJECTOR["planted"]),
    ),
    Claim(
        id="sign-magnitude.cor2.radial",
        locus="Corollary 2, eq. 8",
        statement="To first order RMSNorm removes the part of a perturbation along y.",
        at=grid(dim=[2, 64, 512]),
        test=identity(
            PROJECTOR["radial"], NOTHING, bound=PROJECTOR["radial_bound"], planted=PROJECTOR["radial_planted"]
        ),
    ),
    Claim(
        id="sign-magnitude.cor2.transverse",
        locus="Corollary 2, eq. 8",
        statement="To first order RMSNorm passes the part of a perturbation transverse to y whole, times sqrt(d)/|y|.",
        at=grid(dim=[2, 64, 512]),
        test=identity(
            PROJECTOR["transverse"],
            PROJECTOR["passed"],
            bound=PROJECTOR["bound"],
            planted=PROJECTOR["transverse_planted"],
        ),
    ),
)

COROLLARY_3 = (
    Claim(
        id="sign-magnitude.cor3.bound",
        locus="Corollary 3, eq. 9",
        statement="For |h| <= |y|/2 the linearisation is off by at most 4 sqrt(d) (|h|/|y|)^2, hence 6 or 12 such.",
        test=searched("claims.papers.sign_magnitude.experiments.geometry_statements:REMAINDER"),
    ),
    Claim(
        id="sign-magnitude.cor3.sharp-bound",
        locus="Corollary 3, eq. 9",
        statement="For |h| <= |y|/2 the linearisation is off by at most 0.72468 sqrt(d) (|h|/|y|)^2.",
        test=searched("claims.papers.sign_magnitude.experiments.geometry_statements:REMAINDER_SHARP"),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.cor3.constant",
        locus="Corollary 3",
        statement="Each relative step has its sharp constant, 0.5774 at first and 0.7247 at 1/2, in every dimension.",
        at=grid(dim=[2, 16, 256], eps=[0.01, 0.1, 0.3, 0.5]),
        test=value(REMAINDER["absolute"]),
        band=within(geometry.remainder_sup, rel=1e-8, provenance="theory", because="rounding of 1e-16/eps^2"),
        rival=1 / math.sqrt(3),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.cor3.dimension-free",
        locus="Corollary 3",
        statement="The remainder relative to the first-order change depends on |h|/|y| alone, at most eps/(1 - eps).",
        at=grid(dim=[2, 16, 256], eps=[0.01, 0.1, 0.3, 0.5]),
        test=value(REMAINDER["relative"]),
        band=within(
            geometry.relative_remainder_sup, rel=1e-5, provenance="theory", because="directions stop 1 mrad short"
        ),
        rival=relative_remainder_to_first_order,
    ),
    Claim(
        id="sign-magnitude.cor3.relative-bound",
        locus="Corollary 3",
        statement="No direction gives a remainder above eps/(1 - eps) of the first-order change, eps = |h|/|y| <= 1/2.",
        test=searched("claims.papers.sign_magnitude.experiments.geometry_statements:REMAINDER_RELATIVE"),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.cor3.hessian-bound",
        locus="Corollary 3, proof",
        statement="For unit y and h the second derivative of RMSNorm is at most 3 sqrt(d) long.",
        test=searched("claims.papers.sign_magnitude.experiments.geometry_statements:HESSIAN"),
    ),
    Claim(
        id="sign-magnitude.cor3.hessian-supremum",
        locus="Corollary 3, proof",
        statement="For unit y and h the longest second derivative of RMSNorm is 2 sqrt(d)/sqrt(3).",
        at=grid(dim=[2, 64]),
        test=value(HESSIAN["supremum"]),
        band=within(geometry.hessian_sup, rel=1e-9, provenance="theory", because="rounding of a maximum"),
        rival=geometry.hessian_sup_by_triangle,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.cor3.hessian",
        locus="Corollary 3, proof",
        statement="The second derivative along h is -(2 (u.h) Ph + |Ph|^2 u) sqrt(d)/|y|^2 with u = y/|y|.",
        test=identity(CURVATURE["gap"], NOTHING, bound=CURVATURE["bound"], planted=CURVATURE["planted"]),
    ),
    Claim(
        id="sign-magnitude.cor3.orthogonal",
        locus="Corollary 3, proof",
        statement="The two terms of the second derivative are orthogonal.",
        test=identity(CURVATURE["inner"], NOTHING, bound=CURVATURE["inner_bound"], planted=CURVATURE["inner_planted"]),
    ),
)

SECTION_4_3 = (
    Claim(
        id="sign-magnitude.sec43.scaling",
        locus="section 4.3, table, row 1",
        statement="RMSNorm absorbs a uniform scaling of the weights whole.",
        test=identity(STEP["scaled"], NOTHING, bound=STEP["scaled_bound"], planted=STEP["scaled_planted"]),
    ),
    Claim(
        id="sign-magnitude.sec43.sign-radial",
        locus="section 4.3, table, row 2",
        statement="Of a layer's output error from sign flips a share p is radial, plus (1 - p)/m at finite width.",
        at=grid(flip_rate=[0.01, 0.1], arm="sign", width=256),
        test=mean(LAYER["radial"]),
        band=within(finite.linear_radial_fraction, rel=0.2, provenance="smallest-effect", because="a fifth of p"),
        rival=shrinkage_as_radial_fraction,
    ),
    Claim(
        id="sign-magnitude.sec43.magnitude-radial",
        locus="section 4.3, table, row 3",
        statement="Of a layer's output error from the magnitude step a share 2/pi is radial.",
        at=grid(flip_rate=0.1, arm="constant"),
        test=mean(LAYER["radial"]),
        band=within(KAPPA, abs=0.02, provenance="smallest-effect", because="three per cent; finite width adds 0.0014"),
        rival=1 - KAPPA,
    ),
    Claim(
        id="sign-magnitude.sec43.magnitude-kept",
        locus="section 4.3, table, row 3",
        statement="RMSNorm keeps 1 - 2/pi of the energy of a small magnitude step.",
        test=ratio(STEP["kept"], STEP["total"]),
        band=within(
            1 - KAPPA, abs=0.02, provenance="smallest-effect", because="five per cent; finite width takes 0.0014"
        ),
        rival=KAPPA,
    ),
)
