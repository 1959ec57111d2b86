"""Theorem 3: closed forms against scipy, quadrature, enumeration and sampling, from one token to more than exist."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from claims.papers.mean_bias.experiments import maxima as drawn
from claims.papers.mean_bias.experiments import maxima_statements as statements
from claims.papers.mean_bias.theory import maxima as theory
from claims.streams import Streams

tokens = st.integers(1, 10**7)
means = st.floats(-6, 6)
deltas = st.floats(1e-9, 1 - 1e-9)


@given(level=st.floats(-1, 9), mean=means, count=tokens)
@example(level=0.0, mean=0.0, count=1)
@example(level=3.0, mean=3.0, count=1)
@example(level=9.0, mean=0.0, count=1)
@settings(deadline=None, max_examples=80)
def test_the_law_of_the_maximum(level, mean, count):
    below = norm.cdf(level - mean) - norm.cdf(-level - mean) if level > 0 else 0.0
    assert theory.maximum_at_least(level, mean, count) == pytest.approx(1 - below**count, abs=1e-9)
    assert theory.maximum_at_least(level, mean, count) == theory.maximum_at_least(level, -mean, count)


def test_the_law_of_the_maximum_by_enumeration():
    """Three tokens on a lattice of the normal law: every combination counted, to the lattice's resolution."""
    steps = 120
    points = norm.ppf((np.arange(steps) + 0.5) / steps)
    for mean, level in ((0.0, 1.5), (0.7, 0.7), (-0.7, 1.2)):
        sizes = np.abs(mean + points)
        largest = np.maximum(np.maximum(sizes[:, None, None], sizes[None, :, None]), sizes[None, None, :])
        found = float((largest >= level).mean())
        assert found == pytest.approx(theory.maximum_at_least(level, mean, 3), abs=3 / steps)


@given(count=tokens, delta=deltas)
@example(count=1, delta=1e-9)
@example(count=1, delta=1 - 1e-9)
@example(count=1, delta=0.5)
@example(count=10**7, delta=1e-9)
@example(count=10**7, delta=1 - 1e-9)
@settings(deadline=None, max_examples=80)
def test_quantiles_are_passed_with_the_probability_that_they_are_made_for(count, delta):
    for kind, chance in (("printed", 1 - delta), ("corrected", delta)):
        found = theory.quantile(count, delta, kind)
        assert math.exp(count * norm.logcdf(found)) == pytest.approx(chance, rel=1e-6, abs=1e-12)
    if count > 1:
        ordered = theory.quantile(count, delta, "printed") >= theory.quantile(count, delta, "corrected")
        assert ordered == (delta <= 0.5)


@given(count=st.integers(1, 10**6), mean=means, delta=st.floats(1e-6, 1 - 1e-6))
@example(count=1, mean=0.0, delta=0.5)
@example(count=1000, mean=3.0, delta=0.05)
@example(count=1000, mean=0.0, delta=0.05)
@example(count=2, mean=3.0, delta=0.999)
@settings(deadline=None, max_examples=80)
def test_confidences_and_what_they_cannot_be(count, mean, delta):
    printed, corrected = theory.printed_confidence(count, mean, delta), theory.confidence(count, mean, delta)
    assert printed >= delta - 1e-9
    assert corrected >= 1 - delta - 1e-9
    if abs(mean) > 5:
        assert printed == pytest.approx(delta, abs=1e-6) or theory.quantile(count, delta, "printed") < -mean
    assert theory.confidence(count, -mean, delta) == corrected


def test_figures_of_the_text():
    assert theory.printed_confidence(1000, 3.0) == pytest.approx(0.05, abs=1e-12)
    assert theory.printed_confidence(1000, 0.0) == pytest.approx(0.0975, abs=5e-5)
    assert theory.confidence(1000, 3.0) == pytest.approx(0.95, abs=1e-12)
    assert theory.confidence(1000, 0.0) == pytest.approx(0.9975, abs=5e-5)
    assert theory.quantile(1000, 0.05, "printed") == pytest.approx(3.884, abs=5e-4)
    assert theory.quantile(1000, 0.05) == pytest.approx(2.749, abs=5e-4)
    assert theory.reaches_mean(1, 0.1) == pytest.approx(0.9207, abs=5e-5)
    assert theory.reaches_mean(5, 0.0) == 1.0
    assert theory.mean_raises_maximum(1000, 3.0) == pytest.approx(2.806, abs=5e-4)
    assert theory.noise_raises_maximum(1000, 3.0) == pytest.approx(4.622, abs=5e-4)
    assert theory.mean_maximum(1000, 3.0) == pytest.approx(6.241, abs=5e-4)
    assert theory.mean_maximum_equal_energy(1000, 3.0) == pytest.approx(10.864, abs=5e-4)
    assert 1 - theory.mean_maximum(1000) / theory.leading_growth(1000) == pytest.approx(0.076, abs=5e-4)
    assert 1 - theory.mean_maximum(128) / theory.leading_growth(128) == pytest.approx(0.092, abs=5e-4)


@pytest.mark.parametrize("delta", [1e-6, 0.05, 0.5, 0.95])
@pytest.mark.parametrize(("count", "mean"), [(1, 0.0), (1, 0.1), (7, -0.4), (1000, 3.0), (1000, 0.0)])
def test_formula_and_quadrature_agree(count, mean, delta):
    found = drawn.exact({"tokens": count, "mean": mean, "delta": delta}, None)
    assert found["printed"] == pytest.approx(theory.printed_confidence(count, mean, delta), abs=1e-9)
    assert found["corrected"] == pytest.approx(theory.confidence(count, mean, delta), abs=1e-9)
    assert found["reaches_mean"] == pytest.approx(theory.reaches_mean(count, mean), abs=1e-9)


