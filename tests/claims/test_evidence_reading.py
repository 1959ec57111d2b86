"""Reading never writes; writers wait for each other, and notice when the store goes away under them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import claims_toys
import pytest
import toys
from click.testing import CliRunner

from claims import locks
from claims.cli import main
from claims.errors import StoreError, StoreNotWritable
from claims.evidence.check import check
from claims.evidence.sqlite import session
from claims.evidence.sqlite.files import beside
from claims.evidence.sqlite.schema import _TABLES_1, APPLICATION_ID
from claims.evidence.sqlite.upgrade import upgrade
from claims.evidence.store import MEMORY, Identity, Store

CONTENT = {"experiment": "toys:gaussian", "sweep": {}, "epoch": 7, "code": "abc", "environment": {"torch": "2"}}
IDENTITY = Identity.of(CONTENT)
BASE = {"n": 16}
DATA = Path(__file__).parent / "data"
KEYS = [IDENTITY.key(BASE, seed) for seed in range(10)]


def put(store: Store, seeds=range(10)) -> None:
    store.put(IDENTITY, "toys:gaussian", BASE, [(seed, [{"x": float(seed)}], 0.25) for seed in seeds])


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def invoke(*args: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, list(args))
    assert result.exit_code == code, result.output + result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output


@pytest.fixture
def folder():
    """A folder of a store that others may look into; pytest's own are closed to them."""
    made = Path(tempfile.mkdtemp(prefix="claims-"))
    made.chmod(0o755)
    with Store(made / "evidence.sqlite") as store:
        put(store)
    yield made
    made.chmod(0o755)
    shutil.rmtree(made)


def as_nobody(work: Callable[[], object]) -> None:
    """Do some work without the right to write: root has it everywhere, so a child gives that up."""
    if os.getuid():
        work()
        return
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setuid(65534)
            work()
            status = 0
        except BaseException:  # noqa: BLE001  whatever it was, this process ends here
            traceback.print_exc()
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def in_use(folder: Path) -> Path:
    """Leave the store as a killed process does: ten rows in the database, two in the log."""
    path = folder / "evidence.sqlite"
    with Store(path) as store:
        put(store, [10, 11])
        kept = folder / "kept"
        kept.mkdir()
        for suffix in ("", "-wal", "-shm", "-lock"):
            shutil.copy(beside(path, suffix), kept)
    for file in kept.iterdir():
        shutil.move(file, folder / file.name)
    kept.rmdir()
    assert beside(path, "-wal").stat().st_size
    return path


def old_store(path: Path, rows: int = 10) -> None:
    """A store as schema 1 has it."""
    with sqlite3.connect(path) as hand:
        for statement in _TABLES_1:
            hand.execute(statement)
        hand.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        hand.execute("PRAGMA user_version = 1")
        hand.execute("PRAGMA journal_mode = WAL")
        hand.execute("INSERT INTO identities VALUES (?, ?)", (IDENTITY.digest, IDENTITY.content))
        for seed in range(rows):
            values = (IDENTITY.key(BASE, seed), "toys:gaussian", '{"n":16}', seed, IDENTITY.digest)
            values += (f'[{{"x":{float(seed)}}}]', 0.25, "2026-11-28T23:48:12+00:00")
            hand.execute(f"INSERT INTO evidence VALUES ({'?,' * 7}?)", values)
    hand.close()


