"""Which processes there are, from /proc."""

from __future__ import annotations

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
