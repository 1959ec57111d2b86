"""Declared ranges of seeds: means that are decided whatever seeds are like there, and what is refused and said."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from kit import claim, judged, made_up, settle

from claims.auditing.decision import ALPHA_CLAIM
from claims.auditing.results import ClaimResult, PointResult, ReadingResult
from claims.auditing.schedule import schedule
from claims.bands import at_least, at_most, between
from claims.calibration.rates import Design, counted
from claims.calibration.synthetic import RARE
from claims.catalogue import to_plain
from claims.cli import main
from claims.comparing.pooling import can_be_pooled, judge_sequence
from claims.errors import InvalidDeclaration, RivalInsideBand
from claims.experiment import grid
from claims.kinds import bound, column, convergence, limit, mean, order, quantile, ratio, sample, slope, trend
from claims.kinds.base import CLOSE_LOOKS, GivesPValue, KnowsRange, StudentsT, Values
from claims.kinds.betting import capital, range_interval, seeds_needed
from claims.kinds.ranged import Ranged
from claims.report.diff import compare
from claims.report.document import check
from claims.report.page_data import Known, page_data
from claims.report.seeds import reach_words, unseen_words
from claims.report.tables import columns, flat
from claims.report.why import error_rates
from claims.verdict import ERROR, HOLDS, REFUTED, UNDECIDED, Tier

WHY = {"provenance": "author", "because": "a toy"}
X = made_up["x"]
ALPHA = 2e-5


def in_turn(values):
    """An experiment whose seeds have these values, in turn."""
    return lambda point, streams: {"x": float(values[streams.seed_index % len(values)])}


# Intervals


@pytest.mark.parametrize(("values", "chances"), [((0.0, 1.0), (0.7, 0.3)), ((0.0, 0.2, 1.0), (0.5, 0.45, 0.05))])
@pytest.mark.parametrize("seeds", [1, 3, 6])
def test_the_bet_is_fair(values, chances, seeds):
    """The mean of the capital over everything that may come is one, to rounding, where the mean is what it bets on."""
    truth = float(np.dot(values, chances))
    for x, m in ((np.array(values), truth), (1.0 - np.array(values), 1.0 - truth)):
        drawn = itertools.product(range(len(values)), repeat=seeds)
        total = sum(np.prod([chances[i] for i in way]) * math.exp(capital(x[list(way)], m)) for way in drawn)
        assert total == pytest.approx(1.0, abs=1e-12)


def test_intervals_miss_the_truth_at_any_number_of_seeds_no_more_often_than_they_say():
    rng, missed = np.random.default_rng(1), 0
    for _ in range(150):
        x = np.where(rng.random(64) < 0.05, 1.0, 0.1 * rng.random(64))
        truth = 0.05 + 0.95 * 0.05
        low = max(capital(x[:n], truth) for n in range(1, 65))
        high = max(capital(1.0 - x[:n], 1.0 - truth) for n in range(1, 65))
        missed += max(low, high) >= math.log(2 / 0.1)
    assert missed <= 15 + 3 * math.sqrt(15)


@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300, -3.0])
def test_intervals_are_those_of_every_scale_and_of_both_ends(scale):
    x = np.random.default_rng(2).beta(8, 2, 40)
    lo, hi = range_interval(x, (0.0, 1.0), ALPHA)
    ends = sorted((scale * 0.0 + 0.25 * scale, scale * 1.25))
    found = range_interval(scale * (x + 0.25), (ends[0], ends[1]), ALPHA)
    expected = sorted((scale * (lo + 0.25), scale * (hi + 0.25)))
    assert found == pytest.approx(expected, rel=1e-6)


def test_intervals_lie_in_the_range_grow_with_it_and_cover_what_seeds_may_have_missed():
    x = np.random.default_rng(3).beta(80, 20, 96)
    (lo, hi), (wide_lo, wide_hi) = (range_interval(x, ends, ALPHA) for ends in ((0.0, 1.0), (-1.0, 2.0)))
    assert -1.0 < wide_lo < lo < x.mean() < hi < wide_hi < 2.0
    missed = 1 - (ALPHA / 2) ** (1 / len(x))  # so rare that so many seeds miss it with probability alpha / 2
    assert lo < x.mean() * (1 - missed)
    assert hi > x.mean() + missed * (1 - x.mean())


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_seeds_that_are_all_the_same_are_evidence_here(value):
    lo, hi = range_interval(np.full(256, value), (0.0, 1.0), ALPHA)
    assert 0.0 <= lo <= value <= hi <= 1.0
    assert hi - lo < 0.12


@pytest.mark.parametrize("test", [bound(X, range=(0.0, 1.0)), mean(X, range=[0, 1])])
def test_verdict_and_interval_and_p_value_agree(test):
    rng = np.random.default_rng(4)
    assert isinstance(test, GivesPValue)
    for edge in (0.3, 0.5, 0.69, 0.72, 0.9):
        x = rng.beta(7, 3, 60)
        p = test.p_value(Values({X: x}, ()), between(0.0, edge, **WHY).resolve({}))
        for alpha in (p * 0.99, min(p * 1.01, 0.999)):
            found = judged(test, {"x": x}, lo=0.0, hi=edge, alpha=alpha)
            assert (found.verdict is not UNDECIDED) == (alpha > p)


def test_how_many_more_seeds_are_needed_is_said():
    x = np.random.default_rng(5).beta(80, 20, 64)
    needed = seeds_needed(x, (0.0, 1.0), (-math.inf, 0.84), ALPHA)
    assert 64 < needed < 256
    enough, few = (np.resize(x, n) for n in (needed, int(0.8 * needed)))
    assert range_interval(enough, (0.0, 1.0), ALPHA)[1] < 0.84 < range_interval(few, (0.0, 1.0), ALPHA)[1]
    assert seeds_needed(x, (0.0, 1.0), (-math.inf, float(x.mean())), ALPHA) is None
    assert seeds_needed(np.zeros(8), (0.0, 1.0), (0.0, 0.4), ALPHA) is None  # no seed says that it is above 0
    assert seeds_needed(1 - x, (0.0, 1.0), (0.3, 0.9), ALPHA) == pytest.approx(
        seeds_needed(x, (0.0, 1.0), (0.1, 0.7), ALPHA), rel=0.05
    )


def seeds_to_clear(way, spread):
    """The look that decides seeds of mean .5 in [0, 1], an edge so far on the way to 1, by their spread over that."""
    edge = 0.5 + 0.5 * way
    for look in CLOSE_LOOKS:
        x = 0.5 + spread * 0.5 * way * (2.0 * (np.arange(look) % 2) - 1.0)
        if range_interval(x, (0.0, 1.0), ALPHA_CLAIM)[1] <= edge:
            return str(look)
    return f"more than {CLOSE_LOOKS[-1]}"


def test_the_page_says_what_it_costs():
    text = (Path(__file__).parents[2] / "docs" / "trust.md").read_text()
    _, table = text.split("| to the edge | at least | all the same | spread as far as the edge | twice as far |\n", 1)
    rows = [line.strip("|").split("|") for line in table.split("\n\n")[0].splitlines()[1:]]
    assert len(rows) == 6
    for row in rows:
        way, least, *found = (cell.strip() for cell in row)
        assert found == [seeds_to_clear(float(way), spread) for spread in (0.0, 1.0, 2.0)]
        assert int(least) == math.ceil(math.log(ALPHA_CLAIM / 2) / math.log1p(-float(way)))


# Verdicts


def test_rare_values_that_no_seed_has_shown_turn_no_verdict():
    """The mean is 10, of one seed in a hundred that is 1,000: eight without one hold it to be at most one."""
    seeds = in_turn([0.5 + 0.002 * (seed % 7) for seed in range(99)] + [1000.0])
    told = claim(bound(X), band=at_most(1.0, **WHY), rival=9.0)
    assert settle(told, seeds)[0].final.verdict is HOLDS
    (trial,) = settle(claim(bound(X, range=(0.0, 1000.0)), band=at_most(1.0, **WHY), rival=9.0), seeds)
    assert trial.final.verdict is UNDECIDED


@pytest.mark.parametrize("law", RARE)
def test_rare_outliers_within_a_range_are_decided_wrongly_no_more_often_than_promised(law):
    found = counted(Design("bound-in-range", law, 1.0, 12), epoch=1, rows=1)
    assert (found.false_holds, found.false_refuted) == (0, 0)


def test_what_is_clear_is_decided_and_refuted_on_both_blocks():
    draw = in_turn(np.random.default_rng(6).beta(80, 20, 997))
    (trial,) = settle(claim(mean(X, range=(0, 1)), band=between(0.7, 0.9, **WHY), rival=0.5), draw)
    assert trial.final.verdict is HOLDS
    assert trial.level(trial.main_seeds) == ALPHA_CLAIM
    (trial,) = settle(claim(bound(X, range=(0, 1)), band=at_most(0.5, **WHY), rival=0.7), draw)
    assert trial.final.verdict is REFUTED
    assert trial.confirmation.judgement.verdict is REFUTED


def test_each_look_has_all_of_alpha_and_all_looks_together_no_more():
    known = claim(mean(X, range=(0, 1)), band=between(0.7, 0.9, **WHY), rival=0.5)
    assert schedule(known).spent(CLOSE_LOOKS) == schedule(known).spent([8]) == 1.0
    assert isinstance(known.test, KnowsRange)
    assert not isinstance(known.test, StudentsT)
    assert "2e-05 and true together" in error_rates(known)
    assert "lie from 0 to 1, and nothing else" in error_rates(known)


def test_several_points_share_alpha_for_refuted():
    at = grid(n=[1, 2, 3, 4])
    of = claim(bound(X, range=(0, 1)), band=at_most(0.5, **WHY), rival=0.7, at=at)
    trials = settle(of, in_turn(np.random.default_rng(6).beta(80, 20, 997)))
    assert {trial.final.detail["granted"] for trial in trials} == {ALPHA_CLAIM / 4}


def test_seeds_of_one_stream_decide_nothing_within_a_range_either():
    walk = 0.5 + 0.4 * np.sin(np.arange(256) / 40) + 1e-3 * np.random.default_rng(1).normal(size=256)
    near = claim(bound(X, range=(0.0, 1.0)), band=at_most(0.6, **WHY), rival=0.9)
    trials = settle(near, in_turn(walk))
    assert trials[0].final.verdict is UNDECIDED
    assert any("depend on each other" in look.judgement.reason for look in trials[0].history)


# Values outside


@pytest.mark.parametrize("value", [1.0000001, -1e-9, 5.0])
def test_a_value_outside_is_an_error_that_names_value_seed_and_range(value):
    of = claim(mean(X, range=(0.0, 1.0)), band=between(0.2, 0.9, **WHY), rival=0.1)
    (trial,) = settle(of, in_turn([0.5, 0.5, 0.5, value, 0.5, value, 0.5, 0.5]))
    assert trial.final.verdict is ERROR
    assert trial.final.reason == (f"mean: got {value!r} at seed 3; allowed by its declared range: 0.0 to 1.0")


def test_on_the_block_that_confirms_too():
    def draw(point, streams):
        return {"x": 0.9 if streams.seed_index < 1000 else 1.5}

    (trial,) = settle(claim(bound(X, range=(0.0, 1.0)), band=at_most(0.3, **WHY), rival=0.9), draw)
    assert trial.final.verdict is ERROR
    assert f"got 1.5 at seed {trial.seeds().start};" in trial.final.reason


def test_both_ends_belong_to_the_range():
    of = claim(mean(X, range=(0.0, 1.0)), band=between(0.2, 0.8, **WHY), rival=0.1)
    (trial,) = settle(of, in_turn([0.0, 1.0]))
    assert trial.final.verdict in (HOLDS, UNDECIDED)


@pytest.mark.parametrize("value", ["a word", [0.1, 0.2], None])
def test_values_that_are_no_numbers_are_errors_as_without_a_range(value):
    of = claim(mean(X, range=(0.0, 1.0)), band=between(0.2, 0.8, **WHY), rival=0.1)
    if value is None:
        with pytest.raises(Exception, match="None"):
            settle(of, lambda point, streams: {"x": value})
        return
    assert settle(of, lambda point, streams: {"x": value})[0].final.verdict is ERROR


# Declarations

NO_RANGES = [
    "01", 1.0, (0.0,), (0.0, 1.0, 2.0), (1.0, 0.0), (1.0, 1.0), (math.nan, 1.0), (0.0, math.nan), (0.0, math.inf),
    (-math.inf, 0.0), (None, 1.0), ("0", "1"), (False, True), {0.0, 1.0}, range(2), (-1.7e308, 1.7e308),
    (0.0, 10**400), np.array([0.0, 1.0]), (0j, 1.0), b"01",
]  # fmt: skip


@pytest.mark.parametrize("wrong", NO_RANGES, ids=lambda wrong: f"{type(wrong).__name__} {str(wrong)[:20]}")
def test_what_is_no_range_is_refused(wrong):
    with pytest.raises(
        InvalidDeclaration, match=r"mean\.range: got .*allowed: \(lowest, highest\), two finite numbers"
    ):
        mean(X, range=wrong)


@pytest.mark.parametrize(
    "make",
    [
        lambda **more: bound(X, **more),
        lambda **more: order(X, made_up["y"], **more),
        lambda **more: order(X, over="n", **more),
        lambda **more: slope(X, over="n", **more),
        lambda **more: limit(X, over="n", rate=1.0, **more),
        lambda **more: convergence(X, over="n", rate=1.0, **more),
    ],
)
def test_every_kind_that_averages_one_number_a_seed_takes_one(make):
    assert make(range=(0, 1)).seed_range == (0.0, 1.0)
    assert isinstance(make(range=(0, 1)).seed_range[0], float)
    assert not isinstance(make(range=None), KnowsRange)
    with pytest.raises(InvalidDeclaration, match="range"):
        make(range=(1, 0))


@pytest.mark.parametrize(
    "make",
    [
        lambda: quantile(X, q=0.5, range=(0, 1)),
        lambda: ratio(X, X, range=(0, 1)),
        lambda: trend(X, over="n", direction="increasing", range=(0, 1)),
    ],
)
def test_kinds_that_do_not_have_no_such_option(make):
    with pytest.raises(TypeError, match="range"):
        make()


def test_a_packs_own_kind_is_held_to_the_same():
    own = Ranged(mean(X), (0.0, math.inf))
    with pytest.raises(InvalidDeclaration, match=r"toy\.claim: test\.seed_range: got \(0\.0, inf\)"):
        claim(own)


def test_seeds_of_fresh_epochs_are_pooled_by_the_same_intervals():
    """These hold at every number of seeds already."""
    of = claim(bound(X, range=(0.0, 1.0)), band=at_most(0.84, **WHY), rival=0.9)
    x = np.random.default_rng(5).beta(80, 20, 600)
    (trial,) = settle(of, in_turn(x))
    found = judge_sequence(trial, Values({X: x}, ()), len(x), ALPHA_CLAIM)
    assert found.verdict is HOLDS
    assert found.interval == range_interval(x, (0.0, 1.0), ALPHA_CLAIM)
    assert can_be_pooled(trial)


def test_ranges_of_levels():
    """Of the number that is averaged: a difference of shares, a contrast."""
    of = claim(
        order(X, over="arm", range=(-1.0, 1.0)),
        band=at_least(0.1, **WHY),
        rival=-0.5,
        at=grid(arm=["plain", "ours"]),
    )
    (trial,) = settle(of, lambda point, streams: {"x": 0.9 if point["arm"] == "ours" else 0.1})
    assert trial.final.verdict is HOLDS
    assert of.test.compared(["plain", "ours"]) == "arm: first plain, last ours"
    with pytest.raises(InvalidDeclaration, match="twice the one before"):
        claim(limit(X, over="n", rate=1.0, range=(0, 1)), at=grid(n=[64, 65]), band=between(0, 0.5, **WHY), rival=0.9)


def test_a_band_that_nothing_within_the_range_can_miss_or_meet_is_refused():
    for band in (between(0.0, 1.0, **WHY), at_most(1.0, **WHY), at_least(-3.0, **WHY), at_least(1.5, **WHY)):
        with pytest.raises(
            InvalidDeclaration, match=r"toy\.claim: band: .* within the declared range of a seed, 0 to 1"
        ):
            claim(mean(X, range=(0.0, 1.0)), band=band)


def test_a_rival_that_no_mean_within_the_range_can_be_is_refused():
    with pytest.raises(InvalidDeclaration, match=r"rival: got 9\.0; allowed: a mean within the declared range"):
        claim(mean(X, range=(0.0, 1.0)), band=between(0.2, 0.5, **WHY), rival=9.0)
    with pytest.raises(RivalInsideBand):
        claim(mean(X, range=(0.0, 1.0)), band=between(0.2, 0.5, **WHY), rival=0.3)
    later = claim(mean(X, range=(0.0, 1.0)), band=between(0.2, 0.5, **WHY), rival=lambda n: n, at=grid(n=[1.0, 2.0]))
    assert later.limits((("n", 1.0),))[1] == 1.0
    with pytest.raises(InvalidDeclaration, match=r"at n = 2\.0: rival"):
        later.limits((("n", 2.0),))


def test_a_fixed_sample_may_have_one():
    family = {"drawn": {"x": [0.8, 0.81, 0.79] * 20}, "other": {"x": [0.1] * 60}}
    test = sample(mean(column("x"), range=(0, 1)), family=family, member="drawn", bands={"other": (0.5, 0.9)})
    found = test.judge(Values({}, ()), between(0.6, 0.9, **WHY).resolve({}), 1.0)
    assert found.verdict is HOLDS
    again = sample(mean(column("x"), range=(0, 1)), family=family, member="other", bands={"drawn": (0.5, 0.9)})
    other = sample(mean(column("x"), range=(0, 2)), family=family, member="other", bands={"drawn": (0.5, 0.9)})
    assert test.together == again.together != other.together
    outside = sample(mean(column("x"), range=(0, 0.5)), family=family, member="drawn", bands={"other": (0.5, 0.9)})
    with pytest.raises(Exception, match=r"got 0\.8 at seed 0"):
        outside.judge(Values({}, ()), between(0.6, 0.9, **WHY).resolve({}), 1.0)


# What is said


def row_of(of, draw):
    """The claim as in a result."""
    trials = settle(of, draw)
    read = ReadingResult(None, tuple(PointResult(trial, 0.0) for trial in trials))
    return ClaimResult(of, Tier.FULL, (read,)).to_json()


@pytest.fixture(scope="module")
def document():
    rng = np.random.default_rng(8)
    rows = [
        row_of(
            claim(bound(X, range=(-0.7, 11.0)), band=at_most(1.0, **WHY), rival=9.0), in_turn(rng.random(256) - 0.5)
        ),
        row_of(claim(bound(X), band=at_most(1.0, **WHY), rival=9.0, id="toy.other"), in_turn(rng.normal(size=256))),
    ]
    settings = {"schema": 2, "stopped": False, "epoch": 7, "tier": "full", "environment": {}, "counts": {}}
    return settings | {"claims": rows}


def test_a_result_has_the_range_and_its_words(document):
    check(document)
    row, other = document["claims"]
    assert row["range"] == [-0.7, 11.0] == row["points"][0]["range"]
    assert "range" not in other
    assert (row["verdict"], row["alpha"]) == (HOLDS, ALPHA_CLAIM)
    assert unseen_words(row) == "whatever the distribution of seeds is from -0.7 to 11"
    assert reach_words(row).endswith("for which the interval has room")
    assert "what comes in fewer than" in unseen_words(other)
    assert page_data(document, Known())["claims"][0]["unseen"] == reach_words(row)
    assert row["qualification"]["reach"] == [None, None]
    assert "range_lo" in columns()
    assert (flat(row)["range_lo"], flat(other)["range_hi"]) == (-0.7, None)


def test_the_mean_moves_by_no_more_than_is_said(document):
    row = document["claims"][0]
    share = 1 - (row["alpha"] / 2) ** (1 / row["seeds"])
    up = share * (11.0 - row["estimate"])
    assert f"at most {share * (row['estimate'] + 0.7):.2g} down or {up:.2g} up" in reach_words(row)
    assert row["estimate"] + up < row["interval"][1] <= 1.0


@pytest.mark.parametrize(("before", "after"), [(None, [0, 1]), ([0, 1], None), ([0, 1], [0, 2])])
def test_another_range_is_another_declaration(document, before, after):
    def with_range(ends):
        first = {name: value for name, value in document["claims"][0].items() if name != "range"}
        return {**document, "claims": [first | ({} if ends is None else {"range": ends})]}

    found = compare(with_range(before), with_range(after))
    said = [str(ends) if ends else "nothing" for ends in (before, after)]
    assert [(each.field, each.before, each.after) for each in found.declarations] == [("range", *said)]
    assert compare(with_range(before), with_range(before)).declarations == ()


FILE = """
from claims import Claim, experiment
from claims.bands import at_most
from claims.kinds import bound

