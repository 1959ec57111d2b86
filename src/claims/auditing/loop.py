"""The one loop: measure and decide until all of a plan is decided, each measurement once for all who share it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from claims import lasting
from claims.auditing.courses import Course, Courses, follow
from claims.auditing.interrupts import answered_by, held, repeated
from claims.auditing.planning import Plan
from claims.auditing.results import AuditResult, ClaimResult
from claims.auditing.trial import Measurement, Trial
from claims.auditing.waiting import Seed, Waiting
from claims.auditing.workers import Job, Workers, wait_for
from claims.evidence.data import data_digests
from claims.evidence.executors import Executors
from claims.evidence.fingerprint import at_once, code_fingerprint, code_named, environment
from claims.evidence.measure import Outcome, Task
from claims.evidence.purity import difference
from claims.evidence.store import Identity, Store
from claims.subject import Subject
from claims.verdict import Tier

#: A task holds at most this many seeds and, where one is slow, about this many seconds.
_TASK_SEEDS, _TASK_SECONDS = 8, 0.5
#: Trials whose seeds the store is asked for at once: more would hold the keys of all that is not measured yet.
_TOGETHER = 256
#: Jobs in flight with the witness, which is one process.
_WITNESSED = 2


@dataclass
class Observer:
    """What a progress display may want to know. All callables default to doing nothing."""

    measured: Callable[[Measurement, int, float], None] = lambda measurement, seeds, seconds: None
    decided: Callable[[ClaimResult], None] = lambda result: None
    replaced: Callable[[int], None] = lambda attempts: None
    waiting: Callable[[], None] = lambda: None
    finishing: Callable[[int], None] = lambda tasks: None


def run(
    planned: Plan,
    store: Store,
    *,
    executor: str | Executors = "serial",
    observer: Observer | None = None,
    fail_fast: bool = False,
) -> AuditResult:
    """Measure and decide until every trial is final.

    What is stored and decided depends on the plan alone: trials ask for whole looks, in order, and a task never
    crosses one.

    After a KeyboardInterrupt no task is begun and those that run may end, which ``observer.finishing`` is told; after a
    second one they are dropped.

    Raises:
        ConflictingEvidence: a measurement contradicts what the store holds.
        NoWorkers: worker processes cannot be started.
        Interrupted: a KeyboardInterrupt, passed on after the workers are stopped; what was measured is stored.
    """
    executors = Executors.of(executor) if isinstance(executor, str) else executor
    audit = _Audit(planned, store, observer or Observer(), executors)
    try:
        with at_once():  # before the run: whoever imports something else later will notice
            for measurement in planned.measurements():
                audit.identity(measurement)
        with repeated() as again:
            audit.decide_all(fail_fast, again)
        audit.close()
    except KeyboardInterrupt as stop:
        raise Interrupted(audit.stopped()) from stop
    except BaseException:
        audit.close()
        raise
    return audit.result()


def stored(planned: Plan, store: Store) -> dict[Measurement, frozenset[int]]:
    """The seeds of each measurement's main block that a store has, with all that they depend on as it is now."""
    audit = _Audit(planned, store, Observer(), Executors.of("serial"))
    return {
        measurement: frozenset(*audit._stored([(measurement, range(most))]))
        for measurement, (_, most) in planned.cost().items()
    }


def recalled(
    measurements: Iterable[Measurement], store: Store, *, epoch: int, subject: Subject, most: int
) -> dict[Measurement, dict[int, Outcome]]:
    """What a store has of the first ``most`` seeds of measurements, with all that they depend on as it is now."""
    audit = _Audit(Plan({}, Tier.SMOKE, epoch, subject=subject), store, Observer(), Executors.of("serial"))
    every = [*measurements]
    return dict(zip(every, audit._stored([(each, range(most)) for each in every]), strict=True))


class Interrupted(KeyboardInterrupt):
    """An audit was stopped by the user; ``result`` is what was decided until then."""

    def __init__(self, result: AuditResult) -> None:
        self.result = result
        super().__init__("the audit was interrupted")


