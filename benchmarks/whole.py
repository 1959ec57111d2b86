"""Whole audits of the catalogue at the smoke tier: the first one, the same again with nothing to measure, the list.

``python benchmarks/whole.py [SELECT]... [--rounds 3] [--json FILE]`` runs each command in a process of its own, with
its report and result as a user has them, from a fresh store every round; what is repeated takes AGAIN turns with the
start of Python in each. Intervals (95 %) are Student's over all of them; ``over_first`` is paired by round.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from benchmarks.records import mean_interval, table_file, write

ROUNDS, AGAIN = 3, 3
FIRST, UNCHANGED, LIST, PYTHON = "first audit", "unchanged audit", "list", "python -c ''"
_CALL = ["-c", "import sys; from claims.cli import main; sys.exit(main())"]


def seconds(arguments: Sequence[str], folder: str, *, may: frozenset[int] = frozenset({0})) -> float:
    """Of a fresh interpreter.

    Raises ``RuntimeError`` with what it said where its status is another.
    """
    begin = time.perf_counter()
    ended = subprocess.run([sys.executable, *arguments], cwd=folder, check=False, capture_output=True, text=True)
    taken = time.perf_counter() - begin
    if ended.returncode not in may:
        raise RuntimeError(f"{arguments[-1]} ended with {ended.returncode}: {ended.stderr[-2000:]}")
    return taken


def once(select: Sequence[str], taken: dict[str, list[float]]) -> None:
    """One round, from nothing."""
    audit = [*_CALL, "audit", *select, "--tier", "smoke", "--model", "none", "--report", "report", "--json", "out.json"]
    verdicts = frozenset({0, 1, 3})  # whatever was decided, it has ended
    with tempfile.TemporaryDirectory() as folder:
        taken[FIRST].append(seconds(audit, folder, may=verdicts))
        for _ in range(AGAIN):
            taken[UNCHANGED].append(seconds(audit, folder, may=verdicts))
            taken[LIST].append(seconds([*_CALL, "list", *select], folder))
            taken[PYTHON].append(seconds(["-c", ""], folder))


def rows(select: Sequence[str], rounds: int) -> list[dict[str, Any]]:
    """A line for each command."""
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        once(select, taken)
    found = []
    for what, times in taken.items():
        first = [time for time in taken[FIRST] for _ in range(len(times) // rounds)]
        over = mean_interval([time / other for time, other in zip(times, first, strict=True)])
        line = {"what": what, "runs": len(times)} | mean_interval(times).named("seconds")
        found.append(line | over.named("over_first"))
    return found


def show(row: Mapping[str, Any]) -> str:
    """A line of the table."""
    spent = f"{row['seconds']:8.2f} s [{row['seconds_low']:.2f}, {row['seconds_high']:.2f}]"
    return f"{row['what']:20}{row['runs']:3} runs{spent:28}{row['over_first']:8.3f} of the first"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="A smoke audit of the catalogue, the same again, and the list.")
    parser.add_argument("select", nargs="*", help="as for claimbench audit; every claim if nothing is given")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"first audits (default {ROUNDS})")
    parser.add_argument("--json", type=table_file, metavar="FILE", help="write the table there as well")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"got --rounds {options.rounds}; allowed: at least 1")
    found = rows(options.select, options.rounds)
    for row in found:
        print(show(row))
    if options.json:
        write(options.json, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
