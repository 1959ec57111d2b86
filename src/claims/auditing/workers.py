"""Workers that may die: a bounded window of tasks in flight, and what happens to them when a worker is killed.

An audit has two sets of them: those that measure, and a witness that measures some seeds a second time.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from claims.auditing.interrupts import held
from claims.auditing.trial import Measurement
from claims.clock import Clock
from claims.errors import NoWorkers
from claims.evidence.executors import Executors, Running
from claims.evidence.measure import Outcome, Task, measure

#: How often whoever watches is told that nothing has come back yet.
_TICK_SECONDS = 10.0
#: A task in flight when a worker dies is suspected and run again alone; if it dies again it is taken apart, and a seed
#: with which a worker dies a third time is an error.
_SUSPECTED, _GUILTY = 1, 3
#: Workers that die before they have been given anything are no job's fault: seconds until they are started again.
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)


class Job(NamedTuple):
    """A task with the measurement that it is of, and how often a worker died with it."""

    measurement: Measurement
    task: Task
    deaths: int = 0


#: What is done with the outcomes of a job.
Take = Callable[[Job, Sequence[Outcome]], None]


@dataclass
class Workers:
    """Workers of one audit. They are started with the first job and replaced when one of them dies.

    Jobs come from iterators that are asked for one when there is room for it: however many an audit has before it, only
    those in flight are in memory, and those that were lost with a worker. ``open`` gives a fresh executor, ``window``
    says how many jobs to keep in flight. ``take`` is called with the outcomes of each job in the caller's thread,
    ``replaced`` with the number of jobs that were in flight when a worker died.
    """

    open: Callable[[], Running]
    window: Callable[[], int]
    clock: Clock
    take: Take
    replaced: Callable[[int], None]
    _lost: deque[Job] = field(default_factory=deque)
    _coming: deque[Iterator[Job]] = field(default_factory=deque)
    _flying: dict[Future[list[Outcome]], Job] = field(default_factory=dict)
    _executor: Running | None = None

    def add(self, jobs: Iterable[Job]) -> None:
        """Queue jobs, which are made when it is their turn."""
        self._coming.append(iter(jobs))

    @property
    def flying(self) -> Collection[Future[list[Outcome]]]:
        """The jobs in flight."""
        return self._flying.keys()

    def take_done(self, done: Collection[Future[list[Outcome]]]) -> None:
        """Take those of some jobs that are in flight here, or replace the workers if one died."""
        mine = [future for future in done if future in self._flying]
        if any(isinstance(future.exception(), BrokenProcessPool) for future in mine):
            self._replace()
            return
        for future in mine:
            self._taken(future, self._flying.pop(future))

    def launch(self) -> bool:
        """Submit jobs until the window is full; whether that went without a worker dying.

        Raises:
            NoWorkers: none can be started.
        """
        window = self.window() if self._lost or self._coming else 0  # a cluster is asked for it
        while len(self._flying) < window and not (self._flying and self._alone()):
            job = self._next()
            if job is None:
                break
            try:
                executor = self._start() if self._executor is None else self._executor
                with held():  # a process that was only half started would outlive what it has to read, and say so
                    self._flying[executor.submit(measure, job.task)] = job
            except BrokenProcessPool:
                self._lost.appendleft(job)
                self._replace()
                return False
        return True

    def _next(self) -> Job | None:
        """The job whose turn it is, those that were lost before all others; None if there is none."""
        if self._lost:
            return self._lost.popleft()
        while self._coming:
            if (job := next(self._coming[0], None)) is not None:
                return job
            self._coming.popleft()
        return None

    def _start(self) -> Running:
        """Open an executor, and see that a worker of it answers."""
        pauses = iter(_PAUSES)
        while True:
            try:
                self._executor = self.open()
                with held():
                    answer = self._executor.submit(os.getpid)
                answer.result()
                return self._executor
            except (BrokenProcessPool, OSError) as error:
                self._give_up()
                pause = next(pauses, None)
                if pause is None:
                    raise NoWorkers(len(_PAUSES) + 1, error) from error
                self.clock.sleep(pause)
            except BaseException:  # Ctrl-C: whoever closes these workers must not wait until they have started
                self._give_up()
                raise

    def _alone(self) -> bool:
        """Whether a suspected job flies or comes next: it shares the workers with no other."""
        first = [self._lost[0]] if self._lost else []
        return any(job.deaths >= _SUSPECTED for job in (*first, *self._flying.values()))

    def _replace(self) -> None:
        """A worker was killed: keep what its siblings finished, start new ones and run the lost jobs again."""
        self.replaced(len(self._flying))
        self._give_up()
        for future in list(self._flying):
            job = self._flying.pop(future)
            if _answered(future):
                self._taken(future, job)
            else:
                self._again(job)

    def _give_up(self) -> None:
        """Drop an executor that is broken, or that nobody waits for."""
        if self._executor is not None:
            self._executor.let_go()
            self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = None

    def _again(self, job: Job) -> None:
        """Queue a job that was lost with its worker, or blame its seed."""
        if job.deaths + 1 < _GUILTY:
            for part in _taken_apart(job.task) if job.deaths >= _SUSPECTED else (job.task,):
                self._lost.appendleft(Job(job.measurement, part, job.deaths + 1))
            return
        seed = job.task.seeds[-1]  # of a second measurement, the one that is compared
        where = f"{job.task.name} at {dict(job.task.base)}, seed {seed}"
        message = f"{where}: its worker died each of {_GUILTY} times"
        self.take(job, [Outcome(seed, None, 0.0, error=message)])

    def _taken(self, future: Future[list[Outcome]], job: Job) -> None:
        """Take the outcomes of a job; what a worker raises instead is the error of each of its seeds."""
        error = future.exception()
        if error is None:
            self.take(job, future.result())
            return
        message = f"{job.task.name} at {dict(job.task.base)}: {type(error).__name__}: {error}"
        self.take(job, [Outcome(seed, None, 0.0, error=message) for seed in job.task.seeds])

    def close(self) -> None:
        """Let the tasks that run now end and take them; the others never begin."""
        if self._executor is None:
            return
        # To cancel futures is left to the executor: it fails if it finds one cancelled when a worker dies.
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._end()

    def let_go(self) -> None:
        """Have the workers end at once, whatever they do; :meth:`close` then has little to wait for."""
        if self._executor is not None:
            self._executor.let_go()

    def _end(self) -> None:
        self._executor = None
        while self._flying:
            future, job = self._flying.popitem()
            if _answered(future):
                self._taken(future, job)


def wait_for(executors: Executors, teams: Sequence[Workers], idle: Callable[[], None]) -> None:
    """Keep the windows of all full and take what is done, until at least something has happened.

    ``idle`` is called when nothing has come back for a while.

    Raises:
        NoWorkers: none can be started.
    """
    if not all(team.launch() for team in teams):
        return
    flying = [future for team in teams for future in team.flying]
    done, _ = executors.wait(flying, timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED)
    if not done:
        idle()
    for team in teams:
        team.take_done(done)


def _taken_apart(task: Task) -> Iterator[Task]:
    """A task a seed, the last first: which of them kills its worker is found one by one.

    A second measurement stays whole: the seed that it is about comes after another one.
    """
    if task.again:
        return iter((task,))
    return (replace(task, seeds=(seed,)) for seed in reversed(task.seeds))


def _answered(future: Future[list[Outcome]]) -> bool:
    """Whether a job came back: not cancelled, nor lost with its worker."""
    return future.done() and not future.cancelled() and not isinstance(future.exception(), BrokenProcessPool)
