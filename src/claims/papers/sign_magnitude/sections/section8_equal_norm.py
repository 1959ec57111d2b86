"""Claims of sections 8.4 and 8.5: the sign quantizer's error against sign flips of equal norm, and behind RMSNorm."""

from __future__ import annotations

import math

from claims import DEPENDS, REFUTED, Claim, Reading, Scalar, at_least, at_most, grid, mean, printed, value, within
from claims.papers.sign_magnitude.shared.block import by_quadrature
from claims.papers.sign_magnitude.shared.ternary import (
    LIMIT,
    LIMIT_SIGN,
    SIGN,
    SIGN_BLOCK,
    by_name,
    equal_norm_ratio_post,
    equal_norm_ratio_pre,
    exactly,
    flips_over_quantization,
)
from claims.papers.sign_magnitude.theory import block, ternary

KAPPA = 2 / math.pi
AT_LIMIT = grid(quantizer="sign")
BLOCK_POINT: dict[str, Scalar] = {"quantizer": SIGN, "m": 256, "n": 256}

NOT_CLAIMS = {
    "Section 8.5, the suppression mechanism": (
        "An explanation. Its numbers are audited: what the ReLU adds is sign-magnitude.sec85.relu-needed, what RMSNorm "
        "does to the comparison sec84.flips-move-more, what a radial share is worth b158.fitted-radial-measured. What "
        "becomes of it in a trained model is sign-magnitude.model.ternary-tolerated."
    ),
}

EQUAL_NORM = (
    Claim(
        id="sign-magnitude.sec84.equal-norm-rate",
        locus="section 8.4, equal-norm comparison",
        statement="Sign flips at the rate (1 - 2/pi)/4 = .0908 have the norm of the quantization error.",
        at=AT_LIMIT,
        test=value(LIMIT["flip_rate"]),
        band=exactly(ternary.equal_norm_flip_rate),
        rival=(1 - KAPPA) / 2,
    ),
    Claim(
        id="sign-magnitude.sec84.ratio-pre",
        locus="section 8.4, equal-norm comparison",
        statement="Sign flips of equal norm have 1.4366 times the transverse energy of the quantization error.",
        at=AT_LIMIT,
        test=value(LIMIT["relu_ratio_pre"]),
        band=exactly(ternary.equal_norm_ratio),
        rival=by_name(lambda q: ternary.equal_norm_ratio(q, "relu", "post")),
    ),
    Claim(
        id="sign-magnitude.sec84.ratio-pre-measured",
        locus="section 8.4, equal-norm comparison",
        statement=(
            "In a layer of 256 x 256 flips have 1.425 times the transverse energy of the error, with its terms of "
            "order 1/m and 1/n."
        ),
        at=grid(**BLOCK_POINT, activation="relu"),
        test=flips_over_quantization(SIGN, "pre"),
        band=within(equal_norm_ratio_pre, rel=0.015, provenance="theory", because="next terms are O(1/n^2)"),
        rival=1.0,
    ),
    Claim(
        id="sign-magnitude.sec84.flips-move-more",
        locus="section 8.4, equal-norm comparison; section 1.3, post-training quantization",
        statement=(
            "At equal norm sign flips do more damage to the direction of a block's output than sign quantization."
        ),
        read_as=(
            "Damage as transverse energy, more as any ratio above one, in a layer of 256 x 256 with and without the "
            "ReLU."
        ),
        at=grid(**BLOCK_POINT, activation=["relu", "linear"]),
        test=flips_over_quantization(SIGN, "post"),
        band=at_least(1.0, provenance="author", because="more means a ratio above one"),
        rival=0.91,
        readings=(
            Reading(
                axis="outputs compared",
                option="behind RMSNorm",
                because=(
                    "Section 1.3 speaks of post-training quantization, where the next block sees normalised outputs."
                ),
            ),
            Reading(
                axis="outputs compared",
                option="before RMSNorm",
                because="Section 8.4 compares transverse energies before normalisation.",
                own=True,
                test=flips_over_quantization(SIGN, "pre"),
            ),
        ),
        expected=DEPENDS,
        finding=(
            "Behind RMSNorm flips turn the output less: in the wide limit the squared sine of the angle is .915 of the "
            "quantizer's (sign-magnitude.sec84.ratio-post). Before it flips have 1.44 times the quantizer's transverse "
            "energy (sign-magnitude.sec84.ratio-pre): quantization shrinks the variance to 2/pi, so that RMSNorm "
            "multiplies its error energy by pi/2, and flips keep it."
        ),
        corrected_by="sign-magnitude.sec84.ratio-post",
        role="implied",
    ),
    Claim(
        id="sign-magnitude.sec84.ratio-post",
        locus="section 8.4, equal-norm comparison, outputs normalised",
        statement="After RMSNorm flips of equal norm turn the output by .9146 of the quantizer's squared sine.",
        at=AT_LIMIT,
        test=value(LIMIT["relu_ratio_post"]),
        band=exactly(lambda q: ternary.equal_norm_ratio(q, "relu", "post")),
        rival=by_name(ternary.equal_norm_ratio),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.sec84.ratio-post-measured",
        locus="section 8.4, equal-norm comparison, outputs normalised",
        statement=(
            "In a layer of 256 x 256 flips turn normalised outputs by .910 of the quantizer's squared sine, with and "
            "without a ReLU."
        ),
        at=grid(**BLOCK_POINT, activation=["relu", "linear"]),
        test=flips_over_quantization(SIGN, "post"),
        band=within(equal_norm_ratio_post, rel=0.015, provenance="theory", because="next terms are O(1/n^2)"),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.sec84.flips-radial",
        locus="section 8.4, equal-norm comparison",
        statement="Behind the ReLU the share .0791 of the energy of those flips is radial.",
        test=value(LIMIT_SIGN["relu_flips_radial"]),
        band=by_quadrature(lambda: block.sign_radial_fraction(ternary.equal_norm_flip_rate(ternary.quantizer("sign")))),
        rival=(1 - KAPPA) / 4,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.sec84.energy-ratio",
        locus="section 8.4, equal-norm comparison",
        statement=(
            "Of the ratio 1.4366 the total energies make .9908; the radial shares, .079 against .365, make the rest."
        ),
        test=value(LIMIT_SIGN["relu_ratio_total"]),
        band=within(0.99077, abs=5e-6, provenance="theory", because="the digits given"),
        rival=1.0,
        role="ours",
    ),
)

