"""Finite-size predictions for the Gaussian block: n inputs, m hidden units, d outputs.

Given the mask, clean and flipped pre-activation are exactly bivariate normal with correlation 1 - 2Q, where
Q = sum_j b_j x_j^2 is the flipped share of the input's energy. Hence E_sign(n) = E S(Q), whatever n. With K
flips in a row Q is Beta(K/2, (n - K)/2) for x uniform on the sphere, and K is Binomial(n, p).
"""

import math
from functools import lru_cache
from typing import Literal

from .arccosine import relu_deficit, residual_fourth_moments
from .block import (
    BUSSGANG,
    Metric,
    c_exact,
    flip_angle,
    magnitude_angle,
    magnitude_energy,
    magnitude_radial_fraction,
    sign_energy,
    sign_radial_fraction,
)

Arm = Literal["sign", "magnitude"]


@lru_cache(maxsize=256)
def sign_energy_finite_n(flip_rate: float, n: int) -> float:
    """E S(Q): mean hidden energy of sign flips at fan-in n, exactly (to 1e-12 for n >= 16).

    S(q) = 2q - (4/pi) sum_j c_j q^(j + 3/2)/(j + 3/2), c_j = C(2j, j)/(4^j (2j + 1)), from
    S'(q) = 2 (1 - (2/pi) arcsin sqrt q), and S(q) = S(1 - q) + 2q - 1, which folds K > n/2 onto n - K flips,
    where the series converges faster. Moments of the Beta law are ratios of gamma functions.
    """
    import numpy as np

    half_width = 12 * math.sqrt(n * flip_rate * (1 - flip_rate)) + 12
    flips = range(max(0, int(n * flip_rate - half_width)), min(n, int(n * flip_rate + half_width)) + 1)
    chances = np.array([_binomial(k, n, flip_rate) for k in flips])
    chances /= chances.sum()
    folded = np.array([min(k, n - k) for k in flips]) / 2
    energy = float(chances @ np.minimum(2 * np.array(flips) / n, 1.0))
    coefficient, power = 4 / math.pi, 1.5
    moments = np.array([_gamma_ratio(half, power) / _gamma_ratio(n / 2, power) for half in folded])
    for j in range(2000):
        term = coefficient / ((2 * j + 1) * power) * float(chances @ moments)
        energy -= term
        if term < 1e-15 * energy:
            break
        moments *= (folded + power) / (n / 2 + power)
        coefficient *= (2 * j + 1) / (2 * j + 2)
        power += 1
    return energy


def _binomial(count: int, trials: int, p: float) -> float:
    """The probability of so many successes."""
    if p in (0, 1):
        return float(count == trials * p)
    ways = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
    return math.exp(ways + count * math.log(p) + (trials - count) * math.log1p(-p))


def _gamma_ratio(x: float, power: float) -> float:
    """Gamma(x + power)/Gamma(x), which is 0 at x = 0."""
    return math.exp(math.lgamma(x + power) - math.lgamma(x)) if x else 0.0


def sign_energy_n_coefficient(flip_rate: float) -> float:
    """Limit of n (E_sign(n)/S - 1), half of n S'' var Q over S.

    S'' = -2/(pi sqrt(p (1 - p))) and var Q = 3 p (1 - p)/(n + 2).
    """
    return -3 * math.sqrt(flip_rate * (1 - flip_rate)) / (math.pi * sign_energy(flip_rate))


def energy_share(flip_rate: float, n: int, arm: Arm = "sign") -> float:
    """Hidden energy per unit of squared pre-activation change: of flips at fan-in n, of the step in the wide limit."""
    energy = sign_energy_finite_n(flip_rate, n) if arm == "sign" else magnitude_energy(flip_rate)
    return energy / (4 * flip_rate)


def fourth_moment(flip_rate: float, n: int) -> float:
    """E (z' - z)^4 under sign flips in units of the squared variance of z, over masks and inputs.

    Given the mask it is 3 (4 Q)^2, and Q has mean p and variance 3p(1 - p)/(n + 2).
    """
    return 48 * (flip_rate**2 + 3 * flip_rate * (1 - flip_rate) / (n + 2))


def residual_kurtosis(flip_rate: float, arm: Arm, step: int = 1, kappa: float = BUSSGANG) -> float:
    """lambda = E[a^2 e^2]/(E a^2 E e^2) for the part e of the perturbation uncorrelated with a = relu(z).

    It tends to 2 as p -> 0 for both arms: then e is noise on the active half, where E a^2 doubles.
    """
    return _residual_kurtoses(_angle(flip_rate, arm, step, kappa))[0]


def c_finite_n(flip_rate: float, n: int, metric: Metric = "pre", step: int = 1) -> float:
    """Ratio of mean transverse energies of the Gaussian block at fan-in n = m, without a second projection.

    The sign arm uses E_sign(n). Each arm's sum over m units loses lambda/m of its transverse energy to the
    direction of the sample vector a, and in the post metric another E[b^2 e^2]/(E b^2 E e^2)/m through the
    sample norm of the perturbed b. What remains is O(p^0.5/n) from the magnitude step's cumulants. The second
    projection leaves the pre ratio unbiased and moves the post ratio by a fraction below 4 S/d.
    """
    energy, limit = sign_energy_finite_n(flip_rate, n), sign_energy(flip_rate)
    fan_in = energy * (2 - energy) / (limit * (2 - limit))
    sign = _residual_kurtoses(_angle(flip_rate, "sign", step, BUSSGANG))
    magnitude = _residual_kurtoses(_angle(flip_rate, "magnitude", step, BUSSGANG))
    counted = 1 if metric == "pre" else 2
    width = (1 - sum(sign[:counted]) / n) / (1 - sum(magnitude[:counted]) / n)
    return c_exact(flip_rate, metric, step) * fan_in * width


