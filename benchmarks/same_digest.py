"""One audit four ways, one digest: in one process, in two, on a Dask cluster that loses a worker, in parts all killed.

``python benchmarks/same_digest.py [SELECT]... [--shards 300]`` audits each way into a store of its own. A part is a
process that is killed with SIGKILL at drawn moments of its life, twice, and started again each time, as an array of
jobs would be; the parts' stores are merged, and the audit of what they hold decides. Shown are the digests of each
store and of each result (``claimbench evidence digest``). The status is 1 if two of them differ, and 2 if a way came to
no end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from claims.cli import main as claimbench
from claims.comparing.digests import digest_of
from claims.evidence.executors import cores
from claims.evidence.sqlite.files import read_count
from claims.evidence.store import DEFAULT_STORE
from claims.report.document import LATEST
from claims.report.numbers import counted, duration

CLAIMS = Path(__file__).with_name("claims_synthetic.py")
#: How often each part is killed.
KILLS = 2
#: Characters of a digest that are shown.
_SHOWN = 16


@dataclass(frozen=True, kw_only=True)
class Way:
    """How an audit was made, and what it came to.

    Attributes:
        name: in words.
        store, result: digests.
        seeds: that the store holds.
        seconds: by the clock.
        kills: processes that were killed.
        met: those of them that were running, after they had stored something.
    """

    name: str
    store: str
    result: str
    seeds: int
    seconds: float
    kills: int = 0
    met: int = 0

    def line(self) -> str:
        """One line of the table."""
        killed = f", {self.met} of {self.kills} kills met one at work" if self.kills else ""
        took = f"{counted(self.seeds, 'seed')}, {duration(self.seconds)}{killed}"
        return f"store {self.store[:_SHOWN]}  result {self.result[:_SHOWN]}  {self.name} ({took})"


@dataclass(frozen=True)
class Audits:
    """Audits of one selection, each in a folder of its own."""

    select: Sequence[str]
    tier: str
    folder: Path

    def store(self, name: str) -> Path:
        """The store of an audit."""
        return self.folder / name / DEFAULT_STORE.name

    def start(self, name: str, *options: str) -> int:
        """Start an audit; the id of its process."""
        words = ["audit", *self.select, "--tier", self.tier, "--store", str(self.store(name)), "--no-table", *options]
        return forked(lambda: claimbench(words))

    def rehearse(self) -> None:
        """Audit a small part in this process: whoever is forked then has everything imported already."""
        words = ["audit", *self.select, "--tier", self.tier, "--store", str(self.store("rehearsal")), "--no-table"]
        with open(os.devnull, "w") as out, redirect_stdout(out), redirect_stderr(out), suppress(SystemExit):
            claimbench([*words, "--executor", "serial", "--shard", "1/100"])

    def way(self, words: str, name: str, since: float, **kills: int) -> Way:
        """What an audit that is over came to."""
        held, decided = digest_of(self.store(name)), digest_of(self.store(name).with_name(LATEST))
        seconds = time.perf_counter() - since
        return Way(name=words, store=held.sha256, result=decided.sha256, seeds=held.count, seconds=seconds, **kills)


def forked(work: Callable[[], object]) -> int:
    """Do some work in a process of its own, in silence; its id. Cheap: everything is imported already."""
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        work()
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 70
    finally:
        os._exit(status)


def ended(pid: int, what: str) -> None:
    """Wait for the end of an audit.

    Raises:
        SystemExit: with 2, if it ended otherwise than with a verdict for every claim.
    """
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status not in (0, 1, 3):  # as expected or not: both are results
        print(f"{what}: ended with status {status}", file=sys.stderr)
        raise SystemExit(2)


def undisturbed(audits: Audits, spec: str) -> Way:
    """One audit by an executor."""
    name, since = spec.replace(":", "-"), time.perf_counter()
    ended(audits.start(name, "--executor", spec), spec)
    return audits.way(spec, name, since)


def losing_a_worker(audits: Audits, draw: random.Random, seeds: int) -> Way:
    """One audit on a Dask cluster of two workers, one of which is killed after a drawn number of seeds."""
    spec, name, since = "dask:local:2", "dask", time.perf_counter()
    pid = audits.start(name, "--executor", spec)
    enough, met = draw.randrange(1, max(2, seeds // 2)), 0
    while not met and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if stored(audits.store(name)) >= enough:
            met += killed(draw.choice(workers(pid)))
        time.sleep(0.01)
    ended(pid, spec)
    return audits.way(f"{spec}, a worker killed", name, since, kills=1, met=met)


def workers(pid: int) -> list[int]:
    """The workers of a Dask cluster on this machine: processes that are spawned, not forked as a witness is."""
    return [each.pid for each in psutil.Process(pid).children() if "spawn_main" in " ".join(each.cmdline())]


def stored(store: Path) -> int:
    """Rows that were committed to a store."""
    count = read_count(store) if store.exists() else None
    return 0 if count is None else count.rows


def killed(pid: int) -> bool:
    """Kill a process; whether it was there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


