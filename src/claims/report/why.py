"""The whole story of one claim: what is claimed, how it was decided look by look, how sure that is, how to replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from claims.auditing.decision import ALPHA_AUDIT, ALPHA_CLAIM
from claims.auditing.results import AuditResult, ClaimResult, PointResult
from claims.auditing.schedule import schedule
from claims.claim import Claim
from claims.evidence.devices import CPU
from claims.outline.responses import Response
from claims.paper import Paper
from claims.report.author import (
    dispute_lines,
    passage,
    readings_lines,
    response_lines,
    turning_lines,
    who_says,
)
from claims.report.numbers import band_text, counted, duration, estimate_text, interval_text, number
from claims.report.relation import relation_of
from claims.report.seeds import seeds_lines, unseen_words
from claims.report.words import at_words, compared_words, estimate_words, more_words, target_words, verdict_words
from claims.verdict import DEPENDS, HOLDS, REFUTED, UNAVAILABLE, UNDECIDED

#: Details of a judgement whose names need words.
_DETAILS = {"granted": "alpha granted to this look", "sd": "standard deviation over seeds"}
#: Details that are told in other words.
_TOLD = ("plain_estimate", "averages", "needed")
#: What a finding is about, where it is not what is true instead.
_FINDINGS = {UNDECIDED: "What would decide it", DEPENDS: "What it turns with"}
#: Heading and lines of one part of the story.
Section = tuple[str, list[str]]


@dataclass(frozen=True, slots=True)
class Story:
    """A claim's result with what else there is to say about it.

    Attributes:
        replay: the command that decides it again.
        responses: what authors answer.
        further: commands that decide over time what is undecided with all its seeds; the first one every night.
    """

    result: ClaimResult
    paper: Paper
    audit: AuditResult
    replay: str
    responses: tuple[Response, ...] = ()
    further: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The claim's result, its points with their looks, and the story in words."""
        document = self.result.to_json()
        for point, row in zip(self.result.points, document["points"], strict=True):
            row |= {
                "plain_estimate": point.judgement.detail.get("plain_estimate"),
                "more_seeds": point.more_seeds,
            }
        band = self.result.claim.band
        return document | {
            "provenance": band.provenance.value if band else None,
            "because": band.because if band else None,
            "relation": relation.tex if (relation := relation_of(document, self.result.claim)) else None,
            "experiments": experiments(self.result.claim),
            "error_rates": error_rates(self.result.claim),
            "correction": self._correction(),
            "replay": self.replay,
            "further": list(self.further),
            "passage": passage(self.paper, self.result.claim),
            "evidence": self.result.evidence or None,
            "turning": " ".join(turning_lines(self.result, document)),
            "responses": [asdict(each) for each in self.responses],
        }

    def sections(self) -> Iterator[Section]:
        """The story in words."""
        claim = self.result.claim
        row = self.result.to_json()
        yield claim.id, [f'{who_says(claim)}: "{claim.statement}"', passage(self.paper, claim)]
        if mathematics := list(_mathematics(claim, row)):
            yield "Formula, as TeX", mathematics
        yield "Verdict", list(self._verdict(row))
        yield "Read as", list(readings_lines(claim, row))
        if self.responses:
            yield "What the authors answer", list(response_lines(self.responses))
        if claim.band is not None:
            yield "What has to be true", list(self._demand(row))
        for point in self.result.points:
            name = f"At {at_words(dict(point.trial.point))}" if point.trial.point else "How it was decided"
            yield name, list(_point_lines(point))
        yield "How sure", [error_rates(claim)]
        if claim.finding or claim.corrected_by:
            yield _FINDINGS.get(claim.expected, "What is true instead"), list(self._instead())
        yield "What would change the verdict", [*turning_lines(self.result, row), *self._nights()]
        yield "Measured by", experiments(claim) or ["nothing: the printed figures are all it needs"]
        yield "To dispute it", list(dispute_lines(self.result, row))
        yield "Replay", [self.replay, "with --store and a new file to measure everything again"]

    def _verdict(self, row: Mapping[str, Any]) -> Iterator[str]:
        estimate = f": {estimate_words(row)}" if row["estimate"] is not None else ""
        unseen = unseen_words(row)
        yield f"{verdict_words(row)}{estimate}{f'; {unseen}' if unseen else ''}"
        if row["reason"]:
            yield str(row["reason"])
        where = "" if row["device"] in (None, CPU) else f" on {row['device']}"
        computing = f"{duration(row['seconds'])} of computing{where}"
        yield f"tier {self.audit.plan.tier}, epoch {self.audit.plan.epoch}; {computing}"

    def _demand(self, row: Mapping[str, Any]) -> Iterator[str]:
        claim = self.result.claim
        assert claim.band is not None
        several = f" (at {at_words(dict(self.result.speaker.trial.point))})" if len(self.result.points) > 1 else ""
        target = target_words(row, claim)
        yield f"{claim.test.kind}{f' {target},' if target else ''} in {band_text(row['band'])}{several}"
        if compared_words(claim):
            yield f"levels in the order of their declaration, {compared_words(claim)}"
        if claim.seed_range is not None:
            lo, hi = claim.seed_range
            yield f"a seed's value lies from {number(lo)} to {number(hi)}, as declared; one outside is an error"
        yield f"tolerance from {claim.band.provenance}{f': {claim.band.because}' if claim.band.because else ''}"
        if row["rival"] is None:
            yield "descriptive: no rival is named that it would have to reject"
        else:
            sharp = row["sharpness"]
            how_far = f", {sharp:.3g} tolerances from the target" if sharp is not None else ""
            yield f"it has to reject the rival {number(row['rival'])}{how_far}"

    def _instead(self) -> Iterator[str]:
        claim = self.result.claim
        if claim.finding:
            yield claim.finding
        correction = self._correction()
        if correction is not None:
            estimate = f" ({correction['estimate']})" if correction["estimate"] else ""
            yield f"{correction['id']}: {correction['words']}{estimate}"
            if correction["statement"]:
                yield f'    "{correction["statement"]}"'

    def _nights(self) -> Iterator[str]:
        if self.further:
            yield "seeds of several nights are judged together, at the error rate of one audit; each night, then all:"
            yield from self.further

    def _correction(self) -> dict[str, Any] | None:
        name = self.result.claim.corrected_by
        if name is None:
            return None
        other = next((result for result in self.audit.claims if result.claim.id == name), None)
        if other is None:
            return {"id": name, "verdict": None, "words": "not in these files", "estimate": "", "statement": ""}
        row = other.to_json()
        return {
            "id": name,
            "verdict": row["verdict"],
            "words": verdict_words(row),
            "estimate": estimate_words(row),
            "statement": row["statement"],
        }


