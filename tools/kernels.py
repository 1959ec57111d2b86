"""The kernels' table of ``docs/kernels.md``: rows of ``benchmarks/kernels.json``, which ``make bench-record`` writes.

``python tools/kernels.py`` puts it there; a test holds the page to it.
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
    "nvfp4_quantize",
    "mxfp4_quantize",
    "hadamard_transform",
    "ternary product int8",
)
HEAD = "| kernel | size | share of limit | times faster than |\n| --- | --- | --- | --- |\n"


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 2 else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def _line(row: Mapping[str, Any]) -> str:
    ratios = "; ".join(f"{_ratio(value)}x {peer}" for peer, value in row["ratios"].items())
    return f"| {row['name']} | {row['shape']} | {row['of_limit']:.2f} of {row['limit']} | {ratios} |\n"


def table() -> str:
    """Markdown, from its first to its last line."""
    rows = {row["name"]: row for row in json.loads(MEASURED.read_text(encoding="utf-8"))["rows"]}
    return HEAD + "".join(_line(rows[name]) for name in ROWS)


def machine() -> str:
    """Machine, threads and torch of the measurement."""
    heading = json.loads(MEASURED.read_text(encoding="utf-8"))["heading"]
    return str(heading.partition("; ")[0])


def main() -> None:
    """Replace the table and the machine in the page."""
    text = PAGE.read_text(encoding="utf-8")
    text, tables = re.subn(re.escape(HEAD) + r"(?:\|.*\n)*", lambda _: table(), text)
    text, machines = re.subn(r"(?<=^Measured on ).*(?=\.$)", lambda _: machine(), text, flags=re.MULTILINE)
    if tables != 1 or machines != 1:
        raise SystemExit("the page has no place for the table")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
