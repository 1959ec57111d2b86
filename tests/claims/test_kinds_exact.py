"""identity, value and replay: no alpha, and a planted wrong version that has to fail."""

from __future__ import annotations

import math

import numpy as np
import pytest
from kit import claim, judged, made_up, settle, verdict

from claims.bands import between, printed
from claims.errors import InvalidDeclaration, MeasurementError
from claims.experiment import Linear
from claims.kinds import identity, replay, value
from claims.verdict import ERROR, HOLDS, REFUTED, UNDECIDED

WHY = {"provenance": "author", "because": "a toy"}
A, B, BOUND, PLANTED = (made_up[name] for name in ("a", "b", "bound", "planted"))
SAME = identity(A, B, bound=BOUND, planted=PLANTED)


def expressions(error: float, planted: float):
    """Both sides of a sum of squares; the bound is what rounding may do to a sum of 64 terms."""

    def draw(point, streams):
        x = streams.numpy("x").normal(size=64)
        exact = math.fsum(x * x)
        bound = 64 * np.finfo(float).eps * exact
        return {"a": float(x @ x) + error * bound, "b": exact, "bound": bound, "planted": exact + planted * bound}

    return draw


def test_two_expressions_that_agree():
    found = verdict(claim(SAME), expressions(0.0, 1e6))
    assert found.verdict is HOLDS
    assert "8 draws" in found.reason
    assert found.detail["largest_error"] <= found.detail["bound_there"] < found.detail["planted_error"]


def test_two_expressions_that_do_not():
    (trial,) = settle(claim(SAME), expressions(5.0, 1e6))
    assert trial.final.verdict is REFUTED
    assert "8 of 8 draws" in trial.final.reason
    assert trial.confirmation is None  # nothing random is left to confirm


def test_one_draw_beyond_its_bound_is_enough():
    values = {"a": [1.0] * 8, "b": [1.0] * 7 + [1.5], "bound": [0.1] * 8, "planted": [9.0] * 8}
    found = judged(SAME, values)
    assert found.verdict is REFUTED
    assert "1 of 8 draws" in found.reason


def test_a_planted_wrong_version_that_passes_leaves_it_undecided():
    found = verdict(claim(SAME), expressions(0.0, 0.5))
    assert found.verdict is UNDECIDED
    assert "planted wrong expression passed" in found.reason


def test_a_bound_may_be_a_number():
    test = identity(A, B, bound=1e-9, planted=PLANTED, draws=2)
    assert judged(test, {"a": [1.0, 2.0], "b": [1.0, 2.0], "planted": [1.1, 2.0]}).verdict is HOLDS
    assert judged(test, {"a": [1.0, 2.0], "b": [1.0, 2.1], "planted": [9.0, 9.0]}).verdict is REFUTED
    assert judged(test, {"a": [1.0, 2.0], "b": [1.0, 2.0], "planted": [1.0, 2.0]}).verdict is UNDECIDED


def test_one_side_may_be_a_number():
    one = Linear((), 1.0)
    test = identity(A, one, bound=1e-9, planted=PLANTED)
    assert judged(test, {"a": [1.0, 1.0], "planted": [1.1, 1.0]}).verdict is HOLDS
    assert judged(test, {"a": [1.0, 1.2], "planted": [1.1, 1.0]}).verdict is REFUTED


@pytest.mark.parametrize("name", ["a", "b", "bound", "planted"])
def test_no_side_may_be_infinite(name):
    values = {"a": [1.0], "b": [1.0], "bound": [0.1], "planted": [2.0]} | {name: [math.inf]}
    with pytest.raises(MeasurementError, match="finite"):
        judged(SAME, values)


def test_draws_are_fixed_in_advance():
    assert identity(A, B, bound=BOUND, planted=PLANTED, draws=3).looks == (3,)
    with pytest.raises(InvalidDeclaration, match=r"identity\.draws"):
        identity(A, B, bound=BOUND, planted=PLANTED, draws=0)


@pytest.mark.parametrize(("x", "expected"), [(0.364, HOLDS), (0.365, HOLDS), (0.3651, REFUTED), (0.3549, REFUTED)])
def test_value_is_in_the_band_or_not(x, expected):
    (trial,) = settle(claim(value(made_up["x"]), band=printed("0.36"), rival=0.37), lambda point, streams: {"x": x})
    assert trial.final.verdict is expected
    assert (trial.main_seeds, trial.final.interval) == (1, (x, x))


