"""Claims of Theorem 3: lower bounds on the largest of l shifted Gaussian tokens, and the upper bound without a mean."""

from __future__ import annotations

from claims import REFUTED, Claim, at_least, experiment, grid, proportion, search, value, within
from claims.kinds.search import Search
from claims.papers.mean_bias.shared import DELTA, MANY, MAXIMA
from claims.papers.mean_bias.theory import maxima

FEW_TOKENS = experiment(
    "claims.papers.mean_bias.experiments.maxima:maxima",
    sweep={"mean": (0.1, 0.5)},
    fixed={"repeats": 4000, "delta": DELTA},
    seconds=0.001,
)
EXACT = experiment("claims.papers.mean_bias.experiments.maxima:exact", fixed={"delta": DELTA}, seconds=0.03)
ZERO = experiment("claims.papers.mean_bias.experiments.maxima:at_zero_quantile", seconds=0.005)
QUADRATURE = "the density's quadrature against a closed form"


def missing_power(tokens: int) -> float:
    """2^-l, what the quantile as printed promises where it is 0."""
    return 2.0**-tokens


NOT_CLAIMS = {
    "Theorem 3, 'either sign can be used when mu = 0', and the steps of its proof": (
        "Steps of a proof. What they show is audited as mean-bias.thm3.proved, what is concluded from them as "
        "mean-bias.thm3.confidence."
    ),
}


def _searched(statement: str) -> Search:
    return search(statement, examples=60, restarts=2, rounds=1, seconds=0.1)


INVERTED = (
    Claim(
        id="mean-bias.thm3.confidence",
        locus="Theorem 3",
        statement=(
            "With q = sigma Phi^-1((1 - delta)^(1/l)) the largest of l Gaussian tokens is at least |mu| + q with "
            "probability at least 1 - delta, .95 at l = 1000 and delta = .05."
        ),
        read_as="As printed; l = 1000 and delta = .05 are this project's.",
        at=grid(tokens=MANY, mean=[0.0, 3.0]),
        test=proportion(MAXIMA["printed"], MAXIMA["trials"]),
        band=at_least(1 - DELTA, provenance="theory", because="the theorem's own bound"),
        rival=maxima.printed_confidence,
        expected=REFUTED,
        finding=(
            "The confidence is inverted: (1 - delta)^(1/l) makes 1 - delta the probability of staying below |mu| + q, "
            "so that the proof gives delta in place of 1 - delta. Drawn it is .051 for a mean of 3 sigma and .100 "
            "without a mean, exactly .0500 and .0975. Phi^-1(delta^(1/l)) is the quantile that the theorem needs."
        ),
        corrected_by="mean-bias.thm3.confidence-corrected",
    ),
    Claim(
        id="mean-bias.thm3.confidence-for-all",
        locus="Theorem 3",
        statement=(
            "With q as printed in Theorem 3, P(M >= |mu| + q) is at least 1 - delta for every l, mu and delta in (0, "
            "1)."
        ),
        read_as="As printed, for every delta that the theorem admits.",
        test=_searched("claims.papers.mean_bias.experiments.maxima_statements:PRINTED"),
        expected=REFUTED,
        finding=(
            "It is at least delta, which is less than 1 - delta for delta below 1/2, and no more than that for a large "
            "mean: at delta = .001 and a large mean .999 is promised and .001 is true. From delta = 1/2 on the theorem "
            "is true as printed (mean-bias.thm3.confidence-above-half)."
        ),
        corrected_by="mean-bias.thm3.corrected-for-all",
    ),
    Claim(
        id="mean-bias.thm3.confidence-exact",
        locus="Theorem 3",
        statement=(
            "With q as printed in Theorem 3 the probability is 1 - ((1 - delta)^(1/l) - Phi(-2 |mu|/sigma - "
            "q/sigma))^l."
        ),
        at=grid(tokens=[1, 30, MANY], mean=[0.0, 0.3, 3.0]),
        test=value(EXACT["printed"]),
        band=within(maxima.printed_confidence, abs=1e-9, provenance="theory", because=QUADRATURE),
        rival=1 - DELTA,
        role="ours",
    ),
    Claim(
        id="mean-bias.thm3.proved",
        locus="Theorem 3, its proof",
        statement="What the proof shows is true: P(M >= |mu| + q) is at least delta, with q as printed.",
        test=_searched("claims.papers.mean_bias.experiments.maxima_statements:PROVED"),
        role="ours",
    ),
    Claim(
        id="mean-bias.thm3.confidence-above-half",
        locus="Theorem 3, delta >= 1/2",
        statement="The theorem as printed is true where it promises one half or less, for delta from 1/2 on.",
        test=_searched("claims.papers.mean_bias.experiments.maxima_statements:PRINTED_ABOVE_HALF"),
        role="ours",
    ),
)

