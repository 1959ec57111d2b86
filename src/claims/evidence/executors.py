"""Executors: where tasks run. ``serial`` in this process, ``process:N`` in N workers; all give the same bits.

A crash of an experiment (a fault in native code, ``os._exit``, the kernel's out-of-memory killer) takes the process
that runs it. In a worker that is noticed and its tasks run again; in ``serial`` it is the end of whoever audits.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, Protocol

from claims.clock import CLOCK, Clock
from claims.errors import BadOption
from claims.evidence.servers import WITNESS, WORKERS, Server, set_variable

if TYPE_CHECKING:
    from claims.evidence.cluster import Cluster

#: Before the address of a scheduler, or ``local:N`` for a cluster of one's own.
DASK = "dask:"


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

    def let_go(self) -> None:
        """Nothing runs but inside :meth:`submit`."""


def parse_spec(spec: str) -> int:
    """Workers of an executor's specification: 0 for ``serial``, N for ``process:N`` and ``dask:local:N``.

    0 also for ``dask:tcp://HOST:PORT``: nobody knows before it is asked how many workers a cluster has.

    Raises:
        BadOption: not of that form, or N < 1.
    """
    if spec == "serial" or re.fullmatch(rf"{DASK}(tcp|tls)://[^/\s]+:[0-9]+", spec):
        return 0
    if (found := re.fullmatch(rf"(?:process|{DASK}local):([0-9]+)", spec)) and (count := int(found[1])):
        return count
    raise BadOption("--executor", spec, "serial, process:N with N >= 1, dask:tcp://HOST:PORT or dask:local:N")


class WorkerPool(ProcessPoolExecutor):
    """Worker processes on a leash, a pipe that this process alone holds: they end when it is let go."""

    def __init__(self, workers: int, server: Server = WORKERS) -> None:
        self._server, self._pipe = server, list(multiprocessing.Pipe(duplex=False))
        with server.starting() as context:  # before queues are made, which start a helper of their own
            super().__init__(
                workers,
                mp_context=context,
                initializer=_start_worker,
                initargs=(self._pipe[0], server.differing()),
            )

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a worker run it, starting one if none is idle.

        Raises:
            BrokenProcessPool: a worker died, or none can be started: whoever forks them was killed as well, or the
                system has no room for another process.
        """
        try:
            with self._server.starting():
                return super().submit(fn, *args, **kwargs)
        except BrokenProcessPool:
            raise
        except (EOFError, OSError, RuntimeError) as error:  # the server hung up before it named a process; no room
            raise BrokenProcessPool(f"a worker could not be started: {type(error).__name__}: {error}") from error

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let running tasks end, and wait for them unless told not to."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        if wait:
            self.let_go()

    def let_go(self) -> None:
        """End the workers now, whatever they are doing; what they were given is lost.

        Ctrl-C may call it in the midst of itself: no end of the pipe is closed twice.
        """
        while self._pipe:
            self._pipe.pop().close()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_executor(spec: str) -> SerialExecutor | WorkerPool:
    """A fresh executor of the specification; what a broken one is replaced with."""
    workers = parse_spec(spec)
    if not workers:
        return SerialExecutor()
    WITNESS.prepare()  # who measures anew will want a witness: its server imports while the workers' does
    return WorkerPool(workers)


def open_witness(spec: str) -> SerialExecutor | WorkerPool:
    """Where seeds are measured a second time: a process apart, or this one if ``spec`` allows no other."""
    return WorkerPool(1, WITNESS) if parse_spec(spec) else SerialExecutor()


class Running(Protocol):
    """An executor as an audit uses it: one that can also be ended at once."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As :meth:`concurrent.futures.Executor.submit`."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As :meth:`concurrent.futures.Executor.shutdown`."""

    def let_go(self) -> None:
        """End it now and drop what it was doing."""


@dataclass(frozen=True, slots=True)
class Executors:
    """Where the tasks of an audit run.

    Attributes:
        workers: how many tasks run at a time, now; 0 if they run in this process.
        open: gives a fresh executor; a broken one is replaced.
        witness: gives one that runs a task at a time, for seeds that are measured a second time.
        wait: :func:`concurrent.futures.wait`, or what does the same for futures of another kind.
        clock: by which whoever cannot open one waits before another attempt.
    """

    workers: Callable[[], int]
    open: Callable[[], Running]
    witness: Callable[[], Running]
    wait: Callable[..., tuple[Collection[Future[Any]], Collection[Future[Any]]]] = wait
    clock: Clock = CLOCK

    @staticmethod
    def of(spec: str) -> Executors:
        """Those of a specification.

        Raises:
            BadOption: it is none.
        """
        workers = parse_spec(spec)
        if spec.startswith(DASK):
            from claims.evidence.cluster import Cluster

            return on_cluster(Cluster(spec.removeprefix(DASK)))
        return Executors(lambda: workers, lambda: open_executor(spec), lambda: open_witness(spec))


def on_cluster(cluster: Cluster) -> Executors:
    """Executors on the workers of a cluster; second measurements are made by a process of this machine."""
    return Executors(cluster.workers, cluster.open, lambda: WorkerPool(1, WITNESS), cluster.wait)


def _start_worker(collar: connection.Connection, environment: Mapping[str, str | None]) -> None:
    """Leave when the leash is let go, by a parent that says so or by the death of one that was killed.

    Ctrl-C reaches every process of the terminal: only the parent answers it, so that running tasks end in peace.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for name, value in environment.items():  # what an experiment starts finds the environment that the user has
        set_variable(name, value)
    _die_with(collar)
    threading.Thread(target=_leave_with, args=(collar,), daemon=True).start()


def _die_with(collar: connection.Connection) -> None:
    """Have the kernel end this process with the leash (Linux): a thread may wait for ever for an experiment in C."""
    if sys.platform == "linux":
        import fcntl

        # Opened anew: what was sent by the parent is one open file for all workers, and has one owner.
        own = os.open(f"/proc/self/fd/{collar.fileno()}", os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(own, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(own, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)


def _leave_with(collar: connection.Connection) -> None:
    connection.wait([collar])
    os._exit(1)
