"""A trial: looks, the block that confirms a refutation, and what ends it early."""

from __future__ import annotations

import math

import numpy as np
import pytest
from kit import claim, made_up, settle

from claims.auditing.trial import Measurement
from claims.bands import at_least, between
from claims.experiment import experiment, grid
from claims.kinds import (
    bound,
    convergence,
    identity,
    limit,
    mean,
    order,
    proportion,
    quantile,
    ratio,
    slope,
    trend,
)
from claims.kinds.base import CLOSE_LOOKS, Judgement, Values, split
from claims.streams import CONFIRM_OFFSET
from claims.verdict import ERROR, HOLDS, REFUTED, UNAVAILABLE, UNDECIDED

WHY = {"provenance": "author", "because": "a toy"}
X = mean(made_up["x"])
CLAIM = claim(X, rival=9.0)


def blocks(first: float, second: float, sd: float = 0.01):
    def draw(point, streams):
        centre = first if streams.seed_index < CONFIRM_OFFSET else second
        return {"x": streams.numpy("x").normal(centre, sd)}

    return draw


def test_a_refutation_is_confirmed_on_a_disjoint_block():
    seeds = set()

    def draw(point, streams):
        seeds.add(streams.seed_index)
        return blocks(5.0, 5.0)(point, streams)

    (trial,) = settle(CLAIM, draw)
    assert trial.final.verdict is REFUTED
    assert trial.final is trial.main
    assert trial.confirmation.judgement.verdict is REFUTED
    assert (trial.main_seeds, trial.confirmation.seeds) == (8, 8)
    assert seeds == set(range(8)) | set(range(CONFIRM_OFFSET, CONFIRM_OFFSET + 8))


@pytest.mark.parametrize(("second", "words"), [(0.0, "even holds"), (1.0, "stays undecided")])
def test_a_refutation_that_is_not_repeated_is_undecided(second, words):
    (trial,) = settle(CLAIM, blocks(5.0, second, sd=0.2))
    assert trial.final.verdict is UNDECIDED
    assert "not on the second" in trial.final.reason
    assert words in trial.final.reason
    assert trial.final.interval == trial.main.interval
    assert trial.confirmation.judgement.verdict is (HOLDS if second == 0.0 else UNDECIDED)


def around(first: float, second: float, sd: float = 0.01):
    """Every quantity of :data:`SIDES`, its mean in the first block and in the second."""

    def draw(point, streams):
        centre = first if streams.seed_index < CONFIRM_OFFSET else second
        x = centre + streams.numpy("x").normal(0.0, sd, size=2)
        n = point.get("n", 1)
        count = {-5.0: 0, 0.0: 50, 5.0: 100}[centre]
        return {"x": x[0], "y": x[1] * n, "u": x[0], "v": 1 + 0.01 * x[1] / 5, "count": count, "of": 100}

    return draw


SIDES = {
    "mean": (X, {}),
    "bound": (bound(made_up["x"]), {}),
    "order": (order(made_up["x"], 0.0 * made_up["y"]), {}),
    "order over": (order(made_up["y"], over="n"), {"at": grid(n=[1, 2])}),
    "trend": (trend(made_up["y"], over="n", direction="increasing"), {"at": grid(n=[1, 2])}),
    "slope": (slope(made_up["y"], over="n", log=False), {"at": grid(n=[1, 2])}),
    "limit": (limit(made_up["y"], over="n", rate=1.0), {"at": grid(n=[1, 2])}),
    "convergence": (convergence(made_up["y"], over="n", rate=1.0), {"at": grid(n=[1, 2, 4])}),
    "ratio": (ratio(made_up["u"], made_up["v"]), {}),
    "quantile": (quantile(made_up["x"], q=0.5), {}),
    "proportion": (
        proportion(made_up["count"], made_up["of"]),
        {"band": between(0.4, 0.6, provenance="author", because="a toy")},
    ),
}


@pytest.mark.parametrize("kind", SIDES)
def test_a_refutation_has_to_be_repeated_on_the_same_side(kind):
    test, fields = SIDES[kind]
    made = claim(test, **fields)
    for side in (5.0, -5.0):
        (same,) = settle(made, around(side, side))
        assert same.final.verdict is REFUTED
        (other,) = settle(made, around(side, -side))
        assert other.final.verdict is UNDECIDED
        assert other.confirmation.judgement.verdict is REFUTED
        assert "above" in other.final.reason
        assert "below" in other.final.reason


