"""Coverage: loci are found in a paper's outline, what nobody names is missing, and nothing of our papers is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from claims.bands import printed
from claims.catalogue import Catalogue, load_catalogue
from claims.claim import Claim, Paper
from claims.errors import InvalidDeclaration
from claims.experiment import experiment
from claims.kinds import mean
from claims.outline.coverage import cover, coverage_of, to_plain
from claims.outline.outline import Outline, Section, Statement, load_outline, outline_of
from claims.outline.references import natural, parts, references
from claims.report.coverage import render_coverage


@pytest.mark.parametrize(
    ("locus", "named"),
    [
        ("Fact 1, eq. 3 and 4", ["fact 1", "equation 3", "equation 4"]),
        ("Table 10, 256 x 512", ["table 10"]),
        ("Tables 2, 3 and 5; Figure 2", ["table 2", "table 3", "table 5", "figure 2"]),
        (
            "section 7.2; Appendices E.8 and F.4; abstract",
            ["section 7.2", "section E.8", "section F.4", "section Abstract"],
        ),
        ("Theorem 4, assumption (A2')", ["theorem 4", "assumption A2'"]),
        ("released results of Theorem 4's experiment", ["theorem 4"]),
        ("open problem O7b; Appendix G.5", ["problem O7b", "section G.5"]),
        ("Section 11.2, O6", ["section 11.2", "problem O6"]),
        ("Step A4, eq. 15 and 23", ["step A4", "equation 15", "equation 23"]),
        ("section 10.3, items 1 to 3", ["section 10.3", "item 1", "item 2", "item 3"]),
        ("Exps E to G", ["experiment E", "experiment F", "experiment G"]),
        ("section 4, eqs. 9–11", ["section 4", "equation 9", "equation 10", "equation 11"]),
        ("Lemma A.1, part 1", ["lemma A.1"]),
        ("section 3, Stage II", ["section 3", "stage II"]),
        ("Remark 1, 'Table 6; eq. 9' is meant", ["remark 1"]),  # the paper's words are no place
        ("eq. 8, top 0.1 per cent", ["equation 8"]),
        ("released results", []),
    ],
)
def test_what_a_locus_names(locus: str, named: list[str]) -> None:
    assert [f"{kind} {number}" for part in parts(locus) for kind, number in references(part)] == named


def test_sections_sort_as_a_reader_counts() -> None:
    numbers = ["A", "10", "3.10", "3.9", "Abstract", "B.1", "3", "A.2"]
    assert sorted(numbers, key=natural) == ["Abstract", "3", "3.9", "3.10", "10", "A", "A.2", "B.1"]


def made(name: str, locus: str) -> Claim:
    """A claim at a locus."""
    band = printed("1.0")
    return Claim(id=f"toy.{name}", locus=locus, statement="x", test=mean(experiment("a:b")["c"]), band=band, rival=2.0)


OUTLINE = Outline(
    [
        Section("1", "Theory"),
        Section("1.1", "Results", (Statement("Theorem 1", ("eq. 1", "eq. 2")), Statement("tightness"))),
        Section(
            "1.2", "Remarks", (Statement("eq. 3", because="A definition."), Statement("item 1"), Statement("item 2"))
        ),
        Section("2", "Numbers", (Statement("Table 1", ("p = 0.1", "p = 0.10")), Statement("Proposition 1"))),
        Section("3", "Talk", because="Opinions."),
        Section("4", "More talk"),
        Section("B.1", "Again", (Statement("Proposition 1"), Statement("Table 2", also=("Table 9", "table")))),
    ]
)


def places(*loci: str, reasons: Iterable[str] = ()) -> dict[str, list[str]]:
    """Loci by the place that each was found at: section and statement."""
    claims = [made(f"c{i}", locus) for i, locus in enumerate(loci)]
    coverage = cover(OUTLINE, claims, dict.fromkeys(reasons, "because"))
    found: dict[str, list[str]] = {}
    for covered in coverage.sections:
        for entry in covered.entries:
            for claim in entry.claims:
                found.setdefault(f"{covered.section.number} {entry.name.partition(' (')[0]}".strip(), []).append(
                    claim.locus
                )
    if coverage.elsewhere.claims:
        found["elsewhere"] = [claim.locus for claim in coverage.elsewhere.claims]
    return found


@pytest.mark.parametrize(
    ("locus", "expected"),
    [
        ("Theorem 1, eq. 2", ["1.1 Theorem 1"]),
        ("section 1.1", ["1.1"]),
        ("section 1.1, tightness", ["1.1 tightness"]),
        ("section 1.1, 'Tightness'", ["1.1 tightness"]),
        ("section 2, tightness", ["2"]),  # a label belongs to its section
        ("section 1.2, item 2", ["1.2 item 2"]),
        ("section 2, item 2", ["2"]),
        ("Proposition 1", ["2 Proposition 1"]),  # the first of that name
        ("Appendix B.1, Proposition 1", ["B.1 Proposition 1"]),  # or the one of the section named beside it
        ("Appendix B, Proposition 1", ["2 Proposition 1"]),
        ("Table 9", ["B.1 Table 2"]),
        ("Appendix B.1, table", ["B.1 Table 2"]),
        ("Theorem 1; section 2; Theorem 1", ["1.1 Theorem 1", "2"]),
        ("section 1, Theorem 1", ["1.1 Theorem 1"]),  # not in the text of the chapter as well
        ("eq. 3", ["1.2 eq. 3"]),
        ("Theorem 7", ["elsewhere"]),
        ("the authors' scripts", ["elsewhere"]),
    ],
)
def test_where_a_claim_stands(locus: str, expected: list[str]) -> None:
    assert list(places(locus)) == expected


ALL = (
    "Theorem 1, eq. 1 and 2",
    "section 1.1, tightness",
    "section 1.2, items 1 and 2",
    "Table 1, p = 0.1 and p = 0.10",
    "Proposition 1",
    "section 4",
    "Appendix B.1, Proposition 1",
    "Table 2",
)


def missing(*loci: str, reasons: Iterable[str] = ()) -> list[str]:
    coverage = cover(OUTLINE, [made(f"c{i}", locus) for i, locus in enumerate(loci)], dict.fromkeys(reasons, "because"))
    return list(coverage.missing)


def test_what_is_named_or_has_a_reason_is_not_missing() -> None:
    assert missing(*ALL) == []
    assert missing(*ALL[1:], reasons=ALL[:1]) == []


@pytest.mark.parametrize("left_out", range(len(ALL)))
def test_what_nobody_names_is_missing(left_out: int) -> None:
    assert missing(*(locus for i, locus in enumerate(ALL) if i != left_out))


def test_a_part_has_to_be_named_by_itself() -> None:
    assert missing("Theorem 1", *ALL[1:]) == ["1.1: eq. 1", "1.1: eq. 2"]
    assert missing("Theorem 1, eq. 1", *ALL[1:]) == ["1.1: eq. 2"]
    assert missing(*ALL[:3], "Table 1, p = 0.10", *ALL[4:]) == ["2: p = 0.1"]  # and not by a longer number
    assert missing() == [
        "1.1: Theorem 1", "1.1: tightness", "1.2: item 1", "1.2: item 2", "2: Table 1", "2: Proposition 1",
        "4: 4 More talk", "B.1: Proposition 1", "B.1: Table 2",
    ]  # fmt: skip


def test_a_claim_counts_once_in_every_section_and_once_in_all() -> None:
    coverage = cover(OUTLINE, [made("a", "Theorem 1, eq. 1; eq. 3; Table 1"), made("b", "nowhere")], {"nothing": "why"})
    assert [(section.number, len(claims)) for section, claims in coverage.chapters()] == [
        ("1", 1), ("2", 1), ("3", 0), ("4", 0), ("B.1", 0),
    ]  # fmt: skip
    assert len(coverage.claims) == 2
    assert coverage.elsewhere.reasons == (("nothing", "why"),)
    plain = to_plain(coverage, {"toy.a": "HOLDS"})
    assert [section["counts"] for section in plain["sections"][:4]] == [{}, {"HOLDS": 1}, {"HOLDS": 1}, {"HOLDS": 1}]
    assert plain["elsewhere"]["claims"][0]["verdict"] is None
    assert json.loads(json.dumps(plain)) == plain


def test_without_an_outline_the_loci_make_one() -> None:
    loci = ["section 10, Table 2", "Section 2, eq. 1; Lemma 3", "abstract", "my notebook"]
    outline = outline_of(loci)
    assert [section.heading for section in outline.sections] == [
        "Abstract", "Section 2", "Section 10", "Statements",
    ]  # fmt: skip
    coverage = cover(outline, [made(f"c{i}", locus) for i, locus in enumerate(loci)], {})
    assert coverage.missing == ()
    assert [claim.locus for claim in coverage.elsewhere.claims] == ["my notebook"]


def test_a_paper_without_claims_is_covered_by_nothing(tmp_path: Path) -> None:
    papers: dict[str, Paper] = {"toy": Paper(key="toy", title="Toys")}
    assert coverage_of(Catalogue({}, papers, {}), "toy").claims == ()
    path = tmp_path / "outline.toml"
    path.write_text('[[section]]\nnumber = "1"\nstatements = ["Table 1"]\n')
    outlines = {"toy": load_outline(path)}
    assert coverage_of(Catalogue({}, papers, {}, (), outlines), "toy").missing == ("1: Table 1",)
    reasons = {"toy": {"Table 1": "An image."}}
    assert coverage_of(Catalogue({}, papers, reasons, (), outlines), "toy").missing == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("section = 3", "section"),
        ('[[section]]\ntitle = "x"', "number"),
        ("[[section]]\nnumber = 3", "string"),
        ('[[section]]\nnumber = "3"\nclaims = 3', "got 'claims'; allowed: the fields because, number"),
        ('[[section]]\nnumber = "3"\n[[section]]\nnumber = "3"', "once"),
        ('[[section]]\nnumber = "3"\nstatements = [{ also = ["x"] }]', r"statements\[0\].name: got None"),
        ('[[section]]\nnumber = "3"\nstatements = ["Table 1"', "TOML"),
        ("", "list"),
        ("section = []", "list"),
        ('[[sections]]\nnumber = "3"', "got 'sections'"),
        ('[[section]]\nnumber = ""', r"section\[0\].number: got ''"),
        ('[[section]]\nnumber = "3"\ntitle = 3', r"section\[0\].title: got 3"),
        ('[[section]]\nnumber = "3"\nbecause = ["x"]', r"section\[0\].because: got \['x'\]"),
        ('[[section]]\nnumber = "3"\nstatements = "Table 1"', r"section\[0\].statements: got 'Table 1'"),
        ('[[section]]\nnumber = "3"\nstatements = [""]', r"statements\[0\]: got ''"),
        ('[[section]]\nnumber = "3"\nstatements = [3]', r"statements\[0\]: got 3; allowed: a table"),
        ('[[section]]\nnumber = "3"\nstatements = ["T (a, , b)"]', r"statements\[0\]: got ''"),
        ('[[section]]\nnumber = "3"\nstatements = ["T (a, a)"]', "each name once"),
        ('[[section]]\nnumber = "3"\nstatements = [{ name = "x", parts = "ab" }]', r"parts: got 'ab'"),
        ('[[section]]\nnumber = "3"\nstatements = [{ name = "x", also = [1] }]', "also: got 1"),
        ('[[section]]\nnumber = "3"\nstatements = [{ name = "x", because = true }]', "because: got True"),
        ("section = " + "[" * 5000, "TOML"),
        ('number = "\ud800"', "TOML"),
        ("a" + ".a" * 200_000 + " = 1", "dots"),  # 20 GB once
        ("".join(f"[a{i}{'.a' * 900}]\n" for i in range(500)), "dots"),
    ],
)
def test_a_malformed_outline_says_what_is_allowed(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "outline.toml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(InvalidDeclaration, match=words) as raised:
        load_outline(path)
    assert str(path) in str(raised.value)


def test_an_outline_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "outline.toml"
    path.write_text(
        '[[section]]\nnumber = "3"\nstatements = ["Theorem 1 (eq. 1, eq. 2)", { name = "x", because = "y" }]'
    )
    (section,) = load_outline(path).sections
    assert section.statements == (Statement("Theorem 1", ("eq. 1", "eq. 2")), Statement("x", because="y"))


def test_a_large_outline_takes_no_longer_than_its_size(tmp_path: Path) -> None:
    path = tmp_path / "outline.toml"
    path.write_text("".join(f'[[section]]\nnumber = "{n}"\nstatements = ["Table {n}"]\n' for n in range(20_000)))
    outline = load_outline(path)
    assert len(cover(outline, [made("a", "Tables 1 to 2000000000; section 7")], {}).missing) == 20_000 - 1


#: Papers with claims, and their outlines.
PACKS = load_catalogue().outlines


@pytest.mark.parametrize("paper", PACKS)
def test_nothing_of_our_papers_is_missing(paper: str) -> None:
    assert coverage_of(load_catalogue(), paper).missing == ()


@pytest.mark.parametrize("paper", PACKS)
def test_no_locus_names_what_the_paper_does_not_have(paper: str) -> None:
    catalogue, outline = load_catalogue(), PACKS[paper]
    loci = [claim.locus for claim in catalogue.claims.values() if claim.paper == paper]
    slips = {locus: unknown for locus in [*loci, *catalogue.not_claims[paper]] if (unknown := outline.unknown(locus))}
    assert slips == {}


HOSTILE = "<script>alert(1)</script>\"'&{{ 7*7 }}"


def test_the_page_says_all_of_it_and_escapes_it() -> None:
    made_claims = (made("a", "Theorem 1"), made("b", f"Table 1; {HOSTILE}"), made("c", "section 9"))
    claims = {claim.id: claim for claim in made_claims}
    papers, reasons = {"toy": Paper(key="toy", title=HOSTILE)}, {"toy": {f"Section 2, {HOSTILE}": HOSTILE}}
    catalogue = Catalogue(claims, papers, reasons)
    row = {"paper": "toy", "verdict": "HOLDS", "as_expected": True}
    document = {"tier": "smoke", "epoch": 7, "claims": [{"id": name, **row} for name in ("toy.a", "toy.b")]}
    text = render_coverage(document, catalogue=catalogue, notice=HOSTILE)
    root = ElementTree.fromstring(text.removeprefix("<!doctype html>"))
    assert "script" not in {node.tag for node in root.iter()}
    links = {node.get("href") for node in root.iter("a")}
    assert {"index.html", "index.html#toy.a", "index.html#toy.b"} <= links
    assert "index.html#toy.c" not in links  # not audited
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= set(ids)
    words = "".join(root.itertext())
    assert HOSTILE in words
    assert "not audited" in words
