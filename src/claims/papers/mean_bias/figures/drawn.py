"""The paper's statements over an axis, drawn: it prints no numbers there that could stand beside ours.

What needs a trained model or training runs is drawn where a result, or the store of evidence, has it.
"""

from __future__ import annotations

import math

from claims import grid, mean, order
from claims.experiment import Scalar
from claims.figures import Curve, Figure, Measured, Recorded
from claims.papers.mean_bias.sections.section4_outliers import ENTRIES
from claims.papers.mean_bias.sections.section5_dose import CHANNELS, OPERAND, TOKENS
from claims.papers.mean_bias.sections.training_natural import LOSSES
from claims.papers.mean_bias.sections.training_planted import NONE, PLANTED
from claims.papers.mean_bias.shared import MEAN_STEPS, RUN_MEANS, RUN_STEPS

_THEORY = "claims.papers.mean_bias.theory"

# Section 5: what a mean does to the error, and which split takes it away


def _dose(arm: str, name: str) -> tuple[Recorded | Curve, ...]:
    """The error of an arm over the strength of the mean, and its law."""
    law: dict[str, Scalar] = {"arm": arm, "tokens": TOKENS, "channels": CHANNELS}
    return (
        Recorded(label="ours", arm=name, test=mean(OPERAND["total"]), at=grid(arm=arm, strength=[1, 2, 4, 8])),
        Curve(label="law", arm=name, function=f"{_THEORY}.averis:total_error", at=law),
    )


DOSE = Figure(
    key="mean-bias.dose-response",
    locus="section 5, eq. 11, on drawn activations",
    title="Squared error in NVFP4 over the strength of the mean",
    x=("strength", "mean of a channel over the spread of its entries"),
    y="squared error over the spread's energy",
    log="xy",
    series=(
        *_dose("plain", "no split"),
        *_dose("printed", "Averis as printed: mean in FP4"),
        *_dose("kept", "FP4 mean, itself subtracted"),
        *_dose("bfloat16", "mean in BF16"),
    ),
)

VARIANTS = Figure(
    key="mean-bias.variants",
    locus="section 5, eq. 11; sections 7.3 and 7.4, on a trained model",
    title="Averis and its variants against plain NVFP4",
    x=("variant", "variant"),
    y="over that of plain NVFP4",
    log="y",
    places={
        "printed": "Averis as printed: mean in FP4",
        "bfloat16": "mean in BF16",
        "svd": "1 per cent of the modes split off, exact",
        "svd/fp4": "first mode split off, factors in FP4",
        "hadamard": "Hadamard transform",
    },
    series=(
        Curve(label="plain NVFP4", function=1.0),
        Measured(
            label="squared error of activations",
            claim={
                "printed": "mean-bias.model.printed-helps",
                "bfloat16": "mean-bias.model.bfloat16-mean",
                "svd/fp4": "mean-bias.model.factors-in-fp4",
                "hadamard": "mean-bias.model.hadamard-error",
            },
        ),
        Measured(
            label="divergence of the model in W4A4 from itself",
            claim={
                "printed": "mean-bias.model.loss-printed",
                "bfloat16": "mean-bias.model.loss-kept",
                "svd": "mean-bias.model.loss-svd",
                "hadamard": "mean-bias.model.loss-hadamard",
            },
            through=math.exp,  # of a difference of logarithms
        ),
    ),
)

# Section 4: who makes the largest entries

_TOP: dict[str, Scalar] = {"largest": 0.001}
ATTRIBUTION = Figure(
    key="mean-bias.attribution",
    locus="section 4, eq. 8, on drawn activations",
    title="Part of the mean in the largest 0.1 % of the entries",
    x=("shift", "mean of a channel over the spread of its entries, root mean square"),
    y="share of the largest entries",
    log="x",
    series=(
        *(
            one
            for law, arm in (("gaussian", "means alike in all channels"), ("channels", "mean in one channel of 128"))
            for one in (
                Recorded(
                    label="mean's part, M/X",
                    arm=arm,
                    test=mean(ENTRIES["additive"]),
                    at=grid(law=law, shift=[0.3, 0.5, 1.0, 4.0], **_TOP),
                ),
            )
        ),
        Curve(
            label="its share of the energy",
            arm="means alike in all channels",
            function=f"{_THEORY}.outliers:additive_share",
        ),
        Recorded(
            label="cross terms that eq. 8 leaves out",
            arm="means alike in all channels",
            test=mean(ENTRIES["cross"]),
            at=grid(law="gaussian", shift=[0.3, 0.5, 1.0, 4.0], **_TOP),
        ),
    ),
)

_OPERANDS = {
    "primary-source": {"q": "queries read", "gate": "MLP reads", "later stream": "residual stream"},
    "primary-source-outputs": {"o": "behind attention", "down": "behind SwiGLU"},
}
FIGURE_4 = Figure(
    key="mean-bias.figure-4",
    locus="section 4, Figure 4, eq. 8, on a trained model",
    title="Is the mean the primary source of the largest 0.1 %?",
    x=("depth", "depth, as a share of the layers"),
    y="squared share of the mean less the next largest",
    series=(
        Curve(label="as large", function=0.0),
        *(
            Measured(label=label, claim=f"mean-bias.model.{claim}", where={"operand": operand})
            for claim, operands in _OPERANDS.items()
            for operand, label in operands.items()
        ),
    ),
)

# Section 3: how the mean comes about

