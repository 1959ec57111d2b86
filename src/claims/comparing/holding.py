"""What a store holds, whoever measured it: seeds by experiment, base point, sweep and epoch, by what made them.

An audit looks up what its own code would measure on this machine. Whoever compares stores wants what is there, from
other machines and of other code too. Seeds of different code, data, numerics class or subject are never mixed: they
are kept apart as *series*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.auditing.trial import Measurement
from claims.evidence.canonical import canonical_json
from claims.evidence.devices import CPU
from claims.evidence.measure import Outcome
from claims.evidence.sqlite.rows import Row
from claims.evidence.store import Store

#: What has to be the same for seeds to be of one series, by what it is called in words.
MADE_BY = {"code": "code", "data": "data", "environment": "numerics class", "subject": "subject"}


@dataclass(frozen=True, slots=True)
class Series:
    """Seeds of one experiment at one base point, measured under one identity.

    Attributes:
        content: what the identity stands for.
        rows: by seed index.
        number: of the identity, in the order in which the store got to know them.
    """

    content: Mapping[str, Any]
    rows: Mapping[int, Row]
    number: int

    @property
    def epoch(self) -> int | None:
        """The root of its streams; None of published ones."""
        epoch: int | None = self.content["epoch"]
        return epoch

    @property
    def when(self) -> tuple[str, int]:
        """When its last seed was measured: to the second, then in the order of the store."""
        return max(row.measured_at for row in self.rows.values()), self.number

    def made_by(self) -> dict[str, Any]:
        """Code, data, numerics class and subject."""
        return {name: self.content.get(name) for name in MADE_BY}

    def outcome(self, seed: int) -> Outcome | None:
        """What a seed gave; None if it is not there."""
        row = self.rows.get(seed)
        if row is None:
            return None
        device = (self.content.get("environment") or {}).get("device", CPU)
        return Outcome.stored(seed, row.records, row.seconds, device)


@dataclass(frozen=True, slots=True)
class Holding:
    """Everything that a store holds, by experiment, base point and sweep."""

    path: Path
    series: Mapping[tuple[str, str, str], tuple[Series, ...]]

    def of(self, measurement: Measurement) -> tuple[Series, ...]:
        """The series of a measurement, in the order in which they were last added to."""
        sweep = {name: list(levels) for name, levels in measurement.sweep}
        key = (measurement.name, canonical_json(dict(measurement.base)), canonical_json(sweep))
        return self.series.get(key, ())

    def epochs(self) -> tuple[int, ...]:
        """Every epoch, the one of which something was measured last at the end."""
        found: dict[int, tuple[str, int]] = {}
        for each in (each for several in self.series.values() for each in several):
            if each.epoch is not None:
                found[each.epoch] = max(each.when, found.get(each.epoch, each.when))
        return tuple(sorted(found, key=lambda epoch: found[epoch]))


def read_holding(path: Path) -> Holding:
    """What a store holds; it is only read.

    Raises:
        StoreError: there is none, it cannot be used, or a row of it fails.
    """
    with Store.reading(path) as store:
        found = store.survey(strictly=True)
        contents = store.identities()
    found.refuse(path, "Nothing was compared.")
    return Holding(path, _series(found.rows, contents))


def _series(
    rows: Iterable[Row], contents: Mapping[str, Mapping[str, Any]]
) -> dict[tuple[str, str, str], tuple[Series, ...]]:
    members: dict[tuple[str, str, str], dict[str, dict[int, Row]]] = {}
    numbers = {name: number for number, name in enumerate(contents)}
    sweeps = {name: canonical_json(content["sweep"]) for name, content in contents.items()}
    for row in rows:
        key = (row.experiment, row.base, sweeps[row.identity])
        members.setdefault(key, {}).setdefault(row.identity, {})[row.seed] = row
    return {
        key: tuple(sorted(_apart(found, contents, numbers), key=lambda each: each.when))
        for key, found in members.items()
    }


def _apart(
    found: Mapping[str, Mapping[int, Row]], contents: Mapping[str, Mapping[str, Any]], numbers: Mapping[str, int]
) -> Iterable[Series]:
    return (Series(contents[name], seeds, numbers[name]) for name, seeds in found.items())
