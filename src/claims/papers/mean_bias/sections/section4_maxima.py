"""Claims of the text after Theorem 3: how maxima grow with the number of tokens, and what a mean adds to them."""

from __future__ import annotations

import math

from claims import REFUTED, Claim, at_most, experiment, grid, mean, order, value, within
from claims.papers.mean_bias.shared import MANY, MAXIMA
from claims.papers.mean_bias.theory import maxima

GROWTH = experiment("claims.papers.mean_bias.experiments.maxima:growth", seconds=0.2)


def three_sigma_shift(tokens: int) -> float:
    """What a mean of 3 sigma adds to the mean maximum."""
    return maxima.mean_raises_maximum(tokens, 3.0)


GROWTH_CLAIMS = (
    Claim(
        id="mean-bias.maxima.leading",
        locus="Theorem 3, the text after it",
        statement="Maxima of Gaussian noise grow like sigma sqrt(2 log l): the quotient of the two tends to 1.",
        at=grid(log10_tokens=[1000, 10000]),
        test=value(GROWTH["over_leading"]),
        band=within(1.0, abs=0.001, provenance="theory", because="of order log log l/log l: .0008 remains at 10^1000"),
        rival=math.sqrt(0.5),
    ),
    Claim(
        id="mean-bias.maxima.logarithmic",
        locus="Theorem 3, the text after it, 'only logarithmically'",
        statement=(
            "Maxima of noise grow no faster than logarithmically: the square of the maximum over log l tends to 2."
        ),
        at=grid(log10_tokens=[1000, 10000]),
        test=value(GROWTH["squared_over_log"]),
        band=within(2.0, abs=0.004, provenance="theory", because="twice the remainder of the leading term, twofold"),
        rival=1.0,
    ),
    Claim(
        id="mean-bias.maxima.second-order",
        locus="Theorem 3, the text after it, corrected rate",
        statement=(
            "With a = sqrt(2 log 2l) the mean maximum of |Z| is a - (log log 2l + log 4 pi - 2 gamma)/(2a) to second "
            "order; gamma is Euler's constant."
        ),
        at=grid(log10_tokens=[1000, 10000]),
        test=value(GROWTH["constant"]),
        band=within(
            maxima.growth_constant(),
            abs=0.005,
            provenance="theory",
            because="the next order is below .004 at 10^1000 tokens",
        ),
        rival=math.log(4 * math.pi),
        role="ours",
    ),
    Claim(
        id="mean-bias.maxima.finite",
        locus="Theorem 3, the text after it",
        statement=(
            "At 128 and 1000 tokens, and for a mean of 0 or 3 sigma, the mean maximum is what its integral gives; "
            "without a mean that is 9 and 8 per cent below sigma sqrt(2 log l)."
        ),
        at=grid(tokens=[128, MANY], mean=[0.0, 3.0]),
        test=mean(MAXIMA["maximum"]),
        band=within(maxima.mean_maximum, abs=0.05, provenance="smallest-effect", because="a fifth of the gap"),
        rival=maxima.leading_growth,
        role="ours",
    ),
)

SHIFT = (
    Claim(
        id="mean-bias.maxima.shift",
        locus="Theorem 3, 'an additive lower shift |mu|'",
        statement=(
            "A mean of 3 sigma raises the mean maximum of 1000 tokens by 2.81 sigma: less than |mu|, since noise alone "
            "has two tails to draw its maximum from."
        ),
        at=grid(tokens=MANY),
        test=order(MAXIMA.at(mean=3.0)["maximum"], MAXIMA.at(mean=0.0)["maximum"]),
        band=within(
            three_sigma_shift, abs=0.04, provenance="smallest-effect", because="a fifth of what |mu| would add to it"
        ),
        rival=3.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.maxima.dominates",
        locus="Theorem 3, the text after it, at equal energy",
        statement=(
            "Read at equal energy mu^2 + sigma^2, which the paper does not say, a coordinate with a mean of 3 sigma "
            "has a larger mean maximum over 1000 tokens than one without."
        ),
        at=grid(tokens=MANY, mean=3.0),
        test=order(MAXIMA["equal_energy"], MAXIMA["maximum"]),
        band=at_most(0.0, provenance="smallest-effect", because="which is larger is the question"),
        rival=maxima.noise_raises_maximum,
        expected=REFUTED,
        finding=(
            "Without a mean the maximum is larger by 4.6 sigma: energy in a common mean is spread over all tokens "
            "alike, and makes for smaller extremes than the same energy in noise. Theorem 3 compares noise with the "
            "same noise and a mean on top of it."
        ),
        corrected_by="mean-bias.maxima.equal-energy",
        role="control",
    ),
    Claim(
        id="mean-bias.maxima.equal-energy",
        locus="Theorem 3, the text after it, at equal energy",
        statement="At equal energy noise alone has the larger mean maximum over 1000 tokens, by 4.62 sigma.",
        at=grid(tokens=MANY, mean=3.0),
        test=order(MAXIMA["equal_energy"], MAXIMA["maximum"]),
        band=within(
            maxima.noise_raises_maximum,
            abs=0.1,
            provenance="smallest-effect",
            because="two per cent of the difference",
        ),
        rival=0.0,
        role="ours",
    ),
)
