"""``claimbench figures``: the papers' figures, redrawn from a result beside the printed values."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from claims.claim import Claim
from claims.cli.common import check_writable, say, store_option, subject_options, write_bytes, write_text
from claims.discovery import installed
from claims.errors import NothingSelected
from claims.evidence.store import DEFAULT_STORE
from claims.experiment import Point
from claims.extras import is_there, lacking
from claims.figures import Figure, Measured, Recorded
from claims.report.document import LATEST, load_result
from claims.report.numbers import counted
from claims.subject import NOBODY, Subject
from claims.verdict import Tier

if TYPE_CHECKING:
    from claims.kinds.base import Judgement
    from claims.report.figure_data import Drawn, Recall


@click.command("figures")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--json",
    "json_files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A result; of several, each claim from the first that has most of it.  [default: of the last audit]",
)
@click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Folder of the files.  [default: {DEFAULT_STORE.parent / 'figures'}]",
)
@store_option
@subject_options
@click.option("--list", "listing", is_flag=True, help="Show the figures that the installed packs declare.")
def command(
    *,
    names: tuple[str, ...],
    json_files: tuple[Path, ...],
    folder: Path | None,
    store: Path,
    model: str | None,
    text: str | None,
    listing: bool,
) -> None:
    """Draw the papers' figures from a result: ours beside the printed values, as SVG, PDF and CSV.

    NAME is a figure's, or a glob on names; without one, all are drawn. Nothing is measured: what the result, or for
    some series the store of evidence, does not have is left out, with the audit that would measure it.
    """
    chosen = _chosen(names)
    if listing:
        for figure in chosen:
            say(f"{figure.key}  {figure.locus}: {figure.title}")
        return
    if not is_there("matplotlib"):
        raise lacking("matplotlib")
    documents = [load_result(path) for path in json_files or (store.with_name(LATEST),)]
    target = folder or DEFAULT_STORE.parent / "figures"
    check_writable("--into", target)
    with ExitStack() as stack:
        recall = _recall(stack, chosen, store, epoch=documents[0]["epoch"], model=model, text=text)
        for figure in chosen:
            _write(figure, _together(documents), recall, target)


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


def _recall(
    stack: ExitStack, figures: Iterable[Figure], path: Path, *, epoch: int, model: str | None, text: str | None
) -> Recall:
    """What takes recorded series from a store of evidence; nothing where there is none, or no figure asks for it."""
    needed = {
        quantity.experiment.needs
        for figure in figures
        for series in figure.series
        if isinstance(series, Recorded)
        for quantity in series.test.quantities()
    }
    if not needed or not path.is_file():
        return lambda series: ()
    from claims.auditing.recorded import recorded
    from claims.evidence.store import Store

    store = stack.enter_context(Store.reading(path))
    subject = _subject(model, text) if any(needed) else NOBODY

    def recall(series: Recorded) -> Iterator[tuple[Point, Judgement]]:
        if not any(subject.lacks(quantity.experiment.needs) for quantity in series.test.quantities()):
            yield from recorded(series.test, series.at, store, epoch=epoch, subject=subject)

    return recall


def _subject(model: str | None, text: str | None) -> Subject:
    from claims.models.subjects import subject_of

    return subject_of(model, text)


def _write(figure: Figure, document: Mapping[str, Any], recall: Recall, folder: Path) -> None:
    from claims.report.figure_data import numbers
    from claims.report.figure_table import as_csv
    from claims.report.paper_figure import rendered

    drawn = numbers(figure, document, recall)
    missing = [each for each in drawn if each.kind == "measured" and not each.dots]
    if not any(each.dots for each in drawn):
        say(f"{figure.key}: left out, nothing of it is there")
    else:
        for form in ("svg", "pdf"):
            write_bytes(folder / f"{figure.key}.{form}", rendered(figure, drawn, form=form))
        write_text(folder / f"{figure.key}.csv", as_csv(figure, drawn))
        names = (f"{each.series.label}{f' ({each.series.arm})' if each.series.arm else ''}" for each in missing)
        count = counted(sum(len(each.dots) for each in drawn), "number")
        lacks = f"; without {', '.join(dict.fromkeys(names))}" if missing else ""
        say(f"{folder / figure.key}.svg, .pdf, .csv: {count}{lacks}")
    if missing:
        say(f"  {_advice(missing)}")


def _advice(missing: Sequence[Drawn]) -> str:
    """The audit that measures series that are not there."""
    every = [claim for pack in installed().values() for claim in pack.claims()]
    ids = {name for each in missing if isinstance(each.series, Measured) for name in each.series.claims}
    for each in missing:
        if isinstance(each.series, Recorded):
            ids |= set(_measuring(each.series, every))
    known = [claim for claim in every if claim.id in ids]
    tier = max((claim.decides for claim in known), key=lambda tier: tier.level, default=Tier.STANDARD)
    model = " --model smollm2" if any(claim.needs == "model" and not claim.of for claim in known) else ""
    of = sorted({claim.of for claim in known if claim.of})
    needs = f" (needs {', '.join(of)}: --model PATH)" if of else ""
    return f"claimbench audit {' '.join(claim.id for claim in known)} --tier {tier}{model}{needs}"


def _measuring(series: Recorded, claims: Iterable[Claim]) -> Iterator[str]:
    """The first claim that measures each experiment of a recorded series; it measures all cells of its sweep."""
    wanted = {(made.name, made.sweep) for made in (quantity.experiment for quantity in series.test.quantities())}
    for claim in claims:
        found = {(made.name, made.sweep) for made in (quantity.experiment for quantity in claim.test.quantities())}
        if found & wanted:
            wanted -= found
            yield claim.id
