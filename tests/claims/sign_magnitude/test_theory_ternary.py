"""Closed forms for quantized weights: formula, quadrature and Monte Carlo agree pairwise over the parameters' range."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mpf

from claims.papers.sign_magnitude.experiments.ternary_quadrature import named_moments, threshold_limit, weight_moments
from claims.papers.sign_magnitude.theory import quadrants, ternary, ternary_finite, vectors

ABSMEAN = math.sqrt(2 / math.pi)
ROWS, INPUTS = 4096, 128
thresholds = st.floats(0.0, 5.0)
scales = st.floats(0.05, 5.0)


def by_formula(q):
    """Everything that all three routes give, by name."""
    parts = quadrants.quantized_quadrants(q)
    flipped = parts.energy_off + parts.energy_on
    found = {
        "zeros": q.zeros,
        "gain": q.gain,
        "energy": q.energy,
        "error_norm": q.error_norm,
        "cosine2": q.cosine2,
        "angle": q.angle,
        "chord2": ternary.quantized_chord2(q),
        "gate_rate": ternary.quantized_gate_rate(q),
        "flip_rate": ternary.equal_norm_flip_rate(q),
        "overlap": ternary.quantized_overlap(q),
        "share_both": parts.energy_both / parts.energy,
        "share_off": parts.energy_off / parts.energy,
        "share_on": parts.energy_on / parts.energy,
        "radial_both": 2 * parts.cross_both**2 / parts.energy_both,
        "radial_flipped": 2 * parts.cross_off**2 / flipped,
        "own_both": parts.cross_both**2 / (parts.kept * parts.energy_both),
        "own_flipped": parts.energy_off / flipped,
    }
    for activation in ("linear", "relu"):
        found |= {
            f"{activation}_total": ternary.quantized_error_energy(q, activation),
            f"{activation}_cross": ternary.quantized_cross(q, activation),
            f"{activation}_radial_fraction": ternary.quantized_radial_fraction(q, activation),
            f"{activation}_pre": ternary.quantized_transverse(q, activation, "pre"),
            f"{activation}_post": ternary.quantized_transverse(q, activation, "post"),
        }
        if q.error_norm < 4:
            for metric in ("pre", "post"):
                found[f"{activation}_ratio_{metric}"] = ternary.equal_norm_ratio(q, activation, metric)
    return found


def by_quadrature(threshold, scale):
    with mpmath.workdps(35):
        return {name: float(v) for name, v in threshold_limit(weight_moments(mpf(threshold), mpf(scale))).items()}


def by_sampling(threshold, scale, seed):
    """From a layer of Gaussian weights that is really quantized, and really flipped, at one spherical input."""
    random = np.random.default_rng(seed)
    weight = random.standard_normal((ROWS, INPUTS))
    x = random.standard_normal(INPUTS)
    x /= np.linalg.norm(x)
    quantized = scale * np.sign(weight) * (np.abs(weight) > threshold)
    z, q = weight @ x, quantized @ x
    error = np.mean((quantized - weight) ** 2)
    found = {
        "zeros": np.mean(quantized == 0),
        "gain": np.mean(weight * quantized),
        "energy": np.mean(q * q),
        "error_norm": error,
        "cosine2": (z @ q) ** 2 / (z @ z) / (q @ q),
        "gate_rate": np.mean((z > 0) != (q > 0)),
    }
    flips = weight * np.where(random.random(weight.shape) < error / 4, -1.0, 1.0) @ x
    for activation, function in (("linear", lambda v: v), ("relu", lambda v: np.maximum(v, 0))):
        a, b, f = function(z), function(q), function(flips)
        total, radial = np.mean((b - a) ** 2), np.mean(a * (b - a)) ** 2 / np.mean(a * a)
        across = np.mean((f - a) ** 2) - np.mean(a * (f - a)) ** 2 / np.mean(a * a)
        found |= {
            f"{activation}_total": total,
            f"{activation}_cross": np.mean(a * (b - a)),
            f"{activation}_radial_fraction": radial / total,
            f"{activation}_post": (total - radial) / np.mean(b * b),
        }
        if error < 3.9:
            found[f"{activation}_ratio_pre"] = across / (total - radial)
    return found


@given(threshold=thresholds, scale=scales)
@example(threshold=0.0, scale=ABSMEAN)
@example(threshold=ABSMEAN / 2, scale=ABSMEAN)
@example(threshold=8.0, scale=1.0)
@example(threshold=0.0, scale=1e-3)
@example(threshold=0.0, scale=1 / ABSMEAN)
@settings(max_examples=8, deadline=None)
def test_formula_and_quadrature_agree(threshold, scale):
    formula, quadrature = by_formula(ternary.Quantizer(threshold, scale)), by_quadrature(threshold, scale)
    for name, value in formula.items():
        assert value == pytest.approx(quadrature[name], rel=1e-9, abs=1e-13), name


@given(threshold=st.floats(0.0, 1.2), scale=st.floats(0.3, 1.6), seed=st.integers(0, 2**31))
@example(threshold=0.0, scale=ABSMEAN, seed=1)
@example(threshold=ABSMEAN / 2, scale=ABSMEAN, seed=2)
@settings(max_examples=6, deadline=None)
def test_sampling_agrees_with_both(threshold, scale, seed):
    """Within six deviations of the noisiest quantity (a mean of 4096 values of relative spread 1.4), and 1/n."""
    formula, quadrature = by_formula(ternary.Quantizer(threshold, scale)), by_quadrature(threshold, scale)
    for name, value in by_sampling(threshold, scale, seed).items():
        assert value == pytest.approx(formula[name], rel=0.13, abs=0.03), name
        assert value == pytest.approx(quadrature[name], rel=0.13, abs=0.03), name


@pytest.mark.parametrize("name", ["sign", "ternary", "ternary-fitted"])
def test_named_quantizers_are_their_definitions(name):
    with mpmath.workdps(25):
        moments = named_moments(name)
    q = ternary.quantizer(name)
    assert q.gain == pytest.approx(float(moments.gain), rel=1e-14)
    assert q.energy == pytest.approx(float(moments.energy), rel=1e-14)
    assert q.zeros == pytest.approx(float(moments.zeros), rel=1e-13)
    assert q.error_norm == pytest.approx(float(moments.error), rel=1e-13)
    assert ternary.quantizer(f"{name}-row") is ternary.quantizer(f"{name}-tensor") is q


def test_values_of_the_paper_and_of_b158():
    """Figures that follow from the paper's formulas, and their counterparts with zeros."""
    sign, genuine, fitted = (ternary.quantizer(name) for name in ("sign", "ternary", "ternary-fitted"))
    assert sign.gain == pytest.approx(sign.energy, rel=1e-15)
    assert math.degrees(sign.angle) == pytest.approx(37.0714350, abs=1e-7)
    assert ternary.quantized_radial_fraction(sign) == pytest.approx(0.364893467, abs=1e-9)
    assert ternary.quantized_radial_fraction(sign, "linear") == pytest.approx(1 - 2 / math.pi, rel=1e-14)
    assert ternary.equal_norm_ratio(sign) == pytest.approx(1.436583103, abs=1e-9)
    assert ternary.equal_norm_ratio(sign, "linear") == pytest.approx((3 * math.pi + 2) / 8, rel=1e-14)
    assert ternary.equal_norm_ratio(sign, "relu", "post") == pytest.approx(0.914557208, abs=1e-9)
    assert genuine.cosine2 == pytest.approx(0.78695766545, abs=1e-11)
    assert ternary.quantized_radial_fraction(genuine, "linear") == pytest.approx(0.644721471, abs=1e-9)
    assert ternary.quantized_radial_fraction(genuine) == pytest.approx(0.659177423, abs=1e-9)
    assert ternary.equal_norm_ratio(genuine, "relu", "post") == pytest.approx(1.146203400, abs=1e-9)
    assert ternary.equal_norm_ratio(fitted, "relu", "post") < 1 < ternary.equal_norm_ratio(genuine, "relu", "post")


