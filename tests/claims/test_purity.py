"""An experiment is a pure function of its point and streams, and reads what it declares; else the verdict is ERROR."""

from __future__ import annotations

import re

import pytest
import torch  # noqa: F401  its generator, and numpy's, are among those that are looked at from the first test on
from kit import claim

from claims.auditing.planning import plan
from claims.evidence import watching
from claims.evidence.purity import difference, shared_generators
from claims.evidence.store import Store
from claims.experiment import experiment, grid
from claims.kinds import identity, mean, value
from claims.verdict import Tier


def about(name, kind=value, *, data=(), **fixed):
    """A claim about a value of an experiment of ``impure``."""
    made = experiment(name if ":" in name else f"impure:{name}", fixed=fixed, data=data)
    return claim(kind(made["x"]), id=f"toy.{name.replace('_', '-').replace(':', '-')}", at=grid(k=1), rival=9.0)


def reason(result) -> str:
    (found,) = result.claims
    return f"{found.verdict.value}: {found.speaker.judgement.reason}"


@pytest.mark.parametrize("kind", [value, mean])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("numpys_generator", "x was .* when measured again: it draws from the global generator of numpy.random"),
        ("randoms_generator", "y was .* when measured again: it draws from the global generator of random"),
        ("torchs_generator", "x was .* when measured again: it draws from the global generator of torch"),
        ("clock", "seed 0: x was .*, and .* when measured a second time: it is no pure function"),
        ("counter", "seed 0: x was .*, and .* when measured a second time: it is no pure function"),
    ],
)
def test_what_is_not_pure_is_an_error_that_names_the_value(audit, tmp_path, name, words, kind):
    result = audit(about(name, kind), tier="full")
    assert re.match(f"ERROR: .*{words}", reason(result)), reason(result)
    with Store(tmp_path / "evidence.sqlite") as store:
        assert list(store.rows()) == []


def test_an_identity_is_evaluated_twice(audit):
    made = experiment("impure:counter")
    test = identity(made["y"], made["y"], bound=1e-9, planted=made["x"], draws=4)
    words = reason(audit(claim(test, at=grid(k=1)), tier="full"))
    assert words.startswith("ERROR: impure:counter at {'k': 1}, seed 0: x was")


def test_a_draw_that_is_kept_for_other_seeds_is_noticed(audit):
    """The first seed's own value is right; another one has to come before it."""
    import impure

    impure._memory.clear()
    words = reason(audit(about("first_draw", mean), tier="full", executor="process:1"))
    assert words.startswith("ERROR: impure:first_draw")


@pytest.mark.parametrize("name", ["hashes", "memory"])
def test_another_process_has_other_hashes_and_other_memory(audit, name):
    words = reason(audit(about(name), tier="full", executor="process:1"))
    assert words.startswith(f"ERROR: impure:{name} at {{'k': 1}}, seed 0: x was")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("seeded", value), ("seeded", mean), ("own_files", value), ("own_files", mean), ("libraries", value)],
)
def test_what_is_pure_is_measured(audit, name, kind):
    before = shared_generators() if name != "seeded" else None
    assert reason(audit(about(name, kind), tier="full")).startswith("HOLDS")
    assert before is None or shared_generators() == before


@pytest.mark.parametrize("way", ["open", "path", "os.open", "numpy", "package", "sqlite3", "listing", "glob", "code"])
def test_what_is_read_without_being_declared_is_an_error_that_names_it(audit, way):
    words = reason(audit(about("reads", file="names_on_record.txt", way=way), tier="full"))
    read = "." if way in ("listing", "glob") else "names_on_record.txt"
    assert words.startswith("ERROR: impure:reads at")
    assert f"read {read}, which it does not declare: experiment(…, data=[{read!r}])" in words


@pytest.mark.parametrize("data", [["names_on_record.txt"], ["."], ["../data/names_on_record.txt"]])
def test_what_is_declared_may_be_read(audit, data):
    assert reason(audit(about("reads", file="names_on_record.txt", way="path", data=data))).startswith("HOLDS")


def test_a_file_that_the_code_names_by_a_literal_is_in_its_key_already(audit):
    assert reason(audit(about("declared"), tier="full")).startswith("HOLDS")


def test_an_experiment_that_forgives_the_refusal_is_an_error_all_the_same(audit):
    assert "imported or read kit.py, which its key does not know" in reason(audit(about("forgives"), tier="full"))


