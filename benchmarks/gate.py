"""Has a kernel become slower? The working tree beside a base commit, on this machine, in turns: ``make bench-gate``.

Two processes, one a tree, run the same rows; while one is timed the other waits. What differs between two processes of
the same code (where memory lies, what the machine does) is noise too, so a *launch*, a fresh pair of processes, is the
unit: each gives one ratio a row, the median over rounds in which base and head take turns. More pairs are launched
until the interval of the mean log ratio tells the two edges apart: ``slower`` where all of it lies above SAME, ``as
fast`` where all of it lies below CAUGHT. A kernel that costs at most SAME times as much is called slower with
probability ALPHA at most in a whole run, one that costs CAUGHT times is missed with ALPHA at most, by t intervals;
between the two either may be said. The noise of each row decides how many launches that takes. A row that needs more
than the last look is open (status 3); a wrong result is red however fast it is.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from benchmarks.base_tree import ROOT, NoTree, tree_of
from benchmarks.gate_sides import NotCompared, Side, ratios_of
from benchmarks.kernels import OPERATIONS

#: Costs that are as good as the same, and those that have to be noticed: ratios of times.
SAME, CAUGHT = 1.05, 1.3
#: Probability of a false alarm, and of missing a kernel at CAUGHT, in a whole run.
ALPHA = 1e-3
#: Launches after which a row may be decided.
LOOKS = (5, 7, 10, 14, 20, 28, 40)
SLOWER, FAST, WRONG, OPEN, APART = "slower", "as fast", "wrong", "open", "not compared"


@dataclass
class Line:
    """What is known of a row: the ratio of times, head over base, of each launch; or why there is none.

    ``slower`` is what the row is made to cost here, to see that it is noticed.
    """

    name: str
    ratios: list[float] = field(default_factory=list)
    verdict: str = OPEN
    reason: str = ""
    slower: float = 1.0

    def interval(self, alpha: float) -> tuple[float, float]:
        """Of the ratio: Student's t on logarithms, ``alpha`` on each side."""
        from scipy.stats import t

        logs = [math.log(ratio) for ratio in self.ratios]
        half = t.isf(alpha, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
        middle = statistics.fmean(logs)
        return math.exp(middle - half), math.exp(middle + half)

    def look(self, rows: int) -> None:
        """Decide if this is one of the LOOKS and the interval allows it."""
        if self.verdict is not OPEN or len(self.ratios) not in LOOKS:
            return
        low = self.interval(ALPHA / len(LOOKS) / rows)[0]  # any false alarm among the rows is one
        high = self.interval(ALPHA / len(LOOKS))[1]
        if low > SAME:
            self.verdict = SLOWER
        elif high < CAUGHT:
            self.verdict = FAST


def launch(base: Path, lines: Sequence[Line], *, number: int) -> str:
    """One fresh pair of processes: a ratio more for each line that is open; returns what machine it was.

    Lines of one row are measured beside each other. Results are checked in the launch of number 0 alone.
    """
    with Side(base) as old, Side(ROOT) as new:
        if old.first["kernels"] != new.first["kernels"]:
            raise NotCompared(f"base has {old.first['kernels']}, here is {new.first['kernels']}", 4)
        for name in dict.fromkeys(line.name for line in lines):
            found = [line for line in lines if line.name == name]
            for side in (old, new):  # at once: what takes long, making tensors and references, is not timed
                side.ask(row=name, check=number == 0)
            before, after = old.answer(), new.answer()
            if problem := _problem(before, after):
                for line in found:
                    line.verdict, line.reason = problem
                continue
            once = min(before["seconds"], after["seconds"])
            ratios = ratios_of(old, new, [line.slower for line in found], once=once, number=number)
            for line, ratio in zip(found, ratios, strict=True):
                line.ratios.append(ratio)
        return f"{new.first['machine']}; {new.first['kernels']}"


def _problem(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why a row has no ratio, if it has none."""
    if "failed" in after:
        return WRONG, f"it raises {after['failed']}"
    if "missing" in after:
        return WRONG, f"claims.kernels has no {', '.join(after['missing'])} any more"
    if not after.get("error", 0.0) <= 1:  # only the first launch has one
        return WRONG, f"its error is {after['error']:.3g} times what is allowed"
    if "missing" in before:
        return APART, f"base has no {', '.join(before['missing'])}"
    if "failed" in before:
        return APART, f"base raises {before['failed']}"
    return None


def show(line: Line, rows: int) -> str:
    """One line of the table."""
    if len(line.ratios) < LOOKS[0]:
        return f"{line.name:32}{line.verdict:14}{line.reason}"
    low, high = line.interval(ALPHA / len(LOOKS) / rows)
    middle = math.exp(statistics.fmean(map(math.log, line.ratios)))
    return f"{line.name:32}{line.verdict:14}{middle:6.3f}  [{low:.3f}, {high:.3f}]{len(line.ratios):10}"


def planted(text: str) -> tuple[str, float]:
    """NAME=FACTOR."""
    name, _, factor = text.rpartition("=")
    if name not in OPERATIONS or not math.inf > float(factor) >= 1:
        allowed = f"NAME=FACTOR, FACTOR at least 1, NAME of {', '.join(OPERATIONS)}"
        raise argparse.ArgumentTypeError(f"got {text!r}; allowed: {allowed}")
    return name, float(factor)


def chosen(only: Sequence[str]) -> list[str]:
    """The rows whose names contain one of these; all if none is given."""
    return [name for name in OPERATIONS if not only or any(part in name for part in only)]


def compare(base: Path, lines: Sequence[Line]) -> str:
    """Launch until every line is decided or the last look is past; returns the machine, "" if there is no line."""
    machine, rows = "", len({line.name for line in lines})
    for number in range(LOOKS[-1]):
        waiting = [line for line in lines if line.verdict is OPEN]
        if not waiting:
            break
        print(f"launch {number + 1}: {len(waiting)} of {len(lines)} are open", file=sys.stderr, flush=True)
        machine = launch(base, waiting, number=number)
        for line in waiting:
            line.look(rows)
    return machine


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        description="Compare the speed of the CPU kernels here with a base commit's.",
        epilog="status: 0 as fast, 1 slower or wrong, 2 no such base, 3 too noisy to tell, 4 nothing was measured",
    )
    parser.add_argument("base", help="commit, branch or tag")
    parser.add_argument("only", nargs="*", help="rows whose name contains one of these; all if none is given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write ratios and verdicts there as well")
    parser.add_argument(
        "--plant",
        action="append",
        default=[],
        type=planted,
        metavar="NAME=FACTOR",
        help="make a row here so many times slower, to see that it is noticed",
    )
    options = parser.parse_args(arguments)
    slower = dict(options.plant)
    lines = [Line(name, slower=slower.get(name, 1.0)) for name in chosen(options.only)]
    try:
        base = tree_of(options.base)
        compare(base, lines)
    except (NoTree, NotCompared) as reason:
        print(f"nothing is compared: {reason}", file=sys.stderr)
        return reason.status
    print(f"{'':32}{'':14}{'times as long, interval':26}{'launches':>8}")
    for line in lines:
        print(show(line, len(lines)))
    if options.json:
        options.json.write_text(
            json.dumps({"base": base.name, "rows": [asdict(line) for line in lines]}, indent=2) + "\n"
        )
    return status(lines)


def status(lines: Sequence[Line]) -> int:
    """The exit status of a run."""
    verdicts = {line.verdict for line in lines}
    if verdicts & {SLOWER, WRONG}:
        return 1
    if not any(line.ratios for line in lines):
        print(f"nothing was measured; rows: {', '.join(OPERATIONS)}", file=sys.stderr)
        return 4
    return 3 if OPEN in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
