"""The end of an audit on one screen: what was audited, what differs, what does not hold, what is close, what next."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from claims.report.consoles import emit
from claims.report.numbers import band_text, counted
from claims.report.standing import Standing, standing
from claims.report.summary import NOT_MEASURED, Summary
from claims.report.visible import visible
from claims.report.words import estimate_words, verdict_words
from claims.verdict import Verdict

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, Any]
#: What is typed next, and what it does.
Step = tuple[str, str]

_STYLES = {"HOLDS": "green", "REFUTED": "cyan", "DEPENDS": "magenta", "UNDECIDED": "yellow", "ERROR": "bold red"}
#: Lines that are there whatever was found, and what each of the lists gets at least and at most.
_FIXED, _LEAST, _MOST, _MARGINS, _REASONS = 20, 2, 12, 5, 3
#: Rows of a file or pipe, where no terminal says how many there are.
_FILE_HEIGHT = 50


def show_screen(console: Console, summary: Summary, *, head: str, page: str = "", steps: Sequence[Step] = ()) -> None:
    """Everything on as many lines as the terminal has, except that all that differs is shown, however much.

    Args:
        console: where to.
        summary: of the result.
        head: what the audit cost, or when it was.
        page: where the report is.
        steps: commands to go on with, each with what it does.
    """
    height = console.height if console.is_terminal else _FILE_HEIGHT
    _head(console, summary, head)
    _counts(console, summary)
    _differing(console, summary)
    room = height - _FIXED - len(summary.papers) - min(len(summary.lacking), _REASONS) - 2 * len(summary.differing)
    shown = min(max(room // 2, _LEAST), _MOST)
    _list(console, _title(summary), summary.findings, shown, _finding)
    _list(console, "Thinnest margins", summary.thinnest, min(_MARGINS, shown), _margin)
    _open(console, summary)
    if page:
        emit(console, f"page  {page}", whole=True)
    _steps(console, steps)


def steps_after(
    summary: Summary, files: Sequence[str], *, store: Sequence[str] = (), device: Sequence[str] = ()
) -> list[Step]:
    """What to type next: the story of the claim that matters most, then every claim.

    Args:
        summary: of the result.
        files: claim files that were audited, which have to be named again.
        store: the words of a command that name the store.
        device: those that name the device that was measured on.
    """
    first = next((row for row in (*summary.differing, *summary.findings, *summary.thinnest)), None)
    steps = []
    if first is not None:
        words = ["claimbench", "why", *files, first["id"], *device, *store]
        steps.append((shlex.join(words), "tells how that was decided"))
    every = ["claimbench", "list", *files, "--results", *store[1:], "--table"]
    return [*steps, (shlex.join(every), "shows every claim, a row each")]


def _head(console: Console, summary: Summary, head: str) -> None:
    what = f"{counted(summary.total, 'claim')} of {counted(len(summary.papers), 'paper')}"
    emit(console, Text(f"{what}, tier {summary.tier}, epoch {summary.epoch}", style="bold"))
    emit(console, Text(visible(head), style="dim"))
    if summary.stopped:
        emit(console, Text("stopped before everything was decided", style="bold yellow"))


def _counts(console: Console, summary: Summary) -> None:
    """A row a paper, a column a verdict; what was not measured is no verdict, and stands apart from UNDECIDED."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", expand=False)
    table.add_column("")
    for name in summary.counts:
        table.add_column(name, justify="right", style=_STYLES.get(name, "dim"))
    papers = [*summary.papers.items(), *([("all", summary.counts)] if len(summary.papers) > 1 else [])]
    for key, counts in papers:
        table.add_row(visible(key), *(str(counts.get(name, "")) for name in summary.counts))
    emit(console, table)
    if NOT_MEASURED in summary.counts:
        tiers = ", ".join(f"{count} at {tier}" for tier, count in summary.waiting.items())
        emit(
            console,
            Text(f"{NOT_MEASURED} at the {summary.tier} tier, they decide at a higher one: {tiers}", style="dim"),
        )


def _differing(console: Console, summary: Summary) -> None:
    """All of it, however long: this is what an audit is for."""
    if not summary.differing:
        emit(console, Text("every verdict that was reached is the one on record", style="green"))
        return
    emit(console, Text(f"\n{counted(len(summary.differing), 'verdict')} not as expected", style="bold red"))
    for row in summary.differing:
        emit(console, Text(visible(f"  {row['id']}: {verdict_words(row)}"), style="bold red"))
        said = row["reason"] or f"{estimate_words(row)} against {band_text(row['band'])}"
        _line(console, f"      {said}")


def _list(
    console: Console, title: str, rows: Sequence[Row], shown: int, words: Callable[[Row], Iterable[Text]]
) -> None:
    if not rows:
        return
    more = f" ({shown} of {len(rows)})" if len(rows) > shown else ""
    emit(console, Text(f"{title}{more}", style="bold"))
    for row in rows[:shown]:
        for line in words(row):
            _line(console, line)


def _title(summary: Summary) -> str:
    """What the findings are about, each standing counted apart, in the order in which they come."""
    counts = ", ".join(f"{where} {count}" for where, count in summary.standings.items())
    return f"Does not hold, what the paper says first: {counts}"


def _finding(row: Row) -> list[Text]:
    """The claim, and what is true instead: a line each."""
    where = standing(row)
    whose = "" if where in (None, Standing.PAPER) else f" ({where})"
    said = row["finding"] or row["reason"] or row["statement"]
    head = Text(visible(f"  {row['id']}{whose}"), style="cyan").append(
        f"  {visible(row['locus'])}", style="not bold dim"
    )
    return [head, Text(f"      {visible(said)}")]


def _margin(row: Row) -> list[Text]:
    against = f"{estimate_words(row)} in {band_text(row['band'])}"
    return [
        Text(f"  {row['margin']:.2g} half-widths  ").append(row["id"], style="bold").append(f"  {visible(against)}")
    ]


def _open(console: Console, summary: Summary) -> None:
    """What this run leaves open: undecided where it should not be, and what was lacking."""
    if summary.undecided:
        names = ", ".join(row["id"] for row in summary.undecided)
        _line(console, Text(f"undecided at a tier that should decide ({len(summary.undecided)}): {names}", "yellow"))
    for reason, count in list(summary.lacking.items())[:_REASONS]:
        _line(console, Text(f"{Verdict.UNAVAILABLE.lower()}: {counted(count, 'claim')}: {visible(reason)}", "dim"))


def _steps(console: Console, steps: Sequence[Step]) -> None:
    """Commands are never cut: they are to be copied."""
    width = max((len(command) for command, _ in steps), default=0)
    for i, (command, what) in enumerate(steps):
        emit(console, Text(f"{'next' if i == 0 else '':<6}{visible(command):<{width}}  {visible(what)}"), whole=True)


def _line(console: Console, text: Text | str) -> None:
    """One line, cut where the terminal ends."""
    line = Text(visible(text)) if isinstance(text, str) else text
    line.truncate(console.width, overflow="ellipsis")
    emit(console, line, whole=True)
