"""For-all statements of Theorem 3 as margins that are negative where they fail. Lengths are in units of sigma.

The number of tokens is 2^``log2_tokens``, which need not be whole: l enters as an exponent only. Margins work on plain
numbers: floats, or mpmath's.
"""

from __future__ import annotations

from collections.abc import Callable

from claims.kinds.search import Statement
from claims.papers.mean_bias.experiments.precision import FLOATS, Numbers, Real, precisely

#: What rounding may make of a probability: that of a q near 0, magnified by l.
ALLOWANCE = 1e-11
_LONGEST = 14.0


def reached(level: Real, mean: Real, tokens: Real, numbers: Numbers) -> Real:
    """P(M >= level) for the largest of l values |mu + Z|."""
    if level <= 0:
        return 1 + 0 * level
    root2 = numbers.root(2 + 0 * level)
    above = (numbers.erfc((level - mean) / root2) + numbers.erfc((level + mean) / root2)) / 2
    return 1 + 0 * level if above >= 1 else -numbers.expm1(tokens * numbers.log1p(-above))


def quantile(log_chance: Real, tokens: Real, numbers: Numbers) -> Real:
    """The q below which the largest of l normal variables stays with the given log probability."""
    each = log_chance / tokens
    return -numbers.lower(-numbers.expm1(each)) if each > -0.5 else numbers.lower(numbers.exp(each))


def _confidence(numbers: Numbers, form: str, promise: Callable[[Real], Real], allowance: float) -> Callable[..., Real]:
    """P(M >= |mu| + q) is at least what is promised of delta, for q as printed or corrected."""

    def margin(log2_tokens: Real, mean: Real, delta: Real) -> Real:
        tokens = 2**log2_tokens
        log_chance = numbers.log1p(-delta) if form == "printed" else numbers.log(delta)
        level = abs(mean) + quantile(log_chance, tokens, numbers)
        return reached(level, abs(mean), tokens, numbers) - promise(delta) + allowance

    return margin


def _reaches_mean(numbers: Numbers, base: float, allowance: float) -> Callable[..., Real]:
    """P(M >= |mu|) >= 1 - base^-l."""

    def margin(log2_tokens: Real, mean: Real) -> Real:
        tokens = 2**log2_tokens
        return reached(abs(mean), abs(mean), tokens, numbers) - (1 - base**-tokens) + allowance

    return margin


def _alone(numbers: Numbers, factor: float, allowance: float) -> Callable[..., Real]:
    """P(max |Z| > sqrt(2 log(factor l/delta))) is at most delta, in units of delta."""

    def margin(log2_tokens: Real, delta: Real) -> Real:
        tokens = 2**log2_tokens
        square = 2 * numbers.log(factor * tokens / delta)
        level = numbers.root(square) if square > 0 else 0 * square
        return 1 - reached(level, 0 * delta, tokens, numbers) / delta + allowance

    return margin


def _complement(delta: Real) -> Real:
    return 1 - delta


def _more_than_complement(delta: Real) -> Real:
    return 1 - delta * 0.9


def _itself(delta: Real) -> Real:
    return delta


def _more_than_itself(delta: Real) -> Real:
    return 1.1 * delta


_DELTA = {"delta": (0.001, 0.999)}
_TOKENS = {"log2_tokens": (0.0, _LONGEST)}
_MEAN = {"mean": (0.0, 5.0)}


def _theorem(form: str, promise: Callable[[Real], Real], planted: Callable[[Real], Real], lowest: float) -> Statement:
    return Statement(
        inputs=_TOKENS | _MEAN | {"delta": (lowest, 0.999)},
        margin=_confidence(FLOATS, form, promise, ALLOWANCE),
        planted=_confidence(FLOATS, form, planted, ALLOWANCE),
        precise=precisely(_confidence, form, promise, 0.0),
        rounding=ALLOWANCE,
    )


#: The theorem as printed, which is false; what its proof gives instead; its truth for delta >= 1/2; and corrected.
PRINTED = _theorem("printed", _complement, _more_than_complement, 0.001)
PROVED = _theorem("printed", _itself, _more_than_itself, 0.001)
PRINTED_ABOVE_HALF = _theorem("printed", _complement, _more_than_complement, 0.5)
CORRECTED = _theorem("corrected", _complement, _more_than_complement, 0.001)

#: P(M >= |mu|) >= 1 - 2^-l; planted: 1 - 2.2^-l.
REACHES_MEAN = Statement(
    inputs=_TOKENS | _MEAN,
    margin=_reaches_mean(FLOATS, 2.0, ALLOWANCE),
    planted=_reaches_mean(FLOATS, 2.2, ALLOWANCE),
    precise=precisely(_reaches_mean, 2.0, 0.0),
    rounding=ALLOWANCE,
)


def _noise_alone(factor: float) -> Statement:
    """Planted: nine tenths of l/delta."""
    return Statement(
        inputs=_TOKENS | _DELTA,
        margin=_alone(FLOATS, factor, ALLOWANCE),
        planted=_alone(FLOATS, 0.9, ALLOWANCE),
        precise=precisely(_alone, factor, 0.0),
        rounding=ALLOWANCE,
    )


#: Noise alone: the printed level, and that without its factor 2.
NOISE_ALONE = _noise_alone(2.0)
NOISE_ALONE_SHARP = _noise_alone(1.0)
