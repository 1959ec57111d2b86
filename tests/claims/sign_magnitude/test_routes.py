"""Every route agrees: closed form, quadrature and sampling, pairwise, over each parameter's whole range, ends included.

Clean and perturbed pre-activation are r cos(f) and s r cos(f - theta), f uniform and r^2/2 exponential, whatever
perturbs them. Quadrature and sampling take the definitions' four terms on each arc of f: both gates open, only the
clean one, only the perturbed one. Sampling draws from every arc alike, so that its relative error stays the same as the
arcs of switching gates become narrow.
"""

import math
from itertools import combinations

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mpf

from claims.papers.sign_magnitude.theory import arccosine, block, outliers, ternary_finite, vectors

BATCHES, DRAWS = 25, 400
flip_rates = st.floats(1e-12, 1.0)
shares = st.floats(1e-12, 1 - 2.0**-53)
seeds = st.integers(0, 2**31)


@pytest.fixture(autouse=True, scope="module")
def thirty_digits():
    with mpmath.workdps(30):
        yield


def terms(arc, u, v):
    """|da|^2, a da, a^2 and b^2 of clean and perturbed activation a and b = a + da on one arc."""
    if arc == "both":
        return (v - u) ** 2, u * (v - u), u * u, v * v
    return (u * u, -u * u, u * u, 0 * u) if arc == "off" else (v * v, 0 * v, 0 * v, v * v)


def arcs(theta, pi):
    return {"both": (theta - pi / 2, pi / 2), "off": (-pi / 2, theta - pi / 2), "on": (pi / 2, theta + pi / 2)}


def summary(means):
    """Energies and fractions from the mean terms of each arc."""
    energy, cross, clean, moved = (sum(arc[k] for arc in means.values()) for k in range(4))
    transverse = energy - cross**2 / clean
    return {
        "energy": energy,
        "gate_energy": means["off"][0] + means["on"][0],
        "smooth_energy": means["both"][0],
        "radial_fraction": cross**2 / clean / energy,
        "transverse": transverse,
        "sine2": transverse / moved,
    }


def by_quadrature(theta, scale):
    """Each quantity and an error of zero; 30 digits make up for what cancels."""
    means = {}
    for arc, ends in arcs(theta, mpmath.pi).items():

        def term(f, k, arc=arc):
            return terms(arc, mpmath.cos(f), scale * mpmath.cos(f - theta))[k]

        quads = [mpmath.quad(lambda f, k=k: term(f, k), ends, method="gauss-legendre") for k in range(4)]
        means[arc] = [quad / mpmath.pi for quad in quads]  # E r^2 = 2, over a circle of 2 pi
    return {name: (value, 0.0) for name, value in summary(means).items()}


def by_sampling(theta, scale, seed):
    """Each quantity and its standard error, from batches."""
    rng = np.random.default_rng(seed)
    means = {}
    for arc, (start, end) in arcs(theta, math.pi).items():
        f = start + (end - start) * rng.random((BATCHES, DRAWS))
        r = np.sqrt(2 * rng.standard_exponential((BATCHES, DRAWS)))
        drawn = terms(arc, r * np.cos(f), scale * r * np.cos(f - theta))
        means[arc] = [(end - start) / (2 * math.pi) * term.mean(1) for term in drawn]
    whole = summary({arc: [term.mean() for term in found] for arc, found in means.items()})
    errors = {name: np.std(value, ddof=1) / math.sqrt(BATCHES) for name, value in summary(means).items()}
    return {name: (whole[name], errors[name]) for name in whole}


def quotient(top, bottom):
    value = top[0] / bottom[0]
    return value, abs(value) * math.hypot(float(top[1] / top[0]), float(bottom[1] / bottom[0]))


def agree(routes, slack=None):
    """Pairwise, within six standard errors, 1e-10, and a slack for what float64 leaves of a quantity that vanishes."""
    for (one, first), (other, second) in combinations(routes.items(), 2):
        for name in first:
            (a, ea), (b, eb) = first[name], second[name]
            allowed = 6 * math.hypot(float(ea), float(eb)) + 1e-10 * float(abs(a)) + (slack or {}).get(name, 0.0)
            assert float(abs(a - b)) <= allowed + 1e-300, f"{name}: {float(a)!r} by {one}, {float(b)!r} by {other}"


def exactly(**values):
    return {name: (mpf(value), 0.0) for name, value in values.items()}


@given(flip_rate=flip_rates, seed=seeds)
@example(flip_rate=1e-12, seed=1)
@example(flip_rate=0.5, seed=2)
@example(flip_rate=math.nextafter(1.0, 0.0), seed=3)
@example(flip_rate=1.0, seed=4)
@settings(max_examples=25, deadline=None)
def test_sign_flips(flip_rate, seed):
    formula = exactly(
        energy=block.sign_energy(flip_rate),
        gate_energy=block.sign_gate_energy(flip_rate),
        smooth_energy=block.sign_smooth_energy(flip_rate),
        radial_fraction=block.sign_radial_fraction(flip_rate),
        transverse=block.sign_transverse(flip_rate),
        sine2=2 * block.sign_transverse(flip_rate),
    )
    theta = 2 * mpmath.asin(mpmath.sqrt(mpf(flip_rate)))
    routes = {
        "formula": formula,
        "quadrature": by_quadrature(theta, mpf(1)),
        "sampling": by_sampling(block.flip_angle(flip_rate), 1.0, seed),
    }
    agree(routes, {"smooth_energy": 1e-15 * float(mpmath.pi - theta) ** 2})  # an angle near pi has no more digits


