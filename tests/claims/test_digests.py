"""Digests of stores and results: equal for the same seeds and verdicts, and for nothing else."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit import claim

from claims.auditing.loop import run
from claims.auditing.planning import plan
from claims.auditing.shards import Shard, part
from claims.cli import main
from claims.comparing.digests import digest_of, files_of
from claims.errors import BadOption, InvalidResult, StoreError
from claims.evidence.merging import merge
from claims.evidence.store import Identity, Store
from claims.experiment import experiment, grid
from claims.kinds import mean
from claims.verdict import Tier

DATA = Path(__file__).parent / "data"
X = experiment("toys:gaussian", fixed={"sd": 0.1})["x"]
CLAIMS = [claim(mean(X), id=f"toy.digest-{k}", at=grid(k=[k]), rival=9.0) for k in range(3)]


def audited(folder: Path, *, shard: Shard | None = None, epoch: int = 7) -> Path:
    """The folder, with a store and a result."""
    planned = plan(CLAIMS, tier=Tier.FULL, epoch=epoch, paths=(str(DATA),))
    with Store(folder / "evidence.sqlite") as store:
        result = run(planned if shard is None else part(planned, shard), store)
    (folder / "latest.json").write_text(json.dumps(result.to_json()))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return audited(tmp_path_factory.mktemp("whole"))


def digests(folder: Path) -> list[str]:
    return [digest_of(file).sha256 for file in files_of(folder)]


def said(*words: object, status: int = 0) -> str:
    ran = CliRunner().invoke(main, ["evidence", "digest", *map(str, words)])
    assert ran.exit_code == status, ran.output
    return ran.output


def test_parts_that_were_merged_have_the_digests_of_the_whole(whole, tmp_path):
    parts = [audited(tmp_path / str(number), shard=Shard(number, 2)) for number in (2, 1)]
    merge([folder / "evidence.sqlite" for folder in parts], tmp_path / "merged" / "evidence.sqlite")
    merged = audited(tmp_path / "merged")
    assert digests(merged) == digests(whole)
    assert all(one != other for folder in parts for one, other in zip(digests(folder), digests(whole), strict=True))
    assert said(whole, merged).count("sha256:") == 4
    told = said(whole, parts[0], status=1)
    assert "the stores differ" in told
    assert "the results differ" in told


def test_another_epoch_is_another_digest(whole, tmp_path):
    assert not set(digests(audited(tmp_path, epoch=8))) & set(digests(whole))


def test_order_times_code_and_machine_are_no_part_of_it(whole, tmp_path):
    with Store.reading(whole / "evidence.sqlite") as store:
        rows, contents = list(store.rows()), store.identities()
    random.Random(1).shuffle(rows)
    with Store(tmp_path / "other.sqlite") as store:
        for row in rows:
            made = contents[row.identity] | {"code": "f" * 64, "environment": {"cpu": "another"}}
            store.put(Identity.of(made), row.experiment, json.loads(row.base), [(row.seed, json.loads(row.records), 9)])
    assert digest_of(tmp_path / "other.sqlite").sha256 == digest_of(whole / "evidence.sqlite").sha256
    document = json.loads((whole / "latest.json").read_text())
    document["claims"].reverse()
    document["environment"]["cpu"] = "another"
    document["claims"][0]["points"][0]["seconds"] += 1
    (tmp_path / "other.json").write_text(json.dumps(document))
    assert digest_of(tmp_path / "other.json").sha256 == digest_of(whole / "latest.json").sha256


@pytest.mark.parametrize("field", ["verdict", "estimate", "seeds", "reason"])
def test_whatever_a_result_says_is_part_of_it(whole, tmp_path, field):
    document = json.loads((whole / "latest.json").read_text())
    other = {"verdict": "REFUTED", "estimate": 0.5, "seeds": 999, "reason": "another"}
    document["claims"][1]["points"][0][field] = other[field]
    (tmp_path / "other.json").write_text(json.dumps(document))
    assert digest_of(tmp_path / "other.json").sha256 != digest_of(whole / "latest.json").sha256


def test_one_bit_of_one_seed_is_part_of_it(whole, tmp_path):
    with Store.reading(whole / "evidence.sqlite") as store:
        rows, contents = list(store.rows()), store.identities()
    with Store(tmp_path / "other.sqlite") as store:
        for number, row in enumerate(rows):
            records = json.loads(row.records)
            records[0]["x"] = math.nextafter(records[0]["x"], 9) if number == 5 else records[0]["x"]
            store.put(
                Identity.of(contents[row.identity]), row.experiment, json.loads(row.base), [(row.seed, records, 1.0)]
            )
    assert digest_of(tmp_path / "other.sqlite").sha256 != digest_of(whole / "evidence.sqlite").sha256


def test_the_command_without_files_and_as_json(whole, monkeypatch, tmp_path):
    (tmp_path / ".claimbench").symlink_to(whole)
    monkeypatch.chdir(tmp_path)
    with Store.reading(whole / "evidence.sqlite") as store:
        seeds = len(list(store.rows()))
    lines = said().splitlines()
    assert [line.partition("(")[2] for line in lines] == [f"store, {seeds} seeds)", "result, 3 claims)"]
    document = json.loads(said(whole, whole / "latest.json", "--json"))
    assert [each["what"] for each in document["digests"]] == ["store", "result", "result"]
    assert document["equal"] is True


def test_what_has_no_digest(tmp_path):
    with pytest.raises(StoreError, match=r"nowhere\.sqlite"):
        digest_of(tmp_path / "nowhere.sqlite")
    with pytest.raises(InvalidResult, match=r"nowhere\.json: no readable result"):
        digest_of(tmp_path / "nowhere.json")
    with pytest.raises(BadOption, match=r"FILE: got .*a folder with evidence\.sqlite or latest\.json"):
        files_of(tmp_path)
    said(tmp_path, status=2)
