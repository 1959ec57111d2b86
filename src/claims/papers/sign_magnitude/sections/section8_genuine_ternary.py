"""What section 8 says, for genuine ternary weights: BitNet b1.58 rounds W/mean|W| to -1, 0 and 1.

The paper proves its results for signs and leaves the zeros out (section 2.3). With threshold t = E|w|/2 = (2 pi)^-1/2
everything is exact too: gain (2/pi) exp(-1/(4 pi)) and energy (2/pi) erfc(1/(2 sqrt pi)) give all the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from claims import (
    DEPENDS,
    Claim,
    Reading,
    Scalar,
    at_most,
    between,
    experiment,
    grid,
    identity,
    linear,
    mean,
    value,
    within,
)
from claims.lazy import Number
from claims.papers.sign_magnitude.shared.block import by_quadrature
from claims.papers.sign_magnitude.shared.ternary import (
    FITTED,
    LIMIT,
    LIMIT_FITTED,
    LIMIT_SIGN,
    LIMIT_TERNARY,
    QUADRANTS,
    SIGN_BLOCK,
    TERNARY,
    TERNARY_ALIGNMENT,
    TERNARY_BLOCK,
    by_name,
    exactly,
    radial_fraction,
)
from claims.papers.sign_magnitude.theory import ternary, ternary_finite

KAPPA = 2 / math.pi
#: exp(-t^2/2) and P(|w| > t) at the threshold t = (2 pi)^-1/2.
DENSITY, KEPT = math.exp(-1 / (4 * math.pi)), math.erfc(1 / (2 * math.sqrt(math.pi)))
CODES = experiment(
    "claims.papers.sign_magnitude.experiments.ternary_probes:codes", fixed={"m": 64, "n": 256}, seconds=0.002
)
AT_LIMIT = grid(quantizer=TERNARY)
SIZE: dict[str, Scalar] = {"m": 256, "n": 256}
_FINITE = "finite-size terms known to 1e-3"


def _exact(
    name: str, locus: str, statement: str, quantity: str, target: Callable[[ternary.Quantizer], float], rival: Number
) -> Claim:
    """A wide-limit value of b1.58 by quadrature against its closed form."""
    return Claim(
        id=f"sign-magnitude.b158.{name}",
        locus=f"{locus}, for b1.58",
        statement=statement,
        at=AT_LIMIT,
        test=value(LIMIT[quantity]),
        band=exactly(target),
        rival=rival,
        role="ours",
    )


def _measured_radial(name: str, quantizer: str, activation: str, statement: str, rival: float) -> Claim:
    return Claim(
        id=f"sign-magnitude.b158.{name}",
        locus="section 8.4, for b1.58",
        statement=statement,
        at=grid(quantizer=quantizer, activation=activation, **SIZE),
        test=mean(TERNARY_BLOCK["radial_fraction"]),
        band=within(radial_fraction, abs=0.005, provenance="theory", because=_FINITE),
        rival=rival,
        role="ours",
    )


WEIGHTS = (
    Claim(
        id="sign-magnitude.b158.signs-kept",
        locus="section 2.3",
        statement="The codes of b1.58 that are not zero have the signs of their weights.",
        test=identity(CODES["ternary_reversed"], linear(0.0), bound=0.5, planted=CODES["ternary_changed"]),
    ),
    Claim(
        id="sign-magnitude.b158.zeros",
        locus="section 2.3, contribution of zero entries",
        statement="b1.58 sets erf(1/(2 sqrt pi)) = 31.0 per cent of Gaussian weights to zero.",
        test=mean(CODES["zeros"]),
        band=within(1 - KEPT, abs=0.008, provenance="smallest-effect", because="a third of the distance to 1/3"),
        rival=1 / 3,
        role="ours",
    ),
    _exact(
        "cosine2",
        "Theorem 4",
        "The squared cosine of b1.58 is (2/pi) exp(-1/(2 pi))/erfc(1/(2 sqrt pi)) = .78696, for weights and for "
        "outputs.",
        "cosine2",
        lambda q: q.cosine2,
        KAPPA,
    ),
    *(
        Claim(
            id=f"sign-magnitude.b158.{name}",
            locus="Theorem 4, for b1.58",
            statement=f"{words}.",
            test=value(LIMIT_TERNARY[quantity]),
            band=by_quadrature(form),
            rival=KAPPA,
            role="ours",
        )
        for name, words, quantity, form in (
            ("cosine2-form", "The gain is (2/pi) exp(-1/(4 pi)), .5879", "gain", KAPPA * DENSITY),
            ("energy-form", "The energy is (2/pi) erfc(1/(2 sqrt pi)), .4392", "energy", KAPPA * KEPT),
        )
    ),
    Claim(
        id="sign-magnitude.b158.cosine2-measured",
        locus="Theorem 4, for b1.58",
        statement="Drawn b1.58 layers have outputs with the squared cosine .787.",
        at=grid(n=[64, 128], aspect=1, quantizer=TERNARY),
        test=mean(TERNARY_ALIGNMENT["cosine2"]),
        band=within(ternary_finite.outputs_cosine2, abs=0.008, provenance="smallest-effect", because="one per cent"),
        rival=KAPPA,
        role="ours",
    ),
)

RADIAL = (
    Claim(
        id="sign-magnitude.b158.between",
        locus="contribution 2; section 8.3",
        statement=(
            "The radial share of ternary weights' error lies between that of sign flips and 2/pi, that of (A4)'s step."
        ),
        read_as="Before the ReLU, in the wide limit; .0658 as the share of sign flips.",
        test=value(LIMIT_TERNARY["linear_radial_fraction"]),
        band=between(0.0658, KAPPA, provenance="author", because="the two shares that are named"),
        rival=0.7,
        readings=(
            Reading(
                axis="ternary",
                option="BitNet b1.58, with zeros",
                because="The title's ternary quantization has three levels, as b1.58 has.",
            ),
            Reading(
                axis="ternary",
                option="the sign quantizer",
                because="Section 2.3 defines the ternary scheme so and sets the zeros of b1.58 apart.",
                own=True,
                test=value(LIMIT_SIGN["linear_radial_fraction"]),
            ),
        ),
        expected=DEPENDS,
        finding=(
            "With b1.58's zeros it is .6447 before the ReLU, above 2/pi = .6366. Of the sign quantizer, which section "
            "2.3 calls ternary, it lies between."
        ),
        corrected_by="sign-magnitude.b158.radial-pre",
    ),
    Claim(
        id="sign-magnitude.b158.minority",
        locus="section 8.5; title",
        statement="RMSNorm's radial filter takes a minority of ternary weights' error.",
        read_as="A minority as less than half, before the ReLU and behind it, in a layer of 256 x 256.",
        at=grid(quantizer=TERNARY, activation=["relu", "linear"], **SIZE),
        test=mean(TERNARY_BLOCK["radial_fraction"]),
        band=at_most(0.5, provenance="author", because="a minority"),
        rival=0.6,
        readings=(
            Reading(
                axis="ternary",
                option="BitNet b1.58, with zeros",
                because="The title's ternary quantization has three levels, as b1.58 has.",
            ),
            Reading(
                axis="ternary",
                option="the sign quantizer",
                because="Section 2.3 defines the ternary scheme so and sets the zeros of b1.58 apart.",
                own=True,
                test=mean(SIGN_BLOCK["radial_fraction"]),
                at=grid(activation=["relu", "linear"], **SIZE),
            ),
        ),
        expected=DEPENDS,
        finding=(
            "Of b1.58's error it takes .659 behind the ReLU and .645 before it, in the wide limit "
            "(sign-magnitude.b158.radial-post, sign-magnitude.b158.radial-pre). Of the sign quantizer, which section "
            "2.3 calls ternary, it takes less than half."
        ),
        corrected_by="sign-magnitude.b158.radial-post",
    ),
    _exact(
        "radial-pre",
        "section 8.3",
        "Before the ReLU .64472 of the error of b1.58 is radial.",
        "linear_radial_fraction",
        lambda q: ternary.quantized_radial_fraction(q, "linear"),
        KAPPA,
    ),
    _exact(
        "radial-post",
        "section 8.4, eq. 21",
        "Behind the ReLU .65918 of the error of b1.58 is radial.",
        "relu_radial_fraction",
        ternary.quantized_radial_fraction,
        0.3649,
    ),
    _measured_radial("radial-pre-measured", TERNARY, "linear", "A layer of 256 x 256 has the share .646.", 0.3645),
    _measured_radial("radial-post-measured", TERNARY, "relu", "Behind a ReLU it has .662.", 0.3687),
    Claim(
        id="sign-magnitude.b158.transparent",
        locus="section 8.4, near-equality, for b1.58",
        statement="For b1.58 the ReLU raises the radial share by 2.24 per cent of its value.",
        test=value(100 * LIMIT_TERNARY["relu_radial_fraction"] - 102.24 * LIMIT_TERNARY["linear_radial_fraction"]),
        band=within(0.0, abs=0.004, provenance="theory", because="the last digit of 2.24"),
        rival=-1.2,
        role="ours",
    ),
    _exact(
        "gate-rate",
        "section 8.4",
        "b1.58 switches 15.3 per cent of the gates.",
        "gate_rate",
        ternary.quantized_gate_rate,
        by_name(lambda q: ternary.quantized_gate_rate(q) / 2),
    ),
    Claim(
        id="sign-magnitude.b158.gate-rate-measured",
        locus="section 8.4, for b1.58",
        statement="A layer of 1024 x 256 switches that share.",
        at=AT_LIMIT,
        test=mean(QUADRANTS["gate_rate"]),
        band=within(
            by_name(ternary.quantized_gate_rate), abs=0.004, provenance="smallest-effect", because="three per cent"
        ),
        rival=0.206,
        role="ours",
    ),
)

SCALE = (
    Claim(
        id="sign-magnitude.b158.fitted-radial",
        locus="section 8.5, radial filter",
        statement="Codes of b1.58 with the scale of least squared error have a radial share of 1 - cos^2 = .2130.",
        at=grid(quantizer=FITTED),
        test=value(LIMIT_FITTED["linear_radial_fraction"] + LIMIT_FITTED["cosine2"]),
        band=by_quadrature(1.0),
        rival=1.43,
        role="ours",
    ),
    _measured_radial(
        "fitted-radial-measured",
        FITTED,
        "relu",
        "RMSNorm removes the scale, so the radial share measures the scale, not the turn: with the fitted one, a third "
        "longer, it is .220 in place of .662.",
        0.662,
    ),
)
