"""A declared figure drawn by matplotlib: measured values with intervals, printed ones as open marks, theory as lines.

Numbers along an axis run from left to right. Places that have names, such as a table's rows, stand below one another
and their values run across, so that a name has the room that it needs.
"""

from __future__ import annotations

import io
import itertools
import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator
from matplotlib.transforms import ScaledTranslation

from claims.figures import Figure
from claims.report.figure_style import Style, legend, styles
from claims.report.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from claims.report.figure_data import Dot, Drawn

#: Inches of a figure, and of a row of its legend; letters across it, and along its height.
_WIDTH, _HEIGHT, _ROW, _LETTERS, _TALL = 5.6, 3.5, 0.17, 88, 38
#: Inches of a named place at least, of each series that stands there, and of all places together at most.
_PLACE, _LANE, _TALLEST = 0.3, 0.16, 4.6
#: Points between series that are put beside one another.
_ASIDE = 5.0
#: Share of a place's room over which its series are spread.
_SPREAD = 0.62
#: Beyond this, differences of numbers are none that a double holds.
_LARGEST = 1e300
#: Levels of an axis that are all named.
_LEVELS = 8
#: Text stays text, and the same numbers give the same file.
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "claimbench",
    "pdf.fonttype": 42,
    "font.size": 9.0,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
}
_METADATA = {"svg": {"Date": None, "Creator": "claimbench"}, "pdf": {"CreationDate": None, "Creator": "claimbench"}}


