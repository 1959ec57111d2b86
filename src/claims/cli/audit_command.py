"""``claimbench audit``: measure, decide, report."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from claims import lasting
from claims.auditing import interrupts
from claims.auditing.loop import Interrupted, run
from claims.auditing.planning import PINNED_EPOCH, Plan, plan
from claims.auditing.results import AuditResult
from claims.auditing.shards import Shard, part
from claims.catalogue import Catalogue, split_selection
from claims.cli import INTERRUPTED
from claims.cli.aside import aside
from claims.cli.common import (
    STDOUT,
    check_output,
    check_writable,
    chosen,
    device_option,
    same_device,
    same_store,
    same_subject,
    say,
    select_argument,
    store_option,
    subject_for,
    subject_options,
    write_text,
)
from claims.cli.streams import printing_to_stderr
from claims.errors import BadOption
from claims.evidence.devices import CPU, described, usable
from claims.evidence.executors import cores, parse_spec
from claims.evidence.kept import keeping
from claims.evidence.store import Store
from claims.outline.responses import readings_of, responses_in
from claims.report.consoles import console
from claims.report.document import LATEST, PAGE
from claims.report.numbers import counted, duration
from claims.report.progress import Progress
from claims.report.visible import json_text
from claims.verdict import Tier

if TYPE_CHECKING:
    from rich.console import Console


@click.command("audit")
@select_argument
@click.option(
    "--tier", type=click.Choice([t.value for t in Tier]), default="smoke", show_default=True, help="How much to spend."
)
@click.option("--epoch", default=str(PINNED_EPOCH), show_default=True, metavar="N|fresh", help="Root of all streams.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes, which may crash.  [default: one a core]")
@click.option(
    "--executor",
    metavar="SPEC",
    help="process:N, dask:tcp://HOST:PORT, dask:local:N; or serial: in this process, which must not crash.",
)
@click.option("--shard", metavar="I/N", help="Only part I of N, into a store of its own; see evidence merge.")
@device_option
@store_option
@click.option(
    "--report", "report_dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the HTML pages."
)
@click.option("--json", "json_file", metavar="FILE", help="Write the result as JSON; - is standard output.")
@click.option(
    "--table/--no-table",
    "table",
    default=None,
    help="End with every claim, or with what fits a screen.  [default: a screen on a terminal, else every claim]",
)
@subject_options
@click.option("--dry-run", is_flag=True, help="Show what would be measured, its cost and memory; measure nothing.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first verdict that differs.")
@click.option("--strict", is_flag=True, help="Exit with 3 if something stays undecided that this tier should decide.")
@click.option("--require-available", is_flag=True, help="Exit with 1 if something cannot be measured here.")
def command(
    *,
    select: tuple[str, ...],
    tier: str,
    epoch: str,
    jobs: int | None,
    executor: str | None,
    shard: str | None,
    device: str,
    store: Path,
    report_dir: Path | None,
    json_file: str | None,
    table: bool | None,
    model: str | None,
    text: str | None,
    dry_run: bool,
    fail_fast: bool,
    strict: bool,
    require_available: bool,
) -> None:
    """Measure claims and decide which hold. Without SELECT, every installed claim."""
    spec, device = executor_spec(jobs, executor), usable(device, "--device")
    click.get_current_context().with_resource(keeping(store.parent))
    catalogue, claims = chosen(select)
    subject = subject_for(claims, Tier(tier), model=model, text=text)
    with printing_to_stderr(), lasting.making():
        planned = plan(
            claims,
            tier=Tier(tier),
            epoch=epoch_of(epoch),
            paths=catalogue.paths,
            subject=subject,
            place=catalogue.place,
            device=device,
        )
    click.get_current_context().with_resource(lasting.staying())
    if shard is not None:
        planned = part(planned, Shard.of(shard))
        if not planned.groups and not dry_run:
            with Store(store):  # one that can be merged with the others
                say(f"{store}: no claim of the selection is in part {shard}")
            return
    if dry_run:
        from claims.cli.dry_run import show_plan

        show_plan(planned, store, workers=max(1, parse_spec(spec)), json_file=json_file)
        return
    folder = report_dir or store.parent / "report"
    check_writable("--report", folder)
    responses_in(store.parent, readings_of(catalogue.claims.values()))  # refused now, not when everything is measured
    if json_file not in (None, STDOUT):
        check_output("--json", Path(str(json_file)))
    if any(measurement.needs for measurement in planned.measurements()):
        from claims.models.subjects import describe

        say(describe(subject), err=True)
    if device != CPU:
        say(on_device(planned), err=True)
    out = console(stderr=json_file == STDOUT)
    result, partial = measure(planned, store, spec, fail_fast=fail_fast)
    resume = resume_line(select, planned, store, shard) if partial else ""
    page = folder / PAGE
    with lasting.making():
        document = result.to_json()
        with published(document, catalogue, select=select, store=store, folder=folder, json_file=json_file):
            if not out.is_terminal if table is None else table:
                from claims.report.terminal import show

                show(result, document, out, page=page, partial=f"resume with: {resume}" if resume else "")
            else:
                show_end(result, document, out, page=page, select=select, store=store, shard=shard, resume=resume)
    code = result.exit_code(strict=strict, require_available=require_available)
    if not code and require_available and catalogue.left_out and not select:
        say("claimbench: a pack is left out, so that not every installed claim was available", err=True)
        code = 1
    raise click.exceptions.Exit(INTERRUPTED if partial else code)


def epoch_of(text: str) -> int:
    """The epoch that ``--epoch`` names.

    Raises:
        BadOption: neither ``fresh`` nor a whole number >= 0.
    """
    if text == "fresh":
        return secrets.randbelow(2**48)
    if not (text.isascii() and text.isdecimal()):
        raise BadOption("--epoch", text, "a whole number >= 0, or fresh")
    return int(text)


def on_device(planned: Plan) -> str:
    """How much of a plan is measured on its device, in words."""
    every = planned.measurements()
    there = sum(measurement.device == planned.device for measurement in every)
    rest = f"; {len(every) - there:,} allow the CPU alone" if there < len(every) else ""
    return f"device: {described(planned.device)}: {counted(there, 'base point')}{rest}"


def executor_spec(jobs: int | None, executor: str | None) -> str:
    """The executor that ``--jobs`` and ``--executor`` ask for, one worker a core unless they say otherwise.

    A single worker is a process as well: a fault in an experiment's native code, or its ``os._exit``, is then an ERROR
    of its claim instead of the end of the audit.

    Raises:
        BadOption: both are given, or the specification is malformed.
    """
    if jobs is not None and executor is not None:
        raise BadOption("--jobs", jobs, "either --jobs or --executor")
    if executor is not None:
        parse_spec(executor)
        return executor
    return f"process:{jobs or cores()}"


def measure(
    planned: Plan, store: Path, spec: str, *, fail_fast: bool = False, quiet: bool = False, must_keep: bool = True
) -> tuple[AuditResult, bool]:
    """Run a plan with progress on standard error; whether it was interrupted.

    A store that can only be read serves whoever need not keep what is measured; that is said.

    Raises:
        StoreError: the store cannot be used, or cannot be written and ``must_keep``.
    """
    display = Progress(planned, console(stderr=True), workers=parse_spec(spec), quiet=quiet)
    opening = Store if must_keep else Store.forgetful
    with opening(store) as opened, display as progress, printing_to_stderr():
        try:
            return run(planned, opened, executor=spec, observer=progress.observer(), fail_fast=fail_fast), False
        except Interrupted as stop:
            interrupts.ignore()  # pressed once more, it must not take what there is; this process ends soon
            return stop.result, True


@contextmanager
def published(
    document: dict[str, Any],
    catalogue: Catalogue,
    *,
    select: Sequence[str],
    store: Path,
    folder: Path,
    json_file: str | None,
) -> Iterator[None]:
    """Write the result, and its pages while it is shown."""

    def pages() -> None:
        from claims.cli.pages import write_pages

        write_pages(document, folder, catalogue=catalogue, files=split_selection(select)[0], beside=store.parent)

    with aside(pages):
        text = json_text(document) + "\n"
        write_text(store.parent / LATEST, text)
        if json_file not in (None, STDOUT):
            write_text(Path(str(json_file)), text)
        yield
    if json_file == STDOUT:  # after the files, which are there whether or not anybody reads this
        click.echo(text, nl=False)


def show_end(
    result: AuditResult,
    document: dict[str, Any],
    out: Console,
    *,
    page: Path,
    select: Sequence[str],
    store: Path,
    shard: str | None,
    resume: str,
) -> None:
    """What fits a screen, and what to type next."""
    from claims.report.screen import show_screen, steps_after
    from claims.report.summary import summarise

    seeds = f"{counted(result.measured, 'seed')} measured, {result.cached:,} from the store, {duration(result.seconds)}"
    summary = summarise(document)
    files = [str(file) for file in split_selection(select)[0]]
    steps = [(resume, "goes on where this stopped")] if resume else []
    steps += steps_after(summary, files, store=same_store(store), device=same_device(result.plan.device))
    higher = next((tier for tier in Tier if tier.value in summary.waiting), None)
    if higher is not None and not resume:
        deeper = resume_line(select, replace(result.plan, tier=higher), store, shard)
        steps.append((deeper, f"decides {counted(summary.waiting[higher.value], 'claim')} more"))
    show_screen(out, summary, head=seeds, page=str(page), steps=steps)


def resume_line(select: Sequence[str], planned: Plan, store: Path, shard: str | None = None) -> str:
    """The command that goes on where a run stopped: same claims, tier, epoch, shard and store."""
    words = ["claimbench", "audit", *select, "--tier", planned.tier.value, "--epoch", str(planned.epoch)]
    words += [] if shard is None else ["--shard", shard]
    words += same_device(planned.device)
    return shlex.join([*words, *same_subject(planned.subject), *same_store(store)])
