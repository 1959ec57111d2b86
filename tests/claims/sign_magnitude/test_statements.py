"""Search statements and weight laws of the sign-magnitude pack at the inputs that are easy to get wrong."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from claims.papers.sign_magnitude.experiments import geometry_statements as statements
from claims.papers.sign_magnitude.experiments.geometry import derivative, length, normalised
from claims.papers.sign_magnitude.experiments.vectors import draw_weights

TRUE = ["RESCALING", "REMAINDER", "REMAINDER_SHARP", "REMAINDER_RELATIVE", "HESSIAN"]
entries = st.floats(-1.0, 1.0)
vectors = st.tuples(entries, entries, entries)


def inputs_of(statement, first, second, eps):
    names = sorted(statement.inputs)
    found = dict(zip([name for name in names if name[-1].isdigit()], [*first, *second], strict=True))
    return {name: min(max(found.get(name, eps), lo), hi) for name, (lo, hi) in statement.inputs.items()}


@pytest.mark.parametrize("name", TRUE)
@given(first=vectors, second=vectors, eps=st.floats(0.01, 0.5))
@example(first=(0.0, 0.0, 0.0), second=(0.0, 0.0, 0.0), eps=0.5)
@example(first=(5e-324, 5e-324, 5e-324), second=(1e-162, 1e-162, -1e-162), eps=0.5)
@example(first=(1.0, 1.0, 1.0), second=(1.0, 1.0, 1.0), eps=0.01)
@example(first=(1.0, 1.0, 1.0), second=(-1.0, -1.0, -1.0 + 2.0**-53), eps=0.5)
@settings(deadline=None, max_examples=60)
def test_rounding_makes_no_counterexample(name, first, second, eps):
    """A margin is negative only where the statement fails, and agrees with the one in 50 digits."""
    statement = getattr(statements, name)
    inputs = inputs_of(statement, first, second, eps)
    margin = statement.margin(**inputs)
    assert margin >= 0
    assert margin == pytest.approx(statement.precise(**inputs), rel=1e-7, abs=1e-7)


def test_margins_say_what_the_kernel_computes():
    y, h = (
        torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64).numpy(),
        torch.tensor([0.3, 0.1, -0.4], dtype=torch.float64).numpy(),
    )
    eps = float(length(h) / length(y))
    linear = derivative(y, h)
    rest = float(length(normalised(y + h) - normalised(y) - linear)) / math.sqrt(3)
    found = statements.remainder_lengths(y.tolist(), h.tolist(), eps, math.sqrt)
    assert found == pytest.approx((rest, float(length(linear)) / math.sqrt(3)), rel=1e-12)
    scales = [0.5, 1.5, 2.0]
    chord = float(
        length(normalised(torch.tensor(scales, dtype=torch.float64).numpy() * y) - normalised(y))
    ) / math.sqrt(3)
    once, twice = (statements.rescaling_margin(y.tolist(), scales, math.sqrt, factor=k) for k in (1.0, 2.0))
    assert twice - 2 * once == pytest.approx(chord, rel=1e-12)


@pytest.mark.parametrize("law", ["gaussian", "laplace", "uniform", "rademacher"])
def test_weights_have_unit_variance_and_no_infinity(law, monkeypatch):
    weights = draw_weights(law, 200_000, torch.Generator().manual_seed(1)).double()
    assert float(weights.square().mean()) == pytest.approx(1, abs=0.02)
    assert abs(float(weights.mean())) < 0.02
    monkeypatch.setattr(torch, "rand", lambda size, generator: torch.zeros(size))
    assert torch.isfinite(draw_weights(law, 4, torch.Generator())).all()


def test_an_unknown_law_is_named():
    with pytest.raises(ValueError, match="law: got 'cauchy'"):
        draw_weights("cauchy", 4, torch.Generator())
