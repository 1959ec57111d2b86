"""Is the harness as sure as it says? Error rates with the truth exactly on an edge of the band, the worst case.

At ``ALPHA``, large enough that errors can be counted, a claim may be decided wrongly, as HOLDS or as REFUTED, with
probability ALPHA over its six looks, before any replication. Every row goes look by look through
``claims.auditing.decision.judge`` and the kind itself, as an audit does. A vectorised engine repeats the t rows with
many more replicates, after it has been held to the same verdicts as the scalar path; a row that must fail shows that
the suite would notice. Seeds are fixed: a failure is a change of the code, never bad luck.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from kit import made_up
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from claims.auditing.decision import ALPHA_AUDIT, ALPHA_CLAIM, judge
from claims.auditing.schedule import schedule_of
from claims.bands import Limits
from claims.experiment import grid
from claims.kinds import mean, order, proportion, quantile, ratio, slope, trend
from claims.kinds.base import LOOKS, Kind, Values
from claims.verdict import HOLDS, REFUTED, UNDECIDED, Verdict

ALPHA = 0.01
CAP = LOOKS[-1]
Columns = dict[str, np.ndarray]
Draw = Callable[[np.random.Generator], Columns]

X = mean(made_up["x"])
EDGE_ABOVE, EDGE_BELOW = Limits(-10.0, 0.0, None), Limits(0.0, 10.0, None)


def sequential(test: Kind, columns: Columns, band: Limits, alpha: float, levels=()) -> tuple[Verdict, int]:
    """The first decision of all looks, and after how many seeds: what a trial's first block does."""
    for n, share in schedule_of(test).stages[0].shares:
        sample = Values({made_up[name]: column[:n] for name, column in columns.items()}, levels)
        verdict = judge(test, sample, band, points=1, alpha=alpha * share).verdict
        if verdict is not UNDECIDED:
            return verdict, n
    return UNDECIDED, CAP


def false_verdicts(test: Kind, draw: Draw, band: Limits, replicates: int, *, levels=(), seed: int = 1) -> int:
    rng = np.random.default_rng(seed)
    found = Counter(sequential(test, draw(rng), band, ALPHA, levels)[0] for _ in range(replicates))
    return found[HOLDS] + found[REFUTED]


def too_many(false: int, replicates: int) -> bool:
    """Whether the Clopper-Pearson 99.9 % lower limit of the rate exceeds ALPHA."""
    return proportion_confint(false, replicates, alpha=0.002, method="beta")[0] > ALPHA


def of_x(sampler: Callable[[np.random.Generator], np.ndarray]) -> Draw:
    return lambda rng: {"x": sampler(rng)}


normal = of_x(lambda rng: rng.normal(size=CAP))
gamma = of_x(lambda rng: (rng.gamma(100.0, size=CAP) - 100.0) / 10.0)
exponential = of_x(lambda rng: rng.exponential(size=CAP) - 1.0)
student5 = of_x(lambda rng: rng.standard_t(5, size=CAP))


def arms(rng: np.random.Generator) -> Columns:
    """A ratio of 2.5 whose denominator has a coefficient of variation of a fifth."""
    v = 1.0 + 0.2 * rng.normal(size=CAP)
    return {"u": 2.5 + 0.2 * rng.normal(size=CAP) + (v - 1.0), "v": v}


def counts(rng: np.random.Generator) -> Columns:
    return {"k": rng.binomial(1000, 0.02, size=CAP), "n": np.full(CAP, 1000)}


def pooled(rng: np.random.Generator) -> Columns:
    return {"x": rng.exponential(size=(CAP, 4))}


def sizes(rng: np.random.Generator) -> Columns:
    """log y = -log(n) / 2 + a seed's common effect + noise; sizes share a seed."""
    log_n = np.log([1.0, 2.0, 4.0, 8.0])
    noise = rng.normal(0.0, 0.5, size=(CAP, 1)) + rng.normal(0.0, 0.2, size=(CAP, 4))
    return {"y": np.exp(-0.5 * log_n + noise + rng.normal(0.0, 0.1, size=(CAP, 1)) * log_n)}


def paired(rng: np.random.Generator) -> Columns:
    common = rng.normal(0.0, 3.0, size=CAP)
    return {"a": common + rng.normal(size=CAP), "b": common + rng.normal(size=CAP)}


def staircase(rng: np.random.Generator) -> Columns:
    """Rises by ten at each of four steps but one, which is flat."""
    heights = np.array([0.0, 10.0, 20.0, 20.0, 30.0])
    return {"y": heights + rng.normal(0.0, 5.0, size=(CAP, 1)) + rng.normal(size=(CAP, 5))}


