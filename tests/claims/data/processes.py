"""Which processes there are, from /proc."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def children(pid: int) -> set[int]:
    """Every living descendant of a process."""
    found: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            child = int(path.parent.name)
            found |= {child} | children(child)
    return found


def alive(pids: set[int]) -> set[int]:
    """Those that still run; a zombie that nobody waits for does not."""
    states = {pid: Path(f"/proc/{pid}/stat") for pid in pids}
    found = set()
    for pid, path in states.items():
        try:
            if path.read_text().rpartition(")")[2].split()[0] != "Z":
                found.add(pid)
        except OSError:
            continue
    return found


def command(pid: int) -> str:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text()


def servers(pid: int) -> set[int]:
    """The servers that fork workers for a process: children of it alone, as workers have the same command line."""
    found = set()
    for child in children(pid):
        with suppress(OSError):
            parent = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and "multiprocessing.forkserver" in command(child):
                found.add(child)
    return found


@contextmanager
def servers_killed(times: float) -> Iterator[list[int]]:
    """Kill each server of this process as soon as it is there, that often, and one that is there already."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set() and len(killed) < times:
            for pid in servers(os.getpid()) - set(killed):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            time.sleep(0.001)

    for pid in servers(os.getpid()):
        os.kill(pid, signal.SIGKILL)
        while pid in alive({pid}):
            time.sleep(0.001)
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()
