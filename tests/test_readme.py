"""What the README says is run, parsed or compared with the results file that it quotes."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from claims.cli import main
from claims.packs import load_catalogue

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = json.loads((ROOT / "results" / "standard.json").read_text(encoding="utf-8"))
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
    quoted = set(re.findall(r"(?<![\w.-])sign-magnitude(?:\.[a-z0-9-]+)+(?![a-z0-9-]|\.\*)", README))
    assert quoted
    assert quoted <= set(load_catalogue().claims)


def test_own_claim_is_audited(tmp_path: Path) -> None:
    source = next(block for kind, block in BLOCKS if kind == "python" and "from claims.claim" in block)
    (tmp_path / "claims_mine_from_readme.py").write_text(source)
    arguments = ["audit", str(tmp_path / "claims_mine_from_readme.py"), "--executor", "serial"]
    report = tmp_path / "result.json"
    result = CliRunner().invoke(main, [*arguments, "--store", str(tmp_path / "e.sqlite"), "--json", str(report)])
    assert result.exit_code == 0, result.output
    verdicts = {claim["id"]: claim["verdict"] for claim in json.loads(report.read_text())["claims"]}
    assert verdicts == {"mine.rounding.uniform-noise": "HOLDS", "mine.rounding.coarse": "REFUTED"}


def test_quoted_counts_are_measured() -> None:
    quoted = re.search(r"(\d+) claims: (\d+) hold, (\d+) are refuted, (\d+) undecided", README)
    assert quoted is not None
    counts = RESULTS["counts"]
    expected = (len(RESULTS["claims"]), counts["HOLDS"], counts["REFUTED"], counts["UNDECIDED"])
    assert tuple(int(number) for number in quoted.groups()) == expected


def test_quoted_findings_are_measured() -> None:
    claims = {claim["id"]: claim for claim in RESULTS["claims"]}
    rows = re.findall(r"^\| `(\S+)` \| .*? \| (\w+) \| (\S+) \|$", README, flags=re.MULTILINE)
    assert len(rows) >= 5
    for name, verdict, estimate in rows:
        assert claims[name]["verdict"] == verdict
        digits = len(estimate.partition(".")[2])
        assert f"{claims[name]['estimate']:.{digits}f}" == estimate


def test_results_are_of_this_catalogue() -> None:
    assert {claim["id"] for claim in RESULTS["claims"]} == set(load_catalogue().claims)
    assert RESULTS["tier"] == "standard"
