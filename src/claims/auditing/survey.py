"""A survey: as many seeds as a claim may have, or as one asks for, to see what they are like; it decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from claims.auditing.decision import looks_at
from claims.auditing.planning import Plan
from claims.auditing.power import Qualification
from claims.auditing.qualification import unfit
from claims.auditing.results import AuditResult
from claims.auditing.trial import Trial
from claims.experiment import Point
from claims.kinds.base import JudgesMeans, KnowsRange, offers
from claims.verdict import ERROR, UNAVAILABLE, Verdict


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What the seeds of a judged point are like; ``unfit`` says why an interval of their mean is not for them."""

    claim: str
    kind: str
    point: Point
    seeds: int
    found: Qualification | None
    unfit: str
    verdict: Verdict | None

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        head = {"id": self.claim, "kind": self.kind, "at": dict(self.point), "seeds": self.seeds}
        found = None if self.found is None else self.found.to_json()
        return head | {"qualification": found, "fit": not self.unfit, "reason": self.unfit or None}


def survey(planned: Plan, seeds: int) -> Plan:
    """The same plan with one look at each point of claims that judge means: so many seeds, or all that it may have."""
    groups = {
        name: tuple(_survey(trial, seeds) for trial in trials if trial.reading is None)
        for name, trials in planned.groups.items()
        if isinstance(trials[0].claim.test, JudgesMeans)
    }
    return replace(planned, groups=groups)


def _survey(trial: Trial, seeds: int) -> Trial:
    most = max(looks_at(trial.claim, trial.claim.decides), default=0)
    return replace(trial, survey=min(seeds, most))


def surveyed(result: AuditResult) -> Iterator[Surveyed]:
    """What a plan of :func:`survey` came to, point by point."""
    for each in result.claims:
        for point in each.points:
            trial = point.trial
            failed = point.judgement.reason if point.verdict in (ERROR, UNAVAILABLE) else ""
            why = failed or _unfit(trial)
            found = None if failed else point.qualification
            verdict = point.verdict if failed else None
            yield Surveyed(each.claim.id, each.claim.kind, trial.point, trial.main_seeds, found, why, verdict)


def _unfit(trial: Trial) -> str:
    any_shape = offers(trial.claim.test, KnowsRange)
    if trial.shape is None:
        return "" if any_shape else "all seeds gave the same value"
    return unfit(trial.shape, any_shape=any_shape)
