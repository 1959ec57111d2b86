"""Claims of section 4, eq. 6 to 8: the decomposition of activations, and who makes the largest entries."""

from __future__ import annotations

from claims import (
    DEPENDS,
    REFUTED,
    Claim,
    Reading,
    at_least,
    at_most,
    between,
    experiment,
    grid,
    identity,
    linear,
    mean,
    order,
    search,
    within,
)
from claims.papers.mean_bias.theory import outliers

PARTS = experiment(
    "claims.papers.mean_bias.experiments.outliers:decomposition", fixed={"tokens": 64, "channels": 200}, seconds=0.008
)
ENTRIES = experiment(
    "claims.papers.mean_bias.experiments.outliers:attribution",
    sweep={"law": ("gaussian", "channels"), "shift": (0.3, 0.5, 1.0, 4.0)},
    fixed={"tokens": 128, "channels": 1024},
    seconds=0.03,
)
SHARES = experiment(
    "claims.papers.mean_bias.experiments.outliers:three_way",
    sweep={"shift": (0.5, 1.0, 2.0)},
    fixed={"tokens": 512, "channels": 128, "spike": 0.5},
    seconds=0.02,
)
SHIFTS = [0.3, 0.5, 1.0]
TOP = {"largest": 0.001}

NOT_CLAIMS = {
    "section 4, Figure 4, the paper's own model": (
        "Shares at two checkpoints of four modules; neither numbers nor checkpoints are published. The published "
        "Qwen3-0.6B is mean-bias.replication.figure4-primary, any model mean-bias.model.primary-source and "
        "mean-bias.model.primary-source-*; what it takes is mean-bias.eq8.additive-law."
    ),
    "abstract; contribution 2, majority of extreme magnitudes": (
        "That the mean comes to make most extremes in training is a statement about runs whose checkpoints are not "
        "published. A trained model is audited as mean-bias.model.majority and mean-bias.model.majority-outputs."
    ),
}


def half_more(shift: float) -> float:
    """A mean that makes half as many extremes again as it has of the energy."""
    return 1.5 * outliers.additive_share(shift)


DECOMPOSITION = (
    Claim(
        id="mean-bias.eq6.sum",
        locus="section 4, eq. 6",
        statement="Mean, spike (k = floor(m/100) leading modes of the centred X, m >= 100) and tail add up to X.",
        test=identity(PARTS["sum_gap"], PARTS["sum_gap"] * 0.0, bound=PARTS["bound"], planted=PARTS["sum_planted"]),
    ),
    Claim(
        id="mean-bias.eq6.orthogonal",
        locus="section 4, after eq. 6",
        statement="Mean, spike and tail are orthogonal in pairs.",
        test=identity(PARTS["inner"], PARTS["inner"] * 0.0, bound=PARTS["bound"], planted=PARTS["uncentred_inner"]),
    ),
    Claim(
        id="mean-bias.eq6.zero-column-means",
        locus="section 4, after eq. 6",
        statement="Spike and tail have column means of zero.",
        test=identity(
            PARTS["column_means"],
            PARTS["column_means"] * 0.0,
            bound=PARTS["bound"],
            planted=PARTS["uncentred_column_means"],
        ),
    ),
    Claim(
        id="mean-bias.eq7.energy",
        locus="section 4, eq. 7",
        statement="The energies of mean, spike and tail add up to that of X, exactly.",
        test=identity(PARTS["separated"], PARTS["energy"], bound=PARTS["bound"], planted=PARTS["uncentred_separated"]),
    ),
    Claim(
        id="mean-bias.eq7.uncentred",
        locus="section 4, eq. 7 with the spike of X itself",
        statement="A control: eq. 7 holds as well if the spike is taken from X before its mean is removed.",
        test=identity(
            PARTS["uncentred_separated"],
            PARTS["energy"],
            bound=PARTS["bound"],
            planted=PARTS["uncentred_separated"] * 2.0,
        ),
        expected=REFUTED,
        finding=(
            "That spike contains the mean once more: the three energies exceed that of X by 1.2 times as much in the "
            "draws seen. Centre first, as the paper does."
        ),
        corrected_by="mean-bias.eq7.energy",
        role="control",
    ),
)

