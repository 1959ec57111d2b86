"""The HTML pages of a result, in a folder or as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.catalogue import Catalogue
from claims.cli.common import check_writable, write_text
from claims.outline.responses import Response, readings_of, responses_in
from claims.report.document import PAGE
from claims.report.readings import named

if TYPE_CHECKING:
    from claims.report.page_data import Known

#: What the pages of a partial result say at their top.
STOPPED = "The audit was stopped before every claim was decided."


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
    check_writable("--report", folder)
    for name, text in pages_of(document, catalogue=catalogue, files=files, beside=beside).items():
        write_text(folder / name, text)
    return folder / PAGE


def pages_of(
    document: Mapping[str, Any], *, catalogue: Catalogue, files: Sequence[Path] = (), beside: Path | None = None
) -> dict[str, str]:
    """The pages of a result by the names of their files; arguments and errors are those of :func:`write_pages`."""
    from claims.report.coverage import COVERAGE_PAGE, render_coverage
    from claims.report.page import render

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
