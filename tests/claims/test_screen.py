"""The end of an audit on a terminal: one screen, everything that differs, what was not measured counted apart."""

from __future__ import annotations

import io
import itertools
import re

import pytest
from rich.console import Console

from claims.auditing.decision import not_measured
from claims.report.findings import distance, findings, importance
from claims.report.screen import show_screen, steps_after
from claims.report.standing import Standing
from claims.report.summary import NOT_MEASURED, label, summarise
from claims.report.words import speaker
from claims.verdict import Role, Tier, Verdict
from tests.claims.test_report import EVERY, EVERY_REFUTED, HOSTILE, claim, result, row

LATE = {"verdict": "UNDECIDED", "decides": "full", "estimate": None, "interval": None, "margin": None, "seeds": 0}
NOT_YET = LATE | {"reason": not_measured(Tier.FULL, Tier.SMOKE)}


def screen(*claims, width=100, height=40, terminal=True, **more) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=height, force_terminal=terminal, color_system=None)
    summary = summarise(result(*claims))
    steps = steps_after(summary, [], store=["--store", "a b.sqlite"])
    show_screen(console, summary, head="7 seeds measured", page="report/index.html", steps=steps, **more)
    return stream.getvalue().splitlines()


def many(count: int, of: str = "claim", **changes):
    return [claim(id=f"p{i % 3}.{of}-{i}", paper=f"p{i % 3}", **changes) for i in range(count)]


def test_what_was_not_measured_is_a_count_of_its_own():
    summary = summarise(result(*EVERY, claim(id="demo.late", **NOT_YET), claim(id="demo.deep", **NOT_YET)))
    assert summary.counts == {
        "HOLDS": 2, "REFUTED": 2, "UNDECIDED": 1, "UNAVAILABLE": 1, "ERROR": 1, NOT_MEASURED: 2
    }  # fmt: skip
    assert sum(summary.counts.values()) == summary.total == 9
    assert summary.papers == {"demo": summary.counts}
    assert summary.waiting == {"full": 2}
    assert [each["id"] for each in summary.undecided] == ["demo.edge"]
    assert [each["id"] for each in summary.differing] == ["demo.surprise", "demo.broken"]
    assert summary.lacking == {"a GPU": 1}


def test_an_audit_that_was_stopped_has_undecided_claims_that_are_not_called_unmeasured():
    stopped = row(**LATE, reason="the audit was stopped before this was decided")
    assert label(stopped, "smoke") == "UNDECIDED"
    assert label(row(**NOT_YET), "smoke") == NOT_MEASURED
    assert label(row(**NOT_YET), "standard") == "UNDECIDED"  # what was said was about another tier
    assert {label(row(verdict=each.value), "smoke") for each in Verdict} == set(map(str, Verdict))


def test_a_claim_of_a_higher_tier_is_not_overdue_even_where_nothing_is_on_record():
    late = claim(**NOT_YET, as_expected=None)
    assert summarise(result(late)).undecided == ()
    assert summarise(result(late | {"decides": "smoke"})).undecided != ()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 40), (200, 60), (60, 24)])
def test_a_screen_holds_it(width, height):
    lacking = {"verdict": "UNAVAILABLE", "as_expected": None, "reason": "a GPU " * 99}
    lines = screen(
        *many(300, **EVERY_REFUTED | {"finding": "It is 3. " * 40}),
        *many(300, of="held"),
        *many(30, of="late", **NOT_YET),
        *many(9, of="lacking", **lacking),
        width=width,
        height=height,
    )
    assert len(lines) < height
    assert max(map(len, lines[:-3])) <= width  # commands are never cut
    assert "639 claims of 3 papers, tier smoke, epoch 7" in lines[0]


def test_all_that_differs_is_shown_however_much():
    surprises = many(90, as_expected=False, verdict="REFUTED", estimate=3.0, interval=[2.9, 3.1])
    text = "\n".join(screen(*surprises, height=24))
    assert "90 verdicts not as expected" in text
    assert all(f"  {each['id']}: REFUTED, expected HOLDS" in text for each in surprises)
    assert "3.00 [2.90, 3.10] against [0.9, 1.1]" in text


def test_it_says_what_to_type_next_and_where_the_page_is():
    text = "\n".join(screen(*EVERY))
    assert "claimbench why demo.surprise --store 'a b.sqlite'" in text
    assert "claimbench list --results 'a b.sqlite' --table" in text
    assert "page  report/index.html" in text
    assert "every verdict that was reached" not in text
    assert "every verdict that was reached is the one on record" in "\n".join(screen(claim()))


def test_findings_come_in_the_order_of_where_they_stand_and_how_far_off_they_are():
    rows = [
        claim(id=f"demo.{role}-{i}", role=role.value, **EVERY_REFUTED | {"estimate": 3.0 + i})
        for role, i in itertools.product(Role, range(3))
    ]
    rows += [claim(id=f"demo.depends-{i}", verdict="DEPENDS", estimate=3.0 + i) for i in range(3)]
    found = findings(rows)
    stands = [each for each in Standing if each is not Standing.CONTROL]
    assert [each["id"] for each in found] == [f"demo.{where}-{i}" for where in stands for i in (2, 1, 0)]
    assert sorted(rows, key=importance)[-1]["role"] == "control"
    assert findings([claim(verdict="REFUTED", as_expected=False)]) == []  # a surprise is no finding


def test_the_distance_is_counted_in_tolerances():
    assert distance(row(band=[0.9, 1.1], estimate=1.3)) == pytest.approx(2)
    assert distance(row(band=[None, 0.5], estimate=1.5)) == pytest.approx(2)
    assert distance(row(band=[0.0, None], estimate=-3.0)) == 3
    assert distance(row()) == distance(row(band=None)) == distance(row(estimate=None)) == 0
    assert distance(row(band=[None, None])) == distance(row(band=[1.0, 1.0], estimate=1.0)) == 0


def test_the_thinnest_margin_comes_first():
    rows = [claim(id=f"demo.m{i}", margin=margin) for i, margin in enumerate([3.0, 0.25, None, -0.5, 1.0])]
    assert [each["id"] for each in summarise(result(*rows)).thinnest] == ["demo.m1", "demo.m4", "demo.m0"]
    assert re.search(r"0.25 half-widths  demo.m1  1.020 \[0.980, 1.060\] in \[0.9, 1.1\]", "\n".join(screen(*rows)))


def test_text_of_claims_acts_on_no_terminal():
    hostile = f"{HOSTILE}\x1b[2J\nfake: all HOLD [red]x[/red]"
    refuted = claim(id="demo.one", **EVERY_REFUTED | {"finding": hostile, "locus": hostile})
    lines = screen(refuted, claim(id="demo.two", as_expected=False, reason=hostile), width=400)
    assert not any("\x1b" in line or line.startswith("fake") for line in lines)
    assert any("[red]x[/red]" in line for line in lines)  # nobody's markup but ours


def test_the_point_that_speaks_for_a_claim_is_found_again():
    points = [row(margin=margin, estimate=margin) | {"at": {"n": n}} for n, margin in ((8, 2.0), (16, 0.5))]
    shown = claim(margin=0.5, estimate=0.5, points=points)
    assert speaker(shown)["at"] == {"n": 16}


def test_an_empty_selection_of_a_result_is_a_summary_too():
    summary = summarise(result(), [])
    assert summary.total == 0
    assert summary.counts == {}
    assert summary.to_json()["differing"] == []
