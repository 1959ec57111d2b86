"""``claimbench list --coverage``: each place of a paper with its claims and their verdicts, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from claims.catalogue import Catalogue
from claims.claim import Claim
from claims.cli.common import print_json, say
from claims.evidence.store import DEFAULT_STORE
from claims.outline.coverage import Coverage, Entry, coverage_of, to_plain, verdict_counts
from claims.report.document import LATEST, load_result
from claims.verdict import Verdict

#: What stands in place of a verdict that the result does not have.
_UNKNOWN = "-"


def show_coverage(catalogue: Catalogue, claims: Sequence[Claim] | None, *, results: Path | None, as_json: bool) -> bool:
    """Show the coverage of every paper, or of those of the claims with nothing but these claims.

    Returns:
        Whether nothing is missing of the papers that are shown whole.
    """
    verdicts, source = _verdicts(catalogue, results)
    papers = list(catalogue.papers) if claims is None else list(dict.fromkeys(claim.paper for claim in claims))
    covered = {key: coverage_of(catalogue, key) for key in papers}
    wanted = None if claims is None else {claim.id for claim in claims}
    whole = {key for key, found in covered.items() if wanted is None or {claim.id for claim in found.claims} <= wanted}
    complete = not any(covered[key].missing for key in whole)
    if as_json:
        print_json({key: _head(catalogue, key, source) | to_plain(found, verdicts) for key, found in covered.items()})
        return complete
    for i, (key, found) in enumerate(covered.items()):
        say(*[""] * (i > 0), f"{key}: {catalogue.papers[key].title}", f"verdicts: {source}")
        say(*(f"later: {version}" for version in found.versions))
        say(*_listing(found, verdicts, None if key in whole else wanted))
        if key in whole:
            say(*_summary(found, verdicts))
    return complete


def _verdicts(catalogue: Catalogue, results: Path | None) -> tuple[Mapping[str, str], str]:
    """Verdicts by claim, and where they come from; those on record while nothing has been audited."""
    path = results or DEFAULT_STORE.with_name(LATEST)
    if results is None and not path.is_file():
        on_record = {claim.id: claim.expected.value for claim in catalogue.claims.values()}
        return on_record, "on record; nothing was audited here (--results FILE shows measured ones)"
    document = load_result(path)
    found = {row["id"]: row["verdict"] for row in document["claims"]}
    return found, f"{path}, tier {document['tier']}, epoch {document['epoch']}"


def _head(catalogue: Catalogue, key: str, source: str) -> dict[str, object]:
    """The paper, and its claims and reasons as they are declared: by locus."""
    loci: dict[str, list[str]] = {}
    for claim in catalogue.claims.values():
        if claim.paper == key:
            loci.setdefault(claim.locus, []).append(claim.id)
    reasons = dict(catalogue.not_claims.get(key, {}))
    return {"title": catalogue.papers[key].title, "verdicts": source, "claims": loci, "not_claims": reasons}


def _listing(coverage: Coverage, verdicts: Mapping[str, str], wanted: set[str] | None) -> Iterator[str]:
    """Section by section; of a selection only the places that its claims are about."""
    blocks = [(covered.section.heading, covered.entries) for covered in coverage.sections]
    for heading, entries in [*blocks, (coverage.elsewhere_heading, (coverage.elsewhere,))]:
        lines = [line for entry in entries for line in _entry(entry, verdicts, wanted)]
        if lines:
            yield from ("", heading)
            yield from lines


def _entry(entry: Entry, verdicts: Mapping[str, str], wanted: set[str] | None) -> Iterator[str]:
    claims = [claim for claim in entry.claims if wanted is None or claim.id in wanted]
    if entry.name and (claims or wanted is None):
        yield f"  {entry.name}"
    for claim in claims:
        role = "" if claim.role == "paper" else f"  ({claim.role})"
        version = "" if claim.version is None else f"  (version {claim.version})"
        yield f"      {verdicts.get(claim.id, _UNKNOWN):<11} {claim.id}{role}{version}"
    for change in entry.later if claims or wanted is None else ():
        yield f"      {change.what:<11} in version {change.version}: {change.says}"
    for locus, why in entry.reasons if wanted is None else ():
        yield f"      no claim    {locus}: {why}" if locus != entry.name else f"      no claim    {why}"
    for name in entry.missing if wanted is None else ():
        yield f"      MISSING     {name}: neither a claim nor a reason"


def _summary(coverage: Coverage, verdicts: Mapping[str, str]) -> Iterator[str]:
    """Claims and verdicts by chapter, then how much of the paper is covered."""
    rows = [(section.heading, claims) for section, claims in coverage.chapters()]
    if coverage.elsewhere.claims:
        rows.append((coverage.elsewhere_heading, coverage.elsewhere.claims))
    rows.append(("all, each claim once", coverage.claims))
    used = [verdict.value for verdict in Verdict if verdict_counts(coverage.claims, verdicts).get(verdict.value)]
    width = min(max(len(heading) for heading, _ in rows), 60)
    yield from ("", f"{'section':<{width}}  claims" + "".join(f"  {name:>9}" for name in used))
    for heading, claims in rows:
        counts = verdict_counts(claims, verdicts)
        figures = "".join(f"  {counts.get(name, 0) or '':>9}" for name in used)
        yield f"{heading[:width]:<{width}}  {len(claims):>6}{figures}".rstrip()
    if coverage.complete:
        claimed, excused, missing = coverage.statements()
        reasoned = f"{excused} with a reason why there is none"
        yield from ("", f"{claimed} statements with claims, {reasoned}, {missing} missing")
