"""What a stranger gets wrong is named with file, line, claim and point; what has no name says so."""

from __future__ import annotations

import functools
import math
import sys
import textwrap
from pathlib import Path

import pytest

from claims.auditing.planning import plan
from claims.catalogue import load_catalogue
from claims.errors import ClaimsError, InvalidClaimFile, InvalidDeclaration
from claims.experiment import experiment
from claims.lazy import load, resolve_number
from claims.verdict import Tier

HEAD = """
import functools
from claims import (Claim, aggregated, bounded, experiment, granularity, grid, recomputed, table, value, within)

def measured(point, streams):
    return {"x": 2.0 * point.get("n", 1)}

class Kit:
    @staticmethod
    def measured(point, streams):
        return {"x": 2.0 * point.get("n", 1)}

    @classmethod
    def target(cls, n):
        return 2.0 * n

def claim(target, rival=-1.0, function=measured):
    band = within(target, abs=0.1, provenance="author", because="a toy")
    return Claim(id="toy.one", locus="-", statement="It is 2 n.", at=grid(n=[1, 2]), band=band, rival=rival,
                 test=value(experiment(function)["x"]))

def printed_in(path, check):
    return Claim(id="toy.printed", locus="-", statement="It adds up.", test=table(path, check=check))

def boom(n):
    return 1 / (n - 1)
"""
#: Lines of the file: what comes behind the head, the one that spells the claim's id, and where boom begins.
LAST = HEAD.count("\n") + 1
ID, BOOM = (HEAD[: HEAD.index(text)].count("\n") + 1 for text in ('id="toy.one"', "def boom"))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / f"claims_said_{tmp_path.name.replace('-', '_')}.py"

    def write(body: str) -> Path:
        path.write_text(HEAD + textwrap.dedent(body))
        return path

    yield write
    for name, module in tuple(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


def refusal(path: Path) -> str:
    """What a plan of a file's claims is refused with."""
    catalogue = load_catalogue([path])
    with pytest.raises(ClaimsError) as caught:
        plan(catalogue.claims.values(), tier=Tier.SMOKE, place=catalogue.place)
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "A = claim(boom)",
            ["toy.one at n = 1: band.target: got 'boom ({file}:{boom})'", "ZeroDivisionError", "{file}:{inside}"],
        ),
        ("A = claim(2.0, rival=boom)", ["toy.one at n = 1: rival: got 'boom ({file}:{boom})'"]),
        ("A = claim(lambda n: n / 0)", ["band.target: got '<lambda> ({file}:{last})'", "ZeroDivisionError"]),
        ("A = claim(functools.partial(boom, n=1))", ["functools.partial of boom ({file}:{boom})", "ZeroDivisionError"]),
        ("A = claim(lambda m: 2.0)", ["<lambda> ({file}:{last})", "'m' is not"]),
        ("A = claim(lambda n: [n])", ["TypeError"]),
        ("A = claim(lambda n: float('nan'))", ["got nan", "<lambda> ({file}:{last})"]),
        ("import sys\nA = claim(lambda n: sys.exit(3))", ["SystemExit: 3"]),
        (
            "A = claim(lambda n: 2.0 * n, rival=lambda n: 2.0 * n)",
            ["toy.one at n = 1: rival: got 2.0; allowed: a value out"],
        ),
        ("A = claim('no_such_module_here:target')", ["toy.one at n = 1: target", "no_such_module_here"]),
    ],
)
def test_a_target_or_rival_that_fails_names_file_line_claim_and_point(file, body, words):
    path = file(body)
    said = refusal(path)
    assert said.startswith(f"{path}:{ID}: toy.one at n = "), said
    for word in words:
        assert word.format(file=path.name, last=LAST + body.count("\n"), boom=BOOM, inside=BOOM + 1) in said, said
    assert "0x" not in said


def test_functions_of_a_class_and_partial_targets_are_found(file, audit):
    path = file("A = claim(Kit.target, rival=functools.partial(lambda n, by: n * by, by=3.0), function=Kit.measured)")
    catalogue = load_catalogue([path])
    (claim,) = catalogue.claims.values()
    assert claim.test.quantities()[0].experiment.address == f"{path.stem}:Kit.measured"
    assert audit(claim).claims[0].verdict == "HOLDS"


class Of:
    def method(self, point, streams):
        return {}