@given(flip_rate=flip_rates, step=st.sampled_from([1, -1]), kappa=st.floats(0.05, 0.95), seed=seeds)
@example(flip_rate=1e-12, step=-1, kappa=block.BUSSGANG, seed=1)
@example(flip_rate=0.5, step=1, kappa=block.BUSSGANG, seed=2)
@example(flip_rate=1.0, step=1, kappa=0.95, seed=3)
@example(flip_rate=1.0, step=-1, kappa=block.BUSSGANG, seed=4)
@settings(max_examples=25, deadline=None)
def test_magnitude_step_and_ratio(flip_rate, step, kappa, seed):
    """The step's arm, and c in both metrics against sign flips drawn on their own."""
    arguments = (flip_rate, step, kappa)
    moved = block.magnitude_variance(*arguments) / 2
    size, align = 2 * step * mpmath.sqrt(mpf(flip_rate)), mpmath.sqrt(mpf(kappa))
    scale = mpmath.sqrt((1 + size * align) ** 2 + size**2 * (1 - align**2))
    theta = mpmath.atan2(abs(size) * mpmath.sqrt(1 - align**2), 1 + size * align)
    routes = {
        "formula": exactly(
            energy=block.magnitude_energy(*arguments),
            gate_energy=block.magnitude_gate_energy(*arguments),
            smooth_energy=block.magnitude_smooth_energy(*arguments),
            radial_fraction=block.magnitude_radial_fraction(*arguments),
            transverse=block.magnitude_transverse(*arguments),
            sine2=block.magnitude_transverse(*arguments) / moved,
        ),
        "quadrature": by_quadrature(theta, scale),
        "sampling": by_sampling(float(theta), float(scale), seed),
    }
    agree(routes, {"radial_fraction": 1e-15})
    flips = {
        "quadrature": by_quadrature(2 * mpmath.asin(mpmath.sqrt(mpf(flip_rate))), mpf(1)),
        "sampling": by_sampling(block.flip_angle(flip_rate), 1.0, seed + 1),
    }
    ratios = {
        route: {
            "energy_ratio": quotient(sign["energy"], routes[route]["energy"]),
            "c_pre": quotient(sign["transverse"], routes[route]["transverse"]),
            "c_post": quotient(sign["sine2"], routes[route]["sine2"]),
        }
        for route, sign in flips.items()
    }
    ratios["formula"] = exactly(
        energy_ratio=block.energy_ratio(*arguments),
        c_pre=block.c_exact(flip_rate, "pre", step, kappa),
        c_post=block.c_exact(flip_rate, "post", step, kappa),
    )
    agree(ratios)


@given(alpha=st.floats(1e-12, 1.0), seed=seeds)
@example(alpha=1e-12, seed=1)
@example(alpha=0.5, seed=2)
@example(alpha=math.nextafter(1.0, 0.0), seed=3)
@example(alpha=1.0, seed=4)
@settings(max_examples=25, deadline=None)
def test_one_flip_and_its_leverage(alpha, seed):
    """Appendix E, up to an entry that carries the whole input; leverage over an entry of amplitude 2048^-1/2."""
    other = 2048**-0.5
    routes = {
        "quadrature": (by_quadrature(2 * mpmath.asin(mpf(a)), mpf(1)) for a in (alpha, other)),
        "sampling": (by_sampling(2 * math.asin(a), 1.0, seed + i) for i, a in enumerate((alpha, other))),
    }
    found = {}
    for route, (flip, usual) in routes.items():
        share = quotient(flip["gate_energy"], flip["energy"])
        found[route] = {
            "energy": flip["energy"],
            "gate_energy": flip["gate_energy"],
            "gate_share": share,
            "leverage": quotient(flip["energy"], usual["energy"]),
        }
    found["formula"] = exactly(
        energy=outliers.single_flip_energy(alpha),
        gate_energy=outliers.single_flip_gate_energy(alpha),
        gate_share=outliers.single_flip_gate_share(alpha),
        leverage=outliers.leverage(alpha, 2048),
    )
    agree(found)


