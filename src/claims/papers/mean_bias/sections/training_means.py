"""Claims of sections 3 and 4 on real training runs: where a mean is while a decoder learns, and what it does there.

Runs in exact arithmetic from weights as Llama and Qwen begin with (an embedding of standard deviation .02), looked at
on text kept back. They are short: what they show is how a mean comes and goes while the decoder learns the frequencies
of tokens and what goes beyond them, not what it is after 170k steps.
"""

from __future__ import annotations

from claims import REFUTED, UNDECIDED, Quantity, at_least, at_most, bound, grid, order
from claims.papers.mean_bias.shared import MEAN_STEPS, RUN_INPUTS, RUN_MEANS, StandardClaim

#: At the second the mean is strongest. What rises over a run is judged from the first one, which no run has chosen.
FIRST, PEAK, LAST = MEAN_STEPS[0], MEAN_STEPS[1], MEAN_STEPS[-1]
LATE = RUN_INPUTS["last"]

_AT_LATE = grid(operand=list(LATE))
_SHORT = "A run of 100 steps says nothing of 10k to 170k of them."
_OPEN = "64 seeds (--tier full) or a longer run would decide."


def _at(step: int, name: str) -> Quantity:
    """A quantity of the claim's operand at a step."""
    return RUN_MEANS.at(step=step)[name]


def _of(operand: str, name: str) -> Quantity:
    """A quantity of an operand at the claim's step."""
    return RUN_MEANS.at(operand=operand)[name]


OVER_TRAINING = (
    StandardClaim(
        id="mean-bias.training.share-rises",
        locus="section 3, Figure 2",
        statement=(
            "In all profiled layers mean-bias energy increases over training, read of the inputs of a short run's last "
            "layer and from its first evaluation, step 5, to its end."
        ),
        at=_AT_LATE,
        test=order(_at(LAST, "share"), _at(FIRST, "share")),
        band=at_least(0.0, provenance="author", because="increases over training"),
        rival=-0.1,
        expected=REFUTED,
        finding=(
            "At attention's output projection it rises, by .16 of the energy; of the outputs of SwiGLU it ends a tenth "
            "lower, and of the other two where it was. In between it rises and falls "
            f"(mean-bias.training.share-peaks, mean-bias.training.share-falls). {_SHORT}"
        ),
        corrected_by="mean-bias.training.share-ends-lower",
        role="transfer",
        most_seeds=64,
    ),
    StandardClaim(
        id="mean-bias.training.share-ends-lower",
        locus="section 3, Figure 2",
        statement=(
            "Of the outputs of SwiGLU in the last layer the mean has less of the energy at the end than at step 5."
        ),
        at=grid(operand="down/last"),
        test=order(_at(LAST, "share"), _at(FIRST, "share")),
        band=at_most(0.0, provenance="author", because="no increase over training"),
        rival=0.1,
        role="ours",
        most_seeds=64,
    ),
    StandardClaim(
        id="mean-bias.training.share-peaks",
        locus="section 3, Figure 2",
        statement="In the last layer the mean's energy share rises by a tenth or more from step 5 to step 20.",
        at=_AT_LATE,
        test=order(_at(PEAK, "share"), _at(FIRST, "share")),
        band=at_least(0.1, provenance="smallest-effect", because="a tenth of the energy"),
        rival=0.0,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.share-falls",
        locus="section 3, Figure 2",
        statement=(
            "Of the outputs of SwiGLU in the last layer the mean loses a fifth of the energy or more from step 20 on, "
            "where it is strongest."
        ),
        at=grid(operand="down/last"),
        test=order(_at(LAST, "share"), _at(PEAK, "share")),
        band=at_most(-0.2, provenance="smallest-effect", because="a fifth of the energy"),
        rival=0.0,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.shallow-first",
        locus="section 3, Figure 2",
        statement=(
            "If 'shallow layers early, deep layers later' is read of a short run, the mean's energy share at the MLP's "
            "input is larger in the first layer than in the last at step 20."
        ),
        at=grid(step=PEAK),
        test=order(_of("gate_up/first", "share"), _of("gate_up/last", "share")),
        band=at_least(0.0, provenance="author", because="shallow layers early, deep ones late"),
        rival=-0.1,
        expected=REFUTED,
        finding=(
            "The last layer's is larger by .44 of the energy, and larger at step 5 (mean-bias.training.deep-first). "
            f"{_SHORT}"
        ),
        corrected_by="mean-bias.training.deep-first",
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.deep-first",
        locus="section 3, Figure 2",
        statement="At step 5 and at step 20 the mean's energy share is larger in the last layer than in the first.",
        at=grid(step=[FIRST, PEAK]),
        test=order(_of("gate_up/last", "share"), _of("gate_up/first", "share")),
        band=at_least(0.05, provenance="smallest-effect", because="a twentieth of the energy"),
        rival=0.0,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.embedding-aligns",
        locus="section 3, Stage I",
        statement="Training aligns the embedding: the mean's share of embedded tokens rises from step 5 to step 20.",
        test=order(
            RUN_MEANS.at(operand="embedding", step=PEAK)["share"],
            RUN_MEANS.at(operand="embedding", step=FIRST)["share"],
        ),
        band=at_least(0.003, provenance="smallest-effect", because="a seventh of what frequencies alone give, .02"),
        rival=0.0,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.training.embedding-weak",
        locus="section 3, Stage I",
        statement="The mean of the embedded tokens stays weak: at no evaluation has it over a tenth of their energy.",
        at=grid(operand="embedding", step=list(MEAN_STEPS)),
        test=bound(RUN_MEANS["share"]),
        band=at_most(0.1, provenance="smallest-effect", because="a tenth of the energy"),
        rival=0.5,
        role="ours",
    ),
)

