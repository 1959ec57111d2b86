"""``claimbench report``: the HTML pages of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from claims.catalogue import Catalogue
from claims.cli.common import STDOUT, catalogue_of, check_writable, print_json, say, write_text
from claims.evidence.store import DEFAULT_STORE
from claims.outline.responses import Response, readings_of, responses_in
from claims.report.document import LATEST, load_result, schema
from claims.report.readings import named

if TYPE_CHECKING:
    from claims.report.page_data import Known

#: What ``--summary`` is where no file follows: GitHub Actions names the file in this variable.
_STEP = "$GITHUB_STEP_SUMMARY"
#: What the pages of a partial result say at their top.
STOPPED = "The audit was stopped before every claim was decided."


@click.command("report")
@click.argument("files", nargs=-1, metavar="[FILE.py]...", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="The result.  [default: of the last audit]")
@click.option(
    "--report",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Folder of the pages.  [default: {DEFAULT_STORE.parent / 'report'}]",
)
@click.option("--junit", metavar="FILE", help="Write JUnit XML instead of pages.")
@click.option(
    "--summary",
    metavar="FILE",
    help="Write Markdown for a step of GitHub Actions; default: its own file.",
    is_flag=False,
    flag_value=_STEP,
)
@click.option("--sarif", metavar="FILE", help="Write SARIF: what is refuted, at the line that declares it.")
@click.option("--parquet", metavar="FILE", help="Write a Parquet file with a row for each claim.")
@click.option("--record", metavar="FILE", help="Write the replication record, which `claimbench verify` checks.")
@click.option("--sign", type=click.Path(path_type=Path), metavar="KEY", help="Ed25519 key that signs the record.")
@click.option(
    "--crate", type=click.Path(path_type=Path), metavar="DIR", help="Write an RO-Crate: result, pages, record."
)
@click.option("--license", "license_id", metavar="SPDX", help="Licence of the crate's files, such as CC-BY-4.0.")
@click.option("--schema", "show_schema", is_flag=True, help="Print the JSON Schema of results instead.")
def command(
    *,
    files: tuple[Path, ...],
    json_file: Path | None,
    folder: Path | None,
    sign: Path | None,
    crate: Path | None,
    license_id: str | None,
    show_schema: bool,
    **formats: str | None,
) -> None:
    """Build the HTML pages of a result: of a JSON file, or of the last audit.

    index.html shows the claims, coverage.html what of the paper they cover. Name the claim files of the audit, if it
    was one of files, to have papers and tolerances on the pages. Every result is held to the schema before it is read.
    Of formats for other programs, as many as are named, - is standard output; pages are then built only for --report.
    """
    if show_schema:
        print_json(schema())
        return
    path = json_file or DEFAULT_STORE.with_name(LATEST)
    document = load_result(path)
    catalogue = catalogue_of(files)
    wanted = {name: target for name, target in formats.items() if target is not None}
    if wanted or sign is not None:
        from claims.cli.formats import write_formats

        write_formats(document, catalogue, wanted, sign=sign)
    if crate is not None or license_id is not None:
        from claims.cli.crate import write_crate

        made = write_crate(document, catalogue, crate, files=files, source=path, license_id=license_id)
        say(f"{made}: {len(document['claims'])} claims", err=STDOUT in wanted.values())
    if folder is not None or not (wanted or crate):
        page = write_pages(
            document,
            folder or DEFAULT_STORE.parent / "report",
            catalogue=catalogue,
            files=files,
            beside=path if path.is_dir() else path.parent,
        )
        say(f"{page}: {len(document['claims'])} claims", err=STDOUT in wanted.values())


def write_pages(
    document: Mapping[str, Any],
    folder: Path,
    *,
    catalogue: Catalogue,
    files: Sequence[Path] = (),
    beside: Path | None = None,
) -> Path:
    """Write the pages of a result, its claims and what of the paper they cover, into a folder; path of the first.

    Args:
        document: the result.
        folder: where the pages go.
        catalogue: declarations, and the responses that packs bring.
        files: those of the claims, which a command that audits one again has to name.
        beside: the folder of the result, where authors' responses may lie; None if it has none.

    Raises:
        BadOption: the folder cannot be written to.
        InvalidDeclaration: the responses beside the result cannot be read, or name what is not in it.
    """
    from claims.report.page import PAGE

    check_writable("--report", folder)
    for name, text in pages_of(document, catalogue=catalogue, files=files, beside=beside).items():
        write_text(folder / name, text)
    return folder / PAGE


def pages_of(
    document: Mapping[str, Any], *, catalogue: Catalogue, files: Sequence[Path] = (), beside: Path | None = None
) -> dict[str, str]:
    """The pages of a result by the names of their files; arguments and errors are those of :func:`write_pages`."""
    from claims.report.coverage import COVERAGE_PAGE, render_coverage
    from claims.report.page import PAGE, render

    notice = STOPPED if document.get("stopped") else ""
    known = replace(known_of(catalogue, files), responses=answered(document, catalogue, beside))
    return {
        PAGE: render(document, known=known, notice=notice, coverage_page=COVERAGE_PAGE),
        COVERAGE_PAGE: render_coverage(document, catalogue=catalogue, notice=notice),
    }


def known_of(catalogue: Catalogue, files: Sequence[Path] = ()) -> Known:
    """What a catalogue knows beside a result: papers, declarations, their places in the papers and in the code."""
    from claims.outline.coverage import coverage_of
    from claims.report.page_data import Known
    from claims.report.places import places_of

    covered = {key: coverage_of(catalogue, key) for key in catalogue.papers}
    sections = {
        key: {section.heading: [claim.id for claim in claims] for section, claims in coverage.chapters()}
        for key, coverage in covered.items()
    }
    return Known(
        papers=catalogue.papers,
        claims=catalogue.claims,
        sections=sections,
        places=places_of(catalogue.homes),
        files=tuple(str(file) for file in files),
    )


def answered(document: Mapping[str, Any], catalogue: Catalogue, beside: Path | None) -> dict[str, tuple[Response, ...]]:
    """Responses by the claim's id: those that packs bring, then those beside the result.

    Raises:
        InvalidDeclaration: the file beside the result cannot be read, or names what is neither in it nor declared.
    """
    known = readings_of(catalogue.claims.values())
    known |= {row["id"]: tuple(named(row)) for row in document["claims"] if row["readings"]}
    known = {row["id"]: () for row in document["claims"]} | known
    near = {} if beside is None else responses_in(beside, known)
    return {name: (*catalogue.responses.get(name, ()), *near.get(name, ())) for name in {*catalogue.responses, *near}}
