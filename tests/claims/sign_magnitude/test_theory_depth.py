"""The depth recursions against Gram matrices in 40 digits, against sampled networks, and against published tables."""

import itertools
import math
import sys

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mpf

from claims.kinds.table import read_rows
from claims.papers.sign_magnitude.theory import block, depth, depth_limits, small_rate

from .gaussian_plane import angle_and_scale_of_step, close, product

LAYERS = range(1, 7)
V2_TABLES = {"projection": "gaussian"}
V2 = {}
V2_BARE = {"norm": "none", "metric": "pre"}
V3_TABLES = {"residual": True, "projection": "gaussian"}
V3_RELEASED = {"residual": True, "norm": "branch"}
LINEAR = {"activation": "linear"}
SILU = {"activation": "silu"}
#: Released means at m = 2048, p = .01, 20 seeds.
RELEASED = {
    (): (3.617, 3.494, 3.351, 3.250, 3.141, 3.061),
    ("residual",): (1.220, 1.265, 1.335, 1.405, 1.472, 1.535),
    ("silu",): (3.699, 3.646, 3.594, 3.543, 3.495, 3.444),
}


@pytest.fixture(autouse=True, scope="module")
def forty_digits():
    with mpmath.workdps(40):
        yield


def closed_product(rho):
    theta = mpmath.acos(rho)
    return (mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)) / (2 * mpmath.pi)


PHI = {  # E phi phi' at correlation rho, and E phi
    "relu": (closed_product, 1 / mpmath.sqrt(2 * mpmath.pi)),
    "linear": (lambda rho: rho, mpf(0)),
    "silu": (lambda rho: rho / 4, mpf(0)),
}


def gram_ratios(
    flip_rate,
    layers,
    *,
    residual=False,
    projection="none",
    norm="stream",
    activation="relu",
    metric="post",
    step=1,
    kappa=block.BUSSGANG,
):
    """The ratio after each layer from |y|^2, |y'|^2, y.y' and the streams' coordinate means."""
    angle, scale = angle_and_scale_of_step(flip_rate, step, kappa)
    moment, mean = PHI[activation]
    mean = mean if projection == "none" and residual else mpf(0)
    arms = [(1 - 2 * mpf(flip_rate), mpf(1)), (mpmath.cos(angle), scale)]
    states = [[mpf(1), mpf(1), mpf(1), mpf(0), mpf(0)] for _ in arms]
    ratios = []
    for _ in range(layers):
        transverse = []
        for i, (correlation, s) in enumerate(arms):
            a, b, c, u, v = states[i]
            rho = correlation * c / mpmath.sqrt(a * b)
            size, moved = (mpmath.sqrt(a), s * mpmath.sqrt(b)) if norm == "none" else (mpf(1), s)
            branch = [size**2 * moment(mpf(1)), moved**2 * moment(mpf(1)), size * moved * moment(rho)]
            if residual:
                branch[0] += a + 2 * u * mean
                branch[1] += b + 2 * v * mean * moved
                branch[2] += c + u * mean * moved + v * mean
                u, v = u + mean, v + mean * moved
            a, b, c = branch
            transverse.append((a * b - c * c) / (a if metric == "pre" else a * b))
            if norm == "stream":
                root = mpmath.sqrt(a), mpmath.sqrt(b)
                a, b, c, u, v = mpf(1), mpf(1), c / (root[0] * root[1]), u / root[0], v / root[1]
            states[i] = [a, b, c, u, v]
        ratios.append(transverse[0] / transverse[1])
    return ratios


architectures = st.one_of(
    st.fixed_dictionaries(
        {
            "residual": st.just(True),
            "norm": st.sampled_from(["stream", "branch"]),
            "projection": st.sampled_from(["none", "gaussian"]),
        }
    ),
    st.fixed_dictionaries({"norm": st.sampled_from(["stream", "none"])}),
)


