"""Two processes, a tree's kernels in each, and how many times as long one takes: they take turns."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

#: Seconds that are timed at once, at least; and of all rounds of a launch, after which it has no more.
SHORTEST, LONGEST = 0.004, 1.5
#: Rounds of a launch, at least (of calls that take DEAR seconds, of others) and at most.
ROUNDS, DEAR = (3, 5, 40), 0.1
#: The standard error of their median log ratio that is small enough.
PRECISE = 0.007


class NotCompared(Exception):
    """Why the two trees cannot be measured beside each other; ``status`` is that of the command."""

    def __init__(self, words: str, status: int) -> None:
        self.status = status
        super().__init__(words)


class Side:
    """A process with one tree's kernels."""

    def __init__(self, tree: Path) -> None:
        environment = os.environ | {
            "PYTHONPATH": str(tree / "src"),
            "OMP_NUM_THREADS": "1",
            "THP_MEM_ALLOC_ENABLE": "1",
        }
        worker = [sys.executable, "-P", str(Path(__file__).with_name("gate_worker.py"))]
        pipe = subprocess.PIPE
        self.tree, self.row = tree, ""
        self.process = subprocess.Popen(worker, env=environment, stdin=pipe, stdout=pipe, text=True, cwd=tree)
        self.first = self.answer()
        if not Path(self.first["claims"]).is_relative_to(tree):
            raise NotCompared(f"{tree} is not what its process runs, which is {self.first['claims']}", 5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def ask(self, **question: Any) -> None:
        """Let it work; :meth:`answer` waits."""
        assert self.process.stdin is not None
        self.row = question.get("row", self.row)
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()

    def seconds(self, calls: int, slower: float) -> float:
        """Of so many calls, made so many times as dear."""
        self.ask(time=calls, slower=slower)
        return float(self.answer()["seconds"])

    def answer(self) -> dict[str, Any]:
        """What it says to the question before."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise NotCompared(f"the process of {self.tree} ended with {self.process.wait()}: {self.row or 'start'}", 5)
        answer: dict[str, Any] = json.loads(line)
        return answer


def ratios_of(old: Side, new: Side, factors: Sequence[float], *, once: float, number: int) -> list[float]:
    """Of a launch: the median over rounds in which base, and head at each of the factors, take turns.

    Each factor has a turn of base of its own, before or after it: the pair is then as it is where there is no other. A
    process whose turns follow upon each other finds more of its memory in the caches than one that waits for two.
    What others do on the machine is noise of a round, which costs less than a launch: there are more while it is large.
    """
    calls = max(1, math.ceil(SHORTEST / once))
    ratios: list[list[float]] = [[] for _ in factors]
    least = ROUNDS[0] if once > DEAR else ROUNDS[1]
    for count in range(min(max(int(LONGEST / (once * calls)), least), ROUNDS[-1])):
        way = -1 if (count + number) % 2 else 1
        for factor, found in zip(factors, ratios, strict=True):
            turns = [(old, 1.0), (new, factor)][::way]
            base, head = [side.seconds(calls, slower) for side, slower in turns][::way]
            found.append(head / base)
        if count + 1 >= least and max(map(_error, ratios)) < PRECISE:
            break
    return [statistics.median(found) for found in ratios]


def _error(ratios: Sequence[float]) -> float:
    """The standard error of the median log ratio, from the median deviation: were they normal, but for some."""
    logs = [math.log(ratio) for ratio in ratios]
    middle = statistics.median(logs)
    spread = 1.4826 * statistics.median(abs(log - middle) for log in logs)
    return math.sqrt(math.pi / 2 / len(logs)) * spread