@given(threshold=thresholds, scale=scales)
@settings(deadline=None)
def test_a_fitted_scale_makes_the_error_orthogonal(threshold, scale):
    q = ternary.Quantizer(threshold, scale)
    fitted = q.fitted()
    assert fitted.gain == pytest.approx(fitted.energy, rel=1e-12)
    assert fitted.cosine2 == pytest.approx(q.cosine2, rel=1e-12)
    assert fitted.error_norm <= q.error_norm * (1 + 1e-12)
    assert fitted.error_norm == pytest.approx(1 - q.cosine2, rel=1e-9)
    assert ternary.quantized_radial_fraction(fitted, "linear") == pytest.approx(1 - q.cosine2, rel=1e-9)
    for activation in ("linear", "relu"):
        sines = [ternary.quantized_transverse(p, activation, "post") for p in (q, fitted)]
        assert sines[0] == pytest.approx(sines[1], rel=1e-12)


@given(threshold=thresholds, scale=scales)
@settings(deadline=None)
def test_parts_add_up_and_stay_in_range(threshold, scale):
    q = ternary.Quantizer(threshold, scale)
    parts = quadrants.quantized_quadrants(q)
    assert parts.energy == pytest.approx(ternary.quantized_error_energy(q), rel=1e-11)
    assert parts.cross == pytest.approx(ternary.quantized_cross(q), abs=1e-14)
    assert 0 <= q.cosine2 < 0.81
    assert 0 < ternary.quantized_gate_rate(q) <= 0.5
    for activation in ("linear", "relu"):
        fraction = ternary.quantized_radial_fraction(q, activation)
        total = ternary.quantized_error_energy(q, activation)
        assert 0 <= fraction < 1
        across = ternary.quantized_transverse(q, activation)
        assert (1 - fraction) * total == pytest.approx(across, rel=1e-8, abs=1e-14)


