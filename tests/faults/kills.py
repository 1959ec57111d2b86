"""Killing audits: the audit itself, its workers, and the server that forks them, each with SIGKILL at a drawn moment.

An audit that was killed is started again; when it has finished its verdicts and rows are held, bit by bit, to those of
an audit that nobody disturbed. Moments are counted in measured seeds, so that a schedule follows from one integer on a
busy machine too: ``kills.py [--kills N] [--seed S]``. What runs at such a moment is up to the machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
DATA = HERE.parent / "claims/data"
for folder in (HERE, DATA):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

from claims_resume import CLAIMS  # noqa: E402
from driver import forked, without_times  # noqa: E402
from processes import children, servers  # noqa: E402
from table import Line, shown, total  # noqa: E402

from claims.auditing.loop import run  # noqa: E402
from claims.auditing.planning import plan  # noqa: E402
from claims.claim import Claim  # noqa: E402
from claims.evidence.store import Store  # noqa: E402
from claims.verdict import Tier  # noqa: E402

TARGETS = ("audit", "worker", "server")
#: Kills of one process lie so many seeds apart that all tasks which were in flight have come back: a seed with which a
#: worker dies three times is an error, and rightly.
_APART = 40
#: The claims that stay undecided for longest; a few kills need no more.
_FEW = CLAIMS[2:4]


class Kill(NamedTuple):
    """Whom to kill, how many seeds after what came before, and how much later than that in seconds."""

    target: str
    seeds: int
    delay: float


class Truth(NamedTuple):
    """What an audit gives: its result without times as JSON, and the records of each row by key."""

    verdicts: str
    rows: dict[str, str]


@dataclass
class Campaign:
    """What is killed, what it must come to, and what has become of each kill."""

    kills: Iterator[Kill]
    claims: Sequence[Claim]
    truth: Truth
    lines: dict[str, Line] = field(default_factory=lambda: {name: Line(f"kill of the {name}") for name in TARGETS})
    bad: list[str] = field(default_factory=list)
    last: Kill | None = None

    @property
    def tried(self) -> int:
        """Kills so far."""
        return total(self.lines.values()).tried

    def count(self, kill: Kill, outcome: str) -> None:
        """One kill more, and what became of it at once."""
        self.last = kill
        self.lines[kill.target].count(outcome)

    def blame(self, outcome: str, words: str) -> None:
        """Something that must not be came to light: it is booked on the kill that was the last before it."""
        line = self.lines[self.last.target if self.last else TARGETS[0]]
        setattr(line, outcome, getattr(line, outcome) + 1)
        self.bad.append(f"after kill {self.tried}: {outcome}: {words}")


def schedule(seed: int) -> Iterator[Kill]:
    """The kills that follow from a seed. Most are of workers, since whatever else dies imports large libraries anew."""
    draw = random.Random(seed)
    while True:
        target = draw.choices(TARGETS, (1, 3, 1))[0]
        yield Kill(target, draw.randrange(60), draw.uniform(0.0, 0.02))


def campaign(folder: Path, *, seed: int, kills: int) -> tuple[list[Line], list[str]]:
    """The lines of the table, and in words whatever came out as it must not.

    Must not be called where a server forks workers already: audits are forks of this process.
    """
    claims = CLAIMS if kills > 20 else _FEW
    truth = Truth(audit(folder / "undisturbed.sqlite", claims), rows(folder / "undisturbed.sqlite"))
    state = Campaign(schedule(seed), claims, truth)
    # What a killed audit leaves is collected by a helper that survives it, and that says so each time.
    os.environ |= {"TOY_SECONDS": "0.002", "PYTHONWARNINGS": "ignore::UserWarning"}
    for number in itertools.count():
        if state.tried >= kills:
            return list(state.lines.values()), state.bad
        disturbed(state, folder / str(number), kills)


def disturbed(state: Campaign, folder: Path, kills: int) -> None:
    """Take one audit from its beginning to its end, killing what the schedule says, and hold it to the truth."""
    folder.mkdir()
    store, out, log = (folder / name for name in ("evidence.sqlite", "out.json", "log"))
    os.environ["TOY_LOG"] = str(log)
    seen: dict[str, str] = {}
    process = start(store, out, state.claims)
    while state.tried < kills and not out.exists():
        kill = next(state.kills)
        if not process.waits(log, kill.seeds + (_APART if process.killed else 0)):
            break
        time.sleep(kill.delay)
        seen |= rows(store)
        state.count(kill, "found" if process.kill(kill.target) else "harmless")
        if kill.target == "audit":
            if lost := seen.keys() - rows(store).keys():
                state.blame("lost", f"{len(lost)} rows that were stored")
            process = start(store, out, state.claims)
    ended(state, process.end(), store, out, seen)


def ended(state: Campaign, status: int, store: Path, out: Path, seen: dict[str, str]) -> None:
    """An audit has run to its end: what it says, stored and kept must be what nobody has disturbed."""
    if status or not out.exists():
        state.blame("traceback", f"the audit ended with status {status}")
        return
    final = Truth(out.read_text(), rows(store))
    if lost := seen.items() - final.rows.items():
        state.blame("lost", f"{len(lost)} rows are not what they were")
    if final != state.truth:
        state.blame("wrong", "verdicts or rows differ from those of an audit that nobody disturbed")


@dataclass
class Process:
    """An audit that runs, and how often something of it was killed."""

    pid: int
    killed: int = 0
    over: int | None = None

    def running(self) -> bool:
        """Whether it still runs."""
        if self.over is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.over = os.waitstatus_to_exitcode(status) if pid else None
        return self.over is None

    def end(self) -> int:
        """Wait for its end; its status."""
        while self.running():
            time.sleep(0.002)
        return self.over or 0

    def waits(self, log: Path, seeds: int) -> bool:
        """Until so many more seeds have begun; whether it ran that long."""
        enough = measured(log) + seeds
        while measured(log) < enough:
            if not self.running():
                return False
            time.sleep(0.001)
        return self.running()

    def kill(self, target: str) -> bool:
        """Kill it, or what it has of the target; whether there was anything to kill."""
        self.killed += 1
        if target == "audit":
            os.kill(self.pid, signal.SIGKILL)
            return self.end() == -signal.SIGKILL
        while self.running():
            above = servers(self.pid)
            there = above if target == "server" else {child for pid in above for child in children(pid)}
            if there:
                return killed(min(there))
            time.sleep(0.001)
        return False


def killed(pid: int) -> bool:
    """Kill a process; whether it was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def start(store: Path, out: Path, claims: Sequence[Claim]) -> Process:
    """Start an audit with two workers, which leaves its result in a file when it is done."""

    def work() -> None:
        text = audit(store, claims, executor="process:2")
        out.with_suffix(".part").write_text(text)
        out.with_suffix(".part").replace(out)

    return Process(forked(work))


