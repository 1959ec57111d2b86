"""Work that a copy of this process does while this one goes on, and that this one does itself where that fails."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

from claims.evidence.executors import cores
from claims.evidence.kept import current


@contextlib.contextmanager
def aside(work: Callable[[], object]) -> Iterator[None]:
    """Have ``work`` done beside what is inside; it is done when that ends.

    It may write files, and what it works out is kept; nothing else of it is seen here. Where a copy cannot be made, or
    does not come to its end, whatever the reason, the work is done here, afterwards: what it raises is raised then.
    """
    reading, writing = os.pipe()
    copy = _copied()
    if copy == 0:
        _as_copy(work, writing)
    os.close(writing)
    try:
        yield
    finally:
        with os.fdopen(reading, "rb") as pipe:
            found = pipe.read()
        status = os.waitpid(copy, 0)[1] if copy else 1
    if status or not found:  # it says at least that it has found nothing
        work()
    elif (kept := current()) is not None:
        for key, value in json.loads(found).items():
            kept.put(key, value)


def _copied() -> int | None:
    """The copy's number, 0 in the copy; None where there is none: it would lack this one's threads, or a core."""
    if sys.platform != "linux" or threading.active_count() > 1 or cores() == 1:
        return None
    try:
        return os.fork()
    except OSError:  # no room
        return None


def _as_copy(work: Callable[[], object], writing: int) -> None:
    """In the copy: do the work, say nothing, and end with 0 only if all of it is done."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        kept = current()
        known = set() if kept is None else {*kept.before, *kept.now}
        work()
        found = {} if kept is None else {key: value for key, value in kept.now.items() if key not in known}
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(found).encode())
        status = 0
    finally:
        os._exit(status)
