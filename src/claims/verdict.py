"""The closed vocabularies of the harness: verdicts, tiers, roles, provenance."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What an audit says of a claim. The six are never merged.

    DEPENDS: it holds under one of its declared readings and is refuted under another, which no seed will change.
    """

    HOLDS = "HOLDS"
    REFUTED = "REFUTED"
    DEPENDS = "DEPENDS"
    UNDECIDED = "UNDECIDED"
    UNAVAILABLE = "UNAVAILABLE"
    ERROR = "ERROR"


HOLDS, REFUTED, DEPENDS, UNDECIDED, UNAVAILABLE, ERROR = Verdict

#: Of several points of one claim the first in this order speaks for the claim.
PRECEDENCE = (ERROR, REFUTED, UNAVAILABLE, UNDECIDED, HOLDS)


class Tier(StrEnum):
    """How much a run may spend; ordered by ``Tier.level``."""

    SMOKE = "smoke"
    STANDARD = "standard"
    FULL = "full"

    @property
    def level(self) -> int:
        """Position in the order smoke < standard < full."""
        return _LEVELS[self]


_LEVELS = {tier: level for level, tier in enumerate(Tier)}


class Role(StrEnum):
    """Who says so: the paper, this project, or neither.

    IMPLIED: the paper needs it or invites it without saying it; why is said where it is declared.
    """

    PAPER = "paper"
    IMPLIED = "implied"
    OURS = "ours"
    REPLICATION = "replication"
    TRANSFER = "transfer"
    CONTROL = "control"


class Provenance(StrEnum):
    """Where a tolerance comes from."""

    PRINTED = "printed"
    THEORY = "theory"
    SMALLEST_EFFECT = "smallest-effect"
    AUTHOR = "author"
