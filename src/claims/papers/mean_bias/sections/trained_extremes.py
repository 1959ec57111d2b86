"""Section 4 on a trained model: who makes the largest entries, where they are, and how heavy the noise's tails are."""

from __future__ import annotations

import math

from claims import REFUTED, at_least, at_most, between, grid, mean, order
from claims.papers.mean_bias.shared import ACTIVATIONS, INNER, NORMED, StandardClaim, averaged

_OUTPUTS = ["o", "down"]
_FIGURE_4 = "section 4, Figure 4"
_MAJORITY = "section 4, eq. 8; abstract; contribution 2, majority of extreme magnitudes"
#: Two-sided tail at four standard deviations of noise that is sub-Gaussian with its variance as proxy.
BOUND = 2 * math.exp(-8)

PRIMARY = (
    StandardClaim(
        id="mean-bias.model.primary-source",
        locus=f"{_FIGURE_4}; eq. 8",
        statement=(
            "In what attention and MLP read, and in the residual stream without the first token, the mean has a larger "
            "squared share of the largest 0.1 % of the entries than spike and tail."
        ),
        at=grid(operand=[*NORMED, "later stream"], depth=INNER),
        test=mean(ACTIVATIONS["lead"]),
        band=at_least(0.0, provenance="author", because="the primary source has the largest share"),
        rival=-0.2,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.primary-source-outputs",
        locus=f"{_FIGURE_4}; eq. 8, output projections",
        statement="So it is at the inputs of the output projections of attention and MLP.",
        at=grid(operand=_OUTPUTS, depth=[0.2, 0.4, 0.6, 0.8]),
        test=mean(ACTIVATIONS["lead"]),
        band=at_least(0.0, provenance="author", because="the primary source has the largest share"),
        rival=-0.2,
        expected=REFUTED,
        finding="The mean's squared share is .00 to .06 there; spike and tail have .2 to .5 each.",
        corrected_by="mean-bias.model.outputs-small-mean",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.outputs-small-mean",
        locus=f"{_FIGURE_4}; eq. 8, output projections",
        statement="At the inputs of the MLP's output projection the mean's squared share is under a fifth.",
        at=grid(operand="down", depth=[0.2, 0.4, 0.6, 0.8]),
        test=mean(ACTIVATIONS["squared_mean"]),
        band=at_most(0.2, provenance="author", because="a fifth"),
        rival=0.5,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.primary-source-embedding",
        locus=f"{_FIGURE_4}, embedding",
        statement="The mean is the primary source of the embedding's largest entries.",
        at=grid(operand="stream", depth=0.0),
        test=mean(ACTIVATIONS["lead"]),
        band=at_least(0.0, provenance="author", because="the primary source has the largest share"),
        rival=-0.2,
        expected=REFUTED,
        finding="The spike is, the leading modes of the centred embedding: squared shares are .05 and .68.",
        corrected_by="mean-bias.model.embedding-spike",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.embedding-spike",
        locus=f"{_FIGURE_4}, embedding",
        statement="The spike's squared share of the embedding's largest entries exceeds the mean's by .2 and more.",
        at=grid(operand="stream", depth=0.0),
        test=order(ACTIVATIONS["squared_spike"], ACTIVATIONS["squared_mean"]),
        band=at_least(0.2, provenance="smallest-effect", because="a fifth of the entry's square"),
        rival=0.0,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.majority",
        locus=_MAJORITY,
        statement=(
            "In what attention and MLP read the mean makes most of the largest 0.1 % of the entries (M/X, which adds "
            "up to one with spike and tail), averaged over layers."
        ),
        test=mean(averaged("additive_mean", NORMED, INNER)),
        band=at_least(0.5, provenance="author", because="the majority"),
        rival=0.2,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.majority-outputs",
        locus=_MAJORITY,
        statement="So it does at the inputs of the output projections of attention and MLP.",
        at=grid(operand=_OUTPUTS, depth=[0.2, 0.4, 0.6, 0.8]),
        test=mean(ACTIVATIONS["additive_mean"]),
        band=at_least(0.5, provenance="author", because="the majority"),
        rival=0.2,
        expected=REFUTED,
        finding=(
            "It makes .04 to .20 of them: two of the four inputs that a layer has have extremes that no mean explains."
        ),
        corrected_by="mean-bias.model.outputs-small-mean",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.cross-minor",
        locus="section 4, after eq. 8",
        statement="Among the largest entries the cross terms that eq. 8 leaves out are minor.",
        at=grid(operand=["q", "o", "down"], depth=[0.2, 0.4, 0.6]),
        test=mean(ACTIVATIONS["cross"]),
        band=between(-0.1, 0.1, provenance="author", because="minor read as a tenth of the entry's square, either way"),
        rival=0.3,
        expected=REFUTED,
        finding="They make .15 to .34 of the square at q, and .29 to .48 at the output projections.",
        corrected_by="mean-bias.eq8.additive-sum",
        role="transfer",
    ),
)

PLACES = (
    StandardClaim(
        id="mean-bias.model.few-columns",
        locus="section 4, dense population of extremes",
        statement=(
            "In what attention and MLP read nine tenths of the extremes lie in one per cent of the channels, averaged "
            "over layers."
        ),
        test=mean(averaged("columns", NORMED, INNER)),
        band=at_most(0.01, provenance="author", because="one per cent"),
        rival=0.2,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.few-channels",
        locus="section 4, after Theorem 3; section 1, modest coordinate-wise bias",
        statement=(
            "The mean is not modest in every coordinate: one per cent of the channels has most of its energy, in what "
            "attention and MLP read, averaged over layers."
        ),
        test=mean(averaged("concentration", NORMED, INNER)),
        band=at_least(0.5, provenance="author", because="most is more than half"),
        rival=0.1,
        role="ours",
    ),
)

NOISE = (
    StandardClaim(
        id="mean-bias.model.noise-reads",
        locus="Theorem 1, the model X = mu + Z; eq. 10",
        statement=(
            "What is left without the mean in attention's input exceeds four standard deviations no more often than "
            "sub-Gaussian noise with its variance as proxy, 2 exp(-8)."
        ),
        at=grid(operand="q", depth=[0.4, 0.6, 0.8]),
        test=mean(ACTIVATIONS["tail"]),
        band=at_most(BOUND, provenance="theory", because="eq. 10 at t = 4 sigma"),
        rival=2 * BOUND,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.noise-hidden",
        locus="Theorem 1, the model X = mu + Z; eq. 10",
        statement="So it is behind SwiGLU, at the input of the MLP's output projection.",
        at=grid(operand="down", depth=INNER),
        test=mean(ACTIVATIONS["tail"]),
        band=at_most(BOUND, provenance="theory", because="eq. 10 at t = 4 sigma"),
        rival=2 * BOUND,
        expected=REFUTED,
        finding=(
            "Products of two activations have heavy tails: .5 to .8 per cent of the entries lie beyond four standard "
            "deviations, eight to twelve times the bound. There noise alone makes the extremes."
        ),
        corrected_by="mean-bias.model.noise-heavy",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.noise-heavy",
        locus="Theorem 1, the model X = mu + Z; eq. 10",
        statement=(
            "Behind SwiGLU entries beyond four standard deviations are three times as frequent as the bound says."
        ),
        at=grid(operand="down", depth=[0.2, 0.8, 1.0]),
        test=mean(ACTIVATIONS["tail"]),
        band=at_least(3 * BOUND, provenance="smallest-effect", because="three times"),
        rival=BOUND,
        role="ours",
    ),
)
