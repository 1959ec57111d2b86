"""The table of faults, at length: damaged stores, and audits that are disturbed.

``run.py [--corruptions N] [--schedules N] [--kills N] [--seed S]``; ``--only NUMBER`` repeats one damaged store,
``--schedule NUMBER`` one schedule.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.append(str(HERE))

from corruption import KINDS, cases, specimens  # noqa: E402
from kills import lines as killed  # noqa: E402
from simulation.faults import THEMES  # noqa: E402
from simulation.schedule import simulate  # noqa: E402
from simulation.world import world  # noqa: E402
from table import Line, shown, total  # noqa: E402


def corruptions(folder: Path, *, seed: int, numbers: range, show: bool = False) -> tuple[list[Line], list[str]]:
    """The lines of damaged stores, and in words each case that came out as it must not."""
    lines = {kind: Line(kind) for kind in KINDS}
    bad = []
    for case in cases(specimens(folder / "specimens"), folder / "case", seed=seed, numbers=numbers):
        lines[case.kind].count(case.outcome)
        if show or case.outcome in ("lost", "wrong", "traceback"):
            bad.append(f"{case.number}: {case.kind} of {case.specimen}, {case.what}: {case.outcome}: {case.words}")
    return list(lines.values()), bad


def simulations(folder: Path, *, numbers: range, show: bool = False) -> tuple[list[Line], list[str]]:
    """The lines of schedules by their theme, and in words each that came out as it must not."""
    lines = {theme: Line(f"audits: {theme}") for theme in THEMES}
    bad = []
    with world(folder) as made:
        for seed in numbers:
            report = simulate(made, folder / "schedule", seed)
            lines[report.theme].count(report.outcome)
            if show or report.outcome in ("lost", "wrong", "traceback"):
                bad += report.trace if show else []
                bad.append(f"schedule {seed}: {report.theme}: {report.outcome}: {report.words}")
    return list(lines.values()), bad


def simulations_at_once(folder: Path, *, numbers: range, processes: int) -> tuple[list[Line], list[str]]:
    """The same of many, dealt out to processes."""
    folders = [folder / f"part-{index}" for index in range(processes)]
    for part in folders:
        part.mkdir()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        parts = [
            pool.submit(simulations, part, numbers=numbers[index::processes]) for index, part in enumerate(folders)
        ]
        found = [part.result() for part in parts]
    lines = [total(same, kind=same[0].kind) for same in zip(*(lines for lines, _ in found), strict=True)]
    return lines, [words for _, bad in found for words in bad]


def memory() -> str | None:
    """A folder in memory, where there is one: to sync a file costs nothing there."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def main() -> int:
    """Print the table; 0 if nothing was lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corruptions", type=int, default=10_000, metavar="N")
    parser.add_argument("--schedules", type=int, default=10_000, metavar="N")
    parser.add_argument("--kills", type=int, default=200, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="Root of all damaged stores and kills.")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="Repeat one of them, and show what was said.")
    parser.add_argument("--schedule", type=int, metavar="NUMBER", help="Repeat a schedule, and show what happened.")
    given = parser.parse_args()
    one = given.only is not None or given.schedule is not None
    damaged, schedules = range(given.corruptions), range(given.schedules)
    if one:
        damaged, schedules = (range(at or 0, -1 if at is None else at + 1) for at in (given.only, given.schedule))
    with tempfile.TemporaryDirectory(prefix="claims-faults-", dir=memory()) as name:
        folder = Path(name)
        lines, bad = corruptions(folder, seed=given.seed, numbers=damaged, show=one) if damaged else ([], [])
        if schedules:
            count = os.cpu_count() or 1
            more, worse = (
                simulations(folder, numbers=schedules, show=True)
                if one
                else simulations_at_once(folder, numbers=schedules, processes=count)
            )
            lines, bad = [*lines, *more], [*bad, *worse]
    if given.kills and not one:
        found, words = killed(seed=given.seed, kills=given.kills)
        lines, bad = [*lines, *found], [*bad, *words]
    print(shown(line for line in lines if line.tried))
    for words in bad:
        print(words)
    return 2 if total(lines).bad else 0


if __name__ == "__main__":
    sys.exit(main())
