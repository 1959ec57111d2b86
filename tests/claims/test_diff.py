"""Two results side by side: what claims declare, and the gate for what they promise."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from claims.cli import main
from claims.report.diff import compare, grown
from tests.claims.test_report import claim, result, row

Document = dict[str, Any]


def base() -> Document:
    """Three claims: one of a point, one of two points, one without a band."""
    two = [row(id="demo.two") | {"at": {"n": n}} for n in (1, 2)]
    exact = {"kind": "identity", "band": None, "target": None, "rival": None, "interval": None}
    return result(claim(), claim(id="demo.two", points=two), claim(id="demo.exact", **exact))


def change(name: str, **fields: Any) -> Callable[[Document], None]:
    """Change fields of a claim and of all its points."""

    def changed(document: Document) -> None:
        found = next(each for each in document["claims"] if each["id"] == name)
        for each in (found, *found["points"]):
            each.update(fields)

    return changed


def drop_point(document: Document) -> None:
    document["claims"][1]["points"].pop()


def widen_point(document: Document) -> None:
    document["claims"][1]["points"][1]["band"] = [0.9, 1.2]


def refute_point(document: Document) -> None:
    document["claims"][1]["points"][1]["verdict"] = "UNDECIDED"


def slim(document: Document) -> None:
    """As the files in results/ keep them."""
    for each in document["claims"]:
        each["points"] = []


SHOWN = {
    "statement": (change("demo.one", statement="One is 1."), "statement: One is one. -> One is 1."),
    "locus": (change("demo.one", locus="Section 2"), "locus: Section 1 -> Section 2"),
    "role": (change("demo.one", role="control"), "role: paper -> control"),
    "kind": (change("demo.one", kind="bound"), "kind: mean -> bound"),
    "tier": (change("demo.one", decides="full"), "decides: smoke -> full"),
    "expected": (change("demo.one", expected="UNDECIDED"), "expected: HOLDS -> UNDECIDED"),
    "rival": (change("demo.one", rival=9.0), "rival: 2.0 -> 9.0"),
    "range": (change("demo.one", range=[0.0, 2.0]), "range: nothing -> [0.0, 2.0]"),
    "no rival": (change("demo.one", rival=None), "rival: 2.0 -> nothing"),
    "narrower": (change("demo.one", band=[0.95, 1.05]), "band: [0.9, 1.1] -> [0.95, 1.05]"),
    "correction": (change("demo.one", corrected_by="demo.two"), "corrected_by: nothing -> demo.two"),
}
WEAKER = {
    "wider": (change("demo.one", band=[-3.0, 3.0], target=0.0), "band: [0.9, 1.1] -> [-3.0, 3.0]"),
    "moved": (change("demo.one", band=[1.0, 1.2], target=1.1), "1 tolerance grown: demo.one"),
    "one-sided": (change("demo.one", band=[0.9, None]), "[0.9, 1.1] -> ≥ 0.9"),
    "no band": (change("demo.one", band=None), "band: [0.9, 1.1] -> nothing"),
    "wider at a point": (widen_point, "demo.two at n=2 (Section 1)"),
    "a claim gone": (lambda document: document["claims"].pop(0), "1 claim gone: demo.one"),
    "a point gone": (drop_point, "1 point gone: demo.two"),
    "a point undecided": (refute_point, "1 point verdict changed: demo.two"),
}


@pytest.fixture
def diff(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    def run(before: Document, after: Document, *options: str) -> tuple[int, str]:
        paths = [tmp_path / name for name in ("a.json", "b.json")]
        for path, document in zip(paths, (before, after), strict=True):
            path.write_text(json.dumps(document))
        found = CliRunner().invoke(main, ["diff", *map(str, paths), *options])
        assert found.exception is None or isinstance(found.exception, SystemExit)
        return found.exit_code, found.output

    return run


def altered(how: Callable[[Document], Any]) -> Document:
    document = copy.deepcopy(base())
    how(document)
    return document


@pytest.mark.parametrize("name", SHOWN)
def test_a_changed_declaration_is_shown_and_no_failure(diff, name):
    how, words = SHOWN[name]
    code, text = diff(base(), altered(how), "--strict")
    assert (code, "declarations changed: 1" in text) == (0, True), text
    assert words in text
    assert "nothing is promised less than before" in text


@pytest.mark.parametrize("name", WEAKER)
def test_a_weaker_promise_fails_under_strict_and_is_named(diff, name):
    how, words = WEAKER[name]
    code, text = diff(base(), altered(how), "--strict")
    assert code == 1, text
    assert words in text
    assert diff(base(), altered(how))[0] == 0
    failures = json.loads(diff(base(), altered(how), "--strict", "--json")[1])["failures"]
    assert len(failures) == 1
    assert text.splitlines()[-1] == f"fails: {failures[0]}"


def test_a_changed_verdict_fails_either_way(diff):
    refuted = altered(change("demo.one", verdict="REFUTED", as_expected=False))
    assert diff(base(), refuted)[0] == 1
    code, text = diff(base(), refuted, "--strict")
    assert (code, text.splitlines()[-1]) == (1, "fails: 1 verdict changed: demo.one")


def test_rounding_of_computed_edges_is_no_change(diff):
    nudged = altered(change("demo.one", band=[0.9 - 1e-13, 1.1 + 1e-13], target=1.0 + 1e-13, rival=2.0 - 1e-13))
    code, text = diff(base(), nudged, "--strict")
    assert (code, "declarations" in text) == (0, False)


@pytest.mark.parametrize("sides", [(0,), (1,), (0, 1)])
def test_a_result_that_keeps_no_points_is_compared_by_its_claims(diff, sides):
    same, wider = base(), altered(change("demo.two", band=[0.5, 1.5]))
    before = base()
    for side in sides:
        slim((before, same)[side])
    assert diff(before, same, "--strict")[0] == 0
    if 1 in sides:
        slim(wider)
    code, text = diff(before, wider, "--strict")
    assert (code, "1 tolerance grown: demo.two" in text or "2 tolerances grown: demo.two" in text) == (1, True)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([0.3, 0.7], [-3, 3], True), ([0.3, 0.7], [0.4, 0.6], False), ([0.3, 0.7], [0.3, 0.7], False),
        ([None, 1.0], [None, 2.0], True), ([None, 1.0], [None, 0.5], False), ([None, 1.0], [0.0, 1.0], False),
        ([1.0, None], [0.5, None], True), ([1.0, None], [None, None], True), ([None, None], [0, 1], False),
        (None, [0, 1], False), ([0, 1], None, True), (None, None, False), ([None, 0.0], [None, 1e-9], True),
        ([2.372667215859036, 2.3726672206043706], [2.372667215859034, 2.372667220604369], False),  # on another CPU
        ([1.0, 1.0 + 2e-15], [1.0, 1.0 + 3e-15], True),
        ([2.372667215, 2.372667220], [2.372667214, 2.372667220], True),
        ([1e308, 1.7e308], [-1e308, 1.7e308], True), ([1.0, 1.0], [1.0, 1.0 + 1e-6], True),
    ],
)  # fmt: skip
def test_when_a_tolerance_has_grown(before, after, expected):
    assert grown(before, after) is expected


def test_points_are_told_apart_by_their_coordinates():
    found = compare(base(), altered(widen_point))
    assert [(each.id, each.at, each.field) for each in found.tolerances] == [("demo.two", "n=2", "band")]
    assert found.weakened
    assert not compare(base(), base()).weakened


# Readings


def reading(option: str, verdict: str = "HOLDS", **changes: Any) -> Document:
    """A reading along one axis; the first is the claim as declared."""
    figures = {name: value for name, value in row(verdict=verdict).items() if name in FIGURES}
    head = {"reads": {"layer": option}, "differs": "layer", "own": [], "because": {"layer": "it may be so"}}
    return figures | head | {"at": {}, "points": 1} | changes


FIGURES = (
    "verdict", "target", "band", "estimate", "interval", "alpha", "seeds", "confirmation", "rival", "sharpness",
    "margin", "seconds", "reason", "kind",
)  # fmt: skip


def of_readings(*readings: Document, **fields: Any) -> Document:
    return result(claim(**{"readings": [reading("first", differs=None), *readings], "points": []} | fields))


def test_a_reading_with_another_verdict_is_named_and_fails_under_strict(diff):
    before = of_readings(reading("last"), reading("middle"))
    after = of_readings(reading("last", "UNDECIDED"), reading("middle"), verdict="UNDECIDED", as_expected=None)
    code, text = diff(before, after, "--strict")
    assert code == 1
    assert "verdicts under a reading changed: 1" in text
    assert "demo.one at read as layer: last (Section 1)" in text
    assert "1 reading verdict changed: demo.one" in text
    assert diff(before, before, "--strict") == (
        0,
        "no verdict changed, no estimate moved\nnothing is promised less than before\n",
    )


def test_a_reading_that_is_gone_promises_less_and_a_new_one_does_not(diff):
    few, many = of_readings(reading("last")), of_readings(reading("last"), reading("middle"))
    code, text = diff(many, few, "--strict")
    assert (code, "1 reading gone: demo.one" in text) == (1, True)
    assert "read as layer: middle: it may be so -> nothing" in text
    code, text = diff(few, many, "--strict")
    assert (code, "read as layer: middle: nothing -> it may be so" in text) == (0, True)
    assert diff(of_readings(), result(claim(points=[])), "--strict")[0] == 0  # as declared, it is the claim itself


def test_estimates_bands_and_reasons_of_readings_are_compared(diff):
    before = of_readings(reading("last"))
    text = diff(before, of_readings(reading("last", estimate=1.08, interval=[1.07, 1.09])))[1]
    assert "estimates moved by more than their intervals: 1" in text
    code, text = diff(before, of_readings(reading("last", band=[0.5, 1.5])), "--strict")
    assert (code, "1 tolerance grown: demo.one" in text) == (1, True)
    text = diff(before, of_readings(reading("last", own=["layer"])))[1]
    assert "read as layer: last: it may be so -> it may be so (the paper's own)" in text


def test_a_verdict_that_is_not_that_of_the_readings_is_refused(diff):
    depends = {"verdict": "DEPENDS", "expected": "DEPENDS"}
    assert diff(of_readings(), of_readings(reading("last", "REFUTED"), **depends))[0] == 1
    wrong = copy.deepcopy(of_readings(reading("last")))
    wrong["claims"][0]["readings"][1]["verdict"] = "REFUTED"
    code, text = diff(of_readings(), wrong)
    assert (code, "claims[0].verdict: got 'HOLDS'; allowed: DEPENDS, as of its readings together" in text) == (2, True)
    alone = result(claim()) | {"claims": [claim(**depends)]}
    code, text = diff(of_readings(), alone)
    assert (code, "claims[0].readings: got []; allowed: readings that disagree" in text) == (2, True)
