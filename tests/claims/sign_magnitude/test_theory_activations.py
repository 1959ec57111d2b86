"""Constants of other activations: closed moments, definitions by quadrature, and sampling."""

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mpf

from claims.papers.sign_magnitude.experiments import activations as experiments
from claims.papers.sign_magnitude.theory import activations, block, finite

SMOOTH = ["silu", "gelu", "tanh", "erf", "softplus"]
HOMOGENEOUS = ["linear", "relu", "leaky-relu", "abs", "relu2"]
LIMIT = math.pi / (math.pi - 2)


def point(activation, scale=1.0, flip_rate=0.01, kappa=block.BUSSGANG):
    return {"activation": activation, "scale": scale, "flip_rate": flip_rate, "kappa": kappa}


@pytest.mark.parametrize("activation", SMOOTH)
@given(scale=st.floats(0.05, 4.0), kappa=st.floats(0.05, 0.95))
@settings(deadline=None, max_examples=6)
def test_limit_is_that_of_the_definition(activation, scale, kappa):
    found = experiments.small_rate(point(activation, scale, kappa=kappa), None)
    assert found["pre"] == pytest.approx(activations.activation_limit(activation, scale, kappa), rel=3e-6)
    assert found["post"] == pytest.approx(found["pre"], rel=3e-6)
    assert found["energy_ratio"] == pytest.approx(
        activations.activation_energy_ratio(activation, scale, kappa), rel=3e-6
    )
    radial = activations.activation_radial_fraction(activation, scale, kappa)
    assert found["radial_magnitude"] == pytest.approx(radial, rel=3e-6, abs=2e-7)  # terms of order p = 1e-8 are left


@pytest.mark.parametrize("activation", HOMOGENEOUS)
def test_homogeneous_activations_have_the_maximum(activation):
    for scale in (1e-6, 1.0, 1e6):
        assert activations.activation_limit(activation, scale) == pytest.approx(LIMIT, rel=1e-12)
    found = experiments.small_rate(point(activation), None)
    assert found["pre"] == pytest.approx(LIMIT, rel=1e-6)
    assert found["radial_magnitude"] == pytest.approx(activations.activation_radial_fraction(activation), rel=1e-6)


@given(degree=st.floats(0.75, 4), negative=st.floats(-2, 2), scale=st.floats(1e-6, 1e6), kappa=st.floats(0.01, 0.99))
@example(degree=1.0, negative=0.0, scale=1.0, kappa=0.5)
@settings(deadline=None, max_examples=40)
def test_any_positive_power_reaches_the_maximum(degree, negative, scale, kappa):
    """Equality needs no integer degree and no relation between the two sides of zero."""
    found = activations.activation_limit(activations.positive_power(degree, negative), scale, kappa)
    assert found == pytest.approx(1 / (1 - kappa), rel=1e-9)


@given(activation=st.sampled_from(SMOOTH), scale=st.floats(1e-6, 1e4), kappa=st.floats(0.01, 0.99))
@example(activation="silu", scale=0.5, kappa=block.BUSSGANG)
@settings(deadline=None, max_examples=60)
def test_no_activation_exceeds_the_maximum(activation, scale, kappa):
    assert 0 < activations.activation_limit(activation, scale, kappa) <= (1 + 1e-12) / (1 - kappa)


