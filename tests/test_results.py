"""Results on record are of this catalogue, and pages that quote them say what they say."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from claims.catalogue import load_catalogue

ROOT = Path(__file__).parents[1]


def results_tool() -> ModuleType:
    """The script that ``make results`` ends with."""
    spec = importlib.util.spec_from_file_location("results_tool", ROOT / "tools" / "results.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = results_tool()
RESULTS: dict[str, dict[str, Any]] = TOOL.load()
PAPERS = sorted({claim.paper for claim in load_catalogue().claims.values()})


TRAINED: dict[str, dict[str, Any]] = TOOL.load_trained()


def test_results_of_trained_models_are_of_this_catalogue_and_as_expected() -> None:
    ids = {claim.id for claim in load_catalogue().claims.values() if claim.needs}
    assert {row["id"] for row in TRAINED[TOOL.ON_RECORD]["claims"]} == ids
    for text, document in TRAINED.items():
        assert {row["id"] for row in document["claims"]} <= ids
        assert document["environment"]["model"].startswith("smollm2 ")
        assert document["environment"]["text"].startswith(f"{text} ")
        assert document["tier"] == "standard"
        assert document["stopped"] is False
        assert [row["id"] for row in document["claims"] if row["as_expected"] is False] == []


def test_page_of_trained_models_quotes_the_results() -> None:
    page = (ROOT / "results" / "trained" / "README.md").read_text(encoding="utf-8")
    assert TOOL.trained_page(TRAINED, load_catalogue()) == page


@pytest.mark.parametrize("paper", PAPERS)
def test_results_are_of_this_catalogue_as_expected_and_whole(paper: str) -> None:
    assert paper in RESULTS, "`make results` measures them"
    document = RESULTS[paper]
    assert {row["id"] for row in document["claims"]} == {
        claim.id for claim in load_catalogue().claims.values() if claim.paper == paper
    }
    assert document["tier"] == "standard"
    assert document["stopped"] is False
    assert [row["id"] for row in document["claims"] if row["as_expected"] is False] == []


def test_make_results_measures_every_paper() -> None:
    line = re.search(r"^PAPERS +\?= (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert line is not None
    assert sorted(line[1].split()) == PAPERS


@pytest.mark.parametrize("page", TOOL.QUOTING, ids=lambda page: page.stem)
def test_pages_quote_the_results(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert TOOL.quoted(text, RESULTS, load_catalogue()) == text


def test_results_page_quotes_the_results() -> None:
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    assert TOOL.results_page(RESULTS, load_catalogue()) == page


def test_every_paper_with_results_has_findings_that_are_told() -> None:
    rows = [match["id"] for page in TOOL.QUOTING for match in TOOL.ROW.finditer(page.read_text(encoding="utf-8"))]
    assert len(rows) == len(set(rows))
    for paper in RESULTS:
        assert sum(name.startswith(f"{paper}.") for name in rows) >= 5


def test_a_changed_result_would_be_noticed() -> None:
    changed = json.loads(json.dumps(RESULTS))
    page = TOOL.QUOTING[0].read_text(encoding="utf-8")
    quoted = {match["id"] for match in TOOL.ROW.finditer(page)}
    row = next(row for document in changed.values() for row in document["claims"] if row["id"] in quoted)
    row["verdict"] = {"HOLDS": "REFUTED"}.get(row["verdict"], "HOLDS")
    text = TOOL.quoted(page, changed, load_catalogue())
    differing = [line for line, now in zip(page.splitlines(), text.splitlines(), strict=True) if line != now]
    assert any(row["id"] in line for line in differing)  # its row
    assert any("arxiv" in line for line in differing)  # and the counts of its paper
    assert TOOL.results_page(changed, load_catalogue()) != TOOL.results_page(RESULTS, load_catalogue())
