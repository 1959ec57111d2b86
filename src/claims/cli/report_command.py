"""``claimbench report``: the HTML page of a result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from claims.claim import Claim
from claims.cli.common import DEFAULT_STORE, catalogue_of, check_writable, write_text
from claims.paper import Paper
from claims.report.document import LATEST, load_result


@click.command("report")
@click.argument("files", nargs=-1, metavar="[FILE.py]...", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="The result.  [default: of the last audit]")
@click.option(
    "--report",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_STORE.parent / "report",
    show_default=True,
    help="Folder of the page.",
)
def command(files: tuple[Path, ...], json_file: Path | None, folder: Path) -> None:
    """Build the HTML page of a result: of a JSON file, or of the last audit.

    Name the claim files of the audit, if it was one of files, to have papers and tolerances on the page.
    """
    document = load_result(json_file or DEFAULT_STORE.with_name(LATEST))
    catalogue = catalogue_of(files)
    page = write_page(document, folder, papers=catalogue.papers, claims=catalogue.claims)
    click.echo(f"{page}: {len(document['claims'])} claims")


def write_page(
    document: Mapping[str, Any],
    folder: Path,
    *,
    papers: Mapping[str, Paper],
    claims: Mapping[str, Claim],
    notice: str = "",
) -> Path:
    """Write the page of a result into a folder; its path.

    Raises:
        BadOption: the folder cannot be written to.
    """
    from claims.report.page import PAGE, render

    check_writable("--report", folder)
    write_text(folder / PAGE, render(document, papers=papers, claims=claims, notice=notice))
    return folder / PAGE
