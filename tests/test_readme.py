"""What the README says is run, parsed or compared with the results that it quotes."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from click.testing import CliRunner

from claims.catalogue import load_catalogue
from claims.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def lines(language: str) -> list[str]:
    found = (
        line.partition("#")[0].strip() for kind, block in BLOCKS if kind == language for line in block.splitlines()
    )
    return [line for line in found if line]


@pytest.mark.parametrize("line", [line for line in lines("bash") if line.startswith("claimbench ")])
def test_commands_parse(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, *arguments = shlex.split(line)[1:]
    for argument in arguments:  # files that a command wants to exist
        if argument.endswith((".json", ".py")):
            (tmp_path / argument).write_text("{}")
    command = main.get_command(click.Context(main), name)
    assert command is not None
    command.make_context(f"claimbench {name}", arguments)


@pytest.mark.parametrize("line", [line for line in lines("bash") if line.startswith("make ")])
def test_make_targets_exist(line: str) -> None:
    target = shlex.split(line)[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_quoted_ids_exist() -> None:
    claims = load_catalogue().claims
    papers = "|".join({claim.paper for claim in claims.values()})
    quoted = set(re.findall(rf"(?<![\w.-])(?:{papers})(?:\.[a-z0-9-]+)+(?![a-z0-9-]|\.\*)", README))
    assert quoted
    assert quoted <= set(claims)


def test_own_claim_is_audited(tmp_path: Path) -> None:
    source = next(block for kind, block in BLOCKS if kind == "python" and "from claims import Claim" in block)
    (tmp_path / "claims_mine_from_readme.py").write_text(source)
    arguments = ["audit", str(tmp_path / "claims_mine_from_readme.py"), "--executor", "serial"]
    report = tmp_path / "result.json"
    result = CliRunner().invoke(main, [*arguments, "--store", str(tmp_path / "e.sqlite"), "--json", str(report)])
    assert result.exit_code == 0, result.output
    verdicts = {claim["id"]: claim["verdict"] for claim in json.loads(report.read_text())["claims"]}
    assert verdicts == {"mine.rounding.uniform-noise": "HOLDS", "mine.rounding.coarse": "REFUTED"}


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


def test_readme_quotes_the_results() -> None:
    assert TOOL.readme(README, RESULTS, load_catalogue()) == README


def test_results_page_quotes_the_results() -> None:
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    assert TOOL.results_page(RESULTS, load_catalogue()) == page


def test_every_paper_with_results_has_findings_in_the_readme() -> None:
    rows = [match["id"] for match in TOOL.ROW.finditer(README)]
    assert len(rows) == len(set(rows))
    for paper in RESULTS:
        assert sum(name.startswith(f"{paper}.") for name in rows) >= 5


def test_a_changed_result_would_be_noticed() -> None:
    changed = json.loads(json.dumps(RESULTS))
    quoted = {match["id"] for match in TOOL.ROW.finditer(README)}
    row = next(row for document in changed.values() for row in document["claims"] if row["id"] in quoted)
    row["verdict"] = {"HOLDS": "REFUTED"}.get(row["verdict"], "HOLDS")
    text = TOOL.readme(README, changed, load_catalogue())
    differing = [line for line, now in zip(README.splitlines(), text.splitlines(), strict=True) if line != now]
    assert any(row["id"] in line for line in differing)  # its row
    assert any("arxiv" in line for line in differing)  # and the counts of its paper
    assert TOOL.results_page(changed, load_catalogue()) != TOOL.results_page(RESULTS, load_catalogue())