class TestReading:
    COMMANDS = (
        ("evidence", "list"),
        ("evidence", "export", "--json", "-"),
        ("evidence", "check"),
        ("doctor",),
    )

    def commands(self, path: Path) -> None:
        for command in self.COMMANDS:
            invoke(*command, "--store", str(path))
        with Store.reading(path) as store:
            assert len(store.get(KEYS)) == 10

    @pytest.mark.parametrize("state", ["closed", "killed", "copied", "old"])
    def test_nothing_is_changed(self, folder, state):
        path = folder / "evidence.sqlite"
        if state == "old":
            shutil.rmtree(folder)
            folder.mkdir()
            old_store(path)
        elif state != "closed":
            in_use(folder)
        if state == "copied":  # with its log, but without what SQLite keeps in memory
            beside(path, "-shm").unlink()
        before = files(folder)
        before.pop("evidence.sqlite-shm", None)  # locks of readers are in it
        self.commands(path)
        after = files(folder)
        assert (after.pop("evidence.sqlite-shm", None) is not None) == (state == "killed")
        assert after == before

    @pytest.mark.parametrize("state", ["closed", "killed"])
    def test_a_folder_that_cannot_be_written_to(self, folder, state, monkeypatch):
        monkeypatch.setenv("CLAIMBENCH_CACHE", str(folder))  # nobody may look into root's
        path = in_use(folder) if state == "killed" else folder / "evidence.sqlite"
        self.commands(path)  # everything is imported now
        folder.chmod(0o555)
        as_nobody(lambda: self.commands(path))

    def test_an_audit_says_at_once_that_it_cannot_write(self, folder):
        path = folder / "evidence.sqlite"
        folder.chmod(0o555)

        def refused() -> None:
            with pytest.raises(StoreNotWritable, match="cannot be written"):
                Store(path)
            with pytest.raises(StoreNotWritable):
                Store(folder / "new.sqlite")

        as_nobody(refused)

    def test_whoever_only_wants_to_know_measures_and_keeps_nothing(self, folder):
        path, said = folder / "evidence.sqlite", []
        folder.chmod(0o555)

        def told() -> None:
            with Store.forgetful(path, speak=said.append) as store:
                assert len(store.get(KEYS)) == 10
                put(store, [99])
                assert store.get([IDENTITY.key(BASE, 99)]) == {}
            with Store.forgetful(folder / "new.sqlite", speak=said.append) as store:
                put(store, [99])
            assert sum("not kept" in words for words in said) == 2

        as_nobody(told)

    @pytest.mark.parametrize("content", [b"", b"x", b"SQLite", b"SQLite format 3\0"])
    def test_a_file_that_is_no_store_does_not_become_one_by_being_looked_at(self, tmp_path, content):
        path = tmp_path / "evidence.sqlite"
        path.write_bytes(content)
        for command in self.COMMANDS:
            result = CliRunner().invoke(main, [*command, "--store", str(path)])
            assert result.exit_code == (1 if command == ("doctor",) else 2), command
        assert files(tmp_path) == {"evidence.sqlite": content}

    @pytest.mark.parametrize("content", [b"x", b"SQLite", b"SQLite format 4\0" + bytes(5000)])
    def test_nor_by_an_audit_unless_it_is_empty(self, tmp_path, content):
        path = tmp_path / "evidence.sqlite"
        path.write_bytes(content)
        with pytest.raises(StoreError, match="not a database"):
            Store(path)
        assert files(tmp_path) == {"evidence.sqlite": content}

    @pytest.mark.parametrize("what", ["device", "fifo", "folder"])
    def test_what_is_no_file_is_no_store(self, tmp_path, what):
        path = tmp_path / "evidence.sqlite"
        if what == "device":
            path.symlink_to("/dev/null")
        elif what == "fifo":
            os.mkfifo(path)
        else:
            path.mkdir()
        for opening in (Store, Store.reading, Store.forgetful):
            with pytest.raises(StoreError, match="--store"):
                opening(path)
        assert list(tmp_path.iterdir()) == [path]
        assert not Path("/dev/null-lock").exists()

    def test_a_name_that_an_address_would_read_otherwise(self, tmp_path):
        path = tmp_path / "a b?mode=memory#%41&.sqlite"
        with Store(path) as store:
            put(store)
        with Store.reading(path) as store:
            assert len(list(store.rows())) == 10

    def test_through_a_link(self, folder, tmp_path):
        in_use(folder)
        link = tmp_path / "link.sqlite"
        link.symlink_to(folder / "evidence.sqlite")
        with Store.reading(link) as store:
            assert len(list(store.rows())) == 12
        with Store(link) as store:
            put(store, [12])
        assert check(folder / "evidence.sqlite").rows == 13
        assert [path.name for path in tmp_path.iterdir()] == ["link.sqlite"]

    def test_a_store_that_is_for_reading_is_not_written(self, folder):
        with Store.reading(folder / "evidence.sqlite") as store, pytest.raises(StoreNotWritable, match="for reading"):
            put(store, [99])


