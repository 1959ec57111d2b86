"""Claims of section 9.4 on Exp B in a trained model: its gate matrices in a stack, both metrics, the gap's cause."""

from __future__ import annotations

import math

from claims import REFUTED, at_least, at_most, bound, grid, mean, order, within
from claims.papers.sign_magnitude.shared.trained import ACTIVATION_NAMES, StandardClaim, model_experiment
from claims.papers.sign_magnitude.theory import small_rate

RATES = (0.01, 0.02, 0.05)
METRICS = {"post": "compared after normalisation, as in the script", "pre": "in the theorem's metric"}
_LIMIT = math.log(small_rate.c_limit())

STACK = model_experiment(
    "claims.papers.sign_magnitude.trained.stacks:trained_stack",
    sweep={
        "weights": ("trained", "shuffled", "iid"),
        "activation": tuple(ACTIVATION_NAMES),
        "flip_rate": RATES,
        "layer": (1, 6),
        "metric": ("pre", "post"),
    },
    fixed={"inputs": 500},
    seconds=2.5,
    megabytes=900,
)
LINEAR = model_experiment(
    "claims.papers.sign_magnitude.trained.stacks:linear_layers",
    fixed={"inputs": 500, "flip_rate": 0.01},
    seconds=0.3,
    megabytes=900,
)
TRAINED, SHUFFLED, IID = (STACK.at(weights=weights) for weights in ("trained", "shuffled", "iid"))

DECLINE = tuple(
    StandardClaim(
        id=f"sign-magnitude.model.expb-declines-{activation}-{metric}",
        locus="section 9.4, Exp B; Table 3",
        statement=f"With {name} the ratio of trained matrices is smaller after six layers than after one, {words}.",
        at=grid(flip_rate=RATES, activation=activation, metric=metric),
        test=order(TRAINED.at(layer=6)["log_c"], TRAINED.at(layer=1)["log_c"]),
        band=at_most(0.0, provenance="author", because="a decline of whatever size"),
        rival=0.1,
        role="transfer" if metric == "post" else "ours",
    )
    for activation, name in ACTIVATION_NAMES.items()
    for metric, words in METRICS.items()
)

AGAINST_IID = tuple(
    StandardClaim(
        id=f"sign-magnitude.model.expb-below-iid-{activation}-{metric}-layer-{layer}",
        locus="section 9.4, Exp B",
        statement=f"With {name} trained matrices have a smaller ratio than iid ones after layer {layer}, {words}.",
        at=grid(flip_rate=RATES, activation=activation, metric=metric),
        test=order(TRAINED.at(layer=layer)["log_c"], IID.at(layer=layer)["log_c"]),
        band=at_most(0.0, provenance="smallest-effect", because="the paper has trained ones above, by 27 per cent"),
        rival=0.1,
        role="ours",
    )
    for activation, name in ACTIVATION_NAMES.items()
    for metric, words in METRICS.items()
    for layer in (1, 6)
)

