"""Measuring stored rows again, and comparing their bits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from claims.errors import ClaimsError, InvalidDeclaration
from claims.evidence.canonical import canonical_json
from claims.evidence.data import data_digests
from claims.evidence.devices import CPU
from claims.evidence.fingerprint import code_fingerprint, code_named, environment_like
from claims.evidence.measure import Task, measure
from claims.evidence.sqlite.rows import Row
from claims.experiment import point_of
from claims.names import address_of
from claims.subject import NOBODY, Subject


@dataclass(frozen=True, slots=True)
class Remeasured:
    """What came of measuring again.

    Attributes:
        same: rows whose records are the same to the bit.
        elsewhere: rows passed over: of other code, another machine or another model than those at hand.
        faults: in words, rows that came out otherwise, or did not come out at all.
    """

    same: int = 0
    elsewhere: int = 0
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """In words."""
        measured = self.same + len(self.faults)
        return [
            f"{measured:,} measured again, {self.same:,} the same to the bit; {self.elsewhere:,} passed over, "
            "of other code, another machine or model"
        ]


def remeasure_rows(
    rows: Iterable[Row],
    contents: Mapping[str, Mapping[str, Any]],
    *,
    count: int,
    paths: tuple[str, ...] = (),
    model: str | None = None,
    text: str | None = None,
) -> Remeasured:
    """Measure the first ``count`` of the rows that can be measured here, one after the other, in this process."""
    here = _Here(paths, model, text)
    same, elsewhere = 0, 0
    faults: list[str] = []
    for row in rows:
        if same + len(faults) == count:
            break
        task = here.task(row, contents[row.identity])
        if task is None:
            elsewhere += 1
            continue
        (outcome,) = measure(task)
        if outcome.unavailable and task.device != CPU:
            elsewhere += 1
        elif outcome.records is None:
            faults.append(f"{row.where()}: cannot be measured again: {outcome.error or outcome.unavailable}")
        elif (now := canonical_json(outcome.records)) != row.records:
            faults.append(
                f"{row.where()}: measured again with another result\n  stored: {row.records}\n  now:    {now}"
            )
        else:
            same += 1
    return Remeasured(same, elsewhere, faults)


def _same_data(data: Mapping[str, str], address: str) -> bool:
    """Whether the data that a row was measured with are those at hand."""
    try:
        return data_digests(data, address) == data
    except InvalidDeclaration:  # they are not here
        return False


class _Here:
    """What can be measured on this machine: its arithmetic, its code, its model."""

    def __init__(self, paths: tuple[str, ...], model: str | None, text: str | None) -> None:
        self.paths, self.model, self.text = paths, model, text
        self.codes: dict[tuple[str, ...], str] = {}
        self.subject: Subject | None = None

    def task(self, row: Row, content: Mapping[str, Any]) -> Task | None:
        """The task that measures a row again; None if its code, machine or model are not those at hand."""
        base = point_of(json.loads(row.base))
        address = address_of(row.experiment)
        named = code_named(address, base)
        if named not in self.codes:
            self.codes[named] = code_fingerprint(*named)
        here = environment_like(content["environment"])
        if content["environment"] != here or content["code"] != self.codes[named]:
            return None
        data = content.get("data", {})
        if not _same_data(data, address):
            return None
        subject = None
        if (wanted := content.get("subject")) is not None:
            subject = self._subject()
            if subject.identity("model" if "model" in wanted else "text") != wanted:
                return None
        return Task(
            name=row.experiment,
            address=address,
            base=base,
            sweep=tuple((name, tuple(levels)) for name, levels in content["sweep"].items()),
            epoch=content["epoch"] or 0,  # published seeds are stored under no epoch
            seeds=(row.seed,),
            paths=self.paths,
            code=self.codes[named],
            data=tuple(data.items()),
            subject=subject,
            device=here["device"],
            audited=here["device"],
        )

    def _subject(self) -> Subject:
        if self.subject is None:
            from claims.models.subjects import subject_of

            try:
                self.subject = subject_of(self.model, self.text)
            except ClaimsError:
                if self.model is not None or self.text is not None:
                    raise
                self.subject = NOBODY
        return self.subject
