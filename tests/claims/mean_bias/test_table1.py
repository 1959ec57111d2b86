"""Table 1: its arithmetic in exact fractions, its comparisons against scipy and enumeration, its planted errors."""

import itertools
import math
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from claims.bands import Limits
from claims.catalogue import load_catalogue
from claims.claim import Claim
from claims.kinds.base import Values
from claims.kinds.table import Table, read_rows
from claims.papers.mean_bias.experiments.discordance import attainable
from claims.papers.mean_bias.figures import scores
from claims.papers.mean_bias.sections import (
    abstract,
    later_version,
    section6_setup,
    table1,
    table1_average,
    table1_significance,
)
from claims.papers.mean_bias.shared import TASK_NAMES
from claims.papers.mean_bias.theory import discordance as theory
from claims.verdict import HOLDS, REFUTED, UNDECIDED

PRINTED = {row["method"]: row for row in read_rows(scores.TABLE_1)}
TASKS = {score.task: score for score in scores.SCORES}
POSITIVE = Limits(0.0, math.inf, None)


def declared(module):
    found = [item for value in vars(module).values() for item in (value if isinstance(value, tuple) else (value,))]
    return [item for item in found if isinstance(item, Claim)]


def judged(claim):
    band, _ = claim.limits(())
    return claim.test.judge(Values({}, ()), band, 1e-5)


def test_both_files_have_the_same_printed_scores():
    rows = {row["task"]: row for row in read_rows(scores.TASKS) if "task" in row}
    assert list(rows) == list(TASKS) == list(TASK_NAMES)
    for task, row in rows.items():
        assert (row["bf16"], row["averis"]) == (PRINTED["BF16"][task], PRINTED["Averis"][task])


def counts_for(figure, items):
    cell = Fraction(figure)
    half = Fraction(1, 20_000)
    return [count for count in range(items + 1) if abs(Fraction(count, items) - cell) <= half]


@pytest.mark.parametrize("task", TASKS)
def test_counts_are_the_only_ones_that_round_to_the_scores(task):
    score = TASKS[task]
    assert counts_for(PRINTED["BF16"][task], score.items) == [score.bf16]
    assert counts_for(PRINTED["Averis"][task], score.items) == [score.averis]


@pytest.mark.parametrize("name", table1.RACE)
def test_sets_of_race_by_brute_force(name):
    items, _, fits = table1.RACE[name]
    assert fits == all(counts_for(PRINTED[method]["race"], items) for method in PRINTED)


def test_averages_and_differences_in_fractions():
    means = {method: sum(Fraction(row[task]) for task in TASKS) / 7 for method, row in PRINTED.items()}
    assert float(means["BF16"]) == pytest.approx(0.456443, abs=5e-7)
    assert float(means["Averis"]) == pytest.approx(0.466114, abs=5e-7)
    for method, row in PRINTED.items():
        assert abs(means[method] - Fraction(row["average"])) <= Fraction(1, 20_000)
    changes = {task: Fraction(PRINTED["Averis"][task]) - Fraction(PRINTED["BF16"][task]) for task in TASKS}
    for row in read_rows(scores.TASKS):
        if "tasks" in row:
            left_out = row["tasks"].removeprefix("without ").split(" and ")
            kept = [change for task, change in changes.items() if task not in left_out]
            assert float(sum(kept) / len(kept)) == pytest.approx(float(row["difference"]), abs=5e-5)
    for score in scores.SCORES:
        assert score.difference == pytest.approx(float(changes[score.task]), abs=1e-4)


@pytest.mark.parametrize("module", [table1, table1_average, later_version, section6_setup])
def test_tables_say_what_is_expected_and_notice_a_changed_cell(module):
    tables = [claim for claim in declared(module) if isinstance(claim.test, Table)]
    assert tables
    for claim in tables:
        assert judged(claim).verdict is claim.expected, claim.id
        rows = read_rows(claim.test.path)
        if claim.expected is HOLDS:
            perturbed = claim.test.check.perturbed(rows)
            assert perturbed != rows
            assert claim.test.check.failures(perturbed), claim.id


