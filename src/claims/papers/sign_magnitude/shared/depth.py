"""Experiments on depth that claims of several sections share: declarations only, so that each is measured once."""

from __future__ import annotations

from claims import Point, Scalar, experiment, grid
from claims.papers.sign_magnitude.theory import depth
from claims.papers.sign_magnitude.theory.block import Metric
from claims.papers.sign_magnitude.theory.depth import Activation, Norm, Projection

LAYERS = (1, 2, 3, 4, 5, 6)
METRICS = ("pre", "post")
#: First and last layer of the paper's experiments.
ENDS = (1, 6)
#: Flip rate of all depth tables of the paper.
RATE = 0.01

#: The paper's V2 (no skip connection) and V3 (with one) as the script behind Tables 15 and 16 builds them, and as the
#: one behind Figure 2 and the released results does.
ARCHITECTURES: dict[str, dict[str, Scalar]] = {
    "v2-tables": {"residual": False, "projection": "gaussian", "norm": "stream"},
    "v2-released": {"residual": False, "projection": "none", "norm": "stream"},
    "v3-tables": {"residual": True, "projection": "gaussian", "norm": "stream"},
    "v3-released": {"residual": True, "projection": "none", "norm": "branch"},
}
#: What neither script combines: a normalised stream with branches that share a mean, a growing stream with branches
#: that do not, and no normalisation anywhere.
VARIANTS: dict[str, dict[str, Scalar]] = {
    "v3-normalised": {"residual": True, "projection": "none", "norm": "stream"},
    "v3-projected": {"residual": True, "projection": "gaussian", "norm": "branch"},
    "v2-bare": {"residual": False, "projection": "none", "norm": "none"},
}
#: Metric in which each of them is published.
PUBLISHED_METRIC = {"v2-tables": "post", "v2-released": "post", "v3-tables": "post", "v3-released": "pre"}
#: Sizes at which a seed is cheap for the spread that its claims have to resolve.
_SIZES: dict[str, dict[str, Scalar]] = {
    "v2-tables": {"width": 256, "inputs": 64},
    "v2-released": {"width": 256, "inputs": 64},
    "v3-tables": {"width": 256, "inputs": 128},
    "v3-released": {"width": 256, "inputs": 64},
    "v3-normalised": {"width": 256, "inputs": 128},
    "v3-projected": {"width": 256, "inputs": 64},
    "v2-bare": {"width": 256, "inputs": 64},
}

STACK = experiment(
    "claims.papers.sign_magnitude.experiments.depth:stack",
    sweep={"layer": LAYERS, "metric": METRICS},
    fixed={"activation": "relu", "between": "kept", "dtype": "float32"},
    seconds=0.02,
)
REFRESHED = STACK.at(between="refreshed")
DEEP_STACK = experiment(
    "claims.papers.sign_magnitude.experiments.depth:stack",
    sweep={"layer": (1, 6, 24), "metric": METRICS},
    fixed={"activation": "relu", "between": "kept", "dtype": "float32", "width": 128, "inputs": 64},
    seconds=0.05,
)
MEAN_FIELD = experiment(
    "claims.papers.sign_magnitude.experiments.depth_quadrature:mean_field",
    sweep={"layer": LAYERS, "metric": METRICS},
    seconds=0.04,
)
FEW_FLIPS = experiment(
    "claims.papers.sign_magnitude.experiments.depth_quadrature:few_flips",
    sweep={"layer": LAYERS, "metric": METRICS},
    fixed={"activation": "relu"},
    seconds=0.4,
)
DEEP_FEW_FLIPS = experiment(
    "claims.papers.sign_magnitude.experiments.depth_quadrature:few_flips",
    sweep={"layer": (24,), "metric": METRICS},
    fixed={"activation": "relu"},
    seconds=1.5,
)
PLATEAU = experiment("claims.papers.sign_magnitude.experiments.depth_quadrature:plateau", seconds=0.2)
COMPOUNDING = experiment("claims.papers.sign_magnitude.experiments.depth_quadrature:compounding", seconds=0.01)
GAINS = experiment("claims.papers.sign_magnitude.experiments.depth_identities:gains", seconds=0.002)
COLUMN_FLIP = experiment("claims.papers.sign_magnitude.experiments.depth_identities:column_flip", seconds=0.001)
FLIP_ENERGY = experiment("claims.papers.sign_magnitude.experiments.depth_identities:flip_energy", seconds=0.002)

REPLAY_TABLES = experiment(
    "claims.papers.sign_magnitude.experiments.depth_replays:depth_ratios",
    sweep={"layer": LAYERS},
    fixed={"network": "tables", "width": 512, "flip_rate": RATE, "activation": "relu"},
    published=True,
    seconds=12.0,
    megabytes=400,
)
REPLAY_RELEASED = experiment(
    "claims.papers.sign_magnitude.experiments.depth_replays:depth_ratios",
    sweep={"layer": LAYERS},
    fixed={"network": "released", "width": 512, "flip_rate": RATE, "activation": "relu"},
    published=True,
    seconds=1.6,
    megabytes=200,
)


def points(name: str, **axes: object) -> tuple[Point, ...]:
    """Points of one architecture or variant at its own size; a coordinate given here wins."""
    coordinates = {"flip_rate": RATE} | _SIZES[name] | (ARCHITECTURES | VARIANTS)[name] | axes
    return grid(**coordinates)  # type: ignore[arg-type]


def other_metric(
    flip_rate: float,
    layer: int,
    residual: bool,
    projection: Projection,
    norm: Norm,
    metric: Metric,
    activation: Activation = "relu",
) -> float:
    """The wide-limit ratio in the metric that is not the point's."""
    other: Metric = "post" if metric == "pre" else "pre"
    return depth.depth_ratio(
        flip_rate,
        layer,
        residual=residual,
        projection=projection,
        norm=norm,
        activation=activation,
        metric=other,
    )
