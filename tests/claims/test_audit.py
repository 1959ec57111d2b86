"""The loop from plan to result: what is measured, stored, reported, and how it ends."""

from __future__ import annotations

import json
import math

import pytest
from kit import claim

from claims.auditing.decision import ALPHA_CLAIM
from claims.auditing.loop import Interrupted, Observer, run
from claims.auditing.planning import plan
from claims.auditing.schedule import schedule
from claims.bands import at_least, between, within
from claims.claim import Claim
from claims.errors import ConflictingEvidence, InvalidDeclaration, RivalInsideBand
from claims.evidence.store import Store
from claims.experiment import experiment, grid
from claims.kinds import bound, limit, mean, order, proportion, quantile, ratio, replay, value
from claims.verdict import ERROR, HOLDS, REFUTED, UNAVAILABLE, UNDECIDED, Tier

WHY = {"provenance": "author", "because": "a toy"}
X = experiment("toys:gaussian")["x"]
FINDING = {"finding": "It is 5.", "corrected_by": "toy.other"}


def toy(name: str = "claim", centre: float = 0.0, sd: float = 0.1, **fields) -> Claim:
    fields = {"rival": 9.0, "at": grid(centre=centre, sd=sd)} | fields
    return claim(fields.pop("test", mean(X)), id=f"toy.{name}", **fields)


HOLDING, FALSE, OPEN = toy("holds"), toy("false", centre=5.0), toy("open", centre=1.0)
MISSING = claim(mean(experiment("toys:needs_a_model")["x"]), id="toy.missing", rival=9.0)
RAISING = claim(mean(experiment("toys:raises")["x"]), id="toy.raising", rival=9.0)


def verdicts(result) -> dict[str, str]:
    return {each.claim.id.removeprefix("toy."): each.verdict.value for each in result.claims}


def test_each_verdict_is_reached_and_none_disturbs_another(audit):
    result = audit([HOLDING, RAISING, FALSE, MISSING, OPEN])
    assert verdicts(result) == {
        "holds": "HOLDS",
        "raising": "ERROR",
        "false": "REFUTED",
        "missing": "UNAVAILABLE",
        "open": "UNDECIDED",
    }
    assert result.counts() == {"HOLDS": 1, "REFUTED": 1, "DEPENDS": 0, "UNDECIDED": 1, "UNAVAILABLE": 1, "ERROR": 1}


def test_kinds_of_all_shapes_go_through_the_loop(audit):
    arms, sized = experiment("toys:arms"), experiment("toys:sized", sweep={"n": (64, 128)})
    made = [
        claim(ratio(arms["u"], arms["v"]), id="toy.ratio", band=within(2.5, rel=0.05, **WHY), rival=3.0),
        claim(proportion(arms["k"], arms["n"]), id="toy.share", band=between(0.05, 0.15, **WHY), rival=0.2),
        claim(quantile(arms["draws"], q=0.5), id="toy.median", band=between(0.4, 1.0, **WHY), rival=2.0),
        claim(order(arms["u"], arms["v"]), id="toy.order", band=at_least(1.0, **WHY), rival=0.0),
        claim(bound(arms["u"]), id="toy.bound", band=at_least(1.0, **WHY), rival=0.0),
        claim(
            limit(sized["y"], over="n", rate=1.0),
            id="toy.limit",
            at=grid(n=[64, 128]),
            band=within(1.0, abs=0.01, **WHY),
            rival=1.03,
        ),
    ]
    assert set(verdicts(audit(made)).values()) == {"HOLDS"}


@pytest.mark.parametrize(
    ("claims", "options", "code"),
    [
        ([HOLDING], {}, 0),
        ([HOLDING, OPEN], {}, 0),
        ([HOLDING, OPEN], {"strict": True}, 3),
        ([HOLDING, MISSING], {}, 0),
        ([HOLDING, MISSING], {"require_available": True}, 1),
        ([MISSING], {}, 4),
        ([MISSING], {"require_available": True}, 4),  # nothing ran, whatever was asked of it
        ([], {}, 4),
        ([HOLDING, FALSE], {}, 1),
        ([FALSE, OPEN], {"strict": True}, 1),
        ([HOLDING, RAISING], {}, 5),
        ([FALSE, RAISING, OPEN], {"strict": True}, 5),
    ],
)
def test_exit_codes(audit, claims, options, code):
    assert audit(claims).exit_code(**options) == code


