"""``claimbench report``: results for other programs, each format to a file or to standard output."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from claims.catalogue import Catalogue
from claims.cli.common import STDOUT, check_output, say, write_text
from claims.errors import BadOption
from claims.report.places import importable, places_of
from claims.report.visible import json_text, visible

Document = Mapping[str, Any]

#: The variable in which GitHub Actions names the file that a step's summary is appended to.
_STEP = "GITHUB_STEP_SUMMARY"


def write_formats(
    document: Document, catalogue: Catalogue, wanted: Mapping[str, str], *, sign: Path | None = None
) -> None:
    """Write a result in each format of ``wanted``, by the name of its option, to the file that it gives.

    Args:
        document: the result.
        catalogue: papers and declarations.
        wanted: file, or - for standard output, of each format.
        sign: the private key that signs the replication record.

    Raises:
        BadOption: a file cannot be written, two formats go to standard output, or ``--summary`` has no file and
            no step of GitHub Actions is running.
        Unavailable: a format needs a library that is not installed; has the command that installs it.
    """
    if sign is not None and "record" not in wanted:
        raise BadOption("--sign", str(sign), "together with --record FILE, which it signs")
    texts = _TEXTS if sign is None else {**_TEXTS, "record": _signed_record(sign)}
    if list(wanted.values()).count(STDOUT) > 1:
        raise BadOption("report", "several formats on standard output", "one, the others to files")
    for name, target in wanted.items():
        if target not in (STDOUT, f"${_STEP}"):
            check_output(f"--{name}", Path(target))
    for name, target in wanted.items():
        if name == "parquet":
            _write_parquet(document, target)
        elif target == f"${_STEP}":
            _append(texts[name](document, catalogue))
        elif target == STDOUT:
            click.echo(texts[name](document, catalogue), nl=False)
        else:
            write_text(Path(target), texts[name](document, catalogue))
            say(f"{target}: {len(document['claims'])} claims", err=STDOUT in wanted.values())


def _junit(document: Document, catalogue: Catalogue) -> str:
    from claims.report.junit import junit

    return junit(document)


def _summary(document: Document, catalogue: Catalogue) -> str:
    from claims.report.step_summary import step_summary

    return step_summary(document)


def _sarif(document: Document, catalogue: Catalogue) -> str:
    from claims.report.sarif import sarif

    return json_text(sarif(document, places_of(catalogue.homes, named=_below))) + "\n"


def _record(document: Document, catalogue: Catalogue) -> str:
    from claims.report.replication import replication, text_of

    return text_of(replication(document, catalogue))


def _signed_record(path: Path) -> Callable[[Document, Catalogue], str]:
    """The same in an envelope that a key has signed, which is read before anything is written."""
    from claims.report.attestation import sealed
    from claims.report.keys import private_key
    from claims.report.replication import replication, text_of

    key = private_key("--sign", path, passphrase=lambda: _passphrase(path))
    return lambda document, catalogue: text_of(sealed(replication(document, catalogue), key))


def _passphrase(path: Path) -> str:
    return str(
        click.prompt(f"Passphrase of {visible(path)}", hide_input=True, err=True, default="", show_default=False)
    )


_TEXTS: Mapping[str, Callable[[Document, Catalogue], str]] = {
    "junit": _junit,
    "summary": _summary,
    "sarif": _sarif,
    "record": _record,
}


def _below(path: Path) -> str:
    """A file's path from the present folder, which code scanning takes for the repository; else as it is imported."""
    here = Path.cwd().resolve()
    return path.resolve().relative_to(here).as_posix() if path.resolve().is_relative_to(here) else importable(path)


def _append(text: str) -> None:
    """Append to the summary of the step that is running, which other commands of it may have begun."""
    target = os.environ.get(_STEP, "")
    if not target:
        raise BadOption("--summary", "no file", f"a file, or a step of GitHub Actions, which sets {_STEP}")
    try:
        with open(target, "a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as error:
        raise BadOption("--summary", target, f"a file that can be written ({error.strerror or error})") from error


def _write_parquet(document: Document, target: str) -> None:
    from claims.report.tables import write_parquet

    if target == STDOUT:
        raise BadOption("--parquet", target, "a file: Parquet is no text")
    write_parquet(document["claims"], Path(target), about={"tier": document["tier"], "epoch": str(document["epoch"])})
    say(f"{target}: {len(document['claims'])} claims")
