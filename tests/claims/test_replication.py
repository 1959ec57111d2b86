"""The replication record: the same for the same result, whole or refused, held against what is installed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from claims.catalogue import Catalogue, load_catalogue
from claims.cli import main, verify_command
from claims.errors import ClaimsError, InvalidResult, TamperedRecord
from claims.evidence.canonical import canonical_json, digest
from claims.report.replication import replication, text_of
from claims.report.replication_check import contradictions, differences, load_record, sample
from tests.claims.test_report import EVERY, HOSTILE, claim, result

CLAIMS = """
from claims import Claim, Paper, experiment, mean, value, within

PAPER = Paper(key="again", title="Again", identifier="doi:1", version=2)
WHY = {"provenance": "author", "because": "as it pleases"}

def draw(point, streams):
    return {"x": 1.0 + streams.numpy("x").normal(0.0, 0.1), "n": 3.0}

MADE = experiment(draw)
CLAIMS = [
    Claim(id="again.mean", locus="Section 1", statement="It is one.", test=mean(MADE["x"]),
        band=within(1.0, abs=0.5, **WHY), rival=3.0),
    Claim(id="again.three", locus="Section 2", statement="It is three.", test=value(MADE["n"]),
        band=within(3.0, abs=0.1, **WHY), rival=1.0),
    Claim(id="again.late", locus="Section 3", statement="It is three, later.", test=value(MADE["n"]),
        band=within(3.0, abs=0.1, **WHY), rival=1.0, decides="full"),
]
"""
NOTHING = Catalogue({}, {}, {})


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "record.json"
    path.write_text(text_of(replication(result(*EVERY), NOTHING)))
    return path


def changed(path: Path, *, named: bool = False, **fields: Any) -> Path:
    """The file with other fields of its record; ``named`` gives it the digest of these."""
    document = json.loads(path.read_text())
    document["record"] |= fields
    if named:
        document["sha256"] = digest(document["record"]).hex()
    path.write_text(json.dumps(document))
    return path


def test_a_record_is_canonical_and_named_by_its_digest(record):
    text = record.read_text()
    document = json.loads(text)
    assert text == canonical_json(document) + "\n"
    read, sha256 = load_record(record)
    assert sha256 == document["sha256"] == digest(read).hex()
    assert [row["id"] for row in read["claims"]] == [each["id"] for each in EVERY]
    assert read["claims"][0]["interval"] == [0.98, 1.06]


def test_it_says_nothing_of_how_long_it_took():
    slow = [each | {"seconds": 99.0} for each in EVERY]
    assert replication(result(*slow), NOTHING) == replication(result(*EVERY), NOTHING)


def test_it_is_about_the_papers_own_record():
    catalogue = load_catalogue()
    name = next(iter(catalogue.claims))
    paper = catalogue.papers[name.partition(".")[0]]
    document = result(claim(id=name, paper=paper.key))
    made = replication(document, catalogue)["record"]
    assert made["papers"][paper.key]["identifier"] == paper.identifier
    assert made["papers"][paper.key]["number"] == paper.number
    (file,) = made["code"]["files"]
    assert file.startswith("claims/papers/")


def test_a_changed_record_is_refused(record):
    claims = json.loads(record.read_text())["record"]["claims"]
    claims[0]["verdict"] = "REFUTED"
    with pytest.raises(TamperedRecord, match="sha256"):
        load_record(changed(record, claims=claims))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "something"}, "record.kind"),
        ({"tier": "deep"}, "record.tier"),
        ({"epoch": -1}, "record.epoch"),
        ({"claims": [{}]}, r"record.claims\[0\]"),
        ({"claims": [{"id": 7}]}, r"record.claims\[0\]"),
        ({"papers": {"demo": {"number": 7}}}, "record.papers"),
        ({"environment": {"python": 3}}, "record.environment"),
    ],
)
def test_what_is_no_record_is_refused_by_field(record, fields, words):
    with pytest.raises(InvalidResult, match=words):
        load_record(changed(record, named=True, **fields))


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "{}", '{"record": {}, "sha256": ""}', '{"record": 1, "record": 2}', "[" * 100_000, "\ud800"]
)
def test_what_is_no_file_of_one_is_refused(tmp_path, text):
    path = tmp_path / "file.json"
    path.write_text(text, errors="surrogatepass")
    for there in (path, tmp_path / "none.json", tmp_path):
        with pytest.raises(InvalidResult):
            load_record(there)


@given(st.data())
def test_no_byte_of_it_can_be_changed_unnoticed(tmp_path_factory, data):
    text = text_of(replication(result(*EVERY), NOTHING)).encode()
    at = data.draw(st.integers(0, len(text) - 2))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[at]))
    path = tmp_path_factory.mktemp("bytes") / "record.json"
    path.write_bytes(text[:at] + bytes([byte]) + text[at + 1 :])
    try:
        read, _ = load_record(path)
    except ClaimsError:
        return
    assert read == json.loads(text)["record"]  # a blank in place of the last line's end


def test_other_claims_than_the_records_are_named(record):
    read, _ = load_record(record)
    assert differences(read, NOTHING) == ["demo: the paper is not installed"]
    catalogue = load_catalogue()
    name, declared = next(iter(catalogue.claims.items()))
    row = claim(id=name, paper=declared.paper, locus=declared.locus, statement="Something else.")
    read = replication(result(row, claim(id=f"{name}-gone", paper=declared.paper)), catalogue)["record"]
    found = differences(read, catalogue)
    assert any(line.startswith(f"{name}: declared otherwise: ") and "statement" in line for line in found)
    assert f"{name}-gone: not among the installed claims" in found
    assert not [line for line in found if line.startswith(declared.paper + ":")]
    other = read["papers"][declared.paper] | {"number": "pith:other"}
    assert "is about pith:other" in differences(read | {"papers": {declared.paper: other}}, catalogue)[0]


def test_what_contradicts_a_record():
    read = {"claims": [claim(), claim(id="demo.two", interval=None)]}
    assert contradictions(read, [claim(interval=[1.05, 1.2]), claim(id="demo.two")]) == []
    assert contradictions(read, [claim(verdict="UNAVAILABLE")]) == []
    assert contradictions(read, [claim(verdict="REFUTED")]) == ["demo.one: REFUTED, the record says HOLDS"]
    assert "the record says [1.02, [0.98, 1.06]]" in contradictions(read, [claim(interval=[1.07, None])])[0]


# The command


def run(*args: str, code: int = 0):
    ran = CliRunner().invoke(main, list(args))
    assert ran.exit_code == code, ran.output
    assert "Traceback" not in ran.output
    return ran


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("again")
    (made / "claims_again.py").write_text(CLAIMS)
    with contextlib.chdir(made):
        run("audit", "claims_again.py", "--executor", "serial", "--json", "result.json")
        run("report", "claims_again.py", "--json", "result.json", "--record", "record.json")
    return made


@pytest.fixture
def audited(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(folder)
    text = (folder / "record.json").read_text()
    yield folder / "record.json"
    (folder / "record.json").write_text(text)


def test_a_record_is_verified(audited):
    shown = run("verify", "record.json", "claims_again.py").stdout
    assert "record.json: whole; SHA-256 " in shown
    assert "3: 2 HOLDS, 1 UNDECIDED" in shown
    assert "declared otherwise" not in shown
    told = json.loads(run("verify", "record.json", "claims_again.py", "--json").stdout)
    read, sha256 = load_record(audited)
    assert (told["sha256"], told["measured"], told["differences"]) == (sha256, [], [])
    drawn = [each.id for each in sample(read, load_catalogue([Path("claims_again.py")]), 9)]
    assert sorted(drawn) == ["again.mean", "again.three"]  # what is decided, and can be


def test_it_is_measured_again_and_a_false_record_that_is_whole_is_contradicted(audited, monkeypatch):
    monkeypatch.setattr(verify_command, "executor_spec", lambda jobs, executor: "serial")  # as fast as it gets
    claims = json.loads(audited.read_text())["record"]["claims"]
    three = next(row for row in claims if row["id"] == "again.three")
    three["verdict"] = "REFUTED"
    changed(audited, named=True, claims=claims)
    shown = run("verify", "record.json", "claims_again.py", "--again", "2", code=1).stdout
    assert "2 claims measured again: again.three: HOLDS, the record says REFUTED" in shown


@pytest.mark.slow
def test_a_true_record_is_not_contradicted(audited):
    again = run("verify", "record.json", "claims_again.py", "--again", "9", "--jobs", "1")
    assert "2 claims measured again: nothing contradicts the record" in again.stdout


def test_what_cannot_be_verified_ends_with_a_line(audited, record):
    run("verify", "nowhere.json", code=2)
    text = audited.read_text()
    audited.write_text(text.replace('"HOLDS"', '"REFUTED"', 1))
    assert "sha256" in run("verify", "record.json", code=2).output
    audited.write_text(text)
    assert "installed" in run("verify", "record.json", "--again", "3", code=4).output


def test_what_a_record_says_acts_on_no_terminal(tmp_path):
    path = tmp_path / "record.json"
    hostile = f"{HOSTILE}\x1b[2J\nfake: whole"
    path.write_text(text_of(replication(result(*EVERY) | {"environment": {hostile: hostile}}, NOTHING)))
    shown = run("verify", str(path)).stdout
    assert "\x1b" not in shown
    assert not any(line.startswith("fake") for line in shown.splitlines())
