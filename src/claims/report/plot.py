"""An interval drawn against its band and its rival: geometry only, in pixels, for a template to write as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from claims.report.numbers import band_text, estimate_text, half_width, interval_text, number, trimmed

#: Pixels of the drawing, of the room beside what is drawn, and of a break in the axis.
WIDTH, MARGIN, PAD, BREAK = 360.0, 6.0, 20.0, 22.0
#: Gaps wider than this many widths of the widest thing drawn are broken.
_FAR = 3.0
_TOP, _AXIS, _BOTTOM = 14.0, 30.0, 46.0
_LINE, _CHARACTER = 13.0, 6.3


@dataclass(frozen=True, slots=True)
class Shape:
    """An SVG element: tag, attributes, text."""

    tag: str
    attributes: Mapping[str, str]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing of ``WIDTH`` by ``height`` pixels, and what it shows in words."""

    height: float
    label: str
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """A line of numbers, broken where nothing is to be seen: spans of it, each with the pixel where it begins."""

    spans: tuple[tuple[float, float], ...]
    starts: tuple[float, ...]
    scale: float

    def __call__(self, x: float) -> float:
        """The pixel of a number; one outside every span is put at the nearest end."""
        if not self.scale:
            return next((s for (_, hi), s in zip(self.spans, self.starts, strict=True) if x <= hi), self.starts[-1])
        for (lo, hi), start in zip(self.spans, self.starts, strict=True):
            if x <= hi:
                return start + (max(x, lo) - lo) * self.scale
        return self.starts[-1] + (self.spans[-1][1] - self.spans[-1][0]) * self.scale

    def breaks(self) -> list[float]:
        """Pixels in the middle of each break."""
        return [start - PAD - BREAK / 2 for start in self.starts[1:]]


@dataclass
class _Canvas:
    """Shapes so far, and for each row of labels where the last one ends."""

    shapes: list[Shape] = field(default_factory=list)

    def add(self, tag: str, text: str = "", **attributes: float | str) -> None:
        plain = {
            name.replace("_", "-").rstrip("-"): f"{value:.1f}" if isinstance(value, float) else value
            for name, value in attributes.items()
        }
        self.shapes.append(Shape(tag, plain, text))

    def write(self, text: str, x: float, y: float, *, class_: str) -> None:
        """A label around ``x``, kept inside the drawing."""
        half = len(text) * _CHARACTER / 2
        middle = min(max(x, MARGIN + half), WIDTH - MARGIN - half)
        self.add("text", text, x=middle, y=y, text_anchor="middle", class_=class_)


def draw(row: Mapping[str, Any], *, axis: Axis | None = None) -> Drawing | None:
    """The drawing of one point of a result document; None without a band or without an estimate.

    Args:
        row: the point.
        axis: that it shares with others, as ``shared_axis`` makes it; else it has one of its own.
    """
    band, estimate = row["band"], row["estimate"]
    if band is None or estimate is None:
        return None
    interval = row["interval"] or [estimate, estimate]
    axis = axis or shared_axis([row])
    canvas = _Canvas()
    _draw_band(canvas, axis, band, row["target"])
    _draw_axis(canvas, axis)
    _draw_interval(canvas, axis, interval, estimate)
    height = _BOTTOM + 4
    if row["rival"] is not None:
        text = trimmed(number(row["rival"], scale=half_width(band)))
        height = _draw_rival(canvas, axis, row["rival"], text) + 4
    return Drawing(height, words(row), tuple(canvas.shapes))


def shared_axis(rows: Sequence[Mapping[str, Any]]) -> Axis:
    """An axis on which all of the rows can be drawn; each has a band and an estimate."""
    spans = [
        span
        for row in rows
        for span in _spans(row["band"], row["interval"] or [row["estimate"]] * 2, row["estimate"], row["rival"])
    ]
    return _axis(spans)


def words(row: Mapping[str, Any]) -> str:
    """What a drawing shows, for those who do not see it."""
    parts = [f"estimate {estimate_text(row['estimate'], row['interval'])}"]
    if interval_text(row["interval"]):
        parts.append(f"interval {interval_text(row['interval'])}")
    parts.append(f"band {band_text(row['band'])}")
    if row["rival"] is not None:
        parts.append(f"rival {number(row['rival'])}")
    return ", ".join(parts)


def _spans(
    band: Sequence[float | None], interval: Sequence[float | None], estimate: float, rival: float | None
) -> list[tuple[float, float]]:
    """What has to be seen, as spans; an open side of a band reaches as far as what lies on it."""
    known = [estimate, *(edge for edge in interval if edge is not None)]
    lo = min(known) if band[0] is None else band[0]
    hi = max(known) if band[1] is None else band[1]
    spans = [(min(lo, hi), max(lo, hi)), (min(known), max(known))]
    return [*spans, (rival, rival)] if rival is not None else spans


