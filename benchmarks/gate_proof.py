"""Does the gate of speed do what it says? An unchanged tree has to pass, each kernel made 1.3 times as dear be caught.

``python benchmarks/gate_proof.py [N] [ROWS]`` has N gates decide about HEAD beside itself, and N about HEAD with every
row made as slow as CAUGHT says. Rows are decided one by one, so the N planted runs are N for each row; both gates of a
run share their launches, and are otherwise as ``make bench-gate`` has them, the factor that allows for the number of
rows too. What has been found is kept in the file of ``--kept`` after each run, where a later call goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

sys.path.append(str(Path(__file__).parents[1]))

from benchmarks.base_tree import FOLDER, ROOT, NoTree, tree_of
from benchmarks.gate import CAUGHT, FAST, SLOWER, Line, chosen, compare
from benchmarks.gate_sides import NotCompared
from benchmarks.records import rate_interval, table_file, write

RUNS = 20
#: What a launch runs of a tree.
MEASURED = ("kernels", "setup.py")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one gate said of a row: the tree as it is, and the row planted; launches that the later of both took."""

    row: str
    unchanged: str
    planted: str
    launches: int

    @property
    def right(self) -> bool:
        """Whether both are what they have to be."""
        return self.unchanged == FAST and self.planted == SLOWER


@dataclass(frozen=True, kw_only=True)
class Record:
    """The runs so far, of what and on which machine."""

    commit: str
    factor: float
    rows: list[str]
    machine: str
    seconds: float
    runs: list[list[Outcome]]

    @classmethod
    def read(cls, file: Path) -> Self:
        """The record in a file.

        Raises:
            NotCompared: it is none.
        """
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            return cls(**told | {"runs": [[Outcome(**each) for each in run] for run in told["runs"]]})
        except (ValueError, TypeError, KeyError) as problem:
            raise NotCompared(f"{file} is no record of such runs ({problem}): name another file", 2) from problem

    def write(self, file: Path) -> None:
        """Whole or not at all."""
        beside = file.with_name(f"{file.name}.{os.getpid()}")
        beside.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        beside.replace(file)

    def with_run(self, outcomes: list[Outcome], *, machine: str, seconds: float) -> Record:
        """And one run more.

        Raises:
            NotCompared: it was made on another machine.
        """
        if self.runs and machine != self.machine:
            raise NotCompared(
                f"other machine, not compared: the runs before are of {self.machine}, here is {machine}", 4
            )
        told = vars(self) | {"machine": machine, "seconds": self.seconds + seconds, "runs": [*self.runs, outcomes]}
        return Record(**told)


def gates(base: Path, rows: Sequence[str]) -> tuple[list[Outcome], str]:
    """One gate about the tree as it is and one with every row planted; and the machine."""
    pairs = [(Line(row), Line(row, slower=CAUGHT)) for row in rows]
    machine = compare(base, [line for pair in pairs for line in pair])
    return [outcome(*pair) for pair in pairs], machine


def outcome(as_is: Line, planted: Line) -> Outcome:
    """What became of the two lines of a row."""
    launches = max(len(as_is.ratios), len(planted.ratios))
    return Outcome(row=as_is.name, unchanged=as_is.verdict, planted=planted.verdict, launches=launches)


def table(record: Record) -> list[dict[str, Any]]:
    """How often each row passed and was caught, as flat rows, and how often whole gates were right."""
    by_row = [[run[place] for run in record.runs] for place in range(len(record.rows))]
    rows = [
        _counted(row, [each.unchanged == FAST for each in found], [each.planted == SLOWER for each in found])
        | {"launches": sum(each.launches for each in found) / len(found)}
        for row, found in zip(record.rows, by_row, strict=True)
    ]
    whole = [all(each.unchanged == FAST for each in run) for run in record.runs]
    caught = [all(each.planted == SLOWER for each in run) for run in record.runs]
    return [*rows, _counted("all of them", whole, caught)]


