"""``claimbench qualify``, and what results, ``why`` and the page say of seeds."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from claims.auditing.loop import run
from claims.auditing.planning import plan
from claims.calibration.synthetic import made
from claims.cli import main
from claims.evidence.store import MEMORY, Store
from claims.report.document import check
from claims.report.page_data import Known, page_data
from claims.report.seeds import power_words, reach_words, seeds_lines, shape_words, unseen_words
from claims.verdict import HOLDS, UNDECIDED, Tier

FILE = """
from claims import Claim, experiment, grid
from claims.bands import between
from claims.kinds import mean, value

drawn = experiment("seeds_of:drawn", seconds=0.001)
WHY = {"provenance": "author", "because": "a toy"}
for law, edge in (("normal", 2.0), ("lognormal", 8.0)):
    globals()[law] = Claim(
        id=f"toy.{law}", locus="1", statement="A toy.", at=grid(law=law), test=mean(drawn["x"]),
        band=between(-edge, edge, **WHY), rival=99.0,
    )
certain = Claim(
    id="toy.certain", locus="1", statement="A toy.", at=grid(law="normal"), test=value(drawn["one"]),
    band=between(0.0, 2.0, **WHY), rival=99.0,
)
"""
MODULE = """
def drawn(point, streams):
    return {"x": getattr(streams.numpy("x"), point["law"])(0.0, 1.0), "one": 1.0}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    (tmp_path / "seeds_of.py").write_text(MODULE)
    (tmp_path / "toy_claims.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return "toy_claims.py"


def qualify(*words):
    result = CliRunner().invoke(main, ["qualify", *words, "--jobs", "1", "--store", "s.sqlite"], standalone_mode=False)
    return result.return_value if result.exit_code == 0 else result.exit_code, result.stdout


def test_the_command_says_which_seeds_are_not_fit_and_why(file):
    status, text = qualify(file, "--seeds", "128")
    assert not status
    assert "toy.lognormal at law=lognormal: seeds are too skewed for an interval of their mean" in text.replace(
        "\n", " "
    )
    assert "2 points of claims about means: 1 not fit for an interval of the mean" in text.replace("\n", " ")
    assert "toy.certain" not in text
    found = json.loads(qualify(file, "--seeds", "128", "--json")[1])
    assert [(each["id"], each["seeds"], each["fit"]) for each in found] == [
        ("toy.normal", 128, True),
        ("toy.lognormal", 128, False),
    ]
    assert found[0]["qualification"]["skewness"] == pytest.approx(0.0, abs=1.0)
    assert qualify(file, "--seeds", "128", "--strict")[0] == 3
    assert qualify(file, "toy.normal", "--strict")[0] in (0, None)
    assert qualify(file, "toy.certain")[0] == 4


@pytest.fixture(scope="module")
def document():
    claims = [made(kind, "normal", 0.0, "a") for kind in ("mean", "ratio", "trend", "proportion")]
    claims.append(made("mean", "very skewed", 1.0, "b"))
    with Store(MEMORY, speak=lambda words: None) as store:
        return run(plan(claims, tier=Tier.FULL), store).to_json()


def test_a_result_says_what_its_seeds_are_like(document):
    check(document)
    rows = {row["id"]: row for row in document["claims"]}
    mean = rows["synthetic.mean.a"]
    assert mean["verdict"] == HOLDS
    assert mean["qualification"]["spread"] == pytest.approx(0.5, rel=0.5)
    assert mean["qualification"]["holds"] > 0.999
    assert rows["synthetic.proportion.a"]["qualification"] is None
    assert rows["synthetic.ratio.a"]["qualification"]["reach"] == [None, None]
    assert rows["synthetic.mean.b"]["verdict"] == UNDECIDED
    assert rows["synthetic.mean.b"]["qualification"]["sure_skewness"] > 2
    older = {**document, "claims": [{**row} for row in document["claims"]]}
    for row in older["claims"]:
        del row["qualification"]
    check(older)
    assert [unseen_words(row) for row in older["claims"]] == [""] * len(older["claims"])


def test_words_of_seeds(document):
    row = next(row for row in document["claims"] if row["id"] == "synthetic.mean.a")
    assert unseen_words(row).startswith("what comes in fewer than ")
    assert "so rare, would turn the verdict" in reach_words(row)
    assert shape_words(row).startswith("spread ")
    assert power_words(row).startswith("with 256 seeds it holds at the target with probability over .999, rejects")
    assert len(list(seeds_lines(row))) == 3
    undecided = next(row for row in document["claims"] if row["id"] == "synthetic.mean.b")
    assert unseen_words(undecided) == reach_words(undecided) == ""
    page = page_data(document, Known())
    assert page["claims"][0]["shape"] == shape_words(row)
    assert page["claims"][0]["unseen"] == reach_words(row)
