"""``claimbench pack check``: what a reviewer would ask of a pack, one line each, with file, line and claim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from claims.auditing.planning import plan
from claims.cli.common import json_flag, print_json, say, store_option
from claims.cli.dry_run import cost
from claims.cli.streams import printing_to_stderr
from claims.errors import InvalidDeclaration
from claims.report.numbers import counted, duration
from claims.review import of_claims, of_pack
from claims.review.remarks import Remark, Reviewed, Weight
from claims.review.subjects import reviewed
from claims.verdict import Tier


@click.group("pack")
def command() -> None:
    """Judge packs, installable sets of claims."""


@command.command("check")
@click.argument("asked", metavar="PATH|PAPER")
@store_option
@json_flag
def check(asked: str, store: Path, as_json: bool) -> None:
    """Judge a pack as a reviewer would: a folder with its pyproject.toml, a claim file, or the key of a paper.

    Looks at ids, loci, statements, rivals, sharpness, provenance, controls, coverage, independence of what is measured
    from what is expected, and run time by tier. Measures nothing. Exits with 1 if something has to be mended; what is
    for the author to consider is shown and changes nothing.
    """
    with printing_to_stderr():
        found = [(seen, *_judged(seen, store)) for seen in reviewed(asked)]
    if as_json:
        print_json([_plain(seen, remarks, costs) for seen, remarks, costs in found])
    else:
        for i, (seen, remarks, costs) in enumerate(found):
            say(*[""] * (i > 0), *_lines(seen, remarks, costs))
    to_mend = any(remark.weight is Weight.MEND for _, remarks, _ in found for remark in remarks)
    raise click.exceptions.Exit(1 if to_mend else 0)


def _judged(seen: Reviewed, store: Path) -> tuple[list[Remark], list[dict[str, Any]]]:
    """All remarks, what has to be mended first, and the cost of each tier on one worker."""
    remarks = [remark for ask in (*of_claims.CHECKS, *of_pack.CHECKS) for remark in ask(seen)]
    try:
        costs = [cost(plan(seen.claims, tier=tier), store, workers=1) for tier in Tier]
    except InvalidDeclaration:  # a band or rival that cannot be computed, of which there is a remark
        costs = []
    remarks += of_pack.run_time(seen, costs)
    return sorted(remarks, key=lambda remark: list(Weight).index(remark.weight)), costs


def _lines(seen: Reviewed, remarks: Sequence[Remark], costs: Sequence[Mapping[str, Any]]) -> list[str]:
    facts = Counter(claim.role.value for claim in seen.claims)
    roles = ", ".join(f"{count} {role}" for role, count in facts.items())
    lines = [f"{seen.paper.key}: {counted(len(seen.claims), 'claim')} ({roles})"]
    for document in costs:
        least, most = (duration(seconds) for seconds in document["seconds"])
        lines.append(f"    {document['tier']}: {least} to {most} of one core, without models and training runs")
    for weight in Weight:
        chosen = [remark for remark in remarks if remark.weight is weight]
        if chosen:
            lines += ["", f"{weight} ({len(chosen)})", *(f"    {_beside(remark)}" for remark in chosen)]
    return [*lines, "", "nothing to mend"] if not any(remark.weight is Weight.MEND for remark in remarks) else lines


def _beside(remark: Remark) -> str:
    """A remark, its place as it is seen from the working folder."""
    here = f"{Path.cwd()}/"
    return str(remark).removeprefix(here)


def _plain(seen: Reviewed, remarks: Sequence[Remark], costs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    seconds = {document["tier"]: document["seconds"] for document in costs}
    return {
        "paper": seen.paper.key,
        "claims": len(seen.claims),
        "seconds": seconds,
        "remarks": [remark.to_json() for remark in remarks],
    }
