"""A result as SARIF 2.1.0, for code scanning: what is refuted, at the line that declares the claim."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from claims.report.findings import by_importance, finding
from claims.report.numbers import band_text
from claims.report.visible import visible
from claims.report.words import estimate_words, verdict_words
from claims.verdict import ERROR, REFUTED

Row = Mapping[str, Any]

_RULES = {
    "differs": "A verdict contradicts the one on record.",
    "error": "Measuring a claim failed.",
    "refuted": "A claim does not hold, as the record says; the message says what is true instead.",
    "depends": "A claim holds under one reading of the passage and is refuted under another, as the record says.",
}


def sarif(document: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    """A log with one run.

    Args:
        document: a result, schema 1.
        places: file and line that declare a claim, ``path:line`` or a path alone, by its id; a claim without has no
            location.
    """
    driver = {
        "name": "claimbench",
        "version": version("claimbench"),
        "rules": [{"id": name, "shortDescription": {"text": text}} for name, text in _RULES.items()],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": list(_results(document, places))}
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _results(document: Mapping[str, Any], places: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for row in by_importance(document["claims"]):
        rule = _rule(row)
        if rule:
            file, _, line = places.get(row["id"], "").rpartition(":")
            path, start = (file, int(line)) if line.isdecimal() else (places.get(row["id"], ""), 1)
            yield {
                "ruleId": rule,
                "ruleIndex": list(_RULES).index(rule),
                "level": "error" if rule in ("differs", "error") else "note",
                "message": {"text": visible(_message(row))},
                "partialFingerprints": {"claim/v1": row["id"]},
                "locations": [_location(path, start)] if path else [],
                "properties": {"claim": row["id"], "paper": row["paper"], "role": row["role"]},
            }


def _rule(row: Row) -> str:
    if row["verdict"] == ERROR:
        return "error"
    if row["as_expected"] is False:
        return "differs"
    return ("refuted" if row["verdict"] == REFUTED else "depends") if finding(row) else ""


def _message(row: Row) -> str:
    """What is claimed, what was found, what is true instead."""
    said = f"{row['id']} ({row['locus']}): {verdict_words(row)}. {row['statement']}"
    if row["reason"]:
        said += f" {row['reason']}."
    elif row["estimate"] is not None and row["band"] is not None:
        said += f" Measured: {estimate_words(row)} against {band_text(row['band'])}."
    return f"{said} True instead: {row['finding']}" if row["finding"] and row["verdict"] == REFUTED else said


def _location(path: str, line: int) -> dict[str, Any]:
    artifact = {"uri": quote(path), "uriBaseId": "%SRCROOT%"}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": line}}}
