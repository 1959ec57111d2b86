"""``claimbench list``: claims, papers, coverage; verifies a paper's record. Nothing heavy is imported."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from claims.catalogue import Catalogue, to_plain
from claims.claim import Claim
from claims.cli.common import chosen, json_flag, print_json, say, select_argument
from claims.errors import BadOption
from claims.paper import Paper, covered, read_record, uncovered

#: What ``--results`` is where no file follows.
_LAST = "."


@click.command("list")
@select_argument
@click.option("--papers", is_flag=True, help="The papers, with their verified records.")
@click.option("--coverage", is_flag=True, help="Each place of a paper: claims and verdicts, or why there is no claim.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    is_flag=False,
    flag_value=_LAST,
    metavar="[FILE]",
    help="What an audit found, on a screen: a JSON file or a store, last of all or before an option.  [default: of the "
    "last audit]  With --coverage, whose verdicts it shows.",
)
@click.option("--table", is_flag=True, help="With --results: every claim as a row, as wide as the terminal.")
@click.option(
    "--record", type=click.Path(path_type=Path, dir_okay=False), help="Parse, verify and show a paper's record."
)
@json_flag
def command(
    *,
    select: tuple[str, ...],
    papers: bool,
    coverage: bool,
    results: Path | None,
    table: bool,
    record: Path | None,
    as_json: bool,
) -> None:
    """Show claims, papers, what is covered, or verify a paper's record.

    --coverage exits with 1 if something that a paper's outline lists has neither a claim nor a reason.
    """
    if sum((papers, coverage, record is not None)) > 1:
        raise BadOption("list", "several views", "one of --papers, --coverage and --record")
    if results is not None and (papers or record is not None):
        raise BadOption("--results", str(results), "alone, or beside --coverage")
    if table and (results is None or coverage):
        raise BadOption("--table", "nothing to show", "beside --results")
    if record is not None:
        _show_record(record, select, as_json)
        return
    catalogue, claims = chosen(select)
    if papers:
        _show_papers(catalogue, claims, as_json)
    elif coverage:
        from claims.cli.coverage import show_coverage

        complete = show_coverage(catalogue, claims if select else None, results=_place(results), as_json=as_json)
        raise click.exceptions.Exit(0 if complete else 1)
    elif results is not None:
        from claims.cli.results import show_results

        wanted = {claim.id for claim in claims} if select else None
        show_results(catalogue, wanted, select, results=_place(results), table=table, as_json=as_json)
    elif as_json:
        print_json([to_plain(claim) for claim in claims])
    else:
        _show_claims(claims)


def _place(results: Path | None) -> Path | None:
    """The file that ``--results`` names; None for the last audit, which it means without a value."""
    return None if results == Path(_LAST) else results


def _show_claims(claims: Sequence[Claim]) -> None:
    width, across, lines = max(len(claim.id) for claim in claims), _width(), list[str]()
    for claim in claims:
        count = len(claim.judged_points())
        points = f"{count} points" if count > 1 else ""
        expected = "" if claim.expected == "HOLDS" else claim.expected.value
        facts = (claim.kind, claim.decides.value, points or claim.needs, expected)
        detail = f"{facts[0]:<11} {facts[1]:<8} {facts[2]:>10}  {facts[3]:<9} {claim.locus}"
        if width + len(detail) > across:
            lines += [claim.id, f"    {' · '.join(fact for fact in (*facts, claim.locus) if fact)}"]
        else:
            lines.append(f"{claim.id:<{width}}  {detail}".rstrip())
    descriptive = sum(claim.descriptive for claim in claims)
    aside = f", {descriptive} of them descriptive (without a rival)" if descriptive else ""
    say(*lines, "", f"{len(claims)} claims{aside}")


def _width() -> int:
    """Columns to fill; whatever a line needs where nobody looks at a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000


def _show_papers(catalogue: Catalogue, claims: Iterable[Claim], as_json: bool) -> None:
    counts: dict[str, int] = {}
    for claim in claims:
        counts[claim.paper] = counts.get(claim.paper, 0) + 1
    rows = [_plain_paper(catalogue.papers[key]) | {"claims": count} for key, count in counts.items()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        say(f"{row['key']}: {row['title']}")
        version = f" version {row['version']}" if row["version"] is not None else ""
        fields = {
            "authors": row["authors"],
            "identifier": f"{row['identifier']}{version}",
            "number": row["number"],
            "sha256": row["canonical_sha256"],
        }
        for name, value in fields.items():
            if value:
                say(f"    {name:<10} {value}")
        if row["canonical_sha256"]:
            say("    record     verified: title, identifier and number have this digest, the authors' names have not")
        say(f"    claims     {row['claims']}")


def _plain_paper(paper: Paper) -> dict[str, Any]:
    return {name: getattr(paper, name) for name in Paper.__dataclass_fields__}


def _show_record(path: Path, select: Sequence[str], as_json: bool) -> None:
    if select:
        raise BadOption("--record", " ".join(select), "no SELECT beside it")
    record = read_record(path)
    if as_json:
        print_json(record)
        return
    source = record["canonical_record"]["source"]
    paper = record.get("paper") or {}
    left = uncovered(record)
    say(f"{path}: intact; every field that its digest covers agrees with it")
    fields = {
        "title": paper.get("title"),
        "authors": paper.get("authors_text"),
        "source": f"{source['kind']}:{source['id']} version {source['version']}",
        "number": record.get("pith_number"),
        "sha256": record["canonical_sha256"],
        "covered": ", ".join(covered(record)),
        "not covered": f"{', '.join(left)}: the digest says nothing of them" if left else "",
    }
    for name, value in fields.items():
        if value:
            say(f"    {name:<11} {value}")
