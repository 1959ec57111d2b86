"""The research object crate: what its metadata says is there and true, and no other folder is written to."""

from __future__ import annotations

import hashlib
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from claims.cli import main
from claims.errors import BadOption
from claims.paper import Paper
from claims.report.crate import FILES, METADATA, crate, is_ours
from claims.report.document import load_result
from claims.report.replication_check import load_record
from tests.claims.test_report import EVERY, HOSTILE, claim, result

ENDED = datetime(2026, 11, 29, 7, 30, 5, tzinfo=UTC)
#: Terms that RO-Crate 1.2 names and this uses; its context has them all.
TERMS = {
    "@id", "@type", "about", "actionStatus", "author", "conformsTo", "contentSize", "datePublished", "description",
    "encodingFormat", "endTime", "hasPart", "identifier", "instrument", "license", "mentions", "name", "object",
    "result", "sha256", "softwareVersion", "url", "value", "version",
}  # fmt: skip
PAPERS = {
    "demo": Paper(
        key="demo", title=HOSTILE, identifier="arxiv:2601.00001", version=2,
        authors="A. Author, B. Author and C. Author",
        number="demo:1", license="http://creativecommons.org/licenses/by/4.0/",
    ),
    "other": Paper(key="other", title="Other", identifier="doi:10.1/x y", authors="B. Author"),
}  # fmt: skip


def made(*claims: dict[str, Any], **changes: Any) -> dict[str, Any]:
    document = result(*claims) | changes
    return crate(document, {name: name.encode() for name in FILES}, papers=PAPERS, ended=ENDED)


def entities(metadata: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every entity by its id; each stands once, flat, with terms of the vocabulary."""
    graph = metadata["@graph"]
    found = {each["@id"]: each for each in graph}
    assert len(found) == len(graph)
    for each in graph:
        assert set(each) <= TERMS
        assert each["@type"]
    return found


def references(value: Any) -> list[str]:
    """Ids that an entity's values refer to."""
    if isinstance(value, dict):
        assert set(value) == {"@id"}
        return [value["@id"]]
    return [each for inner in value for each in references(inner)] if isinstance(value, list) else []


def test_it_keeps_to_the_specification():
    metadata = made(*EVERY, claim(id="other.one", paper="other"), claim(id="third.one", paper="third"))
    assert metadata["@context"] == "https://w3id.org/ro/crate/1.2/context"
    found = entities(metadata)
    descriptor, root = found[METADATA], found["./"]
    assert (descriptor["@type"], descriptor["about"]) == ("CreativeWork", {"@id": "./"})
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    assert root["@type"] == "Dataset"
    assert {"name", "description", "datePublished", "license"} <= set(root)
    assert datetime.fromisoformat(root["datePublished"]).date() == ENDED.date()
    assert [each["@id"] for each in root["hasPart"]] == list(FILES)
    assert not [
        value for each in found.values() for value in each.values() if isinstance(value, list) and len(value) < 2
    ]
    for entity in found.values():
        for name, value in entity.items():
            for target in references(value):
                outside = name == "conformsTo"
                assert target in found or (outside and target.startswith("http"))
        assert re.fullmatch(r"[!-~]+", entity["@id"])  # what is no character of a URI is escaped
    reached = {target for entity in found.values() for value in entity.values() for target in references(value)}
    assert set(found) - reached == {METADATA}


def test_it_says_what_made_it_from_what():
    found = entities(made(*EVERY, claim(id="other.one", paper="other")))
    action, software = found["#audit"], found["#claimbench"]
    assert action["instrument"] == {"@id": "#claimbench"}
    assert action["endTime"] == "2026-11-29T07:30:05+00:00"
    assert action["actionStatus"] == {"@id": "http://schema.org/CompletedActionStatus"}
    assert software["@type"] == "SoftwareApplication"
    assert re.match(r"\d+\.\d+", software["softwareVersion"])
    assert found[software["license"]["@id"]]["name"] == "Apache-2.0"
    article = found["https://arxiv.org/abs/2601.00001v2"]
    assert article["@type"] == "ScholarlyArticle"
    assert article["identifier"] == ["arxiv:2601.00001", "demo:1"]
    assert [found[each["@id"]]["name"] for each in article["author"]] == ["A. Author", "B. Author", "C. Author"]
    assert article["license"]["@id"] in found
    assert found["https://doi.org/10.1/x%20y"]["author"] == {"@id": "#person/B.%20Author"}
    assert found["#environment/python"]["value"] == "3.11"
    assert found["#setting/epoch"]["value"] == 7


def test_a_stopped_audit_and_unknown_papers_are_said():
    metadata = crate(result() | {"stopped": True}, {}, papers={}, ended=ENDED, license_id="CC-BY-4.0")
    found = entities(metadata)
    assert found["#audit"]["actionStatus"] == {"@id": "http://schema.org/FailedActionStatus"}
    assert "stopped" in found["./"]["description"]
    assert found["#paper/demo"]["name"] == "demo"
    assert found["./"]["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}


def test_text_of_papers_is_text():
    text = json.dumps(made())
    assert json.loads(text)["@graph"][1]["name"] == f"Audit of {HOSTILE}"
    hidden = {"demo": Paper(key="demo", title="A\u202e\x1b[2J", authors="E\u202evil")}
    found = entities(crate(result(), {}, papers=hidden, ended=ENDED))
    assert found["#paper/demo"]["name"] == r"A\u202e\x1b[2J"


def ran(*words: str) -> Any:
    return CliRunner().invoke(main, ["report", *words])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(result(*EVERY)))
    os.utime(path, (ENDED.timestamp(), ENDED.timestamp()))
    return path


def test_a_crate_on_disk_is_what_its_metadata_says(source, tmp_path):
    folder = tmp_path / "deep" / "crate"
    said = ran("--json", str(source), "--crate", str(folder), "--license", "CC-BY-4.0")
    assert said.exit_code == 0, said.output
    assert sorted(os.listdir(folder)) == sorted([*FILES, METADATA])
    metadata = json.loads((folder / METADATA).read_text())
    assert is_ours(metadata)
    found = entities(metadata)
    for name in FILES:
        data = (folder / name).read_bytes()
        assert found[name]["sha256"] == hashlib.sha256(data).hexdigest()
        assert found[name]["contentSize"] == str(len(data))
    assert found["#audit"]["endTime"] == ENDED.isoformat()
    assert load_result(folder / "result.json") == load_result(source)
    assert load_record(folder / "record.json")[0]["claims"]
    assert oct((folder / METADATA).stat().st_mode & 0o777) == oct(source.stat().st_mode & 0o777)
    assert os.listdir(tmp_path / "deep") == ["crate"]
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert ran("--json", str(source), "--crate", str(folder), "--license", "CC-BY-4.0").exit_code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("thesis.txt", "mine", "no ro-crate-metadata.json"),
        ("index.html", "mine", "no ro-crate-metadata.json"),
        (METADATA, "{}", "of something else"),
        (METADATA, json.dumps({"@graph": [{"@id": "./", "@type": "Dataset"}]}), "of something else"),
        (METADATA, "no JSON", "--crate"),
        (METADATA, "[" * 100_000, "--crate"),
    ],
)
def test_a_folder_with_anything_else_is_refused(source, tmp_path, name, text, words):
    folder = tmp_path / "crate"
    folder.mkdir()
    (folder / name).write_text(text)
    said = ran("--json", str(source), "--crate", str(folder))
    assert said.exit_code == 2
    assert words in said.output
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(name, text)]


