"""What sections share: both grids on every law, and words."""

from __future__ import annotations

from claims import experiment

GRIDS = "nvfp4_recipes.ufp4.experiments.grids"
ELEMENTS = 2**15

#: Blocks of 16 with float32 scales; every law, grid and rotation of a seed from the same draws.
SHRINKAGE = experiment(
    f"{GRIDS}:shrinkage",
    sweep={
        "law": ("normal", "laplace", "t3", "outliers"),
        "grid": ("e2m1", "int4"),
        "rotation": ("none", "hadamard"),
    },
    fixed={"elements": ELEMENTS, "block": 16},
    seconds=0.15,
)
#: Laws with a heavier tail than the normal one.
HEAVY = ["laplace", "t3", "outliers"]
