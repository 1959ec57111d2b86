"""What an author finds: who says what, how it is read, what would change the verdict, how to dispute it, answers."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from claims.bands import at_most
from claims.claim import Claim
from claims.cli import main
from claims.errors import InvalidDeclaration
from claims.experiment import experiment, grid
from claims.kinds import mean
from claims.outline.responses import load_responses, responses_in
from claims.outline.unread import unread
from claims.plugin.report import facts, status, story, summary
from claims.reading import Reading
from claims.report.author import TEMPLATE, who_says
from claims.report.page import render
from claims.report.page_data import Known
from claims.report.readings import curve, curve_lines, strip
from claims.verdict import Role
from tests.claims.test_report import HOSTILE, assert_inert, claim, data_of, result, tree

ROOT = Path(__file__).parents[2]
BAND = at_most(0.9, provenance="author", because="a toy")
FIGURES = {
    name: claim()[name]
    for name in ("target", "alpha", "seeds", "confirmation", "rival", "sharpness", "seconds", "kind")
}


def read(option: str, verdict: str = "HOLDS", estimate: float | None = 1.0, **changes: Any) -> dict[str, Any]:
    """A reading of a result, along the axis geometry."""
    interval = None if estimate is None else [estimate - 0.05, estimate + 0.05]
    return FIGURES | {
        "reads": {"geometry": option}, "differs": "geometry", "own": [], "because": {"geometry": f"why {option}"},
        "at": {}, "points": 1, "verdict": verdict, "estimate": estimate, "interval": interval, "band": [0.9, 1.1],
        "margin": None, "reason": None,
    } | changes  # fmt: skip


DEPENDING = claim(
    id="demo.depends", verdict="DEPENDS", expected="DEPENDS", finding="With the geometry.", read_as="A tenth is ours.",
    readings=[read("spread", "REFUTED", 3.0, differs=None), read("sparse", own=["geometry"])],
)  # fmt: skip


# Who says what


@pytest.mark.parametrize("role", list(Role))
def test_the_paper_says_stands_over_nothing_but_what_it_says(role):
    words = who_says(claim_of(role=role, read_as="So."))
    assert ("paper says" in words) == (role is Role.PAPER)
    assert len({who_says(claim_of(role=each, read_as="So.")) for each in Role}) == len(Role)


def claim_of(**fields: Any) -> Claim:
    words = {
        "id": "demo.one",
        "locus": "section 1",
        "statement": "One.",
        "test": mean(experiment("toys:gaussian")["x"]),
    }
    return Claim(**(words | {"band": BAND, "rival": 2.0, "at": grid(centre=0.0)} | fields))


def test_no_source_says_the_paper_says_of_whatever_comes():
    """Where the words stand, the role is asked for."""
    found = {
        (path.name, line.strip())
        for path in (ROOT / "src" / "claims").rglob("*")
        if path.suffix in (".py", ".html") and "papers" not in path.parts
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"[\"'>](?:[Tt]he )?[Pp]aper says\b", line)
    }
    assert found - {("terminal.py", 'who = "the paper says" if declared.role == "paper" else "claimed"')} == {
        ("author.py", 'Role.PAPER: "The paper says",')
    }


def test_a_pack_that_accuses_says_how_it_reads():
    words = {"finding": "It is two and no less.", "corrected_by": "demo.two"}
    silent = claim_of(id="demo.silent", expected="REFUTED", **words)
    saying = claim_of(id="demo.saying", expected="REFUTED", read_as="As printed.", **words)
    ours = claim_of(id="demo.ours", expected="REFUTED", role="ours", **words)
    assert unread([silent, saying, ours, claim_of()]) == (silent,)


# The curve


def test_the_curve_has_every_reading_and_marks_what_differs():
    declared, sparse = curve(DEPENDING)
    assert (declared.name, declared.note) == ("geometry: spread", "as declared")
    assert (sparse.name, sparse.note) == ("geometry: sparse", "the paper's own")
    assert sparse.because == ("why sparse",)
    assert "1.00" in sparse.figures
    assert "[0.9, 1.1]" in sparse.figures
    text = "\n".join(curve_lines(DEPENDING))
    assert "one scale" in text
    assert text.count("●") == 3  # one in the legend
    assert not curve(claim())


def test_on_one_scale_what_is_larger_lies_further_right():
    declared, sparse = curve(DEPENDING)
    assert sparse.strip.index("●") < declared.strip.index("●")
    assert sparse.strip.index("░") == declared.strip.index("░")
    centres = [
        next(s for s in each.drawing.shapes if s.tag == "circle").attributes["cx"] for each in (declared, sparse)
    ]
    assert float(centres[1]) < float(centres[0])


def test_readings_in_other_units_have_scales_of_their_own():
    far = claim(
        verdict="DEPENDS", readings=[read("a", "REFUTED", 3.0, differs=None), read("b", estimate=1e6, band=[None, 2e6])]
    )
    assert "each on a scale of its own" in "\n".join(curve_lines(far))
    assert all("●" in each.strip for each in curve(far))


@pytest.mark.parametrize(
    "row",
    [
        read("x", estimate=None), read("x", band=None), read("x", interval=[None, None]), read("x", band=[None, None]),
        read("x", estimate=0.0, interval=[0.0, 0.0], band=[0.0, None]), read("x", estimate=1e308, band=[-1e308, None]),
    ],
)  # fmt: skip
def test_whatever_a_reading_lacks_its_strip_has_room(row):
    for span in (None, (-1.0, 1.0), (0.0, 5e-324)):
        found = strip(row, span)
        assert len(found) <= 32
        assert ("●" in found) == (span is not None and row["band"] is not None and row["estimate"] is not None)
    list(curve_lines(claim(readings=[row | {"differs": None}, row])))


def test_the_page_shows_readings_and_answers_escaped(tmp_path):
    readings = [read(HOSTILE, "REFUTED", 3.0, differs=None, because={HOSTILE: HOSTILE}), read(HOSTILE, reason=HOSTILE)]
    document = result(claim(**(DEPENDING | {"points": [], "readings": readings, "read_as": HOSTILE})))
    path = tmp_path / "responses.toml"
    said = json.dumps(HOSTILE)
    path.write_text(f'[[response]]\nclaim = "demo.depends"\nby = {said}\ndate = 2026-11-29\ntext = {said}\n')
    answers = load_responses(path, {"demo.depends": ()})
    text = render(document, known=Known(responses=answers))
    assert_inert(text)
    shown = " ".join("".join(tree(text).itertext()).split())
    assert "The authors answer" in shown
    assert "Read as: <script>" in shown
    assert shown.count(" ".join(HOSTILE.split())) >= 5  # the rest is in the data
    (made,) = data_of(text)["claims"]
    assert [each["name"] for each in made["readings"]] == [f"geometry: {HOSTILE}"] * 2
    assert made["responses"][0]["text"] == HOSTILE
    ElementTree.fromstring(text.removeprefix("<!doctype html>"))


# Responses

GOOD = {"claim": '"demo.one"', "by": '"A. Author"', "date": "2026-11-29", "text": '"We mean the second."'}
KNOWN = {"demo.one": ("geometry: sparse",), "demo.two": ()}


def written(folder: Path, **fields: str | None) -> Path:
    lines = [f"{name} = {value}" for name, value in (GOOD | fields).items() if value is not None]
    path = folder / "responses.toml"
    path.write_text("\n".join(["[[response]]", *lines]))
    return path


def test_answers_are_read_by_claim(tmp_path):
    assert responses_in(tmp_path, KNOWN) == {}
    evidence = f'"sha256:{"0f" * 32}"'
    written(tmp_path, reading='"geometry: sparse"', evidence=evidence)
    (answer,) = responses_in(tmp_path, KNOWN)["demo.one"]
    assert (answer.by, answer.date, answer.text) == ("A. Author", "2026-11-29", "We mean the second.")
    assert (answer.reading, f'"{answer.evidence}"') == ("geometry: sparse", evidence)
    written(tmp_path, claim='"elsewhere.one"')
    assert responses_in(tmp_path, KNOWN) == {}  # a paper that is not at hand
    (tmp_path / "responses.toml").write_text("")
    assert responses_in(tmp_path, KNOWN) == {}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"claim": '"demo.on"'}, "claim: got 'demo.on'; allowed: demo.one"),
        ({"claim": None}, "claim: got None"),
        ({"by": '" "'}, "by: got ' '"),
        ({"date": '"2026-11-29"'}, "date: got '2026-11-29'; allowed: a date such as"),
        ({"date": "2026-11-29T00:00:00"}, "date: got datetime"),
        ({"text": "3"}, "text: got 3"),
        ({"text": f'"{"x" * 10_001}"'}, "text: got 'xxx"),
        ({"reading": '"geometry: spread"'}, "reading: got 'geometry: spread'; allowed: geometry: sparse"),
        ({"claim": '"demo.two"', "reading": '"geometry: sparse"'}, "allowed: none: no readings of the claim"),
        ({"evidence": '"sha256:0f"'}, "evidence: got 'sha256:0f'"),
        ({"verdict": '"HOLDS"'}, "key: got 'verdict'; allowed: claim, by, date, text, reading, evidence"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(tmp_path, fields, words):
    path = written(tmp_path, **fields)
    with pytest.raises(InvalidDeclaration) as caught:
        load_responses(path, KNOWN)
    assert str(caught.value).startswith(f"{path}: response[0]: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [b"\xff", b"[[response", b"response = 3", b"[[answer]]", b"response = [3]", b"[" * 100_000, b"#" * 1_000_001],
)
def test_a_file_that_is_none_is_refused(tmp_path, data):
    path = tmp_path / "responses.toml"
    path.write_bytes(data)
    with pytest.raises(InvalidDeclaration, match=re.escape(str(path))):
        load_responses(path, KNOWN)


# The commands

DEMO = """
from claims import Claim, Reading, at_most, experiment, grid, mean

