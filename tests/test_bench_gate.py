"""The gate of speed: what is slower is called so, what is not passes, and nothing passes that was not measured."""

import math
import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BEFORE = list(sys.path)
sys.path.append(str(ROOT))  # the benchmarks are no installed package, and nothing else is to be found there
from benchmarks import base_tree, gate  # noqa: E402

sys.path[:] = BEFORE

ROWS = 20


def decided(cost, noise, seed):
    """The line of a row that costs so many times as much, with log-normal launches."""
    draw, line = random.Random(seed), gate.Line("rms_norm")
    while line.verdict is gate.OPEN and len(line.ratios) < gate.LOOKS[-1]:
        line.ratios.append(cost * math.exp(draw.gauss(0, noise)))
        line.look(ROWS)
    return line


@pytest.mark.parametrize("noise", [0.005, 0.03, 0.06])
def test_equal_trees_pass_and_a_slow_kernel_is_caught(noise):
    assert {decided(1.0, noise, seed).verdict for seed in range(200)} == {gate.FAST}
    assert {decided(gate.CAUGHT, noise, seed).verdict for seed in range(200)} == {gate.SLOWER}


def test_more_noise_takes_more_launches_and_too_much_leaves_the_row_open():
    quiet, loud = (max(len(decided(1.0, noise, seed).ratios) for seed in range(20)) for noise in (0.02, 0.08))
    assert quiet == gate.LOOKS[0] < loud
    assert decided(1.15, 1.0, 1).verdict is gate.OPEN


def test_a_cost_on_the_edge_is_hardly_ever_called_slower():
    verdicts = [decided(gate.SAME, 0.03, seed).verdict for seed in range(400)]
    assert gate.SLOWER not in verdicts


@pytest.mark.parametrize(
    ("before", "after", "verdict", "says"),
    [
        ({"error": 0}, {"error": math.inf}, gate.WRONG, "inf times"),
        ({"error": 0}, {"error": math.nan}, gate.WRONG, "nan times"),
        ({"error": 0}, {"failed": "ValueError: x"}, gate.WRONG, "ValueError: x"),
        ({"error": 0}, {"missing": ["gemm"]}, gate.WRONG, "no gemm any more"),
        ({"missing": ["gemm"]}, {"error": 0}, gate.APART, "base has no gemm"),
        ({"failed": "ValueError: x"}, {"error": 0}, gate.APART, "base raises"),
    ],
)
def test_a_row_without_a_ratio_says_why(before, after, verdict, says):
    found, reason = gate._problem(before, after)
    assert found == verdict
    assert says in reason


def test_status():
    fast, open_ = gate.Line("a", [1.0, 1.1], gate.FAST), gate.Line("b", [1.0, 1.1])
    assert gate.status([fast]) == 0
    assert gate.status([fast, open_]) == 3
    assert gate.status([fast, open_, gate.Line("c", [1.5], gate.SLOWER)]) == 1
    assert gate.status([gate.Line("c", [], gate.WRONG, "it raises")]) == 1
    assert gate.status([gate.Line("c", [], gate.APART, "base has no c")]) == 4
    assert gate.status([]) == 4


def test_a_base_that_is_no_commit_is_bad_usage(capsys):
    assert gate.main(["no-such-branch"]) == 2
    assert "no-such-branch" in capsys.readouterr().err
    assert gate.main(["--", "--upload-pack=x"]) == 2


def test_a_commit_without_kernels_has_no_tree(tmp_path, monkeypatch):
    for command in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", "-C", tmp_path, *command], check=True)
    monkeypatch.setattr(base_tree, "ROOT", tmp_path)
    monkeypatch.setattr(base_tree, "FOLDER", tmp_path / "build")
    with pytest.raises(base_tree.NoTree, match="no src/claims/kernels"):
        base_tree.tree_of("HEAD")
    assert not (tmp_path / "build").exists()


@pytest.mark.slow
def test_this_tree_is_as_fast_as_its_commit_and_a_planted_slowness_is_noticed(capsys):
    rows = ["rms_norm_jvp", "averis"]
    assert gate.main(["HEAD", *rows]) == 0
    assert gate.main(["HEAD", *rows, "--plant", "averis quantize=1.3"]) == 1
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines() if "slower" in line] == [
        "averis quantize"
    ]
