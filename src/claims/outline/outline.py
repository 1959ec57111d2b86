"""The outline of a paper: its sections, and in each what the paper numbers. What claims are held against."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.errors import InvalidDeclaration
from claims.fields import check_names, check_text
from claims.outline.references import Reference, natural, only, parts, references
from claims.outline.versions import Version, versions_in
from claims.toml import parse


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that the paper numbers or labels: a theorem, table, figure, experiment, equation.

    Attributes:
        name: as the paper calls it; "Theorem 3" is found wherever a locus names it, a label without a number such as
            "tightness" where a locus names the section and has the label in its words.
        parts: what of it has to be covered by itself: equations, rows of a table.
        also: other names under which a locus may mean it.
        because: why it is no claim, for a definition or a mere repetition.
    """

    name: str
    parts: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    because: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A section; ``because`` says why its text outside of the statements is no claim."""

    number: str
    title: str = ""
    statements: tuple[Statement, ...] = ()
    because: str = ""

    @property
    def heading(self) -> str:
        """Number and title: "3.1 The Bussgang Constant"; "Section 3.1" without a title."""
        if self.title:
            return f"{self.number} {self.title}"
        numbered = re.fullmatch(r"[A-Z]|[A-Z0-9]+(\.\d+)*", self.number) is not None
        return f"{'Appendix' if self.number[0].isalpha() else 'Section'} {self.number}" if numbered else self.number


@dataclass(frozen=True, slots=True)
class Target:
    """A place that a locus means: a section of the outline, a statement of it (or its text), a part of that."""

    section: int
    statement: int | None = None
    part: str | None = None


class Outline:
    """Sections in the paper's order, and which of them a locus means."""

    def __init__(self, sections: Iterable[Section], *, complete: bool = True, versions: Iterable[Version] = ()) -> None:
        self.sections = tuple(sections)
        self.complete = complete
        self.versions = tuple(versions)
        self._numbers = {section.number: i for i, section in enumerate(self.sections)}
        self._names: dict[Reference, list[Target]] = {}
        self._aliases: dict[Reference, list[Target]] = {}
        self._meant: dict[str, tuple[Target, ...]] = {}
        for i, section in enumerate(self.sections):
            for j, statement in enumerate(section.statements):
                self._enter(self._names, statement.name, Target(i, j))
                for part in statement.parts:
                    self._enter(self._names, part, Target(i, j, part))
                for name in statement.also:
                    self._enter(self._aliases, name, Target(i, j))

    @staticmethod
    def _enter(names: dict[Reference, list[Target]], name: str, target: Target) -> None:
        reference = only(name)
        if reference is not None:
            names.setdefault(reference, []).append(target)

    def targets(self, locus: str) -> tuple[Target, ...]:
        """Every place that a locus means, in the paper's order; none for one that names no place of the outline."""
        if locus not in self._meant:  # claims share loci, and pages ask again
            found = {target for part in parts(locus) for target in self._of_part(part)}
            order = sorted(found, key=lambda target: (target.section, target.statement or -1, target.part or ""))
            self._meant[locus] = tuple(order)
        return self._meant[locus]

    def unknown(self, locus: str) -> list[str]:
        """What a locus names but the outline lacks: a slip in the one or the other."""
        return [
            f"{reference.kind} {reference.number}"
            for part in parts(locus)
            for reference in references(part)
            if not self._known(reference)
        ]

    def _known(self, reference: Reference) -> bool:
        if reference.kind == "section":
            return reference.number in self._numbers
        counted = reference.kind in ("item", "step") and reference.number.isdecimal()  # of a list or proof of its own
        return counted or reference in self._names or reference in self._aliases

    def _of_part(self, part: str) -> set[Target]:
        named = references(part)
        scopes = [self._numbers[r.number] for r in named if r.kind == "section" and r.number in self._numbers]
        found = set()
        for reference in named:
            target = self._named(reference, scopes)
            if target is not None:
                found.add(target)
        for scope in scopes:
            labelled = [j for j, label in enumerate(self.sections[scope].statements) if _labels(label, part)]
            found |= {Target(scope, j) for j in labelled}
        found |= {
            Target(target.section, target.statement, detail)
            for target in list(found)
            for detail in self._statement(target).parts
            if only(detail) is None and _says(part, detail)
        }
        inside = {target.section for target in found}
        return found | {Target(scope) for scope in scopes if not any(self._within(i, scope) for i in inside)}

    def _named(self, reference: Reference, scopes: list[int]) -> Target | None:
        """The place of that name: within a section that is named beside it, else the first; "item 2" only so."""
        candidates = [*self._names.get(reference, ()), *self._aliases.get(reference, ())]
        near = [target for target in candidates if any(self._within(target.section, scope) for scope in scopes)]
        if near or reference.kind == "item":
            return near[0] if near else None
        return candidates[0] if candidates else None

    def _statement(self, target: Target) -> Statement:
        assert target.statement is not None
        return self.sections[target.section].statements[target.statement]

    def _within(self, section: int, scope: int) -> bool:
        inner, outer = self.sections[section].number, self.sections[scope].number
        return inner == outer or inner.startswith(f"{outer}.")


