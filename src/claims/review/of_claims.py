"""What a reviewer asks of each claim: its id, place, words, band and rival."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from claims.claim import Claim
from claims.errors import InvalidDeclaration, Unavailable
from claims.outline.references import references
from claims.outline.unread import unread
from claims.report.mathml import typeset
from claims.review.remarks import Remark, Reviewed, Weight
from claims.verdict import HOLDS, REFUTED, UNDECIDED, Provenance, Role

#: Characters of an id, which people type.
_LONGEST_ID = 64
#: Half-widths that a rival should be away from the target: nearer ones are hardly another statement.
_SHARP = 1.5
#: Words of a finding that tells what is true instead.
_FEWEST_WORDS = 6
#: What a finding says of a claim that stays undecided.
#: "Read as totals, it holds"; "it depends on the layer".
_ANOTHER_READING = re.compile(r"\b(?:[Rr]ead (?:as|of|with)|(?:it|which) depends on)\b")
_WOULD_DECIDE = re.compile(r"\b(would|decides?|resolves?|needs?|takes)\b", re.IGNORECASE)


def ids(seen: Reviewed) -> Iterator[Remark]:
    """Ids that people can type and remember, which say what they are about."""
    for claim in seen.claims:
        rest = claim.id.partition(".")[2]
        if len(claim.id) > _LONGEST_ID:
            yield seen.of(claim, "id", f"it has {len(claim.id)} characters; {_LONGEST_ID} can still be typed")
        if not re.search("[a-z]", rest):
            yield seen.of(claim, "id", f"{rest} says nothing about the claim; ids are for ever")


def loci(seen: Reviewed) -> Iterator[Remark]:
    """Places that the outline has; without one, at least such as a reader finds."""
    outline = seen.catalogue.outlines.get(seen.paper.key)
    for claim in seen.claims:
        if outline is None:
            if not references(claim.locus):
                yield seen.of(claim, "locus", f'"{claim.locus}" names no section, table, figure, equation or theorem')
        elif unknown := outline.unknown(claim.locus):
            yield seen.of(claim, "locus", f"{', '.join(unknown)} is not in the outline: a slip in the one or the other")
        elif claim.role is Role.PAPER and not outline.targets(claim.locus):
            elsewhere = f'"{claim.locus}" is no place of the outline: is it the paper that says so, in this version?'
            yield seen.of(claim, "locus", elsewhere, Weight.CONSIDER)


def words(seen: Reviewed) -> Iterator[Remark]:
    """Statements that are sentences and say different things; findings that say what is true instead."""
    said: dict[tuple[object, ...], str] = {}
    for claim in seen.claims:
        if not claim.statement.rstrip().endswith((".", "?")):
            yield seen.of(claim, "statement", "it is no sentence: it ends without a full stop")
        same = (claim.statement, claim.at, claim.role)
        if same in said:
            yield seen.of(claim, "statement", f"{said[same]} says the same in the same words, at the same points")
        said.setdefault(same, claim.id)
        if claim.expected is REFUTED and len(claim.finding.split()) < _FEWEST_WORDS:
            yield seen.of(claim, "finding", f'"{claim.finding}" does not tell a reader what is true instead')
        if claim.expected is UNDECIDED and not _WOULD_DECIDE.search(claim.finding):
            yield seen.of(claim, "finding", "expected UNDECIDED: say what would decide it")
        if claim.expected is HOLDS and claim.corrected_by:
            yield seen.of(claim, "corrected_by", "the claim is expected to hold: there is nothing to correct")


def formulas(seen: Reviewed) -> Iterator[Remark]:
    """TeX that a page can typeset."""
    for claim in seen.claims:
        try:
            if claim.formula:
                typeset(claim.formula)
        except InvalidDeclaration as error:
            yield seen.of(claim, "formula", str(error))


def readings(seen: Reviewed) -> Iterator[Remark]:
    """Whoever says that a paper is wrong says how the passage was read."""
    for claim in unread(seen.claims):
        asked = "the paper is said to be wrong: does the passage say this and nothing else? read_as= or readings= tells"
        yield seen.of(claim, "reading", asked)
    for claim in seen.claims:
        if other := undeclared(claim):
            yield seen.of(
                claim, "reading", f'the finding has another reading ("{other} ..."): measure it, in readings='
            )


def undeclared(claim: Claim) -> str:
    """The words by which the finding of a refuted statement of the paper's names a reading that is not declared."""
    if claim.expected is not REFUTED or claim.role not in (Role.PAPER, Role.IMPLIED) or claim.readings:
        return ""
    named = _ANOTHER_READING.search(claim.finding)
    return named[0] if named else ""


def rivals(seen: Reviewed) -> Iterator[Remark]:
    """A value to reject, far enough from the target to be another statement."""
    for claim in seen.claims:
        if claim.descriptive:
            yield seen.of(claim, "rival", "none: nothing that could be found would refute it; name a plausible mistake")
            continue
        try:
            sharpest = min((found for _, read in claim.as_read() for found in _sharpness(read)), default=None)
        except Unavailable as missing:
            yield seen.of(claim, "rival", f"not looked at: {missing}", Weight.CONSIDER)
        except InvalidDeclaration as error:
            yield seen.of(claim, "rival", str(error))
        else:
            if sharpest is not None and sharpest < _SHARP:
                away = f"it is {sharpest:.2f} half-widths of the band from the target"
                yield seen.of(claim, "sharpness", f"{away}; a narrower band would say more", Weight.CONSIDER)


def _sharpness(claim: Claim) -> Iterator[float]:
    for point, _ in claim.judged_points():
        band, rival = claim.limits(point)
        found = None if band is None or rival is None else band.sharpness(rival)
        if found is not None:
            yield found


def provenance(seen: Reviewed) -> Iterator[Remark]:
    """Where each tolerance comes from, in words; the author's own judgement is the weakest source."""
    for claim in seen.claims:
        if claim.band is None or claim.band.provenance is Provenance.PRINTED:
            continue
        if len(claim.band.because.split()) < 2:
            thin = f'"{claim.band.because}" hardly says why this tolerance is right'
            yield seen.of(claim, "provenance", thin, Weight.CONSIDER)
    own = [claim for claim in seen.claims if claim.band and claim.band.provenance is Provenance.AUTHOR]
    banded = [claim for claim in seen.claims if claim.band]
    if banded and len(own) * 2 > len(banded):
        share = f"{len(own)} of {len(banded)} tolerances are the author's own judgement"
        better = "a printed figure, a derived error or the smallest effect that matters is a better reason"
        yield seen.whole("provenance", f"{share}; {better}", Weight.CONSIDER)


CHECKS: tuple[Callable[[Reviewed], Iterator[Remark]], ...] = (ids, loci, words, formulas, readings, rivals, provenance)