@given(eta=shares, flip_rate=flip_rates, seed=seeds)
@example(eta=1e-12, flip_rate=1.0, seed=1)
@example(eta=0.5, flip_rate=1.0, seed=2)
@example(eta=1 - 2.0**-53, flip_rate=1.0, seed=3)
@example(eta=0.5, flip_rate=1e-12, seed=4)
@settings(max_examples=25, deadline=None)
def test_two_groups(eta, flip_rate, seed):
    """Appendix F, for any share of the energy and of a group's weights: R_E, and the share of the damage."""
    rest = 1 - eta  # exact: shares are dyadic, and so close to one that it matters only above 1/2
    exact = [mpf(flip_rate) * mpf(eta), mpf(flip_rate) * (1 - mpf(eta))]
    routes = {
        "quadrature": [by_quadrature(2 * mpmath.asin(mpmath.sqrt(q)), mpf(1))["energy"] for q in exact],
        "sampling": [
            by_sampling(2 * math.asin(math.sqrt(flip_rate * share)), 1.0, seed + i)["energy"]
            for i, share in enumerate((eta, rest))
        ],
    }
    found = {}
    for route, (group, others) in routes.items():
        odds = quotient(others, group)
        found[route] = {
            "energy": group,
            "ratio": quotient(group, others),
            "damage_share": (1 / (1 + odds[0]), odds[1] / float(1 + odds[0]) ** 2),
        }
    found["formula"] = exactly(
        energy=outliers.group_energy(eta, flip_rate),
        ratio=outliers.group_ratio(eta, flip_rate),
        damage_share=outliers.damage_share(eta, flip_rate),
    )
    agree(found)


@given(n=st.integers(3, 10**6))
@example(n=3)
@example(n=10**6)
@settings(max_examples=12, deadline=None)
def test_squared_cosines_of_gaussian_vectors(n):
    """On the unit sphere one coordinate has the density (1 - x^2)^((n-3)/2), two (1 - r^2)^((n-4)/2) in the plane."""

    def moment(power, exponent):
        """Mean of r^power, r = sin(f), under sin(f)^(d-1) cos(f)^exponent, by substituting where the mass is."""
        width = 12 / mpmath.sqrt(n)
        edges = [0, min(width / 4, mpmath.pi / 4), min(width, mpmath.pi / 2)]
        edges += [mpmath.pi / 2] if edges[-1] < mpmath.pi / 2 else []
        return mpmath.quad(lambda f: mpmath.sin(f) ** power * mpmath.cos(f) ** exponent, edges)

    fourth = moment(4, n - 2) / moment(0, n - 2)
    pair = moment(3, n - 3) / moment(1, n - 3) / mpmath.pi  # E|cos f sin f| = 1/pi
    assert vectors.random_sign_cosine_mean(n) == pytest.approx(float(n * fourth), rel=1e-10)
    assert vectors.sign_cosine_mean(n) == pytest.approx(float(mpf(1) / n + (n - 1) * pair), rel=1e-10)


@given(alpha=st.floats(1e-6, 1.0), n=st.integers(2, 10**6))
@example(alpha=1.0, n=2)
@example(alpha=1e-6, n=10**6)
@settings(max_examples=25, deadline=None)
def test_ratio_with_an_outlier(alpha, n):
    """As p -> 0 flips come one by one, and a step of delta moves z by delta sum_j sign(w_j) x_j."""
    amplitudes = [mpf(alpha), mpmath.sqrt((1 - mpf(alpha) ** 2) / (n - 1))]
    energies = [by_quadrature(2 * mpmath.asin(a), mpf(1))["energy"][0] if a > 0 else mpf(0) for a in amplitudes]
    step = 4 * (1 - 2 / mpmath.pi) / 2  # 4 |x|^2 for the flips' norm, half of the neurons on, 2/pi radial
    everywhere = (energies[0] + (n - 1) * energies[1]) / step
    assert outliers.ratio_with_outlier(alpha, n) == pytest.approx(float(everywhere), rel=1e-10)
    column = energies[0] / (2 * amplitudes[0] ** 2 * (1 - 2 * amplitudes[0] ** 2 / mpmath.pi))
    assert outliers.column_ratio(alpha) == pytest.approx(float(column), rel=1e-10)


@given(x=st.floats(0.0, math.pi))
@example(x=0.0)
@example(x=1e-12)
@example(x=math.pi)
@settings(deadline=None)
def test_differences_of_arc_and_sine(x):
    """What the closed forms are made of, relative precision and all."""
    exact = mpf(x)
    assert arccosine.arc_minus_sine(x) == pytest.approx(float(exact - mpmath.sin(exact)), rel=1e-13, abs=1e-40)
    second = mpmath.sin(exact) - exact * mpmath.cos(exact)
    assert arccosine.sine_minus_arc(x) == pytest.approx(float(second), rel=1e-13, abs=1e-40)


@given(cosine2=st.floats(0.0, 1.0), seed=seeds)
@example(cosine2=0.0, seed=1)
@example(cosine2=2 / math.pi, seed=2)
@example(cosine2=1.0, seed=3)
@settings(max_examples=15, deadline=None)
def test_spread_of_a_squared_cosine(cosine2, seed):
    """Of m pairs with correlation rho; the next term is of order 1/m, and larger than the first near rho = 0."""
    m, samples = 400, 2000
    u, w = np.random.default_rng(seed).standard_normal((2, samples, m))
    v = math.sqrt(cosine2) * u + math.sqrt(1 - cosine2) * w
    found = m * np.var(np.sum(u * v, 1) ** 2 / np.sum(u * u, 1) / np.sum(v * v, 1))
    spread = ternary_finite.outputs_cosine2_spread(cosine2)
    assert abs(found - spread) <= 6 * math.sqrt(2 / samples) * spread + 8 / m
