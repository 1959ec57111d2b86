"""A claim of our own on section 9.1: the unperturbed model reads its text as a trained model does."""

from __future__ import annotations

from claims import between, mean
from claims.papers.sign_magnitude.shared.trained import StandardClaim, model_experiment

BASELINE = model_experiment(
    "claims.models.baseline:baseline",
    fixed={"length": 256},
    seconds=1.1,
    megabytes=800,
)

SANE = StandardClaim(
    id="sign-magnitude.model.baseline",
    locus="section 9.1, baseline perplexity",
    statement=(
        "The unperturbed model's loss on the text is that of a model that has learned English: 1.2 to 4 nats a token, "
        "a perplexity of 3 to 55."
    ),
    test=mean(BASELINE["loss"]),
    band=between(
        1.2,
        4.0,
        provenance="smallest-effect",
        because="published perplexities of models from 100 million to 70 billion weights on prose",
    ),
    rival=6.0,
    role="ours",
)
