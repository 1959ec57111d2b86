"""A survey of a store: every row that proves itself, every one that does not, and what is missing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claims.errors import StoreError
from claims.evidence.sqlite.files import DAMAGED, Count, is_busy
from claims.evidence.sqlite.rows import COLUMNS, Group, Place, Row, Tally, named
from claims.evidence.sqlite.schema import UNPROVEN
from claims.report.visible import visible

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM evidence NOT INDEXED"
_SELECT_UNPROVEN = f"SELECT 0, {', '.join(COLUMNS[1:9])}, 0, x'' FROM evidence"
#: Faults that an error names.
_NAMED = 5

Proven = Callable[[Sequence[Any]], Row | None]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a store holds.

    Attributes:
        rows: those that prove themselves, each key once, by experiment, base point, identity and seed.
        faults: in words, whatever does not, is missing, or contradicts the rest.
        superseded: in words, rows that failed and were measured again; they are nobody's concern any more.
        places: of a survey that does not hold the rows, where they are, in the same order.
    """

    rows: list[Row]
    faults: list[str] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def refuse(self, path: Path, outcome: str = "Nothing was deleted.") -> None:
        """Raise StoreError if anything is wrong; names it."""
        if not self.faults:
            return
        words = "".join(f"\n  {fault}" for fault in self.faults[:_NAMED])
        more = len(self.faults) - _NAMED
        words += f"\n  and {more:,} more; `claimbench evidence check --store {path}` names all" if more > 0 else ""
        raise StoreError(
            f"{path}: {counted_faults(len(self.faults))}:{words}\n{outcome} "
            f"--sound takes what is sound: claimbench evidence import {path} --sound --store NEW"
        )

    def groups(self) -> list[Group]:
        """The rows counted by experiment, base point and identity; in a stable order."""
        members: dict[tuple[str, str, str], list[Row]] = {}
        for row in self.rows:
            members.setdefault((row.experiment, row.base, row.identity), []).append(row)
        groups = []
        for name, rows in members.items():
            times = [row.measured_at for row in rows]
            groups.append(Group(*name, len(rows), sum(row.seconds for row in rows), min(times), max(times)))
        return sorted(groups, key=lambda group: (group.experiment, group.base, group.first, group.identity))


def counted_faults(count: int) -> str:
    """Faults in words."""
    return f"{count:,} fault{'' if count == 1 else 's'}"


def survey(
    connection: sqlite3.Connection,
    schema: int,
    tally: Callable[[], Tally | None],
    count: Count | None,
    proven: Proven,
    *,
    objects: Callable[[Row], str] | None = None,
) -> Survey:
    """Read everything, as it was at one moment. Rows on pages that cannot be read are faults like any other.

    With ``objects``, which says in words what is wrong with a row, it has the places of rows in place of them.
    """
    if schema == UNPROVEN:
        return _survey_unproven(connection, proven)
    connection.execute("BEGIN")
    try:
        return _survey(connection, tally(), count, proven, objects)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _survey(
    connection: sqlite3.Connection,
    tally: Tally | None,
    count: Count | None,
    proven: Proven,
    objects: Callable[[Row], str] | None,
) -> Survey:
    known = count if count is not None and (tally is None or count.store == tally.store) else None
    expected = max(tally.rows if tally else 0, known.rows if known else 0)
    faults: list[str] = []
    failing: list[Sequence[Any]] = []
    kept: dict[str, Row] = {}
    places: dict[bytes, Place] = {}
    numbers, replaced, replaced_keys = set[int](), set[int](), set[bytes]()
    wrong: dict[bytes, str] = {}
    for raw in scan(connection, _SELECT, expected, faults):
        numbers.add(raw[0])
        row = proven(raw)
        if row is None:
            failing.append(raw)
            continue
        if raw[9]:
            replaced.add(raw[9])
            replaced_keys.add(raw[1])
        if objects is None:
            same = kept.setdefault(row.key, row).records == row.records
        else:
            place = Place.of(row, raw[0])
            first = places.setdefault(place.key, place)
            same = first.records == place.records
            if first is place and (words := objects(row)):
                wrong[place.key] = f"{row.where()}: {words}"
        if not same:
            faults.append(f"{row.where()}: two rows with different records")
    done = {raw[0] for raw in failing if raw[0] in replaced or raw[1] in replaced_keys}
    faults += [_words(raw) for raw in failing if raw[0] not in done]
    faults += _missing(numbers, expected, replaced)
    faults += _faults_of_the_whole(connection, tally, known, len(numbers))
    found = sorted(places.values(), key=_order)
    faults += [wrong[place.key] for place in found if place.key in wrong]
    return Survey(
        rows=sorted(kept.values(), key=_order),
        faults=faults,
        superseded=[_words(raw) for raw in failing if raw[0] in done],
        places=[place for place in found if place.key not in wrong] if wrong else found,
    )


def _order(row: Row | Place) -> tuple[str, str, str, int]:
    return row.experiment, row.base, row.identity, row.seed


def _words(raw: Sequence[Any]) -> str:
    return f"{named(raw)} does not say what was written: it is damaged"


def _survey_unproven(connection: sqlite3.Connection, proven: Proven) -> Survey:
    rows, faults = [], []
    for raw in connection.execute(_SELECT_UNPROVEN):
        row = proven(raw)
        if row is None:
            faults.append(f"{named(raw)} is none that an audit could have written")
        else:
            rows.append(row)
    return Survey(sorted(rows, key=_order), faults)


def scan(connection: sqlite3.Connection, select: str, last_number: int, faults: list[str]) -> Iterator[Sequence[Any]]:
    """Raw columns, the number first, of every row: in one pass, and behind a page that cannot be read one by one."""
    last = 0
    try:
        for raw in connection.execute(f"{select} ORDER BY n"):
            yield raw
            last = raw[0]
        return
    except DAMAGED as error:
        if is_busy(error):
            raise
        faults.append(f"behind number {last} of {select.partition(' FROM ')[2].split()[0]}: {visible(error)}")
    for number in range(last + 1, last_number + 1):
        try:
            found = connection.execute(f"{select} WHERE n = ?", (number,)).fetchone()
        except DAMAGED:
            continue  # counted as missing
        if found is not None:
            yield found


def _missing(numbers: set[int], expected: int, replaced: set[int]) -> list[str]:
    """Row numbers that were given away and are not there, as ranges."""
    lost = [number for number in range(1, expected + 1) if number not in numbers and number not in replaced]
    ranges: list[list[int]] = []
    for number in lost:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return [f"row {a} is missing" if a == b else f"rows {a} to {b} are missing" for a, b in ranges]


def _faults_of_the_whole(
    connection: sqlite3.Connection, tally: Tally | None, known: Count | None, held: int
) -> list[str]:
    faults = []
    if tally is None:
        faults.append("its tally is damaged: rows may be missing")
    elif tally.open and known is None:
        faults.append("it was not closed, and nothing says how many rows it had: rows may be missing")
    try:
        indexed = connection.execute("SELECT count(*) FROM evidence INDEXED BY evidence_key").fetchone()[0]
        names = connection.execute("SELECT count(*) FROM identities").fetchone()[0]
    except DAMAGED as error:
        return [*faults, visible(error)]
    if indexed != held:
        faults.append(f"its index has {indexed:,} entries for {held:,} rows")
    if tally is not None and names != tally.identities:
        faults.append(f"it has {names:,} identities of {tally.identities:,}")
    return faults
