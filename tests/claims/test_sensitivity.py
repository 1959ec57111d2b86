"""Planted errors: lists are read, entries apply in memory and are noticed, results are kept and counted."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from claims.catalogue import load_catalogue
from claims.cli import main
from claims.errors import BadOption, InvalidDeclaration
from claims.report.sensitivity import lines, markdown
from claims.sensitivity import planting
from claims.sensitivity.inside import audited, limits_of
from claims.sensitivity.ledger import Found, Ledger
from claims.sensitivity.plants import LISTS, Plant, read
from claims.sensitivity.rates import Rate, from_json, row, rows, survivors, to_json
from claims.sensitivity.running import Forking
from claims.sensitivity.touching import module_of

ROOT = Path(__file__).parents[2]
PLANTS = read([ROOT / LISTS])
LIST = """
area = "sums"

[[of]]
file = "sums.py"
tests = ["tests/test_sums.py"]
planted = [
    { name = "minus", old = "a + b", new = "a - b", wrong = "a difference" },
    { name = "twice", old = "2 * a", new = "a + a", wrong = "added", survives = "equivalent: it is the same number" },
    { name = "unused", old = "return None", new = "return 1", wrong = "unused" },
]
"""


def plant(**said: str) -> Plant:
    return Plant(**({"name": "n", "area": "a", "file": "sums.py", "old": "x", "new": "y", "wrong": "w"} | said))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module, its tests and a list of errors, as a stranger would have them."""
    (tmp_path / "sums.py").write_text(
        "def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return 2 * a\n\n\ndef nothing():\n    return None\n"
    )
    tests = tmp_path / "tests"
    (tests / "planted").mkdir(parents=True)
    (tests / "planted" / "sums.toml").write_text(LIST)
    (tests / "test_sums.py").write_text(
        "import sys\nfrom pathlib import Path\n\nsys.path.insert(0, str(Path(__file__).parents[1]))\nimport sums\n\n\n"
        "def test_twice():\n    assert sums.twice(2) == 4\n\n\ndef test_add():\n    assert sums.add(1, 2) == 3\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


# The lists of this repository


def test_every_planted_error_still_applies() -> None:
    """Those that do not are named: mend them where code moved, or take them out with what they were about."""
    wrong = {each.name: words for each in PLANTS if (words := objection(each))}
    assert wrong == {}


def objection(entry: Plant) -> str:
    """Why an entry cannot be tried; empty if it can."""
    try:
        changed = entry.planted(ROOT)
        if entry.file.endswith(".py"):
            ast.parse(changed)  # an error of syntax would be noticed by whatever is run
    except (InvalidDeclaration, SyntaxError) as error:
        return str(error)
    if missing := [test for test in entry.tests if not (ROOT / test.partition("::")[0]).is_file()]:
        return f"no test {missing[0]}"
    known = ("", "equivalent", "unnoticed", "undefined")
    return "" if entry.survives.partition(":")[0] in known else f"survives: one of {known}, a colon and why"


def test_there_are_enough_of_them_over_all_areas() -> None:
    assert len(PLANTS) >= 300
    areas = {each.area for each in PLANTS}
    assert {"closed forms", "kernels, C++", "kernels, reference", "kernels, Triton", "kinds", "decision"} <= areas
    assert {"streams", "evidence", "results", "plugin", "command line", "models", "training"} <= areas


def test_the_record_says_nothing_of_the_machine_that_made_it() -> None:
    rows = json.loads((ROOT / LISTS / "record.json").read_text(encoding="utf-8"))["planted"]
    assert len(rows) > 200
    assert [row["name"] for row in rows if re.search(r"(^|[\s'\"(])/\w", " ".join(map(str, row.values())))] == []


def test_the_record_is_of_nearly_all_and_few_are_unnoticed() -> None:
    """Nobody notices three in a hundred, at most; a standard audit alone notices three in four of those in numbers."""
    tried = from_json(json.loads((ROOT / LISTS / "record.json").read_text(encoding="utf-8")), PLANTS)
    assert len(tried) > 0.95 * len(PLANTS)
    assert not [found.name for _, found in tried if found.broken]
    either = row("all", tried).rates["either"]
    assert either.caught >= 0.97 * either.asked
    assert either.limits[0] >= 0.95
    asked = [(plant, found) for plant, found in tried if found.standard is not None]
    assert {plant.area.partition(",")[0] for plant, _ in asked} >= {"kernels", "experiments", "closed forms"}
    audit = row("asked", asked).rates["standard"]
    assert audit.caught >= 0.75 * audit.asked


# Reading


def test_an_entry_that_no_longer_applies_is_named(repository: Path) -> None:
    for old, times in (("a + c", 0), ("return", 3)):
        with pytest.raises(InvalidDeclaration, match=rf"lost: old: .* a text that sums.py has once, not {times} times"):
            plant(name="lost", old=old).planted(repository)
    with pytest.raises(InvalidDeclaration, match=r"lost: file: .*a file that can be read"):
        plant(name="lost", file="gone.py").planted(repository)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("", "\\[\\[of\\]\\]"),
        ("=", "a TOML file"),
        ("[[of]]\nplanted = 3", "planted: got 3"),
        ("[[of]]\nplanted = []", "planted"),
        (LIST.replace('area = "sums"', ""), "minus: area: got 'nothing'"),
        (LIST.replace('old = "a + b", ', ""), "minus: old: got 'nothing'"),
        (LIST.replace('wrong = "a difference"', 'wrnog = "a difference"'), "minus: wrnog"),
        (LIST.replace('new = "a - b"', 'new = "a + b"'), "another text than old"),
        (LIST.replace('name = "twice"', 'name = "minus"'), "a name that no other entry has"),
        (LIST.replace('["tests/test_sums.py"]', '"tests/test_sums.py"'), "minus: tests"),
        (LIST.replace('file = "sums.py"', 'file = 3'), "minus: file"),
    ],
)  # fmt: skip
def test_what_a_list_must_not_say(repository: Path, change: str, words: str) -> None:
    path = repository / "tests" / "planted" / "sums.toml"
    path.write_text(change)
    with pytest.raises(InvalidDeclaration, match=words):
        read([path])


