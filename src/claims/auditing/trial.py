"""A trial: one judged point of one claim on its way to a verdict, look by look, then on the block that confirms."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from claims.auditing.decision import ALPHA_CLAIM, judge, last_looks, looks_at, misses, not_measured, replicated
from claims.auditing.qualification import independent, qualified
from claims.auditing.schedule import Schedule, schedule
from claims.auditing.shape import Shape, shapes, worst
from claims.bands import Limits
from claims.claim import Claim
from claims.errors import MeasurementError, raised
from claims.evidence.devices import CPU, placed
from claims.evidence.measure import Outcome
from claims.experiment import Point, Quantity, Scalar
from claims.kinds.base import Judgement, KnowsRange, Values, offers
from claims.reading import Reading
from claims.streams import CONFIRM_OFFSET
from claims.verdict import ERROR, HOLDS, REFUTED, UNAVAILABLE, UNDECIDED, Tier

if TYPE_CHECKING:
    import numpy as np


#: What a seed is taken to cost where the experiment does not say.
_SECONDS, _MEGABYTES = 0.01, 50.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """What is measured seed by seed: an experiment at one base point. Claims that need the same share it.

    ``device`` is where. ``guessed`` names those of its costs that the experiment does not declare.
    """

    name: str
    address: str
    sweep: tuple[tuple[str, tuple[Scalar, ...]], ...]
    base: Point
    published: bool
    needs: str
    seconds: float = field(compare=False)
    megabytes: float = field(compare=False)
    data: tuple[str, ...] = ()
    guessed: tuple[str, ...] = field(compare=False, default=())
    device: str = CPU

    def __hash__(self) -> int:
        """Of what tells measurements apart as a rule; the rest is compared."""
        return hash((self.name, self.base))

    @staticmethod
    def of(quantity: Quantity, point: Point, device: str = CPU) -> Measurement:
        """The measurement that gives a quantity at a point, in an audit on a device."""
        made = quantity.experiment
        costs = {"seconds": made.seconds, "megabytes": made.megabytes}
        return Measurement(
            name=made.name,
            address=made.address,
            sweep=made.sweep,
            base=made.base(dict(point)),
            published=made.published,
            needs=made.needs,
            seconds=_SECONDS if made.seconds is None else made.seconds,
            megabytes=_MEGABYTES if made.megabytes is None else made.megabytes,
            data=made.data,
            guessed=tuple(name for name, cost in costs.items() if cost is None),
            device=placed(device, made.devices),
        )


#: Outcome of a seed of a measurement, or None while it is not there.
Lookup = Callable[[Measurement, int], Outcome | None]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the disjoint block of seeds said of a refutation."""

    judgement: Judgement
    seeds: int


@dataclass(frozen=True, slots=True)
class Look:
    """One look that was taken: after how many seeds of which block, and what it said."""

    seeds: int
    confirming: bool
    judgement: Judgement


