"""The paper's statements over an axis, drawn: it prints no numbers there that could stand beside ours."""

from __future__ import annotations

from claims.experiment import Scalar
from claims.figures import Curve, Figure, Measured

_SHARE = "claims.papers.mean_bias.theory.mechanisms:residual_share"
_AT: dict[str, Scalar] = {"shift": 0.3, "tokens": 64}
#: What each claim of the dose-response is about, and in which arm.
_DOSES = {
    "plain-total": ("plain", "plain"),
    "printed-offset": ("printed", "Averis as printed, offset"),
    "varying-removed": ("printed", "Averis as printed, the rest"),
    "kept-total": ("kept", "mean kept"),
    "bfloat16-total": ("bfloat16", "mean in BF16"),
}

DOSE = Figure(
    key="mean-bias.dose-response",
    locus="section 5, eq. 11",
    title="Error over the strength of the mean",
    x=("strength", "mean over spread"),
    y="squared error over the spread's energy",
    log="xy",
    series=tuple(
        Measured(label=label, claim=f"mean-bias.dose.{name}", where={"arm": arm})
        for name, (arm, label) in _DOSES.items()
    ),
)

EMERGENCE = Figure(
    key="mean-bias.emergence",
    locus="section 3, Stage III, eq. 4",
    title="Share of the mean after each layer",
    x=("depth", "layers"),
    y="share of the energy",
    log="x",
    series=(
        Measured(
            label="layers add unrelated means", claim="mean-bias.eq4.share-with-depth", where={"direction": "unrelated"}
        ),
        Measured(
            label="layers add a common mean", claim="mean-bias.eq4.share-with-depth", where={"direction": "common"}
        ),
        Curve(label="in expectation, unrelated", function=_SHARE, at=_AT | {"direction": "unrelated"}, whole=True),
        Curve(label="in expectation, common", function=_SHARE, at=_AT | {"direction": "common"}, whole=True),
    ),
)

_OPERANDS = {"q": "queries read", "gate": "MLP reads", "later stream": "residual stream"}
FIGURE_4 = Figure(
    key="mean-bias.figure-4",
    locus="section 4, Figure 4, eq. 8, on a trained model",
    title="What the mean makes of the largest magnitudes",
    x=("depth", "depth, as a share of the layers"),
    y="squared share of the mean less the next largest",
    series=tuple(
        Measured(label=label, claim="mean-bias.model.primary-source", where={"operand": operand})
        for operand, label in _OPERANDS.items()
    ),
)

_INPUTS = {"q": "attention", "gate": "MLP", "o": "output projection", "down": "down projection"}
SHARE = Figure(
    key="mean-bias.share-of-the-mean",
    locus="section 3, eq. 1, on a trained model",
    title="Share of the energy that the mean has",
    x=("depth", "depth, as a share of the layers"),
    y="share of the energy",
    series=tuple(
        Measured(label=label, claim="mean-bias.model.share-above-null", where={"operand": operand})
        for operand, label in _INPUTS.items()
    ),
)

FIGURE_5 = Figure(
    key="mean-bias.figure-5",
    locus="section 6.2, Figure 5, small training runs",
    title="What 4 bits cost without a split",
    x=("step", "step"),
    y="loss less that of exact arithmetic (nats)",
    series=(Measured(label="plain 4-bit", claim="mean-bias.training.fp4-costs"),),
)
