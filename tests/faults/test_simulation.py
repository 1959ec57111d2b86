"""Audits driven by one integer through everything that may happen to them; and planted mistakes, which are found."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.append(str(HERE))

import run  # noqa: E402
from simulation import executors, faults, schedule  # noqa: E402
from simulation.world import world  # noqa: E402
from table import shown, total  # noqa: E402

from claims.auditing import loop  # noqa: E402
from claims.auditing.waiting import Waiting  # noqa: E402
from claims.auditing.workers import Workers  # noqa: E402
from claims.evidence.sqlite import files, writing  # noqa: E402

FEW = range(80)
#: A planted mistake has to be found within so many schedules.
SOON = 60


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory(prefix="claims-faults-", dir=run.memory()) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def made(folder):
    with world(folder) as made:
        yield made


@pytest.fixture
def simulated(made, folder):
    """The report of a schedule."""
    return lambda seed: schedule.simulate(made, folder / "schedule", seed)


def is_wrong(report):
    return report.outcome not in ("found", "harmless")


@pytest.mark.landing
def test_eighty(simulated):
    reports = [simulated(seed) for seed in FEW]
    assert [report for report in reports if is_wrong(report)] == []
    themes = Counter(report.theme for report in reports)
    assert min(themes[name] for name in faults.THEMES) > 2
    happened = {line.split(": ")[2].split(" at ")[0] for report in reports for line in report.trace}
    drawn = {apply.__name__ for _, chosen in faults.THEMES.values() for apply in chosen}
    effects = {"a worker dies", "a worker dies as a task is given", "a write is cut off"}
    assert drawn | effects <= happened, "else that nothing went wrong would say nothing"


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_ten_thousand(tmp_path):
    lines, bad = run.simulations_at_once(tmp_path, numbers=range(1000, 11_000), processes=2)
    assert bad == []
    assert all(line.tried > 500 for line in lines), shown(lines)


def test_a_schedule_follows_from_one_integer(simulated):
    for seed in range(6):
        one, other = simulated(seed), simulated(seed)
        assert one == other


def test_the_table_of_schedules(tmp_path):
    lines, words = run.simulations(tmp_path, numbers=range(5, 7), show=True)
    assert [line.kind for line in lines] == [f"audits: {theme}" for theme in faults.THEMES]
    assert total(lines).tried == 2
    assert sum(text.startswith(("schedule 5: ", "schedule 6: ")) for text in words) == 2


@pytest.mark.slow
def test_it_follows_from_it_in_any_process(tmp_path):
    commands = [[sys.executable, str(HERE / "run.py"), "--schedule", str(seed)] for seed in (3, 8)]
    for command in commands:
        said = [
            subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, text=True).stdout
            for seed in ("1", "2")
        ]
        assert said[0] == said[1]
        assert len(said[0].splitlines()) > 3


def drops_a_row(patch):
    insert = writing.insert
    patch.setattr(writing, "insert", lambda opened, names, rows, proven: insert(opened, names, rows[:-1], proven))


def counts_too_late(patch):
    """The number of rows comes to lie beside the store after it has said that it is open."""
    begin = writing._begin
    patch.setattr(writing, "_begin", lambda opened, descriptor: begin(opened, None))


def counts_too_soon(patch):
    """The number of rows says what is not committed yet."""
    append = writing._append

    def appends(opened, *given):
        tally = append(opened, *given)
        with files.beside(opened.file, "-lock").open("r+b") as lock:
            files.write_count(lock.fileno(), files.Count(tally.store, tally.rows))
        return tally

    patch.setattr(writing, "_append", appends)


def wakes_one_waiter(patch):
    """Of several that wait for one seed."""
    arrive = Waiting.arrive

    def arrives(self, measurement, outcome):
        waiters = self._waiters.get((measurement, outcome.seed), [])
        del waiters[1:]
        arrive(self, measurement, outcome)

    patch.setattr(Waiting, "arrive", arrives)


def loses_a_job(patch):
    """That was in flight when a worker died."""
    patch.setattr(Workers, "_again", lambda self, job: None)


def forgets_who_answered(patch):
    """Before a worker died: what its siblings have finished is thrown away, and not asked for again."""
    replace = Workers._replace

    def replaces(self):
        for future in [future for future in self._flying if future.done() and future.exception() is None]:
            del self._flying[future]
        replace(self)

    patch.setattr(Workers, "_replace", replaces)


def forgets_what_waited(patch):
    """For a witness, who has answered."""
    patch.setattr(loop._Audit, "_take_again", lambda self, job, again: None)


def answers_again_with_another_value(patch):
    """A worker that is asked a second time, since the first answer was lost or came late."""
    end = executors.SimulatedExecutor.end

    def ends(self, future):
        task, honest = self.queue[future], self.pool.answer
        again = any(self.pool.deaths[task.name, task.base, seed] for seed in task.seeds)
        self.pool.answer = lambda task: [_other(outcome) for outcome in honest(task)] if again else honest(task)
        end(self, future)
        self.pool.answer = honest

    patch.setattr(executors.SimulatedExecutor, "end", ends)


def _other(outcome):
    changed = [
        {name: value + 1.0 if isinstance(value, float) else value for name, value in record.items()}
        for record in outcome.records or ()
    ]
    return replace(outcome, records=changed or outcome.records)


def blames_at_once(patch):
    """A seed whose worker died has an error, before it was tried again."""
    again = Workers._again
    patch.setattr(Workers, "_again", lambda self, job: again(self, job._replace(deaths=job.deaths + 1)))


#: What is planted, and how it is found.
PLANTED = {
    drops_a_row: ("lost", "not there"),
    counts_too_late: ("wrong", "was not closed"),
    counts_too_soon: ("wrong", "missing"),
    wakes_one_waiter: ("wrong", "undecided"),
    loses_a_job: ("lost", "nothing is in flight"),
    forgets_who_answered: ("lost", "nothing is in flight"),
    forgets_what_waited: ("lost", "nothing is in flight"),
    answers_again_with_another_value: ("traceback", "measured twice with different results"),
    blames_at_once: ("wrong", "undisturbed"),
}


@pytest.mark.landing
@pytest.mark.parametrize("plant", PLANTED)
def test_a_mistake_is_found_and_repeated_from_its_number(simulated, monkeypatch, plant):
    outcome, words = PLANTED[plant]
    with monkeypatch.context() as patch:
        plant(patch)
        found = next((report for report in map(simulated, range(SOON)) if is_wrong(report)), None)
        assert found is not None
        assert (found.outcome, words in found.words) == (outcome, True), found
        assert simulated(found.seed) == found
    assert not is_wrong(simulated(found.seed))
