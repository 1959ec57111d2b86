"""What README and documentation say is parsed, and (slow) run: every block of code, page by page."""

from __future__ import annotations

import ast
import fnmatch
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
import yaml

import claims
from claims.auditing.decision import ALPHA_AUDIT, ALPHA_CLAIM, BUDGET
from claims.auditing.schedule import schedule_of
from claims.catalogue import load_catalogue
from claims.cli import _COMMANDS, main
from claims.discovery import installed
from claims.experiment import experiment
from claims.kinds import mean
from claims.kinds.base import CLOSE_LOOKS, LOOKS
from claims.verdict import Role, Verdict
from tests.pages import PAGES, ROOT, Block, blocks, script

BLOCKS = [(page, block) for page in PAGES for block in blocks(page)]
NAME = "{0.stem}:{1.line}".format
COMMANDS = [
    pytest.param(command, id=f"{NAME(page, block)} {command}")
    for page, block in BLOCKS
    for command in block.commands()
    if command.startswith(("claimbench ", "make "))
]
REFERENCE = "".join(path.read_text() for path in (ROOT / "docs" / "reference").glob("*.md"))


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_parse(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *words = shlex.split(line, comments=True)
    if program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
        return
    if words == ["--version"]:
        return
    monkeypatch.chdir(tmp_path)
    for word in words:  # files that a command wants to exist
        if word.endswith((".json", ".py")):
            (tmp_path / word).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / word).write_text("{}")
    command: click.Command | None = main
    while isinstance(command, click.Group):
        name, *words = words
        command = command.get_command(click.Context(command), name)
    assert command is not None
    command.make_context(line, words)


@pytest.mark.parametrize(("page", "block"), [pytest.param(*each, id=NAME(*each)) for each in BLOCKS])
def test_blocks_are_what_they_say_they_are(page: Path, block: Block) -> None:
    assert block.language in ("bash", "python", "toml", "yaml", "text"), "another language is not looked at"
    if block.language == "python":
        ast.parse(block.text)
    elif block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "yaml":
        yaml.safe_load(block.text)
    elif block.language == "bash":
        subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
    assert block.word != "not run" or len(block.value.split()) >= 3, "say why it is not run"


def test_files_are_named_where_readers_see_it() -> None:
    for page, block in BLOCKS:
        if block.word == "file":
            shown = re.sub(r"<!--.*?-->", "", page.read_text(encoding="utf-8"))
            assert Path(block.value).name in shown, f"{page}: {block.value}"


