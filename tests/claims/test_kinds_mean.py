"""mean, bound, order, slope, limit, convergence: known truths, and what must not pass."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import claim, judged, made_up, settle, verdict
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from claims.bands import Limits, at_least, at_most, between
from claims.errors import InvalidDeclaration, MeasurementError
from claims.experiment import grid
from claims.kinds import bound, convergence, limit, mean, order, slope
from claims.kinds.base import CLOSE_LOOKS, Values, decide
from claims.kinds.intervals import EVERYTHING, t_interval
from claims.verdict import ERROR, HOLDS, REFUTED, UNDECIDED

WHY = {"provenance": "author", "because": "a toy"}
X = mean(made_up["x"])


def normal(centre: float, sd: float = 1.0):
    return lambda point, streams: {"x": streams.numpy("x").normal(centre, sd)}


@pytest.mark.parametrize(
    ("centre", "sd", "expected", "seeds"),
    [
        (0.0, 0.02, HOLDS, 8),
        (0.0, 0.5, HOLDS, None),
        (2.0, 0.02, REFUTED, 8),
        (-2.0, 0.5, REFUTED, None),
        (1.0, 0.2, UNDECIDED, 256),
        (0.0, 50.0, UNDECIDED, 256),
    ],
)
def test_mean_against_a_known_truth(centre, sd, expected, seeds):
    (trial,) = settle(claim(X, rival=5.0), normal(centre, sd))
    assert trial.final.verdict is expected
    assert trial.main_seeds in CLOSE_LOOKS
    assert seeds is None or trial.main_seeds == seeds
    assert (trial.confirmation is not None) == (expected is REFUTED)


def test_the_interval_is_that_of_statsmodels():
    x = np.random.default_rng(3).normal(1.0, 2.0, size=16)
    for alpha in (0.05, 1e-3, 3.3e-6):
        found = judged(X, {"x": x}, alpha=alpha)
        assert found.interval == pytest.approx(DescrStatsW(x).tconfint_mean(alpha=alpha), rel=1e-12)
        half = stats.t.isf(alpha / 2, 15) * x.std(ddof=1) / 4
        assert found.interval == pytest.approx((x.mean() - half, x.mean() + half), rel=1e-9)
        assert found.estimate == pytest.approx(x.mean())


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=12), st.floats(-5, 5), st.floats(0.01, 5))
def test_the_verdict_is_where_the_interval_lies(x, lo, width):
    found = judged(X, {"x": x}, lo=lo, hi=lo + width, alpha=0.2)
    assert found.verdict is decide(found.interval, Limits(lo, lo + width, None))


def test_decide_covers_touching_and_one_sided_bands():
    band = Limits(0.0, 1.0, None)
    assert decide((0.0, 1.0), band) is HOLDS
    assert decide((-0.1, 1.0), band) is UNDECIDED
    assert decide((-1.0, 0.0), band) is UNDECIDED
    assert decide((-1.0, -1e-9), band) is REFUTED
    assert decide((1.1, 1.2), band) is REFUTED
    assert decide(EVERYTHING, band) is UNDECIDED
    assert decide((-math.inf, 0.5), Limits(-math.inf, 1.0, None)) is HOLDS


@pytest.mark.parametrize("x", [[0.0] * 8, [5.0] * 8])
def test_values_without_spread_decide_nothing(x):
    found = judged(X, {"x": x})
    assert found.verdict is UNDECIDED
    assert found.interval == EVERYTHING
    assert "same value" in found.reason


def test_a_constant_stays_undecided_to_the_cap():
    (trial,) = settle(claim(X, rival=5.0), lambda point, streams: {"x": 0.25})
    assert (trial.final.verdict, trial.main_seeds) == (UNDECIDED, 256)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_an_error_never_dropped(wrong):
    with pytest.raises(MeasurementError, match="finite"):
        judged(X, {"x": [0.1, 0.2, wrong, 0.3]})


def test_a_list_a_seed_is_no_number():
    found = verdict(claim(mean(made_up["x"]), rival=9.0), lambda point, streams: {"x": [0.1, 0.2]})
    assert found.verdict is ERROR
    assert "one number a seed" in found.reason


def test_one_value_has_no_interval():
    assert t_interval(np.array([0.5]), 0.01) == EVERYTHING


@pytest.mark.parametrize(
    ("centre", "band", "expected"),
    [
        (0.0, at_most(1.0, **WHY), HOLDS),
        (2.0, at_most(1.0, **WHY), REFUTED),
        (1.0, at_most(1.0, **WHY), UNDECIDED),
        (1.0, at_most(1.0, slack=0.1, **WHY), HOLDS),
        (2.0, at_least(1.0, **WHY), HOLDS),
        (0.0, at_least(1.0, **WHY), REFUTED),
        (1.0, at_least(1.0, **WHY), UNDECIDED),
    ],
)
def test_bound_has_one_edge(centre, band, expected):
    assert verdict(claim(bound(made_up["x"]), band=band), normal(centre, 0.05)).verdict is expected


def arms(effect: float):
    """Two arms whose common part, drawn once, is a hundred times their difference."""

    def draw(point, streams):
        common = streams.numpy("common").normal(0.0, 100.0)
        own = streams.numpy("own").normal(0.0, 0.1, size=2)
        return {"a": common + effect + own[0], "b": common + own[1]}

    return draw


@pytest.mark.parametrize(("effect", "expected"), [(1.0, HOLDS), (-1.0, REFUTED), (0.5, UNDECIDED)])
def test_order_is_paired_by_seed(effect, expected):
    made = claim(order(made_up["a"], made_up["b"]), band=at_least(0.5, **WHY), rival=0.0)
    assert verdict(made, arms(effect)).verdict is expected


def test_unpaired_arms_could_not_have_told():
    made = claim(mean(made_up["a"]), band=at_least(0.5, **WHY), rival=0.0)
    assert verdict(made, arms(1.0)).verdict is UNDECIDED


def layered(step: float):
    def draw(point, streams):
        common = streams.numpy("common").normal(0.0, 10.0)
        return {"y": common + step * point["layer"] + streams.numpy("own").normal(0.0, 0.1)}

    return draw


@pytest.mark.parametrize("layers", [[1, 2, 5], [1, 5], [1, 0, 3, 5]])
@pytest.mark.parametrize(("step", "expected"), [(0.25, HOLDS), (-0.25, REFUTED), (0.125, UNDECIDED)])
def test_order_over_an_axis_compares_its_ends(layers, step, expected):
    """The last level that the grid names and the first (5 and 1), whatever lies between; draws are common."""

    def draw(point, streams):
        rng = np.random.default_rng(streams.seed_index)
        return {"y": rng.normal(0.0, 10.0) + step * point["layer"] + 0.02 * rng.normal(size=6)[point["layer"]]}

    made = claim(order(made_up["y"], over="layer"), at=grid(layer=layers), band=at_least(0.5, **WHY), rival=0.0)
    found = verdict(made, draw)
    assert found.verdict is expected
    assert found.estimate == pytest.approx(4 * step, abs=0.05)


@pytest.mark.parametrize("arms", [["plain", "ours"], ["b", "c", "a"], [True, False], [5, 1]])
def test_order_keeps_the_order_of_declaration(arms):
    """By value the last of these arms would be the first."""
    made = claim(order(made_up["y"], over="arm"), at=grid(arm=arms), band=at_least(0.5, **WHY), rival=0.0)

    def draw(point, streams):
        return {"y": float(point["arm"] == arms[-1]) + streams.numpy("y").normal(0.0, 0.01)}

    assert verdict(made, draw).verdict is HOLDS
    assert made.test.compared(arms) == f"arm: first {arms[0]}, last {arms[-1]}"
    assert slope(made_up["y"], over="n").compared([1, 2]) == ""


@pytest.mark.parametrize(("b", "over"), [(None, None), ("b", "layer")])
def test_order_takes_a_second_quantity_or_an_axis(b, over):
    with pytest.raises(InvalidDeclaration, match="not both"):
        order(made_up["a"], made_up[b] if b else None, over=over)


def power_law(exponent: float, noise: float = 0.01):
    def draw(point, streams):
        rng = np.random.default_rng([streams.seed_index, point["n"]])
        return {"y": 3.0 * point["n"] ** exponent * math.exp(rng.normal(0.0, noise))}

    return draw


@pytest.mark.parametrize(
    ("exponent", "noise", "expected"), [(-0.5, 0.01, HOLDS), (-1.0, 0.01, REFUTED), (-0.55, 0.01, UNDECIDED)]
)
def test_slope_of_a_power_law(exponent, noise, expected):
    made = claim(
        slope(made_up["y"], over="n"),
        at=grid(n=[64, 256, 128]),
        band=between(-0.55, -0.45, **WHY),
        rival=-1.0,
    )
    found = verdict(made, power_law(exponent, noise))
    assert found.verdict is expected
    assert found.estimate == pytest.approx(exponent, abs=0.02)


def test_slope_is_the_mean_of_the_least_squares_slopes():
    x, y = np.array([1.0, 2.0, 5.0, 7.0]), np.random.default_rng(0).normal(size=(8, 4))
    sample = Values({made_up["y"]: y}, grid(t=x.tolist()))
    found = slope(made_up["y"], over="t", log=False).judge(sample, Limits(-1, 1, None), 0.01)
    assert found.estimate == pytest.approx(np.mean([np.polyfit(x, row, 1)[0] for row in y]))


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_logarithm_of_no_positive_number_is_an_error(value):
    made = claim(slope(made_up["y"], over="n"), at=grid(n=[1, 2]), rival=5.0)
    found = verdict(made, lambda point, streams: {"y": value})
    assert found.verdict is ERROR
    assert "values > 0" in found.reason


def expansion(limit_value: float, rate: float, coefficient: float = 2.0, sd: float = 0.01):
    """T_n = T + coefficient n^-rate + noise, the noise being common to all sizes but for a hundredth."""

    def draw(point, streams):
        rng = np.random.default_rng(streams.seed_index)
        shared, own = rng.normal(0.0, sd), rng.normal(0.0, sd / 100, size=10)
        n = point["n"]
        return {"y": limit_value + coefficient * n**-rate + shared + own[int(math.log2(n)) % 10]}

    return draw


@pytest.mark.parametrize(("truth", "expected"), [(1.0, HOLDS), (1.05, REFUTED), (1.02, UNDECIDED)])
def test_limit_extrapolates_each_seed(truth, expected):
    made = claim(
        limit(made_up["y"], over="n", rate=1.0), at=grid(n=[128, 64]), band=between(0.98, 1.02, **WHY), rival=1.05
    )
    found = verdict(made, expansion(truth, 1.0))
    assert found.verdict is expected
    assert found.estimate == pytest.approx(truth, abs=0.005)


def test_the_largest_size_alone_would_have_missed_the_limit():
    made = claim(mean(made_up["y"]), at=grid(n=[64]), band=between(0.98, 1.02, **WHY), rival=1.05)
    assert verdict(made, expansion(1.0, 1.0)).verdict is REFUTED


def test_limit_with_the_wrong_rate_is_refuted():
    made = claim(
        limit(made_up["y"], over="n", rate=0.5), at=grid(n=[64, 128]), band=between(0.98, 1.02, **WHY), rival=1.05
    )
    assert verdict(made, expansion(1.0, 1.0, coefficient=8.0)).verdict is REFUTED


@pytest.mark.parametrize(("rate", "expected"), [(1.0, HOLDS), (0.5, REFUTED)])
def test_convergence_tells_rates_apart(rate, expected):
    made = claim(
        convergence(made_up["y"], over="n", rate=1.0),
        at=grid(n=[256, 64, 128]),
        band=between(-0.002, 0.002, **WHY),
        rival=-0.02,
    )
    assert verdict(made, expansion(1.0, rate, sd=0.001)).verdict is expected


def test_convergence_without_enough_precision_is_undecided():
    made = claim(
        convergence(made_up["y"], over="n", rate=1.0),
        at=grid(n=[64, 128, 256]),
        band=between(-0.002, 0.002, **WHY),
        rival=-0.02,
    )
    assert verdict(made, expansion(1.0, 1.0, sd=1.0)).verdict is UNDECIDED
