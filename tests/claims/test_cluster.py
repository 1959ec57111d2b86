"""Audits on a Dask cluster on loopback: real schedulers and workers in processes of their own, some of them killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import claims_toys
import driver
import pytest
from claims_resume import CLAIMS as LOGGED
from kit import claim

from claims.auditing.loop import run
from claims.auditing.planning import plan
from claims.errors import NoCluster, Unavailable
from claims.evidence import cluster as clusters
from claims.evidence.cluster import Cluster
from claims.evidence.executors import Executors, on_cluster
from claims.evidence.fingerprint import environment
from claims.evidence.measure import Task
from claims.evidence.store import Store
from claims.experiment import experiment
from claims.kinds import mean
from claims.packs import declared
from claims.verdict import ERROR, Tier

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
        stack.enter_context(process("distributed.cli.dask_scheduler", *words))
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


@pytest.fixture
def loopback(tmp_path):
    with ExitStack() as stack:
        yield Loopback(stack, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_workers_that_are_lost_added_and_refused_change_no_bit(loopback, tmp_path):
    """Eight workers, two of them killed, one added, one of another numerics class."""
    serial = audited(tmp_path / "serial.sqlite", "serial", LOGGED)
    log, told = tmp_path / "log", []
    slow = {"TOY_LOG": str(log), "TOY_SECONDS": "0.01"}
    for _ in range(7):
        loopback.add(**slow)
    loopback.add(CLAIMS_KERNELS_NATIVE="off", **slow)

    def disturb():
        seen = set()
        while len(seen) < 5:
            time.sleep(0.02)
            seen = {line.split()[0] for line in log.read_text().splitlines()} if log.exists() else set()
        for worker in loopback.workers[:2]:
            os.kill(worker.pid, signal.SIGKILL)
        loopback.add(**slow)

    meanwhile = threading.Thread(target=disturb)
    meanwhile.start()
    found = audited(tmp_path / "cluster.sqlite", on_cluster(Cluster(loopback.address, told.append)), LOGGED)
    meanwhile.join()
    assert found == serial
    assert len(told) == 1
    assert "is refused: its kernels is off, not best" in told[0]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_kind_of_claim_on_a_cluster_of_ones_own(tmp_path):
    found = audited(tmp_path / "cluster.sqlite", "dask:local:2")
    assert found == audited(tmp_path / "serial.sqlite", "serial")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_seed_that_kills_its_workers_is_blamed_and_no_other(tmp_path):
    dies = claim(test=mean(experiment("toys:dies_at", fixed={"seed": 5})["x"]))
    ((found,), rows) = audited(tmp_path / "cluster.sqlite", "dask:local:2", [dies])
    assert found["verdict"] == str(ERROR)
    assert "seed 5: every worker that was given it died" in str(found)
    assert len(rows) > 5


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_when_every_worker_is_refused_the_audit_says_so_and_ends(loopback, tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "_PATIENCE", 5)
    loopback.add(CLAIMS_KERNELS_NATIVE="off")
    with pytest.raises(NoCluster, match=r"every worker is refused \(tcp://.*: its kernels is off, not best\)"):
        audited(tmp_path / "cluster.sqlite", f"dask:{loopback.address}", LOGGED[:1])


def test_nobody_at_the_address(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "_PATIENCE", 1)
    with pytest.raises(NoCluster, match=r"tcp://127\.0\.0\.1:9: no scheduler with a worker answers within 1 s"):
        audited(tmp_path / "cluster.sqlite", "dask:tcp://127.0.0.1:9", LOGGED[:1])


def test_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "is_there", lambda module: False)
    with pytest.raises(Unavailable, match=r"needs distributed: pip install 'claimbench\[dask\]'"):
        audited(tmp_path / "cluster.sqlite", "dask:local:2", LOGGED[:1])


def test_a_worker_looks_at_code_and_class_before_it_measures():
    here = environment()
    task = Task("toys:gaussian", "toys:gaussian", (), (), 7, (0,), (str(DATA),), code="f" * 64)
    assert clusters._unfit(None, here) == ""
    assert clusters._unfit(None, here | {"torch": "1.0"}) == f"its torch is {here['torch']}, not 1.0"
    assert clusters._unfit(task, here).startswith("its code of toys:gaussian is ")