def test_what_a_refutation_rests_on_has_the_block_that_confirms(audit):
    (point,) = audit(toy("false", centre=5.0)).claims[0].points
    used = [seed for _, _, seed, _ in point.used()]
    assert len(set(used)) == len(used) == point.trial.main_seeds + point.trial.confirmation.seeds


def test_a_refutation_on_record_is_as_expected(audit):
    result = audit(toy("false", centre=5.0, expected=REFUTED, **FINDING))
    assert (result.claims[0].verdict, result.claims[0].as_expected, result.exit_code()) == (REFUTED, True, 0)
    result = audit(toy("true", expected=REFUTED, **FINDING))
    assert (result.claims[0].as_expected, result.exit_code()) == (False, 1)


def test_below_the_deciding_tier_undecided_is_as_expected(audit):
    made = toy("open", centre=1.0, decides="standard")
    assert audit(made, tier="smoke").exit_code(strict=True) == 0
    assert audit(made, tier="standard").exit_code(strict=True) == 3


def test_points_combine_by_precedence(audit):
    def at(*centres):
        return toy("points", at=grid(centre=list(centres), sd=0.1))

    for centres, verdict in [((0.0, 0.1), HOLDS), ((0.0, 1.0), UNDECIDED), ((0.0, 1.0, 5.0), REFUTED)]:
        (result,) = audit(at(*centres)).claims
        assert result.verdict is verdict
        assert result.speaker.verdict is verdict
        assert len(result.points) == len(centres)
    bad = claim(
        mean(experiment("toys:not_finite", fixed={"wrong": "nan"})["x"]), at=grid(seed=[3, 2**20 + 9]), rival=9.0
    )
    (result,) = audit(bad).claims
    assert [point.verdict for point in result.points] == [ERROR, HOLDS]
    assert result.verdict is ERROR


@pytest.mark.parametrize("wrong", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("seed", [0, 5, 7])
def test_nan_is_an_error_that_names_point_and_seed_and_is_never_dropped(audit, wrong, seed):
    bad = experiment("toys:not_finite", fixed={"wrong": wrong})
    (result,) = audit(claim(mean(bad["x"]), at=grid(seed=seed), rival=9.0)).claims
    assert result.verdict is ERROR
    reason = result.speaker.judgement.reason
    assert f"toys:not_finite at {{'seed': {seed}, 'wrong': '{wrong}'}}, seed {seed}: x = {wrong}: not finite" in reason


def test_a_seed_beyond_the_deciding_look_is_never_asked_for(audit):
    bad = experiment("toys:not_finite", fixed={"wrong": "nan"})
    (result,) = audit(claim(mean(bad["x"]), at=grid(seed=8), band=within(0.0, abs=50.0, **WHY), rival=99.0)).claims
    assert result.verdict is HOLDS


def test_an_experiment_that_raises_says_what_where_and_at_which_seed(audit):
    (result,) = audit(RAISING).claims
    assert result.verdict is ERROR
    reason = result.speaker.judgement.reason
    assert "toys:raises at {}, seed 0: ZeroDivisionError: nothing to divide by (toys.py:" in reason


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("nothing", "NoneType"),
        ("number", "float"),
        ("none", "None"),
        ("nested", "allowed: a number"),
        ("empty", "returned no 'x'"),
        ("other", "returned no 'x'; it returned y"),
        ("text", "numbers"),
        ("huge", "finite"),
    ],
)
def test_what_is_no_number_is_an_error(audit, what, words):
    (result,) = audit(claim(mean(experiment("toys:returns")["x"]), at=grid(what=what), rival=9.0)).claims
    assert result.verdict is ERROR
    assert words in result.speaker.judgement.reason


