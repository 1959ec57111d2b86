"""Where tasks run: serially or in workers that may be killed, with the same results and nothing left behind."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from concurrent.futures import Executor
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import torch
from kit import claim
from processes import alive, children, command, servers_killed
from threadpoolctl import threadpool_info, threadpool_limits

from claims.auditing.loop import Observer
from claims.bands import within
from claims.errors import BadOption, MeasurementError, NoWorkers
from claims.evidence.executors import SerialExecutor, open_executor, parse_spec
from claims.evidence.measure import Task, checked, measure
from claims.evidence.store import Store
from claims.experiment import experiment, grid
from claims.kinds import mean
from claims.verdict import ERROR, HOLDS

DATA = Path(__file__).parent / "data"
X = experiment("toys:gaussian", fixed={"sd": 0.1})["x"]


def task(target: str, *seeds: int, base=(), sweep=()) -> Task:
    return Task(target, target, tuple(sorted(dict(base).items())), sweep, 7, seeds, (str(DATA),))


@pytest.mark.parametrize(
    ("spec", "workers"),
    [
        *(("serial", 0), ("process:1", 1), ("process:12", 12)),
        *(("dask:local:3", 3), ("dask:tcp://node-7:8786", 0), ("dask:tls://[::1]:8786", 0)),
    ],
)
def test_a_specification(spec, workers):
    assert parse_spec(spec) == workers


@pytest.mark.parametrize(
    "spec",
    [
        *("", "process", "process:", "process:0", "process:-1", "process:x", "process:1.5", "serial:2"),
        *(
            "dask",
            "dask:",
            "dask:local:0",
            "dask:local",
            "dask:http://node:80",
            "dask:tcp://node",
            "dask:tcp://no de:1",
        ),
    ],
)
def test_a_malformed_specification_says_what_is_allowed(spec):
    with pytest.raises(BadOption, match="process:N with N >= 1"):
        parse_spec(spec)


def test_workers_are_let_go_in_the_midst_of_being_let_go(monkeypatch):
    """As by a Ctrl-C that is pressed once more: a file that is closed already may be somebody else's by then."""
    pool, closed = open_executor("process:1"), []

    def close(end, plain=Connection.close):
        closed.append(end)
        pool.let_go()
        plain(end)

    monkeypatch.setattr(Connection, "close", close)
    pool.let_go()
    pool.let_go()
    assert len(closed) == len(set(map(id, closed))) == 2


def test_the_serial_executor_is_an_executor():
    with SerialExecutor() as executor:
        assert isinstance(executor, Executor)
        assert executor.submit(divmod, 7, 2).result() == (3, 1)
        assert isinstance(executor.submit(divmod, 7, 0).exception(), ZeroDivisionError)
        assert list(executor.map(abs, [-1, 2])) == [1, 2]


def test_the_serial_executor_lets_the_user_interrupt():
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SerialExecutor().submit(stop)


