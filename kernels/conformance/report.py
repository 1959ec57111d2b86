"""Run the cases, hold their counts to the record, print formats by oracles."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from claims.kernels.conformance import blocks, elements, four_bit
from claims.kernels.conformance.tally import Case, Tally

RECORD = Path(__file__).with_name("record.json")
ORACLES = ("gfloat", "gguf", "ml_dtypes", "torch", "torchao")
Row = dict[str, Any]


def cases() -> Iterator[Case]:
    """All of them: elements and scales, MX blocks, NVFP4 and ternary codes."""
    for module in (elements, blocks, four_bit):
        yield from module.cases()


def library(oracle: str) -> str:
    """The distribution that an oracle is of."""
    return oracle.partition(" ")[0]


def versions() -> dict[str, str]:
    """Of the oracles that are installed, without a local build tag such as +cpu."""
    found = {}
    for name in ORACLES:
        try:
            found[name] = version(name).partition("+")[0]
        except PackageNotFoundError:
            continue
    return found


def row_of(case: Case, counted: Tally) -> Row:
    """What the record keeps of a case."""
    reasons = {reason.text: reason for reason in case.reasons}
    differences = [
        {"count": count, "reason": text, "claims": list(reasons[text].claims), "by_machine": reasons[text].by_machine}
        for text, count in sorted(counted.differences.items(), key=lambda item: -item[1])
    ]
    facts = {"format": case.format, "oracle": case.oracle, "inputs": case.inputs}
    return facts | {"compared": counted.compared, "differences": differences}


def recorded() -> tuple[dict[str, str], list[Row]]:
    """Versions of the oracles, and rows, of the record."""
    content = json.loads(RECORD.read_text(encoding="utf-8"))
    return content["versions"], content["rows"]


def write_record(rows: Sequence[Row]) -> None:
    """Make these rows the record, a row a line."""
    lines = ",\n".join(f"    {json.dumps(row)}" for row in rows)
    text = f'{{\n  "versions": {json.dumps(versions())},\n  "rows": [\n{lines}\n  ]\n}}\n'
    RECORD.write_text(text, encoding="utf-8")


def _promised(row: Row) -> Row:
    """What the record promises of a row: all counts that do not hang on the machine."""
    return row | {"differences": [part for part in row["differences"] if not part["by_machine"]]}


def objections(rows: Sequence[Row], known: Sequence[Row], unlike: Mapping[str, str]) -> list[str]:
    """Where rows are other than recorded, but for oracles that are of another version (or not here)."""

    def key(row: Row) -> tuple[str, str, str]:
        return row["format"], row["oracle"], row["inputs"]

    was, now = (
        {key(row): _promised(row) for row in of if library(row["oracle"]) not in unlike} for of in (known, rows)
    )
    found = [f"{' / '.join(one)} is not recorded" for one in now if one not in was]
    found += [f"{' / '.join(one)} is recorded but was not compared" for one in was if one not in now]
    for one in now.keys() & was.keys():
        if now[one] != was[one]:
            counts = [{part["reason"]: part["count"] for part in row["differences"]} for row in (was[one], now[one])]
            found.append(f"{' / '.join(one)}: {counts[0]} recorded, {counts[1]} now")
    return sorted(found)


def measure(here: Mapping[str, str]) -> tuple[list[Row], list[str]]:
    """Rows of the cases whose oracle is installed, printed as they come, and what has no reason."""
    rows, wrong = [], []
    for case in cases():
        if library(case.oracle) not in here:
            continue
        began = time.monotonic()
        counted = case.run()
        rows.append(row_of(case, counted))
        differing = sum(counted.differences.values())
        took = time.monotonic() - began
        line = f"{case.format:18} {case.oracle:12} {counted.compared:9,} compared {differing:8,} differ, with a reason"
        print(f"{line} {counted.unexplained:6,} without {took:6.1f} s", flush=True)
        if counted.unexplained:
            wrong.append(f"{case.format} / {case.oracle}: {counted.unexplained} without a reason, {counted.first}")
    return rows, wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m claims.kernels.conformance", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the counts of this run as the record")
    options = parser.parse_args(arguments)
    here = versions()
    missing = [name for name in ORACLES if name not in here]
    if missing:
        print(f"not installed, not compared: {', '.join(missing)} (pip install 'claimbench[oracles,models]')")
    if not here:
        return 2
    rows, wrong = measure(here)
    if options.record and not wrong and not missing:
        write_record(rows)
        print("recorded for " + ", ".join(f"{name} {number}" for name, number in here.items()))
    elif options.record:
        wrong += [f"not recorded: {name} is not installed" for name in missing]
    else:
        then, known = recorded()
        unlike = {name: number for name, number in then.items() if here.get(name) != number}
        for name, number in unlike.items():
            print(f"recorded with {name} {number}, here is {here.get(name, 'none')}: not compared with the record")
        wrong += objections(rows, known, unlike)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0
