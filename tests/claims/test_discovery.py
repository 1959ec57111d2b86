"""Installed packs that cannot harm each other: what is wrong with one leaves that one out, by name, and no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import claims.discovery
from claims.auditing.decision import BUDGET
from claims.catalogue import load_catalogue
from claims.errors import InvalidDeclaration

CLAIMS = """
from claims import Claim, experiment, mean, within

def measured(point, streams):
    return {{"x": 1.0 + streams.numpy("x").normal() / 100}}

BLOCK = experiment(measured)
BAND = within(1.0, abs=0.5, provenance="author", because="a toy")

def made(id, **fields):
    return Claim(id=id, locus="section 1", statement="A toy.", test=mean(BLOCK["x"]), band=BAND, rival=9.0, **fields)

ONE = made("{key}.one")
{more}
"""
PACK = """
from pathlib import Path
from claims import Pack, Paper
PACK = Pack(paper=Paper(key="{key}", title="Toy {key}"), modules=("{name}_claims",), {fields})
"""


class Site:
    """A folder of installed distributions, each with one pack; the project's own packs are not among them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        name: str,
        *,
        key: str | None = None,
        more: str = "",
        fields: str = 'api="1"',
        pack: str = PACK,
        version: str = "0.3",
    ) -> None:
        (self.folder / f"{name}_pack.py").write_text(pack.format(key=key or name, name=name, fields=fields))
        (self.folder / f"{name}_claims.py").write_text(CLAIMS.format(key=key or name, more=textwrap.dedent(more)))
        metadata = self.folder / f"pack_of_{name}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pack-of-{name}\nVersion: {version}\n")
        (metadata / "entry_points.txt").write_text(f"[toy.packs]\n{name} = {name}_pack:PACK\n")

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        script = "import claims.discovery as d; d.GROUP = 'toy.packs'; from claims.cli import main; main()"
        ran = subprocess.run(
            [sys.executable, "-c", script, *words],
            cwd=self.folder.parent, env=os.environ | {"PYTHONPATH": str(self.folder), "PYTHONSAFEPATH": "1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == code, (ran.returncode, ran.stdout, ran.stderr)
        assert "Traceback" not in ran.stderr
        return ran

    def left_out(self, *, there: tuple[str, ...] = ("good.one",)) -> dict[str, str]:
        """Which packs are left out, and why; the claims of the others have to be there."""
        catalogue = load_catalogue()
        assert tuple(catalogue.claims) == there
        assert not any("\n" in found.problem for found in catalogue.left_out)
        return {str(found).removeprefix("pack "): found.problem for found in catalogue.left_out}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(claims.discovery, "GROUP", "toy.packs")
    made = Site(folder)
    made.install("good")
    yield made
    for name, module in tuple(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(folder):
            del sys.modules[name]


def test_a_pack_with_more_claims_than_its_error_budget_is_left_out_and_its_file_refused(site):
    more = 'MANY = tuple(made(f"{{key}}.c{{n}}") for n in range({count}))'
    site.install("full", more=more.format(count=BUDGET - 1).replace("{key}", "full"))
    site.install("over", more=more.format(count=BUDGET).replace("{key}", "over"))
    catalogue = load_catalogue()
    assert set(catalogue.papers) == {"full", "good"}
    (left,) = catalogue.left_out
    assert left.problem.startswith("claims judged on seeds: got '501 about over'; allowed: at most 500 about one paper")
    with pytest.raises(InvalidDeclaration, match=r"over_claims\.py: claims judged on seeds: got '501 about over'"):
        load_catalogue([site.folder / "over_claims.py"])


#: What a pack may do when it is imported, and words that the line about it has.
BROKEN = {
    "raises": ("raise RuntimeError('no luck\\nat all')", ["RuntimeError: no luck at all", "bad_pack.py:1"]),
    "exits": ("import sys; sys.exit(3)", ["SystemExit: 3"]),
    "a syntax error": ("def (:", ["SyntaxError", "bad_pack.py"]),
    "an import that is missing": ("import no_such_library", ["No module named 'no_such_library'", "bad_pack.py:1"]),
    "no such name": ("", ["AttributeError", "PACK"]),
    "no pack": ("PACK = 3", ["got 3; allowed: a claims.Pack"]),
    "something else": ("import pytest; pytest.skip('x', allow_module_level=True)", ["Skipped: x"]),
    "of another version": (PACK.replace("{fields}", 'api="2"'), ["pack.api: got '2'", '"1"', "claimbench 0."]),
    "of no version": (PACK.replace("{fields}", ""), ["TypeError", "'api'"]),
    "no paper": ('from claims import Pack\nPACK = Pack(paper="x", modules=(), api="1")', ["pack.paper: got 'x'"]),
    "no such outline": (PACK.replace("{fields}", 'api="1", outline=Path("/no/outline.toml")'), ["/no/outline.toml"]),
    "no modules": (PACK.replace("_claims", "_nothing").replace("{fields}", 'api="1"'), ["bad_nothing"]),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_pack_that_does_not_load_is_named_and_the_others_go_on(site: Site, how: str) -> None:
    source, words = BROKEN[how]
    site.install("bad", pack=source)
    (name, why), *others = site.left_out().items()
    assert (name, others) == ("bad (pack-of-bad 0.3)", [])
    assert [word for word in words if word not in why] == []


#: What its claims may do.
WRONG = {
    "another paper's key": ('TWO = made("good.two")', ["id: got 'good.two'", "bad_claims.py:14", "'bad'"]),
    "an id twice": ('TWO = made("bad.one")', ["id: got 'bad.one'", "bad_claims.py:13, 14"]),
    "a declaration that is none": ('TWO = made("bad.two", decides="weekly")', ["bad.two: decides: got 'weekly'"]),
    "a correction that is nowhere": (
        'TWO = made("bad.two", expected="REFUTED", finding="No.", corrected_by="bad.ona")',
        ["bad_claims.py:14: bad.two: corrected_by: got 'bad.ona'; allowed: bad.one"],
    ),
    "a correction that does not hold": (
        'TWO = made("bad.two", expected="REFUTED", finding="No.", corrected_by="bad.three")\n'
        'THREE = made("bad.three", role="control", expected="REFUTED", finding="No.")',
        ["bad_claims.py:14: bad.two: corrected_by: got 'bad.three'", "HOLDS"],
    ),
    "reasons that are none": ("NOT_CLAIMS = {'section 3': 4}", ["NOT_CLAIMS['section 3']: got 4"]),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_pack_with_claims_that_cannot_be_is_left_out(site: Site, how: str) -> None:
    more, words = WRONG[how]
    site.install("bad", more=more)
    (why,) = site.left_out().values()
    assert [word for word in words if word not in why] == []


def test_of_two_packs_with_one_key_neither_speaks_for_it(site: Site) -> None:
    site.install("left", key="same")
    site.install("right", key="same", version="7")
    assert site.left_out() == {
        "left (pack-of-left 0.3)": "pack right (pack-of-right 7) has the key 'same' too; uninstall one of them",
        "right (pack-of-right 7)": "pack left (pack-of-left 0.3) has the key 'same' too; uninstall one of them",
    }


def test_a_pack_that_rests_on_one_that_is_left_out_is_left_out_with_it(site: Site) -> None:
    correction = 'TWO = made("{0}.two", expected="REFUTED", finding="No.", corrected_by="{1}.one")'
    site.install("upper", more=correction.format("upper", "middle"))
    site.install("middle", more=correction.format("middle", "lower"))
    site.install("friend", more=correction.format("friend", "good"))
    found = site.left_out(there=("friend.one", "friend.two", "good.one"))
    words = {
        name.partition(" ")[0]: why.partition("corrected_by: ")[2].partition(";")[0] for name, why in found.items()
    }
    assert words == {"upper": "got 'middle.one'", "middle": "got 'lower.one'"}


def test_a_distribution_that_is_installed_under_two_names_is_one_pack(site: Site) -> None:
    again = site.folder / "pack_of_good_renamed-1.dist-info"
    again.mkdir()
    (again / "METADATA").write_text("Metadata-Version: 2.1\nName: renamed\nVersion: 1\n")
    (again / "entry_points.txt").write_text("[toy.packs]\ngood = good_pack:PACK\nalias = good_pack:PACK\n")
    assert site.left_out() == {}


@pytest.mark.landing
def test_every_command_says_what_is_left_out_and_does_the_rest(site: Site) -> None:
    site.install("bad", pack="raise RuntimeError('no luck')")
    told = site.run("audit", "--executor", "serial", "--require-available", code=1).stderr
    assert "not every installed claim was available" in told
    assert "no luck" in site.run("audit", "paper:bad", code=2).stderr
    findings = {row["name"]: row for row in json.loads(site.run("doctor", "--json", code=1).stdout)}
    assert "(pack-of-bad 0.3): RuntimeError: no luck" in findings["pack bad"]["value"]
    assert findings["pack good"]["state"] == "present"


def test_coverage_ends_with_1_where_something_is_missing(site: Site) -> None:
    outline = site.folder / "outline.toml"
    outline.write_text('[[section]]\nnumber = "1"\n[[section]]\nnumber = "2"\nstatements = ["Table 1"]\n')
    site.install("outlined", fields=f'api="1", outline=Path({str(outline)!r})')
    for form in ([], ["--json"]):
        assert "Table 1" in site.run("list", "--coverage", *form, code=1).stdout
        assert "Table 1" in site.run("list", "--coverage", "paper:outlined", *form, code=1).stdout
        assert "Table 1" not in site.run("list", "--coverage", "paper:good", *form).stdout
    outline.write_text('[[section]]\nnumber = "1"\n')
    assert "0 missing" in site.run("list", "--coverage").stdout
