"""What an author needs to answer a verdict: who says what, how it was read, what would change it, how to dispute it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from claims.auditing.results import ClaimResult
from claims.claim import Claim
from claims.outline.responses import Response
from claims.paper import Paper
from claims.report.numbers import band_text
from claims.report.readings import curve, curve_lines
from claims.report.words import more_words
from claims.verdict import DEPENDS, HOLDS, REFUTED, UNDECIDED, Role

#: Where the form for a dispute lies, from the root of the repository.
TEMPLATE = ".github/ISSUE_TEMPLATE/dispute.yml"
#: Only over what the paper says stands that it says so.
WHO = {
    Role.PAPER: "The paper says",
    Role.IMPLIED: "Implied by the paper, in words of this project",
    Role.OURS: "This project says",
    Role.REPLICATION: "A statement about the paper's own model",
    Role.TRANSFER: "A statement of the paper's kind, about another model",
    Role.CONTROL: "A control",
}


def who_says(claim: Claim) -> str:
    """Whose statement it is."""
    return WHO[claim.role]


def passage(paper: Paper, claim: Claim) -> str:
    """Where the statement stands: title, version, locus."""
    number = paper.version if claim.version is None else claim.version
    version = f", version {number}" if number is not None else ""
    return f"{paper.title}{version}, {claim.locus}"


def readings_lines(claim: Claim, row: Mapping[str, Any]) -> Iterator[str]:
    """How the statement reads the passage, and what the other readings give."""
    if claim.read_as:
        yield claim.read_as
    yield from curve_lines(row)
    if not claim.readings:
        yield "no other reading is declared"


def turning_lines(result: ClaimResult, row: Mapping[str, Any]) -> Iterator[str]:
    """What measurement would change the verdict."""
    where = band_text(result.speaker.to_json()["band"])
    within, outside = (
        (f"an interval within {where}", f"an interval outside of {where}")
        if where
        else ("a measurement that agrees with it", "a measurement that contradicts it")
    )
    if result.verdict is REFUTED:
        yield (
            f"under a reading as fair as these, {within}: it would then depend on the reading, or hold if that one is "
            "what the paper means"
        )
    elif result.verdict is HOLDS:
        yield f"{outside}, at one of its points, under a reading as fair as these"
    elif result.verdict is DEPENDS:
        kept = [each.name for each in curve(row) if each.row["verdict"] == HOLDS]
        own = [each.name for each in curve(row) if each.row["own"]]
        known = (
            f"the paper's own setting is known: {'; '.join(own)}" if own else "the paper does not say which is meant"
        )
        yield f"no further seed, but what the paper means: it holds read as {', or as '.join(kept)}; {known}"
    elif result.verdict is UNDECIDED:
        yield more_words(result.speaker.more_seeds, ranged=result.claim.seed_range is not None)
    else:
        yield "what is missing, or what went wrong, comes first"


def dispute_lines(result: ClaimResult, row: Mapping[str, Any]) -> Iterator[str]:
    """The form, and the three things that it asks for."""
    found = curve(row)
    yield f"open an issue with the form {TEMPLATE} of this project, or of the pack that declares the claim, and give"
    yield f"claim: {result.claim.id}"
    yield f"reading: {found[0].name if found else 'as declared'}"
    yield f"evidence: {result.evidence or 'none: the printed figures are all it needs'}"
    yield "an answer for everybody who reads the result goes into a responses.toml beside it (docs, Readings)"


def response_lines(responses: Iterable[Response]) -> Iterator[str]:
    """What the authors answer."""
    for each in responses:
        about = [f"read as {each.reading}"] if each.reading else []
        about += [f"of {each.evidence[:19]}…"] if each.evidence else []
        noted = f" ({', '.join(about)})" if about else ""
        yield f"{each.by}, {each.date}{noted}:"
        yield from (f"    {line}" for line in each.text.strip().splitlines())
