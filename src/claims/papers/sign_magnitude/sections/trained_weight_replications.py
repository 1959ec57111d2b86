"""Claims of sections 9.2 to 9.6 measured again on the paper's own models: Table 6, Exp B and Exp F.

On theirs Table 6 takes a minute, Exp B one a seed and Exp F twenty.
"""

from __future__ import annotations

from dataclasses import replace

from claims import (
    HOLDS,
    REFUTED,
    Claim,
    Experiment,
    at_least,
    between,
    experiment,
    grid,
    printed,
    replay,
    value,
    within,
)
from claims.kinds.table import read_rows
from claims.papers.sign_magnitude.figures import published
from claims.papers.sign_magnitude.shared.trained import (
    ACTIVATION_NAMES,
    GAUSSIAN,
    LAPLACE,
    MATRICES,
    StandardClaim,
    model_experiment,
)

#: Replays on a CPU of what the authors ran on a GPU.
_DEVICE_SLACK = 1e-6


def twenty(model: str) -> Experiment:
    """The authors' twenty matrices of one model."""
    return replace(MATRICES.at(chosen="twenty"), of=model, seconds=60.0, megabytes=3000.0)


TWENTY = twenty("TinyLlama-1.1B-3T")
EXP_F = model_experiment(
    "claims.papers.sign_magnitude.trained.amplitudes:released",
    of="TinyLlama-1.1B-3T",
    most_seeds=1,
    seconds=1200,
    megabytes=3000,
)
REPLAYED = experiment(
    "claims.papers.sign_magnitude.trained.stacks:released_stack",
    sweep={"layer": (1, 2, 6)},
    published=True,
    seconds=60,
    megabytes=3000,
    needs="model",
    of="TinyLlama-1.1B-3T",
)

TINYLLAMA = tuple(
    StandardClaim(
        id=f"sign-magnitude.model.replication.fact1-tinyllama-{name}",
        locus="section 9.6, row-level; Table 6, TinyLlama-1.1B",
        statement=f"TinyLlama's {words} over twenty evenly spaced matrices is {figure}.",
        at=grid(replicates="TinyLlama-1.1B-3T"),
        test=value(TWENTY[name]),
        band=printed(figure),
        rival=rival,
        role="replication",
    )
    for name, words, figure, rival in (
        ("mean", "mean squared cosine", "0.608", GAUSSIAN),
        ("median", "median squared cosine", "0.624", GAUSSIAN),
        ("sd", "standard deviation", "0.052", 0.0),
    )
)

TINYLLAMA_OUTLIERS = (
    StandardClaim(
        id="sign-magnitude.model.replication.fact1-tinyllama-within",
        locus="section 9.6, row-level, '16/20 matrices'",
        statement="Read at a threshold of 5 per cent from 2/pi, 16 of TinyLlama's twenty matrices are within it.",
        at=grid(replicates="TinyLlama-1.1B-3T"),
        test=value(TWENTY["within"]),
        band=printed("16"),
        rival=10,
        role="replication",
        expected=REFUTED,
        finding=(
            "In the authors' results 17 are; 17 are within 4 per cent, too, and 13 within 3. The threshold is missing "
            "from the text of the paper that was read; the fourth worst matrix is 3.6 per cent off, so that a "
            "threshold just below that leaves 16."
        ),
        corrected_by="sign-magnitude.model.replication.fact1-tinyllama-seventeen",
    ),
    StandardClaim(
        id="sign-magnitude.model.replication.fact1-tinyllama-seventeen",
        locus="section 9.6, row-level; released results",
        statement="Of TinyLlama's twenty matrices 17 are within 5 per cent of 2/pi.",
        at=grid(replicates="TinyLlama-1.1B-3T"),
        test=value(TWENTY["within"]),
        band=printed("17"),
        rival=10,
        role="replication",
    ),
    StandardClaim(
        id="sign-magnitude.model.replication.fact1-tinyllama-worst",
        locus="section 9.6, row-level, the outlier matrices",
        statement=(
            "Read as the first quarter of layers, 'predominantly early-layer attention projections' are three or more "
            "of TinyLlama's four worst matrices."
        ),
        at=grid(replicates="TinyLlama-1.1B-3T"),
        test=value(TWENTY["worst_both"]),
        band=at_least(0.75, provenance="author", because="predominantly is more than half of four"),
        rival=0.25,
        role="replication",
        expected=REFUTED,
        finding=(
            "In the authors' results: queries of layers 0 and 8, keys of layer 1, values of layer 18 of 22. Two are "
            "in the first quarter, three in the first half of layers."
        ),
        corrected_by="sign-magnitude.model.replication.fact1-tinyllama-worst-attention",
    ),
    StandardClaim(
        id="sign-magnitude.model.replication.fact1-tinyllama-worst-attention",
        locus="section 9.6, row-level; released results",
        statement="TinyLlama's four worst matrices are all attention's.",
        at=grid(replicates="TinyLlama-1.1B-3T"),
        test=value(TWENTY["worst_attention"]),
        band=at_least(0.99, provenance="author", because="as released"),
        rival=4 / 7,
        role="replication",
    ),
)

