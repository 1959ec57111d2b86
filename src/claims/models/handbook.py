"""English prose with a clear licence: "The Debian Administrator's Handbook", from the Debian package of that name.

By Raphaël Hertzog and Roland Mas, GPL-2+ or CC-BY-SA-3.0. What is kept are the paragraphs of the English edition in
reading order, without listings, one a line; their digest is pinned, so that a perplexity means the same everywhere.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from claims.errors import TextError
from claims.models.fetch import CACHE_VARIABLE, alone, cache_folder

NAME = "debian-handbook"
VERSION = "11.20220922"
LICENCE = "GPL-2+ or CC-BY-SA-3.0"
#: Of the text.
SHA256 = "268801cac460bda738b72d06349e1abfd82d8f95d7915166dd2ca0a7cd67bbd4"
BYTES = 946_927
#: MiB of the package and of its files, both of which are removed again, and of the text.
FETCHED, UNPACKED, KEPT = 34, 98, 1
_PAGES = Path("usr/share/doc/debian-handbook/html/en-US")


class _Page(HTMLParser):
    """The paragraphs of a page, which are divisions of class "para", and which page follows it."""

    def __init__(self) -> None:
        super().__init__()
        self.paragraphs: list[str] = []
        self.following: str | None = None
        self._divisions: list[bool] = []
        self._listings = 0
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "link" and found.get("rel") == "next":
            self.following = found.get("href")
        elif tag == "pre":
            self._listings += 1
        elif tag == "div":
            self._flush()  # a list inside a paragraph ends its first part
            self._divisions.append(found.get("class") == "para")

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self._listings -= 1
        elif tag == "div" and self._divisions:
            self._flush()
            self._divisions.pop()

    def handle_data(self, data: str) -> None:
        if self._divisions and self._divisions[-1] and not self._listings:
            self._words.append(data)

    def _flush(self) -> None:
        words = " ".join("".join(self._words).split())
        if words:
            self.paragraphs.append(words)
        self._words.clear()


def prose(pages: Path) -> str:
    """The paragraphs of a book of HTML pages, in the order in which they name the next one, after index.html.

    Raises:
        TextError: a page is missing, or names one that was read before.
    """
    paragraphs: list[str] = []
    read: set[str] = set()
    name: str | None = "index.html"
    while name is not None:
        if name in read or not (pages / name).is_file():
            raise TextError(f"{pages}: {name} is {'named twice' if name in read else 'missing'}")
        read.add(name)
        page = _Page()
        page.feed((pages / name).read_text(encoding="utf-8"))
        if name != "index.html":  # which has the imprint
            paragraphs += page.paragraphs
        name = page.following
    return "\n".join(paragraphs) + "\n"


def handbook_path() -> Path:
    """Where the text is kept; it need not be there."""
    return cache_folder() / f"{NAME}-{VERSION}.txt"


def get_handbook(say: Callable[[str], None]) -> Path:
    """Have the text here: from the installed package, else from the package that apt fetches, and return its path.

    Raises:
        TextError: no apt, no network, no space, or another version of the package.
    """
    target = handbook_path()
    target.parent.mkdir(parents=True, exist_ok=True)
    with alone(target.parent / f".{NAME}.lock", say):
        if target.is_file() and _digest(target.read_bytes()) == SHA256:
            say(f"{NAME} is here: {target}")
            return target
        arriving = target.parent / f".{NAME}.arriving"
        shutil.rmtree(arriving, ignore_errors=True)
        arriving.mkdir()
        try:
            installed = Path("/") / _PAGES
            text = prose(installed if installed.is_dir() else _unpacked(arriving, say)).encode("utf-8")
            if _digest(text) != SHA256:
                raise TextError(f"{NAME}: this package is not version {VERSION}; give a text of your own with --text")
            partial = arriving / target.name
            partial.write_bytes(text)
            os.replace(partial, target)
        finally:
            shutil.rmtree(arriving)
    say(f"{NAME} is here now: {target}")
    return target


def _unpacked(folder: Path, say: Callable[[str], None]) -> Path:
    """The pages of the package, fetched by apt and unpacked without being installed."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise TextError(
            f"{NAME} comes with Debian, and this system has no apt-get; give a text of your own with --text"
        )
    free, needed = shutil.disk_usage(folder).free / 2**20, FETCHED + UNPACKED + KEPT
    say(f"fetching {FETCHED} MiB, keeping {KEPT} MiB in {folder.parent} ({needed} MiB while at it)")
    if free < needed:
        raise TextError(
            f"{folder.parent}: {free:.0f} MiB free, {needed} MiB needed; or choose another {CACHE_VARIABLE}"
        )
    _run(["apt-get", "download", f"{NAME}={VERSION}"], folder)
    (package,) = folder.glob("*.deb")
    _run(["dpkg-deb", "-x", str(package), "unpacked"], folder)
    return folder / "unpacked" / _PAGES


def _run(command: list[str], folder: Path) -> None:
    """Run a command in a folder, its output on standard error; raises TextError if it fails."""
    if subprocess.run(command, cwd=folder, stdout=2, check=False).returncode:
        raise TextError(f"{' '.join(command)} failed, see above; `apt-get update` may help, or --text with your own")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
