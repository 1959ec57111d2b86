"""Bring README.md up to date with results/*.json: ``python tools/table.py``, after audits at the standard tier.

Of drawn numbers, ``--json results/standard.json`` for the five papers; of the trained model, ``--model smollm2 --json
results/smollm2.json`` for their claims with ``needs:model``, which take the place of what is unavailable without one.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from claims.catalogue import Catalogue, load_catalogue
from claims.report.document import load_result
from claims.report.numbers import band_text, estimate_text

ROOT = Path(__file__).parents[1]
RESULTS = {name: ROOT / "results" / f"{name}.json" for name in ("standard", "smollm2")}
README = ROOT / "README.md"
_PLACE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- /table -->)", flags=re.DOTALL)
_VERDICTS = ("HOLDS", "REFUTED", "DEPENDS", "UNDECIDED")


def slim() -> None:
    """Leave out each claim's points, which make a result four times as long."""
    for path in RESULTS.values():
        document = load_result(path)
        for row in document["claims"]:
            row["points"] = []
        path.write_text(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def load() -> list[dict[str, Any]]:
    """Every claim's result, the trained model's where there is one."""
    drawn, trained = (load_result(path)["claims"] for path in RESULTS.values())
    found = {row["id"]: row for row in trained}
    return [found.get(row["id"], row) for row in drawn]


def table(every: list[dict[str, Any]], catalogue: Catalogue) -> str:
    """Counts by paper, then every claim of each with its verdict."""
    papers = list(dict.fromkeys(row["paper"] for row in every))
    lines = [_row("paper", "claims", *_VERDICTS), _row("---", *["---:"] * (1 + len(_VERDICTS)))]
    for paper in papers:
        rows = [row for row in every if row["paper"] == paper]
        found = Counter(row["verdict"] for row in rows)
        name = f"{catalogue.papers[paper].identifier}, `{paper}`"
        lines.append(_row(name, str(len(rows)), *(str(found[verdict]) for verdict in _VERDICTS)))
    for paper in papers:
        lines += ["", f"### {paper}", "", f"{catalogue.papers[paper].title}.", ""]
        lines += [_row("claim", "who", "what it says", "verdict", "estimate", "band"), _row(*["---"] * 6)]
        for row in (row for row in every if row["paper"] == paper):
            said = (row["statement"], row["verdict"], estimate_text(row["estimate"], row["interval"]))
            name = f"`{row['id'].partition('.')[2]}`"
            lines.append(_row(name, row["role"], *said, band_text(row["band"])))
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def written() -> str:
    """README.md as it should be."""
    made = table(load(), load_catalogue())
    return _PLACE.sub(lambda _: made, README.read_text(encoding="utf-8"))


if __name__ == "__main__":
    slim()
    README.write_text(written(), encoding="utf-8")
