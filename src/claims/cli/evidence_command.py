"""``claimbench evidence``: what was measured, out of the store and into it."""

from __future__ import annotations

import csv
import fnmatch
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from claims.cli.common import STDOUT, json_flag, print_json, store_option, write_text
from claims.errors import BadOption, StoreError
from claims.evidence.canonical import canonical_json
from claims.evidence.store import Group, Row, Store
from claims.report.numbers import counted, duration

#: Columns of the CSV export: one line a value. ``base`` and ``cell`` are the coordinates as JSON.
COLUMNS = (
    "key", "experiment", "epoch", "base", "seed", "cell", "quantity", "value", "seconds", "measured_at"
)  # fmt: skip
EXPORT_SCHEMA = 1

experiment_option = click.option("--experiment", default="*", metavar="GLOB", help="Only experiments of this name.")


@click.group("evidence")
def command() -> None:
    """List, export and merge what was measured."""


@command.command("list")
@experiment_option
@store_option
@json_flag
def list_evidence(experiment: str, store: Path, as_json: bool) -> None:
    """Show experiments and base points, with their seeds, epoch and cost."""
    with _existing(store) as opened:
        identities = opened.identities()
        groups = [group for group in opened.groups() if fnmatch.fnmatchcase(group.experiment, experiment)]
    rows = [_plain_group(group, identities[group.identity]) for group in groups]
    if as_json:
        print_json(rows)
        return
    name = None
    for row in rows:
        if row["experiment"] != name:
            name = row["experiment"]
            click.echo(name)
        base = ", ".join(f"{key}={value}" for key, value in row["base"].items()) or "no coordinates"
        epoch = "published streams" if row["epoch"] is None else f"epoch {row['epoch']}"
        cost = f"{duration(row['seconds'])}, code {row['code'][:8]}, last {row['last']}"
        click.echo(f"    {base}: {counted(row['seeds'], 'seed')}, {epoch}, {cost}")
    seeds = sum(row["seeds"] for row in rows)
    seconds = sum(row["seconds"] for row in rows)
    click.echo(f"{store}: {counted(seeds, 'seed')}, {duration(seconds)} of computing")


@command.command("export")
@experiment_option
@click.option("--csv", "csv_file", metavar="FILE", help="One line a value; - is standard output.")
@click.option("--json", "json_file", metavar="FILE", help="Everything, as JSON; - is standard output.")
@store_option
def export_evidence(experiment: str, csv_file: str | None, json_file: str | None, store: Path) -> None:
    """Write the evidence to a file for other programs."""
    if (csv_file is None) == (json_file is None):
        raise BadOption("evidence export", "neither or both", "exactly one of --csv FILE and --json FILE")
    with _existing(store) as opened:
        identities = opened.identities()
        rows = [row for row in opened.rows() if fnmatch.fnmatchcase(row.experiment, experiment)]
    text = as_csv(rows, identities) if csv_file is not None else as_json_text(rows, identities)
    target = str(csv_file or json_file)
    if target == STDOUT:
        click.echo(text, nl=False)
        return
    write_text(Path(target), text)
    click.echo(f"{target}: {counted(len(rows), 'seed')}")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@store_option
def import_evidence(file: Path, store: Path) -> None:
    """Merge another store into this one: all of it, or nothing if the two contradict each other."""
    with _existing(file) as other, Store(store) as opened:
        total = sum(group.seeds for group in other.groups())
        added = opened.merge(other)
    click.echo(f"{store}: {counted(added, 'seed')} added from {file}, {total - added:,} were there already")


def as_csv(rows: list[Row], identities: Mapping[str, Mapping[str, Any]]) -> str:
    """One line a value, under ``COLUMNS``; values that are lists give a line an item."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        identity = identities[row.identity]
        head = (row.key, row.experiment, identity["epoch"], row.base, row.seed)
        for cell, quantity, value in _values(row, identity):
            writer.writerow((*head, cell, quantity, value, row.seconds, row.measured_at))
    return buffer.getvalue()


def _values(row: Row, identity: Mapping[str, Any]) -> Iterator[tuple[str, str, float | str]]:
    """Cell, name and value of everything that a seed gave."""
    swept = identity["sweep"]
    for record in json.loads(row.records):
        cell = canonical_json({name: record[name] for name in swept})
        for name, value in record.items():
            if name not in swept:
                for item in value if isinstance(value, list) else [value]:
                    yield cell, name, item


def as_json_text(rows: list[Row], identities: Mapping[str, Mapping[str, Any]]) -> str:
    """Everything the rows say, and what their identities stand for."""
    used = {row.identity for row in rows}
    document = {
        "schema": EXPORT_SCHEMA,
        "identities": {name: content for name, content in identities.items() if name in used},
        "evidence": [
            row._asdict() | {"base": json.loads(row.base), "records": json.loads(row.records)} for row in rows
        ],
    }
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _plain_group(group: Group, identity: Mapping[str, Any]) -> dict[str, Any]:
    return group._asdict() | {
        "base": json.loads(group.base),
        "epoch": identity["epoch"],
        "code": identity["code"],
        "environment": identity["environment"],
    }


def _existing(path: Path) -> Store:
    """A store that is there: asking for one must not make it.

    Raises:
        StoreError: there is no such file, or it is empty.
    """
    if not path.is_file() or not path.stat().st_size:
        raise StoreError(f"{path}: no evidence store; an audit makes one, --store names another")
    return Store(path)
