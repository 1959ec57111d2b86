"""Rows of cells as lines in columns: what a table of rich's is, for a thousand rows in a tenth of the time."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells
from rich.text import Text

#: Blanks between two columns.
_GAP = 2

#: Lines of one cell, each with its style.
Cell = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the lines of its heading, and what is done with its cells.

    Attributes:
        heading: a line each.
        right: whether its cells are flush right.
        whole: whether its cells are never broken.
    """

    heading: tuple[str, ...]
    right: bool = False
    whole: bool = False


def in_columns(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> Iterator[Text]:
    """A line of text after the other, no wider than so many columns of a terminal if that can be."""
    most = max(len(column.heading) for column in columns)
    heading = [[(line, "bold") for line in ("",) * (most - len(each.heading)) + each.heading] for each in columns]
    every = [heading, *rows]
    widths = _widths(columns, every, width)
    for row in every:
        cells = [_broken(cell, room) for cell, room in zip(row, widths, strict=True)]
        for number in range(max(map(len, cells))):
            yield _line(columns, [cell[number] if number < len(cell) else ("", "") for cell in cells], widths)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> list[int]:
    """As wide as the cells are; where that is too much the widest ones that may be broken give way."""
    lines = ([cell_len(text) for cell in cells for text, _ in cell] for cells in zip(*rows, strict=True))
    widths = [max(line, default=0) for line in lines]
    breakable = [place for place, column in enumerate(columns) if not column.whole]
    for _ in range(sum(widths) + _GAP * (len(columns) - 1) - width):
        widest = max(breakable, key=lambda place: widths[place])
        widths[widest] = max(1, widths[widest] - 1)
    return widths


def _broken(cell: Cell, width: int) -> Cell:
    """Lines that are no wider than so many columns, broken between words where that can be."""
    if all(len(text) <= width and text.isascii() for text, _ in cell):
        return cell
    return [(part, style) for text, style in cell for part in _parts(text, width)]


def _parts(text: str, width: int) -> list[str]:
    if cell_len(text) <= width:
        return [text]
    if cell_len(text) != len(text):  # characters that take two columns, or none
        return chop_cells(text, width)
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _line(columns: Sequence[Column], parts: Sequence[tuple[str, str]], widths: Sequence[int]) -> Text:
    line = Text()
    for (text, style), column, width in zip(parts, columns, widths, strict=True):
        blanks = " " * (width - cell_len(text))
        line.append(blanks + text if column.right else text, style)
        line.append(" " * _GAP if column.right else blanks + " " * _GAP)
    line.rstrip()
    return line
