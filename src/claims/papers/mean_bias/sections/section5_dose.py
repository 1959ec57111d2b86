"""Claims of section 5, eq. 11 and eq. 12 (dX): what a mean of given strength does to the error, and who takes it away.

Activations are X = 1 s b^T + Z, so that a mean of strength s has the share s^2/(1 + s^2) of their energy. Errors are
split into what differs between tokens and what all tokens share, an offset of the layer's output.
"""

from __future__ import annotations

from claims.bands import at_least, at_most, within
from claims.claim import Claim
from claims.experiment import experiment, grid
from claims.kinds import mean, order, ratio
from claims.papers.mean_bias.theory import averis as theory
from claims.verdict import REFUTED, Role, Tier

THEORY = "claims.papers.mean_bias.theory.averis"
_EXPERIMENTS = "claims.papers.mean_bias.experiments.dose"

STRENGTHS = (0, 1, 2, 4, 8)
TOKENS, CHANNELS, OUTPUTS = 512, 256, 256

OPERAND = experiment(
    f"{_EXPERIMENTS}:operand_error",
    sweep={"strength": STRENGTHS, "arm": ("plain", "printed", "bfloat16", "kept")},
    fixed={"tokens": TOKENS, "channels": CHANNELS, "every": 1},
    seconds=0.09,
)
PRODUCT = experiment(
    f"{_EXPERIMENTS}:product_error",
    sweep={"strength": (2, 4), "arm": ("plain", "printed", "bfloat16", "exact weight")},
    fixed={"tokens": TOKENS, "channels": CHANNELS, "outputs": OUTPUTS},
    seconds=0.06,
)
GRADIENT = experiment(
    f"{_EXPERIMENTS}:input_gradient_error",
    sweep={"gradient_strength": (0.05, 2), "arm": ("plain", "printed", "bfloat16")},
    fixed={"tokens": TOKENS, "outputs": OUTPUTS},
    seconds=0.03,
)

_FORWARD = "section 5, eq. 11"
_TWO = {"provenance": "theory", "because": "leading order in the element's error; sizes add less than 1 per cent"}
_COHERENT = {"provenance": "theory", "because": "one vector of 256 entries a seed; the law itself is exact"}


def plain_total(strength: float) -> float:
    """Error of plain NVFP4, e (1 + s^2)."""
    return theory.total_error(strength, "plain", TOKENS, CHANNELS)


def without_mean() -> float:
    """Error of an element without a mean, e."""
    return theory.total_error(0, "bfloat16", TOKENS, CHANNELS)


def kept_total(strength: float) -> float:
    """Error with an FP4 mean that is itself subtracted, e (1 + s^2 e)."""
    return theory.total_error(strength, "kept", TOKENS, CHANNELS)


def printed_coherent(strength: float) -> float:
    """Offset that an FP4 mean leaves, s^2 e."""
    return theory.coherent_error(strength, CHANNELS)


def product_varying(strength: float, arm: str) -> float:
    """Token-varying error of Y over the energy of Z W^T."""
    return theory.product_error(strength, arm, TOKENS, CHANNELS, OUTPUTS)[0]


def product_coherent(strength: float, arm: str) -> float:
    """Offset in Y over the energy of Z W^T."""
    return theory.product_error(strength, arm, TOKENS, CHANNELS, OUTPUTS)[1]


def twice_the_strength(strength: float) -> float:
    """What the plain law would be for a mean twice as strong."""
    return plain_total(2 * strength)


