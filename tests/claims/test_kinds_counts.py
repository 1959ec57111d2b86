"""proportion and quantile: Clopper-Pearson and nothing else, also at the extremes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import claim, judged, made_up, settle, verdict
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from claims.bands import at_most, between
from claims.errors import InvalidDeclaration, MeasurementError
from claims.kinds import proportion, quantile
from claims.kinds.intervals import count_interval, quantile_interval
from claims.verdict import ERROR, HOLDS, REFUTED, UNDECIDED

WHY = {"provenance": "author", "because": "a toy"}
SHARE = proportion(made_up["k"], made_up["n"])


def binomial(p: float, n: int):
    return lambda point, streams: {"k": int(streams.numpy("k").binomial(n, p)), "n": n}


@pytest.mark.parametrize(
    ("p", "n", "expected"), [(0.02, 5000, HOLDS), (0.05, 5000, REFUTED), (0.03, 1000, UNDECIDED), (0.02, 10, UNDECIDED)]
)
def test_proportion_against_a_known_truth(p, n, expected):
    made = claim(SHARE, band=between(0.01, 0.03, **WHY), rival=0.05)
    assert verdict(made, binomial(p, n)).verdict is expected


def test_counts_are_summed_over_seeds():
    found = judged(SHARE, {"k": [1, 2, 3, 4], "n": [10, 10, 20, 20]}, lo=0.0, hi=1.0, alpha=0.01)
    assert found.detail == {"successes": 10, "trials": 60}
    assert found.interval == pytest.approx(proportion_confint(10, 60, alpha=0.01, method="beta"))


@pytest.mark.parametrize("alpha", [0.01, 3.3e-6])
@pytest.mark.parametrize("n", [1, 10, 10_000])
def test_extreme_counts_have_the_exact_one_sided_limits(n, alpha):
    """At none of n the upper limit solves (1-p)^n = alpha/2; at all of n the lower one solves p^n = alpha/2."""
    lo, hi = count_interval(0, n, alpha)
    assert (lo, hi) == (0.0, pytest.approx(1 - (alpha / 2) ** (1 / n), rel=1e-9))
    lo, hi = count_interval(n, n, alpha)
    assert (lo, hi) == (pytest.approx((alpha / 2) ** (1 / n), rel=1e-9), 1.0)


@given(st.integers(0, 200), st.integers(1, 200), st.sampled_from([0.05, 1e-4, 3.3e-6]))
def test_the_limits_invert_the_binomial_tails(k, n, alpha):
    k = min(k, n)
    lo, hi = count_interval(k, n, alpha)
    assert 0 <= lo <= k / n <= hi <= 1
    if k:
        assert stats.binom.sf(k - 1, n, lo) == pytest.approx(alpha / 2, rel=1e-6)
    if k < n:
        assert stats.binom.cdf(k, n, hi) == pytest.approx(alpha / 2, rel=1e-6)


def test_no_success_at_all_still_decides():
    """A constant is evidence here: zero of many bounds the rate from above."""
    made = claim(SHARE, band=at_most(0.01, **WHY), rival=0.02)
    (trial,) = settle(made, lambda point, streams: {"k": 0, "n": 1000})
    assert (trial.final.verdict, trial.main_seeds) == (HOLDS, 8)


@pytest.mark.parametrize(("k", "n"), [(5, 4), (-1, 4), (0.5, 4), (1, 2.5), (-1, -1)])
def test_impossible_counts_are_an_error(k, n):
    with pytest.raises(MeasurementError, match="whole counts"):
        judged(SHARE, {"k": [k], "n": [n]})


def test_a_rounded_total_does_not_hide_a_broken_count():
    with pytest.raises(MeasurementError, match="whole counts"):
        judged(SHARE, {"k": [5, -1], "n": [4, 4]})
    with pytest.raises(MeasurementError, match="whole counts"):
        judged(SHARE, {"k": [0.5, 0.5], "n": [4, 4]})


def test_a_seed_may_be_without_trials_but_not_all():
    assert judged(SHARE, {"k": [0, 3], "n": [0, 4]}).estimate == 0.75
    with pytest.raises(MeasurementError, match="no seed had a trial"):
        judged(SHARE, {"k": [0, 0], "n": [0, 0]})


MEDIAN = quantile(made_up["x"], q=0.5)


def exponential(scale: float, draws: int):
    return lambda point, streams: {"x": streams.numpy("x").exponential(scale, size=draws).tolist()}


@pytest.mark.parametrize(
    ("scale", "draws", "expected"),
    [(1.0, 400, HOLDS), (1.5, 400, REFUTED), (0.5, 400, REFUTED), (0.8 / math.log(2), 100, UNDECIDED)],
)
def test_quantile_against_a_known_truth(scale, draws, expected):
    made = claim(MEDIAN, band=between(0.6, 0.8, **WHY), rival=1.0)
    found = verdict(made, exponential(scale, draws))
    assert found.verdict is expected
    assert found.estimate == pytest.approx(scale * math.log(2), rel=0.1)


def test_an_outer_quantile_of_too_few_draws_is_undecided():
    made = claim(quantile(made_up["x"], q=0.999), band=between(0.0, 20.0, **WHY), rival=30.0)
    found = verdict(made, exponential(1.0, 4))
    assert found.verdict is UNDECIDED
    assert found.interval[1] == math.inf


def test_one_number_a_seed_is_a_draw_too():
    found = judged(MEDIAN, {"x": np.arange(101.0)}, lo=0.0, hi=100.0)
    assert (found.verdict, found.estimate, found.detail["draws"]) == (HOLDS, 50.0, 101)


@settings(max_examples=300)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=80),
    st.sampled_from([0.1, 0.5, 0.9]),
    st.sampled_from([0.3, 0.01]),
    st.integers(-1, 31),
    st.integers(0, 12),
)
def test_the_interval_is_dual_to_counts_below_the_edges(values, q, alpha, lo, width):
    """HOLDS iff the limits of the counts below both edges say so, ties included; the same for REFUTED."""
    x, hi = np.array(values, dtype=float), lo + width + 0.5
    n = len(x)
    below, upto = int((x < lo).sum()), int((x <= hi).sum())
    upto_lo, below_hi = int((x < lo).sum()), int((x <= hi).sum())
    found = judged(quantile(made_up["x"], q=q), {"x": x}, lo=lo, hi=hi, alpha=alpha)
    holds = count_interval(below, n, alpha)[1] <= q and count_interval(upto, n, alpha)[0] >= q
    refuted = count_interval(upto_lo, n, alpha)[0] >= q or count_interval(below_hi, n, alpha)[1] <= q
    assert found.verdict is (HOLDS if holds else REFUTED if refuted else UNDECIDED)


@given(st.integers(1, 400), st.sampled_from([0.01, 0.5, 0.99]), st.sampled_from([0.1, 1e-3]))
def test_its_ends_are_the_order_statistics_of_the_binomial(n, q, alpha):
    """At least 1 - alpha of the binomial(n, q) mass lies between the ranks."""
    lo, hi = quantile_interval(np.arange(1.0, n + 1), q, alpha)
    lower = 0 if lo == -math.inf else int(lo)
    upper = n + 1 if hi == math.inf else int(hi)
    covered = stats.binom.cdf(upper - 1, n, q) - stats.binom.cdf(lower - 1, n, q)
    assert covered >= 1 - alpha - 1e-12
    narrower = stats.binom.cdf(upper - 2, n, q) >= 1 - alpha / 2
    assert hi == math.inf or not narrower


@pytest.mark.parametrize("q", [0.0, 1.0, -0.5, math.nan])
def test_a_quantile_lies_between_zero_and_one(q):
    with pytest.raises(InvalidDeclaration, match=r"quantile\.q"):
        quantile(made_up["x"], q=q)


def test_lists_of_different_lengths_are_an_error():
    made = claim(MEDIAN, rival=5.0)
    found = verdict(made, lambda point, streams: {"x": [1.0] * (1 + streams.seed_index % 2)})
    assert found.verdict is ERROR
    assert "lists of different lengths" in found.reason
