"""Figures that packs declare: what they draw is in the claims, and a file says the same each time."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from claims import Claim, experiment, grid, mean, within
from claims.auditing.recorded import recorded
from claims.cli import main
from claims.discovery import installed
from claims.errors import InvalidDeclaration, MeasurementError
from claims.evidence.store import Store
from claims.figures import Curve, Figure, Measured, Printed, Recorded
from claims.kinds.base import Judgement
from claims.packs import Pack
from claims.paper import Paper
from claims.report.document import load_result
from claims.report.figure_data import numbers
from claims.report.figure_style import styles
from claims.report.figure_table import as_csv
from claims.report.paper_figure import rendered
from claims.verdict import HOLDS
from tests.claims.test_report import HOSTILE, claim, result, row

TABLE = "claims.papers.sign_magnitude:figures/table2.toml"
FIGURES = [figure for pack in installed().values() for figure in pack.declared_figures()]
CLAIMS = {each.id: each for pack in installed().values() for each in pack.claims()}


def doubled(n: float, by: float = 2.0) -> float:
    return by * n


def figure(*series: Any, **changes: Any) -> Figure:
    made = {"key": "demo.figure-1", "locus": "Figure 1", "title": "Doubles", "x": ("n", "width"), "y": "y"}
    return Figure(**made | {"series": series} | changes)


def document(**changes: Any) -> dict[str, Any]:
    points = [
        row(estimate=y, interval=interval) | {"at": {"n": n, "metric": metric}} | changes
        for n, y, interval in ((8, 16.0, [15.0, 17.0]), (2, 4.0, [None, 5.0]), (4, 8.0, None))
        for metric in ("pre", "post")
    ]
    return result(claim(points=points))


MEASURED = Measured(label="ours", claim="demo.one", where={"metric": "pre"})


def test_what_is_measured_comes_from_the_points_of_a_claim():
    (drawn,) = numbers(figure(MEASURED), document())
    assert [(dot.x, dot.y, dot.lo, dot.hi) for dot in drawn.dots] == [
        (2, 4, -math.inf, 5), (4, 8, 8, 8), (8, 16, 15, 17),
    ]  # fmt: skip
    assert drawn.kind == "measured"
    assert {(dot.claim, dot.verdict) for dot in drawn.dots} == {("demo.one", "HOLDS")}


def test_what_is_printed_comes_from_a_table_and_a_curve_spans_the_rest():
    shown = figure(
        Printed(label="printed", table=TABLE, y="measured"),
        Curve(label="thrice", function=lambda flip_rate, by: by * flip_rate, at={"by": 3.0}),
        x=("flip_rate", "p"),
    )
    printed, curve = numbers(shown, result())
    assert [(dot.x, dot.y) for dot in printed.dots][:2] == [(0.01, 2.639), (0.02, 2.583)]
    assert printed.dots[0].lo is None
    assert curve.dots[-1].y == pytest.approx(0.3)
    (missing,) = numbers(figure(Curve(label="twice", function=doubled)), result())
    assert missing.dots == ()  # over nothing
    assert (curve.dots[0].x, curve.dots[-1].x) == (0.01, 0.1)


def test_a_curve_over_the_points_that_it_is_drawn_for():
    _, curve = numbers(figure(MEASURED, Curve(label="c", function=doubled)), document())
    assert all(dot.y == 2 * dot.x for dot in curve.dots)
    assert (curve.dots[0].x, curve.dots[-1].x) == (2, 8)
    _, whole = numbers(figure(MEASURED, Curve(label="c", function=doubled, whole=True)), document())
    assert [dot.x for dot in whole.dots] == [2, 3, 4, 5, 6, 7, 8]
    _, even = numbers(figure(MEASURED, Curve(label="c", function=doubled), log="x"), document())
    assert even.dots[100].x == pytest.approx(4)


def test_what_the_result_does_not_have_is_empty():
    none = document(estimate=None, interval=None)
    for shown, rows in ((MEASURED, none), (Measured(label="x", claim="demo.two"), document())):
        (drawn,) = numbers(figure(shown), rows)
        assert drawn.dots == ()
        assert rendered(figure(shown), [drawn], form="svg")


def test_claims_may_each_have_a_place_of_their_own():
    both = result(
        claim(id="demo.one", points=[row(estimate=1.0) | {"at": {}}]), claim(id="demo.two", estimate=2.0, points=[])
    )
    series = Measured(label="ours", claim={4: "demo.one", 2: "demo.two", 8: "demo.three"})
    (drawn,) = numbers(figure(series), both)
    assert [(dot.x, dot.y, dot.claim) for dot in drawn.dots] == [(2, 2, "demo.two"), (4, 1, "demo.one")]
    named = figure(Measured(label="ours", claim={"b": "demo.two"}), places={"a": "A", "b": "B"}, x=("name", "name"))
    assert [(dot.x, dot.y) for dot in numbers(named, both)[0].dots] == [(1, 2)]
    with pytest.raises(InvalidDeclaration, match=r"demo\.one, which has 6 points there"):
        numbers(figure(series), document())
    # of a result that was kept without points, none can be told from the others
    assert numbers(figure(Measured(label="x", claim={2: "demo.two"}, where={"n": 2})), both)[0].dots == ()


def test_rows_of_a_table_are_chosen_and_may_be_places():
    shown = figure(
        Printed(label="printed", table=TABLE, y="measured", spread="sd", where={"theory": "2.538"}),
        Curve(label="line", function={"0.02": 2.0, "0.10": doubled}, at={"n": 3}),
        places={"0.02": "two", "0.10": "ten"},
        x=("flip_rate", "p"),
    )
    printed, strokes = numbers(shown, result())
    assert [(dot.x, dot.y) for dot in printed.dots] == [(0, 2.583)]
    assert (printed.dots[0].lo, printed.dots[0].hi) == pytest.approx((2.573, 2.593))
    assert [(dot.x, dot.y) for dot in strokes.dots] == [(0, 2), (1, 6)]
    text = rendered(shown, [printed, strokes], form="svg").decode()
    assert ">two</text>" in text
    assert ">ten</text>" not in text  # nothing was measured or printed there
    assert [each["x"] for each in csv.DictReader(io.StringIO(as_csv(shown, [printed])))] == ["0.02"]


def test_numbers_are_taken_into_the_unit_of_the_axis():
    turned = Measured(label="ours", claim="demo.one", where={"metric": "pre"}, through=lambda y: -2 * y)
    (drawn,) = numbers(figure(turned), document())
    assert [(dot.y, dot.lo, dot.hi) for dot in drawn.dots] == [(-8, -10, math.inf), (-16, -16, -16), (-32, -34, -30)]
    (relative,) = numbers(figure(MEASURED, relative_to=lambda n: 4 * n), document())
    assert [dot.y for dot in relative.dots] == [-50, -50, -50]
    assert (relative.dots[2].lo, relative.dots[2].hi) == pytest.approx((-53.125, -46.875))
    (part,) = numbers(figure(MEASURED, span=(3, 5)), document())
    assert [dot.x for dot in part.dots] == [4]
    with pytest.raises(InvalidDeclaration, match=r"through.*math domain error.* at 16\.0"):
        numbers(figure(Measured(label="x", claim="demo.one", through=lambda y: math.log(-y))), document())


SWEPT = experiment("toys:swept", sweep={"p": (1, 2, 4), "metric": ("pre", "post")})
RECORDED = Recorded(label="ours", test=mean(SWEPT["x"]), at=grid(p=[1, 2, 4], metric="pre"))


def test_what_no_claim_speaks_of_comes_from_stored_evidence(audit, tmp_path):
    """A claim about one cell has the whole sweep measured; nothing more is measured for the others."""
    shown = figure(RECORDED, x=("p", "p"))
    assert numbers(shown, result())[0].dots == ()
    path, band = tmp_path / "e.sqlite", within(5.0, abs=9.0, provenance="author", because="a toy")
    one = Claim(id="toy.one", locus="1", statement="One.", at=grid(p=1, metric="pre"), test=mean(SWEPT["x"]), band=band)
    found = audit(one, path=path).claims[0]
    with Store.reading(path) as store:
        before = path.read_bytes()
        (drawn,) = numbers(shown, result(), lambda series: recorded(series.test, series.at, store, epoch=7))
        assert not list(recorded(RECORDED.test, RECORDED.at, store, epoch=8))  # other streams
        assert not list(recorded(mean(experiment("toys:arms")["u"]), ((),), store, epoch=7))
        with pytest.raises(MeasurementError, match="returned no 'y'"):
            list(recorded(mean(SWEPT["y"]), RECORDED.at, store, epoch=7))
        assert path.read_bytes() == before
    assert [dot.x for dot in drawn.dots] == [1, 2, 4]
    ones = [dot.y - drawn.dots[0].y for dot in drawn.dots]
    assert ones == pytest.approx([0, 1, 3])
    assert drawn.dots[0].y == pytest.approx(found.to_json()["estimate"])
    for dot in drawn.dots:
        assert dot.lo < dot.y < dot.hi


def test_intervals_that_would_cover_one_another_stand_aside_and_all_is_in_view():
    """What is shifted still widens the axes: no bar is cut off, and none lies on another."""
    points = [row(estimate=y, interval=[y - 1, y + 1]) | {"at": {"n": n}} for n, y in ((1, 10.0), (2, 20.0))]
    both = [Measured(label=label, claim="demo.one") for label in ("one", "two")]
    svg = rendered(figure(*both), numbers(figure(*both), result(claim(points=points))), form="svg")
    frame = re.search(rb'<g id="patch_2">\s*<path d="M ([\d.]+) ([\d.]+) \s*L ([\d.]+) \S+ \s*L \S+ ([\d.]+)', svg)
    left, bottom, right, top = map(float, frame.groups())
    used = re.findall(rb'<use [^>]*x="([\d.]+)" y="([\d.]+)" style="fill: (#0072b2|#d55e00)', svg)
    inside = [(x, y, colour) for x, y, colour in used if left < float(x) < right and top < float(y) < bottom]
    assert len(inside) == 12  # of each, two dots and the ends of their bars; those of the legend lie below
    blue, red = ({x for x, _, colour in inside if colour == each} for each in (b"#0072b2", b"#d55e00"))
    assert len(blue) == len(red) == 2
    assert not blue & red


def test_arms_share_a_colour_and_differ_in_mark_and_dash():
    series = [
        each
        for arm in ("one", "two")
        for each in (
            Measured(label="ours", claim="demo.one", where={"metric": "pre"}, arm=arm),
            Curve(label="theory", function=doubled, arm=arm),
        )
    ]
    ours, theory, other, last = styles(numbers(figure(*series), document()))
    assert ours.colour == theory.colour != other.colour == last.colour
    assert ours.mark != other.mark
    assert theory.dash != last.dash
    text = rendered(figure(*series), numbers(figure(*series), document()), form="svg").decode()
    assert [text.count(f">{word}</text>") for word in ("one", "two", "ours", "theory")] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key": "figure"}, "figure.key"), ({"key": "../x.y"}, "figure.key"), ({"title": ""}, "figure.title"),
        ({"x": ("n",)}, "figure.x"), ({"log": "z"}, "figure.log"), ({"series": ()}, "figure.series"),
        ({"series": ("demo.one",)}, "figure.series"),
        ({"series": (Printed(label="p", table="table.toml", y="c"),)}, "figure.series.table"),
        ({"series": (Curve(label="c", function="nothing"),)}, "figure.series.function"),
        ({"series": (Measured(label="", claim="demo.one"),)}, "figure.series.label"),
        ({"series": (Measured(label="m", claim={}),)}, "figure.series.claim"),
        ({"series": (Measured(label="m", claim={"a": "demo.one"}),)}, "figure.series.claim"),
        ({"series": (Measured(label="m", claim={"b": "demo.one"}),), "places": {"a": "A"}}, "one of a"),
        ({"series": (Measured(label="m", claim="demo.one", through=2),)}, "figure.series.through"),
        ({"series": (Curve(label="c", function={1: 2.0}),)}, "figure.series.function"),
        ({"series": (Curve(label="c", function={"a": "x"}),), "places": {"a": "A"}}, r"function\['a'\]"),
        ({"series": (Recorded(label="r", test=mean(SWEPT["x"]), at=()),)}, "figure.series.at"),
        ({"series": (Recorded(label="r", test=2, at=grid(p=1)),)}, "figure.series.test"),
        ({"places": {"a": ""}}, r"figure.places\['a'\]"), ({"places": {"a": "A"}, "log": "x"}, "figure.log"),
        ({"span": (1, math.inf)}, "figure.span"), ({"relative_to": "x"}, "figure.relative_to"),
    ],
)  # fmt: skip
def test_a_declaration_is_refused_by_field(changes, field):
    with pytest.raises(InvalidDeclaration, match=field):
        figure(MEASURED, **changes)


def test_a_column_that_a_table_lacks_is_named():
    with pytest.raises(InvalidDeclaration, match="one of the columns flip_rate, theory"):
        numbers(figure(Printed(label="p", table=TABLE, y="nothing"), x=("flip_rate", "p")), result())


def test_a_file_is_the_same_each_time_and_its_text_is_text():
    shown = figure(MEASURED, title=HOSTILE + "$x^2$", y="\x1b[2J")
    drawn = numbers(shown, document())
    text = rendered(shown, drawn, form="svg")
    assert text == rendered(shown, drawn, form="svg")
    assert rendered(shown, drawn, form="pdf") == rendered(shown, drawn, form="pdf")
    root = ElementTree.fromstring(text)
    said = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {f"{HOSTILE}$x^2$", "Figure 1"} <= set(said)
    assert {"width", "ours", "\\x1b[2J"} <= set(said)
    assert not [node for node in root.iter() if node.tag.endswith(("script", "image"))]


@pytest.mark.parametrize(
    ("ys", "interval", "log"),
    [
        ((-1.0, -2.0), None, "y"), ((0.0, 0.0), None, "y"), ((1.0, 2.0), [-1.0, 3.0], "y"), ((3.0,), None, "xy"),
        ((1e308, -1e308, 1.0), None, ""), ((1e308,), [-1.7e308, 1.7e308], ""), ((1.0,), [-1.7e308, 1.7e308], ""),
        ((5e-324, 0.0), None, "y"), ((1.0,) * 5, [1.0, 1.0], ""), ((1.0,), [None, None], ""),
    ],
)  # fmt: skip
def test_numbers_at_the_ends_of_what_there_is_are_drawn(ys, interval, log):
    points = [row(estimate=y, interval=interval) | {"at": {"n": n}} for n, y in enumerate(ys, 1)]
    for places in ({}, {str(n): f"row {n}" for n in range(1, 9)}):
        shown = figure(Measured(label="x", claim="demo.one"), log=log.strip("x") if places else log, places=places)
        drawn = numbers(shown, result(claim(points=points)))
        assert len(drawn[0].dots) == len(ys)
        assert b"nan" not in rendered(shown, drawn, form="svg").lower().replace(b"dominant", b"")


def test_a_table_has_every_number_and_no_formula():
    shown = figure(Measured(label="=1+1", claim="demo.one", where={"metric": "pre"}))
    rows = list(csv.DictReader(io.StringIO(as_csv(shown, numbers(shown, document())))))
    assert [(each["x"], each["y"], each["lo"], each["hi"]) for each in rows] == [
        ("2.0", "4.0", "", "5.0"), ("4.0", "8.0", "8.0", "8.0"), ("8.0", "16.0", "15.0", "17.0"),
    ]  # fmt: skip
    assert {(each["series"], each["kind"], each["claim"]) for each in rows} == {("'=1+1", "measured", "demo.one")}


# Installed packs


def test_there_are_some():
    assert {figure.paper for figure in FIGURES} == {"sign-magnitude", "mean-bias"}


def audited(shown: Figure) -> dict[str, Any]:
    """A result in which every claim of a figure has an estimate at each of its points."""
    ids = {name for series in shown.series if isinstance(series, Measured) for name in series.claims}
    claims = []
    for name in sorted(ids):
        at = [dict(members[0]) for _, members in CLAIMS[name].judged_points()]
        points = [row(id=name, paper=shown.paper, estimate=0.5, interval=[0.4, 0.6]) | {"at": each} for each in at]
        claims.append(claim(id=name, paper=shown.paper, points=points))
    return result(*claims)


def cells(series: Recorded) -> Iterator[tuple[Any, Judgement]]:
    """An estimate at each point of a recorded series, which has to be a cell of its experiments."""
    for point in series.at:
        for quantity in series.test.quantities():
            quantity.experiment.cell(dict(point))
        yield point, Judgement(verdict=HOLDS, estimate=0.5, interval=(0.4, 0.6))


@pytest.mark.parametrize("shown", FIGURES, ids=lambda figure: figure.key)
def test_every_series_of_a_pack_has_its_points(shown):
    """Held against the declarations: a claim of that name, a point at those coordinates, a column, a number."""
    for series in shown.series:
        if isinstance(series, Measured) and not isinstance(series.claim, str) and not series.where:
            assert {len(CLAIMS[name].judged_points()) for name in series.claims} == {1}
    for each in numbers(shown, audited(shown), cells):
        assert each.dots, each.series
        if each.kind == "measured":
            assert len({dot.x for dot in each.dots}) == len(each.dots)  # one at each place


def test_the_docs_show_every_figure_or_say_what_it_needs():
    folder = Path(__file__).parents[2] / "docs"
    page = (folder / "papers" / "figures.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\]\(\.\./images/(.+?)\.svg\)", page))
    assert shown == {path.stem for path in (folder / "images").glob("*.*.svg")}
    assert {figure.key for figure in FIGURES} - shown <= set(re.findall(r"`([a-z0-9.-]+)`, ", page))
    assert shown <= {figure.key for figure in FIGURES}


def test_a_pack_whose_figures_are_not_its_own_is_refused(tmp_path, monkeypatch):
    (tmp_path / "figures_of_another.py").write_text(
        "from claims.figures import *\n"
        "F = Figure(key='b.one', locus='1', title='t', x=('n', 'n'), y='y', series=(Measured(label='m', claim='b.c'),))"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InvalidDeclaration, match=r"figure.key.*'a'"):
        Pack(paper=Paper(key="a", title="A"), modules=(), api="1", figures="figures_of_another").declared_figures()
    assert Pack(paper=Paper(key="a", title="A"), modules=(), api="1").declared_figures() == ()


# The command


def run(*args: str, code: int = 0):
    ran = CliRunner().invoke(main, ["figures", *args])
    assert ran.exit_code == code, ran.output
    return ran.output


def test_figures_are_drawn_from_a_result_alone(tmp_path):
    path = next((Path(__file__).parents[2] / "results").glob("*.json"))
    assert load_result(path)["claims"]
    told = run("sign-magnitude.figure-*", "--json", str(path), "--into", str(tmp_path / "f"))
    names = {file.name for file in (tmp_path / "f").iterdir()}
    assert names == {f"sign-magnitude.figure-{i}.{form}" for i in (1, 2) for form in ("svg", "pdf", "csv")}
    assert "without ours, n = 512" in told  # which keeps claims alone, without their points
    store = str(tmp_path / "none.sqlite")
    left_out = run("mean-bias.figure-5", "--json", str(path), "--into", str(tmp_path / "g"), "--store", store)
    assert "left out, nothing of it is there" in left_out
    assert "claimbench audit mean-bias.training.fp4-costs --tier standard" in left_out
    assert list((tmp_path / "g").iterdir()) == []
    assert (tmp_path / "f" / "sign-magnitude.figure-1.pdf").read_bytes().startswith(b"%PDF")
    assert "Figure 1, Table 2" in run("--list")


def test_names_that_fit_nothing_are_refused(tmp_path):
    assert "sign-magnitude.figure-1" in run("nothing.*", "--into", str(tmp_path), code=4)
    assert run("--json", str(tmp_path / "none.json"), code=2)
