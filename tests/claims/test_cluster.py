"""Audits on a Dask cluster on loopback: real schedulers and workers in processes of their own, some of them killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import claims_toys
import driver
import pytest
from claims_resume import CLAIMS as LOGGED
from distributed import Client
from kit import claim

from claims.auditing import workers
from claims.auditing.loop import run
from claims.auditing.planning import plan
from claims.errors import NoCluster, Unavailable
from claims.evidence import cluster as clusters
from claims.evidence.cluster import Cluster
from claims.evidence.cluster_worker import unfit
from claims.evidence.executors import Executors, on_cluster
from claims.evidence.fingerprint import code_fingerprint, environment, file_of
from claims.evidence.measure import Task
from claims.evidence.store import Store
from claims.experiment import experiment, grid
from claims.kinds import mean
from claims.packs import declared
from claims.verdict import ERROR, HOLDS, Tier

DATA = Path(__file__).parent / "data"
CLAIMS = declared(claims_toys)


def audited(path: Path, executor: Executors | str, claims=CLAIMS):
    """Per claim the result without times, and per key the records as they are stored."""
    with Store(path) as store:
        result = run(plan(claims, tier=Tier.FULL, epoch=7, paths=(str(DATA),)), store, executor=executor)
        rows = {row.key: row.records for row in store.rows()}
    return driver.without_times(result.to_json())["claims"], rows


@contextmanager
def process(*words: str, **variables: str):
    """A part of a cluster, killed in the end."""
    command = [sys.executable, "-m", *words]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = subprocess.Popen(command, env=os.environ | {"PYTHONSAFEPATH": "1"} | variables, **quiet)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


class Loopback:
    """A scheduler, and workers that are started one by one."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack, self.workers = stack, []
        file = folder / "scheduler.json"
        words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        self.scheduler = stack.enter_context(process("distributed.cli.dask_scheduler", *words))
        while not file.exists() or not file.read_text():
            time.sleep(0.05)
        self.file = file
        self.address = json.loads(file.read_text())["address"]

    def add(self, **variables: str) -> subprocess.Popen[bytes]:
        """Start a worker, which no nanny starts again."""
        words = (self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        started = self.stack.enter_context(process("distributed.cli.dask_worker", *words, **variables))
        self.workers.append(started)
        return started

    def wait(self) -> None:
        """Until every worker is there."""
        with Client(self.address, timeout=300) as client:
            client.wait_for_workers(len(self.workers))


@pytest.fixture
def loopback(tmp_path):
    with ExitStack() as stack:
        yield Loopback(stack, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_workers_that_are_lost_added_and_refused_change_no_bit(loopback, tmp_path):
    """Eight workers, two of them killed, one added, one of another numerics class, one that has other code."""
    serial = audited(tmp_path / "serial.sqlite", "serial", LOGGED)
    log, told = tmp_path / "log", []
    slow = {"TOY_LOG": str(log), "TOY_SECONDS": "0.01"}
    stale = tmp_path / "stale"
    stale.mkdir()
    text = (DATA / "toys.py").read_text()
    (stale / "toys.py").write_text(text.replace('0.1 * point["k"], 1.0)', '0.1 * point["k"], 1.5)'))
    for _ in range(6):
        loopback.add(**slow)
    loopback.add(CLAIMS_KERNELS_NATIVE="off", **slow)
    loopback.add(PYTHONPATH=str(stale), **slow)

    def disturb():
        seen = set()
        while len(seen) < 5:
            time.sleep(0.02)
            seen = {line.split()[0] for line in log.read_text().splitlines()} if log.exists() else set()
        for worker in loopback.workers[:2]:
            os.kill(worker.pid, signal.SIGKILL)
        loopback.add(**slow)

    meanwhile = threading.Thread(target=disturb, daemon=True)
    meanwhile.start()
    found = audited(tmp_path / "cluster.sqlite", on_cluster(Cluster(loopback.address, told.append)), LOGGED)
    meanwhile.join()
    assert found == serial
    other_class, other_code = sorted(told, key=lambda words: "code" in words)
    assert "is refused: its kernels is off, not best" in other_class
    assert re.search("is refused: its code of toys:logged is [0-9a-f]{12}, not [0-9a-f]{12}$", other_code)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_kind_of_claim_on_a_cluster_of_ones_own(tmp_path):
    found = audited(tmp_path / "cluster.sqlite", "dask:local:2")
    assert found == audited(tmp_path / "serial.sqlite", "serial")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_seed_that_kills_its_workers_is_blamed_and_no_other(tmp_path):
    dies = claim(test=mean(experiment("toys:dies_at", fixed={"seed": 5})["x"]), id="toy.dies")
    # Of innocents whose tasks have one seed, and lie with a worker just when the guilty one kills it.
    dear = experiment("toys:gaussian", fixed={"sd": 0.01}, seconds=1.0)
    others = [claim(test=mean(dear["x"]), id=f"toy.other-{k}", at=grid(k=[k]), rival=9.0) for k in range(3)]
    found, rows = audited(tmp_path / "cluster.sqlite", "dask:local:2", [dies, *others])
    assert [each["verdict"] for each in found] == [str(ERROR), *[str(HOLDS)] * 3]
    assert "seed 5: its worker died each of 3 times" in str(found[0])
    assert len(rows) >= 7 + 3 * 8


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_when_every_worker_is_refused_the_audit_says_so_and_ends(loopback, tmp_path, monkeypatch):
    loopback.add(CLAIMS_KERNELS_NATIVE="off")
    loopback.wait()
    monkeypatch.setattr(clusters, "_PATIENCE", 5)
    with pytest.raises(NoCluster, match=r"every worker is refused \(tcp://.*: its kernels is off, not best\)"):
        audited(tmp_path / "cluster.sqlite", f"dask:{loopback.address}", LOGGED[:1])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_audits_on_one_cluster(loopback, tmp_path):
    for _ in range(2):
        loopback.add()
    with ThreadPoolExecutor(2) as both:
        stores = [tmp_path / f"{number}.sqlite" for number in range(2)]
        one, other = both.map(lambda store: audited(store, f"dask:{loopback.address}", LOGGED[:3]), stores)
    assert one == other == audited(tmp_path / "serial.sqlite", "serial", LOGGED[:3])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("lost", ["scheduler", "every worker"])
def test_a_cluster_that_is_lost_is_said_to_be_and_the_audit_goes_on_elsewhere(loopback, tmp_path, monkeypatch, lost):
    log = tmp_path / "log"
    for _ in range(2):
        loopback.add(TOY_LOG=str(log), TOY_SECONDS="0.02")
    loopback.wait()
    monkeypatch.setattr(clusters, "_PATIENCE", 5)
    monkeypatch.setattr(clusters, "_ANSWER", 5)
    monkeypatch.setattr(workers, "_TICK_SECONDS", 1.0)

    def lose():
        while not log.exists() or log.read_text().count("\n") < 50:
            time.sleep(0.02)
        for process in [loopback.scheduler] if lost == "scheduler" else loopback.workers:
            process.kill()

    meanwhile = threading.Thread(target=lose, daemon=True)
    meanwhile.start()
    words = {
        "scheduler": "no scheduler answers",
        "every worker": "the last worker has gone, and in 5 s no other has come",
    }
    with pytest.raises(NoCluster, match=words[lost]):
        audited(tmp_path / "cluster.sqlite", f"dask:{loopback.address}", LOGGED)
    meanwhile.join()
    with Store(tmp_path / "cluster.sqlite") as store:
        assert len(list(store.rows())) >= 8
    assert audited(tmp_path / "cluster.sqlite", "serial", LOGGED) == audited(tmp_path / "new", "serial", LOGGED)


#: The command, deaf to no Ctrl-C as what runs in the background would be.
HEARING = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from claims.cli import main; sys.exit(main())"
)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_an_interrupt_ends_an_audit_on_a_cluster_with_what_there_is(tmp_path):
    """Pressed in a terminal, it reaches the workers as well."""
    log, claims = tmp_path / "log", DATA / "claims_resume.py"
    words = ["audit", str(claims), "--tier", "full", "--executor", "dask:local:2", "--store", "e.sqlite", "--no-table"]
    started = subprocess.Popen(
        [sys.executable, "-c", HEARING, *words],
        env=os.environ | {"TOY_LOG": str(log), "TOY_SECONDS": "0.02"},
        cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        while not log.exists() or log.read_text().count("\n") < 50:
            assert started.poll() is None, started.communicate()[0]
            time.sleep(0.02)
        os.killpg(started.pid, signal.SIGINT)
        told = started.communicate()[0]
    finally:
        started.kill()
    assert started.returncode == 130, told
    assert "goes on where this stopped" in told
    assert "Traceback" not in told
    with Store(tmp_path / "e.sqlite") as store:
        assert len(list(store.rows())) >= 8


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://127.0.0.1:9", r"tcp://127\.0\.0\.1:9: no scheduler answers within 1 s"),
        ("tcp://nowhere.invalid:8786", r"tcp://nowhere\.invalid:8786: no such host"),
        ("tcp://127.0.0.1:99999", r"tcp://127\.0\.0\.1:99999: "),
    ],
)
def test_nobody_at_the_address(tmp_path, monkeypatch, address, words):
    monkeypatch.setattr(clusters, "_ANSWER", 1)
    with pytest.raises(NoCluster, match=words):
        audited(tmp_path / "cluster.sqlite", f"dask:{address}", LOGGED[:1])


