"""Executors ``dask:ADDRESS`` and ``dask:local:N``: tasks on the workers of a Dask cluster, with the bits of ``serial``.

A worker gets plain data and looks, before it measures, whether it runs the code that the audit has read, in the
numerics class of the audit; one that does not is refused by name and gets nothing more. Workers may come and go: the
tasks of a lost one run again elsewhere. With which of them workers die, one after the other, Dask can only guess: that
is left to whoever submits them, as for other executors.
"""

from __future__ import annotations

import functools
import logging
import math
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as concurrent_wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from claims.errors import NoCluster, raised
from claims.evidence import cluster_worker
from claims.evidence.cluster_worker import Refusal, checked
from claims.evidence.devices import CPU
from claims.evidence.fingerprint import environment
from claims.evidence.measure import Task
from claims.evidence.sqlite.files import Say, say
from claims.extras import is_there, lacking

#: Seconds in which a scheduler has to answer.
_ANSWER = 15
#: Seconds in which a worker has to be there that is not refused, at the beginning and whenever the last one has gone.
_PATIENCE = 60
#: Seconds until it is looked again who is there.
_PAUSE = 0.5


class DaskExecutor:
    """The connection of an audit to a cluster. Whoever submits something keeps no more in flight than is useful."""

    def __init__(self, address: str, refused: dict[str, str], say: Say) -> None:
        self.failure: NoCluster | None = None
        self._address, self._refused, self._say = address, refused, say
        self._lock = threading.RLock()
        self._flying: dict[Future[Any], Any] = {}  # None for what waits for a worker
        self._nobody_since = math.inf
        self._asked, self._there = -math.inf, tuple[str, ...]()
        self._client, self._close = _connected(address)

    def workers(self) -> list[str]:
        """Addresses of those that are there and not refused; the scheduler is asked now and then, not for each task."""
        if time.monotonic() - self._asked >= _PAUSE:
            self._asked, self._there = time.monotonic(), tuple(self._client.scheduler_info(n_workers=-1)["workers"])
        return [address for address in self._there if address not in self._refused]

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a worker run it."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        self._send(future, functools.partial(fn, **kwargs) if kwargs else fn, args)
        return future

    def _send(self, future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        preferred: dict[str, Any] = {}
        if self._refused:
            preferred = {"workers": self.workers(), "allow_other_workers": True}
            if not preferred["workers"]:
                self._park(future, fn, args)
                return
            self._nobody_since = math.inf
        task = args[0] if args else None
        expected = environment(task.device if isinstance(task, Task) else CPU)
        inner = self._client.submit(checked, fn, args, expected, pure=False, **preferred)
        with self._lock:
            self._flying[future] = inner
        inner.add_done_callback(functools.partial(self._answered, future, fn, args))

    def _park(self, future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Nobody is there but refused workers: others may be on their way, for a while."""
        with self._lock:
            self._flying[future] = None

        def again() -> None:
            with self._lock:
                waited_for = future in self._flying
            if waited_for:
                self._send(future, fn, args)

        if not self._deserted():
            timer = threading.Timer(_PAUSE, again)
            timer.daemon = True
            timer.start()
            return
        each = "; ".join(f"{worker}: {words}" for worker, words in self._refused.items())
        with self._lock:
            del self._flying[future]
        future.set_exception(self._failed(NoCluster(self._address, f"every worker is refused ({each})")))

    def _deserted(self) -> bool:
        """Whether nobody who may measure has been there for so long that nobody is waited for any more."""
        with self._lock:
            self._nobody_since = min(self._nobody_since, time.monotonic())
            return time.monotonic() - self._nobody_since > _PATIENCE

    def look_around(self) -> None:
        """After a while without an answer: see that somebody is there who could give one.

        Raises:
            NoCluster: the last worker has gone, and no other has come.
        """
        if self._flying and not self._refused:  # else it is looked whenever something is sent
            if self.workers():
                self._nobody_since = math.inf
            elif self._deserted():
                words = f"the last worker has gone, and in {_PATIENCE} s no other has come"
                raise self._failed(NoCluster(self._address, words))

    def _answered(self, future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], inner: Any) -> None:
        """Hand on what a worker answered; what one refused is sent again."""
        from distributed import CancelledError, KilledWorker

        try:
            answer = inner.result()  # of a worker that has gone since then it is computed anew, and waited for
        except KilledWorker as error:  # each that was given it died, with it or with another that it had as well
            answer = BrokenProcessPool(f"workers of {self._address} died: {error}")
        except CancelledError as error:  # the scheduler is gone, or has forgotten it
            answer = BrokenProcessPool(f"{self._address} has lost a task: {error}")
        except Exception as error:  # noqa: BLE001  a worker that cannot import us, or not read what we send
            answer = NoCluster(self._address, f"a worker cannot run a task: {raised(error)}")
        with self._lock:
            if self._flying.pop(future, None) is None:
                return  # let go
        if isinstance(answer, NoCluster):
            future.set_exception(self._failed(answer))
        elif isinstance(answer, BrokenProcessPool):
            future.set_exception(answer)
        elif isinstance(answer, Refusal):
            if self._refused.setdefault(answer.worker, answer.words) is answer.words:
                self._say(f"worker {answer.worker} is refused: {answer.words}")
            self._send(future, fn, args)
        else:
            future.set_result(answer)

    def _failed(self, failure: NoCluster) -> NoCluster:
        """The audit cannot go on: what is in flight is dropped, whoever waits is told."""
        self.failure = failure
        self.let_go()
        return failure

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let tasks in flight end, if they are waited for and workers are there; a cluster of one's own ends."""
        flying = list(self._flying) if wait else []
        while concurrent_wait(flying, _PAUSE).not_done and self.workers():
            pass
        self.let_go()
        self._asked = math.inf  # nobody answers any more
        self._close()

    def let_go(self) -> None:
        """Drop what is in flight."""
        with self._lock:
            flying, self._flying = self._flying, {}
        for future, inner in flying.items():
            if inner is not None:
                inner.cancel()
            future.set_exception(BrokenProcessPool("let go"))


@dataclass
class Cluster:
    """The connections of an audit to a cluster, one after the other.

    Attributes:
        address: of the scheduler, such as ``tcp://HOST:8786``; or ``local:N`` for N workers on this machine.
        say: is told which worker is refused, and why.
        refused: the addresses of those workers, and why.
        running: the connection.
    """

    address: str
    say: Say = say
    refused: dict[str, str] = field(default_factory=dict)
    running: DaskExecutor | None = None

    def workers(self) -> int:
        """How many are there now."""
        return len(self.running.workers()) if self.running is not None else 1

    def open(self) -> DaskExecutor:
        """Connect.

        Raises:
            NoCluster: no scheduler with a worker answers.
            Unavailable: the extra that brings Dask is not installed.
        """
        if not is_there("distributed"):
            raise lacking("distributed")
        self.running = DaskExecutor(self.address, self.refused, self.say)
        return self.running

    def wait(self, futures: Any, *, timeout: float, return_when: str) -> tuple[set[Future[Any]], set[Future[Any]]]:
        """As :func:`concurrent.futures.wait`; NoCluster if nobody is left who may measure."""
        done, others = concurrent_wait(futures, timeout, return_when)
        if self.running is not None and self.running.failure is not None:
            raise self.running.failure
        if not done and self.running is not None:
            self.running.look_around()
        return done, others


def _connected(address: str) -> tuple[Any, Callable[[], None]]:
    """A client with a first worker there, and what closes it, and the cluster if it is one of our own.

    Raises:
        NoCluster: its host is unknown, nobody answers there, or no worker comes.
    """
    import distributed
    import distributed.gc

    make_client: Any = distributed.Client
    make_cluster: Any = distributed.LocalCluster
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is said in our own words
    with ExitStack() as opened:
        scheduler: Any = address
        waited_for = "scheduler"
        try:
            if address.startswith("local:"):
                scheduler = make_cluster(
                    n_workers=int(address.removeprefix("local:")), threads_per_worker=1, processes=True,
                    dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL, preload=[cluster_worker.__name__],
                )  # fmt: skip
                opened.callback(scheduler.close, timeout=_PATIENCE)
            else:
                host, _, port = address.partition("://")[2].rpartition(":")
                socket.getaddrinfo(host.strip("[]"), int(port))
            client = make_client(scheduler, timeout=_ANSWER, name="claimbench")
            opened.callback(client.close, timeout=_PATIENCE)
            waited_for = "worker"
            client.wait_for_workers(1, timeout=_PATIENCE)
            # What is raised while it looks at the garbage collector is lost, a Ctrl-C as well.
            distributed.gc.disable_gc_diagnosis(force=True)  # type: ignore[no-untyped-call]
        except socket.gaierror as error:
            raise NoCluster(address, f"no such host ({error.strerror})") from error
        except (OSError, TimeoutError, OverflowError, RuntimeError) as error:
            seconds = _ANSWER if waited_for == "scheduler" else _PATIENCE
            raise NoCluster(address, f"no {waited_for} answers within {seconds} s ({error})") from error
        return client, opened.pop_all().close
