"""Results of an audit as plain data: what was decided, how sure it is, and what it rests on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claims.auditing.budget import ErrorRates, error_rates
from claims.auditing.decision import as_expected, combine, combine_readings, looks_at, more_seeds
from claims.auditing.power import Qualification, qualification
from claims.auditing.trial import Measurement, Trial
from claims.claim import Claim
from claims.evidence.canonical import canonical_json, digest
from claims.evidence.measure import Outcome
from claims.kinds.base import Judgement
from claims.reading import Reading, setting
from claims.verdict import DEPENDS, ERROR, REFUTED, UNAVAILABLE, UNDECIDED, Tier, Verdict

if TYPE_CHECKING:
    from claims.auditing.planning import Plan

SCHEMA = 2
Outcomes = Mapping[tuple[Measurement, int], Outcome]


@dataclass(frozen=True, slots=True)
class PointResult:
    """The result at one judged point."""

    trial: Trial
    seconds: float
    outcomes: Outcomes = field(default_factory=dict, compare=False, repr=False)

    @property
    def judgement(self) -> Judgement:
        """What was said last; UNDECIDED of a trial that was cut short."""
        return self.trial.final or Judgement(verdict=UNDECIDED, reason="the audit was stopped before this was decided")

    @property
    def verdict(self) -> Verdict:
        """Verdict at the point."""
        return self.judgement.verdict

    @property
    def margin(self) -> float | None:
        """Distance from the interval to the nearer edge of the band, in half-widths; negative if it straddles one."""
        band, interval = self.trial.band, self.judgement.interval
        if band is None or interval is None:
            return None
        half = (interval[1] - interval[0]) / 2
        if not 0 < half < math.inf:
            return None
        inside = min(interval[0] - band.lo, band.hi - interval[1])
        outside = max(interval[0] - band.hi, band.lo - interval[1])
        return (outside if self.verdict is REFUTED else inside) / half

    @property
    def level(self) -> float | None:
        """The two-sided level of the main block's last look; None where there was none, or where it spends no alpha."""
        if not self.trial.main_seeds or not self.trial.claim.test.sequential:
            return None
        return self.trial.level(self.trial.main_seeds)

    @property
    def more_seeds(self) -> int | None:
        """Seeds after which an undecided point should be decided."""
        if self.trial.band is None or self.verdict is not UNDECIDED or not self.trial.main_seeds:
            return None
        return more_seeds(self.judgement, self.trial.band, self.trial.main_seeds)

    @property
    def device(self) -> str | None:
        """Where its seeds were measured, " and " between several; None where none were."""
        first = (self.outcomes.get((measurement, 0)) for measurement in self.trial.measurements())
        return " and ".join(sorted({each.device for each in first if each is not None and each.records})) or None

    @property
    def qualification(self) -> Qualification | None:
        """What is known of its seeds; None of kinds that judge no means."""
        return qualification(self.trial)

    def used(self) -> list[list[Any]]:
        """What the verdict rests on, as plain data: experiment, base point, seed and records of each seed, in order."""
        found = [
            [measurement.name, dict(measurement.base), seed, outcome.records]
            for measurement in self.trial.measurements()
            for seed in _seeds(self.trial)
            if (outcome := self.outcomes.get((measurement, seed))) is not None
        ]
        return sorted(found, key=canonical_json)

    def to_json(self) -> dict[str, Any]:
        """The fields that claims and points share."""
        trial, judged, band = self.trial, self.judgement, self.trial.band
        second, qualified = trial.confirmation, self.qualification
        return {
            "verdict": judged.verdict.value,
            "target": _finite(band.target) if band else None,
            "band": [_finite(band.lo), _finite(band.hi)] if band else None,
            "estimate": _finite(judged.estimate),
            "interval": _pair(judged.interval),
            "alpha": judged.detail.get("granted", self.level),
            "seeds": trial.main_seeds,
            "confirmation": None
            if second is None
            else {
                "verdict": second.judgement.verdict.value,
                "seeds": second.seeds,
                "estimate": _finite(second.judgement.estimate),
                "interval": _pair(second.judgement.interval),
            },
            "rival": _finite(trial.rival),
            **({} if trial.claim.seed_range is None else {"range": list(trial.claim.seed_range)}),
            "sharpness": _finite(band.sharpness(trial.rival)) if band and trial.rival is not None else None,
            "margin": _finite(self.margin),
            "qualification": None if qualified is None else qualified.to_json(),
            "seconds": round(self.seconds, 6),
            "device": self.device,
            "reason": _words(judged.reason) or None,
        }

    def steps_to_json(self) -> dict[str, Any]:
        """How it was decided: the interval after each look, and the value of each seed of the main block.

        ``values`` is empty for kinds that do not make one number a seed; values have six digits.
        """
        looks = [
            {
                "block": "confirmation" if look.confirming else "main",
                "seeds": look.seeds,
                "estimate": _finite(look.judgement.estimate),
                "interval": _pair(look.judgement.interval),
                "verdict": look.judgement.verdict.value,
            }
            for look in self.trial.history
        ]
        return {"looks": looks, "values": [float(f"{value:.6g}") for value in self.trial.drawn]}


