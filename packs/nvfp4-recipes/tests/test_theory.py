"""Closed forms and quadratures, each by two routes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from claims.papers.mean_bias.theory import formats
from nvfp4_recipes.numerics.blocks import quantized
from nvfp4_recipes.numerics.drawn import alignment, matrix, relative_error
from nvfp4_recipes.theory import rates
from nvfp4_recipes.theory.blocks import mass_below, moments, quantile


@pytest.mark.parametrize("law", ["normal", "laplace", "t3"])
def test_quantiles_invert_the_distribution(law):
    shares = np.linspace(0.001, 0.999, 50)
    np.testing.assert_allclose(mass_below(law, quantile(law, shares)), shares, rtol=1e-9)


def test_an_unknown_law_is_named():
    with pytest.raises(ValueError, match="allowed: normal"):
        quantile("cauchy", np.array([0.5]))


def test_normal_blocks_against_closed_forms():
    error, along = moments("normal", 16, "e2m1")
    exact = formats.block_moments(formats.unrounded_cells(), 16, "nearest")
    assert error == pytest.approx(exact.error, rel=0.005)
    assert along == pytest.approx(exact.along, rel=0.03)
    assert moments("normal", 32, "e2m1", "e8m0")[0] == pytest.approx(formats.mxfp4_error("floor"), rel=0.005)


@pytest.mark.parametrize("law", ["normal", "laplace"])
@pytest.mark.parametrize("grid", ["e2m1", "int4"])
@pytest.mark.parametrize("block", [16, 128])
def test_quadrature_against_drawn_blocks(law, grid, block):
    x = matrix(law, 2**20, np.random.default_rng(1))
    values = quantized(x, block, grid)
    error, along = moments(law, block, grid)
    assert error == pytest.approx(relative_error(values, x), rel=0.01)
    assert along == pytest.approx(alignment(values, x) - 1, abs=0.0005)


@pytest.mark.parametrize("law", ["laplace", "normal"])
def test_rates_against_numeric_integrals(law):
    from scipy.integrate import quad

    log_group = 4e4 if law == "laplace" else 4e5
    if law == "laplace":
        edge = rates.CUT * log_group
        kept, _ = quad(lambda x: x * x * math.exp(edge - x) / 2, edge, edge + 60)
        ratio = kept / log_group**2
    else:
        edge = rates.CUT * math.sqrt(2 * log_group)
        kept, _ = quad(lambda x: 2 * x * x * math.exp((edge - x) * (edge + x) / 2), edge, edge + 10, points=[edge])
        ratio = kept / math.sqrt(2 * math.pi) / math.sqrt(log_group)
    assert ratio == pytest.approx(rates.constant(law), rel=0.01)
