"""Claims about where the results apply: weights behind a nonlinearity (section 10.3), and LayerNorm (section 1.3)."""

from __future__ import annotations

import math

from claims import DEPENDS, REFUTED, Claim, Reading, at_least, experiment, grid, mean, order, ratio, within
from claims.papers.sign_magnitude.theory import block

KAPPA = 2 / math.pi
BEHIND = experiment(
    "claims.papers.sign_magnitude.experiments.ternary_probes:second_layer",
    fixed={"n": 256, "d": 1024, "inputs": 64, "dtype": "float32"},
    seconds=0.02,
)
NORMS = experiment(
    "claims.papers.sign_magnitude.experiments.ternary_probes:two_norms",
    fixed={"n": 256, "inputs": 64, "dtype": "float32"},
    seconds=0.006,
)

NOT_CLAIMS = {
    "Section 10.3, items 1 to 3": (
        "Limits of scope that the paper states of itself: one block, Gaussian weights, ReLU. Other weight laws and "
        "activations are audited where closed forms exist for them."
    ),
    "Section 1.3, crossover between angular and magnitude perturbations": (
        "About another paper's Pythia models, of which nothing is measured here; what is said about the norm is "
        "sign-magnitude.sec13.layernorm-differs."
    ),
}

BEHIND_RELU = (
    Claim(
        id="sign-magnitude.sec103.bussgang-fails",
        locus="section 10.3, item 6",
        statement=(
            "For weights behind the ReLU the Bussgang relation no longer holds exactly, and perturbing them shows it."
        ),
        read_as=(
            "Section 10.3 says that the mechanism may still apply approximately. That a ratio show it, by .05 or more, "
            "is this project's."
        ),
        at=grid(flip_rate=[0.01, 0.1]),
        test=mean(BEHIND["gap"]),
        band=at_least(0.05, provenance="smallest-effect", because="the ReLU in front of W1 moves c by two per cent"),
        rival=0.0,
        readings=(
            Reading(
                axis="ratio that it differs from",
                option="a linear layer's, (1 - p) pi/(pi - 2)",
                because="It is what the relation alone gives.",
            ),
            Reading(
                axis="ratio that it differs from",
                option="Theorem 3's, by a twentieth at p = .1",
                because="The section is about where Theorem 3 applies.",
                at=grid(flip_rate=0.1),
                test=ratio(BEHIND["sign"], BEHIND["magnitude"]),
                band=at_least(
                    lambda flip_rate: 1.05 * block.c_exact(flip_rate),
                    provenance="smallest-effect",
                    because="a twentieth",
                ),
                rival=block.c_exact,
            ),
        ),
        expected=DEPENDS,
        finding=(
            "The outputs of W and sgn(W) have the squared correlation 2/pi for any input, as the Gaussian law is that "
            "of the weights, and the ratio is a linear layer's. From Theorem 3's it does differ "
            "(sign-magnitude.sec103.ratio, sign-magnitude.thm3.c-pre-limit)."
        ),
        corrected_by="sign-magnitude.sec103.ratio",
        role="implied",
    ),
    Claim(
        id="sign-magnitude.sec103.ratio",
        locus="section 10.3, item 6",
        statement="Perturbing the projection behind the ReLU gives the ratio (1 - p) pi/(pi - 2), 2.724 at p = .01.",
        at=grid(flip_rate=[0.01, 0.1]),
        test=ratio(BEHIND["sign"], BEHIND["magnitude"]),
        band=within(block.c_linear, rel=0.015, provenance="smallest-effect", because="less than the ReLU's 2 %"),
        rival=block.c_exact,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.sec103.radial",
        locus="section 10.3, item 6; Lemma A.1",
        statement="Behind the ReLU 2/pi of the magnitude step's energy are radial, as before it.",
        at=grid(flip_rate=[0.01, 0.1]),
        test=mean(BEHIND["radial"]),
        band=within(KAPPA, abs=0.01, provenance="smallest-effect", because="1.5 per cent"),
        rival=1 - KAPPA,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.sec103.quantized",
        locus="section 10.3, item 6; Theorem 4",
        statement="Sign quantization of the projection behind the ReLU keeps a squared cosine of 2/pi.",
        at=grid(flip_rate=0.01),
        test=mean(BEHIND["cosine2"]),
        band=within(KAPPA, abs=0.01, provenance="smallest-effect", because="1.5 per cent"),
        rival=math.sqrt(KAPPA),
        role="ours",
    ),
)

LAYER_NORM = (
    Claim(
        id="sign-magnitude.sec13.layernorm-differs",
        locus="section 1.3, direction-magnitude disentanglement",
        statement=(
            "If the asymmetry is to tell RMSNorm from LayerNorm models, the two-layer model has another ratio with "
            "LayerNorm, by .01 or more."
        ),
        at=grid(flip_rate=[0.01, 0.1]),
        test=mean(NORMS["gap"]),
        band=at_least(0.01, provenance="smallest-effect", because="one per cent of the ratio"),
        rival=0.0,
        expected=REFUTED,
        finding=(
            "In a block of width 256 the ratio differs by less than .003: LayerNorm also removes the mean over "
            "outputs, one of d directions. Trained models with either norm were not compared."
        ),
        corrected_by="sign-magnitude.sec13.layernorm-same",
        role="ours",
    ),
    Claim(
        id="sign-magnitude.sec13.layernorm-same",
        locus="section 1.3, direction-magnitude disentanglement",
        statement="On common draws the ratio with LayerNorm is the ratio with RMSNorm.",
        at=grid(flip_rate=[0.01, 0.1]),
        test=order(NORMS["layer"], NORMS["rms"]),
        band=within(0.0, abs=0.02, provenance="smallest-effect", because="less than one per cent of the ratio"),
        rival=0.1,
        role="ours",
    ),
)
