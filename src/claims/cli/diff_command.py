"""``claimbench diff``: two results side by side, and a gate for what they promise."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from claims.cli.common import json_flag, print_json, say
from claims.report.diff import Change, Difference, compare
from claims.report.document import load_result
from claims.report.numbers import counted

_RESULT = click.Path(path_type=Path)


@click.command("diff")
@click.argument("before", type=_RESULT, metavar="A")
@click.argument("after", type=_RESULT, metavar="B")
@click.option("--strict", is_flag=True, help="Fail as well if B promises less than A, and say by what.")
@json_flag
def command(*, before: Path, after: Path, strict: bool, as_json: bool) -> None:
    """Compare two results: A and B are JSON files, or stores (or their folders) that an audit measured into.

    Verdicts that changed come first, then estimates that moved by more than their intervals, then what claims declare:
    statement, readings, band, rival, expected verdict, tier. Exits with 1 if a verdict differs; with --strict also if
    the verdict of a point or of a reading differs, if a band admits values that it refused before, or if a claim, a
    point or a reading of one is gone.
    """
    found = compare(load_result(before), load_result(after))
    failures = list(_failures(found, strict=strict))
    if as_json:
        print_json(found.to_json() | {"failures": failures})
    else:
        _print(found)
        if strict:
            say(f"fails: {'; '.join(failures)}" if failures else "nothing is promised less than before")
    raise click.exceptions.Exit(1 if failures else 0)


def _failures(found: Difference, *, strict: bool) -> Iterable[str]:
    """Why the exit status is 1, in words."""
    gone = found.removed_points
    counts = [("verdict", found.verdicts, "changed")]
    if strict:
        counts += [("point verdict", found.points, "changed"), ("reading verdict", found.readings, "changed")]
        counts += [("tolerance", found.tolerances, "grown"), ("reading", found.removed_readings, "gone")]
    for noun, changes, what in counts:
        if changes:
            yield f"{counted(len(changes), noun)} {what}: {', '.join(dict.fromkeys(change.id for change in changes))}"
    if strict and found.removed:
        yield f"{counted(len(found.removed), 'claim')} gone: {', '.join(found.removed)}"
    if strict and gone:
        yield f"{counted(len(gone), 'point')} gone: {', '.join(dict.fromkeys(change.id for change in gone))}"


def _print(found: Difference) -> None:
    _show("verdicts changed", found.verdicts)
    _show("points changed, their claims' verdicts did not", found.points)
    _show("verdicts under a reading changed", found.readings)
    _show("estimates moved by more than their intervals", found.estimates)
    _show("declarations changed", found.declarations)
    _show("tolerances grown: values are admitted that were refused before", found.tolerances)
    for title, names in (("added", found.added), ("removed", found.removed)):
        if names:
            say(f"{counted(len(names), 'claim')} {title}", *(f"  {name}" for name in names))
    _show("points removed from claims that are still there", found.removed_points)
    _show("readings removed from claims that are still there", found.removed_readings)
    _show("measured differently", found.settings)
    if not (found.verdicts or found.points or found.readings or found.estimates):
        say("no verdict changed, no estimate moved")


def _show(title: str, changes: Iterable[Change]) -> None:
    rows = list(changes)
    if not rows:
        return
    say(f"{title}: {len(rows)}")
    for row in rows:
        at = f" at {row.at}" if row.at else ""
        locus = f" ({row.locus})" if row.locus else ""
        field = f"{row.field}: " if row.field else ""
        say(f"  {row.id}{at}{locus}", f"      {field}{row.before} -> {row.after or 'nothing'}")
