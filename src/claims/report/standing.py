"""Findings in the order in which they are shown: first what the paper itself says, then what is less than that.

Only a statement of the paper's own that is refuted under every declared reading is a finding against the paper. What
turns with the reading, what the paper invites without saying it, what does not transfer to another model and what this
project put forward itself are shown after it, each under a heading of its own, and counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from claims.verdict import DEPENDS, REFUTED, Role

T = TypeVar("T")
Row = Mapping[str, Any]


class Standing(StrEnum):
    """What a finding is a finding about; in the order in which they are shown."""

    PAPER = "paper"
    DEPENDS = "depends"
    IMPLIED = "implied"
    REPLICATION = "replication"
    TRANSFER = "transfer"
    OURS = "ours"
    CONTROL = "control"

    @property
    def heading(self) -> str:
        """In words, as a heading."""
        return _HEADINGS[self]


_HEADINGS = {
    Standing.PAPER: "What the paper says, and what is refuted under every reading",
    Standing.DEPENDS: "What holds under one reading and is refuted under another",
    Standing.IMPLIED: "What the paper implies, as it is read here",
    Standing.REPLICATION: "What is not found on the paper's own model",
    Standing.TRANSFER: "What does not transfer to another model",
    Standing.OURS: "What this project put forward, and is not so",
    Standing.CONTROL: "Controls: false on purpose",
}


def standing(row: Row) -> Standing | None:
    """Where a claim of a result stands among the findings; None of one that is none, such as one that holds."""
    if row["verdict"] == DEPENDS and row["role"] != Role.CONTROL:
        return Standing.DEPENDS
    return Standing(row["role"]) if row["verdict"] in (REFUTED, DEPENDS) else None


def by_standing(items: Iterable[T], *, row: Callable[[T], Row]) -> dict[Standing, list[T]]:
    """The findings among the claims of a result, first things first; standings that nothing has are left out.

    Args:
        items: claims of a result, or anything that has one.
        row: the claim of an item, as in the result format.
    """
    found: dict[Standing, list[T]] = {each: [] for each in Standing}
    for item in items:
        where = standing(row(item))
        if where is not None:
            found[where].append(item)
    return {where: chosen for where, chosen in found.items() if chosen}
