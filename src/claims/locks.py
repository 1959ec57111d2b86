"""Locks between processes: a file that one of them holds until it lets go or ends, however it ends."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from claims.clock import CLOCK, Clock

if sys.platform != "win32":
    import fcntl

_POLL_SECONDS = 0.005
#: How often whoever waits is told so.
WORD_SECONDS = 60.0


@contextmanager
def held(
    path: Path,
    waiting: Callable[[], None],
    *,
    shared: bool = False,
    patience: float = 0.0,
    clock: Clock = CLOCK,
) -> Iterator[int]:
    """Hold the lock of a file, and yield its descriptor; ``waiting`` is called after ``patience`` seconds, then again.

    The file is made where it is missing, unless the lock is ``shared``, and it stays: removing it would let a third
    process in. It is never emptied, and a symbolic link in its place is not followed.

    Raises:
        OSError: the file cannot be opened, or is a link or no regular file.
    """
    flags = os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o666)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "a lock has to be a regular file", str(path))
        _wait(descriptor, waiting, shared=shared, patience=patience, clock=clock)
        yield descriptor
    finally:
        os.close(descriptor)


def _wait(descriptor: int, waiting: Callable[[], None], *, shared: bool, patience: float, clock: Clock) -> None:
    if sys.platform == "win32":
        return  # where nothing else here runs several audits on one store
    word = clock.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if clock.monotonic() >= word:
                waiting()
                word = clock.monotonic() + WORD_SECONDS
            clock.sleep(_POLL_SECONDS)
