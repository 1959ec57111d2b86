"""The clock that whoever waits or writes down a date is given, so that a simulation can give it one of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """The date, which may be set forward and back; seconds that never run back; and waiting for some of them."""

    now: Callable[[], datetime] = _now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


#: That of this machine.
CLOCK = Clock()
