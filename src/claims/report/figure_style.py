"""How the series of a declared figure differ from one another: in colour, and in mark or dash as well, for grey.

Colours are those of Okabe and Ito, which the colour-blind can tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from matplotlib.lines import Line2D

from claims.report.visible import visible

if TYPE_CHECKING:
    from claims.report.figure_data import Drawn

T = TypeVar("T")
Dash = tuple[int, tuple[float, ...]]

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKS, _OPEN = "osD^vP", "sDo^v*"
#: On and off, in points; of the first, a line without a break.
_DASHES: tuple[Dash, ...] = (
    (0, ()), (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (9, 2)), (0, (3, 1.5, 1, 1.5, 1, 1.5)),
)  # fmt: skip
#: Of what stands for no arm in a legend of arms.
_NEUTRAL = "#555555"


@dataclass(frozen=True, slots=True)
class Style:
    """Colour, mark and dash of a series; ``hollow`` is for a second series of estimates in one arm."""

    colour: str
    mark: str
    dash: Dash
    hollow: bool = False


def styles(drawn: Sequence[Drawn]) -> list[Style]:
    """One for each series: by arm where it has one, else by label among those of its kind."""
    arms = list(dict.fromkeys(each.series.arm for each in drawn if each.series.arm))
    names = list(dict.fromkeys((each.kind, each.series.label) for each in drawn))
    found = []
    for each in drawn:
        of_kind = [label for kind, label in names if kind == each.kind]
        nth = of_kind.index(each.series.label)
        if each.series.arm:
            arm = arms.index(each.series.arm)
            hollow = each.kind == "measured" and nth % 2 == 1
            found.append(Style(_of(_COLOURS, arm), _of(_MARKS, arm), _of(_DASHES, arm), hollow))
        else:
            colour = _NEUTRAL if arms else _of(_COLOURS, names.index((each.kind, each.series.label)))
            found.append(Style(colour, _of(_OPEN if each.kind == "printed" else _MARKS, nth), _of(_DASHES, nth)))
    return found


def _of(choice: Sequence[T], number: int) -> T:
    return choice[number % len(choice)]


def legend(drawn: Sequence[Drawn], chosen: Sequence[Style], *, joined: bool = False) -> list[Line2D]:
    """Lines for a legend: each arm by its colour, then what differs within an arm; without arms, every series."""
    arms: dict[str, Line2D] = {}
    rest: dict[tuple[str, str], Line2D] = {}
    curved = {each.series.arm for each in drawn if each.kind == "curve" or joined}
    for each, style in zip(drawn, chosen, strict=True):
        arm, label = each.series.arm, visible(each.series.label)
        if not arm:
            rest[each.kind, label] = _line(each.kind, style, label, joined=joined)
            continue
        line: Any = {"linestyle": style.dash if arm in curved else "none", "label": visible(arm)}
        arms.setdefault(arm, Line2D([], [], color=style.colour, marker=style.mark, markersize=4, **line))
        plain = Style(_NEUTRAL, "s" if each.kind == "printed" else "o", _DASHES[0], style.hollow)
        rest.setdefault((each.kind, label), _line(each.kind, plain, label))
    return [*arms.values(), *rest.values()]


def _line(kind: str, style: Style, label: str, *, joined: bool = False) -> Line2D:
    if kind == "curve":
        dashed: Any = {"linestyle": style.dash, "linewidth": 1.3}
        return Line2D([], [], color=style.colour, label=label, **dashed)
    size, face = (7.0, "none") if kind == "printed" else (4.5, "white" if style.hollow else style.colour)
    line: Any = {"linestyle": "none" if kind == "printed" else style.dash if joined else "-", "linewidth": 1}
    return Line2D(
        [], [], color=style.colour, marker=style.mark, markersize=size, markerfacecolor=face, label=label, **line
    )  # fmt: skip
