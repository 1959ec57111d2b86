"""Rows that prove themselves: what fails is named, left alone and measured again; what is missing is noticed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from claims.errors import ConflictingEvidence, StoreError
from claims.evidence.canonical import canonical_json
from claims.evidence.check import check
from claims.evidence.sqlite import writing
from claims.evidence.sqlite.files import beside
from claims.evidence.sqlite.plausible import content_of, objection
from claims.evidence.sqlite.rows import COLUMNS, proof, proven
from claims.evidence.store import Identity, Row, Store

CONTENT = {"experiment": "toys:gaussian", "sweep": {}, "epoch": 7, "code": "abc", "environment": {"torch": "2"}}
IDENTITY = Identity.of(CONTENT)
BASE = {"n": 16}
KEYS = [IDENTITY.key(BASE, seed) for seed in range(10)]


def put(store: Store, seeds=range(10), identity: Identity = IDENTITY) -> None:
    store.put(identity, identity_name(identity), BASE, [(seed, [{"x": float(seed)}], 0.25) for seed in seeds])


def identity_name(identity: Identity) -> str:
    return json.loads(identity.content)["experiment"]


def values(store: Store) -> dict[int, float]:
    return {row.seed: json.loads(row.records)[0]["x"] for row in store.rows()}


@contextmanager
def by_hand(path: Path, *guards: str) -> Iterator[sqlite3.Connection]:
    """Change a store as another program can that drops the guards."""
    with sqlite3.connect(path) as hand:
        for guard in guards:
            hand.execute(f"DROP TRIGGER {guard}")
        yield hand
    hand.close()


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "evidence.sqlite"
    with Store(made) as store:
        put(store)
    return made


@pytest.fixture
def said():
    return []


CHANGES = {
    "key": "'" + "0" * 64 + "'", "experiment": "'toys:other'", "base": "'{\"n\":17}'", "seed": "11", "seconds": "99.0",
    "identity": "'" + "1" * 64 + "'", "records": "'[{\"x\":4.0}]'", "measured_at": "'2027-01-01T00:00:00+00:00'",
    "supersedes": "2", "proof": "x'00'",
}  # fmt: skip


@pytest.mark.parametrize("column", CHANGES)
def test_a_row_says_every_column_or_nothing(path, column, said):
    with by_hand(path, "evidence_update") as hand:
        hand.execute(f"UPDATE evidence SET {column} = {CHANGES[column]} WHERE n = 4")
    with Store.reading(path, speak=said.append) as store:
        found = store.survey()
        assert len(found.rows) == 9
        assert any("row 4 " in fault and "damaged" in fault for fault in found.faults)
        for reader in (store.rows, store.groups):
            with pytest.raises(StoreError, match=r"row 4 .* is damaged"):
                list(reader())
        assert KEYS[3] not in store.get(KEYS)
    assert any("row 4 " in words for words in said) or column == "key"


def test_a_row_under_another_number_is_none(path):
    with by_hand(path, "evidence_update") as hand:
        hand.execute("UPDATE evidence SET n = 40 WHERE n = 4")
    assert {"row 4 is missing"} < set(check(path).faults)


def test_every_column_has_a_change():
    assert set(CHANGES) | {"n"} == set(COLUMNS)


def test_what_fails_is_left_alone_and_measured_again_under_a_row_that_stands_in_for_it(path, said):
    with by_hand(path, "evidence_update") as hand:
        hand.execute("UPDATE evidence SET records = '[{\"x\":30.0}]' WHERE n = 4")
    with Store(path, speak=said.append) as store:
        assert set(store.get(KEYS)) == set(KEYS) - {KEYS[3]}
        put(store)
        assert values(store) == {seed: float(seed) for seed in range(10)}
        assert store.survey().superseded == [
            'row 4 (toys:gaussian at {"n":16}, seed 3) does not say what was written: it is damaged'
        ]
    with by_hand(path) as hand:
        rows = hand.execute("SELECT n, records, supersedes FROM evidence WHERE key = ?", (KEYS[3],)).fetchall()
    assert rows == [(4, '[{"x":30.0}]', 0), (11, '[{"x":3.0}]', 4)]
    assert "measured again" in said[0]
    report = check(path)
    assert report.faults == []
    assert len(report.superseded) == 1
    with Store(path) as store, pytest.raises(ConflictingEvidence):  # another value is still a contradiction
        store.put(IDENTITY, "toys:gaussian", BASE, [(3, [{"x": 30.0}], 0.25)])


def test_a_row_that_stands_in_and_fails_is_stood_in_for(path, said):
    for number in (4, 11):
        with by_hand(path, "evidence_update") as hand:
            hand.execute("UPDATE evidence SET seconds = 7 WHERE n = ?", (number,))
        with Store(path, speak=said.append) as store:
            put(store)
    with by_hand(path) as hand:
        assert hand.execute("SELECT n, supersedes FROM evidence WHERE n > 10").fetchall() == [(11, 4), (12, 11)]
    assert check(path).faults == []


def test_many_that_fail_are_named_in_part_and_counted(path, said):
    with by_hand(path, "evidence_update") as hand:
        hand.execute("UPDATE evidence SET seconds = 7")
    with Store(path, speak=said.append) as store:
        assert store.get(KEYS) == {}
    assert sum("row" in words for words in said) == 6
    assert "5 more rows failed" in said[-1]


def test_an_identity_that_fails_takes_its_rows_along_until_they_are_measured_again(path, said):
    with by_hand(path, "identities_update") as hand:
        hand.execute("UPDATE identities SET content = replace(content, '7', '8')")
    with pytest.raises(StoreError, match="damaged"), Store.reading(path) as store:
        list(store.rows())
    with Store(path, speak=said.append) as store:
        assert store.get(KEYS) == {}
        put(store)
        assert len(store.get(KEYS)) == 10
        assert store.identities() == {IDENTITY.digest: CONTENT}


def test_a_column_that_became_nothing_is_damage_like_any_other(path, said):
    """A byte of a row's header makes NULL of a text; SQLite gives it out although the column may not be NULL."""
    content = bytearray(path.read_bytes())
    at = content.index(IDENTITY.digest.encode() + IDENTITY.content.encode())
    length = 2 * len(IDENTITY.content) + 13  # SQLite's code of a text; two bytes of it
    assert content[at - 2 : at] == bytes([0x80 | length >> 7, length & 0x7F])
    content[at - 2 : at] = b"\0\0"
    path.write_bytes(content)
    with Store(path, speak=said.append) as store:
        store.get(KEYS)
    assert check(path).faults


