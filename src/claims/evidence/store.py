"""The evidence store: what was measured, once and for all. SQLite in WAL mode, append-only, written by parents only.

A row is one seed of one experiment at one base point, under a key that names everything it depends on. The same key
with another value is an error: it would mean that something it depends on is not in the key.

Every row carries a proof over all that it says, and nothing is read as right that does not prove itself. A row that
fails is named and left alone; an audit measures it again and appends a row of the same key that says which one it
stands in for. Rows are numbered without gaps, and how many were committed is on record inside the store and beside it:
a store that has become shorter says so. What cannot be read any more does not touch the rest: ``merge(sound=True)``
copies all rows that prove themselves into another store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from claims.clock import CLOCK, Clock
from claims.errors import StoreError, StoreNotWritable
from claims.evidence.canonical import canonical_json
from claims.evidence.measure import Records
from claims.evidence.sqlite import writing
from claims.evidence.sqlite.files import DAMAGED, MEMORY, Connect, Say, connect, is_busy, say, stamp
from claims.evidence.sqlite.plausible import content_of, objection
from claims.evidence.sqlite.rows import COLUMNS, Group, Identity, Place, Row, Tally, named, proven, text_of, unproven
from claims.evidence.sqlite.schema import SCHEMA_VERSION, UNPROVEN, lost_guards, version_of
from claims.evidence.sqlite.session import ADVICE, Session, to_read, to_write
from claims.evidence.sqlite.survey import Survey, scan, survey

__all__ = ["DEFAULT_STORE", "MEMORY", "SCHEMA_VERSION", "Group", "Identity", "Row", "Store"]

#: Where evidence is kept unless something else is said, relative to the working directory.
DEFAULT_STORE = Path(".claimbench/evidence.sqlite")

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM evidence"
_SELECT_UNPROVEN = f"SELECT 0, {', '.join(COLUMNS[1:9])}, 0, x'' FROM evidence"
#: Rows that are read at a time where they are too many to be held.
_FETCHED = 500
#: Failing rows that are named one by one.
_NAMED = 5


class Store:
    """An open evidence store. Use as a context manager.

    ``Store(path)`` opens or makes one to append to; ``Store.reading(path)`` changes nothing.
    """

    path: Path
    schema: int

    def __init__(self, path: Path, *, speak: Say = say, clock: Clock = CLOCK, connect: Connect = connect) -> None:
        """Open a store to append to it, or create it. ``MEMORY`` gives one that keeps nothing, and says so.

        Raises:
            StoreError: the file is no store, corrupt, or of another schema.
            StoreNotWritable: the file or its folder cannot be written, or it has to be upgraded first.
        """
        self._begin(to_write(path, speak, clock, connect))
        try:
            writing.prepare(self._session)
        except BaseException:
            self._session.connection.close()
            raise
        self.schema = SCHEMA_VERSION

    @classmethod
    def reading(cls, path: Path, *, speak: Say = say) -> Store:
        """Open a store that is there, and change neither it nor the files beside it.

        Raises:
            StoreError: there is none, or it is corrupt or of another schema.
        """
        self = cls.__new__(cls)
        self._begin(to_read(path, speak))
        try:
            with self._session.translated():
                self.schema = self._session.patiently(lambda: version_of(self._session.connection, path))
        except BaseException:
            self.__exit__()
            raise
        if self.schema == UNPROVEN:
            speak(
                f"{path}: schema {UNPROVEN}, whose rows cannot prove what they say; "
                f"`claimbench evidence upgrade --store {path}` makes one of schema {SCHEMA_VERSION}"
            )
        return self

    @classmethod
    def forgetful(cls, path: Path, *, speak: Say = say) -> Store:
        """Open a store to append to it; one that can only be read, or cannot be made, keeps nothing new, and says so.

        Raises:
            StoreError: the file is no store, corrupt, or of another schema.
        """
        try:
            return cls(path, speak=speak)
        except StoreNotWritable as error:
            speak(f"{error} What is measured now is not kept.")
        if not path.is_file():
            return cls(MEMORY, speak=_silent)
        self = cls.reading(path, speak=speak)
        self._forgets = True
        return self

    def _begin(self, session: Session) -> None:
        self.path, self._session, self._failing = session.path, session, 0
        self._contents: dict[str, dict[str, Any]] = {}
        self._seen: int | None = None
        self._forgets = False

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        at: TracebackType | None = None,
    ) -> None:
        if self._failing > _NAMED:
            more = self._failing - _NAMED
            self._session.say(f"{self.path}: {more:,} more rows failed; `claimbench evidence check` names all")
        if self._session.reader is not None:
            self._session.reader.close()
            return
        try:
            writing.close(self._session)
        except StoreError:
            if error is None:  # else what stopped the audit has to be told
                raise

    def get(self, keys: Iterable[str]) -> dict[str, Row]:
        """The rows of those keys that are stored, and prove themselves."""
        wanted = list(keys)
        # By number: else SQLite would take the key from the index, and the row need not have it.
        proved = f"{_SELECT} WHERE n IN (SELECT n FROM evidence WHERE key IN ({{}}))"
        select = proved if self.schema == SCHEMA_VERSION else f"{_SELECT_UNPROVEN} WHERE key IN ({{}})"
        found: dict[str, Row] = {}
        with self._session.translated():
            for start in range(0, len(wanted), 500):
                chunk = tuple(wanted[start : start + 500])
                self._take(self._session.fetch(select.format(",".join("?" * len(chunk))), chunk), found)
        return found

    def _take(self, raws: Sequence[Sequence[Any]], found: dict[str, Row]) -> None:
        failing = []
        for raw in raws:
            row = self._proven(raw)
            if row is None:
                failing.append(raw)
            elif found.setdefault(row.key, row).records != row.records:
                raise StoreError(f"{self.path}: {row.where()}: two rows with different records. {ADVICE}")
        for raw in failing:
            if text_of(raw[1]) in found:
                continue  # another row stands in for it
            self._failing += 1
            if self._failing <= _NAMED:
                self._session.say(
                    f"{self.path}: {named(raw)} does not say what was written: it is damaged. It is left as it is, and "
                    "measured again where it is needed"
                )

    def _proven(self, raw: Sequence[Any]) -> Row | None:
        """The row, if it proves itself and what its identity stands for is known."""
        row = proven(raw) if self.schema == SCHEMA_VERSION else unproven(raw)
        if row is None:
            return None
        content = self._content(row.identity)
        if self.schema == SCHEMA_VERSION:
            return None if content is None else row
        return None if objection(row, content) else row

    def _content(self, identity: str) -> dict[str, Any] | None:
        """What an identity stands for, read anew if another program has written meanwhile."""
        if identity not in self._contents and self._changed():
            self._read_identities()
        return self._contents.get(identity)

    def _changed(self) -> bool:
        """Whether anything was written since identities were read, here or by another program."""
        version = self._session.run("PRAGMA data_version").fetchone()[0] + self._session.connection.total_changes
        changed, self._seen = version != self._seen, version
        return bool(changed)

    def _read_identities(self) -> None:
        tally = self._tally()
        number = "n" if self.schema == SCHEMA_VERSION else "0 AS n"
        select = f"SELECT {number}, CAST(digest AS BLOB), CAST(content AS BLOB) FROM identities"
        raws = self._session.patiently(
            lambda: list(scan(self._session.connection, select, tally.identities if tally else 0, []))
        )
        pairs = [(text_of(name), text_of(text)) for _, name, text in raws]
        contents = {name: content_of(name, text) for name, text in pairs}
        self._contents = {name: content for name, content in contents.items() if content is not None}

    def _tally(self) -> Tally | None:
        """What the store says of itself, or None if that cannot be read."""
        try:
            return self._session.tally() if self.schema == SCHEMA_VERSION else None
        except DAMAGED as error:
            if is_busy(error):
                raise
            return None

    def identities(self) -> dict[str, dict[str, Any]]:
        """What each identity stands for; one whose content is not the one that it is named by is left out."""
        with self._session.translated():
            self._read_identities()
        return self._contents

    def survey(self, *, strictly: bool = False) -> Survey:
        """Every row, proven or not, and what is wrong with the whole; ``strictly``, also what no audit could write."""
        found = self._survey(None)
        if not strictly:
            return found
        wrong = self.objections(found.rows)
        rows = [row for row in found.rows if row.key not in wrong]
        return Survey(rows, [*found.faults, *wrong.values()], found.superseded)

    def places(self, *, strictly: bool = True) -> Survey:
        """The same with the places of rows in place of rows, which :meth:`fetch` gives: for more than memory holds.

        In a store of the first schema, whose rows have no numbers, it has rows all the same.
        """
        if self.schema != SCHEMA_VERSION:
            return self.survey(strictly=strictly)
        return self._survey(self._objection if strictly else lambda row: "")

    def fetch(self, places: Iterable[Place | Row]) -> Iterator[Row]:
        """The rows at these places, in this order, a few at a time; a row is given back as it is.

        Raises:
            StoreError: a row is not there any more as it was when the store was surveyed.
        """
        rest = iter(places)
        while some := list(islice(rest, _FETCHED)):
            numbers = tuple(place.number for place in some if isinstance(place, Place))
            marks = ",".join("?" * len(numbers))
            with self._session.translated():
                found = self._session.fetch(f"{_SELECT} WHERE n IN ({marks})", numbers) if numbers else []
            raws = {raw[0]: raw for raw in found}
            for place in some:
                if isinstance(place, Row):
                    yield place
                    continue
                row = self._proven(raws[place.number]) if place.number in raws else None
                if row is None or Place.of(row, place.number) != place:
                    raise StoreError(
                        f"{self.path}: {place.where()}: changed by another program while it was read; "
                        "run the command again"
                    )
                yield row

    def _survey(self, objects: Callable[[Row], str] | None) -> Survey:
        session = self._session
        with session.translated():
            self._read_identities()
            count = session.count()  # before the rows are: a writer may go on
            found = session.patiently(
                lambda: survey(session.connection, self.schema, self._tally, count, self._proven, objects=objects)
            )
            if session.reader is not None and session.reader.frozen not in (None, stamp(session.file)):
                raise StoreError(f"{self.path}: changed by another program while it was read; run the command again")
        return found

    def _objection(self, row: Row) -> str:
        return objection(row, self._content(row.identity))

    def objections(self, rows: Iterable[Row]) -> dict[str, str]:
        """By key and in words, why no audit can have written a row; nothing of those that one can have written."""
        found = ((row, self._objection(row)) for row in rows)
        return {row.key: f"{row.where()}: {words}" for row, words in found if words}

    def damage(self) -> list[str]:
        """What SQLite finds wrong with the file, and which guards are gone."""
        with self._session.translated():
            texts = [text_of(text) for (text,) in self._session.fetch("PRAGMA integrity_check")]
            gone = lost_guards(self._session.connection) if self.schema == SCHEMA_VERSION else []
        guards = [f"the guard {name} is gone; the next audit that measures something restores it" for name in gone]
        return [*(text for text in texts if text != "ok"), *guards]

    def rows(self) -> Iterator[Row]:
        """Every row, in a stable order.

        Raises:
            StoreError: a row fails, or some are missing; names them.
        """
        found = self.survey()
        found.refuse(self.path)
        yield from found.rows

    def groups(self) -> list[Group]:
        """What the store holds, counted; in a stable order.

        Raises:
            StoreError: a row fails, or some are missing; names them.
        """
        found = self.survey()
        found.refuse(self.path)
        return found.groups()

    def put(
        self,
        identity: Identity,
        experiment: str,
        base: Mapping[str, Any],
        measured: Iterable[tuple[int, Records, float]],
    ) -> None:
        """Store what a task measured, in one transaction.

        Raises:
            ConflictingEvidence: a seed is stored already with another value.
            StoreError: the store cannot be written, or was deleted or replaced meanwhile.
        """
        now = self._session.clock.now().isoformat(timespec="seconds")
        text = canonical_json(dict(base))
        rows = [
            Row(
                identity.key(base, seed), experiment, text, seed, identity.digest, canonical_json(records), seconds, now
            )
            for seed, records, seconds in measured
        ]
        self._insert({identity.digest: identity.content}, rows)

    def merge(self, other: Store, *, sound: bool = False) -> int:
        """Copy another store's rows into this one, all or none; the number that was new.

        Raises:
            ConflictingEvidence: both have a key, with different values.
            StoreError: a row of the other fails, or is none that an audit could have written. With ``sound`` such rows
                are left out, and everything else is copied.
        """
        found = other.survey(strictly=True)
        if not sound:
            found.refuse(other.path, "Nothing was copied.")
        return self.take(found.rows, other.identities())

    def take(self, rows: Sequence[Row], contents: Mapping[str, Mapping[str, Any]]) -> int:
        """Append rows of another store that a strict survey of it has found sound; the number that was new.

        Raises:
            ConflictingEvidence: one is here with other records.
        """
        used = sorted({row.identity for row in rows})
        return self._insert({name: canonical_json(contents[name]) for name in used}, rows)

    def _insert(self, identities: Mapping[str, str], rows: Sequence[Row]) -> int:
        if self._forgets:
            return 0
        if self._session.reader is not None:
            raise StoreNotWritable(f"{self.path}: opened for reading")
        return writing.insert(self._session, identities, rows, self._proven) if rows else 0


def _silent(text: str) -> None:
    """For whom it was said already."""
