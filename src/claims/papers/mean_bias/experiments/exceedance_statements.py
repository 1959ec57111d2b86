"""For-all statements of Theorems 1 and 2 as margins that are negative where they fail, for several noise laws.

Laws are scaled to an optimal sub-Gaussian proxy of 1: the normal law; the uniform law, whose proxy is its variance; and
two centred atoms at unit distance, of which the upper one has chance p and the proxy is (1 - 2p)/(2 log((1 - p)/p)).
With p near 0 or 1 that is noise with a rare outlier, with p = 1/2 a fair coin. Margins work on plain numbers: floats,
or mpmath's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from claims.kinds.search import Statement
from claims.papers.mean_bias.experiments.precision import FLOATS, Numbers, Real, precisely

#: What rounding may make of a probability over exp(-12.5), and of its complement.
ALLOWANCE = 1e-9
#: Chance of the rarer of two atoms.
RAREST = 1e-4
#: How far beyond the threshold, in units of sigma, a mean has to be for eq. 9 to say something: more than 1.1774.
APART = 1.2


#: P(|mu + Z| <= t) from t, mu and the chance p of the upper atom, which the other laws ignore.
Law = Callable[[Real, Real, Real, Numbers], Real]


def normal(threshold: Real, mean: Real, p: Real, numbers: Numbers) -> Real:
    """Standard normal noise."""
    root2, distance = numbers.root(2 + 0 * mean), abs(mean)
    return (numbers.erfc((distance - threshold) / root2) - numbers.erfc((distance + threshold) / root2)) / 2


def uniform(threshold: Real, mean: Real, p: Real, numbers: Numbers) -> Real:
    """Noise uniform on [-sqrt 3, sqrt 3]."""
    half = numbers.root(3 + 0 * mean)
    inside = min(threshold, mean + half) - max(-threshold, mean - half)
    return max(inside, 0 * inside) / (2 * half)


def atoms(p: Real, numbers: Numbers) -> tuple[Real, Real]:
    """Upper and lower of two centred atoms, in units of the root of their optimal proxy."""
    skew = 1 - 2 * p
    scale = numbers.root(skew / (4 * numbers.atanh(skew)) if skew else (1 + skew) / 4)
    return (1 - p) / scale, -p / scale


def two_atoms(threshold: Real, mean: Real, p: Real, numbers: Numbers) -> Real:
    """Two centred atoms."""
    upper, lower = atoms(p, numbers)
    return p * (abs(mean + upper) <= threshold) + (1 - p) * (abs(mean + lower) <= threshold)


def mixed_tokens(threshold: Real, mean: Real, p: Real, numbers: Numbers) -> Real:
    """Mean share over tokens with different laws: normal, uniform, and two atoms skewed either way."""
    skewed = two_atoms(threshold, mean, p, numbers) + two_atoms(threshold, mean, 1 - p, numbers)
    return (normal(threshold, mean, p, numbers) + uniform(threshold, mean, p, numbers) + skewed) / 4


LAWS: Mapping[str, Law] = {"normal": normal, "uniform": uniform, "two-atoms": two_atoms, "mixed": mixed_tokens}

_CHANCES = {"p": (RAREST, 1 - RAREST)}
_SHIFT = {"mean": (0.5, 5.0), "fraction": (0.001, 0.999)}
_CENTRED = {"threshold": (0.001, 5.0)} | _CHANCES


def _above(numbers: Numbers, law: str, factor: float, allowance: float) -> Callable[..., Real]:
    """P(|X| > t) >= 1 - factor exp(-(|mu| - t)^2/2) for t = fraction |mu|, in units of the exponential."""

    def margin(mean: Real, fraction: Real, p: Real) -> Real:
        threshold = fraction * abs(mean)
        spare = abs(mean) - threshold
        inside = LAWS[law](threshold, mean, p, numbers)
        return factor - inside * numbers.exp(spare * spare / 2) + allowance

    return margin


def _rare(numbers: Numbers, law: str, factor: float, allowance: float) -> Callable[..., Real]:
    """P(|Z| > t) <= factor exp(-t^2/2), in units of the exponential."""

    def margin(threshold: Real, p: Real) -> Real:
        above = 1 - LAWS[law](threshold, 0 * threshold, p, numbers)
        return factor - above * numbers.exp(threshold * threshold / 2) + allowance

    return margin


def _informative(numbers: Numbers, least: float) -> Callable[..., Real]:
    """The bound of eq. 9 is at least so much whenever |mu| > t."""

    def margin(mean: Real, fraction: Real) -> Real:
        spare = abs(mean) * (1 - fraction)
        return 1 - 2 * numbers.exp(-spare * spare / 2) - least

    return margin


def _constant(numbers: Numbers, least: float) -> Callable[..., Real]:
    """The probability is at least so much whenever |mu| > t, for a threshold between mu and mu plus the lower atom."""

    def margin(mean: Real, fraction: Real, p: Real) -> Real:
        _, lower = atoms(p, numbers)
        threshold = mean + fraction * lower
        return 1 - two_atoms(threshold, mean, p, numbers) - least

    return margin


def _informative_apart(numbers: Numbers, least: float) -> Callable[..., Real]:
    """The bound of eq. 9 is at least so much at a given distance of |mu| from t."""

    def margin(spare: Real) -> Real:
        return 1 - 2 * numbers.exp(-spare * spare / 2) - least

    return margin


def _constant_apart(numbers: Numbers, least: float) -> Callable[..., Real]:
    """The probability is at least so much whenever mu is ``APART`` or more beyond t."""

    def margin(mean: Real, fraction: Real, p: Real) -> Real:
        return 1 - two_atoms((mean - APART) * fraction, mean, p, numbers) - least

    return margin


def _median(numbers: Numbers, least: float, allowance: float) -> Callable[..., Real]:
    """The probability is at least so much for noise of mean and median 0: atoms below, at and above 0."""

    def margin(mean: Real, fraction: Real, low: Real, high: Real, depth: Real) -> Real:
        threshold, height = fraction * abs(mean), low * depth / high
        law = ((low, -depth), (1 - low - high, 0), (high, height))
        return sum(chance * (abs(mean + atom) > threshold) for chance, atom in law) - least + allowance

    return margin


def _bound(law: str, factor: float, planted: float) -> Statement:
    return Statement(
        inputs=_SHIFT | _CHANCES,
        margin=_above(FLOATS, law, factor, ALLOWANCE),
        planted=_above(FLOATS, law, planted, ALLOWANCE),
        precise=precisely(_above, law, factor, 0.0),
        rounding=ALLOWANCE,
    )


def _tail(law: str, planted: float) -> Statement:
    return Statement(
        inputs=_CENTRED,
        margin=_rare(FLOATS, law, 2.0, ALLOWANCE),
        planted=_rare(FLOATS, law, planted, ALLOWANCE),
        precise=precisely(_rare, law, 2.0, 0.0),
        rounding=ALLOWANCE,
    )


#: Eq. 9 with its factor 2; planted: factors that the law violates.
BOUND_NORMAL = _bound("normal", 2.0, 0.45)
BOUND_UNIFORM = _bound("uniform", 2.0, 0.45)
BOUND_TWO_ATOMS = _bound("two-atoms", 2.0, 0.85)
#: The same with factor 1.
SHARP_NORMAL = _bound("normal", 1.0, 0.45)
SHARP_UNIFORM = _bound("uniform", 1.0, 0.45)
SHARP_TWO_ATOMS = _bound("two-atoms", 1.0, 0.85)
#: Theorem 2's bounds for tokens that are not alike.
MEAN_SHARE = _bound("mixed", 2.0, 0.45)
#: Eq. 10 and Theorem 2 without a mean; a fair coin needs exp(1/2) = 1.65, the others 1.
TAIL_NORMAL = _tail("normal", 0.95)
TAIL_UNIFORM = _tail("uniform", 0.95)
TAIL_TWO_ATOMS = _tail("two-atoms", 1.5)
RARE_SHARE = _tail("mixed", 0.95)

#: Eq. 9 says something whenever |mu| > t, which is false; planted: it says a tenth.
INFORMATIVE = Statement(
    inputs=_SHIFT,
    margin=_informative(FLOATS, 0.0),
    planted=_informative(FLOATS, 0.1),
    precise=precisely(_informative, 0.0),
)
#: One per cent whenever |mu| > t, which is false; planted: two per cent.
CONSTANT = Statement(
    inputs={"mean": (0.5, 5.0), "fraction": (0.01, 0.99), "p": (RAREST, 0.1)},
    margin=_constant(FLOATS, 0.01),
    planted=_constant(FLOATS, 0.02),
    precise=precisely(_constant, 0.01),
)
#: Eq. 9 says something from ``APART`` on; planted: it says a tenth.
INFORMATIVE_APART = Statement(
    inputs={"spare": (APART, 5.0)},
    margin=_informative_apart(FLOATS, 0.02),
    planted=_informative_apart(FLOATS, 0.1),
    precise=precisely(_informative_apart, 0.02),
)
#: One per cent from ``APART`` on, whatever the chance of the upper atom; planted: nine in ten.
CONSTANT_APART = Statement(
    inputs={"mean": (APART + 0.1, 5.0), "fraction": (0.001, 0.999)} | _CHANCES,
    margin=_constant_apart(FLOATS, 0.01),
    planted=_constant_apart(FLOATS, 0.9),
    precise=precisely(_constant_apart, 0.01),
)
#: One half whenever |mu| > t and the noise has median 0; planted: .55.
MEDIAN = Statement(
    inputs=_SHIFT | {"depth": (0.01, 5.0)} | dict.fromkeys(("low", "high"), (0.01, 0.5)),
    margin=_median(FLOATS, 0.5, ALLOWANCE),
    planted=_median(FLOATS, 0.55, ALLOWANCE),
    precise=precisely(_median, 0.5, 0.0),
)
