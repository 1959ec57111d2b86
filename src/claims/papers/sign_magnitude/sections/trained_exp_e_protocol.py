"""Claims on what experiment E (section 9.5, Table 9) holds fixed, on the trained model at hand: norms, metric, columns.

Quantities are those of ``trained_exp_e``. Here are the norms that the text says are matched, perplexity against NLL,
the text's global flip rate, and the text's way of choosing columns.
"""

from __future__ import annotations

import math

from claims import HOLDS, REFUTED, UNDECIDED, at_least, between, grid, mean, value, within
from claims.papers.sign_magnitude.shared.trained import (
    A_QUARTER,
    AVERAGED,
    COLUMN_FACTS,
    COUNTED,
    COUNTED_ON_ALL,
    FLIP_SEEDS,
    FLIP_WINDOW,
    MANY_SEEDS,
    TWICE,
    StandardClaim,
    model_experiment,
    rate_label,
    rate_words,
)

#: Where outlier columns are chosen: each matrix on its own input, or all on one MLP input at a depth (section 7.3).
SOURCES = ("own", "8/22", "12/22", "16/22")

CHOSEN = model_experiment(
    "claims.papers.sign_magnitude.trained.flip_arms:chosen_columns",
    sweep={"columns": SOURCES},
    fixed={"length": FLIP_WINDOW, "draws": 1, "flip_rate": 0.005},
    seconds=2.4,
    megabytes=1200,
    most_seeds=FLIP_SEEDS,
)