MECHANISM = (
    Claim(
        id="mean-bias.dose.plain-total",
        locus="section 5, first paragraph",
        statement="A mean of strength s multiplies the squared error of plain NVFP4 by 1 + s^2: the error is relative.",
        at=grid(arm="plain", strength=[1, 2, 4, 8]),
        test=mean(OPERAND["total"]),
        band=within(plain_total, rel=0.03, **_TWO),
        rival=without_mean,
        role=Role.OURS,
        decides=Tier.STANDARD,
    ),
    Claim(
        id="mean-bias.dose.plain-varying",
        locus="section 5, first paragraph",
        statement="Up to s = 4 nearly all of that error differs between tokens: the mean costs them resolution.",
        at=grid(arm="plain", strength=[1, 2, 4]),
        test=mean(OPERAND["varying"]),
        band=within(plain_total, rel=0.03, **_TWO),
        rival=without_mean,
        decides=Tier.STANDARD,
    ),
    Claim(
        id="mean-bias.dose.plain-offset",
        locus="section 5, first paragraph",
        statement="At s = 8 tokens share more than 3 per cent of the plain error: the noise no longer spans the steps.",
        at=grid(arm="plain", strength=8),
        test=ratio(OPERAND["coherent"], OPERAND["total"]),
        band=within(0.06, abs=0.03, provenance="smallest-effect", because="resolved from 0 and from a tenth"),
        rival=0.0,
        role=Role.OURS,
        decides=Tier.STANDARD,
    ),
    Claim(
        id="mean-bias.dose.varying-removed",
        locus=_FORWARD,
        statement="Splitting the mean off brings the error that differs between tokens down to that without a mean.",
        at=grid(arm=["printed", "bfloat16"], strength=[1, 2, 4, 8]),
        test=mean(OPERAND["varying"]),
        band=within(without_mean, rel=0.015, **_TWO),
        rival=plain_total,
    ),
)

PRINTED = (
    Claim(
        id="mean-bias.dose.printed-helps",
        locus=_FORWARD,
        statement="Averis as printed, with the mean in FP4, lowers the squared error of the activations by a tenth.",
        at=grid(arm="printed", strength=[2, 4]),
        test=ratio(OPERAND["total"], OPERAND["plain"]),
        band=at_most(0.9, provenance="smallest-effect", because="a tenth of the error"),
        rival=1.0,
        expected=REFUTED,
        finding=(
            "Nothing is won: an FP4 mean has the same relative error as FP4 activations, so e s^2 comes back as an "
            "offset that all tokens share. Keep the mean in BF16 (it is one vector): the error falls to that without "
            "any mean."
        ),
        corrected_by="mean-bias.dose.bfloat16-total",
        decides=Tier.STANDARD,
    ),
    Claim(
        id="mean-bias.dose.printed-offset",
        locus=_FORWARD,
        statement="A mean kept in FP4 puts an offset of squared error s^2 e on every token.",
        at=grid(arm="printed", strength=[1, 2, 4, 8]),
        test=mean(OPERAND["coherent"]),
        band=within(printed_coherent, rel=0.15, **_COHERENT),
        rival=0.0,
        role=Role.OURS,
        decides=Tier.STANDARD,
    ),
    Claim(
        id="mean-bias.dose.bfloat16-total",
        locus=_FORWARD,
        statement="With the mean in BF16 the whole error is that of activations without a mean, up to s = 8.",
        at=grid(arm="bfloat16", strength=[1, 2, 4, 8]),
        test=mean(OPERAND["total"]),
        band=within(without_mean, rel=0.03, provenance="theory", because="BF16 adds 2 per cent at s = 8"),
        rival=plain_total,
        role=Role.OURS,
    ),
    Claim(
        id="mean-bias.dose.kept-total",
        locus=_FORWARD,
        statement=(
            "An FP4 mean does nearly as well, if the rounded mean is what is subtracted: the error is e (1 + s^2 e)."
        ),
        at=grid(arm="kept", strength=[1, 2, 4, 8]),
        test=mean(OPERAND["total"]),
        band=within(kept_total, rel=0.04, **_TWO),
        rival=plain_total,
        role=Role.OURS,
        decides=Tier.STANDARD,
    ),
    Claim(
        id="mean-bias.dose.kept-price",
        locus=_FORWARD,
        statement="At s = 4 that costs 15 per cent more error than a BF16 mean; subtracting the exact mean, 16 times.",
        at=grid(arm="kept", strength=4),
        test=ratio(OPERAND["total"], OPERAND.at(arm="bfloat16")["total"]),
        band=within(1.145, abs=0.03, provenance="theory", because="1 + 16 e"),
        rival=1.0,
        role=Role.OURS,
    ),
)

