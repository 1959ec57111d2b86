"""``claimbench calibrate``: the truth of synthetic claims is what it says, and errors that must be noticed are."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from claims.auditing.decision import judge
from claims.calibration import audits, exact, tables
from claims.calibration.drawing import LAWS, LEVELS, columns
from claims.calibration.exact import claims as exact_claims
from claims.calibration.ranks import MISSES, Ranks, ranks
from claims.calibration.ranks import rows as ranked
from claims.calibration.rates import ALPHA, Design, counted, judged, wald
from claims.calibration.record import recorded
from claims.calibration.synthetic import FORMS, RARE, every_row, made, true_verdict
from claims.cli import main
from claims.kinds.base import Values
from claims.report.calibration import lines, markdown, table
from claims.report.calibration_drawing import place, strips
from claims.verdict import HOLDS, REFUTED, UNDECIDED, Tier

MANY = 4000


@pytest.mark.parametrize(("kind", "law"), dict.fromkeys((kind, law) for kind, law, _ in every_row() if kind in FORMS))
def test_the_truth_is_where_it_says(kind, law):
    """To a seventh of the band, on either side of its edge: many seeds decide as they have to."""
    for margins, verdict in ((0.85, HOLDS), (1.15, REFUTED)):
        claim = made(kind, law, margins)
        ((point, members),) = claim.judged_points()
        drawn = columns(kind, LAWS[law], margins, np.random.default_rng(1), MANY)
        values = {each: drawn[each.name] for each in claim.test.quantities()}
        found = judge(claim.test, Values(values, members), claim.limits(point)[0], points=1, alpha=0.01)
        assert found.verdict is verdict


@pytest.mark.parametrize("law", LAWS)
def test_seeds_have_mean_0_and_standard_deviation_1(law):
    x = LAWS[law](np.random.default_rng(1), (200_000,))
    assert abs(x.mean()) < 5 / math.sqrt(len(x))
    assert x.std() == pytest.approx(1.0, rel=0.05)


def test_every_place_has_its_verdict():
    assert [true_verdict(margins) for margins in (0.0, 0.99, 1.0, 1.01, 6.0)] == [HOLDS, HOLDS, None, REFUTED, REFUTED]
    assert {kind for kind, _, _ in every_row()} == {*FORMS, "sample"}
    assert set(LEVELS) < set(FORMS)


@pytest.mark.parametrize(
    ("design", "right"),
    [
        (Design("mean", "normal", 0.0, 6), 6),
        (Design("trend", "skewed", 3.0, 4), 4),
        (Design("proportion", "normal", 6.0, 4), 4),
        (Design("sample", "normal", 0.0, 6), 6),
        (Design("sample", "heavy", 3.0, 6), 6),
    ],
)
def test_what_is_easy_is_decided_rightly(design, right):
    row = counted(design, epoch=1, rows=1)
    assert (row.right, row.false_holds, row.false_refuted, row.as_it_must_be) == (right, 0, 0, True)


def test_a_row_follows_from_its_epoch():
    design = Design("mean", "normal", 0.0, 5)
    assert counted(design, epoch=1, rows=1) == counted(design, epoch=1, rows=1)
    trials = [judged(design, epoch, number) for epoch, number in ((1, 0), (1, 1), (2, 0))]
    assert len({trial.main.estimate for trial in trials}) == 3


def test_errors_thirty_times_as_frequent_are_noticed():
    """A row that does not know of it fails; one that has to fail passes, and fails if it does not."""
    wrong = counted(Design("mean", "normal", 1.0, 60, alpha=30 * ALPHA), epoch=1, rows=1)
    assert wrong.false_holds + wrong.false_refuted > 0
    assert wrong.limits[0] > ALPHA
    assert not wrong.as_it_must_be
    fine = counted(Design("mean", "normal", 0.0, 6, must_fail=True), epoch=1, rows=1)
    assert not fine.as_it_must_be


def test_skewed_seeds_err_where_they_are_trusted_and_not_where_they_are_qualified():
    """Log-normal, the truth on an edge: the same claims."""
    trusting, qualified = (
        counted(Design("bound", "very skewed", 1.0, 60, trusting=each), epoch=1, rows=1) for each in (True, False)
    )
    assert trusting.limits[0] > ALPHA
    assert qualified.as_it_must_be
    assert qualified.false_holds + qualified.false_refuted < (trusting.false_holds + trusting.false_refuted) / 3


def test_a_strangers_claims_are_skewed_too():
    assert set(FORMS["mean"].drawn) == set(LAWS) - set(RARE)
    assert FORMS["proportion"].drawn == ("normal",)


def test_seeds_are_compared_with_walds_bound():
    assert wald(Design("mean", "normal", 0.0, 1)) == pytest.approx(2 * math.log(200) / math.log(5))
    assert wald(Design("mean", "normal", 1.0, 1)) is None  # on the edge nothing can be decided
    assert wald(Design("ratio", "normal", 0.0, 1)) is None
    assert counted(Design("mean", "normal", 0.0, 5), epoch=1, rows=1).over_wald >= 1.0


def test_intervals_miss_the_truth_as_often_as_they_say():
    found = ranks("mean", "normal", 300, epoch=1, of=1)
    assert found.exact
    assert found.as_it_must_be
    assert list(found.missed) == sorted(found.missed, reverse=True)
    for missed, said in zip(found.missed, MISSES, strict=True):
        assert abs(missed - 300 * said) < 5 * math.sqrt(300 * said)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_intervals_of_another_width_are_noticed(monkeypatch, factor):
    def other(test, sample, band, **how):
        made = judge(test, sample, band, **how)
        (lo, hi), middle = made.interval, made.estimate
        return replace(made, interval=(middle + factor * (lo - middle), middle + factor * (hi - middle)))

    monkeypatch.setattr("claims.calibration.ranks.judge", other)
    assert not ranks("mean", "normal", 300, epoch=1, of=1).as_it_must_be


@pytest.mark.parametrize(("kind", "law"), [each for each in ranked() if each[1] == "normal"])
def test_the_truth_of_each_kind_is_known(kind, law):
    assert ranks(kind, law, 30, epoch=1, of=1).as_it_must_be


def test_an_audit_of_a_pack_says_nothing_false_and_would_be_noticed(monkeypatch):
    found = audits.audited(4, epoch=4)
    assert (found.claims, found.false) == (4, ())
    assert found.decided > 0
    assert found.any_false == pytest.approx(4 * 2e-5)
    monkeypatch.setattr(audits, "true_verdict", lambda margins: UNDECIDED)
    assert len(audits.audited(4, epoch=4).false) == found.decided


def test_claims_that_judge_no_seeds_come_out_as_they_must_and_would_be_noticed(monkeypatch):
    found = audits.audited_exactly(epoch=4)
    assert (found.claims, found.decided, found.any_false, found.false) == (20, 20, 0.0, ())
    assert {claim.kind for claim in exact.claims()} == {"value", "identity", "replay", "search", "table"}
    monkeypatch.setattr(exact, "claims", lambda: dict.fromkeys(truth, REFUTED))
    truth = [claim for claim in exact_claims() if claim.kind == "value"]
    assert audits.audited_exactly(epoch=4).false == ("synthetic.value.off-0 HOLDS", "synthetic.value.off-0-99 HOLDS")


@pytest.fixture
def few(monkeypatch):
    """A smoke tier with fewer claims."""
    monkeypatch.setitem(tables._CLAIMS, Tier.SMOKE, (1, 1, 100))
    monkeypatch.setitem(tables._PACKS, Tier.SMOKE, (1, 2))
    monkeypatch.setitem(tables._RANKED, Tier.SMOKE, 4)


@pytest.mark.landing
def test_the_command(few):
    result = CliRunner().invoke(main, ["calibrate", "--json"], standalone_mode=False)
    found = json.loads(result.stdout)
    assert (found["tier"], found["alpha"], found["wrong"]) == ("smoke", ALPHA, [])
    assert {row["kind"] for row in found["rows"]} == {*FORMS, "sample"}
    assert sum(row["must_fail"] for row in found["rows"]) == 3
    assert all(row["as_it_must_be"] for row in found["rows"])


def test_the_table_names_what_is_wrong():
    bad = Design("mean", "normal", 1.0, 60, alpha=30 * ALPHA)
    designs = (Design("mean", "normal", 0.0, 6, must_fail=True), bad)
    rows = tuple(counted(design, epoch=1, rows=2) for design in designs)
    pack = audits.Audited(claims=3, decided=2, seeds=9, any_false=6e-5, false=("synthetic.mean.c1 HOLDS",))
    wide = Ranks("mean", "normal", 99, (0,) * 4, ((0.0, 0.1),) * 4)
    found = tables.Calibration(Tier.SMOKE, 1, rows, (wide,), (pack,))
    assert found.wrong == [
        "mean, normal seeds, truth at 0 margins: too few errors to notice that it must fail",
        "mean, normal seeds, truth at 1 margins: more false verdicts than promised",
        "mean, normal seeds: intervals miss the truth more or less often than they say",
        "all claims on an edge together: more false verdicts than promised",
        "a pack of 3 claims: synthetic.mean.c1 HOLDS",
    ]
    text = list(lines(found))
    assert text[3].startswith("intervals that miss the truth, of those that say so: 0.0% of 50%, 0.0% of 20%, ")
    assert "2 decided, 1 of them falsely; stated for any: at most 0.006 %" in text[4]
    assert text[2] == "0 of 1 rows that must fail were seen to"
    assert [line.removeprefix("wrong: ") for line in text[5:]] == found.wrong
    assert list(table(found).columns[-1].cells) == ["NOT AS IT MUST BE"] * 2


@pytest.mark.slow
def test_the_standard_tier_keeps_its_promises():
    assert tables.calibrate(Tier.STANDARD, 1).wrong == []


# On record


def test_the_record_is_of_the_rows_there_are_and_passes():
    """``make results`` counts it anew; reports and documentation show it."""
    found = tables.from_json(recorded())
    assert json.loads(json.dumps(found.to_json())) == recorded()
    assert found.tier is Tier.STANDARD
    assert [(row.kind, row.law, row.margins, row.claims) for row in found.rows] == [
        (each.kind, each.law, each.margins, each.claims) for each in tables.designs(Tier.STANDARD)
    ]
    assert found.wrong == []
    assert markdown(found).count("\n") == len(found.rows) + 2


def test_reports_draw_it_on_a_logarithmic_axis():
    assert [place(rate) for rate in (0.0, 1 / 2000, 1.0)] == [0.0, 0.0, 100.0]
    assert place(1 / math.sqrt(2000)) == 50.0
    drawn = strips(recorded())
    assert all(each.low <= each.rate <= each.low + each.width for each in drawn)
    promised = place(recorded()["alpha"])
    assert {each.must_fail for each in drawn if each.low > promised} == {True}
    assert {each.must_fail for each in drawn} == {True, False}
