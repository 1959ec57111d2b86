"""Two results side by side: verdicts that changed, estimates that moved by more than their intervals allow."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from claims.evidence.canonical import canonical_json
from claims.report.words import at_words, estimate_words

Document = Mapping[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A claim, or one of its points (``at`` in words), that is not what it was."""

    id: str
    at: str
    locus: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What two results do not have in common."""

    verdicts: tuple[Change, ...]
    points: tuple[Change, ...]
    estimates: tuple[Change, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    settings: tuple[Change, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def compare(before: Document, after: Document) -> Difference:
    """The differences of two result documents, in the order of the second one."""
    old, new = ({claim["id"]: claim for claim in document["claims"]} for document in (before, after))
    common = [(old[name], new[name]) for name in new if name in old]
    points = [(a, b) for pair in common for a, b in _matching(*pair)]
    changed = {a["id"] for a, b in common if a["verdict"] != b["verdict"]}
    return Difference(
        verdicts=tuple(_verdict(a, b, "") for a, b in common if a["id"] in changed),
        points=tuple(
            _verdict(a, b, at_words(b["at"]))
            for a, b in points
            if a["verdict"] != b["verdict"] and a["id"] not in changed
        ),
        estimates=tuple(
            Change(b["id"], at_words(b["at"]), b["locus"], estimate_words(a), estimate_words(b))
            for a, b in points
            if moved(a, b)
        ),
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        settings=tuple(_settings(before, after)),
    )


def moved(a: Row, b: Row) -> bool:
    """Whether two estimates differ by more than their intervals: the intervals have no point in common.

    Exact values may differ by rounding in the ninth digit.
    """
    if a["estimate"] is None or b["estimate"] is None:
        return False
    lo, hi = (_edges(row) for row in (a, b))
    apart = lo[1] < hi[0] or hi[1] < lo[0]
    return apart and not math.isclose(a["estimate"], b["estimate"], rel_tol=1e-9, abs_tol=1e-15)


def _edges(row: Row) -> tuple[float, float]:
    """The interval, infinite where null; an estimate without one stands for itself."""
    interval: Sequence[float | None] = row["interval"] or (row["estimate"], row["estimate"])
    lo, hi = interval
    return -math.inf if lo is None else lo, math.inf if hi is None else hi


def _matching(a: Row, b: Row) -> Iterator[tuple[Row, Row]]:
    """Points of a claim that both results have."""
    known = {canonical_json(point["at"]): point for point in a["points"]}
    for point in b["points"]:
        other = known.get(canonical_json(point["at"]))
        if other is not None:
            yield other, point


def _verdict(a: Row, b: Row, at: str) -> Change:
    expected = f" (expected {b['expected']})" if b["as_expected"] is False else ""
    return Change(b["id"], at, b["locus"], a["verdict"], f"{b['verdict']}{expected}")


def _settings(before: Document, after: Document) -> Iterator[Change]:
    """Tier, epoch and environment, where they are not the same."""
    flat = [
        {"tier": document["tier"], "epoch": document["epoch"], **document["environment"]}
        for document in (before, after)
    ]
    for name in dict.fromkeys([*flat[0], *flat[1]]):
        values = [str(document.get(name, "nothing")) for document in flat]
        if values[0] != values[1]:
            yield Change(name, "", "", *values)
