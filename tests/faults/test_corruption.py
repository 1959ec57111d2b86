"""Damaged stores: nothing wrong is read as right, nothing is missing without a word, nothing ends in a traceback."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.append(str(HERE))

import corruption  # noqa: E402
import run  # noqa: E402
from table import Line, shown, total  # noqa: E402

from claims.evidence import store  # noqa: E402
from claims.evidence.sqlite import survey  # noqa: E402
from claims.evidence.sqlite.rows import unproven  # noqa: E402
from claims.evidence.store import Store  # noqa: E402

FEW = range(120)


def test_a_hundred(tmp_path):
    lines, bad = run.corruptions(tmp_path, seed=1, numbers=FEW)
    assert bad == []
    assert total(lines).tried == len(FEW)
    assert total(lines).found > len(FEW) / 2, shown(lines)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_thousand(tmp_path):
    lines, bad = run.corruptions(tmp_path, seed=2, numbers=range(10_000))
    assert bad == []
    assert all(line.tried > 100 for line in lines), shown(lines)


def test_a_case_follows_from_two_integers(tmp_path):
    made = [run.corruptions(tmp_path / name, seed=3, numbers=range(7, 9), show=True)[1] for name in ("a", "b")]
    cases = [[words.partition(": found")[0].partition(": harmless")[0] for words in each] for each in made]
    assert cases[0] == cases[1]
    assert len(cases[0]) == 2


@pytest.mark.parametrize("name", ["closed", "alone", "killed"])
def test_what_is_not_damaged_reads_as_it_was_written(tmp_path, name):
    specimen = corruption.specimens(tmp_path / "specimens")[name]
    assert corruption.judged(specimen, specimen.copy(tmp_path / "case"), spoken=True)[0] == "harmless"


def test_a_reader_that_believes_everything_is_found_out(tmp_path, monkeypatch):
    """Otherwise a campaign without a wrong read would say nothing."""
    monkeypatch.setattr(store, "proven", unproven)
    lines, _ = run.corruptions(tmp_path, seed=1, numbers=range(25))
    assert total(lines).wrong > 1


def test_a_reader_that_does_not_count_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "_missing", lambda *_: [])
    monkeypatch.setattr(survey, "_faults_of_the_whole", lambda *_: [])
    specimen = corruption.specimens(tmp_path / "specimens")["killed"]
    path = specimen.copy(tmp_path / "case")
    path.with_name(corruption.NAME + "-wal").unlink()
    assert corruption.read(specimen, path, []) == "lost"


def test_what_is_sound_in_a_damaged_store_is_copied(tmp_path):
    """Nothing right is ever destroyed: a page of noise costs the rows on it, and no other."""
    specimen = corruption.specimens(tmp_path / "specimens")["closed"]
    path = specimen.copy(tmp_path / "case")
    kept = 0
    for page in range(1, path.stat().st_size // 4096):
        shutil.copyfile(specimen.folder / corruption.NAME, path)
        with path.open("r+b") as file:
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)
        with Store.reading(path) as damaged, Store(tmp_path / f"{page}.sqlite") as fresh:
            added = fresh.merge(damaged, sound=True)
            assert all(row == specimen.truth[row.key] for row in fresh.rows())
            kept += added >= len(specimen.truth) / 2
    assert kept > path.stat().st_size // 4096 - 5


def test_the_table():
    lines = [Line("bit"), Line("a longer kind")]
    lines[0].count("found")
    lines[1].count("wrong")
    text = shown(lines).splitlines()
    assert text[0].split() == ["kind", "tried", "found", "harmless", "lost", "wrong", "traceback"]
    assert text[-1].split() == ["total", "2", "1", "0", "0", "1", "0"]
    assert len({len(line) for line in text}) == 1
    assert total(lines).bad == 1