def test_what_another_process_measures_under_a_new_identity_is_believed(path):
    other = Identity.of(CONTENT | {"epoch": 8})
    with Store(path) as mine:
        assert len(mine.get(KEYS)) == 10
        with Store(path) as theirs:
            put(theirs, identity=other)
        assert len(mine.get(other.key(BASE, seed) for seed in range(10))) == 10


def test_a_reader_beside_a_writer_sees_one_moment(path):
    with Store(path) as writer:
        for epoch in range(20):
            put(writer, range(3), Identity.of(CONTENT | {"epoch": epoch}))
            with Store.reading(path) as reader:
                assert reader.survey().faults == []


@pytest.mark.parametrize("last", [True, False])
def test_a_store_that_has_become_shorter_says_so(path, said, last):
    with by_hand(path, "evidence_delete") as hand:
        hand.execute("DELETE FROM evidence WHERE n > 7" if last else "DELETE FROM evidence WHERE n IN (2, 3, 6)")
    with Store.reading(path) as store, pytest.raises(StoreError, match=r"8 to 10 are" if last else r"2 to 3 are"):
        list(store.rows())
    with Store(path, speak=said.append) as store:
        assert "3 of 10 rows are missing" in said[0]
        put(store)
        assert len(store.get(KEYS)) == 10
    assert any("missing" in fault for fault in check(path).faults), "that it was shorter is not forgotten"


