"""The file that comes back from a GPU: written whole, proved by a digest, checked before it is believed, shown."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from claims.errors import InvalidResult
from claims.evidence.canonical import digest
from claims.kernels.routes import wrong
from claims.report.visible import visible

SCHEMA = 1
_SCHEMA_FILE = Path(__file__).with_name("document.schema.json")
_SUFFIXES = (".py", ".cpp", ".h")
#: Characters of a value that a message shows, and megabytes that a file may have.
_SHOWN, _LARGEST = 80, 64


def code_digest() -> str:
    """SHA-256 over the names and contents of the sources of ``claims.kernels``."""
    root = Path(__file__).parents[1]
    found = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.suffix in _SUFFIXES):
        found.update(f"{path.relative_to(root).as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its proof.

    Raises:
        ValueError: a number in it is not finite.
    """
    return dict(document) | {"proof": _proof(document)}


def _proof(document: Mapping[str, Any]) -> str:
    return digest({name: value for name, value in document.items() if name != "proof"}).hex()


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document whole or not at all.

    Raises:
        OSError: it cannot be written there.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("x", encoding="utf-8") as file:
            json.dump(document, file, indent=1, allow_nan=False)
            file.write("\n")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any]:
    """A document that is one, and says what was written.

    Raises:
        InvalidResult: names the file, the first field that is wrong, what was got and what is allowed.
    """
    from fastjsonschema import JsonSchemaValueException

    try:
        if path.stat().st_size > _LARGEST * 2**20:
            raise InvalidResult(
                f"{path}: got more than {_LARGEST} MB; allowed: what python -m claims.kernels.gpu writes"
            )
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidResult(f"{path}: {error}") from None
    try:
        _validator()(document)
    except JsonSchemaValueException as error:
        field = (error.name or "").removeprefix("data").removeprefix(".") or "the file"
        allowed = error.definition.get("description") or error.message
        if error.rule == "required":
            allowed = f"an object with {', '.join(error.rule_definition)}"
        raise InvalidResult(f"{path}: {field}: got {_short(error.value)}; allowed: {allowed}") from None
    try:
        proof = _proof(document)
    except ValueError as error:
        raise InvalidResult(f"{path}: {error}") from None
    if proof != document["proof"]:
        raise InvalidResult(f"{path}: proof: got {document['proof']}; allowed: {proof}, as of what the file says")
    return dict(document)


@cache
def _validator() -> Any:
    import fastjsonschema

    schema = json.loads(_SCHEMA_FILE.read_text(encoding="utf-8"))
    return fastjsonschema.compile(schema, use_default=False)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def objections(document: Mapping[str, Any]) -> list[str]:
    """What in a document is not as promised: routes that differ, kernels that have no time, verdicts that surprise."""
    found = [f"{_named(row)}: {words}" for row in document["routes"] if (words := wrong(row))]
    found += [f"{_named(row)}, time: {row['error']}" for row in document["speed"] if row["error"] is not None]
    audit = document["audit"]
    if audit is not None:
        found += [
            f"{claim['id']}: {claim['verdict']}, expected {claim['expected']} ({claim['reason'] or 'no reason given'})"
            for claim in audit["claims"]
            if claim["as_expected"] is False or claim["verdict"] == "ERROR"
        ]
        if not audit["claims"] or (audit["status"] and not found):
            found.append(f"the audit ended with status {audit['status']}: {audit['words'] or 'nothing was said'}")
    return found


def _named(row: Mapping[str, Any]) -> str:
    shape = "x".join(map(str, row["shape"]))
    return " ".join(filter(None, (row["kernel"], row["variant"], row["dtype"], shape)))


def table(document: Mapping[str, Any]) -> Iterator[str]:
    """A document in lines of text; what in it would act on a terminal is escaped."""
    return map(visible, _lines(document))


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield document["says"]
    for name in ("environment", "machine"):
        yield "; ".join(f"{key} {value}" for key, value in document[name].items())
    here = code_digest()
    same = "the code here" if document["code"] == here else f"other code than here, {here[:12]}"
    yield f"code {document['code'][:12]}, {same}; seed {document['seed']}; {document['measured_at']}"
    yield ""
    yield f"{'kernel':34}{'dtype':10}{'shape':12}{'launch':8}{'promise':9}{'reference':>22}{'compiled for CPU':>22}"
    for row in document["routes"]:
        yield _route(row)
    if document["speed"]:
        yield ""
        yield f"{'kernel':34}{'dtype':10}{'shape':12}{'ms':>10}{'rate':>10}       share of limit    times faster than"
    for row in document["speed"]:
        yield _speed(row)
    if document["audit"] is not None:
        claims = document["audit"]["claims"]
        expected = sum(claim["as_expected"] is True for claim in claims)
        yield ""
        yield f"audit: {len(claims)} claims measured on {document['device']}, {expected} with the verdict on record"
    yield ""
    wrong_lines = objections(document)
    yield from (f"WRONG {line}" for line in wrong_lines)
    rows = len(document["routes"])
    yield f"{rows} comparisons, {len(wrong_lines) or 'nothing'} wrong"


def _start(row: Mapping[str, Any]) -> str:
    shape = "x".join(map(str, row["shape"]))
    return f"{' '.join(filter(None, (row['kernel'], row['variant']))):34}{row['dtype']:10}{shape:12}"


def _route(row: Mapping[str, Any]) -> str:
    start = f"{_start(row)}{'tuned' if row['tuned'] else 'usual':8}{row['promise']:9}"
    if row["error"] is not None:
        return f"{start}{row['error']}"
    return f"{start}{_counted(row, 'reference'):>22}{_counted(row, 'cpu'):>22}"


def _counted(row: Mapping[str, Any], name: str) -> str:
    found = row[name]
    if found is None:
        return "not taken"
    if row["promise"] == "bits":
        return "equal" if not found["differ"] else f"{found['differ']:,} differ"
    return f"{found['excess']:.2g} of the bound"


def _speed(row: Mapping[str, Any]) -> str:
    if row["error"] is not None:
        return f"{_start(row)}{row['error']}"
    limit = f"{row['of_limit']:.2f} of {row['limit']}"
    peers = [f"{ratio:.3g}x {name}" for name, ratio in row["peers"].items()]
    peers += [f"({name} does not run)" for name in row["failing"]]
    return f"{_start(row)}{row['milliseconds']:10.4f}{row['rate']:10.1f} {row['unit']:6}{limit:18}{', '.join(peers)}"
