"""Claims of section 3's measure, eq. 1: its readings, what each is without a mean, and where the mean comes from."""

from __future__ import annotations

from claims import REFUTED, Claim, at_least, experiment, grid, identity, mean, order, ratio, search, within
from claims.kinds.search import Search
from claims.papers.mean_bias.shared import EXPANSION, SIGNS
from claims.papers.mean_bias.theory import geometry, mechanisms

EMBEDDING = experiment(
    "claims.papers.mean_bias.experiments.mechanisms:token_frequencies",
    fixed={"channels": 64, "exponent": 1.0, "head": 10, "tokens": 4096},
    seconds=0.01,
)

NOT_CLAIMS = {
    "section 3, Figure 2, the paper's own steps": (
        "Energy shares at two checkpoints of a training run, by layer; neither numbers nor checkpoints are published. "
        "Its order over layers is audited on a trained model as mean-bias.model.share-deeper and "
        "mean-bias.model.stream-share-grows; what eq. 1 gives without any mean as mean-bias.eq1.null."
    ),
    "section 3, Stage I, disproportionate updates": (
        "How many updates a token gets for its frequency is not measured in the paper. Whether a run aligns the "
        "embedding is audited as mean-bias.training.embedding-aligns, what frequencies do to a trained model's as "
        "mean-bias.model.embedding-*, and what they do by themselves as mean-bias.eq2.zipf-share."
    ),
}


def _searched(statement: str) -> Search:
    return search(statement, examples=100, restarts=2, seconds=0.3)


def one_over_channels(channels: int) -> float:
    """The null of eq. 1 if tokens and channels changed places."""
    return 1 / channels


def squared_ratio_twice(tokens: int, shift: float) -> float:
    """The share squared: what the ratio's square would be if eq. 1 were the share itself."""
    return ((shift * shift + 1 / tokens) / (shift * shift + 1)) ** 2


READINGS = (
    Claim(
        id="mean-bias.eq1.share-reading",
        locus="section 3, eq. 1, N the number of tokens",
        statement=(
            "Read with the mean energy of a token under the root, eq. 1 is a normalized ratio: it lies between 0 and 1."
        ),
        test=_searched("claims.papers.mean_bias.experiments.geometry_statements:SHARE_READING"),
        decides="standard",
    ),
    Claim(
        id="mean-bias.eq1.entry-reading",
        locus="section 3, eq. 1, N the number of entries",
        statement="Read with the mean square of an entry under the root, eq. 1 lies between 0 and 1.",
        test=_searched("claims.papers.mean_bias.experiments.geometry_statements:ENTRY_READING"),
        expected=REFUTED,
        finding=(
            "It reaches sqrt(m) where all tokens are alike, and is sqrt(m/l) for noise "
            "(mean-bias.eq1.null-by-entries), .5 at 4096 tokens of 1024 channels. With the mean energy of a token "
            "under the root the square is an energy share."
        ),
        corrected_by="mean-bias.eq1.share-reading",
        role="control",
        decides="standard",
    ),
    Claim(
        id="mean-bias.eq1.twice-reading",
        locus="section 3, eq. 1, expectation over tokens divided by N again",
        statement=(
            "Read with the mean energy of a token divided by the number of tokens again, eq. 1 lies between 0 and 1."
        ),
        test=_searched("claims.papers.mean_bias.experiments.geometry_statements:TWICE_READING"),
        expected=REFUTED,
        finding=(
            "Averaging twice gives sqrt(l) where all tokens are alike, and one for noise of any size "
            "(mean-bias.eq1.null-twice)."
        ),
        corrected_by="mean-bias.eq1.share-reading",
        role="control",
        decides="standard",
    ),
    Claim(
        id="mean-bias.eq1.is-the-share",
        locus="section 3, eq. 1 with 'mean-energy share'",
        statement="Eq. 1 is itself the mean-energy share that Figure 2 shows.",
        read_as=(
            "The paper measures the mean by eq. 1 and tracks its energy share, and does not say how one becomes the "
            "other; that they be one number is this project's."
        ),
        test=identity(
            EXPANSION["ratio"],
            EXPANSION["spectral_share"],
            bound=EXPANSION["share_bound"],
            planted=EXPANSION["ratio"] * 2.0,
        ),
        expected=REFUTED,
        finding=(
            "The square of eq. 1 is: a ratio of .5 is a quarter of the energy. The square adds up with the shares of "
            "spike and tail."
        ),
        corrected_by="mean-bias.eq1.square-is-the-share",
        role="control",
    ),
    Claim(
        id="mean-bias.eq1.square-is-the-share",
        locus="section 3, eq. 1 with 'mean-energy share'",
        statement="The square of eq. 1 (mean energy of a token under the root) is the mean's share of the energy.",
        test=identity(
            EXPANSION["ratio_squared"],
            EXPANSION["spectral_share"],
            bound=EXPANSION["share_bound"],
            planted=EXPANSION["ratio"],
        ),
        role="ours",
    ),
    Claim(
        id="mean-bias.eq1.null",
        locus="section 3, eq. 1, without a mean",
        statement="For l centred Gaussian tokens the square of eq. 1 has mean 1/l, whatever the number of channels.",
        at=(*grid(tokens=512, channels=64, shift=0.0), *grid(tokens=64, channels=256, shift=0.0)),
        test=mean(SIGNS["mean_share"]),
        band=within(geometry.mean_share, rel=0.1, provenance="theory", because="exact; far from the rivals 1/m, 0"),
        rival=one_over_channels,
        role="ours",
    ),
    Claim(
        id="mean-bias.eq1.null-by-entries",
        locus="section 3, eq. 1, N the number of entries, without a mean",
        statement="Read with the number of entries, noise alone has a squared ratio of m/l.",
        at=grid(tokens=64, channels=256, shift=0.0),
        test=mean(SIGNS["by_entries"]),
        band=within(geometry.mean_share_by_entries, rel=0.05, provenance="theory", because="exact"),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.eq1.null-twice",
        locus="section 3, eq. 1, expectation over tokens divided by N again, without a mean",
        statement="Read with the number of tokens divided out twice, noise alone has a squared ratio of one.",
        at=grid(tokens=64, channels=256, shift=0.0),
        test=mean(SIGNS["by_tokens_twice"]),
        band=within(geometry.mean_share_by_tokens_twice, rel=0.05, provenance="theory", because="exact"),
        rival=geometry.mean_share,
        role="ours",
    ),
    Claim(
        id="mean-bias.eq1.planted",
        locus="section 3, eq. 1, with a mean",
        statement="A mean of s a channel over unit noise has the share (s^2 + 1/l)/(s^2 + 1) of the energy.",
        at=grid(tokens=256, channels=64, shift=[0.1, 0.3]),
        test=ratio(SIGNS["mean_energy"], SIGNS["energy"]),
        band=within(geometry.mean_share, rel=0.08, provenance="theory", because="exact; below the null's 1/l"),
        rival=squared_ratio_twice,
        role="ours",
    ),
)

