"""Qualification: what seeds have to be like for an interval of their mean, and what so few of them cannot show."""

from __future__ import annotations

import importlib.util
import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from kit import claim, made_up, settle
from scipy import stats

from claims.auditing.decision import ALPHA_CLAIM
from claims.auditing.power import qualification, reach, unseen
from claims.auditing.qualification import MOST_SKEWNESS
from claims.auditing.schedule import schedule
from claims.auditing.shape import factor, shape_of, widened
from claims.bands import Limits, at_most, between
from claims.kinds import bound, mean, order, proportion, quantile, ratio, slope, trend
from claims.kinds.base import LOOKS, JudgesMeans
from claims.kinds.intervals import count_interval
from claims.verdict import HOLDS, REFUTED, UNDECIDED

WHY = {"provenance": "author", "because": "a toy"}
#: Of what has mean 1 that it is at most .97: false.
FALSE = claim(bound(made_up["x"]), band=at_most(0.97, **WHY), rival=9.0)
#: Of the same that it lies between 0 and 2.
TRUE = claim(mean(made_up["x"]), band=between(0.0, 2.0, **WHY), rival=9.0)
#: The level of its last look.
LEVEL = ALPHA_CLAIM * schedule(TRUE).share(LOOKS[-1])
#: Laws of mean 1 with a long tail.
SKEWED = {
    "exponential": lambda rng: rng.exponential(),
    "log-normal": lambda rng: rng.lognormal(-0.5, 1.0),
}
#: Laws of mean 1 that an interval of a mean is for.
FINE = {
    "normal": lambda rng: rng.normal(1.0, 0.2),
    "discrete": lambda rng: rng.binomial(20, 0.5) / 10,
    "bounded": lambda rng: rng.uniform(0.5, 1.5),
    "heavy-tailed": lambda rng: 1.0 + 0.1 * rng.standard_t(5),
    "slightly skewed": lambda rng: rng.gamma(25.0) / 25,
}


def of(law):
    """An experiment whose seeds are drawn from a law."""
    return lambda point, streams: {"x": float(law(streams.numpy("x")))}


def in_turn(values):
    """An experiment whose seeds have these values, and the same again on the block that confirms."""
    return lambda point, streams: {"x": float(values[streams.seed_index % len(values)])}


def misleading(law):
    """The same, but that the first eight seeds happen to agree, far below the mean, as now and then they do."""
    drawn = of(law)
    return lambda point, streams: {"x": 0.45 + 0.02 * s} if (s := streams.seed_index) < 8 else drawn(point, streams)


@pytest.mark.parametrize("name", SKEWED)
def test_seeds_that_all_miss_the_long_tail_hold_nothing(name):
    """Student's t says HOLDS, of a claim that is false."""
    (trusting,) = settle(FALSE, misleading(SKEWED[name]), trusting=True)
    assert (trusting.final.verdict, trusting.main_seeds) == (HOLDS, 8)
    (trial,) = settle(FALSE, misleading(SKEWED[name]))
    assert trial.final.verdict in (UNDECIDED, REFUTED)
    assert trial.history[0].judgement.reason.startswith("8 seeds cannot show that they are not skewed")
    assert trial.history[0].judgement.detail["granted"] < 1e-6


@pytest.mark.parametrize("name", FINE)
def test_seeds_that_are_nearly_normal_are_not_stopped(name):
    for epoch in range(4):
        (trial,) = settle(TRUE, of(FINE[name]), epoch=epoch)
        assert trial.final.verdict is HOLDS
        assert trial.main_seeds < LOOKS[-1]


@pytest.mark.parametrize("name", FINE)
def test_nor_where_nothing_but_the_last_look_decides(name):
    """With an edge as far away as the last look's interval needs, and a quarter."""
    x = np.array([FINE[name](np.random.default_rng(seed)) for seed in range(LOOKS[-1])])
    half = stats.t.isf(LEVEL / 2, LOOKS[-1] - 1) * x.std(ddof=1) / math.sqrt(LOOKS[-1])
    near = claim(
        bound(made_up["x"]),
        band=at_most(float(x.mean() + 1.25 * half), **WHY),
        rival=9.0,
    )
    (trial,) = settle(near, in_turn(x))
    assert (trial.final.verdict, trial.main_seeds) == (HOLDS, LOOKS[-1])


