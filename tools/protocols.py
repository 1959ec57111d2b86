"""The page of estimators beside the straightforward protocols: rows of ``benchmarks/protocols.json``.

``python benchmarks/protocols.py --json benchmarks/protocols.json`` measures them, on a quiet machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "benchmarks" / "protocols.json"
HEAD = "| experiment | protocol, ms a seed | here, ms a seed | variance | sooner as narrow | why not more |\n"
_TITLE = """# Estimators beside the papers' protocols

An interval narrows with the root of the number of seeds. So what counts of an estimator is seconds a seed times the
variance between seeds, and *sooner as narrow* is how many times less of that it needs than the straightforward
protocol: that of the authors' scripts, one run a cell, 10,000 inputs each used once; or the definition, where a paper
has no script. Both are written out and held to one mean by tests. Intervals are at 95 %; *variance* is the protocol's
over ours.
"""


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.2g}" if value >= 1e5 else f"{value:.0f}"


def _line(row: Mapping[str, Any]) -> str:
    low, high = row["interval"]
    gain = f"{_number(row['gain'])} ({_number(low)} to {_number(high)})"
    cells = (
        row["name"],
        _number(1e3 * row["plain_seconds"]),
        _number(1e3 * row["our_seconds"]),
        _number(row["spread"]),
        gain,
        row["why"],
    )
    return f"| {' | '.join(cells)} |\n"


def table() -> str:
    """Markdown, from its first to its last line; empty without a record."""
    if not MEASURED.is_file():
        return ""
    rows = json.loads(MEASURED.read_text(encoding="utf-8"))["rows"]
    return HEAD + "| --- | --- | --- | --- | --- | --- |\n" + "".join(map(_line, rows))


def page() -> str:
    """The page in Markdown."""
    found = table()
    if not found:
        return f"{_TITLE}\nNot in the record yet: `python benchmarks/protocols.py --json benchmarks/protocols.json`.\n"
    record = json.loads(MEASURED.read_text(encoding="utf-8"))
    machine, _, _ = str(record["heading"]).partition("; ")
    load = f", load {record['load'][0]:.1f}" if record["load"] else ""
    return f"{_TITLE}\n{found}\nMeasured on {machine}{load}.\n"