@pytest.mark.parametrize("what", ["missing", "doubled", "other", "unnamed", "not a list"])
def test_each_cell_of_the_sweep_has_to_be_there_once(audit, what):
    swept = experiment("toys:cells", sweep={"p": (1, 2)}, fixed={"what": what})
    (result,) = audit(claim(mean(swept["x"]), at=grid(p=1), rival=9.0)).claims
    assert result.verdict is ERROR
    assert "each of the 2 cells once" in result.speaker.judgement.reason


@pytest.mark.parametrize("target", ["no_such_module:f", "toys:no_such_function"])
def test_an_experiment_that_cannot_be_imported_is_an_error(audit, target):
    (result,) = audit(claim(mean(experiment(target)["x"]), rival=9.0)).claims
    assert result.verdict is ERROR
    assert "no_such" in result.speaker.judgement.reason


def test_errors_are_not_stored_and_are_tried_again(audit, tmp_path):
    audit([HOLDING, RAISING])
    with Store(tmp_path / "evidence.sqlite") as store:
        stored = {(row.experiment, row.seed) for row in store.rows()}
    assert ("toys:raises", 0) not in stored
    assert ("toys:raises", 1) in stored
    again = audit([HOLDING, RAISING])
    assert (again.measured, again.cached) == (1, 19)


def test_a_measurement_shared_by_claims_is_made_once(audit):
    swept = experiment("toys:swept", sweep={"p": (1, 3), "metric": ("pre", "post")})
    made = [
        claim(
            mean(swept["x"]),
            id=f"toy.c{p}-{metric}",
            at=grid(p=p, metric=metric),
            band=within(p, abs=50.0, **WHY),
            rival=99.0,
        )
        for p in (1, 3)
        for metric in ("pre", "post")
    ]
    cost = plan(made, tier=Tier.FULL).cost()
    assert list(cost.values()) == [(8, 256)]
    seen = []
    result = audit(made, observer=Observer(measured=lambda measurement, seeds, seconds: seen.append(seeds)))
    assert result.measured == sum(seen) == 8
    assert len({each.points[0].judgement.estimate for each in result.claims}) == 4


def test_a_second_audit_measures_nothing_and_says_the_same(audit):
    made = [HOLDING, FALSE, OPEN]
    first, second = audit(made), audit(made)
    assert (first.cached, second.measured, second.cached) == (0, 0, first.measured)
    assert json.dumps(first.to_json()) == json.dumps(second.to_json())


def test_another_epoch_is_other_evidence(audit):
    first, second = audit(HOLDING, epoch=1), audit(HOLDING, epoch=2)
    assert second.measured == 8
    assert first.claims[0].speaker.judgement.estimate != second.claims[0].speaker.judgement.estimate


def test_published_seeds_do_not_depend_on_the_epoch(audit):
    published = experiment("toys:authors", published=True)
    made = claim(
        replay(
            published["x"], seeds=5, printed_mean="2.639", neighbours=[published["other"]], configuration="as printed"
        )
    )
    first, second = audit(made, epoch=1), audit(made, epoch=2)
    assert (first.measured, second.measured, second.cached) == (5, 0, 5)
    assert second.claims[0].verdict is HOLDS


def test_streams_of_a_published_experiment_do_not_depend_on_the_epoch_either(audit, tmp_path):
    """It should not draw from them; if it does, what is stored has to be true of every epoch all the same."""
    made = toy(test=mean(experiment("toys:epoch_of", published=True)["x"]), band=between(-9.0, 9.0, **WHY), rival=99.0)
    here, there = (audit(made, epoch=epoch, path=tmp_path / f"{epoch}.sqlite") for epoch in (1, 2))
    assert here.claims[0].speaker.judgement == there.claims[0].speaker.judgement


def test_evidence_that_contradicts_the_store_stops_the_audit_and_shows_both(audit, tmp_path, monkeypatch):
    """Hidden state: between two audits the value changes although nothing in the key does."""
    audit(HOLDING)
    monkeypatch.setattr("claims.evidence.store.Store.get", lambda self, keys: {})
    import toys

    monkeypatch.setattr(toys, "gaussian", lambda point, streams: {"x": 0.5 + 0.1 * streams.seed_index, "seed": 0})
    with pytest.raises(ConflictingEvidence) as caught:
        audit(HOLDING)
    assert "stored:" in str(caught.value)
    assert '"x":0.5' in str(caught.value)
    assert "toys:gaussian" in str(caught.value)


