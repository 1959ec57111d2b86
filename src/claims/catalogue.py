"""The catalogue: claims of installed packs or of files, and how a selection of them is named on the command line."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claims.auditing.budget import check_budget
from claims.claim import Claim, nearest
from claims.discovery import Installed, check_correction, examine
from claims.errors import BadOption, InvalidClaimFile, NothingSelected, UnknownClaim
from claims.outline.outline import Outline
from claims.outline.responses import Response
from claims.packs import check_new, declared, load_file, place
from claims.paper import Paper
from claims.verdict import Tier

#: What a prefix of a selection looks at.
_PREFIXES = {"paper": "paper", "kind": "kind", "role": "role", "tier": "decides", "needs": "needs", "device": "devices"}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Claims by id, and the papers that they are about.

    Attributes:
        not_claims: what of a paper is no claim and why, by the paper's key.
        paths: folders that the claims' modules need on the import path.
        outlines: what of a paper has to be covered, by the paper's key.
        homes: the file that declares each claim, by its id.
        left_out: installed packs that could not be loaded.
        responses: what authors answer, in files that packs bring, by the claim's id.
    """

    claims: Mapping[str, Claim]
    papers: Mapping[str, Paper]
    not_claims: Mapping[str, Mapping[str, str]]
    paths: tuple[str, ...] = ()
    outlines: Mapping[str, Outline] = field(default_factory=dict)
    homes: Mapping[str, Path] = field(default_factory=dict)
    left_out: tuple[Installed, ...] = ()
    responses: Mapping[str, tuple[Response, ...]] = field(default_factory=dict)

    def select(self, selections: Sequence[str]) -> tuple[Claim, ...]:
        """The claims that any of the selections names: an id, a glob on ids, or a prefix such as paper: and a glob.

        Every selection has to match: one that does not, a glob too, may be the one that was meant to stop a gate.

        Raises:
            UnknownClaim: one of several selections, or one without a glob, matches nothing; offers what comes near.
            NothingSelected: the selection is a glob, or several, and nothing matches.
        """
        chosen: set[str] = set()
        missed: list[str] = []
        for selection in selections:
            matched = [claim.id for claim in self.claims.values() if _matches(claim, selection)]
            chosen.update(matched)
            missed += [] if matched else [selection]
        exact = [selection for selection in missed if not any(mark in selection for mark in "*?[")]
        if exact or (missed and chosen):
            asked = (exact or missed)[0]
            raise UnknownClaim(asked, self._near(asked))
        if missed:
            near = ", ".join(dict.fromkeys(name for selection in missed for name in self._near(selection)))
            hint = f" Nearest: {near}." if near else " `claimbench list` shows all ids."
            raise NothingSelected(f"{' '.join(missed)}: nothing is selected.{hint}")
        return tuple(claim for claim in self.claims.values() if claim.id in chosen or not selections)

    def _near(self, selection: str) -> list[str]:
        """Ids that look like a selection, or after a prefix such as paper: the names that claims here have."""
        prefix, colon, pattern = selection.partition(":")
        plain = (pattern if colon else selection).translate(dict.fromkeys(map(ord, "*?[]")))
        if not colon:
            return nearest(plain, list(self.claims))
        names = sorted({name for claim in self.claims.values() for name in _named(claim, prefix)} - {""})
        return [f"{prefix}:{name}" for name in nearest(plain, names) or names]

    def place(self, claim: Claim) -> str:
        """The file and line that declare a claim; empty if no file does."""
        return place(self.homes[claim.id], claim.id) if claim.id in self.homes else ""


def _matches(claim: Claim, selection: str) -> bool:
    prefix, colon, pattern = selection.partition(":")
    if not colon:
        return fnmatch.fnmatchcase(claim.id, selection)
    if prefix not in _PREFIXES:
        raise BadOption("SELECT", selection, "an id, a glob, a file, or " + ", ".join(f"{p}:…" for p in _PREFIXES))
    if prefix == "tier" and pattern not in list(Tier):
        raise BadOption("SELECT", selection, ", ".join(f"tier:{tier}" for tier in Tier))
    return any(fnmatch.fnmatchcase(name, pattern) for name in _named(claim, prefix))


