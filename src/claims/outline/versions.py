"""Later versions of a paper: which of the statements that a pack audits changed in them, and which went.

A pack holds the version that its paper names; its outline lists others:

    [[version]]
    number = 2
    date = "June 2026"
    read = "its abstract alone"                          # how much of it is known here
    changed = { "section 6.2" = "A gap where version 1 has a gain." }
    gone = { "Table 4" = "There is no such table any more." }
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.claim import Claim
from claims.errors import InvalidDeclaration
from claims.fields import check_text, check_whole
from claims.paper import Paper

_FIELDS = ("number", "date", "read", "changed", "gone")


@dataclass(frozen=True, slots=True)
class Change:
    """What a later version does to a statement: it is ``changed`` or ``gone``, as ``says`` tells."""

    version: int
    what: str
    says: str


@dataclass(frozen=True, slots=True)
class Version:
    """A later version of a paper.

    Attributes:
        number: as the archive counts.
        date: when it appeared, in words.
        read: how much of it is known here; what is not listed may have changed as well where that is not all of it.
        changes: by the locus of what changed or went.
    """

    number: int
    date: str
    read: str
    changes: tuple[tuple[str, Change], ...]

    def __str__(self) -> str:
        return f"version {self.number} ({self.date}), of which is read: {self.read}"


def versions_in(tables: object, path: Path) -> tuple[Version, ...]:
    """The ``[[version]]`` tables of an outline file.

    Raises:
        InvalidDeclaration: one of them is not of this form, or two have one number; names file and field.
    """
    if not isinstance(tables, list):
        raise InvalidDeclaration("outline.version", tables, "a list of [[version]] tables", where=str(path))
    made = tuple(_version(table, f"outline.version[{i}]", str(path)) for i, table in enumerate(tables))
    numbers = [version.number for version in made]
    if len(set(numbers)) < len(numbers):
        raise InvalidDeclaration("outline.version", numbers, "each version once", where=str(path))
    return made


def _version(table: object, field: str, where: str) -> Version:
    if not isinstance(table, Mapping) or set(table) - set(_FIELDS):
        raise InvalidDeclaration(field, table, f"a table with {', '.join(_FIELDS)}", where=where)
    number = check_whole(table.get("number"), f"{field}.number", least=1, where=where)
    date, read = (
        check_text(table.get(name), f"{field}.{name}", allowed="a non-empty string", empty=False, where=where)
        for name in ("date", "read")
    )
    changes = [change for what in ("changed", "gone") for change in _changes(table, number, what, field, where)]
    return Version(number, date, read, tuple(changes))


def _changes(table: Mapping[str, Any], number: int, what: str, field: str, where: str) -> Iterator[tuple[str, Change]]:
    found = table.get(what, {})
    if not isinstance(found, Mapping):
        raise InvalidDeclaration(f"{field}.{what}", found, "a table of loci and what is said of them", where=where)
    for locus, says in found.items():
        name = f"{field}.{what}[{locus!r}]"
        yield locus, Change(number, what, check_text(says, name, allowed="in words", empty=False, where=where))


def check_versions(claims: Iterable[Claim], paper: Paper, versions: Iterable[Version]) -> None:
    """Refuse a claim that is read from a version that the pack does not hold.

    Raises:
        InvalidDeclaration: names the claim.
    """
    held = [*([] if paper.version is None else [paper.version]), *(version.number for version in versions)]
    for claim in claims:
        if claim.version is not None and claim.version not in held:
            allowed = " or ".join(map(str, held)) or "none: the pack's paper has no version"
            raise InvalidDeclaration("version", claim.version, allowed, where=claim.id)
