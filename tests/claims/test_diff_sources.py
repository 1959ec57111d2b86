"""What ``claimbench diff`` can be asked about: stores are decided again, revisions are read in another process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from claims.cli import main
from claims.comparing.holding import read_holding
from claims.comparing.stored import chosen_epoch
from claims.evidence.store import Store
from tests.claims.test_report import claim, result

ROOT = Path(__file__).parents[2]
HOSTILE = "<script>alert(1)</script>\u202e&"
CLAIMS = """
from claims import Claim, at_least, experiment, grid, mean, within

def noisy(point, streams):
    return {{"x": {centre} + {sd} * streams.numpy("x").normal()}}

WHY = {{"provenance": "author", "because": "a test"}}
X = experiment("claims_{name}:noisy")["x"]
ONE = Claim(id="{name}.one", locus="section 1", statement={statement!r}, test=mean(X),
            at=grid(n=[1, 2]), band=within(1.0, abs={band}, **WHY), rival={rival})
TWO = Claim(id="{name}.two", locus="section 2", statement="It is positive.", test=mean(X), band=at_least(0.0, **WHY),
            rival=-1.0, decides="{decides}")
"""

Cli = Callable[..., Result]


def source(name: str, **changes: Any) -> str:
    fields = {"centre": 1.0, "sd": 0.01, "statement": "It is one.", "band": 0.1, "rival": 2.0, "decides": "smoke"}
    return CLAIMS.format(name=name, **fields | changes)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run the command line in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str, code: int | None = 0) -> Result:
        for module in [name for name in sys.modules if name.startswith("claims_")]:
            del sys.modules[module]  # the same file is another one in the next step
        done = CliRunner().invoke(main, list(words))
        assert code in (None, done.exit_code), f"{done.output}\n{done.exception!r}"
        return done

    yield invoke
    sys.path[:] = [folder for folder in sys.path if folder != str(tmp_path)]


def audit(cli: Cli, name: str, store: str, *options: str, code: int = 0) -> None:
    cli("audit", f"claims_{name}.py", "--executor", "serial", "--store", store, "--no-table", *options, code=code)


# Stores


def test_a_store_is_decided_again_and_nothing_is_measured(cli, tmp_path):
    (tmp_path / "claims_a.py").write_text(source("a"))
    audit(cli, "a", "s.sqlite", "--json", "r.json")
    before = {path.name: path.read_bytes() for path in tmp_path.glob("s.sqlite*")}
    (tmp_path / "claims_a.py").write_text(source("a").replace("    return", "    raise SystemError\n    return"))
    text = cli("diff", "r.json", "s.sqlite", "claims_a.py", "--strict").stdout
    assert text.splitlines()[-2:] == ["no verdict changed, no estimate moved", "nothing is promised less than before"]
    assert {path.name: path.read_bytes() for path in tmp_path.glob("s.sqlite*")} == before


def test_todays_band_decides_over_stored_seeds(cli, tmp_path):
    (tmp_path / "claims_b.py").write_text(source("b"))
    audit(cli, "b", "s.sqlite", "--json", "r.json")
    (tmp_path / "claims_b.py").write_text(source("b", centre=1.0, band=0.1).replace("within(1.0", "within(5.0"))
    text = cli("diff", "r.json", "s.sqlite", "claims_b.py", code=1).stdout
    assert "b.one (section 1)\n      HOLDS -> UNDECIDED" in text  # the block that would confirm was never measured
    assert "of the block that confirms are not there, of the look after 8" in text


def test_what_a_store_lacks_is_said(cli, tmp_path):
    (tmp_path / "claims_c.py").write_text(source("c", sd=3.0, decides="standard"))
    audit(cli, "c", "s.sqlite", "--tier", "smoke")
    more = (tmp_path / "claims_c.py").read_text() + source("c", sd=3.0).partition("ONE =")[2].replace(
        'id="c.one"', 'id="c.three"'
    ).replace("claims_c:noisy", "claims_c:other").partition("TWO =")[0].join(("THREE =", "")).replace(
        "mean(X)", 'mean(experiment("claims_c:other")["x"])'
    )
    (tmp_path / "claims_c.py").write_text(more + "\n\ndef other(point, streams):\n    return {'x': 0.0}\n")
    found = json.loads(cli("diff", "s.sqlite", "s.sqlite", "claims_c.py", "--json").stdout)
    notes = " | ".join(found["a"]["notes"])
    assert "1 claim without evidence, left out: c.three" in notes
    assert "1 claim not decided to the end: c.two (2 seeds are not there, of the look after 10)" in notes
    assert found["b"]["notes"] == found["a"]["notes"]


def test_experiments_of_other_code_are_named_between_stores(cli, tmp_path):
    for store, centre in (("s.sqlite", 1.0), ("t.sqlite", 1.05)):
        (tmp_path / "claims_d.py").write_text(source("d", centre=centre, sd=0.001))
        audit(cli, "d", store)
    found = json.loads(cli("diff", "s.sqlite", "t.sqlite", "claims_d.py", "--json").stdout)
    assert [change["id"] for change in found["code"]] == ["claims_d:noisy"]
    assert [(change["id"], change["at"]) for change in found["estimates"]] == [
        ("d.one", "n=1"), ("d.one", "n=2"), ("d.two", "")
    ]  # fmt: skip
    assert found["compared"] == 3
    assert found["chance"] == pytest.approx(3 * 2 * 2e-5)
    text = cli("diff", "s.sqlite", "t.sqlite", "claims_d.py").stdout
    assert "estimates moved by more than their intervals: 3" in text
    assert "of 3 that both have; any of them by chance: at most 0.012 %" in text


def test_seeds_of_two_codes_in_one_store_are_never_mixed(cli, tmp_path):
    for centre in (1.0, 1.05):
        (tmp_path / "claims_e.py").write_text(source("e", centre=centre))
        audit(cli, "e", "s.sqlite", "--json", f"r{centre}.json")
    text = cli("diff", "r1.05.json", "s.sqlite", "claims_e.py").stdout
    assert "of which the last counts: claims_e:noisy" in text
    assert "no estimate moved" in text


def test_of_several_epochs_one_is_taken_and_said(cli, tmp_path):
    (tmp_path / "claims_f.py").write_text(source("f"))
    for epoch in ("3", "4"):
        audit(cli, "f", "s.sqlite", "--epoch", epoch, "--json", f"r{epoch}.json")
    assert "s.sqlite: epoch 4; not looked at: epochs 3" in cli("diff", "r4.json", "s.sqlite", "claims_f.py").stdout
    assert "epoch 3; not looked at" in cli("diff", "r3.json", "s.sqlite", "claims_f.py", "--epoch", "3").stdout
    refused = cli("diff", "r3.json", "s.sqlite", "claims_f.py", "--epoch", "5", code=2)
    assert "--epoch: got 5; allowed: an epoch of s.sqlite: 3, 4" in refused.output
    assert chosen_epoch((20260518, 3)) == 20260518
    assert chosen_epoch((4, 3)) == 3


def test_an_empty_store_and_a_damaged_one_are_refused(cli, tmp_path):
    with Store(tmp_path / "empty.sqlite"):
        pass
    (tmp_path / "claims_g.py").write_text(source("g"))
    assert read_holding(tmp_path / "empty.sqlite").epochs() == ()
    assert "with evidence of the claims" in cli("diff", "empty.sqlite", "empty.sqlite", "claims_g.py", code=2).output
    (tmp_path / "broken.sqlite").write_bytes(b"SQLite format 3\0" + b"\0" * 500)
    cli("diff", "broken.sqlite", "empty.sqlite", "claims_g.py", code=2)


# Revisions


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commits of a claim file; the first keeps a result, and one of a schema that nobody knows."""
    folder = tmp_path_factory.mktemp("repository")
    git = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")

    def commit(**changes: Any) -> None:
        (folder / "claims_r.py").write_text(f"print('loaded')\nHERE = {str(folder)!r}\n{source('r', **changes)}")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", "x"], check=True)

    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    (folder / "results").mkdir()
    one = claim(id="r.one", paper="r", verdict="HOLDS", points=[])
    (folder / "results" / "r.json").write_text(json.dumps(result(one)))
    (folder / "results" / "other.json").write_text('{"schema": 99}')
    (folder / "away").symlink_to("/etc")
    commit()
    (folder / "results" / "r.json").write_text(json.dumps(result(one | {"verdict": "REFUTED", "as_expected": False})))
    commit(centre=2.0, statement=HOSTILE, band=0.2, rival=3.0, decides="full")
    return folder


