"""The one loop: plan, measure, decide. Each measurement is made once, however many claims share it."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from claims.claim import Claim
from claims.evidence import Identity, Store
from claims.executors import open_executor, parse_spec
from claims.fingerprint import code_fingerprint, environment
from claims.measure import Outcome, Task, measure
from claims.results import AuditResult, ClaimResult, collect
from claims.trial import Measurement, Trial
from claims.verdict import Tier

#: The root of all streams unless ``--epoch`` says otherwise. Rotated on a calendar, never in reaction to a verdict.
PINNED_EPOCH = 20260518
#: A task holds at most this many seeds and, where one is slow, about this many seconds.
_TASK_SEEDS, _TASK_SECONDS = 8, 0.5
#: A task in flight when a worker dies is suspected and run again alone; dying alone this often is its own fault.
_SUSPECTED, _GUILTY = 1, 4


@dataclass(frozen=True, slots=True)
class Plan:
    """Trials to be run, with everything that decides what they will measure."""

    claims: tuple[Claim, ...]
    trials: tuple[Trial, ...]
    tier: Tier
    epoch: int
    paths: tuple[str, ...] = ()

    def measurements(self) -> tuple[Measurement, ...]:
        """Every measurement, once."""
        open_trials = (trial for trial in self.trials if trial.final is None)
        return tuple(dict.fromkeys(m for trial in open_trials for m in trial.measurements()))

    def cost(self) -> dict[Measurement, tuple[int, int]]:
        """Seeds of each measurement: at the first look, and at most if nothing is decided before the last."""
        found: dict[Measurement, tuple[int, int]] = {}
        for trial in self.trials:
            if trial.final is None:
                for measurement in trial.measurements():
                    few, many = found.get(measurement, (0, 0))
                    found[measurement] = (max(few, len(trial.seeds())), max(many, trial.most_seeds()))
        return found


def plan(claims: Iterable[Claim], *, tier: Tier, epoch: int = PINNED_EPOCH, paths: Sequence[str] = ()) -> Plan:
    """Resolve bands and rivals at every point.

    Raises:
        InvalidDeclaration: a deferred target cannot be computed, or a rival lies inside its band.
    """
    chosen = tuple(claims)
    trials = []
    for claim in chosen:
        judged = claim.judged_points()
        for point, members in judged:
            band, rival = claim.limits(point)
            trials.append(Trial(claim, point, members, band, rival, len(judged), tier))
    return Plan(chosen, tuple(trials), tier, epoch, tuple(paths))


@dataclass
class Observer:
    """What a progress display may want to know. All callables default to doing nothing."""

    measured: Callable[[Measurement, int, float], None] = lambda measurement, seeds, seconds: None
    decided: Callable[[ClaimResult], None] = lambda result: None
    replaced: Callable[[int], None] = lambda attempts: None


@dataclass
class _Run:
    """The state of one audit: outcomes that are there, tasks that are not."""

    plan: Plan
    store: Store
    executor_spec: str
    observer: Observer
    fail_fast: bool
    outcomes: dict[tuple[Measurement, int], Outcome] = field(default_factory=dict)
    requested: set[tuple[Measurement, int]] = field(default_factory=set)
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
            named = [value for _, value in measurement.base if isinstance(value, str) and ":" in value]
            content = {
                "experiment": measurement.target,
                "sweep": {name: list(levels) for name, levels in measurement.sweep},
                "epoch": None if measurement.published else self.plan.epoch,
                "code": code_fingerprint(measurement.target, *named),
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
        KeyboardInterrupt: passed on after the workers are stopped; what was measured is stored.
    """
    started = time.perf_counter()
    state = _Run(planned, store, executor, observer or Observer(), fail_fast)
    _prepare(planned)
    pending = [trial for trial in planned.trials if trial.final is None]
    reported: set[str] = set()
    _report(state, pending, reported)
    try:
        while pending:
            for trial in pending:
                _request(state, trial)
            _advance(pending, state)
            pending = [trial for trial in pending if trial.final is None]
            _report(state, pending, reported)
            if fail_fast and _surprised(state, reported):
                break
            if pending and not _progressed(pending, state):
                _wait(state)
    finally:
        _close(state)
    seconds = time.perf_counter() - started
    measured = sum(1 for key in state.requested if key in state.outcomes) - state.cached
    return AuditResult(collect(planned, state.outcomes), planned, environment(), seconds, measured, state.cached)


def _prepare(planned: Plan) -> None:
    """Take every fingerprint before the run, so that editing a file meanwhile cannot mislabel evidence."""
    for measurement in planned.measurements():
        named = [value for _, value in measurement.base if isinstance(value, str) and ":" in value]
        code_fingerprint(measurement.target, *named)


def _ready(trial: Trial, state: _Run) -> bool:
    return all(state.lookup(m, seed) is not None for m in trial.measurements() for seed in trial.seeds())


def _progressed(pending: Sequence[Trial], state: _Run) -> bool:
    """Whether some trial has an undemanded look: then it has to be asked for before waiting."""
    return any(
        (m, seed) not in state.requested for trial in pending for m in trial.measurements() for seed in trial.seeds()
    )


def _advance(pending: Sequence[Trial], state: _Run) -> None:
    for trial in pending:
        while trial.final is None and _ready(trial, state):
            trial.advance(state.lookup)


def _request(state: _Run, trial: Trial) -> None:
    """Take from the store what is there, and queue the rest of the look in tasks."""
    for measurement in trial.measurements():
        missing = [seed for seed in trial.seeds() if (measurement, seed) not in state.requested]
        if not missing:
            continue
        state.requested.update((measurement, seed) for seed in missing)
        identity, base = state.identity(measurement), dict(measurement.base)
        keys = {identity.key(base, seed): seed for seed in missing}
        for key, (records, seconds) in state.store.get(keys).items():
            state.outcomes[measurement, keys[key]] = Outcome(keys[key], records, seconds)
            state.cached += 1
        unmeasured = [seed for seed in missing if (measurement, seed) not in state.outcomes]
        for seeds in _chunks(unmeasured, measurement.seconds):
            epoch, paths = state.plan.epoch, state.plan.paths
            task = Task(measurement.target, measurement.base, measurement.sweep, epoch, seeds, paths)
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


def _report(state: _Run, pending: Sequence[Trial], reported: set[str]) -> None:
    """Tell the observer of claims whose last trial has become final."""
    waiting = {trial.claim.id for trial in pending}
    for claim in state.plan.claims:
        if claim.id not in waiting and claim.id not in reported:
            reported.add(claim.id)
            state.observer.decided(collect_one(state, claim))


def collect_one(state: _Run, claim: Claim) -> ClaimResult:
    """The result of one claim whose trials are all final."""
    trials = tuple(trial for trial in state.plan.trials if trial.claim is claim)
    return ClaimResult.of(claim, trials, state.plan.tier, state.outcomes)


def _surprised(state: _Run, reported: set[str]) -> bool:
    return any(collect_one(state, claim).as_expected is False for claim in state.plan.claims if claim.id in reported)