def in_use(folder: Path) -> Path:
    """The files of a store as SIGKILL leaves them: half of the rows in the database, half in the log."""
    path = folder / "killed" / "evidence.sqlite"
    child = os.fork()
    if not child:
        store = Store(path)
        put(store, range(5))
        with sqlite3.connect(path) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        put(store, range(5, 10))
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert beside(path, "-wal").stat().st_size
    return path


class TestKilled:
    @pytest.fixture
    def path(self, tmp_path):
        return in_use(tmp_path)

    def test_nothing_is_lost_and_nothing_said(self, path, said):
        with Store.reading(path, speak=said.append) as store:
            assert len(values(store)) == 10
        with Store(path, speak=said.append) as store:
            assert len(values(store)) == 10
        assert said == []
        assert check(path).faults == []

    @pytest.mark.parametrize("after", ["_begin", "_append"])
    def test_before_its_first_row_is_there(self, tmp_path, monkeypatch, after):
        """It says that it is open, and yet nothing can be missing: nobody would export it otherwise."""
        path = tmp_path / "evidence.sqlite"
        with Store(path):
            pass
        child = os.fork()
        if not child:
            done = getattr(writing, after)
            monkeypatch.setattr(writing, after, lambda *given: (done(*given), os.kill(os.getpid(), signal.SIGKILL)))
            put(Store(path))
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        assert check(path).faults == []
        with Store.reading(path) as store:
            assert list(store.rows()) == []

    @pytest.mark.parametrize("copied", [True, False], ids=["copied", "in place"])
    def test_a_log_that_was_lost_is_noticed(self, path, said, tmp_path, copied):
        if copied:
            (tmp_path / "copy").mkdir()
            path = Path(shutil.copy(path, tmp_path / "copy" / "evidence.sqlite"))
        else:
            beside(path, "-wal").unlink()
        with Store.reading(path) as store, pytest.raises(StoreError, match="missing"):
            list(store.rows())
        with Store(path, speak=said.append) as store:
            assert "missing" in said[0]
            put(store)
            assert len(store.get(KEYS)) == 10

    @pytest.mark.parametrize("at", [3, 40, -4097, -5, -1])
    def test_a_log_that_was_damaged_or_cut_off_is_noticed(self, path, at):
        log = beside(path, "-wal")
        content = bytearray(log.read_bytes())
        content[at] ^= 1
        log.write_bytes(content if at != -1 else content[:-1])
        with Store.reading(path) as store, pytest.raises(StoreError, match="missing"):
            list(store.rows())


class TestGuards:
    STATEMENTS = (
        "INSERT OR REPLACE INTO evidence SELECT * FROM evidence",
        "REPLACE INTO evidence SELECT {} FROM evidence WHERE n = 1",
        "REPLACE INTO evidence SELECT {new} FROM evidence WHERE n = 1",
        "INSERT OR REPLACE INTO identities SELECT n, digest, '{{}}' FROM identities",
        "INSERT OR REPLACE INTO tally SELECT 1, store, 0, 0, 0, proof FROM tally",
        "INSERT INTO evidence SELECT * FROM evidence WHERE true ON CONFLICT DO UPDATE SET records = '[]'",
        "UPDATE OR REPLACE evidence SET n = 2 WHERE n = 1",
        "DELETE FROM tally",
        "DELETE FROM evidence",
        "DELETE FROM identities",
        "UPDATE identities SET content = '{{}}'",
    )

    @pytest.mark.parametrize("statement", STATEMENTS)
    def test_no_program_changes_or_replaces_anything(self, path, statement):
        columns = [name if name != "records" else "'[]'" for name in COLUMNS]
        statement = statement.format(", ".join(columns), new=", ".join(["99", *columns[1:]]))
        with by_hand(path) as hand, pytest.raises(sqlite3.DatabaseError, match="append-only"):
            hand.execute(statement)
        assert check(path).faults == []

    def test_guards_that_are_gone_are_said_and_come_back(self, path, said):
        with by_hand(path, "evidence_insert", "evidence_update"):
            pass
        assert [fault for fault in check(path).faults if "guard" in fault]
        with Store(path, speak=said.append) as store:
            put(store, [10])
        assert check(path).faults == []
        assert sum("guard" in words for words in said) == 2