def test_paths_that_are_no_lists(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(BadOption, match="a list of planted errors"):
            read([path])


# Planting


def test_a_file_is_imported_as_something_else_by_a_process_and_by_what_it_starts(repository: Path) -> None:
    path = repository / "sums.py"
    changed = {os.path.realpath(path): path.read_text().replace("a + b", "a - b")}
    script = textwrap.dedent("""
        import inspect, json, subprocess, sys
        sys.path.insert(0, ".")
        import sums
        print(sums.add(3, 1), "a - b" in inspect.getsource(sums.add), flush=True)
        if len(sys.argv) > 1:
            child = "import sys; sys.path.insert(0, '.'); import sums; print(sums.add(3, 1))"
            subprocess.run([sys.executable, "-c", child])
    """)
    environment = os.environ | planting.environment(changed, repository)
    for _ in range(2):  # the second time there could be bytecode
        ran = subprocess.run(
            [sys.executable, "-c", script, "and a child"], env=environment, capture_output=True, text=True, check=True
        )
        assert ran.stdout.split() == ["2", "True", "2"]
    plain = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert plain.stdout.split() == ["4", "False"]


def test_the_name_of_a_module() -> None:
    assert module_of(ROOT / "src/claims/kinds/mean.py") == "claims.kinds.mean"
    assert module_of(ROOT / "src/claims/kinds/__init__.py") == "claims.kinds"
    assert module_of(ROOT / "setup.py") == "setup"


# Trying


def test_errors_are_noticed_once_kept_and_counted(repository: Path) -> None:
    """From end to end, twice: the second run has everything from its ledger, as has one after a killed one."""
    runner = CliRunner()
    command = ["sensitivity", "--tier", "none", "--jobs", "1", "--json", "--ledger", "kept.jsonl"]
    first = runner.invoke(main, command)
    assert first.exit_code == 1, first.stderr  # one survives without a reason
    found = {each["name"]: each for each in json.loads(first.stdout)["planted"]}
    assert found["minus"]["tests"] == "tests/test_sums.py::test_add"
    assert found["minus"]["asked"] == {"tests": 2}
    assert found["twice"]["tests"] == found["unused"]["tests"] == ""
    assert "2 of 3" in first.stderr
    kept = (repository / "kept.jsonl").read_text()
    (repository / "kept.jsonl").write_text(kept.rstrip()[:-20])  # as a run leaves it that is killed while it writes
    second = runner.invoke(main, command)
    assert json.loads(second.stdout)["rows"] == json.loads(first.stdout)["rows"]
    assert second.stderr.count(" of 3: ") == 1
    assert runner.invoke(main, command).stderr == ""


def test_a_record_keeps_what_it_has_of_other_errors_as_long_as_they_are_the_same(repository: Path) -> None:
    runner = CliRunner()
    command = ["sensitivity", "--tier", "none", "--jobs", "1", "--out", "record.json"]

    def names() -> list[str]:
        return [each["name"] for each in json.loads((repository / "record.json").read_text())["planted"]]

    runner.invoke(main, [*command, "unused"])
    runner.invoke(main, [*command, "minus"])
    assert names() == ["minus", "unused"]
    changed = LIST.replace('"return 1", wrong = "unused"', '"return 1", wrong = "one"')
    (repository / "tests" / "planted" / "sums.toml").write_text(changed)
    assert runner.invoke(main, [*command, "minus"]).exit_code == 0
    assert names() == ["minus"]
    (repository / "record.json").write_text("[]")
    refused = runner.invoke(main, [*command, "minus"])
    assert refused.exit_code == 2
    assert "--out" in refused.stderr
    assert (repository / "record.json").read_text() == "[]"


CLAIMS = """
from claims import Claim, experiment
from claims.bands import between
from claims.kinds import mean

drawn = experiment("judged_otherwise:drawn", seconds=0.001)
for name, low, decides in (("holds", -3.0, "smoke"), ("later", -3.0, "standard"), ("wrong", 2.0, "smoke")):
    globals()[name] = Claim(
        id=f"toy.{name}", locus="1", statement="A toy.", test=mean(drawn["x"]), rival=99.0, decides=decides,
        band=between(low, 3.0, provenance="author", because="a toy"),
    )
"""


def test_claims_that_are_judged_otherwise_are_asked_first_and_what_is_decided_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "judged_otherwise.py").write_text(
        "def drawn(point, streams):\n    return {'x': streams.numpy('x').normal(0.5, 0.1)}\n"
    )
    path = tmp_path / "judged_claims.py"
    path.write_text(CLAIMS)
    catalogue = load_catalogue([path])
    monkeypatch.setattr("claims.catalogue.load_catalogue", lambda: catalogue)
    limits = {name: limits_of(claim) for name, claim in catalogue.claims.items()}
    assert limits["toy.holds"] != limits["toy.wrong"]
    names, tiers = ["toy.holds", "toy.later", "toy.wrong"], ["smoke", "standard"]
    last = audited(names, limits, tiers, 60.0)
    assert (last["by"], last["caught"], last["asked"]) == ("toy.wrong", "smoke", {"smoke": 3, "standard": 0})
    first = audited(names[:2], limits | {"toy.wrong": "another band"}, tiers, 60.0)
    assert (first["by"], first["asked"]) == ("toy.wrong", {"smoke": 1, "standard": 0})
    none = audited(names[:2], {name: limits[name] for name in names[:2]}, tiers, 60.0)
    assert none["caught"] is None
    assert none["asked"]["standard"] < 2


