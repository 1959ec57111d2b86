"""A paper's identity: what exactly is audited, as a content-addressed record that can be checked offline.

A record carries a *canonical record* (source, version, digests of title and abstract, licence, category, date). Its
``canonical_sha256`` is the SHA-256 of that record as sorted compact JSON, its number the base32 of the digest. Fields
that the canonical record has too, or has a digest of, agree with it or the record is refused. Of the others, such as
the authors' names, it says nothing: ``uncovered`` names them, and whoever shows a record says so.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from reprlib import Repr
from typing import Any, NoReturn

from claims.errors import InvalidDeclaration, TamperedRecord
from claims.evidence.canonical import digest
from claims.fields import check_text, check_whole

#: base32 characters of the digest that make up the number (130 bits) and the short number (40 bits).
_LONG, _SHORT = 26, 8
_KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What is audited. ``key`` is the first part of every claim id of the paper, ``license`` the address of one."""

    key: str
    title: str
    identifier: str = ""
    version: int | None = None
    authors: str = ""
    number: str | None = None
    canonical_sha256: str | None = None
    license: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not _KEY.fullmatch(self.key):
            allowed = "lower-case words with hyphens between them, such as my-paper"
            raise InvalidDeclaration("paper.key", self.key, allowed)
        check_text(self.title, "paper.title", allowed="a non-empty string", empty=False)
        for field in ("identifier", "authors", "license"):
            check_text(getattr(self, field), f"paper.{field}")
        for field in ("number", "canonical_sha256"):
            if getattr(self, field) is not None:
                check_text(getattr(self, field), f"paper.{field}", allowed="a string, or None")
        if self.version is not None:
            check_whole(self.version, "paper.version", least=0)


#: Fields of a record that are strings where they are there, by their path; and those that are objects.
_TEXTS = (
    "canonical_sha256", "canonical_record.source.kind", "canonical_record.source.id", "pith_number",
    "short_pith_number", "receipt.canonical_sha256", "paper.title", "paper.authors_text", "paper.license",
    "paper.primary_cat", "paper.submitted_at",
)  # fmt: skip
_OBJECTS = ("canonical_record", "canonical_record.source", "canonical_record.metadata", "paper", "receipt")
_ABSENT = object()
#: Values in messages: whole if they are digests or addresses, cut if they are longer.
_WORDS = Repr()
_WORDS.maxstring = _WORDS.maxother = 120
shortened = _WORDS.repr
#: Fields that the digest covers as far as this goes.
_IN_PART = {
    "paper.title": "but for capitals and blanks around it",
    "pith_number": "but for what stands before the last colon",
    "short_pith_number": "but for what stands before the last colon",
}


def load_paper(key: str, path: Path) -> Paper:
    """The paper whose verified record is in a file."""
    record = read_record(path)
    metadata = _mapping(record.get("paper"))
    source = record["canonical_record"]["source"]
    return Paper(
        key=key,
        title=metadata.get("title", ""),
        identifier=f"{source['kind']}:{source['id']}",
        version=source["version"],
        authors=metadata.get("authors_text", ""),
        number=record.get("pith_number"),
        canonical_sha256=record["canonical_sha256"],
        license=metadata.get("license", ""),
    )


def read_record(path: Path) -> dict[str, Any]:
    """Parse and verify a record file.

    Raises:
        TamperedRecord: not JSON, a field is missing or of a wrong type, or a field contradicts the digest; each such
            field is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
        record = json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_object)
        problems = differences(record)
    except UnicodeEncodeError as error:
        raise TamperedRecord(f"{path}: got {error.object[error.start]!r}; allowed: no lone surrogates") from error
    except (OSError, ValueError, RecursionError) as error:
        raise TamperedRecord(f"{path}: no readable record: {error}") from error
    if problems:
        raise TamperedRecord(f"{path}: the record contradicts itself: " + "; ".join(problems))
    return dict(record)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _finite(figure: str) -> float:
    found = float(figure)
    if not math.isfinite(found):
        raise ValueError(f"{figure} is no number that a double holds")
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, each of whose names stands once: of two fields of one name readers would take different ones."""
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            raise ValueError(f"{shortened(name)} stands twice in one object")
    return dict(pairs)


