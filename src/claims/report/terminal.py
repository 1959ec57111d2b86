"""The end of an audit on a terminal: the table, the findings in words, the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.text import Text

from claims.report.columns import Cell, Column, in_columns
from claims.report.consoles import emit, emit_lines
from claims.report.numbers import band_text, counted, duration, interval_text
from claims.report.readings import curve
from claims.report.visible import visible
from claims.report.words import (
    at_words,
    band_words,
    compared_words,
    error_words,
    estimate_words,
    figure_words,
    more_words,
    seeds_words,
    speaker,
    target_words,
    verdict_words,
)
from claims.verdict import DEPENDS, ERROR, HOLDS, REFUTED, UNAVAILABLE, UNDECIDED, Provenance, Verdict

if TYPE_CHECKING:
    from rich.console import Console

    from claims.auditing.results import AuditResult, ClaimResult
    from claims.claim import Claim

#: Below this many columns claims are shown as blocks of lines, not as rows.
_TABLE_WIDTH = 96
_COLUMNS = (
    Column(("claim", "locus")),
    Column(("target", "band")),
    Column(("estimate", "interval")),
    Column(("seeds",), right=True, whole=True),
    Column(("verdict",)),
)
#: Ids named under one reason why they cannot be measured.
_SHOWN = 5
_STYLES = {
    HOLDS: "green",
    REFUTED: "cyan",
    DEPENDS: "magenta",
    UNDECIDED: "yellow",
    UNAVAILABLE: "dim",
    ERROR: "bold red",
}


def show(result: AuditResult, document: Mapping[str, Any], console: Console, *, page: Path, partial: str = "") -> None:
    """The table, findings, warnings and counts of an audit, where its page is, and how to resume a stopped one."""
    show_rows(console, [(each.claim, row) for each, row in zip(result.claims, document["claims"], strict=True)])
    refuted = [claim for claim in result.claims if claim.verdict is REFUTED]
    _section(console, "Refuted", refuted, lambda claim: _refuted(claim, result))
    _section(console, "Depends on the reading", _having(result, DEPENDS), _depends)
    _section(console, "Errors while measuring", _having(result, ERROR), _reason)
    _unavailable(console, _having(result, UNAVAILABLE))
    undecided = [claim for claim in result.claims if claim.undecided_warning and not _stopped(claim)]
    _section(console, "Warning: undecided at a tier that should decide", undecided, _undecided)
    contrary = [c for c in result.claims if c.as_expected is False and c.verdict not in (REFUTED, DEPENDS, ERROR)]
    _section(console, "Not as expected", contrary, _contrary)
    _totals(result, console)
    emit(console, f"report: {page} (what of the paper is covered: coverage.html beside it)", whole=True)
    if partial:
        emit(console, Text(visible(partial), style="bold yellow"), whole=True)


def show_rows(console: Console, rows: Sequence[tuple[Claim | None, Mapping[str, Any]]]) -> None:
    """Every claim as a row as wide as the terminal, or as a block of lines where that is too narrow.

    Args:
        console: where to.
        rows: claims of a result document, each with its declaration, if that is known.
    """
    if console.width >= _TABLE_WIDTH:
        emit_lines(console, in_columns(_COLUMNS, [_cells(claim, row) for claim, row in rows], console.width))
        return
    for claim, row in rows:
        emit(console, _block(claim, row))


def style_of(row: Mapping[str, Any]) -> str:
    """Colour of a verdict; one that differs from the record stands out."""
    return "bold red" if row["as_expected"] is False else _STYLES[Verdict(row["verdict"])]


def _cells(claim: Claim | None, row: Mapping[str, Any]) -> list[Cell]:
    return [
        [(visible(row["id"]), ""), (visible(_where(claim, row)), "dim")],
        _lines(target_words(row, claim), band_text(row["band"])),
        _lines(figure_words(row), interval_text(row["interval"])),
        _lines(seeds_words(row)),
        [(visible(verdict_words(row)), style_of(row))],
    ]


def _lines(*lines: str) -> Cell:
    return [(visible(line), "") for line in lines if line]


def _block(claim: Claim | None, row: Mapping[str, Any]) -> Text:
    """A claim where the terminal is too narrow for the table."""
    text = Text(f"{visible(row['id'])}\n", style="bold", overflow="fold")
    text.append(f"  {visible(_where(claim, row))}\n", style="not bold dim")
    seeds = seeds_words(row)
    facts = [
        ("target", band_words(row, claim)),
        ("estimate", estimate_words(row)),
        ("seeds", seeds),
    ]
    for name, value in facts:
        if value:
            text.append(f"  {name:<9}{visible(value)}\n", style="not bold")
    return text.append(f"  {verdict_words(row)}", style=f"not bold {style_of(row)}")


def _where(claim: Claim | None, row: Mapping[str, Any]) -> str:
    """The locus, the order of the levels that are compared, and which of several points the row shows."""
    parts = [row["locus"], compared_words(claim)]
    if len(row["points"]) > 1:
        parts.append(f"{len(row['points'])} points, shown: {at_words(speaker(row)['at'])}")
    return " · ".join(filter(None, parts))


def _having(result: AuditResult, verdict: Verdict) -> list[ClaimResult]:
    return [claim for claim in result.claims if claim.verdict is verdict]


def _unavailable(console: Console, claims: list[ClaimResult]) -> None:
    """What is missing, and the claims that lack it."""
    if not claims:
        return
    emit(console, Text("\nNot available here", style="bold"))
    lacking: dict[str, list[str]] = {}
    for claim in claims:
        lacking.setdefault(claim.reason, []).append(claim.claim.id)
    for reason, ids in lacking.items():
        shown = ", ".join(ids[:_SHOWN]) + (f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else "")
        emit(console, Padding(Text(f"{counted(len(ids), 'claim')}: {visible(reason)}"), (0, 0, 0, 2), expand=False))
        emit(console, Padding(Text(shown, style="dim"), (0, 0, 0, 4), expand=False))


def _section(
    console: Console, title: str, claims: list[ClaimResult], words: Callable[[ClaimResult], list[tuple[str, str]]]
) -> None:
    """A heading, then each claim with labelled lines."""
    if not claims:
        return
    emit(console, Text(f"\n{title}", style="bold"))
    for claim in claims:
        style = "bold red" if claim.as_expected is False else ""
        emit(console, Text(f"  {claim.claim.id} ({visible(claim.claim.locus)})", style=style))
        for label, line in words(claim):
            emit(console, Padding(Text(visible(f"{label}: {line}" if label else line)), (0, 0, 0, 4), expand=False))


def _refuted(claim: ClaimResult, result: AuditResult) -> list[tuple[str, str]]:
    """What was claimed, what was measured, what is true instead and which claim says so."""
    declared = claim.claim
    row = claim.to_json()
    who = "the paper says" if declared.role == "paper" else "claimed"
    measured = estimate_words(row)
    against = f" against {band_text(row['band'])}" if row["band"] else ""
    lines = [(who, declared.statement), *_read_as(row)]
    if row["reason"]:
        lines.append(("found", row["reason"]))
    elif measured:
        lines.append(("measured", f"{measured}{against}"))
    if claim.as_expected is False:
        lines.append(("expected", f"{declared.expected}: this verdict differs from the one on record"))
    if declared.finding:
        lines.append(("true instead", declared.finding))
    if declared.corrected_by:
        lines.append(("corrected by", _correction(declared.corrected_by, result)))
    return lines


def _depends(claim: ClaimResult) -> list[tuple[str, str]]:
    """What is claimed, what each reading gives, and what the verdict turns with."""
    row = claim.to_json()
    lines = [("claimed", claim.claim.statement), *_read_as(row)]
    lines += [(f"{each.row['verdict']} read as {each.name}", each.figures) for each in curve(row)]
    if claim.as_expected is False:
        lines.append(("expected", f"{claim.claim.expected}: this verdict differs from the one on record"))
    return [*lines, ("turns with", claim.claim.finding)] if claim.claim.finding else lines


def _read_as(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the statement adds to the passage."""
    return [("read as", row["read_as"])] if row["read_as"] else []


