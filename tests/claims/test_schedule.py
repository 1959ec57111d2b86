"""How a claim's alpha is spent over its looks: no more than there is, at every tier alike."""

from __future__ import annotations

import numpy as np
import pytest
from kit import claim, made_up, settle
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from claims.auditing.decision import ALPHA_CLAIM, looks_at
from claims.auditing.schedule import _GAINS, Schedule, schedule, schedule_of
from claims.calibration.costs import costs, least_seeds
from claims.calibration.crossing import crossing
from claims.experiment import experiment
from claims.kinds import mean, proportion, rank_correlation, trend, value
from claims.kinds.base import CLOSE_LOOKS, LOOKS, split
from claims.verdict import Tier

X = mean(made_up["x"])
COUNTS = proportion(made_up["k"], made_up["n"])
CAPS = [None, 1, 2, 7, 8, 9, 16, 20, 32, 33, 64, 100, 128, 200, 256, 300, 5000]


def levels(made: Schedule, number: int, alpha: float = ALPHA_CLAIM) -> dict[int, float]:
    return {look: alpha * share for look, share in made.stages[number].shares}


def stage(start: int, end: int) -> dict[int, float]:
    """Levels of the stage that begins after ``start`` seeds and ends at ``end``, as if it had all of alpha."""
    cap = start or end
    found = schedule_of(X, cap=cap, above=1 if start else 0)
    (number,) = [i for i, each in enumerate(found.stages) if each.shares[-1][0] == end]
    assert min(levels(found, number)) > start
    return {look: level / found.stages[number].budget for look, level in levels(found, number).items()}


def is_known_to_be_safe(start: int, end: int, **how: int) -> None:
    """The probability that any interval of a stage misses the truth is alpha, but for half a percent and rounding."""
    assert 0.985 * ALPHA_CLAIM < crossing(stage(start, end), **how) <= ALPHA_CLAIM


@pytest.mark.parametrize(("start", "end"), [(0, 8), (0, 16), (8, 64)])
def test_looks_of_student_spend_alpha_and_no_more(start, end):
    is_known_to_be_safe(start, end, nodes=240, points=12)


@pytest.mark.slow
@pytest.mark.parametrize(("start", "end"), _GAINS)
def test_looks_of_every_stage_spend_alpha_and_no_more(start, end):
    is_known_to_be_safe(start, end)


@pytest.mark.slow
def test_what_is_safe_at_the_alpha_of_audits_is_safe_at_any_larger_one():
    for alpha in (1e-4, 1e-3, 0.01, 0.05):
        assert crossing(levels(schedule_of(X), 0, alpha), nodes=120, points=12) < 0.95 * alpha


def test_a_larger_gain_would_be_noticed():
    assert crossing({look: 1.02 * level for look, level in stage(0, 16).items()}) > ALPHA_CLAIM


def test_the_chain_of_the_calculation_is_that_of_drawn_values():
    """At levels at which misses can be counted; looks next to each other and far apart."""
    chosen = {4: 0.02, 5: 0.01, 6: 0.03, 12: 0.02, 13: 0.02}
    x = np.random.default_rng(1).normal(size=(200_000, 13))
    missed = np.zeros(len(x), dtype=bool)
    for n, level in chosen.items():
        t = x[:, :n].mean(axis=1) / x[:, :n].std(axis=1, ddof=1) * n**0.5
        missed |= np.abs(t) > stats.t.isf(level / 2, n - 1)
    lo, hi = proportion_confint(int(missed.sum()), len(x), alpha=1e-4, method="beta")
    assert lo < crossing(chosen) < hi
    assert crossing({5: 0.01}) == pytest.approx(0.01)


@pytest.mark.parametrize("above", [0, 1, 2])
@pytest.mark.parametrize("cap", CAPS)
def test_stages_share_alpha_whatever_the_cap(cap, above):
    for test in (X, COUNTS):
        made = schedule_of(test, cap=cap, above=above)
        assert sum(each.budget for each in made.stages) == pytest.approx(1.0 if made.stages else 0.0)
        assert made.spent(test.looks) <= 1.0 + 1e-12
        shares = [pair for each in made.stages for pair in each.shares]
        assert all(made.spent([look]) == pytest.approx(made.share(look)) for look, _ in shares)
        assert all(share == made.share(look) for look, share in shares)
        for each in made.stages:  # halves of the levels are safe by adding up
            assert sum(share for _, share in each.shares) <= 2 * each.budget


def test_looks_of_other_kinds_add_up_to_alpha():
    for test in (COUNTS, rank_correlation(made_up["x"], made_up["y"])):
        assert levels(schedule_of(test), 0) == pytest.approx(dict.fromkeys(LOOKS, ALPHA_CLAIM / 6))
    made = schedule_of(COUNTS, cap=20, above=1)
    assert [[look for look, _ in each.shares] for each in made.stages] == [[8, 16], [32, 64, 128]]
    assert [each.budget for each in made.stages] == [0.75, 0.25]


def test_what_is_not_sequential_has_all_of_alpha():
    assert schedule_of(value(made_up["x"])).share(1) == 1.0


def test_a_kind_with_looks_of_its_own_is_not_taken_for_one_with_close_ones():
    class Own:
        looks, sequential, student = (5, 50), True, True

    assert schedule_of(Own()).stages[0].shares == ((5, 0.5), (50, 0.5))


def test_dear_seeds_do_not_pay_for_looks_that_they_never_take():
    """Eight seeds, the only look at the deciding tier: three quarters of alpha where one of six had a sixth."""
    assert schedule_of(X, cap=8, above=1).share(8) == 0.75
    assert schedule_of(X, cap=16, above=1).share(16) > 3 / 6
    assert schedule_of(X).share(256) > 1 / 6


def test_a_verdict_is_the_same_at_every_tier_that_reaches_it():
    dear = claim(mean(experiment("toys:gaussian", most_seeds=16)["x"]), rival=9.0, decides="standard")
    assert schedule(dear) is schedule(dear)
    found = {}
    for tier in ("smoke", "standard", "full"):
        (trial,) = settle(dear, lambda point, streams: {"x": streams.numpy("x").normal(0.7, 0.4)}, tier=tier)
        found[tier] = trial.history
    assert [len(found[tier]) for tier in found] == sorted(len(found[tier]) for tier in found)
    assert found["standard"][:1] == found["smoke"]
    assert found["full"][: len(found["standard"])] == found["standard"]
    assert len(found["full"]) > len(looks_at(dear, Tier.STANDARD)) == len(found["standard"])


def test_steps_of_a_trend_have_halves():
    assert isinstance(trend(made_up["x"], over="n", direction="increasing").student, bool)
    assert [split(1.0, parts) for parts in (1, 2, 5)] == [1.0, 0.25, 0.1]


def test_close_looks_take_a_fifth_fewer_seeds_and_decide_no_less():
    by = {(each.looks, each.distance): each for each in costs(6000, epoch=1)}
    for distance in (0.5, 1.0, 2.0):
        close, doubling = by["close looks", distance], by["doubling looks", distance]
        assert close.seeds < 0.83 * doubling.seeds
        assert 1.0 < close.over_least < 1.17
    assert by["close looks", 0.3].decided >= by["doubling looks", 0.3].decided
    assert least_seeds(1.0, 2e-5) == pytest.approx(2 * np.log(1e5) / np.log(2))
    assert max(CLOSE_LOOKS) == max(LOOKS)
