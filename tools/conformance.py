"""The tables of ``docs/reference/conformance.md``: formats by oracles, from the record that the comparison writes.

``python tools/conformance.py`` puts them there; a test holds the page to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from claims.kernels.conformance.report import ORACLES, library, recorded

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "conformance.md"
Row = Mapping[str, Any]


def _count(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number / 1e3:.0f} k" if number >= 1e4 else f"{number:,}"


def _reasons(rows: Iterable[Row]) -> dict[str, int]:
    """The number of each reason, in the order in which the rows give them."""
    found: dict[str, int] = {}
    for row in rows:
        for part in row["differences"]:
            found.setdefault(part["reason"], len(found) + 1)
    return found


def _cell(rows: list[Row], numbers: Mapping[str, int]) -> str:
    if not rows:
        return ""
    differing = sum(part["count"] for row in rows for part in row["differences"])
    used = sorted({numbers[part["reason"]] for row in rows for part in row["differences"]})
    marks = f" ({', '.join(map(str, used))})" if used else ""
    return f"{differing:,} of {_count(sum(row['compared'] for row in rows))}{marks}"


def matrix() -> str:
    """Markdown: a row a format, a column an oracle, a cell how many differ of how many, and the reasons' numbers."""
    versions, rows = recorded()
    numbers = _reasons(rows)
    lines = [
        "| | " + " | ".join(f"{name} {versions[name]}" for name in ORACLES) + " |",
        "| --- |" + " ---: |" * len(ORACLES),
    ]
    for form in dict.fromkeys(row["format"] for row in rows):
        of = [[row for row in rows if row["format"] == form and library(row["oracle"]) == name] for name in ORACLES]
        lines.append(f"| {form} | " + " | ".join(_cell(cell, numbers) for cell in of) + " |")
    return "\n".join(lines) + "\n"


def reasons() -> str:
    """Markdown: each reason, how many differences it explains, and the claims that measure it."""
    rows = recorded()[1]
    numbers = _reasons(rows)
    parts = [part for row in rows for part in row["differences"]]
    lines = ["| | why | differences | claims |", "| ---: | --- | ---: | --- |"]
    for text, number in numbers.items():
        of = [part for part in parts if part["reason"] == text]
        claims = ", ".join(f"`{name}`" for name in of[0]["claims"])
        count = f"{sum(part['count'] for part in of):,}"
        lines.append(f"| {number} | {text} | {f'*{count}*' if of[0]['by_machine'] else count} | {claims} |")
    return "\n".join(lines) + "\n"


def inputs() -> str:
    """Markdown: what was compared."""
    rows = recorded()[1]
    lines = ["| | inputs |", "| --- | --- |"]
    for text in dict.fromkeys(row["inputs"] for row in rows):
        names = dict.fromkeys(f"{row['format']} ({row['oracle']})" for row in rows if row["inputs"] == text)
        lines.append(f"| {', '.join(names)} | {text} |")
    return "\n".join(lines) + "\n"


TABLES = {"matrix": matrix, "reasons": reasons, "inputs": inputs}


def renewed(text: str) -> str:
    """The page with its tables as the record gives them. Raises ValueError where it has no place for one."""
    for name, table in TABLES.items():
        place = rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)"
        text, found = re.subn(place, lambda _, table=table: table(), text, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"{PAGE.name} has {found} places for the table {name}")
    return text


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
