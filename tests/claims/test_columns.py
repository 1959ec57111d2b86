"""Tables on a terminal: no wider than it, nothing lost, and as rich lays them out."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from claims.report.columns import Column, in_columns
from claims.report.consoles import emit_lines

COLUMNS = (Column(("claim", "locus")), Column(("seeds",), right=True, whole=True), Column(("verdict",)))
#: What ``visible`` lets through, characters that take two columns among it, in words.
WORDS = st.lists(st.text(st.sampled_from("ab-.≥²é中"), min_size=1, max_size=30), max_size=6).map(" ".join)


def laid_out(rows, width):
    return [line.plain for line in in_columns(COLUMNS, rows, width)]


def test_cells_of_several_lines_stand_beside_each_other():
    rows = [[[("mine.first", ""), ("section 2", "dim")], [("8 + 12", "")], [("HOLDS", "green")]]]
    assert laid_out(rows, 80) == [
        "claim",
        "locus        seeds  verdict",
        "mine.first  8 + 12  HOLDS",
        "section 2",
    ]


def test_what_is_too_wide_is_broken_between_words_and_ids_anywhere():
    rows = [[[("a-long-id-without-blanks", ""), ("in words of the paper", "")], [("1,024", "")], [("HOLDS", "")]]]
    lines = laid_out(rows, 32)
    assert max(map(len, lines)) <= 32
    assert [line[:16].rstrip() for line in lines[2:]] == ["a-long-id-withou", "t-blanks", "in words of the", "paper"]
    assert "1,024" in lines[2]


@given(st.lists(st.tuples(WORDS, st.integers(0, 10**6).map(str), WORDS), max_size=5), st.integers(40, 150))
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(texts, width):
    rows = [[[(text, "")] for text in row] for row in texts]
    lines = laid_out(rows, width)
    assert max(map(cell_len, lines)) <= width
    said = "".join("".join(line.split()) for line in lines)
    expected = "claim" + "seeds" + "verdict" + "locus" + "".join("".join("".join(row).split()) for row in texts)
    assert sorted(said) == sorted(expected)


@pytest.mark.parametrize("width", [60, 100])
def test_it_is_the_table_that_rich_makes_where_nothing_has_to_be_broken(width):
    rows = [[[("mine.first", ""), ("section 2", "")], [("8", "")], [("REFUTED as expected", "")]]] * 3
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in COLUMNS:
        table.add_column("\n".join(column.heading), justify="right" if column.right else "left")
    for row in rows:
        table.add_row(*("\n".join(text for text, _ in cell) for cell in row))
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    theirs = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert laid_out(rows, width) == theirs


def test_styles_are_written_only_where_there_are_colours(monkeypatch):
    rows = [[[("mine.first", "")], [("8", "")], [("HOLDS", "green")]]]
    for colour, escapes in ((None, False), ("standard", True)):
        console = Console(file=io.StringIO(), width=80, color_system=colour, force_terminal=True)
        emit_lines(console, in_columns(COLUMNS, rows, 80))
        assert ("\x1b[" in console.file.getvalue()) is escapes
