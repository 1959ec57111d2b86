"""The HTML page: everything escaped, nothing loaded, well formed, every interval drawn where it belongs."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.bands import printed
from claims.catalogue import Catalogue
from claims.claim import Claim
from claims.errors import InvalidResult
from claims.experiment import experiment
from claims.kinds import mean
from claims.paper import Paper
from claims.report.document import check
from claims.report.numbers import band_text, duration, estimate_text, interval_text, number
from claims.report.page import render, script
from claims.report.page_data import WORDS, Known
from claims.report.places import places_of
from claims.report.plot import MARGIN, WIDTH, draw
from claims.verdict import Verdict

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>{{ 7*7 }}"


def row(**changes: Any) -> dict[str, Any]:
    """One point of a result."""
    return {
        "id": "demo.one",
        "paper": "demo",
        "role": "paper",
        "locus": "Section 1",
        "statement": "One is one.",
        "read_as": None,
        "kind": "mean",
        "decides": "smoke",
        "verdict": "HOLDS",
        "expected": "HOLDS",
        "as_expected": True,
        "target": 1.0,
        "band": [0.9, 1.1],
        "estimate": 1.02,
        "interval": [0.98, 1.06],
        "alpha": 3e-6,
        "seeds": 16,
        "confirmation": None,
        "rival": 2.0,
        "sharpness": 10.0,
        "margin": 1.0,
        "seconds": 0.5,
        "reason": None,
        "finding": None,
        "corrected_by": None,
    } | changes


def claim(**changes: Any) -> dict[str, Any]:
    """One claim of a result, with one point."""
    made = row(**changes)
    return made | {
        "readings": changes.get("readings", []),
        "points": changes.get("points", [made | {"at": {"n": 512}}]),
    }


def result(*claims: dict[str, Any]) -> dict[str, Any]:
    """A result document, held to the checks that reading one from a file makes."""
    rows = list(claims) or [claim()]
    counts = {
        name: sum(each["verdict"] == name for each in rows) for name in ("HOLDS", "REFUTED", "UNDECIDED", "ERROR")
    }
    document = {
        "schema": 2, "epoch": 7, "tier": "smoke", "environment": {"python": "3.11"}, "counts": counts, "claims": rows
    }  # fmt: skip
    document = json.loads(json.dumps(document, allow_nan=False))
    check(document)
    return document


def page(*claims: dict[str, Any], papers: dict[str, Paper] | None = None, notice: str = "") -> str:
    return render(result(*claims), known=Known(papers=papers or {}), notice=notice)


def tree(text: str) -> ElementTree.Element:
    """The page as XML, which it has to be as well."""
    assert text.startswith("<!doctype html>")
    return ElementTree.fromstring(text.removeprefix("<!doctype html>"))


AGAIN = {"verdict": "REFUTED", "seeds": 8, "estimate": 3.0, "interval": [2.9, 3.1]}
OFF = {"verdict": "REFUTED", "estimate": 3.0, "interval": [2.9, 3.1]}
UNMEASURED = {"estimate": None, "interval": None, "seeds": 0}
BANDLESS = {"band": None, "target": None, "rival": None, "interval": None, "margin": None, "sharpness": None}
EVERY = [
    claim(),
    claim(id="demo.false", expected="REFUTED", finding="It is 3.", corrected_by="demo.one", confirmation=AGAIN, **OFF),
    claim(id="demo.surprise", as_expected=False, **OFF),
    claim(id="demo.edge", verdict="UNDECIDED", as_expected=None, interval=[0.8, 1.3], band=[None, 1.1], rival=None),
    claim(id="demo.exact", kind="identity", estimate=2e-16, reason="agree within 2e-16", **BANDLESS),
    claim(id="demo.broken", verdict="ERROR", as_expected=False, reason="m = nan: not finite", **UNMEASURED),
    claim(id="demo.gpu", verdict="UNAVAILABLE", as_expected=None, reason="a GPU", **UNMEASURED),
]
EVERY_REFUTED = {"expected": "REFUTED", "finding": "It is 3.", **OFF}


def data_of(text: str) -> dict[str, Any]:
    """What the page's script reads."""
    return json.loads(next(node.text or "" for node in tree(text).iter("script") if node.get("id") == "data"))