@dataclass
class Array:
    """Parts of an audit, as many at a time as there are cores, each of them killed before it may end."""

    audits: Audits
    count: int
    draw: random.Random
    life: float = 0.0
    met: int = 0
    running: dict[int, tuple[int, float]] = field(default_factory=dict)

    def run(self) -> None:
        """Start every part, kill it; the whole array once more, as often as :data:`KILLS`; then let each end."""
        self.life = min(self.probe(f"probe-{number}") for number in range(3))
        for doomed in [True] * KILLS + [False]:
            for number in range(1, self.count + 1):
                while len(self.running) >= cores():
                    self.reap(doomed)
                begun = time.perf_counter()
                self.running[self.start(number, f"part-{number}")] = number, begun + self.draw.uniform(0, self.life)
            while self.running:
                self.reap(doomed)

    def probe(self, name: str) -> float:
        """How long a part lives that is left alone."""
        since = time.perf_counter()
        ended(self.start(1, name), "a part")
        return time.perf_counter() - since

    def start(self, number: int, name: str) -> int:
        """Start a part."""
        return self.audits.start(name, "--executor", "serial", "--shard", f"{number}/{self.count}")

    def reap(self, doomed: bool) -> None:
        """Wait for a part, until it is its turn to be killed if it is doomed."""
        pid, (number, until) = next(iter(self.running.items()))
        if doomed:
            while time.perf_counter() < until and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.002)
            os.kill(pid, signal.SIGKILL)  # no other waits for it: it is there, be it as a zombie
            _, status = os.waitpid(pid, 0)
            self.met += os.WIFSIGNALED(status) and stored(self.audits.store(f"part-{number}")) > 0
        else:
            ended(pid, f"part {number}")
        del self.running[pid]


def in_parts(audits: Audits, draw: random.Random, count: int) -> Way:
    """One audit by an array of parts, each killed twice, whose stores are merged."""
    since = time.perf_counter()
    array = Array(audits, count, draw)
    array.run()
    whole = audits.store("merged")
    files = [str(audits.store(f"part-{number}")) for number in range(1, count + 1)]
    ended(forked(lambda: claimbench(["evidence", "merge", *files, "--store", str(whole)])), "evidence merge")
    merged = digest_of(whole)
    ended(audits.start("merged", "--executor", "serial"), "the audit of what was merged")
    words = f"{count} parts, each killed {KILLS} times and started again, merged"
    found = audits.way(words, "merged", since, kills=KILLS * count, met=array.met)
    # What an audit had to measure anew would hide what was lost.
    return found if merged.sha256 == found.store else Way(**asdict(found) | {"store": merged.sha256})


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("select", nargs="*", default=[str(CLAIMS)], help="what to audit (default: synthetic claims)")
    parser.add_argument("--tier", default="smoke")
    parser.add_argument("--shards", type=int, default=300, metavar="N", help="parts (default 300)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="root of all moments (default 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there as well")
    given = parser.parse_args(arguments)
    draw, found = random.Random(given.seed), list[Way]()
    with tempfile.TemporaryDirectory(prefix="claims-digests-") as folder:
        audits = Audits(given.select, given.tier, Path(folder))
        audits.rehearse()
        for way in (
            lambda: undisturbed(audits, "serial"),
            lambda: undisturbed(audits, "process:2"),
            lambda: losing_a_worker(audits, draw, found[0].seeds),
            lambda: in_parts(audits, draw, given.shards),
        ):
            found.append(way())
            print(found[-1].line(), flush=True)
    equal = len({(way.store, way.result) for way in found}) == 1
    print("the same digests" if equal else "DIGESTS DIFFER")
    if given.json is not None:
        given.json.write_text(json.dumps({"equal": equal, "ways": [asdict(way) for way in found]}, indent=1) + "\n")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