@dataclass(frozen=True, slots=True)
class ReadingResult:
    """The result of a claim under one reading, and its verdict; None is the claim as declared."""

    reading: Reading | None
    points: tuple[PointResult, ...]
    verdict: Verdict = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "verdict", combine(point.verdict for point in self.points))

    @property
    def speaker(self) -> PointResult:
        """The point that speaks for it: of those with its verdict, the one with the smallest margin."""
        verdict = self.verdict
        same = [point for point in self.points if point.verdict is verdict]
        return min(same, key=lambda point: math.inf if point.margin is None else point.margin)

    def to_json(self, claim: Claim) -> dict[str, Any]:
        """How the claim is read along each axis, why, and the figures of the point that speaks for it."""
        chosen = setting(claim.readings, self.reading)
        why = chosen if self.reading is None else {self.reading.axis: self.reading}
        return {
            "reads": {axis: each.option for axis, each in chosen.items()},
            "differs": None if self.reading is None else self.reading.axis,
            "own": [axis for axis, each in chosen.items() if each.own],
            "because": {axis: each.because for axis, each in why.items()},
            "at": dict(self.speaker.trial.point),
            "points": len(self.points),
            "kind": self.speaker.trial.claim.kind,
        } | self.speaker.to_json()


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """The result of one claim. ``read`` has the claim as declared first, then each of its other readings."""

    claim: Claim
    tier: Tier
    read: tuple[ReadingResult, ...]
    on_record: bool = True

    @staticmethod
    def of(name: str, plan: Plan, outcomes: Outcomes) -> ClaimResult:
        """Of the claim of that id, from its trials and what was measured for them."""
        trials = plan.groups[name]
        points: dict[str, list[PointResult]] = {}
        for trial in trials:
            point = PointResult(trial, _seconds(trial, outcomes), outcomes)
            points.setdefault(str(trial.reading or ""), []).append(point)
        read = tuple(ReadingResult(found[0].trial.reading, tuple(found)) for found in points.values())
        return ClaimResult(trials[0].claim, plan.tier, read, plan.subject.on_record)

    @property
    def points(self) -> tuple[PointResult, ...]:
        """The points of the claim as declared."""
        return self.read[0].points

    @property
    def every_point(self) -> tuple[PointResult, ...]:
        """The points of every reading."""
        return tuple(point for reading in self.read for point in reading.points)

    @property
    def verdict(self) -> Verdict:
        """Verdict of the claim, under all of its readings."""
        return combine_readings(reading.verdict for reading in self.read)

    @property
    def reason(self) -> str:
        """Why, in words: of the point that speaks for it, and where readings have other verdicts, which have."""
        verdicts = {reading.verdict for reading in self.read}
        if len(verdicts) == 1:
            return self.speaker.judgement.reason
        names = {
            verdict: [_named(each, self.claim) for each in self.read if each.verdict is verdict]
            for verdict in Verdict
            if verdict in verdicts
        }
        words = "; ".join(f"{verdict} read as {', or as '.join(found)}" for verdict, found in names.items())
        own = "" if self.verdict is DEPENDS else self.speaker.judgement.reason
        return f"{words} ({own})" if own else words

    @property
    def evidence(self) -> str:
        """Digest of the values that the verdict rests on, under every reading; empty where nothing was measured.

        SHA-256 of their canonical JSON: whoever has the same digest has the same values to the bit.
        """
        used = [point.used() for point in self.every_point]
        return f"sha256:{digest(used).hex()}" if any(used) else ""

    @property
    def as_expected(self) -> bool | None:
        """Whether that is the verdict on record; None where it says neither."""
        return as_expected(self.claim, self.verdict, self.tier, on_record=self.on_record)

    @property
    def speaker(self) -> PointResult:
        """The point that speaks for the claim: of the first reading with its verdict; of the declared if it DEPENDS."""
        return next((each for each in self.read if each.verdict is self.verdict), self.read[0]).speaker

    @property
    def undecided_warning(self) -> bool:
        """UNDECIDED where it should have been decided."""
        decides = self.tier.level >= self.claim.decides.level
        return self.verdict is UNDECIDED and self.as_expected is None and decides

    def to_json(self) -> dict[str, Any]:
        """The claim as in the result format."""
        claim = self.claim
        plain = {id(point): point.to_json() for point in self.points}
        speaker = plain.get(id(self.speaker)) or self.speaker.to_json()
        head = {
            "id": claim.id,
            "paper": claim.paper,
            "role": claim.role.value,
            "locus": claim.locus,
            "statement": claim.statement,
            "read_as": claim.read_as or None,
            "kind": claim.kind,
            "decides": claim.decides.value,
            "verdict": self.verdict.value,
            "expected": claim.expected.value,
            "as_expected": self.as_expected,
        }
        tail = {"finding": claim.finding or None, "corrected_by": claim.corrected_by}
        formula = {"formula": claim.formula} if claim.formula else {}
        seconds = round(sum(point.seconds for point in self.every_point), 6)
        whole = {"verdict": self.verdict.value, "reason": _words(self.reason) or None, "seconds": seconds}
        points = [
            {"at": dict(point.trial.point)} | head | plain[id(point)] | tail | point.steps_to_json()
            for point in self.points
        ]
        readings = [each.to_json(claim) for each in self.read] if claim.readings else []
        return head | formula | speaker | whole | tail | {"readings": readings, "points": points}


