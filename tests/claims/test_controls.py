"""Every pack has claims that must be refuted and claims that must stay undecided, whatever is audited of it."""

from __future__ import annotations

import pytest
from kit import claim

from claims.auditing.controls import uncontrolled
from claims.auditing.decision import looks_at
from claims.discovery import installed
from claims.experiment import experiment, grid
from claims.kinds import mean
from claims.verdict import REFUTED, UNDECIDED, Role, Tier

PACKS = {name: pack.claims() for name, pack in installed().items()}
CONTROLS = [each for claims in PACKS.values() for each in claims if each.role is Role.CONTROL]
X = mean(experiment("toys:gaussian")["x"])
FINDING = {"finding": "It is a toy of which more seeds would decide."}


@pytest.mark.parametrize("name", PACKS)
def test_every_pack_brings_both_sorts(name):
    assert uncontrolled(PACKS[name]) == []


@pytest.mark.parametrize("expected", [REFUTED, UNDECIDED])
def test_one_that_not_every_audit_measures_does_not_count(expected):
    def control(**changes):
        words = {"role": "control", "expected": expected, "at": grid(centre=0.0), "rival": 9.0} | FINDING | changes
        return claim(X, **words)

    other = [REFUTED, UNDECIDED][expected is REFUTED]
    assert uncontrolled([control()]) == [other]
    assert uncontrolled([]) == uncontrolled([control(decides="standard")]) == [REFUTED, UNDECIDED]
    assert uncontrolled([control(role="ours", corrected_by="toy.other")]) == [REFUTED, UNDECIDED]


def test_controls_that_stay_undecided_do_so_at_every_tier_and_are_true(audit):
    """More seeds would decide them, but not those that any tier has."""
    chosen = [each for each in CONTROLS if each.expected is UNDECIDED and not each.needs]
    assert len(chosen) >= len(PACKS)
    assert all(looks_at(each, tier) for each in chosen for tier in Tier)
    result = audit(chosen, tier="standard")
    for each in result.claims:
        point = each.speaker
        lo, hi = point.judgement.interval
        assert each.verdict is UNDECIDED, each.claim.id
        assert lo < point.trial.band.lo < point.trial.band.hi < hi
        assert point.more_seeds > 2 * max(looks_at(each.claim, Tier.FULL))
