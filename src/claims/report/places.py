"""Where claims are declared: file and line, as pages and other programs name them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path

from claims.evidence.kept import recalled


def places_of(homes: Mapping[str, Path], *, named: Callable[[Path], str] | None = None) -> dict[str, str]:
    """File and first line that declare each claim, files as below the folder that Python imports them from.

    Every file is read once. A claim that a helper makes, whose id stands nowhere, has its file alone. ``named`` calls
    files otherwise.
    """
    name_of = named or importable
    ids: dict[Path, list[str]] = {}
    for name, path in homes.items():
        ids.setdefault(path, []).append(name)
    found: dict[str, str] = {}
    for path, names in ids.items():
        lines = _lines_of(path, names)
        file = name_of(path)
        found |= {name: f"{file}:{lines[name]}" if name in lines else file for name in names}
    return found


def _lines_of(path: Path, names: Iterable[str]) -> dict[str, int]:
    """The line that spells each id, ``id=`` before any other; of none if the file cannot be read."""
    wanted = set(names)
    try:
        found: dict[str, int] = recalled(path, "lines", *sorted(wanted), make=lambda: _spelled(path, wanted))
    except OSError:
        return {}
    return found


def _spelled(path: Path, wanted: Set[str]) -> dict[str, int]:
    lines = path.read_text("utf-8", "replace").splitlines()
    found: dict[str, tuple[bool, int]] = {}
    for at, line in enumerate(lines, 1):
        for quote in "\"'":
            for before, text in zip(line.split(quote), line.split(quote)[1:], strict=False):
                said = (not before.endswith("id=") or before.endswith("_id="), at)
                if text in wanted and not before.endswith("corrected_by="):
                    found[text] = min(said, found.get(text, said))
    return {name: at for name, (_, at) in found.items()}


def importable(path: Path) -> str:
    """A file's path from the folder that its package is imported from; of a file that is in none, its name."""
    parts = [path.name]
    folder = path.parent
    while (folder / "__init__.py").exists() and folder != folder.parent:
        parts.insert(0, folder.name)
        folder = folder.parent
    return "/".join(parts)
