"""The courses of trials, kept by everything that they follow from: what has not changed is not decided again.

From its first look to its end a trial is a function of its test, its band and its levels, and of the records of its
seeds. The key of its course has the former, the course a digest of the latter, and both lie in what is kept beside the
store, which belongs to one harness, one Python and one machine (:mod:`claims.evidence.kept`). So whatever changes is
decided anew: a look, an edge, the last bit of a seed, a line of the code that decides, a release of numpy.

What a test is made of can be told of plain data and of what the harness itself defines. A test with anything else in
it, a function of a pack for instance, is decided anew in every audit, and so is one that reads files.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import FunctionType
from typing import Any

from claims.auditing.shape import Shape
from claims.auditing.trial import Confirmation, Look, Lookup, Trial
from claims.evidence.fingerprint import arithmetic
from claims.evidence.kept import current, defined_by_harness
from claims.kinds.base import Judgement, ReadsFiles, offers
from claims.streams import CONFIRM_OFFSET
from claims.verdict import ERROR, UNAVAILABLE, Verdict


@dataclass(frozen=True, slots=True)
class Course:
    """How a trial went, as plain data, and a digest of the records of the seeds that it rests on."""

    said: Mapping[str, Any]
    records: str

    def seeds(self) -> list[int]:
        """The seeds that it rests on."""
        return list(_seeds(self.said["looks"]))


class Courses:
    """Those that are kept, where anything is."""

    def __init__(self) -> None:
        self._kept = current()
        self._machine = "" if self._kept is None else arithmetic()
        self._contents = _Contents()

    def of(self, trial: Trial) -> Course | None:
        """The course that a trial of these terms took; None where none is kept."""
        if self._kept is None or not (key := self._key(trial)):
            return None
        text = self._kept.get(key)
        return None if text is None else Course(*json.loads(text))

    def keep(self, trial: Trial, outcomes: Lookup) -> None:
        """Keep the course of a trial that was decided, if it follows from records, and plain data can say it."""
        if self._kept is None or trial.main is None or trial.final is None:
            return
        if trial.final.verdict in (ERROR, UNAVAILABLE) or not (key := self._key(trial)):
            return
        said = _said(trial, trial.final)
        course = [said, _records(trial, _seeds(said["looks"]), outcomes)]
        try:
            text = json.dumps(course, separators=(",", ":"))
        except TypeError:
            return
        if all(course) and json.loads(text) == course:  # neither NaN nor a tuple, which would not come back as such
            self._kept.put(key, text)

    def _key(self, trial: Trial) -> str:
        """Everything that a trial's course follows from but records; empty where that cannot be told."""
        if offers(trial.claim.test, ReadsFiles):
            return ""
        try:
            return f"course {self._contents.digest([self._machine, *trial.terms()])}"
        except _Untold:
            return ""


def follow(trial: Trial, course: Course, outcomes: Lookup) -> bool:
    """Bring a trial to the end of a course, if the records that it rests on are those of now."""
    if course.records != _records(trial, course.seeds(), outcomes):
        return False
    looks = [Look(seeds, confirming, _judgement(plain)) for seeds, confirming, plain in course.said["looks"]]
    main = [look for look in looks if not look.confirming][-1]
    trial.history, trial.main, trial.main_seeds = looks, main.judgement, main.seeds
    if looks[-1].confirming:
        trial.confirming, trial.confirmation = True, Confirmation(looks[-1].judgement, looks[-1].seeds)
    final, shape = course.said["final"], course.said["shape"]
    trial.final = main.judgement if final is None else _judgement(final)
    trial.shape = None if shape is None else Shape(*shape)
    trial.drawn = tuple(course.said["drawn"])
    return True


def _said(trial: Trial, final: Judgement) -> dict[str, Any]:
    """The course of a trial to its end, as plain data."""
    return {
        "looks": [[look.seeds, look.confirming, _plain(look.judgement)] for look in trial.history],
        "final": None if final is trial.main else _plain(final),
        "shape": None if trial.shape is None else [getattr(trial.shape, each.name) for each in fields(trial.shape)],
        "drawn": list(trial.drawn),
    }


def _plain(judged: Judgement) -> list[Any]:
    interval = None if judged.interval is None else list(judged.interval)
    return [judged.verdict.value, judged.estimate, interval, judged.reason, dict(judged.detail), list(judged.misses)]


def _judgement(plain: list[Any]) -> Judgement:
    verdict, estimate, interval, reason, detail, misses = plain
    return Judgement(
        verdict=Verdict(verdict),
        estimate=estimate,
        interval=None if interval is None else (interval[0], interval[1]),
        reason=reason,
        detail=detail,
        misses=tuple(misses),
    )


def _seeds(looks: Iterable[list[Any]]) -> Iterator[int]:
    """The seeds of all looks, each once."""
    most = {confirming: seeds for seeds, confirming, _ in looks}
    for confirming, seeds in most.items():
        start = CONFIRM_OFFSET if confirming else 0
        yield from range(start, start + seeds)


def _records(trial: Trial, seeds: Iterable[int], outcomes: Lookup) -> str:
    """A digest of what some seeds gave; empty where one of them is not there."""
    whole = hashlib.sha256()
    for seed in seeds:
        for measurement in trial.measurements():
            outcome = outcomes(measurement, seed)
            if outcome is None or not outcome.seal:
                return ""
            whole.update(outcome.seal)
    return whole.hexdigest()


class _Untold(Exception):
    """Something has parts that no plain data say."""


class _Contents:
    """What values are made of, as digests: the same of two values only if whatever looks at them finds the same."""

    def __init__(self) -> None:
        self._encode = json.JSONEncoder(default=self._told, separators=(",", ":"), check_circular=False).encode
        self._digests: dict[int, tuple[object, str]] = {}

    def digest(self, value: object) -> str:
        """Of plain data and what the harness defines.

        Raises:
            _Untold: there is anything else in it.
        """
        try:
            return hashlib.sha256(self._encode(value).encode()).hexdigest()
        except (TypeError, ValueError, RecursionError) as error:  # odd keys, a cell that is empty, a function in itself
            raise _Untold from error

    def _told(self, value: object) -> str:
        """What stands for a value that is no plain data: claims share experiments and quantities."""
        if id(value) not in self._digests:
            self._digests[id(value)] = value, self.digest(_parts(value))
        return self._digests[id(value)][1]


def _parts(value: object) -> list[object]:
    """What a value of the harness is made of, after what makes something of it."""
    if isinstance(value, FunctionType) and defined_by_harness(value.__globals__["__name__"]):
        code = value.__code__
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        # where it is written: two lambdas of one line have one name
        where = [value.__globals__["__name__"], value.__qualname__, code.co_firstlineno, code.co_linetable.hex()]
        return [*where, value.__defaults__, value.__kwdefaults__, *cells]
    kind = type(value)
    if is_dataclass(kind) and defined_by_harness(kind.__module__):
        return [kind.__module__, kind.__qualname__, *(getattr(value, name) for name in _names(kind))]
    raise _Untold(f"{kind.__module__}.{kind.__qualname__}")


@functools.cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))
