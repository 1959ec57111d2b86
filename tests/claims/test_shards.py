"""Parts of an audit: nothing twice, nothing left out, and merged they are the store that one audit makes."""

from __future__ import annotations

import itertools
import json
import shutil
import sqlite3
from pathlib import Path

import claims_toys
import driver
import pytest
from click.testing import CliRunner

from claims.auditing.loop import run
from claims.auditing.planning import plan
from claims.auditing.shards import Shard, part
from claims.catalogue import load_catalogue
from claims.cli import main
from claims.errors import BadOption, ConflictingEvidence, StoreError
from claims.evidence.canonical import canonical_json
from claims.evidence.merging import Merged, merge
from claims.evidence.store import Identity, Store
from claims.packs import declared
from claims.verdict import Tier

DATA = Path(__file__).parent / "data"
CLAIMS = declared(claims_toys)
#: What an audit of a store says and holds: claims without times, records by key.
Audited = tuple[object, dict[str, str]]


def planned():
    return plan(CLAIMS, tier=Tier.FULL, epoch=7, paths=(str(DATA),))


def shards(count):
    return [part(planned(), Shard(number, count)) for number in range(1, count + 1)]


def audited(path: Path, made) -> Audited:
    with Store(path) as store:
        result = run(made, store)
        records = {row.key: row.records for row in store.rows()}
    return driver.without_times(result.to_json())["claims"], records


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return audited(tmp_path_factory.mktemp("whole") / "evidence.sqlite", planned())


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> list[Path]:
    """The stores of three shards."""
    folder = tmp_path_factory.mktemp("parts")
    for number, made in enumerate(shards(3), start=1):
        audited(folder / f"s-{number}.sqlite", made)
    return sorted(folder.glob("*.sqlite"))


@pytest.mark.parametrize("count", [1, 2, 7, 300])
def test_every_claim_is_in_one_part_and_no_measurement_in_two(count):
    made = shards(count)
    names = [name for each in made for name in each.groups]
    assert sorted(names) == sorted(planned().groups)
    measured = [set(each.measurements()) for each in made]
    assert all(one.isdisjoint(other) for one, other in itertools.combinations(measured, 2))
    assert set().union(*measured) == set(planned().measurements())


def test_parts_of_the_catalogue_are_of_like_size():
    """As far as the dearest claims allow, which cannot be divided."""
    made = plan(load_catalogue().claims.values(), tier=Tier.STANDARD)
    seconds = [
        sum(most * measurement.seconds for measurement, (_, most) in part(made, Shard(number, 2)).cost().items())
        for number in (1, 2)
    ]
    assert max(seconds) < 1.1 * min(seconds)


def test_merged_parts_are_the_store_of_one_audit(parts, whole, tmp_path):
    store = tmp_path / "all.sqlite"
    assert merge(parts, store) == Merged(3, len(whole[1]), 0)
    with Store(store) as opened:
        again = run(planned(), opened)
    assert again.cached == len(whole[1])
    assert audited(store, planned()) == whole
    assert merge(parts, store) == Merged(3, 0, len(whole[1]))


def test_parts_of_other_code_or_class_are_refused(parts, tmp_path):
    """The same experiment, at another base point, by other code: an audit would not find both."""
    with Store.reading(parts[0]) as store:
        row = next(store.rows())
        content = store.identities()[row.identity]
    for key, value, words in (
        ("code", "f" * 64, "code of "),
        ("environment", content["environment"] | {"torch": "1.0"}, "numerics class of "),
    ):
        path = tmp_path / f"{key}.sqlite"
        with Store(path) as store:
            base = json.loads(row.base) | {"elsewhere": 1}
            made = Identity.of(content | {key: value})
            store.put(made, row.experiment, base, [(0, json.loads(row.records), 0.1)])
        with pytest.raises(StoreError, match=f"(?s){words}{row.experiment}: .*{key}.sqlite has .*Nothing was copied"):
            merge([*parts, path], tmp_path / "all.sqlite")
        assert not (tmp_path / "all.sqlite").exists()


