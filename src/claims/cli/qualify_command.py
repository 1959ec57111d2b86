"""``claimbench qualify``: whether the seeds of claims are such as the intervals of their means take them to be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from claims.auditing.planning import PINNED_EPOCH, plan
from claims.auditing.survey import Surveyed, survey, surveyed
from claims.cli import INTERRUPTED
from claims.cli.audit_command import epoch_of, executor_spec, measure
from claims.cli.common import (
    chosen,
    json_flag,
    print_json,
    say,
    select_argument,
    store_option,
    subject_for,
    subject_options,
)
from claims.cli.streams import printing_to_stderr
from claims.errors import MeasurementError
from claims.kinds.base import LOOKS
from claims.report.consoles import console, emit
from claims.report.numbers import counted
from claims.report.visible import visible
from claims.report.words import at_words
from claims.verdict import ERROR, Tier

#: Status where nothing was to be qualified, and under ``--strict`` where seeds are not fit.
_NOTHING, _UNFIT = 4, 3
_COLUMNS = ("seeds", "spread", "skewness", "kurtosis", "outliers", "correlation", "holds", "rejects", "tells")


@click.command("qualify")
@select_argument
@click.option(
    "--seeds",
    type=click.IntRange(min=8),
    default=LOOKS[3],
    show_default=True,
    help="Of each point, or as many as the claim may have where it decides.",
)
@click.option("--epoch", default=str(PINNED_EPOCH), show_default=True, metavar="N|fresh", help="Root of all streams.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes, which may crash.  [default: one a core]")
@click.option("--strict", is_flag=True, help="Exit with 3 if the seeds of a claim are not fit for its kind.")
@store_option
@subject_options
@json_flag
def command(
    *,
    select: tuple[str, ...],
    seeds: int,
    epoch: str,
    jobs: int | None,
    strict: bool,
    store: Path,
    model: str | None,
    text: str | None,
    as_json: bool,
) -> None:
    """Measure seeds of claims about means, and say what they are like and what the claims can tell with them.

    Every audit asks the same of the seeds that it judges; this measures more than it may need. Skewness: how much of
    it is beyond the error of so few seeds follows in brackets. holds, rejects: chances to hold at the target and to
    reject the rival; tells: the smallest distance beyond an edge of the band that is told, with all seeds that the
    claim may have.
    """
    catalogue, claims = chosen(select)
    subject = subject_for(claims, Tier.FULL, model=model, text=text)
    with printing_to_stderr():
        whole = plan(
            claims,
            tier=Tier.FULL,
            epoch=epoch_of(epoch),
            paths=catalogue.paths,
            subject=subject,
            place=catalogue.place,
        )
    planned = survey(whole, seeds)
    if not planned.groups:
        say("claimbench: no claim here judges means over seeds", err=True)
        raise click.exceptions.Exit(_NOTHING)
    result, stopped = measure(planned, store, executor_spec(jobs, None), must_keep=False)
    if stopped:
        say("claimbench: interrupted; what was measured is stored", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    found = list(surveyed(result))
    if as_json:
        print_json([each.to_json() for each in found])
    else:
        _show(found)
    if any(each.verdict is ERROR for each in found):
        raise click.exceptions.Exit(MeasurementError.exit_code)
    if strict and any(each.unfit and each.verdict is None for each in found):
        raise click.exceptions.Exit(_UNFIT)


def _show(found: Sequence[Surveyed]) -> None:
    """A row a point, then what is not fit, and why."""
    out = console()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("claim and point", overflow="fold")
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for each in found:
        if each.found is not None:
            words = visible(" ".join(filter(None, (each.claim, at_words(dict(each.point))))))
            table.add_row(words, str(each.seeds), *_cells(each))
    emit(out, table)
    for each in found:
        if each.unfit:
            at = f" at {at_words(dict(each.point))}" if each.point else ""
            emit(out, visible(f"{each.claim}{at}: {each.unfit}"))
    unfit = sum(bool(each.unfit) for each in found)
    emit(out, f"{counted(len(found), 'point')} of claims about means: {unfit} not fit for an interval of the mean")


def _cells(each: Surveyed) -> Sequence[str]:
    assert each.found is not None
    row = each.found.to_json()
    shape = [_figure(row[name]) for name in ("skewness", "kurtosis", "outliers", "correlation")]
    shape[0] += f" ({row['sure_skewness']:.2g})" if row["sure_skewness"] else ""
    return [_figure(row["spread"]), *shape, *(_figure(row[name]) for name in ("holds", "rejects", "tells"))]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
