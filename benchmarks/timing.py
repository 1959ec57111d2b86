"""Times of several functions measured in turns, so that what slows the machine down meets all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Thunk = Callable[[], object]
SHORTEST = 0.004
"""Seconds that one measurement takes at least; fast functions are called several times in it."""


@dataclass(frozen=True)
class Times:
    """Seconds a call, one entry a round; a function too slow for all rounds has only the first ones."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Seconds a call."""
        return statistics.median(self.rounds)

    def over(self, other: Times) -> float:
        """How many times longer this takes than the other, round by round: the median of the ratios."""
        return statistics.median(a / b for a, b in zip(self.rounds, other.rounds, strict=False))


def _once(call: Thunk, repeats: int) -> float:
    begin = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - begin) / repeats


def interleaved(calls: Mapping[str, Thunk], *, seconds: float = 2.0, most: int = 25) -> dict[str, Times]:
    """Measure all functions in turns, ``seconds`` for each of them, at least 3 rounds and at most ``most``."""
    first = {name: (call(), _once(call, 1))[1] for name, call in calls.items()}  # the first call of all is not counted
    repeats = {name: max(1, round(SHORTEST / once)) for name, once in first.items()}
    rounds = {name: max(3, min(most, round(seconds / (once * repeats[name])))) for name, once in first.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for index in range(max(rounds.values())):
        for name, call in calls.items():
            if index < rounds[name]:
                times[name].append(_once(call, repeats[name]))
    return {name: Times(tuple(values)) for name, values in times.items()}
