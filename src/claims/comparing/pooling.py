"""Epochs of one store together: what stays undecided at its cap is decided over nights, at an error rate of its own.

Each night draws fresh seeds, as many as its audit asks for. All of them together are judged by a confidence sequence,
which holds at every number of seeds at once, so that nights may be added until a claim is decided. Over all nights
there will ever be, a claim is wrongly said to HOLD with probability ALPHA_CLAIM at most. A refutation has to repeat
itself: epochs of an even and of an odd number are two samples that share nothing, each has to refute by a sequence of
its own, on the same side. Both ever do so wrongly with probability ALPHA_CLAIM squared at most.

What would void that is left out or refused by name: seeds of the pinned epoch, seeds of other code, data or numerics
class, an epoch of which a part is missing, and kinds of which no such sequence is known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from claims.auditing.decision import ALPHA_CLAIM, as_expected, combine, combine_readings, more_seeds, replicated
from claims.auditing.planning import PINNED_EPOCH, Plan
from claims.auditing.qualification import unfit
from claims.auditing.trial import Measurement, Trial, sample_of
from claims.claim import Claim
from claims.comparing.holding import MADE_BY, Holding, Series
from claims.errors import ClaimsError, NotPooled
from claims.evidence.data import data_digests
from claims.evidence.fingerprint import code_fingerprint, code_named, environment
from claims.evidence.measure import Outcome
from claims.kinds.anytime import alpha_at, count_sequence
from claims.kinds.base import Judgement, KnowsRange, Values, decide, offers
from claims.kinds.per_seed import PerSeed
from claims.kinds.proportion import Proportion
from claims.kinds.ranged import Ranged
from claims.kinds.ratio import Ratio
from claims.report.numbers import counted
from claims.streams import CONFIRM_OFFSET
from claims.verdict import REFUTED, UNAVAILABLE, UNDECIDED, Tier, Verdict

#: Kinds whose seeds can be pooled.
_POOLED = (PerSeed, Ranged, Ratio, Proportion)
#: Epochs that a reason gives one by one.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class PooledPoint:
    """One point over all fresh epochs.

    Attributes:
        trial: whose point it is.
        judgement: by all seeds.
        epochs: that were pooled, in order.
        seeds: of all of them.
        left_out: what was not pooled, in words.
    """

    trial: Trial
    judgement: Judgement
    epochs: tuple[int, ...] = ()
    seeds: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def more(self) -> int | None:
        """Seeds after which it should be decided, if the estimate stays where it is."""
        if self.trial.band is None or not self.seeds or self.judgement.verdict is not UNDECIDED:
            return None
        return more_seeds(self.judgement, self.trial.band, self.seeds)


@dataclass(frozen=True, slots=True)
class PooledClaim:
    """One claim over all fresh epochs, under each of its readings."""

    claim: Claim
    points: tuple[PooledPoint, ...]

    @property
    def verdict(self) -> Verdict:
        """Of all points and readings; UNAVAILABLE where one cannot be pooled."""
        read: dict[str, list[Verdict]] = {}
        for point in self.points:
            read.setdefault(str(point.trial.reading or ""), []).append(point.judgement.verdict)
        return combine_readings(combine(verdicts) for verdicts in read.values())

    @property
    def empty(self) -> bool:
        """Whether no seed of it was pooled."""
        return not any(point.seeds for point in self.points)

    @property
    def as_expected(self) -> bool | None:
        """Whether that is the verdict on record; None where it says neither."""
        return as_expected(self.claim, self.verdict, Tier.FULL)


@dataclass
class _Now:
    """What code and machine are now; each fingerprint is taken once."""

    codes: dict[tuple[str, ...], str] = field(default_factory=dict)

    def difference(self, series: Series, measurement: Measurement) -> str:
        """In what a series was not measured as it would be now, in words; empty if it was."""
        named = code_named(measurement.address, measurement.base)
        if named not in self.codes:
            self.codes[named] = code_fingerprint(*named)
        data = data_digests(measurement.data, measurement.address) if measurement.data else None
        here = environment(measurement.device)
        now = {"code": self.codes[named], "data": data, "environment": here}
        other = [MADE_BY[name] for name, value in now.items() if series.content.get(name) != value]
        return " and ".join(other)


def pool(holding: Holding, planned: Plan, looks: Mapping[Measurement, frozenset[int]]) -> tuple[PooledClaim, ...]:
    """Judge the claims of a plan by all fresh epochs that a store holds; nothing is measured.

    Args:
        holding: the store.
        planned: the claims.
        looks: of each measurement the numbers of seeds after which an audit may stop, whichever claim asks for them.
    """
    now = _Now()
    return tuple(
        PooledClaim(trials[0].claim, tuple(_point(trial, holding, looks, now) for trial in trials))
        for trials in planned.groups.values()
    )


def looks_of(claims: Iterable[Claim]) -> dict[Measurement, frozenset[int]]:
    """After how many seeds of each measurement an audit of one of the claims may stop."""
    found: dict[Measurement, frozenset[int]] = {}
    for _, claim in (read for each in claims for read in each.as_read()):
        for quantity in claim.test.quantities():
            for member in claim.at:
                made = Measurement.of(quantity, member)
                found[made] = found.get(made, frozenset()) | frozenset(claim.test.looks)
    return found


def _point(trial: Trial, holding: Holding, looks: Mapping[Measurement, frozenset[int]], now: _Now) -> PooledPoint:
    left_out: list[str] = []
    try:
        _check(trial)
        epochs = _epochs(trial, holding, now, left_out)
        seeds = {epoch: _complete(trial, epoch, series, looks) for epoch, series in epochs.items()}
        judged = _judge(trial, epochs, seeds)
    except ClaimsError as error:
        return PooledPoint(trial, Judgement(verdict=UNAVAILABLE, reason=str(error)), left_out=tuple(left_out))
    return PooledPoint(trial, judged, tuple(epochs), sum(seeds.values()), tuple(left_out))


def can_be_pooled(trial: Trial) -> bool:
    """Whether fresh epochs of it are ever judged together, and its seeds are such as an interval takes them to be."""
    try:
        _check(trial)
    except NotPooled:
        return False
    return trial.shape is None or not unfit(trial.shape, any_shape=offers(trial.claim.test, KnowsRange))


def _check(trial: Trial) -> None:
    """Refuse what has no confidence sequence, and what is the same in every epoch.

    Raises:
        NotPooled: says why.
    """
    if not isinstance(trial.claim.test, _POOLED):
        raise NotPooled(f"kind {trial.claim.kind} has no interval that holds at every number of seeds at once")
    if any(made.published for made in trial.measurements()):
        raise NotPooled("it replays published streams, which are the same in every epoch")
    if trial.band is None:
        raise NotPooled(trial.unavailable or "it has no band")


def _epochs(trial: Trial, holding: Holding, now: _Now, left_out: list[str]) -> dict[int, dict[Measurement, Series]]:
    """The series of every fresh epoch of which all measurements are there as they would be made now, in order.

    Raises:
        NotPooled: there is none; says what there is instead.
    """
    found: dict[int, dict[Measurement, Series]] = {}
    others: dict[str, set[int]] = {}
    subjects: dict[str, Any] = {}
    for made in trial.measurements():
        for series in reversed(holding.of(made)):
            assert series.epoch is not None
            if series.epoch == PINNED_EPOCH:
                others.setdefault("whose seeds the choice to go on has looked at", set()).add(series.epoch)
            elif words := now.difference(series, made) or _other_subject(series, made, subjects):
                others.setdefault(f"of other {words}", set()).add(series.epoch)
            else:
                found.setdefault(series.epoch, {})[made] = series
    whole = {epoch: found[epoch] for epoch in sorted(found) if len(found[epoch]) == len(trial.measurements())}
    left_out += [f"{_named(epochs)}, {why}" for why, epochs in others.items()]
    if not whole:
        left = f"; left out: {'; '.join(left_out)}" if left_out else ""
        raise NotPooled(f"no fresh epoch of it is there: claimbench audit --epoch fresh{left}")
    return whole


def _other_subject(series: Series, made: Measurement, subjects: dict[str, Any]) -> str:
    """Whether a series is about another model or text than the one measured last."""
    subject = subjects.setdefault(made.needs, series.content.get("subject"))
    return "" if subject == series.content.get("subject") else MADE_BY["subject"]


def _named(epochs: set[int]) -> str:
    found = sorted(epochs)
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    listed = ", ".join("the pinned one" if epoch == PINNED_EPOCH else str(epoch) for epoch in found[:_NAMED])
    return f"epoch{'s' if len(found) > 1 else ''} {listed}{more}"


def _complete(
    trial: Trial, epoch: int, series: Mapping[Measurement, Series], looks: Mapping[Measurement, frozenset[int]]
) -> int:
    """The seeds of the main block that an epoch has of all measurements.

    Seeds that confirm are never pooled. What an audit has begun it has to end: that a seed is missing may depend on
    what it would have given.

    Raises:
        NotPooled: the epoch was not measured to the end of a look; has the command that does so.
    """
    counts = []
    for made, each in series.items():
        seeds = sorted(seed for seed in each.rows if seed < CONFIRM_OFFSET)
        if seeds != list(range(len(seeds))) or (seeds and len(seeds) not in looks[made]):
            command = f"claimbench audit {trial.claim.id} --epoch {epoch}"
            raise NotPooled(
                f"epoch {epoch} was not measured to the end of a look ({counted(len(seeds), 'seed')} of {made.name} at "
                f"{dict(made.base)}), and leaving it out would be a choice: {command}"
            )
        counts.append(len(seeds))
    return min(counts)


def _judge(trial: Trial, epochs: Mapping[int, Mapping[Measurement, Series]], seeds: Mapping[int, int]) -> Judgement:
    """All seeds; a refutation also by even and by odd epochs alone."""
    whole = _by_sequence(trial, epochs, [(e, i) for e in epochs for i in range(seeds[e])], ALPHA_CLAIM)
    if whole.verdict is not REFUTED:
        return whole
    strict = ALPHA_CLAIM / trial.points
    even, odd = (
        _by_sequence(trial, epochs, [(e, i) for e in epochs if e % 2 == parity for i in range(seeds[e])], strict)
        for parity in (0, 1)
    )
    if even.verdict is REFUTED and replicated(even, odd, trial.band):
        return whole
    reason = "refuted by all seeds, but not yet by even and by odd epochs alone, on the same side"
    return replace(whole, verdict=UNDECIDED, reason=reason)


def _by_sequence(
    trial: Trial,
    epochs: Mapping[int, Mapping[Measurement, Series]],
    chosen: Sequence[tuple[int, int]],
    alpha: float,
) -> Judgement:
    """The verdict of some seeds, by a confidence sequence of that level."""

    def lookup(made: Measurement, number: int) -> Outcome | None:
        epoch, seed = chosen[number]
        return epochs[epoch][made].outcome(seed)

    if not chosen:
        return Judgement(verdict=UNDECIDED, reason="no seeds")
    return judge_sequence(trial, sample_of(trial, range(len(chosen)), lookup), len(chosen), alpha)


def judge_sequence(trial: Trial, sample: Values, seeds: int, alpha: float) -> Judgement:
    """A trial's test of a sample of so many seeds, with a confidence sequence in place of its interval.

    Raises:
        MeasurementError: a seed gave no number, or one that is not finite.
    """
    test, band = trial.claim.test, trial.band
    assert band is not None
    if isinstance(test, Proportion):
        counted_once = test.judge(sample, band, alpha)  # which refuses what are no counts
        counts = counted_once.detail
        interval = count_sequence(counts["successes"], counts["trials"], alpha)
        return replace(counted_once, interval=interval, verdict=decide(interval, band))
    if isinstance(test, KnowsRange):  # of which every interval is one of such a sequence
        return test.judge(sample, band, alpha)
    level = alpha_at(seeds, alpha)
    if level == 0.0:
        known = test.judge(sample, band, alpha)
        reason = "too few seeds for any interval at this level"
        return replace(known, verdict=UNDECIDED, interval=None, reason=reason, misses=())
    return test.judge(sample, band, level)
