"""What sections share: block lengths and scale formats on every law."""

from __future__ import annotations

from claims import experiment

GROUPS = "nvfp4_recipes.mr_gptq.experiments.groups"
ELEMENTS = 2**15
HEAVY = ["laplace", "t3", "outliers"]

#: Normal entries are what a rotation leaves of many; Laplace ones stand for what it is given.
BY_GROUP = experiment(
    f"{GROUPS}:by_group",
    sweep={"law": ("normal", "laplace"), "group": (16, 32, 64, 128), "scale": ("exact", "e8m0")},
    fixed={"elements": ELEMENTS},
    seconds=0.1,
)
NORMAL, LAPLACE = (BY_GROUP.at(law=law) for law in ("normal", "laplace"))
FORMATS = experiment(
    f"{GROUPS}:turned",
    sweep={"law": ("normal", "laplace", "t3", "outliers"), "format": ("nvfp4", "mxfp4")},
    fixed={"elements": ELEMENTS},
    seconds=0.06,
)