def drawn(point, streams):
    return {"x": streams.numpy("x").normal(point["centre"], 0.1)}

MADE = Claim(
    id="author.one", locus="section 5", statement="It is small.", at=grid(centre=[1.5]), rival=2.0,
    test=mean(experiment(drawn)["x"]), band=at_most(0.9, provenance="author", because="a tenth"),
    read_as="The tenth is ours.", expected="DEPENDS", finding="It turns with the geometry.",
    readings=(
        Reading(axis="geometry", option="spread", because="section 2 says so"),
        Reading(axis="geometry", option="sparse", because="figure 2 shows it", own=True, at=grid(centre=[0.3])),
    ),
)
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "claims_author_demo", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "claims_author_demo.py").write_text(DEMO)
    (tmp_path / ".claimbench").mkdir()
    written(tmp_path / ".claimbench", claim='"author.one"', reading='"geometry: sparse"')

    def called(command: str, *words: str, code: int = 0) -> str:
        found = CliRunner().invoke(main, [command, "claims_author_demo.py", *words])
        assert found.exit_code == code, found.output
        return " ".join(found.output.split())

    return called


def test_audit_why_and_report_tell_an_author_everything(run, tmp_path):
    audited = run("audit", "--executor", "serial")
    for words in (
        "1 claim: 1 DEPENDS", "Depends on the reading", "read as: The tenth is ours.", "turns with: It turns with the",
        "REFUTED read as geometry: spread: 1.", "HOLDS read as geometry: sparse: 0.",
    ):  # fmt: skip
        assert words in audited
    told = run("why", "author.one", "--jobs", "1")
    for words in (
        'The paper says: "It is small."', "section 5", "Read as The tenth is ours.", "geometry: spread (as declared)",
        "geometry: sparse (the paper's own)", "because figure 2 shows it", "A. Author, 2026-11-29 (read as geometry:",
        "We mean the second.", "What would change the verdict no further seed",
        "the paper's own setting is known: geometry: sparse",
        "To dispute it", TEMPLATE, "claim: author.one", "reading: geometry: spread", "evidence: sha256:",
        "HOLDS and REFUTED need all 2 readings",
    ):  # fmt: skip
        assert words in told, words
    run("report")
    page = (tmp_path / ".claimbench" / "report" / "index.html").read_text()
    assert "We mean the second." in page
    document = json.loads(CliRunner().invoke(main, ["why", "claims_author_demo.py", "author.one", "--json"]).stdout)
    assert document["evidence"] in told
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", document["evidence"])
    assert document["responses"][0]["text"] == "We mean the second."