def audit(store: Path, claims: Sequence[Claim], *, executor: str = "serial") -> str:
    """Audit claims; the result without times, as JSON."""
    with Store(store) as opened:
        planned = plan(claims, tier=Tier.FULL, epoch=7, paths=(str(DATA),))
        result = run(planned, opened, executor=executor)
    return json.dumps(without_times(result.to_json())["claims"], sort_keys=True)


def rows(store: Path) -> dict[str, str]:
    """Records by key; none if there is no store."""
    if not store.exists():
        return {}
    with Store(store) as opened:
        return {row.key: row.records for row in opened.rows()}


def measured(log: Path) -> int:
    """Seeds that have begun."""
    return log.read_bytes().count(b"\n") if log.exists() else 0


def lines(*, seed: int = 1, kills: int = 200) -> tuple[list[Line], list[str]]:
    """The same in a process of its own, whatever this one has running."""
    command = [sys.executable, str(Path(__file__).resolve()), "--seed", str(seed), "--kills", str(kills), "--json"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(ran.stdout)
    return [Line(**line) for line in found["lines"]], found["bad"]


def main() -> int:
    """Print the table; 0 if nothing was lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="Root of all moments and targets.")
    parser.add_argument("--json", action="store_true", help="Print lines and words as JSON; the status is 0.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="claims-kills-") as folder:
        found, bad = campaign(Path(folder), seed=given.seed, kills=given.kills)
    if given.json:
        print(json.dumps({"lines": [asdict(line) for line in found], "bad": bad}))
        return 0
    print("\n".join([shown(found), *bad]))
    return 2 if total(found).bad else 0


if __name__ == "__main__":
    sys.exit(main())