def test_what_is_too_skewed_says_how_many_seeds_to_average_and_that_helps():
    true = claim(mean(made_up["x"]), band=between(0.5, 1.5, **WHY), rival=9.0)
    (trial,) = settle(true, of(SKEWED["log-normal"]))
    averages = trial.final.detail["averages"]
    assert trial.final.verdict is UNDECIDED
    assert "too skewed for an interval of their mean" in trial.final.reason
    assert f"average {averages:,} of them inside a seed, or claim a quantile or a proportion" in trial.final.reason
    assert averages == math.ceil((trial.shape.skewness / 0.5) ** 2)
    (trial,) = settle(true, lambda point, streams: {"x": streams.numpy("x").lognormal(-0.5, 1.0, averages).mean()})
    assert trial.final.verdict is HOLDS


def test_seeds_of_one_stream_decide_nothing():
    walk = np.random.default_rng(1).normal(0.0, 0.01, size=LOOKS[-1]).cumsum() + 1.0
    near = claim(bound(made_up["x"]), band=at_most(1.5, **WHY), rival=9.0)
    (trial,) = settle(near, in_turn(walk))
    assert shape_of(walk).dependent
    assert not shape_of(np.random.default_rng(1).permutation(walk)).dependent
    assert not shape_of(np.array([0.0] * 60 + [1.0, 1.0, 0.0, 0.0])).dependent  # of ties, ranks say nothing
    assert trial.history[0].judgement.verdict in (HOLDS, UNDECIDED)


def test_the_verdict_is_that_of_every_tier_that_decides():
    for law in (FINE["normal"], SKEWED["exponential"]):
        for made in (TRUE, FALSE):
            verdicts = [settle(made, of(law), tier=tier)[0].final.verdict for tier in ("smoke", "standard", "full")]
            assert len(set(verdicts)) == 1


def test_a_claim_of_eight_seeds_is_stopped_only_by_what_they_surely_show():
    few = claim(mean(made_up["x"]), band=between(-1.0, 3.0, **WHY), rival=9.0, most_seeds=8, decides="standard")
    for name, law in FINE.items():
        assert settle(few, of(lambda rng, law=law: law(rng)), tier="standard")[0].final.verdict is HOLDS, name
    assert settle(few, of(FINE["normal"]), tier="standard")[0].main_seeds == 8


@pytest.mark.parametrize("test", [mean(made_up["x"]), order(made_up["x"], made_up["y"])], ids=lambda test: test.kind)
def test_kinds_that_judge_means_say_so(test):
    others = (ratio(made_up["x"], made_up["y"]), slope(made_up["x"], over="n"))
    steps = trend(made_up["x"], over="n", direction="increasing")
    assert all(isinstance(each, JudgesMeans) for each in (test, *others, steps))
    exact = (proportion(made_up["x"], made_up["y"]), quantile(made_up["x"], q=0.5))
    assert not any(isinstance(each, JudgesMeans) for each in exact)


# The table