_SHARE = f"{_THEORY}.mechanisms:residual_share"
EMERGENCE = Figure(
    key="mean-bias.emergence",
    locus="section 3, Stage III, eq. 4, on drawn activations",
    title="Share of the mean after each layer",
    x=("depth", "layers"),
    y="share of the energy",
    log="x",
    series=tuple(
        one
        for direction, arm in (("unrelated", "layers add unrelated means"), ("common", "layers add a common mean"))
        for one in (
            Measured(label="ours", arm=arm, claim="mean-bias.eq4.share-with-depth", where={"direction": direction}),
            Curve(
                label="in expectation",
                arm=arm,
                function=_SHARE,
                at={"shift": 0.3, "tokens": 64, "direction": direction},
                whole=True,
            ),
        )
    ),
)

_INPUTS = {"q": "attention", "gate": "MLP", "o": "output projection", "down": "down projection"}
SHARE = Figure(
    key="mean-bias.share-of-the-mean",
    locus="section 3, eq. 1, on a trained model",
    title="Share of the energy that the mean has, over depth",
    x=("depth", "depth, as a share of the layers"),
    y="share of the energy",
    series=tuple(
        Measured(label=label, claim="mean-bias.model.share-above-null", where={"operand": operand})
        for operand, label in _INPUTS.items()
    ),
)

FIGURE_2 = Figure(
    key="mean-bias.figure-2",
    locus="section 3, Figure 2, small training runs",
    title="Share of the energy that the mean has, over training",
    x=("step", "step"),
    y="share of the energy",
    joined=True,
    series=tuple(
        Recorded(
            label=where,
            arm=f"{part} reads",
            test=mean(RUN_MEANS["share"]),
            at=grid(operand=f"{operand}/{layer}", step=MEAN_STEPS),
        )
        for operand, part in (("qkv", "attention"), ("gate_up", "MLP"), ("down", "down projection"))
        for layer, where in (("first", "first layer"), ("last", "last layer"))
    ),
)

# Section 6: training

_ARMS = {
    "plain": "no split",
    "printed": "Averis as printed",
    "float32/2": "mean in float32",
    "hadamard": "Hadamard transform",
    "svd/fp4": "two modes split off, factors in FP4",
}
FIGURE_5 = Figure(
    key="mean-bias.figure-5",
    locus="section 6.2, Figure 5, small training runs",
    title="What training in 4 bits costs, by the same batches",
    x=("step", "step"),
    y="loss less that of exact arithmetic (nats)",
    joined=True,
    series=tuple(
        Recorded(
            label=label,
            test=order(LOSSES.at(arm=arm)["loss"], LOSSES.at(arm="fp32")["loss"]),
            at=grid(step=RUN_STEPS),
        )
        for arm, label in _ARMS.items()
    ),
)

LOSS_CURVES = Figure(
    key="mean-bias.loss-curves",
    locus="section 6.2, Figure 5, small training runs",
    title="Loss of text kept back",
    x=("step", "step"),
    y="loss (nats a token)",
    joined=True,
    series=tuple(
        Recorded(label=label, test=mean(LOSSES.at(arm=arm)["loss"]), at=grid(step=RUN_STEPS))
        for arm, label in ({"fp32": "exact arithmetic"} | _ARMS).items()
    ),
)

PLANTED_MEAN = Figure(
    key="mean-bias.planted-mean",
    locus="section 5, small training runs with a mean planted at every product",
    title="What a mean with four fifths of the energy costs in training",
    x=("step", "step"),
    y="loss less that without the mean (nats)",
    joined=True,
    series=tuple(
        Recorded(
            label=label,
            test=order(PLANTED.at(arm=arm)["loss"], PLANTED.at(arm=NONE)["loss"]),
            at=grid(step=RUN_STEPS),
        )
        for arm, label in {
            "plain": "no split",
            "printed": "Averis as printed",
            "kept/4": "FP4 mean, itself subtracted",
            "float32/2": "mean in float32",
            "svd/float32": "two modes split off, exact",
        }.items()
    ),
)

FINAL_LOSS = Figure(
    key="mean-bias.final-loss",
    locus="section 6.2, Figure 5; section 5, small training runs",
    title="Loss at the end of training in 4 bits, against no split",
    x=("variant", "variant"),
    y="loss less that of 4 bits without a split (nats)",
    places={
        "exact": "exact arithmetic",
        "printed": "Averis as printed: mean in FP4",
        "float32": "mean in float32",
        "hadamard": "Hadamard transform",
        "svd": "two modes split off, factors in FP4",
        "none": "no mean planted",
    },
    series=(
        Curve(label="no split", function=0.0),
        Measured(
            label="means as they are",
            claim={
                "printed": "mean-bias.training.printed-below-plain",
                "float32": "mean-bias.training.float32-below-plain",
                "hadamard": "mean-bias.training.hadamard-below-plain",
                "svd": "mean-bias.training.svd-costs",
            },
        ),
        Measured(
            label="means as they are",
            claim={"exact": "mean-bias.training.fp4-costs"},
            where={"step": RUN_STEPS[-1]},
            through=lambda loss: -loss,
        ),
        Measured(label="a strong mean planted", claim={"printed": "mean-bias.training.printed-worse"}),
        Measured(
            label="a strong mean planted",
            claim={"none": "mean-bias.training.mean-costs"},
            through=lambda loss: -loss,
        ),
    ),
)
