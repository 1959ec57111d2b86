"""Readings: declared with the claim, measured like claims, combined into a verdict, and how sure that verdict is."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from functools import cache

import numpy as np
import pytest
from kit import claim, made_up
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from claims.auditing.decision import ALPHA_CLAIM, as_expected, combine_readings, judge
from claims.auditing.planning import plan
from claims.auditing.results import ClaimResult
from claims.auditing.schedule import schedule_of
from claims.bands import Limits, at_least, within
from claims.claim import Claim
from claims.errors import InvalidDeclaration
from claims.experiment import experiment, grid
from claims.kinds import mean, value
from claims.kinds.base import LOOKS, Values
from claims.reading import MOST_READINGS, Reading, setting
from claims.report.document import check
from claims.verdict import DEPENDS, ERROR, HOLDS, REFUTED, UNAVAILABLE, UNDECIDED, Tier, Verdict

WHY = {"provenance": "author", "because": "a toy"}
X = experiment("toys:gaussian")["x"]
DECLARED = Reading(axis="geometry", option="spread", because="Section 2 speaks of all channels.", own=True)


def other(centre: float, option: str = "one channel", **fields) -> Reading:
    return Reading(axis="geometry", option=option, because="Figure 2 shows one.", at=grid(centre=centre), **fields)


def toy(name: str = "claim", centre: float = 0.0, *readings: Reading, **fields) -> Claim:
    fields = {"rival": 9.0, "at": grid(centre=centre), "readings": (DECLARED, *readings) if readings else ()} | fields
    return claim(mean(X), id=f"toy.{name}", **fields)


# Declared


def test_a_claim_is_read_as_declared_and_in_every_other_way():
    made = toy("claim", 0.0, other(5.0), other(6.0, "one in four", most_seeds=16))
    (none, same), (first, one), (second, two) = made.as_read()
    assert (none, same) == (None, made)
    assert [first.option, second.option] == ["one channel", "one in four"]
    assert (one.at, one.band, one.rival, one.seed_cap) == (grid(centre=5.0), made.band, 9.0, None)
    assert (two.id, two.seed_cap, two.readings) == (made.id, 16, ())
    assert setting(made.readings)["geometry"] is DECLARED
    assert setting(made.readings, second)["geometry"] is second
    assert str(first) == "geometry: one channel"
    assert len(toy().as_read()) == 1


def test_a_reading_may_bring_a_statistic_and_a_band_of_its_own():
    band = at_least(2.0, **WHY)
    plain = Reading(axis="norm", option="plain", because="b")
    squared = Reading(axis="norm", option="squared", because="b", test=value(X), band=band, rival=0.0)
    made = toy(readings=(squared, plain))
    (_, declared), (_, other_one) = made.as_read()
    assert (declared.kind, other_one.kind, other_one.band, other_one.rival) == ("mean", "value", band, 0.0)


@pytest.mark.parametrize(
    ("readings", "named"),
    [
        ("geometry", "readings"),
        (("geometry",), "readings"),
        ((DECLARED,), "readings.geometry"),  # no other
        ((other(5.0), other(6.0, "b")), "readings.geometry"),  # none is the claim as declared
        ((DECLARED, dataclasses.replace(DECLARED, option="x", own=False), other(5.0)), "readings.geometry"),
        ((DECLARED, other(5.0), other(6.0)), "readings.geometry"),  # two of one name
        ((DECLARED, other(5.0, own=True)), "readings.geometry"),  # two that are the paper's own
        ((DECLARED, *(other(float(n), f"o{n}") for n in range(MOST_READINGS))), "readings"),
        ((DECLARED, other(5.0, rival=0.5)), "rival"),  # inside of the band
        ((DECLARED, dataclasses.replace(other(5.0), at=())), "at"),
        ((DECLARED, dataclasses.replace(other(5.0), test=mean(experiment("a:b", needs="text")["x"]))), "needs"),
    ],
)
def test_readings_that_make_no_sense_are_refused(readings, named):
    with pytest.raises(InvalidDeclaration) as caught:
        toy(readings=readings)
    assert caught.value.field == named
    assert "toy.claim" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"axis": "Geometry"}, "reading.axis"),
        ({"axis": 3}, "reading.axis"),
        ({"option": " "}, "option"),
        ({"option": "a\nb"}, "option"),
        ({"option": "x" * 81}, "option"),
        ({"because": ""}, "because"),
        ({"own": 1}, "own"),
    ],
)
def test_each_field_of_a_reading_is_checked_and_named(fields, named):
    with pytest.raises(InvalidDeclaration) as caught:
        Reading(**({"axis": "geometry", "option": "spread", "because": "b"} | fields))
    assert caught.value.field == named


def test_what_depends_needs_readings_and_says_what_it_turns_with():
    assert toy("a", 0.0, other(5.0), expected="DEPENDS", finding="With the geometry.").expected is DEPENDS
    for fields, named in (({"readings": ()}, "readings"), ({"finding": " "}, "finding")):
        with pytest.raises(InvalidDeclaration) as caught:
            toy("a", 0.0, other(5.0), **({"expected": "DEPENDS", "finding": "So."} | fields))
        assert caught.value.field == named


def test_a_reading_that_cannot_be_planned_is_named():
    made = toy("a", 0.0, other(5.0, band=within("nowhere:at_all", abs=1.0, **WHY)))
    with pytest.raises(InvalidDeclaration, match=r"reading geometry: one channel: toy\.a at centre"):
        plan([made], tier=Tier.SMOKE)


# Combined


@pytest.mark.parametrize("verdicts", [v for n in (1, 2, 3) for v in itertools.product(Verdict, repeat=n)])
def test_a_claim_holds_or_is_refuted_only_under_every_reading(verdicts):
    if DEPENDS in verdicts:  # of a whole claim alone
        return
    together = combine_readings(verdicts)
    assert (together is HOLDS) == (set(verdicts) == {HOLDS})
    assert (together is REFUTED) == (set(verdicts) == {REFUTED})
    assert (together is DEPENDS) == ({HOLDS, REFUTED} <= set(verdicts) and ERROR not in verdicts)
    assert (together is ERROR) == (ERROR in verdicts)
    assert (together is UNAVAILABLE) <= (UNAVAILABLE in verdicts)
    assert combine_readings(verdicts[::-1]) is together


def test_readings_that_disagree_are_a_result_of_their_own(audit):
    made = toy("depends", 5.0, other(0.0), expected="DEPENDS", finding="With the geometry.")
    result = audit([made, toy("both", 0.0, other(0.1)), toy("never", 5.0, other(6.0), expected="REFUTED",
                    finding="It is 5.", corrected_by="toy.both")])  # fmt: skip
    assert [each.verdict for each in result.claims] == [DEPENDS, HOLDS, REFUTED]
    assert all(each.as_expected for each in result.claims)
    assert result.exit_code(strict=True) == 0
    assert result.counts()["DEPENDS"] == 1
    document = result.to_json()
    check(json.loads(json.dumps(document)))
    row = document["claims"][0]
    assert (row["verdict"], row["estimate"] > 4, len(row["points"])) == ("DEPENDS", True, 1)
    assert row["reason"] == "HOLDS read as geometry: one channel; REFUTED read as geometry: spread"
    declared, one = row["readings"]
    assert (declared["verdict"], declared["differs"], declared["own"]) == ("REFUTED", None, ["geometry"])
    assert (one["verdict"], one["differs"], one["own"]) == ("HOLDS", "geometry", [])
    assert one["reads"] == {"geometry": "one channel"}
    assert one["because"] == {"geometry": "Figure 2 shows one."}
    assert (one["at"], one["points"], one["kind"]) == ({"centre": 0.0}, 1, "mean")
    assert row["seconds"] == pytest.approx(declared["seconds"] + one["seconds"], abs=2e-6)


@pytest.mark.parametrize(
    ("expected", "verdict", "tier", "answer"),
    [
        ("DEPENDS", DEPENDS, "smoke", True),
        ("DEPENDS", HOLDS, "full", False),
        ("DEPENDS", REFUTED, "full", False),
        ("DEPENDS", UNDECIDED, "smoke", True),
        ("DEPENDS", UNDECIDED, "standard", None),
        ("DEPENDS", UNAVAILABLE, "standard", None),
        ("HOLDS", DEPENDS, "standard", False),
        ("REFUTED", DEPENDS, "standard", False),
        ("UNDECIDED", DEPENDS, "standard", False),
    ],
)
def test_as_expected(expected, verdict, tier, answer):
    words = {"finding": "So.", "corrected_by": "toy.other"} if expected != "HOLDS" else {}
    made = toy("a", 0.0, other(5.0), expected=expected, decides="standard", **words)
    assert as_expected(made, verdict, Tier(tier)) is answer


def test_a_claim_that_turns_out_to_depend_fails_the_gate(audit):
    result = audit(toy("claim", 0.0, other(5.0)))
    assert result.claims[0].as_expected is False
    assert result.exit_code() == 1


def test_what_is_open_or_missing_under_one_reading_is_not_decided(audit):
    edge, missing = other(1.0), dataclasses.replace(other(0.0), test=mean(experiment("toys:needs_a_model")["x"]))
    found = audit([toy("open", 5.0, edge), toy("missing", 5.0, missing), toy("settled", 5.0, edge, other(0.0, "two"))])
    opened, lacking, settled = found.claims
    assert (opened.verdict, lacking.verdict, settled.verdict) == (UNDECIDED, UNAVAILABLE, DEPENDS)
    assert opened.speaker.trial.reading == edge
    assert opened.to_json()["estimate"] == pytest.approx(1.0, abs=0.2)
    assert "UNDECIDED read as geometry: one channel" in opened.reason
    assert "REFUTED read as geometry: spread" in lacking.reason
    assert "model" in lacking.reason


def test_an_error_under_one_reading_is_an_error(audit):
    broken = dataclasses.replace(other(0.0), test=mean(experiment("toys:raises")["x"]))
    result = audit(toy("claim", 5.0, broken, other(0.0, "two")))
    assert result.claims[0].verdict is ERROR
    assert result.exit_code() == 5


def test_readings_share_what_they_measure_and_leave_each_other_alone(audit, tmp_path):
    made = toy("depends", 5.0, other(0.0), other(0.0, "the same", most_seeds=256))
    together = audit(made)
    alone = audit(toy("depends", 5.0), path=tmp_path / "other.sqlite")
    assert together.claims[0].points[0].judgement == alone.claims[0].points[0].judgement
    again = audit(made)
    assert (again.measured, again.cached) == (0, together.measured)
    one, same = together.claims[0].read[1:]
    assert one.speaker.judgement == same.speaker.judgement


def test_an_audit_that_is_stopped_within_a_reading_says_so():
    made = toy("claim", 0.0, other(0.0))
    result = ClaimResult.of(made.id, plan([made], tier=Tier.FULL), {})
    assert result.verdict is UNDECIDED
    assert len(result.every_point) == 2


# How sure


READINGS, REPLICATES, ALPHA = 3, 2000, 0.05
SHARES = dict(schedule_of(mean(made_up["x"])).stages[0].shares)


def first_decisions(x: np.ndarray, alpha: float) -> np.ndarray:
    """1 where the band (..., 0] is said to hold, -1 where it is refuted, 0 if neither; ``x`` has 256 seeds last."""
    found = np.zeros(x.shape[:-1], dtype=int)
    for n, share in SHARES.items():
        centre, spread = x[..., :n].mean(-1), x[..., :n].std(-1, ddof=1)
        half = stats.t.isf(alpha * share / 2, n - 1) * spread / math.sqrt(n)
        now = np.where(centre + half <= 0, 1, np.where(centre - half > 0, -1, 0))
        found = np.where(found == 0, now, found)
    return found


@cache
def together(truths: tuple[float, ...], shared: float, seed: int = 1) -> dict[Verdict, int]:
    """How often three readings are combined to each verdict, a refutation having to repeat itself on other seeds.

    ``truths`` are their means, ``shared`` the correlation of what they draw.
    """
    rng = np.random.default_rng(seed)
    blocks = []
    for _ in ("main", "confirmation"):
        common = rng.normal(size=(REPLICATES, 1, LOOKS[-1]))
        own = rng.normal(size=(REPLICATES, READINGS, LOOKS[-1]))
        noise = math.sqrt(shared) * common + math.sqrt(1 - shared) * own
        blocks.append(first_decisions(noise + np.array(truths)[:, None], ALPHA))
    main, second = blocks
    settled = np.where((main == -1) & (second != -1), 0, main)
    rows, times = np.unique(settled, axis=0, return_counts=True)
    counts = dict.fromkeys(Verdict, 0)
    for row, n in zip(rows, times, strict=True):
        counts[combine_readings({1: HOLDS, -1: REFUTED, 0: UNDECIDED}[int(each)] for each in row)] += int(n)
    return counts


def exceeds(errors: int, rate: float) -> bool:
    """Whether the Clopper-Pearson 99.9 % lower limit lies above a rate."""
    return proportion_confint(errors, REPLICATES, alpha=0.002, method="beta")[0] > rate


#: On the edge, which is true and false at once: the worst case of either error; and far on either side of it.
EDGE, TRUE, FALSE = 0.0, -3.0, 3.0


@pytest.mark.parametrize("shared", [0.0, 0.9])
@pytest.mark.parametrize(
    ("truths", "wrong", "rate"),
    [
        ((EDGE, TRUE, TRUE), HOLDS, ALPHA),  # one reading is false
        ((EDGE, EDGE, EDGE), HOLDS, ALPHA),
        ((EDGE, FALSE, FALSE), REFUTED, ALPHA**2),  # one reading is true
        ((EDGE, EDGE, EDGE), REFUTED, ALPHA**2),
        ((EDGE, TRUE, TRUE), DEPENDS, READINGS * ALPHA**2),  # all are true
        ((EDGE, FALSE, FALSE), DEPENDS, READINGS * ALPHA),  # all are false
        ((EDGE, EDGE, EDGE), DEPENDS, READINGS * ALPHA),
    ],
)
def test_the_combination_errs_no_more_often_than_is_said(truths, wrong, rate, shared):
    assert not exceeds(together(truths, shared)[wrong], rate)


def test_right_answers_are_found_and_the_bounds_are_no_idle_ones():
    assert together((TRUE,) * 3, 0.0)[HOLDS] > 0.95 * REPLICATES
    assert together((FALSE,) * 3, 0.0)[REFUTED] > 0.95 * REPLICATES
    assert together((TRUE, FALSE, EDGE), 0.0)[DEPENDS] > 0.95 * REPLICATES
    assert together((EDGE, TRUE, TRUE), 0.0)[HOLDS] > 0.2 * ALPHA * REPLICATES  # nearly used: no split is due
    eight = first_decisions(np.random.default_rng(1).normal(size=(REPLICATES, 8, LOOKS[-1])), ALPHA)
    assert exceeds(int((eight == 1).any(1).sum()), ALPHA)  # a claim that held under any of its readings would need one


def test_the_simulation_decides_as_a_trial_does():
    rng, band = np.random.default_rng(3), Limits(-math.inf, 0.0, None)
    for centre in (-1.0, -0.2, 0.0, 0.2, 1.0):
        x = centre + rng.normal(size=LOOKS[-1])
        verdict = UNDECIDED
        for n, share in SHARES.items():
            sample = Values({made_up["x"]: x[:n]}, ())
            verdict = judge(mean(made_up["x"]), sample, band, points=1, alpha=ALPHA_CLAIM * share).verdict
            if verdict is not UNDECIDED:
                break
        found = int(first_decisions(x[None], ALPHA_CLAIM)[0])
        assert verdict is {1: HOLDS, -1: REFUTED, 0: UNDECIDED}[found]
