"""One table, one run: each kernel's CPU route beside the machine's limits, torch eager, torch.compile and torchao.

``python benchmarks/kernels_table.py`` measures on one thread; everything of a row is measured in turns, the limit too,
so that ratios hold on a machine that others use as well. A row whose result is wrong gets no time and exit status 1.
"""

from __future__ import annotations

import os

# Before torch is loaded: its threads, and huge pages for its memory (page faults would cost more than the arithmetic).
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import argparse
import json
import logging
import platform
import re
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from benchmarks import limits
from benchmarks.operations import ROWS, Row
from benchmarks.timing import Thunk, interleaved
from claims.kernels import native


@dataclass(frozen=True, kw_only=True)
class Line:
    """One printed line: ``of_limit`` is our rate over that of the limit, ``ratios`` how many times faster than whom."""

    name: str
    shape: str
    error: float
    milliseconds: float
    rate: float
    unit: str
    limit: str
    of_limit: float
    ratios: dict[str, float] = field(default_factory=dict)
    failing: list[str] = field(default_factory=list)


def _runs(peer: Thunk) -> bool:
    """Whether a peer gets through its first call, in which torch.compile compiles."""
    try:
        peer()
    except Exception:  # noqa: BLE001  whatever it is, it is not ours, and the table says that the peer does not run
        return False
    return True


def measure(name: str, row: Row, *, seconds: float, without: str | None) -> Line:
    """Check the row, then time ours, the limit and the peers in turns."""
    error = row.check()
    if not error <= 1:
        return Line(name=name, shape=row.shape, error=error, milliseconds=0, rate=0, unit="", limit="", of_limit=0)
    peers = {peer: call for peer, call in row.peers().items() if not (without and re.search(without, peer))}
    failing = [peer for peer, call in peers.items() if not _runs(call)]
    for peer in failing:
        del peers[peer]
    bounds = limits.of(row.limit, row.bytes, row.product)
    times = interleaved({"ours": row.ours} | bounds | peers, seconds=seconds)
    fastest = min(bounds, key=lambda bound: times[bound].median)
    amount, unit = (row.operations, "Gop/s") if row.limit == "gemm" else (row.bytes, "GB/s")
    return Line(
        name=name,
        shape=row.shape,
        error=error,
        milliseconds=1e3 * times["ours"].median,
        rate=amount / times["ours"].median / 1e9,
        unit=unit,
        limit=row.limit + fastest.removeprefix("limit"),
        of_limit=times[fastest].over(times["ours"]),
        ratios={peer: times[peer].over(times["ours"]) for peer in peers},
        failing=failing,
    )


def heading() -> str:
    """Machine and versions, and what the limits are measured with."""
    memory = "C++ loops" if limits.native() else "torch's loops (no compiler: below the true limits)"
    return (
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} thread, torch {torch.__version__}; "
        f"kernels: {native.description()}; memory limits: {memory}"
    )


def text(line: Line) -> str:
    """One line of the table."""
    start = f"{line.name:32}{line.shape:24}"
    if not line.error <= 1:
        return f"{start}WRONG: error is {line.error:.3g} times what is allowed"
    others = [f"{ratio:.3g}x {peer}" for peer, ratio in line.ratios.items()]
    ratios = "  ".join(others + [f"({peer} does not run)" for peer in line.failing])
    rate = f"{line.milliseconds:9.3f}{line.rate:9.1f} {line.unit:6}{line.of_limit:6.2f} of {line.limit:15}"
    return f"{start}{rate}{line.error:6.2f}  {ratios}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="CPU kernels beside the machine's limits and their peers.")
    parser.add_argument("only", nargs="*", help="rows whose name contains one of these; all if none is given")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each function of a row (default 2)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--without", metavar="PATTERN", help="leave out peers that match, such as compile")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there as well")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")  # torchao and torch.compile tell at length what they could not load
    logging.disable(logging.CRITICAL)
    print(heading())
    head = f"{'':32}{'':24}{'ms':>9}{'rate':>9} {'':6}{'share of limit':25}{'error':>6}  times faster than"
    print(head, flush=True)
    lines = []
    for name, builder in ROWS.items():
        if options.only and not any(part in name for part in options.only):
            continue
        lines.append(measure(name, builder(), seconds=options.seconds, without=options.without))
        print(text(lines[-1]), flush=True)
    if options.json:
        content = {"heading": heading(), "rows": [asdict(line) for line in lines]}
        options.json.write_text(json.dumps(content, indent=2) + "\n")
    return 0 if lines and all(line.error <= 1 for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
