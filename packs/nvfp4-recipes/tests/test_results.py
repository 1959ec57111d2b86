"""What the results file and the README say is what the claims say, and what an audit finds."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import claims
from claims.catalogue import load_catalogue, to_plain

ROOT = Path(__file__).parents[1]
PAPERS = ("four-over-six", "ufp4", "mr-gptq", "quartet-ii", "bitnet-cpp")


def table_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("table_tool", ROOT / "tools" / "table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = table_tool()
ROWS = {row["id"]: row for row in TOOL.load()}
CLAIMS = {claim.id: claim for claim in load_catalogue().claims.values() if claim.paper in PAPERS}


def test_readme_has_the_table_of_the_results():
    assert TOOL.README.read_text(encoding="utf-8") == TOOL.written()
    assert "four-over-six" in TOOL.written()


def test_results_have_every_claim_as_it_is_declared():
    assert set(ROWS) == set(CLAIMS)
    fields = ("role", "locus", "statement", "kind", "decides", "expected", "finding", "corrected_by")
    declared = {name: {field: to_plain(claim)[field] for field in fields} for name, claim in CLAIMS.items()}
    assert {name: {field: row[field] for field in fields} for name, row in ROWS.items()} == declared


def test_results_are_those_on_record():
    assert {name: row["verdict"] for name, row in ROWS.items()} == {
        name: each.expected for name, each in CLAIMS.items()
    }


@pytest.mark.slow
def test_an_audit_at_the_standard_tier_finds_what_is_on_record():
    drawn = [claim for claim in CLAIMS.values() if not claim.needs]
    found = {row["id"]: row["verdict"] for row in claims.audit(drawn, tier="standard", store=None).to_json()["claims"]}
    assert found == {claim.id: claim.expected for claim in drawn}