def test_what_was_measured_by_former_code_does_no_harm(parts, tmp_path):
    again = tmp_path / "again.sqlite"
    with Store.reading(parts[0]) as store:
        row = next(store.rows())
        former = Identity.of(store.identities()[row.identity] | {"code": "0" * 64})
    with Store(again) as store:
        store.put(former, row.experiment, json.loads(row.base), [(row.seed, json.loads(row.records), 0.1)])
    merge([parts[0]], again)
    merge([again, *parts[1:]], tmp_path / "all.sqlite")
    with Store.reading(tmp_path / "all.sqlite") as store:
        assert sum(canonical_json(json.loads(each.base)) == row.base for each in store.rows() if each.seed == row.seed)


def test_parts_that_contradict_each_other_are_refused(parts, tmp_path):
    other = tmp_path / "other.sqlite"
    with Store.reading(parts[0]) as store:
        row = next(store.rows())
        identity = Identity.of(store.identities()[row.identity])
    records = [{name: -1.5 if isinstance(value, float) else value for name, value in record.items()}
               for record in json.loads(row.records)]  # fmt: skip
    with Store(other) as store:
        store.put(identity, row.experiment, json.loads(row.base), [(row.seed, records, 0.1)])
    with pytest.raises(ConflictingEvidence):
        merge([parts[0], other], tmp_path / "all.sqlite")


def test_a_damaged_part_is_named_and_nothing_is_copied(parts, tmp_path):
    damaged = Path(shutil.copy(parts[1], tmp_path / "damaged.sqlite"))
    with sqlite3.connect(damaged) as hand:
        hand.execute("DROP TRIGGER evidence_update")
        hand.execute("UPDATE evidence SET seconds = seconds + 1 WHERE n = 1")
    hand.close()
    with pytest.raises(StoreError, match=r"damaged\.sqlite: .*(?s:.*)Nothing was copied"):
        merge([parts[0], damaged], tmp_path / "all.sqlite")
    assert not (tmp_path / "all.sqlite").exists()


def test_every_part_that_cannot_be_read_is_named(parts, tmp_path):
    """Of an array of many, those that are missing are measured once more, all of them at once."""
    with Store(tmp_path / "without-claims.sqlite") as store:
        pass
    files = [tmp_path / f"s-{number}.sqlite" for number in range(1, 301)]
    for number, file in enumerate(files, start=1):
        if number == 17:
            file.write_text("a log of the job")
        elif number not in (4, 250):
            file.symlink_to(store.path)
    with pytest.raises(StoreError) as raised:
        merge(files, tmp_path / "all.sqlite")
    words = str(raised.value)
    assert words.startswith("3 of 300 stores cannot be read:\n")
    assert all(f"s-{number}.sqlite: " in words for number in (4, 17, 250))
    assert words.endswith("\nNothing was copied.")
    assert not (tmp_path / "all.sqlite").exists()
    with pytest.raises(StoreError, match=r"s-4\.sqlite: "):
        merge([parts[0], files[3]], tmp_path / "all.sqlite")


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "1.0/3", "١/3"])
def test_no_shard(text):
    with pytest.raises(BadOption, match=r"--shard: got .*; allowed: I/N"):
        Shard.of(text)


def test_the_commands(tmp_path):
    """Three parts, one of them without a claim, merged and audited without measuring."""

    def said(*words, status=0):
        ran = CliRunner().invoke(main, [str(word) for word in words])
        assert ran.exit_code == status, ran.output
        return ran.output

    common = ("audit", "sign-magnitude.thm1*", "--executor", "serial", "--report", tmp_path / "page")
    count = len(load_catalogue().select(["sign-magnitude.thm1*"])) + 1
    stores = [tmp_path / f"s-{number}.sqlite" for number in range(1, count + 1)]
    for number, store in enumerate(stores, start=1):
        told = said(*common, "--shard", f"{number}/{count}", "--store", store)
        assert store.is_file()
    assert f"no claim of the selection is in part {count}/{count}" in told
    assert f"from {count} stores" in said("evidence", "merge", *stores, "--store", tmp_path / "all.sqlite")
    assert "0 seeds measured" in said(*common, "--store", tmp_path / "all.sqlite")
    again = said("evidence", "merge", stores[0], "--store", stores[0], status=2)
    assert "STORE: got" in again
    assert "--shard: got '9/3'" in said(*common, "--shard", "9/3", status=2)
