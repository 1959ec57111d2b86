"""The evidence store: what was measured, once and for all. SQLite in WAL mode, append-only, written by parents only.

A row is one seed of one experiment at one base point, under a key that names everything it depends on. The same key
with another value is an error: it would mean that something it depends on is not in the key.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from claims.errors import ConflictingEvidence, StoreError
from claims.evidence.canonical import canonical_json, digest
from claims.evidence.measure import Records

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x636C6D62  # "clmb": tells our stores from any other SQLite file
_BUSY_SECONDS = 60.0
_SCHEMA = """
CREATE TABLE evidence (
    key TEXT PRIMARY KEY,
    experiment TEXT NOT NULL,
    base TEXT NOT NULL,
    seed INTEGER NOT NULL,
    identity TEXT NOT NULL REFERENCES identities(digest),
    records TEXT NOT NULL,
    seconds REAL NOT NULL,
    measured_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX by_experiment ON evidence(experiment, base, seed);
CREATE TABLE identities (digest TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
"""
#: Append-only by the database itself, whichever program opens it.
_GUARDS = tuple(
    f"CREATE TRIGGER {table}_{verb.lower()} BEFORE {verb} ON {table} "
    "BEGIN SELECT RAISE(ABORT, 'the evidence store is append-only'); END"
    for table in ("evidence", "identities")
    for verb in ("UPDATE", "DELETE")
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything a measurement depends on but its base point and seed: experiment, sweep, epoch, code, machine."""

    content: str
    digest: str

    @staticmethod
    def of(content: Mapping[str, Any]) -> Identity:
        """The identity of a canonical mapping."""
        return Identity(canonical_json(content), digest(content).hex())

    def key(self, base: Mapping[str, Any], seed: int) -> str:
        """Key of one seed at one base point."""
        return digest([self.digest, dict(base), seed]).hex()


class Row(NamedTuple):
    """One seed's evidence, as stored."""

    key: str
    experiment: str
    base: str
    seed: int
    identity: str
    records: str
    seconds: float
    measured_at: str


class Group(NamedTuple):
    """The seeds of one experiment at one base point under one identity, and what they cost together."""

    experiment: str
    base: str
    identity: str
    seeds: int
    seconds: float
    first: str
    last: str


class Store:
    """An open evidence store. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open a store, or create it.

        Raises:
            StoreError: the folder cannot be written, or the file is no store, corrupt, or of another schema.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        except (OSError, sqlite3.OperationalError) as error:
            raise StoreError(f"{path}: the store cannot be opened: {error}. Name another with --store.") from error
        try:
            with self._translated():
                self._prepare_patiently()
        except BaseException:
            self._connection.close()
            raise

    def _prepare_patiently(self) -> None:
        """Switching to WAL does not wait for others who open the store at that moment, whatever the timeout."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                return self._prepare()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                time.sleep(0.01)

    def _prepare(self) -> None:
        run = self._connection.execute
        if not run("PRAGMA schema_version").fetchone()[0]:
            run("BEGIN IMMEDIATE")
            if not run("PRAGMA schema_version").fetchone()[0]:  # another audit may have been first
                for statement in (*_SCHEMA.strip().split(";\n"), *_GUARDS):
                    run(statement)
                run(f"PRAGMA application_id = {_APPLICATION_ID}")
                run(f"PRAGMA user_version = {SCHEMA_VERSION}")
            run("COMMIT")
        application, version = (run(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if application != _APPLICATION_ID:
            raise StoreError(f"{self.path}: an SQLite file, but no evidence store. It was left as it is.")
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"{self.path}: schema {version}; this version reads schema {SCHEMA_VERSION}. It was left as it is: "
                "name another store with --store, or export it with the version that wrote it."
            )
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, json.JSONDecodeError) as error:
            advice = "Nothing was deleted. Move the file away, or name another with --store."
            raise StoreError(f"{self.path}: {error}. {advice}") from error

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, keys: Iterable[str]) -> dict[str, tuple[Records, float]]:
        """Records and seconds of those keys that are stored."""
        wanted, found = list(keys), {}
        with self._translated():
            for start in range(0, len(wanted), 500):
                chunk = wanted[start : start + 500]
                marks = ",".join("?" * len(chunk))
                query = f"SELECT key, records, seconds FROM evidence WHERE key IN ({marks})"
                for key, records, seconds in self._connection.execute(query, chunk):
                    found[key] = (json.loads(records), seconds)
        return found

    def put(
        self,
        identity: Identity,
        experiment: str,
        base: Mapping[str, Any],
        measured: Iterable[tuple[int, Records, float]],
    ) -> None:
        """Store what a task measured, in one transaction.

        Raises:
            ConflictingEvidence: a seed is stored already with another value.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        text = canonical_json(dict(base))
        rows = [
            Row(
                identity.key(base, seed), experiment, text, seed, identity.digest, canonical_json(records), seconds, now
            )
            for seed, records, seconds in measured
        ]
        self._insert([(identity.digest, identity.content)], rows)

    def _insert(self, identities: Iterable[tuple[str, str]], rows: Iterable[Row]) -> int:
        added = 0
        with self._translated():
            run = self._connection.execute
            run("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR IGNORE INTO identities VALUES (?, ?)", identities)
                for row in rows:
                    stored = run("SELECT records FROM evidence WHERE key = ?", (row.key,)).fetchone()
                    if stored is None:
                        run("INSERT INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
                        added += 1
                    elif stored[0] != row.records:
                        where = f"{row.experiment} at {row.base}, seed {row.seed} (key {row.key[:12]})"
                        values = f"\n  stored: {stored[0]}\n  now:    {row.records}"
                        raise ConflictingEvidence(f"{where} was measured twice with different results:{values}")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it already
                    run("ROLLBACK")
                raise
            run("COMMIT")
        return added

    def rows(self, experiment: str = "%") -> Iterator[Row]:
        """Every row whose experiment matches an SQL pattern, in a stable order."""
        query = "SELECT * FROM evidence WHERE experiment LIKE ? ORDER BY experiment, base, identity, seed"
        with self._translated():
            for values in self._connection.execute(query, (experiment,)):
                yield Row(*values)

    def groups(self) -> list[Group]:
        """What the store holds, counted; in a stable order."""
        query = """SELECT experiment, base, identity, count(*), sum(seconds), min(measured_at), max(measured_at)
            FROM evidence GROUP BY experiment, base, identity ORDER BY experiment, base, min(measured_at), identity"""
        with self._translated():
            return [Group(*values) for values in self._connection.execute(query)]

    def identities(self) -> dict[str, dict[str, Any]]:
        """What each identity stands for."""
        with self._translated():
            return {name: json.loads(text) for name, text in self._connection.execute("SELECT * FROM identities")}

    def merge(self, other: Store) -> int:
        """Copy another store's rows into this one, all or none; the number that was new.

        Raises:
            ConflictingEvidence: both have a key, with different values.
            StoreError: a row of the other is not what its key says.
        """
        contents, rows = other.identities(), list(other.rows())
        known = {name for name, content in contents.items() if Identity.of(content).digest == name}
        for row in rows:
            if row.identity not in known or digest([row.identity, json.loads(row.base), row.seed]).hex() != row.key:
                where = f"{row.experiment} at {row.base}, seed {row.seed}"
                raise StoreError(f"{other.path}: the key {row.key[:12]} is not that of {where}. Nothing was copied.")
        return self._insert([(name, canonical_json(content)) for name, content in contents.items()], rows)
