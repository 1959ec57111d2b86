"""What a worker of a cluster runs: it looks whether it may measure a task before it does."""

from __future__ import annotations

import functools
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.evidence.fingerprint import bytes_of, code_fingerprint, code_named, code_of, environment, forget_files
from claims.evidence.measure import Task

#: Experiments set the threads of the whole process: a worker runs one at a time, however many threads it has.
_ONE_AT_A_TIME = threading.Lock()
#: Characters of a digest that are shown.
_SHOWN = 12
#: Of a worker: the files of what it has measured, by their bytes when it first looked at them.
_IMPORTED: dict[Path, str] = {}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A worker that may not measure, and why."""

    worker: str
    words: str


def dask_setup(worker: object) -> None:
    """Of a worker of an audit's own cluster, called by Dask when it starts: Ctrl-C is answered by the audit alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def checked(fn: Callable[..., Any], args: tuple[Any, ...], expected: dict[str, str]) -> Any:
    """Of a worker: run it, or say why not."""
    from distributed import get_worker

    with _ONE_AT_A_TIME:
        if words := unfit(args[0] if args else None, expected):
            return Refusal(get_worker().address, words)
        return fn(*args)


def unfit(task: object, expected: dict[str, str]) -> str:
    """Why a worker may not measure a task; empty if it may."""
    here = environment(expected["device"])
    if differing := [name for name in expected if here.get(name) != expected[name]]:
        return "; ".join(f"its {name} is {here.get(name)}, not {expected[name]}" for name in differing)
    if isinstance(task, Task) and task.code:
        for path in task.paths:
            if path not in sys.path:
                sys.path.append(path)
                forget_files()
                _code.cache_clear()
        found, changed = _code(code_named(task.address, task.base))
        if found != task.code:
            return f"its code of {task.name} is {found[:_SHOWN]}, not {task.code[:_SHOWN]}"
        if changed:
            return f"it has imported {changed} as that was before; start it again"
    return ""


@functools.cache
def _code(named: tuple[str, ...]) -> tuple[str, str]:
    """Fingerprint of what is named, and the first file of it that was changed after this process had looked at it.

    A worker may outlive audits: what it has imported for one goes on running, whatever the files say by now.
    """
    now = {file: bytes_of(file) for file in sorted(code_of(*named).files)}
    changed = [file.name for file, found in now.items() if _IMPORTED.setdefault(file, found) != found]
    return code_fingerprint(*named), changed[0] if changed else ""
