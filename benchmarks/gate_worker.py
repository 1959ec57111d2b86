"""One tree's kernels for ``gate.py``: answers on standard output what is asked, a line of JSON each, on standard input.

``{"row": NAME, "check": true}`` makes a row and checks its result, ``{"time": N, "slower": 1.0}`` times N calls of it.
The rows are those of the tree that the gate is in, whichever tree's ``claims`` they run. Times are the processor's, of
one thread: who else uses the machine moves them less.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

import torch

import claims.kernels
from benchmarks import limits
from benchmarks.operations import NEEDS, ROWS, Row
from claims.kernels import native


def prepared(name: str, *, check: bool) -> tuple[Row | None, dict[str, Any]]:
    """The row, and what is to be said of it: which names are missing, what failed, or error and seconds of one call."""
    if missing := sorted(set(NEEDS[name]) - set(claims.kernels.__all__)):
        return None, {"missing": missing}
    try:
        row = ROWS[name]()
        found = {"error": float(row.check())} if check else {}
        row.ours()
        begin = time.process_time()
        row.ours()
        return row, found | {"seconds": time.process_time() - begin}
    except Exception as failure:  # noqa: BLE001  whatever a kernel raises is its row's outcome, and no other's
        return None, {"failed": f"{type(failure).__name__}: {failure}"}


def timed(row: Row, calls: int, slower: float) -> float:
    """Seconds of so many calls, made ``slower`` times as dear: by more calls, and by waiting busily for what is left.

    Before several short ones comes one that is not timed: the other process has had the caches.
    """
    whole = int(calls * slower)
    if calls > 1:
        row.ours()
    begin = time.process_time()
    for _ in range(whole):
        row.ours()
    until = begin + (time.process_time() - begin) * calls * slower / whole
    while time.process_time() < until:
        pass
    return time.process_time() - begin


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing that a library prints is an answer
    torch.set_num_threads(1)
    row: Row | None = None
    answer: dict[str, Any] = {
        "claims": claims.__file__,
        # Without the digest of the sources: a change of these is what is asked about.
        "kernels": native.description().partition(",")[0],
        "machine": limits.machine(),
    }
    while True:
        print(json.dumps(answer), file=answers, flush=True)
        if not (line := sys.stdin.readline()):
            return
        asked = json.loads(line)
        if "row" in asked:
            row = None  # its tensors go before the next one's come
            row, answer = prepared(asked["row"], check=asked["check"])
        else:
            assert row is not None
            answer = {"seconds": timed(row, asked["time"], asked["slower"])}


if __name__ == "__main__":
    main()
