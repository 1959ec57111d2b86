"""The tables of ``docs/explanation/speed.md``: parts of ``benchmarks/speed.json``, which ``make speed-record`` writes.

``python tools/speed.py`` puts each between its marks on the page; a test holds the page to the record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MEASURED, PAGE = ROOT / "benchmarks" / "speed.json", ROOT / "docs" / "explanation" / "speed.md"
MARK = re.compile(r"(?P<begin><!-- table: (?P<part>[a-z]+) -->\n).*?(?P<end><!-- end -->)", flags=re.DOTALL)
Row = Mapping[str, Any]
Columns = Mapping[str, Callable[[Row], object]]


def number(value: object) -> str:
    """As people read it: three digits, no exponent where none is needed."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e6):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def between(name: str) -> Callable[[Row], str]:
    """A number with its interval, kept as NAME_low and NAME_high."""

    def text(row: Row) -> str:
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        return number(row[name]) if low == high else f"{number(row[name])} ({number(low)} to {number(high)})"

    return text


def paired(name: str) -> Callable[[Row], str]:
    """A number with its interval, kept as a pair under ``interval``."""
    return lambda row: f"{number(row[name])} ({number(row['interval'][0])} to {number(row['interval'][1])})"


def share(name: str) -> Callable[[Row], str]:
    """A rate in percent."""
    return lambda row: f"{100 * row[name]:.3g} %"


def counted(name: str) -> Callable[[Row], str]:
    """How often, with the interval of the rate."""
    return lambda row: f"{row[name]} of {row['runs']} ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})"


def times(row: Row) -> str:
    """How many times faster than whom."""
    return "; ".join(f"{number(value)}x {peer}" for peer, value in row["ratios"].items())


COLUMNS: Mapping[str, Columns] = {
    "looks": {
        "from truth to edge": lambda row: row["distance"],
        "looks": lambda row: row["looks"],
        "seeds": lambda row: row["seeds"],
        "over the least": between("over_least"),
        "decided": share("decided"),
    },
    "protocols": {
        "experiment": lambda row: row["name"],
        "protocol, ms a seed": lambda row: 1e3 * row["plain_seconds"],
        "ours, ms a seed": lambda row: 1e3 * row["our_seconds"],
        "sooner as narrow, times": paired("gain"),
        "why not more": lambda row: row["why"],
    },
    "peers": {
        "claim": lambda row: f"`{row['claim']}`",
        "method": lambda row: row["method"],
        "seeds": between("seeds"),
        "seconds": lambda row: row["seconds"],
        "wrong at the edge": lambda row: f"{row['wrong_at_edge']:.1g}",
        "decides": share("decides"),
        "told beforehand": lambda row: row["told"],
    },
    "audits": {
        "command": lambda row: row["what"],
        "seconds": between("seconds"),
        "of the first": between("over_first"),
        "runs": lambda row: row["runs"],
    },
    "scaling": {
        "command": lambda row: row["what"],
        "of": lambda row: f"{row['count']:,} {row['of']}",
        "seconds of the processor": lambda row: row["seconds"],
        "seconds": lambda row: row["wall"],
        "megabytes": lambda row: row["megabytes"],
    },
    "cluster": {
        "executor": lambda row: row["executor"],
        "seeds a task": lambda row: row["seeds"],
        "microseconds of the parent a task": paired("microseconds"),
        "workers kept busy with tasks of so many seconds": lambda row: "; ".join(
            f"{count:,} with {length}" for length, count in row["workers"].items()
        ),
    },
    "digest": {
        "run": lambda row: row["name"],
        "seeds": lambda row: row["seeds"],
        "killed": lambda row: row["kills"],
        "evidence": lambda row: f"`{row['store'][:12]}`",
        "result": lambda row: f"`{row['result'][:12]}`",
        "seconds": lambda row: row["seconds"],
    },
    "kernels": {
        "kernel": lambda row: row["name"],
        "size": lambda row: row["shape"],
        "share of limit": lambda row: f"{row['of_limit']:.2f} of {row['limit']}",
        "times faster than": times,
    },
    "conformance": {
        "format": lambda row: row["format"],
        "held to": lambda row: row["oracle"],
        "compared": lambda row: row["compared"],
        "different, with a reason": lambda row: sum(each["count"] for each in row["differences"]),
    },
    "gate": {
        "kernel": lambda row: row["row"],
        "unchanged: passed": counted("passed"),
        "1.3 times as slow: caught": counted("caught"),
        "launches": lambda row: row.get("launches"),
    },
}
"""What of each part is shown; of one that is not here, every column that is flat."""


def cells(columns: Columns, rows: Sequence[Row]) -> Iterator[str]:
    """The lines of a table in Markdown."""
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
    for row in rows:
        texts = (number(column(row)).replace("|", "\\|").replace("\n", " ") for column in columns.values())
        yield f"| {' | '.join(texts)} |"


def picked(rows: Sequence[Row]) -> list[Row]:
    """Of the estimators, which have a page of their own: Table 2, and the others that gain least, median and most."""
    table_2 = [row for row in rows if row["name"].startswith("Table 2")]
    others = sorted((row for row in rows if row not in table_2), key=lambda row: row["gain"])
    ends = {0, 1, 2, len(others) // 2, len(others) - 1}
    return [*table_2, *(row for place, row in enumerate(others) if place in ends)]


def flat(rows: Sequence[Row]) -> Columns:
    """Every column that holds no list, in the order of the first row; an interval with its number."""

    def column(name: str) -> Callable[[Row], object]:
        return between(name) if f"{name}_low" in rows[0] else lambda row: row.get(name)

    plain = [name for name, value in rows[0].items() if not isinstance(value, list | dict)]
    return {name: column(name) for name in plain if not name.endswith(("_low", "_high"))}


def measured_on(part: Mapping[str, Any]) -> str:
    """Machine, time and load of a part, in a line."""
    here = part["environment"]
    load = "" if here["load"] is None else f", load {here['load']:.1f} before it"
    return f"Measured on {here['machine']}, {here['cores']} cores{load}, in {part['seconds']:.0f} seconds."


def block(name: str, parts: Mapping[str, Mapping[str, Any]]) -> str:
    """What stands between the marks of a part; one that the record does not have says so."""
    if name not in parts:
        return f'\nNot in the record yet: `make speed-record PARTS="{name}"`.\n\n'
    part = parts[name]
    rows = picked(part["rows"]) if name == "protocols" else part["rows"]
    table = "\n".join(cells(COLUMNS.get(name) or flat(rows), rows))
    return f"\n{table}\n\n{measured_on(part)}\n\n"


def page(text: str, record: Mapping[str, Any]) -> str:
    """The page with the tables of the record.

    Raises:
        SystemExit: it has no marks for a part of the record.
    """
    parts = {part["name"]: part for part in record["parts"] if part["rows"]}
    marked = [found["part"] for found in MARK.finditer(text)]
    if lost := sorted(set(parts) - set(marked)):
        raise SystemExit(f"{PAGE} has no marks for {', '.join(lost)}")
    return MARK.sub(lambda found: f"{found['begin']}{block(found['part'], parts)}{found['end']}", text)


def main() -> None:
    """Renew the page."""
    record = json.loads(MEASURED.read_text(encoding="utf-8"))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), record), encoding="utf-8")


if __name__ == "__main__":
    main()
