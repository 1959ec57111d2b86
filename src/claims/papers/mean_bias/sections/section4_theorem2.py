"""Claims of Theorem 2 and Appendix B: how many of l tokens exceed a threshold, and how that number scales."""

from __future__ import annotations

from claims import REFUTED, Claim, at_most, experiment, grid, mean, search, slope, value, within
from claims.kinds.search import Search
from claims.papers.mean_bias.shared import GAUSSIAN, QUADRATURE
from claims.papers.mean_bias.theory import exceedance

TOKENS = (25, 50, 100)
LONGEST = TOKENS[-1]
THRESHOLD = 2.0
#: No mean or one of 3 sigma, and tokens that are independent or share nine tenths of their noise's variance.
COUNTS = experiment(
    "claims.papers.mean_bias.experiments.exceedance:counts",
    sweep={"mean": (0.0, 3.0), "correlation": (0.0, 0.9), "tokens": TOKENS},
    fixed={"threshold": THRESHOLD, "repeats": 1024},
    seconds=0.012,
)


def _searched(statement: str) -> Search:
    return search(statement, examples=60, restarts=2, rounds=1, seconds=0.1)


def independent_variance(tokens: int, threshold: float, mean: float, correlation: float) -> float:
    """What the other degree of dependence would give: none in place of some, and the other way round."""
    return exceedance.count_variance(tokens, threshold, mean, 0.0 if correlation else 0.9)


BOUNDS = (
    Claim(
        id="mean-bias.thm2.mean-regime",
        locus="Theorem 2, mean-dominated regime",
        statement=(
            "For independent tokens and 0 < t < |mu| the expected number of exceedances is at least l (1 - 2 "
            "exp(-(|mu| - t)^2/(2 sigma^2))), whether or not the tokens' laws differ."
        ),
        test=_searched("claims.papers.mean_bias.experiments.exceedance_statements:MEAN_SHARE"),
    ),
    Claim(
        id="mean-bias.thm2.variance-regime",
        locus="Theorem 2, variance-only regime",
        statement=(
            "Without a mean the expected number of exceedances is at most 2 l exp(-t^2/(2 sigma^2)), whether or not "
            "the tokens' laws differ."
        ),
        test=_searched("claims.papers.mean_bias.experiments.exceedance_statements:RARE_SHARE"),
    ),
    Claim(
        id="mean-bias.thm2.dependence",
        locus="Theorem 2, 'independent'",
        statement=(
            "The expected number of exceedances does not depend on dependence: tokens with correlation .9 exceed 2 "
            "sigma as often as independent ones."
        ),
        at=grid(mean=3.0, correlation=[0.0, 0.9], tokens=LONGEST, threshold=THRESHOLD),
        test=mean(COUNTS["share"]),
        band=within(exceedance.exceedance, abs=0.02, provenance="smallest-effect", because="two per cent of tokens"),
        rival=exceedance.one_tail_bound,
        role="ours",
    ),
    Claim(
        id="mean-bias.thm2.example",
        locus="Theorem 2, mean-dominated regime",
        statement=(
            "A mean of 3 sigma takes .8413 of Gaussian coordinates beyond 2 sigma, 841 of 1000 tokens; the theorem "
            "promises at least -213."
        ),
        at=grid(mean=3.0, threshold=THRESHOLD),
        test=value(GAUSSIAN["probability"]),
        band=within(exceedance.exceedance, rel=1e-12, provenance="theory", because=QUADRATURE),
        rival=exceedance.printed_bound,
        role="ours",
    ),
)

SCALING = (
    Claim(
        id="mean-bias.thm2.scaling-difference",
        locus="Appendix B.3, 'this scaling difference'",
        statement=(
            "If Appendix B.3's 'scaling difference' is one in the number of tokens, the expected number of exceedances "
            "without a mean grows at most like the square root of it."
        ),
        at=grid(mean=0.0, correlation=0.0, tokens=TOKENS),
        test=slope(COUNTS["count"], over="tokens"),
        band=at_most(0.5, provenance="smallest-effect", because="half of the power that a mean gives"),
        rival=1.0,
        expected=REFUTED,
        finding=(
            "Without a mean the number grows in proportion, with the exponent 1.01 from 25 to 100 tokens, with one as "
            "well (mean-bias.thm2.both-linear). Read of the constants it holds: at t = 2 sigma .0455 l without a mean "
            "and .841 l with one of 3 sigma (mean-bias.thm2.example)."
        ),
        corrected_by="mean-bias.thm2.both-linear",
        role="ours",
    ),
    Claim(
        id="mean-bias.thm2.both-linear",
        locus="Theorem 2, the text after it; Appendix B.3",
        statement="With and without a mean the expected number of exceedances grows in proportion to l.",
        at=grid(mean=[0.0, 3.0], correlation=0.0, tokens=TOKENS),
        test=slope(COUNTS["count"], over="tokens"),
        band=within(1.0, abs=0.05, provenance="smallest-effect", because="a tenth of the way to a square root"),
        rival=0.5,
        role="ours",
    ),
    Claim(
        id="mean-bias.thm2.spread",
        locus="Appendix B.3, the number itself",
        statement=(
            "The number itself, which Appendix B.3 gives an order to, is near its mean for independent tokens only: of "
            "100 tokens its standard deviation is 3.7, with correlation .9 it is 30."
        ),
        at=grid(mean=3.0, correlation=[0.0, 0.9], tokens=LONGEST, threshold=THRESHOLD),
        test=mean(COUNTS["variance"]),
        band=within(
            exceedance.count_variance,
            rel=0.1,
            provenance="smallest-effect",
            because="five per cent in deviation",
        ),
        rival=independent_variance,
        role="ours",
    ),
)

EQUAL_ENERGY = (
    Claim(
        id="mean-bias.thm2.equal-energy",
        locus="Theorem 2, the two regimes",
        statement=(
            "Compared at equal energy mu^2 + sigma^2 instead of equal sigma, noise alone exceeds 2 sigma .63 times as "
            "often as mean 3 sigma and noise together, and 6 sigma 43 times as often."
        ),
        at=grid(mean=3.0, threshold=[2.0, 6.0]),
        test=value(GAUSSIAN["energy_quotient"]),
        band=within(exceedance.energy_quotient, rel=1e-12, provenance="theory", because=QUADRATURE),
        rival=1.0,
        role="ours",
    ),
)
