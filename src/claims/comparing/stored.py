"""Verdicts decided again from what a store holds: today's claims, stored seeds, nothing measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from claims.auditing.decision import looks_at
from claims.auditing.planning import PINNED_EPOCH, Plan, plan
from claims.auditing.results import AuditResult, collect
from claims.auditing.trial import Measurement, Trial
from claims.catalogue import Catalogue
from claims.claim import Claim
from claims.comparing.holding import MADE_BY, Holding, Series
from claims.errors import BadOption
from claims.evidence.fingerprint import code_named
from claims.evidence.measure import Outcome
from claims.report.numbers import counted
from claims.subject import Subject
from claims.verdict import UNDECIDED, Tier

#: Names that a note gives one by one.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Decided:
    """Claims decided from one epoch of a store.

    Attributes:
        result: of the claims of which something is there.
        outcomes: the seeds that were used, and the others of the same series.
        series: where the seeds of each measurement are from.
        notes: in words, what was chosen and what is missing.
    """

    result: AuditResult
    outcomes: Mapping[tuple[Measurement, int], Outcome]
    series: Mapping[Measurement, Series]
    notes: tuple[str, ...]

    def codes(self) -> dict[str, str]:
        """Fingerprint of the code of each experiment, with the code that its base point names."""
        found: dict[str, set[str]] = {}
        for measurement, each in self.series.items():
            found.setdefault(code_name(measurement), set()).add(each.content["code"])
        return {name: " and ".join(sorted(codes)) for name, codes in sorted(found.items())}


@dataclass
class _Reading:
    """One epoch of a store, as trials look it up."""

    holding: Holding
    epoch: int
    series: dict[Measurement, Series] = field(default_factory=dict)
    outcomes: dict[tuple[Measurement, int], Outcome] = field(default_factory=dict)
    mixed: set[str] = field(default_factory=set)

    def lookup(self, measurement: Measurement, seed: int) -> Outcome | None:
        if (measurement, seed) not in self.outcomes:
            found = self._chosen(measurement)
            outcome = None if found is None else found.outcome(seed)
            if outcome is None:
                return None
            self.outcomes[measurement, seed] = outcome
        return self.outcomes[measurement, seed]

    def _chosen(self, measurement: Measurement) -> Series | None:
        """The series of a measurement in this epoch that was added to last: seeds of two are never mixed."""
        if measurement not in self.series:
            epoch = None if measurement.published else self.epoch
            found = [each for each in self.holding.of(measurement) if each.epoch == epoch]
            if not found:
                return None
            self.series[measurement] = found[-1]
            if len(found) > 1:
                self.mixed.add(measurement.name)
        return self.series[measurement]


def code_name(measurement: Measurement) -> str:
    """An experiment by its name, with the code that its base point names."""
    _, *named = code_named(measurement.address, measurement.base)
    return f"{measurement.name} ({', '.join(named)})" if named else measurement.name


def decide(holding: Holding, catalogue: Catalogue, *, tier: Tier, epoch: int | None = None) -> Decided:
    """Decide the claims of a catalogue from a store, as an audit at that tier would, without measuring anything.

    Of several epochs the pinned one counts, else the one measured last; of seeds of different code, data, numerics
    class or subject those measured last. A trial whose next look is not there stays where it is.

    Raises:
        BadOption: the store has nothing of that epoch, or of any of the claims.
        InvalidDeclaration: a band or rival cannot be computed.
    """
    epochs = holding.epochs()
    if epoch is not None and epoch not in epochs:
        raise BadOption("--epoch", epoch, f"an epoch of {holding.path}: {_listed(map(str, epochs))}")
    taken = epoch if epoch is not None else chosen_epoch(epochs)
    planned = plan_of(catalogue.claims.values(), catalogue, tier=tier, epoch=taken)
    reading = _Reading(holding, taken)
    missing = {name: _decide_claim(trials, reading) for name, trials in planned.groups.items()}
    there = {name: trials for name, trials in planned.groups.items() if missing[name] != _NOTHING}
    if not any(trial.history and trial.measurements() for trials in there.values() for trial in trials):
        allowed = "a store with evidence of the claims; name their files behind it, where no installed pack has them"
        raise BadOption("STORE", str(holding.path), allowed)
    kept = replace(planned, groups=there)
    result = AuditResult(collect(kept, reading.outcomes), kept, _environment(reading), 0.0, 0, len(reading.outcomes))
    return Decided(result, reading.outcomes, reading.series, tuple(_notes(reading, epochs, missing)))


def chosen_epoch(epochs: Sequence[int]) -> int:
    """The pinned epoch if it is there, else the one measured last, which is at the end."""
    return PINNED_EPOCH if PINNED_EPOCH in epochs or not epochs else epochs[-1]


def plan_of(
    claims: Iterable[Claim], catalogue: Catalogue, *, tier: Tier = Tier.FULL, epoch: int = PINNED_EPOCH
) -> Plan:
    """The plan of claims as if every model, text and device were at hand: their evidence may be.

    Raises:
        InvalidDeclaration: a band or rival cannot be computed.
    """
    groups: dict[str, tuple[Trial, ...]] = {}
    for claim in claims:
        subject = Subject(path="stored", text="stored", known=claim.of)
        groups |= plan([claim], tier=tier, epoch=epoch, subject=subject, place=catalogue.place, device=None).groups
    return Plan(groups, tier, epoch, catalogue.paths)


#: Said of a claim of which the store has nothing.
_NOTHING = "nothing of it is there"


def _decide_claim(trials: Sequence[Trial], reading: _Reading) -> str:
    """Take the trials of a claim as far as the store goes; what is missing, in words."""
    lacking = [words for trial in trials if (words := _decide(trial, reading))]
    measured = [trial for trial in trials if trial.measurements() and looks_at(trial.claim, trial.tier)]
    if measured and not any(trial.history for trial in trials):
        return _NOTHING
    return lacking[0] if lacking else ""


def _decide(trial: Trial, reading: _Reading) -> str:
    while trial.final is None:
        absent = sum(reading.lookup(each, seed) is None for each in trial.measurements() for seed in trial.new_seeds())
        if absent:
            return _cut_short(trial, absent)
        trial.advance(reading.lookup)
    return ""


def _cut_short(trial: Trial, absent: int) -> str:
    """End a trial whose next look is not there, on what it has; what it lacks, in words."""
    block = "of the block that confirms " if trial.confirming else ""
    words = f"{counted(absent, 'seed')} {block}are not there, of the look after {len(trial.seeds())}"
    last = next((look for look in reversed(trial.history) if not look.confirming), None)
    if last is None:
        return words
    trial.main, trial.main_seeds = last.judgement, last.seeds
    trial.final = replace(last.judgement, verdict=UNDECIDED, reason=f"decided from the store alone: {words}")
    return words


def _environment(reading: _Reading) -> dict[str, str]:
    """The numerics class of the seeds that were read; where they disagree, all that there are."""
    found: dict[str, dict[str, None]] = {}
    for each in reading.series.values():
        for name, value in (each.content.get("environment") or {}).items():
            found.setdefault(name, {})[str(value)] = None
        for name, value in (each.content.get("subject") or {}).items():
            found.setdefault(name, {})[str(value)[:12]] = None
    return {name: " and ".join(values) for name, values in found.items()}


def _notes(reading: _Reading, epochs: Sequence[int], missing: Mapping[str, str]) -> Iterable[str]:
    others = [str(each) for each in epochs if each != reading.epoch]
    yield f"epoch {reading.epoch}" + (f"; not looked at: epochs {_listed(others)}" if others else "")
    if reading.mixed:
        parts = ", ".join(MADE_BY.values())
        yield f"measured under more than one {parts}, of which the last counts: {_listed(sorted(reading.mixed))}"
    nothing = [name for name, words in missing.items() if words == _NOTHING]
    if nothing:
        yield f"{counted(len(nothing), 'claim')} without evidence, left out: {_listed(nothing)}"
    short = {name: words for name, words in missing.items() if words and words != _NOTHING}
    if short:
        named = [f"{name} ({words})" for name, words in short.items()]
        yield f"{counted(len(short), 'claim')} not decided to the end: {_listed(named)}"


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more