def _correction(name: str, result: AuditResult) -> str:
    other = next((claim for claim in result.claims if claim.claim.id == name), None)
    return f"{name} (not in this audit)" if other is None else f"{name}, which says {verdict_words(other.to_json())}"


def _reason(claim: ClaimResult) -> list[tuple[str, str]]:
    return [("", claim.reason)]


def _undecided(claim: ClaimResult) -> list[tuple[str, str]]:
    reason = claim.reason
    seeds = (
        more_words(claim.speaker.more_seeds, ranged=claim.claim.seed_range is not None)
        if claim.claim.test.sequential
        else ""
    )
    return [("", text) for text in (reason, seeds) if text]


def _contrary(claim: ClaimResult) -> list[tuple[str, str]]:
    reason = claim.reason
    words = f"{claim.verdict}, expected {claim.claim.expected}"
    return [("", f"{words}: {reason}" if reason else words)]


def _totals(result: AuditResult, console: Console) -> None:
    counts = {name: count for name, count in result.counts().items() if count}
    line = Text(f"\n{counted(len(result.claims), 'claim')}: ", style="bold")
    line.append(", ".join(f"{count} {name}" for name, count in counts.items()))
    emit(console, line)
    papers = Counter(claim.claim.paper for claim in result.claims)
    for key in papers if len(papers) > 1 else ():
        found = Counter(claim.verdict.value for claim in result.claims if claim.claim.paper == key)
        emit(console, f"  {key}: " + ", ".join(f"{found[name]} {name}" for name in counts if found[name]))
    differing = sum(claim.as_expected is False for claim in result.claims)
    if differing:
        emit(console, Text(f"{counted(differing, 'verdict')} not as expected", style="bold red"))
    descriptive = sum(claim.claim.descriptive for claim in result.claims)
    if descriptive:
        emit(console, f"of these {descriptive} descriptive: no rival is named that they would have to reject")
    unmeasured = [c for c in result.claims if _below(c)]
    if unmeasured:
        tiers = Counter(claim.claim.decides.value for claim in unmeasured)
        words = ", ".join(f"{count} at {tier}" for tier, count in tiers.items())
        emit(console, f"not measured at {result.plan.tier}, they decide at a higher tier: {words}")
    stopped = sum(map(_stopped, result.claims))
    if stopped:
        emit(console, f"stopped before {counted(stopped, 'claim')} could be decided")
    emit(console, f"tolerances: {_provenance(result)}")
    emit(console, error_words(result.error_rates()))
    measured, stored = counted(result.measured, "seed"), f"{result.cached:,} from the store"
    tail = f"epoch {result.plan.epoch}, tier {result.plan.tier}"
    emit(console, f"{measured} measured, {stored}, {duration(result.seconds)}; {tail}")


def _stopped(claim: ClaimResult) -> bool:
    """Whether the audit ended before the claim was decided."""
    return any(point.trial.final is None for point in claim.every_point)


def _below(claim: ClaimResult) -> bool:
    """Whether no point of it was measured because the tier is too low."""
    return claim.verdict is UNDECIDED and all(p.trial.most_seeds() == 0 and not p.trial.main for p in claim.points)


def _provenance(result: AuditResult) -> str:
    """Where the tolerances come from, as a line of bars."""
    found = Counter(claim.claim.band.provenance for claim in result.claims if claim.claim.band is not None)
    brought = sum(claim.claim.band is None for claim in result.claims)
    most = max([*found.values(), brought, 1])
    parts = [(str(kind), found[kind]) for kind in Provenance] + [("exact, by kind", brought)]
    return "  ".join(f"{name} {'▪' * max(1, round(12 * n / most))} {n}" for name, n in parts if n)
