"""Theorems 1 and 2: closed forms against scipy, quadrature, enumeration and sampling, over all their range."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import norm

from claims.papers.mean_bias.experiments import exceedance as drawn
from claims.papers.mean_bias.experiments import exceedance_statements as statements
from claims.papers.mean_bias.theory import exceedance as theory
from claims.papers.mean_bias.theory.normal import tail, tail_quantile
from claims.streams import Streams

means = st.floats(-8, 8)
thresholds = st.floats(0, 8)
chances = st.floats(1e-4, 1 - 1e-4)
fractions = st.floats(0.001, 0.999)


@given(x=st.floats(-30, 30))
@example(x=0.0)
def test_the_normal_tail_and_its_quantile(x):
    assert tail(x) == pytest.approx(norm.sf(x), rel=1e-13)
    if x > -7:  # below, the probability rounds to 1 and keeps nothing of x
        assert tail_quantile(tail(x)) == pytest.approx(x, abs=1e-9 if x > -4 else 1e-3)


@given(threshold=thresholds, mean=means)
@example(threshold=0.0, mean=0.0)
@example(threshold=3.0, mean=3.0)
@example(threshold=3.0, mean=-3.0)
@settings(deadline=None, max_examples=50)
def test_exceedance_is_what_scipy_says(threshold, mean):
    exact = norm.sf(threshold, loc=mean) + norm.cdf(-threshold, loc=mean)
    assert theory.exceedance(threshold, mean) == pytest.approx(exact, rel=1e-12)
    energy = math.sqrt(1 + mean**2)
    assert theory.exceedance_equal_energy(threshold, mean) == pytest.approx(2 * norm.sf(threshold / energy), rel=1e-12)


@pytest.mark.parametrize(
    ("threshold", "mean"), [(0.5, 0.0), (2.0, 3.0), (6.0, 3.0), (2.0, -3.0), (3.0, 3.0), (30.0, 0.0)]
)
def test_formula_and_quadrature_agree(threshold, mean):
    found = drawn.gaussian({"threshold": threshold, "mean": mean}, None)
    assert found["probability"] == pytest.approx(theory.exceedance(threshold, mean), rel=1e-12)
    assert found["energy_quotient"] == pytest.approx(theory.energy_quotient(threshold, mean), rel=1e-12)
    if mean == 0:
        assert found["bound_excess"] == pytest.approx(theory.tail_bound_excess(threshold), rel=1e-11)
        assert found["exponent"] == pytest.approx(
            -norm.logsf(threshold) * 2 / threshold**2, rel=0.03 if threshold > 9 else 2
        )


def test_figures_of_the_text():
    assert theory.informative_margin() == pytest.approx(1.17741, abs=5e-6)
    assert drawn.informative_margin({}, None)["margin"] == pytest.approx(theory.informative_margin(), abs=1e-13)
    assert theory.printed_bound(3.0 - theory.informative_margin(), 3.0) == pytest.approx(0, abs=1e-15)
    assert 1000 * theory.printed_bound(2, 3) == pytest.approx(-213.06, abs=0.005)
    assert 1000 * theory.exceedance(2, 3) == pytest.approx(841.34, abs=0.01)
    assert [round(theory.tail_bound_excess(t), 1) for t in (1, 2, 3, 4)] == [3.8, 5.9, 8.2, 10.6]
    assert theory.energy_quotient(2, 3) == pytest.approx(0.626, abs=5e-4)
    assert theory.energy_quotient(6, 3) == pytest.approx(42.8, abs=0.05)


@given(mean=st.floats(0.01, 8), fraction=st.floats(1e-6, 1 - 1e-9))
@example(mean=8.0, fraction=1 - 1e-9)
@example(mean=0.01, fraction=1e-6)
def test_bounds_are_ordered(mean, fraction):
    threshold = fraction * mean
    printed, sharper = theory.printed_bound(threshold, mean), theory.one_tail_bound(threshold, mean)
    assert printed <= sharper <= theory.exceedance(threshold, mean) + 1e-15
    assert theory.printed_bound(threshold, -mean) == printed
    assert (printed > 0) == (mean - threshold > theory.informative_margin()) or abs(printed) < 1e-12


@given(p=chances, side=st.sampled_from([-1.0, 1.0]))
@example(p=0.5, side=1.0)
@example(p=0.5 - 1e-9, side=1.0)
@example(p=1e-4, side=-1.0)
@settings(deadline=None, max_examples=60)
def test_two_atoms_have_proxy_one(p, side):
    """log E exp(a Z) <= a^2/2 for every a, with equality at a = 2 log((1 - p)/p) in units of the atoms' distance."""
    upper, lower = statements.atoms(p, statements.FLOATS)
    assert p * upper + (1 - p) * lower == pytest.approx(0, abs=1e-12)

    def slack(a):
        grown = np.logaddexp(math.log(p) + a * upper, math.log1p(-p) + a * lower)
        return a * a / 2 - float(grown)

    for a in (0.01, 0.3, 1.0, 2.0, 5.0, 12.0):
        assert slack(side * a) > -1e-10
    touching = 2 * math.log((1 - p) / p) / (upper - lower)
    assert slack(touching) == pytest.approx(0, abs=1e-9)