class TestGone:
    @pytest.mark.parametrize("how", ["deleted", "replaced", "folder deleted"])
    def test_a_store_that_goes_away_under_an_audit_is_noticed(self, tmp_path, how):
        path = tmp_path / "folder" / "evidence.sqlite"
        store = Store(path)
        put(store)
        if how == "folder deleted":
            shutil.rmtree(path.parent)
        elif how == "deleted":
            path.unlink()
        else:
            shutil.copy(path, tmp_path / "copy")
            os.replace(tmp_path / "copy", path)
        for attempt in (lambda: put(store, [10]), store.__exit__):
            with pytest.raises(StoreError, match="replaced" if how == "replaced" else "deleted"):
                attempt()

    def test_the_next_one_starts_anew(self, tmp_path):
        """What lies beside a store that was deleted says nothing of the next one."""
        path, said = tmp_path / "evidence.sqlite", []
        with Store(path) as store:
            put(store)
        path.unlink()
        with Store(path, speak=said.append) as store:
            put(store, [0])
        assert check(path).faults == said == []

    def test_an_older_copy_in_its_place_is_noticed(self, tmp_path):
        path, said = tmp_path / "evidence.sqlite", []
        with Store(path) as store:
            put(store)
        shutil.copy(path, tmp_path / "backup")
        with Store(path) as store:
            put(store, [10, 11])
        os.replace(tmp_path / "backup", path)
        with Store(path, speak=said.append):
            assert "2 of 12 rows are missing" in said[0]


class TestWaiting:
    def test_a_lock_of_another_program_is_waited_for_with_a_word(self, tmp_path, monkeypatch):
        monkeypatch.setattr(session, "PATIENCE_SECONDS", 0.0)
        path, said = tmp_path / "evidence.sqlite", []
        with Store(path, speak=said.append) as store:
            other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            other.execute("BEGIN IMMEDIATE")

            def release() -> None:
                while not said:
                    time.sleep(0.01)
                other.execute("ROLLBACK")

            thread = threading.Thread(target=release)
            thread.start()
            put(store)
            thread.join()
            other.close()
            assert "waiting" in said[0]
            assert len(store.get(KEYS)) == 10

    def test_another_audit_is_waited_for_with_a_word(self, tmp_path, monkeypatch):
        monkeypatch.setattr(session, "PATIENCE_SECONDS", 0.0)
        path, said, letting_go = tmp_path / "evidence.sqlite", [], threading.Event()
        with Store(path, speak=lambda words: (said.append(words), letting_go.set())) as store:
            held = threading.Event()

            def hold() -> None:
                with locks.held(beside(path, "-lock"), lambda: None):
                    held.set()
                    letting_go.wait()

            thread = threading.Thread(target=hold)
            thread.start()
            held.wait()
            put(store)
            thread.join()
            assert "another audit" in said[0]

    def test_a_lock_ends_with_its_process(self, tmp_path):
        lock = tmp_path / "lock"
        script = (
            "import sys, time\nfrom pathlib import Path\nfrom claims.locks import held\n"
            "with held(Path(sys.argv[1]), lambda: None):\n    print('held', flush=True)\n    time.sleep(600)\n"
        )
        other = subprocess.Popen([sys.executable, "-c", script, str(lock)], stdout=subprocess.PIPE)
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
        with locks.held(lock, lambda: None):
            pass

    @pytest.mark.parametrize("what", ["link", "dangling link", "folder", "fifo"])
    def test_a_lock_is_a_file_of_its_own(self, tmp_path, what):
        lock, target = tmp_path / "lock", tmp_path / "target"
        if what == "link":
            target.write_text("important")
        if "link" in what:
            lock.symlink_to(target)
        elif what == "folder":
            lock.mkdir()
        else:
            os.mkfifo(lock)
        with pytest.raises(OSError), locks.held(lock, lambda: None):  # noqa: PT011  the number depends on the system
            pass
        assert not target.exists() or target.read_text() == "important"

    def test_a_lock_does_not_empty_what_is_there(self, tmp_path):
        path = tmp_path / "evidence.sqlite"
        beside(path, "-lock").write_text("somebody else's notes")
        with pytest.raises(StoreError, match="none of ours"), Store(path) as store:
            put(store)
        assert beside(path, "-lock").read_text() == "somebody else's notes"


