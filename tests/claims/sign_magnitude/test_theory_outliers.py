"""Appendices E and F: closed forms against quadrature and against sampling, over all amplitudes and shares."""

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mpf

from claims.kernels import transverse_energy
from claims.papers.sign_magnitude import PACK
from claims.papers.sign_magnitude.experiments import beyond_statements, outlier_quadrature
from claims.papers.sign_magnitude.experiments import outliers as sampled_outliers
from claims.papers.sign_magnitude.sections.open_problems import NOT_CLAIMS, OPEN_PROBLEMS
from claims.papers.sign_magnitude.theory import block, outliers, small_rate
from claims.streams import Streams

from .gaussian_plane import close, exact_sign_energy, plane, relu

amplitudes = st.floats(1e-12, 1.0)
shares = st.floats(1e-12, 1 - 2.0**-53)


@pytest.fixture(autouse=True, scope="module")
def forty_digits():
    with mpmath.workdps(40):
        yield


@given(alpha=amplitudes)
@example(alpha=1e-12)
@example(alpha=0.5)
@example(alpha=math.sqrt(0.5))
@example(alpha=1.0)
@settings(deadline=None, max_examples=60)
def test_formula_and_quadrature_agree_at_every_amplitude(alpha):
    found = outlier_quadrature.single_flip({"alpha": alpha, "n": 2048}, None)
    assert found["correlation"] == pytest.approx(outliers.single_flip_correlation(alpha), abs=1e-13)
    for name, formula in (
        ("gate_rate", outliers.single_flip_gate_rate(alpha)),
        ("gate_energy", outliers.single_flip_gate_energy(alpha)),
        ("energy", outliers.single_flip_energy(alpha)),
        ("gate_share", outliers.single_flip_gate_share(alpha)),
        ("leverage", outliers.leverage(alpha, 2048)),
        ("linear_leverage", 2048 * alpha**2),
        ("pearson_excess", outliers.pearson_excess(alpha**2)),
    ):
        assert found[name] == pytest.approx(formula, rel=1e-11), name


@pytest.mark.parametrize("alpha", [mpf(10) ** -12, mpf("0.1"), mpf("0.5"), mpf("0.9"), mpf(1)])
def test_one_flip_is_an_integral_over_the_plane_of_both_weights(alpha):
    """In 40 digits, with the outlier's weight and the rest as axes."""
    angle = 2 * mpmath.asin(alpha)
    close(outliers.single_flip_energy(float(alpha)), plane(lambda u, v: (relu(v) - relu(u)) ** 2, angle), 1e-11)
    gate = plane(lambda u, v: (relu(v) - relu(u)) ** 2 if (u > 0) != (v > 0) else mpf(0), angle)
    close(outliers.single_flip_gate_energy(float(alpha)), gate, 1e-11)
    correlation = plane(lambda u, v: u * v, angle)
    assert outliers.single_flip_correlation(float(alpha)) == pytest.approx(float(correlation), abs=1e-14)


def test_one_flip_is_sampled_as_predicted():
    """A whole row of n weights, so that nothing is assumed of the sum of the others."""
    rng = np.random.default_rng(8)
    n, alpha = 12, 0.6
    x = np.full(n, math.sqrt((1 - alpha**2) / (n - 1)))
    x[0] = alpha
    weights = rng.standard_normal((400_000, n))
    z = weights @ x
    for column, amplitude in ((0, alpha), (1, x[1])):
        moved = z - 2 * weights[:, column] * x[column]
        change = (np.maximum(moved, 0) - np.maximum(z, 0)) ** 2
        switched = (z > 0) != (moved > 0)
        assert change.mean() == pytest.approx(outliers.single_flip_energy(amplitude), rel=0.015)
        assert (change * switched).mean() == pytest.approx(outliers.single_flip_gate_energy(amplitude), rel=0.04)
        assert switched.mean() == pytest.approx(outliers.single_flip_gate_rate(amplitude), rel=0.01)
    ratio = outliers.single_flip_energy(alpha) / outliers.single_flip_energy(x[1])
    assert outliers.leverage(alpha, n, "unit-norm") == pytest.approx(ratio, rel=1e-12)
    assert outliers.leverage(alpha, n) == pytest.approx(
        n * outliers.single_flip_energy(alpha) / n / block.sign_energy(1 / n)
    )


