"""Decisions do not depend on the unit: every verdict is the same times 2**k, and at any shift that floats can hold."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from kit import claim, judged, made_up, settle
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from claims.auditing.decision import more_seeds
from claims.bands import Limits, at_least, between
from claims.errors import MeasurementError
from claims.experiment import grid
from claims.kinds import (
    bound,
    convergence,
    identity,
    limit,
    mean,
    order,
    quantile,
    ratio,
    replay,
    sample,
    slope,
    trend,
    value,
)
from claims.kinds.association import rank_correlation, regression
from claims.kinds.base import Judgement, Kind, Values
from claims.kinds.intervals import beyond, fieller_interval, mean_of, spread_of, t_interval, unscaled_interval
from claims.kinds.sample import column
from claims.verdict import HOLDS, REFUTED, UNDECIDED

WHY = {"provenance": "author", "because": "a toy"}
A, B = made_up["a"], made_up["b"]
LEVELS = grid(n=[1, 2, 4])
POWERS = st.integers(-900, 900)

#: Kinds whose statistic is in the unit of the values, with the levels of the axis that they run over.
HOMOGENEOUS: dict[str, tuple[Kind, int]] = {
    "mean": (mean(A), 0),
    "bound": (bound(A), 0),
    "order": (order(A, B), 0),
    "order over levels": (order(A, over="n"), 3),
    "trend": (trend(A, over="n", direction="increasing"), 3),
    "slope": (slope(A, over="n", log=False), 3),
    "limit": (limit(A, over="n", rate=0.5), 2),
    "convergence": (convergence(A, over="n", rate=0.5), 3),
    "quantile": (quantile(A, q=0.5), 0),
    "value": (value(A), 0),
    "identity": (identity(A, B, bound=0.5 * B, planted=A + B), 0),
}


@st.composite
def seeds(draw: st.DrawFn, levels: int = 0) -> dict[str, np.ndarray]:
    """Two quantities of 8 or 16 seeds: any centre and spread, down to spreads far below the centre."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, spread = draw(st.sampled_from([8, 16])), 10.0 ** draw(st.integers(-6, 1))
    shape = (n, levels) if levels else (n,)
    first = draw(st.floats(-3, 3)) + spread * rng.normal(size=shape)
    return {"a": first, "b": draw(st.floats(1, 2)) + 0.1 * spread * rng.normal(size=shape)}


def look(test: Kind, values: dict[str, np.ndarray], lo: float, hi: float, alpha: float = 0.01) -> Judgement:
    levels = LEVELS[: values["a"].shape[1]] if values["a"].ndim == 2 else ()
    return test.judge(Values({made_up[name]: x for name, x in values.items()}, levels), Limits(lo, hi, None), alpha)


def times(values: dict[str, np.ndarray], power: int) -> dict[str, np.ndarray]:
    return {name: np.ldexp(x, power) for name, x in values.items()}


@given(st.floats(-1, 1), st.floats(0, 1), st.integers(-1090, -1020))
@example(0.75, 0.0, -1074)  # rounds to 1 in units of the smallest float, beyond .75 of them
@example(-0.75, 1.5, -1074)
def test_an_interval_whose_ends_are_no_floats_becomes_wider(lo, width, exponent):
    exact = [Fraction(end) * Fraction(2) ** exponent for end in (lo, lo + width)]
    low, high = unscaled_interval(lo, lo + width, exponent)
    assert Fraction(low) <= exact[0] <= exact[1] <= Fraction(high)
    assert low >= float(exact[0]) - 2 * math.ulp(0.0)
    assert high <= float(exact[1]) + 2 * math.ulp(0.0)


@pytest.mark.parametrize("name", HOMOGENEOUS)
@settings(max_examples=40)
@given(st.data(), st.floats(-3, 3), st.floats(1e-6, 3), POWERS)
def test_a_verdict_does_not_depend_on_the_unit(name, data, lo, width, power):
    test, levels = HOMOGENEOUS[name]
    values, hi = data.draw(seeds(levels)), lo + width
    found = look(test, values, lo, hi)
    again = look(test, times(values, power), math.ldexp(lo, power), math.ldexp(hi, power))
    assert again.verdict is found.verdict
    assert again.estimate == math.ldexp(found.estimate, power)
    if found.interval is not None:
        assert again.interval == tuple(math.ldexp(end, power) for end in found.interval)


