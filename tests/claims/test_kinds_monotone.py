"""Formulas over printed figures: what turns inside a cell is noticed, what only rises or falls never is."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kit import claim, verdict

from claims.errors import InvalidDeclaration
from claims.kinds import table
from claims.kinds.monotone import formula_range, statistic_range
from claims.kinds.table import aggregated, bounded, recomputed
from claims.verdict import ERROR, HOLDS, REFUTED

TURNING = {
    "a square over zero": (lambda x: x * x, [(-0.5, 0.5)]),
    "a square beside the middle": (lambda x: (x - 0.3) ** 2, [(-0.5, 0.5)]),
    "a distance": (lambda a, b: abs(a - b), [(1.0, 2.0), (1.5, 2.5)]),
    "a squared difference": (lambda a, b: (a - b) ** 2, [(1.0, 2.0), (1.0, 2.0)]),
    "a pole": (lambda a, b: a / b, [(1.0, 2.0), (-0.5, 0.6)]),
    "a sine of much": (lambda x: math.sin(12 * x), [(0.0, 1.0)]),
    "x log x": (lambda x: x * math.log(x), [(0.05, 1.0)]),
    "an entropy": (lambda p: -p * math.log(p) - (1 - p) * math.log(1 - p), [(0.45, 0.55)]),
    "distance from rounding": (lambda x: x - round(x), [(0.2, 3.8)]),
}


@pytest.mark.parametrize("name", TURNING)
def test_a_formula_that_turns_is_noticed_and_named(name):
    formula, cells = TURNING[name]
    with pytest.raises(InvalidDeclaration) as caught:
        formula_range(formula, cells, names=["this", "that"][: len(cells)], field="recomputed.formula")
    assert caught.value.field == "recomputed.formula"
    assert "turns as 'th" in str(caught.value)
    assert "only rises or only falls" in caught.value.allowed


MONOTONE = {
    "identity": lambda a, b, c: a,
    "sum": lambda a, b, c: a + b + c,
    "difference": lambda a, b, c: a - b - c,
    "product": lambda a, b, c: a * b * c,
    "ratio": lambda a, b, c: a / (b + c),
    "logarithm": lambda a, b, c: math.log(a) / b,
    "power": lambda a, b, c: a**-b,
    "largest": max,
    "rounded": lambda a, b, c: round(a) + math.floor(10 * b),
    "threshold": lambda a, b, c: float(a > b),
    "constant": lambda a, b, c: 1.0,
    "what cancels": lambda a, b, c: (a + 1e6 * b) - 1e6 * b,
    "excess over what is near": lambda a, b, c: (a - 0.05) / math.log(a / 0.05),
}


@pytest.mark.parametrize("name", MONOTONE)
@given(st.lists(st.floats(0.1, 100), min_size=3, max_size=3), st.sampled_from([0.5, 1e-2, 1e-6, 1e-13]))
def test_a_formula_that_does_not_turn_is_never_accused(name, middles, width):
    cells = [(x * (1 - width / 2), x * (1 + width / 2)) for x in middles]
    lo, hi = formula_range(MONOTONE[name], cells, names="abc", field="recomputed.formula")
    assert lo <= hi


@given(st.floats(-10, 10), st.floats(0.01, 5), st.floats(-3, 3))
def test_the_range_of_a_parabola_is_right_or_refused(middle, half, turn):
    """What goes unnoticed is at most a gap between two points wide: a share of the range that the corners give."""
    cell = (middle - half, middle + half)
    try:
        lo, hi = formula_range(lambda x: (x - turn) ** 2, [cell], names=["x"], field="f")
    except InvalidDeclaration:
        assert cell[0] < turn < cell[1]
        return
    assume(hi > lo)
    least = 0.0 if cell[0] <= turn <= cell[1] else lo
    assert lo - least <= 0.1 * (hi - lo)


STATISTICS = [sum, max, min, statistics.mean, statistics.median, lambda rows: sum(x > 2.05 for x in rows), len]


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_statistic_that_rises_with_every_row(statistic):
    ranges = [(1.0, 1.1), (2.0, 2.1), (2.0, 2.2), (7.0, 7.1)]
    lo, hi = statistic_range(statistic, ranges, field="aggregated.statistic")
    assert (lo, hi) == (statistic([1.0, 2.0, 2.0, 7.0]), statistic([1.1, 2.1, 2.2, 7.1]))


@pytest.mark.parametrize(
    "statistic",
    [statistics.stdev, lambda rows: max(rows) - min(rows), lambda rows: -sum(rows), lambda rows: rows[0] - rows[1]],
)
def test_a_statistic_that_falls_when_a_row_rises_is_noticed(statistic):
    with pytest.raises(InvalidDeclaration, match=r"aggregated\.statistic.*falls when row"):
        statistic_range(statistic, [(1.0, 1.1), (2.0, 2.1), (3.0, 3.1)], field="aggregated.statistic")


@pytest.mark.parametrize("formula", [lambda x: math.nan, lambda x: math.inf, math.sqrt, lambda x: 1 / x])
def test_a_value_that_is_no_number_is_an_error_that_says_where(formula):
    with pytest.raises(InvalidDeclaration, match=r"bounded\.formula.*a finite number, as at"):
        formula_range(formula, [(-0.5, 0.5)], names=["x"], field="bounded.formula")


def written(tmp_path, *rows):
    path = tmp_path / "table.toml"
    path.write_text("\n".join("[[rows]]\n" + "\n".join(f"{k} = {v!r}" for k, v in row.items()) for row in rows))
    return str(path)


def of(path, check):
    return verdict(claim(table(path, check=check)), lambda point, streams: {})


def test_a_distance_between_figures_is_not_refuted_from_its_corners(tmp_path):
    """.4 and .4 may differ by 0 to .1; the corners that were looked at say so, but of .38 to .42 they do not."""
    row = {"a": "0.4", "squared": "0.00"}
    path = written(tmp_path, row, {"a": "0.9", "squared": "0.25"})
    found = of(path, recomputed("squared", uses=["a"], formula=lambda a: (a - 0.41) ** 2))
    assert found.verdict is ERROR
    assert "recomputed.formula" in found.reason
    assert "'a' goes from 0.35 to 0.45" in found.reason


def test_every_check_notices(tmp_path):
    path = written(tmp_path, {"name": "a", "x": "0.4"}, {"name": "b", "x": "0.5"}, {"name": "all", "x": "0.9"})

    def square(x):
        return (x - 0.41) ** 2

    def is_sum(row):
        return row["name"] == "all"

    words = {"into": is_sum, "uses": ["x"]}
    for check, field in (
        (aggregated("x", **words, formula=square, statistic=sum), "aggregated.formula"),
        (aggregated("x", **words, formula=float, statistic=statistics.stdev), "aggregated.statistic"),
        (bounded(uses=["x"], formula=square, lo=0.0, hi=2.0), "bounded.formula"),
    ):
        found = of(path, check)
        assert found.verdict is ERROR
        assert field in found.reason
    assert of(path, aggregated("x", **words, formula=float, statistic=sum)).verdict is HOLDS
    assert of(path, aggregated("x", **words, formula=float, statistic=max)).verdict is REFUTED


def test_a_planted_figure_may_lie_where_the_formula_turns_or_ends(tmp_path):
    """The search for a figure that leaves the interval steps over zero, and over what no float can hold."""
    path = written(tmp_path, {"x": "1.0"})
    assert of(path, bounded(uses=["x"], formula=lambda x: x * x, lo=0.5, hi=20.0)).verdict is HOLDS
    assert of(path, bounded(uses=["x"], formula=math.log, lo=-0.1, hi=1.0)).verdict is HOLDS
    huge = written(tmp_path, {"x": "1.0e300"})
    assert of(huge, bounded(uses=["x"], formula=math.log, hi=709.0)).verdict is HOLDS
