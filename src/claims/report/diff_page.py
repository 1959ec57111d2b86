"""The page of a comparison: what ``claimbench diff`` prints, as one HTML file that loads nothing and has no script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from claims.report.diff import Change, Difference
from claims.report.page import template
from claims.report.words import at_most_words


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: rows of changes, or names alone."""

    anchor: str
    heading: str
    changes: tuple[Change, ...] = ()
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.changes) + len(self.names)


def render_diff(
    found: Difference,
    sides: tuple[Mapping[str, Any], Mapping[str, Any]],
    headings: Mapping[str, str],
    failures: Iterable[str],
) -> str:
    """The page of a difference.

    Args:
        found: what changed.
        sides: name, kind and notes of both.
        headings: of the parts of a difference, in the order in which they are shown.
        failures: why the exit status is 1, in words.
    """
    sections = [_section(name, heading, getattr(found, name)) for name, heading in headings.items()]
    page: str = template("diff.html").render(
        sides=sides,
        sections=[section for section in sections if len(section)],
        failures=list(failures),
        compared=found.compared,
        chance=at_most_words(found.chance),
    )
    return page


def _section(name: str, heading: str, part: tuple[Any, ...]) -> Section:
    if name in ("added", "removed"):
        return Section(name, f"claims {heading}", names=part)
    return Section(name, heading, changes=part)
