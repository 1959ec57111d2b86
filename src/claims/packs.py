"""Packs, installable sets of claims, and files of claims: what declares claims, and where."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType

from claims.beside import taken
from claims.claim import Claim
from claims.errors import ClaimsError, InvalidClaimFile, InvalidDeclaration
from claims.evidence.fingerprint import forget_files
from claims.evidence.watching import importing
from claims.fields import check_text
from claims.figures import Figure
from claims.formula import with_formulas
from claims.paper import Paper

#: The version of what packs are written against: what ``claims`` exports, ``Pack``, and the form of an outline file.
#: It is another one when a pack that was right before may no longer load, or may mean something else.
API = "1"
#: Characters that are shown of what a claim file raises.
_SHOWN = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A set of claims about one paper.

    Attributes:
        paper: what the claims are about; every claim's id begins with its key.
        modules: where they are declared, with what of the paper is no claim and why (``NOT_CLAIMS``).
        api: version of ``claims`` that they are written for, "1".
        outline: what has to be covered, a TOML file as ``claims.outline.outline`` reads it.
        responses: what the paper's authors answer, a TOML file as ``claims.outline.responses`` reads it.
        figures: the module that declares the paper's figures (``claims.figures``); empty if none does.
        formulas: TeX of claims that do not bring their own, a TOML file as ``claims.formula`` reads it.
    """

    paper: Paper
    modules: tuple[str, ...]
    api: str
    outline: Path | None = None
    responses: Path | None = None
    figures: str = ""
    formulas: Path | None = None

    def __post_init__(self) -> None:
        if self.api != API:
            allowed = f'"{API}", which claimbench {_version()} offers; a pack for another needs another release of it'
            raise InvalidDeclaration("pack.api", self.api, allowed)
        if not isinstance(self.paper, Paper):
            raise InvalidDeclaration("pack.paper", self.paper, "a claims.Paper")
        if not isinstance(self.modules, tuple | list) or not all(isinstance(name, str) for name in self.modules):
            raise InvalidDeclaration("pack.modules", self.modules, "a tuple of names of modules")
        for field in ("outline", "responses", "formulas"):
            if getattr(self, field) is not None and not isinstance(getattr(self, field), Path):
                raise InvalidDeclaration(f"pack.{field}", getattr(self, field), "the path of a TOML file, or None")
        check_text(self.figures, "pack.figures", allowed="the name of a module, or an empty string")

    def claims(self) -> tuple[Claim, ...]:
        """Every claim that the modules declare, in order, with its formula.

        Raises:
            InvalidDeclaration: the file of formulas cannot be read, or gives one to no claim, or to one that has one.
        """
        found = tuple(claim for name in self.modules for claim in declared(importlib.import_module(name)))
        return found if self.formulas is None else with_formulas(found, self.formulas)

    def declared_figures(self) -> tuple[Figure, ...]:
        """Every figure that the pack declares, by itself or in a tuple, in order.

        Raises:
            InvalidDeclaration: two of them have one key, or a key begins with another than the paper's.
        """
        named = vars(importlib.import_module(self.figures)).values() if self.figures else ()
        every = [one for each in named for one in (each if isinstance(each, tuple) else (each,))]
        found = list({id(each): each for each in every if isinstance(each, Figure)}.values())
        for figure in found:
            if figure.paper != self.paper.key or sum(figure.key == other.key for other in found) > 1:
                allowed = f"a key of its own that begins with {self.paper.key!r}, the key of the pack's paper"
                raise InvalidDeclaration("figure.key", figure.key, allowed, where=self.figures)
        return tuple(found)

    def homes(self) -> dict[str, Path]:
        """The file that declares each claim, by its id.

        Raises:
            InvalidDeclaration: two claims share an id, or an id begins with another key than the paper's.
        """
        homes: dict[str, Path] = {}
        for module in map(importlib.import_module, self.modules):
            path = Path(module.__file__ or module.__name__)
            for claim in declared(module):
                if claim.paper != self.paper.key:
                    allowed = f"ids that begin with {self.paper.key!r}, the key of the pack's paper"
                    raise InvalidDeclaration("id", claim.id, allowed, where=place(path, claim.id))
                check_new(claim, path, homes)
                homes[claim.id] = path
        return homes

    def not_claims(self) -> dict[str, str]:
        """What the paper says that cannot be a claim: locus -> reason."""
        found: dict[str, str] = {}
        for name in self.modules:
            reasons = getattr(importlib.import_module(name), "NOT_CLAIMS", {})
            if not isinstance(reasons, Mapping):
                raise InvalidDeclaration("NOT_CLAIMS", reasons, "a mapping from locus to reason", where=name)
            for locus, why in reasons.items():
                check_text(locus, "NOT_CLAIMS", allowed="loci that are non-empty strings", empty=False, where=name)
                check_text(
                    why, f"NOT_CLAIMS[{locus!r}]", allowed="why it is no claim, in words", empty=False, where=name
                )
            found |= reasons
        return found


def _version() -> str:
    try:
        return metadata.version("claimbench")
    except metadata.PackageNotFoundError:
        return "of a source tree"


def check_new(claim: Claim, path: Path, homes: Mapping[str, Path]) -> None:
    """Refuse a claim of a file whose id another claim has already.

    Raises:
        InvalidDeclaration: names both files.
    """
    if claim.id in homes:
        both = place(path, claim.id) if homes[claim.id] == path else f"{homes[claim.id]} and {path}"
        raise InvalidDeclaration("id", claim.id, f"an id that no other claim has ({both})")


def place(path: Path, claim_id: str) -> str:
    """The file that declares a claim, with the lines that spell its id, if any do."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return str(path)
    quoted = (f'"{claim_id}"', f"'{claim_id}'")
    spelt = [(number, line) for number, line in enumerate(lines, 1) if any(text in line for text in quoted)]
    said = [number for number, line in spelt if any(f"id={text}" in line for text in quoted)]
    other = [number for number, line in spelt if not any(f"corrected_by={text}" in line for text in quoted)]
    found = ", ".join(map(str, said or other))
    return f"{path}:{found}" if found else str(path)


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
        InvalidClaimFile: missing, not Python, another module has its name or that of a helper beside it, or loading it
            raised.
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
    forget_files()
    if name == path.stem and (words := taken(path)):
        raise InvalidClaimFile(path, None, words)
    try:
        with importing():
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
    if isinstance(error, ImportError) and "relative import" in str(error):
        return f"{error}; a claim file is no part of a package: `from helpers import x` finds helpers.py beside it"
    words = str(error) if isinstance(error, ClaimsError) else f"{type(error).__name__}: {error}"
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