def test_a_crate_that_was_cut_short_is_written_again(source, tmp_path, monkeypatch):
    folder, written = tmp_path / "crate", []

    def failing(path: Path, data: bytes) -> None:
        written.append(path)
        if len(written) == 3:
            raise BadOption("output", str(path), "a disk with room")
        path.write_bytes(data)

    monkeypatch.setattr("claims.cli.crate.write_bytes", failing)
    assert ran("--json", str(source), "--crate", str(folder)).exit_code == 2
    assert os.listdir(tmp_path) == [source.name]  # a new folder is there whole or not at all
    folder.mkdir()
    written.clear()
    assert ran("--json", str(source), "--crate", str(folder)).exit_code == 2
    monkeypatch.undo()
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert ran("--json", str(source), "--crate", str(link)).exit_code == 0
    assert sorted(os.listdir(folder)) == sorted([*FILES, METADATA])


def test_a_crate_to_which_something_was_added_is_refused(source, tmp_path):
    folder = tmp_path / "crate"
    assert ran("--json", str(source), "--crate", str(folder)).exit_code == 0
    (folder / "notes.txt").write_text("mine")
    said = ran("--json", str(source), "--crate", str(folder))
    assert (said.exit_code, "notes.txt" in said.output) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ["--license", "CC-BY-4.0"],
        ["--crate", "DIR", "--license", "<script>"],
        ["--crate", "DIR", "--license", ""],
        ["--crate", "FILE"],
        ["--crate", "FILE/crate"],
    ],
)
def test_bad_options_are_refused(source, tmp_path, words):
    there = [word.replace("DIR", str(tmp_path / "new")).replace("FILE", str(source)) for word in words]
    said = ran("--json", str(source), *there)
    assert said.exit_code == 2, said.output
    assert "got" in said.output
    assert not (tmp_path / "new").exists()
    assert os.listdir(tmp_path) == [source.name]