CORRECTED = (
    Claim(
        id="mean-bias.thm3.confidence-corrected",
        locus="Theorem 3, with delta^(1/l)",
        statement=(
            "With q = sigma Phi^-1(delta^(1/l)) the probability is .9500 for a mean of 3 sigma and .9975 without one, "
            "at l = 1000 and delta = .05 (drawn)."
        ),
        at=grid(tokens=MANY, mean=[0.0, 3.0]),
        test=proportion(MAXIMA["corrected"], MAXIMA["trials"]),
        band=within(maxima.confidence, abs=0.02, provenance="smallest-effect", because="two fifths of delta"),
        rival=maxima.printed_confidence,
        role="ours",
    ),
    Claim(
        id="mean-bias.thm3.corrected-for-all",
        locus="Theorem 3, with delta^(1/l)",
        statement="With the corrected q, P(M >= |mu| + q) is at least 1 - delta for every l, mu and delta.",
        test=_searched("claims.papers.mean_bias.experiments.maxima_statements:CORRECTED"),
        role="ours",
    ),
    Claim(
        id="mean-bias.thm3.corrected-exact",
        locus="Theorem 3, with delta^(1/l)",
        statement=(
            "With q = sigma Phi^-1(delta^(1/l)) the probability is 1 - (delta^(1/l) - Phi(-2 |mu|/sigma - q/sigma))^l, "
            "1 - delta at least."
        ),
        at=grid(tokens=[30, MANY], mean=[0.0, 3.0]),
        test=value(EXACT["corrected"]),
        band=within(maxima.confidence, abs=1e-9, provenance="theory", because=QUADRATURE),
        rival=DELTA,
        role="ours",
    ),
)

