"""Every table of speed in one command, ratios with their intervals and peers in the same run: ``make speed``.

``python benchmarks/speed.py [PART]... [--quick] [--json FILE]`` runs the scripts of its parts one after the other, each
in a process of its own, and says what each took. With ``--json`` the tables are kept together in one file; parts that
did not run stay there as they are; each says which machine it is of. The status is 1 if a part has failed: its script
says why, and the others run all the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from benchmarks.records import environment, table_file

ROOT = Path(__file__).parents[1]
FOLDER = "benchmarks"
CONFORMANCE = ROOT / "kernels" / "conformance" / "record.json"
#: One run of the gate's proof here; ``make bench-gate-proof`` makes twenty, and this shows them all.
GATES = "1"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One table: the script that measures it, with what it is given, and what is enough to see that it runs."""

    name: str
    title: str
    script: str
    options: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()

    def command(self, table: Path, *, quick: bool) -> list[str]:
        """What is run, from the root.

        Raises:
            FileNotFoundError: this checkout has no such script.
        """
        if self.name == "conformance":  # its record is held to what it counts
            return [sys.executable, "-m", self.script]
        if not (ROOT / FOLDER / self.script).is_file():
            raise FileNotFoundError(f"part {self.name}: this checkout has no {FOLDER}/{self.script}")
        script = str(Path(FOLDER, self.script))
        return [sys.executable, "-P", script, *(self.quick if quick else self.options), "--json", str(table)]

    def rows(self, table: Path) -> list[dict[str, Any]]:
        """The rows that its script has written; none if there are none."""
        table = CONFORMANCE if self.name == "conformance" else table
        if not table.is_file():
            return []
        content = json.loads(table.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = content.get("rows", content.get("ways", []))
        return found


PARTS = (
    Part(name="looks", title="seeds over the least", script="looks.py", quick=("--paths", "200")),
    Part(
        name="protocols",
        title="estimators beside the papers' straightforward protocols",
        script="protocols.py",
        options=("--seconds", "4"),
        quick=("--quick", "--seconds", "0.1", "Table 2, n = 512"),
    ),
    Part(
        name="peers",
        title="verdicts beside what people write today",
        script="harness_peers.py",
        quick=("--epochs", "2", "sign-magnitude.cor1.rate"),
    ),
    Part(
        name="audits",
        title="whole audits, first and unchanged",
        script="whole.py",
        quick=("sign-magnitude.cor1.rate", "--rounds", "1"),
    ),
    Part(
        name="scaling",
        title="how audits grow with claims and seeds",
        script="scaling.py",
        options=("--most-claims", "2000", "--most-seeds", "100000"),  # make its own record for a decade more
        quick=("--most-claims", "20", "--most-seeds", "1000"),
    ),
    Part(
        name="cluster",
        title="what a task costs, and where one process is busy",
        script="saturation.py",
        quick=("--rounds", "2"),
    ),
    Part(
        name="digest",
        title="one digest, however it was run",
        script="same_digest.py",
        quick=("--shards", "3"),
    ),
    Part(
        name="kernels",
        title="kernels at their limits, beside their peers",
        script="kernels_table.py",
        options=("--seconds", "1"),
        quick=("rms_norm_jvp", "--seconds", "0.1", "--without", "compile"),
    ),
    Part(name="conformance", title="formats beside other implementations", script="claims.kernels.conformance"),
    Part(
        name="gate",
        title="the gate of speed: what passes, and what is caught",
        script="gate_proof.py",
        options=(GATES,),
        quick=("1", "ternary product float32"),
    ),
)
NAMES = tuple(part.name for part in PARTS)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a part."""

    name: str
    title: str
    commit: str
    status: int
    seconds: float
    environment: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]] = field(default_factory=list)


def ran(part: Part, *, quick: bool) -> Outcome:
    """Run a part; what its script prints is seen as it comes."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.json"
        here, begin = environment(), time.monotonic()
        try:
            command = part.command(table, quick=quick)
        except FileNotFoundError as missing:
            print(missing, file=sys.stderr, flush=True)
            status = 2
        else:
            paths = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
            single = {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
            status = subprocess.run(command, cwd=ROOT, env=os.environ | single, check=False).returncode
        rows = part.rows(table)
    if not status and not rows:
        print(f"part {part.name}: {part.script} has written no rows", file=sys.stderr)
        status = 4
    return Outcome(
        name=part.name,
        title=part.title,
        commit=_commit(),
        status=status,
        seconds=time.monotonic() - begin,
        environment=here,
        rows=rows,
    )


def _commit() -> str:
    """Of this checkout; "" where there is none."""
    told = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], check=False, capture_output=True, text=True)
    return told.stdout.strip()


def kept(file: Path, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The record with these parts in place of those of the same name, in the order of PARTS.

    Figures are compared inside a part, which says what machine it is of; the next one may be of another.
    """
    before = json.loads(file.read_text(encoding="utf-8"))["parts"] if file.is_file() else []
    now = {outcome.name: asdict(outcome) for outcome in outcomes}
    stay = {part["name"]: part for part in before if part["name"] not in now}
    both = stay | now
    return {"parts": [both[name] for name in NAMES if name in both]}


def write(file: Path, record: Mapping[str, Any]) -> None:
    """The record, whole or not at all."""
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    beside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    beside.replace(file)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        description="Every table of speed, one after the other.",
        epilog="status: 0, 1 a part has failed, 2 bad usage or a part that is not here",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(NAMES)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="a little of each, to see that it runs")
    parser.add_argument("--json", type=table_file, metavar="FILE", help="keep the tables there")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.parts) - set(NAMES)):
        parser.error(f"got part {', '.join(unknown)}; allowed: {', '.join(NAMES)}")
    if options.quick and options.json:
        parser.error("--quick measures too little to be kept: either it or --json")
    chosen = [part for part in PARTS if not options.parts or part.name in options.parts]
    begin, outcomes = time.monotonic(), list[Outcome]()
    for place, part in enumerate(chosen, 1):
        print(f"\n== {place} of {len(chosen)}, {part.name}: {part.title}", flush=True)
        outcomes.append(ran(part, quick=options.quick))
        print(f"== {part.name}: {outcomes[-1].seconds:.0f} s, status {outcomes[-1].status}", flush=True)
        if options.json:
            write(options.json, kept(options.json, outcomes))
    failed = {outcome.name: outcome.status for outcome in outcomes if outcome.status}
    told = f"failed: {', '.join(failed)}" if failed else "all of them came to an end"
    print(f"\n{len(outcomes)} tables in {time.monotonic() - begin:.0f} s; {told}")
    return 2 if 2 in failed.values() else min(1, len(failed))


if __name__ == "__main__":
    sys.exit(main())
