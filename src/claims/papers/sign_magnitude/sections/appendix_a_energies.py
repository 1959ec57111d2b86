"""Claims of Appendix A, part A (steps A3 to A8): the hidden energies of both perturbations."""

from __future__ import annotations

import math

from claims import Claim, experiment, grid, limit, mean, ratio, value, within
from claims.papers.sign_magnitude.shared.block import HIDDEN, RATES, SMALL_RATE, WIDE, by_quadrature
from claims.papers.sign_magnitude.theory import block, finite, small_rate

ROWS_OF_W1 = experiment("claims.papers.sign_magnitude.experiments.probes:pre_activations", seconds=0.05)
SIGN = HIDDEN.at(arm="sign")
GATE, SMOOTH, TOTAL = 16 / (3 * math.pi), -8 / math.pi, -8 / (3 * math.pi)


def one_way_gate_rate(flip_rate: float, arm: str) -> float:
    """Probability that a neuron switches off (or on): half the gate rate."""
    return (block.sign_gate_rate if arm == "sign" else block.magnitude_gate_rate)(flip_rate) / 2


def other_gate_rate(flip_rate: float, arm: str) -> float:
    """The same for the other perturbation."""
    return one_way_gate_rate(flip_rate, "magnitude" if arm == "sign" else "sign")


NOT_CLAIMS = {
    "Step A3, Lindeberg condition and footnote 3": (
        "Conditions of a proof. Their use, the size of the finite-n error, is audited as "
        "sign-magnitude.rem2.order and sign-magnitude.rem2.isolated-flips."
    ),
    "Lemma A.1, part 3": "Uniform integrability: a step of a proof without a number.",
    "Section A.3, leading correction for finite p": (
        "The displayed formula is missing from the paper's text. The exact coefficient is audited as "
        "sign-magnitude.thm3.sqrt-coefficient."
    ),
}

PRE_ACTIVATIONS = (
    Claim(
        id="sign-magnitude.a3.correlation",
        locus="Step A3",
        statement="Clean and flipped pre-activations have the correlation 1 - 2p at every n.",
        at=grid(n=32, rows=32768, flip_rate=[0.05, 0.1]),
        test=ratio(ROWS_OF_W1["product"], ROWS_OF_W1["second"]),
        band=within(
            lambda flip_rate: 1 - 2 * flip_rate,
            abs=0.03,
            provenance="smallest-effect",
            because="a third of 2p at p = .05",
        ),
        rival=1.0,
    ),
    Claim(
        id="sign-magnitude.a3.equal-variance",
        locus="Step A3",
        statement="Sign flips leave the variance of a pre-activation unchanged.",
        at=grid(n=32, rows=32768, flip_rate=[0.05, 0.1]),
        test=ratio(ROWS_OF_W1["flipped_second"], ROWS_OF_W1["second"]),
        band=within(
            1.0, abs=0.05, provenance="smallest-effect", because="a quarter of what independent changes would add"
        ),
        rival=1.2,
    ),
    Claim(
        id="sign-magnitude.a3.not-jointly-normal",
        locus="Step A3",
        statement=(
            "At finite n the pair is not bivariate normal: the change has an excess kurtosis of 9(1 - p)/(p(n "
            "+ 2)), from the varying share of the input that is flipped."
        ),
        at=grid(n=256, rows=8192, flip_rate=0.01),
        test=mean(ROWS_OF_W1["fourth"]),
        band=within(finite.fourth_moment, rel=0.25, provenance="smallest-effect", because="half of the excess"),
        rival=lambda flip_rate: 48 * flip_rate**2,
        decides="standard",
    ),
)

