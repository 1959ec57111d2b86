"""The files of a store: how they are opened for reading without being changed, and what lies beside the database.

Beside ``evidence.sqlite`` lie SQLite's write-ahead log (``-wal``) and its index (``-shm``) while the store is in use,
and ``-lock``, a file of ours. Writers of ours hold its lock while they write, make a checkpoint or close: SQLite older
than 3.51.3 can corrupt a database when one process commits while another one makes a checkpoint. Its content is the
number of rows that were committed, so that a store whose log went missing, was damaged or cut off is found out.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from claims import locks
from claims.errors import StoreError

#: As a path, a store in memory: it keeps nothing.
MEMORY = Path(":memory:")
#: How long a lock is waited for without a word.
PATIENCE_SECONDS = 5.0
_MAGIC = b"SQLite format 3\0"
_COUNT = re.compile(rb"(([0-9a-f]{32}) ([ 0-9]{20})) ([0-9a-f]{16})\n")
_COUNT_BYTES = 32 + 1 + 20 + 1 + 16 + 1

#: What a damaged file makes ``sqlite3`` raise; the second, where the words of its own error are no UTF-8 any more.
DAMAGED = (sqlite3.DatabaseError, UnicodeDecodeError)

Say = Callable[[str], None]
#: Opens a connection to a database that is written to.
Connect = Callable[[Path], sqlite3.Connection]


def is_busy(error: Exception) -> bool:
    """Whether another program's lock was in the way."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def say(text: str) -> None:
    """Tell whoever runs this, on standard error."""
    print(f"claimbench: {text}", file=sys.stderr)


class Count(NamedTuple):
    """The number of rows that were committed to the store that was drawn this name."""

    store: bytes
    rows: int


class Stamp(NamedTuple):
    """Which file it is, and whether it is as it was."""

    device: int
    inode: int
    size: int
    modified: int


@dataclass
class Reader:
    """A connection that changes nothing. ``frozen`` is the file's stamp if SQLite was told that it will not change."""

    connection: sqlite3.Connection
    count: Count | None
    frozen: Stamp | None = None
    _held: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Close the connection and let go of what was held for it."""
        self.connection.close()
        self._held.close()


def resolved(path: Path) -> Path:
    """The file itself: SQLite keeps its log beside it, wherever a symbolic link to it lies."""
    return Path(os.path.realpath(path))


def beside(file: Path, suffix: str) -> Path:
    """``-wal``, ``-shm`` or ``-lock`` of a database."""
    return file.with_name(file.name + suffix)


def check_magic(path: Path, *, may_be_empty: bool) -> None:
    """Raise StoreError unless a file begins as a database does; SQLite would make one of a single byte."""
    if not path.is_file():  # a folder, or a device or pipe, beside which nothing must be made
        raise StoreError(f"{path}: the store cannot be opened: no regular file. Name another with --store.")
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        raise StoreError(f"{path}: the store cannot be opened: {error}. Name another with --store.") from error
    if start != _MAGIC and (start or not may_be_empty):
        what = "file is not a database" if start else "no evidence store, the file is empty"
        raise StoreError(f"{path}: {what}. Nothing was deleted. Move the file away, or name another with --store.")


def connect(target: Path | str, *, uri: bool = False) -> sqlite3.Connection:
    """A connection in which transactions are ours, and texts are bytes until they have proved themselves."""
    connection = sqlite3.connect(target, timeout=1.0, isolation_level=None, uri=uri)
    connection.text_factory = bytes
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def stamp(path: Path) -> Stamp:
    """The file's stamp.

    Raises:
        OSError: it is not there.
    """
    found = path.stat()
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def open_reader(path: Path, speak: Say) -> Reader:
    """Open a store without changing anything, not even the files beside it.

    Without a log nobody writes: the file is read as it lies there, while a shared lock keeps writers of ours waiting.
    With one, SQLite reads both; where it cannot, on a read-only mount, a copy of the two is read.

    Raises:
        StoreError: there is no store.
    """
    if path == MEMORY or not path.is_file():
        raise StoreError(f"{path}: no evidence store; an audit makes one, --store names another")
    check_magic(path, may_be_empty=False)
    file = resolved(path)
    with ExitStack() as stack:
        if beside(file, "-lock").is_file():
            stack.enter_context(_reading_lock(file, path, speak))
        if _has_log(file):
            reader = _open_with_log(file)
            stack.close()  # SQLite's own locks do for readers of a log; writers may go on
            return reader
        before = stamp(file)
        connection = connect(f"{file.as_uri()}?immutable=1", uri=True)
        return Reader(connection, read_count(file), before, stack.pop_all())


@contextmanager
def _reading_lock(file: Path, path: Path, speak: Say) -> Iterator[None]:
    def waiting() -> None:
        speak(f"{path}: an audit is writing to it; waiting")

    try:
        with locks.held(beside(file, "-lock"), waiting, shared=True, patience=PATIENCE_SECONDS):
            yield
    except PermissionError:  # of another user; what is read is checked against the file's stamp afterwards
        yield


def _has_log(file: Path) -> bool:
    log = beside(file, "-wal")
    return log.is_file() and log.stat().st_size > 0


def _open_with_log(file: Path) -> Reader:
    count = read_count(file)  # before the rows are: a writer may go on
    if beside(file, "-shm").is_file():  # else SQLite would make one, and leave it there
        connection = connect(f"{file.as_uri()}?mode=ro", uri=True)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return Reader(connection, count)
        except sqlite3.OperationalError as error:
            connection.close()
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
        except BaseException:
            connection.close()
            raise
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="claims-")))
        for suffix in ("", "-wal"):
            shutil.copyfile(beside(file, suffix), folder / f"copy{suffix}")
        connection = connect(folder / "copy")
        return Reader(connection, count, None, stack.pop_all())
    raise AssertionError("an exit stack passes exceptions on")


def read_count(file: Path) -> Count | None:
    """What the file beside a store says was committed; None if there is none, or it is damaged."""
    try:
        with beside(file, "-lock").open("rb") as opened:
            return _parsed(opened.read(_COUNT_BYTES + 1))
    except OSError:
        return None


def write_count(descriptor: int, count: Count) -> None:
    """Write the number of rows into the lock file that is held.

    Raises:
        StoreError: the file holds something else, which was not written by us.
    """
    there = os.pread(descriptor, _COUNT_BYTES + 1, 0)
    if there and len(there) != _COUNT_BYTES:
        raise StoreError("the file -lock beside the store is none of ours. It was left as it is: move it away.")
    text = f"{count.store.hex()} {count.rows:>20d}".encode()
    os.pwrite(descriptor, text + b" " + _check(text) + b"\n", 0)


def _parsed(text: bytes) -> Count | None:
    match = _COUNT.fullmatch(text)
    if match is None or _check(match[1]) != match[4]:
        return None
    return Count(bytes.fromhex(match[2].decode()), int(match[3]))


def _check(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=8).hexdigest().encode()
