"""What schedules audit, and the truth about it: what an audit finds that nobody disturbs."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from claims.auditing import decision, loop, trial
from claims.auditing.planning import Plan, plan
from claims.auditing.results import AuditResult
from claims.bands import Limits
from claims.claim import Claim
from claims.evidence.executors import Executors, SerialExecutor
from claims.evidence.measure import Outcome, Task, measure
from claims.evidence.store import Store
from claims.kinds.base import Judgement, Kind, Values
from claims.verdict import Tier

DATA = Path(__file__).parents[2] / "claims" / "data"
_EPOCH = 7

_COUNTS = {"HOLDS": 3, "REFUTED": 1, "DEPENDS": 0, "UNDECIDED": 2, "UNAVAILABLE": 1, "ERROR": 1}

#: What a worker does with a task.
Answer = Callable[[Task], list[Outcome]]


@dataclass(frozen=True)
class World:
    """Claims that share measurements, take several looks, are refuted twice, raise or cannot be measured.

    Attributes:
        verdicts: of each claim, as the result format has it.
        rows: records by key.
    """

    claims: Sequence[Claim]
    answer: Answer
    verdicts: dict[str, str] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)

    def plan(self, draw: Random | None = None) -> Plan:
        """Of all claims, or of some in any order."""
        chosen = self.claims if draw is None else draw.sample(self.claims, draw.randint(1, len(self.claims)))
        return plan(chosen, tier=Tier.SMOKE, epoch=_EPOCH, paths=(str(DATA),))

    def undisturbed(self, store: Store) -> AuditResult:
        """Audit all claims where nothing happens."""

        def here() -> _Answering:
            return _Answering(self.answer)

        return loop.run(self.plan(), store, executor=Executors(lambda: 0, here, here))


class _Answering(SerialExecutor):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        return super().submit(self._answer if fn is measure else fn, *args)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """The toys, and the truth about them, which is found in a folder.

    Experiments and judgements are pure, which is shown elsewhere: what each gives is found out once. So is the code,
    which somebody may be editing.
    """
    code = functools.cache(loop.code_fingerprint)
    with (
        mock.patch.object(sys, "path", [*sys.path, str(DATA)]),
        mock.patch.object(trial, "judge", _Judged()),
        mock.patch.object(loop, "code_fingerprint", code),
    ):
        import claims_toys as toys

        chosen = (toys.MEANS[3], *toys.CELLS[:2], toys.RATIO, toys.ORDER, toys.UNREPLICATED, toys.MISSING, toys.RAISING)
        claims = [replace(claim, most_seeds=16 if claim is toys.RATIO else 8) for claim in chosen]
        made, path = World(claims, _Measured()), folder / "truth.sqlite"
        with Store(path) as store:
            result = made.undisturbed(store)
        assert result.counts() == _COUNTS, result.counts()  # a world in which nothing can be decided shows nothing
        with Store.reading(path) as store:
            rows = {row.key: row.records for row in store.rows()}
        yield replace(made, verdicts=verdicts(result), rows=rows)


def verdicts(result: AuditResult) -> dict[str, str]:
    """What was decided of each claim that is decided, but for the seconds that it took."""
    decided = [each for each in result.claims if all(point.trial.final is not None for point in each.points)]
    return {each.claim.id: json.dumps(_timeless(each.to_json())) for each in decided}


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    points = [_timeless(point) for point in row.get("points", [])]
    return {name: value for name, value in row.items() if name not in ("seconds", "points")} | {"points": points}


class _Measured:
    """What each seed gives."""

    def __init__(self) -> None:
        self._known: dict[Task, Outcome] = {}

    def __call__(self, task: Task) -> list[Outcome]:
        return [self._seed(replace(task, seeds=(seed,), code="", again=False)) for seed in task.seeds]

    def _seed(self, task: Task) -> Outcome:
        if task not in self._known:
            (outcome,) = measure(task)
            self._known[task] = replace(outcome, seconds=0.125)
        return self._known[task]


class _Judged:
    """What each look at each sample says."""

    def __init__(self) -> None:
        self._known: dict[Any, Judgement] = {}

    def __call__(self, test: Kind, values: Values, band: Limits | None, **how: Any) -> Judgement:
        columns = tuple((quantity, array.tobytes()) for quantity, array in values.values.items())
        look = (test, columns, values.levels, band, *how.items())
        if look not in self._known:
            self._known[look] = decision.judge(test, values, band, **how)
        return self._known[look]