def test_smooth_rectifiers_tend_to_the_maximum_at_both_ends_of_scale():
    for activation in ("silu", "gelu"):
        middle = activations.activation_limit(activation, 0.6)
        for scale in (1e-6, 1e6):
            assert activations.activation_limit(activation, scale) == pytest.approx(LIMIT, rel=1e-6)
        assert middle < LIMIT - 0.3


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 20.0])
def test_moments_in_thirty_digits(activation, scale):
    """The same definitions by tanh-sinh quadrature."""
    phi = {
        "silu": lambda z: z / (1 + mpmath.exp(-z)),
        "gelu": lambda z: z * mpmath.ncdf(z),
        "tanh": mpmath.tanh,
        "erf": mpmath.erf,
        "softplus": lambda z: mpmath.log1p(mpmath.exp(z)) if z < 30 else z + mpmath.log1p(mpmath.exp(-z)),
    }[activation]
    slope = {
        "silu": lambda z: (1 + mpmath.exp(-z) * (1 + z)) / (1 + mpmath.exp(-z)) ** 2,
        "gelu": lambda z: mpmath.ncdf(z) + z * mpmath.npdf(z),
        "tanh": lambda z: mpmath.sech(z) ** 2,
        "erf": lambda z: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-z * z),
        "softplus": lambda z: 1 / (1 + mpmath.exp(-z)),
    }[activation]
    found = activations.activation_moments(activation, scale)
    edges = [-12, -3, -1, -0.25, -0.05, 0, 0.05, 0.25, 1, 3, 12]

    def mean(function):
        with mpmath.workdps(20):
            return float(mpmath.quad(lambda t: function(t, mpf(scale) * t) * mpmath.npdf(t), edges))

    assert found.slope == pytest.approx(mean(lambda t, z: slope(z) ** 2), rel=1e-11)
    assert found.weighted_slope == pytest.approx(mean(lambda t, z: (slope(z) * t) ** 2), rel=1e-11)
    assert found.cross == pytest.approx(mean(lambda t, z: phi(z) * slope(z) * t), rel=1e-11)
    assert found.energy == pytest.approx(mean(lambda t, z: phi(z) ** 2), rel=1e-11)
    assert found.gap == pytest.approx(found.weighted_slope - found.cross**2 / found.energy, abs=1e-12)


@pytest.mark.parametrize("activation", SMOOTH)
@given(flip_rate=st.floats(1e-4, 0.9), scale=st.floats(0.1, 2.0), kappa=st.floats(0.1, 0.9))
@settings(deadline=None, max_examples=6)
def test_finite_rate_by_two_quadratures(activation, flip_rate, scale, kappa):
    found = experiments.finite_rate(point(activation, scale, flip_rate, kappa), None)
    for metric in ("pre", "post"):
        formula = activations.activation_ratio(flip_rate, activation, scale, metric, kappa=kappa)
        assert found[metric] == pytest.approx(formula, rel=1e-8)


@pytest.mark.parametrize("activation", SMOOTH)
def test_finite_rate_tends_to_the_limit(activation):
    limit = activations.activation_limit(activation)
    for metric, step in (("pre", 1), ("pre", -1), ("post", 1), ("post", -1)):
        assert activations.activation_ratio(1e-12, activation, 1.0, metric, step) == pytest.approx(limit, rel=1e-5)


def test_linear_is_the_closed_form_and_relu_is_refused():
    for metric in ("pre", "post"):
        for step in (1, -1):
            found = activations.activation_ratio(0.1, "linear", 3.0, metric, step)
            assert found == pytest.approx(block.c_linear(0.1, metric, step), rel=1e-12)
    for flip_rate in (0.01, 0.1):
        found = experiments.finite_rate(point("relu", flip_rate=flip_rate), None)
        assert found["pre"] == pytest.approx(block.c_exact(flip_rate), rel=1e-12)
        assert found["post"] == pytest.approx(block.c_exact(flip_rate, "post"), rel=1e-12)
    with pytest.raises(ValueError, match="smooth"):
        activations.activation_ratio(0.1, "relu")


