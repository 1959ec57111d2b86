"""Claims of section 6.1, and what of section 6 needs the paper's own training runs."""

from __future__ import annotations

from claims import REFUTED, Claim, bounded, recomputed, table
from claims.papers.mean_bias.figures.scores import having

SETUP = "claims.papers.mean_bias:figures/setup.toml"

NOT_CLAIMS = {
    "section 6.1, data": (
        "How the training data were chosen and filtered. Neither the filtered data nor the runs are published."
    ),
    "section 6.1, baselines": (
        "A list of settings. Vanilla FP4 has no row in Table 1 and no printed loss, so that nothing of it can be "
        "compared; its error per product beside that of Averis is audited as "
        "mean-bias.dose.printed-helps and mean-bias.weight-gradient.printed-helps."
    ),
    "section 6.2, the runs themselves": (
        "Training Qwen3-0.6B on 100B tokens takes days of a GPU cluster, the curves of Figure 5 have no printed "
        "figure, and no checkpoint is published, so that nothing here repeats these runs. What they are said to show "
        "is measured on short runs of a small decoder: mean-bias.training.*. What the abstract of the later version "
        "prints of loss gaps is audited as mean-bias.later.loss-gap and mean-bias.later.gap-closed."
    ),
}

SETTING = (
    Claim(
        id="mean-bias.section1.scale",
        locus="section 1; section 6.1",
        statement=(
            "The model that was trained, of 0.6 billion parameters, is of 1B scale, read as 1 to the digit printed."
        ),
        test=table(
            SETUP,
            check=bounded(uses=("parameters",), formula=float, lo=0.5, hi=1.5, where=having("models")),
        ),
    ),
    Claim(
        id="mean-bias.section1.models",
        locus="section 1",
        statement=(
            "If the '1B-scale models' of section 1 are models of more than one size or kind, not runs by several "
            "methods, more than one was trained."
        ),
        test=table(SETUP, check=bounded(uses=("models",), formula=float, lo=2.0, where=having("models"))),
        expected=REFUTED,
        finding=(
            "One was trained, Qwen3-0.6B, in BF16, vanilla FP4 and Averis FP4: read of these runs, the plural holds. "
            "The later version adds a mixture of experts of 7B parameters, 1.5B of them active."
        ),
        corrected_by="mean-bias.section6.one-model",
        role="ours",
    ),
    Claim(
        id="mean-bias.section6.one-model",
        locus="section 6.1",
        statement="One model was trained, by several methods.",
        test=table(
            SETUP,
            check=bounded(uses=("models",), formula=float, lo=0.9, hi=1.1, where=having("models")),
        ),
        role="ours",
    ),
    Claim(
        id="mean-bias.section6.evaluated-share",
        locus="section 6.1; section 6.2",
        statement="Table 1 shows the training run after a tenth of its 100B tokens; nothing downstream is later.",
        test=table(
            SETUP,
            check=recomputed(
                "evaluated_percent",
                uses=("tokens_evaluated", "tokens_trained"),
                formula=lambda evaluated, trained: 100 * evaluated / trained,
                where=having("models"),
            ),
        ),
        role="ours",
    ),
)