def hidden_radial_fraction(flip_rate: float, n: int, arm: Arm = "sign") -> float:
    """Ratio-of-sums radial fraction at n hidden units: R + (1 - R) lambda/n; sign flips: S/2 + 2/n."""
    limit = sign_radial_fraction(flip_rate) if arm == "sign" else magnitude_radial_fraction(flip_rate)
    return limit + (1 - limit) * residual_kurtosis(flip_rate, arm) / n


def output_radial_fraction(flip_rate: float, width: int, outputs: int, arm: Arm = "sign") -> float:
    """Ratio-of-sums radial fraction after the second Gaussian projection to `outputs` rows.

    Rows of W2 make (y, dy) iid bivariate normal given the hidden state, so exactly R_h + (1 - R_h)/d.
    """
    hidden = hidden_radial_fraction(flip_rate, width, arm)
    return hidden + (1 - hidden) / outputs


def linear_radial_fraction(flip_rate: float, width: int) -> float:
    """Ratio-of-sums radial fraction of sign flips in one linear layer of m rows: p + (1 - p)/m (section 5.2).

    dy = -2p y + noise of energy 4p(1-p) per row, of which the sample direction y takes 1/m.
    """
    return flip_rate + (1 - flip_rate) / width


def linear_radial_fraction_mean(flip_rate: float, m: int) -> float:
    """Mean over inputs of the same per-input fraction: 1 - (1-p)(1-1/m) 2F1(1, 1; m/2 + 1; p).

    Mean of a squared uncentred sample correlation of m bivariate normal pairs with rho^2 = p.
    """
    return squared_correlation_mean(flip_rate, m)


def squared_correlation_mean(rho2: float, samples: int) -> float:
    """E r^2 of the uncentred sample correlation of `samples` bivariate normal pairs with rho^2 = `rho2`.

    1 - (1 - rho^2)(1 - 1/m) F, with F = 2F1(1, 1; m/2 + 1; rho^2), for which scipy's hyp2f1 is not used: it overflows
    for many samples near rho^2 = 1. F's series has terms j! rho^(2j)/(m/2 + 1)_j and converges fast for many samples
    or small rho^2; else F comes from a recurrence in m (`_few_samples`).
    """
    if not 0.0 <= rho2 <= 1.0:
        raise ValueError(f"rho2: a squared correlation lies in [0, 1], got {rho2!r}")
    if samples < 1:
        raise ValueError(f"samples: one pair at least is needed, got {samples!r}")
    if rho2 == 1.0 or samples == 1:
        return 1.0
    tail = _few_samples(rho2, samples) - 1 if rho2 > 0.5 and samples < 64 else _hypergeometric_tail(rho2, samples)
    return 1 / samples + (1 - 1 / samples) * (rho2 - (1 - rho2) * tail)


def _hypergeometric_tail(rho2: float, samples: int) -> float:
    """F - 1 by its series, whose terms are all positive and fall faster than those of a geometric one."""
    tail, term, j = 0.0, 1.0, 0
    while term > 1e-17 * (1 + tail):
        term *= rho2 * (j + 1) / (samples / 2 + 1 + j)
        tail += term
        j += 1
    return tail


def _few_samples(rho2: float, samples: int) -> float:
    """F = (m/2) I_(m/2 - 1), where I_k is the integral of (1 - t)^k/(1 - z t) over (0, 1), z = rho^2 > 1/2.

    z (1 - t) = (1 - z t) - (1 - z) gives z I_k = 1/k - (1 - z) I_(k-1), stable because (1 - z)/z < 1; it starts at
    I_0 = -log(1 - z)/z or I_(-1/2) = 2 arctan(sqrt(z/(1 - z)))/sqrt(z (1 - z)).
    """
    rest = 1 - rho2
    if samples % 2 == 0:
        power, integral = 0.0, -math.log(rest) / rho2
    else:
        power, integral = -0.5, 2 * math.atan(math.sqrt(rho2 / rest)) / math.sqrt(rho2 * rest)
    while power < samples / 2 - 1:
        power += 1
        integral = (1 / power - rest * integral) / rho2
    return samples / 2 * integral


def additive_radial_fraction(width: int) -> float:
    """Mean radial fraction of additive noise independent of the layer's output: 1/m (section 5.2)."""
    return 1 / width


def single_layer_transverse_ratio(flip_rate: float) -> float:
    """Additive magnitude noise over sign flips, transverse, one linear layer: 1/(1 - p) at every m (eq. 11).

    Both lose the same factor 1 - 1/m of sampling, so it cancels.
    """
    return 1 / (1 - flip_rate)


def absolute_noise_transverse_ratio(flip_rate: float) -> float:
    """Transverse ratio of sign-preserving iid noise |delta| over sign flips in one linear layer.

    Its entries sign(w)|delta| have squared cosine (2/pi)^2 with w: a factor 2/pi for |w| and another for |delta|.
    """
    return (1 - BUSSGANG**2) / (1 - flip_rate)


def _angle(flip_rate: float, arm: Arm, step: int, kappa: float) -> float:
    if arm not in ("sign", "magnitude"):
        raise ValueError(f"arm: 'sign' or 'magnitude' are defined, got {arm!r}")
    return flip_angle(flip_rate) if arm == "sign" else magnitude_angle(flip_rate, step, kappa)


def _residual_kurtoses(theta: float) -> tuple[float, float]:
    """Fourth moments of residual and clean (perturbed) unit, over the products of their second moments."""
    deficit = relu_deficit(theta)
    clean, perturbed = residual_fourth_moments(theta)
    product = deficit * (2 - deficit) / 4
    return clean / product, perturbed / product