def test_every_fence_is_seen() -> None:
    for page in PAGES:
        fences = re.findall(r"^```(?!\{)[a-z]+$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert len(fences) == len(blocks(page)), page


def test_ids_that_pages_name_exist() -> None:
    catalogue = load_catalogue()
    papers = "|".join({claim.paper for claim in catalogue.claims.values()})
    named = re.compile(rf"(?<![\w./-])(?:{papers})(?:\.[a-z0-9-]+)+(?![a-z0-9-]|\.\*)")
    quoted = {name for page in PAGES for name in named.findall(page.read_text(encoding="utf-8"))}
    assert len(quoted) > 20
    figures = {figure.key for pack in installed().values() for figure in pack.declared_figures()}
    files = {name for name in quoted if name.endswith((".json", ".md", ".svg"))}
    assert quoted - files <= set(catalogue.claims) | figures


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_every_page_is_in_the_navigation() -> None:
    docs = ROOT / "docs"
    globs = []
    for index in docs.rglob("index.md"):
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", index.read_text(), flags=re.DOTALL):
            entries = [line for line in tree.splitlines() if line and not line.startswith(":")]
            globs += [os.path.relpath(index.parent / entry, docs) for entry in entries]
    pages = {path.relative_to(docs).with_suffix("").as_posix() for path in PAGES[1:]} - {"index"}
    assert {page for page in pages if not any(_matches(page, glob) for glob in globs)} == set()


def _matches(page: str, glob: str) -> bool:
    return fnmatch.fnmatchcase(page, glob) and page.count("/") == glob.count("/")


def test_the_reference_has_every_public_name() -> None:
    listed = set(re.findall(r"auto(?:class|function):: claims\.(\w+)", REFERENCE))
    errors = {name for name in claims.__all__ if getattr(getattr(claims, name), "__module__", "") == "claims.errors"}
    words = {"HOLDS", "REFUTED", "DEPENDS", "UNDECIDED", "Scalar", "Point"}  # members of Verdict, and types of numbers
    assert set(claims.__all__) - listed - errors == words


def test_parameters_of_what_the_reference_lists_are_told() -> None:
    for name in re.findall(r"autofunction:: claims\.(\w+)", REFERENCE):
        function = getattr(claims, name)
        parameters = list(importlib.import_module("inspect").signature(function).parameters)
        told = re.findall(r"^ {4,8}\**(\w+)(?:, \w+)*: ", function.__doc__ or "", flags=re.MULTILINE)
        lacking = {each for each in parameters if each not in told and each not in ("axes", "select")}
        few = len(parameters) <= 2 and name in ("grid", "linear", "load_paper")
        assert few or not lacking, f"{name}: {lacking}"


def test_every_command_is_documented() -> None:
    page = tool("pages").commands_page()
    assert {f"## claimbench {name}" for name in _COMMANDS} <= set(page.splitlines())
    assert "## claimbench pack check" in page


def test_a_page_of_a_paper_has_every_refutation_of_it() -> None:
    results, catalogue = tool("results"), load_catalogue()
    for paper, document in results.load().items():
        page = tool("pages").paper_page(results, paper, document, catalogue)
        for row in document["claims"]:
            if row["verdict"] in ("REFUTED", "DEPENDS") and row["role"] != "control":
                assert f"`{row['id']}`\n" in page


def test_the_page_of_what_was_refuted_has_every_claim_once_and_ten_curves() -> None:
    fairness, catalogue, documents = tool("fairness"), load_catalogue(), tool("results").load()
    page = fairness.page(documents, catalogue)
    before = json.loads(fairness.BEFORE.read_text(encoding="utf-8"))
    total = [line for line in page.splitlines() if line.startswith("| **all**")]
    assert [int(cell) for cell in re.findall(r"\d+", total[0])][-1] == len(before) == 198
    shown = re.findall(r"^### `(\S+)`$", page, flags=re.MULTILINE)
    assert len(set(shown)) == len(shown) == fairness.SHOWN
    assert all(catalogue.claims[name].readings for name in shown)


def test_what_became_of_a_statement_is_told_by_role_words_and_verdict() -> None:
    fairness, catalogue = tool("fairness"), load_catalogue()
    claims = list(catalogue.claims.values())
    now = {verdict: next(claim for claim in claims if claim.expected == verdict) for verdict in ("HOLDS", "DEPENDS")}
    refuted = next(claim for claim in claims if claim.expected == "REFUTED" and claim.role == "ours")
    same = {"role": "ours", "statement": " ".join(refuted.statement.split())}
    said = [
        fairness.became(same, None),
        fairness.became(same, now["HOLDS"]),
        fairness.became(same, now["DEPENDS"]),
        fairness.became(same | {"role": "paper"}, refuted),
        fairness.became(same | {"statement": "It was said otherwise."}, refuted),
        fairness.became(same, refuted),
    ]
    assert said == [fairness.BECAME[0], *fairness.BECAME]


def test_the_picture_is_of_the_results() -> None:
    picture = tool("picture")
    assert picture.PICTURE.read_text(encoding="utf-8") == picture.svg(), "python tools/picture.py draws it"


def tool(name: str):
    """A script of ``tools/``."""
    spec = importlib.util.spec_from_file_location(f"{name}_tool", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_extras_that_users_choose_are_told() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"].keys()
    ours = {"bench", "docs", "lint", "oracles", "proof", "test"}  # for work on the project itself
    table = (ROOT / "docs/howto/install.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)) == extras - ours


def test_verdicts_and_roles_are_told() -> None:
    text = (ROOT / "docs/explanation/verdicts.md").read_text()
    assert set(re.findall(r"^\| ([A-Z]+) \|", text, flags=re.MULTILINE)) == set(Verdict)
    assert set(re.findall(r"\*(\w+)\*(?=[:, ])", text.partition("## Roles")[2].partition("##")[0])) == set(Role)


# Figures that pages state


def page(name: str) -> str:
    return " ".join((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8").split())


def test_error_rates_are_those_of_the_decision() -> None:
    looks = f"{', '.join(map(str, LOOKS[:-1]))} and {LOOKS[-1]} seeds"
    assert f"after {looks}" in page("explanation/errors")
    steps = [(8, 24, 2), (24, 64, 4), (64, 128, 8), (128, 256, 16)]
    assert [look for start, end, step in steps for look in range(start, end, step)] + [256] == list(CLOSE_LOOKS)
    close = ", ".join(
        f"every {step}{'' if i else f' seeds from {start}'} to {end}" for i, (start, end, step) in enumerate(steps)
    )
    for name in ("explanation/errors", "howto/tolerance"):
        assert close in page(name)
    for text in (page("explanation/errors"), (ROOT / "README.md").read_text(encoding="utf-8")):
        assert "2·10⁻⁵" in text
        assert "4·10⁻¹⁰" in text
        assert "sampling" in text.lower(), "and what they do not cover"
    assert (ALPHA_CLAIM, ALPHA_AUDIT, BUDGET) == (2e-5, 1 / 100, 500)
    assert f"{ALPHA_CLAIM**2:.0e}" == "4e-10"


def test_widths_of_intervals_are_those_of_student() -> None:
    from scipy import stats

    share = schedule_of(mean(experiment("toys:gaussian")["x"])).share
    reach = {n: stats.t.isf(ALPHA_CLAIM * share(n) / 2, n - 1) / n**0.5 for n in (8, 16, 32, 256)}
    words = r"reaches (\S+) standard .* after 8 seeds, (\S+) after 16, (\S+) after 32 and (\S+) after 256"
    said = re.search(words, page("howto/tolerance"))
    assert said is not None
    assert [float(text) for text in said.groups()] == [round(reach[n], 1) for n in (8, 16, 32, 256)]


def test_statuses_of_the_gate_are_those_of_the_program() -> None:
    told = re.findall(r"^\| (\d+)(?:, (\d+))? \|", (ROOT / "docs/howto/ci.md").read_text(), flags=re.MULTILINE)
    summary = " ".join((main.help or "").split())
    listed = re.findall(r"\b(\d+) (?:as|a|bad|undecided|nothing|an|interrupted|nobody)", summary)
    assert {number for pair in told for number in pair if number} == set(listed)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "tutorial"], ids=lambda page: page.stem)
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """From top to bottom, in an empty folder; the tutorial runs in an environment of its own."""
    if page.name == "README.md":
        pytest.skip("its commands install and audit everything; its claim is audited in test_without_torch")
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    clean["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", script(page)], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    words = ["--fail-on-warning", "--keep-going", "--quiet", "--builder", "html", str(ROOT / "docs"), str(tmp_path)]
    ran = subprocess.run([sys.executable, "-m", "sphinx", *words], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "https://fonts" not in (tmp_path / "index.html").read_text()
