"""Finite-size predictions and weight vectors against mixtures in 40 digits and against sampling."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mpf

from claims.papers.sign_magnitude.theory import block, finite, vectors

from .gaussian_plane import close, exact_sign_energy

flip_rates = st.floats(1e-12, 1.0)


@pytest.fixture(autouse=True, scope="module")
def forty_digits():
    with mpmath.workdps(40):
        yield


@pytest.mark.parametrize(("flip_rate", "n"), [(0.3, 1), (0.2, 5), (0.7, 5), (0.05, 16)])
def test_sign_energy_at_finite_fan_in_is_the_mixture(flip_rate, n):
    """Sum over the number of flips, integral over their Beta-distributed share of a spherical input's energy."""
    total = mpf(flip_rate) ** n
    for flips in range(1, n):
        a, b = mpf(flips) / 2, mpf(n - flips) / 2

        def density(half, a=a, b=b):  # q = sin^2(half)
            q = mpmath.sin(half) ** 2
            weight = mpmath.sin(half) ** (2 * a - 1) * mpmath.cos(half) ** (2 * b - 1)
            return 2 * weight * exact_sign_energy(q) / mpmath.beta(a, b)

        chance = mpmath.binomial(n, flips) * mpf(flip_rate) ** flips * (1 - mpf(flip_rate)) ** (n - flips)
        with mpmath.workdps(16):
            total += chance * mpmath.quad(density, [0, mpmath.pi / 4, mpmath.pi / 2])
    close(finite.sign_energy_finite_n(flip_rate, n), total, 1e-7 if n < 16 else 1e-12)


@pytest.mark.parametrize("flip_rate", [0.01, 0.1, 0.5, 0.9])
def test_sign_energy_approaches_its_limit_like_one_over_n(flip_rate):
    limit = block.sign_energy(flip_rate)
    deviation = [n * (finite.sign_energy_finite_n(flip_rate, n) / limit - 1) for n in (2**14, 2**15)]
    assert 2 * deviation[1] - deviation[0] == pytest.approx(finite.sign_energy_n_coefficient(flip_rate), rel=1e-2)


@given(flip_rate=flip_rates, n=st.integers(1, 3000))
@example(flip_rate=1.0, n=1)
@example(flip_rate=1e-12, n=3000)
@settings(max_examples=30, deadline=None)
def test_few_inputs_make_flips_cheaper(flip_rate, n):
    """S is concave, so the mixture lies below its limit; S(q) >= q bounds it from below."""
    energy = finite.sign_energy_finite_n(flip_rate, n)
    assert flip_rate * (1 - 1e-6) <= energy <= block.sign_energy(flip_rate) * (1 + 1e-6)


def sampled_ratio(n, flip_rate, seeds, metric, rng):
    """Ratio of mean transverse energies of the block, n = m, and its standard error."""
    sign, magnitude = [], []
    for _ in range(seeds):
        weights = rng.standard_normal((n, n)) / math.sqrt(n)
        flips = np.where(rng.random((n, n)) < flip_rate, -2 * weights, 0)
        step = np.sign(weights) * np.linalg.norm(flips) / n
        x = rng.standard_normal((64, n))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        clean = np.maximum(x @ weights.T, 0)
        for change, kept in ((flips, sign), (step, magnitude)):
            moved = np.maximum(x @ (weights + change).T, 0)
            error = moved - clean
            transverse = (error**2).sum(1) - (clean * error).sum(1) ** 2 / (clean**2).sum(1)
            kept.append(np.mean(transverse / ((moved**2).sum(1) if metric == "post" else 1)))
    top, bottom = np.array(sign), np.array(magnitude)
    ratio = top.mean() / bottom.mean()
    return ratio, np.std(top - ratio * bottom, ddof=1) / math.sqrt(seeds) / bottom.mean()


@pytest.mark.parametrize("metric", ["pre", "post"])
@pytest.mark.parametrize(("flip_rate", "n", "seeds"), [(0.05, 128, 250), (0.5, 64, 400)])
def test_block_at_finite_width_is_sampled_as_predicted(flip_rate, n, seeds, metric):
    """The first point is decided by fan-in, the second by width."""
    ratio, error = sampled_ratio(n, flip_rate, seeds, metric, np.random.default_rng(5))
    predicted, limit = finite.c_finite_n(flip_rate, n, metric), block.c_exact(flip_rate, metric)
    assert abs(ratio - predicted) < 5 * error + 0.002 * predicted
    assert abs(ratio - limit) > 3 * error + 0.002 * limit, "the sample has to tell the prediction from the limit"


def test_radial_fractions_at_finite_width():
    rng = np.random.default_rng(3)
    width, flip_rate, rows = 16, 0.1, 60_000
    y = rng.standard_normal((rows, width))
    noise = rng.standard_normal((rows, width))
    dy = -2 * flip_rate * y + 2 * math.sqrt(flip_rate * (1 - flip_rate)) * noise
    radial, total = (y * dy).sum(1) ** 2 / (y**2).sum(1), (dy**2).sum(1)
    assert radial.mean() / total.mean() == pytest.approx(finite.linear_radial_fraction(flip_rate, width), rel=0.02)
    assert (radial / total).mean() == pytest.approx(finite.linear_radial_fraction_mean(flip_rate, width), rel=0.02)
    difference = finite.linear_radial_fraction(flip_rate, width) / finite.linear_radial_fraction_mean(flip_rate, width)
    assert difference > 1.06, "the two averages have to be told apart"
    cosine2 = (y * noise).sum(1) ** 2 / (y**2).sum(1) / (noise**2).sum(1)
    assert cosine2.mean() == pytest.approx(finite.additive_radial_fraction(width), rel=0.02)
    correlated = 0.6 * y[:, :3] + 0.8 * noise[:, :3]
    cosine2 = (y[:, :3] * correlated).sum(1) ** 2 / (y[:, :3] ** 2).sum(1) / (correlated**2).sum(1)
    assert cosine2.mean() == pytest.approx(finite.squared_correlation_mean(0.36, 3), rel=0.01)
    assert finite.squared_correlation_mean(0.0, width) == pytest.approx(1 / width)
    assert finite.squared_correlation_mean(1.0, width) == 1.0


