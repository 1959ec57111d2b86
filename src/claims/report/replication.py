"""The replication record: what of a paper was found to hold, as canonical JSON that its SHA-256 names.

A record stands beside the paper's own: it gives the paper's number, every claim with its verdict and interval, and what
code and machine said so. Whoever has the file can check offline that it is whole, compare it with the claims that are
installed, and measure a sample of it again.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from claims.catalogue import Catalogue
from claims.evidence.canonical import canonical_json, digest
from claims.report.places import importable

#: What a record says that it is; another meaning of its fields would be another name.
KIND = "claimbench-replication/1"
#: Fields of a result's claim that a record keeps. Times are left out: the same verdicts are the same record.
FIELDS = (
    "id", "role", "locus", "statement", "read_as", "kind", "decides", "verdict", "expected", "target", "band", "rival",
    "estimate", "interval", "alpha", "seeds", "finding", "corrected_by",
)  # fmt: skip
#: Fields of a reading that it keeps.
READING = ("reads", "differs", "verdict", "target", "band", "estimate", "interval", "seeds")
#: Those that a declaration alone decides.
DECLARED = ("role", "locus", "statement", "read_as", "kind", "decides", "expected", "finding", "corrected_by")


def replication(document: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The record of a result with its digest: ``{"record": …, "sha256": …}``.

    Args:
        document: a result, schema 1.
        catalogue: papers, and the files that declare the claims, whose digests go into the record.
    """
    keys = dict.fromkeys(row["paper"] for row in document["claims"])
    homes = {catalogue.homes[row["id"]] for row in document["claims"] if row["id"] in catalogue.homes}
    record = {
        "kind": KIND,
        "papers": {key: _paper(key, catalogue) for key in keys},
        "tier": document["tier"],
        "epoch": document["epoch"],
        "stopped": bool(document.get("stopped")),
        "environment": dict(document["environment"]),
        "code": {"claimbench": version("claimbench"), "revision": revision(), "files": _digests(homes)},
        "claims": [_claim(row) for row in document["claims"]],
    }
    return {"record": record, "sha256": digest(record).hex()}


def _claim(row: Mapping[str, Any]) -> dict[str, Any]:
    readings = [{name: reading[name] for name in READING} for reading in row["readings"]]
    return {name: row[name] for name in (*FIELDS, *(["range"] if "range" in row else []))} | {"readings": readings}


def text_of(made: Mapping[str, Any]) -> str:
    """A record as it is kept: canonical, so that the same record is the same file."""
    return canonical_json(made) + "\n"


def _paper(key: str, catalogue: Catalogue) -> dict[str, Any]:
    """The identity of a paper, from its own record where it has one."""
    paper = catalogue.papers.get(key)
    names = ("title", "identifier", "version", "number", "canonical_sha256")
    return dict.fromkeys(names) if paper is None else {name: getattr(paper, name) or None for name in names}


def _digests(files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of each file that declares claims, by its path from where Python imports it."""
    found = {}
    for path in sorted(files):
        try:
            found[importable(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            continue  # a claim whose file is gone is still in the record, its file is not
    return found


@cache
def revision() -> str | None:
    """The git revision of this code, with ``+`` if files differ from it; None outside of a checkout, or without git."""
    here = Path(__file__).resolve().parent
    try:
        head = _git(here, "rev-parse", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no")
        tracked = _git(here, "ls-files", Path(__file__).name)
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}{'+' if changed else ''}" if tracked else None


def _git(folder: Path, *words: str) -> str:
    """What git says about the checkout that a folder lies in."""
    ran = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20, check=True)
    return ran.stdout.strip()
