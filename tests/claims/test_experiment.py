"""Points, sweeps and quantities: descriptors only."""

from __future__ import annotations

import math

import numpy as np
import pytest

from claims.auditing.trial import Measurement
from claims.errors import InvalidDeclaration
from claims.experiment import Linear, experiment, grid, linear, quantities_of
from claims.kinds.base import Values

SWEPT = experiment("made:swept", sweep={"p": (0.1, 0.2), "metric": ("pre", "post")}, fixed={"inputs": 8, "n": 4})


def test_a_grid_is_every_combination():
    points = [dict(point) for point in grid(n=[1, 2], metric=["pre", "post"], p=0.5)]
    assert len(points) == 4
    assert points[0] == {"n": 1, "metric": "pre", "p": 0.5}
    assert all(list(point) == sorted(point) for point in points)


@pytest.mark.parametrize("axis", [[], [1, 1], [1, 1.0], [1, True], [math.nan], [math.inf], [None], [(1, 2)]])
def test_an_axis_has_distinct_json_scalars(axis):
    with pytest.raises(InvalidDeclaration, match=r"grid\.n"):
        grid(n=axis)


def test_base_and_cell_divide_the_point():
    point = {"n": 16, "p": 0.1, "metric": "pre"}
    assert dict(SWEPT.base(point)) == {"inputs": 8, "n": 16}
    assert dict(SWEPT.cell(point)) == {"p": 0.1, "metric": "pre"}


def test_claims_at_other_cells_share_one_measurement():
    one = Measurement.of(SWEPT["a"], grid(p=0.1, metric="pre")[0])
    other = Measurement.of(SWEPT["b"], grid(p=0.2, metric="post")[0])
    assert one == other
    assert one != Measurement.of(SWEPT["a"], grid(p=0.1, metric="pre", n=5)[0])


def test_a_cost_hint_does_not_make_another_measurement():
    dear = experiment("made:swept", sweep=dict(SWEPT.sweep), fixed=dict(SWEPT.fixed), seconds=9.0, megabytes=900.0)
    at = grid(p=0.1, metric="pre")[0]
    assert Measurement.of(dear["a"], at) == Measurement.of(SWEPT["a"], at)
    assert hash(Measurement.of(dear["a"], at)) == hash(Measurement.of(SWEPT["a"], at))


def test_pinned_coordinates_override_the_claims():
    pinned = SWEPT.at(metric="post", n=32)
    point = {"n": 16, "p": 0.1, "metric": "pre"}
    assert dict(pinned.cell(point)) == {"p": 0.1, "metric": "post"}
    assert dict(pinned.base(point))["n"] == 32


def test_a_pinned_level_has_to_be_swept():
    with pytest.raises(InvalidDeclaration, match=r"at\.metric.*'pre', 'post'"):
        SWEPT.at(metric="between").cell({"p": 0.1})


@pytest.mark.parametrize("target", ["no_colon", "a:b:c", lambda point, streams: {}])
def test_an_experiment_is_a_function_that_can_be_imported(target):
    with pytest.raises(InvalidDeclaration, match="module:function"):
        experiment(target)


def module_level(point, streams):
    return {"x": 1.0}


def test_a_function_stands_for_its_name():
    assert experiment(module_level).address.endswith(":module_level")


@pytest.mark.parametrize("sweep", [{"p": ()}, {"p": (1, 1)}, {"p": (math.nan,)}])
def test_levels_are_distinct_scalars(sweep):
    with pytest.raises(InvalidDeclaration, match=r"sweep\.p"):
        experiment("made:up", sweep=sweep)


def test_a_quantity_is_named_by_a_string():
    with pytest.raises(InvalidDeclaration, match="quantity"):
        SWEPT[0]
    with pytest.raises(InvalidDeclaration):
        list(SWEPT)  # and an experiment is no sequence, whatever index protocol Python tries


def test_combinations_are_evaluated_seed_by_seed():
    a, b = SWEPT["a"], SWEPT["b"]
    sample = Values({a: np.array([1.0, 2.0]), b: np.array([10.0, 30.0])}, ())
    for expression, expected in [
        (a + b, [11.0, 32.0]),
        (b - a, [9.0, 28.0]),
        (2 * a - b * 0.5 + 1, [-2.0, -10.0]),
        (1 - a, [0.0, -1.0]),
        (3 + (a - b), [-6.0, -25.0]),
        (1 - (a + a), [-1.0, -3.0]),
        (0.1 * (a + b), [1.1, 3.2]),
    ]:
        assert sample.of(expression) == pytest.approx(expected)
    assert quantities_of(a + b - a) == (a, b)


def test_products_of_quantities_belong_in_the_experiment():
    with pytest.raises(InvalidDeclaration, match="products"):
        SWEPT["a"] * SWEPT["b"]


@pytest.mark.parametrize("other", ["b", math.nan, None])
def test_only_quantities_and_numbers_combine(other):
    with pytest.raises(InvalidDeclaration, match="quantity"):
        SWEPT["a"] + other


def test_a_number_is_a_combination_without_terms():
    assert linear(2.0) == Linear((), 2.0)
