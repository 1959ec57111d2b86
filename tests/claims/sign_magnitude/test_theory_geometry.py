"""RMSNorm geometry against its definition in many digits and against grids."""

import math

import mpmath
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mpf

from claims.papers.sign_magnitude.theory import geometry

from .gaussian_plane import close

angles = st.floats(0.0, math.pi)


@pytest.fixture(autouse=True, scope="module")
def forty_digits():
    with mpmath.workdps(40):
        yield


@given(cv=st.floats(0.0, 1e6, allow_subnormal=False))
@example(cv=0.0)
@example(cv=1e-9)
@settings(deadline=None)
def test_chord_of_a_rescaling(cv):
    with mpmath.workdps(700):
        exact = mpmath.sqrt(2 - 2 / mpmath.sqrt(1 + mpf(cv) ** 2))
    close(geometry.rescaling_chord(cv), exact, 1e-14)
    assert geometry.rescaling_chord(cv) <= cv
    close(geometry.rescaling_chord(cv) * geometry.rescaling_slack(cv), cv, 1e-14)


@given(eps=st.floats(0.0, 0.5), angle=angles)
@example(eps=0.5, angle=math.radians(142.8))
@example(eps=0.0, angle=1.0)
@settings(deadline=None)
def test_remainder_in_the_plane(eps, angle):
    """From its definition, in 40 digits; below the supremum at its own eps, which is below the one at 1/2."""
    computed = geometry.remainder(eps, angle)
    if eps > 0:
        step = (mpf(eps) * mpmath.cos(mpf(angle)), mpf(eps) * mpmath.sin(mpf(angle)))
        norm = mpmath.sqrt((1 + step[0]) ** 2 + step[1] ** 2)
        rest = ((1 + step[0]) / norm - 1, step[1] / norm - step[1])
        close(computed, mpmath.hypot(*rest) / mpf(eps) ** 2 if eps > 1e-12 else computed, 1e-9)
    assert computed <= geometry.remainder_sup(eps) * (1 + 1e-12)
    assert geometry.remainder_sup(eps) <= geometry.remainder_sup(0.5) * (1 + 1e-12)


def test_suprema_of_the_remainder():
    assert geometry.remainder_sup(0.5) == pytest.approx(0.72468, abs=5e-6)
    assert geometry.remainder_sup(1e-9) == pytest.approx(1 / math.sqrt(3), rel=1e-8)
    assert geometry.hessian_sup() == pytest.approx(2 / math.sqrt(3), rel=1e-14)
    assert geometry.hessian_sup_by_triangle() == pytest.approx(
        max(math.sin(2 * f) + math.sin(f) ** 2 for f in GRID), rel=1e-6
    )
    for eps in (0.01, 0.3, 0.5):
        worst = geometry.remainder_worst_angle(eps)
        assert geometry.remainder(eps, worst) == geometry.remainder_sup(eps)
        ratios = [geometry.remainder(eps, f) * eps / math.sin(f) for f in GRID[1:]]
        assert max(ratios) <= geometry.relative_remainder_sup(eps)
        assert max(ratios) == pytest.approx(geometry.relative_remainder_sup(eps), rel=1e-4)


GRID = [math.pi * i / 1000 for i in range(1000)]
