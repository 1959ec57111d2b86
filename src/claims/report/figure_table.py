"""The numbers of a declared figure as CSV: beside every drawing stands what it draws."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from claims.figures import Figure
from claims.report.visible import visible

if TYPE_CHECKING:
    from claims.report.figure_data import Drawn

_COLUMNS = ("series", "arm", "kind", "x", "y", "lo", "hi", "claim", "verdict")


def as_csv(figure: Figure, drawn: Sequence[Drawn]) -> str:
    """One line a number; a curve has the points at which it is drawn."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_COLUMNS)
    names = list(figure.places)
    for each in drawn:
        head = [_cell(each.series.label), _cell(each.series.arm), each.kind]
        for dot in each.dots:
            x = _cell(names[int(dot.x)]) if names else repr(dot.x)
            edges = ["" if edge is None or math.isinf(edge) else repr(edge) for edge in (dot.lo, dot.hi)]
            writer.writerow([*head, x, repr(dot.y), *edges, _cell(dot.claim), _cell(dot.verdict)])
    return stream.getvalue()


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    words = visible(text)
    return f"'{words}" if words[:1] in ("=", "+", "-", "@") else words
