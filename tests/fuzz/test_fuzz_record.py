"""Records of others: refused by field, or what they say is what their digest covers."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, example, given

from claims.errors import ClaimsError, TamperedRecord
from claims.evidence.canonical import digest
from claims.paper import covered, differences, load_paper, read_record, uncovered
from claims.report.visible import visible
from tests.claims.test_paper import RECORD
from tests.fuzz import mutations
from tests.fuzz.mutations import FEW, MANY, bytes_changed, json_bytes, mutants

BASE: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8")) | {"short_pith_number": "pith:VJ2QILQH"}


def read(data: bytes, folder: Path) -> str:
    """Read a file, and hold what it says to its digest."""
    path = folder / "record.json"
    path.write_bytes(data)
    refused, record = "", {}
    try:
        with mutations.no_hang():
            record = read_record(path)
    except TamperedRecord as error:
        refused = str(error)
    if refused:
        assert str(path) in refused
        assert "Traceback" not in visible(refused)
        return "refused"
    assert record["canonical_sha256"] == digest(record["canonical_record"]).hex()
    assert differences(record) == []
    assert covered(record)
    if record["canonical_record"] == BASE["canonical_record"]:
        _same(record)
    try:
        load_paper("toy", path)
    except ClaimsError as error:  # a record need not have a title, a paper does
        refused = str(error)
    assert not refused or "paper." in refused
    return "read"


def _same(record: dict[str, Any]) -> None:
    """Whatever differs from the paper's own record is among what the digest does not cover."""
    left = uncovered(record)
    for path in mutations.places(record):
        value, was = _at(record, path), _at(BASE, path)
        part = path[:1] == ("pith_number",) or path[:1] == ("short_pith_number",) or path == ("paper", "title")
        if value != was and not isinstance(value, dict) and not part:
            assert any(".".join(map(str, path[:deep])) in left for deep in (1, 2)), path


def _at(record: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records")


def test_the_base_is_read(folder: Path) -> None:
    assert read(json_bytes(BASE), folder) == "read"


def with_paper(**fields: Any) -> dict[str, Any]:
    made = copy.deepcopy(BASE)
    made["paper"] |= fields
    return made


@mutations.settings(FEW)
@given(document=mutants(BASE))
@example(document=with_paper(authors_text=["Somebody"]))
@example(document=with_paper(title=None))
@example(document=BASE | {"paper": None})
@example(document=BASE | {"receipt": {}})
def test_changed_fields(document: Any, folder: Path) -> None:
    event(read(json_bytes(document), folder))


@mutations.settings(FEW)
@given(data=bytes_changed(json_bytes(BASE)))
@example(data=b"[" * 100_000)
@example(data=json_bytes(BASE).replace(b'"paper"', b'".paper"'))
@example(data=json_bytes(BASE).replace(b"Lei Dong", b"\\ud800"))
@example(data=json_bytes(BASE).replace(b'"version": 1', b'"version": 1e999'))
def test_changed_bytes(data: bytes, folder: Path) -> None:
    event(read(data, folder))


@mutations.settings(FEW // 3)
@given(document=mutants(BASE))
def test_the_command_that_reads_a_record(document: Any, folder: Path) -> None:
    (folder / "command.json").write_bytes(json_bytes(document))
    mutations.command("list", "--record", str(folder / "command.json"))
    mutations.command("list", "--record", str(folder / "command.json"), "--json")


@pytest.mark.slow
@mutations.settings(MANY)
@given(document=mutants(BASE))
def test_changed_fields_at_length(document: Any, folder: Path) -> None:
    event(read(json_bytes(document), folder))


@pytest.mark.slow
@mutations.settings(MANY)
@given(data=bytes_changed(json_bytes(BASE)))
def test_changed_bytes_at_length(data: bytes, folder: Path) -> None:
    event(read(data, folder))
