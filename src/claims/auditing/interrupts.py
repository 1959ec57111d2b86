"""Ctrl-C, put off or left unanswered for as long as an answer would do harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def held(*, answer: bool = True) -> Iterator[None]:
    """Have a block run to its end whatever the user presses; Ctrl-C is answered after it, or never.

    Signals come to the main thread; in another one nothing has to be done. A handler that the user's program has set
    is the one that answers.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    pressed: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda *how: pressed.append(how))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed and answer:
        before(*pressed[0])
