"""One digest of what a store or a result says: equal where the same was measured and decided, whoever did it and how.

Of a store: what was asked (experiment, sweep, base point, epoch, subject, seed) and what came out of it, each once. Of
a result: tier, epoch and everything about each claim. Order, times, code and machine are no part of it: a store that
was measured in parts on a cluster has the digest of one that a laptop has measured alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from claims.comparing.sources import is_store
from claims.errors import BadOption
from claims.evidence.canonical import digest
from claims.evidence.sqlite.rows import Row
from claims.evidence.store import DEFAULT_STORE, Store
from claims.report.document import LATEST, load_result

#: What an identity says of what was asked; code, data and numerics class are what it was measured with.
_ASKED = ("experiment", "sweep", "epoch", "subject")


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of a file.

    Attributes:
        file: as it was named.
        what: "store" or "result".
        sha256: the digest.
        count: seeds of a store, claims of a result.
    """

    file: str
    what: str
    sha256: str
    count: int

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def files_of(path: Path) -> tuple[Path, ...]:
    """What a name stands for: itself; of the folder of a store, that and the last result beside it.

    Raises:
        BadOption: it is a folder with neither.
    """
    if not path.is_dir():
        return (path,)
    found = tuple(file for file in (path / DEFAULT_STORE.name, path / LATEST) if file.is_file())
    if not found:
        allowed = f"a store (SQLite), a result (JSON), or a folder with {DEFAULT_STORE.name} or {LATEST}"
        raise BadOption("FILE", str(path), allowed)
    return found


def digest_of(path: Path) -> Digest:
    """The digest of a store or of a result.

    Raises:
        StoreError: the store is not there, cannot be read, or a row of it fails.
        InvalidResult: the file is no result.
    """
    if is_store(path):
        return _of_store(path)
    document = load_result(path)
    claims = sorted(document["claims"], key=lambda claim: str(claim["id"]))
    said = [document["tier"], document["epoch"], [without_times(claim) for claim in claims]]
    return Digest(str(path), "result", digest(said).hex(), len(claims))


def _of_store(path: Path) -> Digest:
    with Store.reading(path) as store:
        found = store.survey(strictly=True)
        contents = store.identities()
    found.refuse(path, "It has no digest.")
    asked = {name: {part: content.get(part) for part in _ASKED} for name, content in contents.items()}
    whole = hashlib.sha256()
    seeds = _seeds(found.rows, asked)
    for each in sorted(seeds):
        whole.update(each)
    return Digest(str(path), "store", whole.hexdigest(), len(seeds))


def _seeds(rows: Iterable[Row], asked: Mapping[str, Mapping[str, Any]]) -> set[bytes]:
    """The digest of each seed: what was asked, and its records."""
    return {digest([asked[row.identity], json.loads(row.base), row.seed, json.loads(row.records)]) for row in rows}


def without_times(said: Any) -> Any:
    """A part of a result without the seconds that it took."""
    if isinstance(said, dict):
        return {name: without_times(value) for name, value in said.items() if name != "seconds"}
    return [without_times(each) for each in said] if isinstance(said, list) else said
