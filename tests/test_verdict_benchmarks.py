"""What asv tracks of whole verdicts: every benchmark runs, and numbers are those of the audit that was made."""

import importlib
import importlib.util
import inspect
import json
import math
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Without the root on the path, where ``kernels`` would become a module of its own.
SPEC = importlib.util.spec_from_file_location(
    "benchmarks", ROOT / "benchmarks" / "__init__.py", submodule_search_locations=[str(ROOT / "benchmarks")]
)
sys.modules.setdefault("benchmarks", importlib.util.module_from_spec(SPEC))
verdicts = importlib.import_module("benchmarks.verdicts")
GROUPS = [group for _, group in inspect.getmembers(verdicts, inspect.isclass) if group.__module__ == verdicts.__name__]
ASKED = re.compile(r"(time|track|peakmem)_")


@pytest.fixture(autouse=True)
def _small(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verdicts, "SELECT", ("sign-magnitude.thm4.limit",))
    monkeypatch.setattr(verdicts, "STORED", 700)
    monkeypatch.setattr(verdicts, "CLAIMS", ("sign-magnitude.cor1.rate", "sign-magnitude.of-tomorrow"))
    monkeypatch.setitem(verdicts.HALF_WIDTHS, "sign-magnitude.of-tomorrow", 1.0)


def methods(group):
    """The names that asv measures."""
    return [name for name, _ in inspect.getmembers(group, inspect.isfunction) if ASKED.match(name)]


def test_claims_that_are_tracked_are_in_the_catalogue():
    from claims.catalogue import load_catalogue

    there = set(load_catalogue().claims)
    assert len(verdicts.Deciding.params[0]) >= 12
    assert set(verdicts.Deciding.params[0]) <= there


def test_what_the_project_needs_is_in_the_environments_of_asv():
    """They are made from this list: the project itself is installed without what it depends on."""
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    there = json.loads((ROOT / "asv.conf.json").read_text("utf-8"))["matrix"]["req"]
    assert {re.split(r"[^\w-]", need)[0] for need in needs} <= set(there)


def test_every_group_measures_something_and_what_is_tracked_has_a_unit():
    assert {group.__name__ for group in GROUPS} == {"Deciding", "Fresh", "Unchanged"}
    for group in GROUPS:
        assert methods(group)
        assert all(getattr(group, name).unit for name in methods(group) if name.startswith("track_"))


def test_seconds_to_a_half_width_fall_with_its_square():
    claim = {"interval": [1.0, 1.5], "seeds": 32, "seconds": 2.0}
    assert verdicts.decided(claim, 0.125) == {"seeds": 32.0, "seconds": 8.0}
    assert math.isnan(verdicts.decided(claim | {"interval": None}, 0.125)["seconds"])
    assert math.isnan(verdicts.decided(claim | {"interval": [0.5, None]}, 0.125)["seconds"])


@pytest.mark.landing
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_each_runs_once(group):
    made = group()
    cache = [made.setup_cache()] if hasattr(group, "setup_cache") else []
    cache = [each for each in cache if each is not None]
    for name in methods(group):
        for parameter in [[claim] for claim in verdicts.CLAIMS] if group is verdicts.Deciding else [[]]:
            found = getattr(made, name)(*cache, *parameter)
            if parameter:
                assert math.isnan(found) == (parameter == ["sign-magnitude.of-tomorrow"])
    if group is verdicts.Deciding:
        result = json.loads(Path("result.json").read_text("utf-8"))
        assert made.track_seeds_to_verdict(*cache, "sign-magnitude.cor1.rate") == result["claims"][0]["seeds"]
    if group is verdicts.Unchanged:
        assert len({line.split(",")[0] for line in Path("large.csv").read_text("utf-8").splitlines()[1:]}) == 700


@pytest.mark.landing
def test_what_has_no_result_is_no_measurement(tmp_path):
    with pytest.raises(RuntimeError, match="ended with 2"):
        verdicts.audited("no-such-claim", "--store", str(tmp_path / "store.sqlite"))
