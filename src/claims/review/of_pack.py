"""What a reviewer asks of a pack as a whole: identity, controls, coverage, independence, error budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from claims.auditing.decision import BUDGET
from claims.claim import Claim
from claims.evidence import fingerprint
from claims.outline.coverage import coverage_of
from claims.review.remarks import Remark, Reviewed, Weight
from claims.verdict import HOLDS, REFUTED, UNDECIDED, Role, Tier, Verdict

#: Seconds of one core that all claims of a paper together may take at the smoke tier.
SMOKE_SECONDS = 60.0
#: Experiments that are named where all together take too long.
_NAMED = 3


def identity(seen: Reviewed) -> Iterator[Remark]:
    """Which paper, and which version of it."""
    if not seen.paper.identifier:
        said = 'no identifier: readers cannot find it; say identifier="arxiv:..." or a DOI'
        yield seen.whole("paper", said, Weight.CONSIDER)
    elif seen.paper.version is None:
        said = "no version: papers change, and claims are about one of them"
        yield seen.whole("paper", said, Weight.CONSIDER)


def controls(seen: Reviewed) -> Iterator[Remark]:
    """Claims that must come out other than HOLDS: without them nobody knows whether anything could."""
    asked: tuple[tuple[Verdict, str], ...] = (
        (REFUTED, "known to be false: a harness that finds everything true would be noticed"),
        (UNDECIDED, "that has to stay so, such as one whose truth lies on the edge of its band"),
    )
    for verdict, what in asked:
        if not any(claim.role is Role.CONTROL and claim.expected is verdict for claim in seen.claims):
            yield seen.whole("controls", f"no claim of role control is expected {verdict}; add one {what}")
    for claim in seen.claims:
        if claim.role is Role.CONTROL and claim.expected is HOLDS:
            yield seen.of(claim, "controls", "a control expected to hold controls nothing", Weight.CONSIDER)


def coverage(seen: Reviewed) -> Iterator[Remark]:
    """Everything that the paper numbers has a claim, or a reason why there is none."""
    if seen.outline is None:
        yield seen.whole("coverage", "no outline.toml: nobody sees what of the paper has no claim")
        return
    lines = seen.outline.read_text(encoding="utf-8").splitlines()
    for missing in coverage_of(seen.catalogue, seen.paper.key).missing:
        section, _, name = missing.partition(": ")
        there = _line(lines, section, name)
        words = f"{name} has neither a claim whose locus names it nor a reason"
        yield seen.whole("coverage", words, place=f"{seen.outline}:{there}")


def _line(lines: Sequence[str], section: str, name: str) -> int:
    """The line of an outline that has the name, in that section; where its section begins if none spells it."""
    heads = [number for number, line in enumerate(lines, 1) if line.replace(" ", "").startswith(f'number="{section}"')]
    begin = heads[0] if heads else 1
    for number, line in enumerate(lines[begin - 1 :], begin):
        if number > begin and line.startswith("[[section]]"):
            break
        if f'"{name}' in line:
            return number
    return begin


def independence(seen: Reviewed) -> Iterator[Remark]:
    """What is measured does not know what is expected: no experiment imports claims or closed forms.

    In a claim file both stand side by side; there nothing is asked.
    """
    if not seen.modules:
        return
    every = [(claim, read) for claim in seen.claims for _, read in claim.as_read()]
    expected = set(seen.modules) | {module for _, read in every for module in _closed_forms(read)}
    judged: set[str] = set()
    for claim, read in every:
        for address in _code_of(read):
            if address in judged:
                continue
            judged.add(address)
            module = address.partition(":")[0]
            known = sorted({module, *fingerprint.code_of(module).modules} & expected)
            if known:
                rule = "what is measured must not depend on what is expected"
                yield seen.of(claim, "independence", f"{address} knows {', '.join(known)}: {rule}")


def _code_of(claim: Claim) -> Iterator[str]:
    """Addresses of the experiments and statements that a claim is measured by."""
    for quantity in claim.test.quantities():
        for point in claim.at:
            yield from fingerprint.code_named(quantity.experiment.address, quantity.experiment.base(dict(point)))


def _closed_forms(claim: Claim) -> Iterator[str]:
    """Modules of the functions that band and rival are computed by."""
    for value in (claim.rival, claim.band and claim.band.target):
        if isinstance(value, str):
            yield value.partition(":")[0]
        elif callable(value):
            yield value.__module__


def budget(seen: Reviewed) -> Iterator[Remark]:
    """As many sequential claims as error rates are stated for."""
    sequential = sum(read.test.sequential for claim in seen.claims for _, read in claim.as_read())
    if sequential > BUDGET:
        yield seen.whole(
            "budget", f"{sequential} claims and readings are decided by intervals; error rates are stated for {BUDGET}"
        )


def run_time(seen: Reviewed, costs: Sequence[Mapping[str, Any]]) -> Iterator[Remark]:
    """Whether the smoke tier is one, and whose costs nobody has declared or measured.

    Args:
        seen: what is reviewed.
        costs: of each tier, as ``claimbench audit --dry-run --json`` gives it for one worker.
    """
    for document in costs:
        seconds, rows = document["seconds"][0], document["experiments"]
        if document["tier"] == Tier.SMOKE and seconds > SMOKE_SECONDS:
            dearest = sorted(rows, key=lambda row: -row["seconds"][0])[:_NAMED]
            named = ", ".join(f"{row['experiment']} {row['seconds'][0]:.0f} s" for row in dearest)
            rule = f'{SMOKE_SECONDS:.0f} s are for all claims; let some say decides="standard"'
            yield seen.whole("run time", f"the smoke tier takes {seconds:.0f} s of one core ({named}); {rule}")
    guessed = {row["experiment"] for document in costs for row in document["experiments"] if "guessed" in _how(row)}
    for name in sorted(guessed):
        yield seen.whole("run time", f"{name} declares no seconds=, and was never measured here", Weight.CONSIDER)


def _how(row: Mapping[str, Any]) -> str:
    return str(row["seconds_are"])


CHECKS: tuple[Callable[[Reviewed], Iterator[Remark]], ...] = (identity, controls, coverage, independence, budget)
