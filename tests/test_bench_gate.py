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
from benchmarks import base_tree, gate, gate_proof, gate_sides  # noqa: E402

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


class Clock:
    """A side whose calls take what it is told, and whose turns are written down."""

    def __init__(self, name, turns, noise):
        self.name, self.turns, self.draw, self.noise = name, turns, random.Random(name), noise

    def seconds(self, calls, slower):
        self.turns.append((self.name, slower))
        return calls * slower * 0.01 * math.exp(self.draw.gauss(0, self.noise))


def test_rounds_of_a_launch_take_turns_and_are_more_where_it_is_noisy():
    counts = []
    for noise in (0.0, 0.1):
        turns = []
        sides = Clock("old", turns, noise), Clock("new", turns, noise)
        found = gate_sides.ratios_of(*sides, [1.0, 1.3], once=0.01, number=0)
        error = math.sqrt(math.pi / 2) * math.sqrt(2) * noise / math.sqrt(len(turns) / 4)
        assert found == pytest.approx([1.0, 1.3], rel=4 * error + 1e-12)
        there, back = [("old", 1), ("new", 1)], [("old", 1), ("new", 1.3)]
        assert turns[:8] == [*there, *back, *there[::-1], *back[::-1]]
        counts.append(len(turns) / 4)
    assert counts == [gate_sides.ROUNDS[1], gate_sides.ROUNDS[-1]]
    turns = []
    gate_sides.ratios_of(Clock("old", turns, 0.0), Clock("new", turns, 0.0), [1.0], once=0.2, number=1)
    assert turns[0] == ("new", 1)
    assert len(turns) / 2 == gate_sides.ROUNDS[0]


def test_lines_of_one_row_are_counted_once_in_the_share_of_false_alarms(monkeypatch):
    shares = []
    monkeypatch.setattr(gate, "launch", lambda *_, number: f"machine {number}")
    monkeypatch.setattr(gate.Line, "look", lambda _, rows: shares.append(rows))
    assert (
        gate.compare(ROOT, [gate.Line("gemm"), gate.Line("gemm", slower=1.3), gate.Line("averis")])
        == f"machine {gate.LOOKS[-1] - 1}"
    )
    assert set(shares) == {2}


@pytest.mark.parametrize("factor", ["0.5", "nan", "inf", "much", ""])
def test_what_is_planted_makes_a_row_slower(factor, capsys):
    with pytest.raises(SystemExit):
        gate.main(["HEAD", "--plant", f"gemm={factor}"])
    assert "--plant" in capsys.readouterr().err


def proof(outcomes):
    """A record of runs of one row, given what was said of it."""
    runs = [[gate_proof.Outcome(row="gemm", unchanged=one, planted=other, launches=5)] for one, other in outcomes]
    return gate_proof.Record(commit="c", factor=1.3, rows=["gemm"], machine="here", seconds=1.0, runs=runs)


def test_the_proof_counts_what_passed_and_what_was_caught():
    right = (gate.FAST, gate.SLOWER)
    row, whole = gate_proof.table(proof([right] * 18 + [(gate.OPEN, gate.SLOWER), (gate.SLOWER, gate.FAST)]))
    assert (row["passed"], row["caught"], row["runs"]) == (18, 19, 20)
    assert (row["passed_low"], row["passed_high"]) == pytest.approx((0.6830, 0.9877), abs=1e-4)  # Clopper and Pearson
    assert whole["passed"] == 18
    assert "18 of 20 [0.683, 0.988]" in gate_proof.show(row)
    row, _ = gate_proof.table(proof([right] * 20))
    assert (row["caught_low"], row["caught_high"]) == pytest.approx((0.8316, 1), abs=1e-4)


def test_the_proof_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    file, made = tmp_path / "proof.json", []

    def gates(base, rows):
        made.append(rows)
        if len(made) == 3:
            raise KeyboardInterrupt
        return proof([(gate.FAST, gate.SLOWER)]).runs[0], "here"

    monkeypatch.setattr(gate_proof, "gates", gates)
    monkeypatch.setattr(gate_proof, "tree_of", lambda _: tmp_path / "c")
    monkeypatch.setattr(gate_proof, "chosen", lambda _: ["gemm"])
    monkeypatch.setattr(gate_proof, "MEASURED", ("LICENSE",))  # a tree in which kernels are worked on passes too
    with pytest.raises(KeyboardInterrupt):
        gate_proof.main(["4", "--kept", str(file)])
    assert len(gate_proof.Record.read(file).runs) == 2
    assert gate_proof.main(["4", "--kept", str(file)]) == 0
    assert len(made) == 5
    assert gate_proof.main(["4", "--kept", str(file)]) == 0  # as it stands
    assert len(made) == 5
    monkeypatch.setattr(gate_proof, "gates", lambda *_: (proof([(gate.FAST, gate.OPEN)]).runs[0], "there"))
    assert gate_proof.main(["5", "--kept", str(file)]) == 4
    assert "other machine, not compared" in capsys.readouterr().err
    monkeypatch.setattr(gate_proof, "gates", lambda *_: (proof([(gate.FAST, gate.OPEN)]).runs[0], "here"))
    assert gate_proof.main(["5", "--kept", str(file)]) == 1
    monkeypatch.setattr(gate_proof, "tree_of", lambda _: tmp_path / "d")
    assert gate_proof.main(["5", "--kept", str(file)]) == 2
    assert "has commit c, this is d" in capsys.readouterr().err
    file.write_text('{"runs": [[{}]]}')
    assert gate_proof.main(["5", "--kept", str(file)]) == 2
    assert "is no record of such runs" in capsys.readouterr().err
    monkeypatch.setattr(gate_proof, "MEASURED", ("tests/no-such",))
    monkeypatch.setattr(gate_proof, "ROOT", tmp_path)  # no repository, so nothing is as in HEAD
    assert gate_proof.main(["5", "--kept", str(file)]) == 2
    assert "tests/no-such is not as in HEAD" in capsys.readouterr().err


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


@pytest.mark.landing
def test_kernels_whose_sources_changed_are_compared(tmp_path, monkeypatch):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--shared", ROOT, clone], check=True)
    changed = clone / "kernels" / "native" / "norm.cpp"
    changed.write_text(changed.read_text(encoding="utf-8") + "// as it was\n", encoding="utf-8")
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", clone, *author, "commit", "-q", "-a", "-m", "x"], check=True)
    monkeypatch.setattr(base_tree, "ROOT", clone)
    monkeypatch.setattr(base_tree, "FOLDER", tmp_path / "build")
    line = gate.Line("rms_norm")
    gate.launch(base_tree.tree_of("HEAD"), [line], number=0)
    assert len(line.ratios) == 1


@pytest.mark.slow
def test_this_tree_is_as_fast_as_its_commit_and_a_planted_slowness_is_noticed(capsys):
    rows = ["rms_norm_jvp", "averis"]
    assert gate.main(["HEAD", *rows]) == 0
    assert gate.main(["HEAD", *rows, "--plant", "averis quantize=1.3"]) == 1
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines() if "slower" in line] == [
        "averis quantize"
    ]


@pytest.mark.slow
def test_the_proof_of_a_row(tmp_path, capsys):
    assert gate_proof.main(["1", "averis", "--kept", str(tmp_path / "proof.json")]) == 0
    assert "averis quantize" in capsys.readouterr().out