def test_revisions_are_compared_by_what_they_declare_and_keep(repository, monkeypatch, tmp_path):
    monkeypatch.chdir(repository)
    page = tmp_path / "page.html"
    done = CliRunner().invoke(main, ["diff", "main~1", "main", "--strict", "--json", "--page", str(page)])
    assert done.exit_code == 1, done.output
    found = json.loads(done.stdout)
    assert found["failures"] == ["1 verdict changed: r.one", "2 tolerances grown: r.one"]
    assert [(each["id"], each["before"], each["after"]) for each in found["verdicts"]] == [
        ("r.one", "HOLDS", "REFUTED (expected HOLDS)")
    ]
    fields = {(each["id"], each["at"], each["field"]) for each in found["declarations"]}
    assert fields == {
        ("r.one", "", "statement"), ("r.one", "n=1", "band"), ("r.one", "n=2", "band"), ("r.one", "n=1", "rival"),
        ("r.one", "n=2", "rival"), ("r.two", "", "decides"),
    }  # fmt: skip
    assert [each["id"] for each in found["code"]] == ["claims_r:noisy"]
    notes = " | ".join(found["a"]["notes"])
    assert "2 claims" in notes
    assert "verdicts and estimates from results/r.json" in notes
    assert "1 claim without a result, by their declarations alone" in notes
    assert "results/other.json: " in notes
    assert (found["a"]["what"], found["schema"]) == ("revision", 1)
    assert "claims_r" not in sys.modules
    assert subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True).stdout == b""
    html = page.read_text()
    assert "<script" not in html
    assert not re.search(r"https?://|src=|@import|url\(", html)
    assert "<script>alert(1)</script>\\u202e&" in unescape(html)
    assert "prefers-color-scheme: dark" in html