@given(count=st.integers(1, 60), mean=means)
@example(count=1, mean=0.0)
@example(count=1, mean=0.1)
@example(count=1, mean=6.0)
def test_reaching_the_mean(count, mean):
    exact = 1 - (norm.cdf(2 * abs(mean)) - 0.5) ** count
    assert theory.reaches_mean(count, mean) == pytest.approx(exact, abs=1e-12)
    assert theory.reaches_mean(count, mean) >= theory.half_of_the_tokens(count) - 1e-15


@pytest.mark.parametrize("count", [1, 2, 8, 40])
def test_the_theorem_where_its_quantile_is_zero(count):
    found = drawn.at_zero_quantile({"tokens": count}, None)
    assert found["printed"] == pytest.approx(2.0**-count, rel=1e-9)
    assert found["corrected"] == pytest.approx(1 - 2.0**-count, rel=1e-12)
    assert theory.quantile(count, 2.0**-count) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("count", "mean"), [(1, 0.0), (1, 2.0), (10, 0.0), (1000, -3.0), (10**6, 0.5)])
def test_mean_maxima_integrate_the_density(count, mean):
    def moment(x):
        above = norm.sf(x - mean) + norm.cdf(-x - mean)
        return (
            x * count * (norm.pdf(x - mean) + norm.pdf(x + mean)) * math.exp((count - 1) * math.log1p(-above))
            if x
            else 0.0
        )

    exact, _ = quad(moment, 0, abs(mean) + 12, points=[abs(mean) + k for k in (1, 3, 5)], limit=300)
    assert theory.mean_maximum(count, mean) == pytest.approx(exact, rel=1e-8)
    if count == 1:
        folded = math.sqrt(2 / math.pi) * math.exp(-(mean**2) / 2) + mean * (1 - 2 * norm.cdf(-mean))
        assert theory.mean_maximum(1, mean) == pytest.approx(folded, rel=1e-10)


def growth_with_correction(tokens):
    """E max |Z| to second order: a - (log log 2l + log(4 pi) - 2 gamma)/(2 a)."""
    log = math.log(2 * tokens)
    a = math.sqrt(2 * log)
    return a - (math.log(log) + theory.growth_constant()) / (2 * a)


def test_growth_meets_the_integral_and_its_second_order():
    for power in (1, 3):
        found = drawn.growth({"log10_tokens": power}, None)
        assert found["maximum"] == pytest.approx(theory.mean_maximum(10**power), rel=1e-10)
        assert found["over_leading"] == pytest.approx(found["maximum"] / theory.leading_growth(10**power))
        assert found["squared_over_log"] == pytest.approx(2 * found["over_leading"] ** 2)
    errors = [abs(growth_with_correction(10**k) - theory.mean_maximum(10**k)) for k in (2, 4, 8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01
    constants = [drawn.growth({"log10_tokens": k}, None)["constant"] for k in (100, 10_000)]
    gaps = [abs(constant - theory.growth_constant()) for constant in constants]
    assert gaps[0] > 10 * gaps[1]
    assert gaps[1] < 1e-3


def test_maxima_are_drawn_as_predicted():
    point = {"mean": (0.0, -0.4, 3.0), "tokens": 40, "repeats": 20_000, "delta": 0.2}
    for record in drawn.maxima(point, Streams(epoch=3, experiment="maxima", base=(), seed_index=0)):
        mean, trials = record["mean"], record["trials"]
        for name, exact in (
            ("printed", theory.printed_confidence(40, mean, 0.2)),
            ("corrected", theory.confidence(40, mean, 0.2)),
            ("reaches_mean", theory.reaches_mean(40, mean)),
            ("below_union", 1 - theory.maximum_at_least(math.sqrt(2 * math.log(2 * 40 / 0.2)), 0.0, 40)),
        ):
            assert record[name] / trials == pytest.approx(exact, abs=0.015), name
        assert record["maximum"] == pytest.approx(theory.mean_maximum(40, mean), abs=0.02)
        assert record["equal_energy"] == pytest.approx(theory.mean_maximum_equal_energy(40, mean), abs=0.05)


@given(log2_tokens=st.floats(0, 14), mean=st.floats(0, 5), delta=st.floats(0.001, 0.999))
@example(log2_tokens=0.0, mean=0.0, delta=0.999)
@example(log2_tokens=14.0, mean=5.0, delta=0.001)
@settings(deadline=None, max_examples=60)
def test_margins_say_what_the_closed_forms_say(log2_tokens, mean, delta):
    whole = round(2**log2_tokens)
    inputs = {"log2_tokens": math.log2(whole), "mean": mean, "delta": delta}
    slack = 1e-8
    assert statements.PRINTED.margin(**inputs) == pytest.approx(
        theory.printed_confidence(whole, mean, delta) - 1 + delta, abs=slack
    )
    assert statements.PROVED.margin(**inputs) == pytest.approx(
        theory.printed_confidence(whole, mean, delta) - delta, abs=slack
    )
    assert statements.CORRECTED.margin(**inputs) == pytest.approx(
        theory.confidence(whole, mean, delta) - 1 + delta, abs=slack
    )
    alone = theory.maximum_at_least(math.sqrt(2 * math.log(2 * whole / delta)), 0.0, whole)
    assert statements.NOISE_ALONE.margin(log2_tokens=inputs["log2_tokens"], delta=delta) == pytest.approx(
        1 - alone / delta, abs=1e-7
    )