OPERATORS = (
    *(
        StandardClaim(
            id=f"mean-bias.training.attention-raises-{where}",
            locus="section 3, Stage II, Figure 3",
            statement=(
                f"At the end attention's output has a larger mean share than its input, by .02 and more, in the "
                f"{where} layer."
            ),
            at=grid(step=LAST),
            test=order(_of(f"o/{where}", "share"), _of(f"qkv/{where}", "share")),
            band=at_least(0.02, provenance="smallest-effect", because="two per cent of the energy"),
            rival=-0.05,
            role="transfer",
        )
        for where in ("first", "last")
    ),
    StandardClaim(
        id="mean-bias.training.swiglu-raises",
        locus="section 3, Stage II, Figure 3",
        statement=(
            "If Figure 3's 'SwiGLU further amplifies', which is shown of an early layer, is read of the last one, its "
            "product has more mean than the MLP's input at the end."
        ),
        at=grid(step=LAST),
        test=order(_of("down/last", "share"), _of("gate_up/last", "share")),
        band=at_least(0.0, provenance="author", because="further amplifies"),
        rival=-0.1,
        expected=REFUTED,
        finding=(
            "It has less, by .26 of the energy. It depends on the layer: in the first one the two shares are not told "
            "apart (mean-bias.training.swiglu-raises-first)."
        ),
        corrected_by="mean-bias.training.swiglu-lowers",
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.swiglu-raises-first",
        locus="section 3, Stage II, Figure 3",
        statement=(
            "SwiGLU further amplifies the mean's share, read of its product against the MLP's input in the first layer "
            "at the end."
        ),
        at=grid(step=LAST),
        test=order(_of("down/first", "share"), _of("gate_up/first", "share")),
        band=at_least(0.0, provenance="author", because="further amplifies"),
        rival=-0.1,
        expected=UNDECIDED,
        finding=f"The shares differ by a hundredth of the energy, less than from seed to seed. {_OPEN}",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.training.swiglu-lowers",
        locus="section 3, Stage II, Figure 3",
        statement=(
            "At the end SwiGLU lowers the mean share in the last layer by a tenth of the energy or more, from the "
            "MLP's input to its product."
        ),
        at=grid(step=LAST),
        test=order(_of("down/last", "share"), _of("gate_up/last", "share")),
        band=at_most(-0.1, provenance="smallest-effect", because="a tenth of the energy"),
        rival=0.0,
        role="ours",
    ),
)

EXTREMES = (
    StandardClaim(
        id="mean-bias.training.extremes-rise",
        locus="section 4, Figure 4",
        statement=(
            "The late-stage panels of Figure 4 show a larger mean contribution to the largest entries than the early "
            "ones, read of the inputs of a short run's last layer at step 5 and at its end."
        ),
        at=_AT_LATE,
        test=order(_at(LAST, "extremes"), _at(FIRST, "extremes")),
        band=at_least(0.0, provenance="author", because="mean-dominated late"),
        rival=-0.1,
        expected=UNDECIDED,
        finding=(
            "By .03 to .07 larger at three inputs and .13 smaller at SwiGLU's product, less than from seed to seed. "
            f"{_OPEN} {_SHORT}"
        ),
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.training.extremes-fall",
        locus="section 4, Figure 4",
        statement=(
            "Of the largest outputs of SwiGLU in the last layer the mean's part falls by a tenth or more from step 20 "
            "on, where the mean is strongest."
        ),
        at=grid(operand="down/last"),
        test=order(_at(LAST, "extremes"), _at(PEAK, "extremes")),
        band=at_most(-0.1, provenance="smallest-effect", because="a tenth"),
        rival=0.0,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.extremes-early",
        locus="contribution 2; section 4, Figure 4",
        statement="At step 20, while frequencies are learnt, the mean makes most of the last layer's largest entries.",
        at=grid(operand=list(LATE), step=PEAK),
        test=bound(RUN_MEANS["extremes"]),
        band=at_least(0.5, provenance="author", because="majority"),
        rival=0.1,
        role="transfer",
    ),
)
