"""The report: one static HTML page that opens from disk and loads nothing. Text of claims is data, all escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from claims.auditing.decision import ALPHA_AUDIT, ALPHA_CLAIM
from claims.claim import Claim
from claims.paper import Paper
from claims.report.numbers import number
from claims.report.plot import WIDTH, Drawing, draw
from claims.report.visible import visible
from claims.report.words import (
    at_words,
    band_words,
    compared_words,
    estimate_words,
    expectation_words,
    seeds_words,
)
from claims.verdict import ERROR, HOLDS, REFUTED, UNAVAILABLE, UNDECIDED, Role

#: File name of the page in its folder.
PAGE = "index.html"
_ORDER = (HOLDS, REFUTED, UNDECIDED, UNAVAILABLE, ERROR)


@dataclass(frozen=True, slots=True)
class Item:
    """A claim as the page shows it."""

    row: Mapping[str, Any]
    declared: Claim | None
    drawing: Drawing | None
    points: tuple[tuple[Mapping[str, Any], Drawing | None], ...]
    correction: Mapping[str, Any] | None
    corrects: tuple[str, ...]

    @property
    def surprise(self) -> bool:
        """Whether the verdict differs from the one on record."""
        return self.row["as_expected"] is False

    @property
    def descriptive(self) -> bool:
        """Whether it has a band but no rival."""
        return self.row["band"] is not None and self.row["rival"] is None


@dataclass(frozen=True, slots=True)
class Part:
    """A paper with its claims, in the order of the result."""

    paper: Paper
    items: tuple[Item, ...]

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How many claims have each verdict that occurs."""
        return _counts(self.items)

    @property
    def findings(self) -> list[Item]:
        """What does not hold, as expected; controls, which are no findings about a paper, last."""
        refuted = (item for item in self.items if item.row["verdict"] == REFUTED and not item.surprise)
        return sorted(refuted, key=lambda item: item.row["role"] == Role.CONTROL)


def render(
    document: Mapping[str, Any],
    *,
    papers: Mapping[str, Paper],
    claims: Mapping[str, Claim],
    notice: str = "",
    coverage_page: str = "",
) -> str:
    """The page of a result document.

    Args:
        document: a result, schema 1.
        papers: papers by key; one that is not known is shown by its key.
        claims: declarations by id, for what a result does not say (provenance, the figure as printed).
        notice: a line at the top, for instance that the audit was stopped.
        coverage_page: file name of the page about what is covered, to link to.
    """
    items = _items(document["claims"], claims)
    keys = dict.fromkeys(item.row["paper"] for item in items)
    parts = [
        Part(papers.get(key, Paper(key=key, title=key)), tuple(item for item in items if item.row["paper"] == key))
        for key in keys
    ]
    page: str = template("page.html").render(
        document=document,
        notice=notice,
        coverage_page=coverage_page,
        parts=parts,
        counts=_counts(items),
        surprises=[item for item in items if item.surprise],
        findings=[item for part in parts for item in part.findings],
        undecided=[item for item in items if item.row["verdict"] == UNDECIDED and item.row["as_expected"] is None],
        descriptive=sum(item.descriptive for item in items),
        total=len(items),
        alpha_claim=f"{ALPHA_CLAIM:.0e}",
        alpha_audit=f"{ALPHA_AUDIT:.0%}",
        example=draw(_EXAMPLE),
    )
    return page


def _items(rows: Iterable[Mapping[str, Any]], claims: Mapping[str, Claim]) -> list[Item]:
    by_id = {row["id"]: row for row in rows}
    corrects: dict[str, list[str]] = {}
    for row in by_id.values():
        if row["corrected_by"]:
            corrects.setdefault(row["corrected_by"], []).append(row["id"])
    return [
        Item(
            row=row,
            declared=claims.get(name),
            drawing=draw(row),
            points=tuple((point, draw(point)) for point in row["points"]),
            correction=by_id.get(row["corrected_by"] or ""),
            corrects=tuple(corrects.get(name, ())),
        )
        for name, row in by_id.items()
    ]


def _counts(items: Iterable[Item]) -> list[tuple[str, int]]:
    found = Counter(item.row["verdict"] for item in items)
    return [(verdict.value, found[verdict]) for verdict in _ORDER if found[verdict]]


def template(name: str) -> Template:
    """A template of this folder."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "at": at_words,
        "number": number,
        "seeds": seeds_words,
        "expectation": expectation_words,
        "figures": estimate_words,
    }
    environment.globals |= {"width": WIDTH, "demand": band_words, "compared": compared_words}
    return environment


def _shown(value: Any) -> Any:
    """Text with what would not be seen escaped, before it is escaped for HTML; markup and numbers as they are."""
    return visible(value, lines=True) if type(value) is str else value


#: What the page explains its drawings with.
_EXAMPLE = {"band": [0.9, 1.1], "target": 1.0, "estimate": 1.02, "interval": [0.98, 1.06], "rival": 1.38}
