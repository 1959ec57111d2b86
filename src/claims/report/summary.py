"""A result in figures: counts by verdict, what differs from the record, findings, thinnest margins. Plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from claims.auditing.decision import not_measured
from claims.report.findings import findings
from claims.report.standing import Standing, by_standing
from claims.verdict import UNAVAILABLE, UNDECIDED, Tier, Verdict

Row = Mapping[str, Any]

#: Counted apart from UNDECIDED, which says that something was measured and did not suffice.
NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Summary:
    """What there is to say of a result before any single claim.

    Attributes:
        tier: at which it was audited.
        epoch: root of its streams.
        stopped: whether it ended before everything was decided.
        total: number of claims.
        counts: number of claims with each verdict that occurs, in the order of the verdicts; NOT_MEASURED last.
        papers: the same of each paper, by its key.
        differing: claims whose verdict contradicts the record.
        undecided: claims that this tier should have decided.
        findings: what does not hold, in order of importance.
        standings: how many findings have each standing, in the order of those.
        thinnest: decided claims, those whose intervals lie nearest to an edge of their bands first.
        lacking: why claims could not be measured, with the number of claims, commonest first.
        waiting: claims that were not measured, by the tier that decides them.
    """

    tier: str
    epoch: int
    stopped: bool
    total: int
    counts: Mapping[str, int]
    papers: Mapping[str, Mapping[str, int]]
    differing: tuple[Row, ...]
    undecided: tuple[Row, ...]
    findings: tuple[Row, ...]
    standings: Mapping[Standing, int]
    thinnest: tuple[Row, ...]
    lacking: Mapping[str, int]
    waiting: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """As plain data, claims by their ids."""
        listed = ("differing", "undecided", "findings", "thinnest")
        return {
            "tier": self.tier,
            "epoch": self.epoch,
            "stopped": self.stopped,
            "claims": self.total,
            "counts": dict(self.counts),
            "papers": {key: dict(counts) for key, counts in self.papers.items()},
            "standings": {where.value: count for where, count in self.standings.items()},
            "lacking": dict(self.lacking),
            "waiting": dict(self.waiting),
        } | {name: [row["id"] for row in getattr(self, name)] for name in listed}


def summarise(document: Mapping[str, Any], rows: Iterable[Row] | None = None) -> Summary:
    """The summary of a result document, or of those of its claims that are given."""
    chosen = list(document["claims"] if rows is None else rows)
    tier = str(document["tier"])
    labels = [label(row, tier) for row in chosen]
    keys = dict.fromkeys(row["paper"] for row in chosen)
    found = findings(chosen)
    decided = [row for row in chosen if row["margin"] is not None and row["margin"] >= 0]
    return Summary(
        tier=tier,
        epoch=document["epoch"],
        stopped=bool(document.get("stopped")),
        total=len(chosen),
        counts=_counts(labels),
        papers=_by_paper(keys, zip(chosen, labels, strict=True)),
        differing=tuple(row for row in chosen if row["as_expected"] is False),
        undecided=tuple(row for row in chosen if overdue(row, tier)),
        findings=tuple(found),
        standings={where: len(rows) for where, rows in by_standing(found, row=lambda row: row).items()},
        thinnest=tuple(sorted(decided, key=lambda row: float(row["margin"]))),
        lacking=dict(Counter(str(row["reason"]) for row in chosen if row["verdict"] == UNAVAILABLE).most_common()),
        waiting=dict(Counter(r["decides"] for r, name in zip(chosen, labels, strict=True) if name == NOT_MEASURED)),
    )


def label(row: Row, tier: str) -> str:
    """A claim's verdict, or NOT_MEASURED where its tier is above that of the audit and nothing was measured."""
    below = row["verdict"] == UNDECIDED and row["reason"] == not_measured(Tier(row["decides"]), Tier(tier))
    return NOT_MEASURED if below else str(row["verdict"])


def overdue(row: Row, tier: str) -> bool:
    """Whether a claim is UNDECIDED at a tier that should have decided it."""
    open_ = row["verdict"] == UNDECIDED and row["as_expected"] is None
    return open_ and Tier(row["decides"]).level <= Tier(tier).level


def _by_paper(keys: Iterable[str], labelled: Iterable[tuple[Row, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, list[str]] = {key: [] for key in keys}
    for row, name in labelled:
        found[row["paper"]].append(name)
    return {key: _counts(names) for key, names in found.items()}


def _counts(labels: Iterable[str]) -> dict[str, int]:
    found = Counter(labels)
    return {name: found[name] for name in (*map(str, Verdict), NOT_MEASURED) if found[name]}
