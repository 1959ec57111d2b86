"""Formulas: TeX that is declared, refused, typeset without becoming markup, and shown; the relation that is tested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.bands import at_least, at_most, between, printed, within
from claims.catalogue import Catalogue, load_catalogue, to_plain
from claims.claim import Claim
from claims.errors import InvalidDeclaration
from claims.experiment import experiment, grid
from claims.formula import check_formula, with_formulas
from claims.kinds import mean, order, quantile, trend
from claims.paper import Paper
from claims.report.document import check, schema
from claims.report.mathml import shown, typeset, with_slots
from claims.report.relation import SLOT, relation_of
from claims.report.why import Story
from claims.review.of_claims import formulas
from claims.review.remarks import Reviewed, Weight
from tests.claims.test_report import BANDLESS, EVERY, HOSTILE, claim, data_of, page, row, tree

MADE, NOISE = experiment("tests.claims.toys:drawn"), experiment("toys:gaussian")
WHY = {"provenance": "author", "because": "as it pleases"}
#: What shows mathematics, and neither links, styles nor runs.
ELEMENTS = {
    "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder",
    "mover", "munderover", "mstyle", "mtable", "mtr", "mtd", "mpadded", "mphantom",
}  # fmt: skip
CATALOGUE = load_catalogue()
DECLARED = sorted({each.formula for each in CATALOGUE.claims.values() if each.formula})


def declared(**changes: Any) -> Claim:
    said = {"id": "demo.one", "locus": "Section 1", "statement": "One is one.", "test": mean(MADE["m"])}
    return Claim(**said | {"band": within(1.0, abs=0.1, **WHY), "rival": 2.0} | changes)


def test_a_formula_is_typeset():
    made = typeset(r"\frac{a^2}{\sqrt{b}} \le \mathbf{x}")
    assert made.startswith('<math display="block">')
    math = ElementTree.fromstring(made)
    assert [node.tag for node in math.iter("mfrac")] == ["mfrac"]
    assert "".join(math.itertext()) == "a2b≤𝐱"
    assert [node.text for node in ElementTree.fromstring(typeset(r"a \pm b \sim c")).iter("mo")] == ["±", "~"]
    assert 'mathvariant="normal">d<' in typeset(r"\int f \, \mathrm{d}x")


@pytest.mark.parametrize(
    ("tex", "words"),
    [
        ("", "as between dollar signs"),
        ("  ", "as between dollar signs"),
        (7, "as between dollar signs"),
        ("\ud800", "surrogates"),
        ("x" * 3000, "2,000 characters"),
        ("x\u202e", "cannot be seen"),
        ("$x$", r"\\\$ where the character is meant"),
        ("50 %", r"\\% where the character is meant"),
        ("{x", "closed"),
        ("x}", "only after what it closes"),
        (r"\left( x", "closed"),
        (r"\begin{cases} 1 \end{matrix}", "only after what it closes"),
        (r"\begin{document} x \end{document}", "environments of align"),
        ("{" * 40 + "}" * 40, "inside one another"),
        (r"\newcommand{\a}{\a\a}\a", r"without \\newcommand"),
        (r"\def\a{x}", r"without \\def"),
        (r"\href{javascript:alert(1)}{x}", r"without \\href"),
        (r"\class{a}{x}", r"without \\class"),
        (r"\style{background:url(//x)}{x}", r"without \\style"),
        (r"\includegraphics{x}", r"without \\includegraphics"),
    ],
)
def test_what_is_no_formula_is_refused_when_declared(tex, words):
    with pytest.raises(InvalidDeclaration, match=words) as caught:
        declared(formula=tex) if tex != "" else check_formula(tex)
    assert caught.value.field == "formula"


@pytest.mark.parametrize(
    ("tex", "words"),
    [
        (r"\nosuchcommand x", r"\\nosuchcommand"),
        ("x^", "missing super script"),
        ("x_1_2", "double subscripts"),
        (r"\frac{1}", "an argument is missing"),
        ("a & b", "&"),
        (r"a \\ b", "linebreak"),
        (r"\text", "stop iteration"),
    ],
)
def test_what_cannot_be_typeset_is_told_by_the_review(tex, words):
    seen = Reviewed(
        paper=Paper(key="demo", title="Demo"), claims=(declared(formula=tex), declared(formula="x")),
        catalogue=Catalogue({}, {}, {}), modules=(), home=Path("demo.py"), outline=None,
    )  # fmt: skip
    (remark,) = formulas(seen)
    assert (remark.check, remark.claim, remark.weight) == ("formula", "demo.one", Weight.MEND)
    assert remark.words.startswith("formula: got ")
    with pytest.raises(InvalidDeclaration, match=words):
        typeset(tex)
    assert str(shown(tex)).startswith("<code>")


def checked(made: str) -> ElementTree.Element:
    """What was typeset, which has no element or attribute that does anything."""
    math = ElementTree.fromstring(made)
    assert {node.tag for node in math.iter()} <= ELEMENTS
    names = {name for node in math.iter() for name in node.attrib}
    assert not {name for name in names if name.startswith("on") or name in ("href", "src", "style", "class", "id")}
    return math


@pytest.mark.parametrize(
    "tex",
    [
        rf"\text{{{HOSTILE}}}",
        r"\text{<script>alert(1)</script>}",
        "<img src=x onerror=alert(1)>",
        r"\text{&lt;script&gt;}",
        r"\operatorname{<b>}",
        r"\mathrm{</math><script>}",
        r"\text{</mtext></math>]]>}",
    ],
)
def test_hostile_tex_stays_text(tex):
    made = str(shown(tex))
    if made.startswith("<math"):
        checked(made)
    else:
        assert not ElementTree.fromstring(made)
    assert "<script" not in made
    assert "<img" not in made


@given(st.text(alphabet=list("\\{}<>&;#x3c\"'^_ abfrctexlhmgin[]()/=:$%~\u202e\n\x00")))
def test_whatever_is_typeset_has_nothing_but_mathematics(tex):
    try:
        made = typeset(tex)
    except InvalidDeclaration:
        return
    checked(made)


def test_a_page_shows_hostile_formulas_as_text():
    rows = [claim(formula=rf"\href{{javascript:alert(1)}}{{{HOSTILE}}}"), claim(id="demo.two", formula=r"\frac{1}{x}")]
    text = page(*rows)
    assert data_of(text)["formulas"] == [each["formula"] for each in rows]
    made = tree(text)
    assert "alert(1)" not in next(node.text or "" for node in made.iter("script") if node.get("id") is None)
    shown_there = [node for node in made.iter("li") if (node.get("id") or "").startswith("formula-")]
    assert [node[-1].tag for node in shown_there] == ["code", "math"]
    assert shown_there[0][-1].text == rows[0]["formula"]
    assert not [node for node in made.iter() if (node.get("href") or "").startswith("javascript")]


# Where formulas are declared


FORMULAS = "[[formula]]\ntex = 'x^2'\nclaims = ['demo.on*']\n"


def test_a_file_gives_formulas_to_claims(tmp_path):
    path = tmp_path / "formulas.toml"
    path.write_text(FORMULAS)
    one, two = with_formulas([declared(), declared(id="demo.two")], path)
    assert (one.formula, two.formula) == ("x^2", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[formula]]\ntex = 'x'\nclaims = ['demo.tow']\n", "demo.tow"),
        ("[[formula]]\ntex = 'x'\nclaims = 'demo.one'\n", "names in their order"),
        ("[[formula]]\ntex = 'x'\n", "tex and claims"),
        ("[[formula]]\ntex = 'x'\nclaims = ['demo.one']\nmore = 1\n", "tex and claims"),
        ("[[formula]]\ntex = '{x'\nclaims = ['demo.one']\n", "closed"),
        (FORMULAS + FORMULAS, "demo.one has one"),
        ("[formula]\ntex = 'x'\n", r"tables \[\[formula\]\]"),
        ("[[formulae]]\n", r"tables \[\[formula\]\]"),
        ("formula = [1]", "tex and claims"),
        ("x = ", "TOML"),
        ("#" * 1_000_001, "bytes"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, text, words):
    path = tmp_path / "formulas.toml"
    path.write_text(text)
    with pytest.raises(InvalidDeclaration, match=words) as caught:
        with_formulas([declared()], path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(InvalidDeclaration, match="can be read"):
            with_formulas([declared()], path)


@pytest.mark.parametrize("tex", DECLARED)
def test_formulas_of_the_packs_can_be_typeset(tex):
    checked(typeset(tex))


# What is tested


def tex_of(row: dict[str, Any], claim: Claim | None = None) -> str:
    made = relation_of(row, claim)
    assert made is not None
    assert made.form.count(SLOT) == len(made.figures)
    checked(re.sub(' class="slot"', "", str(with_slots(made.form))))
    checked(typeset(made.tex))
    return made.tex


BAND = {"target": 1.0, "band": [0.9, 1.1]}


@pytest.mark.parametrize(
    ("changes", "tex"),
    [
        ({"kind": "mean"}, r"\left| \mathbb{E}[X] - 1 \right| \le 0.1"),
        ({"kind": "value", "target": None}, r"0.90 \le x \le 1.10"),
        ({"kind": "value", "target": 0.95}, r"0.90 \le x \le 1.10"),
        ({"kind": "ratio", "band": [None, 1.5]}, r"\frac{\mathbb{E}[X]}{\mathbb{E}[Y]} \le 1.5"),
        ({"kind": "bound", "band": [-2e-7, None]}, r"\mathbb{E}[X] \ge {-2 \times 10^{-7}}"),
        ({"kind": "order", "band": [0.0, None]}, r"\mathbb{E}[X - Y] \ge 0"),
        ({"kind": "trend", "band": [0.0, None]}, r"\mathbb{E}[T_{i+1} - T_i] \ge 0 \quad \forall i"),
        ({"kind": "a-pack's-own"}, r"\left| \theta - 1 \right| \le 0.1"),
        ({"kind": "identity", "band": None}, r"|l_i - r_i| \le \varepsilon_i \quad \forall i"),
        ({"kind": "search", "band": None}, r"m(x) \ge 0 \quad \forall x"),
        ({"kind": "replay", "band": None}, r"|\bar{X} - c| \le \frac{u}{2}"),
        ({"kind": "table", "band": None}, r"\exists x : \quad |x_j - c_j| \le \frac{u_j}{2}, \quad F(x) = 0"),
    ],
)
def test_what_is_tested_follows_from_kind_and_band(changes, tex):
    assert tex_of(row(**BAND | changes)) == tex.replace("0.90", "0.9").replace("1.10", "1.1")


def test_a_declaration_says_more_than_the_name_of_its_kind():
    at = {"at": grid(n=[1, 2, 3])}
    assert tex_of(row(kind="quantile"), declared(test=quantile(MADE["m"], q=0.99))).count("Q_{0.99}(X)") == 1
    falling = declared(test=trend(MADE["m"], over="n", direction="decreasing"), **at)
    assert r"T_i - T_{i+1}" in tex_of(row(kind="trend"), falling)
    assert r"T_{\mathrm{last}}" in tex_of(row(kind="order"), declared(test=order(MADE["m"], over="n"), **at))
    figure = declared(band=printed("1.00"), rival=2.0)
    assert tex_of(row(target=1.0, band=[0.995, 1.005]), figure) == r"\left| \mathbb{E}[X] - 1.00 \right| \le 0.005"
    assert relation_of(row(kind="a-pack's-own", **BANDLESS), None) is None


@pytest.mark.parametrize("band", [at_most(1e308, **WHY), at_least(-5e-324, **WHY), between(-1e308, 1e308, **WHY)])
def test_bands_at_the_ends_of_what_a_double_holds(band):
    limits = band.resolve({})
    edges = [None if abs(edge) == float("inf") else edge for edge in (limits.lo, limits.hi)]
    assert "inf" not in tex_of(row(band=edges, target=limits.target))


def test_every_kind_of_the_catalogue_has_its_relation():
    for each in {each.kind: each for each in CATALOGUE.claims.values()}.values():
        band = None if each.band is None else [0.5, 1.5]
        tex_of(row(kind=each.kind, band=band, target=1.0), each)


def test_results_have_the_formula_of_the_declaration_alone():
    assert "formula" not in schema()["definitions"]["claim"]["required"]
    assert "formula" in schema()["definitions"]["claim"]["properties"]
    assert data_of(page(*EVERY))["formulas"] == []


def test_why_results_and_lists_show_tex(audit):
    """Text on a terminal, and plain data."""
    made = declared(test=mean(NOISE["x"]), at=grid(centre=1.0), formula=r"x = \frac{2}{2}")
    result = audit(made)
    story = Story(result.claims[0], Paper(key="demo", title="Demo"), result, replay="claimbench why demo.one")
    tested = r"\left| \mathbb{E}[X] - 1 \right| \le 0.1"
    assert ("Formula, as TeX", [made.formula, f"tested: {tested}"]) in list(story.sections())
    document = result.to_json()
    check(document)
    assert document["claims"][0]["formula"] == made.formula
    assert (story.to_json()["formula"], story.to_json()["relation"]) == (made.formula, tested)
    assert to_plain(made)["formula"] == made.formula
    assert "formula" not in audit(declared(test=mean(NOISE["x"]), at=grid(centre=1.0))).to_json()["claims"][0]
