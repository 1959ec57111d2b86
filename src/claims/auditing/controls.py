"""Negative controls: claims known to be false, which an audit has to refute, and ones that its seeds cannot decide."""

from __future__ import annotations

from collections.abc import Iterable

from claims.claim import Claim
from claims.verdict import REFUTED, UNDECIDED, Role, Tier, Verdict

#: What controls have to come out as: a harness that says HOLDS to everything, or that guesses, fails on them.
CONTROLLED = (REFUTED, UNDECIDED)


def uncontrolled(claims: Iterable[Claim]) -> list[Verdict]:
    """Which of these verdicts no control of a pack is expected to have, of those that every audit measures."""
    found = {
        claim.expected
        for claim in claims
        if claim.role is Role.CONTROL and claim.decides is Tier.SMOKE and not claim.needs and claim.test.quantities()
    }
    return [verdict for verdict in CONTROLLED if verdict not in found]
