"""Executors whose workers answer when the draw says so: late, out of turn, at the last moment, or never again."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from claims.evidence import executors
from claims.evidence.measure import Task, measure

from .machine import Machine, Stuck
from .world import Answer

#: Deaths with one seed that are no fault of the seed's: the audit blames it after one more.
_FORGIVEN = 2


class SimulatedExecutor(Executor):
    """Workers that run the first tasks of a queue, as many as there are."""

    def __init__(self, pool: Pool, workers: int) -> None:
        self.pool, self.workers, self.broken = pool, workers, False
        self.queue: dict[Future[Any], Task] = {}

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue a task; without workers it is done at once."""
        self.pool.machine.pause("submit")
        if self.broken or self.pool.failing(self):
            raise BrokenProcessPool("a worker died")
        future: Future[Any] = Future()
        if fn is not measure:
            future.set_result(fn(*args))
        elif not self.workers:
            future.set_result(self.pool.answer(args[0]))
        else:
            self.queue[future] = args[0]
            self.begin()
        return future

    def begin(self) -> list[Future[Any]]:
        """Give tasks to workers that are free; those that are being worked on."""
        for future in [future for future in self.queue if future.cancelled()]:
            del self.queue[future]
        given = list(self.queue)[: self.workers]
        for future in given:
            if not future.running():
                future.set_running_or_notify_cancel()
        return given

    def end(self, future: Future[Any]) -> None:
        """A worker answers."""
        future.set_result(self.pool.answer(self.queue.pop(future)))

    def die(self) -> None:
        """A worker dies, and the executor with it: others may have answered before that was noticed."""
        draw = self.pool.machine.draw
        for future in self.begin()[1:]:
            if draw.random() < 0.3:
                self.end(future)
        self.broken = True
        for task in self.queue.values():
            self.pool.deaths.update((task.name, task.base, seed) for seed in task.seeds)

    def notice(self) -> None:
        """It is told to whoever waits."""
        for future in list(self.queue):
            del self.queue[future]
            if not future.done():
                future.set_exception(BrokenProcessPool("a worker died"))

    def let_go(self) -> None:
        """End the workers; some answer at the last moment."""
        for future in self.begin():
            if self.pool.machine.draw.random() < 0.3:
                self.end(future)
        self.broken = True

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let running tasks end, if they are waited for; of a broken executor all that was left is lost."""
        if self.broken:
            if wait or self.pool.machine.draw.random() < 0.5:
                self.notice()
            return
        if cancel_futures:
            for future in self.queue:
                future.cancel()
        while wait and (running := self.begin()):
            self.pool.machine.pause("shutdown")
            self.end(running[0])


@dataclass
class Pool:
    """Where the tasks of one process run.

    Attributes:
        answer: what a worker does with a task.
        refusals: how many executors cannot be opened from now on.
        deaths: how often each seed was lost with a worker.
    """

    machine: Machine
    workers: int
    answer: Answer
    refusals: int = 0
    dying: bool = False
    interrupted: bool = False
    deaths: Counter[Any] = field(default_factory=Counter)
    opened: list[SimulatedExecutor] = field(default_factory=list)

    def executors(self) -> executors.Executors:
        """What an audit is given."""
        return executors.Executors(
            lambda: self.workers,
            lambda: self.open(self.workers),
            lambda: self.open(min(1, self.workers)),
            self.wait,
            self.machine.clock,
        )

    def open(self, workers: int) -> SimulatedExecutor:
        """A fresh executor, if the system has room for its processes."""
        self.machine.pause("open")
        if self.refusals:
            self.refusals -= 1
            raise OSError(11, "Resource temporarily unavailable")
        self.opened = [executor for executor in self.opened if executor.queue or not executor.broken]
        self.opened.append(SimulatedExecutor(self, workers))
        return self.opened[-1]

    def wait(
        self, futures: Iterable[Future[Any]], *, timeout: float, return_when: str
    ) -> tuple[Collection[Future[Any]], Collection[Future[Any]]]:
        """What is done of some futures when one is, in the order that the draw gives them, or nothing if it is late."""
        assert return_when == FIRST_COMPLETED
        self.machine.pause("wait")
        asked, draw = list(futures), self.machine.draw
        if not asked:
            raise Stuck("an audit waits, and nothing is in flight")
        if self.interrupted:
            self.interrupted = False
            signal.getsignal(signal.SIGINT)(signal.SIGINT, None)
        if draw.random() < 0.1:
            self.machine.clock.sleep(timeout)
            return [], asked
        if not any(future.done() for future in asked) or draw.random() < 0.3:
            self._work(asked)
        done = [future for future in asked if future.done()]
        told = draw.sample(done, draw.randint(1, len(done)))
        return told, [future for future in asked if future not in told]

    def _work(self, asked: list[Future[Any]]) -> None:
        """Some of the workers answer, or one dies. So do those that nobody waits for any more."""
        draw, machine = self.machine.draw, self.machine
        awaited = [executor for executor in self.opened if not executor.queue.keys().isdisjoint(asked)]
        for executor in self.opened:
            if executor not in awaited:
                for future in executor.begin():
                    if draw.random() < 0.5:
                        executor.end(future)
        if not awaited:
            if not any(future.done() for future in asked):
                raise Stuck("an audit waits for a task that nobody has")
            return
        executor = draw.choice(awaited)
        running = executor.begin()
        if self.dying and running and not executor.broken and self.forgiven(executor):
            self.dying = False
            machine.note("a worker dies")
            executor.die()
        if executor.broken:
            executor.notice()
        else:
            for future in draw.sample(running, draw.randint(1, len(running))):
                executor.end(future)

    def failing(self, executor: SimulatedExecutor) -> bool:
        """Whether a worker dies just when a task is given."""
        if not self.dying or not executor.queue or not self.forgiven(executor) or self.machine.draw.random() < 0.5:
            return False
        self.dying = False
        self.machine.note("a worker dies as a task is given")
        executor.die()
        return True

    def forgiven(self, executor: SimulatedExecutor) -> bool:
        """Whether no seed would be blamed for one more death."""
        at = ((task.name, task.base, seed) for task in executor.queue.values() for seed in task.seeds)
        return all(self.deaths[seed] < _FORGIVEN for seed in at)