@given(mean=means, fraction=fractions, p=chances)
@example(mean=2.0, fraction=0.5, p=0.5)
@example(mean=-4.5, fraction=0.05, p=1e-4)
@settings(deadline=None, max_examples=60)
def test_laws_of_the_search_are_the_laws_that_they_say(mean, fraction, p):
    threshold = fraction * abs(mean)
    functions = statements.FLOATS
    inside = norm.cdf(threshold - mean) - norm.cdf(-threshold - mean)
    assert statements.normal(threshold, mean, p, functions) == pytest.approx(inside, abs=1e-12)
    flat = stats.uniform(-math.sqrt(3), 2 * math.sqrt(3))
    inside = flat.cdf(threshold - mean) - flat.cdf(-threshold - mean)
    assert statements.uniform(threshold, mean, p, functions) == pytest.approx(inside, abs=1e-12)
    upper, lower = statements.atoms(p, functions)
    draws = np.array([upper, lower]) + mean
    inside = float(np.array([p, 1 - p]) @ (np.abs(draws) <= threshold))
    assert statements.two_atoms(threshold, mean, p, functions) == inside


def test_rare_atoms_attain_the_tail_bounds():
    one, two = 1e-3, 1e-6
    found = drawn.rare_atoms({"p": one}, None)
    upper, lower = statements.atoms(1 - one, statements.FLOATS)
    assert found["one"] == pytest.approx(one / math.exp(-(lower**2) / 2), rel=1e-9)
    assert 0.998 < found["one"] < 1
    assert upper > 0
    assert 1.9999 < drawn.rare_atoms({"p": two}, None)["two"] < 2


def test_the_proxy_of_two_rare_atoms_is_a_supremum():
    p = 1e-3
    a = np.linspace(1e-3, 60, 200_000)
    proxy = np.max(2 * np.log1p(2 * p * (np.cosh(a) - 1)) / a**2)
    assert drawn.rare_atoms({"p": p}, None)["two"] == pytest.approx(2 * p * math.exp(1 / (2 * proxy)), rel=1e-6)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
@pytest.mark.parametrize(("threshold", "mean"), [(2.0, 3.0), (2.0, 0.0), (0.5, 0.0)])
def test_count_variance_is_that_of_pairs(threshold, mean, correlation):
    """From the bivariate normal law: Var C = l p (1 - p) + l (l - 1)(P(both) - p^2)."""
    tokens, once = 50, theory.exceedance(threshold, mean)
    pair = stats.multivariate_normal([mean, mean], [[1, correlation], [correlation, 1]])
    both = 0.0
    for low, high in (((threshold, threshold), (9e1, 9e1)), ((-9e1, -9e1), (-threshold, -threshold))):
        both += pair.cdf(high, lower_limit=low)
    both += 2 * pair.cdf((9e1, -threshold), lower_limit=(threshold, -9e1))
    exact = (once * (1 - once) + (tokens - 1) * (both - once**2)) / tokens
    assert theory.count_variance(tokens, threshold, mean, correlation) == pytest.approx(exact, abs=2e-7)


def test_count_variance_of_one_token_is_a_bernoulli_variance():
    for correlation in (0.0, 0.5, 0.999):
        once = theory.exceedance(2.0, 3.0)
        assert theory.count_variance(1, 2.0, 3.0, correlation) == pytest.approx(once * (1 - once), abs=1e-10)
    with pytest.raises(ValueError, match=r"correlation: got 1\.0"):
        theory.count_variance(10, 2.0, 3.0, 1.0)


def test_counts_are_drawn_as_predicted():
    point = {"mean": (0.0, 3.0), "correlation": (0.0, 0.9), "tokens": (1, 20), "threshold": 2.0, "repeats": 20_000}
    records = drawn.counts(point, Streams(epoch=5, experiment="counts", base=(), seed_index=0))
    assert len(records) == 8
    for record in records:
        mean, correlation, tokens = record["mean"], record["correlation"], record["tokens"]
        assert record["share"] == pytest.approx(theory.exceedance(2.0, mean), abs=0.015)
        assert record["count"] == pytest.approx(tokens * record["share"])
        assert record["variance"] == pytest.approx(theory.count_variance(tokens, 2.0, mean, correlation), rel=0.15)


def test_precise_margins_are_the_same_statements():
    with mpmath.workdps(30):
        for name, inputs in (
            ("BOUND_NORMAL", {"mean": 2.0, "fraction": 0.3, "p": 0.5}),
            ("SHARP_TWO_ATOMS", {"mean": 2.0, "fraction": 0.3, "p": 0.5}),
            ("TAIL_UNIFORM", {"threshold": 1.2, "p": 0.5}),
            ("MEAN_SHARE", {"mean": 4.0, "fraction": 0.9, "p": 0.02}),
            ("CONSTANT", {"mean": 3.0, "fraction": 0.5, "p": 0.003}),
        ):
            statement = getattr(statements, name)
            assert statement.margin(**inputs) == pytest.approx(statement.precise(**inputs), abs=2e-9)
