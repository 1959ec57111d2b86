"""table: what printed digits can and cannot mean; a perturbed cell has to be caught."""

from __future__ import annotations

import statistics
from decimal import ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import claim, verdict

from claims.errors import InvalidDeclaration
from claims.kinds import table
from claims.kinds.base import Values
from claims.kinds.table import aggregated, bounded, cell, granularity, read_rows, recomputed, shifted
from claims.verdict import ERROR, HOLDS, REFUTED, UNDECIDED

RATIO = recomputed("ratio", uses=("flips", "steps"), formula=lambda flips, steps: flips / steps)


@pytest.fixture
def printed_table(tmp_path):
    def written(*rows: dict[str, str]):
        path = tmp_path / "table.toml"
        lines = [
            f"[[rows]]\n{''.join(f'{name} = {figure!r}' + chr(10) for name, figure in row.items())}" for row in rows
        ]
        path.write_text("\n".join(lines))
        return str(path)

    return written


def of(path, check):
    return verdict(claim(table(path, check=check)), lambda point, streams: {})


GOOD = ({"flips": "2.75", "steps": "1.00", "ratio": "2.75"}, {"flips": "5.50", "steps": "2.00", "ratio": "2.75"})


def test_rows_that_agree(printed_table):
    found = of(printed_table(*GOOD), RATIO)
    assert found.verdict is HOLDS
    assert found.reason == "2 printed rows agree; a perturbed cell is caught"


def test_a_row_that_no_values_in_its_cells_can_give(printed_table):
    bad = {"flips": "2.75", "steps": "1.00", "ratio": "2.85"}
    found = of(printed_table(*GOOD, bad), RATIO)
    assert found.verdict is REFUTED
    assert "2.85" in found.reason
    assert found.detail["failures"] == [found.reason]


def test_rounding_of_all_cells_is_allowed_for(printed_table):
    """2.7/1.0 lies anywhere in [2.52, 2.89]."""
    assert of(printed_table({"flips": "2.7", "steps": "1.0", "ratio": "2.85"}), RATIO).verdict is HOLDS


def test_where_restricts_the_rows(printed_table):
    rows = (*GOOD, {"flips": "2.75", "steps": "1.00", "ratio": "9.99"})
    check = recomputed(
        "ratio", uses=("flips", "steps"), formula=lambda a, b: a / b, where=lambda row: row["ratio"] != "9.99"
    )
    assert of(printed_table(*rows), check).verdict is HOLDS


def test_a_condition_that_no_row_meets_is_an_error_not_a_pass(printed_table):
    check = recomputed("ratio", uses=("flips", "steps"), formula=lambda a, b: a / b, where=lambda row: False)
    found = of(printed_table(*GOOD), check)
    assert found.verdict is ERROR
    assert "no row" in found.reason


@pytest.mark.parametrize("column", ["flops", "speedup"])
def test_a_missing_column_is_an_error(printed_table, column):
    check = recomputed(column, uses=("flips",), formula=lambda flips: flips)
    found = of(printed_table(*GOOD), check)
    assert found.verdict is ERROR
    assert column in found.reason


@pytest.mark.parametrize("mean", ["0.3", "0.5"])
def test_cells_that_only_touch_are_possible(mean):
    """The mean of .05, .05 and .95 is .35, which prints as .3 or .4; its float sum is a little more."""
    check = recomputed("mean", uses=("a", "b", "c"), formula=lambda a, b, c: (a + b + c) / 3)
    row = {"a": "0.1", "b": "0.1", "c": "1.0", "mean": mean}
    assert check.failures((row,)) == []
    assert check.failures((row | {"mean": "0.2"},)) != []
    assert check.failures((row | {"mean": "0.6"},)) != []


@given(
    st.lists(st.integers(-999, 999), min_size=1, max_size=4),
    st.sampled_from([ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN]),
)
def test_figures_rounded_from_true_values_never_contradict(thousandths, rule):
    """Sums of values that were rounded to two places after the fact; ties included."""
    values = [Decimal(t) / 1000 for t in thousandths]
    figures = {f"v{i}": str(v.quantize(Decimal("0.01"), rule)) for i, v in enumerate(values)}
    figures["sum"] = str(sum(values).quantize(Decimal("0.01"), rule))
    check = recomputed("sum", uses=tuple(f"v{i}" for i in range(len(values))), formula=lambda *v: sum(v))
    assert check.failures((figures,)) == []


@settings(max_examples=200)
@given(st.integers(1, 2000), st.data(), st.sampled_from([ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN]))
def test_a_true_count_is_never_called_impossible(n, data, rule):
    count = data.draw(st.integers(0, n))
    places = data.draw(st.integers(1, 4))
    exact = Decimal(count) / Decimal(n)
    fraction = str(exact.quantize(Decimal(1).scaleb(-places), rule))
    percent = str((100 * exact).quantize(Decimal(1).scaleb(-places), rule))
    assert granularity(cells="score", n=n).failures(({"score": fraction},)) == []
    assert granularity(cells="score", n=n, scale=100.0).failures(({"score": percent},)) == []


def test_a_count_on_the_edge_of_its_cell_is_possible():
    """123/240 = .5125 prints as .512 by half even; in binary .5125 * 240 falls short of 123."""
    assert granularity(cells="score", n=240).failures(({"score": "0.512"},)) == []
    assert granularity(cells="score", n=240).failures(({"score": "0.511"},)) != []