def test_the_page_is_well_formed_and_has_every_claim():
    text = page(*EVERY)
    root = tree(text)
    rows = [node.get("id") for node in root.iter("tr") if node.get("id")]
    assert rows == [each["id"] for each in data_of(text)["claims"]] == [each["id"] for each in EVERY]
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(set(ids)) == len(ids)


def test_links_and_labels_resolve():
    root = tree(page(*EVERY))
    ids = {node.get("id") for node in root.iter()}
    targets = {node.get("href") for node in root.iter("a")}
    assert {"#demo.false", "#demo.surprise"} <= targets
    assert {target.removeprefix("#") for target in targets} <= ids
    assert {node.get("aria-labelledby") for node in root.iter() if node.get("aria-labelledby")} <= ids


NAMES = ("id", "corrected_by")  # which reading a file refuses where they are no such names


@pytest.mark.parametrize("field", [*NAMES, "locus", "statement", "finding", "reason", "kind"])
def test_text_of_claims_is_escaped(field):
    hostile = claim(**{"verdict": "REFUTED", "expected": "REFUTED", "finding": "f", field: HOSTILE})
    if field in NAMES:
        with pytest.raises(InvalidResult, match=field):
            result(hostile)
    text = render(result() | {"claims": [hostile]})
    assert "<script>alert" not in text
    assert data_of(text)["claims"][0][field] == HOSTILE
    assert_inert(text)


def test_a_paper_of_another_name_than_the_claims_is_refused():
    with pytest.raises(InvalidResult, match=r"claims\[0\].paper"):
        result(claim(paper=HOSTILE))


def test_points_papers_environment_and_notices_are_escaped():
    document = result(claim(points=[row() | {"at": {HOSTILE: HOSTILE}}] * 2))
    document["environment"] = {HOSTILE: HOSTILE}
    paper = Paper(key="demo", title=HOSTILE, authors=HOSTILE, identifier=HOSTILE, number=HOSTILE)
    band = printed("1.0", because=HOSTILE)
    declared = Claim(id="demo.one", locus="x", statement="y", test=mean(experiment("a:b")["c"]), band=band, rival=2.0)
    known = Known(
        papers={"demo": paper},
        claims={"demo.one": declared},
        sections={"demo": {HOSTILE: ["demo.one"]}},
        places={"demo.one": f"{HOSTILE}.py:7"},
        files=(HOSTILE,),
    )
    text = render(document, known=known, notice=HOSTILE)
    assert_inert(text)
    made = data_of(text)
    (only,) = made["claims"]
    assert made["papers"] == {"demo": HOSTILE}
    assert made["sections"]["demo"][only["sections"][0]] == HOSTILE
    assert (made["modules"][only["place"][0]], only["place"][1]) == (f"{HOSTILE}.py", 7)
    assert (only["axes"], only["points"][0]["at"]) == ([HOSTILE], [HOSTILE])


def assert_inert(text: str) -> None:
    """No element, attribute or address that could run or load anything but the script that the policy names."""
    root = tree(text)
    assert not {node.tag for node in root.iter()} & {"img", "link", "iframe", "object", "embed", "base"}
    data, code = root.iter("script")
    assert (data.get("type"), code.attrib) == ("application/json", {})
    assert script() == f"//<![CDATA[{(code.text or '').removeprefix('//').removesuffix('//')}//]]>"
    for node in root.iter():
        assert not [name for name in node.attrib if name.startswith("on") or name in ("src", "style", "srcset")]
        assert (node.get("href") or "#").startswith("#")
    shown = "".join(each for node in root.iter() if node.tag not in ("script", "style") for each in own_text(node))
    assert "49" not in shown.replace("{{ 7*7 }}", "")  # no template in text is evaluated