def differences(record: Any) -> list[str]:
    """Every field of a record that is of a wrong type, or that its canonical record and digest contradict, in words."""
    canonical = record.get("canonical_record") if isinstance(record, Mapping) else None
    if not isinstance(canonical, Mapping):
        return ["canonical_record: missing"]
    wrong = list(_wrong_types(record))
    if wrong:
        return wrong
    return [
        f"{field}: got {shortened(got)}, the canonical record gives {shortened(want)}"
        for field, got, want in _stated(record, digest(canonical))
        if got != want
    ]


def _wrong_types(record: Mapping[str, Any]) -> Iterator[str]:
    """Fields that are missing or of a type that no record has there."""
    for field in _OBJECTS:
        if (found := _at(record, field)) not in (None, _ABSENT) and not isinstance(found, Mapping):
            yield f"{field}: got {shortened(found)}; allowed: an object"
            return  # its fields would be missing, which says less
    source = _mapping(record["canonical_record"].get("source"))
    yield from (
        f"canonical_record.source.{field}: missing" for field in ("kind", "id", "version") if field not in source
    )
    for field in _TEXTS:
        if (found := _at(record, field)) is not _ABSENT and not isinstance(found, str):
            yield f"{field}: got {shortened(found)}; allowed: a string"
    version = source.get("version")
    if version is not None and (not isinstance(version, int) or isinstance(version, bool) or version < 0):
        yield f"canonical_record.source.version: got {shortened(version)}; allowed: a whole number >= 0, or null"


def _stated(record: Mapping[str, Any], computed: bytes) -> Iterator[tuple[str, object, object]]:
    """Every field that the canonical record and its digest determine: its name, what stands there, what should."""
    canonical = record["canonical_record"]
    number = base64.b32encode(computed).decode()
    metadata, paper = _mapping(canonical.get("metadata")), _mapping(record.get("paper"))
    yield "canonical_sha256", record.get("canonical_sha256"), computed.hex()
    yield "pith_number", record.get("pith_number", "").rpartition(":")[2], number[:_LONG]
    yield "source", record.get("source"), _mapping(canonical.get("source"))
    if "short_pith_number" in record:
        yield "short_pith_number", record["short_pith_number"].rpartition(":")[2], number[:_SHORT]
    if "canonical_sha256" in _mapping(record.get("receipt")):
        yield "receipt.canonical_sha256", record["receipt"]["canonical_sha256"], computed.hex()
    for field in ("license", "primary_cat", "submitted_at"):
        if field in paper:
            yield f"paper.{field}", paper[field], metadata.get(field)
    if "title" in paper:  # the title's own digest is taken of its lower-case form
        title = hashlib.sha256(paper["title"].strip().lower().encode()).hexdigest()
        yield "paper.title", title, metadata.get("title_canon_sha256")


def covered(record: Mapping[str, Any]) -> list[str]:
    """The fields of an intact record that cannot be changed without its digest, with how far that goes."""
    fields = ["canonical_record", *(field for field, _, _ in _stated(record, digest(record["canonical_record"])))]
    return [f"{field} ({_IN_PART[field]})" if field in _IN_PART else field for field in fields]


def uncovered(record: Mapping[str, Any]) -> list[str]:
    """The fields of an intact record of which its digest says nothing: they may say anything."""
    stated = {tuple(field.split(".")) for field, _, _ in _stated(record, digest(record["canonical_record"]))}
    stated.add(("canonical_record",))
    return [".".join(path) for path in _paths(record) if path not in stated and path[:1] not in stated]


def _paths(record: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The fields of a record, and of its objects."""
    for name, value in record.items():
        if isinstance(value, Mapping) and value:
            yield from ((name, inner) for inner in value)
        else:
            yield (name,)


def _at(record: Mapping[str, Any], path: str) -> Any:
    """The field of that path; ``_ABSENT`` where there is none."""
    found: Any = record
    for name in path.split("."):
        found = found.get(name, _ABSENT) if isinstance(found, Mapping) else _ABSENT
    return found


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