def rank_correlations(rng: np.random.Generator) -> Columns:
    """Spearman's rho of 50 pairs less its expectation, which is not the population's rho."""
    rho, n = 0.6, 50
    x = rng.normal(size=(CAP, n))
    y = rho * x + math.sqrt(1 - rho * rho) * rng.normal(size=(CAP, n))
    ranks = [np.argsort(np.argsort(side, axis=1), axis=1) - (n - 1) / 2 for side in (x, y)]
    found = (ranks[0] * ranks[1]).sum(axis=1) / (n * (n * n - 1) / 12)
    population, tau = 6 / math.pi * math.asin(rho / 2), 2 / math.pi * math.asin(rho)
    return {"x": found - ((n - 2) * population + 3 * tau) / (n + 1)}


RATIO, SHARE = ratio(made_up["u"], made_up["v"]), proportion(made_up["k"], made_up["n"])
ORDER = order(made_up["a"], made_up["b"])
SLOPE = slope(made_up["y"], over="n")
TREND = trend(made_up["y"], over="layer", direction="increasing")
SIZES, LAYERS = grid(n=[1, 2, 4, 8]), grid(layer=[1, 2, 3, 4, 5])
MEDIAN = quantile(made_up["x"], q=0.5)
LOG2 = math.log(2)

#: test, draws, band with the truth on one edge, levels of the test's axis
ROWS = {
    "normal, upper edge, 5 sd": (X, normal, Limits(-10.0, 0.0, None), ()),
    "normal, lower edge, 1 sd": (X, normal, Limits(0.0, 2.0, None), ()),
    "gamma(100), lower edge": (X, gamma, EDGE_BELOW, ()),
    "t5, upper edge": (X, student5, EDGE_ABOVE, ()),
    "ratio, lower edge": (RATIO, arms, Limits(2.5, 4.5, None), ()),
    "ratio, upper edge": (RATIO, arms, Limits(0.5, 2.5, None), ()),
    "proportion .02 of 1000": (SHARE, counts, Limits(0.01, 0.02, None), ()),
    "median of exponentials": (MEDIAN, pooled, Limits(LOG2, 5.0, None), ()),
    "slope, seed effect": (SLOPE, sizes, Limits(-0.5, 0.5, None), SIZES),
    "order, equal means": (ORDER, paired, Limits(0.0, math.inf, None), ()),
    "trend, one flat step": (TREND, staircase, Limits(0.0, math.inf, None), LAYERS),
}


@pytest.mark.landing
def test_the_three_rows_that_every_commit_pays_for():
    """Together they would notice errors twice as frequent as promised; each alone has its own limit."""
    chosen = {"normal, upper edge, 5 sd": 900, "ratio, lower edge": 300, "proportion .02 of 1000": 900}
    false = {}
    for name, replicates in chosen.items():
        test, draw, band, levels = ROWS[name]
        false[name] = false_verdicts(test, draw, band, replicates, levels=levels)
        assert not too_many(false[name], replicates), (name, false[name])
    assert not too_many(sum(false.values()), sum(chosen.values())), false
    assert sum(false.values()) > 0, "no error at all with the truth on the edge: the rows test nothing"


def test_a_skewed_statistic_must_fail():
    """One exponential a seed: errors at five times the promised rate, which is why seeds have to average."""
    replicates = 500
    false = false_verdicts(X, exponential, EDGE_BELOW, replicates)
    assert too_many(false, replicates), false


def vectorised(x: np.ndarray, band: Limits, alpha: float) -> np.ndarray:
    """First decisions of many data sets (rows): 1 HOLDS, -1 REFUTED, 0 UNDECIDED."""
    verdicts = np.zeros(len(x), dtype=int)
    for n, share in schedule_of(X).stages[0].shares:
        part = x[:, :n]
        half = stats.t.isf(alpha * share / 2, n - 1) * part.std(axis=1, ddof=1) / math.sqrt(n)
        lo, hi = part.mean(axis=1) - half, part.mean(axis=1) + half
        now = np.where((lo >= band.lo) & (hi <= band.hi), 1, np.where((hi < band.lo) | (lo > band.hi), -1, 0))
        verdicts = np.where(verdicts == 0, now, verdicts)
    return verdicts


CODE = {HOLDS: 1, REFUTED: -1, UNDECIDED: 0}