def test_memory_keeps_nothing_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = []
    with Store(MEMORY, speak=said.append) as store:
        put(store)
        assert len(store.get(KEYS)) == 10
    assert "keeps nothing" in said[0]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreError, match="no evidence store"):
        Store.reading(MEMORY)
    assert "keeps nothing" in invoke("doctor", "--store", ":memory:")


class TestUpgrade:
    @pytest.fixture
    def path(self, tmp_path):
        made = tmp_path / "evidence.sqlite"
        old_store(made)
        return made

    def test_an_old_store_is_read_with_a_word(self, path):
        said = []
        with Store.reading(path, speak=said.append) as store:
            assert len(list(store.rows())) == 10
            row = store.get(KEYS)[KEYS[3]]
            assert (row.records, row.seconds) == ('[{"x":3.0}]', 0.25)
        assert "cannot prove" in said[0]
        assert check(path).faults == []

    def test_it_is_not_written_until_it_is_upgraded(self, path):
        with pytest.raises(StoreNotWritable, match="evidence upgrade --store"):
            Store(path)

    def test_it_is_upgraded_and_kept(self, path):
        before = path.read_bytes()
        text = invoke("evidence", "upgrade", "--store", str(path))
        assert "schema 1 -> 2, 10 rows" in text
        kept = beside(path, ".schema-1")
        assert str(kept) in text
        assert kept.read_bytes() == before
        with Store(path) as store:
            rows = list(store.rows())
            put(store)
            assert list(store.rows()) == rows
        assert {row.measured_at for row in rows} == {"2026-11-28T23:48:12+00:00"}
        assert "nothing was changed" in invoke("evidence", "upgrade", "--store", str(path))
        assert sorted(each.name for each in path.parent.iterdir()) == [
            "evidence.sqlite", "evidence.sqlite-lock", "evidence.sqlite.schema-1"
        ]  # fmt: skip

    def test_what_no_audit_wrote_is_left_in_the_old_file_and_named(self, path):
        with sqlite3.connect(path) as hand:
            hand.execute("UPDATE evidence SET records = 'not json' WHERE seed = 3")
        hand.close()
        lines = upgrade(path)
        assert "9 rows" in lines[0]
        assert any("seed 3" in line for line in lines[1:])
        assert check(path).rows == 9

    def test_the_log_of_a_killed_audit_is_taken_over(self, path, tmp_path):
        source = tmp_path / "made.sqlite"
        old_store(source, rows=5)
        with sqlite3.connect(source, isolation_level=None) as hand:
            values = (IDENTITY.key(BASE, 5), "toys:gaussian", '{"n":16}', 5, IDENTITY.digest, '[{"x":5.0}]', 0.25)
            hand.execute(f"INSERT INTO evidence VALUES ({'?,' * 7}?)", (*values, "2026-11-28T23:48:12+00:00"))
            for suffix in ("", "-wal"):
                shutil.copy(beside(source, suffix), beside(path, suffix))
        hand.close()
        assert "6 rows" in upgrade(path)[0]

    def test_a_store_in_use_is_left_alone(self, path):
        with sqlite3.connect(path) as other:
            other.execute("SELECT * FROM evidence").fetchone()
            with pytest.raises(StoreError, match="open"):
                upgrade(path)
        other.close()
        assert check(path).schema == 1

    def test_a_file_that_is_kept_already_is_not_replaced(self, path):
        beside(path, ".schema-1").write_text("kept")
        with pytest.raises(StoreError, match="schema-1"):
            upgrade(path)
        assert beside(path, ".schema-1").read_text() == "kept"
        assert check(path).schema == 1
        assert len(list(path.parent.iterdir())) == 2

    def test_what_is_no_store_of_schema_1_does_not_pass_for_one(self, folder):
        """Else a single digit would turn every proof off."""
        path = folder / "evidence.sqlite"
        with sqlite3.connect(path) as hand:
            hand.execute("PRAGMA user_version = 1")
        hand.close()
        with pytest.raises(StoreError, match="not those of schema 1"):
            Store.reading(path)


