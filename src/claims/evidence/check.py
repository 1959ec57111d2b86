"""Checking a store: the file, its tables and guards, each row's proof, key and identity, and on request its bits."""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from claims.evidence.remeasure import Remeasured, remeasure_rows
from claims.evidence.sqlite.rows import Place, Row
from claims.evidence.sqlite.schema import SCHEMA_VERSION
from claims.evidence.sqlite.survey import counted_faults
from claims.evidence.store import Store


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. ``faults`` is empty if all is well; ``superseded`` are rows that were measured again."""

    store: str
    schema: int
    rows: int
    checked: int
    identities: int
    faults: list[str] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)
    remeasured: Remeasured | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    def lines(self) -> list[str]:
        """In words."""
        what = "all of them" if self.checked == self.rows else f"{self.checked:,} of them, chosen at random"
        lines = [
            f"{self.store}: schema {self.schema}, {self.rows:,} rows, {self.identities:,} identities; checked {what}"
        ]
        if self.schema < SCHEMA_VERSION:
            lines.append(f"rows of schema {self.schema} carry no proof: a digit that changed cannot be noticed")
        lines += [f"measured again already: {words}" for words in self.superseded]
        if self.remeasured is not None:
            lines += self.remeasured.lines()
        lines += [f"FAULT {words}" for words in self.faults]
        lines.append(counted_faults(len(self.faults)) if self.faults else "nothing is wrong")
        return lines


def check(
    path: Path,
    *,
    sample: int | None = None,
    remeasure: int | None = None,
    paths: Sequence[str] = (),
    model: str | None = None,
    text: str | None = None,
) -> Report:
    """Check a store without changing it.

    Args:
        path: the store.
        sample: how many rows, chosen at random, are held to what an audit could have written; None is all. That every
            row proves itself and none is missing is looked at always.
        remeasure: how many rows to measure again.
        paths: folders of claim files, whose experiments may have to be imported.
        model: the trained model of rows about one, as ``--model`` has it.
        text: its text.

    Raises:
        StoreError: there is no store, or it cannot be opened.
    """
    draw = random.Random(secrets.randbits(64))
    with Store.reading(path) as store:
        found = store.places(strictly=False)
        damage = store.damage()
        identities = store.identities()
        schema = store.schema
        there: list[Place | Row] = [*found.places, *found.rows]
        chosen = there if sample is None or sample >= len(there) else draw.sample(there, sample)
        objections = store.objections(store.fetch(chosen))
        faults = [*damage, *found.faults, *objections.values()]
        again = None
        if remeasure is not None:
            rows = store.fetch(draw.sample(there, len(there)))
            again = remeasure_rows(rows, identities, count=remeasure, paths=tuple(paths), model=model, text=text)
            faults += again.faults
    return Report(str(path), schema, len(there), len(chosen), len(identities), faults, found.superseded, again)
