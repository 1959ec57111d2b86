"""One audit four ways has one digest; and a way that has another one is noticed."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BEFORE = list(sys.path)
sys.path.append(str(ROOT))  # the benchmarks are no installed package
from benchmarks import claims_synthetic, same_digest  # noqa: E402

sys.path[:] = BEFORE
FILE = ROOT / "benchmarks" / "claims_synthetic.py"
PROCESSES = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="audits are forks, and killed")


def test_every_part_of_300_has_a_claim():
    assert len({each.id for each in claims_synthetic.CLAIMS}) == len(claims_synthetic.CLAIMS) >= 300


@PROCESSES
@pytest.mark.parametrize(
    ("select", "parts"),
    [
        pytest.param(["synthetic.mean.*", "synthetic.order.*"], 12, marks=pytest.mark.landing),
        pytest.param([], 300, marks=[pytest.mark.slow, pytest.mark.timeout(7200)]),
    ],
    ids=["few", "all"],
)
def test_four_ways_have_one_digest(tmp_path, select, parts):
    command = [sys.executable, same_digest.__file__, str(FILE), *select, "--shards", str(parts)]
    ran = subprocess.run([*command, "--json", tmp_path / "ways.json"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    document = json.loads((tmp_path / "ways.json").read_text())
    assert document["equal"] is True
    serial, process, cluster, merged = document["ways"]
    assert len({(way["store"], way["result"]) for way in (serial, process, cluster, merged)}) == 1
    assert (cluster["kills"], cluster["met"]) == (1, 1)
    assert merged["kills"] == 2 * parts
    assert merged["met"] >= parts / 4, "kills that come before the first row or after the last prove little"


@pytest.mark.parametrize("field", ["store", "result"])
def test_another_digest_is_noticed(monkeypatch, capsys, field):
    way = same_digest.Way(name="some way", store="a" * 64, result="b" * 64, seeds=8, seconds=1.0)
    monkeypatch.setattr(same_digest.Audits, "rehearse", lambda audits: None)
    for name in ("undisturbed", "losing_a_worker"):
        monkeypatch.setattr(same_digest, name, lambda *given: way)
    monkeypatch.setattr(same_digest, "in_parts", lambda *given: way)
    assert same_digest.main([]) == 0
    assert "the same digests" in capsys.readouterr().out
    monkeypatch.setattr(same_digest, "in_parts", lambda *given: replace(way, **{field: "c" * 64}))
    assert same_digest.main([]) == 1
    assert "DIGESTS DIFFER" in capsys.readouterr().out
