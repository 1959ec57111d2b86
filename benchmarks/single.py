"""Single kernels under pytest-benchmark: ``pytest benchmarks/single.py --benchmark-only -k rms_norm``."""

from __future__ import annotations

from typing import Any

from benchmarks.operations import ROWS


def pytest_generate_tests(metafunc: Any) -> None:
    """Each row is a test. Without a decorator, so that asv, which imports every module here, needs no pytest."""
    metafunc.parametrize("name", tuple(ROWS))


def test_kernel(benchmark: Any, name: str) -> None:
    """The result first, then its time."""
    row = ROWS[name]()
    assert row.check() <= 1
    benchmark(row.ours)
