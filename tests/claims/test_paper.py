"""A paper's record: content-addressed, checked offline, and refused with every field that differs."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from importlib import resources

import pytest
from click.testing import CliRunner

from claims.cli import main
from claims.errors import InvalidDeclaration, TamperedRecord
from claims.paper import covered, differences, load_paper, read_record, uncovered

RECORD = resources.files("claims.papers.sign_magnitude").joinpath("record.json")


@pytest.fixture
def record():
    return json.loads(RECORD.read_text(encoding="utf-8"))


def sealed(canonical: dict, **paper: str) -> dict:
    """A record that is true to itself, whatever the canonical record says."""
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    found = hashlib.sha256(text.encode()).digest()
    number = base64.b32encode(found).decode()[:26]
    return {
        "canonical_record": canonical,
        "canonical_sha256": found.hex(),
        "pith_number": f"pith:2026:{number}",
        "source": canonical.get("source"),
        "paper": paper,
    }


def test_the_papers_record_is_intact(record):
    assert differences(record) == []
    text = json.dumps(record["canonical_record"], sort_keys=True, separators=(",", ":"))
    found = hashlib.sha256(text.encode()).digest()
    assert found.hex() == "aa75042e07cf7b4146a7e6ea12aa8e9c3d5f32c129463a560419e4c2c6836e03"
    assert base64.b32encode(found).decode()[:26] == "VJ2QILQHZ55UCRVH43VBFKUOTQ"


def test_it_makes_the_paper():
    with resources.as_file(RECORD) as path:
        paper = load_paper("sign-magnitude", path)
    assert (paper.key, paper.identifier, paper.version) == ("sign-magnitude", "arxiv:2605.18933", 1)
    assert paper.title.startswith("A Geometric Analysis of Sign-Magnitude Asymmetry")
    assert paper.authors == "Lei Dong"
    assert paper.number == "pith:2026:VJ2QILQHZ55UCRVH43VBFKUOTQ"


def test_it_carries_no_address_but_the_licence():
    addresses = [word for word in RECORD.read_text(encoding="utf-8").split('"') if "://" in word]
    assert set(addresses) == {"http://creativecommons.org/licenses/by/4.0/"}


TAMPERED = {
    ("canonical_sha256",): "canonical_sha256",
    ("pith_number",): "pith_number",
    ("source", "kind"): "source",
    ("source", "id"): "source",
    ("source", "version"): "source",
    ("paper", "title"): "paper.title",
    ("paper", "license"): "paper.license",
    ("paper", "primary_cat"): "paper.primary_cat",
    ("paper", "submitted_at"): "paper.submitted_at",
    ("canonical_record", "source", "kind"): "canonical_sha256, pith_number, source",
    ("canonical_record", "source", "id"): "canonical_sha256, pith_number, source",
    ("canonical_record", "source", "version"): "canonical_sha256, pith_number, source",
    ("canonical_record", "schema_version"): "canonical_sha256, pith_number",
    ("canonical_record", "metadata", "license"): "canonical_sha256, pith_number, paper.license",
    ("canonical_record", "metadata", "primary_cat"): "canonical_sha256, pith_number, paper.primary_cat",
    ("canonical_record", "metadata", "submitted_at"): "canonical_sha256, pith_number, paper.submitted_at",
    ("canonical_record", "metadata", "cross_cats_sorted"): "canonical_sha256, pith_number",
    ("canonical_record", "metadata", "title_canon_sha256"): "canonical_sha256, pith_number, paper.title",
    ("canonical_record", "metadata", "abstract_canon_sha256"): "canonical_sha256, pith_number",
}


def leaves(node: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(node, dict):
        return [leaf for key, value in node.items() for leaf in leaves(value, (*path, key))]
    return [path]


def test_every_field_of_the_record_is_tried(record):
    """But the authors, of whom the canonical record says nothing."""
    assert set(leaves(record)) == set(TAMPERED) | {("paper", "authors_text")}


@pytest.mark.parametrize("path", TAMPERED, ids=".".join)
def test_a_tampered_field_is_refused_and_named(record, path, tmp_path):
    *folders, name = path
    holder = record
    for folder in folders:
        holder = holder[folder]
    was = holder[name]
    holder[name] = was + 1 if isinstance(was, int) else ["cs.CL"] if isinstance(was, list) else was + "x"
    file = tmp_path / "record.json"
    file.write_text(json.dumps(record))
    with pytest.raises(TamperedRecord) as caught:
        read_record(file)
    assert str(file) in str(caught.value)
    assert ", ".join(text.partition(":")[0] for text in differences(record)) == TAMPERED[path]


def test_the_message_shows_both_values(record):
    record["paper"]["license"] = "all rights reserved"
    (message,) = differences(record)
    assert "all rights reserved" in message
    assert "creativecommons" in message


def test_the_title_may_differ_in_case_only(record):
    record["paper"]["title"] = record["paper"]["title"].upper()
    assert differences(record) == []


@pytest.mark.parametrize("field", ["canonical_sha256", "pith_number", "source", "canonical_record"])
def test_a_missing_field_is_named(record, field):
    del record[field]
    assert any(text.startswith(field) for text in differences(record))


def test_a_short_number_and_a_receipt_are_checked_where_they_are(record):
    intact = copy.deepcopy(record) | {
        "short_pith_number": "pith:VJ2QILQH",
        "receipt": {"canonical_sha256": record["canonical_sha256"]},
    }
    assert differences(intact) == []
    wrong = intact | {"short_pith_number": "pith:AAAAAAAA", "receipt": {"canonical_sha256": "00"}}
    assert [text.partition(":")[0] for text in differences(wrong)] == ["short_pith_number", "receipt.canonical_sha256"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1, 2]",
        "null",
        "{",
        '"text"',
        '{"canonical_record": []}',
        json.dumps(sealed({"metadata": {}})),
        json.dumps(sealed({"source": {"kind": "arxiv", "id": "1"}})),
        json.dumps(sealed({"source": "arxiv:1", "metadata": None})),
        json.dumps(sealed({"source": {"kind": "arxiv", "id": "1", "version": 1}}) | {"pith_number": 7}),
    ],
)
def test_what_is_no_record_is_refused(content, tmp_path):
    file = tmp_path / "record.json"
    file.write_text(content)
    with pytest.raises(TamperedRecord, match=r"record\.json"):
        load_paper("toy", file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"paper": "A toy"}, "paper: got 'A toy'; allowed: an object"),
        ({"paper": {"title": 5}}, "paper.title: got 5; allowed: a string"),
        ({"paper": {"title": None}}, "paper.title: got None"),
        ({"paper": {"title": "A toy", "authors_text": ["Nobody"]}}, "paper.authors_text: got ['Nobody']"),
        ({"paper": {"title": "A toy", "authors_text": None}}, "paper.authors_text: got None"),
        ({"pith_number": 7}, "pith_number: got 7"),
        ({"receipt": []}, "receipt: got []; allowed: an object"),
        ({"receipt": {"canonical_sha256": None}}, "receipt.canonical_sha256: got None"),
        ({"source": None}, "source: got None"),
    ],
)
def test_a_field_of_a_wrong_type_is_named(change, words):
    canonical = {
        "source": {"kind": "doi", "id": "10.1/2", "version": 3},
        "metadata": {"title_canon_sha256": hashlib.sha256(b"5").hexdigest()},
    }
    assert [text for text in differences(sealed(canonical) | change) if text.startswith(words)], differences(
        sealed(canonical) | change
    )


@pytest.mark.parametrize(("field", "value"), [("kind", 1), ("id", ["1"]), ("version", "1"), ("version", 1.5)])
def test_a_source_of_a_wrong_type_is_named(field, value):
    (text,) = differences(sealed({"source": {"kind": "doi", "id": "10.1/2", "version": 3} | {field: value}}))
    assert text.startswith(f"canonical_record.source.{field}: got {value!r}")


@pytest.mark.parametrize(
    "text",
    [
        '{"canonical_record": 1e999}',
        '{"a": 1, "a": 2}',
        '{"canonical_record": {"source": "\\ud800"}}',
        "[" * 100_000,
        '{"canonical_record": ' + '{"a":' * 100_000,
        '{"canonical_record": {"a": ' + "9" * 5000 + "}}",
        "\ufeff{}",
    ],
)
def test_what_json_readers_do_not_agree_on_is_refused(text, tmp_path):
    file = tmp_path / "record.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TamperedRecord, match=r"record\.json: "):
        read_record(file)


def test_what_the_digest_covers_is_said(record, tmp_path):
    assert uncovered(record) == ["paper.authors_text"]
    assert {text.partition(" ")[0] for text in covered(record)} == {
        "canonical_record", "canonical_sha256", "pith_number", "source", "paper.license", "paper.primary_cat",
        "paper.submitted_at", "paper.title",
    }  # fmt: skip
    record["paper"]["authors_text"] = "Somebody Else"
    record |= {"comment": {"by": "x"}, "empty": {}, "paper.title": "another"}
    file = tmp_path / "record.json"
    file.write_text(json.dumps(record))
    shown = CliRunner().invoke(main, ["list", "--record", str(file)]).output
    (line,) = [line for line in shown.splitlines() if line.strip().startswith("not covered")]
    said = "paper.authors_text, comment.by, empty, paper.title: the digest says nothing of them"
    assert line.split(maxsplit=2)[2] == said
    assert "Somebody Else" in shown


def test_whatever_is_covered_cannot_be_changed(record):
    """And what is not can be: each field is tried."""
    for path in leaves(record):
        changed = copy.deepcopy(record)
        holder = changed
        for folder in path[:-1]:
            holder = holder[folder]
        holder[path[-1]] = "another"
        assert bool(differences(changed)) is (".".join(path) not in uncovered(record)), path


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(TamperedRecord, match="no readable record"):
        read_record(tmp_path / "absent.json")


def test_a_sealed_record_of_another_paper_loads(tmp_path):
    title = "A toy"
    canonical = {
        "source": {"kind": "doi", "id": "10.1/2", "version": 3},
        "metadata": {"title_canon_sha256": hashlib.sha256(title.lower().encode()).hexdigest()},
    }
    file = tmp_path / "record.json"
    file.write_text(json.dumps(sealed(canonical, title=title)))
    assert load_paper("toy", file).identifier == "doi:10.1/2"


@pytest.mark.parametrize("paper", [{}, {"title": ""}, None])
def test_a_record_without_a_title_makes_no_paper(paper, tmp_path):
    empty = hashlib.sha256(b"").hexdigest()
    canonical = {"source": {"kind": "doi", "id": "10.1/2", "version": 3}, "metadata": {"title_canon_sha256": empty}}
    file = tmp_path / "record.json"
    file.write_text(json.dumps(sealed(canonical) | {"paper": paper}))
    with pytest.raises(InvalidDeclaration, match=r"paper\.title"):
        load_paper("toy", file)
