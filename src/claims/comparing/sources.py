"""What ``claimbench diff`` can be asked about: a result, a store, or a revision of the repository; as one document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claims.catalogue import Catalogue
from claims.comparing.holding import read_holding
from claims.comparing.revision import Revision, commit_of, read_revision
from claims.comparing.stored import decide
from claims.errors import BadOption, InvalidResult, RevisionError
from claims.evidence.canonical import canonical_json
from claims.report.document import LATEST, check, load_result, schema
from claims.report.numbers import counted
from claims.verdict import UNDECIDED, Tier

#: How a file begins that is a store.
_SQLITE = b"SQLite format 3\0"
#: What is measured of a claim, of one of its points or readings; null of what was only declared.
_MEASURED: Mapping[str, Any] = {
    "verdict": UNDECIDED.value, "as_expected": None, "estimate": None, "interval": None, "alpha": None, "seeds": 0,
    "confirmation": None, "sharpness": None, "margin": None, "seconds": 0.0, "reason": None,
}  # fmt: skip
_DECLARED_ONCE = ("id", "paper", "role", "locus", "statement", "read_as", "kind", "decides", "expected")


@dataclass(frozen=True, slots=True)
class Source:
    """One side of a comparison.

    Attributes:
        name: as it was given.
        what: "result", "store" or "revision".
        document: in the form of a result; verdicts are null of what was only declared.
        codes: fingerprint of what each experiment runs; empty where nobody knows.
        notes: in words, what was chosen and what is missing.
    """

    name: str
    what: str
    document: Mapping[str, Any]
    codes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What it is, as plain data."""
        return {"name": self.name, "what": self.what, "notes": list(self.notes)}


def is_store(path: Path) -> bool:
    """Whether a file is a store, by its name or by how it begins."""
    if path.suffix == ".sqlite":
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def source_of(
    name: str, option: str, catalogue: Callable[[], Catalogue], files: Sequence[Path], *, tier: Tier, epoch: int | None
) -> Source:
    """What a name stands for: a file before a revision.

    Args:
        name: a result, a store, the folder of one, or a revision.
        option: what the name is called in errors.
        catalogue: gives the claims that a store is about.
        files: claim files that were named.
        tier: at which a store is decided.
        epoch: of a store; None chooses.

    Raises:
        BadOption: it is none of them.
        InvalidResult: the file is no result.
        StoreError: the store cannot be used.
        RevisionError: the claims of the revision cannot be read.
    """
    path = Path(name)
    if path.is_file() and is_store(path):
        decided = decide(read_holding(path), catalogue(), tier=tier, epoch=epoch)
        return Source(name, "store", decided.result.to_json(), decided.codes(), decided.notes)
    if path.is_file() or (path / LATEST).is_file():
        return Source(name, "result", load_result(path))
    commit = commit_of(name)
    if commit is None:
        allowed = f"a result (JSON), a store (SQLite), a folder with {LATEST}, or a revision of the git repository here"
        raise BadOption(option, name, f"{allowed}; no file has that name, and git knows no such commit")
    return _of_revision(name, read_revision(commit, files))


def _of_revision(name: str, found: Revision) -> Source:
    if not found.claims and found.notes:
        raise RevisionError(f"{name}: it declares no claim: {'; '.join(found.notes)}")
    rows: dict[str, dict[str, Any]] = {}
    for document in found.results.values():
        rows |= {row["id"]: row for row in document["claims"]}
    try:
        made = [_row(declared) for declared in found.claims]
        check(_document(made))
    except (InvalidResult, KeyError, TypeError) as error:
        raise RevisionError(f"{name}: what its claims declare cannot be read: {error}") from None
    claims = [_measured(row, rows.get(row["id"])) for row in made]
    without = sum(row["verdict"] is None for row in claims)
    notes = [f"commit {found.commit[:12]}, {counted(len(claims), 'claim')}"]
    if found.results:
        notes.append(f"verdicts and estimates from {', '.join(found.results)}")
    if without:
        notes.append(f"{counted(without, 'claim')} without a result, by their declarations alone")
    if not claims:
        notes.append("no pack and no claims_*.py declare a claim in it")
    first = next(iter(found.results.values()), None)
    known = {key: None if first is None else first[key] for key in ("tier", "epoch", "environment")}
    return Source(name, "revision", _document(claims) | known, found.codes, (*notes, *found.notes))


def _document(claims: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schema": schema()["properties"]["schema"]["const"],
        "stopped": False,
        "epoch": 0,
        "tier": Tier.FULL.value,
        "environment": {},
        "counts": {},
        "claims": claims,
    }


def _row(declared: Mapping[str, Any]) -> dict[str, Any]:
    """A declared claim as the row of a result in which nothing was measured yet."""
    once = {name: declared[name] for name in _DECLARED_ONCE}
    once |= {name: declared[name] for name in ("range",) if name in declared}
    tail = {name: declared[name] for name in ("finding", "corrected_by")}
    points = [{"at": point["at"], **once, **_limits(point), **_MEASURED, **tail} for point in declared["points"]]
    readings = [{**_MEASURED, **reading} for reading in declared["readings"]]
    first = declared["points"][0]
    return {**once, **_limits(first), **_MEASURED, **tail, "readings": readings, "points": points}


def _limits(point: Mapping[str, Any]) -> dict[str, Any]:
    return {name: point[name] for name in ("target", "band", "rival")}


def _measured(row: dict[str, Any], result: Mapping[str, Any] | None) -> dict[str, Any]:
    """A declared row with what a result has of it; its verdicts and estimates are null where it has nothing."""
    known = {} if result is None else {canonical_json(point["at"]): point for point in result["points"]}
    read = {} if result is None else {canonical_json(each["reads"]): each for each in result["readings"]}
    points = [_with(point, known.get(canonical_json(point["at"]))) for point in row["points"]]
    readings = [_with(each, read.get(canonical_json(each["reads"]))) for each in row["readings"]]
    return _with(row, result) | {"points": points, "readings": readings}


def _with(row: Mapping[str, Any], result: Mapping[str, Any] | None) -> dict[str, Any]:
    found = {"verdict": None} if result is None else {name: result[name] for name in _MEASURED if name in result}
    return {**row, **found}
