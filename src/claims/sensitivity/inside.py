"""What a process does in which an error is planted: audit claims or run tests, up to the first that notices."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any


def main(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do a job: ``{"do": "audit", "claims", "tiers", …}`` or ``{"do": "test", "tests"}``, with ``"budget"`` seconds."""
    if job["do"] == "audit":
        return audited(job["claims"], job["limits"], job["tiers"], job["budget"])
    return tested(job["tests"], job["changed"])


class _TimeUp(BaseException):
    """An audit has had its seconds."""


def audited(claims: Sequence[str], limits: Mapping[str, str], tiers: Sequence[str], budget: float) -> dict[str, Any]:
    """Audit claims one after the other, tier by tier, into a store that nothing was in, up to the first that differs.

    Those that are judged by other bands or rivals now than by their ``limits`` come first, whether or not they are
    among ``claims``: an error in a closed form shows in nothing else, and who computed with it when the claim was
    declared has left no trace.

    What differs is what ``claimbench audit --strict`` would not let pass: another verdict than the one on record,
    an error, or none where there was one. A catalogue that cannot be loaded any more is noticed, too.
    """
    begun, asked = time.monotonic(), dict.fromkeys(tiers, 0)
    try:
        from claims.auditing.loop import run
        from claims.auditing.planning import plan
        from claims.catalogue import load_catalogue
        from claims.evidence.store import MEMORY, Store
        from claims.verdict import UNAVAILABLE, UNDECIDED, Tier

        catalogue = load_catalogue()
        if catalogue.left_out:
            return {
                "caught": tiers[0],
                "by": "the catalogue",
                "why": str(catalogue.left_out[0].problem),
                "asked": asked,
            }
        judged = {name: catalogue.claims[name] for name in limits if name in catalogue.claims}
        left = [name for name, claim in judged.items() if limits_of(claim) != limits[name]]
        left += [name for name in claims if name not in left]
        with Store(MEMORY, speak=lambda text: None) as store:
            for tier in tiers:
                time_up, undecided = False, []

                def end(number: int, frame: object) -> None:
                    nonlocal time_up
                    time_up = True
                    raise _TimeUp

                signal.signal(signal.SIGPROF, end)
                signal.setitimer(signal.ITIMER_PROF, budget)
                for name in left:
                    try:
                        (result,) = run(plan([catalogue.claims[name]], tier=Tier(tier)), store).claims
                    except _TimeUp:
                        break
                    if time_up:  # inside an experiment, of which it is then said that it raised
                        break
                    asked[tier] += 1
                    if result.verdict is UNAVAILABLE or result.as_expected:
                        undecided += [name] if result.verdict is UNDECIDED else []
                        continue
                    signal.setitimer(signal.ITIMER_PROF, 0)
                    return {
                        "caught": tier,
                        "by": name,
                        "why": f"{result.verdict}: {result.reason}"[:300],
                        "seeds": max((point.trial.main_seeds for point in result.every_point), default=0),
                        "asked": asked,
                        "seconds": time.monotonic() - begun,
                    }
                signal.setitimer(signal.ITIMER_PROF, 0)
                left = undecided + left[asked[tier] :]  # what is decided stays so at a higher tier
    except (Exception, SystemExit) as error:  # noqa: BLE001  the audit itself fails: everybody would see it
        return {"caught": tiers[0], "by": "the audit", "why": f"{type(error).__name__}: {error}"[:300], "asked": asked}
    return {"caught": None, "asked": asked, "seconds": time.monotonic() - begun}


def limits_of(claim: Any) -> str:
    """The band and the rival of a claim at each of its points, under each of its readings, as text.

    What cannot be computed is text as well, so that it differs from what could.
    """
    from claims.auditing.planning import plan
    from claims.errors import ClaimsError
    from claims.verdict import Tier

    try:
        trials = plan([claim], tier=Tier.FULL).trials
        return repr([(trial.band and (trial.band.lo, trial.band.hi), trial.rival) for trial in trials])
    except ClaimsError as error:
        return str(error)


def tested(tests: Sequence[str], changed: Collection[str]) -> dict[str, Any]:
    """Run tests as ``make test`` does, up to the first that fails; ``changed`` are paths of changed files."""
    import pytest
    from _pytest.assertion.rewrite import AssertionRewritingHook

    # pytest reads files of plugins by itself, to rewrite what they assert: not those that are read otherwise here.
    should = AssertionRewritingHook._should_rewrite

    def should_rewrite(self: AssertionRewritingHook, name: str, fn: str, state: Any) -> bool:
        return os.path.realpath(fn) not in changed and should(self, name, fn, state)

    AssertionRewritingHook._should_rewrite = should_rewrite  # type: ignore[method-assign]
    begun, failed = time.monotonic(), _Failed()
    status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", *tests], plugins=[failed]))
    words = {"asked": failed.ran, "seconds": time.monotonic() - begun}
    if status == 0:
        return {"caught": None, **words}
    if status in (4, 5) and not failed.first:
        return {"ended": "no tests", "output": f"{list(tests)}: pytest ended with {status}"}
    return {"caught": "tests", "by": failed.first or "pytest", **words}


class _Failed:
    """The first test that fails, and how many ran."""

    def __init__(self) -> None:
        self.first, self.ran = "", 0

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.ran += report.when == "call"
        if report.failed and not self.first:
            self.first = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and not self.first:
            self.first = report.nodeid
