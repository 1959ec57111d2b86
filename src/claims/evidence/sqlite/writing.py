"""Writing to a store: made once, appended to in whole transactions, closed so that it says that it is complete."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from claims.errors import ConflictingEvidence, StoreError, StoreNotWritable
from claims.evidence.sqlite.files import Count, Stamp, stamp, write_count
from claims.evidence.sqlite.plausible import content_of
from claims.evidence.sqlite.rows import COLUMNS, Row, Tally, proof, text_of
from claims.evidence.sqlite.schema import SCHEMA_VERSION, UNPROVEN, create, restore_guards, version_of
from claims.evidence.sqlite.session import Session

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM evidence WHERE n IN (SELECT n FROM evidence WHERE key = ?)"
_INSERT = f"INSERT INTO evidence VALUES ({', '.join('?' * len(COLUMNS))})"
#: What SQLite's check says of a single row, which is no danger to the others.
_OF_A_ROW = ("NULL value", "CHECK constraint", "non-")
#: What it says of the index, which is made from the rows.
_OF_THE_INDEX = re.compile(
    r"row \d+ missing from index evidence_key|wrong # of entries in index evidence_key"
    r"|row \d+ values differ from index evidence_key|rowid not at end-of-record for row \d+ of index evidence_key"
)
#: Stores that this process has closed in order, as they were then.
_IN_ORDER: set[Stamp] = set()

Proven = Callable[[Sequence[Any]], Row | None]


def prepare(session: Session) -> None:
    """Make the tables where there are none yet, and say so if the store has become shorter.

    Raises:
        StoreError: the file is no store, damaged, or of another schema.
        StoreNotWritable: it has to be upgraded first.
    """
    with session.translated(), session.locked():
        if not session.run("PRAGMA schema_version").fetchone()[0]:
            with session.transaction():
                if not session.run("PRAGMA schema_version").fetchone()[0]:  # another program may have been first
                    create(session.connection)
                    session.write_tally(Tally(os.urandom(16), 0, 0, 0))
        if version_of(session.connection, session.path) == UNPROVEN:
            raise StoreNotWritable(
                f"{session.path}: schema {UNPROVEN}; this version writes schema {SCHEMA_VERSION}. "
                f"Upgrade it with: claimbench evidence upgrade --store {session.path}"
            )
        session.patiently(lambda: session.run("PRAGMA journal_mode = WAL").fetchone())
        session.run("PRAGMA synchronous = NORMAL")
        if session.path == session.file and not session.file.exists():
            return  # in memory
        session.opened = stamp(session.file)
        _say_if_shorter(session)


def _say_if_shorter(session: Session) -> None:
    """Rows that are missing do not stop an audit: it measures again what it needs of them."""
    held = session.fetch("SELECT count(*) FROM evidence")[0][0]
    tally, count = session.tally(), session.count()
    if tally is None:
        words = "its tally is damaged: if rows are missing, what is needed of them is measured again"
    elif held < (known := rows_committed(tally, count)):
        words = f"{known - held:,} of {known:,} rows are missing; what is needed of them is measured again"
    elif tally.open and (count is None or count.store != tally.store):
        words = "was not closed: if its log (-wal) was lost, rows are missing, and are measured again where needed"
    else:
        return
    session.say(f"{session.path}: {words}")


def rows_committed(tally: Tally | None, count: Count | None) -> int:
    """How many rows a store had, as far as it or the file beside it knows."""
    inside = 0 if tally is None else tally.rows
    beside = 0 if count is None or (tally is not None and count.store != tally.store) else count.rows
    return max(inside, beside)


def insert(session: Session, identities: Mapping[str, str], rows: Sequence[Row], proven: Proven) -> int:
    """Append rows that are not there yet, all or none; how many were.

    Raises:
        ConflictingEvidence: a row is there with other records.
        StoreError: the store is damaged, cannot be written, or was deleted or replaced.
    """
    with session.translated():
        session.still_there()
        with session.locked() as descriptor:
            _begin(session, descriptor)
            with session.transaction():
                before = session.tally()
                assert before is not None
                tally = _append(session, before, identities, rows, proven)
                session.write_tally(tally)
            if descriptor is not None:
                write_count(descriptor, Count(tally.store, tally.rows))
        session.still_there()
    return tally.rows - before.rows


def _begin(session: Session, descriptor: int | None) -> None:
    """Before rows are in the log alone, the database itself has to say that there is a log.

    The number of rows is beside it before that: an open store without one has lost it, and was not merely killed here.

    Raises:
        StoreError: SQLite finds the file damaged, so that writing to it might destroy what is right.
    """
    tally = session.tally()
    if session.begun and tally is not None and tally.open:
        return
    _check_order(session)
    count = session.count()
    with session.transaction():
        if tally is None:
            last, names = (
                session.run(f"SELECT max(n) FROM {table}").fetchone()[0] or 0 for table in ("evidence", "identities")
            )
            tally = Tally(os.urandom(16) if count is None else count.store, last, names, 1)
        tally = tally._replace(rows=rows_committed(tally, count), open=1)
        if descriptor is not None:
            write_count(descriptor, Count(tally.store, tally.rows))
        session.write_tally(tally)
        for name in restore_guards(session.connection):
            session.say(f"{session.path}: the guard {name} was gone; it is there again")
    session.run("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    session.begun = True


def _check_order(session: Session) -> None:
    """Have SQLite check the file, and make the index anew if that is all that is wrong: it says nothing of its own.

    Raises:
        StoreError: SQLite finds the file damaged, so that writing to it might destroy what is right.
    """
    if session.opened is None or session.opened in _IN_ORDER:
        return
    problems = _problems(session)
    if problems and all(_OF_THE_INDEX.fullmatch(text) for text in problems):
        with session.transaction():
            session.run("REINDEX evidence_key")
        session.say(f"{session.path}: its index was damaged ({problems[0]}); it is made anew")
        problems = _problems(session)
    if problems:
        raise StoreError(
            f"{session.path}: damaged, so nothing is written to it ({problems[0]}). "
            f"Copy what is sound: claimbench evidence import {session.path} --sound --store NEW"
        )


def _problems(session: Session) -> list[str]:
    """What SQLite finds wrong with the file as a whole."""
    found = (text_of(text) for (text,) in session.run("PRAGMA integrity_check(1000000)"))
    return [text for text in found if text != "ok" and not text.startswith(_OF_A_ROW)]


def _append(
    session: Session, tally: Tally, identities: Mapping[str, str], rows: Sequence[Row], proven: Proven
) -> Tally:
    """Rows that are new, and those that have to stand in for one that fails, under the next numbers."""
    for name, content in identities.items():
        stored = session.run("SELECT CAST(content AS BLOB) FROM identities WHERE digest = ?", (name,))
        if all(content_of(name, text_of(text)) is None for (text,) in stored):
            tally = tally._replace(identities=tally.identities + 1)
            session.run("INSERT INTO identities VALUES (?, ?, ?)", (tally.identities, name, content))
    for row in rows:
        there = session.run(_SELECT, (row.key,)).fetchall()
        sound = next((found for raw in there if (found := proven(raw)) is not None), None)
        if sound is None:
            tally = tally._replace(rows=tally.rows + 1)
            supersedes = max((raw[0] for raw in there), default=0)
            sealed = row._replace(seconds=float(row.seconds) + 0.0)  # SQLite keeps no negative zero
            session.run(_INSERT, (tally.rows, *sealed, supersedes, proof(sealed, tally.rows, supersedes)))
        elif sound.records != row.records:
            values = f"\n  stored: {sound.records}\n  now:    {row.records}"
            raise ConflictingEvidence(
                f"{row.where()} (key {row.key[:12]}) was measured twice with different results:{values}"
            )
    return tally


def close(session: Session) -> None:
    """Mark the store as closed and let SQLite empty its log, which the last one who has it open does.

    Raises:
        StoreError: the file was deleted or replaced meanwhile, or cannot be written.
    """
    try:
        with session.translated():
            session.still_there()
            with session.locked():
                try:
                    tally = session.tally()
                    if tally is not None and tally.open:
                        with session.transaction():
                            session.write_tally(tally._replace(open=0))
                finally:
                    session.connection.close()
                if session.begun and session.opened is not None:
                    _IN_ORDER.add(stamp(session.file))
    finally:
        session.connection.close()
