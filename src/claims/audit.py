"""The one loop: measure and decide until all of a plan is decided, each measurement once for all who share it."""

from __future__ import annotations

import time

from claims.claim import Claim
from claims.evidence import Store
from claims.fingerprint import environment
from claims.flight import Flight, Observer, close, request, wait_for_some
from claims.planning import Plan
from claims.results import AuditResult, ClaimResult, collect
from claims.trial import Trial

__all__ = ["Interrupted", "Observer", "run"]


def run(
    planned: Plan,
    store: Store,
    *,
    executor: str = "serial",
    observer: Observer | None = None,
    fail_fast: bool = False,
) -> AuditResult:
    """Measure and decide until every trial is final.

    What is stored and decided depends on the plan alone: trials ask for whole looks, in order, and a task never
    crosses one.

    Raises:
        ConflictingEvidence: a measurement contradicts what the store holds.
        Interrupted: a KeyboardInterrupt, passed on after the workers are stopped; what was measured is stored.
    """
    started = time.perf_counter()
    state = Flight(planned, store, executor, observer or Observer())
    for measurement in planned.measurements():  # before the run: whoever imports something else later will notice
        state.identity(measurement)
    try:
        _decide_all(state, fail_fast)
    except KeyboardInterrupt as stop:
        close(state)
        raise Interrupted(_result(state, started)) from stop
    finally:
        close(state)
    return _result(state, started)


class Interrupted(KeyboardInterrupt):
    """An audit was stopped by the user; ``result`` is what was decided until then."""

    def __init__(self, result: AuditResult) -> None:
        self.result = result
        super().__init__("the audit was interrupted")


def _result(state: Flight, started: float) -> AuditResult:
    seconds = time.perf_counter() - started
    measured = sum(1 for key in state.requested if key in state.outcomes) - state.cached
    results = collect(state.plan, state.outcomes)
    return AuditResult(results, state.plan, environment(), seconds, measured, state.cached)


def _decide_all(state: Flight, fail_fast: bool) -> None:
    trials = {
        claim.id: [trial for trial in state.plan.trials if trial.claim.id == claim.id] for claim in state.plan.claims
    }
    unfinished = {name: sum(trial.final is None for trial in group) for name, group in trials.items()}

    def decided(claim: Claim) -> bool:
        """Tell the observer; whether the audit may stop here."""
        result = ClaimResult.of(claim, tuple(trials[claim.id]), state.plan, state.outcomes)
        state.observer.decided(result)
        return fail_fast and result.as_expected is False

    for claim in state.plan.claims:
        if not unfinished[claim.id]:
            decided(claim)
    for trial in state.plan.trials:
        if trial.final is None:
            _begin_look(state, trial)
    while state.ready or state.waiting:
        while state.ready:
            trial = state.ready.popleft()
            trial.advance(state.lookup)
            if trial.final is None:
                _begin_look(state, trial)
                continue
            unfinished[trial.claim.id] -= 1
            if not unfinished[trial.claim.id] and decided(trial.claim):
                return
        if state.waiting:
            wait_for_some(state)


def _begin_look(state: Flight, trial: Trial) -> None:
    """Ask for every seed of the trial's present look, and have it woken when the last one is there."""
    needed = [(measurement, seed) for measurement in trial.measurements() for seed in trial.seeds()]
    request(state, [key for key in needed if key not in state.requested])
    missing = [key for key in needed if key not in state.outcomes]
    for key in missing:
        state.waiting.setdefault(key, []).append(trial)
    state.missing[id(trial)] = len(missing)
    if not missing:
        state.ready.append(trial)
