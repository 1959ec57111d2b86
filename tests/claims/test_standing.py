"""Findings in the order in which they are shown: only what the paper says and what fails anyhow comes first."""

from __future__ import annotations

import itertools

import pytest

from claims.report.standing import Standing, by_standing, standing
from claims.verdict import Role, Verdict

EVERY = [{"id": f"{verdict}.{role}", "verdict": verdict, "role": role} for verdict in Verdict for role in Role]


def test_findings_are_what_is_refuted_or_depends():
    found = by_standing(EVERY, row=lambda each: each)
    shown = [row["id"] for rows in found.values() for row in rows]
    assert sorted(shown) == sorted(row["id"] for row in EVERY if row["verdict"] in ("REFUTED", "DEPENDS"))
    assert list(found) == list(Standing)


def test_first_is_the_paper_then_what_depends_then_what_is_less():
    order = [where.value for where in Standing]
    assert order[:2] == ["paper", "depends"]
    assert order.index("transfer") < order.index("ours") < order.index("control")
    assert set(Role) == set(order) - {"depends"}


@pytest.mark.parametrize("role", list(Role))
def test_only_a_statement_of_the_paper_that_fails_anyhow_is_a_finding_against_it(role):
    against = [v for v in Verdict if standing({"verdict": v.value, "role": role.value}) is Standing.PAPER]
    assert against == (["REFUTED"] if role is Role.PAPER else [])


def test_every_heading_is_its_own_and_the_order_of_the_result_is_kept():
    assert len({where.heading for where in Standing}) == len(Standing)
    rows = [{"verdict": "REFUTED", "role": "paper", "n": n} for n in range(5)]
    for chosen in itertools.permutations(rows, 3):
        assert by_standing(chosen, row=lambda each: each) == {Standing.PAPER: list(chosen)}
    assert by_standing([], row=lambda each: each) == {}