def test_an_answer_to_nothing_is_refused_before_anything_is_measured(run, tmp_path):
    written(tmp_path / ".claimbench", claim='"author.two"')
    for command, words in (("audit", ()), ("why", ("author.one",))):
        assert "claim: got 'author.two'; allowed: author.one" in run(command, *words, code=2)
    assert not list((tmp_path / ".claimbench").glob("*.sqlite"))


def test_the_form_asks_for_what_why_prints():
    form = (ROOT / TEMPLATE).read_text("utf-8")
    asked = re.findall(r"^    id: (\w+)$", form, flags=re.MULTILINE)
    assert asked[:3] == ["claim", "reading", "evidence"]


def test_the_digest_is_of_the_values_that_the_verdict_rests_on(audit, tmp_path):
    made = claim_of(rival=9.0)
    one, again = (audit(made, path=tmp_path / name).claims[0] for name in ("a.sqlite", "b.sqlite"))
    assert one.evidence == again.evidence
    assert one.evidence != audit(made, epoch=8).claims[0].evidence


def test_pytest_says_what_depends_and_on_what(audit):
    other = Reading(axis="geometry", option="sparse", because="so", at=grid(centre=0.3))
    declared = Reading(axis="geometry", option="spread", because="so")
    made = claim_of(
        at=grid(centre=1.5), readings=(declared, other), expected="DEPENDS", finding="With the geometry.", read_as="So."
    )
    found = audit(made).claims[0]
    told = story(found, "claimbench why demo.one")
    assert "REFUTED read as geometry: spread; HOLDS read as geometry: sparse" in told
    assert "read as   So." in told
    assert status(facts(found)) == ("passed", "d", "DEPENDS as expected")
    report = SimpleNamespace(user_properties=list(facts(found).items()), nodeid="x")
    lines = list(summary([report]))
    assert lines[0] == "1 DEPENDS"
    assert "demo.one: With the geometry. [HOLDS read as geometry: sparse; REFUTED read as geometry: spread]" in lines[2]
