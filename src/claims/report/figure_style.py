"""How the series of a declared figure differ from one another: in colour, and in mark or dash as well, for grey.

Colours are those of Okabe and Ito, which the colour-blind can tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from matplotlib.lines import Line2D

from claims.report.visible import visible

if TYPE_CHECKING:
    from claims.report.figure_data import Drawn

T = TypeVar("T")

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKS, _OPEN = "osD^vP", "sDo^v*"
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (9, 2)), (0, (3, 1.5, 1, 1.5, 1, 1.5)))
#: Of what stands for no arm in a legend of arms.
_NEUTRAL = "#555555"

Dash = str | tuple[int, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Style:
    """Colour, mark and dash of a series; ``hollow`` is for a second series of estimates in one arm."""

    colour: str
    mark: str
    dash: Dash
    hollow: bool = False


def styles(drawn: Sequence[Drawn]) -> list[Style]:
    """One for each series: by arm where it has one, else by its place among the series of its kind."""
    arms = list(dict.fromkeys(each.series.arm for each in drawn if each.series.arm))
    kinds: dict[str, int] = {}
    labels: dict[str, list[str]] = {}
    found = []
    for number, each in enumerate(drawn):
        known = labels.setdefault(each.kind, [])
        if each.series.label not in known:
            known.append(each.series.label)
        if each.series.arm:
            arm = arms.index(each.series.arm)
            hollow = each.kind == "measured" and known.index(each.series.label) % 2 == 1
            found.append(Style(_of(_COLOURS, arm), _of(_MARKS, arm), _of(_DASHES, arm), hollow))
        else:
            nth = kinds.setdefault(each.kind, 0)
            kinds[each.kind] += 1
            colour = _NEUTRAL if arms else _of(_COLOURS, number)
            found.append(Style(colour, _of(_OPEN if each.kind == "printed" else _MARKS, nth), _of(_DASHES, nth)))
    return found


def _of(choice: Sequence[T], number: int) -> T:
    return choice[number % len(choice)]


def legend(drawn: Sequence[Drawn], chosen: Sequence[Style]) -> list[Line2D]:
    """Lines for a legend: each arm by its colour, then what differs within an arm; without arms, every series."""
    arms: dict[str, Line2D] = {}
    rest: dict[tuple[str, str], Line2D] = {}
    curved = {each.series.arm for each in drawn if each.kind == "curve"}
    for each, style in zip(drawn, chosen, strict=True):
        arm, label = each.series.arm, visible(each.series.label)
        if not arm:
            rest[each.kind, label] = _line(each.kind, style, label)
            continue
        dash = style.dash if arm in curved else ""
        arms.setdefault(
            arm, Line2D([], [], color=style.colour, marker=style.mark, markersize=4, linestyle=dash, label=visible(arm))
        )
        plain = Style(_NEUTRAL, "s" if each.kind == "printed" else "o", "-", style.hollow)
        rest.setdefault((each.kind, label), _line(each.kind, plain, label))
    return [*arms.values(), *rest.values()]


def _line(kind: str, style: Style, label: str) -> Line2D:
    if kind == "curve":
        return Line2D([], [], color=style.colour, linestyle=style.dash, linewidth=1.3, label=label)
    size, face = (7.0, "none") if kind == "printed" else (4.5, "white" if style.hollow else style.colour)
    line = "" if kind == "printed" else "-"
    return Line2D(
        [], [], color=style.colour, marker=style.mark, markersize=size, markerfacecolor=face, linestyle=line,
        linewidth=1, label=label,
    )  # fmt: skip