@settings(max_examples=100)
@given(seeds(), st.floats(-3, 3), st.floats(1e-6, 3), st.integers(-450, 450), st.integers(-450, 450))
@example({"a": np.arange(8.0), "b": 1 + np.arange(8.0) / 64}, 1.0, 1.0, 450, -450)
def test_a_ratio_may_have_two_units(values, lo, width, over, under):
    test, hi = ratio(A, B, plain=(B, A)), lo + width
    found = look(test, values, lo, hi)
    scaled = {"a": np.ldexp(values["a"], over), "b": np.ldexp(values["b"], under)}
    again = look(test, scaled, math.ldexp(lo, over - under), math.ldexp(hi, over - under))
    assert again.verdict is found.verdict
    assert again.estimate == math.ldexp(found.estimate, over - under)
    assert again.interval == tuple(math.ldexp(end, over - under) for end in found.interval)
    assert again.detail["plain_estimate"] == math.ldexp(found.detail["plain_estimate"], under - over)


@given(seeds(), st.floats(-3, 3), st.floats(1e-6, 3), st.integers(-450, 450), st.integers(-450, 450))
def test_a_regression_may_have_two_units(values, lo, width, over, under):
    test, hi = regression(A, B, log=False), lo + width
    found = look(test, values, lo, hi)
    scaled = {"a": np.ldexp(values["a"], over), "b": np.ldexp(values["b"], under)}
    again = look(test, scaled, math.ldexp(lo, over - under), math.ldexp(hi, over - under))
    assert again.verdict is found.verdict
    assert again.interval == tuple(math.ldexp(end, over - under) for end in found.interval)


@pytest.mark.parametrize("levels", [0, 3], ids=["regression", "slope"])
@given(st.data(), st.floats(-3, 3), st.floats(1e-6, 3), POWERS)
def test_a_logarithm_turns_the_unit_into_a_shift(levels, data, lo, width, power):
    """log(2**k x) is rounded otherwise than log x, so the intervals agree only as far as floats can."""
    values, hi = {name: np.exp(x) for name, x in data.draw(seeds(levels)).items()}, lo + width
    test = slope(A, over="n") if levels else regression(A, B)
    found, again = look(test, values, lo, hi), look(test, times(values, power), lo, hi)
    width = found.interval[1] - found.interval[0]
    assert again.interval == pytest.approx(found.interval, rel=1e-6, abs=1e-6 * width + 1e-9)
    assume(min(abs(edge - end) for edge in (lo, hi) for end in found.interval) > 1e-6 * (1 + width))
    assert again.verdict is found.verdict


@given(seeds(), st.floats(-1, 1), st.floats(1e-6, 1), POWERS)
def test_ranks_have_no_unit(values, lo, width, power):
    test = rank_correlation(A, B)
    assert look(test, times(values, power), lo, lo + width) == look(test, values, lo, lo + width)


@settings(max_examples=15)
@given(seeds(), st.floats(-3, 3), st.floats(1e-6, 3), POWERS)
def test_a_fixed_sample_neither(values, lo, width, power):
    def verdict(by):
        family = {"mine": {"a": np.ldexp(values["a"], by).tolist()}}
        test = sample(mean(column("a")), family=family, member="mine", bands={})
        return test.judge(Values({}, ()), Limits(math.ldexp(lo, by), math.ldexp(lo + width, by), None), 0.01)

    found, again = verdict(0), verdict(power)
    assert (again.verdict, again.detail["granted"]) == (found.verdict, found.detail["granted"])
    assert again.detail["smallest_alpha"] == pytest.approx(found.detail["smallest_alpha"], rel=1e-9)


dyadic = st.integers(-(2**20), 2**20).map(lambda m: m / 2**16)


@given(st.lists(dyadic, min_size=8, max_size=8), dyadic, dyadic, st.integers(-(2**24), 2**24))
def test_a_mean_and_its_band_may_move_together(x, lo, width, shift):
    assume(width > 0)
    values, hi = {"a": np.array(x)}, lo + width
    found = look(mean(A), values, lo, hi)
    assume(math.isfinite(found.interval[0]))
    assume(min(abs(edge - end) for edge in (lo, hi) for end in found.interval) > 1e-4)
    again = look(mean(A), {"a": values["a"] + shift}, lo + shift, hi + shift)
    assert again.verdict is found.verdict
    assert again.interval == pytest.approx([end + shift for end in found.interval], abs=1e-5)


