"""What a pack has to say before it accuses a paper: how it reads the passage."""

from __future__ import annotations

from collections.abc import Iterable

from claims.claim import Claim
from claims.verdict import DEPENDS, REFUTED, Role


def unread(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Claims that say of the paper itself that it is wrong, and not how they read it: a fault of a pack.

    Of role paper and expected REFUTED, with neither ``read_as`` nor ``readings``. Where a passage leaves nothing open,
    ``read_as`` says so, with what the statement takes from it.
    """
    return tuple(
        claim
        for claim in claims
        if claim.role is Role.PAPER
        and claim.expected in (REFUTED, DEPENDS)
        and not (claim.read_as.strip() or claim.readings)
    )
