"""False alarms: audits of one tree, each on seeds of its own, and what of them a gate would have stopped for.

An error that somebody made is noticed by an audit that differs from the record (``claims.sensitivity``). A gate that
people keep also has to stay silent where nobody made one, whichever seeds it draws. An audit says nothing about that
by itself, since its seeds are pinned: a verdict that hangs on them is the same every day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from claims.auditing.planning import PINNED_EPOCH
from claims.auditing.results import AuditResult, ClaimResult
from claims.errors import InvalidDeclaration
from claims.kinds.intervals import count_interval
from claims.verdict import UNAVAILABLE

#: Confidence of the limits is 95 %.
ALPHA = 0.05
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Alarm:
    """A claim that ``claimbench audit --strict`` would have stopped for."""

    claim: str
    verdict: str
    expected: str
    reason: str


@dataclass(frozen=True, slots=True)
class Watched:
    """One audit: the epoch that its seeds are of, how many claims it judged, and the alarms among them."""

    epoch: int
    claims: int
    seeds: int
    alarms: tuple[Alarm, ...]


def epochs(audits: int, first: int = PINNED_EPOCH + 1) -> range:
    """The epochs of so many audits: in a row, fixed in advance, so that anybody has the same seeds."""
    return range(first, first + audits)


def watched(result: AuditResult) -> Watched:
    """What of an audit is an alarm. What could not be measured at all is not counted."""
    judged = [claim for claim in result.claims if claim.verdict is not UNAVAILABLE]
    alarms = tuple(_alarm(claim) for claim in judged if not claim.as_expected)
    return Watched(result.plan.epoch, len(judged), result.measured + result.cached, alarms)


def _alarm(claim: ClaimResult) -> Alarm:
    return Alarm(claim.claim.id, str(claim.verdict), str(claim.claim.expected), claim.reason or "")


def share(audits: Sequence[Watched]) -> tuple[int, tuple[float, float]]:
    """How many audits had an alarm, and exact limits (Clopper-Pearson, 95 %) of the share that has one."""
    count = sum(bool(each.alarms) for each in audits)
    return count, count_interval(count, len(audits), ALPHA)


def to_json(audits: Sequence[Watched], *, tier: str) -> dict[str, Any]:
    """The audits as plain data; :func:`from_json` reads it."""
    count, limits = share(audits)
    return {
        "schema": SCHEMA,
        "tier": tier,
        "with_alarms": count,
        "limits": list(limits),
        "audits": [asdict(each) for each in audits],
    }


def from_json(document: Mapping[str, Any]) -> tuple[str, list[Watched]]:
    """Tier and audits of what :func:`to_json` made.

    Raises:
        InvalidDeclaration: it is something else.
    """
    try:
        if document["schema"] != SCHEMA:
            raise InvalidDeclaration("schema", document["schema"], str(SCHEMA))
        audits = [
            Watched(each["epoch"], each["claims"], each["seeds"], tuple(Alarm(**alarm) for alarm in each["alarms"]))
            for each in document["audits"]
        ]
        if not audits:
            raise InvalidDeclaration("audits", "[]", "at least one")
        return str(document["tier"]), audits
    except (TypeError, KeyError) as error:
        raise InvalidDeclaration("document", type(document).__name__, f"an object as to_json makes ({error})") from None
