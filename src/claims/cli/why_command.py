"""``claimbench why``: the whole story of one claim."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import click
from rich.padding import Padding
from rich.text import Text

from claims.auditing.planning import PINNED_EPOCH, Plan, plan
from claims.auditing.results import ClaimResult
from claims.catalogue import Catalogue, split_selection
from claims.claim import Claim
from claims.cli import INTERRUPTED
from claims.cli.audit_command import epoch_of, executor_spec, measure
from claims.cli.common import (
    chosen,
    device_option,
    json_flag,
    print_json,
    same_device,
    same_store,
    same_subject,
    say,
    store_option,
    subject_for,
    subject_options,
)
from claims.cli.streams import printing_to_stderr
from claims.errors import MeasurementError
from claims.evidence.devices import usable
from claims.outline.responses import Response, readings_of, responses_in
from claims.report.consoles import console, emit
from claims.report.visible import visible
from claims.report.why import Story
from claims.verdict import ERROR, UNDECIDED, Tier


@click.command("why")
@click.argument("select", nargs=-1, required=True, metavar="[FILE.py] ID...")
@click.option(
    "--tier", type=click.Choice([t.value for t in Tier]), help="How much to spend.  [default: where the claim decides]"
)
@click.option("--epoch", default=str(PINNED_EPOCH), show_default=True, metavar="N", help="Root of all streams.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes, which may crash.  [default: one a core]")
@device_option
@store_option
@subject_options
@json_flag
def command(
    *,
    select: tuple[str, ...],
    tier: str | None,
    epoch: str,
    jobs: int | None,
    device: str,
    store: Path,
    model: str | None,
    text: str | None,
    as_json: bool,
) -> None:
    """Tell the whole story of one claim: from the store, measuring what is missing there."""
    device = usable(device, "--device")
    catalogue, claims = chosen(select)
    near = responses_in(store.parent, readings_of(catalogue.claims.values()))
    stories = []
    for claim in claims:
        chosen_tier = Tier(tier) if tier else claim.decides
        corrected = catalogue.claims.get(claim.corrected_by or "")
        asked = [claim] if corrected is None else [claim, corrected]
        subject = subject_for(asked, chosen_tier, model=model, text=text)
        with printing_to_stderr():
            planned = plan(
                asked,
                tier=chosen_tier,
                epoch=epoch_of(epoch),
                paths=catalogue.paths,
                subject=subject,
                place=catalogue.place,
                device=device,
            )
        answers = (*catalogue.responses.get(claim.id, ()), *near.get(claim.id, ()))
        story = _tell(planned, catalogue, select, jobs=jobs, store=store, answers=answers)
        if story is None:
            say("claimbench: interrupted; what was measured is stored", err=True)
            raise click.exceptions.Exit(INTERRUPTED)
        stories.append(story)
    if as_json:
        documents = [story.to_json() for story in stories]
        print_json(documents[0] if len(documents) == 1 else documents)
    else:
        for story in stories:
            _print(story)
    if any(story.result.verdict is ERROR for story in stories):
        raise click.exceptions.Exit(MeasurementError.exit_code)


def _print(story: Story) -> None:
    out = console()
    for i, (heading, lines) in enumerate(story.sections()):
        emit(out, Text(("" if i == 0 else "\n") + visible(heading), style="bold"))
        for line in lines:
            if line in (story.replay, *story.further):
                emit(out, f"  {line}", whole=True)
            else:
                emit(out, Padding(Text(visible(line)), (0, 0, 0, 2), expand=False))


def _tell(
    planned: Plan,
    catalogue: Catalogue,
    select: Sequence[str],
    *,
    jobs: int | None,
    store: Path,
    answers: tuple[Response, ...],
) -> Story | None:
    """The story of the plan's first claim, with the corrected claim measured beside; None if the user stopped it."""
    claim = planned.claims[0]
    audit, stopped = measure(planned, store, executor_spec(jobs, None), quiet=True, must_keep=False)
    if stopped:
        return None
    replay = _audit_again(claim, planned, select, store, epoch=str(planned.epoch))
    further = _further(audit.claims[0], planned, select, store)
    return Story(audit.claims[0], catalogue.papers[claim.paper], audit, replay, answers, further)


def _audit_again(claim: Claim, planned: Plan, select: Sequence[str], store: Path, *, epoch: str) -> str:
    """The command that decides the claim again; a store of its own would measure everything anew."""
    files, _ = split_selection(select)
    words = ["claimbench", "audit", *map(str, files), claim.id]
    words += ["--tier", planned.tier.value, "--epoch", epoch, *same_device(planned.device)]
    return shlex.join([*words, *same_subject(planned.subject), *same_store(store)])


def _further(result: ClaimResult, planned: Plan, select: Sequence[str], store: Path) -> tuple[str, ...]:
    """The commands that go on where a claim is undecided with all the seeds that it gets; none where they do not."""
    from claims.comparing.pooling import can_be_pooled

    point = result.speaker
    left = result.verdict is UNDECIDED and planned.tier.level >= result.claim.decides.level
    if not left or point.more_seeds is None or not can_be_pooled(point.trial):
        return ()
    files, _ = split_selection(select)
    pool = ["claimbench", "evidence", "pool", *map(str, files), result.claim.id, *same_store(store)]
    return _audit_again(result.claim, planned, select, store, epoch="fresh"), shlex.join(pool)