SCOPE = (
    Claim(
        id="sign-magnitude.sec85.relu-needed",
        locus="section 8.5, multi-component pipeline",
        statement="The ReLU creates the differential treatment of sign flips and quantization error of equal norm.",
        read_as=(
            "Of the passage's magnitude perturbations the quantization error, which section 8.5 is about, at section "
            "8.4's equal norm; the steps of Theorem 3 are sign-magnitude.thm3.relu-creates. The ratio of their "
            "transverse energies, 1.44 before RMSNorm, in the wide limit."
        ),
        test=value(LIMIT_SIGN["relu_ratio_pre"] - LIMIT_SIGN["linear_ratio_pre"]),
        band=at_least(0.1, provenance="smallest-effect", because="a quarter of the ratio's excess over one"),
        rival=0.0,
        readings=(
            Reading(
                axis="creates",
                option="makes at least .1 of the ratio",
                because="A quarter of what the ratio has above one would be a part worth the word.",
            ),
            Reading(
                axis="creates",
                option="without it the ratio is one, within .1",
                because="What creates a difference is not there without it.",
                test=value(LIMIT_SIGN["linear_ratio_pre"]),
                band=within(
                    1.0, abs=0.1, provenance="smallest-effect", because="a quarter of the ratio's excess over one"
                ),
                rival=1.4366,
            ),
        ),
        expected=REFUTED,
        finding=(
            "A linear layer has 1.4281 where the ReLU gives 1.4366: the row's alignment with its signs, 2/pi, and the "
            "transverse projection give that much."
        ),
        corrected_by="sign-magnitude.sec85.linear-ratio",
    ),
    Claim(
        id="sign-magnitude.sec85.linear-ratio",
        locus="section 8.5, multi-component pipeline",
        statement="Without the ReLU the ratio is (3 pi + 2)/8 = 1.4281.",
        test=value(LIMIT_SIGN["linear_ratio_pre"]),
        band=by_quadrature((3 * math.pi + 2) / 8),
        rival=1.4366,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.sec85.minority",
        locus="section 8.5",
        statement="RMSNorm's radial filter takes a minority of the sign quantizer's error, 36.5 per cent.",
        at=grid(**BLOCK_POINT, activation=["relu", "linear"]),
        test=mean(SIGN_BLOCK["radial_fraction"]),
        band=at_most(0.5, provenance="author", because="a minority"),
        rival=0.6,
    ),
    Claim(
        id="sign-magnitude.sec85.passes",
        locus="section 8.5",
        statement="63.5 per cent of that error are transverse.",
        test=value(100.0 - 100 * LIMIT_SIGN["relu_radial_fraction"]),
        band=printed("63.5"),
        rival=63.7,
    ),
)
