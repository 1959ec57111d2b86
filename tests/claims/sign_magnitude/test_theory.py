"""Wide-limit closed forms of the sign-magnitude paper against integrals in 40 digits."""

import itertools
import math
import subprocess
import sys
from pathlib import Path

import mpmath
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mpf

from claims.papers.sign_magnitude.theory import arccosine, block, finite, geometry, small_rate, vectors

from .gaussian_plane import (
    angle_and_scale_of_step,
    angle_of_flips,
    close,
    plane,
    product,
    product_by_conditioning,
    relu,
)

RATES = [1e-12, 1e-6, 0.001, 0.01, 0.1, 0.5, 0.9, 1 - 1e-9, 1.0]
KAPPAS = [0.5, block.BUSSGANG, 0.75]
STEPS = [1, -1]
flip_rates = st.floats(1e-12, 1.0)
kappas = st.floats(0.05, 0.95)
steps = st.sampled_from([1, -1])
angles = st.floats(0.0, math.pi)


@pytest.fixture(autouse=True, scope="module")
def forty_digits():
    with mpmath.workdps(40):
        yield


@pytest.mark.parametrize("theta", [0.3, math.pi / 2, 2.5])
def test_the_product_formula_is_the_integral(theta):
    close(arccosine.relu_product(math.cos(theta)), product_by_conditioning(mpf(theta)), 1e-12)
    close(product(mpf(theta)), product_by_conditioning(mpf(theta)), 1e-15)


@pytest.mark.parametrize("theta", [1e-6, 1e-3, 0.4, 1.2, math.pi / 2, 2.0, 3.0, math.pi - 1e-4])
def test_moments_are_their_integrals(theta):
    exact = mpf(theta)
    overlap = 2 * product(exact)

    def residual(u, v):
        return relu(v) - overlap * relu(u)

    close(arccosine.relu_deficit(theta), 1 - overlap)
    close(arccosine.gate_loss_energy(theta), plane(lambda u, v: u * u * (u > 0 > v), exact))
    for growth in (-0.5, 0.0, 1.5):
        smooth = plane(lambda u, v, s=growth: ((1 + s) * v - u) ** 2 * (u > 0 and v > 0), exact)
        close(arccosine.both_on_energy(theta, growth), smooth)
    fourth = [plane(lambda u, v, i=i: (relu((u, v)[i]) * residual(u, v)) ** 2, exact, 4) for i in (0, 1)]
    close(arccosine.residual_fourth_moments(theta)[0], fourth[0])
    close(arccosine.residual_fourth_moments(theta)[1], fourth[1])


@pytest.mark.parametrize("flip_rate", RATES)
def test_sign_side_is_the_integral(flip_rate):
    energy = 1 - 2 * product(angle_of_flips(flip_rate))
    close(block.sign_energy(flip_rate), energy)
    close(block.sign_radial_fraction(flip_rate), energy / 2)
    close(block.sign_transverse(flip_rate), energy - energy**2 / 2)
    close(block.sign_gate_rate(flip_rate), angle_of_flips(flip_rate) / mpmath.pi)


@pytest.mark.parametrize(("flip_rate", "step", "kappa"), list(itertools.product(RATES, STEPS, KAPPAS)))
def test_magnitude_side_is_the_integral(flip_rate, step, kappa):
    theta, scale = angle_and_scale_of_step(flip_rate, step, kappa)
    j = product(theta)
    energy, cross = (1 + scale**2) / 2 - 2 * scale * j, scale * j - mpf(1) / 2
    sign = 1 - 2 * product(angle_of_flips(flip_rate))
    transverse = energy - 2 * cross**2
    arguments = (flip_rate, step, kappa)
    close(block.magnitude_variance(*arguments), scale**2)
    close(block.magnitude_angle(*arguments), theta)
    assert block.magnitude_correlation(*arguments) == pytest.approx(float(mpmath.cos(theta)), abs=1e-15)
    close(block.magnitude_energy(*arguments), energy)
    close(block.magnitude_radial_fraction(*arguments), 2 * cross**2 / energy)
    close(block.magnitude_transverse(*arguments), transverse)
    close(block.magnitude_gate_rate(*arguments), theta / mpmath.pi)
    close(block.energy_ratio(*arguments), sign / energy)
    close(block.c_exact(flip_rate, "pre", step, kappa), (sign - sign**2 / 2) / transverse)
    close(block.c_exact(flip_rate, "post", step, kappa), (1 - (1 - sign) ** 2) / (1 - 4 * j**2))