def test_factors_grow_with_skewness_and_fall_with_seeds():
    levels = np.linspace(0.0, MOST_SKEWNESS, 9)
    for seeds in LOOKS:
        found = [factor(seeds, level) for level in levels]
        assert found[0] == 1.0
        assert all(a <= b for a, b in pairwise(found))
        assert found[-1] > 1.1
    assert all(factor(a, 2.0) > factor(b, 2.0) for a, b in pairwise(LOOKS))
    assert widened(1e-5, 8, 0.0) == pytest.approx(1e-5)
    assert widened(1e-5, 8, -2.0) == widened(1e-5, 8, 2.0) < 1e-5


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("skewness_tool", Path(__file__).parents[2] / "tools" / "skewness.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_page_has_the_table_of_what_was_counted_with_the_factors_and_looks_of_today(tool):
    record = json.loads(tool.RECORD.read_text())
    assert tool.table(record) in tool.PAGE.read_text()
    assert {name: record[name] for name in tool.decided_by()} == tool.decided_by()
    assert list(record["wrong"]) == list(tool.LAWS)
    again = ("log-normal, skewness 6.2", "normal, 5 % outliers 10 sd away")
    assert {name: tool.wrong_of(tool.LAWS[name], tool.BATCH) for name in again} == {
        name: record["first"][name] for name in again
    }
    assert record["first"][again[0]][0] > 50


def test_seeds_as_skewed_as_a_verdict_allows_for_err_no_more_often_than_promised(tool):
    """Within what can be told of so few errors; normal ones seldom enough to be sure."""
    record = json.loads(tool.RECORD.read_text())
    promised = ALPHA_CLAIM * record["claims"]
    for name in list(tool.LAWS)[: list(tool.LAWS).index("log-normal, skewness 1.75") + 1]:
        assert count_interval(record["wrong"][name][1], record["claims"], 0.05)[0] * record["claims"] <= promised, name
    assert count_interval(record["wrong"]["normal"][1], record["claims"], 0.05)[1] * record["claims"] < promised


@pytest.mark.landing
def test_a_factor_is_what_the_tool_finds(tool):
    found = next(tool.factors(2.0, np.random.default_rng(20)))
    assert math.ceil(100 * found) / 100 == pytest.approx(factor(8, 2.0))


def test_the_rule_that_was_simulated_is_that_of_an_audit(tool):
    code = {HOLDS: 1, REFUTED: -1, UNDECIDED: 0}
    at_zero = claim(bound(made_up["x"]), band=at_most(0.0, **WHY), rival=9.0)
    rng = np.random.default_rng(3)
    shifts = {
        "normal": 0.6,
        "exponential, skewness 2": 1.0,
        "log-normal, skewness 6.2": 1.0,
        "a count of 20 coins": 4.0,
    }
    for name, shift in shifts.items():
        x = tool.LAWS[name](rng, (2, LOOKS[-1])) + np.array([[-shift], [shift]])
        for trusting in (True, False):
            for row, expected in zip(x, tool.first_decisions(x, trusting=trusting), strict=True):
                (trial,) = settle(at_zero, in_turn(row), trusting=trusting)
                assert code[trial.main.verdict] == expected


# What is not seen


@pytest.mark.parametrize(("seeds", "about"), [(8, 0.312), (32, 0.0894), (256, 3 / 256)])
def test_what_is_rarer_was_perhaps_not_seen(seeds, about):
    assert unseen(seeds) == pytest.approx(about, rel=0.01)
    assert (1 - unseen(seeds)) ** seeds == pytest.approx(0.05)


def test_what_unseen_values_would_turn_the_verdict():
    lo, hi = reach(1.0, Limits(0.0, 2.0, None), 8)
    p = unseen(8)
    assert (1 - p) * 1.0 + p * hi == pytest.approx(2.0)
    assert (1 - p) * 1.0 + p * lo == pytest.approx(0.0)
    assert reach(1.0, Limits(-math.inf, 2.0, None), 8)[0] == -math.inf
    assert reach(3.0, Limits(0.0, 2.0, None), 8) == (pytest.approx(3.0 - 1.0 / p), math.inf)  # refuted


def test_what_no_seed_has_shown_is_said_with_the_verdict():
    """The mean is 1, of one seed in twenty that is ten: sixteen that have none hold it to be below .97."""
    rare = in_turn([0.5 + 0.002 * (seed % 7) for seed in range(19)] + [10.5] + [0.5] * 236)
    (trial,) = settle(FALSE, rare)
    found = qualification(trial)
    assert trial.final.verdict is HOLDS
    assert found.unseen > 0.05
    assert found.reach[1] < 10.5


def test_chances_are_those_of_simulated_claims():
    """The chance to hold at the target, within what 60 claims can say."""
    close = claim(mean(made_up["x"]), band=between(0.9, 1.1, target=1.0, **WHY), rival=1.3, most_seeds=32)
    found = [settle(close, of(lambda rng: rng.normal(1.0, 0.09)), epoch=epoch)[0] for epoch in range(20)]
    held = np.mean([trial.final.verdict is HOLDS for trial in found])
    said = np.mean([qualification(trial).holds for trial in found])
    assert abs(held - said) < 0.25
    assert all(qualification(trial).rejects > 0.99 for trial in found)


def test_shapes_are_those_of_scipy_at_every_scale():
    x = np.random.default_rng(1).gamma(3.0, size=40)
    for scale in (1.0, 1e300, 1e-300):
        found = shape_of(scale * x)
        assert found.skewness == pytest.approx(stats.skew(x, bias=False))
        assert found.kurtosis == pytest.approx(stats.kurtosis(x, bias=False))
    assert shape_of(np.ones(40)) is None
    assert shape_of(x[:3]) is None
    assert shape_of(np.append(np.linspace(0.0, 1.0, 40), 50.0)).outliers == 1
