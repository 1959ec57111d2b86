"""Coverage: every place of a paper with the claims about it, with the reason why there is none, or as missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from claims.catalogue import Catalogue
from claims.claim import Claim
from claims.outline.outline import Outline, Section, Statement, Target, outline_of
from claims.outline.versions import Change, Version
from claims.verdict import Verdict

T = TypeVar("T")
_Claims = dict[Target, list[Claim]]
_Reasons = dict[Target, list[tuple[str, str]]]
_Later = dict[Target, list[Change]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement of the paper, or the text of a section outside of its statements (without a name).

    Attributes:
        name: as the paper calls it.
        claims: about it, each once.
        reasons: what of it is no claim: locus, and why.
        missing: the statement or those of its parts which have neither a claim nor a reason.
        later: what later versions of the paper do to it.
    """

    name: str
    claims: tuple[Claim, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    later: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Covered:
    """A section with its entries."""

    section: Section
    entries: tuple[Entry, ...]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims about the section, each once."""
        return tuple({claim.id: claim for entry in self.entries for claim in entry.claims}.values())


@dataclass(frozen=True, slots=True)
class Coverage:
    """A paper's sections in its order; ``elsewhere`` has what names no place of the outline.

    ``complete`` says whether the outline is the paper's own: only then is what it lacks missing.
    """

    sections: tuple[Covered, ...]
    elsewhere: Entry
    complete: bool
    versions: tuple[Version, ...] = ()

    @property
    def elsewhere_heading(self) -> str:
        """What the places outside of the outline are called."""
        return "Not in the paper's text" if self.complete else "Other places"

    @property
    def missing(self) -> tuple[str, ...]:
        """What has neither a claim nor a reason."""
        return tuple(
            f"{covered.section.number}: {name}"
            for covered in self.sections
            for entry in covered.entries
            for name in entry.missing
        )

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Every claim, once."""
        placed = (claim for covered in self.sections for claim in covered.claims)
        return tuple({claim.id: claim for claim in (*placed, *self.elsewhere.claims)}.values())

    def chapters(self) -> list[tuple[Section, tuple[Claim, ...]]]:
        """The sections of the first level, each with the claims about it and its subsections, each claim once."""
        found: dict[str, tuple[Section, dict[str, Claim]]] = {}
        for covered in self.sections:
            _, claims = found.setdefault(covered.section.number.partition(".")[0], (covered.section, {}))
            claims.update({claim.id: claim for claim in covered.claims})
        return [(section, tuple(claims.values())) for section, claims in found.values()]

    def statements(self) -> tuple[int, int, int]:
        """How many named statements have claims, how many a reason alone, how many lack both in part or whole."""
        named = [entry for covered in self.sections for entry in covered.entries if entry.name]
        missing = sum(bool(entry.missing) for entry in named)
        claimed = sum(bool(entry.claims) for entry in named if not entry.missing)
        return claimed, len(named) - missing - claimed, missing


def cover(outline: Outline, claims: Iterable[Claim], not_claims: Mapping[str, str]) -> Coverage:
    """Hold claims and reasons against an outline. A statement is covered if a locus names it and each of its parts."""
    about: _Claims = {}
    said: _Reasons = {}
    strays = tuple(claim for claim in claims if not _file(about, outline.targets(claim.locus), claim))
    unplaced = tuple(pair for pair in not_claims.items() if not _file(said, outline.targets(pair[0]), pair))
    later: _Later = {}
    for locus, change in (pair for version in outline.versions for pair in version.changes):
        _file(later, outline.targets(locus), change)
    divided = {parent for section in outline.sections for parent in _parents(section.number)}
    sections = tuple(_cover_section(outline, i, about, said, later, divided) for i in range(len(outline.sections)))
    return Coverage(sections, Entry("", strays, unplaced), outline.complete, outline.versions)


def coverage_of(catalogue: Catalogue, paper: str) -> Coverage:
    """The coverage of a paper by all its claims in a catalogue; by the places they name where no outline is known."""
    claims = [claim for claim in catalogue.claims.values() if claim.paper == paper]
    reasons = catalogue.not_claims.get(paper, {})
    outline = catalogue.outlines.get(paper) or outline_of([*(claim.locus for claim in claims), *reasons])
    return cover(outline, claims, reasons)


def _file(places: dict[Target, list[T]], targets: Iterable[Target], what: T) -> bool:
    """Put something under each of its places; whether it has any."""
    found = False
    for target in targets:
        places.setdefault(target, []).append(what)
        found = True
    return found


def _parents(number: str) -> Iterator[str]:
    """The sections that a subsection belongs to: "3.1" and "3" of "3.1.4"."""
    while number := number.rpartition(".")[0]:
        yield number


def _cover_section(
    outline: Outline, i: int, about: _Claims, said: _Reasons, later: _Later, divided: set[str]
) -> Covered:
    section = outline.sections[i]
    text = _cover_text(section, i, about, said, divided=section.number in divided)
    entries = [replace(text, later=tuple(later.get(Target(i), ())))]
    for j, statement in enumerate(section.statements):
        whole, details = Target(i, j), {part: Target(i, j, part) for part in statement.parts}
        places = (whole, *details.values())
        reasons = _merged(said, places)
        if statement.because:
            reasons = (*reasons, (statement.name, statement.because))
        lacking = [part for part, target in details.items() if target not in about and target not in said]
        if not any(target in about or target in said for target in places):
            lacking = [statement.name]
        missing = () if statement.because else tuple(lacking)
        entries.append(Entry(_title(statement), _merged(about, places), reasons, missing, _merged(later, places)))
    return Covered(section, tuple(entry for entry in entries if entry != Entry("")))


def _cover_text(section: Section, i: int, about: _Claims, said: _Reasons, *, divided: bool) -> Entry:
    """The text of a section outside of its statements; one without any, and without subsections, has to be covered."""
    place = Target(i)
    claims, reasons = tuple(about.get(place, ())), tuple(said.get(place, ()))
    if section.because:
        reasons = (*reasons, ("", section.because))
    bare = not (claims or reasons or section.statements or divided)
    return Entry("", claims, reasons, (section.heading,) if bare else ())


def _merged(places: Mapping[Target, list[T]], targets: Iterable[Target]) -> tuple[T, ...]:
    """What stands under any of the places, each once."""
    found: list[T] = []
    for target in targets:
        found += [what for what in places.get(target, ()) if not any(what is other for other in found)]
    return tuple(found)


def _title(statement: Statement) -> str:
    return f"{statement.name} ({', '.join(statement.parts)})" if statement.parts else statement.name


def to_plain(coverage: Coverage, verdicts: Mapping[str, str]) -> dict[str, Any]:
    """A coverage as plain data; the verdict is null of claims that the verdicts do not have."""

    def plain(entry: Entry) -> dict[str, Any]:
        claims = [
            {
                "id": claim.id,
                "locus": claim.locus,
                "role": claim.role.value,
                "version": claim.version,
                "verdict": verdicts.get(claim.id),
            }
            for claim in entry.claims
        ]
        reasons = [{"locus": locus, "because": why} for locus, why in entry.reasons]
        later = [asdict(change) for change in entry.later]
        missing = list(entry.missing)
        return {"name": entry.name, "claims": claims, "no_claim": reasons, "missing": missing, "later": later}

    sections = [
        {
            "number": covered.section.number,
            "title": covered.section.title,
            "counts": verdict_counts(covered.claims, verdicts),
            "statements": [plain(entry) for entry in covered.entries],
        }
        for covered in coverage.sections
    ]
    versions = [{"number": each.number, "date": each.date, "read": each.read} for each in coverage.versions]
    return {
        "sections": sections,
        "elsewhere": plain(coverage.elsewhere),
        "missing": list(coverage.missing),
        "versions": versions,
    }


def verdict_counts(claims: Iterable[Claim], verdicts: Mapping[str, str]) -> dict[str, int]:
    """How many of the claims have each verdict, in the order of the verdicts; claims without one are left out."""
    found = Counter(verdicts[claim.id] for claim in claims if claim.id in verdicts)
    return {verdict.value: found[verdict] for verdict in Verdict if found[verdict]}
