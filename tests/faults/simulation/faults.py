"""What may happen to a machine, and the themes under which schedules are drawn from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random

from .machine import Cut, Fault, Machine, Process

Apply = Callable[[Machine, Process, str], bool]
#: Points of an audit that nobody disturbs, about: faults come within the first and the second one, or never.
_POINTS = 250


def kill(machine: Machine, process: Process, where: str) -> bool:
    """The process that runs is killed."""
    machine.kill(process)
    return True


def tear(machine: Machine, process: Process, where: str) -> bool:
    """The process is killed in the midst of a write."""
    process.cut = Cut(_size(machine), machine.draw.randint(1, 40), deadly=True)
    process.hurt.add("disk")
    return True


def fill(machine: Machine, process: Process, where: str) -> bool:
    """The disk is full for some statements of the process."""
    process.cut = Cut(_size(machine), machine.draw.randint(1, 60), deadly=False)
    process.hurt.add("disk")
    return True


def cut_power(machine: Machine, process: Process, where: str) -> bool:
    """The machine goes down between two statements."""
    files = machine.disk.read()
    machine.lose_power(files, files)
    return True


def cut_power_within(machine: Machine, process: Process, where: str) -> bool:
    """The machine goes down while the process commits, copies the log or closes."""
    process.tearing = True
    return True


def kill_worker(machine: Machine, process: Process, where: str) -> bool:
    """A worker dies, as soon as one works on something."""
    process.pool.dying = True
    return True


def refuse_workers(machine: Machine, process: Process, where: str) -> bool:
    """A worker dies, and for a while none can be started."""
    process.pool.dying = True
    process.pool.refusals = machine.draw.randint(1, 7)
    process.hurt.add("refused")
    return True


def set_clock(machine: Machine, process: Process, where: str) -> bool:
    """Somebody sets the date; waiting takes as long as it does."""
    machine.step = timedelta(days=machine.draw.uniform(-1000, 360))
    return True


def suspend(machine: Machine, process: Process, where: str) -> bool:
    """The machine sleeps for hours."""
    machine.seconds += machine.draw.uniform(1, 40_000)
    return True


def interrupt(machine: Machine, process: Process, where: str) -> bool:
    """The user presses Ctrl-C, at the next wait."""
    process.pool.interrupted = True
    process.hurt.add("interrupted")
    return True


#: Theme -> most audits at once, and the faults that are drawn. Workers are late and answer out of turn in all of them.
THEMES: dict[str, tuple[int, tuple[Apply, ...]]] = {
    "late workers": (1, (kill_worker,)),
    "workers killed": (1, (kill_worker, kill_worker, refuse_workers)),
    "audits killed": (1, (kill,)),
    "audits at once": (3, (kill, kill_worker)),
    "torn writes": (2, (tear, kill)),
    "full disk": (2, (fill,)),
    "power lost": (2, (cut_power, cut_power_within)),
    "clock set": (2, (set_clock, suspend, kill)),
    "Ctrl-C": (2, (interrupt, kill_worker)),
    "everything": (
        3,
        (kill, tear, fill, cut_power, cut_power_within, kill_worker, refuse_workers, set_clock, suspend, interrupt),
    ),
}


def drawn(draw: Random, theme: str) -> list[Fault]:
    """Faults of a schedule, and at which points they come."""
    chosen = draw.choices(THEMES[theme][1], k=draw.randint(1, 6))
    return [Fault(apply.__name__, int(draw.uniform(0, 2 * _POINTS)), apply) for apply in chosen]


def _size(machine: Machine) -> int:
    """Somewhere about the end of the log or of the database, and never within the file that counts rows."""
    end = machine.disk.size(machine.draw.choice(("", "-wal")))
    return max(4096, end + machine.draw.randrange(-4096, 12_000))
