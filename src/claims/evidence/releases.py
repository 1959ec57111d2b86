"""Installed releases: modules that only a new version changes, and what those releases require."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

_FOLDERS = ("site-packages", "dist-packages")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def installed_files(path: Path) -> bool:
    """Whether a file lies where packages are installed."""
    return any(part in _FOLDERS for part in path.parts)


@functools.cache
def release_of(root: str, path: Path) -> str | None:
    """The distribution that installed a module's file, by the module's first name; None if it is nobody's release.

    What was installed from a folder or a repository (it says so in ``direct_url.json``) may change under one version.
    """
    if not installed_files(path):
        return None
    if _installs(root, path):  # most are named like their module; to list all that is installed takes long
        return root
    return next((name for name in _distributions().get(root, ()) if _installs(name, path)), None)


def _installs(name: str, path: Path) -> bool:
    """Whether a distribution of that name is a release that installed a file."""
    try:
        found = metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        return False
    home = Path(str(found.locate_file("")))
    if found.read_text("direct_url.json") is not None or not path.is_relative_to(home):
        return False
    inside = path.relative_to(home).as_posix()
    if f"\n{inside}," in f"\n{found.read_text('RECORD') or ''}":
        return True
    return any(str(file) == inside for file in found.files or ())


@functools.cache
def versions(name: str) -> Mapping[str, str]:
    """Versions of a distribution and of all that it requires and is installed, extras aside."""
    found: dict[str, str] = {}
    waiting = [name]
    while waiting:
        each = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if each in found:
            continue
        try:
            distribution = metadata.distribution(each)
        except metadata.PackageNotFoundError:
            continue
        found[each] = distribution.version
        waiting += _required(distribution)
    return found


def forget_releases() -> None:
    """Look anew for what is installed."""
    for found in (release_of, versions, _distributions):
        found.cache_clear()


def _required(distribution: metadata.Distribution) -> Iterator[str]:
    for line in distribution.requires or ():
        requirement, _, marker = line.partition(";")
        name = _NAME.match(requirement.strip())
        if name and "extra" not in marker:
            yield name.group()


@functools.cache
def _distributions() -> Mapping[str, Sequence[str]]:
    return {name: sorted(set(found)) for name, found in metadata.packages_distributions().items()}
