"""``claimbench diff``: two results side by side."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from claims.cli.common import json_flag, print_json
from claims.report.diff import Change, compare
from claims.report.document import load_result
from claims.report.numbers import counted

_RESULT = click.Path(path_type=Path)


@click.command("diff")
@click.argument("before", type=_RESULT, metavar="A")
@click.argument("after", type=_RESULT, metavar="B")
@json_flag
def command(before: Path, after: Path, as_json: bool) -> None:
    """Compare two results: A and B are JSON files, or stores (or their folders) that an audit measured into.

    Verdicts that changed come first, then estimates that moved by more than their intervals. Exits with 1 if a verdict
    differs.
    """
    found = compare(load_result(before), load_result(after))
    if as_json:
        print_json(found.to_json())
    else:
        _show("verdicts changed", found.verdicts)
        _show("points changed, their claims' verdicts did not", found.points)
        _show("estimates moved by more than their intervals", found.estimates)
        for title, names in (("added", found.added), ("removed", found.removed)):
            if names:
                click.echo(f"{counted(len(names), 'claim')} {title}")
                for name in names:
                    click.echo(f"  {name}")
        _show("measured differently", found.settings)
        if not (found.verdicts or found.points or found.estimates or found.added or found.removed):
            click.echo("no verdict changed, no estimate moved")
    raise SystemExit(1 if found.verdicts else 0)


def _show(title: str, changes: Iterable[Change]) -> None:
    rows = list(changes)
    if not rows:
        return
    click.echo(f"{title}: {len(rows)}")
    for row in rows:
        at = f" at {row.at}" if row.at else ""
        locus = f" ({row.locus})" if row.locus else ""
        click.echo(f"  {row.id}{at}{locus}\n      {row.before} -> {row.after}")