PRODUCTS = (
    Claim(
        id="mean-bias.dose.output-varying",
        locus=_FORWARD,
        statement="With W in NVFP4 too, the errors of X and W add up in what differs between the tokens' outputs.",
        at=grid(arm=["plain", "printed", "bfloat16", "exact weight"], strength=[2, 4]),
        test=ratio(PRODUCT["varying"], PRODUCT["noise"]),
        band=within(product_varying, rel=0.04, **_TWO),
        rival=0.0,
        role=Role.OURS,
        decides=Tier.STANDARD,
    ),
    Claim(
        id="mean-bias.dose.output-offset",
        locus=_FORWARD,
        statement=(
            "The outputs' common offset has squared error s^2 e from an FP4 mean and as much from the FP4 weight that "
            "the mean multiplies."
        ),
        at=grid(arm=["plain", "printed", "bfloat16"], strength=[2, 4]),
        test=ratio(PRODUCT["coherent"], PRODUCT["noise"]),
        band=within(product_coherent, rel=0.15, **_COHERENT),
        rival=0.0,
        role=Role.OURS,
        decides=Tier.STANDARD,
    ),
    Claim(
        id="mean-bias.dose.output-mean-gone",
        locus=_FORWARD,
        statement="With a BF16 mean, times the quantized weight as in eq. 11, the mean no longer adds to Y's error.",
        at=grid(arm="bfloat16", strength=[2, 4]),
        test=ratio(PRODUCT["total"], PRODUCT["noise"]),
        band=at_most(0.02, provenance="smallest-effect", because="a tenth above the .0181 without a mean"),
        rival=0.0543,
        expected=REFUTED,
        finding=(
            "The mean still multiplies the weight's error, an offset of s^2 e: half of what plain NVFP4 has. "
            "Multiplying the mean by the weight before its quantization, one matrix-vector product, removes that too."
        ),
        corrected_by="mean-bias.dose.output-exact-weight",
        decides=Tier.STANDARD,
    ),
    Claim(
        id="mean-bias.dose.output-exact-weight",
        locus=_FORWARD,
        statement="With a BF16 mean times the unquantized weight, Y's error is 2 e, as without any mean.",
        at=grid(arm="exact weight", strength=[2, 4]),
        test=ratio(PRODUCT["total"], PRODUCT["noise"]),
        band=at_most(0.02, provenance="smallest-effect", because="a tenth above the .0181 without a mean"),
        rival=0.0543,
        role=Role.OURS,
    ),
)

INPUT_GRADIENT = (
    Claim(
        id="mean-bias.dose.gradient-split-helps",
        locus="section 5, eq. 12, dX",
        statement="Splitting a gradient whose mean has .25 per cent of its energy lowers dX's error by 2 per cent.",
        at=grid(arm=["printed", "bfloat16"], gradient_strength=0.05),
        test=ratio(GRADIENT["total"], GRADIENT["plain"]),
        band=at_most(0.98, provenance="smallest-effect", because="two per cent of the error"),
        rival=1.0,
        expected=REFUTED,
        finding=(
            "The error is relative, so that removing a mean can win its share of the energy and no more: .25 per cent "
            "here. A split of the gradient pays where gradients have a mean."
        ),
        corrected_by="mean-bias.dose.gradient-split-share",
    ),
    Claim(
        id="mean-bias.dose.gradient-split-share",
        locus="section 5, eq. 12, dX",
        statement="Splitting such a gradient changes dX's error by less than 1 per cent.",
        at=grid(arm=["printed", "bfloat16"], gradient_strength=0.05),
        test=ratio(GRADIENT["total"], GRADIENT["plain"]),
        band=within(1.0, abs=0.01, provenance="smallest-effect", because="1/(1 + r^2) is .9975"),
        rival=0.98,
        role=Role.OURS,
    ),
    Claim(
        id="mean-bias.dose.gradient-mean",
        locus="section 5, eq. 12, dX",
        statement="For a gradient with a mean of strength 2, a BF16 mean lowers dX's error to 1/(1 + r^2), a fifth.",
        at=grid(arm="bfloat16", gradient_strength=2),
        test=ratio(GRADIENT["total"], GRADIENT["plain"]),
        band=within(0.2, abs=0.01, **_TWO),
        rival=1.0,
        role=Role.OURS,
    ),
)

ORDER = Claim(
    id="mean-bias.dose.scale-stretched",
    locus="section 5, first paragraph",
    statement="The stronger the mean, the larger the error that plain NVFP4 makes in what differs between tokens.",
    test=order(OPERAND.at(arm="plain", strength=2)["varying"], OPERAND.at(arm="plain", strength=1)["varying"]),
    band=at_least(0.02, provenance="smallest-effect", because="the error without a mean is .009"),
    rival=0.0,
)
