"""``claimbench sensitivity``: whether audits and tests would notice if the code were wrong."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import click

from claims.cli.common import (
    catalogue_of,
    json_flag,
    print_json,
    read_record,
    record_before,
    record_options,
    say,
    write_text,
)
from claims.errors import NothingSelected
from claims.report.visible import json_text
from claims.sensitivity.ledger import Found, Ledger
from claims.sensitivity.plants import LISTS, Plant, read
from claims.sensitivity.rates import equivalent, from_json, rows, survivors, to_json
from claims.verdict import Tier

_TIERS = {"smoke": (Tier.SMOKE,), "standard": (Tier.SMOKE, Tier.STANDARD)}


#: Errors for which it does not pay to import the large libraries beforehand.
_FEW = 3


@click.command("sensitivity")
@click.argument("select", nargs=-1, metavar="[SELECT]...")
@click.option(
    "--tier",
    type=click.Choice([*_TIERS, "none"]),
    default="standard",
    show_default=True,
    help="The highest tier at which claims are audited, after the lower ones; none leaves audits out.",
)
@click.option(
    "--planted",
    type=click.Path(path_type=Path),
    multiple=True,
    default=(LISTS,),
    show_default=True,
    help="A list of planted errors, or a folder of lists.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Errors tried at a time; one a core unless it says otherwise.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    default=20.0,
    show_default=True,
    help="Of a processor, for an audit of a tier.",
)
@click.option("--tests/--no-tests", "with_tests", default=True, help="Whether tests are run as well.")
@click.option("--list", "only_list", is_flag=True, help="Show what would be tried, and try nothing.")
@click.option(
    "--ledger",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path(".claimbench/sensitivity.jsonl"),
    show_default=True,
    help="Where results are kept: whoever runs it again goes on from there.",
)
@record_options
@json_flag
def command(
    *,
    select: tuple[str, ...],
    tier: str,
    planted: tuple[Path, ...],
    jobs: int | None,
    seconds: float,
    with_tests: bool,
    only_list: bool,
    ledger: Path,
    out: Path | None,
    record: Path | None,
    as_json: bool,
) -> None:
    """Plant errors in the code, one at a time and in memory, and see who notices: the audit, the tests, or nobody.

    Run it in the root of a repository that has lists of them (tests/planted/*.toml). SELECT is a glob on names of
    entries, on their areas or on their files; nothing is all. Only the claims and tests that touch the file are asked,
    cheapest first, up to the first that notices. What the file of --out has of errors that SELECT leaves out stays
    there. Exits with 1 if an error survives without a reason, with 5 if one could not be tried.
    """
    every = read(planted)
    plants = _selected(every, select)
    for plant in plants:
        plant.planted(Path.cwd())  # each still applies
    if only_list:
        if as_json:
            print_json(
                [{"area": each.area, "name": each.name, "file": each.file, "wrong": each.wrong} for each in plants]
            )
        else:
            say(*(f"{each.area}: {each.name} ({each.file}): {each.wrong}" for each in plants))
        return
    chosen = {plant.name for plant in plants}
    left = [plant for plant in every if plant.name not in chosen]
    others = record_before(out, lambda document: from_json(document, left)) or []
    if record is not None:
        tried = read_record(record, lambda document: from_json(document, plants))
    else:
        tried = _tried(plants, tier, seconds=seconds, with_tests=with_tests, jobs=jobs, ledger=ledger)
    if out is not None:
        found = {plant.name: (plant, each) for plant, each in [*others, *tried]}
        write_text(out, json_text(to_json([found[plant.name] for plant in every if plant.name in found])) + "\n")
    if as_json:
        print_json(to_json(tried))
    else:
        from claims.report.consoles import console, emit
        from claims.report.sensitivity import lines, table

        screen = console()
        emit(screen, table(rows(tried)))
        for line in ("", *lines(tried)):
            emit(screen, line)
    raise click.exceptions.Exit(_status(tried))


def _tried(
    plants: Sequence[Plant], tier: str, *, seconds: float, with_tests: bool, jobs: int | None, ledger: Path
) -> list[tuple[Plant, Found]]:
    """Try them, and say how far it is on standard error."""
    from claims.evidence.executors import cores
    from claims.sensitivity.running import LIBRARIES, Trials
    from claims.sensitivity.touching import Touching

    root, done = Path.cwd(), 0
    claims = catalogue_of(()).claims.values() if tier != "none" else ()
    trials = Trials(
        root=root,
        touching=Touching(claims, root),
        ledger=Ledger(ledger, root),
        tiers=_TIERS.get(tier, ()),
        budget=seconds,
        with_tests=with_tests,
        libraries=LIBRARIES if len(plants) > _FEW else (),
    )

    def told(plant: Plant, found: Found, kept: bool) -> None:
        nonlocal done
        done += 1
        who = found.broken or found.tests or found.standard or found.smoke or "NOBODY"
        if not kept:
            say(f"{done} of {len(plants)}: {plant.name}: {who} ({found.seconds:.0f} s)", err=True)

    return list(zip(plants, trials.run(plants, jobs or cores(), told), strict=True))


def _status(tried: Sequence[tuple[Plant, Found]]) -> int:
    """5 if one could not be tried, 1 if one survives without a reason, or is noticed though nothing could."""
    if any(found.broken for _, found in tried):
        return 5
    unexplained = [plant for plant in survivors(tried) if not plant.survives]
    return 1 if unexplained or any(found.caught and equivalent(plant) for plant, found in tried) else 0


def _selected(plants: Sequence[Plant], select: Sequence[str]) -> list[Plant]:
    def named(plant: Plant) -> bool:
        return any(fnmatchcase(said, glob) for glob in select for said in (plant.name, plant.area, plant.file))

    chosen = [plant for plant in plants if not select or named(plant)]
    if not chosen:
        raise NothingSelected(
            f"{' '.join(select)}: no planted error is selected; `claimbench sensitivity --list` shows all"
        )
    return chosen
