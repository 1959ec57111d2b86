"""Responses of a paper's authors to verdicts on their claims, as they ship them: beside a result, or with a pack.

    [[response]]
    claim = "my-paper.theorem-1.rate"
    by = "A. Author, for the authors"
    date = 2026-11-29
    text = "The rate is meant for the pre-activations."
    reading = "metric: before the nonlinearity"        # which of the claim's readings is theirs, if one is
    evidence = "sha256:…"                              # what they answer, as claimbench why prints it, if they say so

Whatever is not understood is refused: an answer that nobody sees would be worse than none. Only claims of papers that
are not at hand are passed over: the folder of a store may hold answers for several.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.claim import Claim, nearest
from claims.errors import InvalidDeclaration
from claims.fields import check_text
from claims.toml import tables_of

#: The file beside a result, or in a pack, that holds them.
RESPONSES = "responses.toml"
#: Characters of one answer: what a reader would still read.
_LONGEST = 10_000
_NEEDED, _OPTIONAL = ("claim", "by", "date", "text"), ("reading", "evidence")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

#: Names of a claim's readings, by its id: "geometry: one channel in 16".
Known = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What authors answer to one verdict. ``reading`` and ``evidence`` are empty where they say nothing of them."""

    claim: str
    by: str
    date: str
    text: str
    reading: str = ""
    evidence: str = ""


def readings_of(claims: Iterable[Claim]) -> dict[str, tuple[str, ...]]:
    """What responses may name: claims, and of each its readings."""
    return {claim.id: tuple(map(str, claim.readings)) for claim in claims}


def responses_in(folder: Path, known: Known) -> dict[str, tuple[Response, ...]]:
    """The responses in a folder, by the claim's id; none if no such file is there."""
    path = folder / RESPONSES
    return load_responses(path, known) if path.is_file() else {}


def load_responses(path: Path, known: Known) -> dict[str, tuple[Response, ...]]:
    """The responses of a file, by the claim's id.

    Raises:
        InvalidDeclaration: no readable TOML file, or a key, claim or reading that there is not; names file and key.
    """
    tables = tables_of(path, "response")
    papers = {name.partition(".")[0] for name in known}
    found: dict[str, tuple[Response, ...]] = {}
    for i, table in enumerate(tables):
        made = _response(table, f"{path}: response[{i}]")
        if made.claim.partition(".")[0] not in papers:
            continue
        _check_known(made, known, f"{path}: response[{i}]")
        found[made.claim] = (*found.get(made.claim, ()), made)
    return found


def _check_known(made: Response, known: Known, where: str) -> None:
    """Refuse an answer to a claim, or about a reading, that is not there."""
    if made.claim not in known:
        hint = ", ".join(nearest(made.claim, list(known))) or "the id of a claim that is there"
        raise InvalidDeclaration("claim", made.claim, hint, where=where)
    if made.reading and made.reading not in known[made.claim]:
        allowed = " | ".join(known[made.claim]) or "none: no readings of the claim are declared"
        raise InvalidDeclaration("reading", made.reading, allowed, where=where)


def _response(table: Any, where: str) -> Response:
    if not isinstance(table, dict):
        raise InvalidDeclaration("response", table, "a table", where=where)
    unknown = [key for key in table if key not in _NEEDED + _OPTIONAL]
    if unknown:
        raise InvalidDeclaration("key", unknown[0], ", ".join(_NEEDED + _OPTIONAL), where=where)
    date = table.get("date")
    if not isinstance(date, datetime.date) or isinstance(date, datetime.datetime):
        raise InvalidDeclaration("date", date, "a date such as 2026-11-29, without quotes", where=where)
    for name in ("claim", "by", "text", *(name for name in _OPTIONAL if name in table)):
        check_text(table.get(name), name, allowed="a non-empty string", empty=False, where=where)
    if len(table["text"]) > _LONGEST:
        raise InvalidDeclaration("text", table["text"], f"at most {_LONGEST:,} characters", where=where)
    evidence = table.get("evidence", "")
    if evidence and not _DIGEST.fullmatch(evidence):
        raise InvalidDeclaration("evidence", evidence, '"sha256:" and 64 hexadecimal digits', where=where)
    said = {name: table[name] for name in (*_NEEDED, *_OPTIONAL) if name in table}
    return Response(**said | {"date": date.isoformat()})
