"""Small-flip-rate expansions against the exact forms in 80 digits."""

import itertools
import math

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from claims.papers.sign_magnitude.theory import block, small_rate

from .gaussian_plane import close, exact_c, exact_magnitude_energy, exact_sign_energy

KAPPAS = [0.5, block.BUSSGANG, 0.75]
STEPS = [1, -1]
kappas = st.floats(0.05, 0.95)
steps = st.sampled_from([1, -1])


@pytest.fixture(autouse=True, scope="module")
def forty_digits():
    with mpmath.workdps(40):
        yield


def coefficient(exact, known, power):
    """Richardson limit of (exact(p) - known(p)) / p^power as p -> 0, when the next term is half a power on."""
    at = [(exact(p) - known(p)) / p**power for p in (mpf(10) ** -8, mpf(10) ** -8 / 4, mpf(10) ** -8 / 16)]
    once = [2 * b - a for a, b in itertools.pairwise(at)]
    return (4 * once[1] - once[0]) / 3


@pytest.mark.parametrize(
    ("metric", "step", "kappa"), list(itertools.product(["pre", "post"], STEPS, [0.5, 0.75, 2 / math.pi]))
)
def test_expansion_of_c(metric, step, kappa):
    with mpmath.workdps(80):
        limit, exact = 1 / (1 - mpf(kappa)), mpf(kappa)
        first = coefficient(lambda p: exact_c(p, metric, step, exact), lambda p: limit, 0.5) / limit
        root = small_rate.c_sqrt_coefficient(metric, step, kappa)
        close(root, first, 1e-9)
        k, r, a = 1 - exact, mpmath.sqrt(exact), 4 / (3 * mpmath.pi)
        known = -a * (1 - mpmath.sqrt(k)) + (4 * step * r if metric == "post" else 0)
        second = coefficient(
            lambda p: exact_c(p, metric, step, exact), lambda p: limit * (1 + known * mpmath.sqrt(p)), 1
        )
        close(small_rate.c_rate_coefficient(metric, step, kappa), second / limit, 1e-9)


def test_expansion_of_the_energies():
    series = {
        block.sign_energy: small_rate.sign_energy_series,
        block.sign_gate_energy: small_rate.sign_gate_energy_series,
        block.sign_smooth_energy: small_rate.sign_smooth_energy_series,
    }
    for exact, approximate in series.items():
        errors = [abs(exact(p) - approximate(p)) for p in (0.1, 0.1 / 4, 0.1 / 16)]
        for coarse, fine in itertools.pairwise(errors):
            assert coarse / fine == pytest.approx(4**3.5, rel=0.15)  # the next term is p^3.5


@pytest.mark.parametrize(("step", "kappa"), list(itertools.product(STEPS, KAPPAS)))
def test_expansion_of_the_magnitude_side(step, kappa):
    with mpmath.workdps(80):
        energy = coefficient(lambda p: exact_magnitude_energy(p, step, kappa)[0] / (2 * p), lambda p: 1, 0.5)
        ratio = coefficient(
            lambda p: exact_sign_energy(p) / exact_magnitude_energy(p, step, kappa)[0], lambda p: 1, 0.5
        )

        def radial(p):
            total, cross = exact_magnitude_energy(p, step, kappa)
            return 2 * cross**2 / total / kappa

        close(small_rate.magnitude_energy_sqrt_coefficient(kappa), energy, 1e-9)
        close(small_rate.energy_ratio_sqrt_coefficient(kappa), ratio, 1e-9)
        close(small_rate.magnitude_radial_sqrt_coefficient(kappa), coefficient(radial, lambda p: 1, 0.5), 1e-9)


def test_printed_formula_and_its_remainder():
    assert [round(small_rate.c_printed_formula(p), 3) for p in (0.01, 0.02, 0.05)] == [2.610, 2.538, 2.378]
    assert small_rate.c_figure_formula(0.1) == pytest.approx(
        math.pi / (math.pi - 2) * 0.9 * (1 - 4 / (3 * math.pi) * 0.1**0.5)
    )
    for p in (1e-6, 1e-8, 1e-10):
        slope = small_rate.printed_remainder(p) / math.sqrt(p)
        assert slope == pytest.approx(small_rate.printed_remainder_coefficient(), abs=3 * math.sqrt(p))


@given(flip_rate=st.floats(1e-12, 0.01), step=steps, kappa=kappas, metric=st.sampled_from(["pre", "post"]))
@settings(deadline=None)
def test_series_of_c_is_good_to_order_three_halves(flip_rate, step, kappa, metric):
    error = block.c_exact(flip_rate, metric, step, kappa) / small_rate.c_series(flip_rate, metric, step, kappa) - 1
    assert abs(error) <= 20 * flip_rate**1.5 + 1e-14
