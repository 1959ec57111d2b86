"""A paper's identity: what exactly is audited, as a content-addressed record that can be checked offline.

A record carries a *canonical record* (source, version, digests of title and abstract, licence, category, date). Its
``canonical_sha256`` is the SHA-256 of that record as sorted compact JSON, its number the base32 of the digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from claims.errors import InvalidDeclaration, TamperedRecord
from claims.evidence.canonical import digest
from claims.fields import check_text, check_whole

#: base32 characters of the digest that make up the number (130 bits) and the short number (40 bits).
_LONG, _SHORT = 26, 8
_KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What is audited. ``key`` is the first part of every claim id of the paper."""

    key: str
    title: str
    identifier: str = ""
    version: int | None = None
    authors: str = ""
    number: str | None = None
    canonical_sha256: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not _KEY.fullmatch(self.key):
            allowed = "lower-case words with hyphens between them, such as my-paper"
            raise InvalidDeclaration("paper.key", self.key, allowed)
        check_text(self.title, "paper.title", allowed="a non-empty string", empty=False)
        for field in ("identifier", "authors"):
            check_text(getattr(self, field), f"paper.{field}")
        for field in ("number", "canonical_sha256"):
            if getattr(self, field) is not None:
                check_text(getattr(self, field), f"paper.{field}", allowed="a string, or None")
        if self.version is not None:
            check_whole(self.version, "paper.version", least=0)


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
    )


def read_record(path: Path) -> dict[str, Any]:
    """Parse and verify a record file.

    Raises:
        TamperedRecord: not JSON, a field is missing, or a field contradicts the digest; each such field is named.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError) as error:
        raise TamperedRecord(f"{path}: no readable record: {error}") from error
    problems = differences(record)
    if problems:
        raise TamperedRecord(f"{path}: the record contradicts itself: " + "; ".join(problems))
    return dict(record)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def differences(record: Any) -> list[str]:
    """Every field of a record that its canonical record and digest contradict, in words; empty if it is intact."""
    canonical = record.get("canonical_record") if isinstance(record, Mapping) else None
    if not isinstance(canonical, Mapping):
        return ["canonical_record: missing"]
    computed = digest(canonical)
    number = base64.b32encode(computed).decode()
    metadata, source, paper = (
        _mapping(found) for found in (canonical.get("metadata"), canonical.get("source"), record.get("paper"))
    )
    stated_number = str(record.get("pith_number", ""))
    expected: list[tuple[str, object, object]] = [
        ("canonical_sha256", record.get("canonical_sha256"), computed.hex()),
        ("pith_number", stated_number.rpartition(":")[2], number[:_LONG]),
        ("source", record.get("source"), source),
    ]
    if "short_pith_number" in record:
        expected.append(("short_pith_number", str(record["short_pith_number"]).rpartition(":")[2], number[:_SHORT]))
    receipt = _mapping(record.get("receipt"))
    if receipt:
        expected.append(("receipt.canonical_sha256", receipt.get("canonical_sha256"), computed.hex()))
    expected += [
        (f"paper.{field}", paper[field], metadata.get(field)) for field in ("license", "primary_cat") if field in paper
    ]
    if "submitted_at" in paper:
        expected.append(("paper.submitted_at", paper["submitted_at"], metadata.get("submitted_at")))
    if "title" in paper:  # the title's own digest is taken of its lower-case form
        title = hashlib.sha256(str(paper["title"]).strip().lower().encode()).hexdigest()
        expected.append(("paper.title", title, metadata.get("title_canon_sha256")))
    missing = [
        f"canonical_record.source.{field}: missing" for field in ("kind", "id", "version") if field not in source
    ]
    return missing + [
        f"{field}: got {got!r}, the canonical record gives {want!r}" for field, got, want in expected if got != want
    ]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
