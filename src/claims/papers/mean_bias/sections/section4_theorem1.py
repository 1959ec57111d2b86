"""Claims of Theorem 1 (eq. 9) and eq. 10: how often a shifted, and an unshifted, coordinate exceeds a threshold."""

from __future__ import annotations

from claims import DEPENDS, Claim, Reading, between, experiment, grid, search, value, within
from claims.kinds.search import Search
from claims.papers.mean_bias.shared import GAUSSIAN, QUADRATURE
from claims.papers.mean_bias.theory import exceedance

MARGIN = experiment("claims.papers.mean_bias.experiments.exceedance:informative_margin", seconds=0.001)
ATOMS = experiment("claims.papers.mean_bias.experiments.exceedance:rare_atoms", seconds=0.005)

NOT_CLAIMS = {
    "Theorem 1, the model X = mu + Z with independent sub-Gaussian Z": (
        "A modelling assumption about activations. Whether the noise of a trained model's is such is audited as "
        "mean-bias.model.noise-*; the theorems are audited as mathematics, for the noise they assume."
    ),
    "section 4, 'removing the mean restores effective numerical resolution'": (
        "No quantity is given here. The error that quantisation makes between tokens with and without a planted mean "
        "is audited as mean-bias.dose.scale-stretched and mean-bias.dose.varying-removed."
    ),
}

_LAWS = {"normal": "normal noise", "uniform": "uniform noise", "two-atoms": "noise with two atoms, however skewed,"}


def _searched(statement: str) -> Search:
    return search(statement, examples=60, restarts=3, rounds=1, seconds=0.1)


BOUND = tuple(
    Claim(
        id=f"mean-bias.thm1.bound-{law}",
        locus="Theorem 1, eq. 9",
        statement=f"For {_LAWS[law]} and 0 < t < |mu|, P(|X| > t) is at least 1 - 2 exp(-(|mu| - t)^2/(2 sigma^2)).",
        test=_searched(statement),
    )
    for law, statement in (
        ("normal", "claims.papers.mean_bias.experiments.exceedance_statements:BOUND_NORMAL"),
        ("uniform", "claims.papers.mean_bias.experiments.exceedance_statements:BOUND_UNIFORM"),
        ("two-atoms", "claims.papers.mean_bias.experiments.exceedance_statements:BOUND_TWO_ATOMS"),
    )
)

SHARPER = (
    *(
        Claim(
            id=f"mean-bias.thm1.sharp-{law}",
            locus="Theorem 1, eq. 9, without its factor 2",
            statement=(
                f"For {_LAWS[law]} P(|X| > t) is at least 1 - exp(-(|mu| - t)^2/(2 sigma^2)), since only noise against "
                "the sign of mu brings |X| down to t."
            ),
            test=_searched(statement),
            role="ours",
        )
        for law, statement in (
            ("normal", "claims.papers.mean_bias.experiments.exceedance_statements:SHARP_NORMAL"),
            ("uniform", "claims.papers.mean_bias.experiments.exceedance_statements:SHARP_UNIFORM"),
            ("two-atoms", "claims.papers.mean_bias.experiments.exceedance_statements:SHARP_TWO_ATOMS"),
        )
    ),
    Claim(
        id="mean-bias.thm1.sharp-attained",
        locus="Theorem 1, eq. 9, without its factor 2",
        statement=(
            "The bound 1 - exp(-(|mu| - t)^2/(2 sigma^2)) cannot be improved: for noise that takes its lower atom with "
            "chance p, the chance of falling to t is that exponential up to a factor 1 - p."
        ),
        at=grid(p=[1e-4, 1e-6]),
        test=value(ATOMS["one"]),
        band=within(1.0, abs=2e-4, provenance="theory", because="the factor differs from 1 by p in the first order"),
        rival=0.5,
        role="ours",
    ),
    Claim(
        id="mean-bias.thm1.vacuous",
        locus="Theorem 1, eq. 9",
        statement=(
            "The bound of eq. 9 is positive if and only if |mu| - t > sigma sqrt(2 ln 2) = 1.1774 sigma; nearer to the "
            "threshold it says nothing."
        ),
        test=value(MARGIN["margin"]),
        band=within(exceedance.informative_margin(), abs=1e-12, provenance="theory", because=QUADRATURE),
        rival=1.0,
        role="ours",
    ),
)

_APART = "'Exceeds' may leave a distance, as Theorem 1's bound does, which grows with it."
_EXCEEDS = Reading(
    axis="mean beyond the threshold",
    option="by any amount",
    because="The text says that the mean exceeds the threshold, and not by how much.",
)

