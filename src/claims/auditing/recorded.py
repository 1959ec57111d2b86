"""Estimates from stored evidence alone, of quantities that no claim speaks of: nothing is measured or decided."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, takewhile

from claims.auditing.loop import recalled
from claims.auditing.trial import Measurement, column
from claims.bands import Limits
from claims.evidence.measure import Outcome
from claims.evidence.store import Store
from claims.experiment import Point
from claims.kinds.base import LOOKS, Judgement, Kind, Values
from claims.subject import NOBODY, Subject

#: Of the interval: nothing is decided by it, and no look is paid for.
ALPHA = 0.05
#: Seeds that an interval takes at least.
_LEAST = 2
_EVERYWHERE = Limits(-math.inf, math.inf, None)


def recorded(
    test: Kind, at: Sequence[Point], store: Store, *, epoch: int, subject: Subject = NOBODY
) -> Iterator[tuple[Point, Judgement]]:
    """Each point with its estimate and its interval of 95 per cent; without those that lack two seeds.

    Seeds are the first ones that the store has of every quantity of the test, without a gap.

    Raises:
        MeasurementError: the values are not such as the test can use.
    """
    wanted = {point: [Measurement.of(quantity, point) for quantity in test.quantities()] for point in at}
    every = dict.fromkeys(each for needed in wanted.values() for each in needed)
    found = recalled(every, store, epoch=epoch, subject=subject, most=LOOKS[-1])

    def lookup(measurement: Measurement, seed: int) -> Outcome | None:
        return found[measurement].get(seed)

    for point, needed in wanted.items():
        seeds = range(_unbroken([found[each] for each in needed]))
        if len(seeds) >= _LEAST:
            values = {quantity: column(quantity, point, lookup, seeds) for quantity in test.quantities()}
            yield point, test.judge(Values(values, ()), _EVERYWHERE, ALPHA)


def _unbroken(found: Sequence[Mapping[int, Outcome]]) -> int:
    """How many of the first seeds are there in all of them."""
    return len(list(takewhile(lambda seed: all(seed in each for each in found), count())))
