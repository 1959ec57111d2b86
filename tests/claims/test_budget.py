"""The error budget: what all verdicts of an audit promise together, and that no paper has more claims than that."""

from __future__ import annotations

import pytest
from kit import claim

from claims.auditing.budget import check_budget, error_rates
from claims.auditing.decision import ALPHA_AUDIT, ALPHA_CLAIM, BUDGET
from claims.auditing.schedule import schedule
from claims.errors import InvalidDeclaration
from claims.experiment import experiment, grid
from claims.kinds import column, mean, sample, value
from claims.reading import Reading
from claims.report.words import error_words

X = experiment("toys:gaussian")["x"]
FAMILY = {"a": {"x": [0.1, 0.2, 0.15, 0.12]}, "b": {"x": [5.0, 5.1, 5.2, 5.15]}}


def fixed(member, level=0.05, family=FAMILY):
    other = {name: (-1.0, 1.0) for name in family if name != member}
    test = sample(mean(column("x")), family=family, member=member, bands=other, level=level)
    return claim(test, id=f"toy.{member}-{level}".replace("0.", ""), rival=9.0)


def on_seeds(name, **fields):
    return claim(mean(X), id=f"toy.{name}", rival=9.0, **({"at": grid(centre=0.0, sd=0.1)} | fields))


def test_bounds_add_up_over_what_ran(audit):
    many = on_seeds("many", at=grid(centre=[0.0, 0.1, 0.2], sd=0.1))
    later = on_seeds("later", decides="standard")
    never = on_seeds("never", decides="full")
    exact = claim(value(X), id="toy.value", at=grid(centre=0.0), rival=9.0)
    missing = claim(mean(experiment("toys:unavailable")["x"]), id="toy.missing", at=grid(centre=0.0), rival=9.0)
    rates = error_rates(audit([on_seeds("one"), many, later, never, exact, missing], tier="smoke").claims)
    assert (rates.claims, rates.apart, rates.apart_any_false) == (3, 0, 0.0)
    assert rates.any_false == pytest.approx((2 + schedule(later).share(8)) * ALPHA_CLAIM)  # `later` took one look


def test_a_paper_that_spends_its_budget_keeps_the_bound_of_an_audit(audit):
    (one,) = audit(on_seeds("one")).claims
    assert error_rates([one] * BUDGET).any_false == pytest.approx(ALPHA_AUDIT)
    assert error_rates([one] * 100 * BUDGET).any_false == 1.0


def test_readings_count_like_claims(audit):
    declared = Reading(axis="geometry", option="spread", because="so")
    others = [Reading(axis="geometry", option=f"in {n}", because="so", at=grid(centre=0.1 * n, sd=0.1)) for n in (1, 2)]
    made = on_seeds("read", readings=(declared, *others))
    rates = error_rates(audit(made).claims)
    assert (rates.claims, rates.any_false) == (3, pytest.approx(3 * ALPHA_CLAIM))
    check_budget([made] * (BUDGET // 3))
    with pytest.raises(InvalidDeclaration, match="about toy"):
        check_budget([made] * (BUDGET // 3 + 1))


def test_fixed_samples_are_counted_apart_and_each_family_once(audit):
    other = {"a": FAMILY["a"], "c": {"x": [0.1, 0.3]}}
    chosen = [fixed("a"), fixed("b"), fixed("c", family=other), fixed("a", level=0.01)]
    result = audit([*chosen, on_seeds("one")])
    rates = result.error_rates()
    assert (rates.claims, rates.any_false) == (1, pytest.approx(ALPHA_CLAIM))
    assert (rates.apart, rates.apart_families) == (4, 3)
    assert rates.apart_any_false == pytest.approx(0.05 + 0.05 + 0.01)
    assert rates.apart_decided == sum(each.verdict in ("HOLDS", "REFUTED") for each in result.claims) - 1
    assert result.to_json()["error_rates"] == rates.to_json()


def test_what_is_said_of_them(audit):
    rates = audit([on_seeds("one"), fixed("a"), fixed("b")]).error_rates()
    assert error_words(rates) == (
        "any false verdict among 1 claim judged on seeds: at most 0.002 %; apart from these, among 2 fixed samples in "
        "1 family, 2 decided, at levels of their own: at most 5 %"
    )
    (exact,) = audit(claim(value(X), at=grid(centre=0.0), rival=9.0)).claims
    assert error_words(error_rates([exact])) == "no verdict rests on seeds"


def test_one_claim_too_many_is_refused():
    whole = [on_seeds(f"c{n}") for n in range(BUDGET)] + [fixed("a"), claim(value(X), at=grid(centre=0.0), rival=9.0)]
    check_budget(whole)
    with pytest.raises(
        InvalidDeclaration, match=r"here: claims judged on seeds: got '501 about toy'; allowed: at most"
    ):
        check_budget([*whole, on_seeds("last")], where="here")
