"""TOML from elsewhere: outlines, printed tables, names. One kind of error, and no more memory than the file needs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from claims.errors import InvalidDeclaration

#: Dots of a line, and of a text. ``tomllib`` takes time and memory with the square of the parts of a dotted key, and
#: more than a kilobyte for each part: half a megabyte of them was 20 GB.
_OF_LINE, _OF_TEXT = 1_000, 50_000
#: Bytes of a file that holds tables of one sort.
_LARGEST = 1_000_000


def parse(text: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises:
        ValueError: it is none, or of a shape that no file has that somebody wrote.
    """
    if text.count(".") > _OF_TEXT or any(line.count(".") > _OF_LINE for line in text.splitlines()):
        raise ValueError(f"more than {_OF_TEXT:,} dots, or {_OF_LINE:,} in a line")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def tables_of(path: Path, name: str) -> list[Any]:
    """The tables ``[[name]]`` of a file that holds nothing else; what each of them has is for the caller to check.

    Raises:
        InvalidDeclaration: no readable TOML file, or anything else in it; names the file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ValueError(f"more than {_LARGEST:,} bytes")
        document = parse(data.decode("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidDeclaration(f"{name}s", str(path), f"a TOML file that can be read ({error})") from error
    tables = document.get(name, [])
    if set(document) - {name} or not isinstance(tables, list):
        raise InvalidDeclaration(f"{name}s", sorted(document), f"tables [[{name}]]", where=str(path))
    return tables
