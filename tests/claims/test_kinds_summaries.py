"""Summaries of printed rows and bounded formulas: rounding of every cell counts, and domains of formulas end."""

from __future__ import annotations

import math
import statistics
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import claim, verdict

from claims.kinds import table
from claims.kinds.table import aggregated, bounded
from claims.verdict import HOLDS, REFUTED, UNDECIDED


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


def is_total(row):
    return row.get("seed") == "total"


def summary(statistic, **options):
    formula = options.pop("formula", lambda score: score)
    return aggregated("score", into=is_total, uses=("score",), formula=formula, statistic=statistic, **options)


SEEDS = ({"seed": "1", "score": "1.5"}, {"seed": "2", "score": "4.0"}, {"seed": "3", "score": "2.0"})


@pytest.mark.parametrize(
    ("statistic", "printed", "expected"),
    [
        (statistics.median, "2.0", HOLDS),
        (statistics.median, "2.2", REFUTED),
        (sum, "7.5", HOLDS),
        (sum, "7.7", HOLDS),  # three cells of +-.05 and its own
        (sum, "7.8", REFUTED),
        (max, "4.0", HOLDS),
        (max, "4.2", REFUTED),
        (statistics.fmean, "2.5", HOLDS),
    ],
)
def test_a_summary_of_the_other_rows(printed_table, statistic, printed, expected):
    found = of(printed_table(*SEEDS, {"seed": "total", "score": printed}), summary(statistic))
    assert found.verdict is expected
    assert (printed in found.reason) == (expected is REFUTED)


def test_a_summary_of_chosen_rows_and_of_a_decreasing_formula(printed_table):
    path = printed_table(*SEEDS, {"seed": "total", "score": "-1.5"})
    assert of(path, summary(max, formula=lambda score: -score)).verdict is HOLDS
    chosen = summary(max, formula=lambda score: -score, where=lambda row: row["seed"] != "1")
    assert of(path, chosen).verdict is REFUTED


@given(st.lists(st.integers(-999, 999), min_size=1, max_size=6))
def test_a_median_of_true_values_never_contradicts(thousandths):
    values = [Decimal(t) / 1000 for t in thousandths]
    rows = [{"seed": str(i), "score": str(v.quantize(Decimal("0.01")))} for i, v in enumerate(values)]
    printed = {"seed": "total", "score": str(statistics.median(values).quantize(Decimal("0.01")))}
    assert summary(statistics.median).failures((*rows, printed)) == []


def test_an_interval_that_no_figure_can_leave_checks_nothing(printed_table):
    found = of(printed_table(*SEEDS), bounded(uses=("score",), formula=math.tanh, lo=-1.0, hi=1.0))
    assert found.verdict is UNDECIDED


def test_a_perturbed_figure_may_leave_the_formulas_domain(printed_table):
    check = bounded(uses=("score",), formula=math.log, hi=1.5)
    assert check.perturbed(SEEDS)[0]["score"] != SEEDS[0]["score"]
    assert of(printed_table(*SEEDS), check).verdict is HOLDS