def test_expansions_meet_the_closed_forms():
    for alpha, allowed in ((1e-6, 1e-11), (1e-3, 1e-11), (0.1, 2e-5)):
        exact = outliers.single_flip_gate_energy(alpha)
        assert outliers.single_flip_gate_energy_series(alpha) == pytest.approx(exact, rel=allowed)
    for alpha in (1e-5, 1e-3):
        isotropic = outliers.leverage(alpha, 10**12) * (1 - small_rate.FLIP_SLOPE * 1e-6)
        assert outliers.leverage_series(alpha, 10**12) == pytest.approx(isotropic, rel=1e-9 + alpha**3)
    assert outliers.single_flip_gate_share(1e-12) == pytest.approx(8e-12 / (3 * math.pi))
    assert outliers.single_flip_gate_share(0.5) == pytest.approx(0.5, abs=1e-14)
    assert outliers.single_flip_gate_share(1.0) == 1.0


@given(eta=shares, flip_rate=st.floats(1e-12, 1.0))
@example(eta=1e-12, flip_rate=1.0)
@example(eta=0.5, flip_rate=1.0)
@example(eta=1 - 2.0**-53, flip_rate=1e-12)
@settings(deadline=None, max_examples=60)
def test_two_groups_agree_with_quadrature(eta, flip_rate):
    point = {"eta": eta, "column_share": 0.05, "flip_rate": flip_rate}
    found = outlier_quadrature.two_groups(point, None)
    for name, formula in (
        ("energy_outliers", outliers.group_energy(eta, flip_rate)),
        ("ratio", outliers.group_ratio(eta, flip_rate)),
        ("leverage", outliers.group_leverage(eta, 0.05, flip_rate)),
        ("damage_share", outliers.damage_share(eta, flip_rate)),
    ):
        assert found[name] == pytest.approx(formula, rel=1e-10), name


@given(log_ratio=st.floats(-12, 12), flip_rate=st.sampled_from([1e-6, 0.05, 1.0]))
@settings(deadline=None, max_examples=40)
def test_roots_invert_the_ratio(log_ratio, flip_rate):
    ratio = math.exp(log_ratio)
    eta = outliers.eta_of_ratio(ratio, flip_rate)
    assert outliers.group_ratio(eta, flip_rate) == pytest.approx(ratio, rel=1e-8)
    assert outliers.group_leverage(outliers.eta_of_leverage(ratio, 0.05, flip_rate), 0.05, flip_rate) == pytest.approx(
        ratio, rel=1e-7
    )


def test_random_flips_in_a_finite_group_are_a_mixture():
    flip_rate, columns, eta = mpf("0.05"), 7, mpf("0.9")
    exact = sum(
        mpmath.binomial(columns, k)
        * flip_rate**k
        * (1 - flip_rate) ** (columns - k)
        * exact_sign_energy(eta * k / columns)
        for k in range(1, columns + 1)
    )
    close(outliers.finite_group_energy(0.9, columns, 0.05), exact, 1e-12)
    assert outliers.finite_group_energy(0.9, columns, 1.0) == outliers.group_energy(0.9)
    assert outliers.finite_group_energy(0.9, 20_000, 0.05) == pytest.approx(outliers.group_energy(0.9, 0.05), rel=1e-4)


@pytest.mark.parametrize("alpha", [0.1, 0.6, 0.95])
def test_an_outlier_lowers_the_ratio(alpha):
    """At first order in p, from drawn rows: single flips added up, and the step's derivative."""
    rng = np.random.default_rng(3)
    n, rows = 8, 200_000
    x = np.full(n, math.sqrt((1 - alpha**2) / (n - 1)))
    x[0] = alpha
    weights = rng.standard_normal((rows, n))
    z, on = weights @ x, (weights @ x > 0)
    flips = [np.mean((np.maximum(z - 2 * weights[:, j] * x[j], 0) - np.maximum(z, 0)) ** 2) for j in range(n)]

    def transverse(step):
        cross = np.mean(z * on * step)
        return 4 * (np.mean(on * step**2) - 2 * cross**2), 2 * cross**2 / np.mean(on * step**2)

    everywhere, _ = transverse(np.sign(weights) @ x)
    column, radial = transverse(alpha * np.sign(weights[:, 0]))
    assert sum(flips) / everywhere == pytest.approx(outliers.ratio_with_outlier(alpha, n), rel=0.015)
    assert flips[0] / column == pytest.approx(outliers.column_ratio(alpha), rel=0.025)
    assert radial == pytest.approx(outliers.column_radial_fraction(alpha), abs=0.006)
    assert outliers.ratio_with_outlier(alpha, 10**6) < small_rate.c_limit()


