"""Experiments and the straightforward protocols that they are measured against have the same means."""

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

ROOT = Path(__file__).parents[1]
BEFORE = list(sys.path)
sys.path.append(str(ROOT))  # the benchmarks are no installed package, and nothing else is to be found there
from benchmarks import comparison, protocols  # noqa: E402
from benchmarks.plain import PROTOCOLS, Protocol, protocol_of  # noqa: E402

sys.path[:] = BEFORE

from claims.lazy import load  # noqa: E402
from claims.names import address_of  # noqa: E402
from claims.streams import Streams  # noqa: E402

SIGN = "claims.papers.sign_magnitude."
SEEDS = 24
#: Probability that any comparison below fails although all means are equal: that of an unlucky choice of seeds.
ALPHA = 1e-4
_BLOCK = {"n": 48, "pairs": 16, "plain_inputs": 64, "dtype": "float64"}
#: A small base point and one cell of each protocol that has quantities of the same mean.
POINTS = {
    "activations:block": {
        "n": 48, "pairs": 16, "plain_inputs": 64, "law": "gaussian", "scale": 1.0, "flip_rate": 0.1,
        "activation": ("silu",), "metric": ("pre", "post"),
    },
    "hidden:hidden_layer": _BLOCK | {"m": 64, "step": 1, "flip_rate": (0.1,), "arm": ("sign", "magnitude")},
    "model:two_layer": _BLOCK | {"flip_rate": (0.1,), "metric": ("pre", "post"), "step": (1,), "activation": ("relu",)},
    "outliers:first_order": {"n": 16, "rows": 128, "inputs": 8, "alpha": (0.6,)},
    "outliers:single_flip": {"n": 64, "neurons": 2000, "alpha": (0.4,)},
    "outliers:two_groups": {"n": 64, "neurons": 2000, "outliers": 8, "flip_rate": 0.2, "eta": (0.5,)},
    "probes:flipped_share": {"n": 32, "draws": 4000, "flip_rate": 0.1, "plain_inputs": 4000},
    "probes:outlier_input": {
        "n": 32, "m": 64, "pairs": 32, "plain_inputs": 64, "flip_rate": 1e-4, "alpha": (0.6,), "dtype": "float64",
    },
    "single_layer:perturbed_layer": {
        "n": 48, "m": 48, "inputs": 32, "plain_inputs": 64, "dtype": "float64", "flip_rate": (0.1,),
        "arm": ("sign", "additive", "absolute"),
    },
    "ternary:alignment": {
        "n": 48, "aspect": 1, "law": "gaussian", "input": "sphere", "inputs": 32, "plain_inputs": 64,
        "dtype": "float64", "quantizer": ("ternary",),
    },
    "ternary:gate_quadrants": {
        "n": 48, "m": 64, "pairs": 16, "plain_inputs": 64, "dtype": "float64", "quantizer": ("ternary",),
    },
    "ternary:quantized_block": {
        "n": 48, "m": 48, "pairs": 16, "plain_inputs": 64, "dtype": "float64", "quantizer": ("ternary",),
        "activation": ("relu",),
    },
}  # fmt: skip
WITH_EXACT = sorted(name for name, protocol in PROTOCOLS.items() if protocol.exact)
COMPARISONS = 80  # more than there are


def columns(function, name, point, protocol, word):
    """Values of the exact quantities in every record, seed by seed."""
    found = {}
    for seed in range(SEEDS):
        records = function(point, Streams(3, f"{name} {word}", {}, seed))
        for place, record in enumerate([records] if isinstance(records, dict) else records):
            for quantity in protocol.exact:
                found.setdefault((place, quantity), []).append(record[quantity])
    return {key: np.array(values) for key, values in found.items()}


@pytest.mark.parametrize("name", WITH_EXACT)
def test_levers_and_the_straightforward_protocol_agree(name):
    protocol, point = PROTOCOLS[name], POINTS[name.removeprefix(SIGN)]
    mine = columns(load(address_of(name)), name, point, protocol, "ours")
    plain = columns(protocol.run, name, point, protocol, "plain")
    assert mine.keys() == plain.keys()
    for key, values in mine.items():
        p = stats.ttest_ind(values, plain[key], equal_var=False).pvalue
        assert p > ALPHA / COMPARISONS, f"{key}: {values.mean()} and {plain[key].mean()}, p = {p}"