@given(
    flip_rate=st.floats(1e-12, 1.0, exclude_max=True),
    layers=st.integers(1, 8),
    architecture=architectures,
    activation=st.sampled_from(["relu", "linear", "silu"]),
    metric=st.sampled_from(["pre", "post"]),
    step=st.sampled_from([1, -1]),
    kappa=st.floats(0.05, 0.95),
)
@example(1e-12, 8, V3_RELEASED, "relu", "post", 1, block.BUSSGANG)
@example(1e-12, 8, V3_TABLES, "relu", "post", -1, block.BUSSGANG)
@example(1.0, 8, {"residual": True}, "relu", "pre", 1, block.BUSSGANG)
@example(0.5, 8, V2, "relu", "post", -1, block.BUSSGANG)
def test_recursion_is_the_gram_matrices(flip_rate, layers, architecture, activation, metric, step, kappa):
    options = architecture | {"activation": activation, "metric": metric, "step": step, "kappa": kappa}
    wanted = gram_ratios(flip_rate, layers, **options)
    for got, exact in zip(depth.depth_ratios(flip_rate, layers, **options), wanted, strict=True):
        assert got == pytest.approx(float(exact), rel=1e-9, abs=1e-20)


@given(rho=st.floats(-1, 1))
def test_closed_product_of_the_reference_is_the_moment(rho):
    assert float(closed_product(mpf(rho))) == pytest.approx(float(product(mpmath.acos(mpf(rho)))), rel=1e-12, abs=1e-18)


@given(
    flip_rate=st.floats(1e-12, 0.9),
    step=st.sampled_from([1, -1]),
    kappa=st.floats(0.05, 0.95),
    layers=st.integers(1, 9),
)
@example(flip_rate=0.25, step=-1, kappa=0.9375, layers=6)
def test_first_layer_and_metrics(flip_rate, step, kappa, layers):
    """One layer is the block of Theorem 3; normalisation changes the ratio by s2 at the end, or by s2 at each layer."""
    options = {"step": step, "kappa": kappa}
    s2 = block.magnitude_variance(flip_rate, step, kappa)
    for metric in ("pre", "post"):
        one = depth.depth_ratio(flip_rate, 1, metric=metric, **options)
        assert one == pytest.approx(block.c_exact(flip_rate, metric, **options), rel=1e-11)
        one = depth.depth_ratio(flip_rate, 1, metric=metric, activation="linear", **options)
        assert one == pytest.approx(block.c_linear(flip_rate, metric, **options), rel=1e-11)
    post = depth.depth_ratio(flip_rate, layers, **options)
    assert depth.depth_ratio(flip_rate, layers, metric="pre", **options) * s2 == pytest.approx(post, rel=1e-10)
    bare = depth.depth_ratio(flip_rate, layers, norm="none", metric="pre", **options)
    # Where the step shrinks the stream, 1 + growth = s2**layers is a difference of numbers near one: as many digits go.
    rounding = 8 * sys.float_info.epsilon / s2**layers
    assert bare * s2**layers == pytest.approx(post, rel=max(1e-9, rounding))
    assert depth.depth_ratio(flip_rate, layers, norm="branch", **options) == post
    assert depth.depth_ratio(flip_rate, layers, projection="gaussian", **options) == post


@given(flip_rate=st.floats(1e-6, 0.4), layer=st.integers(1, 12))
def test_a_linear_stack_multiplies_correlations(flip_rate, layer):
    angle, _ = angle_and_scale_of_step(flip_rate, 1, block.BUSSGANG)
    exact = (1 - (1 - 2 * mpf(flip_rate)) ** (2 * layer)) / (1 - mpmath.cos(angle) ** (2 * layer))
    close(depth.depth_ratio(flip_rate, layer, activation="linear"), exact, 1e-11)


@pytest.mark.parametrize("options", [V2, LINEAR, V3_TABLES, V3_RELEASED, {"residual": True}, V3_RELEASED | SILU])
@pytest.mark.parametrize("step", [1, -1])
def test_small_rate_limits(options, step):
    for layer in LAYERS:
        limit = depth_limits.depth_limit(layer, **options)
        for metric in ("pre", "post"):
            ratio = depth.depth_ratio(1e-14, layer, metric=metric, step=step, **options)
            assert ratio == pytest.approx(limit, rel=1e-6)


