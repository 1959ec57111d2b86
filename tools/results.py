"""Bring what quotes the results up to date: counts and estimates in ``docs/``, and the pages in ``results/``.

``make results`` audits every paper into ``results/PAPER.json``, ``make results-trained`` what needs a trained model or
a training run into ``results/trained/TEXT.json``, and both then run this; the tests hold what it wrote to what it would
write. The files keep every claim, but not its points, which would make them four times as long: those of what is
refuted are in ``results/points/PAPER.json``, for the numbers in findings to be traced to.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from claims.catalogue import Catalogue, load_catalogue, to_plain
from claims.outline.coverage import coverage_of, verdict_counts
from claims.report.document import load_result
from claims.report.numbers import band_text, estimate_text, interval_text
from claims.report.standing import Standing, by_standing
from claims.verdict import Verdict

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "results"
#: What was measured at each point of the claims that are refuted, by paper.
POINTS = FOLDER / "points"
_MEASURED = ("at", "verdict", "estimate", "interval", "seeds")
#: Pages that quote results, by rows of tables and between marks.
QUOTING = (ROOT / "docs" / "papers" / "index.md", ROOT / "docs" / "howto" / "model.md")
COUNTS = re.compile(r"(?<=<!-- counts -->\n).*?(?=<!-- /counts -->)", flags=re.DOTALL)
#: A row of a page: claim, what it says, verdict, estimate.
ROW = re.compile(r"^\| `(?P<id>\S+)` \| (?P<words>.+) \| (?P<verdict>\w+) \| (?P<estimate>\S*) \|$", flags=re.MULTILINE)

#: What a result file has of a claim that is declared, not measured.
_DECLARED = ("role", "locus", "statement", "read_as", "decides", "expected", "finding", "corrected_by")
#: The text that verdicts on record are about.
ON_RECORD = "python-topics"
TRAINED = FOLDER / "trained"
_PART = {
    "transfer": "The papers' statements, on this model",
    "ours": "What is true instead, or besides",
    "control": "Controls",
    "replication": "What only the papers' own models can show",
}

Documents = Mapping[str, Mapping[str, Any]]


def load() -> dict[str, dict[str, Any]]:
    """The results by paper, the one with the most claims first.

    ``results/PAPER.json`` has nothing of what needs a trained model or a training run: there the result on record, in
    ``results/trained``, takes its place.
    """
    found = {path.stem: load_result(path) for path in sorted(FOLDER.glob("*.json"))}
    trained = {row["id"]: row for row in load_trained()[ON_RECORD]["claims"]}
    for document in found.values():
        document["claims"] = [trained.get(row["id"], row) for row in document["claims"]]
    return dict(sorted(found.items(), key=lambda item: -len(item[1]["claims"])))


def load_trained() -> dict[str, dict[str, Any]]:
    """The results of the trained model and of training runs by text, those on record first."""
    paths = sorted(TRAINED.glob("*.json"), key=lambda path: (path.stem != ON_RECORD, path.stem))
    return {path.stem: load_result(path) for path in paths}


def slim(path: Path, catalogue: Catalogue) -> None:
    """Leave the points of each claim out of a result file, and have it say what its claims say today.

    Words and roles are declared, not measured: they are those of the catalogue, as long as the band is the one that the
    verdict was made with.
    """
    document = load_result(path)
    if path.parent == FOLDER or path.stem == ON_RECORD:
        keep_points(document["claims"], catalogue)
    for row in document["claims"]:
        row["points"] = []
        if row["id"] in catalogue.claims:
            _restate(row, to_plain(catalogue.claims[row["id"]]))
    path.write_text(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def keep_points(rows: Iterable[Mapping[str, Any]], catalogue: Catalogue) -> None:
    """Write the points that these rows have of what is refuted or depends, in the catalogue's order, beside the record.

    Rows without points, as of results that were slimmed before, leave what is there as it is; claims that are no longer
    refuted, or are gone, go.
    """
    fresh = {row["id"]: row["points"] for row in rows if row["points"] and row["verdict"] != Verdict.UNAVAILABLE}
    for paper in catalogue.papers:
        path = POINTS / f"{paper}.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        kept |= {
            name: [{field: point[field] for field in _MEASURED} for point in points] for name, points in fresh.items()
        }
        accused = (
            name for name, claim in catalogue.claims.items() if claim.expected in (Verdict.REFUTED, Verdict.DEPENDS)
        )
        found = {name: kept[name] for name in accused if name in kept and catalogue.claims[name].paper == paper}
        if found:
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _restate(row: dict[str, Any], declared: Mapping[str, Any]) -> None:
    """What a claim says of itself, and whether the verdict that was measured is the expected one."""
    row |= {name: declared[name] for name in _DECLARED}
    if row["verdict"] == row["expected"]:
        row["as_expected"] = True
    elif row["as_expected"] and row["verdict"] != Verdict.UNDECIDED:
        row["as_expected"] = False


def counts_table(documents: Documents, catalogue: Catalogue) -> str:
    """Claims and verdicts by paper, and how many claims only the full tier measures."""
    used = _used(row["verdict"] for document in documents.values() for row in document["claims"])
    lines = [_row("paper", "claims", *used, "decided by `TIER=full` alone"), _row("---", *["---:"] * (len(used) + 2))]
    for paper, document in documents.items():
        rows = document["claims"]
        found = Counter(row["verdict"] for row in rows)
        later = sum(row["verdict"] == Verdict.UNDECIDED and row["decides"] == "full" for row in rows)
        name = f"{paper} ({catalogue.papers[paper].identifier})"
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


def findings(document: Mapping[str, Any]) -> str:
    """What does not hold, counted by whose statement it is, and the paper's own listed: first things first."""
    found = by_standing(document["claims"], row=lambda row: row)
    lines = [_row("what does not hold", "claims"), _row("---", "---:")]
    lines += [_row(where.heading, str(len(rows))) for where, rows in found.items()]
    for where in (Standing.PAPER, Standing.DEPENDS):
        if where in found:
            lines += ["", f"{where.heading}:", "", *map(_finding, found[where])]
    return "\n".join(lines) + "\n"