MATCHING = (
    StandardClaim(
        id="sign-magnitude.model.expe.norms-matched",
        locus="section 7.3; Table 8, control, norms matched to 4 per cent",
        statement=(
            "If TinyLlama's norms, matched to 4 per cent, are to be so in another model, equally many flips in outlier "
            "columns and elsewhere have norms that agree to 4 per cent, rounded."
        ),
        test=value(COLUMN_FACTS["norm_ratio"]),
        band=within(1.0, abs=0.045, provenance="printed", because="4 per cent"),
        rival=1.1,
        expected=REFUTED,
        finding=(
            "In SmolLM2 the norm in outlier columns is 6 per cent smaller. In the released results, on TinyLlama, it "
            "is 3 to 4 per cent larger at p = 5 per cent and .5 per cent (sign-magnitude.table9.norms-high-rates). The "
            "count-matched script flips as many weights in both arms and scales neither."
        ),
        corrected_by="sign-magnitude.model.expe.norms-near",
        role="ours",
    ),
    StandardClaim(
        id="sign-magnitude.model.expe.norms-near",
        locus="section 7.3; Table 8, control, norms matched to 4 per cent",
        statement="Equally many flips in outlier columns and elsewhere have norms that agree to ten per cent.",
        test=value(COLUMN_FACTS["norm_ratio"]),
        band=within(
            1.0, abs=0.1, provenance="smallest-effect", because="a fifth in energy; leverages are ten and more"
        ),
        rival=1.2,
        role="ours",
    ),
)
METRICS = (
    StandardClaim(
        id="sign-magnitude.model.expe.metrics-differ",
        locus="Table 9, PPL/NLL; section 9.5, observation (ii)",
        statement="At p = .05 the leverage in perplexity is at least 1.5 times that in NLL.",
        at=grid(flip_rate=0.05),
        test=mean(COUNTED["log_metrics"]),
        band=at_least(math.log(1.5), provenance="smallest-effect", because="it is 2.18 in Table 9"),
        rival=0.0,
        role="transfer",
    ),
    *(
        StandardClaim(
            id=f"sign-magnitude.model.expe.metrics-agree-{rate_label(rate)}",
            locus="Table 9, PPL/NLL; section 9.5, observation (ii)",
            statement=f"At p = {rate_words(rate)} the leverages in perplexity and in NLL agree to 2 per cent.",
            at=grid(flip_rate=rate),
            test=mean(among["log_metrics"]),
            band=within(0.0, abs=math.log(1.02), provenance="printed", because="1.01 and 1.00 in Table 9"),
            rival=math.log(1.5),
            expected=expected,
            finding=finding,
            corrected_by="sign-magnitude.model.expe.metrics-differ-below" if expected is REFUTED else None,
            role="transfer",
        )
        for rate, among, expected, finding in (
            (0.005, AVERAGED, REFUTED, "In SmolLM2 that in perplexity is larger by a fifth and more."),
            (
                0.001,
                COUNTED,
                UNDECIDED,
                "In SmolLM2 that in perplexity is larger by a twentieth in the geometric mean, but where a flip hits a "
                "giant column by far more: seeds are too skewed for their mean, and dozens of draws a seed would have "
                "to decide.",
            ),
            (0.0002, COUNTED, HOLDS, ""),
        )
    ),
    StandardClaim(
        id="sign-magnitude.model.expe.metrics-differ-below",
        locus="Table 9, PPL/NLL; section 9.5, observation (ii)",
        statement="At p = .005 the leverage in perplexity is more than 2 per cent larger than that in NLL.",
        at=grid(flip_rate=0.005),
        test=mean(AVERAGED["log_metrics"]),
        band=at_least(math.log(1.02), provenance="printed", because="1.01 and 1.00 in Table 9"),
        rival=0.0,
        role="ours",
    ),
)
AS_THE_TEXT_SAYS = (
    StandardClaim(
        id="sign-magnitude.model.expe.text-rate-fits",
        locus="section 9.5, Exp E, 'fraction of total entries flipped'",
        statement=(
            "If p is the fraction of all weights, p = .05 of them can be flipped inside outlier columns, floor(.05 n) "
            "of each matrix's n."
        ),
        test=value(COLUMN_FACTS["pool"]),
        band=at_least(0.05, provenance="theory", because="there have to be as many weights as flips"),
        rival=0.04,
        expected=REFUTED,
        finding=(
            "Outlier columns hold 4.88 per cent of SmolLM2's weights, and 4.98 per cent of TinyLlama's, 48,277,504 of "
            "968,884,224 (sign-magnitude.table9.pool-rate, sign-magnitude.table8.flips-random). With .05 n rounded up "
            "they would hold enough."
        ),
        corrected_by="sign-magnitude.model.expe.pool-below-five-per-cent",
        role="ours",
    ),
    StandardClaim(
        id="sign-magnitude.model.expe.pool-below-five-per-cent",
        locus="section 9.5, Exp E, 'fraction of total entries flipped'",
        statement="Outlier columns hold between 4 and 5 per cent of all weights.",
        test=value(COLUMN_FACTS["pool"]),
        band=between(0.04, 0.05, provenance="theory", because="floor(.05 n) columns of n, n at least 100"),
        rival=0.051,
        role="ours",
    ),
    StandardClaim(
        id="sign-magnitude.model.expe.text-rate-stabilises",
        locus="section 9.5, Exp E, global flip rate, observation (i)",
        statement="With p counted on all weights, the leverage changes by less than a quarter from p = .005 to .0005.",
        test=mean(
            COUNTED_ON_ALL.at(flip_rate=0.0005)["log_leverage"] - COUNTED_ON_ALL.at(flip_rate=0.005)["log_leverage"]
        ),
        band=within(0.0, abs=A_QUARTER, provenance="author", because="the tolerance of the plateau"),
        rival=math.log(4),
        expected=UNDECIDED,
        finding="It is a sixth less, uncertain by a factor of one and a half. Far more than 256 seeds would decide.",
        role="transfer",
    ),
    *(
        StandardClaim(
            id=f"sign-magnitude.model.expe.text-columns-{source.replace('/', '-of-')}",
            locus="section 7.3, outlier identification protocol",
            statement=f"Flips in outlier columns of the MLP input at depth {source} do twice the damage of others.",
            at=grid(columns=source),
            test=mean(CHOSEN["log_leverage"]),
            band=TWICE,
            rival=0.0,
            role="transfer",
        )
        for source in SOURCES[1:]
    ),
    StandardClaim(
        id="sign-magnitude.model.expe.stable-across-layers",
        locus="section 7.3, outlier identification protocol, 'stable across layers 8-16'",
        statement="Columns chosen at depth 16/22 in place of 8/22 change the leverage by less than a factor of two.",
        test=mean(CHOSEN.at(columns="16/22")["log_leverage"] - CHOSEN.at(columns="8/22")["log_leverage"]),
        band=within(0.0, abs=math.log(2), provenance="smallest-effect", because="qualitatively the same"),
        rival=math.log(10),
        role="transfer",
        most_seeds=MANY_SEEDS,
    ),
    StandardClaim(
        id="sign-magnitude.model.expe.text-and-script-columns",
        locus="section 7.3, outlier identification protocol, against the released script",
        statement="One set of columns from depth 12/22 has the leverage of each matrix's own set, to a factor of two.",
        test=mean(CHOSEN.at(columns="own")["log_leverage"] - CHOSEN.at(columns="12/22")["log_leverage"]),
        band=within(0.0, abs=math.log(2), provenance="smallest-effect", because="qualitatively the same"),
        rival=math.log(10),
        expected=REFUTED,
        finding="In SmolLM2 own sets have two and a half times the leverage of the one set.",
        corrected_by="sign-magnitude.model.expe.own-columns-larger",
        role="transfer",
        most_seeds=MANY_SEEDS,
    ),
    StandardClaim(
        id="sign-magnitude.model.expe.own-columns-larger",
        locus="section 7.3, outlier identification protocol, against the released script",
        statement="Each matrix's own set of columns has twice the leverage of one set from depth 12/22, or more.",
        test=mean(CHOSEN.at(columns="own")["log_leverage"] - CHOSEN.at(columns="12/22")["log_leverage"]),
        band=TWICE,
        rival=0.0,
        role="ours",
        most_seeds=MANY_SEEDS,
    ),
)