def _mathematics(claim: Claim, row: Mapping[str, Any]) -> Iterator[str]:
    """The claim's formula, and the relation that is tested."""
    if claim.formula:
        yield claim.formula
    relation = relation_of(row, claim)
    if relation is not None:
        yield f"tested: {relation.tex}"


def experiments(claim: Claim) -> list[str]:
    """The experiments that a claim rests on."""
    return list(dict.fromkeys(quantity.experiment.name for quantity in claim.test.quantities()))


def error_rates(claim: Claim) -> str:
    """What the verdict risks, in words."""
    test = claim.test
    if test.sequential:
        points = len(claim.judged_points())
        split = f", split over its {points} points for REFUTED" if points > 1 else ""
        return (
            f"{_of_looks(claim)} are wrong with probability at most {ALPHA_CLAIM:.0e} together{split}. A false REFUTED "
            f"would have to happen twice, on disjoint seeds: at most {ALPHA_CLAIM**2:.0e}. "
            f"All claims of the paper together: at most {ALPHA_AUDIT:.0%}. "
            f"{_of_seeds(claim)}{_of_readings(claim)}"
        )
    return _FIXED.get(test.kind, "This kind is decided in one look at a fixed number of evaluations.")


def _of_seeds(claim: Claim) -> str:
    """What the rates take seeds to be like."""
    if claim.seed_range is None:
        return (
            "The intervals behind these rates take seeds as normal, with room for some skewness; counts and order "
            "statistics need not."
        )
    lo, hi = claim.seed_range
    return (
        f"The intervals behind these rates take seeds to be independent and to lie from {number(lo)} to {number(hi)}, "
        "and nothing else: whatever their distribution is there."
    )