def test_a_name_that_is_nothing_is_refused_with_what_it_could_be(repository, monkeypatch, tmp_path):
    monkeypatch.chdir(repository)
    for name in ("nowhere", "main~9", "none.json", "none.sqlite", "results", "main:claims_r.py", "--upload-pack=x", ""):
        done = CliRunner().invoke(main, ["diff", "--", name, "main"])
        assert done.exit_code == 2, done.output
        assert f"A: got {name!r}; allowed: a result (JSON), a store (SQLite)" in done.output
        assert "git knows no such commit" in done.output
    monkeypatch.chdir(tmp_path)  # no repository
    assert CliRunner().invoke(main, ["diff", "HEAD", "HEAD"]).exit_code == 2


def test_a_revision_whose_code_fails_says_so(repository, monkeypatch, tmp_path):
    monkeypatch.chdir(repository)
    done = CliRunner().invoke(main, ["diff", "main", "main", "claims_none.py"])
    assert (done.exit_code, "main: it declares no claim: claims_none.py is not in it" in done.output) == (2, True)
    outside = tmp_path / "claims_out.py"
    outside.touch()
    done = CliRunner().invoke(main, ["diff", "main", "main", str(outside)])
    assert (done.exit_code, "a claim file of the repository" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import os\nos._exit(3)\n", "its claims cannot be read: status 3"),
        ("raise SystemExit(0)\n", "claims_bad.py cannot be loaded: SystemExit: 0"),
        ("x = (\n", "claims_bad.py cannot be loaded: SyntaxError"),
        (None, ""),
    ],
)
def test_code_that_ends_the_child_ends_nothing_else(tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    subprocess.run([*git, "init", "-q", "."], check=True)
    if text is not None:
        (tmp_path / "claims_bad.py").write_text(text)
        subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "x", "--allow-empty"], check=True)
    done = CliRunner().invoke(main, ["diff", "HEAD", "HEAD"])
    assert (done.exit_code, words in done.output) == (2 if words else 0, True), done.output


# What machines read


def test_the_documented_shape_is_what_is_printed(cli, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(result(claim())))
    found = json.loads(cli("diff", "a.json", "a.json", "--json").stdout)
    text = (ROOT / "docs" / "reference" / "comparing.md").read_text(encoding="utf-8")
    told = text.partition("## claimbench diff --json")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", told, flags=re.MULTILINE)) == set(found)
    assert set(re.findall(r"\*(\w+)\*", told)) == {"id", "at", "locus", "field", "before", "after"}


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_read(cli, tmp_path):
    (tmp_path / "file").touch()
    assert "--page" in cli("diff", "none", "none", "--page", "file/x.html", code=2).output
    assert "--page" in cli("diff", "none", "none", "--page", "-", code=2).output