def test_the_ratio_with_an_outlier_at_its_edges():
    assert outliers.column_ratio(1e-9) == pytest.approx(1.0)
    assert outliers.column_ratio(1.0) == pytest.approx(small_rate.c_limit() / 2)
    assert outliers.ratio_with_outlier(1.0, 2048) == pytest.approx(small_rate.c_limit() / 2)
    assert outliers.ratio_with_outlier(1e-6, 10**9) == pytest.approx(small_rate.c_limit(), rel=2e-5)
    assert outliers.outlier_energy(1.0, 0.3) == pytest.approx(1.0)
    assert outliers.outlier_energy(1e9, 0.001) == pytest.approx(1000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: outliers.leverage(0.0, 2048), "alpha"),
        (lambda: outliers.leverage(1.1, 2048), "alpha"),
        (lambda: outliers.leverage(1.0, 2048, "unit-norm"), "another entry"),
        (lambda: outliers.leverage(0.1, 2048, "flat"), "background"),
        (lambda: outliers.group_ratio(1.0), "eta"),
        (lambda: outliers.eta_of_ratio(0.0), "ratio"),
        (lambda: outliers.outlier_energy(2.0, 1.0), "column_share"),
        (lambda: outliers.pearson_excess(0.0), "flip_rate"),
    ],
)
def test_arguments_outside_their_range_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


STATEMENTS = ["GATE_SHARE", "INCREASING", "LEADING", "GROUP_INCREASING", "GROUP_BOUND", "NEVER_ABOVE", "MAXIMUM"]


@pytest.mark.parametrize("name", STATEMENTS)
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_margins_survive_rounding(name, data):
    """In the range of its inputs, ends included, a true statement has no negative margin, in float or 50 digits."""
    statement = getattr(beyond_statements, name)
    inputs = {
        key: data.draw(st.one_of(st.sampled_from(ends), st.floats(*ends))) for key, ends in statement.inputs.items()
    }
    margin = statement.margin(**inputs)
    assert margin >= 0
    assert margin == pytest.approx(statement.precise(**inputs), rel=1e-6, abs=1e-6)


def test_energies_of_the_statements_are_the_closed_forms():
    for share in (1e-6, 0.0225, 0.25, 0.81, 1.0):
        assert beyond_statements.flip_energy(math, share) == pytest.approx(block.sign_energy(share), rel=1e-8)
        assert beyond_statements.gate_energy(math, share) == pytest.approx(block.sign_gate_energy(share), rel=1e-6)


def test_open_problems_cite_claims_that_exist():
    ids = {claim.id for claim in PACK.claims()}
    cited = {name for problem in OPEN_PROBLEMS.values() for name in problem.claims}
    assert cited <= ids
    assert list(OPEN_PROBLEMS) == ["O1a", "O1b", "O1c", "O2", "O3", "O4", "O5", "O6", "O7a", "O7b"]
    assert all(f"Section 11.2, {name}" in NOT_CLAIMS for name in OPEN_PROBLEMS)


def test_a_step_of_the_outliers_column_is_the_step_that_it_is():
    """Both perturbations of the column at a small rate, made and looked at, beside the first order."""
    point = {"n": 6, "rows": 400, "inputs": 3, "alpha": (0.4,)}
    (found,) = sampled_outliers.first_order(point, Streams(1, "outliers", {}, 0))
    assert found["column_radial"] > 0.05 * found["column_total"]
    assert found["column_magnitude"] == pytest.approx(found["column_total"] - found["column_radial"], rel=1e-12)
    streams, size = Streams(1, "outliers", {}, 0), 1e-6
    weight = torch.randn(400, 6, generator=streams.torch("weights"), dtype=torch.float64)
    signs = 2.0 * torch.randint(0, 2, (6, 3), generator=streams.torch("inputs")).double() - 1
    amplitudes = torch.full((6, 1), math.sqrt((1 - 0.16) / 5), dtype=torch.float64)
    amplitudes[0] = 0.4
    step = torch.zeros_like(weight)
    step[:, 0] = size * torch.sign(weight[:, 0])
    energies = []
    for side in (1, -1):
        x = side * amplitudes * signs
        clean, moved = torch.relu(weight @ x), torch.relu((weight + step) @ x)
        energies.append(transverse_energy(clean.T, (moved - clean).T)[2] / 400)
    expected = 4 * float(weight[:, 0].square().mean()) * float(torch.stack(energies).mean()) / size**2
    assert found["column_magnitude"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("rate", [0.1, 0.8])
def test_an_outlier_that_is_alone_flips_with_its_probability(rate):
    """Of one column a flip turns the input around: energy p, of which p^2 / 2 lies along the mean output."""
    point = {"flip_rate": rate, "neurons": 4000, "alpha": (1.0,)}
    (found,) = sampled_outliers.wide_background(point, Streams(1, "outliers", {}, 0))
    assert found["transverse_sign"] == pytest.approx(rate - rate**2 / 2, rel=0.05)
