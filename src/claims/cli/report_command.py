"""``claimbench report``: the HTML pages of a result."""

from __future__ import annotations

from pathlib import Path

import click

from claims.cli.common import STDOUT, catalogue_of, print_json, say
from claims.evidence.store import DEFAULT_STORE
from claims.report.document import LATEST, load_result, schema

#: What ``--summary`` is where no file follows: GitHub Actions names the file in this variable.
_STEP = "$GITHUB_STEP_SUMMARY"


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
        from claims.cli.pages import write_pages

        page = write_pages(
            document,
            folder or DEFAULT_STORE.parent / "report",
            catalogue=catalogue,
            files=files,
            beside=path if path.is_dir() else path.parent,
        )
        say(f"{page}: {len(document['claims'])} claims", err=STDOUT in wanted.values())