made_by = experiment("shares:drawn", seconds=0.001)
made = Claim(
    id="toy.share", locus="1", statement="A share is below .81.",
    test=bound(made_by["x"]RANGE), band=at_most(0.81, provenance="author", because="a toy"), rival=0.9,
)
"""
MODULE = """
def drawn(point, streams):
    return {"x": float(streams.numpy("x").beta(80, 20))}
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A claim file of two revisions: without a range, then with one."""
    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    (tmp_path / "shares.py").write_text(MODULE)
    subprocess.run([*git, "init", "-q"], check=True)
    for text in ("", ", range=(0, 1)"):
        (tmp_path / "claims_share.py").write_text(FILE.replace("RANGE", text))
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", "a"], check=True)
    return tmp_path


def call(*words):
    result = CliRunner().invoke(main, list(words), standalone_mode=False)
    return result.stdout


@pytest.mark.landing
def test_diff_of_revisions_and_list_and_why_say_it(repository):
    told = call("diff", "HEAD~1", "HEAD", "claims_share.py", "--json")
    found = json.loads(told)
    assert [(each["field"], each["after"]) for each in found["declarations"]] == [("range", "[0.0, 1.0]")]
    (row,) = json.loads(call("list", "claims_share.py", "--json"))
    assert row["range"] == [0.0, 1.0]
    told = call("why", "claims_share.py", "toy.share", "--jobs", "1", "--store", "s.sqlite")
    assert "a seed's value lies from 0 to 1, as declared; one outside is an error" in told
    assert "so it needs a narrower range of its seeds" in " ".join(told.split())
    nights = [line.strip() for line in told.splitlines() if "--epoch fresh" in line or "evidence pool" in line]
    assert nights == [
        "claimbench audit claims_share.py toy.share --tier smoke --epoch fresh --store s.sqlite",
        "claimbench evidence pool claims_share.py toy.share --store s.sqlite",
    ]


def test_declarations_are_listed_with_it():
    assert to_plain(claim(mean(X, range=(0, 1)), band=between(0.2, 0.5, **WHY)))["range"] == (0.0, 1.0)
    assert to_plain(claim(mean(X)))["range"] is None
