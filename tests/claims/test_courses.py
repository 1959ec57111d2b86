"""Courses that are kept: the same as decided anew, gone with what they follow from, and none of what is not told."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import claim, drawn, made_up

from claims.auditing.courses import Courses, _Contents, follow
from claims.auditing.planning import plan
from claims.bands import between
from claims.catalogue import load_catalogue
from claims.evidence import kept
from claims.evidence.kept import keeping
from claims.evidence.store import Identity, Store
from claims.experiment import experiment, grid
from claims.kinds import limit, mean, order, ratio
from claims.kinds.base import Judgement, Values
from claims.kinds.per_seed import PerSeed
from claims.verdict import HOLDS, REFUTED, UNDECIDED, Tier

WHY = {"provenance": "author", "because": "a toy"}
TOLD = ("history", "main", "main_seeds", "confirming", "confirmation", "final", "shape", "drawn")


@pytest.fixture(autouse=True)
def _kept(monkeypatch):
    monkeypatch.setattr(kept, "_SETTLED", -1e6)


def normal(point, streams):
    values = streams.numpy("x").normal(size=3)
    return {"x": values[0], "y": values[1], "u": 2 + 0.1 * values[0], "v": 1 + 0.1 * values[1]}


def trials(of, *, tier="full"):
    return list(plan([of], tier=Tier(tier), epoch=7).trials)


def decided(of, lookup, **options):
    found = trials(of, **options)
    for trial in found:
        while trial.final is None:
            trial.advance(lookup)
    return found


def remembered(folder, before, lookup, after=None):
    """Whether the course of a trial, once it is kept, is that of another one; of one like it if none is named."""
    with keeping(folder):
        Courses().keep(before, lookup)
    return course_of(folder, after or fresh(before))


def course_of(folder, trial):
    with keeping(folder):
        return Courses().of(trial)


def fresh(trial):
    (found,) = trials(trial.claim, tier=trial.tier.value)
    return found


@settings(max_examples=60)
@given(
    centre=st.floats(-2.5, 2.5),
    second=st.sampled_from([0.0, -4.0, 4.0]),
    spread=st.sampled_from([0.0, 0.01, 0.5, 3.0]),
    test=st.sampled_from(
        [
            mean(made_up["x"]),
            order(made_up["x"], made_up["y"]),
            ratio(made_up["u"], made_up["v"]),
            mean(made_up["x"], range=(-1e3, 1e3)),
        ]
    ),
    tier=st.sampled_from(["smoke", "full"]),
)
def test_a_course_brings_a_trial_to_the_same_end(tmp_path_factory, centre, second, spread, test, tier):
    def draw(point, streams):
        values = streams.numpy("x").normal(size=2) * spread
        shift = centre + (second if streams.seed_index > 1000 else 0.0)
        return {"x": values[0] + shift, "y": values[1], "u": 2 + shift + values[0], "v": 3 + 0.1 * values[1]}

    lookup, folder = drawn(draw), tmp_path_factory.mktemp("kept")
    (before,) = decided(claim(test, rival=9.0), lookup, tier=tier)
    course = remembered(folder, before, lookup)
    assert course is not None
    after = fresh(before)
    assert follow(after, course, lookup)
    for name in TOLD:
        assert getattr(after, name) == getattr(before, name), name
    assert repr(after.final) == repr(before.final)  # a number comes back as the same number, not only as an equal one
    assert (after.final is after.main) == (before.final is before.main)


def test_all_sorts_of_ends_are_met():
    """What the property above draws from has every end that a course can have."""

    def ends(first, second, spread):
        def draw(point, streams):
            return {"x": streams.numpy("x").normal() * spread + (second if streams.seed_index > 1000 else first)}

        (trial,) = decided(claim(mean(made_up["x"]), rival=9.0), drawn(draw))
        return trial.final.verdict, trial.confirmation is not None, trial.final is trial.main

    assert ends(0.0, 0.0, 0.01) == (HOLDS, False, True)
    assert ends(2.0, 2.0, 0.01) == (REFUTED, True, True)
    assert ends(2.0, 0.0, 0.01) == (UNDECIDED, True, False)
    assert ends(1.0, 1.0, 3.0) == (UNDECIDED, False, True)


POINTS = grid(n=[1, 2])
BEFORE = claim(mean(made_up["x"]), rival=9.0)
OTHERS = {
    "another edge": replace(BEFORE, band=between(-1.0, np.nextafter(1.0, 2), **WHY)),
    "another quantity": replace(BEFORE, test=mean(made_up["y"])),
    "another weight": replace(BEFORE, test=mean(2.0 * made_up["x"])),
    "a constant": replace(BEFORE, test=mean(made_up["x"] + 0.0 * made_up["y"] + 1e-300)),
    "another kind": replace(BEFORE, test=order(made_up["x"], 0.0 * made_up["x"])),
    "a range": replace(BEFORE, test=mean(made_up["x"], range=(-1e3, 1e3))),
    "fewer seeds": replace(BEFORE, most_seeds=32),
    "another pinned point": replace(BEFORE, test=mean(made_up.at(n=1)["x"])),
    "1.0 for 1": replace(BEFORE, test=mean(made_up.at(n=1.0)["x"])),
    "another experiment": replace(BEFORE, test=mean(experiment("made:other")["x"])),
    "several points": replace(BEFORE, at=POINTS),
}


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_is_declared_otherwise_is_decided_anew(tmp_path, name):
    lookup = drawn(normal)
    for one, other in ((BEFORE, OTHERS[name]), (OTHERS[name], BEFORE)):
        (before, *_), (after, *_) = decided(one, lookup), trials(other)
        folder = tmp_path / str(one is BEFORE)
        folder.mkdir()
        assert remembered(folder, before, lookup, after) is None
        assert course_of(folder, trials(one)[0]) is not None


def test_what_a_function_of_the_harness_was_made_of_counts(tmp_path):
    lookup, at = drawn(normal), grid(n=[1, 2])
    one, other = (claim(limit(made_up["x"], over="n", rate=rate), at=at) for rate in (1.0, 2.0))
    (before,), (after,) = decided(one, lookup), trials(other)
    assert remembered(tmp_path, before, lookup, after) is None
    assert course_of(tmp_path, fresh(before)) is not None


def test_a_look_of_a_lower_tier_is_no_end_at_a_higher_one(tmp_path):
    lookup, of = drawn(normal), claim(mean(made_up["x"]), decides="standard")
    (before,), (after,) = decided(of, lookup, tier="smoke"), trials(of, tier="standard")
    assert before.final.verdict is UNDECIDED
    assert before.main_seeds == 8
    assert remembered(tmp_path, before, lookup, after) is None
    assert course_of(tmp_path, fresh(before)) is not None


def test_words_and_points_of_the_same_values_do_not_matter(tmp_path):
    lookup = drawn(normal)
    (before,) = decided(BEFORE, lookup)
    assert remembered(tmp_path, before, lookup, *trials(replace(BEFORE, statement="Other words."))) is not None


def test_every_term_of_a_trial_counts(tmp_path):
    lookup = drawn(normal)
    (before,) = decided(BEFORE, lookup)
    for changes in ({"alpha": 1e-4}, {"trusting": True}, {"survey": 16}, {"points": 2}):
        assert remembered(tmp_path, before, lookup, replace(fresh(before), **changes)) is None, changes


def test_a_course_needs_every_record_that_it_rests_on(tmp_path):
    lookup = drawn(normal)
    (before,) = decided(BEFORE, lookup)
    course = remembered(tmp_path, before, lookup)

    def lacking(measurement, seed):
        return None if seed == 3 else lookup(measurement, seed)

    def nothing(measurement, seed):
        return None

    def changed(measurement, seed):
        found = lookup(measurement, seed)
        if seed != 3:
            return found
        (record,) = found.records
        return replace(found, records=[record | {"x": float(np.nextafter(record["x"], 9))}]).sealed()

    for other in (lacking, nothing, changed):
        trial = fresh(before)
        assert not follow(trial, course, other)
        assert trial.final is None
        assert trial.history == []
    with keeping(tmp_path):
        Courses().keep(before, nothing)  # says nothing about the one that is there
        assert Courses().of(fresh(before)) == course


def test_another_machine_decides_anew(tmp_path, monkeypatch):
    lookup = drawn(normal)
    (before,) = decided(BEFORE, lookup)
    assert remembered(tmp_path, before, lookup) is not None
    monkeypatch.setattr("claims.auditing.courses.arithmetic", lambda: "another")
    assert course_of(tmp_path, fresh(before)) is None


def test_data_files_of_the_harness_count_as_its_code():
    names = {path.name for path in kept._sources(kept._HARNESS)}
    assert {"skewness.toml", "sums.toml", "record.json", "decision.py"} <= names


def first_of(sample: Values) -> np.ndarray:
    return sample.of(made_up["x"])


@functools.wraps(mean)
def disguised(sample: Values) -> np.ndarray:
    return sample.of(made_up["x"])


@dataclass(frozen=True)
class Mine(PerSeed):
    """A kind of a pack."""


def self_containing():
    def reduce(sample):
        return sample.of(made_up["x"]) if reduce else None

    return reduce


X = mean(made_up["x"]).expressions


@pytest.mark.parametrize(
    "test",
    [
        PerSeed("mean", X, first_of),
        PerSeed("mean", X, disguised),
        PerSeed("mean", X, lambda sample: sample.of(made_up["x"])),
        PerSeed("mean", X, functools.partial(first_of)),
        PerSeed("mean", X, self_containing()),
        Mine("mean", X, mean(made_up["x"]).reduce),
    ],
    ids=["function", "disguised", "lambda", "partial", "in itself", "kind"],
)
def test_what_a_pack_defines_is_always_asked(tmp_path, test):
    lookup = drawn(normal)
    (before,) = decided(claim(test), lookup)
    assert remembered(tmp_path, before, lookup) is None


@pytest.mark.parametrize("detail", [{"steps": (1.0, 2.0)}, {"sd": float("nan")}, {"of": np.int64(3)}, {"of": {1, 2}}])
def test_what_would_come_back_as_something_else_is_not_kept(tmp_path, detail):
    lookup = drawn(normal)
    (before,) = decided(BEFORE, lookup)
    judged = Judgement(verdict=HOLDS, estimate=0.0, interval=(-0.1, 0.1), detail=detail)
    before.main = before.final = judged
    before.history = [replace(look, judgement=judged) for look in before.history]
    assert remembered(tmp_path, before, lookup) is None


def test_two_lambdas_of_one_line_are_two():
    source = "def made():\n    return (lambda s: s + 1), (lambda s: s + 2)\n"
    space = {"__name__": "claims.kinds.made_up"}
    exec(source, space)  # as if it stood in the harness
    one, other = space["made"]()
    again, _ = space["made"]()
    assert _Contents().digest([one]) == _Contents().digest([again])
    assert _Contents().digest([one]) != _Contents().digest([other])


def test_most_of_the_catalogue_is_told():
    catalogue, contents = load_catalogue(), _Contents()
    planned = plan(catalogue.claims.values(), tier=Tier.SMOKE, paths=catalogue.paths)
    measured = [trial for trial in planned.trials if trial.final is None and trial.measurements()]
    assert len(measured) > 2000
    same = {}
    for trial in measured:
        same.setdefault(contents.digest(trial.terms()), []).append(trial)
    for group in same.values():  # other readings of a claim, and other claims, may ask the same question again
        asked = {(each.claim.kind, tuple(each.claim.test.quantities()), each.band, each.members) for each in group}
        assert len(asked) == 1, asked


OPENED: list[list[str]] = []  # files that were opened go into the last one


def test_what_is_kept_of_tests_that_measure_nothing_reads_no_file(tmp_path):
    catalogue = load_catalogue()
    planned = plan(catalogue.claims.values(), tier=Tier.SMOKE, paths=catalogue.paths)
    unmeasured = [trial for trial in planned.trials if trial.final is None and not trial.measurements()]

    def nothing(measurement, seed):
        raise AssertionError("nothing is measured")

    sys.addaudithook(lambda event, words: OPENED[-1].append(words[0]) if event == "open" and OPENED else None)
    kept_kinds, asked_kinds = set(), set()
    for trial in unmeasured:
        copy = replace(trial, history=[])
        trial.advance(nothing)  # imports what it needs
        OPENED.append([])
        copy.advance(nothing)
        opened = OPENED.pop()
        with keeping(tmp_path):
            courses = Courses()
            courses.keep(trial, nothing)
            found = courses.of(replace(trial, history=[], main=None, final=None))
        (asked_kinds if found is None else kept_kinds).add(trial.claim.kind)
        assert found is None or opened == [], trial.claim.id
        again = replace(trial, history=[], main=None, main_seeds=0, final=None, shape=None, drawn=())
        assert found is None or follow(again, found, nothing)
        assert found is None or all(getattr(again, name) == getattr(trial, name) for name in TOLD)
    assert kept_kinds == {"sample"}
    assert "table" in asked_kinds


PROGRAM = """
import json
import sys