def _labels(statement: Statement, part: str) -> bool:
    """Whether a part that names the section has a label without a number in its words."""
    return any(only(name) is None and _says(part, name) for name in (statement.name, *statement.also))


def _says(text: str, label: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(label)}(?![\w]|\.\d)", text, flags=re.IGNORECASE) is not None


def load_outline(path: Path) -> Outline:
    """The outline in a TOML file of ``[[section]]`` tables: number, title, statements, because; and ``[[version]]``.

    A statement is a name, a name with its parts in brackets ("Theorem 3 (eq. 13, eq. 14)"), or a table with the fields
    of ``Statement``.

    Raises:
        InvalidDeclaration: no such file, or a field that is not of this form.
    """
    try:
        data = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidDeclaration("outline", str(path), f"a readable TOML file ({error})") from error
    _known(data, {"section", "version"}, "outline", path)
    entries = data.get("section")
    if not isinstance(entries, list) or not entries:
        raise InvalidDeclaration("outline.section", entries, "a list of [[section]] tables", where=str(path))
    sections = [_section(entry, f"outline.section[{i}]", path) for i, entry in enumerate(entries)]
    for number, count in Counter(section.number for section in sections).items():
        if count > 1:
            raise InvalidDeclaration("outline.section", number, "each section once", where=str(path))
    made = Outline(sections, versions=versions_in(data.get("version", []), path))
    for locus in (locus for version in made.versions for locus, _ in version.changes):
        if not made.targets(locus):
            raise InvalidDeclaration("outline.version", locus, "a locus that names a place above", where=str(path))
    return made


def _section(entry: Any, field: str, path: Path) -> Section:
    _known(entry, {"number", "title", "statements", "because"}, field, path)
    made = entry.get("statements", [])
    if not isinstance(made, list):
        allowed = "a list of names, or of tables with name, parts, also and because"
        raise InvalidDeclaration(f"{field}.statements", made, allowed, where=str(path))
    return Section(
        _words(entry, "number", field, path),
        _words(entry, "title", field, path, empty=True),
        tuple(_statement(each, f"{field}.statements[{i}]", path) for i, each in enumerate(made)),
        _words(entry, "because", field, path, empty=True),
    )


def _statement(made: Any, field: str, path: Path) -> Statement:
    if isinstance(made, str):
        name, mark, inside = made.partition(" (")
        if mark and name and inside.endswith(")"):
            return Statement(name, _listed(inside[:-1].split(", "), field, path))
        return Statement(check_text(made, field, allowed="a name", empty=False, where=str(path)))
    _known(made, {"name", "parts", "also", "because"}, field, path)
    return Statement(
        _words(made, "name", field, path),
        _listed(made.get("parts", []), f"{field}.parts", path),
        _listed(made.get("also", []), f"{field}.also", path),
        _words(made, "because", field, path, empty=True),
    )


def _known(table: Any, fields: set[str], where: str, path: Path) -> None:
    """Refuse what is no table, and fields that nobody reads: most are slips of the pen."""
    if not isinstance(table, Mapping):
        raise InvalidDeclaration(where, table, f"a table with {', '.join(sorted(fields))}", where=str(path))
    if unknown := sorted(table.keys() - fields):
        raise InvalidDeclaration(where, unknown[0], f"the fields {', '.join(sorted(fields))}", where=str(path))


def _words(table: Mapping[str, Any], name: str, field: str, path: Path, *, empty: bool = False) -> str:
    """A field that is a string; a missing one is empty."""
    allowed = "a string" if empty else "a non-empty string"
    return check_text(
        table.get(name, "" if empty else None), f"{field}.{name}", allowed=allowed, empty=empty, where=str(path)
    )


def _listed(names: Any, field: str, path: Path) -> tuple[str, ...]:
    """A field that is a list of names, each once."""
    if not isinstance(names, list):
        raise InvalidDeclaration(field, names, "a list of names", where=str(path))
    checked = check_names(names, field, where=str(path))
    if len(set(checked)) < len(checked):
        raise InvalidDeclaration(field, names, "each name once", where=str(path))
    return checked


def outline_of(loci: Iterable[str]) -> Outline:
    """What an outline can be made of where a pack has none: the places that its loci name, sections in their order."""
    sections: dict[str, dict[str, None]] = {}
    unplaced: dict[str, None] = {}
    for part in (part for locus in loci for part in parts(locus)):
        named = references(part)
        homes = [reference.number for reference in named if reference.kind == "section"]
        others = [f"{r.kind.capitalize()} {r.number}" for r in named if r.kind not in ("section", "item", "problem")]
        for home in homes:
            sections.setdefault(home, {}).update(dict.fromkeys(others))
        if not homes:
            unplaced.update(dict.fromkeys(others))
    placed = {name for names in sections.values() for name in names}
    made = [
        Section(number, statements=tuple(map(Statement, sections[number]))) for number in sorted(sections, key=natural)
    ]
    rest = tuple(Statement(name) for name in unplaced if name not in placed)
    return Outline([*made, Section("Statements", statements=rest)] if rest else made, complete=False)
