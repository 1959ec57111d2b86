"""Result documents read back from JSON: checked field by field, since anything may stand in a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from claims.auditing.results import SCHEMA
from claims.errors import InvalidResult
from claims.verdict import Role, Tier, Verdict

#: Name of the last audit's result, beside the store that it measured into.
LATEST = "latest.json"

_TEXT = ("id", "paper", "locus", "statement", "kind")
_WORDS = {"role": Role, "decides": Tier, "verdict": Verdict, "expected": Verdict}
_NUMBERS = ("target", "estimate", "alpha", "rival", "sharpness", "margin", "seconds")
_PAIRS = ("band", "interval")
_NOTES = ("reason", "finding", "corrected_by")


def load_result(path: Path) -> dict[str, Any]:
    """A result document; a store or its folder stands for the last audit that measured into it.

    Raises:
        InvalidResult: no such file, not JSON, another schema, or a field is missing or of the wrong type.
    """
    if path.is_dir():
        path = path / LATEST
    elif path.suffix == ".sqlite":
        path = path.with_name(LATEST)
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidResult(f"{path}: no readable result: {error}") from error
    try:
        check(document)
    except InvalidResult as error:
        raise InvalidResult(f"{path}: {error}") from None
    return dict(document)


def check(document: Any) -> None:
    """Refuse what is no result document.

    Raises:
        InvalidResult: names the first field that is missing or of the wrong type.
    """
    _expect(isinstance(document, Mapping), "the file", "an object")
    schema = document.get("schema")
    _expect(schema == SCHEMA, f"schema {schema!r}", f"schema {SCHEMA}")
    _expect(isinstance(document.get("stopped", False), bool), "stopped", "true or false")
    _expect(_is_number(document.get("epoch")), "epoch", "a number")
    _expect(document.get("tier") in list(Tier), "tier", ", ".join(Tier))
    _expect(isinstance(document.get("environment"), Mapping), "environment", "an object")
    _expect(isinstance(document.get("counts"), Mapping), "counts", "an object")
    _expect(isinstance(document.get("claims"), list), "claims", "a list")
    for i, claim in enumerate(document["claims"]):
        _check_row(claim, f"claims[{i}]")
        _expect(isinstance(claim.get("points"), list), f"claims[{i}].points", "a list")
        for j, point in enumerate(claim["points"]):
            _check_row(point, f"claims[{i}].points[{j}]")
            _expect(isinstance(point.get("at"), Mapping), f"claims[{i}].points[{j}].at", "an object")


def _check_row(row: Any, where: str) -> None:
    _expect(isinstance(row, Mapping), where, "an object")
    for name in _TEXT:
        _expect(isinstance(row.get(name), str), f"{where}.{name}", "a string")
    for name, words in _WORDS.items():
        _expect(row.get(name) in list(words), f"{where}.{name}", ", ".join(words))
    for name in _NUMBERS:
        _expect(row.get(name) is None or _is_number(row[name]), f"{where}.{name}", "a number or null")
    for name in _PAIRS:
        _expect(row.get(name) is None or _is_pair(row[name]), f"{where}.{name}", "two numbers or nulls, or null")
    for name in _NOTES:
        _expect(row.get(name) is None or isinstance(row[name], str), f"{where}.{name}", "a string or null")
    _expect(row.get("as_expected") in (True, False, None), f"{where}.as_expected", "true, false or null")
    _expect(isinstance(row.get("seeds"), int), f"{where}.seeds", "a whole number")
    second = row.get("confirmation")
    if second is not None:
        _expect(isinstance(second, Mapping) and isinstance(second.get("seeds"), int), f"{where}.confirmation", "null")
        _expect(second.get("verdict") in list(Verdict), f"{where}.confirmation.verdict", ", ".join(Verdict))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(edge is None or _is_number(edge) for edge in value)


def _expect(condition: bool, field: str, allowed: str) -> None:
    if not condition:
        raise InvalidResult(f"{field} is missing or wrong; allowed: {allowed}")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")