def test_samples_say_what_is_expected():
    samples = [*declared(table1_significance), *declared(table1_average)]
    samples = [claim for claim in samples if claim.kind == "sample"]
    assert {claim.expected for claim in samples} == {HOLDS, UNDECIDED}
    for claim in samples:
        assert judged(claim).verdict is claim.expected, claim.id


Z_OF = {
    "items-independent": 1.99,
    "items-race-1045": 1.73,
    "items-most-discordant": 1.56,
    "items-least-discordant": 12.3,
    "items-pooled": 2.63,
    "items-without-boolq": 0.75,
    "items-without-boolq-and-lambada": -0.07,
}


@pytest.mark.parametrize("name", Z_OF)
def test_significance_of_the_average(name):
    claim = next(c for c in declared(table1_average) if c.id == f"mean-bias.table1.{name}")
    found = judged(claim).detail
    smallest = 2 * stats.norm.sf(abs(Z_OF[name]))
    assert found["smallest_alpha"] == pytest.approx(smallest, rel=0.15 if Z_OF[name] < 5 else 1)


def test_independent_answers_have_the_sum_of_binomial_variances():
    columns = scores.differences(scores.SCORES, theory.independent_discordant)
    for score, variance in zip(scores.SCORES, columns["variance"], strict=True):
        shares = [Fraction(right, score.items) for right in (score.bf16, score.averis)]
        assert variance == pytest.approx(float(sum(p * (1 - p) / score.items for p in shares)), rel=1e-12)


def test_t_over_tasks():
    claim = next(c for c in declared(table1_average) if c.id == "mean-bias.table1.improves")
    changes = [score.difference for score in scores.SCORES]
    assert judged(claim).detail["smallest_alpha"] == pytest.approx(stats.ttest_1samp(changes, 0).pvalue, rel=1e-6)
    assert stats.ttest_1samp(changes, 0).pvalue == pytest.approx(0.23, abs=0.01)


def test_one_task_is_judged_by_newcombe_under_holm():
    z = {"boolq": 3.56, "lambada": 2.73, "arc_c": -0.24, "race": 1.53}
    claims = {c.id.rpartition("gain-")[2].replace("-", "_"): c for c in table1_significance.GAINS}
    for task, expected in z.items():
        detail = judged(claims[task]).detail
        assert detail["smallest_alpha"] == pytest.approx(2 * stats.norm.sf(abs(expected)), rel=0.1)
        assert detail["family"] == 7


def two_proportions(first, second, alpha):
    values = {scores.TwoProportions().right: np.array([first[0], second[0]], float)}
    values[scores.TwoProportions().items] = np.array([first[1], second[1]], float)
    return scores.TwoProportions().judge(Values(values, ()), POSITIVE, alpha)


@given(n=st.integers(1, 4000), data=st.data(), alpha=st.sampled_from([0.05, 1e-3, 0.5]))
@settings(deadline=None, max_examples=40)
def test_newcombe_from_wilson(n, data, alpha):
    """The hybrid of the two Wilson intervals, recomputed."""
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, n))
    z = stats.norm.isf(alpha / 2)

    def wilson(count):
        p = count / n
        centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)

    (low_a, high_a), (low_b, high_b) = wilson(a), wilson(b)
    change = (b - a) / n
    lo = change - math.hypot(b / n - low_b, high_a - a / n)
    hi = change + math.hypot(high_b - b / n, a / n - low_a)
    found = two_proportions((a, n), (b, n), alpha)
    assert found.interval == pytest.approx((lo, hi), abs=1e-9)
    assert found.interval == confint_proportions_2indep(b, n, a, n, method="newcomb", alpha=alpha)
    assert found.estimate == pytest.approx(change)
    assert found.verdict is (HOLDS if lo >= 0 else REFUTED if hi < 0 else UNDECIDED) or abs(lo) + abs(hi) < 1e-9


