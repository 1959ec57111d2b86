"""A machine in one thread: processes that take turns, a clock, and whoever ends them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from sqlite3 import Connection
from typing import Any

from greenlet import getcurrent, greenlet

from claims.clock import Clock

from .disk import Disk, Files, room

_BEGINNING = datetime(2024, 6, 1, tzinfo=UTC)
#: After so many points of a schedule somebody waits for what will never be.
_TOO_MANY = 60_000


class Killed(BaseException):
    """The end of a simulated process: it does nothing after this."""


class Stuck(Exception):
    """Somebody waits for what will never be."""


@dataclass
class Cut:
    """Files take no more bytes than these for some statements; then it is over, or the process dies there."""

    size: int
    statements: int
    deadly: bool


@dataclass(eq=False)
class Process:
    """One audit: its own greenlet, connections and answer to Ctrl-C."""

    name: str
    work: Callable[[], Any]
    greenlet: Any = None
    handler: Any = signal.default_int_handler
    dead: bool = False
    ended: bool = False
    result: Any = None
    error: BaseException | None = None
    connections: list[Connection] = field(default_factory=list)
    cut: Cut | None = None
    tearing: bool = False
    pool: Any = None
    hurt: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Fault:
    """What happens at a point: ``apply`` says whether it could, and is asked again at the next point if not."""

    name: str
    at: int
    apply: Callable[[Machine, Process, str], bool]


class Machine:
    """Everything that a schedule is made of follows from ``draw``."""

    def __init__(self, draw: Random, disk: Disk, faults: list[Fault]) -> None:
        self.draw, self.disk = draw, disk
        self.faults = sorted(faults, key=lambda fault: fault.at, reverse=True)
        self.trace: list[str] = []
        self.processes: list[Process] = []
        self.points = 0
        self.clock = Clock(self._now, lambda: self.seconds, self._sleep)
        self.seconds = 0.0
        self.step = timedelta()
        self.losses = 0
        self._hub = getcurrent()
        self._current: Process | None = None
        self._order: tuple[str, Any] | None = None

    @property
    def current(self) -> Process:
        """The process that runs."""
        assert self._current is not None
        return self._current

    def start(self, name: str, work: Callable[[], Any]) -> Process:
        """A process that begins when its turn comes."""
        process = Process(name, work)
        process.greenlet = greenlet(lambda: self._live(process), self._hub)
        self.processes.append(process)
        return process

    def run(self) -> None:
        """Give turns until every process has ended."""
        while alive := [process for process in self.processes if not process.ended]:
            self._turn(self.draw.choice(alive))
            if self._order is not None:
                (kind, what), self._order = self._order, None
                self._lose_power(what) if kind == "power" else self._kill([what])
        self.processes.clear()

    def pause(self, where: str) -> None:
        """A point at which a process may be hurt, end, or wait for its next turn."""
        process = self.current
        if process.dead:
            raise Killed
        self.points += 1
        self.seconds += 1e-3
        if self.points > _TOO_MANY:
            raise Stuck(f"after {_TOO_MANY:,} points nobody is ready; last at {where}")
        while self.faults and self.faults[-1].at <= self.points:
            if not self.faults[-1].apply(self, process, where):
                break
            self.note(f"{self.faults.pop().name} at {where}")
        if self._order is not None or (len(self.processes) > 1 and self.draw.random() < 0.2):
            self._yield()

    def kill(self, process: Process) -> None:
        """End a process, the one that runs, before it does anything more."""
        self._order = ("kill", process)

    def lose_power(self, before: Files, after: Files) -> None:
        """End all processes, between two states of the disk."""
        self._order = ("power", self.disk.torn(self.draw, before, after))

    def obey(self) -> None:
        """Have what was ordered happen now, in the midst of a statement."""
        if self._order is not None:
            self._yield()

    def note(self, text: str) -> None:
        """A line of the trace."""
        name = self._current.name if self._current is not None else "-"
        self.trace.append(f"{self.points}: {name}: {text}")

    def _live(self, process: Process) -> None:
        try:
            process.result = process.work()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001  what is looked for
            process.error = error.with_traceback(None) if process.dead else error
        process.ended = True

    def _turn(self, process: Process, error: BaseException | None = None) -> None:
        """Until it gives its turn away, with its own answer to Ctrl-C, as each process has one."""
        before, self._current = _answer(process.handler), process
        try:
            process.greenlet.throw(error) if error is not None else process.greenlet.switch()
        finally:
            process.handler, self._current = _answer(before), None

    def _yield(self) -> None:
        self._hub.switch()
        if self.current.dead:
            raise Killed

    def _kill(self, victims: list[Process], *, power: bool = False) -> None:
        """Nothing they do as they unwind reaches the disk; if nobody else is there it is as it was, to the byte."""
        alone = not power and all(process in victims or process.ended for process in self.processes)
        left = self.disk.read() if alone else None
        with room(0):
            for process in victims:
                process.dead, process.hurt = True, process.hurt | {"killed"}
                if process.greenlet:  # it has begun, and not ended
                    self._turn(process, Killed())
                process.ended = True
                for connection in process.connections:
                    with suppress(Exception):
                        Connection.close(connection)
        if left is not None:
            self.disk.write(left)

    def _lose_power(self, left: Files) -> None:
        self.losses += 1
        self._kill(list(self.processes), power=True)
        self.disk.lose(left)

    def _now(self) -> datetime:
        return _BEGINNING + timedelta(seconds=self.seconds) + self.step

    def _sleep(self, seconds: float) -> None:
        self.pause("sleep")
        self.seconds += seconds
        if len(self.processes) > 1:
            self._yield()


def _answer(handler: Any) -> Any:
    """Set what answers Ctrl-C; what did before. Outside the main thread nothing does."""
    if threading.current_thread() is not threading.main_thread():
        return handler
    return signal.signal(signal.SIGINT, handler)