class TestPlausible:
    """What an import takes: what an audit could have written, and nothing else."""

    SWEPT = Identity.of(CONTENT | {"sweep": {"p": [0.1, 1, True, "a"]}})

    @staticmethod
    def row(**changes) -> Row:
        made = Row(
            KEYS[3], "toys:gaussian", '{"n":16}', 3, IDENTITY.digest, '[{"x":1.0}]', 0.5, "2026-11-28T23:48:12+00:00"
        )
        return made._replace(**changes)

    def test_what_an_audit_writes(self, path):
        with Store.reading(path) as store:
            assert [objection(row, CONTENT) for row in store.rows()] == [""] * 10
        for records in ('[{"x":[1.0,-0.0]}]', '[{"note":"a","x":1e-300}]'):
            assert objection(self.row(records=records), CONTENT) == ""

    @pytest.mark.parametrize(
        "records",
        ["not json", "[]", "{}", "null", '[{"x":NaN}]', '[{"x":Infinity}]', '[{"x":1e400}]', '[{"x":1}]',
         '[{"x":true}]', '[{"x":null}]', '[{"x":[[1.0]]}]', '[{"x":{"y":1.0}}]',
         '[{"x":1.0},{"x":1.0}]', '[{"x":1.0,"x":2.0}]',
         '[{"x": 1.0}]', '[{"y":1.0,"x":1.0}]', '[{"x":1.00}]', "[" * 100_000, '[{"x":' + "9" * 5000 + "}]",
         "[1.0]", '"a"',
         '[{"x":' + "9" * 400 + "}]"],
    )  # fmt: skip
    def test_records(self, records):
        assert "records" in objection(self.row(records=records), CONTENT)

    @pytest.mark.parametrize("cells", [["0.1", "1", "true"], ["0.1", "1", '"b"', '"a"'], ["0.1", "1.0", '"a"']])
    def test_cells_of_a_sweep(self, cells):
        content = CONTENT | {"sweep": {"p": [0.1, 1, "a"]}}
        identity = Identity.of(content)
        records = "[" + ",".join(f'{{"p":{cell},"x":1.0}}' for cell in cells) + "]"
        row = self.row(identity=identity.digest, key=identity.key(BASE, 3), records=records)
        assert "records" in objection(row, content)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"experiment": "no:such"}, "experiment toys:gaussian"),
            ({"key": "0" * 64}, "key"),
            ({"base": '{"n": 16}'}, "base point"),
            ({"base": "[]"}, "base point"),
            ({"base": '{"n":[16]}'}, "base point"),
            ({"base": '{"n":NaN}'}, "base point"),
            ({"seed": -1}, "seed"),
            ({"seconds": -0.5}, "seconds"),
            ({"seconds": float("inf")}, "seconds"),
            ({"seconds": 1e12}, "seconds"),
            ({"measured_at": "yesterday"}, "measured at"),
            ({"measured_at": "2026-11-28T23:48:12"}, "measured at"),
            ({"measured_at": "1970-01-01T00:00:00+00:00"}, "measured at"),
            ({"measured_at": "9999-01-01T00:00:00+00:00"}, "measured at"),
            ({"measured_at": "2026-11-28 23:48:12+00:00"}, "measured at"),
        ],
    )
    def test_everything_else(self, change, words):
        assert words in objection(self.row(**change), CONTENT)

    @pytest.mark.parametrize(
        "change",
        [{"experiment": 3}, {"sweep": []}, {"sweep": {"p": 3}}, {"sweep": {"p": [[1]]}}, {"epoch": -1}, {"epoch": True},
         {"epoch": "7"}, {"code": None}, {"environment": "x"}],
    )  # fmt: skip
    def test_identities(self, change):
        made = Identity.of(CONTENT | change)
        assert content_of(made.digest, made.content) is None
        assert content_of(IDENTITY.digest, IDENTITY.content) == CONTENT
        assert content_of(IDENTITY.digest, IDENTITY.content + " ") is None

    def test_a_forged_row_is_refused_though_it_proves_itself(self, path, tmp_path):
        """Somebody who knows how proofs are made can write anything; it has to be something that an audit could."""
        forged = self.row(key=IDENTITY.key(BASE, 77), seed=77, experiment="any:name")
        with by_hand(path) as hand:
            hand.execute(f"INSERT INTO evidence VALUES ({'?,' * 10}?)", (11, *forged, 0, proof(forged, 11, 0)))
        with Store.reading(path) as other, Store(tmp_path / "mine.sqlite") as mine:
            with pytest.raises(
                StoreError, match=r"its identity is of experiment toys:gaussian.*\n?.*Nothing was copied"
            ):
                mine.merge(other)
            assert list(mine.rows()) == []
            assert mine.merge(other, sound=True) == 10

    def test_two_rows_that_both_prove_themselves_and_differ_are_never_read_as_one(self, path):
        with Store.reading(path) as store:
            row = next(store.rows())
        forged = row._replace(records=row.records.replace("]", " ]"))
        with by_hand(path, "evidence_insert") as hand:
            hand.execute(f"INSERT INTO evidence VALUES ({'?,' * 10}?)", (11, *forged, 0, proof(forged, 11, 0)))
        with Store.reading(path) as store, pytest.raises(StoreError, match="two rows with different records"):
            store.get([row.key])