SIGN_ENERGY = (
    Claim(
        id="sign-magnitude.a4.no-linear-term",
        locus="Step A4, eq. 23",
        statement="The gate-flip energy has no term of order p: constant and linear terms cancel.",
        test=value(SMALL_RATE["sign_gate_0"]),
        band=by_quadrature(0.0),
        rival=2.0,
    ),
    Claim(
        id="sign-magnitude.a4.gate-coefficient",
        locus="Step A4, eq. 15 and 23",
        statement="The gate-flip energy of sign flips is 16 p^1.5/(3 pi) to leading order.",
        test=value(SMALL_RATE["sign_gate_1"]),
        band=by_quadrature(GATE),
        rival=8 / (3 * math.pi),
    ),
    Claim(
        id="sign-magnitude.a4.gate-energy",
        locus="Step A4, quarter-plane integral",
        statement=(
            "At every flip rate the gate-flip energy is (theta - sin theta cos theta)/pi with cos theta = 1 - 2p."
        ),
        at=grid(flip_rate=[0.01, 0.1]),
        test=value(WIDE["sign_gate"]),
        band=by_quadrature(block.sign_gate_energy, 1e-12),
        rival=small_rate.sign_gate_energy_series,
    ),
    Claim(
        id="sign-magnitude.a4.gate-network",
        locus="Step A4",
        statement=(
            "In a hidden layer, extrapolated to infinite width, gate flips carry that energy and not its leading term."
        ),
        at=grid(n=[512, 1024], flip_rate=0.1),
        test=limit(SIGN["gate_share"], over="n", rate=1),
        band=within(
            lambda flip_rate: block.sign_gate_energy(flip_rate) / (4 * flip_rate),
            rel=0.025,
            provenance="smallest-effect",
            because="less than the next term",
        ),
        rival=lambda flip_rate: GATE * math.sqrt(flip_rate) / 4,
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.a5.smooth-coefficient",
        locus="Step A5, eq. 16 and 24",
        statement="The smooth energy of sign flips is 2p - 8 p^1.5/pi to leading orders.",
        test=value(SMALL_RATE["sign_smooth_1"]),
        band=by_quadrature(SMOOTH),
        rival=TOTAL,
    ),
    Claim(
        id="sign-magnitude.a5.smooth-energy",
        locus="Step A5, product formula",
        statement="At every flip rate the smooth energy follows from the ReLU product formula.",
        at=grid(flip_rate=[0.01, 0.1]),
        test=value(WIDE["sign_smooth"]),
        band=by_quadrature(block.sign_smooth_energy, 1e-12),
        rival=small_rate.sign_smooth_energy_series,
    ),
    Claim(
        id="sign-magnitude.a6.leading",
        locus="Step A6",
        statement="The total energy of sign flips starts with 2p.",
        test=value(SMALL_RATE["sign_total_0"]),
        band=by_quadrature(2.0),
        rival=4.0,
    ),
    Claim(
        id="sign-magnitude.a6.sqrt-coefficient",
        locus="Step A6",
        statement="The total energy of sign flips is 2p (1 - 4 sqrt(p)/(3 pi)) up to order p^2.5.",
        test=value(SMALL_RATE["sign_total_1"]),
        band=by_quadrature(TOTAL),
        rival=SMOOTH,
    ),
    Claim(
        id="sign-magnitude.a6.no-square-term",
        locus="Step A6",
        statement="The expansion of the total energy has no term of order p^2.",
        test=value(SMALL_RATE["sign_total_2"]),
        band=by_quadrature(0.0, 1e-8),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.a6.network",
        locus="Step A6, at finite n",
        statement=(
            "In a hidden layer the energy of sign flips is the mean of S over the flipped share, lower than S(p)."
        ),
        at=grid(n=512, flip_rate=[0.01, 0.02]),
        test=ratio(SIGN["total"], SIGN["flip_energy"]),
        band=within(finite.energy_share, rel=0.004, provenance="theory", because="half the finite-n term; form exact"),
        rival=block.sign_energy_share,
        role="ours",
        decides="standard",
    ),
)

MAGNITUDE_ENERGY = (
    Claim(
        id="sign-magnitude.a7.leading",
        locus="Step A7",
        statement="The energy of the magnitude step is 2p (1 + O(sqrt p)).",
        test=value(SMALL_RATE["magnitude_total_0"]),
        band=by_quadrature(2.0),
        rival=4.0,
    ),
    Claim(
        id="sign-magnitude.a7.sqrt-coefficient",
        locus="Step A7, boundary correction",
        statement=(
            "The sqrt(p) correction of the magnitude step's energy is -(4/(3 pi))(1 - 2/pi)^1.5 = -.0930, for either "
            "sign of the step."
        ),
        at=grid(step=[1, -1]),
        test=value(0.5 * SMALL_RATE["magnitude_total_1"]),
        band=by_quadrature(small_rate.magnitude_energy_sqrt_coefficient),
        rival=-4 / (3 * math.pi),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.a7.gate-order",
        locus="Step A7, gate-on and gate-off flips",
        statement="Gate flips of the magnitude step carry no energy of order p.",
        test=value(SMALL_RATE["magnitude_gate_0"]),
        band=by_quadrature(0.0),
        rival=1.0,
    ),
    Claim(
        id="sign-magnitude.a7.network",
        locus="Step A7",
        statement=(
            "In a hidden layer the magnitude step has its closed-form energy, at equal norm more than sign flips."
        ),
        at=grid(n=512, flip_rate=RATES, arm="magnitude"),
        test=ratio(HIDDEN["total"], HIDDEN["flip_energy"]),
        band=within(finite.energy_share, rel=0.003, provenance="theory", because="finite-n terms are below .0003"),
        rival=block.sign_energy_share,
    ),
    Claim(
        id="sign-magnitude.a7.gate-rates",
        locus="Steps A4 and A7, gate probabilities",
        statement=("A neuron switches off with probability theta/(2 pi), theta the angle between its pre-activations."),
        at=grid(n=1024, flip_rate=[0.05, 0.1], arm=["sign", "magnitude"]),
        test=mean(HIDDEN["gates_off"]),
        band=within(one_way_gate_rate, rel=0.05, provenance="smallest-effect", because="a tenth of the contrast"),
        rival=other_gate_rate,
    ),
    Claim(
        id="sign-magnitude.a8.energy-ratio",
        locus="Step A8, eq. 17",
        statement="At every flip rate the ratio of hidden energies is that of the closed forms.",
        at=grid(flip_rate=[0.01, 0.1]),
        test=value(WIDE["energy_ratio"]),
        band=by_quadrature(block.energy_ratio, 1e-12),
        rival=1.0,
    ),
    Claim(
        id="sign-magnitude.a8.sqrt-coefficient",
        locus="Step A8, eq. 17",
        statement="The ratio of energies falls like -(4/(3 pi))(1 - (1 - 2/pi)^1.5) sqrt(p) = -.3314 sqrt(p).",
        test=value(SMALL_RATE["energy_ratio_1"]),
        band=by_quadrature(small_rate.energy_ratio_sqrt_coefficient),
        rival=-4 / (3 * math.pi),
        role="ours",
    ),
)
