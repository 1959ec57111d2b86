"""TOML from elsewhere: outlines, printed tables, names. One kind of error, and no more memory than the file needs."""

from __future__ import annotations

import tomllib
from typing import Any

#: Dots of a line, and of a text. ``tomllib`` takes time and memory with the square of the parts of a dotted key, and
#: more than a kilobyte for each part: half a megabyte of them was 20 GB.
_OF_LINE, _OF_TEXT = 1_000, 50_000


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
