"""References for the closed forms: integrals over the plane of two standard normals, in mpmath's precision."""

import mpmath
import pytest
from mpmath import mpf


def relu(x):
    return max(x, mpf(0))


def plane(function, theta, degree=2):
    """E function(u, v), u and v standard normal at angle theta, for a function homogeneous of this degree.

    In polar coordinates; E r^2 = 2 and E r^4 = 8. The function may have kinks where u or v changes sign.
    """
    right = mpmath.pi / 2
    edges = sorted({-right, theta - right, right, theta + right, 3 * right})
    angular = mpmath.quad(lambda f: function(mpmath.cos(f), mpmath.cos(f - theta)), edges)
    return {2: 2, 4: 8}[degree] * angular / (2 * mpmath.pi)


def product(theta):
    """E[relu(u) relu(v)] from its definition."""
    return plane(lambda u, v: relu(u) * relu(v), theta)


def product_by_conditioning(theta):
    """The same in Cartesian coordinates: given u > 0, v is normal with mean u cos(theta)."""
    rho, sd = mpmath.cos(theta), mpmath.sin(theta)

    def inner(u):
        mean = rho * u
        return mpmath.npdf(u) * u * (mean * mpmath.ncdf(mean / sd) + sd * mpmath.npdf(mean / sd))

    return mpmath.quad(inner, [0, 1, 2, 4, 8, 14])


def angle_of_flips(flip_rate):
    return mpmath.acos(1 - 2 * mpf(flip_rate))


def angle_and_scale_of_step(flip_rate, step, kappa):
    """From the covariance of (z, z + t u) with corr(z, u) = sqrt(kappa), t = 2 step sqrt(p)."""
    t, r = 2 * step * mpmath.sqrt(mpf(flip_rate)), mpmath.sqrt(mpf(kappa))
    scale = mpmath.sqrt(1 + 2 * t * r + t * t)
    return mpmath.acos((1 + t * r) / scale), scale


def close(got, wanted, rel=1e-10):
    assert got == pytest.approx(float(wanted), rel=rel, abs=1e-300)


def exact_sign_energy(p):
    theta = mpmath.acos(1 - 2 * p)
    return 1 - (mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)) / mpmath.pi


def exact_magnitude_energy(p, step, kappa):
    theta, scale = angle_and_scale_of_step(p, step, kappa)
    j = (mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)) / (2 * mpmath.pi)
    return (1 + scale**2) / 2 - 2 * scale * j, scale * j - mpf(1) / 2


def exact_c(p, metric, step, kappa):
    energy, cross = exact_magnitude_energy(p, step, kappa)
    scale2 = angle_and_scale_of_step(p, step, kappa)[1] ** 2 if metric == "post" else 1
    return scale2 * (exact_sign_energy(p) - exact_sign_energy(p) ** 2 / 2) / (energy - 2 * cross**2)
