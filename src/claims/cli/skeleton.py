"""The files that ``claimbench new`` writes, from the templates beside this module: a claim file, or a whole pack.

A template is the file itself, with ``$name`` where a name belongs (``string.Template``) and ``.txt`` at the end of its
own name, so that nothing takes it for code of ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from string import Template

from claims.cli.printed_csv import PrintedTable, slug
from claims.packs import API
from claims.paper import Paper


def skeleton(paper: Paper, *, file: str) -> str:
    """The text of a claim file of this name about a paper: claims about a fair die, one as papers get it wrong."""
    names = {"file": file, "key": paper.key, "key_literal": json.dumps(paper.key)}
    return Template(_text(_templates() / "claims_mine.py.txt")).substitute(names | _words(paper))


def pack_files(paper: Paper, *, name: str, table: PrintedTable | None = None) -> dict[str, str]:
    """Every file of a new pack by its path in the pack's folder.

    Args:
        paper: what it is about.
        name: of the distribution; with underscores that of the package.
        table: printed figures to begin with, a claim each.
    """
    package = name.replace("-", "_")
    sections = ["section2", "controls", *(["printed"] if table else [])]
    names = {
        "name": name,
        "key": paper.key,
        "package": package,
        "api": API,
        "description_literal": _literal(f"Claims of {_plain(paper.title)}, audited by claimbench"),
        "sections_literal": ", ".join(f'"{section}"' for section in sections),
        "table_statement": ', "Table 2"' if table else "",
        **_words(paper),
        **(_of_table(table) if table else {}),
    }
    found: dict[str, str] = {}
    for folder in ("pack", *(["table"] if table else [])):
        for path, text in _walk(_templates() / folder, PurePosixPath()):
            parts = [package if part == "package" else part.replace("dot-", ".", 1) for part in path.parts]
            found[str(PurePosixPath(*parts))] = Template(text).substitute(names)
    return found


def _of_table(table: PrintedTable) -> dict[str, str]:
    """The names that only the templates of a table have."""
    columns = (f'    {_python(column)}: "{slug(column)}",\n' for column in table.columns)
    return {
        "table_words": _plain(table.name),
        "label_python": _python(table.label),
        "columns_python": "".join(columns),
        "rows_toml": "\n".join(_toml_row(row) for row in table.rows),
    }


def _toml_row(row: Mapping[str, str]) -> str:
    return "\n[[rows]]\n" + "\n".join(f"{_literal(name)} = {_literal(text)}" for name, text in row.items())


def _words(paper: Paper) -> dict[str, str]:
    return {"words": _plain(paper.title), "title_python": _python(paper.title)}


def _plain(words: str) -> str:
    """Words that may stand in a docstring, a comment or a heading."""
    shown = "".join(letter if letter.isprintable() and letter != "\\" else " " for letter in words)
    return " ".join(shown.replace('"""', "'''").split()).rstrip('"')


def _literal(text: str) -> str:
    """A string as JSON and TOML write it, and Python reads it."""
    return re.sub(r"[\x7f-\x9f]", lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def _python(text: str) -> str:
    """A string as formatters of Python leave it: in the quotation marks of which it has fewer."""
    if text.count('"') <= text.count("'"):
        return _literal(text)
    inside = _literal(text)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{inside}'"


def _templates() -> Traversable:
    return resources.files("claims.cli") / "templates"


def _walk(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    """Every template of a folder: the path of what it becomes, and its text."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, path / entry.name)
        elif entry.name.endswith(".txt"):
            yield path / entry.name.removesuffix(".txt"), _text(entry)


def _text(template: Traversable) -> str:
    return template.read_text(encoding="utf-8")
