"""ratio: Fieller's edge tests decide, the interval shown agrees with them, a doubtful denominator decides nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kit import claim, judged, made_up, settle, verdict

from claims.bands import at_least, at_most, between
from claims.errors import MeasurementError
from claims.kinds import mean, ratio
from claims.kinds.intervals import EVERYTHING, fieller_interval, t_interval
from claims.verdict import HOLDS, REFUTED, UNDECIDED

WHY = {"provenance": "author", "because": "a toy"}
RATIO = ratio(made_up["u"], made_up["v"])


def paired(true_ratio: float, cv: float = 0.2, noise: float = 0.05):
    def draw(point, streams):
        rng = streams.numpy("arms")
        v = 10.0 * (1.0 + cv * rng.normal())
        return {"u": true_ratio * v + noise * rng.normal(), "v": v}

    return draw


@pytest.mark.parametrize(("truth", "expected"), [(2.5, HOLDS), (3.0, REFUTED), (1.0, REFUTED), (2.6, UNDECIDED)])
def test_ratio_against_a_known_truth(truth, expected):
    made = claim(RATIO, band=between(2.4, 2.6, **WHY), rival=3.0)
    found = verdict(made, paired(truth))
    assert found.verdict is expected
    assert found.estimate == pytest.approx(truth, rel=0.01)
    assert found.interval[0] < truth < found.interval[1]


@pytest.mark.parametrize(
    ("truth", "band", "expected"),
    [
        (2.5, at_least(2.0, **WHY), HOLDS),
        (1.5, at_least(2.0, **WHY), REFUTED),
        (1.5, at_most(2.0, **WHY), HOLDS),
        (2.5, at_most(2.0, **WHY), REFUTED),
        (2.0, at_most(2.0, **WHY), UNDECIDED),
    ],
)
def test_ratio_against_one_edge(truth, band, expected):
    assert verdict(claim(RATIO, band=band), paired(truth)).verdict is expected


def test_the_mean_of_ratios_would_have_been_biased():
    """By CV squared: at CV .4 the per-seed ratio of independent arms overstates by a fifth; the ratio kind does not."""

    def draw(point, streams):
        rng = streams.numpy("arms")
        u, v = rng.gamma(6.25, 0.16, size=2)
        return {"u": u, "v": v, "per_seed": u / v}

    band = between(0.5, 1.5, **WHY)
    (fair,) = settle(claim(RATIO, band=band, rival=2.0), draw)
    (biased,) = settle(claim(mean(made_up["per_seed"]), band=band, rival=2.0), draw)
    assert fair.final.verdict is HOLDS
    assert abs(fair.final.estimate - 1.0) < 0.1
    assert biased.final.estimate > 1.1


@st.composite
def arms(draw):
    """Two arms of a few seeds: any spread, any correlation, a denominator that may or may not be surely positive."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, cv, correlation = draw(st.integers(3, 20)), draw(st.floats(0.01, 2)), draw(st.floats(-1, 1))
    v = rng.normal(1.0, cv, size=n)
    return draw(st.floats(-3, 3)) + correlation * v + draw(st.floats(0.01, 2)) * rng.normal(size=n), v


@settings(max_examples=200)
@given(arms(), st.floats(-4, 4), st.floats(0.05, 4), st.sampled_from([0.2, 0.01, 1e-4]))
def test_the_interval_shown_agrees_with_the_edges_that_decide(pair, lo, width, alpha):
    u, v = pair
    hi = lo + width
    found = judged(RATIO, {"u": u, "v": v}, lo=lo, hi=hi, alpha=alpha)
    if found.interval == EVERYTHING:
        assert found.verdict is UNDECIDED
        return
    left, right = found.interval
    assert left <= found.estimate <= right
    distances = [abs(edge - end) for edge in (lo, hi) for end in (left, right)]
    assume(min(distances) > 1e-9 * (1 + abs(left) + abs(right)))
    shown = HOLDS if lo <= left and right <= hi else REFUTED if right < lo or left > hi else UNDECIDED
    assert found.verdict is shown


@given(arms(), st.sampled_from([0.2, 0.01]))
def test_fieller_is_the_set_of_ratios_that_the_t_interval_does_not_reject(pair, alpha):
    u, v = pair
    lo, hi = fieller_interval(u, v, alpha)
    if (lo, hi) == EVERYTHING:
        assert t_interval(v, alpha)[0] <= 0
        return
    scale = np.abs(u).max() + max(abs(lo), abs(hi)) * np.abs(v).max()
    assert t_interval(u - lo * v, alpha)[0] == pytest.approx(0.0, abs=1e-9 * scale)
    assert t_interval(u - hi * v, alpha)[1] == pytest.approx(0.0, abs=1e-9 * scale)
    inside = t_interval(u - (0.3 * lo + 0.7 * hi) * v, alpha)
    assert inside[0] < 0 < inside[1]


@pytest.mark.parametrize("v", [[-1.0, 2.0, -1.5, 1.2, 0.4, -0.3, 0.9, -0.8], [-2.0 - 0.1 * i for i in range(8)]])
def test_a_denominator_that_is_not_surely_positive_decides_nothing(v):
    u = np.linspace(4.0, 5.0, 8)
    found = judged(RATIO, {"u": u, "v": v}, lo=-1e9, hi=1e9)
    assert found.verdict is UNDECIDED
    assert found.interval == EVERYTHING
    assert "denominator" in found.reason


def test_a_denominator_of_mean_zero_has_no_estimate():
    found = judged(RATIO, {"u": [1.0, 2.0], "v": [-1.0, 1.0]})
    assert (found.verdict, found.estimate) == (UNDECIDED, None)


def test_a_constant_denominator_leaves_the_mean_of_the_numerator():
    u = np.random.default_rng(0).normal(3.0, 0.1, size=16)
    found = judged(RATIO, {"u": u, "v": np.full(16, 2.0)}, lo=1.0, hi=2.0)
    assert found.verdict is HOLDS
    assert found.interval == pytest.approx([end / 2 for end in t_interval(u, 1e-3)])


def test_two_constants_decide_nothing_and_show_no_interval():
    found = judged(RATIO, {"u": [3.0] * 8, "v": [2.0] * 8}, lo=1.0, hi=2.0)
    assert (found.verdict, found.interval) == (UNDECIDED, EVERYTHING)
    assert "same value" in found.reason


def test_proportional_arms_are_known_exactly():
    v = np.linspace(1.0, 2.0, 8)
    found = judged(RATIO, {"u": 1.5 * v, "v": v}, lo=1.0, hi=2.0)
    assert found.verdict is HOLDS
    assert found.interval == pytest.approx((1.5, 1.5))


def test_the_plain_estimate_is_kept_beside_the_controlled_one():
    test = ratio(made_up["u"], made_up["v"], plain=(made_up["pu"], made_up["pv"]))
    v = np.linspace(1.0, 2.0, 8)
    found = judged(test, {"u": 1.5 * v, "v": v, "pu": 3 * v, "pv": v}, lo=1.0, hi=2.0)
    assert found.detail["plain_estimate"] == pytest.approx(3.0)
    assert found.estimate == pytest.approx(1.5)


@pytest.mark.parametrize("arm", ["u", "v"])
def test_a_value_that_is_not_finite_is_an_error(arm):
    values = {"u": [1.0, 2.0, 3.0], "v": [1.0, 2.0, 2.5]}
    values[arm] = [1.0, math.nan, 2.0]
    with pytest.raises(MeasurementError, match="finite"):
        judged(RATIO, values)
