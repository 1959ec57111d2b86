"""Packs: installable sets of claims, claim files, and how a selection of them is named on the command line."""

from __future__ import annotations

import ast
import fnmatch
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from claims.claim import Claim, nearest
from claims.errors import (
    BadOption,
    ClaimsError,
    InvalidClaimFile,
    InvalidDeclaration,
    InvalidPack,
    NothingSelected,
    UnknownClaim,
)
from claims.fields import check_text
from claims.paper import Paper
from claims.verdict import HOLDS, Tier

GROUP = "claims.packs"
#: What a prefix of a selection looks at.
_PREFIXES = {"paper": "paper", "kind": "kind", "role": "role", "tier": "decides", "needs": "needs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A set of claims about one paper.

    Attributes:
        paper: what the claims are about.
        modules: where they are declared, with what of the paper is no claim and why (``NOT_CLAIMS``).
        statements: the paper's outline, a TOML file as ``claims.outline.outline`` reads it: what has to be covered.
    """

    paper: Paper
    modules: tuple[str, ...]
    statements: Path | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.paper, Paper):
            raise InvalidDeclaration("pack.paper", self.paper, "a claims.Paper")
        if not isinstance(self.modules, tuple | list) or not all(isinstance(name, str) for name in self.modules):
            raise InvalidDeclaration("pack.modules", self.modules, "a tuple of names of modules")
        if self.statements is not None and not isinstance(self.statements, Path):
            raise InvalidDeclaration("pack.statements", self.statements, "the path of a TOML file, or None")

    def claims(self) -> tuple[Claim, ...]:
        """Every claim that the modules declare, in order."""
        return tuple(claim for name in self.modules for claim in declared(_imported(name)))

    def not_claims(self) -> dict[str, str]:
        """What the paper says that cannot be a claim: locus -> reason."""
        found: dict[str, str] = {}
        for name in self.modules:
            reasons = getattr(_imported(name), "NOT_CLAIMS", {})
            if not isinstance(reasons, Mapping):
                raise InvalidDeclaration("NOT_CLAIMS", reasons, "a mapping from locus to reason", where=name)
            for locus, why in reasons.items():
                check_text(locus, "NOT_CLAIMS", allowed="loci that are non-empty strings", empty=False, where=name)
                check_text(
                    why, f"NOT_CLAIMS[{locus!r}]", allowed="why it is no claim, in words", empty=False, where=name
                )
            found |= reasons
        return found


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Claims by id, the papers they are about, and the folders that their modules need on the import path.

    ``statements`` has the file of a paper's outline, by the paper's key.
    """

    claims: Mapping[str, Claim]
    papers: Mapping[str, Paper]
    not_claims: Mapping[str, Mapping[str, str]]
    paths: tuple[str, ...] = ()
    statements: Mapping[str, Path] = field(default_factory=dict)

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
        names = sorted({str(getattr(claim, _PREFIXES[prefix])) for claim in self.claims.values()} - {""})
        return [f"{prefix}:{name}" for name in nearest(plain, names) or names]


def _matches(claim: Claim, selection: str) -> bool:
    prefix, colon, pattern = selection.partition(":")
    if not colon:
        return fnmatch.fnmatchcase(claim.id, selection)
    if prefix not in _PREFIXES:
        raise BadOption("SELECT", selection, "an id, a glob, a file, or " + ", ".join(f"{p}:…" for p in _PREFIXES))
    if prefix == "tier" and pattern not in list(Tier):
        raise BadOption("SELECT", selection, ", ".join(f"tier:{tier}" for tier in Tier))
    return fnmatch.fnmatchcase(getattr(claim, _PREFIXES[prefix]), pattern)


def load_catalogue(files: Iterable[Path] = ()) -> Catalogue:
    """The claims of the given files, or of all installed packs if there are none.

    Raises:
        InvalidClaimFile: a file cannot be loaded; names file, line and field.
        InvalidPack: an installed pack cannot be loaded.
        InvalidDeclaration: two claims share an id, or ``corrected_by`` names none.
    """
    claims: list[Claim] = []
    papers: dict[str, Paper] = {}
    reasons: dict[str, Mapping[str, str]] = {}
    statements: dict[str, Path] = {}
    paths: list[str] = []
    for path in (file.resolve() for file in files):
        module = load_file(path)
        found = declared(module)
        if not found:
            raise InvalidClaimFile(path, None, "declares no Claim at module level")
        claims += found
        paths.append(str(path.parent))
        papers |= {paper.key: paper for paper in vars(module).values() if isinstance(paper, Paper)}
    if not paths:
        for pack in installed().values():
            claims += pack.claims()
            papers[pack.paper.key] = pack.paper
            reasons[pack.paper.key] = pack.not_claims()
            if pack.statements is not None:
                statements[pack.paper.key] = pack.statements
    catalogue: dict[str, Claim] = {}
    for claim in claims:
        if catalogue.setdefault(claim.id, claim) is not claim:
            raise InvalidDeclaration("id", claim.id, "an id that no other claim has")
        papers.setdefault(claim.paper, Paper(key=claim.paper, title=claim.paper))
    if not paths:
        _check_corrections(catalogue)
    return Catalogue(catalogue, papers, reasons, tuple(dict.fromkeys(paths)), statements)


def _check_corrections(catalogue: Mapping[str, Claim]) -> None:
    for claim in catalogue.values():
        if claim.corrected_by is not None and claim.corrected_by not in catalogue:
            hint = ", ".join(nearest(claim.corrected_by, list(catalogue))) or "the id of a claim"
            raise InvalidDeclaration("corrected_by", claim.corrected_by, hint, where=claim.id)
        if claim.corrected_by is not None and catalogue[claim.corrected_by].expected is not HOLDS:
            allowed = f"a claim expected to be HOLDS; that one is expected {catalogue[claim.corrected_by].expected}"
            raise InvalidDeclaration("corrected_by", claim.corrected_by, allowed, where=claim.id)


def _imported(name: str) -> ModuleType:
    """A module of an installed pack, which may raise anything."""
    try:
        return importlib.import_module(name)
    except ClaimsError:
        raise  # a declaration of it, by name
    except (Exception, SystemExit) as error:
        raise InvalidPack(name, error) from error


def installed() -> dict[str, Pack]:
    """Every installed pack, by the name of its entry point.

    Raises:
        InvalidPack: one of them raises when it is imported, or lacks what its entry point names.
    """
    found = {}
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        _imported(entry.module)
        try:
            pack = entry.load()
        except AttributeError as error:
            raise InvalidPack(entry.name, error) from error
        if not isinstance(pack, Pack):
            raise InvalidDeclaration(f"entry point {entry.name}", pack, "a claims.packs.Pack")
        found[entry.name] = pack
    return found


def declared(module: ModuleType) -> list[Claim]:
    """The claims at module level, alone or in tuples and lists, in order, each once."""
    found: dict[int, Claim] = {}
    for value in vars(module).values():
        for item in value if isinstance(value, tuple | list) else (value,):
            if isinstance(item, Claim):
                found[id(item)] = item
    return list(found.values())


def load_file(path: Path) -> ModuleType:
    """Import a claim file, its folder going last on the import path so that it and its helpers can be imported.

    Raises:
        InvalidClaimFile: missing, not Python, another module of that name exists, or loading it raised.
    """
    if not path.is_file():
        raise InvalidClaimFile(path, None, "no such file")
    if not path.stem.isidentifier():
        raise InvalidClaimFile(path, None, "its name has to be a Python identifier, such as claims_mine.py")
    try:
        ast.parse(path.read_bytes())  # as Python reads it: with a byte order mark, or in the encoding that it declares
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidClaimFile(path, getattr(error, "lineno", None), str(error)) from error
    name = _package_name(path)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:  # a claim file may raise anything; it is reported with its line
        raise InvalidClaimFile(path, _line_in(error, path), _message(error)) from error
    if Path(getattr(module, "__file__", None) or "").resolve() != path:
        raise InvalidClaimFile(
            path, None, f"a module named {name} exists already at {module.__file__}; rename the file"
        )
    return module


def _package_name(path: Path) -> str:
    """The dotted name under which a file of an importable package is known, else its bare name."""
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    dotted = ".".join(parts)
    found = importlib.util.find_spec(dotted) if len(parts) > 1 and parts[0] in sys.modules else None
    return dotted if found is not None else path.stem


def _line_in(error: BaseException, path: Path) -> int | None:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    return lines[-1] if lines else None


def _message(error: BaseException) -> str:
    return str(error) if isinstance(error, ClaimsError) else f"{type(error).__name__}: {error}"


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
        "kind": claim.kind,
        "decides": claim.decides.value,
        "needs": claim.needs or None,
        "expected": claim.expected.value,
        "finding": claim.finding or None,
        "corrected_by": claim.corrected_by,
        "points": len(claim.judged_points()),
    }
