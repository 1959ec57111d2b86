"""The store: append-only, one schema, and never a silent loss."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from kit import claim

from claims.auditing import loop
from claims.bands import within
from claims.errors import ConflictingEvidence, StoreError
from claims.evidence.store import SCHEMA_VERSION, Identity, Store
from claims.experiment import experiment, grid
from claims.kinds import mean
from claims.verdict import HOLDS

CONTENT = {"experiment": "toys:gaussian", "sweep": {}, "epoch": 7, "code": "abc", "environment": {"torch": "2"}}
IDENTITY = Identity.of(CONTENT)
BASE = {"n": 16}


def put(store: Store, *measured, identity: Identity = IDENTITY, base=BASE) -> None:
    store.put(identity, "toys:gaussian", base, [(seed, [{"x": x}], 0.25) for seed, x in measured])


def held(store: Store) -> dict[int, float]:
    return {row.seed: json.loads(row.records)[0]["x"] for row in store.rows()}


def read_all(path: Path) -> None:
    with Store(path) as store:
        store.get(IDENTITY.key(BASE, seed) for seed in range(500))
        list(store.rows())


def test_what_is_put_is_got(store):
    put(store, (0, 0.1), (1, 1e-300), (2, -0.0))
    keys = [IDENTITY.key(BASE, seed) for seed in range(4)]
    found = store.get(keys)
    assert set(found) == set(keys[:3])
    assert (found[keys[1]].records, found[keys[1]].seconds) == ('[{"x":1e-300}]', 0.25)
    assert found[keys[2]].records == '[{"x":-0.0}]'


def test_thousands_of_keys_are_asked_for_at_once(store):
    put(store, *((seed, float(seed)) for seed in range(2000)))
    assert len(store.get(IDENTITY.key(BASE, seed) for seed in range(3000))) == 2000


def test_floats_survive_to_the_last_bit(store):
    values = [0.1 + 0.2, 2**-1074, 1.7976931348623157e308, 1 / 3]
    put(store, *enumerate(values))
    found = store.get(IDENTITY.key(BASE, seed) for seed in range(4))
    assert [json.loads(found[IDENTITY.key(BASE, seed)].records)[0]["x"] for seed in range(4)] == values


def test_a_store_is_found_again(tmp_path):
    path = tmp_path / "deep" / "folder" / "evidence.sqlite"
    with Store(path) as store:
        put(store, (0, 1.0))
    with Store(path) as store:
        assert held(store) == {0: 1.0}
        (row,) = store.rows()
        assert (row.experiment, row.base, row.seed, row.seconds) == ("toys:gaussian", '{"n":16}', 0, 0.25)
        assert store.identities() == {IDENTITY.digest: CONTENT}


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": 8},
        {"epoch": None},
        {"experiment": "toys:other"},
        {"sweep": {"p": [0.1]}},
        {"code": "abd"},
        {"environment": {"torch": "2.1"}},
    ],
    ids=str,
)
def test_the_key_changes_with_what_the_evidence_depends_on(change):
    assert Identity.of(CONTENT | change).key(BASE, 0) != IDENTITY.key(BASE, 0)


@pytest.mark.parametrize("change", ["machine", "sweep", "code", "epoch", "nothing"])
def test_an_audit_measures_anew_what_was_measured_with_something_else(change, audit, tmp_path, monkeypatch):
    """The same experiment and point: evidence of another machine, sweep or code, or of other seeds, is not taken."""

    def declared(levels):
        made = experiment("toys:swept", sweep={"p": levels, "metric": ["pre"]})
        band = within(0.0, abs=9.0, provenance="author", because="a toy")
        return claim(mean(made["x"]), at=grid(p=levels[0], metric="pre"), band=band, rival=99.0)

    levels, epoch = (1, 2), 7
    first = audit(declared(levels), path=tmp_path / "kept.sqlite")
    assert (first.cached, first.claims[0].verdict) == (0, HOLDS)
    if change == "machine":
        here = loop.environment()
        monkeypatch.setattr(loop, "environment", lambda device: {**here, "cpu": "another"})
    elif change == "code":
        monkeypatch.setattr(loop, "code_fingerprint", lambda *targets: "another")
    elif change == "epoch":
        epoch = 8
    elif change == "sweep":
        levels = (1, 2, 3)
    second = audit(declared(levels), path=tmp_path / "kept.sqlite", epoch=epoch)
    measured = (second.measured > 0, second.cached > 0)
    assert measured == ((False, True) if change == "nothing" else (True, False))


def test_the_key_changes_with_point_and_seed():
    keys = {IDENTITY.key(base, seed) for base in ({}, {"n": 16}, {"n": 17}, {"n": 16.0}, {"m": 16}) for seed in (0, 1)}
    assert len(keys) == 10
    assert IDENTITY.key({"a": 1, "b": 2}, 0) == IDENTITY.key({"b": 2, "a": 1}, 0)


def test_the_same_again_is_kept_once(store):
    put(store, (0, 1.0))
    (before,) = store.rows()
    store.put(IDENTITY, "toys:gaussian", BASE, [(0, [{"x": 1.0}], 99.0)])
    assert list(store.rows()) == [before]


def test_another_value_is_refused_and_both_are_shown(store):
    put(store, (0, 1.0))
    with pytest.raises(ConflictingEvidence) as caught:
        put(store, (1, 5.0), (0, 2.0))
    message = str(caught.value)
    for part in ("toys:gaussian", '{"n":16}', "seed 0", 'stored: [{"x":1.0}]', 'now:    [{"x":2.0}]'):
        assert part in message
    assert held(store) == {0: 1.0}  # nothing of the task, not even the seed before the contradiction


def test_rows_are_never_changed_or_deleted(store):
    put(store, (0, 1.0))
    for statement in ("UPDATE evidence SET records = '[]'", "DELETE FROM evidence", "DELETE FROM identities"):
        with sqlite3.connect(store.path) as other, pytest.raises(sqlite3.DatabaseError, match="append-only"):
            other.execute(statement)
        other.close()
    assert held(store) == {0: 1.0}


def test_what_is_not_finite_is_never_stored(store):
    with pytest.raises(ValueError, match="JSON"):
        put(store, (0, 1.0), (1, float("nan")))
    assert held(store) == {}


class TestMerge:
    @pytest.fixture
    def other(self, tmp_path):
        with Store(tmp_path / "other.sqlite") as opened:
            yield opened

    def test_new_rows_are_copied(self, store, other):
        put(store, (0, 1.0), (1, 2.0))
        put(other, (1, 2.0), (2, 3.0), identity=IDENTITY)
        put(other, (0, 9.0), identity=Identity.of(CONTENT | {"epoch": 8}))
        assert store.merge(other) == 2
        assert len(list(store.rows())) == 4
        assert len(store.identities()) == 2
        assert store.merge(other) == 0

    def test_all_or_none(self, store, other):
        put(store, (5, 1.0))
        put(other, *((seed, 2.0) for seed in range(10)))
        with pytest.raises(ConflictingEvidence, match="seed 5"):
            store.merge(other)
        assert held(store) == {5: 1.0}
        assert len(list(other.rows())) == 10

    @pytest.mark.parametrize(
        ("column", "value"), [("key", "0" * 64), ("base", '{"n":17}'), ("seed", 1), ("identity", "1" * 64)]
    )
    def test_a_row_that_is_not_what_its_key_says_is_refused(self, store, other, column, value):
        """A store that somebody edited by hand: the value would be believed of another measurement."""
        put(other, (0, 1.0))
        with sqlite3.connect(other.path) as hand:
            hand.execute("DROP TRIGGER evidence_update")
            hand.execute(f"UPDATE evidence SET {column} = ?", (value,))
        hand.close()
        with pytest.raises(StoreError, match=r"row 1 .* is damaged"):
            store.merge(other)
        assert held(store) == {}


class TestUnusable:
    def refused(self, path: Path, words: str) -> None:
        before = path.read_bytes() if path.is_file() else None
        with pytest.raises(StoreError, match=words) as caught:
            Store(path)
        assert str(path) in str(caught.value)
        assert (path.read_bytes() if path.is_file() else None) == before

    @pytest.mark.parametrize("content", [b"not a database, only text\n" * 50, b"SQLite format 3\0" + b"\xff" * 4096])
    def test_a_file_that_is_no_database(self, tmp_path, content):
        path = tmp_path / "evidence.sqlite"
        path.write_bytes(content)
        self.refused(path, "Nothing was deleted")

    def test_somebody_elses_database(self, tmp_path):
        path = tmp_path / "evidence.sqlite"
        with sqlite3.connect(path) as theirs:
            theirs.execute("CREATE TABLE evidence (important TEXT)")
        theirs.close()
        self.refused(path, "no evidence store")

    @pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 0])
    def test_another_schema(self, tmp_path, version):
        path = tmp_path / "evidence.sqlite"
        Store(path).__exit__()
        with sqlite3.connect(path) as later:
            later.execute(f"PRAGMA user_version = {version}")
        later.close()
        self.refused(path, f"schema {version}.*reads schema 1 and {SCHEMA_VERSION}.*left as it is")

    def test_pages_that_were_overwritten(self, tmp_path):
        path = tmp_path / "evidence.sqlite"
        with Store(path) as store:
            put(store, *((seed, float(seed)) for seed in range(500)))
        size = path.stat().st_size
        with path.open("r+b") as file:
            for offset in range(4096, size, 4096):
                file.seek(offset)
                file.write(b"\xa5" * 4000)
        with pytest.raises(StoreError, match="Nothing was deleted"):
            read_all(path)
        assert path.stat().st_size == size

    def test_records_that_are_no_json(self, tmp_path):
        path = tmp_path / "evidence.sqlite"
        with Store(path) as store:
            put(store, (0, 1.0))
        with sqlite3.connect(path) as hand:
            hand.execute("DROP TRIGGER evidence_update")
            hand.execute("UPDATE evidence SET records = '[{\"x\": 1.'")
        hand.close()
        with Store(path) as store:
            assert store.get([IDENTITY.key(BASE, 0)]) == {}
            with pytest.raises(StoreError, match=r"row 1 .* is damaged"):
                held(store)

    def test_a_folder_that_cannot_be(self, tmp_path):
        """Under a regular file nothing can be made, whoever asks."""
        file = tmp_path / "file"
        file.write_text("text")
        for path in (file / "evidence.sqlite", file / "deeper" / "evidence.sqlite"):
            with pytest.raises(StoreError, match="--store"):
                Store(path)
        assert file.read_text() == "text"

    def test_a_folder_where_the_file_should_be(self, tmp_path):
        with pytest.raises(StoreError, match="--store"):
            Store(tmp_path)

    def test_nothing_stays_open_after_a_refusal(self, tmp_path):
        path = tmp_path / "evidence.sqlite"
        path.write_bytes(b"text" * 1000)
        with pytest.raises(StoreError):
            Store(path)
        open_files = (
            [link.resolve() for link in Path("/proc/self/fd").iterdir()] if Path("/proc/self/fd").is_dir() else []
        )
        assert path.resolve() not in open_files


def test_an_empty_file_becomes_a_store(tmp_path):
    path = tmp_path / "evidence.sqlite"
    path.touch()
    with Store(path) as store:
        put(store, (0, 1.0))
        assert held(store) == {0: 1.0}


def test_many_openers_of_a_store_that_is_not_there_yet(tmp_path):
    """Threads that create, write and read at once: one creates it, none is turned away."""
    for attempt in range(20):
        path, failures, start = tmp_path / f"{attempt}.sqlite", [], threading.Barrier(8)

        def work(number: int, path=path, failures=failures, start=start) -> None:
            start.wait()
            try:
                with Store(path) as store:
                    put(store, (number, float(number)), (1000, 0.5))
            except StoreError as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with Store(path) as store:
            assert set(held(store)) == {*range(8), 1000}


def test_a_writer_that_dies_in_its_transaction_leaves_none_of_it(tmp_path):
    path = tmp_path / "evidence.sqlite"
    with Store(path) as store:
        put(store, (0, 1.0))
    script = (
        "import os, signal, sqlite3, sys\n"
        "hand = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "hand.execute('BEGIN IMMEDIATE')\n"
        "columns = 'n + 1, key || 1, experiment, base, 1, identity, records, seconds, measured_at, 0, proof'\n"
        "hand.execute(f'INSERT INTO evidence SELECT {columns} FROM evidence')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    died = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert died.returncode == -9
    with Store(path) as store:
        assert held(store) == {0: 1.0}
        put(store, (1, 2.0))
        assert held(store) == {0: 1.0, 1: 2.0}
