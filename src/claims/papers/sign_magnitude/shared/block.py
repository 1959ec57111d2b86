"""Experiments that claims of more than one section share: declarations only, so that each is measured once."""

from __future__ import annotations

from claims import Band, Experiment, experiment, ratio, within
from claims.kinds.ratio import Ratio
from claims.lazy import Number

#: Flip rates of the paper's tables.
RATES = (0.01, 0.02, 0.05, 0.1)

BLOCK = experiment(
    "claims.papers.sign_magnitude.experiments.two_layer:two_layer",
    sweep={"flip_rate": RATES, "metric": ("pre", "post"), "step": (1, -1), "activation": ("relu", "linear")},
    fixed={"pairs": 256, "dtype": "float32"},
    seconds=0.06,
)
#: The width that Table 2 is said to have. A seed is dear there, so only the cells that its claims need are computed.
BLOCK_2048 = experiment(
    "claims.papers.sign_magnitude.experiments.two_layer:two_layer",
    sweep={"flip_rate": RATES, "metric": ("pre",), "step": (1,), "activation": ("relu",)},
    fixed={"n": 2048, "pairs": 128, "dtype": "float32"},
    seconds=0.2,
    megabytes=200,
).at(metric="pre", step=1, activation="relu")
#: With a second projection that is drawn: each input's own ratio, and the ratio of their sums.
OWN = experiment(
    "claims.papers.sign_magnitude.experiments.averaging:own_ratios",
    sweep={"flip_rate": (0.1,)},
    fixed={"inputs": 256, "dtype": "float32"},
    seconds=0.3,
    megabytes=200,
)
RELU, LINEAR = BLOCK.at(activation="relu"), BLOCK.at(activation="linear")
FOUR_WAY = experiment(
    "claims.papers.sign_magnitude.experiments.two_layer:four_way",
    sweep={"projection": ("none", "gaussian"), "metric": ("pre", "post")},
    fixed={"n": 512, "outputs": 512, "pairs": 256, "step": 1, "dtype": "float32"},
    seconds=0.03,
)
HIDDEN = experiment(
    "claims.papers.sign_magnitude.experiments.hidden:hidden_layer",
    sweep={"flip_rate": RATES, "arm": ("sign", "magnitude")},
    fixed={"step": 1, "pairs": 256, "dtype": "float32"},
    seconds=0.06,
)
#: One perturbed linear layer, arms sharing their draws.
LAYER = experiment(
    "claims.papers.sign_magnitude.experiments.single_layer:perturbed_layer",
    sweep={"flip_rate": (0.005, 0.01, 0.1), "arm": ("sign", "additive", "absolute")},
    fixed={"inputs": 512, "dtype": "float32"},
    seconds=0.06,
)
WIDE = experiment("claims.papers.sign_magnitude.experiments.quadrature:wide_limit", fixed={"step": 1}, seconds=0.05)
SMALL_RATE = experiment(
    "claims.papers.sign_magnitude.experiments.quadrature:small_rate", fixed={"step": 1}, seconds=0.4
)

REPLAY_TWO_LAYER = experiment(
    "claims.papers.sign_magnitude.experiments.replays:two_layer_block",
    sweep={"flip_rate": RATES},
    published=True,
    seconds=1.4,
    megabytes=200,
)
REPLAY_ONE_LAYER = experiment(
    "claims.papers.sign_magnitude.experiments.replays:one_layer_block",
    sweep={"flip_rate": (0.01, 0.02)},
    published=True,
    seconds=0.4,
    megabytes=100,
)
REPLAY_LINEAR = experiment(
    "claims.papers.sign_magnitude.experiments.replays:linear_layer", published=True, seconds=0.15
)
REPLAY_HIDDEN = experiment(
    "claims.papers.sign_magnitude.experiments.replays:hidden_and_output", published=True, seconds=0.4, megabytes=100
)
#: What another order of float32 sums may add to a replayed figure: measured across CPU and GPU, below 2e-8.
REPLAY_SLACK = 1e-7


def transverse_ratio(block: Experiment) -> Ratio:
    """Transverse energy of sign flips over that of the magnitude step, with the uncontrolled estimate beside it."""
    return ratio(
        block["transverse_sign"],
        block["transverse_magnitude"],
        plain=(block["plain_transverse_sign"], block["plain_transverse_magnitude"]),
    )


def by_quadrature(target: Number, tolerance: float = 1e-9) -> Band:
    """Band of a value that comes from the 40-digit quadrature, itself or through its interpolated expansion."""
    return within(target, abs=tolerance, provenance="theory", because="quadrature and interpolation are good to 1e-12")