def _axis(wanted: Sequence[tuple[float, float]]) -> Axis:
    """Join what lies close together, break the line where the gap is far wider than what is drawn."""
    widest = max(hi - lo for lo, hi in wanted)
    ordered = sorted(wanted)
    spans = [ordered[0]]
    for lo, hi in ordered[1:]:
        last = spans[-1]
        if widest == 0 or lo - last[1] <= _FAR * widest:
            spans[-1] = (last[0], max(last[1], hi))
        else:
            spans.append((lo, hi))
    room = WIDTH - 2 * MARGIN - 2 * PAD * len(spans) - BREAK * (len(spans) - 1)
    total = sum(hi - lo for lo, hi in spans)
    scale = room / total if 0 < total < math.inf and math.isfinite(room / total) else 0.0
    starts, x = [], MARGIN + PAD + (0.0 if scale else room / 2)
    for lo, hi in spans:
        starts.append(x)
        x += ((hi - lo) * scale if scale else 0.0) + 2 * PAD + BREAK
    return Axis(tuple(spans), tuple(starts), scale)


def _draw_band(canvas: _Canvas, axis: Axis, band: Sequence[float | None], target: float | None) -> None:
    lo = MARGIN if band[0] is None else axis(band[0])
    hi = WIDTH - MARGIN if band[1] is None else axis(band[1])
    if band[0] is not None and band[1] is not None and hi - lo < 2:
        lo, hi = lo - 1, hi + 1
    canvas.add("rect", x=lo, y=_TOP + 4, width=hi - lo, height=_AXIS - _TOP + 4, class_="band")
    scale = half_width(band)
    labels = [None if edge is None else trimmed(number(edge, scale=scale)) for edge in band]
    for edge, x in zip(band, (lo, hi), strict=True):
        if edge is not None:
            canvas.add("line", x1=x, x2=x, y1=_TOP + 4, y2=_AXIS + 8, class_="edge")
    if target is not None and None not in band:
        canvas.add("line", x1=axis(target), x2=axis(target), y1=_AXIS - 4, y2=_AXIS + 4, class_="target")
    _band_labels(canvas, labels, lo, hi)


def _band_labels(canvas: _Canvas, labels: Sequence[str | None], lo: float, hi: float) -> None:
    """The edges' figures below them; in one label where they would overlap."""
    low, high = labels
    if low is not None and high is not None:
        room = (len(low) + len(high) + 3) * _CHARACTER / 2
        if hi - lo < room:
            canvas.write(f"[{low}, {high}]", (lo + hi) / 2, _BOTTOM + 4, class_="figure")
            return
    for text, x, sign in ((low, lo, "≥ "), (high, hi, "≤ ")):
        if text is not None:
            one_sided = None in labels
            canvas.write(f"{sign if one_sided else ''}{text}", x, _BOTTOM + 4, class_="figure")


def _draw_axis(canvas: _Canvas, axis: Axis) -> None:
    canvas.add("line", x1=MARGIN, x2=WIDTH - MARGIN, y1=_AXIS, y2=_AXIS, class_="axis")
    for x in axis.breaks():
        canvas.add("rect", x=x - 4, y=_TOP + 2, width=8.0, height=_AXIS - _TOP + 8, class_="gap")
        for shift in (-4.0, 4.0):
            canvas.add("line", x1=x + shift - 3, x2=x + shift + 3, y1=_AXIS + 6, y2=_AXIS - 6, class_="break")


def _draw_interval(canvas: _Canvas, axis: Axis, interval: Sequence[float | None], estimate: float) -> None:
    lo, hi = interval
    left = MARGIN if lo is None else axis(lo)
    right = WIDTH - MARGIN if hi is None else axis(hi)
    canvas.add("line", x1=left, x2=right, y1=_AXIS, y2=_AXIS, class_="interval")
    for edge, x, outward in ((lo, left, -1.0), (hi, right, 1.0)):
        if edge is None:  # an arrow: the interval goes on for ever
            points = f"{x:.1f},{_AXIS} {x - 7 * outward:.1f},{_AXIS - 5} {x - 7 * outward:.1f},{_AXIS + 5}"
            canvas.add("polygon", points=points, class_="arrow")
        else:
            canvas.add("line", x1=x, x2=x, y1=_AXIS - 5, y2=_AXIS + 5, class_="interval")
    canvas.add("circle", cx=axis(estimate), cy=_AXIS, r=3.6, class_="estimate")
    canvas.write(estimate_text(estimate, interval), axis(estimate), _TOP - 4, class_="figure strong")


def _draw_rival(canvas: _Canvas, axis: Axis, rival: float, text: str) -> float:
    """A cross, its figure one line further down; the drawing's lower edge."""
    x, y = axis(rival), _BOTTOM + 4 + _LINE
    for sign in (-1.0, 1.0):
        canvas.add("line", x1=x - 4, x2=x + 4, y1=_AXIS - 4 * sign, y2=_AXIS + 4 * sign, class_="rival")
    canvas.add("line", x1=x, x2=x, y1=_AXIS + 6, y2=y - 10, class_="leader")
    canvas.write(f"rival {text}", x, y, class_="figure rival-figure")
    return y
