"""Claims of what the abstract of the paper's later version prints, beside the first version that this pack audits."""

from __future__ import annotations

from claims import REFUTED, Claim, bounded, recomputed, table
from claims.papers.mean_bias.figures.scores import having

LATER = "claims.papers.mean_bias:figures/later_version.toml"

NOT_CLAIMS = {
    "version 2, losses, tasks and times": (
        "Only its abstract is known here: it gives gaps and an overhead, but neither losses nor scores, seeds or "
        "times, and its runs are not published. The figures that it prints are audited against each other and against "
        "Table 1 as mean-bias.later.*."
    ),
}

LOSS = (
    Claim(
        id="mean-bias.later.loss-gap",
        locus="version 2",
        statement=(
            "In the later version's abstract Averis's loss gap to BF16 is smaller than that of the Hadamard recipe, "
            "for both models."
        ),
        test=table(
            LATER,
            check=bounded(
                uses=("averis_gap", "hadamard_gap"),
                formula=lambda averis, hadamard: hadamard - averis,
                lo=0.1,
                where=having("model"),
            ),
        ),
        version=2,
    ),
    Claim(
        id="mean-bias.later.gap-closed",
        locus="version 2",
        statement=(
            "Averis closes 42 per cent of the Hadamard recipe's gap for the 0.6B model, 26 per cent for the other."
        ),
        test=table(
            LATER,
            check=recomputed(
                "closed_percent",
                uses=("averis_gap", "hadamard_gap"),
                formula=lambda averis, hadamard: 100 * (1 - averis / hadamard),
                where=having("model"),
            ),
        ),
        role="ours",
        version=2,
    ),
)

OVERHEAD = Claim(
    id="mean-bias.later.hadamard-overhead",
    locus="version 2",
    statement=(
        "If Averis's overhead of 2.20 per cent is 30 per cent of the Hadamard recipe's, the recipe's is 7.3 per cent."
    ),
    test=table(
        LATER,
        check=recomputed(
            "hadamard_overhead",
            uses=("averis_overhead", "percent_of_hadamard"),
            formula=lambda overhead, percent: 100 * overhead / percent,
            where=having("hadamard_overhead"),
        ),
    ),
    role="ours",
    version=2,
)

DOWNSTREAM = (
    Claim(
        id="mean-bias.later.gain-stands",
        locus="section 6.2; version 2",
        statement="A control: the gain over BF16 that Table 1 has for the 0.6B model is there in the later version.",
        test=table(
            LATER,
            check=bounded(
                uses=("downstream_gap",), formula=lambda gap: -gap, lo=0.0, where=having("first_version_gain")
            ),
        ),
        expected=REFUTED,
        finding=(
            "The later version gives a gap of .89 points to BF16 for the same model, where the first has a gain of "
            ".97, at 10B tokens then and for a run of 100B tokens now, on tasks that may differ."
        ),
        corrected_by="mean-bias.later.downstream-gap",
        role="control",
        version=2,
    ),
    Claim(
        id="mean-bias.later.downstream-gap",
        locus="version 2",
        statement="In the later version's abstract both models stay short of BF16 downstream, by .89 and .71 points.",
        test=table(
            LATER,
            check=bounded(uses=("downstream_gap",), formula=float, lo=0.7, hi=0.9, where=having("model")),
        ),
        version=2,
    ),
)
