"""A claim is validated when it is made: the message names field, value got and values allowed."""

from __future__ import annotations

import dataclasses
import math

import pytest
from kit import claim, made_up

from claims.bands import at_least, between, within
from claims.claim import Claim, Paper, nearest
from claims.errors import InvalidDeclaration, RivalInsideBand
from claims.experiment import experiment, grid
from claims.kinds import convergence, identity, limit, mean, order, slope, trend, value
from claims.verdict import HOLDS, REFUTED, Role, Tier

BAND = within(2.0, abs=0.1, provenance="author", because="a toy")
GOOD = {"id": "toy.claim", "locus": "section 1", "statement": "A toy.", "test": mean(made_up["x"]), "band": BAND}


def refused(**fields: object) -> InvalidDeclaration:
    with pytest.raises(InvalidDeclaration) as caught:
        Claim(**(GOOD | fields))
    return caught.value


def test_it_is_frozen_and_keyword_only():
    made = Claim(**GOOD)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.locus = "elsewhere"
    with pytest.raises(TypeError):
        Claim(*GOOD.values())
    assert (made.expected, made.role, made.decides) == (HOLDS, Role.PAPER, Tier.SMOKE)
    assert (made.paper, made.kind) == ("toy", "mean")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"id": "Toy.Claim"}, "id"),
        ({"id": "toy"}, "id"),
        ({"id": "toy..claim"}, "id"),
        ({"id": 3}, "id"),
        ({"locus": " "}, "locus"),
        ({"statement": ""}, "statement"),
        ({"role": "referee"}, "role"),
        ({"role": "implied"}, "read_as"),
        ({"read_as": 3}, "read_as"),
        ({"decides": "weekly"}, "decides"),
        ({"expected": "TRUE"}, "expected"),
        ({"expected": "ERROR"}, "expected"),
        ({"expected": REFUTED, "corrected_by": "toy.other"}, "finding"),
        ({"expected": REFUTED, "finding": "It is 3."}, "corrected_by"),
        ({"test": "mean"}, "test"),
        ({"band": None}, "band"),
        ({"at": ()}, "at"),
        ({"at": grid(n=[4, 8]) + grid(n=8)}, "at"),
        ({"rival": math.nan}, "rival"),
        ({"rival": math.inf}, "rival"),
        ({"rival": [3.0]}, "rival"),
    ],
)
def test_each_field_is_checked_and_named(fields, named):
    error = refused(**fields)
    assert error.field == named
    assert named in str(error)
    assert "allowed" in str(error)


def test_a_false_claim_of_the_paper_needs_its_correction_but_a_control_does_not():
    made = Claim(**GOOD, expected="REFUTED", finding="It is 3.", corrected_by="toy.other")
    assert made.expected is REFUTED
    assert Claim(**GOOD, expected="REFUTED", finding="Wrong on purpose.", role="control").corrected_by is None


def test_a_rival_inside_the_band_is_refused_with_the_numbers():
    with pytest.raises(RivalInsideBand, match=r"toy\.claim: rival: got 2\.05; allowed: .*\[1\.9, 2\.1\]"):
        Claim(**GOOD, rival=2.05)
    assert Claim(**GOOD, rival=2.2).rival == 2.2


def test_a_rival_on_the_edge_is_inside():
    band = between(1.0, 2.0, provenance="author", because="a toy")
    with pytest.raises(RivalInsideBand):
        Claim(**(GOOD | {"band": band, "rival": 2.0}))


def test_a_one_sided_band_refuses_a_rival_on_its_side():
    band = at_least(1.0, slack=0.1, provenance="author", because="a toy")
    with pytest.raises(RivalInsideBand, match=r"\[0\.9, inf\]"):
        Claim(**(GOOD | {"band": band, "rival": 5.0}))


def squared(n: int) -> float:
    return float(n * n)


def test_deferred_targets_and_rivals_are_computed_at_each_point():
    band = within(squared, rel=0.1, provenance="theory", because="n squared")
    made = claim(mean(made_up["x"]), band=band, rival=lambda n, scale=2.0: scale * n * n, at=grid(n=[2, 3]))
    (two, _), (three, _) = made.judged_points()
    assert made.limits(two)[0].target == 4.0
    assert made.limits(three)[1] == 18.0


def test_a_deferred_rival_inside_the_band_is_refused_at_its_point():
    made = claim(
        mean(made_up["x"]),
        band=within(squared, rel=0.6, provenance="theory", because="n squared"),
        rival=lambda n: 2.0 * n,
        at=grid(n=[2, 9]),
    )
    (two, _), (nine, _) = made.judged_points()
    with pytest.raises(RivalInsideBand, match=r"got 4\.0"):
        made.limits(two)
    assert made.limits(nine)[1] == 18.0


