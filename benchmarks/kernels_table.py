"""One table, one run: each kernel's CPU route beside the machine's limits, torch, torch.compile and torchao.

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
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from benchmarks import limits
from benchmarks.operations import ROWS, Row
from benchmarks.peer import SUFFIX, by_default, quiet
from benchmarks.recording import record
from benchmarks.timing import Thunk, interleaved
from claims.kernels import native


@dataclass(frozen=True, kw_only=True)
class Line:
    """One printed line: ``of_limit`` is our rate over that of the limit, ``ratios`` how many times faster than whom.

    ``limits`` has the shares of all limits that were measured; ``limit`` names the one that binds.
    """

    name: str
    shape: str
    error: float
    milliseconds: float
    rate: float
    unit: str
    limit: str
    of_limit: float
    limits: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    aims: dict[str, float] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)


LEGEND = """
Everything of a row is measured in turns. share of limit: our rate over that of what binds: memory read, or written or
copied past the caches, the fastest float32 matrix product installed, products in registers, random words, or steps,
which are vector instructions of one lane in the shortest sequence that we know; bytes and steps are the least there
must be. error: the largest one over what is allowed, 0 where bits are promised and right. times faster than: eager =
the same in plain torch, compile = that under torch.compile, torchao = its quantizer, dense float32 = torch's product
with unpacked weights, fbgemm int8 = torch's product of 8-bit weights, whose result has 8 bits. Ours writes into memory
that it is given. Peers return new memory: here in pages of 2 MiB (THP_MEM_ALLOC_ENABLE=1); "4 KiB pages" is a process
without that setting, torch's default, where page faults take most of the time. aim: what we want to reach.
"""


def _failure(peer: Thunk) -> str:
    """Why a peer does not get through its first call, in which torch.compile compiles; "" if it does."""
    try:
        peer()
    except Exception as error:  # noqa: BLE001  whatever it is, it is not ours, and the table says what it was
        return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"
    return ""


def measure(name: str, row: Row, *, seconds: float, without: str | None) -> Line:
    """Check the row, then time ours, the limit and the peers in turns."""
    error = row.check()
    if not error <= 1:
        return Line(name=name, shape=row.shape, error=error, milliseconds=0, rate=0, unit="", limit="", of_limit=0)
    offered = row.peers()
    if row.default_pages:
        offered[row.default_pages + SUFFIX] = by_default(name, row.default_pages)
    peers = {peer: call for peer, call in offered.items() if not (without and re.search(without, peer))}
    failing = {peer: reason for peer, call in peers.items() if (reason := _failure(call))}
    for peer in failing:
        del peers[peer]
    bounds = limits.of(row)
    times = interleaved({"ours": row.ours} | bounds | peers, seconds=seconds)
    binding = limits.binding(bounds, times)
    amount, unit = (row.operations, "Gop/s") if row.operations else (row.bytes, "GB/s")
    return Line(
        name=name,
        shape=row.shape,
        error=error,
        milliseconds=1e3 * times["ours"].median,
        rate=amount / times["ours"].median / 1e9,
        unit=unit,
        limit=binding,
        of_limit=times[binding].over(times["ours"]),
        limits={bound: times[bound].over(times["ours"]) for bound in bounds},
        ratios={peer: times[peer].over(times["ours"]) for peer in peers},
        aims=row.aims,
        failing=failing,
    )


def heading() -> str:
    """Machine and versions, and what the limits are measured with."""
    memory = "C++ loops" if limits.native() else "torch's loops (no compiler: below the true limits)"
    return (
        f"{limits.machine()}, threads: {torch.get_num_threads()}, torch {torch.__version__}; "
        f"kernels: {native.description()}; memory limits: {memory}"
    )


def text(line: Line) -> str:
    """One line of the table."""
    start = f"{line.name:32}{line.shape:24}"
    if not line.error <= 1:
        return f"{start}WRONG: error is {line.error:.3g} times what is allowed"
    aims = {
        name: f" (aim {aim:.3g}{', missed' if _reached(line, name) < aim else ''})" for name, aim in line.aims.items()
    }
    ratios = [f"{ratio:.3g}x {peer}{aims.get(peer, '')}" for peer, ratio in line.ratios.items()]
    ratios += [f"({peer} does not run)" for peer in line.failing]
    limit = f"{line.of_limit:.2f} of {line.limit}{''.join(aims[name] for name in line.limits if name in aims)}"
    rate = f"{line.milliseconds:9.3f}{line.rate:9.1f} {line.unit:6}{limit:27}"
    return f"{start}{rate}{line.error:6.2f}  {', '.join(ratios)}"


def _reached(line: Line, name: str) -> float:
    """What was measured for an aim; enough for one whose peer was left out."""
    return line.limits.get(name, line.ratios.get(name, math.inf))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="CPU kernels beside the machine's limits and their peers.")
    parser.add_argument("only", nargs="*", help="rows whose name contains one of these; all if none is given")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each function of a row (default 2)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--without", metavar="PATTERN", help="leave out peers that match, such as compile")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there as well")
    parser.add_argument("--record", type=Path, metavar="FILE", help="put it there as this machine's, beside others'")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    quiet()  # a peer that does not run is named, with the reason
    print(heading())
    head = f"{'':32}{'':24}{'ms':>9}{'rate':>9} {'':6}{'share of limit':27}{'error':>6}  times faster than"
    print(head, flush=True)
    lines = []
    for name, builder in ROWS.items():
        if options.only and not any(part in name for part in options.only):
            continue
        lines.append(measure(name, builder(), seconds=options.seconds, without=options.without))
        print(text(lines[-1]), flush=True)
    print(LEGEND.rstrip())
    for peer, reason in {peer: reason for line in lines for peer, reason in line.failing.items()}.items():
        print(f"{peer} does not run: {reason}")
    loads = os.getloadavg() if hasattr(os, "getloadavg") else ()
    content = {"heading": heading(), "load": loads, "rows": [asdict(line) for line in lines]}
    right = bool(lines) and all(line.error <= 1 for line in lines)
    if options.json:
        options.json.write_text(json.dumps(content, indent=2) + "\n")
    if options.record and right:
        record(options.record, limits.machine(), content)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
