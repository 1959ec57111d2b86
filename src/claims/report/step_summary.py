"""A result as the summary of a step of GitHub Actions: Markdown in which text of claims is nothing but text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from claims.report.numbers import band_text, counted
from claims.report.summary import summarise
from claims.report.visible import visible
from claims.report.words import estimate_words, verdict_words

Row = Mapping[str, Any]

#: Rows of each list, and characters of a cell: GitHub takes a mebibyte, and shows nothing of more.
_DIFFERING, _MARGINS, _FINDINGS, _CELL = 60, 20, 20, 200
#: What starts a construct inside of a line: emphasis, code, links, HTML, cells, formulas, mentions, addresses.
_MARKUP = re.compile(r"[\\`*_\[\]<>&|~$@#:\"']|(?i:(?<=www)\.)")


def step_summary(document: Mapping[str, Any]) -> str:
    """Counts, what differs from the record, what does not hold, and the thinnest margins."""
    summary = summarise(document)
    lines = [
        f"## {counted(summary.total, 'claim')}, tier {summary.tier}, epoch {summary.epoch}",
        "",
        *_table(["paper", *summary.counts], _count_rows(summary.papers, summary.counts)),
        "",
        *([] if not summary.stopped else ["**Stopped before everything was decided.**", ""]),
    ]
    if summary.differing:
        differing = [(row["id"], verdict_words(row), _measured(row)) for row in summary.differing]
        lines += [f"### {counted(len(differing), 'verdict')} not as expected", ""]
        lines += [*_table(["claim", "verdict", "measured"], differing[:_DIFFERING]), *_more(differing, _DIFFERING), ""]
    else:
        lines += ["Every verdict that was reached is the one on record.", ""]
    if summary.findings:
        found = [(row["id"], row["locus"], row["finding"] or row["reason"] or "") for row in summary.findings]
        counts = ", ".join(f"{where} {count}" for where, count in summary.standings.items())
        lines += ["### What does not hold, as the record says", "", f"What the paper says first: {counts}.", ""]
        lines += [*_table(["claim", "where", "true instead"], found[:_FINDINGS]), *_more(found, _FINDINGS), ""]
    thin = [(f"{row['margin']:.2g}", row["id"], _measured(row)) for row in summary.thinnest[:_MARGINS]]
    if thin:
        lines += ["### Thinnest margins", "", *_table(["half-widths", "claim", "measured"], thin), ""]
    return "\n".join(lines)


def _count_rows(papers: Mapping[str, Mapping[str, int]], counts: Mapping[str, int]) -> Iterator[list[str]]:
    every = [*papers.items(), *([("all", counts)] if len(papers) > 1 else [])]
    for key, found in every[-_DIFFERING:]:
        yield [key, *(str(found.get(name, "")) for name in counts)]


def _measured(row: Row) -> str:
    if row["estimate"] is None:
        return str(row["reason"] or "")
    band = band_text(row["band"])
    return f"{estimate_words(row)} against {band}" if band else estimate_words(row)


def _more(rows: Sequence[Any], shown: int) -> list[str]:
    return [f"\n… and {len(rows) - shown:,} more"] if len(rows) > shown else []


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(markdown(cell) for cell in row)} |"


def markdown(text: str) -> str:
    """Text without a meaning in Markdown or HTML: marks as character references, which start no construct."""
    words = visible(text)
    words = words if len(words) <= _CELL else f"{words[: _CELL - 1]}…"
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", words)
