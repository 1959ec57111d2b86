"""Upgrading a store of schema 1, whose rows carry no proof: a new file takes its place, the old one is kept."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from claims.errors import StoreError
from claims.evidence.sqlite.files import beside, connect, resolved, stamp
from claims.evidence.sqlite.session import translated
from claims.evidence.store import SCHEMA_VERSION, Store


def upgrade(path: Path) -> list[str]:
    """Copy what an audit could have written into a new store, and put it in the place of the old one.

    The old file is kept as ``NAME.schema-1``; rows that were not copied are in it, and are named.

    Returns:
        What was done, in words.

    Raises:
        StoreError: there is no store, it is in use, or a file of the name under which it would be kept is there.
    """
    file = resolved(path)
    with Store.reading(path, speak=_silent) as old:
        if (schema := old.schema) == SCHEMA_VERSION:
            return [f"{path}: schema {SCHEMA_VERSION} already; nothing was changed"]
    with translated(path):
        _complete(file)
        before = stamp(file)
    with Store.reading(path, speak=_silent) as old:
        found, contents = old.survey(strictly=True), old.identities()
    kept = beside(file, f".schema-{schema}")
    with translated(path):
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        os.close(handle)
        made = Path(name)
        try:
            with Store(made) as new:
                added = new.take(found.rows, contents)
            os.chmod(made, file.stat().st_mode & 0o777)
            os.link(file, kept)  # fails if something is there; an os.replace would not
            if stamp(file) != before or stamp(kept)[:2] != before[:2]:
                kept.unlink()
                raise StoreError(f"{path}: changed while it was read; nothing was done, run the command again")
            os.replace(made, file)
            beside(made, "-lock").replace(beside(file, "-lock"))
        except BaseException:
            for suffix in ("", "-lock", "-wal", "-shm"):
                beside(made, suffix).unlink(missing_ok=True)
            raise
    lines = [f"{path}: schema {schema} -> {SCHEMA_VERSION}, {added:,} rows, each with a proof from now on"]
    lines += [f"not copied: {fault}" for fault in found.faults]
    return [*lines, f"the old file is kept as {kept}"]


def _complete(file: Path) -> None:
    """Have the log of an audit that was killed taken over into the file, so that nothing is left beside it.

    Raises:
        StoreError: a program has the store open.
    """
    connection = connect(file)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
    if beside(file, "-wal").exists():
        raise StoreError(f"{file}: another program has it open; nothing was done")


def _silent(text: str) -> None:
    """What would be said of the old schema is what is about to be mended."""