from claims.auditing.trial import Trial
from claims.cli import main

decided, advance = [], Trial.advance
Trial.advance = lambda self, outcomes: (decided.append(self.claim.id), advance(self, outcomes))[1]
sys.argv = ["claimbench", "audit", *sys.argv[1:], "--executor", "serial", "--json", "result.json", "--report", "report"]
try:
    main()
finally:
    print(json.dumps(decided), file=open("decided.json", "w"))
"""
FILE_OF_CLAIMS = """
from claims import Claim, experiment, grid, within
from claims.kinds import mean


def draw(point, streams):
    return {"x": 1.0 + 0.1 * streams.numpy("x").normal()}


CLAIM = Claim(
    id="toy.mean", locus="here", statement="The mean is 1.", test=mean(experiment(draw)["x"]), at=grid(n=[1, 2]),
    band=within(1.0, abs=0.5, provenance="author", because="a toy"), rival=3.0,
)
"""


def audited(folder, *words):
    """Which claims were decided by looks, and the result without times."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], cwd=folder, check=False, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode in (0, 1), ran.stderr
    document = json.loads((folder / "result.json").read_text())
    return json.loads((folder / "decided.json").read_text()), document, ran


def test_an_audit_again_decides_nothing_that_it_measured_and_says_the_same(tmp_path):
    some = ("sign-magnitude.b158.*", "sign-magnitude.prop2.*", "mean-bias.table1.*")
    first, before, _ = audited(tmp_path, *some)
    pages = {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()}
    again, after, ran = audited(tmp_path, *some)
    assert len(first) > 50
    kinds = {claim["id"]: claim["kind"] for claim in after["claims"]}
    assert {kinds[name] for name in again} <= {"table", "sample"}  # which read files, or are a pack's own
    assert after == before
    assert {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()} == pages
    assert "0 seeds measured" in ran.stderr


