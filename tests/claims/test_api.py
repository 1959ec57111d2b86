"""``claims.audit``: the command's verdicts from Python, and a result that shows itself in every form."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

import claims
from claims import Audited, Claim, at_least, between, experiment, grid, mean, printed, value
from claims.errors import BadOption, InvalidDeclaration, NothingSelected, Unavailable, UnknownClaim
from claims.report import audited as module
from claims.report import tables

FILE = """
from claims import Claim, at_least, between, experiment, grid, mean, printed, search, value

SHARE = {share}

def measured(point, streams):
    return {{"x": point.get("n", 1) + SHARE * streams.numpy("x").normal() / 100, "one": 1.0}}

made = experiment(measured)
common = dict(locus="section 1, <b>bold</b>", statement="It is <script>n</script>.")

CLAIMS = (
    Claim(id="api.mean", test=mean(made["x"]), at=grid(n=[1, 2]), rival=9.0,
          band=between(0.5, 2.5, provenance="author", because="a toy"), **common),
    Claim(id="api.false", test=value(made["one"]), band=printed("2.0"), rival=3.0, expected="REFUTED",
          finding="It is 1.", corrected_by="api.mean", **common),
    Claim(id="api.surprise", test=value(made["one"]), band=printed("5.0"), rival=3.0, **common),
    Claim(id="api.open", test=mean(made["x"]), rival=-1.0,
          band=at_least(0.5, provenance="author", because="a toy"), **common),
)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with a claim file; what is imported from it is forgotten."""
    before, path = Path.cwd(), list(sys.path)
    folder = tmp_path_factory.mktemp("api")
    (folder / "claims_api_demo.py").write_text(FILE.format(share=1))
    os.chdir(folder)
    yield folder
    os.chdir(before)
    sys.path[:] = path
    sys.modules.pop("claims_api_demo", None)


@pytest.fixture(scope="module")
def found(folder: Path) -> Audited:
    return claims.audit("claims_api_demo.py", jobs=1)


def test_verdicts_and_store_are_those_of_the_command(found: Audited, folder: Path) -> None:
    words = ["audit", "claims_api_demo.py", "--json", "-", "--executor", "serial"]
    command = [sys.executable, "-c", "from claims.cli import main; main()", *words]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == found.exit_code() == 1
    theirs, ours = json.loads(ran.stdout), found.to_json()
    assert [row["id"] for row in ours["claims"]] == ["api.mean", "api.false", "api.surprise", "api.open"]
    assert theirs == ours
    assert " 0 seeds measured" in ran.stderr  # all of it was in the store
    assert claims.audit(Path("claims_api_demo.py"), "api.false", jobs=1).result.measured == 0


def test_it_is_a_collection_of_claims(found: Audited) -> None:
    assert len(found) == 4
    assert [claim.claim.id for claim in found] == [claim.claim.id for claim in found.result.claims]
    assert found["api.mean"].verdict == "HOLDS"
    assert found.counts()["REFUTED"] == 2
    assert not found.as_expected
    with pytest.raises(UnknownClaim, match=r"Nearest: api\.mean"):
        found["api.men"]


def test_as_text_what_differs_comes_first(found: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    head, first, *others = repr(found).splitlines()
    assert head == "4 claims, smoke tier, epoch 20260518: 2 HOLDS, 2 REFUTED; 1 not as expected"
    assert first.split()[:4] == ["api.surprise", "REFUTED,", "expected", "HOLDS"]
    assert len(others) == 3
    monkeypatch.setattr(module, "_LINES", 1)
    assert repr(found).splitlines()[2:] == ["  … and 3 claims more: to_frame() has all"]


def test_in_a_notebook_it_is_a_table_with_drawings_and_escaped(found: Audited) -> None:
    root = ElementTree.fromstring(found._repr_html_())
    assert len(root.findall(".//tbody/tr")) == 4
    assert len(root.findall(".//svg")) == 4
    assert root.findall(".//script") == root.findall(".//b") == []
    assert "It is <script>n</script>." in "".join(root.itertext())
    style = root.find("style").text
    assert all(rule.startswith(".claimbench ") for rule in style.strip().splitlines())  # the notebook's own looks stay


def test_as_frames(found: Audited) -> None:
    frame = found.to_frame()
    assert list(frame.index) == ["api.mean", "api.false", "api.surprise", "api.open"]
    assert frame["verdict"].tolist() == ["HOLDS", "REFUTED", "REFUTED", "HOLDS"]
    assert frame.loc["api.open", "band_lo"] == 0.5
    assert math.isnan(frame.loc["api.open", "band_hi"])
    assert not frame.loc["api.surprise", "as_expected"]
    points = found.to_frame(points=True)
    assert [json.loads(at) for at in points["at"]] == [{"n": 1}, {"n": 2}, {}, {}, {}]
    assert found["api.mean"].to_json()["estimate"] in points["estimate"].tolist()


def test_as_arrow_and_parquet(found: Audited, tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    found.to_parquet(tmp_path / "found.parquet", points=True)
    table = parquet.read_table(tmp_path / "found.parquet")
    assert table == found.to_arrow(points=True)
    assert table.schema.field("estimate").type == pyarrow.float64()
    assert table.schema.metadata[b"tier"] == b"smoke"
    assert table.column("band_hi").to_pylist()[-1] is None
    assert found.to_arrow().num_rows == 4


def test_as_a_figure(found: Audited, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    figure = found.figure()
    assert figure.axes[0].get_title(loc="left") == "api.mean   HOLDS"
    assert len(figure.axes) == 4
    figure.savefig(tmp_path / "found.svg")
    assert "api.surprise" not in found.figure("api.mean").axes[0].get_title(loc="left")
    with pytest.raises(UnknownClaim):
        found.figure("api.none")
    monkeypatch.setattr(module, "_DRAWN", 3)
    with pytest.raises(BadOption, match="got '4 claims'; allowed: 1 to 3 claims"):
        found.figure()


def test_what_an_extra_brings_is_named(found: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in (module, tables):
        monkeypatch.setattr(each, "is_there", lambda name: False)
    for ask in (found.to_arrow, found.figure, lambda: found.to_parquet("x")):
        with pytest.raises(Unavailable, match=r"pip install 'claimbench\[notebook\]'"):
            ask()


def test_a_file_that_was_edited_is_read_anew(folder: Path, found: Audited) -> None:
    edited = folder / "claims_api_edited.py"
    edited.write_text(FILE.format(share=1))
    before = claims.audit(edited, "api.open", jobs=1)
    edited.write_text(FILE.format(share=10))
    after = claims.audit(edited, "api.open", jobs=1)
    assert after.result.measured > 0
    widths = [
        low_high[1] - low_high[0] for low_high in (one["api.open"].to_json()["interval"] for one in (before, after))
    ]
    assert widths[1] > 2 * widths[0]


ONE = Claim(
    id="given.one", locus="-", statement="It is one.", test=value(experiment("claims_api_demo:measured")["one"]),
    band=printed("1.0"), rival=2.0,
)  # fmt: skip


def test_claims_may_be_given_themselves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    two = Claim(
        id="given.two", locus="-", statement="It is n.", test=mean(experiment("claims_api_demo:measured")["x"]),
        at=grid(n=[3]), band=between(2.0, 4.0, provenance="author", because="a toy"), rival=lambda n: n + 2,
    )  # fmt: skip
    found = claims.audit(ONE, [two], tier="standard", epoch=7, store=None, executor="serial")
    assert [claim.verdict for claim in found] == ["HOLDS", "HOLDS"]
    assert not (folder / ":memory:").exists()


def test_what_cannot_be_is_refused(folder: Path, found: Audited) -> None:
    for words, message in {
        (ONE, "api.mean"): "either names and files, or claims",
        (3,): "ids, globs, files, or claims",
    }.items():
        with pytest.raises(BadOption, match=message):
            claims.audit(*words)  # type: ignore[arg-type]
    with pytest.raises(NothingSelected, match="no claims are given"):
        claims.audit([])
    with pytest.raises(NothingSelected, match=r"api\.z\*: nothing is selected"):
        claims.audit("claims_api_demo.py", "api.z*")
    with pytest.raises(InvalidDeclaration, match="tier: got 'daily'; allowed: smoke, standard, full"):
        claims.audit(ONE, tier="daily")
    with pytest.raises(InvalidDeclaration, match="jobs: got 0"):
        claims.audit(ONE, jobs=0)
    with pytest.raises(BadOption, match="jobs: got 2; allowed: either jobs or executor"):
        claims.audit(ONE, jobs=2, executor="serial")
    with pytest.raises(BadOption, match="--executor: got 'dask'"):
        claims.audit(ONE, executor="dask")
    for epoch in (-1, "7", True, 1.5):
        with pytest.raises(BadOption, match="epoch"):
            claims.audit(ONE, epoch=epoch)  # type: ignore[arg-type]
    in_a_cell = Claim(
        id="cell.one", locus="-", statement="One.", test=value(experiment("__main__:f")["x"]), band=at_least(
            1.0, provenance="author", because="a toy"), rival=0.0,
    )  # fmt: skip
    with pytest.raises(InvalidDeclaration, match=r"cell\.one: experiment: .*%%writefile claims_mine\.py"):
        claims.audit(in_a_cell)


@pytest.mark.landing
def test_a_script_needs_no_guard(folder: Path, found: Audited) -> None:
    (folder / "script.py").write_text(
        "import claims\nprint('once')\nprint(claims.audit('claims_api_demo.py', jobs=2, store=None))\n"
    )
    ran = subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["once", *repr(found).splitlines()]
    assert ran.stderr == ""
