"""What an audit spends on a task is measured on audits that nothing decides, and workers follow from it."""

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
BEFORE = list(sys.path)
sys.path.append(str(ROOT))  # the benchmarks are no installed package
from benchmarks import saturation  # noqa: E402

sys.path[:] = BEFORE


def test_workers_that_one_audit_keeps_busy():
    row = saturation._row("serial", 8, np.array([900.0, 1000.0, 1100.0]))
    assert row.interval[0] < row.microseconds == 1000.0 < row.interval[1]
    assert [row.workers(seconds) for seconds in (0.0005, 0.5, 50)] == [0, 500, 50000]
    assert saturation.record([row], 3)["rows"][0]["workers"]["0.5"] == 500


@pytest.mark.landing
@pytest.mark.parametrize("seeds", saturation.SIZES)
def test_a_task_costs_the_audit_something(seeds, monkeypatch):
    """And every claim of the measurement takes all the seeds that it may: none is decided."""
    monkeypatch.syspath_prepend(str(ROOT))
    assert saturation.once("serial", seeds, 0) > 0