def _of_looks(claim: Claim) -> str:
    """The looks that a claim may take at any tier, and the levels of their intervals."""
    shares = [share for stage in schedule(claim).stages for _, share in stage.shares]
    if claim.seed_range is not None:
        return f"The intervals of all looks, {len(shares)} at {ALPHA_CLAIM:.0e} and true together,"
    lo, hi = (f"{ALPHA_CLAIM * share:.1e}" for share in (min(shares), max(shares)))
    return (
        f"The looks, {len(shares)} at levels of {lo} to {hi},"
        if lo != hi
        else f"The looks, {len(shares)} at {lo} each,"
    )


def _of_readings(claim: Claim) -> str:
    """What several readings do to the rates."""
    count = len(claim.as_read())
    if count == 1:
        return ""
    return (
        f" HOLDS and REFUTED need all {count} readings, which makes neither more often wrong; a wrong DEPENDS has "
        f"probability at most {count * ALPHA_CLAIM:.0e}, {count} times that of one reading."
    )


_FIXED = {
    "value": "One deterministic number: nothing is random, so no error rate; the band has to allow for rounding.",
    "identity": "The bound is derived from rounding, not from chance; a planted wrong expression has to exceed it.",
    "search": "No counterexample in the tries named is no proof; a planted violation was found with the same effort.",
    "table": "Arithmetic on printed figures: nothing is random; a perturbed cell has to be caught.",
    "replay": "The published streams are fixed: nothing is random; neighbouring configurations must not fit as well.",
    "sample": "One look at a fixed sample, at the level stated with the estimate.",
}


def _point_lines(point: PointResult) -> Iterator[str]:
    row = {"kind": point.trial.claim.kind} | point.to_json()
    taken, details = point.trial.history, point.judgement.detail
    if taken and point.trial.claim.test.sequential:
        yield from _look_table(point)
    elif row["seeds"]:
        yield f"{counted(row['seeds'], 'evaluation')}: {estimate_words(row)} {point.verdict}".replace(" :", ":")
    else:
        yield str(point.verdict)
    if row["reason"] and point.trial.points > 1:  # of a single point the verdict has said it
        yield str(row["reason"])
    plain = details.get("plain_estimate")
    if plain is not None:
        yield f"without control variates the estimate is {estimate_text(plain, row['interval'])}, from the same seeds"
    if row["margin"] is not None:
        distance = f"{abs(row['margin']):.2g} half-widths"
        where = f"lies {distance} clear of" if row["margin"] >= 0 else f"reaches {distance} across"
        yield f"the interval {where} the nearer edge of the band"
    yield from seeds_lines(row)
    if point.verdict is UNDECIDED and taken and point.trial.claim.test.sequential and "averages" not in details:
        yield more_words(point.more_seeds, ranged=point.trial.claim.seed_range is not None)
    for name, value in details.items():
        told = isinstance(value, str) and (not value or value in (row["reason"] or ""))
        if name not in _TOLD and isinstance(value, int | float | str) and not told:
            figure = f"{value:.4g}" if isinstance(value, float) else value
            yield f"{_DETAILS.get(name, name.replace('_', ' '))}: {figure}"


def _look_table(point: PointResult) -> Iterator[str]:
    """One line a look, in columns."""
    rows = []
    for look in point.steps_to_json()["looks"]:
        estimate = estimate_text(look["estimate"], look["interval"])
        seeds = counted(look["seeds"], "seed")
        rows.append((seeds, estimate, interval_text(look["interval"]), look["verdict"], look["block"]))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    told = False
    for *cells, verdict, block in rows:
        if block == "confirmation" and not told:
            told = True
            yield "and on the disjoint block of seeds that a refutation has to repeat itself on:"
        columns = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        settled = verdict in (HOLDS, REFUTED, UNAVAILABLE)
        yield f"{columns}  {verdict if settled else 'not yet decided'}".rstrip()
