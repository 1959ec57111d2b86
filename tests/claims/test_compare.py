"""``claimbench compare``: pairs where streams are shared, two samples where not, and one rate for all that is found."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from claims.comparing.contrast import Contrast, contrast, detectable
from claims.comparing.samples import Sample, Samples, _linearised
from claims.kinds.base import CLOSE_LOOKS
from claims.kinds.intervals import fieller_interval
from tests.claims.test_diff_sources import ROOT, audit, cli, source  # noqa: F401  a fixture
from tests.claims.test_report import claim, result

SEEDS = 16


def side(values: dict[str, np.ndarray], *, epoch: int | None = 1, **changes: Any) -> Samples:
    made = {
        (name, "", "{}"): Sample(
            **{
                "id": name, "at": "", "locus": "", "meant": {"statement": "x"}, "epoch": epoch,
                "estimate": float(np.mean(each)), "values": tuple(map(float, each)), "evaluated": False,
            }
            | changes
        )
        for name, each in values.items()
    }  # fmt: skip
    return Samples("side", "result", {}, made)


def drawn(points: int, shift: float = 0.0, *, seed: int = 0, common: float = 3.0) -> tuple[Any, Any]:
    """Two sides of so many points, whose seeds share much of their noise; the first point is shifted."""
    rng = np.random.default_rng(seed)
    a, b = {}, {}
    for i in range(points):
        shared = common * rng.normal(size=SEEDS)
        a[f"d.p{i}"] = shared + 0.1 * rng.normal(size=SEEDS)
        b[f"d.p{i}"] = shared + 0.1 * rng.normal(size=SEEDS) + (shift if i == 0 else 0.0)
    return a, b


def by_name(a: Samples, b: Samples, rate: float = 0.05) -> dict[str, Contrast]:
    return {each.id: each for each in contrast(a, b, rate=rate).contrasts}


def test_shared_streams_are_paired_and_other_epochs_are_not():
    a, b = drawn(4, 0.5)
    paired, unpaired = by_name(side(a), side(b)), by_name(side(a), side(b, epoch=2))
    assert {each.method for each in paired.values()} == {"paired"}
    assert {each.method for each in unpaired.values()} == {"unpaired"}
    assert (paired["d.p0"].differs, unpaired["d.p0"].differs) == (True, False)
    for name in a:
        welch = stats.ttest_ind(b[name], a[name], equal_var=False).pvalue
        assert paired[name].p == pytest.approx(min(35 * stats.ttest_rel(b[name], a[name]).pvalue, 1))
        assert unpaired[name].p == pytest.approx(min(35**2 * welch, 1))
        assert paired[name].difference == pytest.approx(np.mean(b[name] - a[name]))
        assert unpaired[name].detectable > 5 * paired[name].detectable


def test_published_streams_are_the_same_in_every_epoch():
    a, b = drawn(1)
    assert by_name(side(a, epoch=None), side(b, epoch=None))["d.p0"].method == "paired"
    assert by_name(side(a, epoch=1), side(b, epoch=None))["d.p0"].method == "unpaired"


def test_pairs_are_the_seeds_that_both_have():
    a, b = drawn(1, 0.5)
    found = by_name(side({"d.p0": a["d.p0"][:8]}), side(b))["d.p0"]
    assert found.seeds == (8, 8)
    assert found.p == pytest.approx(35 * stats.ttest_rel(b["d.p0"][:8], a["d.p0"][:8]).pvalue)


@pytest.mark.parametrize("epoch", [1, 2])
@pytest.mark.parametrize("shift", [0.0, 0.2, 20.0])
def test_an_interval_excludes_zero_exactly_where_a_difference_is_found(epoch, shift):
    a, b = drawn(12, shift)
    b["d.p1"] = b["d.p1"] + 0.09
    found = contrast(side(a), side(b, epoch=epoch), rate=0.1)
    real, adjusted, *_ = multipletests([each.p for each in found.contrasts], alpha=0.1, method="fdr_by")
    assert [each.differs for each in found.contrasts] == list(real)
    assert [each.adjusted for each in found.contrasts] == pytest.approx(list(adjusted))
    for each in found.contrasts:
        lo, hi = each.interval
        assert (lo > 0 or hi < 0) is each.differs
        assert (lo + hi) / 2 == pytest.approx(each.difference)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_the_scale_of_values_changes_nothing(scale):
    a, b = drawn(3, 0.5)
    for epoch in (1, 2):
        plain = by_name(side(a), side(b, epoch=epoch))["d.p0"]
        scaled = by_name(
            side({name: scale * x for name, x in a.items()}),
            side({name: scale * x for name, x in b.items()}, epoch=epoch),
        )["d.p0"]
        assert scaled.p == pytest.approx(plain.p)
        assert scaled.interval == pytest.approx(tuple(scale * edge for edge in plain.interval), rel=1e-9, abs=0)
        assert scaled.detectable == pytest.approx(scale * plain.detectable, rel=1e-9, abs=0)


def test_values_without_spread_are_no_evidence():
    x = np.linspace(0, 1, SEEDS)
    same = by_name(side({"d.x": x}), side({"d.x": x}))["d.x"]
    assert (same.differs, same.interval, same.reason) == (False, (0.0, 0.0), "the same to the bit")
    moved = by_name(side({"d.x": np.zeros(8)}), side({"d.x": np.ones(8)}))["d.x"]
    assert (moved.differs, moved.interval, moved.p) == (False, (None, None), 1.0)
    apart = by_name(side({"d.x": np.zeros(8)}), side({"d.x": np.ones(8)}, epoch=2))["d.x"]
    assert (apart.differs, apart.interval, apart.p) == (False, (None, None), 1.0)


@pytest.mark.parametrize("alpha", [0.05, 1e-3, 1e-5])
@pytest.mark.parametrize("seeds", [4, 8, 256])
def test_the_detectable_difference_is_found_nine_times_in_ten(seeds, alpha):
    shift, edge, freedom = detectable(seeds - 1, alpha), stats.t.isf(alpha / 2, seeds - 1), seeds - 1
    spread = np.sqrt(stats.chi2(freedom).ppf((np.arange(100_000) + 0.5) / 100_000) / freedom)
    assert stats.norm.cdf(shift - edge * spread).mean() == pytest.approx(0.9, abs=1e-4)


def test_at_few_seeds_and_a_tiny_level_nothing_is_detectable():
    a, b = drawn(40)
    few = [{name: x[:8] for name, x in each.items()} for each in (a, b)]
    found = contrast(side(few[0]), side(few[1]), rate=1e-10)
    assert {each.detectable for each in found.contrasts} == {None}
    json.dumps(found.to_json(), allow_nan=False)


def test_a_ratio_is_as_uncertain_as_its_own_interval_says():
    rng = np.random.default_rng(3)
    v = 1.0 + 0.1 * rng.normal(size=256)
    u = 2.5 * v + 0.05 * rng.normal(size=256)
    values = np.array(_linearised(u, v))
    assert values.mean() == pytest.approx(u.mean() / v.mean())
    lo, hi = fieller_interval(u, v, 0.01)
    half = stats.t.ppf(0.995, 255) * values.std(ddof=1) / 16
    assert half == pytest.approx((hi - lo) / 2, rel=0.01)
    assert _linearised(u, np.zeros(256)) == ()


def test_what_must_not_be_compared_is_refused_by_name():
    a, b = drawn(3)
    b["d.new"] = b.pop("d.p2")
    other = side(b).points | {("d.p1", "", '{"n":2}'): side(b).points["d.p1", "", "{}"]}
    meant = dict(other) | {
        ("d.p0", "", "{}"): side({"d.p0": b["d.p0"]}, meant={"statement": "y"}).points["d.p0", "", "{}"]
    }
    found = contrast(side(a), Samples("b", "result", {}, meant), rate=0.05)
    assert [each.id for each in found.contrasts] == ["d.p1"]
    assert {(each.id, each.reason) for each in found.refused} == {
        ("d.p2", "only A has it"), ("d.new", "only B has it"), ("d.p1", "only B has this point"),
        ("d.p0", "declared otherwise: statement"),
    }  # fmt: skip
    one = contrast(side({"d.x": np.ones(1)}), side({"d.x": np.ones(1)}), rate=0.05)
    assert [each.reason for each in one.refused] == ["one seed has no spread"]
    odd = contrast(side({"d.x": np.ones(9)}), side({"d.x": np.ones(8)}), rate=0.05)
    assert "9 seeds: not a number after which an audit looks" in odd.refused[0].reason
    huge = contrast(side({"d.x": np.array(4 * [1e308, -1e308])}), side({"d.x": np.ones(8)}), rate=0.05)
    assert "so large" in huge.refused[0].reason


def test_computed_numbers_differ_if_they_do_by_more_than_rounding():
    def exact(x: float) -> Samples:
        return side({"d.x": np.array([x])}, evaluated=True)

    assert not by_name(exact(1.0), exact(1.0 + 1e-12))["d.x"].differs
    assert by_name(exact(1.0), exact(1.0 + 1e-6))["d.x"].differs
    found = contrast(exact(1.0), exact(1.0), rate=0.05)
    assert (found.tested, found.contrasts[0].p) == (0, None)


# The command


def test_two_stores_of_one_epoch_are_paired_and_what_differs_fails(cli, tmp_path):  # noqa: F811
    for store, centre in (("a.sqlite", 1.0), ("b.sqlite", 1.001), ("c.sqlite", 1.0)):
        (tmp_path / "claims_h.py").write_text(source("h", centre=centre))
        audit(cli, "h", store, "--json", f"{store}.json")
    text = cli("compare", "a.sqlite", "c.sqlite", "claims_h.py").stdout
    assert "3 points compared: 3 paired\ndiffer: 0" in text
    assert "8 pairs: the same to the bit" in text
    found = json.loads(cli("compare", "a.sqlite", "b.sqlite", "claims_h.py", "--json", "--fdr", "0.01").stdout)
    # a shift by a constant has no spread but that of rounding, far below it
    assert {each["method"] for each in found["contrasts"]} == {"paired"}
    assert all(each["difference"] == pytest.approx(0.001) for each in found["contrasts"])
    # results that keep the seeds of their points say the same, to six digits
    other = json.loads(cli("compare", "a.sqlite.json", "b.sqlite.json", "--json", code=None).stdout)
    assert [each["difference"] for each in other["contrasts"]] == pytest.approx([0.001] * 3, abs=1e-5)


def test_stores_of_two_epochs_are_two_samples(cli, tmp_path):  # noqa: F811
    (tmp_path / "claims_i.py").write_text(source("i"))
    for epoch in ("3", "4"):
        audit(cli, "i", f"{epoch}.sqlite", "--epoch", epoch)
    text = cli("compare", "3.sqlite", "4.sqlite", "claims_i.py").stdout
    assert "3 points compared: 3 unpaired\ndiffer: 0" in text
    assert "8 and 8 seeds; found nine times in ten: " in text
    (tmp_path / "claims_i.py").write_text(source("i", centre=3.0))
    audit(cli, "i", "5.sqlite", "--epoch", "5", code=1)
    text = cli("compare", "3.sqlite", "5.sqlite", "claims_i.py", code=1).stdout
    assert "differ: 3" in text


def test_what_has_no_seeds_is_refused(cli, tmp_path):  # noqa: F811
    (tmp_path / "a.json").write_text(json.dumps(result(claim(points=[]))))
    assert "A: the result keeps no points" in cli("compare", "a.json", "a.json", code=4).output
    assert "A: got 'HEAD'; allowed: a result (JSON), a store" in cli("compare", "HEAD", "a.json", code=2).output
    assert "--fdr" in cli("compare", "a.json", "a.json", "--fdr", "0", code=2).output
    assert "--fdr" in cli("compare", "a.json", "a.json", "--fdr", "nan", code=2).output


def test_the_documented_shape_is_what_is_printed(cli, tmp_path):  # noqa: F811
    values = [0.9, 1.0, 1.1, 1.2, 0.8, 0.9, 1.0, 1.1]
    point = claim()["points"][0] | {"values": values, "looks": []}
    (tmp_path / "a.json").write_text(json.dumps(result(claim(points=[point]))))
    found = json.loads(cli("compare", "a.json", "a.json", "--json").stdout)
    text = (ROOT / "docs" / "reference" / "comparing.md").read_text(encoding="utf-8")
    told = text.partition("## claimbench compare --json")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", told, flags=re.MULTILINE)) == set(found)
    assert set(re.findall(r"\*(\w+)\*", told)) == set(found["contrasts"][0])


# How often it is wrong


@pytest.mark.slow
def test_false_discoveries_are_as_rare_as_promised():
    """No point differs, so that every discovery is false: in at most 5 of 100 comparisons."""
    wrong = sum(
        bool(contrast(side(a), side(b), rate=0.05).differing) for a, b in (drawn(20, seed=i) for i in range(600))
    )
    assert proportion_confint(wrong, 600, alpha=0.002, method="beta")[0] < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [1, 2])
def test_stopping_at_looks_leaves_the_level_of_a_difference_as_it_is(epoch):
    """Both sides stop when their interval lies in their band; pairs are the seeds that both then have.

    A plain test of those pairs, the control, errs more often than it says.
    """
    rng, wrong, plain, rounds = np.random.default_rng(1), 0, 0, 4000
    for _ in range(rounds):
        common = rng.normal(size=CLOSE_LOOKS[-1]) * (epoch == 1)
        a, b = (0.9 + 0.5 * (common + 0.5 * rng.normal(size=CLOSE_LOOKS[-1])) for _ in range(2))
        a, b = (x[: _stopped(x)] for x in (a, b))
        wrong += by_name(side({"d.x": a}), side({"d.x": b}, epoch=epoch))["d.x"].differs
        seeds = min(len(a), len(b))
        plain += stats.ttest_rel(a[:seeds], b[:seeds]).pvalue < 0.05
    assert proportion_confint(wrong, rounds, alpha=0.002, method="beta")[0] < 0.05
    if epoch == 1:
        assert proportion_confint(plain, rounds, alpha=0.002, method="beta")[0] > 0.05


def _stopped(x: np.ndarray) -> int:
    for seeds in CLOSE_LOOKS:
        half = stats.t.ppf(1 - 0.005, seeds - 1) * x[:seeds].std(ddof=1) / seeds**0.5
        if abs(x[:seeds].mean()) + half < 1.0:
            return seeds
    return CLOSE_LOOKS[-1]