class TestMeasure:
    def test_a_task_gives_one_outcome_a_seed(self):
        outcomes = measure(task("toys:gaussian", 3, 5))
        assert [outcome.seed for outcome in outcomes] == [3, 5]
        assert [outcome.records[0]["seed"] for outcome in outcomes] == [3.0, 5.0]
        assert all(outcome.seconds > 0 and not outcome.error for outcome in outcomes)

    def test_a_seed_does_not_depend_on_its_task(self):
        together = measure(task("toys:gaussian", 0, 1, 2))
        apart = [outcome for seed in (2, 0, 1) for outcome in measure(task("toys:gaussian", seed))]
        assert {o.seed: o.records for o in together} == {o.seed: o.records for o in apart}

    def test_one_seed_that_fails_does_not_take_the_others(self):
        outcomes = measure(task("toys:raises", 0, 1, 2, base={"seed": 1}))
        assert [bool(outcome.error) for outcome in outcomes] == [False, True, False]
        assert "ZeroDivisionError: nothing to divide by (toys.py:" in outcomes[1].error

    @pytest.mark.parametrize(
        ("how", "words"),
        [("exit", "SystemExit: 0"), ("cancelled", "CancelledError: no"), ("closed", "GeneratorExit: ")],
    )
    def test_whatever_an_experiment_raises_is_the_error_of_its_seed(self, how, words):
        outcomes = measure(task("toys:leaves", 0, 1, base={"how": how, "seed": 1}))
        assert [bool(outcome.error) for outcome in outcomes] == [False, True]
        assert f"seed 1: {words} (toys.py:" in outcomes[1].error

    def test_an_error_without_words_is_one_all_the_same(self):
        (outcome,) = measure(task("toys:speechless", 0))
        assert "SpeechlessError: (its message raises ValueError)" in outcome.error

    def test_an_experiment_whose_module_exits_cannot_be_loaded(self, tmp_path, monkeypatch):
        (tmp_path / "module_that_exits.py").write_text("import sys\nsys.exit(0)\n")
        monkeypatch.syspath_prepend(tmp_path)
        (outcome,) = measure(task("module_that_exits:draw", 0))
        assert "cannot be loaded: SystemExit: 0 (module_that_exits.py:2)" in outcome.error

    def test_the_user_may_interrupt(self):
        with pytest.raises(KeyboardInterrupt):
            measure(task("toys:interrupts", 0))

    def test_the_function_sees_levels_and_base(self):
        sweep = (("metric", ("pre", "post")), ("p", (1, 2)))
        (outcome,) = measure(task("toys:swept", 0, sweep=sweep))
        assert [(record["p"], record["metric"]) for record in outcome.records] == [
            (1, "pre"), (1, "post"), (2, "pre"), (2, "post")
        ]  # fmt: skip

    def test_libraries_run_on_one_thread_and_are_left_as_they_were(self):
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        try:
            with threadpool_limits(limits=2):
                (outcome,) = measure(task("toys:threads", 0))
                assert {library["num_threads"] for library in threadpool_info()} == {2}
            assert torch.get_num_threads() == 2
        finally:
            torch.set_num_threads(before)
        (record,) = outcome.records
        assert record["torch"] == 1
        assert record["libraries"]
        assert set(record["libraries"]) == {1.0}

    def test_tensors_become_plain_data(self):
        (outcome,) = measure(task("toys:tensors", 0))
        (record,) = outcome.records
        assert all(type(value) in (float, list, str) for value in record.values())
        assert len(record["vector"]) == 4
        assert record["mean"] == pytest.approx(sum(record["vector"]) / 4)


SWEEP = (("p", (0.5, 1)), ("arm", ("a", "b")))
CELLS = [{"p": p, "arm": arm, "x": 1.0} for p in (0.5, 1) for arm in ("a", "b")]


