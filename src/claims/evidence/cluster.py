"""Executors ``dask:ADDRESS`` and ``dask:local:N``: tasks on the workers of a Dask cluster, with the bits of ``serial``.

A worker gets plain data and looks, before it measures, whether it runs the code that the audit has read, in the
numerics class of the audit; one that does not is refused by name and gets nothing more. Workers may come and go: the
tasks of a lost one run again elsewhere, and never more are in flight than keep the workers busy.
"""

from __future__ import annotations

import functools
import logging
import math
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as concurrent_wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from claims.errors import NoCluster, raised
from claims.evidence.devices import CPU
from claims.evidence.fingerprint import code_fingerprint, code_named, environment
from claims.evidence.measure import Outcome, Task
from claims.evidence.sqlite.files import Say, say
from claims.extras import is_there, lacking

#: Seconds in which a scheduler has to answer, and a worker to be there that is not refused.
_PATIENCE = 60
#: Seconds until it is looked again whether somebody has come who is not refused.
_PAUSE = 0.5
#: Experiments set the threads of the whole process: a worker runs one at a time, however many threads it has.
_ONE_AT_A_TIME = threading.Lock()
#: Characters of a digest that are shown.
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Refusal:
    """A worker that may not measure, and why."""

    worker: str
    words: str


class DaskExecutor:
    """The connection of an audit to a cluster. Whoever submits something keeps no more in flight than is useful."""

    def __init__(self, address: str, refused: dict[str, str], say: Say) -> None:
        self.failure: NoCluster | None = None
        self._address, self._refused, self._say = address, refused, say
        self._lock = threading.RLock()
        self._flying: dict[Future[Any], Any] = {}  # None for what waits for a worker
        self._nobody_since = math.inf
        self._client, self._close = _connected(address)

    def workers(self) -> list[str]:
        """Addresses of those that are there and not refused."""
        there = self._client.scheduler_info(n_workers=-1)["workers"]
        return [address for address in there if address not in self._refused]

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
        inner = self._client.submit(_checked, fn, args, expected, pure=False, **preferred)
        with self._lock:
            self._flying[future] = inner
        inner.add_done_callback(functools.partial(self._answered, future, fn, args))

    def _park(self, future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Nobody is there but refused workers: others may be on their way, for a while."""
        with self._lock:
            self._nobody_since = min(self._nobody_since, time.monotonic())
            late = time.monotonic() - self._nobody_since > _PATIENCE
            self._flying[future] = None

        def again() -> None:
            with self._lock:
                waited_for = future in self._flying
            if waited_for:
                self._send(future, fn, args)

        if not late:
            timer = threading.Timer(_PAUSE, again)
            timer.daemon = True
            timer.start()
            return
        each = "; ".join(f"{worker}: {words}" for worker, words in self._refused.items())
        with self._lock:
            del self._flying[future]
        future.set_exception(self._failed(f"every worker is refused ({each})"))

    def _answered(self, future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], inner: Any) -> None:
        """Hand on what a worker answered; what one refused, or died of, is sent again."""
        from distributed import CancelledError, KilledWorker

        with self._lock:
            if self._flying.pop(future, None) is None:
                return  # let go
        try:
            answer = inner.result()
        except KilledWorker:
            self._died(future, fn, args)
        except CancelledError as error:  # the scheduler is gone, or has forgotten it
            future.set_exception(BrokenProcessPool(f"{self._address} has lost a task: {error}"))
        except Exception as error:  # noqa: BLE001  a worker that cannot import us, or not read what we send
            future.set_exception(self._failed(f"a worker cannot run a task: {raised(error)}"))
        else:
            if not isinstance(answer, Refusal):
                future.set_result(answer)
                return
            if self._refused.setdefault(answer.worker, answer.words) is answer.words:
                self._say(f"worker {answer.worker} is refused: {answer.words}")
            self._send(future, fn, args)

    def _died(self, future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Workers died one after the other with a task: its seeds are tried one by one, and a single one is blamed."""
        task = args[0] if args else None
        if not isinstance(task, Task):
            future.set_exception(BrokenProcessPool("workers die before they are given anything"))
        elif len(task.seeds) == 1:
            message = f"{task.name} at {dict(task.base)}, seed {task.seeds[0]}: every worker that was given it died"
            future.set_result([Outcome(task.seeds[0], None, 0.0, error=message)])
        else:
            self._apart(future, fn, task)

    def _apart(self, future: Future[Any], fn: Callable[..., Any], task: Task) -> None:
        parts = [self.submit(fn, replace(task, seeds=(seed,))) for seed in task.seeds]

        def gather(part: Future[Any]) -> None:
            with self._lock:
                if future.done() or not all(each.done() for each in parts):
                    return
                if errors := [error for each in parts if (error := each.exception()) is not None]:
                    future.set_exception(errors[0])
                else:
                    future.set_result([outcome for each in parts for outcome in each.result()])

        for part in parts:
            part.add_done_callback(gather)

    def _failed(self, words: str) -> NoCluster:
        """The audit cannot go on: what is in flight is dropped, whoever waits is told."""
        self.failure = NoCluster(self._address, words)
        self.let_go()
        return self.failure

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let tasks in flight end, if they are waited for; a cluster of one's own ends with the connection."""
        if wait:
            concurrent_wait(list(self._flying))
        self.let_go()
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
        return done, others


def _connected(address: str) -> tuple[Any, Callable[[], None]]:
    """A client with a first worker there, and what closes it, and the cluster if it is one of our own."""
    import distributed

    make_client: Any = distributed.Client
    make_cluster: Any = distributed.LocalCluster
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is said in our own words
    with ExitStack() as opened:
        scheduler: Any = address
        try:
            if address.startswith("local:"):
                scheduler = make_cluster(
                    n_workers=int(address.removeprefix("local:")), threads_per_worker=1, processes=True,
                    dashboard_address=None, silence_logs=logging.CRITICAL,
                )  # fmt: skip
                opened.callback(scheduler.close, timeout=_PATIENCE)
            client = make_client(scheduler, timeout=_PATIENCE, name="claimbench")
            opened.callback(client.close, timeout=_PATIENCE)
            client.wait_for_workers(1, timeout=_PATIENCE)
        except (OSError, TimeoutError) as error:
            raise NoCluster(address, f"no scheduler with a worker answers within {_PATIENCE} s ({error})") from error
        return client, opened.pop_all().close


def _checked(fn: Callable[..., Any], args: tuple[Any, ...], expected: dict[str, str]) -> Any:
    """Of a worker: run it, or say why not."""
    from distributed import get_worker

    with _ONE_AT_A_TIME:
        if words := _unfit(args[0] if args else None, expected):
            return Refusal(get_worker().address, words)
        return fn(*args)


def _unfit(task: object, expected: dict[str, str]) -> str:
    """Why a worker may not measure a task; empty if it may."""
    here = environment(expected["device"])
    if differing := [name for name in expected if here.get(name) != expected[name]]:
        return "; ".join(f"its {name} is {here.get(name)}, not {expected[name]}" for name in differing)
    if isinstance(task, Task) and task.code:
        for path in task.paths:
            if path not in sys.path:
                sys.path.append(path)
        found = _code(code_named(task.address, task.base))
        if found != task.code:
            return f"its code of {task.name} is {found[:_SHOWN]}, not {task.code[:_SHOWN]}"
    return ""


@functools.cache
def _code(named: tuple[str, ...]) -> str:
    return code_fingerprint(*named)
