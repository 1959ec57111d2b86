"""Installed packs: each is loaded and judged by itself, so that none can harm another."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path

from claims.auditing.budget import check_budget
from claims.claim import Claim, nearest
from claims.errors import ClaimsError, InvalidDeclaration
from claims.evidence.watching import importing
from claims.outline.outline import Outline, load_outline
from claims.outline.responses import Response, load_responses, readings_of
from claims.outline.versions import check_versions
from claims.packs import Pack, place
from claims.verdict import HOLDS

#: The entry-point group in which distributions name their packs.
GROUP = "claims.packs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A pack that an installed distribution offers, with all that it declares; or why it is left out.

    Attributes:
        name: of its entry point.
        distribution: name and version of what brought it.
        pack: None if it is left out.
        homes: the file that declares each claim, by its id.
        problem: why it is left out, in one line.
    """

    name: str
    distribution: str
    pack: Pack | None = None
    claims: tuple[Claim, ...] = ()
    homes: Mapping[str, Path] = field(default_factory=dict)
    not_claims: Mapping[str, str] = field(default_factory=dict)
    outline: Outline | None = None
    responses: Mapping[str, tuple[Response, ...]] = field(default_factory=dict)
    problem: str = ""

    def __str__(self) -> str:
        return f"pack {self.name} ({self.distribution})"

    def without(self, problem: str) -> Installed:
        """The same, left out."""
        return Installed(name=self.name, distribution=self.distribution, problem=problem)


def installed() -> dict[str, Pack]:
    """Every installed pack that is in order, by the name of its entry point."""
    return {found.name: found.pack for found in examine() if found.pack is not None}


def examine() -> tuple[Installed, ...]:
    """Load every installed pack. One that cannot be loaded, or that gets in another's way, is left out with the reason.

    Of two packs about one paper both are left out: which of them its ids mean, nobody could tell.
    """
    entries = metadata.entry_points(group=GROUP)
    once = {(entry.name, entry.value): entry for entry in entries}  # a distribution that was renamed is there twice
    found = tuple(load_pack(once[key]) for key in sorted(once))
    keys = [each.pack.paper.key if each.pack is not None else None for each in found]
    twins = [[other for other, same in zip(found, keys, strict=True) if key == same is not None] for key in keys]
    return _corrected([_alone(each, rest) for each, rest in zip(found, twins, strict=True)])


def load_pack(entry: metadata.EntryPoint) -> Installed:
    """A pack by itself, or why it is left out; importing one may raise anything."""
    try:
        made = Installed(name=entry.name, distribution=_distribution(entry))
    except Exception as error:  # noqa: BLE001  whose metadata cannot be read
        made = Installed(name=entry.name, distribution=f"of a distribution without metadata: {error}")
    try:
        with importing():
            pack = entry.load()
            if not isinstance(pack, Pack):
                raise InvalidDeclaration(f"entry point {entry.value}", pack, "a claims.Pack")
            homes, claims, reasons = pack.homes(), pack.claims(), pack.not_claims()
        check_budget(claims)
        outline = None if pack.outline is None else load_outline(pack.outline)
        check_versions(claims, pack.paper, () if outline is None else outline.versions)
        answers = {} if pack.responses is None else load_responses(pack.responses, readings_of(claims))
        return replace(
            made, pack=pack, claims=claims, homes=homes, not_claims=reasons, outline=outline, responses=answers
        )
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  SystemExit too: it is this pack's, and the others go on
        return made.without(_in_words(error))


def _distribution(entry: metadata.EntryPoint) -> str:
    return "of no distribution" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"


def _alone(pack: Installed, same_key: Sequence[Installed]) -> Installed:
    others = [other for other in same_key if other.pack is not pack.pack]
    if pack.pack is None or not others:
        return pack
    return pack.without(f"{', '.join(map(str, others))} has the key {pack.pack.paper.key!r} too; uninstall one of them")


def among(pack: Installed, others: Sequence[Installed]) -> Installed:
    """A pack that may not be installed, beside those that are; left out if one of its corrections is nowhere."""
    key = None if pack.pack is None else pack.pack.paper.key
    rest = [other for other in others if other.pack is not None and other.pack.paper.key != key]
    return _corrected([pack, *rest])[0]


def _corrected(packs: list[Installed]) -> tuple[Installed, ...]:
    """Leave out packs with a correction that is nowhere, until there is none; others may rest on one that goes."""
    while True:
        known = {claim.id: claim for pack in packs for claim in pack.claims}
        problems = [next(_lost(pack.claims, known, pack.homes), "") for pack in packs]
        if not any(problems):
            return tuple(packs)
        packs = [pack.without(why) if why else pack for pack, why in zip(packs, problems, strict=True)]


def _lost(claims: Sequence[Claim], known: Mapping[str, Claim], homes: Mapping[str, Path]) -> Iterator[str]:
    for claim in claims:
        try:
            check_correction(claim, known, homes[claim.id])
        except InvalidDeclaration as error:
            yield str(error)


def check_correction(claim: Claim, known: Mapping[str, Claim], home: Path) -> None:
    """Refuse a claim that is corrected by one that is not there, or that is not expected to hold.

    Raises:
        InvalidDeclaration: names file, line and claim.
    """
    corrected = None if claim.corrected_by is None else known.get(claim.corrected_by)
    if claim.corrected_by is None or (corrected is not None and corrected.expected is HOLDS):
        return
    there = f"{place(home, claim.id)}: {claim.id}"
    if corrected is None:
        hint = ", ".join(nearest(claim.corrected_by, list(known))) or "the id of a claim"
        raise InvalidDeclaration("corrected_by", claim.corrected_by, hint, where=there)
    allowed = f"a claim expected to be HOLDS; that one is expected {corrected.expected}"
    raise InvalidDeclaration("corrected_by", claim.corrected_by, allowed, where=there)


def _in_words(error: BaseException) -> str:
    """What went wrong and where, in one line: the last line of a traceback that is neither Python's nor ours."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith("<") and not _is_machinery(frame.filename)]
    where = f" ({theirs[-1].filename}:{theirs[-1].lineno})" if theirs else ""
    words = str(error) if isinstance(error, ClaimsError) else f"{type(error).__name__}: {error}"
    return " ".join(f"{words}{where}".split())


def _is_machinery(filename: str) -> bool:
    """Whether a source file is one of ours that checks, or of Python's that imports."""
    machinery = (__file__, importlib.__file__, metadata.__file__)
    return Path(filename).parent in [Path(file).parent for file in machinery]