def test_mean_difference_weighs_and_adds_variances():
    test = scores.MeanDifference()
    values = {
        test.difference: np.array([0.1, 0.4]),
        test.variance: np.array([0.01, 0.04]),
        test.weight: np.array([3.0, 1.0]),
    }
    found = test.judge(Values(values, ()), POSITIVE, 0.05)
    error = math.sqrt(9 * 0.01 + 0.04) / 4
    assert found.estimate == pytest.approx(0.175)
    assert found.interval == pytest.approx((0.175 - 1.959964 * error, 0.175 + 1.959964 * error), abs=1e-6)
    assert found.detail["z"] == pytest.approx(0.175 / error)


@given(items=st.integers(1, 60), data=st.data())
@example(items=1172, data=None)
@settings(deadline=None, max_examples=60)
def test_extremes_over_pairings(items, data):
    bf16, averis = (297, 292) if data is None else (data.draw(st.integers(0, items)), data.draw(st.integers(0, items)))
    found = attainable({"items": items, "bf16": bf16, "averis": averis}, None)
    apart, fewest = abs(averis - bf16), theory.fewest_discordant(items, bf16, averis)
    most = max(theory.most_discordant(items, bf16, averis), 1)
    assert found["smallest_z"] == pytest.approx(apart / math.sqrt(most), rel=1e-12)
    assert found["largest_z"] == pytest.approx(math.sqrt(fewest), rel=1e-12)
    assert found["smallest_p"] == pytest.approx(min(1.0, 2.0 ** (1 - fewest)), rel=1e-9)  # all of them in one run


def test_pairings_of_a_few_items_one_by_one():
    """Every way to have two right answers of four in one run and three in the other."""
    answers = [np.array(bits) for bits in itertools.product((0, 1), repeat=4)]
    tables = {
        (int(((a == 1) & (b == 0)).sum()), int(((a == 0) & (b == 1)).sum()))
        for a in answers
        for b in answers
        if (a.sum(), b.sum()) == (2, 3)
    }
    assert {sum(table) for table in tables} == {1, 3}
    assert (theory.fewest_discordant(4, 2, 3), theory.most_discordant(4, 2, 3)) == (1, 3)
    found = attainable({"items": 4, "bf16": 2, "averis": 3}, None)
    assert found["smallest_z"] == pytest.approx(min(abs(b - c) / math.sqrt(b + c) for b, c in tables))
    assert found["smallest_p"] == pytest.approx(min(stats.binomtest(b, b + c).pvalue for b, c in tables))
    with pytest.raises(ValueError, match="right answers"):
        attainable({"items": 4, "bf16": 5, "averis": 3}, None)


def test_variance_of_a_difference_is_that_of_drawn_items():
    """A share d of items on which the runs differ, drawn: +1, -1 or 0 an item."""
    score = replace(TASKS["arc_c"], items=200, bf16=50, averis=60)
    variance = theory.difference_variance(score.items, score.bf16, score.averis, 40)
    rng = np.random.default_rng(0)
    draws = rng.choice([1.0, -1.0, 0.0], p=[25 / 200, 15 / 200, 160 / 200], size=(20_000, 200)).mean(axis=1)
    assert draws.mean() == pytest.approx(score.difference, abs=1e-3)
    assert draws.var() == pytest.approx(variance, rel=0.04)


MODULES = (abstract, section6_setup, table1, table1_significance, table1_average, later_version)


def test_reasons_name_claims_that_are_there():
    ids = list(load_catalogue().claims)
    texts = [reason for module in MODULES for reason in getattr(module, "NOT_CLAIMS", {}).values()]
    texts += [claim.finding for module in MODULES for claim in declared(module)]
    named = {name for text in texts for name in re.findall(r"mean-bias\.[\w.*-]*[\w*]", text)}
    assert named
    for name in named:
        pattern = re.compile(re.escape(name).replace(r"\*", ".*"))
        assert any(pattern.fullmatch(known) for known in ids), name
