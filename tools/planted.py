"""The page of planted errors: how many of each area are noticed, by whom, and all of them, from their lists and record.

``tests/planted/record.json`` is what ``claimbench sensitivity --out`` wrote (``make sensitivity``).
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

from claims.report.sensitivity import markdown
from claims.sensitivity.ledger import Found
from claims.sensitivity.plants import LISTS, Plant, read
from claims.sensitivity.rates import from_json, rows

ROOT = Path(__file__).parents[1]
RECORD = ROOT / LISTS / "record.json"


def page() -> str:
    """The page in Markdown."""
    plants = read([ROOT / LISTS])
    tried = from_json(json.loads(RECORD.read_text(encoding="utf-8")), plants) if RECORD.is_file() else []
    found = {plant.name: each for plant, each in tried}
    parts = [
        f"# Planted errors\n\n{len(plants)} errors, one at a time, in the code of the harness, its kernels and its "
        "papers: what [sensitivity](../trust.md#planted-errors) plants, and who noticed.\n"
    ]
    if tried:
        parts.append(f"Shares with exact limits at 95 %; of {len(tried)} that were tried.\n\n{markdown(rows(tried))}")
    for area, entries in groupby(sorted(plants, key=lambda plant: plant.area), key=lambda plant: plant.area):
        parts.append(f"## {area}\n\n" + "".join(_line(plant, found.get(plant.name)) for plant in entries))
    return "\n".join(parts)


def _line(plant: Plant, found: Found | None) -> str:
    noticed = found and (found.smoke or found.standard or found.tests)
    who = f"; noticed by `{noticed}`" if noticed else ""
    why = f"; survives: {plant.survives}" if plant.survives and not noticed else ""
    return f"* `{plant.name}` ({plant.file}): {plant.wrong}{who}{why}\n"