def test_the_proof_of_a_row_is_a_format_that_stays():
    """Stores outlive versions: what was written under a proof has to be provable for ever."""
    row = TestPlausible.row()
    assert proof(row, 3, 0).hex() == "7414a0dfe6a75d9b5affebe0c7b8b01a"
    raw = (3, *(value.encode() if isinstance(value, str) else value for value in row), 0, proof(row, 3, 0))
    assert proven(raw) == row
    for i, value in enumerate(raw):
        for wrong in (None, 1.5, b"x", 7):
            changed = (*raw[:i], wrong, *raw[i + 1 :])
            assert proven(changed) is None or wrong == value
    assert proven((*raw[:6], b"\xff\xfe", *raw[7:])) is None


def test_a_store_of_zeros_between_rows_and_log_is_damage_not_an_empty_store(path):
    os.truncate(path, 4096)
    for opening in (Store, Store.reading):
        with pytest.raises(StoreError), opening(path) as store:
            list(store.rows())


def test_a_damaged_file_is_not_written_to(path):
    """SQLite would put new rows on a page that it believes to be free."""
    content = bytearray(path.read_bytes())
    content[32:40] = (2).to_bytes(4, "big") + (1).to_bytes(4, "big")  # the list of free pages
    path.write_bytes(content)
    with Store(path) as store, pytest.raises(StoreError, match="nothing is written to it"):
        put(store, [10])
    with Store.reading(path) as store:
        assert values(store) == {seed: float(seed) for seed in range(10)}


def test_an_index_that_is_damaged_is_made_anew_before_anything_is_written(path, said):
    """An entry that is out of order hides others: what is stored would be measured again, and again not be found."""
    content = bytearray(path.read_bytes())
    key = sorted(KEYS)[4].encode()
    places = [at for at in range(len(content)) if content.startswith(key, at)]
    for at in places:
        if content[at - 1 : at] != b"\x00" and content[at + 64 : at + 68] != b"toys":  # in the index, not in the row
            content[at] = ord("z")
    path.write_bytes(content)
    assert any("index" in fault for fault in check(path).faults)
    with Store(path, speak=said.append) as store:
        assert len(store.get(KEYS)) < 10
        put(store)
        assert len(store.get(KEYS)) == 10
    assert "made anew" in said[0]
    with by_hand(path) as hand:
        assert hand.execute("SELECT count(*) FROM evidence NOT INDEXED").fetchone() == (10,)
    assert check(path).faults == []


def test_identities_are_kept_once_however_many_write(path):
    for _ in range(3):
        with Store(path) as store:
            put(store, [20])
            put(store, [21])
    with by_hand(path) as hand:
        assert hand.execute("SELECT count(*) FROM identities").fetchone() == (1,)
    assert canonical_json(CONTENT) == IDENTITY.content
