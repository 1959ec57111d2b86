"""The plan of an audit: every trial with its band and rival, and what has to be measured for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from claims.auditing.trial import Measurement, Trial
from claims.claim import Claim
from claims.errors import InvalidDeclaration, Unavailable
from claims.evidence.devices import CPU
from claims.evidence.fingerprint import at_once, code_named
from claims.reading import Reading
from claims.subject import NOBODY, Subject
from claims.verdict import Tier

#: The root of all streams unless ``--epoch`` says otherwise. Rotated on a calendar, never in reaction to a verdict.
PINNED_EPOCH = 20260518

#: Kinds whose numbers are evaluated rather than sampled: one that is wrong is wrong in the verdict.
_EVALUATED = frozenset({"value", "identity", "search"})
#: Seconds of a seed up to which a witness runs something before it; above the other, it is measured again only where
#: nothing cheaper of its experiment is.
_CHEAP, _DEAR = 0.03, 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """Trials to be run, by the id of their claim, with everything that decides what they will measure."""

    groups: Mapping[str, tuple[Trial, ...]]
    tier: Tier
    epoch: int
    paths: tuple[str, ...] = ()
    subject: Subject = NOBODY
    device: str = CPU

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims, in order."""
        return tuple(trials[0].claim for trials in self.groups.values())

    @property
    def trials(self) -> Iterator[Trial]:
        """Every trial, claim by claim."""
        return (trial for trials in self.groups.values() for trial in trials)

    def measurements(self) -> tuple[Measurement, ...]:
        """Every measurement, once."""
        open_trials = (trial for trial in self.trials if trial.final is None)
        return tuple(dict.fromkeys(m for trial in open_trials for m in trial.measurements()))

    def cost(self) -> dict[Measurement, tuple[int, int]]:
        """Seeds of each measurement: at the first look, and at most if nothing is decided before the last."""
        found: dict[Measurement, tuple[int, int]] = {}
        for trial in self.trials:
            if trial.final is None:
                for measurement in trial.measurements():
                    few, many = found.get(measurement, (0, 0))
                    found[measurement] = (max(few, len(trial.seeds())), max(many, trial.most_seeds()))
        return found

    def witnessed(self) -> dict[Measurement, tuple[int, ...]]:
        """Which measurements have seed 0 measured a second time, by a witness, and the seeds that it runs for that.

        Every number that is evaluated once and every identity, unless it is dear; and of each experiment the cheapest
        base point. What is left behind by a seed before it may show, another one if there is one: that costs more, and
        is done where it costs little. A search that is dear repeats its own margins, a training run keeps its record.
        """
        kinds: dict[Measurement, set[str]] = {}
        for trial in self.trials:
            if trial.final is None:
                for measurement in trial.measurements():
                    kinds.setdefault(measurement, set()).add(trial.claim.test.kind)
        cheapest: dict[tuple[str, ...], Measurement] = {}
        for made in sorted(kinds, key=lambda made: (made.seconds, repr(made.base))):
            cheapest.setdefault(code_named(made.address, made.base), made)
        once, few = set(cheapest.values()), self.cost()
        return {
            made: _witnessed(made, few[made][0])
            for made, found in kinds.items()
            if made.needs != "text"
            and (found != {"search"} or made.seconds <= _DEAR)
            and (made in once or (found & _EVALUATED and made.seconds <= _DEAR))
        }


def _witnessed(made: Measurement, seeds: int) -> tuple[int, ...]:
    """The seeds that a witness runs, of so many that the first look has."""
    if made.needs or made.seconds > _DEAR:
        return (0,)
    if seeds > 1:
        return (1, 0)
    return (0, 0) if made.seconds <= _CHEAP else (0,)


def lacking(claim: Claim, subject: Subject, device: str | None = None) -> str:
    """Why a claim cannot be measured on a subject and a device; empty if it can, as far as is known beforehand.

    None is whatever device it needs.
    """
    for quantity in claim.test.quantities() if device is not None else ():
        allowed = quantity.experiment.devices
        if not {device, CPU} & set(allowed):
            return f"needs {' or '.join(allowed)}: claimbench audit --device {allowed[0]}"
    if claim.of and subject.known != claim.of:
        command = f"claimbench audit role:{claim.role} --model PATH"
        return f"needs {claim.of}, a GGUF file or a folder with config.json and safetensors: {command}"
    return subject.lacks(claim.needs)


def plan(
    claims: Iterable[Claim],
    *,
    tier: Tier,
    epoch: int = PINNED_EPOCH,
    paths: Sequence[str] = (),
    subject: Subject = NOBODY,
    place: Callable[[Claim], str] = lambda claim: "",
    device: str | None = CPU,
) -> Plan:
    """Resolve bands and rivals at every point, and see what cannot be measured on the subject and the device.

    None is whatever device each experiment needs, the CPU if it will do.

    Raises:
        InvalidDeclaration: a deferred target cannot be computed, or a rival lies inside its band; names the ``place``
            of the claim, its id and the point.
    """
    groups = {}
    with at_once():
        for claim in claims:
            try:
                groups[claim.id] = _trials(claim, tier, subject, device)
            except InvalidDeclaration as error:
                raise error.within(place(claim)) from error.__cause__
    return Plan(groups, tier, epoch, tuple(paths), subject, device or CPU)


def _trials(claim: Claim, tier: Tier, subject: Subject, device: str | None) -> tuple[Trial, ...]:
    """One trial a judged point of each reading, the claim as declared first."""
    trials: list[Trial] = []
    for reading, variant in claim.as_read():
        try:
            trials += _trials_as_read(variant, reading, tier, subject, device)
        except InvalidDeclaration as error:
            raise (error if reading is None else error.within(f"reading {reading}")) from error.__cause__
    return tuple(trials)


def _trials_as_read(
    claim: Claim, reading: Reading | None, tier: Tier, subject: Subject, device: str | None
) -> Iterator[Trial]:
    judged, lacks = claim.judged_points(), lacking(claim, subject, device)
    for point, members in judged:
        try:
            band, rival = claim.limits(point)
        except Unavailable as missing:  # a closed form needs a library that is not installed
            band, rival, lacks = None, None, lacks or str(missing)
        yield Trial(claim, point, members, band, rival, len(judged), tier, lacks, reading=reading, device=device or CPU)
