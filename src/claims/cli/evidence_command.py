"""``claimbench evidence``: what was measured, out of the store and into it, and whether it is what was written."""

from __future__ import annotations

import csv
import fnmatch
import io
import json
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from claims.cli import evidence_digest, evidence_pool
from claims.cli.common import (
    STDOUT,
    catalogue_of,
    check_output,
    json_flag,
    print_json,
    say,
    store_option,
    subject_options,
    write_texts,
)
from claims.errors import BadOption, StoreError
from claims.evidence.canonical import canonical_json
from claims.evidence.sqlite.rows import Place
from claims.evidence.sqlite.survey import Survey
from claims.evidence.store import Group, Row, Store
from claims.report.numbers import counted, duration
from claims.report.visible import json_text, shown_json, visible

#: Columns of the CSV export: one line a value. ``base`` and ``cell`` are the coordinates as JSON.
COLUMNS = (
    "key", "experiment", "epoch", "base", "seed", "cell", "quantity", "value", "seconds", "measured_at"
)  # fmt: skip
EXPORT_SCHEMA = 1
#: Characters that are written at a time.
_PIECE = 1 << 20

experiment_option = click.option("--experiment", default="*", metavar="GLOB", help="Only experiments of this name.")


sound_option = click.option("--sound", is_flag=True, help="Leave out what fails, and say what that is.")


@click.group("evidence")
def command() -> None:
    """List, export, merge, pool, check, digest and upgrade what was measured."""


command.add_command(evidence_pool.command)
command.add_command(evidence_digest.command)


@command.command("list")
@experiment_option
@store_option
@json_flag
def list_evidence(experiment: str, store: Path, as_json: bool) -> None:
    """Show experiments and base points, with their seeds, epoch and cost."""
    with Store.reading(store) as opened:
        found = opened.survey()
        identities = opened.identities()
    groups = [group for group in found.groups() if fnmatch.fnmatchcase(group.experiment, experiment)]
    rows = [_plain_group(group, identities[group.identity]) for group in groups]
    if as_json:
        print_json(rows)
    else:
        _show_groups(rows, store)
    found.refuse(store)


def _show_groups(rows: list[dict[str, Any]], store: Path) -> None:
    name = None
    for row in rows:
        if row["experiment"] != name:
            name = row["experiment"]
            say(name)
        base = ", ".join(f"{key}={value}" for key, value in row["base"].items()) or "no coordinates"
        epoch = "published streams" if row["epoch"] is None else f"epoch {row['epoch']}"
        cost = f"{duration(row['seconds'])}, code {row['code'][:8]}, last {row['last']}"
        say(f"    {base}: {counted(row['seeds'], 'seed')}, {epoch}, {cost}")
    seeds = sum(row["seeds"] for row in rows)
    seconds = sum(row["seconds"] for row in rows)
    say(f"{store}: {counted(seeds, 'seed')}, {duration(seconds)} of computing")


@command.command("export")
@experiment_option
@click.option("--csv", "csv_file", metavar="FILE", help="One line a value; - is standard output.")
@click.option("--json", "json_file", metavar="FILE", help="Everything, as JSON; - is standard output.")
@click.option("--parquet", "parquet_file", metavar="FILE", help="One row a value, as Parquet.")
@sound_option
@store_option
def export_evidence(
    *,
    experiment: str,
    csv_file: str | None,
    json_file: str | None,
    parquet_file: str | None,
    sound: bool,
    store: Path,
) -> None:
    """Write the evidence to a file for other programs; refused if any of it fails, but for --sound."""
    asked = [file for file in (csv_file, json_file, parquet_file) if file is not None]
    if len(asked) != 1:
        raise BadOption("evidence export", f"{len(asked)} of them", "exactly one of --csv, --json and --parquet FILE")
    if parquet_file == STDOUT:
        raise BadOption("--parquet", parquet_file, "a file: Parquet is no text")
    target = asked[0]
    with Store.reading(store) as opened:
        found = opened.places()
        identities = opened.identities()
        _refuse(found, store, sound=sound, outcome="Nothing was written; --sound writes what is sound.")
        there: list[Place | Row] = [*found.places, *found.rows]
        wanted = [place for place in there if fnmatch.fnmatchcase(place.experiment, experiment)]
        rows = opened.fetch(wanted)
        if parquet_file is not None:
            from claims.report.evidence_table import write_parquet

            check_output("--parquet", Path(target))
            write_parquet(values(rows, identities), Path(target))
        else:
            used = {place.identity for place in wanted}
            texts = as_csv(rows, identities) if csv_file is not None else as_json_text(rows, identities, used)
            if target == STDOUT:
                for text in texts:
                    click.echo(text, nl=False)
                return
            write_texts(Path(target), texts)
    say(f"{target}: {counted(len(wanted), 'seed')}")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@sound_option
