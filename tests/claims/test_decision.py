"""The constants and rules of the decision procedure."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import claim, made_up
from scipy import stats

from claims.auditing.decision import (
    ALPHA_AUDIT,
    ALPHA_CLAIM,
    BUDGET,
    REDUCED_CAP,
    as_expected,
    combine,
    judge,
    looks_at,
    more_seeds,
)
from claims.bands import Limits, within
from claims.kinds import identity, mean, proportion, value
from claims.kinds.base import CLOSE_LOOKS, LOOKS, Judgement, Values, split
from claims.streams import CONFIRM_OFFSET
from claims.verdict import ERROR, HOLDS, PRECEDENCE, REFUTED, UNAVAILABLE, UNDECIDED, Tier

X = mean(made_up["x"])
BAND = within(0.0, abs=1.0, provenance="author", because="a toy")


def test_the_constants_are_the_documented_ones():
    assert (0.01, 500, pytest.approx(2e-5)) == (ALPHA_AUDIT, BUDGET, ALPHA_CLAIM)
    assert LOOKS == (8, 16, 32, 64, 128, 256)
    assert (len(CLOSE_LOOKS), set(CLOSE_LOOKS) >= set(LOOKS), {n % 2 for n in CLOSE_LOOKS}) == (35, True, {0})
    assert CONFIRM_OFFSET == 2**20 > max(LOOKS)


def test_the_t_multipliers_are_the_documented_ones():
    multipliers = [stats.t.isf(ALPHA_CLAIM / len(LOOKS) / 2, n - 1) for n in LOOKS]
    assert multipliers == pytest.approx([13.207, 7.151, 5.650, 5.101, 4.864, 4.754], abs=6e-4)
    assert [t / math.sqrt(n) for t, n in zip(multipliers, LOOKS, strict=True)] == pytest.approx(
        [4.670, 1.788, 0.999, 0.638, 0.430, 0.297], abs=6e-4
    )


@pytest.mark.parametrize(
    ("decides", "tier", "expected"),
    [
        ("smoke", "smoke", CLOSE_LOOKS),
        ("smoke", "full", CLOSE_LOOKS),
        ("standard", "smoke", (8,)),
        ("standard", "standard", CLOSE_LOOKS),
        ("full", "standard", (8,)),
        ("full", "smoke", ()),
        ("full", "full", CLOSE_LOOKS),
    ],
)
def test_a_tier_below_is_measured_with_fewer_seeds(decides, tier, expected):
    assert looks_at(claim(X, band=BAND, decides=decides), Tier(tier)) == expected
    assert max(expected, default=0) <= REDUCED_CAP or Tier(tier).level >= Tier(decides).level


@pytest.mark.parametrize(
    "test", [identity(made_up["a"], made_up["b"], bound=1.0, planted=made_up["c"]), value(made_up["a"])]
)
def test_a_fixed_number_of_seeds_is_never_cut_short(test):
    fields = {"band": BAND} if test.needs_band else {}
    assert looks_at(claim(test, decides="standard", **fields), Tier.SMOKE) == ()
    assert looks_at(claim(test, decides="standard", **fields), Tier.STANDARD) == test.looks


def at_distance(half_widths: float, alpha: float) -> Values:
    """16 seeds whose t interval at ``alpha`` ends ``half_widths`` half-widths above 1, the band's upper edge."""
    x = np.random.default_rng(0).normal(size=16)
    x -= x.mean()
    half = stats.t.isf(alpha / 2, 15) * x.std(ddof=1) / 4
    return Values({made_up["x"]: x + 1 + (1 + half_widths) * half}, ())


def test_points_split_the_alpha_of_a_refutation():
    band, alpha = Limits(-1.0, 1.0, 0.0), 1e-3
    sample = at_distance(0.05, alpha)
    assert judge(X, sample, band, points=1, alpha=alpha).verdict is REFUTED
    strict = judge(X, sample, band, points=4, alpha=alpha)
    assert strict.verdict is UNDECIDED
    assert strict.interval == pytest.approx(X.judge(sample, band, alpha / 8).interval)
    far = judge(X, at_distance(1.0, alpha), band, points=4, alpha=alpha)
    assert far.verdict is REFUTED
    assert far.interval == X.judge(at_distance(1.0, alpha), band, alpha / 8).interval
    assert far.detail["granted"] == split(alpha, 4) == alpha / 8  # whatever the joint law of its looks


