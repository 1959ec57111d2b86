"""The disk under a store: writes that end half-way, and what is left of them when the power goes.

SQLite promises, and this takes it at its word (https://www.sqlite.org/wal.html, with ``synchronous = NORMAL``): the log
is synced before a checkpoint copies it, the database after that, and the header of a log that begins anew before its
frames. Whatever else was written may be there or not, sector by sector.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

#: Files of a store whose content outlives their users; ``-shm`` is made anew by whoever comes first.
PARTS = ("", "-wal", "-journal", "-lock")
_SECTOR = 512
_LOG_HEADER = 32

Files = dict[str, bytes]


@contextmanager
def room(size: int) -> Iterator[None]:
    """Let no file grow or change beyond its first bytes: the system writes what fits, and refuses the rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Disk:
    """The files of one store, and how much of them would survive."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._log = b""
        self._counts = [b""]

    def read(self) -> Files:
        """All files that are there."""
        return {part: found for part in PARTS if (found := _bytes(self._part(part))) is not None}

    def write(self, files: Files) -> None:
        """Make them what is there, after everybody who used them is gone."""
        for part in PARTS:
            if part in files:
                self._part(part).write_bytes(files[part])
            else:
                self._part(part).unlink(missing_ok=True)

    def size(self, part: str) -> int:
        """Bytes of a file; none if it is not there."""
        place = self._part(part)
        return place.stat().st_size if place.exists() else 0

    def committed(self) -> None:
        """A transaction has ended: a log that began anew has synced its header."""
        log = _bytes(self._part("-wal"), _LOG_HEADER) or b""
        if log != self._log[:_LOG_HEADER]:
            self._log = log + self._log[_LOG_HEADER:]
        count = _bytes(self._part("-lock")) or b""
        if count != self._counts[-1]:
            self._counts.append(count)

    def synced(self, log: bytes) -> None:
        """A checkpoint has seen to it that this log is there."""
        self._log = log

    def torn(self, draw: Random, before: Files, after: Files) -> Files:
        """What is left if the power goes between two moments, and all that was not synced is in doubt."""
        left = dict(after)
        log = before.get("-wal", b"")
        if before.get("", b"") != after.get("", b"") and log:  # a checkpoint: the log is whole, the database is not
            left[""] = _mixed(draw, before[""], after[""])
            left["-wal"] = log
        elif before.get("", b"") != after.get("", b""):  # a journal undoes it, or it is done
            left = dict(draw.choice((before, after)))
        elif "-wal" in after:
            left["-wal"] = _mixed(draw, self._log, after["-wal"])
        if "-lock" in after:
            size = len(after["-lock"])
            left["-lock"] = draw.choice((after["-lock"], draw.choice(self._counts), bytes(size)))
        return left

    def lose(self, files: Files) -> None:
        """Start again with what is left; that much is certain."""
        self.write(files)
        self._part("-shm").unlink(missing_ok=True)
        self._log = files.get("-wal", b"")
        self._counts = [files.get("-lock", b"")]

    def _part(self, part: str) -> Path:
        return self.path.with_name(self.path.name + part)


def _mixed(draw: Random, old: bytes, new: bytes) -> bytes:
    """New content of which some sectors were never written: all, none, those behind one, or any."""
    count = -(-max(len(old), len(new)) // _SECTOR)
    how = draw.choice(("first", "any", "all", "none"))
    if how == "any":
        written = [draw.random() < 0.7 for _ in range(count)]
    else:
        kept = {"first": draw.randrange(count + 1), "all": count, "none": 0}[how]
        written = [at < kept for at in range(count)]
    grown = any(written[-(-len(old) // _SECTOR) :])
    sectors = (
        (new if is_new else old)[at * _SECTOR : (at + 1) * _SECTOR].ljust(_SECTOR, b"\0")
        for at, is_new in enumerate(written)
    )
    return b"".join(sectors)[: len(new) if grown or how == "all" else len(old)]


def _bytes(path: Path, count: int = -1) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(count)
    except FileNotFoundError:
        return None