@store_option
def import_evidence(file: Path, sound: bool, store: Path) -> None:
    """Merge another store into this one: all of it, or nothing if the two contradict each other or a row fails."""
    if store.exists() and file.exists() and store.samefile(file):
        raise BadOption("FILE", str(file), "another store than the one of --store")
    with Store.reading(file) as other:
        found = other.survey(strictly=True)
        _refuse(found, file, sound=sound, outcome="Nothing was copied.")
        with Store(store) as opened:
            added = opened.take(found.rows, other.identities())
    say(f"{store}: {counted(added, 'seed')} added from {file}, {len(found.rows) - added:,} were there already")


@command.command("merge")
@click.argument("files", nargs=-1, required=True, metavar="STORE...", type=click.Path(path_type=Path, dir_okay=False))
@store_option
def merge_evidence(files: tuple[Path, ...], store: Path) -> None:
    """Make one store of those of `audit --shard`; refused if they were not measured by one code and numerics class."""
    from claims.evidence.merging import merge

    same = [file for file in files if file.exists() and store.exists() and store.samefile(file)]
    if same:
        raise BadOption("STORE", str(same[0]), "other stores than the one of --store")
    done = merge(files, store)
    known = f"; {done.known:,} were there already" if done.known else ""
    say(f"{store}: {counted(done.added, 'seed')} added from {counted(done.stores, 'store')}{known}")


def _refuse(found: Survey, store: Path, *, sound: bool, outcome: str) -> None:
    """Raise StoreError if something fails; with ``sound``, only name it."""
    if not sound:
        found.refuse(store, outcome)
    for fault in found.faults:
        say(f"claimbench: left out: {fault}", err=True)


@command.command("check")
@click.argument("files", nargs=-1, metavar="[FILE.py]...", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--sample", type=click.IntRange(min=1), metavar="N", help="Only N rows, chosen at random.  [default: all]"
)
@click.option(
    "--remeasure", type=click.IntRange(min=1), metavar="N", help="Measure N rows again and compare their bits."
)
@subject_options
@store_option
@json_flag
def check_evidence(
    *,
    files: tuple[Path, ...],
    sample: int | None,
    remeasure: int | None,
    model: str | None,
    text: str | None,
    store: Path,
    as_json: bool,
) -> None:
    """Verify that every row says what was written, that none is missing, and that the file is in order.

    With --remeasure, rows of this machine and of the code as it is are measured again; name the claim files whose
    experiments they are, where these are not those of installed packs. Exits with 2 if anything is wrong.
    """
    from claims.evidence.check import check

    report = check(store, sample=sample, remeasure=remeasure, paths=catalogue_of(files).paths, model=model, text=text)
    if as_json:
        print_json(report.to_json())
    else:
        for line in report.lines():
            say(line)
    if report.faults:
        raise StoreError(f"{store}: {counted(len(report.faults), 'fault')}. Nothing was changed.")


@command.command("upgrade")
@store_option
def upgrade_evidence(store: Path) -> None:
    """Make a store of an older schema one of the present; the old file is kept beside it."""
    from claims.evidence.sqlite.upgrade import upgrade

    for line in upgrade(store):
        say(line)


def as_csv(rows: Iterable[Row], identities: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """One line a value, under ``COLUMNS``; values that are lists give a line an item. A few lines at a time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for fields in values(rows, identities):
        writer.writerow(visible(field) if isinstance(field, str) else field for field in fields)
        if buffer.tell() >= _PIECE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def values(rows: Iterable[Row], identities: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Everything that seeds gave, one value after the other, as ``COLUMNS``."""
    for row in rows:
        identity = identities[row.identity]
        head = (row.key, row.experiment, identity["epoch"], shown_json(row.base), row.seed)
        for cell, quantity, value in _values(row, identity):
            yield (*head, shown_json(cell), quantity, value, row.seconds, row.measured_at)


def _values(row: Row, identity: Mapping[str, Any]) -> Iterator[tuple[str, str, float | str]]:
    """Cell, name and value of everything that a seed gave."""
    swept = identity["sweep"]
    for record in json.loads(row.records):
        cell = canonical_json({name: record[name] for name in swept})
        for name, value in record.items():
            if name not in swept:
                for item in value if isinstance(value, list) else [value]:
                    yield cell, name, item


def as_json_text(
    rows: Iterable[Row], identities: Mapping[str, Mapping[str, Any]], used: Container[str]
) -> Iterator[str]:
    """Everything the rows say, and what the identities that they use stand for; a row at a time."""
    named = {name: content for name, content in identities.items() if name in used}
    whole = json_text({"schema": EXPORT_SCHEMA, "identities": named, "evidence": []})
    yield whole.removesuffix("[]\n}")
    before = "["
    for row in rows:
        text = json_text(row._asdict() | {"base": json.loads(row.base), "records": json.loads(row.records)})
        yield before + "\n  " + text.replace("\n", "\n  ")
        before = ","
    yield "[]\n}\n" if before == "[" else "\n ]\n}\n"


def _plain_group(group: Group, identity: Mapping[str, Any]) -> dict[str, Any]:
    return group._asdict() | {
        "base": json.loads(group.base),
        "epoch": identity["epoch"],
        "code": identity["code"],
        "environment": identity["environment"],
    }