def test_points_of_other_kinds_than_students_split_it_evenly():
    test = proportion(made_up["k"], made_up["n"])
    sample = Values({made_up["k"]: np.full(8, 90), made_up["n"]: np.full(8, 100)}, ())
    found = judge(test, sample, Limits(0.0, 0.1, None), points=4, alpha=1e-3)
    assert (found.verdict, found.detail["granted"]) == (REFUTED, 1e-3 / 4)


def test_points_leave_the_alpha_of_holding_alone():
    band, alpha = Limits(-100.0, 100.0, 0.0), 1e-3
    sample = at_distance(0.0, alpha)
    assert judge(X, sample, band, points=9, alpha=alpha) == judge(X, sample, band, points=1, alpha=alpha)


def test_a_test_without_alpha_is_not_split():
    sample = Values({made_up["x"]: np.array([2.0])}, ())
    assert judge(value(made_up["x"]), sample, Limits(0.0, 1.0, None), points=50, alpha=0.01).verdict is REFUTED


@pytest.mark.parametrize("verdicts", [p for n in (1, 2, 3) for p in itertools.product(PRECEDENCE, repeat=n)])
def test_error_then_refuted_then_undecided_then_holds(verdicts):
    assert combine(verdicts) is min(verdicts, key=PRECEDENCE.index)
    assert (combine(verdicts) is HOLDS) == (set(verdicts) == {HOLDS})


def test_precedence():
    assert PRECEDENCE == (ERROR, REFUTED, UNAVAILABLE, UNDECIDED, HOLDS)


FINDING = {"finding": "It is 3.", "corrected_by": "toy.other"}


@pytest.mark.parametrize(
    ("expected", "verdict", "tier", "answer"),
    [
        ("HOLDS", HOLDS, "smoke", True),
        ("HOLDS", REFUTED, "smoke", False),
        ("HOLDS", ERROR, "smoke", False),
        ("HOLDS", UNAVAILABLE, "full", None),
        ("HOLDS", UNDECIDED, "smoke", True),
        ("HOLDS", UNDECIDED, "standard", None),
        ("HOLDS", UNDECIDED, "full", None),
        ("REFUTED", REFUTED, "standard", True),
        ("REFUTED", HOLDS, "standard", False),
        ("REFUTED", UNDECIDED, "smoke", True),
        ("REFUTED", UNDECIDED, "standard", None),
        ("UNDECIDED", UNDECIDED, "full", True),
        ("UNDECIDED", HOLDS, "full", False),
        ("UNDECIDED", REFUTED, "full", False),
    ],
)
def test_as_expected(expected, verdict, tier, answer):
    made = claim(X, band=BAND, decides="standard", expected=expected, **(FINDING if expected == "REFUTED" else {}))
    assert as_expected(made, verdict, Tier(tier)) is answer


@given(st.floats(-0.9, 0.9), st.floats(0.2, 30.0))
def test_more_seeds_is_where_the_interval_would_clear_the_edge(centre, sd):
    half = stats.t.isf(1e-6, 255) * sd / 16
    judgement = Judgement(verdict=UNDECIDED, estimate=centre, interval=(centre - half, centre + half))
    needed = more_seeds(judgement, Limits(-1.0, 1.0, None), 256)
    distance = min(1 - centre, 1 + centre)
    assert needed > 256
    assert half * math.sqrt(256 / needed) <= distance
    assert needed == 257 or half * math.sqrt(256 / (needed - 1)) >= distance * 0.999


@pytest.mark.parametrize(
    "judgement",
    [
        Judgement(verdict=UNDECIDED, estimate=1.0, interval=(0.0, 2.0)),
        Judgement(verdict=UNDECIDED, estimate=0.5, interval=(-math.inf, math.inf)),
        Judgement(verdict=UNDECIDED),
        Judgement(verdict=HOLDS, estimate=0.0, interval=(-0.5, 0.5)),
    ],
)
def test_sometimes_no_number_of_seeds_would_do(judgement):
    assert more_seeds(judgement, Limits(-1.0, 1.0, None), 256) is None
