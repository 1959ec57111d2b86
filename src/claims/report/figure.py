"""Intervals against their bands as a figure of matplotlib: one strip a claim, each on a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claims.report.visible import visible

#: Inches of a strip and of a figure's width; share of the range that is left free on each side.
_STRIP, _WIDTH, _FREE = 0.55, 8.0, 0.08
_BAND, _RIVAL = "#cfe3d4", "#b3261e"
_COLOURS = {"HOLDS": "#1d6b3a", "REFUTED": "#8a3ea8", "DEPENDS": "#1f5fa8", "UNDECIDED": "#8a5a00"}


def draw_rows(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """A figure of rows of a result that have a band and an estimate.

    It belongs to no window and to no state of pyplot.
    """
    figure = Figure(figsize=(_WIDTH, _STRIP * len(rows) + 0.4), layout="constrained")
    for axes, row in zip(figure.subplots(len(rows), squeeze=False)[:, 0], rows, strict=True):
        _draw_row(axes, row)
    return figure


def _draw_row(axes: Axes, row: Mapping[str, Any]) -> None:
    """Band shaded, interval as a bar with the estimate on it, rival as a cross."""
    lo, hi = row["interval"] or (row["estimate"], row["estimate"])
    known = [x for x in (row["estimate"], lo, hi, *row["band"], row["rival"]) if x is not None]
    free = _FREE * (max(known) - min(known)) or abs(known[0]) * _FREE or 1.0
    left, right = min(known) - free, max(known) + free
    below, above = row["band"]
    axes.axvspan(left if below is None else below, right if above is None else above, color=_BAND)
    colour = _COLOURS.get(row["verdict"], "black")
    axes.plot([left if lo is None else lo, right if hi is None else hi], [0, 0], color=colour, linewidth=2)
    axes.plot([row["estimate"]], [0], "o", color=colour, markersize=5)
    if row["rival"] is not None:
        axes.plot([row["rival"]], [0], "x", color=_RIVAL, markersize=7)
    axes.set_xlim(left, right)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    axes.tick_params(labelsize="x-small")
    title = visible(f"{row['id']}   {row['verdict']}").replace("$", r"\$")
    axes.set_title(title, loc="left", fontsize="small", color="black" if row["as_expected"] is not False else _RIVAL)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