@dataclass
class Trial:
    """Call :meth:`needs`, measure, call :meth:`advance`, until :attr:`final` is there.

    ``claim`` is the claim as it is read here; ``reading`` is None of the claim as declared. ``shape`` is that of the
    seeds of the main block. A ``trusting`` trial asks for no shape of seeds: for experiments with what comes of that.
    A ``survey`` takes one look, at so many seeds at most, and confirms nothing. ``device`` is that of the audit.
    """

    claim: Claim
    point: Point
    members: tuple[Point, ...]
    band: Limits | None
    rival: float | None
    points: int
    tier: Tier
    unavailable: str = ""
    alpha: float = ALPHA_CLAIM
    look: int = 0
    main: Judgement | None = None
    main_seeds: int = 0
    confirming: bool = False
    confirmation: Confirmation | None = None
    final: Judgement | None = None
    history: list[Look] = field(default_factory=list)
    drawn: tuple[float, ...] = ()
    reading: Reading | None = None
    shape: Shape | None = None
    trusting: bool = False
    survey: int = 0
    device: str = CPU
    _looks: tuple[int, ...] = field(init=False, repr=False)
    _last: frozenset[int] = field(init=False, repr=False)
    _schedule: Schedule = field(init=False, repr=False)
    _sample: Values | None = field(init=False, repr=False, default=None)
    _taken: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        self._looks, self._schedule = looks_at(self.claim, self.tier), schedule(self.claim)
        self._last = last_looks(self.claim)
        if self.survey and self._looks:
            self._looks = (max((look for look in self._looks if look <= self.survey), default=self._looks[0]),)
        if self.unavailable:  # at whatever tier
            self.final = Judgement(verdict=UNAVAILABLE, reason=self.unavailable)
        elif not self._looks:
            self.final = Judgement(verdict=UNDECIDED, reason=not_measured(self.claim.decides, self.tier))

    def terms(self) -> tuple[object, ...]:
        """Everything that its course follows from but the outcomes of its seeds."""
        how = (self.points, self.alpha, self._looks, tuple(sorted(self._last)), self.trusting, self.survey)
        return self.claim.test, self._schedule, self.members, self.band, how

    def measurements(self) -> tuple[Measurement, ...]:
        """What has to be measured, each once."""
        return self._measurements

    @cached_property
    def _measurements(self) -> tuple[Measurement, ...]:
        found = (
            Measurement.of(quantity, member, self.device)
            for quantity in self.claim.test.quantities()
            for member in self.members
        )
        return tuple(dict.fromkeys(found))

    def seeds(self) -> range:
        """Seeds that the present look is about."""
        start = CONFIRM_OFFSET if self.confirming else 0
        return range(start, start + self._looks[self.look])

    def new_seeds(self) -> range:
        """Those of them that no look before was about."""
        return self.seeds()[self._taken :]

    def most_seeds(self) -> int:
        """Seeds of the main block, should no look before the last decide."""
        return max(self._looks, default=0)

    def level(self, seeds: int) -> float:
        """The two-sided level of the look after so many seeds."""
        return self.alpha * self._schedule.share(seeds)

    def advance(self, outcomes: Lookup) -> None:
        """Judge the present look, every outcome of which is there, and go on to the next one or to the end."""
        problem = self._problem(outcomes)
        if problem is not None:
            self.final = problem
            return
        seeds = len(self.seeds())
        try:
            sample = self._values(outcomes)
            judged, shape = self._judged(sample, seeds)
            ends = judged.verdict is not UNDECIDED or self.look + 1 == len(self._looks)
            drawn = self._drawn(sample) if ends and not self.confirming else self.drawn
        except Exception as error:  # noqa: BLE001  a pack's own test may raise anything; other claims go on
            at = f"{dict(self.point)}: " if self.point else ""
            self.final = Judgement(verdict=ERROR, reason=f"{at}{raised(error)}")
            return
        self.history.append(Look(seeds, self.confirming, judged))
        self.drawn = drawn
        if ends:
            self._sample, self._taken = None, 0
            self._end_block(judged, seeds, shape)
        else:
            self.look += 1

    def _judged(self, sample: Values, seeds: int) -> tuple[Judgement, Shape | None]:
        """What the look says, as far as its seeds can support it, and their shape where that matters."""

        def at(alpha: float) -> Judgement:
            return judge(self.claim.test, sample, self.band, points=self.points, alpha=alpha)

        judged = at(self.level(seeds))
        if judged.verdict is UNDECIDED and self.look + 1 < len(self._looks):
            return judged, None
        shape = worst(shapes(self.claim.test, sample, self.band))
        if self.trusting:
            return judged, shape
        if offers(self.claim.test, KnowsRange):
            return independent(judged, shape), shape
        return qualified(
            judged, shape, again=at, alpha=self.level(seeds), last=bool(self.survey) or seeds in self._last
        ), shape

    def _end_block(self, judged: Judgement, seeds: int, shape: Shape | None) -> None:
        if self.confirming:
            self.confirmation = Confirmation(judged, seeds)
            assert self.main is not None
            same = replicated(self.main, judged, self.band)
            self.final = self.main if same else self._unreplicated(self.main, judged)
            return
        self.main, self.main_seeds, self.shape = judged, seeds, shape
        if judged.verdict is REFUTED and self.claim.test.sequential and not self.survey:
            self.confirming, self.look = True, 0
        else:
            self.final = judged

    def _unreplicated(self, main: Judgement, second: Judgement) -> Judgement:
        if second.verdict is REFUTED:
            one, other = (" and ".join(sorted(misses(block, self.band))) for block in (main, second))
            reason = f"refuted on the first block of seeds on one side of the band ({one}), on the second on another"
            reason += f" ({other}): these values are not draws of one distribution"
        else:
            conflict = "and even holds" if second.verdict is HOLDS else "and stays undecided"
            reason = f"refuted on the first block of seeds, not on the second, where it is not refuted {conflict}"
        return Judgement(
            verdict=UNDECIDED, estimate=main.estimate, interval=main.interval, reason=reason, detail=main.detail
        )

    def _drawn(self, sample: Values) -> tuple[float, ...]:
        """The value of each seed of the look, of kinds that make one a seed."""
        per_seed = getattr(self.claim.test, "per_seed", None)
        return () if per_seed is None else tuple(map(float, per_seed(sample)))

    def _problem(self, outcomes: Lookup) -> Judgement | None:
        """The first new seed, in order, that raised or that lacks something."""
        measurements = self.measurements()
        for seed in self.new_seeds():
            for measurement in measurements:
                outcome = outcomes(measurement, seed)
                assert outcome is not None
                if outcome.error:
                    return Judgement(verdict=ERROR, reason=outcome.error)
                if outcome.unavailable:
                    return Judgement(verdict=UNAVAILABLE, reason=outcome.unavailable)
        return None

    def _values(self, outcomes: Lookup) -> Values:
        """What the looks before took, and behind it the new seeds."""
        new = sample_of(self, self.new_seeds(), outcomes)
        self._sample = new if self._sample is None else joined(self._sample, new)
        self._taken = len(self.seeds())
        return self._sample


