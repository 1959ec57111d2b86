"""What Ctrl-C does while an answer in the midst of things would do harm. Elsewhere it raises KeyboardInterrupt."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def held() -> Iterator[None]:
    """Have a block run to its end, or to an error; Ctrl-C is answered after it, by whatever handler the program has."""
    before, pressed = signal.getsignal(signal.SIGINT), threading.Event()
    try:
        with answered_by(pressed.set):
            yield
    finally:
        if pressed.is_set() and callable(before):
            before(signal.SIGINT, None)


@contextmanager
def answered_by(action: Callable[[], object]) -> Iterator[None]:
    """Have Ctrl-C call something and raise nothing. Where it is ignored, or in another thread, nothing changes."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: action())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def repeated() -> Iterator[Callable[[], None]]:
    """Have a Ctrl-C raise twice if need be: at once, and where what this yields is called after one that was lost.

    Python prints, or drops, what is raised in callbacks of the garbage collector, of weak references and in finalizers,
    and libraries have those.
    """
    before, pressed = signal.getsignal(signal.SIGINT), threading.Event()

    def again() -> None:
        if pressed.is_set():
            pressed.clear()
            raise KeyboardInterrupt

    def answer() -> None:
        pressed.set()
        if callable(before):
            before(signal.SIGINT, None)

    with answered_by(answer):
        yield again


def ignore() -> None:
    """Have the process end in peace: from now on Ctrl-C does nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
