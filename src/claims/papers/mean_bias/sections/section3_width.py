"""Claims of section 3, eq. 5, and after Theorem 3: what grows with the number of channels, and what does not."""

from __future__ import annotations

from claims import REFUTED, Claim, at_least, at_most, experiment, grid, identity, order, ratio, slope, within
from claims.papers.mean_bias.theory import mechanisms

WIDTHS = [64, 256, 1024]
WIDTH = experiment(
    "claims.papers.mean_bias.experiments.mechanisms:width",
    sweep={"hidden": WIDTHS, "law": ("constant", "gaussian")},
    fixed={"tokens": 128, "shift": 0.3, "largest": 0.001},
    seconds=0.015,
)
VECTOR = experiment(
    "claims.papers.mean_bias.experiments.mechanisms:root_mean_square", fixed={"hidden": 1024}, seconds=0.001
)

NORM = (
    Claim(
        id="mean-bias.eq5.root-mean-square",
        locus="section 3, eq. 5, mu-bar the root mean square of the entries",
        statement=(
            "Read with mu-bar the root mean square of the entries, eq. 5 is exact: |mu| is sqrt(H) mu-bar for every mu."
        ),
        test=identity(
            VECTOR["by_root_mean_square"], VECTOR["norm"], bound=VECTOR["bound"], planted=VECTOR["by_magnitude"]
        ),
    ),
    Claim(
        id="mean-bias.eq5.mean-magnitude",
        locus="section 3, eq. 5, mu-bar the mean magnitude of the entries",
        statement=(
            "Read as an equation with mu-bar the mean magnitude of the entries, which the paper does not define, eq. 5 "
            "says that |mu| is sqrt(H) times that."
        ),
        at=grid(hidden=1024, law="gaussian"),
        test=ratio(WIDTH["mean_norm"], WIDTH["flat_norm"]),
        band=within(1.0, rel=0.1, provenance="smallest-effect", because="a tenth in the norm"),
        rival=mechanisms.gaussian_mean_norm,
        expected=REFUTED,
        finding=(
            "It is 1.25 times as much for Gaussian entries, sqrt(pi/2), and sqrt(H) times for a single outlier "
            "channel; by Jensen it is never less. With the root mean square for mu-bar it is an identity."
        ),
        corrected_by="mean-bias.eq5.root-mean-square",
        role="control",
    ),
    Claim(
        id="mean-bias.eq5.norm-grows",
        locus="section 3, eq. 5",
        statement="With entries of a given law the norm of the mean grows like sqrt(H).",
        at=grid(hidden=WIDTHS, law="gaussian"),
        test=slope(WIDTH["mean_norm"], over="hidden"),
        band=within(0.5, abs=0.05, provenance="smallest-effect", because="a tenth of the exponent"),
        rival=1.0,
    ),
    Claim(
        id="mean-bias.eq5.noise-grows-alike",
        locus="section 3, eq. 5",
        statement="The length of a centred token grows like sqrt(H), as the norm of the mean does.",
        at=grid(hidden=WIDTHS, law="gaussian"),
        test=slope(WIDTH["noise_norm"], over="hidden"),
        band=within(0.5, abs=0.02, provenance="smallest-effect", because="a twenty-fifth of the exponent"),
        rival=0.0,
        role="ours",
    ),
)

OUTLIERS = (
    Claim(
        id="mean-bias.eq5.width-makes-outliers",
        locus="section 3, after eq. 5; section 1, 'elementwise extremes'",
        statement=(
            "If it is the scaling of eq. 5 with sqrt(H) that makes means contribute disproportionately to extremes, "
            "the mean makes a part of the largest entries that is larger by .05 with 1024 channels than with 64, at a "
            "given mean a channel."
        ),
        at=grid(hidden=WIDTHS, law=["constant", "gaussian"]),
        test=order(WIDTH["extreme_share"], over="hidden"),
        band=at_least(0.05, provenance="smallest-effect", because="a twentieth of the entry, from 64 channels to 1024"),
        rival=0.0,
        expected=REFUTED,
        finding=(
            "From 64 channels to 1024 the mean's part changes by -.006 (equal entries) and .001 (Gaussian ones), at a "
            "mean of .3 a channel and 128 tokens: the norms of mean and noise grow alike. Read of the norm, the "
            "scaling itself holds (mean-bias.eq5.norm-grows)."
        ),
        corrected_by="mean-bias.eq5.width-changes-nothing",
        decides="standard",
        role="ours",
    ),
    Claim(
        id="mean-bias.eq5.width-changes-nothing",
        locus="section 3, after eq. 5",
        statement="At a given mean a channel the mean's share of the energy is the same for 64 channels and for 1024.",
        at=grid(hidden=WIDTHS, law=["constant", "gaussian"]),
        test=order(WIDTH["mean_share"], over="hidden"),
        band=within(0.0, abs=0.02, provenance="smallest-effect", because="a quarter of the share of .083"),
        rival=0.1,
        role="ours",
    ),
    Claim(
        id="mean-bias.thm3.scales-with-dimension",
        locus="section 4, after Theorem 3",
        statement=(
            "If the mean shifts that 'can scale with the representation dimension' are Theorem 3's |mu_j| of single "
            "channels, and channel means are Gaussian of one size, the largest of them grows like eq. 5's norm, "
            "with an exponent of H between .3 and .7."
        ),
        at=grid(hidden=WIDTHS, law="gaussian"),
        test=slope(WIDTH["largest_mean"], over="hidden"),
        band=within(0.5, abs=0.2, provenance="author", because="the exponent of eq. 5, or something like it"),
        rival=0.0,
        expected=REFUTED,
        finding=(
            "From 64 to 1024 channels the largest of H Gaussian channel means of one size grows with the exponent .10, "
            "as sqrt(2 log H) does; equal ones do not grow. Read of the norm, it holds (mean-bias.eq5.norm-grows)."
        ),
        corrected_by="mean-bias.thm3.largest-entry",
        role="ours",
    ),
    Claim(
        id="mean-bias.thm3.largest-entry",
        locus="section 4, after Theorem 3",
        statement="The largest entry of X grows more slowly than H^0.1 between 64 and 1024 channels.",
        at=grid(hidden=WIDTHS, law=["constant", "gaussian"]),
        test=slope(WIDTH["largest_entry"], over="hidden"),
        band=at_most(0.1, provenance="author", because="a fifth of the exponent of eq. 5"),
        rival=0.5,
        role="ours",
    ),
)