@pytest.mark.parametrize(
    ("quantizer", "scale", "tolerance"),
    [("sign", "tensor", 0.005), ("sign", "row", 0.005), ("ternary", "tensor", 0.003)],
)
def test_fan_in_terms_are_those_of_narrow_layers(quantizer, scale, tolerance):
    """n (G(n) - G) of the overlap G at n = 16: the tolerance is five deviations, less than half of the smallest term.

    Products of both rectifiers are regressed on z^2, zq and q^2, whose means are exact.
    """
    n, random = 16, np.random.default_rng(7)
    weight, x = random.standard_normal((200_000, n)), random.standard_normal((200_000, n))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    q = ternary.quantizer(quantizer)
    level = np.abs(weight).mean(1, keepdims=True) if scale == "row" else q.scale
    z, moved = (weight * x).sum(1), (level * np.sign(weight) * (np.abs(weight) > q.threshold) * x).sum(1)
    gain, energy, overlap = ternary_finite.quantized_fan_in(q, n, scale)
    both = np.where(z * moved > 0, z * moved, 0) / 2  # the mean over x and -x of relu(z) relu(q)
    controls = np.stack([z * z - 1, z * moved - gain, moved * moved - energy], axis=1)
    slopes = np.linalg.lstsq(controls, both - both.mean(), rcond=None)[0]
    wide = ternary.quantized_overlap(q)
    measured = n * (np.mean(both - controls @ slopes) - wide)
    assert measured == pytest.approx(n * (overlap - wide), abs=tolerance)
    assert abs(n * (overlap - wide)) > 2 * tolerance


@pytest.mark.parametrize("activation", ["relu", "linear"])
@pytest.mark.parametrize("metric", ["pre", "post"])
def test_finite_ratios_tend_to_the_wide_ones(activation, metric):
    for name, scale in (("sign", "row"), ("sign", "tensor"), ("ternary", "tensor")):
        q = ternary.quantizer(name)
        wide = ternary.equal_norm_ratio(q, activation, metric)
        finite = [
            ternary_finite.equal_norm_ratio_finite(q, n, n, activation=activation, metric=metric, scale=scale)
            for n in (256, 512, 1024)
        ]
        assert finite[2] == pytest.approx(wide, rel=0.003)
        if activation == "relu":
            assert (finite[0] - wide) / (finite[1] - wide) == pytest.approx(2, abs=0.15)


def test_outputs_of_finite_layers():
    kappa = 2 / math.pi
    for m, n in ((256, 512), (2048, 4096)):
        expected = kappa + (1 - kappa) / n + (1 - kappa) * (1 - 2 * kappa) / m
        assert ternary_finite.sign_outputs_cosine2(m, n) == pytest.approx(expected, abs=4 / min(m, n) ** 2)
        gap = ternary_finite.sign_outputs_cosine2(m, n) - ternary_finite.sign_outputs_cosine2(m, n, "tensor")
        assert gap == pytest.approx((1 - kappa) / n, rel=0.01)
    assert ternary_finite.outputs_cosine2("sign-tensor", 8, 4, input="basis") == pytest.approx(
        vectors.sign_cosine_mean(32)
    )


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: ternary.Quantizer(-0.1, 1.0), "threshold"),
        (lambda: ternary.Quantizer(9.0, 1.0), "threshold"),
        (lambda: ternary.Quantizer(0.5, 0.0), "scale"),
        (lambda: ternary.quantizer("absmax"), "quantizer"),
        (lambda: ternary.quantized_cross(ternary.quantizer("sign"), "silu"), "activation"),
        (lambda: ternary.quantized_transverse(ternary.quantizer("sign"), "relu", "both"), "metric"),
        (
            lambda: ternary_finite.quantized_radial_fraction_finite(ternary.quantizer("ternary"), 64, 64, scale="row"),
            "scale",
        ),
    ],
)
def test_nonsense_is_refused_by_name(call, field):
    with pytest.raises(ValueError, match=f"^{field}: .* got "):
        call()