@pytest.mark.parametrize(("score", "expected"), [("0.4871", HOLDS), ("0.4880", HOLDS), ("0.4882", REFUTED)])
def test_granularity_of_an_accuracy(printed_table, score, expected):
    """509/1045 = .48708, 510/1045 = .48804; nothing out of 1045 rounds to .4882."""
    found = of(printed_table({"score": score}), granularity(cells="score", n=1045))
    assert found.verdict is expected
    assert ("1045" in found.reason) == (expected is REFUTED)


def test_granularity_against_counting(printed_table):
    possible = {str((Decimal(k) / 700).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)) for k in range(701)}
    check = granularity(cells="score", n=700)
    for thousandth in range(0, 10_000, 7):
        score = f"{thousandth / 10_000:.4f}"
        assert (check.failures(({"score": score},)) == []) == (score in possible)


def is_summary(row):
    return row["name"] == "mean"


MEAN = aggregated("score", into=is_summary, uses=("score",), formula=float, statistic=statistics.mean)
SCORES = [{"name": name, "score": score} for name, score in (("a", "0.31"), ("b", "0.35"), ("c", "0.42"))]


@pytest.mark.parametrize(
    ("printed", "expected"), [("0.36", HOLDS), ("0.360", HOLDS), ("0.35", HOLDS), ("0.38", REFUTED), ("0.3", REFUTED)]
)
def test_a_summary_follows_from_the_other_rows(printed_table, printed, expected):
    """The mean of three cells of half-width .005 about .36."""
    found = of(printed_table(*SCORES, {"name": "mean", "score": printed}), MEAN)
    assert found.verdict is expected


@pytest.mark.parametrize("rows", [SCORES, [*SCORES, *({"name": "mean", "score": "0.36"},) * 2]])
def test_a_summary_is_one_row(printed_table, rows):
    found = of(printed_table(*rows), MEAN)
    assert found.verdict is ERROR
    assert "aggregated.into" in found.reason


def test_a_summary_of_nothing_is_an_error(printed_table):
    found = of(printed_table({"name": "mean", "score": "0.36"}), MEAN)
    assert found.verdict is ERROR
    assert "aggregated.uses" in found.reason


FACTOR = bounded(uses=("flips", "steps"), formula=lambda flips, steps: flips / steps, lo=2.0, hi=3.0)


@pytest.mark.parametrize(
    ("flips", "expected"), [("2.75", HOLDS), ("3.00", HOLDS), ("3.02", HOLDS), ("3.05", REFUTED), ("1.90", REFUTED)]
)
def test_a_formula_stays_in_its_interval(printed_table, flips, expected):
    """3.02 / 1.00 may be 3.015 / 1.005 = 3."""
    assert of(printed_table({"flips": flips, "steps": "1.00"}, GOOD[0]), FACTOR).verdict is expected


def test_an_interval_that_every_printed_figure_meets_checks_nothing(printed_table):
    always = bounded(uses=("flips",), formula=lambda flips: min(flips, 1e-3), hi=1.0)
    found = of(printed_table({"flips": "2.75"}), always)
    assert found.verdict is UNDECIDED
    assert "perturbed" in found.reason


def test_a_bound_that_is_met_by_no_row_is_an_error(printed_table):
    none = bounded(uses=("flips",), formula=float, hi=3.0, where=lambda row: False)
    assert of(printed_table(*GOOD), none).verdict is ERROR


@pytest.mark.parametrize("ends", [{}, {"lo": 2.0, "hi": 1.0}, {"lo": 1.0, "hi": 1.0}])
def test_an_interval_has_an_end(ends):
    with pytest.raises(InvalidDeclaration, match="bounded"):
        bounded(uses=("flips",), formula=float, **ends)


def test_too_few_digits_check_nothing(printed_table):
    found = of(printed_table({"score": "0.49"}), granularity(cells="score", n=1045))
    assert found.verdict is UNDECIDED
    assert "perturbed cell was not caught" in found.reason


def test_cells_are_closed_and_figures_shift_by_their_last_place():
    assert cell("0.36") == (0.355, 0.365)
    assert shifted("0.36", 3) == "0.39"
    assert shifted("1,205", 1) == "1206"


@pytest.mark.parametrize(
    ("content", "named"),
    [("rows = 3", "rows"), ("", "rows"), ("[[rows]]\nscore = 0.36\n", "string"), ("[[rows]\n", "TOML")],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, content, named):
    path = tmp_path / "table.toml"
    path.write_text(content)
    with pytest.raises(InvalidDeclaration, match=named):
        read_rows(str(path))
    found = of(str(path), RATIO)
    assert found.verdict is ERROR
    assert "table" in found.reason


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    found = of(str(tmp_path / "absent.toml"), RATIO)
    assert found.verdict is ERROR
    assert "absent.toml" in found.reason


def test_nothing_is_measured(printed_table):
    test = table(printed_table(*GOOD), check=RATIO)
    assert (test.quantities(), test.looks, test.sequential) == ((), (0,), False)
    assert test.judge(Values({}, ()), None, 0.5).verdict is HOLDS


@pytest.mark.parametrize("n", [0, -3])
def test_granularity_needs_a_sample(n):
    with pytest.raises(InvalidDeclaration, match=r"granularity\.n"):
        granularity(cells="score", n=n)
