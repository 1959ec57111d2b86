"""What became of each planted error, lines of JSON, so that a run that was killed goes on where it was.

An error has a line for its audits and one for its tests. A line counts while nothing has changed that it depends on:
the entry and the sources, and what was asked: how much of an audit, or the tests as they are.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from claims.sensitivity.plants import Plant

#: What of a repository decides whether an error is noticed, beside the tests that an entry names.
_SOURCES = (".py", ".toml", ".cpp", ".h", ".json")
_LEFT_OUT = {"tests", "docs", "results", "benchmarks", "tools", "build", "dist", "report", "sensitivity", "examples"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What became of one planted error.

    Attributes:
        name: the entry's.
        smoke, standard, tests: who noticed, a claim's id or a test's; empty if nobody; None if nobody was asked.
        seeds: how many the claim needed that noticed.
        why: what the audit said that noticed, on one line.
        asked: how many claims and tests were asked, by "smoke", "standard" and "tests".
        seconds: what it took.
        broken: what went wrong with the trial itself; empty if nothing.
    """

    name: str
    smoke: str | None = None
    standard: str | None = None
    tests: str | None = None
    seeds: int = 0
    why: str = ""
    asked: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    broken: str = ""

    @property
    def caught(self) -> bool:
        """Whether anybody noticed."""
        return bool(self.smoke or self.standard or self.tests)

    def joined(self, other: Found) -> Found:
        """What both say: one of audits, the other of tests."""
        asked = {who: getattr(other, who) for who in ("smoke", "standard", "tests") if getattr(other, who) is not None}
        return replace(
            self,
            **asked,
            seeds=self.seeds or other.seeds,
            why=self.why or other.why,
            asked=self.asked | other.asked,
            seconds=self.seconds + other.seconds,
            broken=self.broken or other.broken,
        )


class Ledger:
    """Results in a file, by what they depend on; lines that cannot be read (a run was killed) are passed over."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path, self._root, self._sources = path, root, sources_digest(root)
        self._kept: dict[str, Found] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            try:
                said: dict[str, Any] = json.loads(line)
                self._kept[said["key"]] = Found(**said["found"])
            except (ValueError, KeyError, TypeError):
                continue

    def key(self, plant: Plant, what: Iterable[object], *, tests: Iterable[str] = ()) -> str:
        """Of a plant, what is asked about it, and all that the answer depends on."""
        files = sorted({name.partition("::")[0] for name in tests})
        digests = [_digest_of(self._root / name) for name in files]
        said = json.dumps([plant.digest(), self._sources, list(map(str, what)), list(tests), digests])
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def get(self, key: str) -> Found | None:
        """The result under a key, if it is there."""
        return self._kept.get(key)

    def put(self, key: str, found: Found) -> None:
        """Keep a result: one write, so that lines of several threads, or runs, are whole."""
        self._kept[key] = found
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            # A line before it that a killed run left unfinished must not swallow this one.
            os.write(descriptor, f"\n{json.dumps({'key': key, 'found': asdict(found)})}\n".encode())
        finally:
            os.close(descriptor)


def sources_digest(root: Path) -> str:
    """Of names and contents of a repository's sources; tests count with the entries that name them."""
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(each for each in folders if each not in _LEFT_OUT and not each.startswith((".", "__")))
        for name in sorted(files):
            if name.endswith(_SOURCES) and not name.startswith("sensitivity"):
                path = Path(folder, name)
                digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@functools.cache
def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
