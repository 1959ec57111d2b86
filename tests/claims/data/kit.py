"""What several test modules share: trials driven by a plain function, without store and executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from claims.auditing.planning import plan
from claims.auditing.trial import Lookup, Trial
from claims.bands import Limits, between
from claims.claim import Claim
from claims.evidence.measure import Outcome, checked
from claims.experiment import experiment
from claims.kinds.base import Judgement, Kind, Values
from claims.streams import Streams
from claims.verdict import Tier

#: An experiment that is never imported: :func:`settle` calls a function of the test in its place.
made_up = experiment("made:up")


def claim(test: Kind, **fields: Any) -> Claim:
    """A claim of which only what matters to a test has to be said."""
    words = {"id": "toy.claim", "locus": "section 1", "statement": "A toy.", "test": test}
    if test.needs_band and "band" not in fields:
        words["band"] = between(-1.0, 1.0, provenance="author", because="a toy")
    return Claim(**(words | fields))


def settle(
    of: Claim, function: Callable[..., Any], *, tier: str = "full", epoch: int = 7, trusting: bool = False
) -> list[Trial]:
    """Take a claim's trials to the end with ``function(point, streams)`` for its experiment."""
    trials, lookup = list(plan([of], tier=Tier(tier), epoch=epoch).trials), drawn(function, epoch)
    for trial in trials:
        trial.trusting = trusting
        while trial.final is None:
            trial.advance(lookup)
    return trials


def drawn(function: Callable[..., Any], epoch: int = 7) -> Lookup:
    """Outcomes of ``function(point, streams)``, each measured when it is asked for."""
    seen: dict[Any, Outcome] = {}

    def lookup(measurement: Any, seed: int) -> Outcome:
        if (measurement, seed) not in seen:
            base = dict(measurement.base)
            returned = function(base | dict(measurement.sweep), Streams(epoch, measurement.name, base, seed))
            seen[measurement, seed] = Outcome(seed, checked(returned, measurement.sweep), 0.0).sealed()
        return seen[measurement, seed]

    return lookup


def verdict(of: Claim, function: Callable[..., Any], **options: Any) -> Judgement:
    """The final judgement of a claim of one point."""
    (trial,) = settle(of, function, **options)
    assert trial.final is not None
    return trial.final


def judged(
    test: Kind, values: Mapping[str, Any], *, lo: float = -1.0, hi: float = 1.0, alpha: float = 1e-3
) -> Judgement:
    """One look of a test at given values of the quantities of :data:`made_up`."""
    arrays = {made_up[name]: np.asarray(column) for name, column in values.items()}
    return test.judge(Values(arrays, ()), Limits(lo, hi, None), alpha)
