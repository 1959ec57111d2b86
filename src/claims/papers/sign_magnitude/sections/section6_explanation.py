"""Claims of section 6.4 and of (A4): what makes the asymmetry, and what the sign of the magnitude step does to it."""

from __future__ import annotations

from claims import DEPENDS, REFUTED, Claim, Reading, at_least, grid, order, ratio, value, within
from claims.papers.sign_magnitude.shared.block import (
    LAYER,
    LINEAR,
    RATES,
    RELU,
    SMALL_RATE,
    WIDE,
    by_quadrature,
    transverse_ratio,
)
from claims.papers.sign_magnitude.theory import block, finite, small_rate
from claims.papers.sign_magnitude.theory.block import Metric


def other_step(flip_rate: float, n: int, metric: Metric, step: int) -> float:
    """The finite-n ratio for the opposite sign of the magnitude step."""
    return finite.c_finite_n(flip_rate, n, metric, -step)


def _radial_gain(flip_rate: float) -> float:
    """By how much the closed forms' radial fractions are farther apart than 2/pi and p, those of a linear layer."""
    gap = block.magnitude_radial_fraction(flip_rate) - block.sign_radial_fraction(flip_rate)
    return gap - (block.BUSSGANG - flip_rate)


EXPLANATION = (
    Claim(
        id="sign-magnitude.sec64.no-relu-no-asymmetry",
        locus="section 6.4, item 1",
        statement=(
            "Without the ReLU there is no asymmetry between sign flips and steps of equal norm: the ratio is one."
        ),
        read_as="One as within .2, a ninth of what Theorem 3's ratio has above one.",
        at=grid(n=512, flip_rate=RATES, metric="pre", step=1),
        test=transverse_ratio(LINEAR),
        band=within(
            1.0, abs=0.2, provenance="smallest-effect", because="no asymmetry means one; .2 is a ninth of c - 1"
        ),
        rival=block.c_linear,
        readings=(
            Reading(
                axis="energies",
                option="transverse, as in Theorem 3",
                because="The asymmetry that section 6 explains is that of Theorem 3.",
            ),
            Reading(
                axis="energies",
                option="total, as in Proposition 1",
                because="Section 6.4 attributes it to Proposition 1, which is about total energies.",
                own=True,
                at=grid(n=256, m=256, flip_rate=[0.005, 0.1]),
                test=ratio(LAYER.at(arm="sign")["energy_plain"], LAYER.at(arm="additive")["energy_plain"]),
                rival=1.5,
            ),
        ),
        expected=DEPENDS,
        finding=(
            "A linear block has the ratio (1 - p) pi/(pi - 2) of transverse energies, 2.724 at p = .01: sign(W)x has "
            "the squared correlation 2/pi with Wx (Bussgang), so that the transverse projection leaves 1 - 2/pi of the "
            "step's energy and 1 - p of the flips'. Of total energies there is none "
            "(sign-magnitude.prop1.equal-energy)."
        ),
        corrected_by="sign-magnitude.sec64.linear-asymmetry",
    ),
    Claim(
        id="sign-magnitude.sec64.linear-asymmetry",
        locus="section 6.4, item 1",
        statement=(
            "A linear block has the ratio of transverse energies (1 - p) pi/(pi - 2), for either sign of the magnitude "
            "step."
        ),
        at=grid(n=512, flip_rate=RATES, metric="pre", step=[1, -1]),
        test=transverse_ratio(LINEAR),
        band=within(block.c_linear, rel=0.005, provenance="theory", because="finite-width terms cancel to O(1/n^2)"),
        rival=small_rate.c_printed_formula,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.sec64.linear-asymmetry-post",
        locus="section 6.4, item 1, both outputs normalised",
        statement=("In the post metric the linear block has (1 - p) pi/(pi - 2) times the growth s2 of the variance."),
        at=grid(n=1024, flip_rate=RATES, metric="post", step=1),
        test=transverse_ratio(LINEAR),
        band=within(block.c_linear, rel=0.01, provenance="theory", because="finite-width terms are O(p^0.5/n)"),
        rival=finite.c_finite_n,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.thm3.relu-creates",
        locus="Theorem 3, title; abstract",
        statement="The ReLU creates the asymmetry between sign flips and steps of equal norm.",
        read_as=(
            "Creates as that a part of the asymmetry worth the word, a tenth, is not there without it, at Table 2's "
            "rates. The tenth is this project's."
        ),
        at=grid(n=512, flip_rate=RATES, metric="pre", step=1),
        test=order(RELU["c"], LINEAR["c"]),
        band=at_least(
            0.15, provenance="smallest-effect", because="a tenth of what the ratio has above one at p = .1, 1.48"
        ),
        rival=-0.05,
        readings=(
            Reading(
                axis="asymmetry",
                option="the ratio of transverse energies",
                because="It is the asymmetry of Theorem 3's statement.",
            ),
            Reading(
                axis="asymmetry",
                option="the gap between both radial fractions in the hidden layer",
                because="The abstract says that the ReLU creates a directional asymmetry in hidden space.",
                at=grid(flip_rate=RATES),
                test=value(WIDE["radial_gain"]),
                band=at_least(0.06, provenance="smallest-effect", because="a tenth of the gap without it, 2/pi - p"),
                rival=0.0,
            ),
        ),
        expected=REFUTED,
        finding=(
            "The ReLU lowers the ratio slightly, in the wide limit from 2.724 to 2.668 at p = .01 and from 2.477 to "
            "2.292 at p = .1 (sign-magnitude.sec64.linear-asymmetry, sign-magnitude.thm3.c-pre-limit). It widens the "
            "gap between the radial fractions by .006 at p = .01 and by .029 at p = .1, less than a tenth of it "
            "(sign-magnitude.thm3.relu-widens-gap). Section 6.4 says itself that the alignment behind the asymmetry is "
            "not introduced by the ReLU."
        ),
        corrected_by="sign-magnitude.thm3.relu-lowers",
    ),
    Claim(
        id="sign-magnitude.thm3.relu-widens-gap",
        locus="abstract; Theorem 3, eq. 13, radial fractions",
        statement=(
            "The ReLU widens the gap between the radial fractions of both perturbations, 2/pi - p without it, by .006 "
            "at p = .01 and by .029 at p = .1."
        ),
        at=grid(flip_rate=[0.01, 0.1]),
        test=value(WIDE["radial_gain"]),
        band=by_quadrature(_radial_gain),
        rival=0.0,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.thm3.relu-lowers",
        locus="Theorem 3, title; abstract",
        statement="The ReLU lowers the ratio of transverse energies at every flip rate of Table 2.",
        at=grid(n=512, flip_rate=RATES, metric="pre", step=1),
        test=order(LINEAR["c"], RELU["c"]),
        band=at_least(0.02, provenance="smallest-effect", because="a third of the closed forms' difference at p = .01"),
        rival=0.0,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.sec64.retained-sign",
        locus="section 6.4, item 2; section 4.3",
        statement="Of the energy of few sign flips nearly everything is transverse: R_sign/p tends to one.",
        test=value(SMALL_RATE["sign_radial_fraction_0"]),
        band=by_quadrature(1.0),
        rival=2.0,
    ),
    Claim(
        id="sign-magnitude.sec64.retained-magnitude",
        locus="section 6.4, item 2; section 4.3; section 2.5",
        statement="Of the energy of a small magnitude step only 1 - 2/pi is transverse.",
        at=grid(step=[1, -1]),
        test=value(1 - SMALL_RATE["magnitude_radial_fraction_0"]),
        band=by_quadrature(0.36338022763241862),
        rival=0.5,
    ),
)