def test_a_list_is_shown_and_nothing_tried(repository: Path) -> None:
    runner = CliRunner()
    shown = runner.invoke(main, ["sensitivity", "--list", "m*"])
    assert shown.stdout == "sums: minus (sums.py): a difference\n"
    assert runner.invoke(main, ["sensitivity", "nothing-like-it"]).exit_code == 4
    (repository / "sums.py").write_text("")
    refused = runner.invoke(main, ["sensitivity", "--list"])
    assert refused.exit_code == 2
    assert "minus: old" in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("import os\n\ndef test_add():\n    os._exit(3)\n", "the tests (crash)"),
        ("import time\n\ndef test_add():\n    time.sleep(60)\n", "the tests (timeout)"),
    ],
)
def test_children_that_crash_or_hang_are_ended_and_say_so(repository: Path, test: str, said: str) -> None:
    (repository / "tests" / "test_sums.py").write_text(test)
    forking = Forking()
    try:
        job = {"root": str(repository), "changed": {}, "environment": {}, "do": "test", "seconds": 8.0}
        found = forking.do(job | {"tests": ["tests/test_sums.py"]})
        assert f"the tests ({found['ended']})" == said
        (repository / "tests" / "test_sums.py").write_text("def test_add():\n    pass\n")
        assert forking.do(job | {"tests": ["tests/test_sums.py"], "seconds": 60})["caught"] is None
    finally:
        forking.close()


