"""What ``claimbench pack check`` is asked about: an installed paper, a pack's folder of sources, or a claim file."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from claims.catalogue import load_catalogue, of_packs
from claims.discovery import GROUP, Installed, among, examine, load_pack
from claims.errors import BadOption, InvalidDeclaration
from claims.evidence.fingerprint import forget_files
from claims.review.remarks import Reviewed
from claims.toml import parse


def reviewed(asked: str) -> list[Reviewed]:
    """Everything that a key of a paper, or a path, stands for: a folder may hold several packs.

    Raises:
        BadOption: no such paper or path, or a folder without packs.
        InvalidDeclaration: a pack cannot be loaded; says why.
        InvalidClaimFile: a claim file cannot be loaded.
    """
    path = Path(asked)
    if path.suffix == ".py":
        return _of_file(path)
    if path.is_dir():
        return [_of_pack(pack) for pack in _of_folder(path)]
    installed = examine()
    found = [pack for pack in installed if asked in (pack.name, pack.pack.paper.key if pack.pack else None)]
    if not found:
        there = ", ".join(pack.name for pack in installed) or "none is installed"
        raise BadOption("pack", asked, f"a folder with a pack, a claim file, or the key of a paper: {there}")
    return [_of_pack(pack) for pack in found]


def _of_pack(found: Installed) -> Reviewed:
    pack = found.pack
    if pack is None:
        raise InvalidDeclaration(str(found), found.problem, "a pack that can be loaded")
    return Reviewed(
        paper=pack.paper,
        claims=found.claims,
        catalogue=of_packs([found]),
        modules=tuple(pack.modules),
        home=pack.outline or next(iter(found.homes.values()), Path(found.name)),
        outline=pack.outline,
    )


def _of_file(path: Path) -> list[Reviewed]:
    catalogue = load_catalogue([path])
    return [
        Reviewed(
            paper=catalogue.papers[key],
            claims=tuple(claim for claim in catalogue.claims.values() if claim.paper == key),
            catalogue=catalogue,
            modules=(),
            home=path,
            outline=None,
        )
        for key in dict.fromkeys(claim.paper for claim in catalogue.claims.values())
    ]


def _of_folder(folder: Path) -> Iterator[Installed]:
    """The packs that a project declares, by its sources: they need not be installed."""
    file = folder / "pyproject.toml"
    try:
        project = parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadOption("pack", str(folder), f"a folder with a readable pyproject.toml ({error})") from error
    points: Any = project
    for name in ("project", "entry-points", GROUP):
        points = points.get(name) if isinstance(points, dict) else None
    if not isinstance(points, dict) or not points or not all(isinstance(value, str) for value in points.values()):
        raise BadOption("pack", str(file), f'[project.entry-points."{GROUP}"] with a pack')
    for name, value in points.items():
        _importable(folder, value.partition(":")[0].partition(".")[0])
        yield among(load_pack(metadata.EntryPoint(name=name, value=value, group=GROUP)), examine())


def _importable(folder: Path, package: str) -> None:
    """Put the sources of a package first on the import path, so that no other version of it is taken."""
    for sources in (folder / "src", folder):
        if (sources / package).is_dir() or (sources / f"{package}.py").is_file():
            if str(sources.resolve()) not in sys.path:
                sys.path.insert(0, str(sources.resolve()))
                importlib.invalidate_caches()
                forget_files()
            return