@pytest.mark.parametrize(
    ("second", "expected"), [([1, 2, 1, 3], REFUTED), ([3, 1, 0, 1], REFUTED), ([2, 1, 3, 4], UNDECIDED)]
)
def test_a_trend_has_to_break_at_the_same_step(second, expected):
    """In the first block from 2 to 3."""

    def draw(point, streams):
        heights = [1, 2, 1, 3] if streams.seed_index < CONFIRM_OFFSET else second
        return {"y": heights[point["n"] - 1] + streams.numpy("y").normal(0.0, 0.01)}

    rising = trend(made_up["y"], over="n", direction="increasing")
    (trial,) = settle(claim(rising, at=grid(n=[1, 2, 3, 4]), band=at_least(0.0, **WHY), rival=-1.0), draw)
    assert trial.final.verdict is expected
    assert trial.confirmation.judgement.verdict is REFUTED
    assert trial.main.misses == ("from 2 to 3, below",)
    if expected is UNDECIDED:
        assert "from 2 to 3, below" in trial.final.reason
        assert "from 1 to 2, below" in trial.final.reason


def test_a_kind_without_sides_repeats_itself_by_its_verdict():
    class Sideless(Extreme):
        looks, sequential = (8,), True

    (trial,) = settle(claim(Sideless()), lambda point, streams: {"x": 20.0})
    assert (trial.final.verdict, trial.confirmation.judgement.verdict) == (REFUTED, REFUTED)


def test_holding_is_not_repeated():
    (trial,) = settle(CLAIM, blocks(0.0, 5.0))
    assert (trial.final.verdict, trial.confirmation) == (HOLDS, None)


def test_the_confirming_block_takes_its_own_looks():
    (trial,) = settle(
        CLAIM, lambda p, s: {"x": s.numpy("x").normal(2.0, 0.1 if s.seed_index < CONFIRM_OFFSET else 1.5)}
    )
    assert trial.final.verdict is REFUTED
    assert trial.confirmation.seeds > trial.main_seeds


def test_looks_are_taken_in_order_and_each_remembers_what_it_said():
    (trial,) = settle(CLAIM, blocks(0.99, 0.0, sd=0.2))
    assert trial.final.verdict is UNDECIDED
    assert [look.seeds for look in trial.history] == list(CLOSE_LOOKS)
    assert [look.judgement.verdict for look in trial.history] == [UNDECIDED] * len(CLOSE_LOOKS)
    assert not any(look.confirming for look in trial.history)


def test_below_its_tier_a_claim_gets_one_look_and_its_refutation_too():
    made = claim(X, rival=9.0, decides="standard")
    (undecided,) = settle(made, blocks(0.9, 0.9, sd=0.3), tier="smoke")
    assert (undecided.final.verdict, undecided.main_seeds) == (UNDECIDED, 8)
    (refuted,) = settle(made, blocks(5.0, 5.0), tier="smoke")
    assert (refuted.final.verdict, refuted.confirmation.seeds) == (REFUTED, 8)


def test_evidence_at_a_lower_tier_is_a_beginning_of_the_same():
    made = claim(X, rival=9.0, decides="standard")
    (smoke,) = settle(made, blocks(0.9, 0.9, sd=0.3), tier="smoke")
    (standard,) = settle(made, blocks(0.9, 0.9, sd=0.3), tier="standard")
    assert standard.history[0] == smoke.history[0]


def test_two_tiers_below_it_is_not_measured():
    (trial,) = settle(claim(X, rival=9.0, decides="full"), blocks(0.0, 0.0), tier="smoke")
    assert trial.final.verdict is UNDECIDED
    assert "not measured at smoke" in trial.final.reason
    assert trial.most_seeds() == 0


def at_many_points(centres):
    made = claim(X, rival=9.0, at=grid(k=list(range(len(centres)))))
    return settle(made, lambda point, streams: {"x": streams.numpy("x").normal(centres[point["k"]], 0.1)})


def test_each_point_is_decided_for_itself():
    trials = at_many_points([0.0, 5.0, 1.0])
    assert [trial.final.verdict for trial in trials] == [HOLDS, REFUTED, UNDECIDED]
    assert [trial.points for trial in trials] == [3, 3, 3]
    assert trials[1].final.detail["granted"] == pytest.approx(split(trials[1].level(8), 3))


def test_more_points_ask_more_of_a_refutation():
    """The same values at one point: refuted alone after fewer seeds than among fifty."""

    def draw(point, streams):
        return {"x": np.random.default_rng(streams.seed_index).normal(1.11, 0.1)}

    (alone,) = settle(claim(X, rival=9.0, at=grid(k=0)), draw)
    among = settle(claim(X, rival=9.0, at=grid(k=list(range(50)))), draw)[0]
    assert (alone.final.verdict, among.final.verdict) == (REFUTED, REFUTED)
    assert alone.main_seeds < among.main_seeds


def test_what_an_arm_draws_does_not_depend_on_the_other_points():
    made, alone = (claim(X, rival=9.0, at=grid(k=levels)) for levels in ([0, 1, 2], [1]))

    def draw(point, streams):
        return {"x": streams.numpy("x").normal(1.0, 0.1)}

    assert settle(made, draw)[1].final.estimate == settle(alone, draw)[0].final.estimate


