"""``claimbench list --results``: what an audit found, shown again later."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from claims.catalogue import Catalogue, split_selection
from claims.cli.common import print_json
from claims.errors import NothingSelected
from claims.evidence.store import DEFAULT_STORE
from claims.report.consoles import console
from claims.report.document import LATEST, load_result
from claims.report.summary import summarise


def show_results(
    catalogue: Catalogue,
    wanted: Collection[str] | None,
    select: Sequence[str],
    *,
    results: Path | None,
    table: bool,
    as_json: bool,
) -> None:
    """A result as the end of its audit showed it, or every claim of it as a row.

    Args:
        catalogue: declarations, for what a result does not say.
        wanted: ids to show; None shows all, those too that the catalogue does not know.
        select: the selection as it was typed.
        results: a JSON file or a store; None is the last audit.
        table: every claim instead of what fits a screen.
        as_json: the summary as JSON instead; with ``table`` the claims of the result.

    Raises:
        InvalidResult: the result cannot be read.
        NothingSelected: it has none of the claims.
    """
    path = results or DEFAULT_STORE.with_name(LATEST)
    document = load_result(path)
    rows = [row for row in document["claims"] if wanted is None or row["id"] in wanted]
    if not rows:
        raise NothingSelected(f"{path}: none of the selected claims was audited")
    if as_json:
        print_json(rows if table else summarise(document, rows).to_json())
    elif table:
        from claims.report.terminal import show_rows

        show_rows(console(), [(catalogue.claims.get(row["id"]), row) for row in rows])
    else:
        from claims.report.screen import show_screen, steps_after

        summary = summarise(document, rows)
        files = [str(file) for file in split_selection(select)[0]]
        show_screen(console(), summary, head=f"result: {path}", steps=steps_after(summary, files))
