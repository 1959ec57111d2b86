"""An experiment's name enters its streams and never changes; a table says where its code lives now."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from claims.auditing.planning import plan
from claims.auditing.trial import Measurement
from claims.catalogue import load_catalogue
from claims.errors import InvalidDeclaration
from claims.evidence.fingerprint import code_fingerprint, code_named
from claims.evidence.measure import Task, measure
from claims.experiment import experiment, grid
from claims.kinds import mean, search
from claims.lazy import load
from claims.names import address_of, moved, name_of, spec_of
from claims.streams import Streams
from claims.verdict import Tier
from tests.claims.data.kit import claim

BODY = "def drawn(point, streams):\n    return {'x': streams.numpy('x').standard_normal()}\n"
TABLE = '["NAME.old"]\ndrawn = "NAME.rooms.new:drawn"\n'


@pytest.fixture
def house(tmp_path, monkeypatch, request):
    """A package whose experiment has moved from NAME.old to NAME.rooms.new; its name."""
    name = f"house_{abs(hash(request.node.name)) % 10**9}"
    rooms = tmp_path / name / "rooms"
    rooms.mkdir(parents=True)
    for folder in (rooms.parent, rooms):
        (folder / "__init__.py").write_text("")
    (rooms / "new.py").write_text(BODY)
    (rooms.parent / "names.toml").write_text(TABLE.replace("NAME", name))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


def test_name_and_address_are_each_found_from_the_other(house):
    old, new = f"{house}.old:drawn", f"{house}.rooms.new:drawn"
    assert (address_of(old), name_of(new)) == (new, old)
    assert (address_of(new), name_of(old)) == (new, old)
    assert moved(house) == {old: new}


@pytest.mark.parametrize("said", ["old", "rooms.new"])
def test_a_moved_experiment_keeps_its_streams_and_its_evidence(house, said):
    made = experiment(f"{house}.{said}:drawn")
    assert (made.name, made.address) == (f"{house}.old:drawn", f"{house}.rooms.new:drawn")
    measurement = Measurement.of(made["x"], ())
    (outcome,) = measure(Task(measurement.name, measurement.address, (), (), 7, (3,)))
    expected = Streams(7, f"{house}.old:drawn", {}, 3).numpy("x").standard_normal()
    assert outcome.records == [{"x": expected}]


def test_the_fingerprint_reads_the_code_where_it_lives(house, tmp_path):
    named = code_named(experiment(f"{house}.old:drawn").address, ())
    before = code_fingerprint(*named)
    (tmp_path / house / "rooms" / "new.py").write_text(BODY.replace("standard_normal", "standard_cauchy"))
    assert code_fingerprint(*named) != before


def test_a_searched_statement_keeps_its_name_too(house):
    (statement,) = (dict(search(f"{house}.{said}:drawn").experiment.fixed)["statement"] for said in ("rooms.new",))
    assert statement == f"{house}.old:drawn"
    assert code_named("claims.searching:drive", (("statement", statement),))[1] == f"{house}.rooms.new:drawn"


def test_a_new_experiment_may_be_given_a_name():
    made = experiment("claims.papers.mean_bias.experiments.dose:dose", name="dose:block")
    assert (made.name, made.address) == ("dose:block", "claims.papers.mean_bias.experiments.dose:dose")
    assert claim(mean(made["x"]), at=grid(n=1), rival=9.0).test.quantities()[0].experiment.name == "dose:block"


@pytest.mark.parametrize("name", ["dose", "a:b:c", 3])
def test_a_name_has_the_form_of_an_address(name):
    with pytest.raises(InvalidDeclaration, match="name"):
        experiment("toys:gaussian", name=name)


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("[", "readable TOML"),
        ('["a.b"]\nf = "nowhere"', r"names\.f"),
        ('f = "a.b:f"', r"names\.f"),
        ('["a.b"]\nf = 3', r"names\.f"),
        ('["a.b"]\nf = "c:f"\ng = "c:f"', "one name an address"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, monkeypatch, table, named):
    package = f"refused_{abs(hash(table)) % 10**9}"
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / package / "names.toml").write_text(table)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InvalidDeclaration, match=named):
        address_of(f"{package}.module:f")


ON_RECORD = (Path(__file__).parent / "data" / "names_on_record.txt").read_text(encoding="utf-8").split()


@pytest.mark.parametrize("name", ON_RECORD)
def test_every_name_on_record_lives_somewhere(name):
    """Evidence was drawn under these names; whoever moves code says in names.toml where each went."""
    assert load(address_of(name))
    assert name_of(address_of(name)) == name


def test_every_name_in_use_is_on_record():
    """A name that appears is added to the list, and none is ever taken off."""
    measurements = plan(load_catalogue().claims.values(), tier=Tier.FULL).measurements()
    searched = {dict(each.base)["statement"] for each in measurements if each.name == "claims.searching:drive"}
    assert {each.name for each in measurements} | searched <= set(ON_RECORD)


def test_a_finder_is_asked_as_the_import_system_asks_it(house, monkeypatch):
    asked = []

    class Finder:
        def find_spec(self, fullname, path, target):
            asked.append((fullname, target))

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    spec = spec_of(f"{house}.rooms.new")
    assert spec is not None
    assert asked[-1] == (f"{house}.rooms.new", None)
