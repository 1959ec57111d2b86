"""One number a seed of every point of a result or a store: what two of them are compared by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.auditing.results import PointResult
from claims.auditing.trial import sample_of
from claims.catalogue import Catalogue
from claims.claim import Claim
from claims.comparing.holding import read_holding
from claims.comparing.sources import is_store
from claims.comparing.stored import Decided, decide
from claims.errors import BadOption
from claims.evidence.canonical import canonical_json
from claims.kinds.base import GivesSeeds, Values
from claims.kinds.proportion import Proportion
from claims.kinds.ratio import Ratio
from claims.report.document import LATEST, load_result
from claims.report.words import at_words
from claims.verdict import Tier

if TYPE_CHECKING:
    import numpy as np

#: Name of a point: the claim's id, the reading ("" as declared), the coordinates as canonical JSON.
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured at one point.

    Attributes:
        id, at, locus: whose point it is, in words.
        meant: what has to be the same for two to be compared: statement, how it is read, kind.
        epoch: root of its streams; None of published ones, which are the same in every epoch.
        estimate: of the claim's statistic.
        values: one number a seed, from seed 0 on, whose mean is the estimate; empty where there are none.
        evaluated: whether the estimate is computed rather than sampled.
        why: why there are no values, in words.
    """

    id: str
    at: str
    locus: str
    meant: Mapping[str, str]
    epoch: int | None
    estimate: float | None
    values: tuple[float, ...]
    evaluated: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Samples:
    """One side of a comparison."""

    name: str
    what: str
    environment: Mapping[str, str]
    points: Mapping[Key, Sample]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What it is, as plain data."""
        return {
            "name": self.name, "what": self.what, "notes": list(self.notes), "environment": dict(self.environment)
        }  # fmt: skip


def samples_of(
    path: Path, option: str, catalogue: Callable[[], Catalogue], *, tier: Tier, epoch: int | None
) -> Samples:
    """The samples of a result or a store.

    Raises:
        BadOption: it is neither.
        InvalidResult: the file is no result.
        StoreError: the store cannot be used.
    """
    if path.is_file() and is_store(path):
        decided = decide(read_holding(path), catalogue(), tier=tier, epoch=epoch)
        return Samples(str(path), "store", decided.result.environment, dict(_of_store(decided)), decided.notes)
    if not path.is_file() and not (path / LATEST).is_file():
        allowed = f"a result (JSON), a store (SQLite), or a folder with {LATEST}; revisions have no seeds to compare"
        raise BadOption(option, str(path), allowed)
    document = load_result(path)
    return Samples(str(path), "result", document["environment"], dict(_of_result(document)))


def _of_result(document: Mapping[str, Any]) -> Iterator[tuple[Key, Sample]]:
    """Its points; of a claim without any, nothing can be compared, which is said of the claim."""
    for claim in document["claims"]:
        meant = {"statement": claim["statement"], "read as": claim["read_as"] or "", "kind": claim["kind"]}
        points = claim["points"] or [{**claim, "at": {}, "values": []}]
        for point in points:
            values, why = tuple(point.get("values", ())), ""
            if not claim["points"]:
                why = "the result keeps no points"
            elif not values:
                why = f"a result keeps no number a seed of kind {claim['kind']}: name the store"
            yield (
                (claim["id"], "", canonical_json(point["at"])),
                Sample(
                    id=claim["id"],
                    at=at_words(point["at"]),
                    locus=claim["locus"],
                    meant=meant,
                    epoch=document["epoch"],
                    estimate=point["estimate"],
                    values=values,
                    evaluated=point["alpha"] is None and point["band"] is not None and not values,
                    why=why,
                ),
            )


def _of_store(decided: Decided) -> Iterator[tuple[Key, Sample]]:
    for claim in decided.result.claims:
        for read in claim.read:
            name = "" if read.reading is None else str(read.reading)
            for point in read.points:
                key = (claim.claim.id, name, canonical_json(dict(point.trial.point)))
                yield key, _sample(claim.claim, name, point, decided)


def _sample(claim: Claim, reading: str, point: PointResult, decided: Decided) -> Sample:
    trial = point.trial
    words = at_words(dict(trial.point))
    values, why = _values(point, decided)
    published = all(each.published for each in trial.measurements())
    return Sample(
        id=claim.id,
        at=", ".join(filter(None, (f"read as {reading}" if reading else "", words))),
        locus=claim.locus,
        meant={"statement": claim.statement, "read as": claim.read_as, "kind": trial.claim.kind},
        epoch=None if published else decided.result.plan.epoch,
        estimate=point.judgement.estimate,
        values=values,
        evaluated=not trial.claim.test.sequential and trial.band is not None,
        why=why,
    )


def _values(point: PointResult, decided: Decided) -> tuple[tuple[float, ...], str]:
    """One number a seed of the main block; or why there are none."""
    trial = point.trial
    reduce = _REDUCED.get(type(trial.claim.test)) or (_per_seed if isinstance(trial.claim.test, GivesSeeds) else None)
    if reduce is None:
        return (), f"kind {trial.claim.kind} makes no number a seed"
    if not trial.main_seeds:
        return (), point.judgement.reason or f"{point.verdict}"
    sample = sample_of(trial, range(trial.main_seeds), lambda made, seed: decided.outcomes.get((made, seed)))
    return tuple(float(value) for value in reduce(trial.claim.test, sample)), ""


def _per_seed(test: Any, sample: Values) -> np.ndarray:
    made: np.ndarray = test.per_seed(sample)
    return made


def _linearised(u: np.ndarray, v: np.ndarray) -> Sequence[float]:
    """Influence of each seed on mean(u) / mean(v), shape (seeds,): their mean is the ratio, their spread its error.

    The infinitesimal jackknife (Efron 1982, chapter 6); nothing where the mean of v is zero.
    """
    mean = v.mean()
    if mean == 0:
        return ()
    ratio = u.mean() / mean
    return tuple(ratio + (u - ratio * v) / mean)


#: Kinds whose statistic is a ratio of means, by how seeds make numerator and denominator.
_REDUCED: Mapping[type, Callable[[Any, Values], Sequence[float]]] = {
    Ratio: lambda test, sample: _linearised(sample.of(test.numerator), sample.of(test.denominator)),
    Proportion: lambda test, sample: _linearised(sample.of(test.successes), sample.of(test.trials)),
}
