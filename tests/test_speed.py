"""The tables of speed: one command runs their scripts, what it keeps is what they wrote, and the page is the record."""

import importlib.util
import json
import math
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

ROOT = Path(__file__).parents[1]
BEFORE = list(sys.path)
sys.path.append(str(ROOT))  # the benchmarks are no installed package, and nothing else is to be found there
from benchmarks import gate_proof, harness_peers, looks, protocols, records, speed  # noqa: E402

sys.path[:] = BEFORE
SPEC = importlib.util.spec_from_file_location("speed_tool", ROOT / "tools" / "speed.py")
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)
TEXT = tool.PAGE.read_text(encoding="utf-8")
RECORD = json.loads(tool.MEASURED.read_text(encoding="utf-8"))


# The page


def test_the_page_is_the_record():
    assert tool.page(TEXT, RECORD) == TEXT
    assert [found["part"] for found in tool.MARK.finditer(TEXT)] == list(speed.NAMES)
    assert {part["name"] for part in RECORD["parts"]} <= set(speed.NAMES)
    assert not [part["name"] for part in RECORD["parts"] if part["status"]]


def test_a_part_without_a_place_is_refused_and_one_that_was_not_measured_is_told():
    part = {
        "name": "new",
        "rows": [{"a": 1}],
        "environment": {"machine": "m", "cores": 2, "load": None},
        "seconds": 1.0,
    }
    with pytest.raises(SystemExit, match="no marks for new"):
        tool.page(TEXT, {"parts": [part]})
    assert TEXT.count("| ") > 0
    assert 'make speed-record PARTS="gate"' in tool.page(TEXT, {"parts": []})


def test_a_table_of_unknown_columns_shows_what_is_flat():
    rows = [{"name": "a|b", "x": 1234.5, "x_low": 1000.0, "x_high": 2000.0, "list": [1], "none": None}]
    assert list(tool.cells(tool.flat(rows), rows)) == [
        "| name | x | none |",
        "| --- | --- | --- |",
        "| a\\|b | 1,234 (1,000 to 2,000) |  |",
    ]


def test_rows_as_their_scripts_write_them_are_shown():
    counted = gate_proof.Outcome(row="gemm", unchanged="as fast", planted="slower", launches=5)
    proof = gate_proof.Record(commit="c", factor=1.3, rows=["gemm"], machine="m", seconds=1.0, runs=[[counted]])
    line = protocols.Line(
        "Table 2, n = 512", 1.0, 0.01, 2.0, 200.0, (180.0, 220.0), 150.0, 4, 4, 5, 50, 0.5, "why | not"
    )
    machines = json.loads((ROOT / "benchmarks" / "kernels.json").read_text("utf-8"))["machines"]
    rows = {
        "kernels": next(iter(machines.values()))["rows"],
        "conformance": json.loads(speed.CONFORMANCE.read_text("utf-8"))["rows"],
        "gate": gate_proof.table(proof),
        "protocols": [asdict(line)],
        "audits": [
            {"what": "list", "runs": 2}
            | records.mean_interval([1, 2]).named("seconds")
            | records.mean_interval([0.1, 0.1]).named("over_first")
        ],
    }
    for name, each in rows.items():
        part = {"name": name, "rows": each, "environment": {"machine": "m", "cores": 2, "load": 0.5}, "seconds": 9.0}
        text = tool.block(name, {name: part})
        assert len([row for row in text.splitlines() if row.startswith("|")]) == len(each) + 2
        assert "Measured on m, 2 cores, load 0.5 before it, in 9 seconds." in text
    assert "200 (180 to 220) | why \\| not |" in tool.block(
        "protocols", {"protocols": part | {"rows": rows["protocols"]}}
    )


def test_of_estimators_table_2_and_the_least_the_median_and_the_most_are_shown():
    rows = [
        {"name": "Table 2, n = 512", "gain": 300.0},
        *({"name": f"e{gain}", "gain": gain} for gain in range(9, 0, -1)),
    ]
    assert [row["gain"] for row in tool.picked(rows)] == [300.0, 1, 2, 3, 5, 9]
    assert tool.picked(rows[:2]) == rows[:2]
    assert tool.picked([]) == []


# The command


class Scripts:
    """Parts whose scripts are written here."""

    def __init__(self, folder, monkeypatch):
        (folder / "benchmarks").mkdir()
        monkeypatch.setattr(speed, "ROOT", folder)
        monkeypatch.setattr(speed, "NAMES", ("one", "two"))
        monkeypatch.setattr(
            speed, "PARTS", tuple(speed.Part(name=n, title=n, script=f"{n}.py", quick=("q",)) for n in ("one", "two"))
        )
        self.folder, self.record = folder, folder / "speed.json"

    def write(self, name, text):
        head = "import json, sys, pathlib\nfile = pathlib.Path(sys.argv[sys.argv.index('--json') + 1])\n"
        (self.folder / "benchmarks" / f"{name}.py").write_text(head + text, encoding="utf-8")


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    return Scripts(tmp_path, monkeypatch)