@pytest.mark.parametrize("name", ["order", "order over levels", "trend", "convergence"])
@settings(max_examples=30)
@given(st.data(), st.integers(-(2**24), 2**24), dyadic, dyadic)
def test_what_is_a_difference_does_not_see_a_shift(name, data, shift, lo, width):
    assume(width > 0)
    test, levels = HOMOGENEOUS[name]
    test = convergence(A, over="n", rate=1.0) if name == "convergence" else test  # 2**.5 is no dyadic number
    rows = st.lists(dyadic, min_size=max(levels, 1), max_size=max(levels, 1))
    drawn = {q: np.array(data.draw(st.lists(rows, min_size=8, max_size=8))) for q in "ab"}
    values = drawn if levels else {q: x[:, 0] for q, x in drawn.items()}
    moved = {q: x + shift for q, x in values.items()}
    assert look(test, moved, lo, lo + width) == look(test, values, lo, lo + width)


def test_a_claim_about_tiny_numbers_is_as_undecided_as_in_any_other_unit():
    """Squares of 1e-170 are zero: the interval had no width, and the claim was refuted above its band, then below."""

    def trial(unit):
        made = claim(mean(A), band=between(-0.01 * unit, 0.01 * unit, **WHY), rival=unit)
        (settled,) = settle(made, lambda point, streams: {"a": unit * streams.numpy("a").normal()})
        return settled

    one = trial(1.0)
    assert (one.final.verdict, one.main_seeds) == (UNDECIDED, 256)
    for unit in (2.0**-565, 2.0**-900, 2.0**900):
        other = trial(unit)
        assert (other.final.verdict, other.main_seeds, other.confirmation) == (UNDECIDED, 256, None)
        assert other.final.interval == tuple(unit * end for end in one.final.interval)
        assert other.final.detail["sd"] == unit * one.final.detail["sd"]


def test_at_ordinary_scales_the_interval_is_statsmodels_to_the_bit():
    rng = np.random.default_rng(0)
    for n in (2, 8, 37, 256):
        x = 10.0 ** rng.integers(-9, 9) * (rng.normal() + rng.normal(size=n))
        assert t_interval(x, 1e-3) == DescrStatsW(x).tconfint_mean(alpha=1e-3)
        assert (mean_of(x), spread_of(x)) == (x.mean(), x.std(ddof=1))


anything = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=9)


@settings(max_examples=200)
@given(anything, st.sampled_from([0.2, 1e-3, 1e-9]))
@example([5e-324, 0.0, -5e-324], 1e-3)
@example([1.7e308, -1.7e308], 0.2)
@example([1.7e308, 1.6e308], 1e-9)
def test_any_finite_values_have_a_mean_inside_their_interval_and_a_quantile_among_them(x, alpha):
    lo, hi = t_interval(np.array(x), alpha)
    assert lo <= mean_of(np.array(x)) <= hi
    assert spread_of(np.array(x)) >= 0
    assert min(x) <= judged(quantile(A, q=0.3), {"a": x}).estimate <= max(x)


pairs = st.lists(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2), min_size=2, max_size=9)


@settings(max_examples=200)
@given(pairs, st.booleans(), st.sampled_from([0.2, 1e-3]), st.floats(allow_nan=False, allow_infinity=False))
@example([(1.0, 1.0), (2.0, 1.0 + 2**-52)], True, 0.2, 1e300)
@example([(0.0, 1e-200), (0.0, 2e-200)], True, 0.2, 1.0)
@example([(1e300, 1e-300), (2e300, 1e-300)], True, 0.2, 1.0)
def test_fieller_gives_no_nan(values, positive, alpha, edge):
    u, v = np.array(values).T
    v = np.abs(v) if positive else v
    lo, hi = fieller_interval(u, v, alpha)
    assert lo <= hi
    found = judged(ratio(A, B), {"a": u, "b": v}, lo=edge, hi=math.inf, alpha=alpha)
    assert found.interval == (lo, hi)
    assert found.estimate is None or not math.isnan(found.estimate)
    assert found.estimate is not None or v.sum() == 0


