"""Later versions of a paper: listed in the outline, shown where a statement changed or went, named by claims."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit import claim, made_up

from claims.cli import main
from claims.discovery import installed
from claims.errors import InvalidDeclaration
from claims.kinds import mean
from claims.outline.coverage import cover, to_plain
from claims.outline.outline import load_outline
from claims.outline.versions import check_versions
from claims.paper import Paper
from claims.report.author import passage

OUTLINE = """
[[section]]
number = "1"
title = "Introduction"
because = "Nothing is stated."

[[section]]
number = "2"
title = "Results"
statements = ["Theorem 1 (eq. 3)", "Table 1"]
"""
LATER = """
[[version]]
number = 2
date = "June 2026"
read = "all of it"
changed = { "Theorem 1" = "Its constant is 2.", "section 1" = "It is shorter." }
gone = { "Table 1" = "There is none." }
"""
PAPER = Paper(key="toy", title="A toy paper", version=1)


def made(name: str, locus: str, **fields):
    return claim(mean(made_up["x"]), id=f"toy.{name}", locus=locus, rival=9.0, **fields)


@pytest.fixture
def write(tmp_path: Path):
    def written(text: str) -> Path:
        path = tmp_path / "outline.toml"
        path.write_text(text)
        return path

    return written


def test_what_changed_and_what_went_stands_at_its_place(write):
    outline = load_outline(write(OUTLINE + LATER))
    claims = [made("theorem", "Theorem 1, eq. 3"), made("table", "Table 1"), made("later", "Theorem 1", version=2)]
    found = cover(outline, claims, {})
    later = {
        entry.name: [(change.what, change.says) for change in entry.later]
        for s in found.sections
        for entry in s.entries
    }
    assert later == {
        "": [("changed", "It is shorter.")],
        "Theorem 1 (eq. 3)": [("changed", "Its constant is 2.")],
        "Table 1": [("gone", "There is none.")],
    }
    plain = json.loads(json.dumps(to_plain(found, {})))
    assert plain["versions"] == [{"number": 2, "date": "June 2026", "read": "all of it"}]
    theorem, table = plain["sections"][1]["statements"]
    assert [each["version"] for each in theorem["claims"]] == [None, 2]
    assert table["later"] == [{"version": 2, "what": "gone", "says": "There is none."}]
    assert not found.missing


def test_without_later_versions_nothing_is_said_of_any(write):
    outline = load_outline(write(OUTLINE))
    assert outline.versions == ()
    assert all(entry.later == () for section in cover(outline, [], {}).sections for entry in section.entries)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("number = 2", "number = 0", "outline.version[0].number: got 0"),
        ("number = 2\n", "", "outline.version[0].number: got None"),
        ('date = "June 2026"', "date = 2026-06-01", "outline.version[0].date: got datetime"),
        ('read = "all of it"', 'read = ""', "outline.version[0].read: got ''"),
        ('"Table 1" = "There is none."', '"Table 1" = 3', "outline.version[0].gone['Table 1']: got 3"),
        ('"Table 1" = "There is none."', '"Table 9" = "x"', "outline.version: got 'Table 9'; allowed: a locus that"),
        ("gone = {", "moved = {", "outline.version[0]: got {"),
        ("[[version]]", "[version]", "outline.version: got {"),
    ],
)
def test_what_is_not_understood_is_refused(write, old, new, words):
    path = write(OUTLINE + LATER.replace(old, new))
    with pytest.raises(InvalidDeclaration) as caught:
        load_outline(path)
    assert str(caught.value).startswith(f"{path}: {words}")


def test_a_version_stands_once(write):
    with pytest.raises(InvalidDeclaration, match="each version once"):
        load_outline(write(OUTLINE + LATER + LATER))


def test_a_claim_names_a_version_that_the_pack_holds(write):
    versions = load_outline(write(OUTLINE + LATER)).versions
    check_versions([made("a", "x"), made("b", "x", version=1), made("c", "x", version=2)], PAPER, versions)
    with pytest.raises(InvalidDeclaration, match=r"toy\.d: version: got 3; allowed: 1 or 2"):
        check_versions([made("d", "x", version=3)], PAPER, versions)
    with pytest.raises(InvalidDeclaration, match="allowed: none"):
        check_versions([made("d", "x", version=1)], Paper(key="toy", title="x"), ())


def test_why_names_the_version_that_was_read():
    assert passage(PAPER, made("a", "section 2")) == "A toy paper, version 1, section 2"
    assert passage(PAPER, made("a", "section 2", version=2)) == "A toy paper, version 2, section 2"


def test_the_later_version_of_a_paper_that_comes_with_it_is_listed():
    pack = installed()["mean-bias"]
    assert pack.outline is not None
    (version,) = load_outline(pack.outline).versions
    assert (version.number, {change.what for _, change in version.changes}) == (2, {"changed"})
    text = CliRunner().invoke(main, ["list", "--coverage", "mean-bias.later.*"]).stdout
    assert f"later: {version}" in text
    assert "changed     in version 2: For the 0.6B model" in text
    assert "mean-bias.later.loss-gap  (version 2)" in text
