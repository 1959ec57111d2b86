"""The script that shows how audits grow measures, and draws what it has measured."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BEFORE = list(sys.path)
sys.path.append(str(ROOT))  # the benchmarks are no installed package, and nothing else is to be found there
from benchmarks import scaling  # noqa: E402

sys.path[:] = BEFORE

from claims.evidence.store import Store  # noqa: E402


def rows(power: float) -> list[scaling.Used]:
    counts = {"claims": (20, 200, 2000), "seeds": (1000, 10_000, 100_000)}
    return [
        scaling.Used(what, of, count, 1 + count**power / 100, 2.0, 100.0)
        for what, of in (("list", "claims"), ("audit", "claims"), ("export", "seeds"))
        for count in counts[of]
    ]


def test_growth_is_told_from_growth_in_proportion():
    assert scaling.growth([row for row in rows(1) if row.what == "audit"]) == pytest.approx(1)
    assert scaling.growth([row for row in rows(2) if row.what == "audit"]) > 5


def test_the_same_measurements_are_drawn_the_same():
    document = {"rows": [scaling.asdict(row) for row in rows(1)]}
    drawn = scaling.svg(document)
    assert drawn == scaling.svg(json.loads(json.dumps(document)))
    assert all(words in drawn for words in ("unchanged audit", "evidence export --json", "1 GB", "stored seeds"))


def test_a_store_that_was_filled_is_sound(tmp_path):
    scaling.fill(tmp_path / "s.sqlite", 4100)
    with Store.reading(tmp_path / "s.sqlite") as store:
        found = store.places()
        assert (len(found.places), found.rows, found.faults) == (4100, [], [])
        assert list(store.fetch(found.places)) == store.survey().rows


def test_the_figure_of_the_page_is_the_record_which_is_linear_over_three_decades_and_below_a_gigabyte():
    document = json.loads((ROOT / "benchmarks" / "scaling.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs" / "images" / "scaling.svg").read_text(encoding="utf-8") == scaling.svg(document)
    found: dict[str, list[scaling.Used]] = {}
    for row in (scaling.Used(**each) for each in document["rows"]):
        found.setdefault(row.what, []).append(row)
    assert all(max(row.count for row in rows) >= 1000 * min(row.count for row in rows) for rows in found.values())
    assert all(scaling.growth(found[what]) < 1.3 for what in ("audit", "check", "export"))
    assert max(row.megabytes for rows in found.values() for row in rows) < 1000
    page = " ".join((ROOT / "docs" / "explanation" / "speed.md").read_text(encoding="utf-8").split())
    for what, words in (("list", "list"), ("audit", "audit again"), ("export", "export")):
        last = max(found[what], key=lambda row: row.count)
        assert f"{last.count:,} {last.of} take {last.seconds:.3g} s and {last.megabytes:,.0f} MB to {words}" in page


@pytest.mark.slow
def test_commands_are_measured(tmp_path):
    found = [*scaling.of_claims(30, tmp_path), *scaling.of_seeds(100, tmp_path)]
    assert [row.what for row in found] == list(scaling.WORDS)
    assert all(row.seconds > 0 and row.megabytes > 10 for row in found)
    with pytest.raises(Exception, match="non-zero exit status"):
        scaling.used(["list", "no-such-claim"], tmp_path)
