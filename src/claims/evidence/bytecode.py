"""Compiled code that is older than its source, which Python would run all the same, is removed before it is imported.

Python knows what a ``.pyc`` was compiled from by the size of the source and the second in which it was written. A
source that was compiled, and written again in that second at the same length, has the fingerprint of what it says now
and would run as it was before. The file system's clock is finer, and says which of the two files is older.
"""

from __future__ import annotations

import marshal
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

#: Of a ``.pyc``: magic number, flags (0: it goes by time and size), seconds and bytes of the source.
_HEADER = struct.Struct("<4sIII")
_WORD = 0xFFFFFFFF


class _Watched:
    """A finder before all others, which looks at what they find."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        for finder in sys.meta_path:
            found = None if isinstance(finder, _Watched) else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if found is None else found(name, path, target)
            if spec is not None:
                if spec.origin is not None and spec.cached not in (None, spec.origin):  # where there is a source
                    remove_if_older(Path(spec.origin), Path(spec.cached))
                return spec
        return None


@contextmanager
def none_older() -> Iterator[None]:
    """What is imported inside is what the sources say now."""
    finder = _Watched()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def remove_if_older(source: Path, compiled: Path) -> None:
    """Remove a compiled file that Python would take for a source that was written after it and says something else.

    Raises:
        ImportError: it cannot be removed.
    """
    try:
        written, made = source.stat(), compiled.stat()
        if made.st_mtime_ns > written.st_mtime_ns:
            return
        content = compiled.read_bytes()
    except OSError:  # nothing was compiled, or there is nothing to compile
        return
    if len(content) < _HEADER.size:
        return
    _, flags, seconds, size = _HEADER.unpack_from(content)
    if flags or (seconds, size) != (int(written.st_mtime) & _WORD, written.st_size & _WORD):
        return
    if _same(source, content[_HEADER.size :]):
        return
    try:
        compiled.unlink(missing_ok=True)
    except OSError as error:
        what = f"compiled before {source} was changed, and cannot be removed ({error.strerror or error})"
        raise ImportError(f"{compiled}: {what}; remove it", path=str(source)) from None


def _same(source: Path, compiled: bytes) -> bool:
    """Whether the source compiles to this code. Where all files have one date, none of them tells which is older."""
    try:
        now: CodeType = compile(source.read_bytes(), str(source), "exec", dont_inherit=True)
        return bool(marshal.loads(compiled) == now)
    except (SyntaxError, ValueError, EOFError, TypeError):
        return False