def test_tables_are_kept_and_a_part_that_is_measured_again_replaces_itself(scripts, capfd):
    scripts.write("one", "file.write_text(json.dumps({'rows': [{'a': len(sys.argv)}]})); print('as it comes')")
    scripts.write("two", "file.write_text(json.dumps({'ways': [{'b': 2}]}))")
    assert speed.main(["--json", str(scripts.record)]) == 0
    assert "as it comes" in capfd.readouterr().out
    found = json.loads(scripts.record.read_text())
    assert [(part["name"], part["rows"]) for part in found["parts"]] == [("one", [{"a": 3}]), ("two", [{"b": 2}])]
    scripts.write("one", "file.write_text(json.dumps({'rows': [{'a': 9}]}))")
    assert speed.main(["one", "--json", str(scripts.record)]) == 0
    assert [part["rows"] for part in json.loads(scripts.record.read_text())["parts"]] == [[{"a": 9}], [{"b": 2}]]
    assert speed.main(["one", "--quick"]) == 0


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [("sys.exit(1)", 1, "failed: one"), ("pass", 1, "one.py has written no rows"), (None, 2, "no benchmarks/one.py")],
)
def test_a_part_that_fails_is_named_and_the_others_run(scripts, capfd, text, status, says):
    if text is not None:
        scripts.write("one", text)
    scripts.write("two", "file.write_text(json.dumps({'rows': [{'b': 2}]})); print('two has run')")
    assert speed.main([]) == status
    told = "".join(capfd.readouterr())
    assert says in told
    assert "two has run" in told


def test_a_part_of_another_machine_stays_and_says_so(scripts):
    scripts.write("one", "file.write_text(json.dumps({'rows': [{'a': 1}]}))")
    other = {"name": "two", "environment": {"machine": "another"}, "rows": [{"b": 1}]}
    scripts.record.write_text(json.dumps({"parts": [other]}))
    assert speed.main(["one", "--json", str(scripts.record)]) == 0
    one, two = json.loads(scripts.record.read_text())["parts"]
    assert two == other
    assert one["environment"]["machine"] == speed.environment()["machine"]


@pytest.mark.parametrize("arguments", [["three"], ["--quick", "--json", "file"], ["--json", "no/such/folder/file"]])
def test_bad_usage(arguments):
    with pytest.raises(SystemExit) as ended:
        speed.main(arguments)
    assert ended.value.code == 2


@pytest.mark.landing
def test_some_parts_run():
    assert speed.main(["looks", "kernels", "--quick"]) == 0


@pytest.mark.slow
def test_every_part_runs():
    assert speed.main(["--quick"]) == 0


# What the tables compute


@pytest.mark.parametrize("distance", [0.3, 0.5, 1.0, 2.0])
def test_a_fixed_test_has_as_many_seeds_as_statsmodels_says(distance):
    seeds = TTestPower().solve_power(distance, alpha=1e-5, power=0.99, alternative="larger")
    assert looks.fixed_seeds(distance) == math.ceil(seeds)
    assert looks.fixed_seeds(1000.0) >= 2
    with pytest.raises(ValueError, match="distance"):
        looks.fixed_seeds(0.0)


def test_intervals():
    assert records.mean_interval([3.0]).named("x") == {"x": 3.0, "x_low": 3.0, "x_high": 3.0}
    found = records.mean_interval([1.0, 2.0, 3.0])
    assert (found.low, found.high) == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-3)
    rate = records.rate_interval(0, 20)
    assert (rate.value, rate.low, rate.high) == pytest.approx((0, 0, 0.1684), abs=1e-4)


def test_the_distance_is_that_to_the_nearest_edge():
    draw = np.random.default_rng(1)
    values = np.stack([draw.normal(2.0, 1.0, 4000), draw.normal(0.5, 1.0, 4000)])
    found = harness_peers.distances(values)
    assert found.low < 0.5 < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 / math.sqrt(4000), rel=0.2)
    at_edge, misses = harness_peers.single_seed(values)
    assert at_edge == pytest.approx(0.5, abs=0.03)
    assert misses == pytest.approx(0.31 + 0.02, abs=0.03)


def test_a_comparison_that_is_told_enough_errs_as_seldom_as_the_audit():
    seeds = harness_peers.allclose_seeds(0.5)
    draw = np.random.default_rng(2)
    tolerance = 4.2649 / math.sqrt(seeds)  # by how much a mean on the edge may lie inside: 1e-5
    means = 0.5 + draw.normal(size=200_000) / math.sqrt(seeds)
    assert (means > tolerance).mean() == pytest.approx(0.99, abs=0.003)


def test_hypothesis_refutes_what_is_true_of_the_mean_alone():
    assert harness_peers.examples(np.ones((1, 50)))[1]
    values = np.random.default_rng(3).normal(0.5, 1.0, (1, 500))
    assert not harness_peers.examples(values)[1]