def test_radial_fraction_after_a_projection():
    """Hidden state and change at a known angle; three Gaussian rows of the second projection."""
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((100_000, 3, 2))
    hidden = finite.hidden_radial_fraction(0.1, 64)
    y, dy = rows[..., 0], math.sqrt(hidden) * rows[..., 0] + math.sqrt(1 - hidden) * rows[..., 1]
    radial = ((y * dy).sum(1) ** 2 / (y**2).sum(1)).mean() / (dy**2).sum(1).mean()
    assert radial == pytest.approx(finite.output_radial_fraction(0.1, 64, 3), rel=0.02)


@given(flip_rate=st.floats(1e-12, 0.5), width=st.integers(8, 10**6), outputs=st.integers(8, 10**6))
@settings(deadline=None)
def test_projection_and_width_only_add_radial_energy(flip_rate, width, outputs):
    for arm, limit in (
        ("sign", block.sign_radial_fraction(flip_rate)),
        ("magnitude", block.magnitude_radial_fraction(flip_rate)),
    ):
        hidden = finite.hidden_radial_fraction(flip_rate, width, arm)
        output = finite.output_radial_fraction(flip_rate, width, outputs, arm)
        assert limit < hidden < output < 1
        assert hidden - limit == pytest.approx((1 - limit) * finite.residual_kurtosis(flip_rate, arm) / width, rel=1e-6)
    assert finite.residual_kurtosis(1e-12, "sign") == pytest.approx(2, abs=1e-5)
    assert finite.single_layer_transverse_ratio(flip_rate) == pytest.approx(1 / (1 - flip_rate))


def test_laws_are_integrals_of_their_densities():
    densities = {
        "gaussian": (mpmath.npdf, mpmath.inf),
        "laplace": (lambda w: mpmath.exp(-w) / 2, mpmath.inf),
        "uniform": (lambda w: mpf(1) / 2, 1),
    }
    for law, (density, end) in densities.items():
        one, two, four = (2 * mpmath.quad(lambda w, k=k, f=density: w**k * f(w), [0, end]) for k in (1, 2, 4))
        close(vectors.sign_cosine_limit(law), one**2 / two)
        close(vectors.random_sign_cosine_limit(law), four / two**2)


@pytest.mark.parametrize("n", [1, 2, 3, 16])
def test_gaussian_vectors_at_finite_n(n):
    rng = np.random.default_rng(n)
    w = np.abs(rng.standard_normal((200_000, n)))
    sign = w.sum(1) ** 2 / (n * (w**2).sum(1))
    random = (rng.choice([-1.0, 1.0], w.shape) * w**2).sum(1) ** 2 / (w**2).sum(1) ** 2
    for sample, exact in (
        (sign, vectors.sign_cosine_mean(n)),
        (random, vectors.random_sign_cosine_mean(n)),
        (n * (w.mean(1) - w.mean()) ** 2, n * vectors.row_scale_variance(n)),
    ):
        assert abs(sample.mean() - exact) <= 5 * sample.std() / math.sqrt(len(sample)) + 1e-12


def test_spread_of_the_cosine():
    rng = np.random.default_rng(11)
    w = np.abs(rng.standard_normal((10_000, 512)))
    cosine = w.sum(1) ** 2 / (512 * (w**2).sum(1))
    assert math.sqrt(512) * cosine.std() == pytest.approx(vectors.sign_cosine_spread(), rel=0.04)


def test_norm_of_the_flips():
    rng = np.random.default_rng(7)
    m, n, flip_rate = 8, 16, 0.9
    w = rng.standard_normal((20_000, m * n)) / math.sqrt(n)
    norm2 = 4 * np.where(rng.random(w.shape) < flip_rate, w * w, 0).sum(1)
    assert norm2.mean() == pytest.approx(vectors.flip_norm_mean(m, flip_rate), rel=0.01)
    assert norm2.var() == pytest.approx(vectors.flip_norm_variance(m, n, flip_rate), rel=0.05)


@pytest.mark.parametrize("samples", [2, 3, 4, 10, 11, 40, 63, 64, 500])
@pytest.mark.parametrize("rho2", [1e-6, 0.3, 0.5, 0.51, 0.9, 0.9999])
def test_squared_correlation_is_the_hypergeometric_function(samples, rho2):
    """Every branch: the series, and the recurrence for an even and for an odd number of pairs."""
    rest = 1 - mpf(rho2)
    expected = 1 - rest * (1 - mpf(1) / samples) * mpmath.hyp2f1(1, 1, mpf(samples) / 2 + 1, mpf(rho2))
    assert finite.squared_correlation_mean(rho2, samples) == pytest.approx(float(expected), rel=1e-12)
