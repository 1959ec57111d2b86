"""Claims of section 7 on real training runs: what an embedding's mean does to Adam's moments and to later layers."""

from __future__ import annotations

from claims import REFUTED, at_least, at_most, bound, grid, ratio
from claims.papers.mean_bias.shared import MEAN_STEPS, RUN_INPUTS, RUN_MEANS, StandardClaim

FIRST, LAST = MEAN_STEPS[0], MEAN_STEPS[-1]
LATE = RUN_INPUTS["last"]

EMBEDDING = (
    StandardClaim(
        id="mean-bias.training.second-moment",
        locus="section 7.2, second moment of the optimizer; section 7.4, Positioning",
        statement=(
            "If 'dominant driver of activation outliers and optimizer second-moment inflation' is read, of its second "
            "half, as most of Adam's second moment, of the weights that the embedded tokens meet, it goes with the "
            "embedding's mean at the end."
        ),
        at=grid(operand="qkv/first", step=LAST),
        test=bound(RUN_MEANS["moment"]),
        band=at_least(0.5, provenance="author", because="dominant"),
        rival=0.1,
        expected=REFUTED,
        finding=(
            "A twentieth, .05, goes with it. It depends on the place: of the weights that read attention's output in "
            "the last layer most goes with that output's mean (mean-bias.training.second-moment-deep)."
        ),
        corrected_by="mean-bias.training.second-moment-small",
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.second-moment-small",
        locus="section 7.2, second moment of the optimizer",
        statement=(
            "At every evaluation less than a quarter of Adam's second moment for the weights that the embedded tokens "
            "meet goes with the embedding's mean."
        ),
        at=grid(operand="qkv/first", step=list(MEAN_STEPS)),
        test=bound(RUN_MEANS["moment"]),
        band=at_most(0.25, provenance="smallest-effect", because="half of a majority"),
        rival=0.5,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.second-moment-deep",
        locus="section 7.2, second moment of the optimizer",
        statement=(
            "At the end most of Adam's second moment for the weights that read attention's output in the last layer "
            "goes with that output's mean."
        ),
        at=grid(operand="o/last", step=LAST),
        test=bound(RUN_MEANS["moment"]),
        band=at_least(0.5, provenance="author", because="dominant"),
        rival=0.1,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.embedding-suffices",
        locus="sections 7.3 and 7.4, correction at the embedding level",
        statement=(
            "If 'significantly reduces dynamic-range inflation' is read of the energy, taking the mean off the "
            "embedded tokens takes half or more of the mean's energy share off every product of the last layer at the "
            "end."
        ),
        at=grid(operand=list(LATE), step=LAST),
        test=ratio(RUN_MEANS["centred"], RUN_MEANS["share"]),
        band=at_most(0.5, provenance="author", because="before more complex corrections are applied"),
        rival=1.0,
        expected=REFUTED,
        finding=(
            "In networks that were trained without it 1.03, 1.00, 1.04 and 1.10 times the share is left, at the inputs "
            "of q, o, gate and down. It depends on when: at step 5 a quarter or more goes "
            "(mean-bias.training.embedding-reaches-early). Networks trained with it were not tried."
        ),
        corrected_by="mean-bias.training.embedding-does-not-reach",
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.embedding-reaches-early",
        locus="sections 7.3 and 7.4, correction at the embedding level",
        statement=(
            "At step 5 taking the mean off the embedded tokens takes a quarter or more of the mean's energy share off "
            "every product of the last layer."
        ),
        at=grid(operand=list(LATE), step=FIRST),
        test=ratio(RUN_MEANS["centred"], RUN_MEANS["share"]),
        band=at_most(0.75, provenance="smallest-effect", because="a quarter would be worth having"),
        rival=1.0,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.embedding-does-not-reach",
        locus="sections 7.3 and 7.4, correction at the embedding level",
        statement="With embedded tokens centred, the last layer's attention keeps three quarters of its mean share.",
        at=grid(operand=["qkv/last", "o/last"], step=LAST),
        test=ratio(RUN_MEANS["centred"], RUN_MEANS["share"]),
        band=at_least(0.75, provenance="smallest-effect", because="a quarter would be worth having"),
        rival=0.5,
        role="ours",
    ),
)
