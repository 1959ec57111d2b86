"""The schema of a result: published, what audits write and keep, and what a reader refuses with field and value."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from claims.auditing.results import SCHEMA
from claims.cli import main
from claims.errors import InvalidResult
from claims.report.document import check, load_result, schema
from claims.verdict import Role, Tier, Verdict
from tests.claims.test_report import AGAIN, OFF, claim, result

KEPT = Path(__file__).parents[2] / "results"
RESULTS = sorted(path for path in KEPT.glob("**/*.json") if path.parent.name != "points")  # those are no results
REFERENCE = jsonschema.Draft7Validator(schema())


def test_the_schema_is_one_and_is_printed():
    jsonschema.Draft7Validator.check_schema(schema())
    printed = CliRunner().invoke(main, ["report", "--schema"])
    assert printed.exit_code == 0
    assert json.loads(printed.stdout) == schema()
    assert schema()["properties"]["schema"]["const"] == SCHEMA


def test_its_words_are_those_of_the_harness():
    made = schema()["definitions"]
    assert made["verdict"]["enum"] == list(Verdict)
    assert made["tier"]["enum"] == list(Tier)
    assert made["row"]["properties"]["role"]["enum"] == list(Role)
    for name in ("row", "figures", "reading"):
        # Absent in older files, or of other kinds.
        later = {"qualification", "range", "device"} if name == "figures" else set()
        assert set(made[name]["required"]) | later == set(made[name]["properties"])
    fields = set(made["row"]["required"]) | set(made["figures"]["required"])
    assert fields == set(claim()) - {"points", "readings"}
    assert set(made["claim"]["required"]) == set(made["claim"]["properties"]) - {"formula"} == {"points", "readings"}


def test_everything_in_it_is_described():
    """Refusals are worded by these."""

    def nodes(node: Any) -> Any:
        typed = isinstance(node, dict) and isinstance(node.get("type"), str | list)
        if typed or (isinstance(node, dict) and {"enum", "const"} & node.keys()):
            yield node
        for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from nodes(inner)

    plain = [node for node in nodes(schema()) if "description" not in node]
    assert plain == [{"type": "null"}]  # inside of a description


def of_schema_1(*claims: dict[str, Any]) -> dict[str, Any]:
    """A result as a release before this one wrote it."""
    document = copy.deepcopy(result(*claims)) | {"schema": 1}
    for each in document["claims"]:
        del each["readings"]
        for row in (each, *each["points"]):
            del row["read_as"]
    return document


def test_what_an_earlier_release_wrote_is_read_in_the_form_of_today(tmp_path):
    jsonschema.Draft7Validator.check_schema(schema(1))
    document = of_schema_1(claim(**OFF))
    check(document)
    jsonschema.validate(document, schema(1))
    path = tmp_path / "r.json"
    path.write_text(json.dumps(document))
    assert load_result(path) == result(claim(**OFF))
    path.write_text(json.dumps(document | {"claims": [document["claims"][0] | {"read_as": 3, "readings": "x"}]}))
    assert load_result(path) == result(claim(**OFF))  # a field that its schema does not know says nothing


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        ("claims[0].verdict", "DEPENDS", "claims[0].verdict: got 'DEPENDS'; allowed: HOLDS, REFUTED, UNDECIDED, UNAV"),
        ("claims[0].role", "implied", "claims[0].role: got 'implied'; allowed: paper, ours"),
        ("claims[0].locus", ..., "claims[0].locus: got nothing"),
    ],
)
def test_an_earlier_schema_allows_what_it_allowed(where, value, words):
    document = of_schema_1(claim(**OFF))
    change(where, value)(document)
    with pytest.raises(InvalidResult) as caught:
        check(document)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_the_results_that_are_kept_keep_to_it(path):
    document = load_result(path)
    assert REFERENCE.is_valid(document)
    assert document["claims"]


def test_what_an_audit_writes_keeps_to_it(audit):
    from tests.claims.data import claims_toys

    claims = [each for each in vars(claims_toys).values() if type(each).__name__ == "Claim"]
    document = audit(claims).to_json()
    check(document)
    jsonschema.validate(document, schema())
    check(json.loads(json.dumps(document)))


def change(where: str, value: Any) -> Callable[[Any], None]:
    """Set a field, named as refusals name it; without a value remove it."""
    path = [int(part) if part.isdecimal() else part for part in where.replace("[", ".").replace("]", "").split(".")]

    def changed(document: Any) -> None:
        for part in path[:-1]:
            document = document[part]
        if value is ...:
            del document[path[-1]]
        else:
            document[path[-1]] = value

    return changed


WRONG: list[tuple[str, Any, str]] = [
    ("schema", 3, "schema: got 3; allowed: 2, or 1"),
    ("tier", ..., "tier: got nothing; allowed: smoke, standard or full"),
    ("epoch", True, "epoch: got True"),
    ("epoch", -1, "epoch: got -1"),
    ("environment.python", 3, "environment.python: got 3; allowed: a string"),
    ("counts.HOLDS", "1", "counts.HOLDS: got '1'"),
    ("stopped", 0, "stopped: got 0"),
    ("claims", {}, "claims: got {}"),
    ("claims[0]", 7, "claims[0]: got 7; allowed: an object"),
    *((f"claims[0].{name}", ..., f"claims[0].{name}: got nothing") for name in claim()),
    ("claims[0].points[0].at", ..., "claims[0].points[0].at: got nothing"),
    ("claims[0].points[0].at.n", [1], "claims[0].points[0].at.n: got [1]"),
    ("claims[0].id", "Demo One", "claims[0].id: got 'Demo One'; allowed: dotted lower-case words"),
    ("claims[0].id", "demo.one\n", "claims[0].id: got"),
    ("claims[0].paper", "other", "claims[0].paper: got 'other'; allowed: the first part of its id, demo"),
    ("claims[0].points[0].id", "demo.two", "claims[0].points[0].id: got 'demo.two'"),
    ("claims[0].verdict", "MAYBE", "claims[0].verdict: got 'MAYBE'; allowed: HOLDS, REFUTED"),
    ("claims[0].expected", "ERROR", "claims[0].expected: got 'ERROR'"),
    ("claims[0].as_expected", 1, "claims[0].as_expected: got 1"),
    ("claims[0].estimate", "1", "claims[0].estimate: got '1'"),
    ("claims[0].estimate", 10**400, "claims[0].estimate: got 1000"),
    ("claims[0].seeds", 1.5, "claims[0].seeds: got 1.5"),
    ("claims[0].seeds", -1, "claims[0].seeds: got -1"),
    ("claims[0].alpha", 1.5, "claims[0].alpha: got 1.5; allowed: a number from 0 to 1"),
    ("claims[0].band", [1.1, 0.9], "claims[0].band: got [1.1, 0.9]; allowed: the lower edge first"),
    ("claims[0].interval", [1.0], "claims[0].interval: got [1.0]"),
    ("claims[0].interval", [1.0, "2"], "claims[0].interval[1]: got '2'"),
    ("claims[0].confirmation", {}, "claims[0].confirmation.verdict: got nothing"),
    ("claims[0].confirmation", AGAIN | {"interval": [2, 1]}, "claims[0].confirmation.interval: got [2, 1]"),
    ("claims[0].read_as", 3, "claims[0].read_as: got 3; allowed: a string or null"),
    ("claims[0].finding", 3, "claims[0].finding: got 3; allowed: a string or null"),
    ("claims[0].finding", "\ud800", "claims[0].finding: got '\\ud800'; allowed: text that UTF-8 can write"),
    ("claims[0].corrected_by", "x y", "claims[0].corrected_by: got 'x y'; allowed: a claim's id, or null"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("where", "value", "words"), WRONG, ids=[f"{where}-{i}" for i, (where, *_) in enumerate(WRONG)]
)
def test_a_wrong_field_is_named_with_what_was_got(tmp_path, where, value, words):
    document = copy.deepcopy(result(claim(**OFF)))
    change(where, value)(document)
    path = tmp_path / "r.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InvalidResult) as caught:
        load_result(path)
    assert str(caught.value).startswith(f"{path}: {words}")


def test_a_claim_stands_once(tmp_path):
    with pytest.raises(InvalidResult, match=r"claims: got 'demo.one'; allowed: each claim once"):
        check(result() | {"claims": [claim(), claim()]})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"schema": 1, "schema": 1}',
        '{"schema": NaN}',
        "[" * 100_000,
        "9" * 5000,
        "\ufeff{}",
        "\x00",
        '"\ud800"',
    ],
)
def test_what_is_no_json_is_refused(tmp_path, text):
    path = tmp_path / "r.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InvalidResult, match=r"r\.json: "):
        load_result(path)


def test_fields_that_a_later_version_adds_are_left_alone():
    document = result(claim(provenance="printed"))
    document["signed"] = {"by": "x"}
    check(document)