@dataclass
class _Audit:
    """One audit: who waits for which seed, what the store has of them, and the workers that measure the rest."""

    plan: Plan
    store: Store
    observer: Observer
    executors: Executors
    waiting: Waiting = field(default_factory=Waiting)
    identities: dict[Measurement, Identity] = field(default_factory=dict)
    codes: dict[tuple[str, ...], str] = field(default_factory=dict)
    data: dict[tuple[str, tuple[str, ...]], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    unconfirmed: dict[Measurement, Sequence[Outcome]] = field(default_factory=dict)
    courses: Courses = field(default_factory=Courses)
    results: dict[str, ClaimResult] = field(default_factory=dict)
    cached: int = 0
    started: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self.witnessed = self.plan.witnessed()
        where, replaced = self.executors, self.observer.replaced
        self.workers = Workers(where.open, lambda: 2 * max(1, where.workers()), where.clock, self._take, replaced)
        self.witness = Workers(where.witness, lambda: _WITNESSED, where.clock, self._take_again, replaced)

    def decide_all(self, fail_fast: bool, again: Callable[[], None]) -> None:
        """Until every trial is final, or the first claim contradicts the record and ``fail_fast`` says to stop.

        ``again`` is called now and then: it raises a Ctrl-C that was lost.
        """
        with lasting.making():
            self._recall([trial for trial in self.plan.trials if trial.final is None])
        unfinished = {name: sum(trial.final is None for trial in group) for name, group in self.plan.groups.items()}
        for claim in self.plan.claims:
            if not unfinished[claim.id] and self._decided(claim.id).as_expected is False and fail_fast:
                return
        self._begin([trial for trial in self.plan.trials if trial.final is None])
        while self.waiting.ready or self.waiting:
            again()
            while self.waiting.ready:
                go_on = []
                for trial in self.waiting.taken():
                    trial.advance(self.waiting.lookup)
                    if trial.final is None:
                        go_on.append(trial)
                        continue
                    self.courses.keep(trial, self.waiting.lookup)
                    name = trial.claim.id
                    unfinished[name] -= 1
                    if not unfinished[name] and self._decided(name).as_expected is False and fail_fast:
                        return
                self._begin(go_on)
            if self.waiting:
                wait_for(self.executors, (self.workers, self.witness), self.observer.waiting)

    def stopped(self) -> AuditResult:
        """What is decided when the user stops it: running tasks are finished, or dropped if the user stops that too."""
        with answered_by(self._let_go):
            if running := sum(future.running() for team in (self.workers, self.witness) for future in team.flying):
                self.observer.finishing(running)
            self.close()
            return self.result()

    def close(self) -> None:
        """Let the tasks that run now end and take them; the others never begin."""
        self.workers.close()
        self.witness.close()

    def _let_go(self) -> None:
        self.workers.let_go()
        self.witness.let_go()

    def result(self) -> AuditResult:
        """What is decided so far."""
        seconds, outcomes = time.perf_counter() - self.started, self.waiting.outcomes
        measured = len(outcomes) - self.cached
        here = environment(self.plan.device)
        found = tuple(self.results.get(name) or ClaimResult.of(name, self.plan, outcomes) for name in self.plan.groups)
        return AuditResult(found, self.plan, here, seconds, measured, self.cached)

    def _decided(self, name: str) -> ClaimResult:
        """The result of a claim all trials of which are final."""
        self.results[name] = result = ClaimResult.of(name, self.plan, self.waiting.outcomes)
        self.observer.decided(result)
        return result

    def _recall(self, trials: Sequence[Trial]) -> None:
        """Bring trials to the ends of the courses that are kept of them, where the store has the records of then."""
        for start in range(0, len(trials), _TOGETHER):
            together = [(trial, self.courses.of(trial)) for trial in trials[start : start + _TOGETHER]]
            self._follow([(trial, course) for trial, course in together if course is not None])

    def _follow(self, courses: Sequence[tuple[Trial, Course]]) -> None:
        wanted: dict[Measurement, list[int]] = {}
        for measurement, seed in dict.fromkeys(_resting_on(courses)):
            if self.waiting.lookup(measurement, seed) is None:
                wanted.setdefault(measurement, []).append(seed)
        stored = dict(zip(wanted, self._stored([*wanted.items()]), strict=True))

        def found(measurement: Measurement, seed: int) -> Outcome | None:
            return self.waiting.lookup(measurement, seed) or stored.get(measurement, {}).get(seed)

        followed = [(trial, course) for trial, course in courses if follow(trial, course, found)]
        for measurement, seed in _resting_on(followed):
            if self.waiting.lookup(measurement, seed) is None:
                self.waiting.arrive(measurement, stored[measurement][seed])
                self.cached += 1

    def _begin(self, trials: Sequence[Trial]) -> None:
        """Have trials wait for their present looks: what the store has arrives at once, the rest is measured."""
        for start in range(0, len(trials), _TOGETHER):
            together = trials[start : start + _TOGETHER]
            wanted = [found for trial in together for found in self.waiting.begin(trial).items()]
            for (measurement, seeds), stored in zip(wanted, self._stored(wanted), strict=True):
                for outcome in stored.values():
                    self.waiting.arrive(measurement, outcome)
                self.cached += len(stored)
                if missing := [seed for seed in seeds if seed not in stored]:
                    self.workers.add(self._jobs(measurement, missing))

    def _jobs(self, measurement: Measurement, seeds: Sequence[int]) -> Iterator[Job]:
        """Tasks for some seeds, each made when there is a worker for it."""
        return (Job(measurement, self._task(measurement, few)) for few in _chunks(seeds, measurement.seconds))

    def _stored(self, wanted: Sequence[tuple[Measurement, Sequence[int]]]) -> list[dict[int, Outcome]]:
        """What the store has of some seeds of measurements, which it is asked for at once."""
        keys = [self.identity(made).keys(dict(made.base), seeds) for made, seeds in wanted]
        found = self.store.get(key for each in keys for key in each.values())
        return [
            {
                seed: Outcome.stored(seed, row.records, row.seconds, measurement.device)
                for seed, key in each.items()
                if (row := found.get(key)) is not None
            }
            for (measurement, _), each in zip(wanted, keys, strict=True)
        ]

    def _take(self, job: Job, outcomes: Sequence[Outcome]) -> None:
        """Take in what a job gave; with seed 0 of what has a witness it waits for that."""
        seeds = self.witnessed.get(job.measurement)
        if seeds is not None and any(each.seed == 0 and each.records is not None for each in outcomes):
            self.unconfirmed[job.measurement] = outcomes
            self.witness.add([Job(job.measurement, replace(job.task, seeds=seeds, again=True))])
        else:
            self._accept(job.measurement, outcomes)

    def _take_again(self, job: Job, again: Sequence[Outcome]) -> None:
        """Take in what waited for a witness."""
        self._accept(job.measurement, _confirmed(job.measurement, self.unconfirmed.pop(job.measurement), again))

    def _accept(self, measurement: Measurement, outcomes: Sequence[Outcome]) -> None:
        with held():  # a task is taken whole: what is judged is stored, and no transaction stays open
            for outcome in outcomes:
                self.waiting.arrive(measurement, outcome.sealed())
            measured = [(each.seed, each.records, each.seconds) for each in outcomes if each.records is not None]
            if measured:
                self.store.put(self.identity(measurement), measurement.name, dict(measurement.base), measured)
        self.observer.measured(measurement, len(outcomes), sum(outcome.seconds for outcome in outcomes))

    def _task(self, measurement: Measurement, seeds: tuple[int, ...]) -> Task:
        return Task(
            name=measurement.name,
            address=measurement.address,
            base=measurement.base,
            sweep=measurement.sweep,
            # Published seeds are stored under no epoch, so their streams may not depend on one.
            epoch=0 if measurement.published else self.plan.epoch,
            seeds=seeds,
            paths=self.plan.paths,
            code=self._code(measurement),
            data=self._data(measurement),
            subject=self.plan.subject if measurement.needs else None,
            device=measurement.device,
            audited=self.plan.device,
        )

    def _code(self, measurement: Measurement) -> str:
        """Fingerprint of what it runs, as the audit found it when it began."""
        named = code_named(measurement.address, measurement.base)
        if named not in self.codes:
            self.codes[named] = code_fingerprint(*named)
        return self.codes[named]

    def _data(self, measurement: Measurement) -> tuple[tuple[str, str], ...]:
        """Digests of the data that it declares, as the audit found them when it began."""
        wanted = (measurement.address, measurement.data)
        if wanted not in self.data:
            self.data[wanted] = tuple(data_digests(measurement.data, measurement.address).items())
        return self.data[wanted]

    def identity(self, measurement: Measurement) -> Identity:
        """What, besides base point and seed, its evidence depends on."""
        if measurement not in self.identities:
            content: dict[str, Any] = {
                "experiment": measurement.name,
                "sweep": {name: list(levels) for name, levels in measurement.sweep},
                "epoch": None if measurement.published else self.plan.epoch,
                "code": self._code(measurement),
                "environment": environment(measurement.device),
            }
            if measurement.data:
                content["data"] = dict(self._data(measurement))
            if measurement.needs:
                content["subject"] = self.plan.subject.identity(measurement.needs)
            self.identities[measurement] = Identity.of(content)
        return self.identities[measurement]


def _confirmed(measurement: Measurement, outcomes: Sequence[Outcome], again: Sequence[Outcome]) -> Sequence[Outcome]:
    """What a job gave, if its witness had the same of seed 0; else an error that names the value."""
    first = next(each for each in outcomes if each.seed == 0)
    assert first.records is not None
    for other in (each for each in again if each.seed == 0):
        words = ""
        if other.records is None:
            words = f"{other.error or other.unavailable} (when it was measured a second time)"
        elif changed := difference(first.records, other.records):
            where = f"{measurement.name} at {dict(measurement.base)}, seed 0"
            words = f"{where}: {changed} when measured a second time: it is no pure function of point and streams"
        if words:
            return [Outcome(each.seed, None, each.seconds, error=words) for each in outcomes]
    return outcomes


def _resting_on(courses: Iterable[tuple[Trial, Course]]) -> Iterator[Seed]:
    """The seeds that courses rest on."""
    for trial, course in courses:
        seeds = course.seeds()
        yield from ((measurement, seed) for measurement in trial.measurements() for seed in seeds)


def _chunks(seeds: Sequence[int], seconds: float) -> Iterator[tuple[int, ...]]:
    size = max(1, min(_TASK_SEEDS, int(_TASK_SECONDS / max(seconds, 1e-6))))
    for start in range(0, len(seeds), size):
        yield tuple(seeds[start : start + size])