def test_a_deferred_target_names_the_coordinates_it_lacks():
    made = claim(mean(made_up["x"]), band=within(squared, rel=0.1, provenance="theory", because="n squared"))
    with pytest.raises(InvalidDeclaration, match=r"band\.target.*squared.*coordinates \[\]"):
        made.limits(())


def test_a_deferred_number_has_to_be_finite():
    made = claim(mean(made_up["x"]), band=within(lambda: math.inf, abs=1.0, provenance="theory", because="none"))
    with pytest.raises(InvalidDeclaration, match="finite number"):
        made.limits(())


@pytest.mark.parametrize("spec", ["no_such_module_here:f", "claims.bands:no_such_function"])
def test_a_target_that_cannot_be_loaded_says_so(spec):
    made = claim(mean(made_up["x"]), band=within(spec, abs=1.0, provenance="theory", because="none"))
    with pytest.raises(InvalidDeclaration, match="target"):
        made.limits(())


def test_kinds_with_a_planted_version_take_neither_band_nor_rival():
    test = identity(made_up["a"], made_up["b"], bound=1e-12, planted=made_up["c"])
    for fields in ({"band": BAND}, {"band": None, "rival": 3.0}):
        with pytest.raises(InvalidDeclaration):
            Claim(**(GOOD | {"test": test} | fields))
    assert not claim(test).descriptive


def test_without_a_rival_a_claim_is_descriptive():
    assert Claim(**GOOD).descriptive
    assert not Claim(**GOOD, rival=3.0).descriptive


SWEPT = experiment("made:swept", sweep={"p": (0.1, 0.2)})


@pytest.mark.parametrize("at", [grid(n=4), grid(p=0.3)])
def test_a_swept_coordinate_has_to_be_one_of_the_levels(at):
    with pytest.raises(InvalidDeclaration, match=r"at\.p.*0\.1, 0\.2"):
        claim(mean(SWEPT["x"]), at=at)


def test_a_test_over_an_axis_needs_the_axis():
    with pytest.raises(InvalidDeclaration, match="axis 'n'"):
        claim(slope(made_up["y"], over="n"), at=grid(m=[1, 2]))


@pytest.mark.parametrize(
    "test",
    [
        slope(made_up["y"], over="n"),
        order(made_up["y"], over="n"),
        trend(made_up["y"], over="n", direction="increasing"),
    ],
    ids=lambda test: test.kind,
)
def test_one_level_of_an_axis_is_refused_where_a_test_runs_over_it(test):
    with pytest.raises(InvalidDeclaration, match=r"at\.n"):
        claim(test, at=grid(n=4, m=[1, 2]))


@pytest.mark.parametrize(
    ("test", "levels"),
    [
        (limit(made_up["y"], over="n", rate=1.0), [4, 12]),
        (limit(made_up["y"], over="n", rate=1.0), [4, 8, 16]),
        (convergence(made_up["y"], over="n", rate=1.0), [4, 8]),
        (convergence(made_up["y"], over="n", rate=1.0), [4, 8, 12]),
    ],
)
def test_levels_that_do_not_double_are_refused_when_the_claim_is_made(test, levels):
    with pytest.raises(InvalidDeclaration, match="twice the one before"):
        claim(test, at=grid(n=levels))


def test_judged_points_keep_the_other_axes_together():
    made = claim(slope(made_up["y"], over="n"), at=grid(n=[1, 2, 4], metric=["pre", "post"]))
    judged = made.judged_points()
    assert [dict(point) for point, _ in judged] == [{"metric": "pre"}, {"metric": "post"}]
    assert [[dict(member)["n"] for member in members] for _, members in judged] == [[1, 2, 4]] * 2


def test_nearest_ids_are_offered():
    ids = ["toy.theorem-1.rate", "toy.theorem-2.rate", "toy.table-1"]
    assert nearest("toy.theorem-1.rat", ids)[0] == "toy.theorem-1.rate"
    assert nearest("table", ids) == ["toy.table-1"]
    assert nearest("zzzz", ids) == []


def test_a_paper_needs_key_and_title():
    with pytest.raises(InvalidDeclaration, match=r"paper\.title"):
        Paper(key="toy", title="")


def test_a_value_claim_needs_a_band():
    with pytest.raises(InvalidDeclaration, match="a band"):
        Claim(**(GOOD | {"test": value(made_up["x"]), "band": None}))