def test_other_records_under_the_same_key_are_decided(tmp_path):
    (tmp_path / "claims_toy.py").write_text(FILE_OF_CLAIMS)
    first, before, _ = audited(tmp_path, "claims_toy.py")
    assert first
    assert before["claims"][0]["verdict"] == "HOLDS"
    path = tmp_path / ".claimbench" / "evidence.sqlite"
    with Store.reading(path) as store:
        rows, contents = [*store.rows()], store.identities()
    for file in path.parent.glob("evidence.sqlite*"):
        file.unlink()
    with Store(path) as store:  # somebody's, who measured something else
        for row in rows:
            identity = Identity.of(contents[row.identity])
            records = [record | {"x": record["x"] + 7} for record in json.loads(row.records)]
            store.put(identity, row.experiment, json.loads(row.base), [(row.seed, records, row.seconds)])
    again, after, _ = audited(tmp_path, "claims_toy.py")
    assert again
    assert after["claims"][0]["verdict"] == "UNDECIDED"  # the block that confirms is measured here, and does not
    assert "refuted on the first block" in after["claims"][0]["reason"]


def test_a_claim_that_is_edited_is_decided_by_what_is_measured_already(tmp_path):
    file = tmp_path / "claims_toy.py"
    file.write_text(FILE_OF_CLAIMS)
    audited(tmp_path, "claims_toy.py")
    file.write_text(FILE_OF_CLAIMS.replace("abs=0.5", "abs=0.6"))
    again, after, ran = audited(tmp_path, "claims_toy.py")
    assert again
    assert after["claims"][0]["band"] == [0.4, 1.6]
    assert "0 seeds measured" in ran.stderr
    file.write_text(FILE_OF_CLAIMS)
    assert audited(tmp_path, "claims_toy.py")[0] == []  # as it was at first


def test_fail_fast_stops_at_what_is_recalled(tmp_path):
    text = FILE_OF_CLAIMS.replace("within(1.0", "within(2.0").replace("rival=3.0", 'rival=5.0, expected="HOLDS"')
    (tmp_path / "claims_toy.py").write_text(text)
    assert audited(tmp_path, "claims_toy.py")[1]["claims"][0]["verdict"] == "REFUTED"
    again, after, ran = audited(tmp_path, "claims_toy.py", "--fail-fast")
    assert (again, after["claims"][0]["verdict"], ran.returncode) == ([], "REFUTED", 1)
