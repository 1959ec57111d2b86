"""Claims of sections 3, 4 and 7 on real training runs: where a mean is while a decoder learns, and what it does there.

Runs in exact arithmetic from weights as Llama and Qwen begin with (an embedding of standard deviation .02), looked at
on text kept back. They are short: what they show is how a mean comes and goes while the decoder learns the frequencies
of tokens and what goes beyond them, not what it is after 170k steps.
"""

from __future__ import annotations

from claims import REFUTED, Quantity, at_least, at_most, bound, grid, order, ratio
from claims.papers.mean_bias.shared import RUN_SIZES, StandardClaim, text_experiment

#: At the second the mean is strongest.
STEPS = (5, 20, 40, 70, 100)
FIRST, PEAK, LAST = STEPS[0], STEPS[1], STEPS[-1]
#: Inputs of products: normed stream, attention's output, normed stream, SwiGLU's output.
PARTS = ("qkv", "o", "gate_up", "down")
EARLY = tuple(f"{part}/first" for part in PARTS)
LATE = tuple(f"{part}/last" for part in PARTS)
MEANS = text_experiment(
    "claims.papers.mean_bias.training.runs:means",
    sweep={"operand": ("embedding", *EARLY, *LATE), "step": STEPS},
    fixed=RUN_SIZES | {"layers": 4, "embedding": 0.02},
    seconds=9,
    megabytes=400,
)

_AT_LATE = grid(operand=list(LATE))
_SHORT = "A run of 100 steps says nothing of 10k to 170k of them."


def _at(step: int, name: str) -> Quantity:
    """A quantity of the claim's operand at a step."""
    return MEANS.at(step=step)[name]


def _of(operand: str, name: str) -> Quantity:
    """A quantity of an operand at the claim's step."""
    return MEANS.at(operand=operand)[name]


OVER_TRAINING = (
    StandardClaim(
        id="mean-bias.training.share-rises",
        locus="section 3, Figure 2",
        statement="In every product of the last layer the mean's energy share at the end exceeds that at step 20.",
        at=_AT_LATE,
        test=order(_at(LAST, "share"), _at(PEAK, "share")),
        band=at_least(0.0, provenance="author", because="increases over training"),
        rival=-0.1,
        expected=REFUTED,
        finding=(
            "It falls, after a peak early on. That would fit a decoder that learns the frequencies of tokens before "
            "context; the cause was not separated. " + _SHORT
        ),
        corrected_by="mean-bias.training.share-falls",
        role="transfer",
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
        statement="Of the outputs of SwiGLU in the last layer the mean loses a fifth of the energy or more after that.",
        at=grid(operand="down/last"),
        test=order(_at(LAST, "share"), _at(PEAK, "share")),
        band=at_most(-0.2, provenance="smallest-effect", because="a fifth of the energy"),
        rival=0.0,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.shallow-first",
        locus="section 3, Figure 2",
        statement="Early, at step 20, the mean's energy share is larger in the first layer than in the last.",
        at=grid(step=PEAK),
        test=order(_of("gate_up/first", "share"), _of("gate_up/last", "share")),
        band=at_least(0.0, provenance="author", because="shallow layers early, deep ones late"),
        rival=-0.1,
        expected=REFUTED,
        finding="The last layer is first: its share is larger by nearly half of the energy.",
        corrected_by="mean-bias.training.deep-first",
        role="transfer",
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
            MEANS.at(operand="embedding", step=PEAK)["share"], MEANS.at(operand="embedding", step=FIRST)["share"]
        ),
        band=at_least(0.003, provenance="smallest-effect", because="a seventh of what frequencies alone give, .02"),
        rival=0.0,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.training.embedding-weak",
        locus="section 3, Stage I",
        statement="It stays weak: at no evaluation has the mean over a tenth of the embedded tokens' energy.",
        at=grid(operand="embedding", step=list(STEPS)),
        test=bound(MEANS["share"]),
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
        statement="At the end SwiGLU's output has a larger mean share than the MLP's input, in the last layer.",
        at=grid(step=LAST),
        test=order(_of("down/last", "share"), _of("gate_up/last", "share")),
        band=at_least(0.0, provenance="author", because="further amplifies"),
        rival=-0.1,
        expected=REFUTED,
        finding=("It is smaller, by about a quarter of the energy."),
        corrected_by="mean-bias.training.swiglu-lowers",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.training.swiglu-lowers",
        locus="section 3, Stage II, Figure 3",
        statement="SwiGLU lowers the mean share in the last layer by a tenth of the energy or more.",
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
        statement="At the end the mean makes more of the last layer's largest entries than at step 20.",
        at=_AT_LATE,
        test=order(_at(LAST, "extremes"), _at(PEAK, "extremes")),
        band=at_least(0.0, provenance="author", because="mean-dominated late"),
        rival=-0.1,
        expected=REFUTED,
        finding="It makes less of them, as it has less of the energy. " + _SHORT,
        corrected_by="mean-bias.training.extremes-fall",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.training.extremes-fall",
        locus="section 4, Figure 4",
        statement="Of the largest outputs of SwiGLU in the last layer the mean's part falls by a tenth or more.",
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
        test=bound(MEANS["extremes"]),
        band=at_least(0.5, provenance="author", because="majority"),
        rival=0.1,
        role="transfer",
    ),
)