CONSTANT = (
    Claim(
        id="mean-bias.thm1.informative",
        locus="Theorem 1, the text after it",
        statement=(
            "Theorem 1 shows that extreme values occur with constant probability once the mean exceeds the threshold; "
            "so its bound is positive there."
        ),
        read_as=(
            "Extreme values as those beyond t. The paper says what the theorem shows; that the theorem's own bound has "
            "to be positive for it is this project's."
        ),
        test=_searched("claims.papers.mean_bias.experiments.exceedance_statements:INFORMATIVE"),
        readings=(
            _EXCEEDS,
            Reading(
                axis="mean beyond the threshold",
                option="by 1.2 sigma or more",
                because=_APART,
                test=_searched("claims.papers.mean_bias.experiments.exceedance_statements:INFORMATIVE_APART"),
            ),
        ),
        expected=DEPENDS,
        finding=(
            "The bound is zero or negative up to |mu| - t = 1.1774 sigma (mean-bias.thm1.vacuous). Without its factor "
            "2, which the proof does not need (mean-bias.thm1.sharp-normal), it is positive from |mu| = t on, but goes "
            "to 0 there, so that no constant follows. From 1.2 sigma beyond the threshold on it is positive."
        ),
        corrected_by="mean-bias.thm1.vacuous",
        role="implied",
    ),
    Claim(
        id="mean-bias.thm1.constant-probability",
        locus="Theorem 1, the text after it",
        statement=(
            "Once the mean exceeds the threshold, the coordinate exceeds it with constant probability, whatever the "
            "zero-mean sub-Gaussian noise."
        ),
        read_as="One constant for every zero-mean sub-Gaussian noise and every mean beyond t; one per cent is tried.",
        test=_searched("claims.papers.mean_bias.experiments.exceedance_statements:CONSTANT"),
        readings=(
            _EXCEEDS,
            Reading(
                axis="mean beyond the threshold",
                option="by 1.2 sigma or more",
                because=_APART,
                test=_searched("claims.papers.mean_bias.experiments.exceedance_statements:CONSTANT_APART"),
            ),
            Reading(
                axis="noise",
                option="every zero-mean sub-Gaussian one",
                because="It is the noise of Theorem 1.",
            ),
            Reading(
                axis="noise",
                option="of median 0",
                because="Theorem 3's noise is Gaussian, and activations are often taken to be symmetric.",
                test=_searched("claims.papers.mean_bias.experiments.exceedance_statements:MEDIAN"),
            ),
        ),
        expected=DEPENDS,
        finding=(
            "By any amount no constant will do; the search tries one per cent. Noise that is slightly negative with "
            "chance 1 - p and far up with chance p leaves P(|X| > t) = p, although |mu| > t. For a mean beyond the "
            "threshold by a fixed multiple of sigma there is one, 1 - exp(-(|mu| - t)^2/(2 sigma^2)), and for noise "
            "with median 0 it is 1/2."
        ),
        corrected_by="mean-bias.thm1.median",
    ),
    Claim(
        id="mean-bias.thm1.median",
        locus="Theorem 1, the text after it, for noise with median 0",
        statement="If the noise has median 0, |mu| > t alone makes P(|X| > t) at least 1/2.",
        test=_searched("claims.papers.mean_bias.experiments.exceedance_statements:MEDIAN"),
        role="ours",
    ),
)

TAILS = (
    *(
        Claim(
            id=f"mean-bias.eq10.bound-{law}",
            locus="eq. 10",
            statement=f"For {_LAWS[law]} and no mean, P(|Z| > t) is at most 2 exp(-t^2/(2 sigma^2)).",
            test=_searched(statement),
        )
        for law, statement in (
            ("normal", "claims.papers.mean_bias.experiments.exceedance_statements:TAIL_NORMAL"),
            ("uniform", "claims.papers.mean_bias.experiments.exceedance_statements:TAIL_UNIFORM"),
            ("two-atoms", "claims.papers.mean_bias.experiments.exceedance_statements:TAIL_TWO_ATOMS"),
        )
    ),
    Claim(
        id="mean-bias.eq10.excess",
        locus="eq. 10, for Gaussian noise",
        statement=(
            "At 1 to 4 sigma the bound is 3.8, 5.9, 8.2 and 10.6 times the probability of Gaussian noise: outliers of "
            "noise are rarer than it says."
        ),
        at=grid(threshold=[1, 2, 3, 4]),
        test=value(GAUSSIAN["bound_excess"]),
        band=within(exceedance.tail_bound_excess, rel=1e-12, provenance="theory", because=QUADRATURE),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.eq10.factor",
        locus="eq. 10",
        statement=(
            "The factor 2 of eq. 10 is needed, unlike that of eq. 9: noise of +s or -s with a small chance p each "
            "attains 2 exp(-s^2/(2 sigma^2))."
        ),
        at=grid(p=[1e-6]),
        test=value(ATOMS["two"]),
        band=between(1.999, 2.0, provenance="theory", because="below 2 by a few p"),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.eq10.rate",
        locus="eq. 10, the text after it",
        statement=(
            "Exceedances of Gaussian noise become rare like exp(-t^2/(2 sigma^2)), faster than any exponential in t."
        ),
        at=grid(threshold=[32, 64]),
        test=value(GAUSSIAN["exponent"]),
        band=within(1.0, abs=0.01, provenance="theory", because="log(t sqrt(pi/2))/(t^2/2) remains, .0072 at t = 32"),
        rival=0.5,
    ),
)