def _counted(row: str, passed: Sequence[bool], caught: Sequence[bool]) -> dict[str, Any]:
    found: dict[str, Any] = {"row": row, "runs": len(passed)}
    for name, each in (("passed", passed), ("caught", caught)):
        found[name] = sum(each)
        rate = rate_interval(sum(each), len(each))
        found |= {f"{name}_low": rate.low, f"{name}_high": rate.high}
    return found


def show(row: Mapping[str, Any]) -> str:
    """A line of the table."""
    counts = (
        f"{row[name]:4} of {row['runs']} [{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]"
        for name in ("passed", "caught")
    )
    launches = f"{row['launches']:8.1f}" if "launches" in row else ""
    return f"{row['row']:32}{'  '.join(counts)}{launches}"


def begun(file: Path, rows: list[str]) -> tuple[Path, Record]:
    """HEAD's tree and the record to go on with.

    Raises:
        NotCompared: the record that is there is of something else, or the kernels here are not HEAD's.
        NoTree: HEAD cannot be measured.
    """
    base = tree_of("HEAD")
    if subprocess.run(["git", "-C", str(ROOT), "diff", "--quiet", "HEAD", "--", *MEASURED], check=False).returncode:
        raise NotCompared(f"{' or '.join(MEASURED)} is not as in HEAD: an unchanged tree is what has to pass", 2)
    fresh = Record(commit=base.name, factor=CAUGHT, rows=rows, machine="", seconds=0.0, runs=[])
    if not file.exists():
        return base, fresh
    found = Record.read(file)
    for name in ("commit", "factor", "rows"):
        if getattr(found, name) != getattr(fresh, name):
            told = f"{file} has {name} {getattr(found, name)}, this is {getattr(fresh, name)}: name another file"
            raise NotCompared(told, 2)
    return base, found


def prove(record: Record, base: Path, *, runs: int, file: Path) -> Record:
    """Run gates until there are so many runs."""
    while len(record.runs) < runs:
        start = time.monotonic()
        outcomes, machine = gates(base, record.rows)
        record = record.with_run(outcomes, machine=machine, seconds=time.monotonic() - start)
        record.write(file)
        wrong = ", ".join(f"{each.row} ({each.unchanged}, {each.planted})" for each in outcomes if not each.right)
        told = f"run {len(record.runs)} of {runs}, {record.seconds:.0f} s: {wrong or 'as it has to be'}"
        print(told, file=sys.stderr, flush=True)
    return record


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        description="Count how often the gate passes HEAD beside itself, and notices each row made 1.3 times as slow.",
        epilog="status: 0 every time, 1 not, 2 bad usage, 4 nothing was measured",
    )
    parser.add_argument("runs", nargs="?", type=int, default=RUNS, metavar="N", help=f"gates of each (default {RUNS})")
    parser.add_argument("only", nargs="*", metavar="ROWS", help="rows whose name contains one of these; all if none")
    parser.add_argument(
        "--kept", type=table_file, metavar="FILE", help="where runs are kept (default: beside the tree)"
    )
    parser.add_argument("--json", type=table_file, metavar="FILE", help="write the table there as well")
    options = parser.parse_args(arguments)
    rows = chosen(options.only)
    if options.runs < 1 or not rows:
        parser.error(f"got {options.runs} runs of {len(rows)} rows; allowed: at least one of each")
    try:
        base = tree_of("HEAD")
        file = options.kept or FOLDER / f"proof-{base.name}-{'-'.join(options.only) or 'all'}.json".replace(" ", "_")
        base, record = begun(file, rows)
        record = prove(record, base, runs=options.runs, file=file)
    except (NoTree, NotCompared) as reason:
        print(f"nothing is compared: {reason}", file=sys.stderr)
        return reason.status
    print(f"{record.machine}; commit {record.commit[:12]}, {record.seconds:.0f} s")
    print(f"{'':32}{'unchanged: passed':25}{f'{CAUGHT} times as slow: caught':24}launches")
    counted = table(record)
    for row in counted:
        print(show(row))
    if options.json:
        write(options.json, counted, commit=record.commit, factor=record.factor, seconds=record.seconds)
    return 0 if all(row["passed"] == row["caught"] == row["runs"] for row in counted) else 1


if __name__ == "__main__":
    sys.exit(main())
