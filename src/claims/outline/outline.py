"""The outline of a paper: its sections, and in each what the paper numbers. What claims are held against."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.errors import InvalidDeclaration
from claims.outline.references import Reference, natural, only, parts, references


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

    def __init__(self, sections: Iterable[Section], *, complete: bool = True) -> None:
        self.sections = tuple(sections)
        self.complete = complete
        self._numbers = {section.number: i for i, section in enumerate(self.sections)}
        self._names: dict[Reference, list[Target]] = {}
        self._aliases: dict[Reference, list[Target]] = {}
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

    def targets(self, locus: str) -> list[Target]:
        """Every place that a locus means, in the paper's order; none for one that names no place of the outline."""
        found = {target for part in parts(locus) for target in self._of_part(part)}
        return sorted(found, key=lambda target: (target.section, target.statement or -1, target.part or ""))

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
    """The outline in a TOML file of ``[[section]]`` tables: number, title, statements, because.

    A statement is a name, a name with its parts in brackets ("Theorem 3 (eq. 13, eq. 14)"), or a table with the fields
    of ``Statement``.

    Raises:
        InvalidDeclaration: no such file, or a field that is not of this form.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InvalidDeclaration("statements", str(path), f"a readable TOML file ({error})") from error
    entries = data.get("section")
    if not isinstance(entries, list):
        raise InvalidDeclaration("statements.section", entries, "a list of [[section]] tables", where=str(path))
    sections = [_section(entry, path) for entry in entries]
    numbers = [section.number for section in sections]
    doubled = next((number for number in numbers if numbers.count(number) > 1), None)
    if doubled is not None:
        raise InvalidDeclaration("statements.section", doubled, "each section once", where=str(path))
    return Outline(sections)


def _section(entry: Any, path: Path) -> Section:
    fields = {"number", "title", "statements", "because"}
    if not isinstance(entry, Mapping) or set(entry) - fields or not isinstance(entry.get("number"), str):
        allowed = "number, title, statements and because, the number as a string"
        raise InvalidDeclaration("statements.section", entry, allowed, where=str(path))
    statements = tuple(_statement(made, path) for made in entry.get("statements", ()))
    return Section(entry["number"], entry.get("title", ""), statements, entry.get("because", ""))


def _statement(made: Any, path: Path) -> Statement:
    if isinstance(made, str):
        match = re.fullmatch(r"(.+?) \((.+)\)", made)
        return Statement(match[1], tuple(match[2].split(", "))) if match else Statement(made)
    if not isinstance(made, Mapping) or set(made) - {"name", "parts", "also", "because"} or "name" not in made:
        allowed = "a name, or a table with name, parts, also and because"
        raise InvalidDeclaration("statements.section.statements", made, allowed, where=str(path))
    return Statement(made["name"], tuple(made.get("parts", ())), tuple(made.get("also", ())), made.get("because", ""))


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