def own_text(node: ElementTree.Element) -> list[str]:
    return [node.text or "", *(child.tail or "" for child in node)]


def test_nothing_is_loaded_and_no_script_may_run_but_ours():
    text = page(*EVERY)
    assert_inert(text)
    code = text[text.rindex("<script>") + len("<script>") : text.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    policies = [node.get("content") for node in tree(text).iter("meta") if node.get("http-equiv")]
    assert policies == [f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"]
    assert re.findall(r"(?i)https?:[^\"]*|url\(|@import", text) == ["http://www.w3.org/2000/svg"]  # a name


def test_what_the_page_says():
    paper = Paper(key="demo", title="A demonstration", authors="Nobody", identifier="doi:1", version=2, number="abc:1")
    text = " ".join("".join(tree(page(*EVERY, papers={"demo": paper}, notice="stopped early")).itertext()).split())
    for words in (
        "A demonstration", "Nobody · doi:1 version 2 · record abc:1", "stopped early",
        "7 claims · tier smoke · epoch 7",
        "python 3.11", "Not as expected", "Of what the paper says: 2 hold, 2 do not, 1 undecided, 1 not to be measured",
        "demo.surprise (Section 1): expected HOLDS; 3.00 [2.90, 3.10] against 1 in [0.9, 1.1]",
        "True instead: It is 3.", "1 undecided at a tier that should decide: demo.edge", "m = nan: not finite",
        "largest error 2e-16",
    ):  # fmt: skip
        assert words in text, words


def test_the_script_is_given_what_a_claim_rests_on():
    made = {each["id"]: each for each in data_of(page(*EVERY))["claims"]}
    assert dict(zip(WORDS, made["demo.one"]["words"], strict=False)) == {
        "target": "1", "estimate": "1.020", "interval": "[0.980, 1.060]", "band": "[0.9, 1.1]", "rival": "2",
        "sharpness": "10", "seeds": "16",
    }  # fmt: skip
    assert made["demo.false"]["words"][WORDS.index("confirmation")] == "REFUTED, 3.00 [2.90, 3.10]"
    assert made["demo.gpu"]["words"][:3] == ["", "", "[0.9, 1.1]"]
    assert made["demo.one"]["axes"] == ["n"]
    assert made["demo.one"]["points"] == [{"at": [512]}]  # nothing that the claim says already
    assert [name for name, each in made.items() if each.get("differs")] == ["demo.surprise", "demo.broken"]
    ranked = sorted(made.values(), key=lambda each: each["rank"])
    assert [each["id"] for each in ranked][:3] == ["demo.surprise", "demo.broken", "demo.false"]


def test_a_point_that_lacks_what_its_claim_has_says_so():
    points = [row() | {"at": {"n": 1}}, row(**UNMEASURED, margin=None) | {"at": {"n": 2}}]
    (made,) = data_of(page(claim(points=points)))["claims"]
    assert made["points"][1]["estimate"] is None
    assert made["points"][1]["words"] == ["", "", 0, "", 0, 0, 0]  # 0 is what the claim says


def test_looks_and_seeds_go_to_the_page():
    look = {"block": "main", "seeds": 8, "estimate": 1.0, "interval": [0.123456789, None], "verdict": "UNDECIDED"}
    looks = [look, look | {"block": "confirmation", "verdict": "REFUTED", "interval": None}]
    (made,) = data_of(page(claim(points=[row() | {"at": {}, "looks": looks, "values": [1.00004, 2.5, 1.5]}])))["claims"]
    (point,) = made["points"]
    assert point["looks"] == [
        [8, 1, [0.123457, None], list(Verdict).index(Verdict.UNDECIDED)],
        [8, 1, None, list(Verdict).index(Verdict.REFUTED), 1],
    ]
    assert point["values"] == [1.00004, 2.5, 0, 999, 333]


def test_where_a_claim_is_declared(tmp_path):
    package = tmp_path / "pack" / "sections"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    code = """corrected_by="a.one"\nT = ["a.one"]\nClaim(\n    id="a.one")\nClaim(id='a.two')\n"""
    (package / "one.py").write_text(code)
    homes = dict.fromkeys(["a.one", "a.two", "a.made"], package / "one.py") | {"b.gone": tmp_path / "gone.py"}
    assert places_of(homes) == {
        "a.one": "pack/sections/one.py:4",
        "a.two": "pack/sections/one.py:5",
        "a.made": "pack/sections/one.py",
        "b.gone": "gone.py",
    }


def test_the_page_grows_with_its_claims_and_no_faster():
    sizes = [len(page(*(claim(id=f"demo.claim-{i:04}") for i in range(count)))) for count in (100, 200, 300)]
    assert sizes[2] - sizes[1] == pytest.approx(sizes[1] - sizes[0], rel=0.02)


def test_an_empty_result_is_a_page_too():
    text = render(result() | {"claims": []})
    assert data_of(text)["claims"] == []
    assert_inert(text)


# The drawing of an interval

finite = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: float(f"{x:.6g}"))
pairs = st.tuples(finite, finite).map(sorted)


def x_of(shapes: Any, name: str) -> list[float]:
    """The horizontal pixels of shapes of a class."""
    found = []
    for shape in shapes:
        if shape.attributes.get("class", "").split()[0] == name:
            found += [float(value) for key, value in shape.attributes.items() if key in ("x1", "x2", "cx", "x")]
    return found


@given(pairs, pairs, st.floats(0, 1), st.none() | finite, st.sampled_from(["both", "lo", "hi"]))
def test_a_drawing_keeps_the_order_of_what_it_shows(band, interval, share, rival, sides):
    estimate = interval[0] + share * (interval[1] - interval[0])
    estimate = min(max(estimate, interval[0]), interval[1])
    shown = [None if sides == "hi" else band[0], None if sides == "lo" else band[1]]
    drawing = draw(row(band=shown, interval=interval, estimate=estimate, rival=rival, target=None))
    assert drawing is not None
    for shape in drawing.shapes:
        for key, value in shape.attributes.items():
            if key in ("x", "x1", "x2", "cx"):
                assert math.isfinite(float(value))
                assert -1 <= float(value) <= WIDTH + 1
    (dot,) = x_of(drawing.shapes, "estimate")
    ends = sorted(x_of(drawing.shapes, "interval"))
    assert ends[0] - 0.2 <= dot <= ends[-1] + 0.2
    edges = dict(zip((edge for edge in shown if edge is not None), x_of(drawing.shapes, "edge")[::2], strict=True))
    marks = [*edges.items(), (estimate, dot), (interval[0], ends[0]), (interval[1], ends[-1])]
    if rival is not None:
        crossed = x_of(drawing.shapes, "rival")
        marks.append((rival, sum(crossed) / len(crossed)))
    for (a, x), (b, y) in itertools.combinations(marks, 2):
        if a < b:
            assert x <= y + 2.2, (marks, drawing)  # a band is drawn at least two pixels wide


def test_a_far_rival_breaks_the_axis_and_leaves_the_band_readable():
    near, far = draw(row(rival=1.4)), draw(row(rival=1e5))
    assert near is not None
    assert far is not None
    assert not x_of(near.shapes, "gap")
    assert len(x_of(far.shapes, "gap")) == 1
    lo, hi = x_of(far.shapes, "edge")[::2]
    assert hi - lo > 150
    (dot,) = x_of(far.shapes, "estimate")
    assert lo < dot < hi
    assert "rival 100000" in [shape.text for shape in far.shapes]


def test_an_unbounded_interval_ends_in_arrows():
    drawing = draw(row(interval=[None, None], verdict="UNDECIDED"))
    assert drawing is not None
    assert sum(shape.tag == "polygon" for shape in drawing.shapes) == 2
    assert min(x_of(drawing.shapes, "interval")) == MARGIN
    assert max(x_of(drawing.shapes, "interval")) == WIDTH - MARGIN


def test_what_has_no_band_or_no_estimate_is_not_drawn():
    assert draw(row(band=None)) is None
    assert draw(row(estimate=None, interval=None)) is None


def test_a_drawing_says_in_words_what_it_shows():
    drawing = draw(row())
    assert drawing is not None
    assert drawing.label == "estimate 1.020, interval [0.980, 1.060], band [0.9, 1.1], rival 2"


# Numbers


@pytest.mark.parametrize(
    ("x", "scale", "text"),
    [
        (2.63914, 0.0131, "2.639"), (2.63914, 12.0, "3"), (0.0, 1.0, "0"),
        (-0.0004, 0.1, "0.00"), (-1234.5678, 0.5, "-1234.57"),
        (1.26e-7, 3e-9, "1.260e-07"), (3e9, 1e7, "3.000e+09"), (0.05, None, "0.05"), (1.0, math.inf, "1"),
        (9.0, 0.0999999999999, "9.00"),
    ],
)  # fmt: skip
def test_numbers_have_the_digits_that_their_uncertainty_leaves(x, scale, text):
    assert number(x, scale=scale) == text


def test_bands_and_intervals_in_words():
    assert band_text([0.355, 0.365]) == "[0.355, 0.365]"
    assert band_text([None, 0.05]) == "≤ 0.05"
    assert band_text([1.25, None]) == "≥ 1.25"
    assert band_text(None) == band_text([None, None]) == ""
    assert interval_text([None, 2.0]) == "[-∞, 2]"
    assert interval_text([2.0, 2.0]) == ""
    assert estimate_text(2.0, [2.0, 2.0]) == "2"
    spoken = [duration(seconds) for seconds in (0.04, 59.6, 125, 7260)]
    assert spoken == ["0.0 s", "1 min", "2 min 5 s", "2 h 1 min"]


@given(finite, st.floats(1e-9, 1e6))
def test_a_number_is_right_to_two_digits_of_its_uncertainty(x, scale):
    assert abs(float(number(x, scale=scale)) - x) <= 0.05 * scale * (1 + 1e-6) + 1e-15 * abs(x)


# Pages on disk


def test_the_pages_are_written_where_they_open_from_disk_and_link_to_each_other(tmp_path: Path):
    from claims.cli.pages import write_pages

    folder = tmp_path / "deep" / "folder"
    assert write_pages(result(), folder, catalogue=Catalogue({}, {}, {})).name == "index.html"
    assert sorted(path.name for path in folder.iterdir()) == ["coverage.html", "index.html"]
    links = {node.get("href") for node in tree((folder / "index.html").read_text()).iter("a")}
    assert "coverage.html" in links
    assert "index.html" in {node.get("href") for node in tree((folder / "coverage.html").read_text()).iter("a")}


@pytest.mark.parametrize("stopped", [True, False])
def test_a_result_that_was_stopped_says_so_on_both_pages(tmp_path: Path, stopped: bool):
    from claims.cli.pages import STOPPED, write_pages

    write_pages(result() | {"stopped": stopped}, tmp_path, catalogue=Catalogue({}, {}, {}))
    for name in ("index.html", "coverage.html"):
        assert (STOPPED in (tmp_path / name).read_text()) is stopped


def test_a_result_says_whether_it_was_stopped_in_no_other_words():
    with pytest.raises(InvalidResult, match="stopped"):
        check(result() | {"stopped": "yes"})


def test_each_of_two_papers_has_its_counts():
    text = page(*EVERY, claim(id="other.one", paper="other"), claim(id="other.two", paper="other", **EVERY_REFUTED))
    papers = [node for node in tree(text).iter("section") if node.get("class") == "paper"]
    assert [node.find("h2").text for node in papers] == ["demo", "other"]
    said = [" ".join("".join(node.itertext()).split()) for node in papers]
    assert "Of what the paper says: 1 hold, 1 do not." in said[1]
    views = [node.get("data-view") for node in papers[1].iter("span") if node.get("data-view")]
    assert views == ["paper=other&role=paper&verdict=HOLDS", "paper=other&role=paper&verdict=REFUTED"]
