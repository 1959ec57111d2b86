"""Claims of section 5, eq. 11 and eq. 12 (dX): the error of Y when W is quantized too, and that of dX."""

from __future__ import annotations

from claims import REFUTED, Claim, at_most, experiment, grid, ratio, within
from claims.papers.mean_bias.shared import first_order, one_vector
from claims.papers.mean_bias.theory import averis

TOKENS, CHANNELS, OUTPUTS = 512, 256, 256

PRODUCT = experiment(
    "claims.papers.mean_bias.experiments.dose:product_error",
    sweep={"strength": (2, 4), "arm": ("plain", "printed", "bfloat16", "exact weight")},
    fixed={"tokens": TOKENS, "channels": CHANNELS, "outputs": OUTPUTS},
    seconds=0.06,
)
GRADIENT = experiment(
    "claims.papers.mean_bias.experiments.dose:input_gradient_error",
    sweep={"gradient_strength": (0.05, 2), "arm": ("plain", "printed", "bfloat16")},
    fixed={"tokens": TOKENS, "outputs": OUTPUTS},
    seconds=0.03,
)

_FORWARD = "section 5, eq. 11"


def product_varying(strength: float, arm: str) -> float:
    """Token-varying error of Y over the energy of Z W^T."""
    return averis.product_error(strength, arm, TOKENS, CHANNELS, OUTPUTS)[0]


def product_coherent(strength: float, arm: str) -> float:
    """Offset in Y over the energy of Z W^T."""
    return averis.product_error(strength, arm, TOKENS, CHANNELS, OUTPUTS)[1]


PRODUCTS = (
    Claim(
        id="mean-bias.dose.output-varying",
        locus=_FORWARD,
        statement="With X and W in NVFP4 the errors of both add up in what differs between the tokens' outputs.",
        at=grid(arm=["plain", "printed", "bfloat16", "exact weight"], strength=[2, 4]),
        test=ratio(PRODUCT["varying"], PRODUCT["noise"]),
        band=first_order(product_varying, 0.04),
        rival=0.0,
        role="ours",
        decides="standard",
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
        band=one_vector(product_coherent),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.dose.output-mean-gone",
        locus=_FORWARD,
        statement=(
            "If the mean of eq. 11, spread over all channels, is kept in BF16, which the paper does not do, and "
            "multiplied by the quantized weight as there, it adds less than a tenth to Y's error."
        ),
        at=grid(arm="bfloat16", strength=[2, 4]),
        test=ratio(PRODUCT["total"], PRODUCT["noise"]),
        band=at_most(0.02, provenance="smallest-effect", because="a tenth above the .0181 without a mean"),
        rival=0.0543,
        expected=REFUTED,
        finding=(
            "Y's error is .055 and .164 of the energy without a mean, at strengths 2 and 4, where .0181 is that of "
            "activations without a mean: the mean still multiplies the weight's error. Multiplying it by the weight "
            "before its quantization, one matrix-vector product, removes that."
        ),
        corrected_by="mean-bias.dose.output-exact-weight",
        decides="standard",
        role="ours",
    ),
    Claim(
        id="mean-bias.dose.output-exact-weight",
        locus=_FORWARD,
        statement="With a BF16 mean times the unquantized weight, Y's error is 2 e, as without any mean.",
        at=grid(arm="exact weight", strength=[2, 4]),
        test=ratio(PRODUCT["total"], PRODUCT["noise"]),
        band=at_most(0.02, provenance="smallest-effect", because="a tenth above the .0181 without a mean"),
        rival=0.0543,
        role="ours",
    ),
)

INPUT_GRADIENT = (
    Claim(
        id="mean-bias.dose.gradient-split-helps",
        locus="section 5, eq. 12, dX",
        statement=(
            "A control, whose two numbers are not the paper's: splitting a gradient whose mean has .25 per cent of its "
            "energy lowers dX's error by 2 per cent."
        ),
        at=grid(arm=["printed", "bfloat16"], gradient_strength=0.05),
        test=ratio(GRADIENT["total"], GRADIENT["plain"]),
        band=at_most(0.98, provenance="smallest-effect", because="two per cent of the error"),
        rival=1.0,
        expected=REFUTED,
        finding=(
            "The error is 1.0010 and .9964 times the plain one, with the mean in FP4 and in BF16: it is relative, so "
            "that removing a mean can win its share of the energy and no more. A split of the gradient pays where "
            "gradients have a mean (mean-bias.dose.gradient-mean)."
        ),
        corrected_by="mean-bias.dose.gradient-split-share",
        role="control",
    ),
    Claim(
        id="mean-bias.dose.gradient-split-share",
        locus="section 5, eq. 12, dX",
        statement=(
            "Splitting a gradient whose mean has .25 per cent of its energy changes dX's error by less than 1 per cent."
        ),
        at=grid(arm=["printed", "bfloat16"], gradient_strength=0.05),
        test=ratio(GRADIENT["total"], GRADIENT["plain"]),
        band=within(1.0, abs=0.01, provenance="smallest-effect", because="1/(1 + r^2) is .9975"),
        rival=0.98,
        role="ours",
    ),
    Claim(
        id="mean-bias.dose.gradient-mean",
        locus="section 5, eq. 12, dX",
        statement="For a gradient with a mean of strength 2, a BF16 mean lowers dX's error to 1/(1 + r^2), a fifth.",
        at=grid(arm="bfloat16", gradient_strength=2),
        test=ratio(GRADIENT["total"], GRADIENT["plain"]),
        band=first_order(0.2, 0.05),
        rival=1.0,
        role="ours",
    ),
)
