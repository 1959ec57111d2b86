"""The picture of the README, ``docs/_static/verdicts.svg``: intervals of five claims on record, bands and rivals.

``python tools/picture.py`` draws it from the results; a test holds the file to what it would draw.
"""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl

from claims.report.document import load_result
from claims.report.figure import draw_rows

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "_static" / "verdicts.svg"
#: Two that hold, two that are refuted, one that nobody can decide.
CLAIMS = (
    "sign-magnitude.thm3.c-pre-limit",
    "sign-magnitude.v0.metric-identity",
    "sign-magnitude.table2.measured-2048-p01",
    "mean-bias.thm3.confidence",
    "mean-bias.table1.improves",
)


def svg() -> str:
    """The drawing, the same for the same results: ids of elements and the date would change otherwise."""
    rows = {}
    for path in sorted((ROOT / "results").glob("*.json")):
        rows |= {row["id"]: row for row in load_result(path)["claims"]}
    with mpl.rc_context({"svg.hashsalt": "claimbench", "svg.fonttype": "none"}):
        stream = io.StringIO()
        draw_rows([rows[name] for name in CLAIMS]).savefig(
            stream, format="svg", metadata={"Date": None, "Creator": None}
        )
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def main() -> None:
    """Write it."""
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
