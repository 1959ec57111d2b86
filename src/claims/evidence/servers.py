"""Servers that import the large libraries once and fork processes, so that a worker, or another one, starts at once.

There are two: that of the workers, and that of the witness, who measures some seeds a second time and shares nothing
with them. Forked processes have the hash seed and the memory of the server that forks them, so it has one of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

_PRELOAD = ["claims.evidence.preloaded"]
#: Keeps the folder in which a command was started off the import path of ``python -c``, which starts servers.
_SAFE_PATH = {"PYTHONSAFEPATH": "1"}


@dataclass(frozen=True)
class Server:
    """What starts processes, in an environment that differs in some variables; it runs until this process ends."""

    variables: Mapping[str, str]
    _running: list[Any] = field(default_factory=list)

    @contextmanager
    def starting(self) -> Iterator[Any]:
        """While processes may be started: in which context. The server runs, again if it was killed."""
        if not _forks():
            with ExitStack() as stack:
                for name, value in self.variables.items():
                    stack.enter_context(_variable(name, value))
                stack.enter_context(_script_hidden())
                yield multiprocessing.get_context("spawn")
            return
        self.prepare()
        with _forked_by(self._running[0]), _script_hidden():
            yield multiprocessing.get_context("forkserver")

    def differing(self) -> dict[str, str | None]:
        """The variables as they are here, None if they are not set: processes begin with what the server has."""
        return {name: os.environ.get(name) for name in self.variables}

    def prepare(self) -> None:
        """Start the server, if it does not run, deaf to Ctrl-C from its first moment; it imports by itself.

        A signal that is blocked stays so in a child: a Ctrl-C while it imports would otherwise be its end.
        """
        if not _forks():
            return
        from multiprocessing import resource_tracker
        from multiprocessing.forkserver import ForkServer

        resource_tracker.ensure_running()  # by itself: it lets through whatever was blocked, once it has started
        if not self._running:
            self._running.append(ForkServer())
            self._running[0].set_forkserver_preload(_PRELOAD)
        with ExitStack() as stack:
            for name, value in self.variables.items():
                stack.enter_context(_variable(name, value))
            stack.enter_context(_deaf())
            self._running[0].ensure_running()


#: Of the workers.
WORKERS = Server(_SAFE_PATH)
#: Of the witness: strings have other hashes, and the C library fills memory with this byte when it is asked for some.
WITNESS = Server(
    _SAFE_PATH
    | {"PYTHONHASHSEED": "4321" if os.environ.get("PYTHONHASHSEED") != "4321" else "1234", "MALLOC_PERTURB_": "165"}
)


def set_variable(name: str, value: str | None) -> None:
    """Set a variable of the environment; None unsets it."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _forks() -> bool:
    return sys.platform != "win32" and "forkserver" in multiprocessing.get_all_start_methods()


@contextmanager
def _forked_by(server: Any) -> Iterator[None]:
    """Have ``multiprocessing`` ask this server, of which it otherwise knows one of its own."""
    from multiprocessing import forkserver

    asked = forkserver.connect_to_new_process
    forkserver.connect_to_new_process = server.connect_to_new_process
    try:
        yield
    finally:
        forkserver.connect_to_new_process = asked


@contextmanager
def _deaf() -> Iterator[None]:
    """Block Ctrl-C, in processes that are started meanwhile as well."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@contextmanager
def _script_hidden() -> Iterator[None]:
    """A process that is started meanwhile does not import the script that starts it.

    Tasks need nothing of it; one that audits outside of ``if __name__ == "__main__"`` would do so again in each worker.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """A variable of the environment, set for a while."""
    before = os.environ.get(name)
    set_variable(name, value)
    try:
        yield
    finally:
        set_variable(name, before)