def test_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "is_there", lambda module: False)
    with pytest.raises(Unavailable, match=r"needs distributed: pip install 'claimbench\[dask\]'"):
        audited(tmp_path / "cluster.sqlite", "dask:local:2", LOGGED[:1])


def test_a_worker_looks_at_code_and_class_before_it_measures():
    here = environment()
    task = Task("toys:gaussian", "toys:gaussian", (), (), 7, (0,), (str(DATA),), code="f" * 64)
    assert unfit(None, here) == ""
    assert unfit(None, here | {"torch": "1.0"}) == f"its torch is {here['torch']}, not 1.0"
    assert unfit(task, here).startswith("its code of toys:gaussian is ")


def test_a_worker_that_has_imported_what_was_changed_since_then_is_unfit(tmp_path, monkeypatch):
    """It outlives audits: in a later one, what another experiment runs would not be what its fingerprint says."""
    monkeypatch.syspath_prepend(tmp_path)
    shared = tmp_path / "shared_by_both.py"
    for name in ("first_of_two", "second_of_two"):
        (tmp_path / f"{name}.py").write_text("import shared_by_both\n\ndef draw(point, streams):\n    return {}\n")

    def words(name):
        address = f"{name}:draw"
        return unfit(Task(address, address, (), (), 7, (0,), code=code_fingerprint(address)), environment())

    shared.write_text("SCALE = 1\n")
    assert words("first_of_two") == ""
    shared.write_text("SCALE = 2\n")
    assert words("second_of_two") == "it has imported shared_by_both.py as that was before; start it again"
    assert words("first_of_two").startswith("its code of first_of_two:draw is ")


def test_a_worker_looks_for_modules_in_the_folders_of_each_audit(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "found_later.py").write_text("def draw(point, streams):\n    return {}\n")
    address = "found_later:draw"
    task = Task(address, address, (), (), 7, (0,), code="f" * 64)
    before = unfit(task, environment())
    task = replace(task, paths=(str(tmp_path),), code=code_fingerprint(address))
    assert before.startswith("its code of found_later:draw is ")
    assert file_of("found_later") is None
    assert unfit(task, environment()) != before
    assert file_of("found_later") == tmp_path / "found_later.py"
    assert unfit(replace(task, code=code_fingerprint(address)), environment()) == ""
