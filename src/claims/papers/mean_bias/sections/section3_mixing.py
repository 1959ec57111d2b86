"""Claims of section 3 on attention and the residual stream: what averaging and adding do to the mean's share."""

from __future__ import annotations

from claims import (
    DEPENDS,
    REFUTED,
    Claim,
    Reading,
    at_least,
    experiment,
    grid,
    identity,
    mean,
    order,
    ratio,
    search,
    trend,
    within,
)
from claims.papers.mean_bias.theory import mechanisms

ATTENTION = experiment(
    "claims.papers.mean_bias.experiments.mechanisms:attention_arms",
    sweep={"weights": ("similarity", "dealt", "random"), "sharpness": (0.0, 0.25, 0.5, 1.0)},
    fixed={"channels": 64},
    seconds=0.008,
)
STREAM = experiment(
    "claims.papers.mean_bias.experiments.mechanisms:residual_stream",
    sweep={"depth": (1, 4, 16), "direction": ("unrelated", "common")},
    fixed={"channels": 128},
    seconds=0.005,
)
LAYER = experiment(
    "claims.papers.mean_bias.experiments.mechanisms:residual_identity",
    fixed={"tokens": 64, "channels": 32},
    seconds=0.001,
)
SIMILARITY, DEALT, RANDOM = (ATTENTION.at(weights=weights) for weights in ("similarity", "dealt", "random"))
TOKENS = {"tokens": 256, "shift": 0.3}
LAYERS = {"tokens": 64, "shift": 0.3}


AVERAGING = (
    Claim(
        id="mean-bias.fig3.softmax-raises",
        locus="section 3, Stage II, softmax attention (Figure 3, by mechanism)",
        statement="Softmax attention over similarities raises the share of the energy that the mean has.",
        at=grid(sharpness=[0.25, 0.5, 1.0], **TOKENS),
        test=order(SIMILARITY["after"], SIMILARITY["before"]),
        band=at_least(0.01, provenance="smallest-effect", because="a hundredth of the energy"),
        rival=0.0,
    ),
    Claim(
        id="mean-bias.fig3.softmax-by-similarity",
        locus="section 3, Stage II, exponential reweighting of similar directions",
        statement=(
            "If it is by favouring similar tokens that softmax attention raises the mean's share, similarities raise "
            "it more than the same weights dealt out to tokens at random."
        ),
        at=grid(sharpness=[0.5, 1.0], **TOKENS),
        test=order(SIMILARITY["after"], DEALT["after"]),
        band=at_least(0.0, provenance="author", because="favouring similar tokens must do more than chance does"),
        rival=-0.05,
        expected=REFUTED,
        finding=(
            "Dealt out at random, weights that are as unequal raise the share more, by .092 and .006 at sharpness .5 "
            "and 1 (256 tokens, a mean of .3 a channel), since a token is most similar to itself and keeps its own "
            "noise. Averaging raises the share with either (mean-bias.fig3.averaging-raises, "
            "mean-bias.fig3.softmax-raises). Read of the weight that similar tokens get, as the passage has it, "
            "nothing is said against it."
        ),
        corrected_by="mean-bias.fig3.averaging-raises",
        role="ours",
    ),
    Claim(
        id="mean-bias.fig3.averaging-raises",
        locus="section 3, Stage II, softmax attention",
        statement=(
            "Any averaging over tokens raises the mean's share: to (s^2 + 1/l)/(s^2 + 1/l_eff) for weights that do not "
            "depend on the values and act on l_eff tokens, here l exp(-sharpness^2)."
        ),
        at=grid(sharpness=[0.25, 0.5, 1.0], **TOKENS),
        test=mean(RANDOM["after"]),
        band=within(mechanisms.averaged_share, abs=0.01, provenance="theory", because="next terms are O(1/l)"),
        rival=0.085,
        role="ours",
    ),
    Claim(
        id="mean-bias.fig3.sharper-raises",
        locus="section 3, Stage II, exponential reweighting of similar directions",
        statement=(
            "If reweighting by similarity is what raises the mean's share, a step that the paper does not take, a more "
            "sharply reweighting softmax raises it more."
        ),
        at=grid(sharpness=[0.25, 0.5, 1.0], **TOKENS),
        test=trend(SIMILARITY["after"], over="sharpness", direction="increasing"),
        band=at_least(0.01, provenance="smallest-effect", because="a hundredth of the energy a step"),
        rival=0.0,
        expected=REFUTED,
        finding=(
            "Of 256 tokens with a shift of .3, by similarity the share falls by .36 from sharpness .25 to .5 and by "
            ".49 from there to 1; equal weights leave nothing but the mean."
        ),
        corrected_by="mean-bias.fig3.sharper-lowers",
        role="control",
    ),
    Claim(
        id="mean-bias.fig3.sharper-lowers",
        locus="section 3, Stage II, exponential reweighting of similar directions",
        statement="The more sharply softmax reweights by similarity, the smaller is the mean's share behind it.",
        at=grid(sharpness=[0.25, 0.5, 1.0], **TOKENS),
        test=trend(SIMILARITY["after"], over="sharpness", direction="decreasing"),
        band=at_least(0.1, provenance="smallest-effect", because="a tenth of the energy a step"),
        rival=0.0,
        role="ours",
    ),
)