class TestChecked:
    def test_cells_may_come_in_any_order(self):
        assert checked(CELLS[::-1], SWEEP) == CELLS[::-1]

    @pytest.mark.parametrize(
        "one", [1, 1.0, True, np.int64(1), np.float64(1.0), torch.tensor(1)], ids=lambda v: type(v).__name__
    )
    def test_a_coordinate_is_stored_as_the_level_that_it_equals(self, one):
        records = checked([row | {"p": one if row["p"] == 1 else 0.5} for row in CELLS], SWEEP)
        assert [type(record["p"]) for record in records] == [float, float, int, int]
        assert records == CELLS

    @pytest.mark.parametrize(
        "rows",
        [
            CELLS[:3],
            [*CELLS, CELLS[0]],
            [*CELLS[:3], CELLS[0]],
            [*CELLS[:3], {"p": 2, "arm": "b", "x": 1.0}],
            [*CELLS[:3], {"arm": "b", "x": 1.0}],
            [*CELLS[:3], {"p": [1], "arm": "b", "x": 1.0}],
            [],
        ],
    )
    def test_each_cell_has_to_be_there_once(self, rows):
        with pytest.raises(MeasurementError, match="each of the 4 cells once"):
            checked(rows, SWEEP)

    @pytest.mark.parametrize("returned", [None, 3.0, "text", [1.0], [CELLS[0], None], {1.5: 2.0}, {None: 1.0}])
    def test_what_is_no_record_is_refused(self, returned):
        with pytest.raises(MeasurementError, match="allowed"):
            checked(returned, ())

    @pytest.mark.parametrize("value", [math.nan, [1.0, math.inf], np.array([1.0, np.nan]), torch.tensor(math.nan)])
    def test_what_is_not_finite_is_refused(self, value):
        with pytest.raises(MeasurementError, match="not finite"):
            checked({"x": value}, ())

    @pytest.mark.parametrize("value", [None, {"y": 1.0}, [[1.0]], np.ones((2, 2)), 1j, b"1", object()])
    def test_what_is_no_number_is_refused(self, value):
        with pytest.raises(MeasurementError, match="allowed: a number"):
            checked({"x": value}, ())

    @pytest.mark.parametrize("value", [3, True, 2.5, np.float32(0.1), np.int8(3), torch.tensor(0.1), np.array(2.0)])
    def test_numbers_of_all_sorts_become_floats(self, value):
        (record,) = checked({"x": value}, ())
        assert type(record["x"]) is float
        assert record["x"] == float(value)

    def test_notes_pass(self):
        assert checked({"x": "a note"}, ()) == [{"x": "a note"}]


def run_one(executor: Executor, *seeds: int, target: str = "toys:gaussian"):
    return executor.submit(measure, task(target, *seeds)).result(timeout=120)


def test_workers_give_the_bits_that_this_process_gives():
    here = measure(task("toys:gaussian", 0, 1)), measure(task("toys:tensors", 0, 1))
    with open_executor("process:2") as executor:
        there = run_one(executor, 0, 1), run_one(executor, 0, 1, target="toys:tensors")
        (threads,) = run_one(executor, 0, target="toys:threads")
    assert [[o.records for o in each] for each in here] == [[o.records for o in each] for each in there]
    assert {threads.records[0]["torch"], *threads.records[0]["libraries"]} == {1.0}


#: A band so wide that the first look decides.
AT_ONCE = {"band": within(0.0, abs=50.0, provenance="author", because="a test"), "rival": 99.0}


def test_a_killed_worker_is_replaced_and_its_tasks_run_again(audit, tmp_path):
    replaced, measured = [], []
    marker = str(tmp_path / "marker")
    once = claim(mean(experiment("toys:dies_once", fixed={"marker": marker, "seed": 3})["x"]), id="toy.once", **AT_ONCE)
    innocent = [claim(mean(X), id=f"toy.innocent-{i}", at=grid(k=i), rival=9.0) for i in range(6)]
    observer = Observer(
        replaced=replaced.append, measured=lambda measurement, seeds, seconds: measured.append(measurement.name)
    )
    result = audit([once, *innocent], executor="process:2", observer=observer)
    assert Path(marker).exists()
    assert len(replaced) == 1
    assert {each.claim.id: each.verdict for each in result.claims} == {each.id: HOLDS for each in [once, *innocent]}
    assert measured.count("toys:dies_once") == 1
    again = audit([once, *innocent], path=tmp_path / "serial.sqlite")
    with Store(tmp_path / "serial.sqlite") as serial, Store(tmp_path / "evidence.sqlite") as process:
        assert [row.records for row in serial.rows()] == [row.records for row in process.rows()]
    assert again.claims[0].speaker.judgement == result.claims[0].speaker.judgement


