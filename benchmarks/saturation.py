"""What the audit itself spends on a task, by executor, and how many workers it therefore keeps busy.

``python benchmarks/saturation.py [--json FILE]`` audits claims whose experiment does nearly nothing, and that no number
of seeds decides, into stores on disk. Counted is the processor time of the audit's own process from one task to the
next: making the task, handing it out, taking what came back, deciding and writing. With ``serial`` the measuring is in
it; with ``dask:local:N`` the scheduler is, which a cluster has elsewhere. Executors take turns, round by round; the
interval is Student's, 95 %, over rounds.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy is loaded

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.limits import machine
from claims.auditing.loop import Observer, run
from claims.auditing.planning import plan
from claims.bands import at_least
from claims.claim import Claim
from claims.evidence.store import Store
from claims.experiment import experiment, grid
from claims.kinds import mean
from claims.kinds.intervals import t_interval
from claims.report.numbers import counted
from claims.verdict import Tier

ROOT = Path(__file__).parents[1]
EXECUTORS = ("serial", "process:2", "dask:local:2")
#: Seeds of a task, by the seconds that a seed is declared to take: cheap ones go eight at a time, dear ones alone.
SIZES = {8: 1e-4, 1: 1.0}
#: Seconds of a task for which the number of workers is given; half a second is what tasks of cheap seeds aim at.
TASKS = (0.05, 0.5, 5.0, 50.0)
#: Tasks of one run, and those of them before the clock is looked at, which pay for starting.
_RUN, _BEFORE = 160, 40
ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Row:
    """Overhead of a task: processor time of the audit in microseconds, with its interval."""

    executor: str
    seeds: int
    microseconds: float
    interval: tuple[float, float]

    def workers(self, seconds: float) -> int:
        """How many workers it keeps busy with tasks that take so long."""
        return int(seconds * 1e6 / self.microseconds)


def claims(seeds: int, number: int) -> list[Claim]:
    """Claims that stay undecided and take so many tasks of that many seeds, about points of their own."""
    idle = experiment("benchmarks.nothing:nothing", seconds=SIZES[seeds])
    band = at_least(0.0, provenance="author", because="the mean is on the edge")
    most = 64
    return [
        Claim(
            id=f"saturation.{seeds}.{number}.{each}",
            locus="overhead",
            statement="The mean of numbers around zero is not negative.",
            test=mean(idle["x"]),
            at=grid(number=[number], each=[each]),
            band=band,
            rival=-9.0,
            most_seeds=most,
        )
        for each in range(-(-_RUN * seeds // most))
    ]


def once(executor: str, seeds: int, number: int) -> float:
    """Processor microseconds of a task, from one audit."""
    clock: list[float] = []
    planned = plan(claims(seeds, number), tier=Tier.SMOKE, paths=(str(ROOT),))
    observer = Observer(measured=lambda measurement, count, seconds: clock.append(time.process_time()))
    with tempfile.TemporaryDirectory(prefix="claims-saturation-") as folder, Store(Path(folder) / "e.sqlite") as store:
        run(planned, store, executor=executor, observer=observer)
    if len(clock) < _RUN:
        raise RuntimeError(f"{executor}: {len(clock)} tasks of {seeds} seeds, not {_RUN}")
    return 1e6 * (clock[-1] - clock[_BEFORE]) / (len(clock) - 1 - _BEFORE)


def measured(rounds: int) -> list[Row]:
    """Every executor and size, in turns."""
    found: dict[tuple[str, int], list[float]] = {(each, seeds): [] for each in EXECUTORS for seeds in SIZES}
    for number in range(rounds + 1):
        for (executor, seeds), values in found.items():
            values.append(once(executor, seeds, number))
    return [_row(executor, seeds, np.asarray(values[1:])) for (executor, seeds), values in found.items()]


def _row(executor: str, seeds: int, values: np.ndarray) -> Row:
    return Row(executor=executor, seeds=seeds, microseconds=float(values.mean()), interval=t_interval(values, ALPHA))


def record(rows: Sequence[Row], rounds: int) -> dict[str, Any]:
    """What was measured, and what follows from it, as plain data."""
    lines = [asdict(row) | {"workers": {f"{each:g}": row.workers(each) for each in TASKS}} for row in rows]
    return {"machine": machine(), "python": sys.version.split()[0], "rounds": rounds, "alpha": ALPHA, "rows": lines}


def line(row: Row) -> str:
    """A row in words."""
    low, high = (edge / 1e3 for edge in row.interval)
    busy = ", ".join(f"{row.workers(each):,} with {each:g} s" for each in TASKS)
    spent = f"{row.microseconds / 1e3:.2f} ms ({low:.2f} to {high:.2f}) for a task of {counted(row.seeds, 'seed')}"
    return f"{row.executor:14}{spent}; keeps busy {busy}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(
        description="What an audit spends on a task, and how many workers that keeps busy."
    )
    parser.add_argument("--rounds", type=int, default=8, metavar="N", help="rounds (default 8, and one to warm up)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the record there as well")
    given = parser.parse_args(arguments)
    if given.rounds < 2:
        parser.error("--rounds: an interval needs at least 2")
    rows = measured(given.rounds)
    print(machine(), *map(line, rows), sep="\n")
    if given.json is not None:
        given.json.write_text(json.dumps(record(rows, given.rounds), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
