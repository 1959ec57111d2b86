"""Section 2 on a trained model: signs of projections on the mean, and its alignment with v1.

A matrix is the input of a linear map (q stands for k and v as well, gate for up) or the residual stream, over 256
consecutive tokens of the text; six layers are spread evenly over the depth.
"""

from __future__ import annotations

from claims import REFUTED, at_least, at_most, grid, mean, order, ratio
from claims.papers.mean_bias.shared import ACTIVATIONS, DEPTHS, HALF, INNER, LINEAR, NORMED, StandardClaim, averaged

_LAST_PLACE = "at least .985, which prints as .99"
_FIGURE_1 = "section 2, Figure 1 right"

SIGNS = (
    StandardClaim(
        id="mean-bias.model.signs",
        locus="section 2, projections on the mean direction; Figure 1 left",
        statement=(
            "The signs of projections on the mean direction are concentrated on one side, read as 95 per cent on a "
            "direction from the half of the text in which the tokens are not, averaged over the inputs of all linear "
            "maps."
        ),
        test=mean(averaged("held_out", LINEAR, DEPTHS)),
        band=at_least(0.95, provenance="author", because="'nearly uniform'"),
        rival=0.5,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.signs-of-weak-means",
        locus="section 2, Figure 1 left, beside contribution 1",
        statement=(
            "At the MLP's down projection, between a fifth and four fifths of the depth, the signs agree although the "
            "mean has less than a quarter of the energy."
        ),
        at=grid(operand="down", depth=[0.2, 0.4, 0.6, 0.8]),
        test=mean(ACTIVATIONS["share"]),
        band=at_most(0.25, provenance="author", because="a quarter"),
        rival=0.5,
        role="ours",
    ),
)

