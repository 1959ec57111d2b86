"""regression and rank_correlation: coverage of their intervals, and what decides nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given
from hypothesis import strategies as st
from kit import judged, made_up
from scipy import stats

from claims.errors import MeasurementError
from claims.kinds.association import least_squares, rank_correlation, regression, spearman
from claims.verdict import HOLDS, REFUTED, UNDECIDED

Y, X = made_up["y"], made_up["x"]
LINE = regression(Y, X, log=False)
RANKS = rank_correlation(X, Y)


def line(slope: float, noise: float, n: int = 20, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = np.linspace(0.0, 3.0, n)
    return {"x": x, "y": slope * x + noise * rng.normal(size=n)}


@pytest.mark.parametrize(("slope", "expected"), [(0.5, HOLDS), (-2.0, REFUTED), (1.0, UNDECIDED)])
def test_each_verdict_is_reached(slope, expected):
    assert judged(LINE, line(slope, 0.1)).verdict is expected


def test_the_interval_is_that_of_ordinary_least_squares():
    values = line(0.7, 0.5)
    fit = sm.OLS(values["y"], sm.add_constant(values["x"])).fit()
    found = judged(LINE, values, alpha=0.01)
    assert found.estimate == pytest.approx(fit.params[1])
    assert found.interval == pytest.approx(tuple(fit.conf_int(0.01)[1]))
    assert found.detail["observations"] == 20


@given(points=st.lists(st.tuples(st.integers(-5, 5), st.floats(-10, 10, width=16)), min_size=3, max_size=30))
def test_slopes_and_ranks_are_those_of_scipy(points):
    x, y = np.array(points, dtype=float).T
    assume(x.min() < x.max() and y.min() < y.max())
    fit = stats.linregress(x, y)
    assert least_squares(x, y) == (fit.slope, fit.stderr)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-14)


def test_a_slope_needs_different_values_of_x():
    with pytest.raises(MeasurementError, match="got 4 equal ones"):
        judged(LINE, {"x": np.ones(4), "y": np.arange(4.0)})


@pytest.mark.parametrize("constant", ["x", "y"])
def test_a_constant_has_no_rank_correlation(constant):
    found = judged(RANKS, {"x": np.arange(9.0), "y": np.arange(9.0), constant: np.ones(9)})
    assert found.verdict is UNDECIDED
    assert found.interval == (-math.inf, math.inf)


def test_logarithms_are_taken_by_default():
    values = line(0.7, 0.5)
    powers = {name: np.exp(column) for name, column in values.items()}
    assert judged(regression(Y, X), powers).interval == pytest.approx(judged(LINE, values).interval)


@pytest.mark.parametrize("name", ["x", "y"])
def test_a_logarithm_needs_positive_values(name):
    values = {"x": np.array([1.0, 2.0, 3.0]), "y": np.array([1.0, 2.0, 4.0])}
    values[name] = values[name] - 1.0
    with pytest.raises(MeasurementError, match="values > 0"):
        judged(regression(Y, X), values)


def test_slopes_cover_the_truth():
    inside = [judged(LINE, line(0.3, 1.0, n=8, seed=seed), alpha=0.1).interval for seed in range(400)]
    missed = sum(not lo <= 0.3 <= hi for lo, hi in inside)
    assert stats.binomtest(missed, 400, 0.1).pvalue > 1e-3


def test_rank_correlations_cover_the_truth():
    """Bivariate normal with Pearson r has Spearman (6/pi) asin(r/2)."""
    truth, rng = 6 / math.pi * math.asin(0.8 / 2), np.random.default_rng(1)
    missed = 0
    for _ in range(400):
        x, e = rng.normal(size=(2, 25))
        lo, hi = judged(RANKS, {"x": x, "y": 0.8 * x + 0.6 * e}, alpha=0.1).interval
        missed += not lo <= truth <= hi
    assert stats.binomtest(missed, 400, 0.1).pvalue > 1e-3


@pytest.mark.parametrize("n", [5, 12, 40])
def test_the_interval_of_ranks_is_bonett_and_wright_s(n):
    values = line(0.7, 1.0, n=n)
    found = judged(RANKS, values, alpha=0.02)
    rho = stats.spearmanr(values["x"], values["y"]).statistic
    half = stats.norm.isf(0.01) * math.sqrt((1 + rho**2 / 2) / (n - 3))
    assert found.interval == pytest.approx((math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half)))


def test_rank_correlation_ignores_monotone_scales():
    values = line(0.7, 0.5)
    bent = {"x": np.exp(values["x"]), "y": values["y"] ** 3}
    assert judged(RANKS, bent).interval == judged(RANKS, values).interval
    turned = judged(RANKS, {"x": values["x"], "y": -values["y"]})
    assert turned.estimate == pytest.approx(-judged(RANKS, values).estimate)


@pytest.mark.parametrize("test", [LINE, RANKS])
@pytest.mark.parametrize("n", [2, 3, 10])
def test_a_perfect_or_tiny_sample_decides_nothing(test, n):
    found = judged(test, {"x": np.arange(float(n)), "y": 2 * np.arange(float(n))}, lo=1.0, hi=3.0)
    assert found.verdict is UNDECIDED
    assert found.interval == (-math.inf, math.inf)
    assert found.reason
