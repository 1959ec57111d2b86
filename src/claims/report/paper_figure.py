"""A declared figure drawn by matplotlib: measured values with intervals, printed ones as open marks, theory as lines.

Colours are those of Okabe and Ito, which the colour-blind can tell apart; marks and dashes differ too, for grey.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import NullFormatter

from claims.figures import Figure
from claims.report.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from claims.report.figure_data import Dot, Drawn

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_MARKS, _OPEN, _DASHES = "osD^vP", "sDo^v*", ("-", "--", ":", "-.")
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
}
_METADATA = {"svg": {"Date": None, "Creator": "claimbench"}, "pdf": {"CreationDate": None, "Creator": "claimbench"}}


def rendered(figure: Figure, drawn: Sequence[Drawn], *, form: str) -> bytes:
    """The bytes of a file of the form ``svg`` or ``pdf``."""
    with mpl.rc_context(_STYLE):
        canvas = Canvas(figsize=(5.6, 3.6), layout="constrained")
        axes = canvas.subplots()
        kinds: dict[str, int] = {}
        for number, each in enumerate(drawn):
            if each.dots:
                _draw(axes, each, number, kinds.setdefault(each.kind, 0))
                kinds[each.kind] += 1
        _dress(axes, figure)
        _tick(axes, figure, sorted({dot.x for each in drawn if each.kind != "curve" for dot in each.dots}))
        stream = io.BytesIO()
        canvas.savefig(stream, format=form, metadata=_METADATA[form])
    return stream.getvalue()


def _draw(axes: Axes, each: Drawn, number: int, nth: int) -> None:
    """One series; ``nth`` of its kind has a mark or dash of its own."""
    x, y = [dot.x for dot in each.dots], [dot.y for dot in each.dots]
    colour, label = _COLOURS[number % len(_COLOURS)], visible(each.series.label)
    if each.kind == "curve":
        axes.plot(x, y, _DASHES[nth % len(_DASHES)], color=colour, linewidth=1.3, label=label)
    elif each.kind == "printed":
        mark = _OPEN[nth % len(_OPEN)]
        axes.plot(x, y, mark, color=colour, markerfacecolor="none", markersize=7, label=label)
    else:
        below, above = ([_reach(dot.y, edge) for dot, edge in _edges(each, end)] for end in ("lo", "hi"))
        mark = _MARKS[nth % len(_MARKS)]
        axes.errorbar(
            x, y, yerr=[below, above], fmt=mark, color=colour, markersize=4, capsize=2, elinewidth=1, label=label
        )


def _edges(each: Drawn, end: str) -> list[tuple[Dot, float]]:
    return [(dot, dot.y if getattr(dot, end) is None else getattr(dot, end)) for dot in each.dots]


def _reach(y: float, edge: float) -> float:
    """The length of a bar; of an interval without an end, none is drawn."""
    return abs(edge - y) if math.isfinite(edge) else 0.0


def _dress(axes: Axes, figure: Figure) -> None:
    axes.set_title(f"{visible(figure.title)}\n{visible(figure.locus)}", loc="left", fontsize="medium")
    axes.set_xlabel(visible(figure.x[1]))
    axes.set_ylabel(visible(figure.y))
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize="small")


def _tick(axes: Axes, figure: Figure, levels: Sequence[float]) -> None:
    """Scales, and ticks in plain figures: on a logarithmic axis those of the levels, if they are few."""
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        if name in figure.log:
            axes.set(**{f"{name}scale": "log"})
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
    if "x" in figure.log and 0 < len(levels) <= _LEVELS:
        axes.set_xticks(levels)
