"""What asv makes of a kernel: a gap where a commit does not have it, a failure where it is broken, a number else."""

import importlib.util
import math
import sys
from pathlib import Path

import pytest

import claims.kernels

FOLDER = Path(__file__).parents[2] / "benchmarks"
# Without the root on the path, where ``kernels`` would become a module of its own.
SPEC = importlib.util.spec_from_file_location(
    "benchmarks", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
)
sys.modules.setdefault("benchmarks", importlib.util.module_from_spec(SPEC))
tracked = importlib.import_module("benchmarks.kernels")
operations = importlib.import_module("benchmarks.operations")
NEEDS, ROWS, Row = operations.NEEDS, operations.ROWS, operations.Row
PUBLIC = tracked._public()


def quick(*, error=0.0):
    """A row that takes no time to measure, with the limit that needs no memory to speak of."""
    return lambda: Row(shape="1", limit="read", bytes=8, ours=lambda: None, check=lambda: error)


@pytest.fixture(autouse=True)
def _briefly(monkeypatch):
    monkeypatch.setattr(tracked, "SECONDS", 0.01)


def test_rows_need_public_names():
    assert frozenset(claims.kernels.__all__) == PUBLIC
    assert set(NEEDS) == set(ROWS) == set(tracked.OPERATIONS)
    assert all(set(needs) <= PUBLIC for needs in NEEDS.values())


def test_a_row_of_a_kernel_that_this_commit_lacks_is_a_gap():
    found = tracked._outcome(quick(), ("rms_norm", "of_tomorrow"), PUBLIC)
    assert all(map(math.isnan, found.values()))
    assert tuple(found) == tracked.COLUMNS


@pytest.mark.parametrize("error", [AttributeError, KeyError, ImportError, IndexError, MemoryError, ZeroDivisionError])
def test_a_kernel_that_raises_fails_by_itself(error):
    """Whatever it raises, and whether in making its tensors, in its check or while it is measured."""

    def broken():
        raise error("of its own")

    rows = (
        broken,
        lambda: Row(shape="1", limit="read", ours=lambda: None, check=broken),
        lambda: Row(shape="1", limit="read", bytes=8, ours=broken, check=lambda: 0.0),
    )
    for row in rows:
        found = {"rms_norm": tracked._outcome(row, ("rms_norm",), PUBLIC)}
        with pytest.raises(AssertionError, match=f"rms_norm: it raises {error.__name__}"):
            tracked._number(found, "rms_norm", "error")


@pytest.mark.parametrize("error", [1.5, math.inf, math.nan])
def test_a_wrong_result_fails(error):
    found = {"rms_norm": tracked._outcome(quick(error=error), ("rms_norm",), PUBLIC)}
    with pytest.raises(AssertionError, match="times what is allowed"):
        tracked._number(found, "rms_norm", "time_over_limit")


def test_a_kernel_that_is_right_has_numbers():
    found = tracked._outcome(quick(error=0.25), ("rms_norm",), PUBLIC)
    assert found["error"] == 0.25
    assert found["time_over_limit"] > 0
    assert math.isnan(found["time_over_peer"])


def test_a_commit_without_the_package_is_one_gap(monkeypatch):
    monkeypatch.setattr(tracked, "find_spec", lambda name: None)
    found = tracked.CpuRoutes().setup_cache()
    assert all(math.isnan(number) for row in found.values() for number in row.values())
