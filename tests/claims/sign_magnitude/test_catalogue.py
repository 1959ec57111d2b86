"""What a reader is told: findings, corrections, and claims that the texts of other claims name."""

from __future__ import annotations

import fnmatch
import re

import pytest

from claims.papers.sign_magnitude import PACK
from claims.verdict import HOLDS, REFUTED, UNDECIDED, Role

CLAIMS = {claim.id: claim for claim in PACK.claims()}
NAMED = re.compile(r"sign-magnitude\.[a-z0-9.*-]*[a-z0-9*]")


def having(verdict):
    return [pytest.param(claim, id=claim.id) for claim in CLAIMS.values() if claim.expected is verdict]


@pytest.mark.parametrize("claim", having(REFUTED))
def test_what_is_refuted_has_a_finding_and_a_correction_that_holds(claim):
    assert len(claim.finding.split()) >= 6
    assert claim.finding.endswith(".")
    if claim.role is not Role.CONTROL:
        correction = CLAIMS[claim.corrected_by]
        assert correction.expected is HOLDS
        assert correction.statement != claim.statement


@pytest.mark.parametrize("claim", having(UNDECIDED))
def test_what_stays_undecided_says_what_would_decide_it(claim):
    assert re.search(r"would .*decide", claim.finding)


def test_what_holds_needs_no_correction():
    assert not [claim.id for claim in CLAIMS.values() if claim.expected is HOLDS and claim.corrected_by]


def test_every_claim_can_fail():
    assert not [claim.id for claim in CLAIMS.values() if claim.descriptive]


def test_claims_that_texts_refer_to_exist():
    texts = {claim.id: f"{claim.statement} {claim.finding}" for claim in CLAIMS.values()} | PACK.not_claims()
    named = {(where, name) for where, text in texts.items() for name in NAMED.findall(text)}
    assert len(named) > 50
    assert not [(where, name) for where, name in named if not fnmatch.filter(CLAIMS, name)]
