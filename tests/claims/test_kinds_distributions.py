"""The intervals that are written out are those of statsmodels, and their quantiles those of scipy.stats: to the bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from claims.kinds import distributions
from claims.kinds.intervals import count_interval, mean_and_error, scaled, t_interval
from claims.kinds.p_values import t_tails

#: Levels from those that nobody asks for down to where 1 - alpha/2 rounds to one.
ALPHAS = (0.9, 0.05, 1e-3, 2e-5, 3.3e-9, 2.0**-53)
SEEDS = (2, 3, 8, 10, 16, 31, 128, 256)


def draws(seed: int, n: int) -> np.ndarray:
    rng = np.random.default_rng([seed, n])
    return rng.choice([rng.normal, rng.standard_exponential, rng.standard_cauchy])(size=n) * 10.0 ** rng.integers(-9, 9)


@pytest.mark.parametrize("n", SEEDS)
def test_an_interval_of_a_mean_is_that_of_statsmodels(n):
    for seed in range(40):
        x = draws(seed, n)
        moments = DescrStatsW(x)
        for alpha in ALPHAS:
            assert t_interval(x, alpha) == tuple(map(float, moments.tconfint_mean(alpha=alpha)))
        values, exponent = scaled(x)
        assert tuple(math.ldexp(part, exponent) for part in mean_and_error(values)) == (moments.mean, moments.std_mean)
        pivot = (moments.mean - 1.0) / moments.std_mean
        assert t_tails(x)(1.0) == (stats.t(n - 1).sf(pivot), stats.t(n - 1).sf(-pivot))


def test_an_interval_of_a_proportion_is_that_of_statsmodels():
    rng = np.random.default_rng(0)
    for trials in (1, 2, 7, 100, 4096, 10**6):
        for count in {0, trials, *map(int, rng.integers(0, trials + 1, size=20))}:
            for alpha in ALPHAS:
                expected = proportion_confint(count, trials, alpha=alpha, method="beta")
                assert count_interval(count, trials, alpha) == tuple(map(float, expected))


@pytest.mark.parametrize("q", [0.0, 1e-300, 1e-20, 2e-5, 0.3, 0.5, 1 - 2.0**-53, 1.0])
def test_quantiles_are_those_of_scipy_stats(q):
    for degrees in (1, 2, 7, 63, 255):
        assert distributions.student_isf(q, degrees) == stats.t.isf(q, degrees)
        assert distributions.student_ppf(q, degrees) == stats.t.ppf(q, degrees)
    assert distributions.normal_ppf(q) == stats.norm.ppf(q)


@pytest.mark.parametrize("x", [-math.inf, -40.0, -3.7, -0.0, 0.1, 2.0, 9.0, math.inf])
def test_tails_are_those_of_scipy_stats(x):
    assert distributions.normal_cdf(x) == stats.norm.cdf(x)
    assert distributions.normal_sf(x) == stats.norm.sf(x)
    for degrees in (1, 2, 7, 63, 255):
        assert distributions.student_sf(x, degrees) == stats.t.sf(x, degrees)


def test_counts_are_binomial():
    for trials, p in ((1, 0.5), (7, 0.1), (1000, 0.5), (10**5, 1e-4)):
        for count in {-1, 0, 1, trials // 2, trials - 1, trials}:
            assert distributions.binomial_sf(count, trials, p) == stats.binom.sf(count, trials, p)
            expected = stats.binom.cdf(count, trials, p)
            assert distributions.binomial_cdf(count, trials, p) == pytest.approx(expected, rel=1e-12)
