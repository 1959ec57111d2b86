"""The law of the house, for every installed pack and every module: who may know whom, and what a catalogue owes."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from claims.auditing.decision import BUDGET
from claims.auditing.planning import plan
from claims.discovery import installed
from claims.evidence import fingerprint
from claims.evidence.syntax import parse
from claims.outline.unread import unread
from claims.verdict import HOLDS, REFUTED, UNDECIDED, Role, Tier

ROOT = Path(__file__).parents[2]
PACKS = installed()
CLAIMS = {name: {claim.id: claim for claim in pack.claims()} for name, pack in PACKS.items()}
EVERY = [pytest.param(claim, id=claim.id) for claims in CLAIMS.values() for claim in claims.values()]
#: A claim's id in a text; a star stands for several.
NAMED = re.compile(rf"(?:{'|'.join(pack.paper.key for pack in PACKS.values())})\.[a-z0-9.*-]*[a-z0-9*]")

every_pack = pytest.mark.parametrize("name", sorted(PACKS))


# Experiments


def experiments(name: str) -> dict[str, str]:
    """Module of each experiment and searched statement of a pack, by its address."""
    found: dict[str, str] = {}
    for measurement in plan(CLAIMS[name].values(), tier=Tier.FULL).measurements():
        for address in fingerprint.code_named(measurement.address, measurement.base):
            found[address] = address.partition(":")[0]
    return found


@cache
def known_to(module: str) -> frozenset[str]:
    """Every module of ours that a module loads, itself or through others."""
    return frozenset(fingerprint.code_of(module).modules)


def closed_forms(name: str) -> set[str]:
    """Modules of the functions that a pack's bands and rivals are computed by."""
    targets = [value for claim in CLAIMS[name].values() for value in (claim.rival, claim.band and claim.band.target)]
    named = {value.partition(":")[0] for value in targets if isinstance(value, str)}
    return named | {value.__module__ for value in targets if callable(value)}


@every_pack
def test_what_is_measured_does_not_know_what_is_expected(name):
    expected = set(PACKS[name].modules) | closed_forms(name)
    measured = experiments(name)
    assert measured
    known = {address: known_to(module) & expected for address, module in measured.items()}
    assert {address: modules for address, modules in known.items() if modules} == {}
    theory = {address: {each for each in known_to(module) if ".theory" in each} for address, module in measured.items()}
    assert {address: modules for address, modules in theory.items() if modules} == {}


def test_an_experiment_that_knows_a_closed_form_is_noticed(tmp_path, monkeypatch):
    (tmp_path / "knowing.py").write_text("from guess import target\n\ndef drawn(point, streams):\n    return target\n")
    (tmp_path / "guess.py").write_text("target = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "guess" in known_to("knowing")


# Catalogues


@pytest.mark.parametrize("claim", EVERY)
def test_a_claim_belongs_to_its_paper_and_can_fail(claim):
    assert claim.paper in {pack.paper.key for pack in PACKS.values()}
    assert claim.locus.strip()
    assert claim.statement.strip().endswith((".", "?"))
    assert not claim.descriptive


@pytest.mark.parametrize("claim", [each for each in EVERY if each.values[0].expected is REFUTED])
def test_what_is_refuted_has_a_finding_and_a_correction_that_holds(claim):
    assert len(claim.finding.split()) >= 6
    assert claim.finding.endswith(".")
    if claim.role is not Role.CONTROL:
        correction = next(claims[claim.corrected_by] for claims in CLAIMS.values() if claim.corrected_by in claims)
        assert correction.expected is HOLDS
        assert correction.statement != claim.statement


@pytest.mark.parametrize("claim", [each for each in EVERY if each.values[0].expected is UNDECIDED])
def test_what_stays_undecided_says_what_would_decide_it(claim):
    assert re.search(r"\b(would|decides?|resolves?|needs?|takes)\b", claim.finding, re.IGNORECASE)


@pytest.mark.parametrize("claim", [each for each in EVERY if each.values[0].expected is HOLDS])
def test_what_holds_needs_no_correction(claim):
    assert claim.corrected_by is None


def test_claims_that_texts_refer_to_exist():
    texts = {each.id: f"{each.statement} {each.finding}" for claims in CLAIMS.values() for each in claims.values()}
    texts |= {f"{name}: {at}": why for name, pack in PACKS.items() for at, why in pack.not_claims().items()}
    ids = [each for claims in CLAIMS.values() for each in claims]
    named = {(where, each) for where, text in texts.items() for each in NAMED.findall(text)}
    assert len(named) > 50
    assert [(where, each) for where, each in named if not fnmatch.filter(ids, each)] == []


@every_pack
def test_sequential_claims_stay_within_the_budget_that_error_rates_are_stated_for(name):
    read = [variant for claim in CLAIMS[name].values() for _, variant in claim.as_read()]
    assert sum(claim.test.sequential for claim in read) <= BUDGET


@every_pack
def test_who_says_that_a_paper_is_wrong_says_how_it_is_read(name):
    assert [claim.id for claim in unread(CLAIMS[name].values())] == []


# Modules


def modules() -> dict[str, Path]:
    """Every module of the project by the name under which it is imported."""
    found = {}
    for folder, package in ((ROOT / "src" / "claims", "claims"), (ROOT / "kernels", "claims.kernels")):
        for path in folder.rglob("*.py"):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(module: str) -> set[str]:
    """The modules of the project that a module names, at its top or inside a function."""
    return set(parse(MODULES[module], (0, 0), module).imports) & set(MODULES) - {module}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle; empty if there is none."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return path[path.index(node) :]
        if node in done:
            return []
        found: list[str] = next((ring for each in sorted(graph[node]) if (ring := walk(each, [*path, node]))), [])
        done.add(node)
        return found

    return next((ring for node in sorted(graph) if (ring := walk(node, []))), [])


def test_no_modules_import_each_other_in_a_circle():
    faces = {module for module, path in MODULES.items() if path.name == "__init__.py"}
    graph = {module: imports(module) - faces for module in MODULES if module not in faces}
    assert circle(graph) == []


def test_a_circle_is_noticed():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c"]
    assert circle({"a": {"b"}, "b": set()}) == []


def sections() -> Iterator[str]:
    """The modules in which the packs of the project declare claims."""
    return (module for pack in PACKS.values() for module in pack.modules if module in MODULES)


def test_no_section_imports_another():
    every = set(sections())
    assert every
    assert {(module, other) for module in every for other in imports(module) & every} == set()