def rendered(figure: Figure, drawn: Sequence[Drawn], *, form: str) -> bytes:
    """The bytes of a file of the form ``svg`` or ``pdf``."""
    shown = [each for each in map(_drawable, drawn) if each.dots]
    chosen = styles(shown)
    with mpl.rc_context(_STYLE):
        lines = legend(shown, chosen, joined=figure.joined)
        longest = max((len(str(line.get_label())) for line in lines), default=0)
        columns = max(1, min(4, _LETTERS // (longest + 7)))
        rows = math.ceil(len(lines) / columns)
        height = 1.25 + _tall(shown) if figure.places else _HEIGHT
        canvas = Canvas(figsize=(_WIDTH, height + _ROW * rows), layout="constrained")
        axes = canvas.subplots()
        draw = _draw_places if figure.places else _draw_numbers
        draw(axes, figure, shown, chosen)
        if lines:
            canvas.legend(handles=lines, loc="outside lower left", ncols=columns, frameon=False, fontsize="small")
        _dress(canvas, figure)
        stream = io.BytesIO()
        canvas.savefig(stream, format=form, metadata=_METADATA[form])
    return stream.getvalue()


def _drawable(each: Drawn) -> Drawn:
    """Without numbers so large that an axis cannot span them; ends of intervals that are have none."""
    dots = [dot for dot in each.dots if abs(dot.y) <= _LARGEST and abs(dot.x) <= _LARGEST]
    return replace(each, dots=tuple(replace(dot, lo=_near(dot.lo), hi=_near(dot.hi)) for dot in dots))


def _near(edge: float | None) -> float | None:
    return edge if edge is None or abs(edge) <= _LARGEST else math.copysign(math.inf, edge)


def _tall(drawn: Sequence[Drawn]) -> float:
    """Inches of the places: more where several series stand at each, not more than a page holds."""
    places = len(_places(drawn))
    return min(places * max(_PLACE, _LANE * len(_lanes(drawn))), max(_TALLEST, _LANE * places))


# Numbers along the axis


def _draw_numbers(axes: Axes, figure: Figure, drawn: Sequence[Drawn], chosen: Sequence[Style]) -> None:
    aside, inches = _aside(drawn), axes.figure.dpi_scale_trans
    for each, style in zip(drawn, chosen, strict=True):
        x, y = [dot.x for dot in each.dots], [dot.y for dot in each.dots]
        if each.kind == "curve":
            axes.plot(x, y, color=style.colour, linestyle=style.dash, linewidth=1.3)
            continue
        points = aside.index(id(each)) - (len(aside) - 1) / 2 if id(each) in aside else 0.0
        shifted = axes.transData + ScaledTranslation(_ASIDE * points / 72, 0, inches)
        axes.errorbar(x, y, yerr=_reaches(each.dots), transform=shifted, **_marked(each, style))
        axes.update_datalim(
            [(dot.x, y) for dot in each.dots for y in (dot.y, dot.lo, dot.hi) if y is not None and math.isfinite(y)]
        )
        if figure.joined and each.kind == "measured":
            axes.plot(x, y, color=style.colour, linestyle=style.dash, linewidth=1, transform=shifted)
    axes.autoscale_view()  # which does not see what was shifted
    axes.set_xlabel(visible(figure.x[1]))
    axes.set_ylabel(textwrap.fill(visible(figure.y), _TALL))
    axes.grid(color="#dddddd", linewidth=0.6)
    levels = sorted({dot.x for each in drawn if each.kind != "curve" for dot in each.dots})
    if "y" in figure.log:
        _logarithmic(axes, "y", [dot.y for each in drawn for dot in each.dots])
    if "x" in figure.log:
        _logarithmic(axes, "x", levels)
    few = 0 < len(levels) <= _LEVELS
    if few and ("x" in figure.log or all(level.is_integer() for level in levels)):
        axes.set_xticks(levels)
        axes.xaxis.set_minor_locator(NullLocator())


def _aside(drawn: Sequence[Drawn]) -> list[int]:
    """The series of estimates that are put beside one another, as the intervals of some would cover one another."""
    measured = [each for each in drawn if each.kind == "measured"]
    covered = {id(each) for pair in itertools.combinations(measured, 2) if _overlap(*pair) for each in pair}
    return [id(each) for each in measured if id(each) in covered]


def _overlap(one: Drawn, other: Drawn) -> bool:
    there = {dot.x: dot for dot in one.dots}
    both = ((there[dot.x], dot) for dot in other.dots if dot.x in there)
    return any(_end(a, "lo") <= _end(b, "hi") and _end(b, "lo") <= _end(a, "hi") for a, b in both)


def _end(dot: Dot, name: str) -> float:
    edge: float | None = getattr(dot, name)
    return dot.y if edge is None else edge


# Named places


def _draw_places(axes: Axes, figure: Figure, drawn: Sequence[Drawn], chosen: Sequence[Style]) -> None:
    lanes, places = _lanes(drawn), _places(drawn)
    for each, style in zip(drawn, chosen, strict=True):
        if each.kind == "curve":
            _draw_closed_form(axes, each, style, places)
            continue
        aside = _SPREAD * ((lanes.index(_lane(each)) + 0.5) / len(lanes) - 0.5)
        at = [places.index(dot.x) + aside for dot in each.dots]
        axes.errorbar([dot.y for dot in each.dots], at, xerr=_reaches(each.dots), **_marked(each, style))
    names = [visible(name) for name in figure.places.values()]
    axes.set_ylim(max(len(places), 1) - 0.5, -0.5)
    axes.set_yticks(range(len(places)), [textwrap.fill(names[int(place)], 30) for place in places])
    axes.tick_params(axis="y", length=0)
    axes.set_ylabel(visible(figure.x[1]))
    axes.set_xlabel(visible(figure.y))
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    for i in range(1, len(places)):
        axes.axhline(i - 0.5, color="#eeeeee", linewidth=0.8, zorder=0.5)
    if figure.log:
        _logarithmic(axes, "x", [dot.y for each in drawn for dot in each.dots])


def _places(drawn: Sequence[Drawn]) -> list[float]:
    """The places that have something to show, in order."""
    return sorted({dot.x for each in drawn if each.kind != "curve" for dot in each.dots})


def _lanes(drawn: Sequence[Drawn]) -> list[tuple[str, str, str]]:
    """What stands beside one another at a place; series of one kind, label and arm share a lane."""
    return list(dict.fromkeys(_lane(each) for each in drawn if each.kind != "curve"))


def _lane(each: Drawn) -> tuple[str, str, str]:
    return each.kind, each.series.label, each.series.arm


def _draw_closed_form(axes: Axes, each: Drawn, style: Style, places: Sequence[float]) -> None:
    """One line through every place where it is one number, else a stroke at each."""
    line: Any = {"color": style.colour, "linestyle": style.dash, "linewidth": 1.3}
    if isinstance(getattr(each.series, "function", None), int | float):
        axes.axvline(each.dots[0].y, **line)
        return
    there = [(dot.y, places.index(dot.x)) for dot in each.dots if dot.x in places]
    axes.vlines([y for y, _ in there], [at - 0.42 for _, at in there], [at + 0.42 for _, at in there], **line)


# Both


def _marked(each: Drawn, style: Style) -> dict[str, Any]:
    """Of marks with their bars: printed figures are open and large, estimates small and full."""
    printed = each.kind == "printed"
    face = "none" if printed else "white" if style.hollow else style.colour
    return {
        "fmt": style.mark, "color": style.colour, "markerfacecolor": face, "markersize": 7 if printed else 4,
        "capsize": 2, "elinewidth": 1, "markeredgewidth": 1, "zorder": 2.5 if printed else 3,
    }  # fmt: skip


def _reaches(dots: Sequence[Dot]) -> list[list[float]] | None:
    """Lengths of the bars below and above; of an interval without an end, none is drawn."""
    if all(dot.lo is None for dot in dots):
        return None
    below = [dot.y - dot.lo if dot.lo is not None and math.isfinite(dot.lo) else 0.0 for dot in dots]
    above = [dot.hi - dot.y if dot.hi is not None and math.isfinite(dot.hi) else 0.0 for dot in dots]
    return [[max(0.0, each) for each in below], [max(0.0, each) for each in above]]


def _dress(canvas: Canvas, figure: Figure) -> None:
    """Title, and below it, smaller, where the paper has it; a blank line of the title keeps the room."""
    locus = textwrap.fill(visible(figure.locus), _LETTERS)
    blank = "\n " * (locus.count("\n") + 1)
    title = canvas.suptitle(visible(figure.title) + blank, x=0.012, ha="left", fontsize="large")
    canvas.draw_without_rendering()
    below = canvas.transFigure.inverted().transform(title.get_window_extent())[0][1]
    canvas.text(0.012, below, locus, va="bottom", fontsize="small", color="#555555")


def _logarithmic(axes: Axes, name: str, known: Iterable[float]) -> None:
    """A logarithmic scale with ticks in plain figures: at 1, 2 and 5 where it spans less than two decades.

    An axis without a positive number stays as it is.
    """
    positive = [each for each in known if each > 0]
    if not positive:
        return
    axes.set(**{f"{name}scale": "log"})
    axis: Axis = getattr(axes, f"{name}axis")
    if max(positive) / min(positive) < 100:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter("{x:,g}")
    axis.set_minor_formatter(NullFormatter())