def test_what_is_read_at_import_has_to_be_declared(audit):
    words = reason(audit(about("impure_import:measured"), tier="full", executor="process:1"))
    assert "its module impure_import read names_on_record.txt, which it does not declare" in words
    declared = about("impure_import:measured", data=["names_on_record.txt"])
    assert reason(audit(declared, tier="full", executor="process:1")).startswith("HOLDS")


@pytest.mark.parametrize(
    ("read", "source"),
    [
        ("/a/pack/m.py", "/a/pack/m.py"),
        ("/a/pack/m.so", "/a/pack/m.so"),
        ("/a/pack/__pycache__/m.cpython-311.pyc", "/a/pack/m.py"),
        ("/a/pack/__pycache__/m.cpython-311.opt-1.pyc", "/a/pack/m.py"),
        ("/a/pack/__pycache__/__init__.cpython-311-pytest-9.2.0.pyc", "/a/pack/__init__.py"),  # of pytest's rewriting
    ],
)
def test_compiled_code_is_known_by_its_source(read, source):
    assert watching._source(read) == source


@pytest.mark.parametrize("way", ["getenv", "get", "item", "in", "bytes", "all"])
def test_a_variable_of_the_environment_has_to_be_declared(audit, monkeypatch, way):
    monkeypatch.setenv("IMPURE_GAIN", "0.25")
    words = reason(audit(about("variables", way=way), tier="full"))
    assert words.startswith("ERROR: impure:variables at")
    assert "read the environment variable " in words
    if way != "all":
        assert "IMPURE_GAIN, which it does not declare: experiment(…, data=['$IMPURE_GAIN'])" in words
        assert reason(audit(about("variables", way=way, data=["$IMPURE_GAIN"]))).startswith("HOLDS")


def test_leaving_is_an_error(audit):
    result = audit(about("leaves"), tier="full")
    assert reason(result).startswith("ERROR: ")
    assert "SystemExit: 0" in reason(result)
    assert result.exit_code() == 5


def test_the_environment_outside_a_measurement_is_as_ever(monkeypatch):
    import os

    monkeypatch.setenv("IMPURE_OTHER", "1")
    assert os.environ["IMPURE_OTHER"] == os.getenv("IMPURE_OTHER") == dict(os.environ)["IMPURE_OTHER"] == "1"


def test_a_second_audit_measures_nothing_again(audit):
    first = audit(about("own_files", mean), tier="full")
    assert first.measured > 0
    second = audit(about("own_files", mean), tier="full")
    assert (second.measured, second.cached) == (0, first.measured)


def test_whom_a_witness_is_called_for():
    cheap, dear = experiment("toys:gaussian"), experiment("toys:arms", seconds=2.0)
    points = grid(k=[1, 2, 3])
    planned = plan(
        [
            claim(mean(cheap["x"]), id="toy.a", at=points, rival=9.0),
            claim(value(cheap["x"]), id="toy.b", at=grid(n=[1, 2]), rival=9.0),
            claim(value(dear["u"]), id="toy.c", at=points, rival=9.0),
        ],
        tier=Tier.FULL,
    )
    found = {(made.name, made.base): seeds for made, seeds in planned.witnessed().items()}
    assert found == {
        ("toys:gaussian", (("k", 1),)): (1, 0),
        ("toys:gaussian", (("n", 1),)): (0, 0),
        ("toys:gaussian", (("n", 2),)): (0, 0),
        ("toys:arms", (("k", 1),)): (0,),
    }


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ([{"x": 1.0}], [{"x": 1.0}], ""),
        ([{"x": 1.0, "y": 2.0}], [{"x": 1.0, "y": 3.0}], "y was 2.0, and 3.0"),
        ([{"x": 0.0}], [{"x": -0.0}], "x was 0.0, and -0.0"),
        ([{"x": 1.0}], [{"y": 1.0}], "x was 1.0, and 'missing'"),
        (
            [{"m": "a", "x": 1.0}, {"m": "b", "x": 1.0}],
            [{"m": "a", "x": 1.0}, {"m": "b", "x": 2.0}],
            "x at {'m': 'b'} was",
        ),
        ([{"x": 1.0}], [], "it gave 1 records, and 0"),
    ],
)
def test_a_difference_names_the_value(one, other, words):
    assert difference(one, other).startswith(words)
    assert bool(difference(one, other)) == bool(words)
