"""search: a planted violation has to be found, a counterexample has to survive higher precision."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kit import claim

from claims.errors import InvalidDeclaration
from claims.evidence import searching
from claims.evidence.searching import Statement, _descend, drive
from claims.kinds import search
from claims.kinds.base import Values
from claims.streams import Streams
from claims.verdict import ERROR, HOLDS, REFUTED, UNDECIDED

DATA = Path(__file__).parent / "data"
EFFORT = {"examples": 60, "restarts": 2, "rounds": 2}


@pytest.fixture
def searched(audit):
    def run(name: str, **effort: int):
        (result,) = audit(claim(search(f"statements:{name}", **(EFFORT | effort)))).claims
        return result.points[0].judgement

    return run


def test_a_true_statement_says_how_hard_it_was_tried(searched):
    found = searched("CONVEX")
    assert found.verdict is HOLDS
    assert found.detail["tries"] >= 2 * 60
    assert f"no counterexample in {found.detail['tries']} tries, smallest margin 1e-09" in found.reason
    assert "planted violation was found with the same effort" in found.reason
    closest = json.loads(found.detail["closest"])
    assert closest["x"] == pytest.approx(closest["y"], abs=1e-3)


def test_a_counterexample_is_kept_and_confirmed_in_higher_precision(searched):
    found = searched("FALSE")
    assert found.verdict is REFUTED
    inputs = json.loads(found.detail["counterexample"])
    assert (inputs["x"] - 0.7) ** 2 + (inputs["y"] + 1.3) ** 2 < 0.01
    assert found.detail["precise_margin"] == pytest.approx(-0.01, abs=1e-6)  # the optimiser went to the bottom
    assert found.detail["counterexample"] in found.reason
    assert "higher precision" in found.reason


def test_a_counterexample_that_is_only_rounding_stays_undecided(searched):
    found = searched("ROUNDING")
    assert found.verdict is UNDECIDED
    assert found.detail["smallest_margin"] < 0
    assert "within rounding" in found.reason


@pytest.mark.parametrize(("margin", "verdict"), [(-1e-11, REFUTED), (-101e-15, REFUTED), (-99e-15, UNDECIDED)])
def test_a_counterexample_is_confirmed_to_a_hundred_roundings(margin, verdict):
    """By the margin in higher precision, in units of what rounding may make of one: neither closer nor coarser."""
    test = search("statements:FALSE")
    found = {"tries": 9, "smallest_margin": -1.0, "planted_margin": -1.0, "precise_margin": margin, "rounding": 1e-15}
    found |= {"counterexample": "x", "closest": "x"}
    values = {test.experiment[name]: np.array([value]) for name, value in found.items()}
    assert test.judge(Values(values, ()), None, 1e-3).verdict is verdict


@pytest.mark.parametrize(("planted", "verdict"), [((-1.0, -1.0), HOLDS), ((-1.0, 1.0), UNDECIDED)])
def test_every_round_has_to_find_the_planted_violation(planted, verdict):
    test = search("statements:CONVEX")
    found = {"tries": 9, "smallest_margin": 1.0, "precise_margin": 1.0, "rounding": 1e-15}
    values = {test.experiment[name]: np.array([value] * 2) for name, value in found.items()}
    values |= {test.experiment[name]: np.array(["x"] * 2) for name in ("counterexample", "closest")}
    values[test.experiment["planted_margin"]] = np.array(planted)
    assert test.judge(Values(values, ()), None, 1e-3).verdict is verdict


def test_the_planted_violation_is_sought_with_the_same_effort(monkeypatch):
    asked, original = [], searching._search

    def watched(statement, margin, *effort, seed):
        asked.append((effort, seed))
        return original(statement, margin, *effort, seed=seed)

    monkeypatch.setattr(searching, "_search", watched)
    drive({"statement": "statements:CONVEX", "examples": 7, "restarts": 1}, Streams(1, "search", {}, 0))
    assert asked == [((7, 1), asked[0][1])] * 2


def test_ends_of_ranges_are_tried_one_by_one_and_all_together():
    ranges = {"x": (-1.0, 2.0), "y": (0.25, 0.5)}
    seen = []

    def margin(x: float, y: float) -> float:
        seen.append((x, y))
        return 1.0

    statement = Statement(inputs=ranges, margin=margin, planted=margin, precise=margin)
    searching._search(statement, margin, 3, 0, seed=5)
    x, y = seen[0]
    assert {(-1.0, y), (2.0, y), (x, 0.25), (x, 0.5), (-1.0, 0.25), (2.0, 0.5)} <= set(seen)


def test_silence_is_worth_nothing_if_the_planted_violation_was_missed(searched):
    found = searched("TOOTHLESS")
    assert found.verdict is UNDECIDED
    assert "missed the planted violation" in found.reason


def test_inputs_that_no_optimiser_can_move_are_searched_too(searched):
    found = searched("SORTED")
    assert found.verdict is REFUTED
    values = json.loads(found.detail["counterexample"])["values"]
    assert values != sorted(values)


def test_a_margin_that_higher_precision_contradicts_does_not_hide_a_real_counterexample(searched):
    found = searched("MIXED")
    assert found.verdict is REFUTED
    assert found.detail["smallest_margin"] == -20.0
    assert (json.loads(found.detail["counterexample"]), found.detail["precise_margin"]) == ({"k": -3}, -1.0)


@pytest.mark.parametrize(("name", "words"), [("NAN", "NaN"), ("NO_STATEMENT", "Statement"), ("ABSENT", "ABSENT")])
def test_what_cannot_be_searched_is_an_error(searched, name, words):
    found = searched(name)
    assert found.verdict is ERROR
    assert words in found.reason


@pytest.mark.parametrize("effort", ["examples", "restarts", "rounds"])
def test_effort_is_at_least_one(effort):
    with pytest.raises(InvalidDeclaration, match=f"search.{effort}"):
        search("statements:CONVEX", **{effort: 0})


@pytest.mark.parametrize("start", [0.0, 1e-38, -1e-80, 5e-324, -1.0, 1.0, 0.7])
@pytest.mark.parametrize("ranges", [(-1.0, 1.0), (-1.0, 1e3)])
def test_a_descent_leaves_every_start(start, ranges):
    """Also from a coordinate that is all but zero, or on the end of its range, as drawn inputs often are."""
    tried = []

    def margin(x, y):
        tried.append((x - 0.3) ** 2 + (y + 0.2) ** 2)
        return tried[-1]

    statement = Statement(inputs={"x": ranges, "y": ranges}, margin=margin, planted=margin, precise=margin)
    _descend(statement, margin, {"x": start, "y": start})
    assert min(tried) < 1e-6


POINT = {"statement": "statements:CONVEX", "examples": 20, "restarts": 1}


def test_a_round_depends_on_its_seed():
    found = [drive(POINT, Streams(7, "d", POINT, seed)) for seed in range(6)]
    assert len({round_["closest"] for round_ in found}) > 2  # some start where the margin is as small as can be


def test_a_round_does_not_depend_on_what_else_the_process_has_imported(tmp_path):
    """hypothesis collects constants from loaded modules; a worker and the parent have loaded different ones."""
    (tmp_path / "constants.py").write_text(f"A = {[i / 97 for i in range(1, 97)]!r}\n")
    script = (
        "import sys, json; sys.path[:0] = sys.argv[1:3]\n"
        "if sys.argv[3] == 'more': import constants\n"
        "from claims.evidence.searching import drive; from claims.streams import Streams\n"
        f"point = {POINT!r}\n"
        "print(json.dumps([drive(point, Streams(7, 'd', point, seed)) for seed in range(3)]))\n"
    )
    found = {}
    for more in ("more", "less"):
        command = [sys.executable, "-c", script, str(tmp_path), str(DATA), more]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=dict(os.environ))
        found[more] = json.loads(ran.stdout)
    assert found["more"] == found["less"]
    assert found["less"] == [drive(POINT, Streams(7, "d", POINT, seed)) for seed in range(3)]