@pytest.mark.parametrize("edge", [0.0, 0.75, -2.0, 1e-300, 2.0**1000])
@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300])
def test_which_side_of_an_edge_a_pair_lies_on_is_known_at_every_scale(edge, unit):
    u, v = unit * np.array([1.5, -1.0, 0.25, 0.0, 0.0]), unit * np.array([1.0, 1.0, 0.5, 1.0, 0.0])
    exact = [Fraction(a) - Fraction(edge) * Fraction(b) for a, b in zip(u, v, strict=True)]
    assert np.sign(beyond(u, v, edge)).tolist() == [float(d > 0) - float(d < 0) for d in exact]


@pytest.mark.parametrize(
    "test", [order(A, B), limit(A, over="n", rate=1.0), trend(A, over="n", direction="increasing")]
)
def test_a_difference_that_no_float_can_hold_is_an_error(test):
    values = {"a": np.full((8, 2), 1.7e308), "b": np.full((8, 2), -1.7e308)}
    values["a"][:, 0] = -1.7e308
    if not test.over:
        values = {"a": values["a"][:, 1], "b": values["b"][:, 1]}
    with pytest.raises(MeasurementError, match="not finite"):
        look(test, values, 0.0, 1.0)


@pytest.mark.parametrize("power", [-900, 0, 900])
def test_levels_of_any_size_have_a_slope(power):
    x = [math.ldexp(level, power) for level in (1.0, 2.0, 5.0)]
    y = np.random.default_rng(0).normal(size=(8, 3))
    found = slope(A, over="x", log=False).judge(Values({A: y}, grid(x=x)), Limits(-1, 1, None), 0.01)
    plain = slope(A, over="x", log=False).judge(Values({A: y}, grid(x=[1.0, 2.0, 5.0])), Limits(-1, 1, None), 0.01)
    assert found.interval == tuple(math.ldexp(end, -power) for end in plain.interval)


def test_a_figure_about_tiny_numbers_is_replayed():
    test = replay(A, seeds=2, printed_mean="2.0e-200", printed_sd="1.4e-200", neighbours=[B], configuration="toy")
    found = judged(test, {"a": [1e-200, 3e-200], "b": [1e-200, 1e-200]})
    assert (found.verdict, found.detail["sd"]) == (HOLDS, pytest.approx(math.sqrt(2) * 1e-200))


def test_a_bound_at_zero_is_not_met_by_what_rounds_to_it():
    """The lower end lies below the smallest float, but it does lie below zero."""
    x = np.ldexp(1.0 + np.random.default_rng(1).normal(size=8), -1070)
    lo, hi = t_interval(x, 1e-3)
    assert lo < 0 < hi
    assert judged(mean(A), {"a": x}, lo=0.0, hi=math.inf).verdict is UNDECIDED
    assert judged(mean(A), {"a": np.full(8, 5e-324)}, lo=0.0, hi=math.inf).verdict is UNDECIDED


@pytest.mark.parametrize("distance", [0.0, 1e-170, 1e-12])
def test_seeds_that_no_one_can_have_are_not_named(distance):
    judgement = Judgement(verdict=UNDECIDED, estimate=distance, interval=(distance - 1, distance + 1))
    assert more_seeds(judgement, Limits(0.0, math.inf, None), 256) is None


@pytest.mark.parametrize("unit", [1e-170, 1e170])
def test_negative_control_squares_do_depend_on_the_unit(unit):
    """What the kinds would do without dividing by a power of two first."""
    x = np.random.default_rng(0).normal(size=8)
    with np.errstate(over="ignore", invalid="ignore"):
        half = stats.t.isf(0.01, 7) * np.sqrt(np.mean((unit * x - np.mean(unit * x)) ** 2))
    assert half in (0.0, math.inf)


def test_refuted_stays_refuted_at_the_ends_of_the_range():
    band = at_least(2.0**-900, **WHY)
    (trial,) = settle(claim(bound(A), band=band), lambda p, s: {"a": 2.0**-905 * (1 + 0.01 * s.numpy("a").normal())})
    assert (trial.final.verdict, trial.main_seeds) == (REFUTED, 8)
