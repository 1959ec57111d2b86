"""``claimbench figures``: the papers' figures, redrawn from a result beside the printed values."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from claims.cli.common import check_writable, say, write_bytes, write_text
from claims.discovery import installed
from claims.errors import NothingSelected
from claims.evidence.store import DEFAULT_STORE
from claims.extras import is_there, lacking
from claims.figures import Figure, Measured
from claims.report.document import LATEST, load_result
from claims.report.numbers import counted
from claims.verdict import Tier

if TYPE_CHECKING:
    from claims.report.figure_data import Drawn


@click.command("figures")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--json",
    "json_files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A result; of several, each claim's first that measured it.  [default: of the last audit]",
)
@click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Folder of the files.  [default: {DEFAULT_STORE.parent / 'figures'}]",
)
@click.option("--list", "listing", is_flag=True, help="Show the figures that the installed packs declare.")
def command(*, names: tuple[str, ...], json_files: tuple[Path, ...], folder: Path | None, listing: bool) -> None:
    """Draw the papers' figures from a result: ours beside the printed values, as SVG, PDF and CSV.

    NAME is a figure's, or a glob on names; without one, all are drawn. Nothing is measured: what the result does not
    have is left out, with the audit that would measure it.
    """
    chosen = _chosen(names)
    if listing:
        for figure in chosen:
            say(f"{figure.key}  {figure.locus}: {figure.title}")
        return
    if not is_there("matplotlib"):
        raise lacking("matplotlib")
    document = _together([load_result(path) for path in json_files or (DEFAULT_STORE.with_name(LATEST),)])
    target = folder or DEFAULT_STORE.parent / "figures"
    check_writable("--into", target)
    for figure in chosen:
        _write(figure, document, target)


def _together(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The claims of several results: of each the first row that has most, estimates at points before one for all."""
    rows: dict[str, Mapping[str, Any]] = {}
    for row in (row for document in documents for row in document["claims"]):
        if row["id"] not in rows or _has(row) > _has(rows[row["id"]]):
            rows[row["id"]] = row
    return {"claims": list(rows.values())}


def _has(row: Mapping[str, Any]) -> tuple[int, bool]:
    """How many points of a claim have an estimate, and whether it has one itself."""
    return sum(point["estimate"] is not None for point in row["points"]), row["estimate"] is not None


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
    missing = [each for each in drawn if each.kind == "measured" and not each.dots]
    if not any(each.dots for each in drawn):
        say(f"{figure.key}: left out, the result has nothing of it")
    else:
        for form in ("svg", "pdf"):
            write_bytes(folder / f"{figure.key}.{form}", rendered(figure, drawn, form=form))
        write_text(folder / f"{figure.key}.csv", as_csv(figure, drawn))
        names = (f"{each.series.label}{f' ({each.series.arm})' if each.series.arm else ''}" for each in missing)
        count = counted(sum(len(each.dots) for each in drawn), "number")
        lacks = f"; not in this result: {', '.join(dict.fromkeys(names))}" if missing else ""
        say(f"{folder / figure.key}.svg, .pdf, .csv: {count}{lacks}")
    if missing:
        say(f"  {_advice(missing)}")


def _advice(missing: Sequence[Drawn]) -> str:
    """The audit that measures series that a result does not have."""
    ids = {name for each in missing if isinstance(each.series, Measured) for name in each.series.claims}
    known = [claim for pack in installed().values() for claim in pack.claims() if claim.id in ids]
    tier = max((claim.decides for claim in known), key=lambda tier: tier.level, default=Tier.STANDARD)
    named = " ".join(claim.id for claim in known)
    model = " --model smollm2" if any(claim.needs == "model" and not claim.of for claim in known) else ""
    of = sorted({claim.of for claim in known if claim.of})
    needs = f" (needs {', '.join(of)}: --model PATH)" if of else ""
    return f"claimbench audit {named} --tier {tier}{model}{needs}"