FREQUENCIES = (
    Claim(
        id="mean-bias.eq2.row-mean",
        locus="section 3, eq. 2",
        statement="The mean of a text's embedded tokens is the mean embedding weighted by the text's own counts.",
        at=grid(vocabulary=1024),
        test=identity(
            EMBEDDING["count_gap"],
            EMBEDDING["count_gap"] * 0.0,
            bound=EMBEDDING["count_bound"],
            planted=EMBEDDING["count_planted"],
        ),
    ),
    Claim(
        id="mean-bias.eq2.frequencies-raise",
        locus="section 3, Stage I",
        statement=(
            "Read of independent embeddings, without the updates that the paper counts on too, Zipf's frequencies give "
            "the mean embedding a larger share of the energy than equal ones."
        ),
        at=grid(vocabulary=[1024, 4096]),
        test=order(EMBEDDING["weighted_share"], EMBEDDING["uniform_share"]),
        band=at_least(0.01, provenance="smallest-effect", because="a hundredth of the energy"),
        rival=0.0,
        decides="standard",
        role="ours",
    ),
    Claim(
        id="mean-bias.eq2.frequencies-suffice",
        locus="section 3, Stage I, nontrivial mean from frequencies",
        statement=(
            "Zipf's frequencies by themselves, without the updates that the paper counts on besides, give the mean "
            "embedding a tenth of the energy."
        ),
        at=grid(vocabulary=4096),
        test=mean(EMBEDDING["weighted_share"]),
        band=at_least(0.1, provenance="author", because="'nontrivial' read as a tenth"),
        rival=mechanisms.corpus_share,
        expected=REFUTED,
        finding=(
            "Over embeddings without a common direction the share is sum p(v)^2, 2.1 % for 4,096 tokens under Zipf's "
            "law. More needs embeddings that training has aligned, as the paper says."
        ),
        corrected_by="mean-bias.eq2.zipf-share",
        role="control",
        decides="standard",
    ),
    Claim(
        id="mean-bias.eq2.zipf-share",
        locus="section 3, Stage I",
        statement="Over independent embeddings the mean's share is sum p(v)^2, 2 % under Zipf's law of 4,096 tokens.",
        at=grid(vocabulary=[1024, 4096]),
        test=mean(EMBEDDING["weighted_share"]),
        band=within(mechanisms.corpus_share, rel=0.1, provenance="theory", because="next terms are O(1/channels)"),
        rival=0.1,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.eq2.few-tokens",
        locus="section 3, Stage I, coherent embedding alignment",
        statement=(
            "The mean embedding of independent embeddings under Zipf's law is ten tokens' own embeddings: the ten most "
            "frequent make 94 % of its energy."
        ),
        at=grid(vocabulary=4096, head=10),
        test=ratio(EMBEDDING["head_energy"], EMBEDDING["mean_energy"]),
        band=within(mechanisms.head_share, abs=0.03, provenance="theory", because="exact in the mean; sd .04 a seed"),
        rival=0.5,
        role="ours",
        decides="standard",
    ),
)
