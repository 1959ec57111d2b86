"""The one loop: measure and decide until all of a plan is decided, each measurement once for all who share it."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from claims.claim import Claim
from claims.evidence import Identity, Store
from claims.executors import open_executor, parse_spec
from claims.fingerprint import code_fingerprint, environment
from claims.measure import Outcome, Task, measure
from claims.planning import Plan
from claims.results import AuditResult, ClaimResult, collect
from claims.trial import Measurement, Trial

#: A task holds at most this many seeds and, where one is slow, about this many seconds.
_TASK_SEEDS, _TASK_SECONDS = 8, 0.5
#: A task in flight when a worker dies is suspected and run again alone; dying alone this often is its own fault.
_SUSPECTED, _GUILTY = 1, 4


@dataclass
class Observer:
    """What a progress display may want to know. All callables default to doing nothing."""

    measured: Callable[[Measurement, int, float], None] = lambda measurement, seeds, seconds: None
    decided: Callable[[ClaimResult], None] = lambda result: None
    replaced: Callable[[int], None] = lambda attempts: None


@dataclass
class _Run:
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
    cached: int = 0
    executor: Executor | None = None

    def lookup(self, measurement: Measurement, seed: int) -> Outcome | None:
        return self.outcomes.get((measurement, seed))

    def identity(self, measurement: Measurement) -> Identity:
        """What, besides base point and seed, its evidence depends on."""
        if measurement not in self.identities:
            content = {
                "experiment": measurement.target,
                "sweep": {name: list(levels) for name, levels in measurement.sweep},
                "epoch": None if measurement.published else self.plan.epoch,
                "code": _fingerprint(measurement),
                "environment": environment(),
            }
            self.identities[measurement] = Identity.of(content)
        return self.identities[measurement]


def run(
    planned: Plan,
    store: Store,
    *,
    executor: str = "serial",
    observer: Observer | None = None,
    fail_fast: bool = False,
) -> AuditResult:
    """Measure and decide until every trial is final.

    What is stored and decided depends on the plan alone: trials ask for whole looks, in order, and a task never
    crosses one.

    Raises:
        ConflictingEvidence: a measurement contradicts what the store holds.
        Interrupted: a KeyboardInterrupt, passed on after the workers are stopped; what was measured is stored.
    """
    started = time.perf_counter()
    state = _Run(planned, store, executor, observer or Observer())
    for measurement in planned.measurements():  # before the run: editing a file meanwhile cannot mislabel evidence
        state.identity(measurement)
    try:
        _decide_all(state, fail_fast)
    except KeyboardInterrupt as stop:
        _close(state)
        raise Interrupted(_result(state, started)) from stop
    finally:
        _close(state)
    return _result(state, started)


class Interrupted(KeyboardInterrupt):
    """An audit was stopped by the user; ``result`` is what was decided until then."""

    def __init__(self, result: AuditResult) -> None:
        self.result = result
        super().__init__("the audit was interrupted")


def _result(state: _Run, started: float) -> AuditResult:
    seconds = time.perf_counter() - started
    measured = sum(1 for key in state.requested if key in state.outcomes) - state.cached
    results = collect(state.plan, state.outcomes)
    return AuditResult(results, state.plan, environment(), seconds, measured, state.cached)


def _fingerprint(measurement: Measurement) -> str:
    """Of the experiment's code, and of whatever code its base point names."""
    named = (value for _, value in measurement.base if isinstance(value, str) and ":" in value)
    return code_fingerprint(measurement.target, *named)