EXCESS = (
    StandardClaim(
        id="sign-magnitude.model.expb-27-percent",
        locus="section 9.4, Exp B, 'exceeds 2.75 by 27 %'",
        statement=(
            "If Exp B's excess of 27 per cent over 2.75, measured on TinyLlama, is to hold in another model, "
            "normalised outputs have it at the first layer, to 3 per cent."
        ),
        at=grid(flip_rate=0.01, activation="relu", metric="post"),
        test=mean(TRAINED.at(layer=1)["log_c"] - _LIMIT),
        band=within(math.log(1.27), abs=0.03, provenance="printed", because="27 per cent"),
        rival=0.0,
        role="ours",
        expected=REFUTED,
        finding=(
            "In SmolLM2's matrices the excess is 20 per cent. Iid Gaussian weights of the same size have a larger "
            "ratio in this metric at p = .01 (sign-magnitude.model.expb-below-iid-relu-post-layer-1)."
        ),
        corrected_by="sign-magnitude.model.expb-below-iid-relu-post-layer-1",
    ),
    StandardClaim(
        id="sign-magnitude.model.expb-above-limit",
        locus="section 9.4, Exp B, 'exceeds 2.75 by 27 %'",
        statement=(
            "If Exp B's excess over 2.75 is one in the metric of Theorem 3, not of normalised outputs as in its "
            "script, trained matrices have at the first layer a ratio above 2.75 there."
        ),
        at=grid(flip_rate=0.01, activation="relu", metric="pre"),
        test=bound(TRAINED.at(layer=1)["log_c"] - _LIMIT),
        band=at_least(0.0, provenance="author", because="the paper has it above"),
        rival=-0.05,
        role="ours",
        expected=REFUTED,
        finding=(
            "In SmolLM2's matrices it is lower by .12 as a logarithm, at p = .01. Read of normalised outputs, as in "
            "the script, there is an excess, of .19 (sign-magnitude.model.expb-27-percent)."
        ),
        corrected_by="sign-magnitude.model.expb-below-iid-relu-pre-layer-1",
    ),
)

CAUSE = (
    StandardClaim(
        id="sign-magnitude.model.expb-law-alone",
        locus="section 9.4, Exp B, sources (a) to (d) of the gap",
        statement="At the first layer shuffling all of a matrix's entries leaves the ratio as it is, to 3 per cent.",
        at=grid(flip_rate=RATES, activation=tuple(ACTIVATION_NAMES), metric=tuple(METRICS)),
        test=order(TRAINED.at(layer=1)["log_c"], SHUFFLED.at(layer=1)["log_c"]),
        band=within(0.0, abs=0.03, provenance="smallest-effect", because="a third of the distance from iid weights"),
        rival=-0.08,
        role="ours",
    ),
    StandardClaim(
        id="sign-magnitude.model.expb-structure-silu",
        locus="section 9.4, Exp B, sources (a) to (d) of the gap",
        statement=(
            "With SiLU shuffling all of a matrix's entries leaves the ratio behind six layers as it is, to 8 per cent."
        ),
        at=grid(flip_rate=RATES, activation="silu", metric=tuple(METRICS)),
        test=order(TRAINED.at(layer=6)["log_c"], SHUFFLED.at(layer=6)["log_c"]),
        band=within(0.0, abs=0.08, provenance="smallest-effect", because="half of the distance from iid weights"),
        rival=-0.18,
        role="ours",
    ),
    StandardClaim(
        id="sign-magnitude.model.expb-kappa-of-matrix",
        locus="section 9.4, Exp B, sources (a) to (d) of the gap",
        statement=(
            "A linear layer of a trained matrix has the ratio (1 - p)/(1 - kappa), kappa the squared cosine of all of "
            "its entries together with their signs."
        ),
        test=mean(LINEAR["by_matrix"]),
        band=within(1.0, abs=0.01, provenance="theory", because="the wide limit; finite width moves it by 1/d"),
        rival=0.9,
        role="ours",
    ),
    StandardClaim(
        id="sign-magnitude.model.expb-kappa-of-rows",
        locus="section 9.4, Exp B, sources (a) to (d) of the gap; section 9.6, row-level",
        statement=(
            "The rows' mean squared cosine kappa, which section 9.6 reports, gives a trained matrix's ratio in a "
            "linear layer, (1 - p)/(1 - kappa)."
        ),
        test=mean(LINEAR["by_row"]),
        band=within(1.0, abs=0.01, provenance="theory", because="the wide limit; finite width moves it by 1/d"),
        rival=0.9,
        role="ours",
        expected=REFUTED,
        finding=(
            "It overstates the ratio of SmolLM2's matrices by 10 per cent. The magnitude step is one size for the "
            "whole matrix, so that unequal norms of rows count: the squared cosine of all entries together gives it "
            "(sign-magnitude.model.expb-kappa-of-matrix)."
        ),
        corrected_by="sign-magnitude.model.expb-kappa-of-matrix",
    ),
)
