"""A remark of the review, and what is reviewed: one paper's claims with all that their pack declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from claims.catalogue import Catalogue
from claims.claim import Claim
from claims.paper import Paper


class Weight(StrEnum):
    """Whether something has to be mended, or is for the author to judge."""

    MEND = "mend"
    CONSIDER = "consider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing that a reviewer would say.

    Attributes:
        check: which question it answers, such as "rival".
        weight: whether it has to be mended.
        place: file and line, as far as there are any.
        claim: id of the claim; empty if it is about the pack.
        words: what is wrong, and what to do.
    """

    check: str
    weight: Weight
    place: str
    claim: str
    words: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.place, self.claim, f"{self.check}: {self.words}")))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "check": self.check,
            "weight": self.weight.value,
            "place": self.place,
            "claim": self.claim or None,
            "words": self.words,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What is reviewed.

    Attributes:
        paper: what the claims are about.
        claims: all of them.
        catalogue: with their places, the outline, and what is no claim.
        modules: those that declare claims; none for a claim file.
        home: file to which remarks about the whole pack point.
        outline: file of the outline, if the pack has one.
    """

    paper: Paper
    claims: tuple[Claim, ...]
    catalogue: Catalogue
    modules: tuple[str, ...]
    home: Path
    outline: Path | None

    @property
    def not_claims(self) -> Mapping[str, str]:
        """What of the paper is no claim, and why."""
        return self.catalogue.not_claims.get(self.paper.key, {})

    def of(self, claim: Claim, check: str, words: str, weight: Weight = Weight.MEND) -> Remark:
        """A remark about a claim, with the line that declares it."""
        place = self.catalogue.place(claim).partition(",")[0]  # the first line that spells its id
        return Remark(check=check, weight=weight, place=place, claim=claim.id, words=words)

    def whole(self, check: str, words: str, weight: Weight = Weight.MEND, *, place: str = "") -> Remark:
        """A remark about the pack."""
        return Remark(check=check, weight=weight, place=place or str(self.home), claim="", words=words)
