"""``claimbench diff``: two results, stores or revisions side by side, and a gate for what they promise."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import click

from claims.cli.common import (
    STDOUT,
    catalogue_of,
    check_output,
    decided_options,
    json_flag,
    print_json,
    say,
    write_text,
)
from claims.errors import BadOption
from claims.report.diff import Change, Difference, compare
from claims.report.numbers import counted
from claims.report.words import at_most_words
from claims.verdict import Tier

#: The version of what ``--json`` prints; another one when a field goes or means something else.
SCHEMA = 1
#: The parts of a difference in the order in which they are shown, each with its heading.
PARTS = {
    "verdicts": "verdicts changed",
    "points": "points changed, their claims' verdicts did not",
    "readings": "verdicts under a reading changed",
    "estimates": "estimates moved by more than their intervals",
    "declarations": "declarations changed",
    "tolerances": "tolerances grown: values are admitted that were refused before",
    "narrowed": "bands narrowed: values are refused that were admitted before",
    "added": "added",
    "removed": "removed",
    "removed_points": "points removed from claims that are still there",
    "removed_readings": "readings removed from claims that are still there",
    "code": "experiments whose code changed",
    "settings": "measured differently",
}


@click.command("diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.argument("files", nargs=-1, metavar="[FILE.py]...", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--strict", is_flag=True, help="Fail as well if B promises less than A, and say by what.")
@click.option("--page", metavar="FILE", help="Write it as an HTML page as well, which loads nothing.")
@decided_options
@json_flag
def command(
    *,
    before: str,
    after: str,
    files: tuple[Path, ...],
    strict: bool,
    page: str | None,
    tier: str,
    epoch: int | None,
    as_json: bool,
) -> None:
    """Compare two results, stores or git revisions.

    A and B are results (JSON files, or folders of the last audit), stores (SQLite), whose claims are decided again from
    what is there without measuring anything, or revisions of the git repository here, whose claims are read in another
    process, with the results that the revision keeps in results/. Claims of stores and revisions are those of packs,
    or of the claim files that are named.

    Verdicts that changed come first, then estimates that moved by more than their intervals, then what claims declare
    and which code experiments run. Exits with 1 if a verdict differs; with --strict also if the verdict of a point or
    of a reading differs, if a band admits values that it refused before, or if a claim, a point or a reading of one is
    gone.
    """
    from claims.comparing.sources import source_of

    if page is not None:
        if page == STDOUT:
            raise BadOption("--page", page, "a file")
        check_output("--page", Path(page))
    catalogue = cache(lambda: catalogue_of(files))
    a, b = (
        source_of(name, option, catalogue, files, tier=Tier(tier), epoch=epoch)
        for name, option in ((before, "A"), (after, "B"))
    )
    same_kind = a.what == b.what
    found = compare(a.document, b.document, (a.codes, b.codes) if same_kind else ({}, {}))
    failures = list(_failures(found, strict=strict))
    if page is not None:
        from claims.report.diff_page import render_diff

        write_text(Path(page), render_diff(found, (a.to_json(), b.to_json()), PARTS, failures))
    if as_json:
        sides = {"schema": SCHEMA, "a": a.to_json(), "b": b.to_json()}
        print_json(sides | found.to_json() | {"failures": failures})
    else:
        for side in (a, b):
            for note in side.notes:
                say(f"{side.name}: {note}")
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
    for name, heading in PARTS.items():
        if name in ("added", "removed"):
            names = getattr(found, name)
            if names:
                say(f"{counted(len(names), 'claim')} {heading}", *(f"  {each}" for each in names))
        else:
            _show(heading, getattr(found, name))
            if name == "estimates" and found.estimates:
                say(f"  of {found.compared:,} that both have; any of them by chance: {at_most_words(found.chance)}")
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
