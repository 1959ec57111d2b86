"""sample: one look at a fixed sample at its own level, Holm over its family."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import claim, verdict
from scipy import stats
from statsmodels.stats.multitest import multipletests

from claims.bands import at_least, between
from claims.errors import InvalidDeclaration
from claims.kinds import mean, order, sample
from claims.kinds.intervals import t_interval
from claims.kinds.sample import column, holm, with_moments
from claims.verdict import HOLDS, REFUTED, UNDECIDED

WHY = {"provenance": "author", "because": "a toy"}
RNG = np.random.default_rng(11)
FAMILY = {
    "clear": {"x": (1.0 + 0.2 * RNG.normal(size=12)).tolist()},
    "faint": {"x": (0.3 + 1.0 * RNG.normal(size=12)).tolist()},
    "below": {"x": (-1.0 + 0.2 * RNG.normal(size=12)).tolist()},
}
ABOVE_ZERO = dict.fromkeys(FAMILY, (0.0, math.inf))


def member(name: str, *, level: float = 0.05, family=None, bands=None):
    family = FAMILY if family is None else family
    test = sample(
        mean(column("x")), family=family, member=name, bands=ABOVE_ZERO if bands is None else bands, level=level
    )
    return claim(test, band=at_least(0.0, **WHY), rival=-1.0)


def judged(name: str, **options):
    return verdict(member(name, **options), lambda point, streams: {})


@pytest.mark.parametrize(("name", "expected"), [("clear", HOLDS), ("faint", UNDECIDED), ("below", REFUTED)])
def test_each_verdict_is_reached(name, expected):
    found = judged(name)
    assert found.verdict is expected
    assert found.detail["level"] == 0.05
    assert found.detail["family"] == 3


def test_its_smallest_alpha_is_the_p_value_of_the_t_test():
    for name, columns in FAMILY.items():
        x = np.array(columns["x"])
        p = stats.ttest_1samp(x, 0.0).pvalue
        assert judged(name).detail["smallest_alpha"] == pytest.approx(p, rel=1e-6)


def test_a_sample_that_passes_alone_may_fail_in_its_family():
    """Holm: with p = .03 alone it passes at .05, beside a larger family it does not."""
    x = np.random.default_rng(3).normal(size=12)
    x = (x - x.mean()) / x.std(ddof=1)
    shift = stats.t.isf(0.03 / 2, 11) / math.sqrt(12)
    faint = {"x": (x + shift).tolist()}
    others = {f"noise-{i}": {"x": (x + 0.01 * i).tolist()} for i in range(4)}
    assert judged("mine", family={"mine": faint}, bands={}).verdict is HOLDS
    family = {"mine": faint} | others
    found = judged("mine", family=family, bands=dict.fromkeys(family, (0.0, math.inf)))
    assert found.verdict is UNDECIDED
    assert found.detail["granted"] == pytest.approx(0.01)


def test_a_result_says_the_level_that_was_granted(audit):
    (result,) = audit(member("below")).claims
    assert result.to_json()["alpha"] == judged("below").detail["granted"]


p_values = st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=12)


@pytest.mark.landing
@pytest.mark.parametrize("size", [1, 2, 3, 5, 12])
def test_holm_rejects_what_statsmodels_rejects(size):
    """Some small p values, some large, some equal."""
    rng = np.random.default_rng(size)
    values = np.repeat(10 ** rng.uniform(-4, 0, size=size), rng.integers(1, 3, size=size))
    for level in (0.05, 0.3):
        named = {str(i): p for i, p in enumerate(values)}
        granted = holm(named, level)
        rejected = [named[name] <= granted[name] for name in named]
        assert rejected == multipletests(values, alpha=level, method="holm")[0].tolist()


@given(p_values)
def test_holm_never_grants_more_than_the_level_and_never_less_than_bonferroni(values):
    granted = holm({str(i): p for i, p in enumerate(values)}, 0.05)
    assert all(0.05 / len(values) <= share <= 0.05 for share in granted.values())


def test_verdicts_of_a_whole_family_are_holms():
    rng = np.random.default_rng(5)
    family = {f"m{i}": {"x": (0.25 * i + rng.normal(size=10)).tolist()} for i in range(7)}
    bands = dict.fromkeys(family, (0.0, math.inf))
    p = [stats.ttest_1samp(np.array(columns["x"]), 0.0).pvalue for columns in family.values()]
    rejected = multipletests(p, alpha=0.05, method="holm")[0]
    for name, decided in zip(family, rejected, strict=True):
        found = judged(name, family=family, bands=bands)
        assert (found.verdict is not UNDECIDED) == decided
    assert 0 < sum(rejected) < len(family)


def test_paired_columns():
    a = np.random.default_rng(0).normal(0.0, 10.0, size=10)
    family = {"pair": {"a": (a + 1.0).tolist(), "b": (a + 0.01 * np.arange(10)).tolist()}}
    test = sample(order(column("a"), column("b")), family=family, member="pair", bands={})
    found = verdict(claim(test, band=at_least(0.5, **WHY), rival=0.0), lambda point, streams: {})
    assert found.verdict is HOLDS


def test_the_claims_own_band_is_the_members():
    test = sample(mean(column("x")), family=FAMILY, member="clear", bands=ABOVE_ZERO)
    inside = claim(test, band=between(0.5, 1.5, **WHY), rival=2.0)
    outside = claim(test, band=between(2.0, 3.0, **WHY), rival=1.0)
    assert verdict(inside, lambda point, streams: {}).verdict is HOLDS
    assert verdict(outside, lambda point, streams: {}).verdict is REFUTED


@given(st.floats(-100, 100), st.floats(0.01, 50), st.integers(2, 40), st.sampled_from([0.05, 1e-3]))
def test_published_moments_stand_in_for_a_sample(centre, sd, n, alpha):
    values = np.array(with_moments(mean=centre, sd=sd, n=n))
    assert len(values) == n
    half = stats.t.isf(alpha / 2, n - 1) * sd / math.sqrt(n)
    assert t_interval(values, alpha) == pytest.approx((centre - half, centre + half), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("moments", [{"n": 1}, {"sd": 0.0}, {"sd": math.nan}, {"mean": math.inf}])
def test_moments_that_are_none_are_refused(moments):
    with pytest.raises(InvalidDeclaration, match="with_moments"):
        with_moments(**({"mean": 1.0, "sd": 0.1, "n": 5} | moments))


def test_a_constant_sample_decides_nothing():
    family = {"flat": {"x": [1.0] * 10}}
    found = judged("flat", family=family, bands={})
    assert (found.verdict, found.detail["smallest_alpha"]) == (UNDECIDED, 1.0)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"member": "other"}, "sample.member"),
        ({"level": 0.0}, "sample.level"),
        ({"level": 1.0}, "sample.level"),
        ({"bands": {}}, "sample.bands"),
        ({"bands": ABOVE_ZERO | {"other": (0.0, 1.0)}}, "sample.bands"),
        ({"family": {"clear": {"x": [1.0]}}, "bands": {}}, "sample.family.clear.x"),
        ({"family": {"clear": {"x": [1.0, math.nan]}}, "bands": {}}, "sample.family.clear.x"),
    ],
)
def test_a_family_is_declared_whole(options, named):
    words = {"family": FAMILY, "member": "clear", "bands": ABOVE_ZERO}
    with pytest.raises(InvalidDeclaration) as caught:
        sample(mean(column("x")), **(words | options))
    assert caught.value.field == named


def test_a_test_that_cannot_be_hashed_is_refused():
    class Unhashable:
        __hash__ = None

    with pytest.raises(InvalidDeclaration, match=r"sample\.test"):
        sample(Unhashable(), family=FAMILY, member="clear", bands=ABOVE_ZERO)
