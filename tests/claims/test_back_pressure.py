"""However many tasks are to come: only as many are made and in flight as keep the workers busy."""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest
from kit import claim

from claims.auditing import loop
from claims.auditing.loop import run
from claims.auditing.planning import plan
from claims.auditing.trial import Measurement
from claims.auditing.workers import Job, Workers, wait_for
from claims.clock import CLOCK
from claims.evidence.executors import Executors, SerialExecutor
from claims.evidence.measure import Task, measure
from claims.evidence.store import MEMORY, Store
from claims.experiment import experiment, grid
from claims.kinds import mean
from claims.verdict import HOLDS, Tier

DATA = Path(__file__).parent / "data"
WORKERS = 3
#: Jobs in flight for each worker.
EACH = 2


class Patient(Executor):
    """Has everything that it was given lie until somebody waits, and then does one task."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Future, object, tuple]] = deque()
        self.most = 0

    def submit(self, fn, /, *args, **kwargs):
        future: Future = Future()
        if fn is not measure:
            future.set_result(fn(*args))
            return future
        self.waiting.append((future, fn, args))
        self.most = max(self.most, len(self.waiting))
        return future

    def let_go(self):
        self.waiting.clear()

    def wait(self, futures, *, timeout, return_when):
        if not any(future.done() for future in futures):  # what a witness has measured is done already
            future, fn, args = self.waiting.popleft()
            future.set_result(fn(*args))
        done = {future for future in futures if future.done()}
        return done, set(futures) - done


@pytest.fixture
def patient():
    return Patient()


@pytest.fixture
def executors(patient):
    return Executors(lambda: WORKERS, lambda: patient, SerialExecutor, patient.wait)


def test_an_audit_makes_its_tasks_as_workers_have_room_for_them(patient, executors, monkeypatch):
    made: list[Task] = []
    pending: list[int] = []

    def counted(**fields):
        made.append(Task(**fields))
        return made[-1]

    def done(measurement, seeds, seconds):
        pending.append(len(made) - len(pending) - 1)

    monkeypatch.setattr(loop, "Task", counted)
    # A seed that takes a second is a task of its own: 8 of each of the 20 claims at their first look.
    dear = experiment("toys:gaussian", fixed={"sd": 0.01}, seconds=1.0)
    claims = [claim(mean(dear["x"]), id=f"toy.dear-{k}", at=grid(k=[k]), rival=9.0) for k in range(20)]
    planned = plan(claims, tier=Tier.FULL, epoch=7, paths=(str(DATA),))
    with Store(MEMORY, speak=lambda text: None) as store:
        result = run(planned, store, executor=executors, observer=loop.Observer(measured=done))
    assert {each.verdict for each in result.claims} == {HOLDS}
    assert len(made) == len(pending) >= 20 * 8
    assert max(pending) <= EACH * WORKERS + 1  # one more, whose first seed a witness measures again
    assert patient.most == EACH * WORKERS


def test_of_endlessly_many_jobs_only_those_in_flight_were_ever_made(patient, executors):
    numbers, taken = itertools.count(), []
    measurement = Measurement.of(experiment("toys:gaussian")["x"], ())
    task = Task("toys:gaussian", "toys:gaussian", (), (), 7, (0,), (str(DATA),))
    team = Workers(executors.open, lambda: EACH * WORKERS, CLOCK, lambda job, outcomes: taken.append(job), taken.append)
    team.add(Job(measurement, task) for _ in numbers)
    for _ in range(20):
        wait_for(executors, [team], lambda: None)
    assert len(taken) == 20
    assert next(numbers) == 20 + EACH * WORKERS - 1
