"""What an experiment reads besides its code, as ``experiment(data=[...])`` declares it: files, folders, variables."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from claims.errors import InvalidDeclaration
from claims.evidence.canonical import digest
from claims.evidence.fingerprint import bytes_of, file_of
from claims.names import spec_of

#: Marks the name of an environment variable.
VARIABLE = "$"


def data_digests(names: Iterable[str], address: str) -> dict[str, str]:
    """A digest of each: of a file's bytes, of a folder's files and their names, of a variable's value.

    Raises:
        InvalidDeclaration: there is no such file or folder.
    """
    return {name: _variable(name[1:]) if name.startswith(VARIABLE) else _contents(name, address) for name in names}


def data_path(name: str, address: str) -> Path | None:
    """Where declared data lie: in a package, or from the folder of the experiment's module; None of a variable."""
    if name.startswith(VARIABLE):
        return None
    package, _, inside = name.rpartition(":")
    if not package:
        home = file_of(address.partition(":")[0])
        return Path(os.path.abspath((home or Path()).parent / inside))
    spec = spec_of(package)
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    return Path(os.path.abspath(Path(folders[0] if folders else "") / inside))


def files_in(path: Path) -> list[Path]:
    """The files of a folder, however deep, in a stable order; a file by itself."""
    if path.is_file():
        return [path]
    found = (each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts)
    return sorted(found)


def _contents(name: str, address: str) -> str:
    path = data_path(name, address)
    if path is None or not path.exists():
        allowed = f'a file or folder: "package:path", or a path from the folder of {address.partition(":")[0]}'
        raise InvalidDeclaration("data", name, allowed, where=address)
    if path.is_file():
        return bytes_of(path)
    return digest([[each.relative_to(path).as_posix(), bytes_of(each)] for each in files_in(path)]).hex()


def _variable(name: str) -> str:
    return digest([os.environ.get(name)]).hex()
