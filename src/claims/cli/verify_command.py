"""``claimbench verify``: a replication record, whole or refused, and measured again."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from claims.auditing.planning import plan
from claims.auditing.results import AuditResult
from claims.catalogue import Catalogue
from claims.cli import INTERRUPTED
from claims.cli.audit_command import executor_spec, measure
from claims.cli.common import catalogue_of, json_flag, print_json, say
from claims.cli.streams import printing_to_stderr
from claims.errors import MeasurementError, NothingSelected
from claims.evidence.devices import CPU, usable
from claims.report.keys import public_key
from claims.report.numbers import counted
from claims.report.replication_check import Loaded, contradictions, differences, load, sample
from claims.verdict import ERROR, Tier

#: Differences that are named; JSON has them all.
_SHOWN = 20
#: Characters of a key's name that are shown: an envelope may give any.
_NAME = 80


@click.command("verify")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("files", nargs=-1, metavar="[CLAIMS.py]...", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--key", type=click.Path(path_type=Path), metavar="PUB", help="Refuse it unless this public key signed it."
)
@click.option("--again", type=click.IntRange(min=1), metavar="N", help="Measure N of its decided claims again.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes, which may crash.  [default: one a core]")
@json_flag
def command(
    *, file: Path, files: tuple[Path, ...], key: Path | None, again: int | None, jobs: int | None, as_json: bool
) -> None:
    """Check that a replication record is whole, and say in what the installed claims are not those of it.

    With --again a sample that the record's own digest draws is measured anew, into no store. Exits with 1 if one of
    these claims gets another verdict, or an interval that does not meet the record's; with 2 if the file is not whole,
    or with --key if that Ed25519 key, PEM or OpenSSH, did not sign it.
    """
    loaded = load(file, None if key is None else public_key("--key", key))
    record, sha256 = loaded.record, loaded.sha256
    catalogue = catalogue_of(files)
    found = differences(record, catalogue)
    measured = [] if again is None else _measured(record, catalogue, again, jobs)
    wrong = contradictions(record, measured)
    if as_json:
        signed = {"keys": list(loaded.keys), "checked": loaded.signer or None} if loaded.keys else None
        told = {"sha256": sha256, "signed": signed, "counts": _counts(record), "differences": found}
        print_json(told | {"measured": [row["id"] for row in measured], "contradictions": wrong})
    else:
        say(*_lines(file, record, sha256), _signed_words(loaded), *_listed(found))
        if again is not None:
            words = _listed(wrong) if wrong else ["nothing contradicts the record"]
            say(f"{counted(len(measured), 'claim')} measured again: {words[0].strip()}", *words[1:])
    if any(row["verdict"] == ERROR for row in measured):
        raise click.exceptions.Exit(MeasurementError.exit_code)
    raise click.exceptions.Exit(1 if wrong else 0)


def _lines(file: Path, record: Mapping[str, Any], sha256: str) -> Iterable[str]:
    """What the record is and says, in words."""
    code = record["code"]
    made = f"claimbench {code.get('claimbench')}" + (f", revision {code['revision']}" if code.get("revision") else "")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in _counts(record).items())
    yield f"{file}: whole; SHA-256 {sha256}"
    for key, paper in record["papers"].items():
        number = f", {paper['number']}" if paper.get("number") else ""
        yield f"    paper      {paper.get('title') or key}{number}"
    yield f"    claims     {len(record['claims'])}: {counts}"
    yield f"    audited    tier {record['tier']}, epoch {record['epoch']}, by {made}"
    yield f"    on         {', '.join(f'{name} {value}' for name, value in record['environment'].items())}"


def _signed_words(loaded: Loaded) -> str:
    if loaded.signer:
        return f"    signed     by {loaded.signer}"
    claimed = ", ".join(name[:_NAME] for name in loaded.keys[:_SHOWN] if name)
    named = f", it says by {claimed}" if claimed else ""
    return f"    signed     {f'not checked{named}; --key PUB checks' if loaded.keys else 'by nobody'}"


def _counts(record: Mapping[str, Any]) -> dict[str, int]:
    return dict(Counter(row["verdict"] for row in record["claims"]))


def _listed(lines: list[str]) -> list[str]:
    more = [f"    … and {len(lines) - _SHOWN:,} more"] if len(lines) > _SHOWN else []
    return [*(f"    {line}" for line in lines[:_SHOWN]), *more]


def _measured(record: Mapping[str, Any], catalogue: Catalogue, size: int, jobs: int | None) -> list[Mapping[str, Any]]:
    """Claims of a sample as rows of a result, measured into a store that is gone afterwards.

    Raises:
        NothingSelected: none of the record's decided claims can be measured here.
    """
    claims = sample(record, catalogue, size)
    if not claims:
        raise NothingSelected("none of the record's decided claims is installed and can be measured here")
    with printing_to_stderr():
        planned = plan(
            claims,
            tier=Tier(record["tier"]),
            epoch=record["epoch"],
            paths=catalogue.paths,
            place=catalogue.place,
            device=usable(record["environment"].get("device", CPU), "environment.device"),
        )
    with tempfile.TemporaryDirectory() as folder:
        result, stopped = measure(planned, Path(folder) / "evidence.sqlite", executor_spec(jobs, None))
    if stopped:
        say("claimbench: interrupted; nothing was kept", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    return _rows(result)


def _rows(result: AuditResult) -> list[Mapping[str, Any]]:
    return [claim.to_json() for claim in result.claims]
