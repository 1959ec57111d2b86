"""``claimbench calibrate``: whether verdicts are as sure as they say, counted on claims of which the truth is known."""

from __future__ import annotations

from pathlib import Path

import click

from claims.auditing.planning import PINNED_EPOCH
from claims.cli.audit_command import epoch_of
from claims.cli.common import json_flag, print_json, say, write_text
from claims.report.visible import json_text
from claims.verdict import Tier


@click.command("calibrate")
@click.option(
    "--tier",
    type=click.Choice([t.value for t in Tier]),
    default="smoke",
    show_default=True,
    help="How much to try: about 5 seconds, a minute, ten minutes.",
)
@click.option("--epoch", default=str(PINNED_EPOCH), show_default=True, metavar="N|fresh", help="Root of all streams.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the JSON to this file as well.")
@json_flag
def command(*, tier: str, epoch: str, out: Path | None, as_json: bool) -> None:
    """Draw claims of every kind that judges seeds, audit them, and count how many verdicts are false.

    The truth lies at the target, on an edge of the band, and one, two and five margins beyond it; seeds are normal,
    skewed, heavy-tailed or discrete. Trials are those of every audit, at an alpha of .01, so that errors can be
    counted; whole audits keep the alpha of audits. Exits with 1 if any row errs more often than promised, if one that
    must fail is not seen to, or if a verdict of a whole audit is false.
    """
    from claims.calibration.tables import calibrate

    quarters: set[int] = set()

    def done(rows: int, every: int) -> None:
        quarter = 4 * rows // every
        if quarter not in quarters | {0, 4} and tier != "smoke":
            say(f"{rows} of {every} rows counted", err=True)
        quarters.add(quarter)

    found = calibrate(Tier(tier), epoch_of(epoch), done=done)
    if out is not None:
        write_text(out, json_text(found.to_json()) + "\n")
    if as_json:
        print_json(found.to_json())
    else:
        from claims.report.calibration import lines, table
        from claims.report.consoles import console, emit

        screen = console()
        emit(screen, table(found))
        for line in ("", *lines(found)):
            emit(screen, line)
        emit(screen, f"tier {found.tier}, epoch {found.epoch}")
    raise click.exceptions.Exit(1 if found.wrong else 0)