IN_PARTICULAR = (
    Claim(
        id="mean-bias.thm3.equality",
        locus="Theorem 3, 'in particular'",
        statement="In Theorem 3, P(M >= |mu|) equals 1 - 2^-l.",
        read_as="The sign of equality as printed, for any mean; the means and numbers of tokens are this project's.",
        at=grid(tokens=[1, 3], mean=[0.1, 0.5]),
        test=proportion(FEW_TOKENS["reaches_mean"], FEW_TOKENS["trials"]),
        band=within(
            maxima.half_of_the_tokens, abs=0.01, provenance="smallest-effect", because="an exact equality is claimed"
        ),
        rival=maxima.reaches_mean,
        expected=REFUTED,
        finding=(
            "It is 1 - (Phi(2 |mu|/sigma) - 1/2)^l, since noise beyond -2 |mu| reaches |mu| as well: .92 and .66 in "
            "place of .5 for one token with a mean of .1 and .5 sigma, and 1 without a mean. As a bound it holds "
            "(mean-bias.thm3.reaches-mean-bound), as an equality in the limit of a large mean."
        ),
        corrected_by="mean-bias.thm3.reaches-mean",
    ),
    Claim(
        id="mean-bias.thm3.reaches-mean",
        locus="Theorem 3, 'in particular'",
        statement="P(M >= |mu|) = 1 - (Phi(2 |mu|/sigma) - 1/2)^l.",
        at=grid(tokens=[1, 3], mean=[0.1, 0.5]),
        test=value(EXACT["reaches_mean"]),
        band=within(maxima.reaches_mean, abs=1e-9, provenance="theory", because=QUADRATURE),
        rival=maxima.half_of_the_tokens,
        role="ours",
    ),
    Claim(
        id="mean-bias.thm3.reaches-mean-bound",
        locus="Theorem 3, 'in particular', as an inequality",
        statement="P(M >= |mu|) is at least 1 - 2^-l for every l and mu.",
        test=_searched("claims.papers.mean_bias.experiments.maxima_statements:REACHES_MEAN"),
        role="ours",
    ),
    Claim(
        id="mean-bias.thm3.reaches-mean-limit",
        locus="Theorem 3, 'in particular', for a large mean",
        statement="At |mu| = 4 sigma the probability that the maximum reaches |mu| is 1 - 2^-l to nine digits.",
        at=grid(tokens=[1, 3], mean=4.0),
        test=value(EXACT["reaches_mean"]),
        band=within(maxima.half_of_the_tokens, abs=1e-9, provenance="theory", because="Phi(-8) is 6e-16"),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.thm3.in-particular",
        locus="Theorem 3, 'in particular'",
        statement="In particular, that is at the delta for which q = 0, Theorem 3 as printed gives 1 - 2^-l.",
        read_as="'In particular' as what follows from the theorem's own quantile, at the delta where it is zero.",
        at=grid(tokens=[2, 8]),
        test=value(ZERO["printed"]),
        band=within(maxima.half_of_the_tokens, abs=1e-9, provenance="theory", because="a root in 30 digits"),
        rival=missing_power,
        expected=REFUTED,
        finding=(
            "It gives 2^-l, .25 for two tokens. 1 - 2^-l follows from the corrected quantile, which is 0 at delta = "
            "2^-l."
        ),
        corrected_by="mean-bias.thm3.in-particular-corrected",
    ),
    Claim(
        id="mean-bias.thm3.in-particular-corrected",
        locus="Theorem 3, 'in particular', with delta^(1/l)",
        statement="With the corrected q the theorem promises 1 - 2^-l where q = 0.",
        at=grid(tokens=[2, 8]),
        test=value(ZERO["corrected"]),
        band=within(maxima.half_of_the_tokens, abs=1e-9, provenance="theory", because="a root in 30 digits"),
        rival=missing_power,
        role="ours",
    ),
)

VARIANCE_ONLY = (
    Claim(
        id="mean-bias.thm3.variance-only",
        locus="Theorem 3, variance-only case",
        statement="Without a mean, max |Z| <= sigma sqrt(2 log(2 l/delta)) with probability at least 1 - delta.",
        test=_searched("claims.papers.mean_bias.experiments.maxima_statements:NOISE_ALONE"),
    ),
    Claim(
        id="mean-bias.thm3.variance-only-drawn",
        locus="Theorem 3, variance-only case",
        statement=(
            "Of 1000 Gaussian tokens without a mean the largest magnitude is below sigma sqrt(2 log(2 l/delta)) with "
            "probability at least 1 - delta = .95."
        ),
        at=grid(tokens=MANY, mean=0.0),
        test=proportion(MAXIMA["below_union"], MAXIMA["trials"]),
        band=at_least(1 - DELTA, provenance="theory", because="the theorem's own bound; the probability is .996"),
        rival=0.9,
    ),
    Claim(
        id="mean-bias.thm3.variance-only-sharper",
        locus="Theorem 3, variance-only case, for Gaussian noise",
        statement="sigma sqrt(2 log(l/delta)) is high enough: a Gaussian tail is at most half of exp(-t^2/2).",
        test=_searched("claims.papers.mean_bias.experiments.maxima_statements:NOISE_ALONE_SHARP"),
        role="ours",
    ),
)