@pytest.mark.parametrize("workers", [1, 2])
def test_an_experiment_that_always_kills_its_worker_is_an_error_and_takes_no_innocents(audit, workers):
    replaced = []
    guilty = claim(mean(experiment("toys:dies")["x"]), id="toy.guilty", at=grid(k=[0]), rival=9.0)
    innocent = [claim(mean(X), id=f"toy.innocent-{i}", at=grid(k=i), rival=9.0) for i in range(5)]
    result = audit(
        [*innocent[:2], guilty, *innocent[2:]],
        executor=f"process:{workers}",
        observer=Observer(replaced=replaced.append),
    )
    found = {each.claim.id: each for each in result.claims}
    assert found["toy.guilty"].verdict is ERROR
    reason = found["toy.guilty"].speaker.judgement.reason
    assert "toys:dies at {'k': 0}, seed 0: its worker died each of 3 times" in reason
    assert [each.verdict for each in result.claims if each.claim is not guilty] == [HOLDS] * 5
    assert result.exit_code() == 5
    assert 3 <= len(replaced) <= 2 + 8  # shared, alone, then each of its seeds


def test_the_seed_that_kills_is_found_and_its_siblings_are_stored(audit, tmp_path):
    guilty = claim(mean(experiment("toys:dies_at", fixed={"seed": 5})["x"]), at=grid(k=[0]), rival=9.0)
    result = audit(guilty, executor="process:1")
    assert result.claims[0].verdict is ERROR
    assert "seed 5: its worker died" in result.claims[0].speaker.judgement.reason
    with Store(tmp_path / "evidence.sqlite") as store:
        assert sorted(row.seed for row in store.rows()) == [0, 1, 2, 3, 4, 6, 7]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are counted in /proc")
def test_workers_end_with_the_audit(audit):
    before = children(os.getpid())
    audit([claim(mean(X), id="toy.a", rival=9.0)], executor="process:2")
    server = {
        pid
        for pid in children(os.getpid()) - before
        if children(pid) or "forkserver" in command(pid) or "tracker" in command(pid)
    }
    assert children(os.getpid()) - before - server == set()


PROCESSES = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")


@PROCESSES
def test_the_server_killed_before_its_first_worker_is_replaced(audit):
    replaced, times = [], 2
    with servers_killed(times) as killed:
        result = audit(claim(mean(X), rival=9.0), executor="process:2", observer=Observer(replaced=replaced.append))
    assert len(killed) == times
    assert result.claims[0].verdict is HOLDS
    assert replaced == []  # no task was in flight


@PROCESSES
def test_workers_that_never_start_are_said_to_be_missing_and_no_seed_is_blamed(audit):
    with (
        servers_killed(math.inf) as killed,
        pytest.raises(NoWorkers, match=r"could be started in 6 attempts .*--executor serial") as raised,
    ):
        audit(claim(mean(X), rival=9.0), executor="process:2")
    assert len(killed) >= 6
    assert raised.value.exit_code == 5


HANGING = """
import sys
sys.path.append({data!r})
from claims.evidence.executors import open_executor
from claims.evidence.measure import Task, measure
with open_executor("process:2") as executor:
    for marker in {markers!r}:
        task = Task("toys:holds_the_lock", "toys:holds_the_lock", (("marker", marker),), (), 7, (0,), ({data!r},))
        executor.submit(measure, task)
"""


@PROCESSES
def test_workers_that_never_look_up_end_with_a_parent_that_is_killed(tmp_path):
    """They sleep in C and hold the interpreter's lock: no thread of theirs can see that the parent is gone."""
    markers = [tmp_path / "one", tmp_path / "two"]
    code = HANGING.format(data=str(DATA), markers=[str(marker) for marker in markers])
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        while not all(marker.exists() and marker.read_text() for marker in markers):
            assert parent.poll() is None
            time.sleep(0.01)
    finally:
        parent.kill()
        parent.wait()
    while alive({int(marker.read_text()) for marker in markers}):
        time.sleep(0.01)


def test_an_interrupt_that_an_experiment_raises_in_a_worker_is_its_error(audit):
    result = audit(claim(mean(experiment("toys:interrupts")["x"]), rival=9.0), executor="process:1")
    assert result.claims[0].verdict is ERROR
    assert "KeyboardInterrupt: nobody pressed it" in result.claims[0].speaker.judgement.reason