STEP_SIGN = (
    Claim(
        id="sign-magnitude.a4.shrinking-step-pre",
        locus="(A4), sign of delta",
        statement="A step that shrinks every weight gives a slightly larger ratio than one that grows them.",
        at=grid(flip_rate=RATES, metric="pre", step=-1, n=512),
        test=transverse_ratio(RELU),
        band=within(finite.c_finite_n, rel=0.005, provenance="theory", because="next terms are below .002"),
        rival=other_step,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.a4.shrinking-step-post",
        locus="(A4), sign of delta",
        statement=(
            "In the post metric a shrinking step gives 1.92 at p = .01 and .967 at p = .1, half and less of a "
            "growing one."
        ),
        at=grid(flip_rate=RATES, metric="post", step=-1, n=512),
        test=transverse_ratio(RELU),
        band=within(finite.c_finite_n, rel=0.015, provenance="theory", because="next terms are below .004"),
        rival=other_step,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.cor1.flips-always-worse",
        locus="abstract; Corollary 1",
        statement=(
            "If sign-preserving perturbations that shrink the weights are meant too, sign flips of equal Frobenius "
            "norm move the normalised output more, also at p = .1."
        ),
        at=grid(flip_rate=0.1, metric="post", step=-1, n=512),
        test=transverse_ratio(RELU),
        band=at_least(1.0, provenance="author", because="more means a ratio above one"),
        rival=0.967,
        expected=REFUTED,
        finding=(
            "With a shrinking step of the norm of 10 % flips the ratio is .967: the perturbed pre-activations "
            "lose more than half of their variance, so that the same transverse energy is a larger angle. The growing "
            "step of (A4) is less than the flips, and so is a shrinking one at p = .01, with a ratio of 1.92."
        ),
        corrected_by="sign-magnitude.a4.shrinking-step-post",
        role="ours",
    ),
)
