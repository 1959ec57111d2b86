"""What an experiment may read while it runs: what its key knows, by declaration, by its code or by its subject."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from claims.evidence.data import VARIABLE, data_path
from claims.evidence.fingerprint import Code, code_named, code_of, file_of
from claims.evidence.releases import installed_files
from claims.experiment import Point
from claims.subject import Subject

#: Suffixes of files that hold code.
CODE = (".py", ".pyc", *EXTENSION_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one experiment may read.

    Attributes:
        folder: where its module lies.
        places: its data, declared or named in its code, and what its subject consists of: files, or folders.
        variables: of the environment.
        files: of the code that its key knows.
        modules: names of that code's modules.
        installed: folders of those that are installed, but are no release: their other files may change.
    """

    folder: Path
    places: frozenset[str]
    variables: frozenset[str]
    files: frozenset[str]
    modules: frozenset[str]
    installed: tuple[str, ...] = ()

    def knows(self, found: str) -> bool:
        """Whether a path, or a variable as ``$NAME``, is among them."""
        if found.startswith("$"):
            return found[1:] in self.variables
        return found in self.files or any(inside(found, place) for place in self.places)

    def refusal(self, found: str) -> str:
        """Why reading this is an error, in words."""
        if found.startswith("$"):
            what = f"read the environment variable {found[1:]}"
            return f"{what}, which it does not declare: experiment(…, data=[{found!r}])"
        path = Path(found)
        if path.suffix in CODE:
            return f"imported or read {path.name}, which its key does not know: import it by name"
        name = path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else found
        return f"read {name}, which it does not declare: experiment(…, data=[{name!r}])"


def inputs_of(
    address: str, base: Point, data: tuple[tuple[str, str], ...], subject: Subject | None, fingerprint: str
) -> Inputs:
    """What a measurement may read, by its task: where its code is and as which fingerprint, its data with digests."""
    code = _code(code_named(address, base), fingerprint)
    places = [str(path) for name, _ in data if (path := data_path(name, address)) is not None]
    if subject is not None:
        places += [*filter(None, (subject.path, subject.text)), _cache_folder()]
    home = file_of(address.partition(":")[0])
    return Inputs(
        folder=(home or Path()).parent,
        places=frozenset(map(os.path.abspath, places)),
        variables=frozenset(name[1:] for name, _ in data if name.startswith(VARIABLE)),
        files=frozenset(map(os.path.abspath, code.files)),
        modules=frozenset(code.modules),
        installed=tuple(sorted({str(file.parent) for file in code.files if installed_files(file)})),
    )


def inside(path: str, place: str) -> bool:
    """Whether a path is a place or lies in it; both are absolute."""
    return path == place or path.startswith(place.rstrip(os.sep) + os.sep)


def _cache_folder() -> str:
    """Where what is measured of a model once, and read by every worker, is kept."""
    from claims.models.fetch import cache_folder

    return str(cache_folder())


@functools.cache
def _code(named: tuple[str, ...], fingerprint: str) -> Code:
    """What the addresses run; looked for once for each fingerprint."""
    return code_of(*named)
