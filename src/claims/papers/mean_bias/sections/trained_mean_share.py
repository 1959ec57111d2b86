"""Eq. 1 and Figure 2 on a trained model: the mean's share of the energy, by linear map and depth."""

from __future__ import annotations

from claims import REFUTED, at_least, grid, mean, order, trend
from claims.papers.mean_bias.shared import ACTIVATIONS, DEPTHS, HALF, LINEAR, TOKENS, StandardClaim

SHARE = (
    StandardClaim(
        id="mean-bias.model.share-above-null",
        locus="section 3, eq. 1",
        statement=(
            "The mean has a share of the energy that no centred tokens give, read as five times that of 256 of them, "
            "at the inputs of all linear maps."
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
        statement=(
            "If 'dominates activation energy' is read as most of the energy of every input of a layer's products from "
            "two fifths of the depth on, the mean has it."
        ),
        at=grid(operand=LINEAR, depth=[0.4, 0.6, 0.8, 1.0]),
        test=mean(ACTIVATIONS["share"]),
        band=at_least(0.5, provenance="author", because=HALF),
        rival=0.2,
        expected=REFUTED,
        finding=(
            "In SmolLM2, at .4, .6, .8 and 1 of the depth, it has .83, .71, .47 and .68 at the inputs of q, k and v, "
            ".38, .36, .37 and .74 at the MLP's, .36, .29, .32 and .54 at attention's output projection and .08, .09, "
            ".16 and .46 at the MLP's. It depends on input and layer: mean-bias.model.share-queries."
        ),
        corrected_by="mean-bias.model.share-queries",
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.share-queries",
        locus="section 3, first paragraph, 'increasingly dominates activation energy'",
        statement=(
            "At the inputs of q, k and v the mean has most of the energy at two and at three fifths of the depth and "
            "in the last layer."
        ),
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
        statement=(
            "If 'increasingly across layers' is read layer by layer, the mean's share at the inputs of q grows with "
            "each of six layers spread over the depth."
        ),
        at=grid(operand="q", depth=list(DEPTHS)),
        test=trend(ACTIVATIONS["share"], over="depth", direction="increasing"),
        band=at_least(0.0, provenance="author", because="growing is not falling"),
        rival=-0.2,
        expected=REFUTED,
        finding=(
            "In SmolLM2 the largest step down is one of .24 of the energy, behind .6 of the depth. Read of the last "
            "layer against the first it holds (mean-bias.model.share-deeper)."
        ),
        corrected_by="mean-bias.model.share-deeper",
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.share-deeper-mixed",
        locus="section 3, Figure 2, deep against shallow",
        statement=(
            "If Figure 2's 'deep against shallow' is read of attention's output projection and with the first layer "
            "for a shallow one, the last layer's input has more mean than the first one's."
        ),
        at=grid(operand="o", depth=[0.0, 1.0]),
        test=order(ACTIVATIONS["share"], over="depth"),
        band=at_least(0.0, provenance="author", because="more is not less"),
        rival=-0.2,
        expected=REFUTED,
        finding=(
            "In SmolLM2 it has less by .25 of the energy. It depends on the layer: against a fifth of the depth the "
            "last layer has more (mean-bias.model.share-deeper-mixed-behind-first). The paper's shallow layer is layer "
            "3."
        ),
        corrected_by="mean-bias.model.share-shallower-mixed",
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.share-deeper-mixed-behind-first",
        locus="section 3, Figure 2, deep against shallow",
        statement=(
            "At the input of attention's output projection the last layer has more mean than the one at a fifth of the "
            "depth."
        ),
        at=grid(operand="o", depth=[0.2, 1.0]),
        test=order(ACTIVATIONS["share"], over="depth"),
        band=at_least(0.0, provenance="author", because="more is not less"),
        rival=-0.2,
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
