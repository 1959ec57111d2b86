"""Figures 1 and 4 on the model that they are about: Qwen3-0.6B. Whoever has it can run them."""

from __future__ import annotations

from claims import at_least, grid, mean
from claims.papers.mean_bias.shared import StandardClaim, model_experiment

FIGURES = model_experiment(
    "claims.papers.mean_bias.trained.published:figures",
    sweep={"module": ("embedding", "layer 3", "layer 15", "layer 27")},
    fixed={"tokens": 512, "largest": 0.001},
    seconds=12,
    megabytes=3000,
    of="Qwen3-0.6B",
)

FIGURE_1 = (
    StandardClaim(
        id="mean-bias.replication.figure1-signs",
        locus="section 2, Figure 1 left",
        statement="On Qwen3-0.6B nearly all tokens' projections at the input of layer 27's MLP share a sign.",
        at=grid(module="layer 27"),
        test=mean(FIGURES["one_sign"]),
        band=at_least(0.95, provenance="author", because="'nearly uniform'"),
        rival=0.5,
        role="replication",
    ),
    StandardClaim(
        id="mean-bias.replication.figure1-cosine",
        locus="section 2, Figure 1 right",
        statement="On Qwen3-0.6B the mean at the input of layer 27's MLP has a cosine of .99 with v1.",
        at=grid(module="layer 27"),
        test=mean(FIGURES["cosine"]),
        band=at_least(0.985, provenance="printed", because="at least .985, which prints as .99"),
        rival=0.7,
        role="replication",
    ),
)

FIGURE_4 = StandardClaim(
    id="mean-bias.replication.figure4-primary",
    locus="section 4, Figure 4, late stage",
    statement=(
        "On Qwen3-0.6B the mean has the largest squared share of the largest 0.1 % of the entries, at the embedding "
        "and at the inputs of the MLP in layers 3, 15 and 27."
    ),
    at=grid(module=["embedding", "layer 3", "layer 15", "layer 27"]),
    test=mean(FIGURES["lead"]),
    band=at_least(0.0, provenance="author", because="the primary source has the largest share"),
    rival=-0.2,
    role="replication",
)
