"""A connection to a store, and what every use of it shares: waiting for locks, errors in words, the tally."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from claims import locks
from claims.clock import CLOCK, Clock
from claims.errors import StoreError, StoreNotWritable
from claims.evidence.sqlite.files import (
    DAMAGED,
    MEMORY,
    PATIENCE_SECONDS,
    Connect,
    Count,
    Reader,
    Say,
    Stamp,
    beside,
    check_magic,
    connect,
    is_busy,
    open_reader,
    read_count,
    resolved,
    stamp,
)
from claims.evidence.sqlite.rows import Tally, proven_tally
from claims.report.visible import visible

ADVICE = "Nothing was deleted. Move the file away, or name another with --store."
T = TypeVar("T")


@dataclass
class Session:
    """An open connection. Texts are bytes in it; ``reader`` is there if it is for reading only.

    Attributes:
        path: as the user named it.
        file: the database, with symbolic links resolved; ``MEMORY`` if there is no file.
        opened: the file that was opened; another one of its name is not it.
        begun: whether it has been written to.
        clock: by which locks are waited for, and rows dated.
    """

    path: Path
    file: Path
    connection: sqlite3.Connection
    say: Say
    reader: Reader | None = None
    opened: Stamp | None = None
    begun: bool = False
    clock: Clock = CLOCK

    def run(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Execute a statement."""
        return self.connection.execute(statement, values)

    def fetch(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """All rows of a query, however long another program's lock has to be waited for."""
        return self.patiently(lambda: self.run(query, values).fetchall())

    def patiently(self, act: Callable[[], T]) -> T:
        """Do something for which another program's lock may have to be waited for: an audit can go on after it."""
        word = self.clock.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return act()
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                if self.clock.monotonic() >= word:
                    self.say(f"{self.path}: locked by another program; waiting")
                    word = self.clock.monotonic() + locks.WORD_SECONDS
                self.clock.sleep(0.01)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Errors of SQLite and of the system as errors of the store."""
        with translated(self.path):
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction that writes: all of it, or nothing."""
        self.patiently(lambda: self.run("BEGIN IMMEDIATE"))
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # a full disk has ended it already
                self.run("ROLLBACK")
            raise

    @contextmanager
    def locked(self) -> Iterator[int | None]:
        """Hold the lock under which writers of ours write, make checkpoints and close; its descriptor."""
        if self.file == MEMORY:
            yield None
            return

        def waiting() -> None:
            self.say(f"{self.path}: another audit holds its lock; waiting")

        lock = beside(self.file, "-lock")
        with locks.held(lock, waiting, patience=PATIENCE_SECONDS, clock=self.clock) as descriptor:
            yield descriptor

    def still_there(self) -> None:
        """Raise StoreError if the file was deleted or replaced: nobody would ever see what is written to this one."""
        if self.opened is None:
            return
        try:
            now = stamp(self.file)
        except OSError:
            now = None
        if now is None or now[:2] != self.opened[:2]:
            happened = "deleted" if now is None else "replaced by another file"
            raise StoreError(
                f"{self.path}: the store was {happened} while it was in use. What was measured since then is not "
                "kept; run the same command again."
            )

    def tally(self) -> Tally | None:
        """What the store says of itself, or None if that is damaged."""
        rows = self.fetch("SELECT store, rows, identities, open, proof FROM tally WHERE one = 1")
        return proven_tally(rows[0]) if rows else None

    def write_tally(self, tally: Tally) -> None:
        """Put it in the place of what is there, inside the transaction that is open."""
        values = (*tally, tally.proof())
        change = "UPDATE tally SET store = ?, rows = ?, identities = ?, open = ?, proof = ? WHERE one = 1"
        if not self.run(change, values).rowcount:
            self.run("INSERT INTO tally VALUES (1, ?, ?, ?, ?, ?)", values)

    def count(self) -> Count | None:
        """What the file beside the store says was committed."""
        if self.reader is not None:
            return self.reader.count
        return None if self.file == MEMORY else read_count(self.file)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of SQLite and of the system as errors of the store."""
    try:
        yield
    except (*DAMAGED, json.JSONDecodeError, OSError) as error:
        raise StoreError(f"{path}: {visible(error)}. {ADVICE}") from error


def to_write(path: Path, say: Say, clock: Clock = CLOCK, connect: Connect = connect) -> Session:
    """Connect to a store that is appended to; a file that is not there yet becomes an empty database.

    Raises:
        StoreError: the file is none of SQLite's.
        StoreNotWritable: the file or its folder cannot be written.
    """
    if path == MEMORY:
        say(f"{MEMORY} keeps nothing: what is measured now is gone afterwards")
        return Session(path, path, connect(path), say, clock=clock)
    file = resolved(path)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            check_magic(path, may_be_empty=True)
        for place in (file, file.parent):
            if place.exists() and not os.access(place, os.W_OK):
                raise StoreNotWritable(f"{path}: {place} cannot be written to. Name another with --store.")
        return Session(path, file, connect(file), say, clock=clock)
    except (OSError, sqlite3.OperationalError) as error:
        raise StoreNotWritable(f"{path}: the store cannot be opened: {error}. Name another with --store.") from error


def to_read(path: Path, say: Say) -> Session:
    """Connect to a store that is there, and change neither it nor the files beside it.

    Raises:
        StoreError: there is none.
    """
    with translated(path):
        reader = open_reader(path, say)
        return Session(path, resolved(path), reader.connection, say, reader)
