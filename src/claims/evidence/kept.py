"""What was worked out before and depends on its key alone, kept in a file: the next process need not do it again.

The file is safe to lose, and nobody has to trust it: it is read only if its digest is right, the harness is the one
that wrote it, to the file, and Python is the same. Keys name all that a value depends on. A file counts by where it
lies, its inode, its length and when it was written and changed last; what was changed in the last seconds is not kept,
since it may change again within one tick of the clock. The file is written whole or not at all; of two audits at once
the last one's stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claims.evidence.canonical import canonical_json, digest

#: Name of the file, beside the store.
FILE = "kept.json"
#: Seconds for which a file has to have been left alone.
_SETTLED = 2.0
#: Entries that are kept at most; those that were not asked for this time go first.
_MOST = 100_000
#: Parts of the harness that experiments and closed forms are counted by themselves, as far as they reach.
_COUNTED = ("papers", "kernels", "models")
_HARNESS = Path(__file__).parents[1]
#: How the names of files end whose content the harness runs or reads.
_SOURCES = (".py", ".toml", ".json")
#: When this process had imported nothing yet that anything is kept by.
BEGAN = time.time()

#: What a file is known by.
Signature = tuple[int, int, int, int, int]


@dataclass(slots=True)
class Kept:
    """Values by their keys: those that were there, and those that were asked for since."""

    before: dict[str, Any]
    now: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    _once: dict[str, str] = field(default_factory=dict)

    def recall(self, key: str, make: Callable[[], Any], *, keep: Callable[[], bool] = lambda: True) -> Any:
        """The value of a key, made if it is not there, and kept if it may be; plain data."""
        if key in self.now:
            return self.now[key]
        if key in self.before:
            value = self.before[key]
        else:
            value = make()
            if not keep():
                return value
            self.changed = True
        self.now[key] = value
        return value

    def get(self, key: str) -> Any:
        """The value of a key; None if it is not there."""
        if key not in self.now and key in self.before:
            self.now[key] = self.before[key]
        return self.now.get(key)

    def put(self, key: str, value: Any) -> None:
        """Keep a value, plain data, in the place of what is there."""
        self.now[key], self.changed = value, True

    def once(self, key: str, make: Callable[[], str]) -> str:
        """A text that is made once, and not kept."""
        if key not in self._once:
            self._once[key] = make()
        return self._once[key]


_open: ContextVar[Kept | None] = ContextVar("kept", default=None)


def current() -> Kept | None:
    """What is kept now; None where nothing is."""
    return _open.get()


@contextlib.contextmanager
def keeping(folder: Path) -> Iterator[None]:
    """Keep what is worked out inside, in a file of a folder; nothing if the harness was changed since Python began."""
    by = _written_by()
    if not by:
        yield
        return
    file = folder / FILE
    kept = Kept(_read(file, by))
    token = _open.set(kept)
    try:
        yield
    finally:
        _open.reset(token)
        if kept.changed:
            entries = kept.now | dict(list(kept.before.items())[: max(0, _MOST - len(kept.now))])
            with contextlib.suppress(OSError):  # where nothing can be written, it is worked out again
                _write(file, by, entries)


def recalled(path: Path, *key: Any, make: Callable[[], Any]) -> Any:
    """What ``make`` gives, plain data that depends on a file's content and the key, from what is kept if it is there.

    Raises:
        OSError: there is no such file.
    """
    kept = _open.get()
    if kept is None:
        return make()
    signature = signature_of(path)
    return kept.recall(canonical_json([str(path), signature, *key]), make, keep=lambda: settled(signature))


def signature_of(path: Path) -> Signature:
    """What changes whenever a file's content may: nobody can set the last one."""
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def settled(signature: Signature, at: float | None = None) -> bool:
    """Whether a file had been left alone for a while at some time, now if nothing is said."""
    return max(signature[3:]) / 1e9 + _SETTLED < (time.time() if at is None else at)


def defined_by_harness(module: str) -> bool:
    """Whether what a module defines is part of the harness that a file is kept by."""
    package, _, inside = module.partition(".")
    return package == _HARNESS.name and inside.partition(".")[0] not in _COUNTED


def _written_by() -> str:
    """A digest of the harness's files, as files go, and of Python; empty if those may not be what was imported."""
    found = [(path.relative_to(_HARNESS).as_posix(), signature_of(path)) for path in sorted(_sources(_HARNESS))]
    if not all(settled(signature, BEGAN) for _, signature in found):
        return ""
    return digest([sys.version, platform.platform(), found]).hex()


def _sources(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.is_dir() and not (folder == _HARNESS and entry.name in _COUNTED):
            yield from _sources(Path(entry.path))
        elif entry.name.endswith(_SOURCES):
            yield Path(entry.path)


def _read(file: Path, by: str) -> dict[str, Any]:
    """The entries of a file; none if it is not there, damaged, or another harness's."""
    try:
        head, _, body = file.read_bytes().partition(b"\n")
        return dict(json.loads(body)) if head.decode() == _seal(by, body) else {}
    except (OSError, ValueError):
        return {}


def _write(file: Path, by: str, entries: dict[str, Any]) -> None:
    body = json.dumps(entries, separators=(",", ":"), allow_nan=False).encode()
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{FILE}.")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(_seal(by, body).encode() + b"\n" + body)
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise


def _seal(by: str, body: bytes) -> str:
    return hashlib.sha256(by.encode() + body).hexdigest()