EMBEDDING = (
    StandardClaim(
        id="mean-bias.training.second-moment",
        locus="section 7.2, second moment of the optimizer; section 7.4, Positioning",
        statement=(
            "At the end most of Adam's second moment for the weights that the embedded tokens meet goes with the "
            "embedding's mean."
        ),
        at=grid(operand="qkv/first", step=LAST),
        test=bound(MEANS["moment"]),
        band=at_least(0.5, provenance="author", because="dominant"),
        rival=0.1,
        expected=REFUTED,
        finding="A tenth or less goes with it. Deep in the network, where means are strong, it can be most.",
        corrected_by="mean-bias.training.second-moment-small",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.training.second-moment-small",
        locus="section 7.2, second moment of the optimizer",
        statement="At every evaluation less than a quarter of that second moment goes with the embedding's mean.",
        at=grid(operand="qkv/first", step=list(STEPS)),
        test=bound(MEANS["moment"]),
        band=at_most(0.25, provenance="smallest-effect", because="half of a majority"),
        rival=0.5,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.second-moment-deep",
        locus="section 7.2, second moment of the optimizer",
        statement="At the end most of it goes with the mean in another place: where attention's output is used last.",
        at=grid(operand="o/last", step=LAST),
        test=bound(MEANS["moment"]),
        band=at_least(0.5, provenance="author", because="dominant"),
        rival=0.1,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.training.embedding-suffices",
        locus="sections 7.3 and 7.4, correction at the embedding level",
        statement=(
            "Taking the mean off the embedded tokens takes half or more of the mean's energy share off every product "
            "of the last layer."
        ),
        at=grid(operand=list(LATE), step=LAST),
        test=ratio(MEANS["centred"], MEANS["share"]),
        band=at_most(0.5, provenance="author", because="before more complex corrections are applied"),
        rival=1.0,
        expected=REFUTED,
        finding=(
            "It takes nothing off: the layers of the network, trained without it, make their means anew from centred "
            "embeddings. Subtract the mean where the product is."
        ),
        corrected_by="mean-bias.training.embedding-does-not-reach",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.training.embedding-does-not-reach",
        locus="sections 7.3 and 7.4, correction at the embedding level",
        statement="With embedded tokens centred, the last layer's attention keeps three quarters of its mean share.",
        at=grid(operand=["qkv/last", "o/last"], step=LAST),
        test=ratio(MEANS["centred"], MEANS["share"]),
        band=at_least(0.75, provenance="smallest-effect", because="a quarter would be worth having"),
        rival=0.5,
        role="ours",
    ),
)
