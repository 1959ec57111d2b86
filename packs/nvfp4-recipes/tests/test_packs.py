"""What the packs owe the harness and their readers: they load, cover their outlines, and can fail."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata

import pytest

from claims.auditing.controls import uncontrolled
from claims.auditing.planning import plan
from claims.catalogue import load_catalogue
from claims.discovery import examine
from claims.evidence import fingerprint
from claims.outline.coverage import coverage_of
from claims.outline.unread import unread
from claims.verdict import HOLDS, REFUTED, UNDECIDED, Role, Tier

KEYS = ("four-over-six", "ufp4", "mr-gptq", "quartet-ii", "bitnet-cpp")
PACKS = {found.name: found for found in examine() if found.name in KEYS}
CLAIMS = [pytest.param(claim, id=claim.id) for found in PACKS.values() for claim in found.claims]

each_paper = pytest.mark.parametrize("key", KEYS)


def test_one_distribution_brings_five_packs():
    assert {name: found.problem for name, found in PACKS.items()} == dict.fromkeys(KEYS, "")
    assert {found.pack.paper.key for found in PACKS.values()} == set(KEYS)
    points = {point.name for point in metadata.distribution("nvfp4-recipes").entry_points.select(group="claims.packs")}
    assert points == set(KEYS)


@each_paper
def test_every_statement_of_an_outline_has_a_claim_or_a_reason(key):
    coverage = coverage_of(load_catalogue(), key)
    assert coverage.missing == ()
    assert coverage.complete
    assert coverage.elsewhere.claims == ()


@each_paper
def test_loci_name_places_of_the_outline(key):
    outline = PACKS[key].outline
    assert {claim.id: outline.unknown(claim.locus) for claim in PACKS[key].claims if outline.unknown(claim.locus)} == {}


@each_paper
def test_a_pack_has_controls_of_both_sorts_and_says_how_it_reads(key):
    assert uncontrolled(PACKS[key].claims) == []
    assert unread(PACKS[key].claims) == ()


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_can_fail_and_says_what_it_has_to(claim):
    assert claim.statement.endswith(".")
    assert not claim.descriptive
    if claim.expected is not HOLDS:
        assert claim.finding.endswith(".")
        assert len(claim.finding.split()) >= 6
    if claim.expected is UNDECIDED:
        assert re.search(r"\b(would|takes)\b", claim.finding)


def test_no_paper_is_said_to_be_wrong_by_what_it_does_not_say():
    assert [
        claim.values[0].id
        for claim in CLAIMS
        if claim.values[0].expected is REFUTED and claim.values[0].role is Role.PAPER
    ] == []


def test_what_is_measured_knows_neither_closed_forms_nor_claims():
    known = {}
    for found in PACKS.values():
        for measurement in plan(found.claims, tier=Tier.FULL).measurements():
            for address in fingerprint.code_named(measurement.address, measurement.base):
                module = address.partition(":")[0]
                known[module] = {m for m in fingerprint.code_of(module).modules if ".theory" in m or ".sections" in m}
    assert len(known) > 5
    assert {module: wrong for module, wrong in known.items() if wrong} == {}


def test_sections_do_not_know_each_other():
    sections = {module for found in PACKS.values() for module in found.pack.modules}
    known = {module: set(fingerprint.code_of(module).modules) & sections - {module} for module in sections}
    assert {module: others for module, others in known.items() if others} == {}


def test_listing_loads_nothing_heavy():
    script = (
        "import sys; from claims.catalogue import load_catalogue; print(len(load_catalogue().claims));"
        "print([name for name in ('torch', 'numpy', 'scipy', 'statsmodels', 'hypothesis') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    count, loaded = ran.stdout.splitlines()
    assert int(count) >= len(CLAIMS)
    assert loaded == "[]"
