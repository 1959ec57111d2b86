"""Claims about a trained model: what a rotation does to its weights and activations in either format."""

from __future__ import annotations

from claims import Claim, Linear, at_least, at_most, experiment, mean

OPERANDS = experiment(
    "nvfp4_recipes.trained.operands:errors",
    sweep={
        "operand": ("weight", "activation"),
        "arm": ("nvfp4", "nvfp4 rotated", "mxfp4", "mxfp4 rotated"),
    },
    fixed={"tokens": 256},
    needs="model",
    most_seeds=16,
    seconds=5.0,
    megabytes=950,
)


def _rise(operand: str, name: str) -> Linear:
    """What a rotation adds to the logarithm of the error."""
    of = OPERANDS.at(operand=operand)
    return of.at(arm=f"{name} rotated")["log_error"] - of.at(arm=name)["log_error"]


TRAINED = (
    Claim(
        id="mr-gptq.model.nvfp4-weights",
        locus="abstract, rotation; abstract, small group size",
        statement="Rotating a trained model's weights does not lower their NVFP4 error.",
        test=mean(_rise("weight", "nvfp4")),
        band=at_least(0.0, provenance="author", because="does not lower"),
        rival=-0.05,
        role="transfer",
        decides="standard",
    ),
    Claim(
        id="mr-gptq.model.nvfp4-activations",
        locus="abstract, rotation; abstract, small group size",
        statement="Rotating a trained model's activations does not lower their NVFP4 error.",
        test=mean(_rise("activation", "nvfp4")),
        band=at_least(0.0, provenance="author", because="does not lower"),
        rival=-0.05,
        role="transfer",
        decides="standard",
    ),
    Claim(
        id="mr-gptq.model.mxfp4-activations",
        locus="abstract, rotation",
        statement="Rotating a trained model's activations lowers their MXFP4 error by a tenth, and more.",
        test=mean(_rise("activation", "mxfp4")),
        band=at_most(-0.105, provenance="smallest-effect", because="log of .9: a tenth"),
        rival=0.0,
        role="transfer",
        decides="standard",
    ),
)
