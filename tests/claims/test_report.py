"""The HTML page: everything escaped, nothing loaded, well formed, every interval drawn where it belongs."""

from __future__ import annotations

import html
import itertools
import json
import math
import re
import shutil
import subprocess
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
from claims.report.page import PAGE, render
from claims.report.plot import MARGIN, WIDTH, draw

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>{{ 7*7 }}"


def row(**changes: Any) -> dict[str, Any]:
    """One point of a result."""
    return {
        "id": "demo.one",
        "paper": "demo",
        "role": "paper",
        "locus": "Section 1",
        "statement": "One is one.",
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
    return made | {"points": changes.get("points", [made | {"at": {"n": 512}}])}


def result(*claims: dict[str, Any]) -> dict[str, Any]:
    """A result document, held to the checks that reading one from a file makes."""
    rows = list(claims) or [claim()]
    counts = {
        name: sum(each["verdict"] == name for each in rows) for name in ("HOLDS", "REFUTED", "UNDECIDED", "ERROR")
    }
    document = {
        "schema": 1, "epoch": 7, "tier": "smoke", "environment": {"python": "3.11"}, "counts": counts, "claims": rows
    }  # fmt: skip
    document = json.loads(json.dumps(document, allow_nan=False))
    check(document)
    return document


def page(*claims: dict[str, Any], papers: dict[str, Paper] | None = None, notice: str = "") -> str:
    return render(result(*claims), papers=papers or {}, claims={}, notice=notice)


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


def test_the_page_is_well_formed_and_has_every_claim():
    root = tree(page(*EVERY))
    rows = [node for node in root.iter("details") if node.get("class") == "claim"]
    assert [node.get("id") for node in rows] == [each["id"] for each in EVERY]
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(set(ids)) == len(ids)


def test_links_and_labels_resolve():
    root = tree(page(*EVERY))
    ids = {node.get("id") for node in root.iter()}
    targets = {node.get("href") for node in root.iter("a")}
    assert "#demo.one" in targets  # the corrected claim
    assert "#demo.false" in targets  # and back
    assert {target.removeprefix("#") for target in targets} <= ids
    assert {node.get("aria-labelledby") for node in root.iter() if node.get("aria-labelledby")} <= ids
    assert all(node.get("role") == "img" and node.get("aria-label") for node in root.iter("svg"))


NAMES = ("id", "corrected_by")  # which reading a file refuses where they are no such names


@pytest.mark.parametrize("field", [*NAMES, "locus", "statement", "finding", "reason", "kind"])
def test_text_of_claims_is_escaped(field):
    hostile = claim(**{"verdict": "REFUTED", "expected": "REFUTED", "finding": "f", field: HOSTILE})
    if field in NAMES:
        with pytest.raises(InvalidResult, match=field):
            result(hostile)
    text = render(result() | {"claims": [hostile]}, papers={}, claims={})
    assert html.escape("<script>alert(1)</script>") in text
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
    assert_inert(render(document, papers={"demo": paper}, claims={"demo.one": declared}, notice=HOSTILE))


def assert_inert(text: str) -> None:
    """No element, attribute or address that could run or load anything."""
    root = tree(text)
    assert not {node.tag for node in root.iter()} & {"script", "img", "link", "iframe", "object", "embed", "base"}
    for node in root.iter():
        assert not [name for name in node.attrib if name.startswith("on") or name in ("src", "style", "srcset")]
        assert (node.get("href") or "#").startswith("#")
    assert "49" not in "".join(root.itertext()).replace("{{ 7*7 }}", "")  # no template in text is evaluated


def test_nothing_is_loaded_and_no_script_may_run():
    text = page(*EVERY)
    assert_inert(text)
    policies = [node.get("content") for node in tree(text).iter("meta") if node.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert not re.search(r"(?i)https?:|url\(|@import", text)


def test_what_the_page_says():
    paper = Paper(key="demo", title="A demonstration", authors="Nobody", identifier="doi:1", version=2, number="abc:1")
    text = " ".join("".join(tree(page(*EVERY, papers={"demo": paper}, notice="stopped early")).itertext()).split())
    for words in (
        "A demonstration", "Nobody · doi:1 version 2 · 7 claims", "record abc:1", "stopped early",
        "tier smoke · epoch 7", "python 3.11", "Not as expected",
        "demo.surprise (Section 1): expected HOLDS; 3.00 [2.90, 3.10] against 1 in [0.9, 1.1]",
        "True instead: It is 3.", "which says HOLDS", "Corrects demo.false", "16 + 8", "REFUTED, 3.00 [2.90, 3.10]",
        "Undecided at a tier that should decide", "descriptive", "m = nan: not finite", "largest error 2e-16",
    ):  # fmt: skip
        assert words in text, words


def test_the_filter_has_a_rule_for_each_choice():
    text = page(*EVERY)
    root = tree(text)
    choices = [node.get("id") for node in root.iter("input")]
    assert choices == [
        "show-all",
        "show-HOLDS",
        "show-REFUTED",
        "show-UNDECIDED",
        "show-UNAVAILABLE",
        "show-ERROR",
        "show-differs",
    ]
    style = next(root.iter("style")).text or ""
    for choice in choices[1:]:
        assert f".claims:has(#{choice}:checked)" in style


def test_an_empty_result_is_a_page_too():
    document = result()
    document["claims"] = []
    assert not list(tree(render(document, papers={}, claims={})).iter("details"))[1:]


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


# In a browser

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")

HOST = """<!doctype html><meta charset="utf-8">
<iframe id="page" style="width:400px;height:900px;border:0" srcdoc="{page}"></iframe><script>
document.getElementById("page").addEventListener("load", event => {{
  const doc = event.target.contentDocument, view = event.target.contentWindow;
  const shown = () => [...doc.querySelectorAll(".claim")].filter(e => e.checkVisibility()).map(e => e.id);
  const found = {{width: doc.documentElement.scrollWidth, all: shown()}};
  for (const choice of ["REFUTED", "differs"]) {{
    doc.getElementById("show-" + choice).checked = true;
    found[choice] = shown();
  }}
  doc.getElementById("show-all").checked = true;
  found.band = doc.querySelector(".claim svg .band").getBoundingClientRect().width;
  found.labels = [...doc.querySelectorAll("svg text")].every(t => {{
    const box = t.getBBox();
    return box.x >= 0 && box.x + box.width <= 360;
  }});
  found.closed = !doc.querySelector(".claim .more").checkVisibility();
  doc.querySelector(".claim").open = true;
  found.open = doc.querySelector(".claim .more").checkVisibility();
  found.ink = view.getComputedStyle(doc.body).color;
  found.evil = view.evil === undefined;
  document.title = "done";
  document.body.dataset.found = JSON.stringify(found);
}});
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_in_a_browser_at_400_pixels(tmp_path):
    hostile = claim(id="demo.hostile", statement='"><script>window.evil = 1</script>' + "long" * 60)
    text = page(*EVERY, hostile)
    (tmp_path / "host.html").write_text(HOST.format(page=html.escape(text)))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path / 'user'}"]
    ran = subprocess.run(
        [str(CHROMIUM), *flags, "--virtual-time-budget=5000", "--dump-dom", (tmp_path / "host.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    kept = re.search(r'data-found="([^"]*)"', ran.stdout)
    assert kept, ran.stderr[-2000:]
    found = json.loads(html.unescape(kept.group(1)))
    ids = [each["id"] for each in EVERY]
    assert found["width"] <= 400
    assert found["all"] == [*ids, "demo.hostile"]
    assert found["REFUTED"] == ["demo.false", "demo.surprise"]
    assert found["differs"] == ["demo.surprise", "demo.broken"]
    assert found["band"] > 20
    assert found["labels"]
    assert found["closed"]
    assert found["open"]
    assert found["evil"]


def test_the_pages_are_written_where_they_open_from_disk_and_link_to_each_other(tmp_path: Path):
    from claims.cli.report_command import write_pages

    folder = tmp_path / "deep" / "folder"
    assert write_pages(result(), folder, catalogue=Catalogue({}, {}, {})).name == PAGE == "index.html"
    assert sorted(path.name for path in folder.iterdir()) == ["coverage.html", "index.html"]
    links = {node.get("href") for node in tree((folder / "index.html").read_text()).iter("a")}
    assert "coverage.html" in links
    assert "index.html" in {node.get("href") for node in tree((folder / "coverage.html").read_text()).iter("a")}


@pytest.mark.parametrize("stopped", [True, False])
def test_a_result_that_was_stopped_says_so_on_both_pages(tmp_path: Path, stopped: bool):
    from claims.cli.report_command import STOPPED, write_pages

    write_pages(result() | {"stopped": stopped}, tmp_path, catalogue=Catalogue({}, {}, {}))
    for name in ("index.html", "coverage.html"):
        assert (STOPPED in (tmp_path / name).read_text()) is stopped


def test_a_result_says_whether_it_was_stopped_in_no_other_words():
    with pytest.raises(InvalidResult, match="stopped"):
        check(result() | {"stopped": "yes"})


def test_each_of_two_papers_has_its_counts_and_findings():
    text = page(*EVERY, claim(id="other.one", paper="other"), claim(id="other.two", paper="other", **EVERY_REFUTED))
    root = tree(text)
    assert [node.text for node in root.iter("h1")] == ["demo", "other"]
    bylines = ["".join(node.itertext()) for node in root.iter("p") if node.get("class") == "byline"]
    assert bylines == [
        "7 claims: 2 HOLDS, 2 REFUTED, 1 UNDECIDED, 1 UNAVAILABLE, 1 ERROR",
        "2 claims: 1 HOLDS, 1 REFUTED",
    ]
    findings = next(node for node in root.iter("section") if node.get("aria-labelledby") == "findings")
    assert [node.text for node in findings.iter("h3")] == ["demo", "other"]
    jumps = next(node for node in root.iter("nav"))
    assert "What does not hold (2)" in "".join(jumps.itertext())
