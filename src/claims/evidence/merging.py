"""One store of the stores of many machines: of one code and one numerics class, or none.

Each would be a sound store by itself. But an audit looks up what was measured by the code and in the class that it
runs in, so that of a mixture it would find a part, and measure the rest anew without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.errors import StoreError
from claims.evidence.canonical import canonical_json
from claims.evidence.fingerprint import code_named
from claims.evidence.sqlite.survey import Survey
from claims.evidence.store import Store

#: What has to be the same wherever an experiment was measured, by what it is called in words.
_SAME = {"code": "code", "data": "data", "environment": "numerics class", "subject": "subject"}
#: Disagreements that are named.
_NAMED = 5
#: Characters of a digest that are shown.
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge has done: ``added`` seeds of ``stores``, ``known`` of which were there already."""

    stores: int
    added: int
    known: int


def merge(files: Sequence[Path], store: Path) -> Merged:
    """Put all rows of some stores into another one, after all of them were looked at.

    Raises:
        StoreError: some cannot be read or have a row that fails, each by name; or two disagree on code, data, numerics
            class or subject of an experiment. Nothing was copied.
        ConflictingEvidence: two have the same seed with other records.
    """
    first: dict[str, tuple[Path, Mapping[str, Any]]] = {}
    wrong: list[str] = []
    failing: list[StoreError] = []
    for path in files:
        try:
            latest = _latest(*_read(path))
        except StoreError as error:
            failing.append(error)
            continue
        for key, content in latest.items():
            seen, other = first.setdefault(key, (path, content))
            wrong += _differences(seen, other, path, content)
    if len(failing) == 1:
        raise failing[0]
    if failing:
        said = _listed([str(error).partition("\n")[0] for error in failing])
        raise StoreError(f"{len(failing):,} of {len(files):,} stores cannot be read:{said}\nNothing was copied.")
    if wrong:
        advice = "An audit would find a part of them; `claimbench evidence import` takes one all the same."
        raise StoreError(f"the stores were not measured by the same:{_listed(wrong)}\nNothing was copied. {advice}")
    added = rows = 0
    with Store(store) as opened:
        for path in files:
            found, contents = _read(path)
            added += opened.take(found.rows, contents)
            rows += len(found.rows)
    return Merged(len(files), added, rows - added)


def _read(path: Path) -> tuple[Survey, Mapping[str, Mapping[str, Any]]]:
    """The rows of a store, all sound, and what their identities stand for."""
    with Store.reading(path) as store:
        found = store.survey(strictly=True)
        contents = store.identities()
    found.refuse(path, "Nothing was copied.")
    return found, contents


def _latest(found: Survey, contents: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Of each experiment, and what code its base point names, the identity measured last; former ones do no harm."""
    when: dict[str, str] = {}
    latest: dict[str, Mapping[str, Any]] = {}
    for row in found.rows:
        content = contents[row.identity]
        named = code_named("", json.loads(row.base).items())
        key = canonical_json([named, {name: value for name, value in content.items() if name not in _SAME}])
        if row.measured_at >= when.get(key, ""):
            when[key], latest[key] = row.measured_at, content
    return latest


def _differences(one: Path, first: Mapping[str, Any], other: Path, second: Mapping[str, Any]) -> Iterator[str]:
    for part, words in _SAME.items():
        found = first.get(part), second.get(part)
        if found[0] != found[1]:
            shown = [_shown(*pair) for pair in (found, found[::-1])]
            yield f"{words} of {first['experiment']}: {one} has {shown[0]}, {other} has {shown[1]}"


def _listed(lines: Sequence[str]) -> str:
    """The first few of some lines below what they explain, and how many more there are."""
    more = f"\n  and {len(lines) - _NAMED:,} more" if len(lines) > _NAMED else ""
    return "".join(f"\n  {line}" for line in lines[:_NAMED]) + more


def _shown(value: Any, beside: Any) -> str:
    """A value, or of a table what differs."""
    if isinstance(value, dict) and isinstance(beside, dict):
        parts = [f"{key} {value.get(key)}" for key in sorted({*value, *beside}) if value.get(key) != beside.get(key)]
        return ", ".join(parts)
    return str(value)[:_SHOWN] if isinstance(value, str) else str(value)
