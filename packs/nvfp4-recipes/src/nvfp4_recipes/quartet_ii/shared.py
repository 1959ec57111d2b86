"""What sections share: both experiments with every estimator."""

from __future__ import annotations

from claims import experiment

ESTIMATORS = "nvfp4_recipes.quartet_ii.experiments.estimators"
DISTORTION = experiment(
    f"{ESTIMATORS}:distortion",
    sweep={
        "arm": (
            "nearest",
            "stochastic",
            "ms-eden",
            "ms-eden weighted",
            "clipped",
            "chosen by draws",
        )
    },
    fixed={"vectors": 1024},
    seconds=0.15,
)
AVERAGED = experiment(
    f"{ESTIMATORS}:averaged",
    sweep={"arm": ("stochastic", "ms-eden", "chosen by draws", "chosen to nearest"), "draws": (1, 4, 16, 64)},
    fixed={"rows": 32},
    seconds=0.2,
)