class TestRemeasured:
    @pytest.fixture
    def path(self, audit, tmp_path):
        audit(claims_toys.MEANS[:1], tier="smoke")
        audit([claims_toys.CELLS[0], claims_toys.REPLAY])
        return tmp_path / "evidence.sqlite"

    def test_the_same_to_the_bit(self, path):
        report = check(path, remeasure=30, paths=(str(DATA),))
        assert report.faults == []
        assert report.remeasured is not None
        assert report.remeasured.same == min(30, report.rows)

    def test_another_result_shows_both(self, path, monkeypatch):
        monkeypatch.setattr(toys, "gaussian", lambda point, streams: {"x": 1e9, "seed": streams.seed_index})
        report = check(path, remeasure=1000, paths=(str(DATA),))
        assert report.faults
        assert all(
            "stored: [{" in fault and "now:    [{" in fault and "1000000000.0" in fault for fault in report.faults
        )

    def test_rows_of_other_code_or_machines_are_passed_over(self, folder):
        report = check(folder / "evidence.sqlite", remeasure=5)
        assert report.remeasured is not None
        assert (report.remeasured.same, report.remeasured.elsewhere, report.faults) == (0, 10, [])

    def test_what_cannot_be_measured_any_more_is_said(self, path, monkeypatch):
        monkeypatch.setattr(toys, "gaussian", toys.raises)
        assert any("cannot be measured again" in fault for fault in check(path, remeasure=1000).faults)


def test_commands_in_json(folder):
    document = json.loads(invoke("evidence", "check", "--json", "--store", str(folder / "evidence.sqlite")))
    assert document["rows"] == document["checked"] == 10
    assert document["faults"] == []
    text = invoke("evidence", "check", "--sample", "4", "--store", str(folder / "evidence.sqlite"))
    assert "4 of them, chosen at random" in text


def test_commands_on_a_store_that_is_damaged(folder, tmp_path):
    """Each says what is wrong and exits with 2; what is sound can be had by asking for it."""
    path, fresh = folder / "evidence.sqlite", tmp_path / "fresh.sqlite"
    with sqlite3.connect(path) as hand:
        hand.execute("DROP TRIGGER evidence_update")
        hand.execute("UPDATE evidence SET records = replace(records, '3', '4') WHERE n = 4")
    hand.close()
    before = files(folder)
    for command in ("list", "check", "export --csv -", f"import {path}"):
        store = fresh if "import" in command else path
        text = invoke("evidence", *command.split(), "--store", str(store), code=2)
        assert 'row 4 (toys:gaussian at {"n":16}, seed 3)' in text, command
    assert "FAULT" in invoke("evidence", "check", "--store", str(path), code=2)
    result = CliRunner().invoke(main, ["evidence", "export", "--json", "-", "--sound", "--store", str(path)])
    assert len(json.loads(result.stdout)["evidence"]) == 9
    assert "left out: row 4" in result.stderr
    assert "9 seeds added" in invoke("evidence", "import", str(path), "--sound", "--store", str(fresh))
    assert check(fresh).faults == []
    assert "another store" in invoke("evidence", "import", str(path), "--store", str(path), code=2)
    assert files(folder) == before
