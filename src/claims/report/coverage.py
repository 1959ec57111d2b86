"""The coverage page: every place of a paper, in its order, with the claims about it and their verdicts, or why none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from claims.catalogue import Catalogue
from claims.claim import Claim
from claims.outline.coverage import Coverage, coverage_of, verdict_counts
from claims.paper import Paper
from claims.report.page import template

#: File name of the page, beside the one that shows the claims.
COVERAGE_PAGE = "coverage.html"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A row of the summary: a section of the first level, how many claims are about it, how many have each verdict."""

    heading: str
    anchor: str
    claims: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A paper of the page."""

    paper: Paper
    coverage: Coverage
    chapters: tuple[Chapter, ...]
    total: Chapter
    verdicts: tuple[str, ...]


def render_coverage(document: Mapping[str, Any], *, catalogue: Catalogue, notice: str = "") -> str:
    """The page of a result document; papers that the catalogue does not know are left out."""
    rows = {row["id"]: row for row in document["claims"]}
    keys = dict.fromkeys(row["paper"] for row in rows.values() if row["id"] in catalogue.claims)
    verdicts = {name: row["verdict"] for name, row in rows.items()}
    parts = [_part(catalogue.papers[key], coverage_of(catalogue, key), verdicts) for key in keys]
    page: str = template("coverage.html").render(document=document, notice=notice, parts=parts, rows=rows)
    return page


def _part(paper: Paper, coverage: Coverage, verdicts: Mapping[str, str]) -> Part:
    def chapter(heading: str, number: str, claims: Iterable[Claim]) -> Chapter:
        found = tuple(claims)
        counts = verdict_counts(found, verdicts)
        absent = len(found) - sum(counts.values())
        counts |= {"not audited": absent} if absent else {}
        return Chapter(heading, f"{paper.key}-{number}", len(found), counts)

    chapters = [chapter(section.heading, section.number, claims) for section, claims in coverage.chapters()]
    if coverage.elsewhere.claims:
        chapters.append(chapter(coverage.elsewhere_heading, "elsewhere", coverage.elsewhere.claims))
    total = chapter("All, each claim once", "", coverage.claims)
    return Part(paper, coverage, tuple(chapters), total, tuple(total.counts))