def _named(claim: Claim, prefix: str) -> tuple[str, ...]:
    """What a claim has of what a prefix looks at: one name, or several devices."""
    found = getattr(claim, _PREFIXES[prefix])
    return found if isinstance(found, tuple) else (str(found),)


def load_catalogue(files: Iterable[Path] = ()) -> Catalogue:
    """The claims of the given files, or of all installed packs if there are none.

    Raises:
        InvalidClaimFile: a file cannot be loaded; names file, line and field.
        InvalidDeclaration: two claims of files share an id, ``corrected_by`` of one names none, or there are more
            about one paper than error rates are stated for.
    """
    paths = [file.resolve() for file in files]
    return _of_files(paths) if paths else of_packs(examine())


def of_packs(packs: Sequence[Installed]) -> Catalogue:
    """The claims of packs that were loaded, and which of them are left out."""
    there = [(found, found.pack.paper) for found in packs if found.pack is not None]
    return Catalogue(
        claims={claim.id: claim for found, _ in there for claim in found.claims},
        papers={paper.key: paper for _, paper in there},
        not_claims={paper.key: found.not_claims for found, paper in there},
        outlines={paper.key: found.outline for found, paper in there if found.outline is not None},
        homes={name: path for found, _ in there for name, path in found.homes.items()},
        left_out=tuple(found for found in packs if found.pack is None),
        responses={name: answers for found, _ in there for name, answers in found.responses.items()},
    )


def _of_files(paths: Sequence[Path]) -> Catalogue:
    claims: dict[str, Claim] = {}
    papers: dict[str, Paper] = {}
    homes: dict[str, Path] = {}
    for path in paths:
        module = load_file(path)
        found = declared(module)
        if not found:
            raise InvalidClaimFile(path, None, "declares no Claim at module level")
        for claim in found:
            if claims.get(claim.id) is not claim:
                check_new(claim, path, homes)
                claims[claim.id], homes[claim.id] = claim, path
            papers.setdefault(claim.paper, Paper(key=claim.paper, title=claim.paper))
        papers |= {paper.key: paper for paper in vars(module).values() if isinstance(paper, Paper)}
    _check_corrections(claims, homes)
    check_budget(claims.values(), where=", ".join(map(str, paths)))
    return Catalogue(claims, papers, {}, tuple(dict.fromkeys(str(path.parent) for path in paths)), homes=homes)


def _check_corrections(claims: Mapping[str, Claim], homes: Mapping[str, Path]) -> None:
    """Of claims in files; what corrects one may as well be in a file beside it, or in an installed pack."""
    known = dict(claims)
    for claim in claims.values():
        home, corrected = homes[claim.id], claim.corrected_by
        if corrected is None:
            continue
        if corrected not in known:
            if any(_spells(path, corrected) for path in home.parent.glob("*.py") if path != home):
                continue
            known |= {each.id: each for found in examine() for each in found.claims}
        check_correction(claim, known, home)


def _spells(path: Path, claim_id: str) -> bool:
    return place(path, claim_id) != str(path)


def split_selection(selections: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Files and other selections: what ends in .py is a file."""
    files = [Path(selection) for selection in selections if selection.endswith(".py")]
    return files, [selection for selection in selections if not selection.endswith(".py")]


def to_plain(claim: Claim) -> dict[str, Any]:
    """A claim's declaration as plain data."""
    return {
        "id": claim.id,
        "paper": claim.paper,
        "role": claim.role.value,
        "locus": claim.locus,
        "statement": claim.statement,
        "formula": claim.formula or None,
        "read_as": claim.read_as or None,
        "kind": claim.kind,
        "range": claim.seed_range,
        "decides": claim.decides.value,
        "needs": claim.needs or None,
        "expected": claim.expected.value,
        "finding": claim.finding or None,
        "corrected_by": claim.corrected_by,
        "points": len(claim.judged_points()),
        "readings": list(map(str, claim.readings)),
        "version": claim.version,
    }
