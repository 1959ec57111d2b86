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