def test_scalar_and_vectorised_verdicts_are_equal():
    """300 data sets all over the place: widths, centres and alphas such that each verdict occurs often."""
    rng = np.random.default_rng(2)
    seen = Counter()
    for _ in range(100):
        centre, half, alpha = rng.uniform(-1.5, 1.5), rng.uniform(0.2, 2.0), 10 ** rng.uniform(-5, -1)
        band = Limits(-half, half, None)
        x = centre + rng.normal(size=(3, CAP))
        expected = vectorised(x, band, alpha)
        for row, code in zip(x, expected, strict=True):
            verdict, _ = sequential(X, {"x": row}, band, alpha)
            assert CODE[verdict] == code
            seen[verdict] += 1
    assert min(seen[verdict] for verdict in (HOLDS, REFUTED, UNDECIDED)) >= 10


def errors(sampler: Draw, band: Limits, replicates: int, alpha: float = ALPHA) -> int:
    rng = np.random.default_rng(3)
    step = 5000
    blocks = (np.stack([sampler(rng)["x"] for _ in range(step)]) for _ in range(replicates // step))
    return sum(int((vectorised(block, band, alpha) != 0).sum()) for block in blocks)


@pytest.mark.parametrize("band", [EDGE_ABOVE, Limits(0.0, 2.0, None)], ids=["5 sd", "1 sd"])
def test_many_replicates_of_the_normal_row(band):
    replicates = 20_000
    assert not too_many(errors(normal, band, replicates), replicates)


def test_errors_twice_as_frequent_would_be_noticed():
    replicates = 20_000
    assert too_many(
        errors(normal, EDGE_ABOVE, replicates, alpha=3 * ALPHA), replicates
    )  # looks overlap more at a large alpha: three times it is two


def test_looking_as_often_at_full_alpha_would_be_noticed():
    replicates = 5000
    assert too_many(errors(normal, EDGE_ABOVE, replicates, alpha=20 * ALPHA), replicates)


@pytest.mark.parametrize(
    ("theta", "r", "verdict"), [(0.0, 0.5, 1), (2.0, 0.5, -1), (0.5, 2.0, 1), (2.0, 2.0, -1), (0.0, 5.0, 1)]
)
def test_power_at_the_alpha_of_an_audit(theta, r, verdict):
    """theta: the truth in half-widths of the band; r: the half-width in standard deviations of a seed."""
    x = theta * r + np.random.default_rng(4).normal(size=(3000, CAP))
    decided = vectorised(x, Limits(-r, r, None), ALPHA_CLAIM)
    assert (decided == verdict).mean() >= 0.99
    assert not (decided == -verdict).any()


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_every_row_through_the_path_of_an_audit(name):
    test, draw, band, levels = ROWS[name]
    replicates = 4000
    false = false_verdicts(test, draw, band, replicates, levels=levels, seed=5)
    assert not too_many(false, replicates), false
    assert false > 0


@pytest.mark.slow
def test_rank_correlations_are_judged_against_their_own_expectation():
    replicates = 2000
    false = false_verdicts(X, rank_correlations, Limits(-0.5, 0.0, None), replicates, seed=5)
    assert not too_many(false, replicates), false


@pytest.mark.slow
@pytest.mark.parametrize("replicates", [100_000])
@pytest.mark.parametrize("sampler", [normal, gamma, student5], ids=["normal", "gamma(100)", "t5"])
@pytest.mark.parametrize("band", [EDGE_ABOVE, EDGE_BELOW], ids=["upper", "lower"])
def test_very_many_replicates(sampler, band, replicates):
    assert not too_many(errors(sampler, band, replicates), replicates)


@pytest.mark.slow
def test_whole_audits_at_the_alpha_of_an_audit():
    """300 claims, a tenth of them exactly on the edge: any false verdict in fewer than one audit in a hundred."""
    rng = np.random.default_rng(6)
    audits, claims = 2000, 300
    wrong = 0
    for _ in range(audits):
        r = np.exp(rng.uniform(math.log(0.5), math.log(20.0), size=claims))
        theta = np.where(np.arange(claims) < claims // 10, 1.0, rng.uniform(0.0, 3.0, size=claims))
        x = theta[:, None] + rng.normal(size=(claims, CAP)) / r[:, None]
        decided = vectorised(x, Limits(-1.0, 1.0, None), ALPHA_CLAIM)
        wrong += bool(
            ((theta > 1) & (decided == 1) | (theta < 1) & (decided == -1) | (theta == 1) & (decided != 0)).any()
        )
    assert proportion_confint(wrong, audits, alpha=0.02, method="beta")[1] < ALPHA_AUDIT