def _decide_all(state: _Run, fail_fast: bool) -> None:
    trials = {
        claim.id: [trial for trial in state.plan.trials if trial.claim.id == claim.id] for claim in state.plan.claims
    }
    unfinished = {name: sum(trial.final is None for trial in group) for name, group in trials.items()}

    def decided(claim: Claim) -> bool:
        """Tell the observer; whether the audit may stop here."""
        result = ClaimResult.of(claim, tuple(trials[claim.id]), state.plan.tier, state.outcomes)
        state.observer.decided(result)
        return fail_fast and result.as_expected is False

    for claim in state.plan.claims:
        if not unfinished[claim.id]:
            decided(claim)
    for trial in state.plan.trials:
        if trial.final is None:
            _begin_look(state, trial)
    while state.ready or state.waiting:
        while state.ready:
            trial = state.ready.popleft()
            trial.advance(state.lookup)
            if trial.final is None:
                _begin_look(state, trial)
                continue
            unfinished[trial.claim.id] -= 1
            if not unfinished[trial.claim.id] and decided(trial.claim):
                return
        if state.waiting:
            _wait(state)


def _begin_look(state: _Run, trial: Trial) -> None:
    """Ask for every seed of the trial's present look, and have it woken when the last one is there."""
    needed = [(measurement, seed) for measurement in trial.measurements() for seed in trial.seeds()]
    _request(state, [key for key in needed if key not in state.requested])
    missing = [key for key in needed if key not in state.outcomes]
    for key in missing:
        state.waiting.setdefault(key, []).append(trial)
    state.missing[id(trial)] = len(missing)
    if not missing:
        state.ready.append(trial)


def _request(state: _Run, keys: Sequence[tuple[Measurement, int]]) -> None:
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
            task = Task(measurement.target, measurement.base, measurement.sweep, epoch, chunk, paths)
            state.queue.append((measurement, task, 0))


def _chunks(seeds: Sequence[int], seconds: float) -> Iterator[tuple[int, ...]]:
    size = max(1, min(_TASK_SEEDS, int(_TASK_SECONDS / max(seconds, 1e-6))))
    for start in range(0, len(seeds), size):
        yield tuple(seeds[start : start + size])


def _wait(state: _Run) -> None:
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
    done, _ = wait(state.flying, return_when=FIRST_COMPLETED)
    if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
        _replace_workers(state)
        return
    for future in done:
        measurement, task, _ = state.flying.pop(future)
        _take(state, measurement, task, future.result())


def _alone(state: _Run) -> bool:
    """Whether a suspected task flies or comes next: it shares the workers with no other."""
    return state.queue[0][2] >= _SUSPECTED or any(attempts >= _SUSPECTED for _, _, attempts in state.flying.values())


def _take(state: _Run, measurement: Measurement, task: Task, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        state.outcomes[measurement, outcome.seed] = outcome
        for trial in state.waiting.pop((measurement, outcome.seed), ()):
            state.missing[id(trial)] -= 1
            if not state.missing[id(trial)]:
                state.ready.append(trial)
    measured = [(o.seed, o.records, o.seconds) for o in outcomes if o.records is not None]
    if measured:
        state.store.put(state.identity(measurement), measurement.target, dict(measurement.base), measured)
    state.observer.measured(measurement, len(outcomes), sum(outcome.seconds for outcome in outcomes))


def _replace_workers(state: _Run) -> None:
    """A worker was killed: keep what its siblings finished, start new ones and run the lost tasks again."""
    state.observer.replaced(len(state.flying))
    if state.executor is not None:
        state.executor.shutdown(wait=False, cancel_futures=True)
    state.executor = None
    for future, (measurement, task, attempts) in list(state.flying.items()):
        if future.done() and not future.cancelled() and future.exception() is None:
            _take(state, measurement, task, future.result())
        elif attempts + 1 < _GUILTY:
            state.queue.appendleft((measurement, task, attempts + 1))
        else:
            message = f"{task.target} at {dict(task.base)}, seeds {task.seeds}: its worker died each of {_GUILTY} times"
            _take(state, measurement, task, [Outcome(seed, None, 0.0, error=message) for seed in task.seeds])
    state.flying.clear()


def _close(state: _Run) -> None:
    """Stop the workers; what they had finished is stored, whatever stopped the audit."""
    if state.executor is None:
        return
    state.executor.shutdown(wait=True, cancel_futures=True)
    for future, (measurement, task, _) in state.flying.items():
        with contextlib.suppress(BrokenProcessPool):
            if future.done() and not future.cancelled():
                _take(state, measurement, task, future.result())
    state.flying.clear()
