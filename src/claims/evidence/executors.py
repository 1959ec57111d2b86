"""Executors: where tasks run. ``serial`` in this process, ``process:N`` in N workers; all give the same bits."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import Any

from claims.errors import BadOption

_PRELOAD = ["torch", "scipy.special", "claims.evidence.measure"]


class SerialExecutor(Executor):
    """Runs a task when it is submitted, in this process."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run at once; the future is done when it is returned."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  the future carries it, as every executor does
            future.set_exception(error)
        return future


def parse_spec(spec: str) -> int:
    """Workers of an executor's specification: 0 for ``serial``, N for ``process:N``.

    Raises:
        BadOption: not of that form, or N < 1.
    """
    name, _, count = spec.partition(":")
    if spec == "serial":
        return 0
    if name == "process" and count.isdecimal() and int(count) >= 1:
        return int(count)
    raise BadOption("--executor", spec, "serial, or process:N with N >= 1")


def open_executor(spec: str) -> Executor:
    """A fresh executor of the specification; what a broken one is replaced with."""
    workers = parse_spec(spec)
    if workers == 0:
        return SerialExecutor()
    return ProcessPoolExecutor(workers, mp_context=_context(), initializer=_start_worker)


def _context() -> Any:
    """A server that has imported torch once and forks workers, so that replacing a killed one is cheap."""
    if sys.platform == "win32" or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    return context


def _start_worker() -> None:
    """Leave when the parent is gone, even if it was killed and could not say so.

    Ctrl-C reaches every process of the terminal: only the parent answers it, so that running tasks end in peace.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent.sentinel,), daemon=True).start()


def _leave_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
