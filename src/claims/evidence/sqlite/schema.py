"""The tables of a store and their guards: schema 2, which is written, and schema 1, which is read."""

from __future__ import annotations

import functools
import sqlite3

from claims.errors import StoreError
from claims.evidence.sqlite.rows import text_of

SCHEMA_VERSION = 2
#: The schema before rows carried proofs: it is read, and can be upgraded.
UNPROVEN = 1
APPLICATION_ID = 0x636C6D62  # "clmb": tells our stores from any other SQLite file

#: Rows are numbered in the order in which they were committed, so that one that went missing leaves a gap. A key has
#: one row, or several of which all but the last do not prove themselves.
_TABLES = (
    """CREATE TABLE evidence (
    n INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    experiment TEXT NOT NULL,
    base TEXT NOT NULL,
    seed INTEGER NOT NULL,
    identity TEXT NOT NULL,
    records TEXT NOT NULL,
    seconds REAL NOT NULL,
    measured_at TEXT NOT NULL,
    supersedes INTEGER NOT NULL,
    proof BLOB NOT NULL
)""",
    "CREATE INDEX evidence_key ON evidence(key)",
    "CREATE TABLE identities (n INTEGER PRIMARY KEY, digest TEXT NOT NULL, content TEXT NOT NULL)",
    """CREATE TABLE tally (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    store BLOB NOT NULL,
    rows INTEGER NOT NULL,
    identities INTEGER NOT NULL,
    open INTEGER NOT NULL,
    proof BLOB NOT NULL
)""",
)
_TABLES_1 = (
    """CREATE TABLE evidence (
    key TEXT PRIMARY KEY,
    experiment TEXT NOT NULL,
    base TEXT NOT NULL,
    seed INTEGER NOT NULL,
    identity TEXT NOT NULL REFERENCES identities(digest),
    records TEXT NOT NULL,
    seconds REAL NOT NULL,
    measured_at TEXT NOT NULL
) WITHOUT ROWID""",
    "CREATE INDEX by_experiment ON evidence(experiment, base, seed)",
    "CREATE TABLE identities (digest TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID",
)


def _guard(name: str, event: str, condition: str = "") -> str:
    when = f"WHEN {condition} " if condition else ""
    action = "BEGIN SELECT RAISE(ABORT, 'the evidence store is append-only'); END"
    return f"CREATE TRIGGER {name} BEFORE {event} {when}{action}"


_FORBIDDEN = {"evidence": ("UPDATE", "DELETE"), "identities": ("UPDATE", "DELETE"), "tally": ("DELETE",)}
#: Append-only by the database itself, whichever program opens it. REPLACE deletes without asking the guards of DELETE,
#: so what is there already is guarded against INSERT as well.
GUARDS = {
    **{
        f"{table}_{verb.lower()}": _guard(f"{table}_{verb.lower()}", f"{verb} ON {table}")
        for table, verbs in _FORBIDDEN.items()
        for verb in verbs
    },
    "evidence_insert": _guard(
        "evidence_insert",
        "INSERT ON evidence",
        "EXISTS (SELECT 1 FROM evidence WHERE n = NEW.n) "
        "OR (NEW.supersedes = 0 AND EXISTS (SELECT 1 FROM evidence WHERE key = NEW.key))",
    ),
    "identities_insert": _guard(
        "identities_insert", "INSERT ON identities", "EXISTS (SELECT 1 FROM identities WHERE n = NEW.n)"
    ),
    "tally_insert": _guard("tally_insert", "INSERT ON tally", "EXISTS (SELECT 1 FROM tally)"),
}


def create(connection: sqlite3.Connection) -> None:
    """Make tables and guards, inside the transaction that is open."""
    for statement in (*_TABLES, *GUARDS.values()):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def version_of(connection: sqlite3.Connection, path: object) -> int:
    """The schema of a store that is there: ``SCHEMA_VERSION`` or ``UNPROVEN``.

    Raises:
        StoreError: it is no store of ours, of another schema, or its tables are not those of its schema.
    """
    application, version = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("application_id", "user_version")
    )
    if application != APPLICATION_ID:
        raise StoreError(f"{path}: an SQLite file, but no evidence store. It was left as it is.")
    if version not in (SCHEMA_VERSION, UNPROVEN):
        raise StoreError(
            f"{path}: schema {version}; this version reads schema {UNPROVEN} and {SCHEMA_VERSION}. It was left as it "
            "is: name another store with --store, or export it with the version that wrote it."
        )
    found = {bytes(sql) for (sql,) in connection.execute("SELECT CAST(sql AS BLOB) FROM sqlite_master WHERE sql > ''")}
    if not found >= _blueprint(version):
        raise StoreError(f"{path}: its tables are not those of schema {version}: damaged. Nothing was deleted.")
    return version


@functools.cache
def _blueprint(version: int) -> frozenset[bytes]:
    """Statements by which this SQLite remembers the tables of a schema."""
    connection = sqlite3.connect(":memory:")
    try:
        for statement in _TABLES if version == SCHEMA_VERSION else _TABLES_1:
            connection.execute(statement)
        return frozenset(
            bytes(sql) for (sql,) in connection.execute("SELECT CAST(sql AS BLOB) FROM sqlite_master WHERE sql > ''")
        )
    finally:
        connection.close()


def lost_guards(connection: sqlite3.Connection) -> list[str]:
    """Names of the guards that are gone or changed."""
    rows = connection.execute("SELECT CAST(name AS BLOB), CAST(sql AS BLOB) FROM sqlite_master WHERE type = 'trigger'")
    found = {text_of(name): text_of(sql) for name, sql in rows}
    return [name for name, statement in GUARDS.items() if found.get(name) != statement]


def restore_guards(connection: sqlite3.Connection) -> list[str]:
    """Put back guards that are gone or changed, inside the transaction that is open; their names."""
    lost = lost_guards(connection)
    for name in lost:
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        connection.execute(GUARDS[name])
    return lost
