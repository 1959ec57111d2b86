"""Outlines of others: refused by field, or claims are held against them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from claims.catalogue import Catalogue
from claims.errors import InvalidDeclaration
from claims.outline.coverage import coverage_of, to_plain
from claims.outline.outline import load_outline, outline_of
from claims.paper import Paper
from claims.report.coverage import render_coverage
from claims.report.visible import json_text
from tests.claims.test_coverage import made
from tests.fuzz import mutations
from tests.fuzz.mutations import FEW, MANY, bytes_changed, mutants

TEXT = """
[[section]]
number = "1"
title = "Theory"
statements = ["Theorem 1 (eq. 1, eq. 2)", "tightness", { name = "Table 2", also = ["Table 9"], parts = ["p = 0.1"] }]

[[section]]
number = "1.1"
title = "Remarks"
because = "Opinions."
statements = [{ name = "eq. 3", because = "A definition." }]

[[section]]
number = "A"
"""
BASE: dict[str, Any] = tomllib.loads(TEXT)
LOCI = ["Theorem 1, eq. 2", "section 1, tightness", "Tables 2 to 9", "section 1.1; Appendix A, item 2", "nowhere"]
CLAIMS = {claim.id: claim for claim in (made(f"c{i}", locus) for i, locus in enumerate(LOCI))}
ROWS = [{"id": name, "paper": "toy", "verdict": "HOLDS", "as_expected": True} for name in CLAIMS]
DOCUMENT = {"tier": "smoke", "epoch": 7, "claims": ROWS}


def toml(value: Any) -> str:
    """A value as TOML writes it; nothing for what it has no word for."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return "''" if value is None else json.dumps(value)


def document(value: Any) -> bytes:
    """A document, whose fields are those of its top table."""
    lines = (f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) if isinstance(value, dict) else ["x"]
    return "\n".join(lines).encode()


def read(data: bytes, folder: Path) -> str:
    """Read an outline, hold the claims against it and show what comes of it."""
    path = folder / "outline.toml"
    path.write_bytes(data)
    refused = ""
    try:
        with mutations.no_hang():
            outline = load_outline(path)
    except InvalidDeclaration as error:
        refused = str(error)
    if refused:
        assert str(path) in refused
        assert len(refused) < 1500
        return "refused"
    papers = {"toy": Paper(key="toy", title="Toys")}
    catalogue = Catalogue(CLAIMS, papers, {"toy": {"section 1.1, eq. 3": "why"}}, (), {"toy": outline})
    with mutations.no_hang():
        coverage = coverage_of(catalogue, "toy")
        assert len(coverage.claims) == len(CLAIMS)  # each is somewhere
        json_text(to_plain(coverage, {}))
        render_coverage(DOCUMENT, catalogue=catalogue)
    return "read"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outlines")


def test_the_base_is_read(folder: Path) -> None:
    assert read(TEXT.encode(), folder) == read(document(BASE), folder) == "read"


@mutations.settings(FEW)
@given(changed=mutants(BASE))
@example(changed={"section": [{"number": ""}]})
@example(changed={"section": [{"number": "1", "statements": "ab"}]})
@example(changed={"section": [{"number": "1", "statements": [["x"]]}]})
@example(changed={"section": [{"number": "1", "statements": [{"name": ["x"]}]}]})
@example(changed={"section": [{"number": "1", "title": 3}]})
def test_changed_fields(changed: Any, folder: Path) -> None:
    event(read(document(changed), folder))


@mutations.settings(FEW)
@given(data=bytes_changed(TEXT.encode()))
@example(data=b"\xff")
@example(data=b"a" + b".a" * 100_000 + b" = 1")
@example(data=b"section = " + b"[" * 100_000)
@example(data=b'[[section]]\nnumber = "' + b" (" * 100_000 + b')"')
@example(data=b'[[section]]\nnumber = "1"\nstatements = ["' + b"a (" * 100_000 + b')"]')
def test_changed_bytes(data: bytes, folder: Path) -> None:
    event(read(data, folder))


@mutations.settings(FEW)
@given(locus=st.text(st.sampled_from("Table eq.sctionAB123,;()'- to and–\u202e\n")) | st.text())
@example(locus="Tables 1 to 99999999999")
@example(locus="sections " + "1, " * 10_000)
@example(locus="Tables 1 to " + "9" * 5000)
@example(locus="section ٣")
def test_any_locus(locus: str) -> None:
    with mutations.no_hang():
        outline = outline_of([locus])
        outline.targets(locus)
        outline.unknown(locus)


@pytest.mark.slow
@mutations.settings(MANY)
@given(changed=mutants(BASE))
def test_changed_fields_at_length(changed: Any, folder: Path) -> None:
    event(read(document(changed), folder))


@pytest.mark.slow
@mutations.settings(MANY)
@given(data=bytes_changed(TEXT.encode()))
def test_changed_bytes_at_length(data: bytes, folder: Path) -> None:
    event(read(data, folder))
