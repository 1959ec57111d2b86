"""Results of others: whatever is in the file, it is read exactly or refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import event, example, given

from claims.catalogue import Catalogue
from claims.errors import InvalidResult
from claims.outline.coverage import coverage_of, to_plain
from claims.paper import Paper
from claims.report.coverage import render_coverage
from claims.report.diff import compare
from claims.report.document import SCHEMA_FILES, check, load_result, schema
from claims.report.page import render
from claims.report.visible import json_text, visible
from tests.claims.test_report import AGAIN, EVERY, claim, result, row
from tests.fuzz import mutations
from tests.fuzz.mutations import FEW, MANY, bytes_changed, json_bytes, mutants

POINTS = [row(id="demo.points", confirmation=AGAIN) | {"at": {"n": n, "p": 0.5, "metric": "pre"}} for n in (1, 2)]
BASE: dict[str, Any] = result(EVERY[1], claim(id="demo.points", points=POINTS))
CATALOGUE = Catalogue({}, {"demo": Paper(key="demo", title="Demo")}, {"demo": {"Section 9": "An opinion."}})
#: What a schema cannot say and the reader refuses.
BEYOND = (
    "the lower edge first",
    "the first part of its id",
    "each claim once",
    "as of its claim",
    "that UTF-8 can write",
)
REFERENCES = {number: jsonschema.Draft7Validator(schema(number)) for number in SCHEMA_FILES}


def read(data: bytes, folder: Path) -> str:
    """Read a file as every command does, and use all of it."""
    path = folder / "result.json"
    path.write_bytes(data)
    refused = ""
    try:
        with mutations.no_hang():
            document = load_result(path)
    except InvalidResult as error:
        refused = str(error)
    if refused:
        assert str(path) in refused
        assert mutations.is_clear(visible(refused))
        return "refused"
    with mutations.no_hang():
        assert document["schema"] == max(SCHEMA_FILES)
        assert document == json.loads(data) or json.loads(data)["schema"] in SCHEMA_FILES
        json_text([compare(BASE, document).to_json(), compare(document, BASE).to_json()])
        pages = [render(document), render_coverage(document, catalogue=CATALOGUE)]
        verdicts = {each["id"]: each["verdict"] for each in document["claims"]}
        json_text(to_plain(coverage_of(CATALOGUE, "demo"), verdicts))
    for page in pages:
        ElementTree.fromstring(page.removeprefix("<!doctype html>"))
    return "read"


def agree(document: Any) -> None:
    """Our reading of the schema, which is compiled for speed, and that of the reference implementation."""
    refused = ""
    try:
        check(document)
    except InvalidResult as error:
        refused = str(error)
    beyond = any(words in refused for words in BEYOND)
    number = document.get("schema") if isinstance(document, dict) else None
    reference = REFERENCES[number if type(number) is int and number in REFERENCES else max(REFERENCES)]
    assert reference.is_valid(document) is (not refused or beyond), refused


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


FOUND = [
    b"", b"[" * 100_000, b'{"schema": 1, "schema": 1}',
    json_bytes(BASE).replace(b'"seeds": 16', b'"seeds": ' + b"9" * 400),
    json_bytes(BASE).replace(b'"estimate": 1.02', b'"estimate": 1e999'),
    json_bytes(BASE).replace(b"One is", b"\\ud800"),
    json_bytes(BASE).replace(b'"paper": "demo"', b'"paper": ""'),
    json_bytes(BASE).replace(b"0.98, 1.06", b"1.06, 0.98"),
    json_bytes(BASE).replace(b'"environment": {', b'"environment": {"x": ' + b"[" * 900 + b"]" * 900 + b","),
    json_bytes(BASE).replace(b'"demo.false"', b'"' + b"9" * 5000 + b'.x"'),
    json_bytes(BASE | {"environment": {"x" * 5000: 1}}), b'{"' + b"x" * 5000 + b'": 1, "' + b"x" * 5000 + b'": 1}',
    json_bytes(BASE | {"extra": json.loads("[" * 400 + "]" * 400)}),
    json_bytes(result(claim(band=[-1e308, 1e308], interval=[-1.7e308, 1.7e308], estimate=1e300, rival=-1.7e308))),
    json_bytes(result(claim(band=[5e-324, 1e-323], interval=[0.0, 5e-324], estimate=0.0, target=5e-324, rival=1e308))),
]  # fmt: skip


@pytest.mark.parametrize("data", FOUND, ids=range(len(FOUND)))
def test_files_that_were_found(data: bytes, folder: Path) -> None:
    read(data, folder)


def test_the_base_is_read(folder: Path) -> None:
    assert read(json_bytes(BASE), folder) == "read"


def _mutated(document: Any, folder: Path) -> None:
    agree(document)
    event(read(json_bytes(document), folder))


@mutations.settings(FEW)
@given(document=mutants(BASE))
@example(document=BASE | {"claims": [BASE["claims"][0]] * 2})
def test_changed_fields(document: Any, folder: Path) -> None:
    _mutated(document, folder)


@mutations.settings(FEW)
@given(data=bytes_changed(json_bytes(BASE)))
def test_changed_bytes(data: bytes, folder: Path) -> None:
    event(read(data, folder))


@mutations.settings(FEW // 3)
@given(document=mutants(BASE))
def test_every_command_that_reads_a_result(document: Any, folder: Path) -> None:
    (folder / "base.json").write_bytes(json_bytes(BASE))
    (folder / "other.json").write_bytes(json_bytes(document))
    base, other = str(folder / "base.json"), str(folder / "other.json")
    mutations.command("diff", base, other)
    mutations.command("diff", other, base, "--strict", "--json")
    claims = folder / "claims_of_results.py"
    claims.write_text(CLAIMS)
    mutations.command("report", str(claims), "--json", other, "--report", str(folder / "pages"))
    mutations.command("list", str(claims), "--coverage", "--results", other)


CLAIMS = """
from claims import Claim, experiment, mean, within
ONE = Claim(id="demo.one", locus="Section 1", statement="One is one.", test=mean(experiment("a:b")["x"]),
    band=within(1.0, abs=.1, provenance="author", because="so"), rival=2.0)
"""


@pytest.mark.slow
@mutations.settings(MANY)
@given(document=mutants(BASE))
def test_changed_fields_at_length(document: Any, folder: Path) -> None:
    _mutated(document, folder)


@pytest.mark.slow
@mutations.settings(MANY)
@given(data=bytes_changed(json_bytes(BASE)))
def test_changed_bytes_at_length(data: bytes, folder: Path) -> None:
    event(read(data, folder))
