"""Claims of section 5, eq. 11: what a mean of given strength does to the error, and which split takes it away.

Activations are X = 1 s b^T + Z, so that a mean of strength s has the share s^2/(1 + s^2) of their energy. Errors are
split into what differs between tokens and what all tokens share, an offset of the layer's output.
"""

from __future__ import annotations

from claims import DEPENDS, Claim, Reading, at_least, at_most, experiment, grid, mean, order, ratio, within
from claims.papers.mean_bias.shared import first_order, one_vector
from claims.papers.mean_bias.theory import averis

TOKENS, CHANNELS = 512, 256

OPERAND = experiment(
    "claims.papers.mean_bias.experiments.dose:operand_error",
    sweep={"strength": (0, 1, 2, 4, 8), "arm": ("plain", "printed", "bfloat16", "kept")},
    fixed={"tokens": TOKENS, "channels": CHANNELS, "every": 1},
    seconds=0.09,
)

_FORWARD = "section 5, eq. 11"


def plain_total(strength: float) -> float:
    """Error of plain NVFP4, e (1 + s^2)."""
    return averis.total_error(strength, "plain", TOKENS, CHANNELS)


def without_mean() -> float:
    """Error of an element without a mean, e."""
    return averis.total_error(0, "bfloat16", TOKENS, CHANNELS)


def kept_total(strength: float) -> float:
    """Error with an FP4 mean that is itself subtracted, e (1 + s^2 e)."""
    return averis.total_error(strength, "kept", TOKENS, CHANNELS)


def printed_coherent(strength: float) -> float:
    """Offset that an FP4 mean leaves, s^2 e."""
    return averis.coherent_error(strength, CHANNELS)


MECHANISM = (
    Claim(
        id="mean-bias.dose.plain-total",
        locus="section 5, first paragraph",
        statement="A mean of strength s multiplies the squared error of plain NVFP4 by 1 + s^2: the error is relative.",
        at=grid(arm="plain", strength=[1, 2, 4, 8]),
        test=mean(OPERAND["total"]),
        band=first_order(plain_total, 0.03),
        rival=without_mean,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.dose.plain-varying",
        locus="section 5, first paragraph",
        statement=(
            "Up to a mean of strength 4 nearly all of plain NVFP4's error differs between tokens: the mean compresses "
            "what they differ in."
        ),
        at=grid(arm="plain", strength=[1, 2, 4]),
        test=mean(OPERAND["varying"]),
        band=first_order(plain_total, 0.03),
        rival=without_mean,
        decides="standard",
    ),
    Claim(
        id="mean-bias.dose.plain-offset",
        locus="section 5, first paragraph",
        statement="At s = 8 tokens share 3 to 9 per cent of the plain error: the noise no longer spans the steps.",
        at=grid(arm="plain", strength=8),
        test=ratio(OPERAND["coherent"], OPERAND["total"]),
        band=within(0.06, abs=0.03, provenance="smallest-effect", because="resolved from 0 and from a tenth"),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.dose.varying-removed",
        locus=_FORWARD,
        statement=(
            "Splitting the mean off brings the error that differs between tokens down to that of activations without a "
            "mean."
        ),
        at=grid(arm=["printed", "bfloat16"], strength=[1, 2, 4, 8]),
        test=mean(OPERAND["varying"]),
        band=first_order(without_mean, 0.015),
        rival=plain_total,
    ),
)

PRINTED = (
    Claim(
        id="mean-bias.dose.printed-helps",
        locus=_FORWARD,
        statement="Averis as printed, with the mean in FP4, lowers the squared error of activations by a tenth.",
        read_as=(
            "The paper gives no error of activations; splitting would be in vain if it did not fall. The tenth and the "
            "drawn activations, 512 tokens by 256 channels with means of strength 2 and 4, are this project's."
        ),
        at=grid(arm="printed", strength=[2, 4]),
        test=ratio(OPERAND["total"], OPERAND["plain"]),
        band=at_most(0.9, provenance="smallest-effect", because="a tenth of the error"),
        rival=1.0,
        readings=(
            Reading(
                axis="geometry",
                option="a mean spread over all channels",
                because="Section 2 speaks of a mean vector, and not of where in the channels it lies.",
            ),
            Reading(
                axis="geometry",
                option="a mean in one channel of 16",
                because="A trained model's mean may lie in few channels.",
                at=grid(arm="printed", strength=[2, 4], every=16),
            ),
            Reading(
                axis="error",
                option="of every entry, the offset that all tokens share included",
                because="Eq. 11 is to give the product X W, of which the offset is part.",
            ),
            Reading(
                axis="error",
                option="of what differs between tokens",
                because="The first paragraph of section 5 is about the range that tokens' differences have left.",
                test=ratio(OPERAND["varying"], OPERAND["plain"]),
            ),
        ),
        expected=DEPENDS,
        finding=(
            "With the mean spread over all channels the error is 1.01 and 1.00 times plain NVFP4's at strengths 2 and "
            "4: an FP4 mean has the relative error of FP4 activations, which comes back as an offset that all tokens "
            "share. With the mean in one channel of 16 it falls, and so does the error of what differs between tokens "
            "(mean-bias.dose.varying-removed)."
        ),
        corrected_by="mean-bias.dose.bfloat16-total",
        role="implied",
        decides="standard",
    ),
    Claim(
        id="mean-bias.dose.printed-offset",
        locus=_FORWARD,
        statement="A mean kept in FP4 puts an offset of squared error s^2 e on every token.",
        at=grid(arm="printed", strength=[1, 2, 4, 8]),
        test=mean(OPERAND["coherent"]),
        band=one_vector(printed_coherent),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.dose.bfloat16-total",
        locus=_FORWARD,
        statement="With the mean in BF16 the whole error is that of activations without a mean, up to s = 8.",
        at=grid(arm="bfloat16", strength=[1, 2, 4, 8]),
        test=mean(OPERAND["total"]),
        band=within(without_mean, rel=0.03, provenance="theory", because="BF16 adds 2 per cent at s = 8"),
        rival=plain_total,
        role="ours",
    ),
    Claim(
        id="mean-bias.dose.kept-total",
        locus=_FORWARD,
        statement=(
            "An FP4 mean does nearly as well as one in BF16, if the rounded mean is what is subtracted: the error is e "
            "(1 + s^2 e)."
        ),
        at=grid(arm="kept", strength=[1, 2, 4, 8]),
        test=mean(OPERAND["total"]),
        band=first_order(kept_total, 0.04),
        rival=plain_total,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.dose.kept-price",
        locus=_FORWARD,
        statement=(
            "At s = 4 an FP4 mean that is itself subtracted costs 15 per cent more error than a BF16 mean; subtracting "
            "the exact mean, 16 times."
        ),
        at=grid(arm="kept", strength=4),
        test=ratio(OPERAND["total"], OPERAND.at(arm="bfloat16")["total"]),
        band=within(1.145, abs=0.03, provenance="theory", because="1 + 16 e"),
        rival=1.0,
        role="ours",
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
