"""What two or more sections share: experiments that they measure, sizes and words, and bands of the same origin."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from claims import Band, Claim, Linear, experiment, linear, within
from claims.lazy import Number

#: What is measured on a trained model and on training runs takes minutes: few seeds, decided at standard.
model_experiment = partial(experiment, needs="model", most_seeds=16)
text_experiment = partial(experiment, needs="text", most_seeds=16)
StandardClaim = partial(Claim, decides="standard")

# Sections 2 and 3: one mean over a matrix of noise.

EXPANSION = experiment(
    "claims.papers.mean_bias.experiments.geometry:expansion",
    fixed={"tokens": 48, "channels": 20},
    seconds=0.002,
)
SIGNS = experiment(
    "claims.papers.mean_bias.experiments.geometry:projected_signs", fixed={"entries": 2**18}, seconds=0.005
)

# Section 4: Gaussian tokens, and the largest of them.

QUADRATURE = "both sides are exact; the width is that of double precision"
GAUSSIAN = experiment("claims.papers.mean_bias.experiments.exceedance:gaussian", seconds=0.05)

DELTA = 0.05
MANY = 1000
MAXIMA = experiment(
    "claims.papers.mean_bias.experiments.maxima:maxima",
    sweep={"mean": (0.0, 3.0)},
    fixed={"repeats": 500, "delta": DELTA},
    seconds=0.015,
)

# Section 5: laws of the error.


def first_order(target: Number, tolerance: float) -> Band:
    """Relative band of a law that is exact to first order in the element's error."""
    return within(target, rel=tolerance, provenance="theory", because="next order and sizes add less than 1 per cent")


def one_vector(target: Number) -> Band:
    """Band of a law for one mean vector."""
    return within(target, rel=0.15, provenance="theory", because="one vector of 256 entries a seed; the law is exact")


# Table 1.

TASK_NAMES = {
    "arc_c": "ARC-C",
    "arc_e": "ARC-E",
    "boolq": "BoolQ",
    "hellaswag": "HellaSwag",
    "lambada": "LAMBADA",
    "piqa": "PIQA",
    "race": "RACE",
}
#: |z| from which on a difference is significant at the level of five per cent.
SIGNIFICANT = 1.96
WHICH_IS_LARGER = "which is larger is the question"

# A trained model's activations, at six layers that are spread evenly over the depth.

DEPTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
INNER = list(DEPTHS[1:])
LINEAR = ["q", "o", "gate", "down"]
NORMED = ["q", "gate"]
TOKENS = 256
HALF = "most of it is more than half"

ACTIVATIONS = model_experiment(
    "claims.papers.mean_bias.trained.activations:activations",
    sweep={"operand": ("q", "o", "gate", "down", "stream", "later stream"), "depth": DEPTHS},
    fixed={"tokens": TOKENS, "largest": 0.001},
    seconds=1.5,
    megabytes=950,
)


def averaged(name: str, operands: Sequence[str], depths: Sequence[float]) -> Linear:
    """A quantity averaged over operands and depths within each seed."""
    cells = [ACTIVATIONS.at(operand=operand, depth=depth)[name] for operand in operands for depth in depths]
    return sum((cell * (1 / len(cells)) for cell in cells), linear(0.0))


# NVFP4 errors of what a trained model's linear maps read, squared and relative to plain NVFP4: geometric means over
# operands and four layers.

OPERANDS = model_experiment(
    "claims.papers.mean_bias.trained.operand_errors:operand_errors",
    sweep={
        "operand": ("q", "o", "gate", "down", "all"),
        "arm": (
            "plain",
            "printed",
            "bfloat16",
            "kept",
            "svd 1/fp4",
            "svd 1/exact",
            "svd 1%/fp4",
            "svd 1%/exact",
            "turned",
            "turned printed",
            "turned bfloat16",
            "mode 2",
        ),
    },
    fixed={"tokens": TOKENS, "outputs": 128, "layers": 4},
    seconds=3.0,
    megabytes=1000,
)
ALL = OPERANDS.at(operand="all")


def gain(arm: str, operand: str = "all") -> Linear:
    """What a method takes off the plain error of the operand."""
    return linear(1.0) - OPERANDS.at(arm=arm, operand=operand)["operand_error"]


# Training runs of a decoder of 0.69 million parameters, 512 tokens a step, 2560 tokens kept back.

#: The last of them ends a run; the learning rate has come down to zero by then.
RUN_STEPS = (25, 50, 75, 100)
FINAL_STEP = RUN_STEPS[-1]
RUN_SIZES: dict[str, Any] = {
    "vocabulary": 1024,
    "width": 128,
    "layers": 2,
    "heads": 4,
    "hidden": 384,
    "windows": 8,
    "length": 64,
    "validation": 40,
    "rate": 0.003,
    "embedding": 1.0,
}

#: Steps at which runs in exact arithmetic are looked at, and inputs of their products by layer: normed stream,
#: attention's output, normed stream, SwiGLU's output.
MEAN_STEPS = (5, 20, 40, 70, 100)
RUN_INPUTS = {
    where: tuple(f"{part}/{where}" for part in ("qkv", "o", "gate_up", "down")) for where in ("first", "last")
}
RUN_MEANS = text_experiment(
    "claims.papers.mean_bias.training.runs:means",
    sweep={"operand": ("embedding", *RUN_INPUTS["first"], *RUN_INPUTS["last"]), "step": MEAN_STEPS},
    fixed=RUN_SIZES | {"layers": 4, "embedding": 0.02},
    seconds=9,
    megabytes=400,
)
