"""Claims of section 4 on block scales: whether many extremes matter, and which blocks they reach."""

from __future__ import annotations

from claims import REFUTED, Claim, at_least, experiment, grid, order, proportion, ratio, within
from claims.papers.mean_bias.theory import outliers

CROWDED = experiment(
    "claims.papers.mean_bias.experiments.outliers:crowded_blocks",
    sweep={"outliers": (0, 1, 8)},
    fixed={"blocks": 512, "size": 8.0},
    seconds=0.004,
)
REACHED = experiment(
    "claims.papers.mean_bias.experiments.outliers:reached_blocks",
    sweep={"arrangement": ("scattered", "channels")},
    fixed={"tokens": 256, "channels": 256},
    seconds=0.002,
)
NONE, ONE, EIGHT = (CROWDED.at(outliers=count) for count in (0, 1, 8))


def one_entry(probability: float) -> float:
    """Share of entries, not of blocks, that are extreme."""
    return probability


EXPANSION = (
    Claim(
        id="mean-bias.sec4.one-extreme-expands",
        locus="section 4, after Theorem 2",
        statement="One entry of 8 among 16 normal ones more than trebles the step of their block.",
        test=ratio(ONE["scale"], NONE["scale"]),
        band=at_least(3.0, provenance="theory", because="7.2 over the mean maximum 2.08 of 16 magnitudes is 3.5"),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.sec4.many-extremes-expand",
        locus="section 4, after Theorem 2, many large-magnitude activations",
        statement=(
            "If it is the number of large entries that expands a block's grid, eight expand it half as much again as "
            "one."
        ),
        test=ratio(EIGHT["scale"], ONE["scale"]),
        band=at_least(1.5, provenance="author", because="half as much again; the first one makes 3.5"),
        rival=1.09,
        expected=REFUTED,
        finding=(
            "The scale is a maximum: seven more large entries of nearly its size add 9 % to a step that the first "
            "makes more than three times as wide (mean-bias.sec4.one-extreme-expands). Blocks with an extreme count, "
            "not extremes."
        ),
        corrected_by="mean-bias.sec4.one-extreme-expands",
        role="control",
    ),
    Claim(
        id="mean-bias.sec4.one-extreme-harms",
        locus="section 4, after Theorem 2, resolution for the rest",
        statement="One extreme of 16 makes the error of the other entries at least three times as large.",
        test=ratio(ONE["rest_error"], NONE["rest_error"]),
        band=at_least(3.0, provenance="author", because="as many times as the step is at least"),
        rival=1.0,
        role="ours",
    ),
)

REACH = (
    Claim(
        id="mean-bias.sec4.reached-blocks",
        locus="section 4, after Theorem 2",
        statement=(
            "Scattered extremes of frequency p reach 1 - (1 - p)^16 of the blocks: 1.6 % of the entries touch 22 % of "
            "them, 6 % touch 64 %."
        ),
        at=grid(probability=[0.00390625, 0.015625, 0.0625]),
        test=proportion(REACHED.at(arrangement="scattered")["reached"], REACHED.at(arrangement="scattered")["blocks"]),
        band=within(outliers.affected_blocks, rel=0.1, provenance="theory", because="exact"),
        rival=one_entry,
        role="ours",
    ),
    Claim(
        id="mean-bias.sec4.dense-reach-further",
        locus="section 4, dense population against sparse outliers",
        statement=(
            "If density reaches further by itself, at equal number, which the paper does not say, extremes that fill "
            "channels reach more of the blocks than as many scattered ones, by a tenth of all blocks."
        ),
        at=grid(probability=[0.015625, 0.0625]),
        test=order(REACHED.at(arrangement="channels")["share"], REACHED.at(arrangement="scattered")["share"]),
        band=at_least(0.1, provenance="smallest-effect", because="a tenth of the blocks"),
        rival=0.0,
        expected=REFUTED,
        finding=(
            "At equal number they reach as many to within .01 and .03 of all blocks, with one entry of 64 and of 16 "
            "extreme. "
            "A mean changes how many there are (Theorem 2), and has them in the same channels for all tokens."
        ),
        corrected_by="mean-bias.sec4.reached-alike",
        role="control",
    ),
    Claim(
        id="mean-bias.sec4.reached-alike",
        locus="section 4, dense population against sparse outliers",
        statement="As many extremes reach as many blocks within a tenth, scattered or filling channels at random.",
        at=grid(probability=[0.015625, 0.0625]),
        test=order(REACHED.at(arrangement="channels")["share"], REACHED.at(arrangement="scattered")["share"]),
        band=within(0.0, abs=0.09, provenance="smallest-effect", because="a tenth of the blocks"),
        rival=0.3,
        role="ours",
    ),
)
