"""What became of the statements that were refuted before readings were declared, and ten of the curves.

``docs/explanation/refuted-before.json`` has the 198 claims that were expected REFUTED on 22 November 2026, with the
role and the statement that they had then. What they are now is asked of the catalogue, and their readings of the
results on record.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from claims.catalogue import Catalogue
from claims.claim import Claim
from claims.report.readings import curve_lines
from claims.verdict import Role, Verdict

BEFORE = Path(__file__).parents[1] / "docs" / "explanation" / "refuted-before.json"
#: What can have become of a statement, the first that applies.
BECAME = (
    "gone, or no longer refuted",
    "depends on the reading",
    "refuted, as somebody else's statement",
    "refuted, in other words",
    "refuted, as it was worded",
)
#: Specification curves that the page shows.
SHOWN = 10

Documents = Mapping[str, Mapping[str, Any]]


def page(documents: Documents, catalogue: Catalogue) -> str:
    """The page: the table of before and after, and the curves."""
    before: Mapping[str, Mapping[str, str]] = json.loads(BEFORE.read_text(encoding="utf-8"))
    refuted = [claim for claim in catalogue.claims.values() if claim.expected is Verdict.REFUTED]
    known = [claim for claim in refuted if claim.paper in documents and claim.role is Role.PAPER]
    measured = sum(1 for claim in known if claim.readings)
    return "\n".join(
        [
            "# Refuted before and after readings\n",
            f"Before [readings](../explanation/readings.md) were declared {len(before)} claims were expected REFUTED. "
            "Each was held against its passage again. Whose statement it was then is in the columns, what became of it "
            "in the rows, each claim once.\n",
            before_and_after(before, catalogue),
            f"Of the two papers' own statements {len(known)} are refuted now, {measured} of them under readings that "
            "were measured beside the one declared; the others say how they are read.\n",
            f"## {SHOWN} specification curves\n",
            *(_shown(row, catalogue) for row in examples(documents)),
        ]
    )


def before_and_after(before: Mapping[str, Mapping[str, str]], catalogue: Catalogue) -> str:
    """The table: what became of statements, by the role that they had."""
    counts = Counter((became(was, catalogue.claims.get(name)), was["role"]) for name, was in before.items())
    roles = [role.value for role in Role if any(was["role"] == role for was in before.values())]
    lines = [_row("what became of it", *roles, "all"), _row("---", *["---:"] * (len(roles) + 1))]
    for what in BECAME:
        found = [counts[what, role] for role in roles]
        lines.append(_row(what, *(str(count or "") for count in found), str(sum(found))))
    total = [sum(counts[what, role] for what in BECAME) for role in roles]
    lines.append(_row("**all**", *map(str, total), str(sum(total))))
    return "\n".join(lines) + "\n"


def became(was: Mapping[str, str], claim: Claim | None) -> str:
    """Which of ``BECAME`` a statement is now."""
    if claim is None or claim.expected not in (Verdict.REFUTED, Verdict.DEPENDS):
        return BECAME[0]
    if claim.expected is Verdict.DEPENDS:
        return BECAME[1]
    if claim.role != was["role"]:
        return BECAME[2]
    return BECAME[4] if " ".join(claim.statement.split()) == was["statement"] else BECAME[3]


def examples(documents: Documents) -> Iterable[Mapping[str, Any]]:
    """Measured claims with readings, the papers by turns: what depends first, then what is refuted under each."""
    turns = chain.from_iterable(zip_longest(*(_with_readings(document) for document in documents.values())))
    return [row for row in turns if row is not None][:SHOWN]


def _with_readings(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = [
        row for row in document["claims"] if row["readings"] and row["verdict"] in (Verdict.DEPENDS, Verdict.REFUTED)
    ]
    return sorted(rows, key=lambda row: (row["verdict"] == Verdict.REFUTED, row["role"] != Role.PAPER))


def _shown(row: Mapping[str, Any], catalogue: Catalogue) -> str:
    claim = catalogue.claims[row["id"]]
    told = [f"{row['verdict']}: {claim.statement} ({claim.locus})", "", *curve_lines(row)]
    return "\n".join([f"### `{row['id']}`\n", "```text", *_wrapped(told), "```\n"])


def _wrapped(lines: Iterable[str], width: int = 110) -> Iterator[str]:
    """Lines that fit a page; what is drawn is short enough, sentences are broken between words."""
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        rest = line
        while len(rest) > width and " " in rest[len(indent) : width].strip():
            at = rest.rindex(" ", 0, width)
            yield rest[:at].rstrip()
            rest = f"{indent}{rest[at + 1 :]}"
        yield rest


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
