"""Experiments on trained models that claims of several sections share, and what they have to tell apart."""

from __future__ import annotations

import math
from functools import partial

from claims import Band, Claim, at_least, experiment, within

#: What is measured on a trained model takes minutes: few seeds, decided at standard.
model_experiment = partial(experiment, needs="model", most_seeds=16)
StandardClaim = partial(Claim, decides="standard")

ACTIVATION_NAMES = {"relu": "ReLU", "silu": "SiLU"}
GAUSSIAN = 2 / math.pi
#: (2/pi - 1/2)/(2/pi): the relative deviation of a Laplace law.
LAPLACE = math.pi / 4 - 1

MATRICES = model_experiment(
    "claims.papers.sign_magnitude.trained.weights:matrices",
    fixed={"replicates": ""},
    seconds=2.5,
    megabytes=900,
    most_seeds=1,
)

PARTS = ("q", "k", "v", "o", "gate", "up", "down")
#: The q projection at the relative depth of the paper's, and the median over those of all layers.
QUERIES = ("middle-q", "q")
AMPLITUDES = model_experiment(
    "claims.papers.sign_magnitude.trained.amplitudes:amplitudes",
    sweep={"where": ("middle-q", *PARTS, "all")},
    fixed={"length": 512},
    seconds=2.8,
    megabytes=900,
)

COLUMN_FACTS = experiment(
    "claims.papers.sign_magnitude.trained.flip_arms:column_facts", seconds=10, megabytes=1000, needs="model"
)

#: Tokens of a window in which the whole model's weights are flipped. Which weights are hit varies far more from seed to
#: seed than windows do: a pass over 48 tokens in place of 96 costs half, and twice the seeds say more.
FLIP_WINDOW = 48
#: Seeds of what is measured on such windows.
FLIP_SEEDS = 32
#: The same of claims whose answer lies near an edge of their band, or whose mean is made by few seeds.
MANY_SEEDS = 256
RATES = (0.05, 0.005, 0.001, 0.0002)
#: Rates of all weights, for flips that are confined to a twentieth of them: a tenth and a hundredth of the columns'.
RATES_OF_ALL = (0.005, 0.0005)
COUNTED = model_experiment(
    "claims.papers.sign_magnitude.trained.flip_arms:counted_arms",
    sweep={"flip_rate": RATES},
    fixed={"length": FLIP_WINDOW, "draws": 2, "counted_on": "pool"},
    seconds=4.5,
    megabytes=1200,
    most_seeds=FLIP_SEEDS,
)
#: One rate, with means over more draws a seed: a few flips in the largest columns make most of them, and seeds of two
#: draws are too skewed for a mean over them.
AVERAGED = model_experiment(
    "claims.papers.sign_magnitude.trained.flip_arms:counted_arms",
    sweep={"flip_rate": (0.005,)},
    fixed={"length": FLIP_WINDOW, "draws": 8, "counted_on": "pool"},
    seconds=4.5,
    megabytes=1200,
    most_seeds=128,
)
COUNTED_ON_ALL = model_experiment(
    "claims.papers.sign_magnitude.trained.flip_arms:counted_arms",
    sweep={"flip_rate": RATES_OF_ALL},
    fixed={"length": FLIP_WINDOW, "draws": 1, "counted_on": "all"},
    seconds=1.7,
    megabytes=1200,
    most_seeds=FLIP_SEEDS,
)

TWICE = at_least(math.log(2), provenance="smallest-effect", because="twice the effect of a flip elsewhere")
A_QUARTER = math.log(1.25)


def equal_to_a_factor(times: float, because: str) -> Band:
    """Band of a logarithm: equal to within a factor."""
    return within(0.0, abs=math.log(times), provenance="smallest-effect", because=because)


def rate_label(rate: float) -> str:
    """Suffix of ids: p005 for a rate of .005."""
    return f"p{f'{rate:.4f}'[2:].rstrip('0')}"


def rate_words(rate: float) -> str:
    """As the paper prints it: .005."""
    return f"{rate:.4f}".strip("0")