@pytest.mark.parametrize(("x", "expected"), [(-0.36, HOLDS), (0.36, REFUTED)])
def test_a_value_keeps_its_sign(x, expected):
    assert judged(value(made_up["x"]), {"x": [x]}, lo=-0.365, hi=-0.355).verdict is expected


def test_value_has_no_room_for_undecided_but_errors():
    found = verdict(claim(value(made_up["x"]), rival=5.0), lambda point, streams: {"x": "a note"})
    assert found.verdict is ERROR
    assert "numbers" in found.reason


PUBLISHED = [2.61, 2.65, 2.63, 2.66, 2.645]  # mean 2.639, sd .01949 (ddof 1), .01744 (ddof 0)


def replayed(**options):
    words = {"printed_mean": "2.639", "seeds": 5, "neighbours": [made_up["other"]], "configuration": "as published"}
    return claim(replay(made_up["x"], **(words | options)))


def published(shift: float = 0.0, other: float = 0.1):
    def draw(point, streams):
        x = PUBLISHED[streams.seed_index] + shift
        return {"x": x, "other": x + other}

    return draw


def test_a_figure_that_rounds_to_the_printed_one_holds_and_names_its_configuration():
    (trial,) = settle(replayed(), published())
    assert trial.final.verdict is HOLDS
    assert "as published" in trial.final.reason
    assert "2.639" in trial.final.reason
    assert trial.main_seeds == 5


@pytest.mark.parametrize("shift", [0.0006, -0.0006, 0.1])
def test_a_figure_that_rounds_to_another_is_refuted(shift):
    found = verdict(replayed(), published(shift))
    assert found.verdict is REFUTED
    assert "mean" in found.reason


def test_a_neighbour_that_rounds_to_the_figure_too_leaves_it_undecided():
    found = verdict(replayed(), published(other=0.0004))
    assert found.verdict is UNDECIDED
    assert "neighbouring" in found.reason


def test_one_of_several_neighbours_is_enough():
    both = replayed(neighbours=[made_up["other"], made_up["x"] + 0.0])
    assert verdict(both, published()).verdict is UNDECIDED


def test_mean_and_sd_have_to_round_both():
    assert verdict(replayed(printed_sd="0.019"), published()).verdict is HOLDS
    found = verdict(replayed(printed_sd="0.018"), published())
    assert found.verdict is REFUTED
    assert "sd" in found.reason
    assert verdict(replayed(printed_sd="0.017", ddof=0), published()).verdict is HOLDS


def test_a_neighbour_has_to_differ_in_one_of_the_two():
    """It rounds to the same mean; its sd tells it apart."""

    def draw(point, streams):
        x = PUBLISHED[streams.seed_index]
        return {"x": x, "other": 2.639 + 3 * (x - 2.639)}

    assert verdict(replayed(), draw).verdict is UNDECIDED
    assert verdict(replayed(printed_sd="0.019"), draw).verdict is HOLDS


def test_slack_is_for_the_order_of_float32_sums_only():
    assert verdict(replayed(slack=5e-5), published(0.00054)).verdict is HOLDS
    with pytest.raises(InvalidDeclaration, match="tenth of the last place"):
        replayed(slack=2e-4)


@pytest.mark.parametrize(
    ("options", "named"),
    [({"printed_mean": None}, "printed_mean"), ({"seeds": 0}, "seeds"), ({"neighbours": []}, "neighbours")],
)
def test_a_replay_says_what_is_printed_and_what_must_miss_it(options, named):
    with pytest.raises(InvalidDeclaration, match=named):
        replayed(**options)


@pytest.mark.parametrize("tier", ["smoke", "standard"])
def test_a_replay_is_not_shortened_at_a_lower_tier(tier):
    made = claim(replayed().test, decides="full")
    (trial,) = settle(made, published(), tier=tier)
    assert trial.final.verdict is UNDECIDED
    assert trial.measurements()
    assert trial.main_seeds == 0
    assert "not measured" in trial.final.reason


def test_a_band_between_two_figures_is_allowed_for_a_value():
    assert verdict(claim(value(made_up["x"] - 1), band=between(0, 1, **WHY)), lambda p, s: {"x": 1.5}).verdict is HOLDS