def _finding(row: Mapping[str, Any]) -> str:
    """A claim that does not hold, or not under every reading: where, how it is read, and what was found."""
    read = f" Read as: {row['read_as']}" if row["read_as"] else ""
    return f"- `{row['id']}` ({row['locus']}): {' '.join(str(row['finding']).split())}{read}"


def results_page(documents: Documents, catalogue: Catalogue) -> str:
    """The whole of ``results/README.md``."""
    parts = [
        "# Results\n\nWhat `make results` measured: every claim at the standard tier, without its points. "
        "`claimbench list --coverage --results results/PAPER.json` shows them in the paper's order, `claimbench report "
        "--json results/PAPER.json` as a page, `claimbench diff` what changed since. Claims that need a trained model "
        "or a training run are not measured in these files; the counts below take them from "
        "[trained/python-topics.json](trained/README.md). A claim about several sections counts in each.\n"
    ]
    for paper, document in documents.items():
        environment = ", ".join(f"{name} {value}" for name, value in document["environment"].items())
        run = f"Tier {document['tier']}, epoch {document['epoch']}; {environment}."
        head = f"## {paper}\n\n{catalogue.papers[paper].title}. {run}"
        parts.append(f"{head}\n\n{by_section(paper, document, catalogue)}\n{findings(document)}")
    return "\n".join(parts)


def trained_page(trained: Documents, catalogue: Catalogue) -> str:
    """The whole of ``results/trained/README.md``: what transfers to the model, with numbers, text beside text."""
    environment = ", ".join(f"{name} {value}" for name, value in trained[ON_RECORD]["environment"].items())
    parts = [
        "# On a trained model, and in training\n\nWhat `make results-trained` measured: every claim about a trained "
        "model on SmolLM2-135M-Instruct, and training runs of a small decoder. Estimates have the interval on which "
        "the verdict rests (a false verdict below 2 in 100,000); the band is where they have to lie.\n\n"
        f"Tier standard; {environment}.\n"
    ]
    rows = {text: {row["id"]: row for row in document["claims"]} for text, document in trained.items()}
    for paper in dict.fromkeys(row["paper"] for row in rows[ON_RECORD].values()):
        parts.append(f"## {paper}\n")
        for role, heading in _PART.items():
            chosen = [row for row in rows[ON_RECORD].values() if row["paper"] == paper and row["role"] == role]
            if chosen:
                parts.append(f"### {heading}\n\n{_trained_table(chosen, rows, catalogue)}")
    return "\n".join(parts)


def _trained_table(chosen: Iterable[Mapping[str, Any]], rows: Mapping[str, Any], catalogue: Catalogue) -> str:
    lines = [_row("claim", "what it says", "band", *rows), _row(*["---"] * (3 + len(rows)))]
    for row in chosen:
        claim = catalogue.claims[row["id"]]
        cells = [_outcome(rows[text].get(row["id"])) for text in rows]
        said = " ".join(f"{claim.statement} {claim.finding}".split()).replace("|", "\\|")
        lines.append(_row(f"`{row['id'].partition('.')[2]}`", said, band_text(row["band"]), *cells))
    return "\n".join(lines) + "\n"


def _outcome(row: Mapping[str, Any] | None) -> str:
    """Verdict, estimate and interval, as far as there are any."""
    if row is None:
        return ""
    estimate = estimate_text(row["estimate"], row["interval"]) if row["interval"] else ""
    if not estimate and row["estimate"] is not None:
        estimate = f"{row['estimate']:.4g}"
    return " ".join(part for part in (row["verdict"], estimate, interval_text(row["interval"])) if part)


def quoted(text: str, documents: Documents, catalogue: Catalogue) -> str:
    """A page with the counts, verdicts and estimates of the results."""
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
    catalogue = load_catalogue()
    for path in [*FOLDER.glob("*.json"), *TRAINED.glob("*.json")]:
        slim(path, catalogue)
    documents = load()
    (TRAINED / "README.md").write_text(trained_page(load_trained(), catalogue), encoding="utf-8")
    (FOLDER / "README.md").write_text(results_page(documents, catalogue), encoding="utf-8")
    for page in QUOTING:
        page.write_text(quoted(page.read_text(encoding="utf-8"), documents, catalogue), encoding="utf-8")


if __name__ == "__main__":
    main()
