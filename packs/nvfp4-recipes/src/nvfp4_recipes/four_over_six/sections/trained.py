"""Claims about a trained model: weights, activations and predictions with and without a choice of two scales.

The verdicts on record are SmolLM2's from a file whose weights were in 4 bits, blocks of 32, before they were read.
"""

from __future__ import annotations

from claims import Claim, Linear, at_most, experiment, mean, ratio, value

_ARMS = ("nvfp4", "nvfp4 chosen")
OPERANDS = experiment(
    "nvfp4_recipes.trained.operands:errors",
    sweep={"operand": ("weight", "activation"), "arm": _ARMS},
    fixed={"tokens": 256},
    needs="model",
    most_seeds=16,
    seconds=3.0,
    megabytes=950,
)
LOSSES = experiment(
    "nvfp4_recipes.trained.losses:losses",
    sweep={"arm": _ARMS},
    fixed={"tokens": 256},
    needs="model",
    most_seeds=16,
    seconds=5.0,
    megabytes=950,
)


def _taken(operand: str) -> Linear:
    """What the choice adds to the logarithm of the operand's error."""
    plain, chosen = (OPERANDS.at(operand=operand, arm=arm)["log_error"] for arm in _ARMS)
    return chosen - plain


TRAINED = (
    Claim(
        id="four-over-six.model.weights",
        locus="abstract, quantization error",
        statement="In a trained model's weights the choice takes a tenth off the squared error, and more.",
        test=value(_taken("weight")),
        band=at_most(-0.105, provenance="smallest-effect", because="log of .9: a tenth"),
        rival=0.0,
        role="transfer",
        decides="standard",
    ),
    Claim(
        id="four-over-six.model.activations",
        locus="abstract, quantization error",
        statement="In a trained model's activations the choice takes off a twentieth, and more.",
        test=mean(_taken("activation")),
        band=at_most(-0.0513, provenance="smallest-effect", because="log of .95: a twentieth"),
        rival=0.0,
        role="transfer",
        decides="standard",
    ),
    Claim(
        id="four-over-six.model.loss",
        locus="abstract, inference",
        statement="The choice brings the predictions of a model in 4 bits nearer to those of the model itself.",
        test=ratio(LOSSES.at(arm="nvfp4 chosen")["kl"], LOSSES.at(arm="nvfp4")["kl"]),
        band=at_most(1.0, provenance="author", because="nearer"),
        rival=1.2,
        expected="UNDECIDED",
        finding=(
            "A tenth nearer in KL, but windows differ by more: sixteen do not tell it from none, some sixty would "
            "decide it."
        ),
        role="transfer",
        decides="standard",
    ),
)
