"""The page's numbers of the kernels are those of the recorded measurement, and its aims are told as they came out."""

import importlib.util
import json
import math
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "kernels.md").read_text(encoding="utf-8")
SPEC = importlib.util.spec_from_file_location("kernels_tool", ROOT / "tools" / "kernels.py")
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)
MEASURED = json.loads(tool.MEASURED.read_text(encoding="utf-8"))


def test_table_is_the_measured_one():
    assert tool.table() in PAGE
    assert f"Measured on {tool.machine()}.\n" in PAGE


def test_every_measured_result_was_right():
    assert MEASURED["rows"]
    assert all(row["error"] <= 1 for row in MEASURED["rows"])
    assert all(math.isfinite(row["of_limit"]) and row["of_limit"] > 0 for row in MEASURED["rows"])


def test_rows_with_aims_are_in_the_table():
    aimed = {row["name"] for row in MEASURED["rows"] if row["aims"]}
    assert aimed <= set(tool.ROWS)


def test_missed_aims_are_told():
    for row in MEASURED["rows"]:
        for peer, aim in row["aims"].items():
            reached = row["of_limit"] if peer == row["limit"] else row["ratios"][peer]
            named = f"`{row['name']}` misses" in PAGE
            assert reached >= aim or named, (
                f"{row['name']} reaches {reached:.3g} of {aim:.3g} and the page does not say so"
            )
