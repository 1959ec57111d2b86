"""trend: every step has to go the claimed way; one flat step is enough to leave it undecided."""

from __future__ import annotations

import numpy as np
import pytest
from kit import claim, made_up, settle, verdict

from claims.bands import Limits, at_least
from claims.errors import InvalidDeclaration
from claims.experiment import grid
from claims.kinds import order, trend
from claims.kinds.base import Values
from claims.kinds.intervals import t_interval
from claims.verdict import HOLDS, REFUTED, UNDECIDED

WHY = {"provenance": "author", "because": "a toy"}
LAYERS = [1, 2, 3, 4, 5]
RISING = trend(made_up["y"], over="layer", direction="increasing")


def staircase(heights, sd: float = 0.05):
    def draw(point, streams):
        rng = np.random.default_rng(streams.seed_index)
        common, own = rng.normal(0.0, 10.0), rng.normal(0.0, sd, size=len(heights))
        return {"y": common + heights[point["layer"] - 1] + own[point["layer"] - 1]}

    return draw


def rising(slack: float = 0.0):
    return claim(RISING, at=grid(layer=LAYERS), band=at_least(0.0, slack=slack, **WHY), rival=-1.0 - slack)


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ([1, 2, 3, 4, 5], HOLDS),
        ([1, 2, 3, 3, 5], UNDECIDED),
        ([1, 2, 3, 2, 5], REFUTED),
        ([5, 4, 3, 2, 1], REFUTED),
    ],
    ids=["rises", "one flat step", "one step down", "falls"],
)
def test_every_step_counts(heights, expected):
    found = verdict(rising(), staircase(heights))
    assert found.verdict is expected


def test_first_against_last_would_have_passed_a_curve_that_dips():
    made = claim(order(made_up["y"], over="layer"), at=grid(layer=LAYERS), band=at_least(1.0, **WHY), rival=0.0)
    assert verdict(made, staircase([1, 2, 3, 2, 5])).verdict is HOLDS


def test_slack_lets_a_flat_step_hold():
    assert verdict(rising(slack=0.5), staircase([1, 2, 3, 3, 5])).verdict is HOLDS
    assert verdict(rising(slack=0.5), staircase([1, 2, 3, 2, 5])).verdict is REFUTED


def test_decreasing_is_increasing_upside_down():
    falling = trend(made_up["y"], over="layer", direction="decreasing")
    made = claim(falling, at=grid(layer=LAYERS), band=at_least(0.0, **WHY), rival=-1.0)
    assert verdict(made, staircase([5, 4, 3, 2, 1])).verdict is HOLDS
    assert verdict(made, staircase([1, 2, 3, 4, 5])).verdict is REFUTED


@pytest.mark.parametrize("layers", [[5, 3, 2], [2, 5, 3], ["plain", "tuned", "ours"]])
def test_levels_are_taken_as_the_grid_names_them_not_by_value(layers):
    """By the alphabet "ours" would come first, and the claim be refuted."""
    made = claim(RISING, at=grid(layer=layers), band=at_least(0.5, **WHY), rival=0.0)

    def draw(point, streams):
        return {"y": layers.index(point["layer"]) + streams.numpy("y").normal(0.0, 0.01)}

    assert verdict(made, draw).verdict is HOLDS
    backwards = claim(RISING, at=grid(layer=layers[::-1]), band=at_least(0.5, **WHY), rival=0.0)
    assert verdict(backwards, draw).verdict is REFUTED


def test_it_says_which_level_is_first():
    assert RISING.compared(["plain", "tuned", "ours"]) == "layer: first plain, then tuned, ours"
    assert RISING.compared(list(range(24))) == "layer: first 0, then 1, 2, 3, 4, 5, 6, 7, …, 23"


def looked(y: np.ndarray, alpha: float):
    sample = Values({made_up["y"]: y}, grid(layer=list(range(y.shape[1]))))
    return RISING.judge(sample, Limits(0.0, np.inf, 0.0), alpha)


def test_a_refutation_pays_for_the_number_of_steps_and_holding_does_not():
    """One step's t interval clears zero at alpha but not at alpha / 4."""
    rng = np.random.default_rng(0)
    step = rng.normal(size=16)
    alpha = 0.01
    shift = (t_interval(step - step.mean(), alpha)[1] + t_interval(step - step.mean(), alpha / 4)[1]) / 2
    up = 100.0 + rng.normal(size=(16, 3))
    down = -(step - step.mean() + shift)[:, None]
    falls = np.cumsum(np.hstack([np.zeros((16, 1)), up, down]), axis=1)
    assert looked(falls, alpha).verdict is UNDECIDED
    assert looked(falls, 8 * alpha).verdict is REFUTED
    rises = np.cumsum(np.hstack([np.zeros((16, 1)), up, -down]), axis=1)
    assert looked(rises, alpha).verdict is HOLDS


def test_the_step_that_decides_is_shown():
    (trial,) = settle(rising(), staircase([1, 2, 3, 3.5, 5]))
    assert trial.final.detail["shown_step"] == 2
    assert trial.final.estimate == pytest.approx(0.5, abs=0.1)
    assert trial.final.detail["steps"] == pytest.approx([1.0, 1.0, 0.5, 1.5], abs=0.1)


def test_a_refutation_shows_the_step_that_is_sure_not_the_noisy_one_below_it():
    rng = np.random.default_rng(0)
    steps = np.stack([rng.normal(-1.0, 0.01, 16), rng.normal(-3.0, 30.0, 16), rng.normal(1.0, 0.01, 16)], axis=1)
    found = looked(np.cumsum(np.hstack([np.zeros((16, 1)), steps]), axis=1), 0.003)
    assert found.verdict is REFUTED
    assert found.detail["shown_step"] == 0
    assert found.interval[1] < 0
    assert found.detail["granted"] == 0.003 / 6


def test_undecided_shows_the_step_that_is_in_the_way():
    rng = np.random.default_rng(0)
    steps = np.stack([rng.normal(0.5, 0.01, 16), rng.normal(5.0, 30.0, 16)], axis=1)
    found = looked(np.cumsum(np.hstack([np.zeros((16, 1)), steps]), axis=1), 0.003)
    assert (found.verdict, found.detail["shown_step"]) == (UNDECIDED, 1)


def test_steps_without_spread_decide_nothing():
    made = claim(RISING, at=grid(layer=LAYERS), band=at_least(0.0, **WHY), rival=-1.0)
    assert verdict(made, lambda point, streams: {"y": point["layer"]}).verdict is UNDECIDED


def test_the_direction_is_one_of_two():
    with pytest.raises(InvalidDeclaration, match="increasing, decreasing"):
        trend(made_up["y"], over="layer", direction="up")