@pytest.mark.parametrize(("activation", "function"), [("silu", lambda z: z / (1 + np.exp(-z))), ("tanh", np.tanh)])
def test_finite_rate_is_sampled(activation, function):
    """Pre-activations drawn from rows of weights, with the flips drawn too."""
    rng = np.random.default_rng(12)
    rows, n, flip_rate = 60_000, 64, 0.05
    x = np.full(n, 1 / math.sqrt(n))
    weights = rng.standard_normal((rows, n))
    z = weights @ x
    clean = function(z)
    moves = {
        "sign": -2 * np.where(rng.random((rows, n)) < flip_rate, weights, 0) @ x,
        "magnitude": 2 * math.sqrt(flip_rate) * np.sign(weights) @ x,
    }
    transverse = {}
    for arm, move in moves.items():
        change = function(z + move) - clean
        transverse[arm] = np.mean(change**2) - np.mean(clean * change) ** 2 / np.mean(clean**2)
    found = transverse["sign"] / transverse["magnitude"]
    predicted = activations.activation_ratio(flip_rate, activation)
    assert found == pytest.approx(predicted, rel=0.03)
    assert abs(predicted / block.c_exact(flip_rate) - 1) > 0.06, "the sample has to tell it from the ReLU"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: activations.activation_limit("mish"), "activation: one of silu"),
        (lambda: activations.activation_limit("silu", 0.0), "scale"),
        (lambda: activations.positive_power(0.5), "degree"),
        (lambda: activations.activation_ratio(0.0, "silu"), "flip_rate"),
        (lambda: activations.activation_ratio(0.1, "silu", 1.0, "both"), "metric"),
        (lambda: activations.activation_ratio(0.5, "silu", 100.0), "scale"),
    ],
)
def test_arguments_outside_their_range_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(rho2=st.floats(0.0, 1.0), samples=st.integers(1, 10**6))
@example(rho2=0.9375, samples=200)
@example(rho2=1 - 2.0**-53, samples=200)
@example(rho2=1 - 2.0**-53, samples=63)
@example(rho2=0.5, samples=63)
@example(rho2=1e-12, samples=10**6)
@settings(deadline=None, max_examples=40)
def test_sample_correlation_for_any_number_of_pairs(rho2, samples):
    """Against 1 - (1 - rho^2)(1 - 1/m) times the integral of dv/(1 - rho^2 + rho^2 v^(2/m)) over (0, 1)."""
    found = finite.squared_correlation_mean(rho2, samples)
    with mpmath.workdps(25):
        z, m = mpf(rho2), mpf(samples)
        edges = [0, mpf(10) ** -18, mpf(10) ** -12, mpf(10) ** -6, mpf("1e-3"), mpf("0.1"), mpf("0.5"), 1]
        integral = mpmath.quad(lambda v: 1 / (1 - z + z * v ** (2 / m)), edges) if rho2 < 1 else mpf(0)
        exact = 1 - (1 - z) * (1 - 1 / m) * integral
    assert found == pytest.approx(float(exact), rel=1e-10)
    assert 0 < found <= 1


@pytest.mark.parametrize(("rho2", "samples", "message"), [(1.5, 3, "rho2"), (-0.1, 3, "rho2"), (0.5, 0, "samples")])
def test_sample_correlation_names_what_is_wrong(rho2, samples, message):
    with pytest.raises(ValueError, match=message):
        finite.squared_correlation_mean(rho2, samples)


TORCH = {
    "silu": torch.nn.functional.silu,
    "gelu": torch.nn.functional.gelu,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "softplus": torch.nn.functional.softplus,
    "linear": lambda z: z,
    "relu": torch.relu,
    "leaky-relu": lambda z: torch.nn.functional.leaky_relu(z, 0.1),
    "relu2": lambda z: torch.relu(z).square(),
    "abs": torch.abs,
}


@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_activations_and_slopes_are_those_of_torch(name):
    z = torch.tensor([-30.0, -3.0, -0.7, -1e-3, 1e-3, 0.4, 2.0, 30.0], dtype=torch.float64, requires_grad=True)
    value = TORCH[name](z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    found = activations.ACTIVATIONS[name]
    assert found.value(z.detach().numpy()) == pytest.approx(value.detach().numpy(), rel=1e-12, abs=1e-15)
    assert found.slope(z.detach().numpy()) == pytest.approx(slope.numpy(), rel=1e-9, abs=1e-15)