def test_the_comparison_would_notice_an_estimator_that_is_off():
    name = SIGN + "model:two_layer"
    protocol, point = PROTOCOLS[name], POINTS["model:two_layer"]
    mine = columns(load(address_of(name)), name, point, protocol, "ours")[0, "transverse_sign"]
    plain = columns(protocol.run, name, point, protocol, "plain")[0, "transverse_sign"]
    assert stats.ttest_ind(1.15 * mine, plain, equal_var=False).pvalue < ALPHA / COMPARISONS


def test_names_of_protocols_are_those_of_experiments():
    for name in PROTOCOLS:
        assert callable(load(address_of(name))), name
    assert protocol_of("claims.papers.other:thing") == Protocol()


def line(seeds, gain, *, cells=4, rounds=8, random=None):
    """A measured line of two estimators of normal values whose variances are ``gain`` apart, at equal times."""
    generator = random or np.random.default_rng(1)
    ours = [generator.standard_normal(seeds) for _ in range(cells)]
    plain = [np.sqrt(gain) * generator.standard_normal(rounds) for _ in range(cells)]
    row = dataclasses.make_dataclass("Row", ["name", "trials"])("row", ())
    row.runs = lambda trials: (1,) * cells
    times = np.exp(0.1 * generator.standard_normal((rounds, 2)))
    return protocols._line(row, list(zip(ours, plain, strict=True)), cells, times, "")


def test_the_interval_of_a_gain_covers_it(monkeypatch):
    """200 tables of one line: of intervals that cover in 95 of 100, fewer than 178 would do so once in 1000 times."""
    monkeypatch.setattr(protocols, "DRAWS", 1000)
    generator = np.random.default_rng(7)
    found = [line(40, 30.0, random=generator) for _ in range(200)]
    assert sum(low <= 30.0 <= high for low, high in (made.interval for made in found)) >= 178
    assert np.mean(np.log([made.gain for made in found])) == pytest.approx(np.log(30.0), abs=0.15)


def test_lines_are_marked_where_means_differ_and_where_a_reason_is_lacking():
    made = line(40, 2.0)
    assert protocols.text(made, 60).endswith("no reason is given")
    assert protocols.text(dataclasses.replace(made, why="there is none"), 60).endswith("there is none")
    assert "does not agree" in protocols.text(dataclasses.replace(made, p=1e-6), 60)
    assert protocols.text(dataclasses.replace(made, gain=7.0), 60).endswith("  ")
    assert "no reason" in protocols.text(dataclasses.replace(made, name="Table 2, n = 512", gain=100.0), 60)


def tool():
    spec = importlib.util.spec_from_file_location("protocols_tool", ROOT / "tools" / "protocols.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_has_every_line_of_the_record(tmp_path, monkeypatch):
    page = tool()
    monkeypatch.setattr(page, "MEASURED", tmp_path / "record.json")
    assert "Not in the record yet" in page.page()
    lines = [dataclasses.replace(line(40, gain), name=f"row {gain:g}") for gain in (2.0, 30.0)]
    content = {
        "heading": "a machine, threads: 1; kernels",
        "load": [0.5],
        "rows": [dataclasses.asdict(x) for x in lines],
    }
    page.MEASURED.write_text(json.dumps(content))
    assert page.table().count("\n") == 4
    for made in lines:
        assert f"| {made.name} |" in page.page()
        assert f"{made.gain:.3g} ({made.interval[0]:.3g} to {made.interval[1]:.3g})" in page.page()
    assert page.page().endswith("Measured on a machine, threads: 1, load 0.5.\n")


def test_every_experiment_that_draws_has_a_protocol_or_a_reason_and_so_has_the_record():
    """Lines of the record: those of the catalogue, of one mean, with a reason where they gain less than they should."""
    rows = {row.name: row for row in comparison.rows()}
    assert [n for n, row in rows.items() if not (row.protocol.run or row.protocol.instead or row.protocol.why)] == []
    if not tool().MEASURED.is_file():
        return
    recorded = json.loads(tool().MEASURED.read_text(encoding="utf-8"))["rows"]
    by_name = {row["name"]: row for row in recorded}
    assert by_name.keys() <= rows.keys()
    assert len(by_name) >= len(rows) - 2  # of some every seed has the same value
    assert [row["name"] for row in recorded if row["p"] < protocols.ALPHA / len(rows)] == []
    below = [row for row in recorded if row["gain"] < protocols.bar(row["name"])]
    assert [row["name"] for row in below if not row["why"]] == []