QWEN = tuple(
    StandardClaim(
        id=f"sign-magnitude.model.replication.fact1-{slug}",
        locus=f"Table 6, {model}; section 9.2",
        statement=f"The mean squared cosine of {model}'s twenty evenly spaced matrices is within 5 per cent of 2/pi.",
        at=grid(replicates=model),
        test=value(twenty(model)["deviation"]),
        band=within(0.0, abs=0.05, provenance="printed", because="all models within 5 per cent"),
        rival=LAPLACE,
        role="replication",
        expected=expected,
        finding=finding,
        corrected_by="sign-magnitude.model.replication.fact1-qwen-3b-released" if finding else None,
    )
    for model, slug, expected, finding in (
        ("Qwen2.5-0.5B", "qwen-0b5", HOLDS, ""),
        ("Qwen2.5-1.5B", "qwen-1b5", HOLDS, ""),
        ("Qwen2.5-3B", "qwen-3b", REFUTED, "It is .588 in the authors' results, 7.6 per cent below 2/pi."),
    )
)

QWEN_3B = StandardClaim(
    id="sign-magnitude.model.replication.fact1-qwen-3b-released",
    locus="Table 6, Qwen2.5-3B; released results",
    statement="The mean squared cosine of Qwen2.5-3B's twenty evenly spaced matrices is .588.",
    at=grid(replicates="Qwen2.5-3B"),
    test=value(twenty("Qwen2.5-3B")["mean"]),
    band=printed("0.588"),
    rival=GAUSSIAN,
    role="replication",
)


def _replication(name: str, quantity: str, statement: str, figure: float, rival: float) -> Claim:
    """A released figure of Exp F."""
    return StandardClaim(
        id=f"sign-magnitude.model.replication.expf-{name}",
        locus="section 9.5, Exp F; released results of Exp F",
        statement=statement,
        test=value(EXP_F[quantity]),
        band=within(figure, rel=0.01, provenance="author", because="the script's forward pass is in half precision"),
        rival=rival,
        role="replication",
    )


AMPLITUDES = (
    _replication(
        "rank", "rank", "At TinyLlama's layer 12 energies follow alpha^2 with rank correlation .955.", 0.955, 0.9
    ),
    _replication(
        "energy-ratio",
        "energy_ratio",
        "A flip in an outlier column there has 33 times the energy of another.",
        33.0,
        10.0,
    ),
    _replication(
        "norm-ratio", "norm_ratio", "Outlier columns have 1.04 times the squared norm of others.", 1.0435, 1.1
    ),
    _replication("input-norm", "norm", "The mean squared norm of the inputs is 388.3.", 388.34, 2048.0),
    _replication("alpha-median", "alpha_median", "The median outlier column's alpha is .0302.", 0.03023, 0.024),
    _replication("alpha-p90", "alpha_p90", "The 90th percentile of the outlier columns' alpha is .139.", 0.13908, 0.1),
    _replication("alpha-largest", "alpha_max", "The largest alpha is .289.", 0.28941, 0.26),
    _replication("alpha-all", "alpha_all", "The median alpha of all columns is .0138.", 0.013844, 0.0221),
    *(
        StandardClaim(
            id=f"sign-magnitude.model.replication.alpha-abstract-{name}",
            locus="Abstract; Appendix E.8, measured distribution",
            statement=(
                f"Read of the input of the q projection in TinyLlama's layer 12, the {words} alpha of the outlier "
                f"columns is {figure}."
            ),
            test=value(EXP_F[quantity]),
            band=printed(figure),
            rival=0.0221,
            role="replication",
            expected=REFUTED,
            finding=(
                f"It is {released} in the authors' results of Exp F, at the input of layer 12's q projection over "
                "20,480 tokens. The abstract does not name the input."
            ),
            corrected_by=f"sign-magnitude.model.replication.expf-alpha-{name}",
        )
        for name, words, quantity, figure, released in (
            ("median", "median", "alpha_median", "0.024", ".0302"),
            ("largest", "largest", "alpha_max", "0.26", ".289"),
        )
    ),
    StandardClaim(
        id="sign-magnitude.model.replication.alpha-mean",
        locus="Abstract, 'about 10 = n E[alpha^2]'; Appendix E.8, measured distribution",
        statement="The outlier columns of TinyLlama's layer 12 have n E[alpha^2] of 10, to a factor of 1.5.",
        test=value(EXP_F["outlier"]),
        band=between(10 / 1.5, 15.0, target=10.0, provenance="printed", because="about 10"),
        rival=1.0,
        role="replication",
    ),
)

_RELEASED = {
    (row["activation"], row["flip_rate"]): row
    for row in read_rows(published.path("exp_b"))
    if row["weights"] == "trained"
}
STACKS = tuple(
    Claim(
        id=f"sign-magnitude.model.replication.expb-{activation}-p{flip_rate[2:]}-layer-{layer}",
        locus="section 9.4, Exp B; Table 3" if flip_rate == "0.01" else "section 9.4, Exp B; released results",
        statement=(
            f"TinyLlama's gate matrices have the ratio {figure} after layer {layer} at p = {flip_rate[1:]} with "
            f"{ACTIVATION_NAMES[activation]}."
        ),
        at=grid(activation=activation, flip_rate=float(flip_rate), layer=layer),
        test=replay(
            REPLAYED["c"],
            seeds=int(row["seeds"]),
            printed_mean=figure,
            neighbours=[REPLAYED.at(layer=2)["c"]],
            configuration="act(W y), gate matrices of layers 8 to 13 cropped to 2048 x 2048, compared normalised",
            slack=_DEVICE_SLACK,
        ),
        role="replication",
        decides="standard" if flip_rate == "0.01" else "full",
    )
    for (activation, flip_rate), row in _RELEASED.items()
    for layer, figure in ((1, f"{float(row['first']):.3f}"), (6, f"{float(row['last']):.3f}"))
)
