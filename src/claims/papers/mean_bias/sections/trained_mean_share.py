"""Eq. 1 and Figure 2 on a trained model: the mean's share of the energy, by linear map and depth."""

from __future__ import annotations

from claims import REFUTED, at_least, grid, mean, order, trend
from claims.papers.mean_bias.shared import ACTIVATIONS, DEPTHS, HALF, LINEAR, TOKENS, StandardClaim

SHARE = (
    StandardClaim(
        id="mean-bias.model.share-above-null",
        locus="section 3, eq. 1",
        statement=(
            "At the inputs of all linear maps the mean has five times the energy that 256 centred tokens give it."
        ),
        at=grid(operand=LINEAR, depth=list(DEPTHS)),
        test=mean(ACTIVATIONS["share"]),
        band=at_least(5 / TOKENS, provenance="author", because="five times 1/l"),
        rival=1 / TOKENS,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.share-most",
        locus="section 3, first paragraph, 'increasingly dominates activation energy'",
        statement="From two fifths of the depth on the mean has most of the energy of what a layer's products read.",
        at=grid(operand=LINEAR, depth=[0.4, 0.6]),
        test=mean(ACTIVATIONS["share"]),
        band=at_least(0.5, provenance="author", because=HALF),
        rival=0.2,
        expected=REFUTED,
        finding=(
            "So it is at the inputs of q, k and v only; the MLP reads .37, the output projections .28 to .35 and .08."
        ),
        corrected_by="mean-bias.model.share-queries",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.share-queries",
        locus="section 3, first paragraph, 'increasingly dominates activation energy'",
        statement="At the inputs of q, k and v the mean has most of the energy from two fifths of the depth on.",
        at=grid(operand="q", depth=[0.4, 0.6, 1.0]),
        test=mean(ACTIVATIONS["share"]),
        band=at_least(0.5, provenance="author", because=HALF),
        rival=0.2,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.share-deeper",
        locus="section 3, Figure 2, deep against shallow",
        statement=(
            "The last layer's inputs of q, gate and down, and the stream that it reads, have more mean than the first "
            "layer's."
        ),
        at=grid(operand=["q", "gate", "down", "later stream"], depth=[0.0, 1.0]),
        test=order(ACTIVATIONS["share"], over="depth"),
        band=at_least(0.1, provenance="smallest-effect", because="a tenth of the energy"),
        rival=0.0,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.share-layer-by-layer",
        locus="section 3, first paragraph, increasingly across layers",
        statement="At the inputs of q the mean's share grows with each of six layers spread over the depth.",
        at=grid(operand="q", depth=list(DEPTHS)),
        test=trend(ACTIVATIONS["share"], over="depth", direction="increasing"),
        band=at_least(0.0, provenance="author", because="growing is not falling"),
        rival=-0.2,
        expected=REFUTED,
        finding="It rises from .28 to .83 at two fifths of the depth, falls to .45 and ends at .67.",
        corrected_by="mean-bias.model.share-deeper",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.share-deeper-mixed",
        locus="section 3, Figure 2, deep against shallow",
        statement=(
            "At the input of attention's output projection, too, the last layer has more mean than the first one."
        ),
        at=grid(operand="o", depth=[0.0, 1.0]),
        test=order(ACTIVATIONS["share"], over="depth"),
        band=at_least(0.0, provenance="author", because="more is not less"),
        rival=-0.2,
        expected=REFUTED,
        finding="It has .52 against .79: the first layer attends to nearly all tokens alike.",
        corrected_by="mean-bias.model.share-shallower-mixed",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.share-shallower-mixed",
        locus="section 3, Figure 2, deep against shallow",
        statement="At the input of attention's output projection the first layer has more mean than the last one.",
        test=order(ACTIVATIONS.at(operand="o", depth=0.0)["share"], ACTIVATIONS.at(operand="o", depth=1.0)["share"]),
        band=at_least(0.1, provenance="smallest-effect", because="a tenth of the energy"),
        rival=0.0,
        role="ours",
    ),
)
