"""Killed audits: no row that was stored is lost, and verdicts and rows are those of an audit that nobody disturbed."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent / "claims/data"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

import kills  # noqa: E402
from table import shown, total  # noqa: E402

PROCESSES = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")


@PROCESSES
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("seed", "number"), [(3, 3), (1, 200)], ids=["few", "many"])
def test_nothing_is_lost_and_nothing_is_wrong(seed, number):
    lines, bad = kills.lines(seed=seed, kills=number)
    assert bad == []
    assert total(lines).tried == number
    assert total(lines).found >= number / 2, shown(lines)
    assert [line.kind for line in lines if line.tried] == [f"kill of the {target}" for target in kills.TARGETS]


def test_a_schedule_follows_from_one_integer():
    first, again, other = (list(itertools.islice(kills.schedule(seed), 100)) for seed in (1, 1, 2))
    assert first == again != other
    assert {kill.target for kill in first} == set(kills.TARGETS)


@pytest.fixture
def finished(tmp_path):
    """An audit that nobody killed, where its store and its result are, and a campaign that knows the truth of it."""
    store, out = tmp_path / "evidence.sqlite", tmp_path / "out.json"
    out.write_text(kills.audit(store, kills.CLAIMS[:1]))
    state = kills.Campaign(kills.schedule(1), kills.CLAIMS[:1], kills.Truth(out.read_text(), kills.rows(store)))
    return state, store, out


def test_what_is_in_order_is_blamed_on_nobody(finished):
    state, store, out = finished
    kills.ended(state, 0, store, out, dict(list(state.truth.rows.items())[:3]))
    assert state.bad == []


@pytest.mark.parametrize("outcome", ["lost", "wrong", "traceback"])
def test_what_goes_wrong_is_found(finished, outcome):
    """Otherwise a campaign without a loss would say nothing."""
    state, store, out = finished
    seen, status = dict(state.truth.rows), 0
    if outcome == "lost":
        seen["another key"] = "[]"
    elif outcome == "wrong":
        out.write_text(out.read_text().replace("HOLDS", "REFUTED", 1))
    else:
        status = 5
    kills.ended(state, status, store, out, seen)
    assert getattr(total(state.lines.values()), outcome) == total(state.lines.values()).bad == 1
    assert len(state.bad) == 1
