"""The page's numbers of the kernels are those of the recorded measurement, and its aims are told as they came out."""

import importlib.util
import math
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "kernels.md").read_text(encoding="utf-8")


def module_of(path):
    spec = importlib.util.spec_from_file_location(f"{path.stem}_loaded", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = module_of(ROOT / "tools" / "kernels.py")
MACHINES = tool.recorded()


def test_tables_are_the_measured_ones():
    assert tool.tables() in PAGE
    assert MACHINES
    for machine, measured in MACHINES.items():
        assert measured["heading"].startswith(f"{machine}, threads: ")
        assert f"Measured on {measured['heading'].partition('; ')[0]}.\n" in PAGE


def test_every_measured_result_was_right():
    for measured in MACHINES.values():
        assert measured["rows"]
        assert all(row["error"] <= 1 for row in measured["rows"])
        assert all(math.isfinite(row["of_limit"]) and row["of_limit"] > 0 for row in measured["rows"])


def test_rows_with_aims_are_in_the_table():
    aimed = {row["name"] for measured in MACHINES.values() for row in measured["rows"] if row["aims"]}
    assert aimed <= set(tool.ROWS)


def test_missed_aims_are_told():
    for machine, measured in MACHINES.items():
        for row in measured["rows"]:
            reached = row["ratios"] | {row["limit"]: row["of_limit"]} | row.get("limits", {})
            for name, aim in row["aims"].items():
                assert reached[name] >= aim or f"`{row['name']}` misses" in PAGE, (
                    f"{row['name']} reaches {reached[name]:.3g} of {aim:.3g} on {machine}: the page does not say so"
                )


def test_a_machine_is_recorded_beside_others(tmp_path, monkeypatch):
    record = module_of(ROOT / "benchmarks" / "recording.py").record
    path = tmp_path / "kernels.json"
    record(path, "one", {"heading": "one, threads: 1", "rows": [1]})
    record(path, "two", {"heading": "two, threads: 1", "rows": [2]})
    record(path, "one", {"heading": "one, threads: 1", "rows": [3]})
    monkeypatch.setattr(tool, "MEASURED", path)
    assert {name: measured["rows"] for name, measured in tool.recorded().items()} == {"one": [3], "two": [2]}
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