def test_a_rival_inside_its_band_stops_the_plan_before_anything_is_measured():
    with pytest.raises(RivalInsideBand, match=r"toy\.claim"):
        plan([toy(rival=lambda centre: centre + 0.5)], tier=Tier.FULL)


def test_a_target_that_cannot_be_computed_stops_the_plan():
    with pytest.raises(InvalidDeclaration, match="target"):
        plan([toy(band=within("toys:absent", abs=1.0, **WHY))], tier=Tier.FULL)


def test_fail_fast_stops_at_the_first_surprise(audit):
    decided = []
    late = [toy(f"late-{i}", centre=0.9, sd=0.5) for i in range(3)]
    result = audit(
        [FALSE, *late], fail_fast=True, observer=Observer(decided=lambda result: decided.append(result.claim.id))
    )
    assert decided == ["toy.false"]
    assert verdicts(result)["late-2"] == "UNDECIDED"
    assert "stopped before" in result.claims[-1].speaker.judgement.reason
    assert result.to_json()["stopped"] is True
    assert result.exit_code() == 1


def test_every_claim_is_reported_once_as_it_is_decided(audit):
    decided = []
    made = [OPEN, HOLDING, FALSE, toy("not-yet", decides="full")]
    audit(made, tier="smoke", observer=Observer(decided=lambda result: decided.append(result.claim.id)))
    assert sorted(decided) == sorted(each.id for each in made)


@pytest.mark.parametrize("after", [1, 3])
def test_an_interruption_keeps_what_was_measured_and_hands_over_what_was_decided(audit, tmp_path, after):
    calls = []

    def interrupt(measurement, seeds, seconds):
        calls.append(seeds)
        if len(calls) == after:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        audit([HOLDING, FALSE, OPEN], observer=Observer(measured=interrupt))
    partial = caught.value.result
    assert len(partial.claims) == 3
    assert partial.measured >= sum(calls)
    assert partial.to_json()["stopped"] is True
    resumed = audit([HOLDING, FALSE, OPEN])
    assert resumed.cached >= sum(calls)
    whole = audit([HOLDING, FALSE, OPEN], path=tmp_path / "other.sqlite")
    assert verdicts(resumed) == verdicts(whole)
    assert resumed.measured + resumed.cached == whole.measured


def test_nothing_to_do_is_no_error(audit):
    result = audit([])
    assert (result.claims, result.measured) == ((), 0)


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    made = [
        HOLDING,
        toy("false", centre=5.0, expected=REFUTED, **FINDING),
        OPEN,
        MISSING,
        RAISING,
        toy("one-sided", test=bound(X), band=at_least(-1.0, **WHY), rival=None),
        toy("many", at=grid(centre=[0.0, 0.5], sd=0.1)),
        claim(value(experiment("toys:arms")["n"]), id="toy.value", band=between(499, 501, **WHY), rival=2.0),
        claim(value(experiment("toys:arms")["n"]), id="toy.later", band=between(0, 1, **WHY), decides="full"),
    ]
    with Store(tmp_path_factory.mktemp("json") / "evidence.sqlite") as store:
        result = run(plan(made, tier=Tier.STANDARD, epoch=7), store)
    return json.loads(json.dumps(result.to_json(), allow_nan=False))