@pytest.mark.parametrize(("flip_rate", "step"), [(0.01, 1), (0.3, -1), (1.0, 1)])
def test_linear_block_is_the_integral(flip_rate, step):
    """Transverse energy of v scaled by s against u is s^2 E v^2 - (s E uv)^2 = s^2 sin^2 of their angle."""
    theta, scale = angle_and_scale_of_step(flip_rate, step, block.BUSSGANG)

    def transverse(angle):
        return plane(lambda u, v: v * v, angle) - plane(lambda u, v: u * v, angle) ** 2

    sign, magnitude = transverse(angle_of_flips(flip_rate)), transverse(theta)
    assert block.c_linear(flip_rate, "pre", step) == pytest.approx(float(sign / (scale**2 * magnitude)), abs=1e-12)
    assert block.c_linear(flip_rate, "post", step) == pytest.approx(float(sign / magnitude), abs=1e-12)


@given(flip_rate=flip_rates, step=steps, kappa=kappas)
@example(flip_rate=1.0, step=-1, kappa=0.05)
@example(flip_rate=1e-12, step=-1, kappa=0.95)
@example(flip_rate=0.5, step=1, kappa=0.5)
@settings(deadline=None)
def test_parts_add_up_and_stay_in_range(flip_rate, step, kappa):
    arguments = (flip_rate, step, kappa)
    sign, magnitude = block.sign_energy(flip_rate), block.magnitude_energy(*arguments)
    close(block.sign_gate_energy(flip_rate) + block.sign_smooth_energy(flip_rate), sign, 1e-12)
    close(block.magnitude_gate_energy(*arguments) + block.magnitude_smooth_energy(*arguments), magnitude, 1e-11)
    close((1 - block.magnitude_radial_fraction(*arguments)) * magnitude, block.magnitude_transverse(*arguments), 1e-9)
    assert 0 < block.sign_radial_fraction(flip_rate) <= 0.5
    assert 0 <= block.magnitude_radial_fraction(*arguments) < 1
    assert flip_rate * (1 - 1e-15) <= sign <= 2 * flip_rate
    assert block.c_exact(*(flip_rate, "post", step, kappa)) == pytest.approx(
        block.c_exact(flip_rate, "pre", step, kappa) * block.magnitude_variance(*arguments), rel=1e-14
    )


@given(rates=st.tuples(flip_rates, flip_rates).map(sorted))
@settings(deadline=None)
def test_more_flips_cost_more_and_lower_the_ratio(rates):
    low, high = rates
    assert block.sign_energy(low) <= block.sign_energy(high) * (1 + 1e-14)
    assert block.c_exact(high) <= block.c_exact(low) * (1 + 1e-13)
    assert block.c_exact(high) <= small_rate.c_limit()


@given(theta=angles)
@example(theta=0.0)
@example(theta=math.pi)
@example(theta=math.nextafter(math.pi / 2, 2))
@settings(deadline=None)
def test_reflection(theta):
    """J(rho) - J(-rho) = rho/2, because relu(v) - relu(-v) = v."""
    difference = arccosine.relu_product(math.cos(theta)) - arccosine.relu_product(-math.cos(theta))
    assert difference == pytest.approx(math.cos(theta) / 2, abs=1e-15)
    assert arccosine.gate_loss_energy(theta) + arccosine.both_on_energy(theta) <= 1 + 1e-15


def test_edges_of_the_flip_rate():
    assert block.sign_energy(1.0) == 1.0
    assert block.c_linear(1.0) == 0.0
    assert block.c_exact(1e-12) == pytest.approx(math.pi / (math.pi - 2), rel=1e-6)
    assert block.c_exact(1e-12, "post") == pytest.approx(math.pi / (math.pi - 2), rel=4e-6)
    assert block.energy_ratio(1e-12) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: block.sign_energy(0.0), "flip_rate"),
        (lambda: block.c_exact(1.5), "flip_rate"),
        (lambda: block.c_exact(0.1, step=2), "step"),
        (lambda: block.magnitude_energy(0.1, kappa=1.0), "kappa"),
        (lambda: block.c_exact(0.1, "both"), "metric"),
        (lambda: finite.residual_kurtosis(0.1, "other"), "arm"),
        (lambda: arccosine.relu_product(1.1), "rho"),
        (lambda: arccosine.relu_deficit(-0.1), "theta"),
        (lambda: geometry.rescaling_chord(-1.0), "cv"),
        (lambda: geometry.remainder(1.0, 0.5), "eps"),
        (lambda: geometry.relative_remainder_sup(-0.5), "eps"),
        (lambda: vectors.sign_cosine_limit("cauchy"), "law"),
    ],
)
def test_nonsense_is_refused_by_name(call, field):
    with pytest.raises(ValueError, match=f"^{field}: .* got "):
        call()


def test_importing_the_closed_forms_loads_no_array_library():
    modules = sorted(file.stem for file in Path(block.__file__).parent.glob("*.py") if file.stem != "__init__")
    assert len(modules) > 10
    loaded = "print({'numpy', 'scipy', 'torch', 'mpmath'} & set(sys.modules))"
    code = f"import sys; from claims.papers.sign_magnitude.theory import {', '.join(modules)}; {loaded}"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
