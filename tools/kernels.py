"""The kernels' tables of ``docs/kernels.md``: rows of ``benchmarks/kernels.json``, which ``make bench-record`` writes.

One table a machine on record. ``python tools/kernels.py`` puts them there; a test holds the page to them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MEASURED, PAGE = ROOT / "benchmarks" / "kernels.json", ROOT / "docs" / "kernels.md"
ROWS = (
    "rms_norm",
    "rms_norm_jvp",
    "transverse_energy",
    "sign_flip_linear",
    "gemm",
    "sign_flip",
    "nvfp4_quantize",
    "nvfp4_quantize stochastic",
    "nvfp4_quantize columns",
    "mxfp4_quantize",
    "hadamard_transform",
    "ternary product int8",
    "ternary product int8, 1024",
    "ternary product int8, 2048",
    "ternary product int8, 8192",
)
BEGIN, END = "<!-- machines on record: tools/kernels.py -->", "<!-- end -->"
HEAD = "| kernel | size | share of limit | times faster than |\n| --- | --- | --- | --- |\n"


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 2 else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def _line(row: Mapping[str, Any]) -> str:
    ratios = "; ".join(f"{_ratio(value)}x {peer}" for peer, value in row["ratios"].items())
    return f"| {row['name']} | {row['shape']} | {row['of_limit']:.2f} of {row['limit']} | {ratios} |\n"


def recorded() -> dict[str, Any]:
    """What was measured, by machine: ``heading`` and ``rows``."""
    found: dict[str, Any] = json.loads(MEASURED.read_text(encoding="utf-8"))["machines"]
    return found


def table(measured: Mapping[str, Any]) -> str:
    """Markdown of one machine, from its first to its last line; a row that its measurement had not yet is left out."""
    rows = {row["name"]: row for row in measured["rows"]}
    lines = "".join(_line(rows[name]) for name in ROWS if name in rows)
    return f"{HEAD}{lines}\nMeasured on {measured['heading'].partition('; ')[0]}.\n"


def tables() -> str:
    """All machines, between the two marks."""
    return f"{BEGIN}\n" + "\n".join(table(measured) for _, measured in sorted(recorded().items())) + f"{END}\n"


def main() -> None:
    """Replace the tables in the page."""
    text = PAGE.read_text(encoding="utf-8")
    text, found = re.subn(f"{re.escape(BEGIN)}.*?{re.escape(END)}\n", lambda _: tables(), text, flags=re.DOTALL)
    if found != 1:
        raise SystemExit("the page has no place for the tables")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