# Keeping and counting


def test_a_result_counts_while_nothing_has_changed_that_it_depends_on(repository: Path) -> None:
    ledger, entry = Ledger(repository / "kept", repository), plant(old="a + b", new="a - b")
    key = ledger.key(entry, ["test"], tests=["tests/test_sums.py"])
    ledger.put(key, Found(name="n", tests="t"))
    again = Ledger(repository / "kept", repository)
    assert again.get(again.key(entry, ["test"], tests=["tests/test_sums.py"])) == Found(name="n", tests="t")
    assert again.get(again.key(entry, ["audit"], tests=["tests/test_sums.py"])) is None
    assert again.get(again.key(plant(old="a + b", new="b"), ["test"], tests=["tests/test_sums.py"])) is None
    words = plant(old="a + b", new="a - b", wrong="other words", survives="unnoticed: why")
    assert again.get(again.key(words, ["test"], tests=["tests/test_sums.py"])) is not None
    (repository / "sums.py").write_text("")
    changed = Ledger(repository / "kept", repository)
    assert changed.get(changed.key(entry, ["test"], tests=["tests/test_sums.py"])) is None


def test_rates_are_exact_and_equivalent_errors_count_nowhere() -> None:
    tried = [
        (plant(name="a"), Found(name="a", smoke="", standard="c", tests="t", seeds=8)),
        (plant(name="b"), Found(name="b", smoke="c", standard="c", tests="", seeds=16)),
        (plant(name="c"), Found(name="c", tests="")),
        (plant(name="d", survives="equivalent: no number changes"), Found(name="d", smoke="", standard="", tests="")),
        (plant(name="e"), Found(name="e", broken="it does not compile")),
    ]
    found = row("all", tried)
    assert (found.planted, found.equivalent, found.seeds) == (5, 1, 16)
    assert {who: (rate.caught, rate.asked) for who, rate in found.rates.items()} == {
        "smoke": (1, 2), "standard": (2, 2), "tests": (1, 3), "either": (2, 3)
    }  # fmt: skip
    low, high = Rate(97, 100).limits
    assert (round(low, 4), round(high, 4)) == (0.9148, 0.9938)  # Clopper and Pearson's
    assert [each.name for each in survivors(tried)] == ["c", "d"]
    said = "\n".join(lines(tried))
    assert "NO REASON" in said
    assert "no number changes" in said
    assert "could not be tried: e: it does not compile" in said
    assert markdown(rows(tried)).count("\n") == 4
    assert len(to_json(tried)["planted"]) == 5


def test_what_audits_and_tests_say_is_joined() -> None:
    audits = Found(name="n", smoke="", standard="c", seeds=8, why="REFUTED", asked={"smoke": 3}, seconds=1.0)
    both = Found(name="n").joined(audits).joined(Found(name="n", tests="", asked={"tests": 9}, seconds=2.0))
    assert both == Found(
        name="n", smoke="", standard="c", tests="", seeds=8, why="REFUTED", asked={"smoke": 3, "tests": 9}, seconds=3.0
    )
