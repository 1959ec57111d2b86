"""Verdicts and stored evidence are the same to the bit, whatever ran them, in whatever order, however often killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import claims_toys
import driver
import pytest
from processes import alive, children

from claims.auditing.loop import run
from claims.auditing.planning import plan
from claims.evidence.store import Store
from claims.packs import declared
from claims.verdict import PRECEDENCE, Tier

DATA = Path(__file__).parent / "data"
CLAIMS = declared(claims_toys)


def audited(path: Path, claims=CLAIMS, executor: str = "serial") -> tuple[dict[str, str], dict[str, str]]:
    """Per claim the JSON of its result without times, and per key the records as they are stored."""
    with Store(path) as store:
        result = run(plan(claims, tier=Tier.FULL, epoch=7, paths=(str(DATA),)), store, executor=executor)
        rows = {row.key: row.records for row in store.rows()}
    found = driver.without_times(result.to_json())["claims"]
    return {each["id"]: json.dumps(each) for each in found}, rows


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return audited(tmp_path_factory.mktemp("reference") / "evidence.sqlite")


def test_the_catalogue_reaches_every_verdict(reference):
    verdicts = {json.loads(text)["verdict"] for text in reference[0].values()}
    assert verdicts == {verdict.value for verdict in PRECEDENCE}
    kinds = {json.loads(text)["kind"] for text in reference[0].values()}
    assert len(kinds) >= 11
    assert any(json.loads(text)["confirmation"] for text in reference[0].values())
    assert "first block" in reference[0]["toys.unreplicated"]


@pytest.mark.parametrize("executor", ["serial", "process:1", "process:2"])
def test_executors_give_the_same_bits(reference, tmp_path, executor):
    assert audited(tmp_path / "evidence.sqlite", executor=executor) == reference


@pytest.mark.parametrize("seed", [1])
def test_the_order_of_the_selection_does_not_matter(reference, tmp_path, seed):
    shuffled = random.Random(seed).sample(CLAIMS, len(CLAIMS))
    assert shuffled != CLAIMS
    assert audited(tmp_path / "evidence.sqlite", shuffled) == reference


@pytest.mark.parametrize("seed", [1, 2])
def test_a_subset_changes_no_verdict_and_measures_nothing_else(reference, tmp_path, seed):
    subset = random.Random(seed).sample(CLAIMS, len(CLAIMS) // 3)
    verdicts, rows = audited(tmp_path / "evidence.sqlite", subset)
    assert verdicts == {claim.id: reference[0][claim.id] for claim in subset}
    assert rows.items() <= reference[1].items()
    assert len(rows) < len(reference[1])


def test_subset_by_subset_fills_the_same_store(reference, tmp_path):
    shuffled = random.Random(4).sample(CLAIMS, len(CLAIMS))
    path = tmp_path / "evidence.sqlite"
    for part in (shuffled[:7], shuffled[5:15], shuffled[12:]):
        _, rows = audited(path, part)
    assert rows == reference[1]


def test_a_store_made_by_workers_serves_a_serial_audit(reference, tmp_path):
    path = tmp_path / "evidence.sqlite"
    audited(path, CLAIMS[::2], executor="process:2")
    assert audited(path) == reference


def test_another_tier_is_a_beginning_of_the_same_evidence(reference, tmp_path):
    with Store(tmp_path / "evidence.sqlite") as store:
        run(plan(CLAIMS, tier=Tier.SMOKE, epoch=7, paths=(str(DATA),)), store)
        rows = {row.key: row.records for row in store.rows()}
    assert rows.items() <= reference[1].items()


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    """One process that forks audits, kills eight of them, and lets two race."""
    folder = tmp_path_factory.mktemp("driven")
    command = [
        sys.executable,
        str(DATA / "driver.py"),
        "kill-and-race",
        str(folder / "evidence.sqlite"),
        str(folder),
        "8",
    ]
    ran = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed") / "evidence.sqlite"
    return driver.audit(path, "serial"), records(path)


def records(path: Path) -> dict[str, str]:
    with Store(path) as store:
        return {row.key: row.records for row in store.rows()}


@pytest.mark.landing
def test_after_eight_kills_the_verdicts_are_the_same(driven, undisturbed):
    report = json.loads((driven / "report.json").read_text())
    assert report["kills"] == 8
    sizes = [stored for stored, _, _ in report["progress"]]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 3, "the kills did not fall into the middle of anything"
    assert json.loads((driven / "killed.json").read_text()) == undisturbed[0]
    assert records(driven / "evidence.sqlite") == undisturbed[1]


def test_nothing_stored_is_measured_again_and_nothing_stored_is_lost(driven):
    report = json.loads((driven / "report.json").read_text())
    assert report["repeated"] == []
    assert all(lost == 0 for _, _, lost in report["progress"])
    assert sum(measured for _, measured, _ in report["progress"]) > 100


def test_two_audits_at_once_on_one_store_both_finish_and_agree(driven, undisturbed):
    race = json.loads((driven / "race.json").read_text())
    assert race["statuses"] == [0, 0]
    assert race["results"] == [undisturbed[0]] * 2
    assert records(driven / "race.sqlite") == undisturbed[1]


def test_the_catalogue_of_the_kills_reaches_several_verdicts(undisturbed):
    assert {each["verdict"] for each in undisturbed[0]["claims"]} == {"HOLDS", "REFUTED", "UNDECIDED"}


@pytest.mark.landing
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are counted in /proc")
def test_no_worker_outlives_a_parent_that_was_killed_and_the_audit_can_go_on(tmp_path, undisturbed):
    """SIGKILL of the audit itself: it can say nothing to its workers, which have to notice."""
    store, log = tmp_path / "evidence.sqlite", tmp_path / "log"
    command = [sys.executable, str(DATA / "driver.py"), "audit", str(store), "process:2"]
    parent = subprocess.Popen(command, env=os.environ | {"TOY_LOG": str(log), "TOY_SECONDS": "0.02"})
    try:
        while not (log.exists() and len({line.split()[0] for line in log.read_text().splitlines()}) >= 2):
            assert parent.poll() is None, "the audit ended before it was killed"
            time.sleep(0.01)
        workers = children(parent.pid)
        assert len(workers) >= 2
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 60
    while alive(workers) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert alive(workers) == set()
    stored, lines = driver.stored(store), log.read_text().splitlines()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOY_LOG", str(log))
        resumed = driver.audit(store, "serial")
    again = {tuple(map(int, line.split()[1:])) for line in log.read_text().splitlines()[len(lines) :]}
    assert again.isdisjoint(stored)
    assert resumed == undisturbed[0]
    assert records(store) == undisturbed[1]