ALIGNMENT = (
    StandardClaim(
        id="mean-bias.model.cosine",
        locus=_FIGURE_1,
        statement="Behind the first layer the mean of what attention and MLP read has a cosine of .99 with v1.",
        at=grid(operand=NORMED, depth=INNER),
        test=mean(ACTIVATIONS["cosine"]),
        band=at_least(0.985, provenance="printed", because=_LAST_PLACE),
        rival=0.7,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.cosine-stream",
        locus=f"{_FIGURE_1}, the residual stream",
        statement=(
            "If Figure 1 right, an FFN's input, is to hold of the residual stream at mid depth too, its mean has a "
            "cosine of .99 with v1."
        ),
        at=grid(operand="stream", depth=[0.4, 0.6, 0.8]),
        test=mean(ACTIVATIONS["cosine"]),
        band=at_least(0.985, provenance="printed", because=_LAST_PLACE),
        rival=0.7,
        expected=REFUTED,
        finding=(
            "In SmolLM2 the cosine is .88, .82 and .83 at .4, .6 and .8 of the depth: v1 is the window's first token. "
            "It depends on that token: without it the cosine is .99 (mean-bias.model.cosine-later-stream), as it is at "
            "the inputs of attention and MLP (mean-bias.model.cosine)."
        ),
        corrected_by="mean-bias.model.cosine-later-stream",
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.cosine-later-stream",
        locus=f"{_FIGURE_1}, the residual stream",
        statement=(
            "Without the window's first token the mean of the residual stream has a cosine of .99 with its v1 from two "
            "fifths of the depth on."
        ),
        at=grid(operand="later stream", depth=[0.4, 0.6, 0.8, 1.0]),
        test=mean(ACTIVATIONS["cosine"]),
        band=at_least(0.985, provenance="printed", because=_LAST_PLACE),
        rival=0.7,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.v1-not-others",
        locus="section 2, alignment with v1 rather than other directions",
        statement=(
            "At the inputs of q, o and gate behind the first layer the mean is far closer to v1 than to any other."
        ),
        at=grid(operand=["q", "o", "gate"], depth=INNER),
        test=order(ACTIVATIONS["cosine"], ACTIVATIONS["other_cosine"]),
        band=at_least(0.3, provenance="author", because="'much more strongly': cosines apart by .3"),
        rival=0.0,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.others-cancel",
        locus="section 2, non-leading modes",
        statement=(
            "At the inputs of q, o and gate behind the first layer u1 keeps more of the vector of ones than the other "
            "left singular vectors do on average."
        ),
        at=grid(operand=["q", "o", "gate"], depth=INNER),
        test=order(ACTIVATIONS["coherence"], ACTIVATIONS["other_coherence"]),
        band=at_least(
            0.3, provenance="author", because="three tenths of the vector, where 1/256 would be full cancellation"
        ),
        rival=0.0,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.leading-is-mean",
        locus="section 2; contribution 1, dominant component of anisotropy",
        statement="At the inputs of q, o and gate the mean has at least half as much energy as the leading mode.",
        at=grid(operand=["q", "o", "gate"], depth=list(DEPTHS)),
        test=ratio(ACTIVATIONS["share"], ACTIVATIONS["leading_share"]),
        band=at_least(0.5, provenance="author", because=HALF),
        rival=0.1,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.leading-is-mean-hidden",
        locus="section 2; contribution 1, dominant component of anisotropy",
        statement=(
            "At the input of down the mean has at least a third as much energy as the leading mode, at a fifth, two "
            "and three fifths of the depth and in the last layer."
        ),
        at=grid(operand="down", depth=[0.2, 0.4, 0.6, 1.0]),
        test=ratio(ACTIVATIONS["share"], ACTIVATIONS["leading_share"]),
        band=at_least(1 / 3, provenance="author", because="it ranges from a half to nine tenths"),
        rival=0.1,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.stream-leading-is-mean",
        locus="section 2; contribution 1, dominant component of anisotropy, the residual stream",
        statement=(
            "If contribution 1 is read of the residual stream at mid depth, its first token included, the mean has at "
            "least half as much energy as the leading mode."
        ),
        at=grid(operand="stream", depth=[0.4, 0.6, 0.8]),
        test=ratio(ACTIVATIONS["share"], ACTIVATIONS["leading_share"]),
        band=at_least(0.5, provenance="author", because=HALF),
        rival=0.1,
        expected=REFUTED,
        finding=(
            "In SmolLM2 it has .01, .02 and .05 of it at .4, .6 and .8 of the depth: the leading mode is one token "
            "with a massive activation. It depends on that token and on the depth: without it the mean has nine tenths "
            "(mean-bias.model.later-stream-leading-is-mean), and so it has in the stream that the last layer reads, "
            "above a half (mean-bias.model.last-stream-leading-is-mean)."
        ),
        corrected_by="mean-bias.model.later-stream-leading-is-mean",
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.last-stream-leading-is-mean",
        locus="section 2; contribution 1, dominant component of anisotropy, the residual stream",
        statement=(
            "In the residual stream that the last layer reads the mean has at least half as much energy as the leading "
            "mode."
        ),
        at=grid(operand="stream", depth=1.0),
        test=ratio(ACTIVATIONS["share"], ACTIVATIONS["leading_share"]),
        band=at_least(0.5, provenance="author", because=HALF),
        rival=0.1,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.later-stream-leading-is-mean",
        locus="section 2; contribution 1, dominant component of anisotropy, the residual stream",
        statement=(
            "Without the window's first token the mean of the residual stream has nine tenths of the energy of the "
            "leading mode at mid depth."
        ),
        at=grid(operand="later stream", depth=[0.4, 0.6, 0.8]),
        test=ratio(ACTIVATIONS["share"], ACTIVATIONS["leading_share"]),
        band=at_least(0.9, provenance="author", because="nine tenths"),
        rival=0.1,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.stream-first-mode-cancels",
        locus="section 2, limited sign cancellation",
        statement=(
            "In the residual stream, at mid depth, u1 keeps under a tenth of the vector of ones: it is one token."
        ),
        at=grid(operand="stream", depth=[0.4, 0.6, 0.8]),
        test=mean(ACTIVATIONS["coherence"]),
        band=at_most(0.1, provenance="author", because="1/256 is a single token"),
        rival=0.5,
        role="ours",
    ),
)