RESIDUAL = (
    Claim(
        id="mean-bias.eq4.additive",
        locus="section 3, eq. 4",
        statement="The mean of the residual stream behind a layer is the mean before plus the mean of what is added.",
        test=identity(LAYER["gap"], LAYER["gap"] * 0.0, bound=LAYER["bound"], planted=LAYER["planted"]),
    ),
    Claim(
        id="mean-bias.eq4.prevents-cancellation",
        locus="section 3, Stage III, after eq. 4",
        statement=(
            "The additive pathway of eq. 4 prevents cancellation of existing bias: behind a layer the mean of the "
            "stream is no shorter than before."
        ),
        read_as="Cancellation as a mean that becomes shorter; the passage says nothing of its length.",
        test=search(
            "claims.papers.mean_bias.experiments.mechanism_statements:NO_CANCELLATION",
            examples=80,
            restarts=2,
            seconds=0.2,
        ),
        readings=(
            Reading(
                axis="a layer's mean",
                option="any",
                because="Eq. 4 says nothing of what a layer adds.",
            ),
            Reading(
                axis="a layer's mean",
                option="of unrelated direction, on average",
                because="A pathway that prevents cancellation may do so on the whole, not at every layer.",
                test=order(LAYER["energy_after"], LAYER["energy_before"]),
                band=at_least(0.0, provenance="author", because="no shorter"),
                rival=-1.0,
            ),
        ),
        expected=DEPENDS,
        finding=(
            "A layer that adds -mu removes the mean altogether, and one with 2 mu'd < -|d|^2 shortens it. Where the "
            "directions of old and added mean are unrelated the mean becomes longer on average. How often trained "
            "layers point against the stream's mean is mean-bias.model.no-cancellation."
        ),
        corrected_by="mean-bias.eq4.energy-balance",
        decides="standard",
    ),
    Claim(
        id="mean-bias.eq4.energy-balance",
        locus="section 3, Stage III, after eq. 4",
        statement="Behind a layer |mu|^2 has grown by |d|^2 + 2 mu'd: the angle between old and added mean decides.",
        test=identity(
            LAYER["energy_after"],
            LAYER["energy_balance"],
            bound=LAYER["energy_bound"],
            planted=LAYER["energy_planted"],
        ),
        role="ours",
    ),
    Claim(
        id="mean-bias.eq4.accumulates",
        locus="section 3, Stage III, cumulative growth",
        statement=(
            "'Cumulative growth', which the paper says residual addition enables, read as what comes by addition "
            "alone: the mean's share of the energy grows through the network, by .05 over sixteen layers, whatever the "
            "layers add."
        ),
        at=grid(depth=[1, 4, 16], direction="unrelated", **LAYERS),
        test=order(STREAM["share"], over="depth"),
        band=at_least(0.05, provenance="smallest-effect", because="from .1 behind one layer to .15 behind sixteen"),
        rival=0.0,
        expected=REFUTED,
        finding=(
            "Means in unrelated directions add up like the noise does: from one layer to sixteen the share changes by "
            "-.00005 (64 tokens, a mean of .3 a layer). It grows as far as the layers' means agree in direction "
            "(mean-bias.eq4.share-with-depth)."
        ),
        corrected_by="mean-bias.eq4.share-with-depth",
        role="control",
    ),
    Claim(
        id="mean-bias.eq4.share-with-depth",
        locus="section 3, Stage III, cumulative growth",
        statement=(
            "After L layers the mean's share is that of one layer if their means are unrelated, and L s^2/(1 + L s^2) "
            "(but for 1/l) if they have one direction."
        ),
        at=grid(depth=[1, 4, 16], direction=["unrelated", "common"], **LAYERS),
        test=ratio(STREAM["mean_energy"], STREAM["energy"]),
        band=within(mechanisms.residual_share, abs=0.02, provenance="theory", because="exact ratio of expectations"),
        rival=0.15,
        role="ours",
        decides="standard",
    ),
)
