"""How often synthetic claims are decided wrongly: trials as in every audit, at an alpha at which errors can be counted.

A row is one kind, one law of seeds and one place of the truth. Its claims may be decided wrongly, as HOLDS or as
REFUTED on the first block of seeds, with probability ALPHA at most. Where the truth lies on an edge of the band every
decision counts as wrong. Exact (Clopper-Pearson) limits hold for all rows of a table together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from claims.auditing.planning import plan
from claims.auditing.trial import Measurement, Trial
from claims.calibration.costs import least_seeds
from claims.calibration.drawing import LAWS, SHARPNESS, Columns, columns, records
from claims.calibration.synthetic import fixed, made, true_verdict
from claims.claim import Claim
from claims.evidence.measure import Outcome, checked
from claims.experiment import Scalar
from claims.kinds.base import LOOKS
from claims.kinds.intervals import count_interval
from claims.streams import CONFIRM_OFFSET, Streams
from claims.verdict import HOLDS, REFUTED, UNDECIDED, Tier

#: Probability of a false verdict of a claim here; that of an audit is so small that nobody could count.
ALPHA = 0.01
#: Probability that any row of a table which keeps its rate is said to exceed it.
ALARM = 0.01
#: Observations of a sample that cannot grow.
_OBSERVED = 40


@dataclass(frozen=True, slots=True)
class Row:
    """What became of the claims of one kind, law and place.

    Attributes:
        margins: where the truth is, in margins of the band from its target.
        false_holds, false_refuted: how many were decided wrongly, as what; REFUTED on the first block of seeds alone.
        confirmed: how many of those were refuted falsely on the second block as well.
        right: how many came out as they have to.
        seeds: mean number of the first block.
        over_wald: the same over what any sequential test needs at least, and than the first look; None where that is
            not known, or where nothing can be decided.
        must_fail: whether more errors than promised have to be found.
        nominal: probability of a false verdict, at most.
        limits: exact limits of what it is, at :data:`ALARM` over the rows of the table.
    """

    kind: str
    law: str
    margins: float
    claims: int
    false_holds: int
    false_refuted: int
    confirmed: int
    right: int
    seeds: float
    over_wald: float | None
    must_fail: bool
    nominal: float
    limits: tuple[float, float]

    @property
    def as_it_must_be(self) -> bool:
        """Whether it errs no more often than promised; of a row that must fail, whether it is seen to do so."""
        return (self.limits[0] > self.nominal) is self.must_fail


@dataclass(frozen=True, slots=True)
class Design:
    """A row to be: ``alpha`` is that at which its claims are judged, ``trusting`` whether seeds may be as they like."""

    kind: str
    law: str
    margins: float
    claims: int
    alpha: float = ALPHA
    must_fail: bool = False
    trusting: bool = False


def counted(design: Design, *, epoch: int, rows: int) -> Row:
    """Draw, audit and count the claims of a row of a table of so many rows."""
    truth = true_verdict(design.margins)
    found: Counter[str] = Counter()
    taken = 0
    for number in range(design.claims):
        trial = judged(design, epoch, number)
        assert trial.main is not None
        assert trial.final is not None
        first = trial.main.verdict
        found["right"] += trial.final.verdict is (truth or UNDECIDED)
        if first not in (UNDECIDED, truth):
            found[first] += 1
            found["confirmed"] += trial.confirmation is not None and trial.final.verdict is REFUTED
        taken += trial.main_seeds
    wrong = found[HOLDS] + found[REFUTED]
    seeds = taken / design.claims
    least = wald(design)
    return Row(
        kind=design.kind,
        law=design.law,
        margins=design.margins,
        claims=design.claims,
        false_holds=found[HOLDS],
        false_refuted=found[REFUTED],
        confirmed=found["confirmed"],
        right=found["right"],
        seeds=seeds,
        over_wald=None if least is None else seeds / max(least, LOOKS[0]),
        must_fail=design.must_fail,
        nominal=ALPHA,
        limits=count_interval(wrong, design.claims, ALARM / rows),
    )


def judged(design: Design, epoch: int, number: int) -> Trial:
    """The trial of one claim, taken to its end. Its streams derive from epoch, row and number."""
    row: dict[str, Scalar] = {"kind": design.kind, "law": design.law, "margins": design.margins, "number": number}
    streams = Streams(epoch, "claims.calibration.rates", row, 0)
    (planned,) = plan([_claim(design, streams)], tier=Tier.FULL, epoch=epoch).trials
    trial = replace(planned, alpha=design.alpha, trusting=design.trusting, history=[])
    lookup = _drawn(design, streams)
    while trial.final is None:
        trial.advance(lookup)
    return trial


def _claim(design: Design, streams: Streams) -> Claim:
    if design.kind != "sample":
        return made(design.kind, design.law, design.margins)
    values = _columns(design, streams, "observations", _OBSERVED)["x"].tolist()
    return fixed(design.law, design.margins, values, level=design.alpha)


def _columns(design: Design, streams: Streams, name: str, seeds: int) -> Columns:
    return columns(design.kind, LAWS[design.law], design.margins, streams.numpy(name), seeds)


def _drawn(design: Design, streams: Streams) -> Callable[[Measurement, int], Outcome]:
    """Outcomes of all seeds of a claim, each block drawn at once when it is asked for."""
    blocks: dict[str, Columns] = {}
    known: dict[int, Outcome] = {}

    def lookup(measurement: Measurement, seed: int) -> Outcome:
        if seed not in known:
            known[seed] = outcome(measurement, seed)
        return known[seed]

    def outcome(measurement: Measurement, seed: int) -> Outcome:
        block = "second" if seed >= CONFIRM_OFFSET else "first"
        if block not in blocks:
            blocks[block] = _columns(design, streams, block, LOOKS[-1])
        returned: Any = records(design.kind, blocks[block], seed % CONFIRM_OFFSET)
        return Outcome(seed, checked(returned, measurement.sweep), 0.0)

    return lookup


def wald(design: Design) -> float | None:
    """The least seeds that any test needs on average, by Wald's inequality; of means of one number a seed."""
    distance = abs(design.margins - 1.0) * SHARPNESS
    return least_seeds(distance, design.alpha) if design.kind in ("mean", "bound") and distance else None