SQUARED_SHARES = (
    Claim(
        id="mean-bias.eq8.cross-minor",
        locus="section 4, after eq. 8",
        statement="Among the largest 0.1 % of entries the cross terms that eq. 8 leaves out are minor.",
        read_as="Drawn entries of a planted mean of .5, 1 and 2, a spike and noise, 512 tokens by 128 channels.",
        at=grid(shift=[0.5, 1.0, 2.0], **TOP),
        test=mean(SHARES["cross"]),
        band=between(-0.1, 0.1, provenance="author", because="minor read as a tenth of the entry's square, either way"),
        rival=0.3,
        readings=(
            Reading(
                axis="minor",
                option="within a tenth of the entry's square",
                because="Eq. 8 divides the square among its three parts, and the cross terms are what is left.",
            ),
            Reading(
                axis="minor",
                option="too small to change which part is largest",
                because="The passage uses the shares to identify the dominant driver.",
                at=grid(shift=2.0, **TOP),
                test=order(SHARES["squared_mean"], SHARES["squared_tail"]),
                band=at_least(0.1, provenance="smallest-effect", because="a tenth of the entry's square"),
                rival=0.0,
            ),
        ),
        expected=DEPENDS,
        finding=(
            "They make .47, .56 and .48 of the square, and without a spike as much as mean-bias.eq8.cross-law: picking "
            "the largest entries picks those whose parts have one sign. Over all entries they vanish on average, by "
            "eq. 7. Read as not changing which part is largest, they are minor (mean-bias.eq8.dominant-driver); "
            "without a spike they are so in every entry, as M^2 - T^2 = (M - T) X."
        ),
        corrected_by="mean-bias.eq8.cross-law",
        decides="standard",
    ),
    Claim(
        id="mean-bias.eq8.cross-law",
        locus="section 4, after eq. 8",
        statement=(
            "For Gaussian channel means with the share q of the energy the cross term has 2 q (1 - q) (1 - k) of the "
            "square of the largest entries, k = .080 for the top 0.1 %: up to .46."
        ),
        at=grid(shift=SHIFTS, law="gaussian", **TOP),
        test=mean(ENTRIES["cross"]),
        band=within(outliers.cross_share, abs=0.02, provenance="theory", because="a limit of many channels"),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.eq8.cross-bound",
        locus="section 4, after eq. 8",
        statement="The cross terms of three parts are at most 2/3 of an entry's square, when the parts are equal.",
        test=search(
            "claims.papers.mean_bias.experiments.mechanism_statements:CROSS_TERMS",
            examples=100,
            restarts=3,
            seconds=0.2,
        ),
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.eq8.proxy",
        locus="section 4, after eq. 8, 'highly accurate and stable proxy'",
        statement=(
            "If the 'highly accurate proxy' is read of the size of a part, not only of which part is largest, the "
            "mean's squared share is within a tenth of its part M/X of the entry."
        ),
        at=grid(shift=[1.0, 2.0], **TOP),
        test=order(SHARES["squared_mean"], SHARES["additive_mean"]),
        band=within(0.0, abs=0.1, provenance="author", because="accurate read as a tenth of the entry"),
        rival=-0.2,
        expected=REFUTED,
        finding=(
            "With a mean of 1 and 2 beside a spike and noise it is smaller than M/X by .20 and .21. M/X, S/X and T/X "
            "add up to one. Read as the paper has it, of identifying the dominant driver, it holds "
            "(mean-bias.eq8.dominant-driver)."
        ),
        corrected_by="mean-bias.eq8.additive-sum",
        decides="standard",
        role="ours",
    ),
    Claim(
        id="mean-bias.eq8.dominant-driver",
        locus="section 4, after eq. 8, dominant driver",
        statement="A mean with most of the energy has the largest squared share among the largest entries.",
        at=grid(shift=2.0, **TOP),
        test=order(SHARES["squared_mean"], SHARES["squared_tail"]),
        band=at_least(0.1, provenance="smallest-effect", because="a tenth of the entry's square"),
        rival=0.0,
        decides="standard",
    ),
)

ADDITIVE_SHARES = (
    Claim(
        id="mean-bias.eq8.additive-sum",
        locus="section 4, eq. 8, in its place",
        statement="The additive shares M/X, S/X and T/X of every entry add up to one.",
        at=grid(shift=[0.5, 1.0, 2.0], **TOP),
        test=identity(SHARES["additive_sum"], linear(1.0), bound=SHARES["bound"], planted=SHARES["squared_sum"]),
        role="ours",
    ),
    Claim(
        id="mean-bias.eq8.additive-law",
        locus="section 4, eq. 8, in its place",
        statement=(
            "With Gaussian channel means the mean makes as much of the largest entries as it has of the energy, "
            "s^2/(1 + s^2), at every threshold."
        ),
        at=grid(shift=SHIFTS, law="gaussian", largest=[0.001, 0.01]),
        test=mean(ENTRIES["additive"]),
        band=within(outliers.additive_share, abs=0.04, provenance="theory", because="a limit of many channels"),
        rival=half_more,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.sec4.modest-mean",
        locus="section 4, after Theorem 3; section 1, modest coordinate-wise bias",
        statement=(
            "With .3 of the noise in every channel for a modest coordinate-wise bias, which the paper gives no number "
            "for, a coherent mean once formed dominates the largest entries: it makes more than half of them."
        ),
        at=grid(shift=0.3, law="gaussian", **TOP),
        test=mean(ENTRIES["additive"]),
        band=at_least(0.5, provenance="author", because="most is more than half"),
        rival=outliers.additive_share,
        expected=REFUTED,
        finding=(
            "It makes .08 of them, as much as it has of the energy, with Gaussian means over 1024 channels. Gathered "
            "in one channel of 128, where it is no longer modest, a mean of the same energy makes two thirds "
            "(mean-bias.sec4.outlier-channels)."
        ),
        corrected_by="mean-bias.eq8.additive-law",
        decides="standard",
        role="ours",
    ),
    Claim(
        id="mean-bias.sec4.outlier-channels",
        locus="section 4, in its place",
        statement=(
            "Concentrated in one channel of 128, a mean with a twelfth of the energy makes two thirds of the largest "
            "entries: what matters is its largest channels, not its norm."
        ),
        at=grid(shift=0.3, law="channels", **TOP),
        test=mean(ENTRIES["additive"]),
        band=at_least(0.6, provenance="author", because="two thirds, less a tenth of that"),
        rival=outliers.additive_share,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.sec4.few-columns",
        locus="section 4, dense population of extremes",
        statement="Where the mean dominates, nine tenths of the extremes lie in one per cent of the channels.",
        at=grid(shift=4.0, law=["gaussian", "channels"], **TOP),
        test=mean(ENTRIES["columns"]),
        band=at_most(0.01, provenance="author", because="ten of 1024 channels"),
        rival=0.2,
        role="ours",
        decides="standard",
    ),
)
