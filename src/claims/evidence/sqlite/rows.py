"""What a row of evidence says, and how it proves that it says what was written.

A row's proof is a BLAKE2b digest of sixteen bytes over everything in it: its number, key, experiment, base point, seed,
identity, records, seconds, time, and the number of the row that it stands in for. An identity needs none of its own: it
is named by the SHA-256 of its content.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from claims.evidence.canonical import canonical_json, digest
from claims.report.visible import visible

#: The columns that a proof is over, in the order of the table; the proof is the last one.
COLUMNS = (
    "n", "key", "experiment", "base", "seed", "identity", "records", "seconds", "measured_at", "supersedes", "proof"
)  # fmt: skip
_HEAD = struct.Struct("<qqqd6I")
_TALLY = struct.Struct("<16sqqq")


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything a measurement depends on but its base point and seed: experiment, sweep, epoch, code, machine."""

    content: str
    digest: str

    @staticmethod
    def of(content: Mapping[str, Any]) -> Identity:
        """The identity of a canonical mapping."""
        return Identity(canonical_json(content), digest(content).hex())

    def key(self, base: Mapping[str, Any], seed: int) -> str:
        """Key of one seed at one base point: SHA-256 of the canonical JSON of this digest, the point and the seed."""
        return self.keys(base, [seed])[seed]

    def keys(self, base: Mapping[str, Any], seeds: Iterable[int]) -> dict[int, str]:
        """Keys of some seeds at one base point, of which all but the seed is written once."""
        head = canonical_json([self.digest, dict(base)])[:-1]
        return {seed: hashlib.sha256(f"{head},{seed}]".encode()).hexdigest() for seed in seeds}


class Row(NamedTuple):
    """One seed's evidence, as stored."""

    key: str
    experiment: str
    base: str
    seed: int
    identity: str
    records: str
    seconds: float
    measured_at: str

    def where(self) -> str:
        """Experiment, point and seed, in words."""
        return f"{self.experiment} at {self.base}, seed {self.seed}"


class Place(NamedTuple):
    """Where one seed's evidence is in a store, and a digest of its records: what a row is while there are many."""

    key: bytes
    experiment: str
    base: str
    seed: int
    identity: str
    records: bytes
    number: int

    @staticmethod
    def of(row: Row, number: int) -> Place:
        """Of a row under its number; texts that many rows share are held once."""
        texts = (sys.intern(text) for text in (row.experiment, row.base, row.identity))
        experiment, base, identity = texts
        return Place(_short(row.key), experiment, base, row.seed, identity, _short(row.records), number)

    def where(self) -> str:
        """Experiment, point and seed, in words."""
        return f"{self.experiment} at {self.base}, seed {self.seed}"


def _short(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


class Group(NamedTuple):
    """The seeds of one experiment at one base point under one identity, and what they cost together."""

    experiment: str
    base: str
    identity: str
    seeds: int
    seconds: float
    first: str
    last: str


class Tally(NamedTuple):
    """What a store says of itself as a whole.

    Attributes:
        store: drawn when it was made; tells it from others of the same name.
        rows: the last row number that was given away, and so the number of rows if none is missing.
        identities: the same of identities.
        open: 1 from the first write until the last writer closes it. A file that says 1 while its write-ahead log is
            gone has lost what was in that.
    """

    store: bytes
    rows: int
    identities: int
    open: int

    def proof(self) -> bytes:
        """Digest over all of it."""
        return _digest(_TALLY.pack(*self), b"claimbench tally")


def proof(row: Row, number: int, supersedes: int) -> bytes:
    """The proof of a row under its number; ``supersedes`` is the number of the row that it stands in for, or 0."""
    key, experiment, base, seed, identity, records, seconds, measured_at = row
    texts = [text.encode() for text in (key, experiment, base, identity, records, measured_at)]
    return _proof(number, seed, supersedes, seconds, texts)


def proven(raw: Sequence[Any]) -> Row | None:
    """The row that raw columns (``COLUMNS``, texts as bytes) say, or None if they do not prove themselves."""
    number, key, experiment, base, seed, identity, records, seconds, measured_at, supersedes, sealed = raw
    try:
        texts = [key, experiment, base, identity, records, measured_at]
        if _proof(number, seed, supersedes, seconds, texts) != sealed:
            return None
        key, experiment, base, identity, records, measured_at = (text.decode() for text in texts)
    except (struct.error, TypeError, ValueError, AttributeError):  # a column of another type, or no UTF-8
        return None
    return Row(key, experiment, base, seed, identity, records, seconds, measured_at)


def unproven(raw: Sequence[Any]) -> Row | None:
    """The row that raw columns without a proof say, or None if they are not of their types."""
    key, experiment, base, seed, identity, records, seconds, measured_at = raw[1:9]
    if type(seed) is not int or type(seconds) is not float:
        return None
    try:
        key, experiment, base, identity, records, measured_at = (
            text.decode() for text in (key, experiment, base, identity, records, measured_at)
        )
    except (AttributeError, ValueError):  # a number, or no UTF-8
        return None
    return Row(key, experiment, base, seed, identity, records, seconds, measured_at)


def text_of(value: Any) -> str:
    """The text of a raw column, as far as it can be read; damage can make any type of it, or nothing."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def named(raw: Sequence[Any]) -> str:
    """What raw columns that prove nothing claim to be, as far as it can be read."""
    _, _, experiment, base, seed, *_ = (visible(text_of(column)) for column in raw)
    return f"row {raw[0]} ({experiment} at {base}, seed {seed})"


def proven_tally(raw: Sequence[Any] | None) -> Tally | None:
    """The tally that raw columns (store, rows, identities, open, proof) say, or None if they are damaged."""
    if raw is None:
        return None
    tally = Tally(*raw[:4])
    try:
        return tally if tally.proof() == raw[4] else None
    except struct.error:
        return None


def _proof(number: int, seed: int, supersedes: int, seconds: float, texts: Sequence[bytes]) -> bytes:
    head = _HEAD.pack(number, seed, supersedes, seconds, *map(len, texts))
    return _digest(b"".join((head, *texts)), b"claimbench row")


def _digest(content: bytes, person: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16, person=person).digest()
