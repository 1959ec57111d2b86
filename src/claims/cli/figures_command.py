"""``claimbench figures``: the papers' figures, redrawn from a result beside the printed values."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from claims.cli.common import check_writable, say, write_bytes, write_text
from claims.discovery import installed
from claims.errors import NothingSelected
from claims.evidence.store import DEFAULT_STORE
from claims.extras import is_there, lacking
from claims.figures import Figure
from claims.report.document import LATEST, load_result
from claims.report.numbers import counted


@click.command("figures")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="The result.  [default: of the last audit]")
@click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Folder of the files.  [default: {DEFAULT_STORE.parent / 'figures'}]",
)
@click.option("--list", "listing", is_flag=True, help="Show the figures that the installed packs declare.")
def command(*, names: tuple[str, ...], json_file: Path | None, folder: Path | None, listing: bool) -> None:
    """Draw the papers' figures from a result: ours beside the printed values, as SVG, PDF and CSV.

    NAME is a figure's, or a glob on names; without one, all are drawn. Nothing is measured: what the result does not
    have is left out, and said.
    """
    chosen = _chosen(names)
    if listing:
        for figure in chosen:
            say(f"{figure.key}  {figure.locus}: {figure.title}")
        return
    if not is_there("matplotlib"):
        raise lacking("matplotlib")
    document = load_result(json_file or DEFAULT_STORE.with_name(LATEST))
    target = folder or DEFAULT_STORE.parent / "figures"
    check_writable("--into", target)
    for figure in chosen:
        _write(figure, document, target)


def _chosen(names: tuple[str, ...]) -> list[Figure]:
    """The figures of the installed packs that are named.

    Raises:
        NothingSelected: a name fits none.
    """
    every = [figure for pack in installed().values() for figure in pack.declared_figures()]
    for name in names:
        if not any(fnmatch.fnmatchcase(figure.key, name) for figure in every):
            known = ", ".join(figure.key for figure in every) or "the installed packs declare none"
            raise NothingSelected(f"{name}: no such figure; {known}")
    return [figure for figure in every if not names or any(fnmatch.fnmatchcase(figure.key, name) for name in names)]


def _write(figure: Figure, document: Mapping[str, Any], folder: Path) -> None:
    from claims.report.figure_data import as_csv, numbers
    from claims.report.paper_figure import rendered

    drawn = numbers(figure, document)
    missing = [each.series.label for each in drawn if not each.dots]
    if len(missing) == len(drawn):
        say(f"{figure.key}: left out, the result has nothing of it")
        return
    for form in ("svg", "pdf"):
        write_bytes(folder / f"{figure.key}.{form}", rendered(figure, drawn, form=form))
    write_text(folder / f"{figure.key}.csv", as_csv(drawn))
    lacking_ = f"; not in this result: {', '.join(missing)}" if missing else ""
    say(f"{folder / figure.key}.svg, .pdf, .csv: {counted(sum(len(each.dots) for each in drawn), 'number')}{lacking_}")