SWEPT = experiment("made:swept", sweep={"p": (1, 2), "n": (4, 8)}, fixed={"inputs": 3})


def cells(point, streams):
    common = streams.numpy("x").normal()
    return [{"p": p, "n": n, "y": common + 10 * p + n} for p in point["p"] for n in point["n"]]


def test_a_swept_axis_is_measured_once():
    made = claim(
        trend(SWEPT["y"], over="n", direction="increasing"), at=grid(p=[1, 2], n=[4, 8]), band=at_least(3, **WHY)
    )
    trials = settle(made, lambda p, s: [row | {"y": row["y"] + 1e-3 * s.numpy("e").normal()} for row in cells(p, s)])
    assert len({m for trial in trials for m in trial.measurements()}) == 1
    assert dict(trials[0].measurements()[0].base) == {"inputs": 3}


def test_pinned_cells_of_one_call_are_paired():
    test = order(SWEPT.at(p=2)["y"], SWEPT.at(p=1)["y"])
    made = claim(test, at=grid(n=8), band=between(9.0, 11.0, **WHY), rival=0.0)
    (trial,) = settle(made, lambda p, s: [row | {"y": row["y"] * (1 + 1e-6 * s.seed_index)} for row in cells(p, s)])
    assert len(trial.measurements()) == 1
    assert trial.final.estimate == pytest.approx(10.0, abs=1e-3)


def test_an_axis_that_is_no_sweep_is_one_measurement_a_level():
    made = claim(order(made_up["y"], over="n"), at=grid(n=[1, 2, 3]))
    (trial,) = settle(made, lambda point, streams: {"y": streams.numpy("y").normal()})
    assert [dict(m.base)["n"] for m in trial.measurements()] == [1, 2, 3]


@pytest.mark.parametrize("name", ["x", "z"])
def test_a_quantity_that_is_not_returned_is_an_error_that_lists_what_is(name):
    made = claim(ratio(made_up[name], made_up["y"]), rival=9.0)
    (trial,) = settle(made, lambda point, streams: {"y": 1.0, "w": 2.0})
    assert trial.final.verdict is ERROR
    assert f"made:up returned no {name!r}; it returned y, w" in trial.final.reason


class Broken:
    """A pack's own kind that raises."""

    kind, over, needs_band, looks, sequential = "broken", (), False, (2,), False

    def quantities(self):
        return (made_up["x"],)

    def judge(self, sample: Values, band, alpha) -> Judgement:
        raise KeyError("lost")


def test_a_test_that_raises_is_an_error_of_its_claim_alone():
    (trial,) = settle(claim(Broken()), lambda point, streams: {"x": 1.0})
    assert trial.final.verdict is ERROR
    assert "KeyError" in trial.final.reason
    assert "lost" in trial.final.reason


class Extreme(Broken):
    """A pack's own kind: the largest of three values."""

    kind, looks = "extreme", (3,)

    def judge(self, sample, band, alpha):
        largest = float(sample.of(made_up["x"]).max())
        return Judgement(verdict=HOLDS if largest < 10 else REFUTED, estimate=largest)


@pytest.mark.parametrize(("scale", "expected"), [(1.0, HOLDS), (9.0, REFUTED)])
def test_a_pack_can_bring_its_own_kind(scale, expected):
    (trial,) = settle(claim(Extreme()), lambda point, streams: {"x": scale * (1 + streams.seed_index)})
    assert (trial.final.verdict, trial.main_seeds) == (expected, 3)


def test_a_measurement_is_compared_by_what_it_measures():
    one, other = (Measurement.of(made_up["x"], grid(k=k)[0]) for k in (1, 2))
    assert one != other
    assert one == Measurement.of(made_up["y"], grid(k=1)[0])


def test_the_first_seed_that_fails_is_named(audit):
    bad = experiment("toys:raises", fixed={"seed": 3})
    (result,) = audit(claim(mean(bad["x"]), rival=9.0)).claims
    assert result.verdict is ERROR
    assert "seed 3" in result.speaker.judgement.reason


def test_unavailable_says_what_is_missing(audit):
    (result,) = audit(claim(mean(experiment("toys:needs_a_model")["x"]), rival=9.0)).claims
    assert result.verdict is UNAVAILABLE
    assert "toy-1b" in result.speaker.judgement.reason


def test_an_identity_is_judged_once_on_all_its_draws():
    test = identity(made_up["a"], made_up["a"], bound=0.0 * made_up["a"], planted=made_up["a"] + 1.0, draws=5)
    (trial,) = settle(claim(test), lambda point, streams: {"a": math.pi})
    assert (trial.final.verdict, trial.main_seeds, len(trial.history)) == (HOLDS, 5, 1)
