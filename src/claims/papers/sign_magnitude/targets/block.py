"""Targets and rivals of claims as functions of a point's coordinates, where a closed form needs adapting."""

from __future__ import annotations

import math
from typing import Literal

from claims.papers.sign_magnitude import theory

Metric = Literal["pre", "post"]
Arm = Literal["sign", "magnitude"]


def linear_fraction(flip_rate: float, m: int) -> float:
    """Mean over inputs of the radial share of sign flips in one linear layer of m rows."""
    return theory.linear_radial_fraction_mean(flip_rate, m)


def biased_transverse_ratio(flip_rate: float, m: int) -> float:
    """What eq. 11 would be if only the additive noise lost one of m dimensions: (1 - 1/m)/(1 - p)."""
    return (1 - 1 / m) * theory.single_layer_transverse_ratio(flip_rate)


def absolute_noise_transverse_ratio(flip_rate: float) -> float:
    """Transverse ratio of sign-preserving iid noise |delta| over sign flips in one linear layer.

    Its entries sign(w)|delta| have squared cosine (2/pi)^2 with w: a factor 2/pi for |w| and another for |delta|.
    """
    return (1 - theory.BUSSGANG**2) / (1 - flip_rate)


def energy_share(flip_rate: float, n: int, arm: Arm = "sign") -> float:
    """Hidden energy per unit of squared pre-activation change: of flips at fan-in n, of the step in the wide limit."""
    energy = theory.sign_energy_finite_n(flip_rate, n) if arm == "sign" else theory.magnitude_energy(flip_rate)
    return energy / (4 * flip_rate)


def wide_energy_share(flip_rate: float) -> float:
    """The same of sign flips in the wide limit."""
    return theory.sign_energy(flip_rate) / (4 * flip_rate)


def gate_share(flip_rate: float) -> float:
    """Wide-limit gate-flip energy of sign flips per unit of squared pre-activation change."""
    return theory.sign_gate_energy(flip_rate) / (4 * flip_rate)


def leading_gate_share(flip_rate: float) -> float:
    """The same by the leading term of eq. 23 alone, 16 p^1.5/(3 pi)."""
    return 16 / (3 * math.pi) * math.sqrt(flip_rate) / 4


def one_way_gate_rate(flip_rate: float, arm: Arm) -> float:
    """Probability that a neuron switches off (or on): half the gate rate."""
    rate = theory.sign_gate_rate if arm == "sign" else theory.magnitude_gate_rate
    return rate(flip_rate) / 2


def other_gate_rate(flip_rate: float, arm: Arm) -> float:
    """The same for the other perturbation."""
    return one_way_gate_rate(flip_rate, "magnitude" if arm == "sign" else "sign")


def hidden_fraction(flip_rate: float, n: int, arm: Arm) -> float:
    """Ratio-of-sums radial fraction in a hidden layer of n neurons."""
    return theory.hidden_radial_fraction(flip_rate, n, arm)


def wide_fraction(flip_rate: float, arm: Arm) -> float:
    """Leading value of the radial fraction: S/2 for sign flips, 2/pi for the magnitude step."""
    return theory.sign_radial_fraction(flip_rate) if arm == "sign" else theory.BUSSGANG


def output_sign_fraction(flip_rate: float, n: int) -> float:
    """Radial fraction of sign flips after a second projection to n outputs."""
    return theory.output_radial_fraction(flip_rate, n, n, "sign")


def output_magnitude_fraction(flip_rate: float, n: int) -> float:
    """Radial fraction of the magnitude step after a second projection to n outputs."""
    return theory.output_radial_fraction(flip_rate, n, n, "magnitude")


def fourth_moment(flip_rate: float, n: int) -> float:
    """E (z' - z)^4 in units of the squared variance of z, over masks and inputs.

    Given the mask it is 3 (4 Q)^2, and Q, the flipped share of the input's energy, has mean p and variance
    3p(1 - p)/(n + 2).
    """
    return 48 * (flip_rate**2 + 3 * flip_rate * (1 - flip_rate) / (n + 2))


def gaussian_fourth_moment(flip_rate: float) -> float:
    """The same if (z, z') were bivariate normal with correlation 1 - 2p."""
    return 48 * flip_rate**2


def correlation(flip_rate: float) -> float:
    """corr(z, z') under sign flips, 1 - 2p (step A3)."""
    return 1 - 2 * flip_rate


def cosine2_after_projection(rho2: float, d: int) -> float:
    """Mean squared cosine of two vectors after a Gaussian projection to d rows."""
    return theory.squared_correlation_mean(rho2, d)


def projected_transverse(rho2: float, d: int, m: int) -> float:
    """Mean transverse energy of W2 da for |da| = 1: one of d degrees of freedom is lost, (d - 1)/m (1 - rho^2)."""
    return (d - 1) / m * (1 - rho2)


def naive_transverse(rho2: float, d: int, m: int) -> float:
    """The same without that loss."""
    return d / m * (1 - rho2)


def norm_mean(flip_rate: float, n: int) -> float:
    """Mean of |D|_F^2 for an n x n layer: 4 p n (A3)."""
    return theory.flip_norm_mean(n, flip_rate)


def half_norm_mean(flip_rate: float, n: int) -> float:
    """The same if flipping a weight changed it by sqrt(2) |w| instead of 2 |w|."""
    return theory.flip_norm_mean(n, flip_rate) / 2


def norm_variance(flip_rate: float, n: int) -> float:
    """Variance of |D|_F^2 for an n x n layer: 16 n p (3 - p)/n."""
    return theory.flip_norm_variance(n, n, flip_rate)


def norm_variance_equal_weights(flip_rate: float) -> float:
    """The same if every weight had the same magnitude, so that only the number of flips varied: 16 p (1 - p)."""
    return 16 * flip_rate * (1 - flip_rate)


def limit_slope(step: int = 1) -> float:
    """Coefficient of sqrt(p) in c(p), pre metric."""
    return theory.c_limit() * theory.c_sqrt_coefficient("pre", step)


def limit_slope_post(step: int = 1) -> float:
    """Coefficient of sqrt(p) in c(p), post metric."""
    return theory.c_limit() * theory.c_sqrt_coefficient("post", step)


def limit_curvature(step: int = 1) -> float:
    """Coefficient of p in c(p), pre metric."""
    return theory.c_limit() * theory.c_rate_coefficient("pre", step)


def factored_slope() -> float:
    """Coefficient of sqrt(p) in the paper's factored formula: -4/(3 pi) times the limit."""
    return -theory.FLIP_SLOPE * theory.c_limit()


def c_post(flip_rate: float, step: int = 1) -> float:
    """Wide-limit ratio in the post metric."""
    return theory.c_exact(flip_rate, "post", step)


def c_pre(flip_rate: float, step: int = 1) -> float:
    """Wide-limit ratio in the pre metric."""
    return theory.c_exact(flip_rate, "pre", step)


def other_step(flip_rate: float, n: int, metric: Metric, step: int) -> float:
    """The finite-n ratio for the opposite sign of the magnitude step."""
    return theory.c_finite_n(flip_rate, n, metric, -step)


def other_metric(flip_rate: float, n: int, metric: Metric, step: int = 1) -> float:
    """The finite-n ratio in the other metric."""
    return theory.c_finite_n(flip_rate, n, "post" if metric == "pre" else "pre", step)


def rectified(flip_rate: float, n: int, metric: Metric, step: int = 1) -> float:
    """The finite-n ratio with the ReLU in place."""
    return theory.c_finite_n(flip_rate, n, metric, step)


def rate(flip_rate: float) -> float:
    """The flip rate itself."""
    return flip_rate
