"""A printed table as a CSV file: its rows, with every figure as printed, or what of it is no figure and where."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from claims.bands import printed_value
from claims.errors import BadOption, InvalidDeclaration
from claims.fields import is_text

#: The field of a row that has its part of the claims' ids.
CLAIM = "claim"
#: Characters of a cell.
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedTable:
    """Rows of a printed table.

    Attributes:
        name: of the file it comes from, without its ending.
        label: the column that names the rows, the first.
        columns: those with figures.
        rows: what is printed by column, without cells that have no figure; and ``claim``, the row's part of ids.
    """

    name: str
    label: str
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]


def read_printed(path: Path) -> PrintedTable:
    """The table in a CSV file (of a ``.tsv`` file, separated by tabs): a line of names, then a line a row.

    The first column names the rows. A cell without any digit, such as "-" or "OOM", has no figure.

    Raises:
        BadOption: no such file, no table, or a cell that is no figure; names line and column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = _lines(text, "\t" if path.suffix == ".tsv" else ",")
    except (OSError, ValueError, csv.Error) as error:
        raise BadOption("--from-table", str(path), f"a readable CSV file in UTF-8 ({error})") from error
    if len(lines) < 2:
        raise BadOption("--from-table", str(path), "a line with the names of columns, and a line for each row")
    (first, names), *rest = lines
    _check_names(path, first, names)
    for number, cells in rest:
        if len(cells) != len(names):
            raise _bad(path, number, cells, f"{len(names)} cells, one for each of {', '.join(names)}")
    figures = [[_figure(path, number, name, text) for name, text in _cells(names, cells)] for number, cells in rest]
    columns = tuple(name for i, name in enumerate(names[1:]) if any(row[i] for row in figures))
    if not columns:
        raise BadOption("--from-table", str(path), "a column with figures beside the first, which names the rows")
    _distinct(path, "column", [(first, name) for name in columns])
    _distinct(path, "row", [(number, cells[0]) for number, cells in rest])
    rows = tuple(_row(names, cells, columns) for _, cells in rest)
    return PrintedTable(name=path.stem, label=names[0], columns=columns, rows=rows)


def slug(words: str) -> str:
    """Words as a part of an id: "Top-1 (%)" is "top-1"."""
    return "-".join(re.findall(r"[a-z0-9]+", words.lower()))


def _lines(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """The lines that are not blank, with their numbers, without blanks around cells."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    return [(number, cells) for number, cells in found if any(cells)]


def _cells(names: Sequence[str], cells: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(names[1:], cells[1:], strict=True)


def _row(names: Sequence[str], cells: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """A row by column, its part of ids first; no cell without a figure in a column of figures."""
    kept = {name: text for name, text in _cells(names, cells) if text and (name not in columns or _digits(text))}
    return {CLAIM: slug(cells[0]), names[0]: cells[0]} | kept


def _digits(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _figure(path: Path, number: int, name: str, text: str) -> str:
    """The figure of a cell; empty if it has none."""
    if not is_text(text) or len(text) > _LONGEST:
        raise _bad(path, number, text[:_LONGEST], f"{_LONGEST} characters of text or fewer")
    if not _digits(text):
        return ""
    try:
        printed_value(text)
    except InvalidDeclaration as error:
        raise _bad(path, number, text, f"in column {name}: {error.allowed}") from None
    return text


def _check_names(path: Path, number: int, names: Sequence[str]) -> None:
    if len(names) < 2 or not all(names) or len(set(names)) < len(names) or CLAIM in names:
        raise _bad(path, number, names, f"two or more names of columns, each once, none of them {CLAIM!r}")
    if not all(is_text(name) and len(name) <= _LONGEST for name in names):
        raise _bad(path, number, names, f"names of {_LONGEST} characters or fewer")


def _distinct(path: Path, what: str, named: Sequence[tuple[int, str]]) -> None:
    """Refuse names that ids of claims would not tell apart."""
    seen: dict[str, str] = {}
    for number, name in named:
        part = slug(name)
        if not is_text(name) or len(name) > _LONGEST:
            raise _bad(path, number, name[:_LONGEST], f"{_LONGEST} characters of text or fewer")
        if not part:
            raise _bad(path, number, name, f"a name for the {what} with a letter from a to z or a digit, as ids have")
        if part in seen:
            allowed = f"another name for the {what}: ids would have {part!r} for it and for {seen[part]!r}"
            raise _bad(path, number, name, allowed)
        seen[part] = name


def _bad(path: Path, number: int, got: object, allowed: str) -> BadOption:
    return BadOption(f"--from-table {path}:{number}", got, allowed)
