"""The pages of the documentation that are made from something else: of papers, of what was refuted, of commands.

``docs/conf.py`` writes them into ``docs/generated`` at each build.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from claims.catalogue import Catalogue, load_catalogue
from claims.cli import main
from claims.report.numbers import band_text, estimate_text
from claims.report.readings import curve
from claims.report.standing import Standing, by_standing
from claims.verdict import Verdict


def _beside(name: str) -> ModuleType:
    """Another script of ``tools/``: ``results`` reads the results on record."""
    spec = importlib.util.spec_from_file_location(f"{name}_tool", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(folder: Path) -> None:
    """Write every page; a file that is right already is left alone, so that Sphinx does not read it again."""
    results, catalogue = _beside("results"), load_catalogue()
    documents = results.load()
    texts = {f"{paper}.md": paper_page(results, paper, documents[paper], catalogue) for paper in documents}
    texts["fairness.md"] = _beside("fairness").page(documents, catalogue)
    texts["commands.md"] = commands_page()
    texts["calibration.md"] = _beside("calibration").page()
    texts["planted.md"] = _beside("planted").page()
    texts["protocols.md"] = _beside("protocols").page()
    folder.mkdir(parents=True, exist_ok=True)
    for stale in {path.name for path in folder.iterdir()} - texts.keys():
        (folder / stale).unlink()
    for name, text in texts.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def paper_page(results: ModuleType, paper: str, document: Mapping[str, Any], catalogue: Catalogue) -> str:
    """One paper: verdicts by section, then every finding with what is true instead."""
    about = catalogue.papers[paper]
    version = f", version {about.version}" if about.version is not None else ""
    counts = Counter(row["verdict"] for row in document["claims"])
    listed = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    environment = ", ".join(f"{name} {value}" for name, value in document["environment"].items())
    parts = [
        f"# {paper}\n\n{_text(about.title)} ({about.identifier}{version}).\n\n"
        f"{len(document['claims'])} claims: {listed}. Tier {document['tier']}, epoch {document['epoch']}; "
        f"{environment}. "
        "Verdicts rest on how each passage was read; every claim says in its statement what was tested.\n",
        f"## Verdicts by section\n\n{results.by_section(paper, document, catalogue)}",
    ]
    for where, rows in by_standing(document["claims"], row=lambda row: row).items():
        if where is not Standing.CONTROL:  # false on purpose
            parts.append(f"## {where.heading}\n\n" + "\n".join(_finding(row, catalogue) for row in rows))
    return "\n".join(parts)


def _finding(row: Mapping[str, Any], catalogue: Catalogue) -> str:
    """One claim that does not hold, or depends: where, what is claimed, what was found, what holds instead."""
    claim = catalogue.claims[row["id"]]
    lines = [f"`{row['id']}`", f": *{_text(claim.locus)}.* {_text(claim.statement)}"]
    if row.get("read_as"):
        lines.append(f"\n  Read as: {_text(row['read_as'])}")
    if row["estimate"] is not None:
        estimate = estimate_text(row["estimate"], row["interval"]) if row["interval"] else f"{row['estimate']:.4g}"
        band = f", allowed {band_text(row['band'])}" if row["band"] else ""
        lines.append(f"\n  Found: {estimate}{band}.")
    for each in curve(row):
        lines.append(f"\n  {each.row['verdict']} read as {_text(each.name)}: {_text(each.figures)}")
    head = "It turns with" if row["verdict"] == Verdict.DEPENDS else "True instead"
    lines.append(f"\n  {head}: {_text(claim.finding)}")
    if claim.corrected_by:
        lines.append(f"\n  Claim that holds: `{claim.corrected_by}`")
    return "\n".join(lines) + "\n"


def _text(words: str) -> str:
    """Words as text: what Markdown would take for markup is escaped."""
    escaped = "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|$~" else letter for letter in words)
    return " ".join(escaped.split())


def commands_page() -> str:
    """The help of every command, as the program prints it."""
    parts = ["# Commands\n\n```text\n" + _help(main, "claimbench") + "\n```\n"]
    for name, command in _commands(main, "claimbench"):
        parts.append(f"## {name}\n\n```text\n{_help(command, name)}\n```\n")
    return "\n".join(parts)


def _commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group, info_name=name)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        assert command is not None
        yield f"{name} {each}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{name} {each}")


def _help(command: click.Command, name: str) -> str:
    context = click.Context(command, info_name=name, terminal_width=100, max_content_width=100)
    return command.get_help(context)
