"""A replication record read back: whole or refused, held against the claims that are installed, and measured again."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.auditing.decision import looks_at
from claims.catalogue import Catalogue
from claims.claim import Claim
from claims.errors import InvalidResult, TamperedRecord, UntrustedRecord
from claims.evidence.canonical import digest
from claims.report.attestation import is_envelope, opened
from claims.report.document import parsed, schema
from claims.report.replication import DECLARED, FIELDS, KIND, READING
from claims.verdict import UNAVAILABLE, Tier

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Record = Mapping[str, Any]

_DECIDED = ("HOLDS", "REFUTED")
#: Characters of a refusal: names in a file may be of any length.
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Loaded:
    """A record that is whole.

    Attributes:
        record: what it says.
        sha256: its digest.
        keys: names of the keys that are said to have signed it; none of one that is not signed.
        signer: name of the key that is known to have signed it; empty if nobody has checked.
    """

    record: dict[str, Any]
    sha256: str
    keys: tuple[str, ...] = ()
    signer: str = ""


def load(path: Path, key: Ed25519PublicKey | None = None) -> Loaded:
    """A record, signed or not; with a key, one that this key has signed.

    Raises:
        InvalidResult: no such file, not JSON, or no replication record; names the field.
        TamperedRecord: its digest is not that of what it says.
        UntrustedRecord: it is not signed, not by that key, or in an envelope that is none of ours.
    """
    try:
        document = parsed(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidResult(f"{path}: no readable record: {error}"[:_SHOWN]) from error
    if not is_envelope(document):
        if key is not None:
            raise UntrustedRecord(f"{path}: it is not signed; `claimbench report --record FILE --sign KEY` signs")
        return Loaded(*_checked(document, path))
    try:
        found = opened(document, key)
    except UntrustedRecord as error:
        raise UntrustedRecord(f"{path}: {error}") from error
    return Loaded(*_checked(found.document, path), found.keys, found.signer)


def load_record(path: Path) -> tuple[dict[str, Any], str]:
    """A record and its digest; errors are those of :func:`load`."""
    found = load(path)
    return found.record, found.sha256


def _checked(document: Any, path: Path) -> tuple[dict[str, Any], str]:
    """A record and its digest, which is that of what it says."""
    from fastjsonschema import JsonSchemaValueException

    try:
        _validator()(document)
        said = digest(document["record"]).hex()
    except JsonSchemaValueException as error:
        raise InvalidResult(f"{path}: {error.message.removeprefix('data.')[:_SHOWN]}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidResult(f"{path}: no readable record: {error}"[:_SHOWN]) from error
    if document["sha256"] != said:
        got = document["sha256"][:_SHOWN]
        raise TamperedRecord(f"{path}: sha256: got {got!r}; what the record says has {said}")
    return dict(document["record"]), said


@cache
def _validator() -> Callable[[Any], Any]:
    """What a record has to be; its claims have the fields of a result's, as its schema describes them."""
    import fastjsonschema

    results = schema()
    known = results["definitions"]
    row = known["row"]["properties"] | known["figures"]["properties"]
    reading = row | known["reading"]["properties"]
    text = {"type": ["string", "null"]}
    paper = dict.fromkeys(("title", "identifier", "number", "canonical_sha256"), text)
    readings = {"type": "array", "items": _object(READING, reading)}
    claims = _object((*FIELDS, "readings"), row | {"readings": readings})
    record = {
        "kind": {"const": KIND},
        "papers": {"type": "object", "additionalProperties": {"type": "object", "properties": paper}},
        "code": {"type": "object", "properties": {"claimbench": text, "revision": text}},
        "stopped": {"type": "boolean"},
        "claims": {"type": "array", "items": claims},
    } | {name: results["properties"][name] for name in ("tier", "epoch", "environment")}
    made = {
        "$schema": results["$schema"],
        "definitions": known,
        "type": "object",
        "required": ["record", "sha256"],
        "properties": {
            "sha256": {"type": "string"},
            "record": {"type": "object", "required": list(record), "properties": record},
        },
    }
    compiled: Callable[[Any], Any] = fastjsonschema.compile(made, use_default=False)
    return compiled


def _object(names: Sequence[str], properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(names), "properties": {name: properties[name] for name in names}}


def differences(record: Record, catalogue: Catalogue) -> list[str]:
    """In what the installed papers and claims are not those of a record, a line each; what is not installed, too."""
    return [*_of_papers(record, catalogue), *_of_claims(record, catalogue)]


def _of_papers(record: Record, catalogue: Catalogue) -> Iterator[str]:
    for key, theirs in record["papers"].items():
        ours = catalogue.papers.get(key)
        if ours is None:
            yield f"{key}: the paper is not installed"
        elif (ours.number, ours.canonical_sha256) != (theirs.get("number"), theirs.get("canonical_sha256")):
            yield f"{key}: the record is about {theirs.get('number')}, installed is {ours.number}"


def _of_claims(record: Record, catalogue: Catalogue) -> Iterator[str]:
    for row in record["claims"]:
        claim = catalogue.claims.get(row["id"])
        if claim is None:
            if row["id"].partition(".")[0] in catalogue.papers:
                yield f"{row['id']}: not among the installed claims"
            continue
        ours = {name: getattr(claim, name) or None for name in DECLARED}
        changed = [name for name in DECLARED if ours[name] != (row[name] or None)]
        changed += ["range"] if list(claim.seed_range or ()) != (row.get("range") or []) else []
        if changed:
            yield f"{row['id']}: declared otherwise: {', '.join(changed)}"


def sample(record: Record, catalogue: Catalogue, size: int) -> list[Claim]:
    """Claims to measure again: decided ones that can be measured here, in an order that the record's digest draws.

    Who made the record does not choose them, and the same record gives the same sample.
    """
    tier, drawn = Tier(record["tier"]), digest(record).hex()
    decided = {row["id"] for row in record["claims"] if row["verdict"] in _DECIDED}
    there = [claim for name, claim in catalogue.claims.items() if name in decided and not claim.needs]
    there = [claim for claim in there if looks_at(claim, tier)]
    return sorted(there, key=lambda claim: hashlib.sha256(f"{drawn} {claim.id}".encode()).digest())[:size]


def contradictions(record: Record, measured: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where claims that were measured again say something else: another verdict, or intervals that do not meet.

    What cannot be measured here contradicts nothing.
    """
    known = {row["id"]: row for row in record["claims"]}
    found = []
    for row in measured:
        theirs = known[row["id"]]
        if row["verdict"] == UNAVAILABLE:
            continue
        if row["verdict"] != theirs["verdict"]:
            found.append(f"{row['id']}: {row['verdict']}, the record says {theirs['verdict']}")
        elif _apart(row["interval"], theirs["interval"]):
            found.append(f"{row['id']}: measured {_said(row)}, the record says {_said(theirs)}")
    return found


def _apart(a: Sequence[float | None] | None, b: Sequence[float | None] | None) -> bool:
    """Whether two intervals have no point in common, by more than rounding."""
    if a is None or b is None:
        return False
    (lo, hi), (low, high) = ((_edge(pair[0], -math.inf), _edge(pair[1], math.inf)) for pair in (a, b))
    gap = max(low - hi, lo - high)
    return gap > 1e-9 * max(abs(x) for x in (lo, hi, low, high) if math.isfinite(x)) if gap > 0 else False


def _edge(value: float | None, open_: float) -> float:
    return open_ if value is None else float(value)


def _said(row: Mapping[str, Any]) -> str:
    return json.dumps([row["estimate"], row["interval"]])