@dataclass(frozen=True, slots=True)
class AuditResult:
    """The result of an audit. ``measured`` seeds were run, ``cached`` ones were in the store."""

    claims: tuple[ClaimResult, ...]
    plan: Plan
    environment: Mapping[str, str]
    seconds: float
    measured: int
    cached: int

    def error_rates(self) -> ErrorRates:
        """How sure all verdicts are together."""
        return error_rates(self.claims)

    def counts(self) -> dict[str, int]:
        """Number of claims with each verdict."""
        found = Counter(result.verdict for result in self.claims)
        return {verdict.value: found[verdict] for verdict in Verdict}

    def exit_code(self, *, strict: bool = False, require_available: bool = False) -> int:
        """0 as expected, 1 a verdict differs, 3 undecided under strict, 4 nothing ran, 5 an error while measuring."""
        verdicts = {result.verdict for result in self.claims}
        if ERROR in verdicts:
            return 5
        if any(result.as_expected is False for result in self.claims):
            return 1
        if all(result.verdict is UNAVAILABLE or not looks_at(result.claim, result.tier) for result in self.claims):
            return 4
        if require_available and UNAVAILABLE in verdicts:
            return 1
        if strict and any(result.undecided_warning for result in self.claims):
            return 3
        return 0

    @property
    def stopped(self) -> bool:
        """Whether the audit ended before everything was decided: by Ctrl-C, or by the first surprise."""
        return any(point.trial.final is None for claim in self.claims for point in claim.every_point)

    def to_json(self) -> dict[str, Any]:
        """The result format, schema 2; never NaN or Infinity."""
        return {
            "schema": SCHEMA,
            "stopped": self.stopped,
            "epoch": self.plan.epoch,
            "tier": self.plan.tier.value,
            "environment": dict(self.environment) | self.plan.subject.words(),
            "counts": self.counts(),
            "error_rates": self.error_rates().to_json(),
            "claims": [self._published(result.to_json()) for result in self.claims],
        }

    def _published(self, row: dict[str, Any]) -> dict[str, Any]:
        """A claim's row as others may see it: what went wrong may name files, and then does so by their names alone."""
        for each in (row, *row["readings"], *row["points"]):
            each["reason"] = self.plan.subject.public(each["reason"])
        return row


def collect(plan: Plan, outcomes: Outcomes) -> tuple[ClaimResult, ...]:
    """Results of all claims of a plan, in its order."""
    return tuple(ClaimResult.of(name, plan, outcomes) for name in plan.groups)


def _named(read: ReadingResult, claim: Claim) -> str:
    """A reading by what differs from the claim as declared; that one by what it chooses along each axis."""
    chosen = setting(claim.readings).values() if read.reading is None else (read.reading,)
    return ", ".join(map(str, chosen))


def _seconds(trial: Trial, outcomes: Outcomes) -> float:
    """Cost of the seeds that a trial used, each counted in full even where other claims share it."""
    found = (outcomes.get((measurement, seed)) for measurement in trial.measurements() for seed in _seeds(trial))
    return sum(outcome.seconds for outcome in found if outcome is not None)


def _seeds(trial: Trial) -> list[int]:
    """The seeds that a trial used, of the block that confirms too."""
    seeds = list(range(trial.main_seeds))
    if trial.confirmation is not None:
        start = trial.seeds().start
        seeds += range(start, start + trial.confirmation.seeds)
    return seeds


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _words(text: str) -> str:
    """Text that UTF-8 can write: what an experiment raised may hold anything."""
    return text.encode("utf-8", "backslashreplace").decode()


def _pair(interval: tuple[float, float] | None) -> list[float | None] | None:
    return None if interval is None else [_finite(edge) for edge in interval]