class TestJson:
    def of(self, document, name):
        return next(each for each in document["claims"] if each["id"] == f"toy.{name}")

    def test_the_head(self, document):
        assert (document["schema"], document["epoch"], document["tier"]) == (2, 7, "standard")
        assert document["environment"]["torch"]
        assert document["stopped"] is False
        assert sum(document["counts"].values()) == len(document["claims"]) == 9

    def test_every_claim_and_point_has_every_field(self, document):
        identity = {"id", "paper", "role", "locus", "statement", "read_as", "kind", "decides"}
        said = {"verdict", "expected", "as_expected", "reason", "finding", "corrected_by"}
        numbers = {"target", "band", "estimate", "interval", "alpha", "rival", "sharpness", "margin", "qualification"}
        fields = identity | said | numbers | {"seeds", "confirmation", "seconds", "device"}
        for each in document["claims"]:
            assert set(each) == fields | {"readings", "points"}
            for point in each["points"]:
                assert set(point) == fields | {"at", "looks", "values"}

    def test_a_claim_that_holds(self, document):
        each = self.of(document, "holds")
        assert (each["verdict"], each["expected"], each["as_expected"], each["seeds"]) == ("HOLDS", "HOLDS", True, 12)
        assert (each["target"], each["band"], each["rival"], each["sharpness"]) == (0.0, [-1.0, 1.0], 9.0, 9.0)
        lo, hi = each["interval"]
        half = (hi - lo) / 2
        assert each["margin"] == pytest.approx(min(lo + 1, 1 - hi) / half)
        assert each["alpha"] == pytest.approx(ALPHA_CLAIM * schedule(HOLDING).share(12))
        assert each["confirmation"] is None

    def test_a_claim_refuted_as_expected(self, document):
        each = self.of(document, "false")
        assert (each["as_expected"], each["finding"], each["corrected_by"]) == (True, "It is 5.", "toy.other")
        assert each["confirmation"]["verdict"] == "REFUTED"
        assert each["confirmation"]["seeds"] == 8
        lo, hi = each["interval"]
        assert each["margin"] == pytest.approx((lo - 1) / ((hi - lo) / 2))
        assert each["margin"] > 0

    def test_a_point_says_how_it_was_decided(self, document):
        (point,) = self.of(document, "false")["points"]
        assert [(look["block"], look["seeds"]) for look in point["looks"]] == [("main", 8), ("confirmation", 8)]
        assert point["looks"][0]["interval"] == point["interval"]
        assert point["looks"][1]["estimate"] == point["confirmation"]["estimate"]
        assert len(point["values"]) == point["seeds"] == 8
        assert sum(point["values"]) / 8 == pytest.approx(point["estimate"], rel=1e-5)
        (later,) = self.of(document, "later")["points"]
        assert (later["looks"], later["values"]) == ([], [])

    def test_a_claim_on_the_edge(self, document):
        each = self.of(document, "open")
        assert (each["verdict"], each["as_expected"], each["seeds"]) == ("UNDECIDED", None, 256)
        assert each["margin"] < 0

    def test_what_has_no_numbers_has_nulls(self, document):
        for name in ("missing", "raising", "later"):
            each = self.of(document, name)
            assert (each["estimate"], each["interval"], each["seeds"]) == (None, None, 0)
            assert each["reason"]

    def test_an_unbounded_edge_is_null(self, document):
        each = self.of(document, "one-sided")
        assert each["band"] == [-1.0, None]
        assert (each["rival"], each["sharpness"]) == (None, None)

    def test_a_deterministic_claim_has_no_alpha_and_no_margin(self, document):
        each = self.of(document, "value")
        assert (each["alpha"], each["margin"], each["interval"]) == (None, None, [500.0, 500.0])

    def test_the_least_sure_point_speaks_for_the_claim(self, document):
        each = self.of(document, "many")
        assert [point["at"]["centre"] for point in each["points"]] == [0.0, 0.5]
        assert each["margin"] == min(point["margin"] for point in each["points"])
        assert each["seconds"] == pytest.approx(sum(point["seconds"] for point in each["points"]), abs=1e-5)


def test_infinite_intervals_are_null_and_never_nan(audit):
    result = audit(claim(mean(experiment("toys:returns")["x"]), at=grid(what="bool"), rival=9.0))
    assert result.claims[0].verdict is UNDECIDED
    text = json.dumps(result.to_json(), allow_nan=False)
    assert json.loads(text)["claims"][0]["interval"] == [None, None]
    assert not math.isnan(result.seconds)


def test_unavailable_leaves_the_gate_alone(audit):
    result = audit([HOLDING, MISSING])
    assert [each.as_expected for each in result.claims] == [True, None]
    assert result.claims[1].verdict is UNAVAILABLE
