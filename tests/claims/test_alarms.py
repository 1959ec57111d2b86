"""False alarms: audits of one tree on seeds of their own, what of them is an alarm, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from claims.auditing.alarms import Alarm, Watched, epochs, from_json, share, to_json
from claims.auditing.planning import PINNED_EPOCH
from claims.cli import main
from claims.errors import InvalidDeclaration

ROOT = Path(__file__).parents[2]
#: One claim that holds with ease, one whose band ends where the truth is, one that is refuted though it is to hold.
FILE = """
from claims import Claim, experiment
from claims.bands import between
from claims.kinds import mean

drawn = experiment("alarming:drawn", seconds=0.001)
for name, low, high in (("easy", -3.0, 3.0), ("edge", 0.0, 3.0), ("wrong", 2.0, 3.0)):
    globals()[name] = Claim(
        id=f"toy.{name}", locus="1", statement="A toy.", test=mean(drawn["x"]), rival=99.0,
        band=between(low, high, provenance="author", because="a toy"),
    )
"""
MODULE = "def drawn(point, streams):\n    return {'x': streams.numpy('x').normal()}\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Names of modules are one process's: each test has its own."""
    name = f"alarming_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / f"{name}_claims.py").write_text(FILE.replace("alarming:", f"{name}:"))
    monkeypatch.chdir(tmp_path)
    return f"{name}_claims.py"


def alarms(*words: str) -> Result:
    return CliRunner().invoke(main, ["alarms", *words], catch_exceptions=False)


def test_what_strict_would_stop_for_is_an_alarm_on_the_seeds_of_each_epoch(file: str) -> None:
    """What is refuted, and what stays undecided where it has to be decided; and the same again from the store."""
    ran = alarms(file, "--audits", "2", "--jobs", "1", "--from-epoch", "7", "--json", "--out", "record.json")
    assert ran.exit_code == 1
    assert "2 of 2: epoch 8: 2 alarms: toy.edge, toy.wrong" in ran.stderr
    document = json.loads(ran.stdout)
    assert document == json.loads(Path("record.json").read_text())
    assert [each["epoch"] for each in document["audits"]] == [7, 8]
    said = [[(alarm["claim"], alarm["verdict"]) for alarm in each["alarms"]] for each in document["audits"]]
    assert said == [[("toy.edge", "UNDECIDED"), ("toy.wrong", "REFUTED")]] * 2
    again = alarms(file, "--audits", "2", "--jobs", "1", "--from-epoch", "7", "--json")
    assert json.loads(again.stdout) == document
    assert "0 seeds measured" in again.stderr
    shown = alarms("--from", "record.json")
    assert shown.exit_code == 1
    assert "epoch 8: toy.wrong: REFUTED, HOLDS on record" in shown.stdout
    assert "2 of 2 audits of unchanged code at smoke had an alarm" in shown.stdout


def test_silence_is_status_0_and_says_how_sure_it_is(file: str) -> None:
    ran = alarms(file, "toy.easy", "--audits", "2", "--jobs", "1")
    assert ran.exit_code == 0
    assert "0 of 2 audits of unchanged code at smoke had an alarm, at most 84.2% of them" in ran.stdout
    assert "1 claim each" in ran.stdout


def test_a_record_goes_on_and_is_of_one_tier(file: str) -> None:
    words = (file, "toy.easy", "--jobs", "1", "--out", "record.json")
    assert alarms(*words, "--audits", "2", "--from-epoch", "7").exit_code == 0
    assert "0 of 3 audits" in alarms(*words, "--audits", "2", "--from-epoch", "8").stdout
    document = json.loads(Path("record.json").read_text())
    assert [each["epoch"] for each in document["audits"]] == [7, 8, 9]
    refused = alarms(*words, "--tier", "standard")
    assert refused.exit_code == 2
    assert "a record of audits at standard, not at smoke" in refused.stderr
    assert json.loads(Path("record.json").read_text()) == document


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2}', '{"schema": 1, "tier": "smoke", "audits": []}'])
def test_a_record_that_is_none_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    ran = alarms("--from", str(path))
    assert ran.exit_code == 2
    assert f"--from: got '{path}'" in ran.stderr


def test_shares_and_records() -> None:
    quiet, loud = Watched(1, 3, 8, ()), Watched(2, 3, 8, (Alarm("a.b", "REFUTED", "HOLDS", "why"),) * 2)
    assert share([quiet] * 50)[0] == 0
    assert round(share([quiet] * 50)[1][1], 4) == 0.0711  # Clopper and Pearson's
    assert share([quiet, loud])[0] == 1
    assert from_json(to_json([quiet, loud], tier="full")) == ("full", [quiet, loud])
    with pytest.raises(InvalidDeclaration, match="schema: got 2"):
        from_json({"schema": 2})


def test_epochs_are_new_and_the_same_for_everybody() -> None:
    assert list(epochs(2)) == [PINNED_EPOCH + 1, PINNED_EPOCH + 2]


def test_the_record_of_this_repository_is_of_silence() -> None:
    """Audits of every claim, each on new seeds; see ``make alarms``."""
    tier, audits = from_json(json.loads((ROOT / "tests/planted/alarms.json").read_text(encoding="utf-8")))
    assert tier == "smoke"
    assert len({each.epoch for each in audits} - {PINNED_EPOCH}) == len(audits) >= 50
    assert [alarm for each in audits for alarm in each.alarms] == []
    assert min(each.claims for each in audits) > 900
