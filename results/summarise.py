"""Bring what quotes the results up to date: the README's counts and estimates, and ``results/README.md``.

``make results`` audits every paper into ``results/PAPER.json`` and then runs this; the tests hold what it wrote to what
it would write. The files keep every claim, but not its points, which would make them four times as long.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from claims.coverage import coverage_of, verdict_counts
from claims.packs import Catalogue, load_catalogue
from claims.report.document import load_result
from claims.verdict import Verdict

FOLDER = Path(__file__).parent
README = FOLDER.parent / "README.md"
COUNTS = re.compile(r"(?<=<!-- counts -->\n).*?(?=<!-- /counts -->)", flags=re.DOTALL)
#: A row of the README: claim, what it says, verdict, estimate.
ROW = re.compile(r"^\| `(?P<id>\S+)` \| (?P<words>.+) \| (?P<verdict>\w+) \| (?P<estimate>\S*) \|$", flags=re.MULTILINE)

Documents = Mapping[str, Mapping[str, Any]]


def load() -> dict[str, dict[str, Any]]:
    """The results of this folder by paper, the one with the most claims first."""
    found = {path.stem: load_result(path) for path in sorted(FOLDER.glob("*.json"))}
    return dict(sorted(found.items(), key=lambda item: -len(item[1]["claims"])))


def slim(path: Path) -> None:
    """Leave the points of each claim out of a result file."""
    document = load_result(path)
    for row in document["claims"]:
        row["points"] = []
    path.write_text(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def counts_table(documents: Documents, catalogue: Catalogue) -> str:
    """Claims and verdicts by paper, and how many claims only the full tier measures."""
    used = _used(row["verdict"] for document in documents.values() for row in document["claims"])
    lines = [_row("paper", "claims", *used, "decided by `TIER=full` alone"), _row("---", *["---:"] * (len(used) + 2))]
    for paper, document in documents.items():
        rows = document["claims"]
        found = Counter(row["verdict"] for row in rows)
        later = sum(row["verdict"] == Verdict.UNDECIDED and row["decides"] == "full" for row in rows)
        name = f"[{paper}](results/README.md#{paper}) ({catalogue.papers[paper].identifier})"
        lines.append(_row(name, str(len(rows)), *(str(found[verdict]) for verdict in used), str(later)))
    return "\n".join(lines) + "\n"


def by_section(paper: str, document: Mapping[str, Any], catalogue: Catalogue) -> str:
    """Claims and verdicts by section of one paper, and how much of it is covered."""
    coverage, verdicts = coverage_of(catalogue, paper), {row["id"]: row["verdict"] for row in document["claims"]}
    used = _used(verdicts.values())
    lines = [_row("section", "claims", *used), _row("---", *["---:"] * (len(used) + 1))]
    chapters = [(section.heading, claims) for section, claims in coverage.chapters()]
    if coverage.elsewhere.claims:
        chapters.append((coverage.elsewhere_heading, coverage.elsewhere.claims))
    for heading, claims in [*chapters, ("**all, each claim once**", coverage.claims)]:
        counts = verdict_counts(claims, verdicts)
        lines.append(_row(heading, str(len(claims)), *(str(counts.get(verdict, "")) for verdict in used)))
    claimed, excused, missing = coverage.statements()
    covered = f"{claimed} statements have claims, {excused} a reason why there is none, {missing} are missing."
    return "\n".join([*lines, "", covered]) + "\n"


def results_page(documents: Documents, catalogue: Catalogue) -> str:
    """The whole of ``results/README.md``."""
    parts = [
        "# Results\n\nWhat `make results` measured: every claim at the standard tier, without its points. "
        "`claimbench list --coverage --results results/PAPER.json` shows them in the paper's order, `claimbench report "
        "--json results/PAPER.json` as a page, `claimbench diff` what changed since. A claim about several sections "
        "counts in each.\n"
    ]
    for paper, document in documents.items():
        environment = ", ".join(f"{name} {value}" for name, value in document["environment"].items())
        run = f"Tier {document['tier']}, epoch {document['epoch']}; {environment}."
        head = f"## {paper}\n\n{catalogue.papers[paper].title}. {run}"
        parts.append(f"{head}\n\n{by_section(paper, document, catalogue)}")
    return "\n".join(parts)


def readme(text: str, documents: Documents, catalogue: Catalogue) -> str:
    """The README with the counts, verdicts and estimates of the results."""
    rows = {row["id"]: row for document in documents.values() for row in document["claims"]}

    def measured(match: re.Match[str]) -> str:
        row = rows.get(match["id"])
        if row is None:
            return match[0]
        digits = len(match["estimate"].partition(".")[2])
        estimate = "" if row["estimate"] is None else f"{row['estimate']:.{digits}f}"
        estimate = estimate if estimate.strip("-0.") else estimate.removeprefix("-")  # no -0.000
        return _row(f"`{match['id']}`", match["words"], row["verdict"], estimate)

    return ROW.sub(measured, COUNTS.sub(lambda _: counts_table(documents, catalogue), text))


def _used(verdicts: Iterable[str]) -> list[str]:
    found = set(verdicts)
    return [verdict.value for verdict in Verdict if verdict in found]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Bring everything up to date."""
    for path in FOLDER.glob("*.json"):
        slim(path)
    documents, catalogue = load(), load_catalogue()
    (FOLDER / "README.md").write_text(results_page(documents, catalogue), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8"), documents, catalogue), encoding="utf-8")


if __name__ == "__main__":
    main()
