"""``claimbench alarms``: how often an audit of this very code would stop a gate for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from claims.auditing import alarms
from claims.auditing.alarms import Watched
from claims.auditing.planning import PINNED_EPOCH, plan
from claims.catalogue import Catalogue
from claims.claim import Claim
from claims.cli import INTERRUPTED
from claims.cli.audit_command import executor_spec, measure
from claims.cli.common import (
    chosen,
    json_flag,
    print_json,
    read_record,
    record_before,
    record_options,
    say,
    select_argument,
    write_text,
)
from claims.cli.streams import printing_to_stderr
from claims.errors import BadOption
from claims.report.numbers import counted
from claims.report.visible import json_text
from claims.verdict import Tier

#: Status where nothing was audited.
_NOTHING = 4


@click.command("alarms")
@select_argument
@click.option(
    "--audits", type=click.IntRange(min=1), default=50, show_default=True, help="How many, each on new seeds."
)
@click.option(
    "--tier", type=click.Choice([t.value for t in Tier]), default="smoke", show_default=True, help="Of the audits."
)
@click.option(
    "--from-epoch",
    type=click.IntRange(min=0),
    default=PINNED_EPOCH + 1,
    show_default=True,
    help="The first audit's epoch; each other has the next.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes, which may crash.  [default: one a core]")
@click.option(
    "--store",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path(".claimbench/alarms.sqlite"),
    show_default=True,
    help="Where the evidence of these audits is kept: whoever runs it again goes on from there.",
)
@record_options
@json_flag
def command(
    *,
    select: tuple[str, ...],
    audits: int,
    tier: str,
    from_epoch: int,
    jobs: int | None,
    store: Path,
    out: Path | None,
    record: Path | None,
    as_json: bool,
) -> None:
    """Audit code in which nothing was changed, again and again on new seeds, and count false alarms.

    An alarm is what `claimbench audit --strict` would stop for: another verdict than the one on record, an error, or
    none where there was one. The epochs are fixed, so that anybody has the same seeds, and each alarm is seen again by
    `claimbench audit CLAIM --epoch N`. Claims about trained models are left out. What the file of --out has of other
    epochs stays and counts, at the same tier. Exits with 1 if there was an alarm.
    """
    if record is not None:
        tier, found = read_record(record, alarms.from_json)
    else:
        of, before = record_before(out, alarms.from_json) or (tier, [])
        if of != tier:
            raise BadOption("--out", str(out), f"a record of audits at {tier}, not at {of}")
        catalogue, claims = chosen(select)
        runs = _audits(catalogue, claims, Tier(tier), alarms.epochs(audits, from_epoch), store, jobs)
        found = sorted({each.epoch: each for each in (*before, *runs)}.values(), key=lambda each: each.epoch)
    if not any(each.claims for each in found):
        say("claimbench: no claim here can be measured without a trained model", err=True)
        raise click.exceptions.Exit(_NOTHING)
    document = alarms.to_json(found, tier=tier)
    if out is not None:
        write_text(out, json_text(document) + "\n")
    if as_json:
        print_json(document)
    else:
        say(*_lines(found, tier))
    raise click.exceptions.Exit(int(bool(document["with_alarms"])))


def _audits(
    catalogue: Catalogue, claims: Sequence[Claim], tier: Tier, epochs: Sequence[int], store: Path, jobs: int | None
) -> Iterator[Watched]:
    """One audit after the other, each said on standard error."""
    spec = executor_spec(jobs, None)
    for number, epoch in enumerate(epochs, 1):
        with printing_to_stderr():
            planned = plan(claims, tier=tier, epoch=epoch, paths=catalogue.paths, place=catalogue.place)
        result, stopped = measure(planned, store, spec, must_keep=False)
        if stopped:
            say("claimbench: interrupted; what was measured is stored", err=True)
            raise click.exceptions.Exit(INTERRUPTED)
        each = alarms.watched(result)
        names = ": " + ", ".join(alarm.claim for alarm in each.alarms) if each.alarms else ""
        say(f"{number} of {len(epochs)}: epoch {epoch}: {counted(len(each.alarms), 'alarm')}{names}", err=True)
        yield each


def _lines(found: Sequence[Watched], tier: str) -> Iterator[str]:
    """Every alarm, and how many audits had one."""
    for each in found:
        for alarm in each.alarms:
            because = f": {alarm.reason}" if alarm.reason else ""
            yield f"epoch {each.epoch}: {alarm.claim}: {alarm.verdict}, {alarm.expected} on record{because}"
    count, (_, most) = alarms.share(found)
    judged = counted(max((each.claims for each in found), default=0), "claim")
    seeds = sum(each.seeds for each in found)
    yield (
        f"{count} of {counted(len(found), 'audit')} of unchanged code at {tier} had an alarm, at most {most:.1%} of "
        f"them at 95 % confidence; {judged} each, {seeds:,} seeds together"
    )
