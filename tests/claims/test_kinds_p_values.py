"""P values: the kinds that give one give the alpha that a search over their own verdicts finds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kit import made_up
from scipy import stats

from claims.bands import Limits
from claims.kinds import mean, order, proportion, quantile, ratio, sample, trend
from claims.kinds.association import rank_correlation, regression
from claims.kinds.base import GivesPValue, Kind, Values
from claims.kinds.sample import column
from claims.verdict import HOLDS, UNDECIDED

A, B = made_up["a"], made_up["b"]
KINDS: dict[str, Kind] = {
    "mean": mean(A),
    "order": order(A, B),
    "ratio": ratio(A, B),
    "regression": regression(A, B, log=False),
    "rank-correlation": rank_correlation(A, B),
    "quantile": quantile(A, q=0.5),
    "upper quantile": quantile(A, q=0.8),
}
EDGES = st.one_of(st.floats(-3, 3), st.sampled_from([-math.inf, math.inf, -1.0, 0.0, 1.0]))


@st.composite
def observations(draw: st.DrawFn) -> Values:
    """Two columns of 4 to 30 observations, correlated or not; of a few values each, or of as many as there are."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, digits = draw(st.integers(4, 30)), draw(st.sampled_from([1, 12]))
    b = draw(st.floats(-1, 3)) + rng.normal(size=n)
    a = draw(st.floats(-2, 2)) + draw(st.floats(-1, 1)) * b + draw(st.floats(0.05, 2)) * rng.normal(size=n)
    return Values({A: np.round(a, digits), B: np.round(b, digits)}, ())


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=50)
@given(observations(), EDGES, EDGES)
def test_a_kind_is_undecided_below_its_p_value_and_decided_above(name, values, one, other):
    test, band = KINDS[name], Limits(min(one, other), max(one, other), None)
    assume(band.lo < band.hi)
    assert isinstance(test, GivesPValue)
    assume(len(set(values.values[B])) > 1)  # scipy has no line through one x
    p = test.p_value(values, band)
    assert 0 <= p <= 1
    if p < 1 - 1e-6:
        assert test.judge(values, band, min(p * (1 + 1e-6) + 1e-13, 1 - 1e-9)).verdict is not UNDECIDED
    if p > 1e-11:
        assert test.judge(values, band, p * (1 - 1e-4)).verdict is UNDECIDED


def test_it_is_the_p_value_of_the_textbook():
    rng = np.random.default_rng(0)
    values = Values({A: rng.normal(0.5, 1.0, size=20), B: rng.normal(size=20)}, ())
    positive = Limits(0.0, math.inf, None)
    assert mean(A).p_value(values, positive) == pytest.approx(stats.ttest_1samp(values.values[A], 0.0).pvalue)
    fit = stats.linregress(values.values[B], values.values[A])
    assert KINDS["regression"].p_value(values, positive) == pytest.approx(fit.pvalue)
    above = int((values.values[A] > 0).sum())
    sign = stats.binomtest(above, 20, 0.5, alternative="greater").pvalue
    assert KINDS["quantile"].p_value(values, positive) == pytest.approx(2 * sign)


def test_constants_have_no_p_value_unless_any_value_would_do():
    flat = Values({A: np.full(8, 2.0), B: np.full(8, 1.0)}, ())
    for test in (mean(A), ratio(A, B)):
        assert test.p_value(flat, Limits(1.0, 3.0, None)) == 1.0
    assert mean(A).p_value(flat, Limits(-math.inf, math.inf, None)) == 0.0
    negative = Values({A: np.arange(8.0), B: np.full(8, -1.0)}, ())
    assert ratio(A, B).p_value(negative, Limits(-100.0, 100.0, None)) == 1.0


@pytest.mark.parametrize("power", [-900, 900])
def test_p_values_have_no_unit(power):
    x = np.random.default_rng(0).normal(1.0, 1.0, size=12)
    one = mean(A).p_value(Values({A: x}, ()), Limits(0.0, 5.0, None))
    assert 1e-6 < one < 0.1
    assert mean(A).p_value(Values({A: np.ldexp(x, power)}, ()), Limits(0.0, math.ldexp(5.0, power), None)) == one


def test_a_kind_without_one_is_searched():
    """Counts, whose interval is not of an edge alone, and whatever a pack brings."""
    test = proportion(column("right"), column("of"))
    assert not isinstance(test, GivesPValue)
    assert not isinstance(trend(A, over="n", direction="increasing"), GivesPValue)
    family = {"mine": {"right": (30.0, 28.0), "of": (40.0, 40.0)}}
    made = sample(test, family=family, member="mine", bands={})
    found = made.judge(Values({}, ()), Limits(0.5, 1.0, None), 0.01)
    assert found.verdict is HOLDS
    assert found.detail["smallest_alpha"] == pytest.approx(2 * stats.binom.sf(57, 80, 0.5), rel=1e-6)