def inside():
    def measured(point, streams):
        return {}

    return measured


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (functools.partial(inside, x=1), r"got functools.partial of inside \(test_messages.py:\d+\);.*fixed=\{...\}"),
        (lambda point, streams: {}, r"got <lambda> \(test_messages.py:\d+\);.*a lambda has no name"),
        (Of().method, r"got Of.method \(test_messages.py:\d+\);.*needs its object"),
        (inside(), r"got inside.<locals>.measured \(test_messages.py:\d+\);.*made inside another"),
        (Of, "got <class"),
        (3, "got 3"),
        ("measured", "got 'measured'"),
    ],
)
def test_what_workers_could_not_find_is_no_experiment(target, words):
    with pytest.raises(InvalidDeclaration, match=rf"experiment: {words}"):
        experiment(target)


def test_an_attribute_of_a_class_that_is_not_there_is_named(tmp_path, monkeypatch):
    (tmp_path / "kit_of_messages.py").write_text("class Kit:\n    measured = target = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InvalidDeclaration, match="one of measured, target"):
        load("kit_of_messages:Kit.nothing")


@pytest.mark.parametrize("function", [max, dict, math.sqrt, functools.partial(math.sqrt)])
def test_a_target_whose_parameters_cannot_be_read_is_refused(function):
    with pytest.raises(InvalidDeclaration, match=r"band.target: got '.*'; allowed: "):
        resolve_number(function, {"n": 1}, field="band.target")


def test_star_parameters_of_a_target_get_nothing():
    assert resolve_number(lambda *levels, n, **others: n + len(levels) + len(others), {"n": 1, "m": 2}, field="x") == 1


def test_a_relative_import_says_what_to_write(file):
    path = file("from .helpers import x")
    with pytest.raises(InvalidClaimFile, match=rf"{path}:{LAST}: .*`from helpers import x` finds helpers.py beside it"):
        load_catalogue([path])


TABLE = '[[rows]]\na = "1"\nb = "2"\nsum = "3"\n\n[[rows]]\na = "2"\nb = "2"\nsum = "4"\n'
ADDS = "recomputed('sum', uses=['a', 'b'], formula=lambda a, b: a + b)"


def test_the_path_of_a_table_is_relative_to_the_file_that_declares_it(file, audit, tmp_path, monkeypatch):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "one.toml").write_text(TABLE)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (claim,) = load_catalogue([file(f"A = printed_in('tables/one.toml', {ADDS})")]).claims.values()
    assert audit(claim).claims[0].verdict == "HOLDS"


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("recomputed('total', uses=['a', 'b'], formula=lambda a, b: a + b)", "recomputed.result: got 'total'"),
        ("recomputed('sum', uses=['a', 'c'], formula=lambda a, c: a + c)", "recomputed.uses: got 'c'"),
        ("bounded(uses=['c'], formula=abs, lo=0)", "bounded.uses: got 'c'"),
        ("granularity(cells='c', n=10)", "granularity.cells: got 'c'"),
        (
            "aggregated('total', into=lambda row: row['a'] == '2', uses=['a'], formula=abs, statistic=sum)",
            "aggregated.result: got 'total'",
        ),
    ],
)
def test_a_column_that_is_missing_is_named_with_those_that_are_there(file, audit, tmp_path, check, words):
    (tmp_path / "one.toml").write_text(TABLE)
    (claim,) = load_catalogue([file(f"A = printed_in('one.toml', {check})")]).claims.values()
    result = audit(claim).claims[0]
    assert result.verdict == "ERROR"
    assert (
        f"{tmp_path / 'one.toml'}: {words}; allowed: a column of every row; one has a, b, sum"
        in result.speaker.judgement.reason
    )


@pytest.mark.parametrize(
    "check",
    [
        "recomputed('sum', uses=['a'], formula=abs, where=lambda row: row['model'] == 'x')",
        "bounded(uses=['a'], formula=abs, lo=0, where=lambda row: row['model'] == 'x')",
        "aggregated('sum', into=lambda row: row['model'] == 'x', uses=['a'], formula=abs, statistic=sum)",
    ],
)
def test_a_condition_that_raises_is_named_with_its_line_and_row(file, audit, tmp_path, check):
    (tmp_path / "one.toml").write_text(TABLE)
    path = file(f"A = printed_in('one.toml', {check})")
    (claim,) = load_catalogue([path]).claims.values()
    reason = audit(claim).claims[0].speaker.judgement.reason
    assert f"got <lambda> ({path.name}:{LAST})" in reason
    assert "as of {'a': '1', 'b': '2', 'sum': '3'} (KeyError: 'model'" in reason