@given(kappa=st.floats(0.05, 0.95))
def test_small_rate_limits_in_closed_form(kappa):
    """Flat without a skip connection, flat with a normalised stream, harmonic sums with a kept one."""
    flat = depth_limits.first_layer_limit(1 / 3, kappa)
    for layer in LAYERS:
        assert depth_limits.depth_limit(layer, kappa=kappa) == small_rate.c_limit(kappa)
        assert depth_limits.depth_limit(layer, residual=True, projection="gaussian", kappa=kappa) == pytest.approx(flat)
        energies = [1 + depth / 2 for depth in range(layer + 1)]
        sign = sum(0.5 / after for after in energies[1:])
        step = sum(
            0.5 / after * (1 - kappa + kappa * (1 / before - 1 / before**2))
            for before, after in itertools.pairwise(energies)
        )
        step += kappa * (1 - 1 / energies[-1]) / energies[-1]
        kept = depth_limits.depth_limit(layer, residual=True, projection="gaussian", norm="branch", kappa=kappa)
        assert kept == pytest.approx(sign / step)
    assert depth_limits.first_layer_limit(1.0, kappa) == small_rate.c_limit(kappa)
    assert depth_limits.first_layer_limit(0.0, kappa) == 1.0
    for activation, energy in (("relu", 0.5), ("linear", 1.0), ("silu", 0.25)):
        share = energy / (1 + energy)
        first = depth_limits.depth_limit(1, residual=True, norm="branch", activation=activation, kappa=kappa)
        assert first == pytest.approx(depth_limits.first_layer_limit(share, kappa))


def test_a_kept_stream_approaches_the_block_s_limit():
    """Branches add up to nearly the whole stream, by a power of depth without projections, by its logarithm with."""
    for projection, within in (("none", 0.004), ("gaussian", 0.15)):
        deep = [
            depth_limits.depth_limit(layer, residual=True, norm="branch", projection=projection)
            for layer in (30, 300, 3000)
        ]
        assert deep == sorted(deep)
        assert 1 - within < deep[-1] / small_rate.c_limit() < 1


@pytest.mark.parametrize("metric", ["pre", "post"])
@pytest.mark.parametrize("kappa", [0.4, block.BUSSGANG])
def test_sqrt_coefficient(metric, kappa):
    """Two Richardson steps of (C/limit - 1)/sqrt(p)."""
    for layer in (1, 2, 6):

        def quotient(p, layer=layer):
            ratio = gram_ratios(p, layer, metric=metric, kappa=kappa)[-1]
            return (ratio * (1 - mpf(kappa)) - 1) / mpmath.sqrt(p)

        a, b, c = (quotient(mpf(10) ** -8 / 4**k) for k in range(3))
        extrapolated = (4 * (2 * c - b) - (2 * b - a)) / 3
        close(depth_limits.depth_sqrt_coefficient(layer, metric, kappa=kappa), extrapolated, 1e-7)
    assert depth_limits.depth_sqrt_coefficient(1, metric, kappa=kappa) == small_rate.c_sqrt_coefficient(
        metric, 1, kappa
    )


@given(flip_rate=st.floats(0.03, 1.0))
@settings(max_examples=20)
def test_plateau_is_where_the_recursion_goes(flip_rate):
    for metric in ("pre", "post"):
        deep = depth.depth_ratio(flip_rate, 400, metric=metric)
        assert depth_limits.depth_plateau(flip_rate, metric) == pytest.approx(deep, rel=1e-6)


def test_plateau_limit():
    """The deviation is of order p^(1/3)."""
    deviations = [depth_limits.depth_plateau(p) / depth_limits.plateau_limit() - 1 for p in (1e-12, 1e-15)]
    assert abs(deviations[1]) < 3e-6
    assert deviations[0] / deviations[1] == pytest.approx(10, rel=0.1)


def test_compounding():
    assert depth_limits.compounded(6) == pytest.approx(434.34, abs=0.005)
    assert depth_limits.compounded(6, 0.05) == pytest.approx(1.355, abs=0.0005)
    assert depth_limits.compounded(3, 0.0) == 1.0


def test_the_trend_s_sign_is_that_of_the_architecture():
    """At p = .01: only a normalised stream or no skip connection declines; a kept stream rises, in both metrics."""
    for options, rises in ((V2, False), (V2_BARE, False), (LINEAR, False), (V3_TABLES, False), (V3_RELEASED, True)):
        for metric in (options.get("metric"),) if "metric" in options else ("pre", "post"):
            ratios = depth.depth_ratios(0.01, 6, **(options | {"metric": metric}))
            steps = np.diff(ratios)
            assert (steps > 0).all() if rises else (steps < 0).all()
    first, second, third = depth.depth_ratios(0.05, 3, metric="pre", **V3_RELEASED)
    assert second < first < third


