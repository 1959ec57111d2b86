"""Tasks in flight: what an audit knows while it measures, its workers, and what happens when one of them dies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from typing import Any

from claims.evidence import Identity, Store
from claims.executors import open_executor, parse_spec
from claims.fingerprint import code_fingerprint, code_named, environment
from claims.measure import Outcome, Task, measure
from claims.planning import Plan
from claims.results import ClaimResult
from claims.trial import Measurement, Trial

#: A task holds at most this many seeds and, where one is slow, about this many seconds.
_TASK_SEEDS, _TASK_SECONDS = 8, 0.5
#: How often whoever watches is told that nothing has come back yet.
_TICK_SECONDS = 10.0
#: A task in flight when a worker dies is suspected and run again alone; if it dies again it is taken apart, and a seed
#: with which a worker dies a third time is an error.
_SUSPECTED, _GUILTY = 1, 3


@dataclass
class Observer:
    """What a progress display may want to know. All callables default to doing nothing."""

    measured: Callable[[Measurement, int, float], None] = lambda measurement, seeds, seconds: None
    decided: Callable[[ClaimResult], None] = lambda result: None
    replaced: Callable[[int], None] = lambda attempts: None
    waiting: Callable[[], None] = lambda: None


@dataclass
class Flight:
    """The state of one audit: outcomes that are there, tasks that are not, and who waits for them."""

    plan: Plan
    store: Store
    executor_spec: str
    observer: Observer
    outcomes: dict[tuple[Measurement, int], Outcome] = field(default_factory=dict)
    requested: set[tuple[Measurement, int]] = field(default_factory=set)
    waiting: dict[tuple[Measurement, int], list[Trial]] = field(default_factory=dict)
    missing: dict[int, int] = field(default_factory=dict)
    ready: deque[Trial] = field(default_factory=deque)
    queue: deque[tuple[Measurement, Task, int]] = field(default_factory=deque)
    flying: dict[Future[list[Outcome]], tuple[Measurement, Task, int]] = field(default_factory=dict)
    identities: dict[Measurement, Identity] = field(default_factory=dict)
    codes: dict[tuple[str, ...], str] = field(default_factory=dict)
    cached: int = 0
    executor: Executor | None = None

    def lookup(self, measurement: Measurement, seed: int) -> Outcome | None:
        """The outcome of a seed, if it is there."""
        return self.outcomes.get((measurement, seed))

    def code(self, measurement: Measurement) -> str:
        """Fingerprint of what it runs, as the audit found it when it began."""
        named = code_named(measurement.address, measurement.base)
        if named not in self.codes:
            self.codes[named] = code_fingerprint(*named)
        return self.codes[named]

    def identity(self, measurement: Measurement) -> Identity:
        """What, besides base point and seed, its evidence depends on."""
        if measurement not in self.identities:
            content: dict[str, Any] = {
                "experiment": measurement.name,
                "sweep": {name: list(levels) for name, levels in measurement.sweep},
                "epoch": None if measurement.published else self.plan.epoch,
                "code": self.code(measurement),
                "environment": environment(),
            }
            if measurement.needs:
                content["subject"] = self.plan.subject.identity(measurement.needs)
            self.identities[measurement] = Identity.of(content)
        return self.identities[measurement]


def request(state: Flight, keys: Sequence[tuple[Measurement, int]]) -> None:
    """Take from the store what is there, and queue the rest in tasks."""
    state.requested.update(keys)
    wanted: dict[Measurement, list[int]] = {}
    for measurement, seed in keys:
        wanted.setdefault(measurement, []).append(seed)
    for measurement, seeds in wanted.items():
        identity, base = state.identity(measurement), dict(measurement.base)
        stored = state.store.get(names := {identity.key(base, seed): seed for seed in seeds})
        for name, (records, seconds) in stored.items():
            state.outcomes[measurement, names[name]] = Outcome(names[name], records, seconds)
        state.cached += len(stored)
        unmeasured = [seed for seed in seeds if (measurement, seed) not in state.outcomes]
        for chunk in _chunks(unmeasured, measurement.seconds):
            # Published seeds are stored under no epoch, so their streams may not depend on one.
            epoch, paths = 0 if measurement.published else state.plan.epoch, state.plan.paths
            code = state.code(measurement)
            subject = state.plan.subject if measurement.needs else None
            task = Task(
                name=measurement.name,
                address=measurement.address,
                base=measurement.base,
                sweep=measurement.sweep,
                epoch=epoch,
                seeds=chunk,
                paths=paths,
                code=code,
                subject=subject,
            )
            state.queue.append((measurement, task, 0))


def _chunks(seeds: Sequence[int], seconds: float) -> Iterator[tuple[int, ...]]:
    size = max(1, min(_TASK_SEEDS, int(_TASK_SECONDS / max(seconds, 1e-6))))
    for start in range(0, len(seeds), size):
        yield tuple(seeds[start : start + size])


def wait_for_some(state: Flight) -> None:
    """Keep a bounded window of tasks in flight and take in what is done."""
    window = 2 * max(1, parse_spec(state.executor_spec))
    while state.queue and len(state.flying) < window:
        if state.flying and _alone(state):
            break
        measurement, task, attempts = state.queue.popleft()
        if state.executor is None:
            state.executor = open_executor(state.executor_spec)
        try:
            state.flying[state.executor.submit(measure, task)] = (measurement, task, attempts)
        except BrokenProcessPool:
            state.queue.appendleft((measurement, task, attempts))
            _replace_workers(state)
            return
    done, _ = wait(state.flying, timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED)
    if not done:
        state.observer.waiting()
    if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
        _replace_workers(state)
        return
    for future in done:
        measurement, task, _ = state.flying.pop(future)
        _take(state, measurement, task, future.result())


def _alone(state: Flight) -> bool:
    """Whether a suspected task flies or comes next: it shares the workers with no other."""
    return state.queue[0][2] >= _SUSPECTED or any(attempts >= _SUSPECTED for _, _, attempts in state.flying.values())


def _take(state: Flight, measurement: Measurement, task: Task, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        state.outcomes[measurement, outcome.seed] = outcome
        for trial in state.waiting.pop((measurement, outcome.seed), ()):
            state.missing[id(trial)] -= 1
            if not state.missing[id(trial)]:
                state.ready.append(trial)
    measured = [(o.seed, o.records, o.seconds) for o in outcomes if o.records is not None]
    if measured:
        state.store.put(state.identity(measurement), measurement.name, dict(measurement.base), measured)
    state.observer.measured(measurement, len(outcomes), sum(outcome.seconds for outcome in outcomes))


def _replace_workers(state: Flight) -> None:
    """A worker was killed: keep what its siblings finished, start new ones and run the lost tasks again."""
    state.observer.replaced(len(state.flying))
    if state.executor is not None:
        state.executor.shutdown(wait=False, cancel_futures=True)
    state.executor = None
    for future, (measurement, task, attempts) in list(state.flying.items()):
        if _finished(future):
            _take(state, measurement, task, future.result())
        elif attempts + 1 < _GUILTY:
            for part in _taken_apart(task) if attempts >= _SUSPECTED else (task,):
                state.queue.appendleft((measurement, part, attempts + 1))
        else:
            (seed,) = task.seeds
            message = f"{task.name} at {dict(task.base)}, seed {seed}: its worker died each of {_GUILTY} times"
            _take(state, measurement, task, [Outcome(seed, None, 0.0, error=message)])
    state.flying.clear()


def _taken_apart(task: Task) -> list[Task]:
    """A task a seed, the last first: which of them kills its worker is found one by one."""
    return [replace(task, seeds=(seed,)) for seed in reversed(task.seeds)]


def close(state: Flight) -> None:
    """Stop the workers; what they had finished is stored, whatever stopped the audit."""
    if state.executor is None:
        return
    state.executor.shutdown(wait=True, cancel_futures=True)
    for future, (measurement, task, _) in state.flying.items():
        if _finished(future):
            _take(state, measurement, task, future.result())
    state.flying.clear()


def _finished(future: Future[list[Outcome]]) -> bool:
    """Whether a task gave its outcomes: not cancelled, nor lost with its worker."""
    return future.done() and not future.cancelled() and future.exception() is None
