"""``claimbench report --crate``: a folder that others can keep, cite and read without this program."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from claims.catalogue import Catalogue
from claims.cli.common import write_bytes
from claims.errors import BadOption
from claims.report.crate import FILES, METADATA, crate, is_ours
from claims.report.document import result_file
from claims.report.visible import json_text

_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}")


def write_crate(
    document: Mapping[str, Any],
    catalogue: Catalogue,
    folder: Path | None,
    *,
    files: Sequence[Path],
    source: Path,
    license_id: str | None,
) -> Path:
    """Write a crate whole: into a new or empty folder, or over one that was written before.

    Args:
        document: the result.
        catalogue: papers and declarations.
        folder: where the crate goes.
        files: claim files, which the page names in its commands.
        source: where the result was read from; the audit ended when it was written.
        license_id: of the files, an SPDX identifier; None if nobody has said.

    Raises:
        BadOption: no folder, a folder with anything else in it, or one that cannot be written to; no such identifier.
    """
    if folder is None:
        raise BadOption("--license", license_id, "together with --crate DIR, whose licence it is")
    if license_id is not None and not _SPDX.fullmatch(license_id):
        raise BadOption("--license", license_id, "an SPDX identifier, such as CC-BY-4.0")
    _check_folder(folder)
    ended = datetime.fromtimestamp(result_file(source).stat().st_mtime, UTC)
    contents = _contents(document, catalogue, files, result_file(source).parent)
    made = crate(document, contents, papers=catalogue.papers, ended=ended, license_id=license_id or "")
    contents[METADATA] = (json_text(made) + "\n").encode()
    _write(folder, contents)
    return folder / METADATA


def _contents(
    document: Mapping[str, Any], catalogue: Catalogue, files: Sequence[Path], beside: Path
) -> dict[str, bytes]:
    """The files of a crate but its metadata."""
    from claims.cli.pages import pages_of
    from claims.report.junit import junit
    from claims.report.replication import replication, text_of

    texts = {
        "result.json": json_text(document) + "\n",
        **pages_of(document, catalogue=catalogue, files=files, beside=beside),
        "record.json": text_of(replication(document, catalogue)),
        "junit.xml": junit(document),
    }
    return {name: texts[name].encode("utf-8", "backslashreplace") for name in FILES}


def _check_folder(folder: Path) -> None:
    """Refuse a folder with anything in it that would be overwritten, or be part of the crate unsaid."""
    allowed = "a new or empty folder, or one that --crate wrote"
    try:
        found = set(os.listdir(folder))
        if found and not is_ours(json.loads((folder / METADATA).read_text(encoding="utf-8"))):
            raise BadOption("--crate", str(folder), f"{allowed}: {METADATA} there is of something else")
    except FileNotFoundError as error:
        if not folder.exists():
            return
        raise BadOption("--crate", str(folder), f"{allowed}: it has files, and no {METADATA}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BadOption("--crate", str(folder), f"{allowed} ({error})") from error
    strange = sorted(found - {*FILES, METADATA})
    if strange:
        raise BadOption("--crate", str(folder), f"{allowed}: {strange[0]} there is not of a crate")


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write all files or none where no folder is yet; into one that is there, first what makes it a crate of ours."""
    if folder.exists():
        for name in (METADATA, *FILES):
            write_bytes(folder / name, contents[name])
        return
    made = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:200]}."))
        for name, data in contents.items():
            write_bytes(made / name, data)
        made.chmod(0o777 & ~_umask())
        made.rename(folder)
    except OSError as error:
        allowed = f"a folder that can be written to ({error.strerror or error})"
        raise BadOption("--crate", str(folder), allowed) from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
