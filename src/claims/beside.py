"""Helpers that lie beside a claim file: their names are the file's own, and no other module may have them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from claims.evidence.syntax import parse
from claims.names import spec_of


def taken(path: Path) -> str:
    """Which helper of a claim file another module stands in for, in words; empty if each is the one beside it.

    The folder of a claim file comes last on the import path, so a module of the same name that is installed, or that
    lies beside another claim file, would be imported in the helper's place.
    """
    for name, helper in _helpers(path):
        spec = spec_of(name)
        loaded = getattr(sys.modules.get(name), "__file__", None)
        for found in (loaded, spec.origin if spec is not None else None):
            if found is not None and not _same(found, helper):
                return f"imports {name}, and means {helper}, but {found} has that name: rename one of them"
    return ""


def _helpers(path: Path) -> Iterator[tuple[str, Path]]:
    """Every module beside a claim file that it imports, itself or through others."""
    waiting, seen = [path], {path}
    while waiting:
        file = waiting.pop()
        status = file.stat()
        for name in parse(file, (status.st_mtime_ns, status.st_size), file.stem).imports:
            found = path.parent.joinpath(*name.split("."))
            for helper in (found / "__init__.py", found.with_suffix(".py")):
                if name and helper.is_file() and helper not in seen:
                    seen.add(helper)
                    waiting.append(helper)
                    yield name, helper


def _same(file: str, other: Path) -> bool:
    return Path(file).resolve() == other.resolve()
