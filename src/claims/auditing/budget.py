"""The error budget: how many claims a paper may have judged on seeds, and how sure all that was audited is together.

Probabilities of a false verdict add up, however the claims depend on each other. A claim adds what is
spent by the looks that it may take at the tier of the audit. A sample that cannot grow is judged at a level that its
author states, a thousand times the other one and more: such claims are counted by themselves, each family once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from claims.auditing.decision import ALPHA_CLAIM, BUDGET, looks_at
from claims.auditing.schedule import schedule
from claims.claim import Claim
from claims.errors import InvalidDeclaration
from claims.kinds.base import JudgedTogether
from claims.verdict import HOLDS, REFUTED

if TYPE_CHECKING:
    from claims.auditing.results import ClaimResult


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """What an audit promises.

    Attributes:
        claims: how many were judged on seeds, each reading of one like a claim.
        any_false: probability that any verdict of theirs is false, at most; of seeds that are independent and normal.
        apart: how many were judged at a level of their own.
        apart_decided: how many of these have a verdict.
        apart_families: how many families they form, each of which keeps its level.
        apart_any_false: probability that any verdict of theirs is false, at most.
    """

    claims: int
    any_false: float
    apart: int
    apart_decided: int
    apart_families: int
    apart_any_false: float

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def error_rates(results: Iterable[ClaimResult]) -> ErrorRates:
    """What the results of some claims promise together: of those that took a look, each reading like a claim."""
    ran = [
        (each, read.points[0].trial.claim, read.verdict)
        for each in results
        for read in each.read
        if any(point.trial.history for point in read.points)
    ]
    judged = [(each, claim) for each, claim, _ in ran if claim.test.sequential]
    apart = [(verdict, claim.test) for _, claim, verdict in ran if isinstance(claim.test, JudgedTogether)]
    families = {test.together: test.level for _, test in apart}
    return ErrorRates(
        claims=len(judged),
        any_false=min(
            1.0, sum(schedule(claim).spent(looks_at(claim, each.tier)) for each, claim in judged) * ALPHA_CLAIM
        ),
        apart=len(apart),
        apart_decided=sum(verdict in (HOLDS, REFUTED) for verdict, _ in apart),
        apart_families=len(families),
        apart_any_false=min(1.0, sum(families.values())),
    )


def check_budget(claims: Iterable[Claim], *, where: str = "") -> None:
    """Refuse more claims about one paper, with their readings, than its error rates are stated for.

    Raises:
        InvalidDeclaration: names paper and number.
    """
    found: dict[str, int] = {}
    for claim in claims:
        read = sum(variant.test.sequential for _, variant in claim.as_read())
        found[claim.paper] = found.get(claim.paper, 0) + read
    for paper, count in found.items():
        if count > BUDGET:
            allowed = f"at most {BUDGET} about one paper, for which a false verdict is rarer than 1 in 100 audits"
            remedy = "make one claim of several points, or leave the weakest out"
            raise InvalidDeclaration(
                "claims judged on seeds", f"{count} about {paper}", f"{allowed}; {remedy}", where=where
            )