@pytest.mark.parametrize(("name", "options"), [("15", V2_TABLES), ("16", V3_TABLES)])
def test_printed_tables_are_the_wide_limit_within_finite_width(name, options):
    """Width 512 takes 1.1 % (``c_finite_n``); the means' standard errors reach .4 % in V3 and 1.2 % in V2."""
    printed = [float(row["c"]) for row in read_rows(f"claims.papers.sign_magnitude:figures/table{name}.toml")]
    np.testing.assert_allclose(printed, depth.depth_ratios(0.01, 6, **options), rtol=0.02)


@pytest.mark.parametrize(
    ("key", "options"), [((), V2), (("residual",), V3_RELEASED | {"metric": "pre"}), (("silu",), SILU)]
)
def test_released_results_are_the_wide_limit_within_finite_width(key, options):
    """Width 2048 takes .3 %; the standard errors reach 1 %."""
    np.testing.assert_allclose(RELEASED[key], depth.depth_ratios(0.01, 6, **options), rtol=0.013)


def sampled_ratios(*, residual, projection, norm, width, layers, flip_rate, seeds, rng):
    """Ratio of mean transverse energies (pre, post) after the last layer of ReLU networks, and standard errors."""
    energies = np.zeros((seeds, 2, 2))
    for seed in range(seeds):
        x = rng.standard_normal((40, width))
        clean = moved = stepped = x / np.linalg.norm(x, axis=1, keepdims=True)
        for _ in range(layers):
            weight = rng.standard_normal((width, width)) / math.sqrt(width)
            down = rng.standard_normal((width, width)) / math.sqrt(width)
            flips = np.where(rng.random(weight.shape) < flip_rate, -2 * weight, 0)
            step = np.sign(weight) * np.linalg.norm(flips) / math.sqrt(weight.size)
            streams = []
            for y, matrix in ((clean, weight), (moved, weight + flips), (stepped, weight + step)):
                unit = y / np.linalg.norm(y, axis=1, keepdims=True)
                branch = np.maximum(unit @ matrix.T, 0)
                branch = branch @ down.T if projection == "gaussian" else branch
                streams.append((unit if norm == "stream" else y) * residual + branch)
            clean, moved, stepped = streams
        for arm, other in enumerate((moved, stepped)):
            cosine = (clean * other).sum(1) / np.linalg.norm(clean, axis=1)
            transverse = (other**2).sum(1) - cosine**2
            energies[seed, arm] = transverse.mean(), (transverse / (other**2).sum(1)).mean()
    means = energies.mean(0)
    ratio = means[0] / means[1]
    spread = np.std(energies[:, 0] - ratio * energies[:, 1], axis=0, ddof=1) / math.sqrt(seeds) / means[1]
    return ratio, spread


@pytest.mark.parametrize(
    "architecture",
    [
        {"residual": False, "projection": "none", "norm": "stream"},
        {"residual": True, "projection": "gaussian", "norm": "stream"},
        {"residual": True, "projection": "none", "norm": "stream"},
        {"residual": True, "projection": "none", "norm": "branch"},
    ],
)
def test_recursion_matches_sampled_networks(architecture):
    rng = np.random.default_rng(5)
    ratio, error = sampled_ratios(**architecture, width=128, layers=3, flip_rate=0.05, seeds=40, rng=rng)
    for metric, got, spread in zip(("pre", "post"), ratio, error, strict=True):
        wanted = depth.depth_ratio(0.05, 3, metric=metric, **architecture)
        assert abs(got - wanted) < 4.5 * spread + 0.03 * wanted  # width 128 takes 1 to 3 %
        assert spread < 0.02 * wanted


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"layer": 0}, "layer"),
        ({"flip_rate": 0.0}, "flip_rate"),
        ({"flip_rate": 1.5}, "flip_rate"),
        ({"activation": "gelu"}, "activation"),
        ({"norm": "rms"}, "norm"),
        ({"norm": "none", "residual": True}, "norm"),
        ({"projection": "down"}, "projection"),
        ({"metric": "mid"}, "metric"),
        ({"step": 2}, "step"),
        ({"kappa": 1.0}, "kappa"),
    ],
)
def test_arguments_outside_their_sets_are_refused(options, name):
    with pytest.raises(ValueError, match=name):
        depth.depth_ratio(**({"flip_rate": 0.01, "layer": 2} | options))
    with pytest.raises(ValueError, match="branch_share"):
        depth_limits.first_layer_limit(1.5)
