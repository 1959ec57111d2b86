"""What the pytest plugin says: properties of an item, the story of a failure, and the summary at the end of a session.

Properties are strings, so that they reach the junit file and come back from xdist workers unchanged. Nothing is
imported at the top, as pytest loads this module in every session.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from claims.auditing.results import ClaimResult

#: The properties of one claim.
Facts = Mapping[str, str]
_FIELDS = (
    "locus",
    "read_as",
    "role",
    "kind",
    "decides",
    "seeds",
    "estimate",
    "interval",
    "band",
    "rival",
    "reason",
    "finding",
)


def facts(result: ClaimResult) -> dict[str, str]:
    """The properties of a claim, named and written as in the JSON of an audit; what does not apply is left out."""
    row = result.to_json()
    found = {"claim": row["id"], "tier": str(result.tier), "verdict": row["verdict"], "expected": row["expected"]}
    found["as_expected"] = json.dumps(row["as_expected"])
    for name in (*_FIELDS, "corrected_by"):
        if row[name] is not None:
            found[name] = row[name] if isinstance(row[name], str) else json.dumps(row[name])
    return found


def facts_of(report: Any) -> Facts | None:
    """The properties of a claim's report, None of any other."""
    found = dict(getattr(report, "user_properties", ()))
    return found if {"claim", "verdict", "as_expected", "decides"} <= found.keys() else None


def story(result: ClaimResult, command: str) -> str:
    """What a claim says, what was measured at the point that speaks for it, and the command that tells more."""
    from claims.report.readings import name_of
    from claims.report.visible import visible
    from claims.report.words import at_words, band_words, compared_words, estimate_words, more_words, seeds_words
    from claims.verdict import UNDECIDED

    claim, point, row = result.claim, result.speaker, result.to_json()
    same = sum(other.verdict is result.verdict for other in result.points)
    among = f" ({same} of {len(result.points)} points are {result.verdict})" if len(result.points) > 1 else ""
    because = f", {claim.band.provenance}: {claim.band.because}" if claim.band is not None else ""
    needed = result.verdict is UNDECIDED and point.trial.band is not None
    rows = {
        "claim": f"{claim.id} ({claim.locus}), kind {claim.kind}",
        "read as": claim.read_as,
        "compared": compared_words(claim),
        "at": at_words(dict(point.trial.point)) + among,
        "band": band_words(row, claim) + because,
        "estimate": estimate_words(row),
        "rival": "" if row["rival"] is None else f"{row['rival']:.6g}",
        "seeds": seeds_words(row),
        "reason": row["reason"] or "",
        "readings": "; ".join(f"{each['verdict']} read as {name_of(each)}" for each in row["readings"]),
        "more": more_words(point.more_seeds, ranged=claim.seed_range is not None) if needed else "",
        "on record": claim.finding,
        "corrected": claim.corrected_by or "",
        "story": command,
    }
    head = f"{result.verdict} at the {result.tier} tier, expected {claim.expected}: {claim.statement}"
    lines = [head, *(f"  {name:<10}{text}" for name, text in rows.items() if text)]
    return "\n".join(map(visible, lines))


def status(found: Facts) -> tuple[str, str, str]:
    """Category, letter and word of a claim that passed."""
    if found["verdict"] == "HOLDS":
        return "passed", ".", "HOLDS"
    if found["verdict"] == "REFUTED":
        return "passed", "r", "REFUTED as expected"
    if found["verdict"] == "DEPENDS":
        return "passed", "d", "DEPENDS as expected"
    return "passed", "u", "UNDECIDED as expected" if found["as_expected"] == "true" else "UNDECIDED"


def summary(reports: Iterable[Any]) -> Iterator[str]:
    """The lines of the summary; none if there is no claim among the reports.

    ``reports`` holds one report an item: of its call, or of the setup that failed or skipped it. Plugins that run an
    item again leave one of each run, which all say the same.
    """
    each = {
        getattr(report, "nodeid", found["claim"]): found
        for report in reports
        if (found := facts_of(report)) is not None
    }
    claims = sorted(each.values(), key=lambda found: found["claim"])
    if not claims:
        return
    from claims.report.visible import visible

    counts = Counter(found["verdict"] for found in claims)
    yield ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    for heading, (chosen, line) in _SECTIONS.items():
        rows = [line(found) for found in claims if chosen(found)]
        if rows:
            yield f"{heading} ({len(rows)}):"
            yield from (f"  {visible(row)}" for row in rows)


def _reason(found: Facts) -> str:
    return f"{found['claim']}: {found.get('reason', 'no reason given')}"


def _finding(found: Facts) -> str:
    instead = f" [instead: {found['corrected_by']}]" if "corrected_by" in found else ""
    return f"{found['claim']}: {found['finding']}{instead}"


def _turning(found: Facts) -> str:
    return f"{found['claim']}: {found['finding']} [{found['reason']}]"


def _undecided(found: Facts) -> str:
    estimate = f", estimate {float(found['estimate']):.6g}" if "estimate" in found else ""
    return f"{found['claim']}: decides at the {found['decides']} tier; {found['seeds']} seeds{estimate}"


def _not_run(found: Facts) -> bool:
    return found["verdict"] == "UNAVAILABLE" or (found["verdict"] == "UNDECIDED" and found["seeds"] == "0")


def _undecided_as(*expected: str) -> Callable[[Facts], bool]:
    return lambda found: found["verdict"] == "UNDECIDED" and not _not_run(found) and found["as_expected"] in expected


#: Heading -> which claims it lists, and what it says of each.
_SECTIONS: Mapping[str, tuple[Callable[[Facts], bool], Callable[[Facts], str]]] = {
    "refuted as expected": (lambda found: found["verdict"] == found["expected"] == "REFUTED", _finding),
    "depends on the reading, as expected": (
        lambda found: found["verdict"] == found["expected"] == "DEPENDS",
        _turning,
    ),
    "no counterexample, which is no proof": (
        lambda found: found["verdict"] == "HOLDS" and found["kind"] == "search",
        _reason,
    ),
    "not run": (_not_run, _reason),
    "undecided, as expected": (_undecided_as("true"), _undecided),
    "undecided where it had to be decided": (_undecided_as("false", "null"), _undecided),
}