def sample_of(trial: Trial, seeds: Sequence[int], outcomes: Lookup) -> Values:
    """What a trial's test is given of some seeds, each of which has its records.

    Raises:
        MeasurementError: an experiment returned no such quantity, or lists of different lengths.
    """
    import numpy as np

    test, values = trial.claim.test, {}
    for quantity in test.quantities():
        columns = [column(quantity, member, outcomes, seeds, trial.device) for member in trial.members]
        values[quantity] = np.stack(columns, axis=1) if test.over else columns[0]
    return Values(values, trial.members if test.over else (), seeds[0] if seeds else 0)


def joined(before: Values, after: Values) -> Values:
    """The seeds of two samples of the same trial, one behind the other.

    Raises:
        MeasurementError: seeds gave lists of different lengths.
    """
    import numpy as np

    for quantity, first in before.values.items():
        check_lengths(quantity, first.shape[1:] == after.values[quantity].shape[1:])
    both = {quantity: np.concatenate([first, after.values[quantity]]) for quantity, first in before.values.items()}
    return Values(both, before.levels, before.first)


def check_lengths(quantity: Quantity, same: bool) -> None:
    """Refuse lists of different lengths."""
    if not same:
        raise MeasurementError(f"{quantity.name}: lists of different lengths; allowed: as many draws at every seed")


def column(quantity: Quantity, member: Point, outcomes: Lookup, seeds: Iterable[int], device: str = CPU) -> np.ndarray:
    """Values of a quantity at one member point, seed by seed, in an audit on a device; every outcome is there.

    Raises:
        MeasurementError: the experiment returned no such quantity, or lists of different lengths.
    """
    import numpy as np

    measurement, cell = _place(quantity, member, device)
    values, place = [], 0
    for seed in seeds:
        outcome = outcomes(measurement, seed)
        assert outcome is not None
        assert outcome.records is not None
        place = _pick(outcome.records, cell, place)
        record = outcome.records[place]
        if quantity.name not in record:
            available = ", ".join(name for name in record if name not in cell)
            raise MeasurementError(f"{measurement.name} returned no {quantity.name!r}; it returned {available}")
        values.append(record[quantity.name])
    check_lengths(quantity, len({len(value) if isinstance(value, list) else None for value in values}) <= 1)
    return np.array(values)


@functools.lru_cache(maxsize=100_000)
def _place(quantity: Quantity, member: Point, device: str) -> tuple[Measurement, Mapping[str, Scalar]]:
    """The measurement that gives a quantity at a point, and the cell of its sweep."""
    return Measurement.of(quantity, member, device), dict(quantity.experiment.cell(dict(member)))


def _pick(records: Sequence[Mapping[str, object]], cell: Mapping[str, Scalar], guess: int) -> int:
    """Where the record of a cell of the sweep is: as a rule in the same place as in another seed's records."""
    if guess < len(records) and cell.items() <= records[guess].items():
        return guess
    return next(place for place, record in enumerate(records) if cell.items() <= record.items())
