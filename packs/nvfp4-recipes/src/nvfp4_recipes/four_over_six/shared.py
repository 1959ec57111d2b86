"""What sections share: the experiment of all arms, and sizes."""

from __future__ import annotations

from claims import experiment

ELEMENTS = 2**15
#: Laws that nobody planted anything in.
PLAIN_LAWS = ["normal", "laplace", "t3"]

ERRORS = experiment(
    "nvfp4_recipes.four_over_six.experiments.errors:errors",
    sweep={
        "law": ("normal", "laplace", "t3", "outliers"),
        "arm": ("six", "squared", "absolute", "six/448", "squared/448", "six/tiles", "squared/tiles", "four"),
    },
    fixed={"elements": ELEMENTS},
    seconds=0.15,
)
