"""Closed forms for inputs with outliers: one coordinate of amplitude alpha (Appendix E), two groups of them (F).

The input has unit norm, x_1 = alpha, and one weight w_1 is flipped. The pair (z, z') is then exactly bivariate normal
with correlation 1 - 2 alpha^2, so that every energy is one of `block` at the flip rate alpha^2. Energies are per neuron
with pre-activations of variance one. `background` says what the other entries are: "isotropic" takes 1/sqrt(n), the
baseline of Appendix E, "unit-norm" what unit norm leaves, sqrt((1 - alpha^2)/(n - 1)).
"""

import math
from typing import Literal

from .block import (
    BUSSGANG,
    flip_angle,
    sign_energy,
    sign_gate_energy,
    sign_gate_rate,
)
from .small_rate import FLIP_SLOPE, c_limit

Background = Literal["isotropic", "unit-norm"]


def _share(alpha: float) -> float:
    if not 0.0 < alpha <= 1.0:
        raise ValueError(f"alpha: an amplitude of a unit vector lies in (0, 1], got {alpha!r}")
    return alpha * alpha


def single_flip_correlation(alpha: float) -> float:
    """corr(z, z') = 1 - 2 alpha^2 after one flip (Appendix E.2)."""
    return 1 - 2 * _share(alpha)


def single_flip_gate_rate(alpha: float) -> float:
    """Probability that the flip changes the gate: (2/pi) arcsin(alpha) (Theorem 5)."""
    return sign_gate_rate(_share(alpha))


def single_flip_energy(alpha: float) -> float:
    """E[(relu z' - relu z)^2] of one flip: S(alpha^2) (Theorem 6), 2 alpha^2 - 8 alpha^3/(3 pi) - ..."""
    return sign_energy(_share(alpha))


def single_flip_gate_energy(alpha: float) -> float:
    """Part of it from neurons that switch: [2 arcsin a - 2 a sqrt(1 - a^2)(1 - 2 a^2)]/pi (Appendix E.4)."""
    return sign_gate_energy(_share(alpha))


def single_flip_gate_share(alpha: float) -> float:
    """That part over the whole: 8 alpha/(3 pi) as alpha -> 0, 1/2 at alpha = 1/2, 1 at alpha = 1."""
    return single_flip_gate_energy(alpha) / single_flip_energy(alpha)


def single_flip_gate_energy_series(alpha: float) -> float:
    """`single_flip_gate_energy` through alpha^5: 16 a^3/(3 pi) (1 - 3 a^2/10)."""
    return 16 / (3 * math.pi) * alpha**3 * (1 - 0.3 * _share(alpha))


def leverage(alpha: float, n: int, background: Background = "isotropic") -> float:
    """Energy of one outlier flip over that of one other flip (Theorem 6)."""
    share = _share(alpha)
    if background not in ("isotropic", "unit-norm"):
        raise ValueError(f"background: 'isotropic' or 'unit-norm' are defined, got {background!r}")
    if n < 2 or (share == 1.0 and background == "unit-norm"):
        raise ValueError(f"n: another entry with energy is needed, got n = {n!r} and alpha = {alpha!r}")
    other = 1 / n if background == "isotropic" else (1 - alpha) * (1 + alpha) / (n - 1)
    return sign_energy(share) / sign_energy(other)


def leverage_series(alpha: float, n: int) -> float:
    """Eq. 28: n alpha^2 (1 - 4 alpha/(3 pi)), without the baseline's own correction of order n^-1/2."""
    return n * _share(alpha) * (1 - FLIP_SLOPE * alpha)


def column_radial_fraction(alpha: float, kappa: float = BUSSGANG) -> float:
    """Radial share, as p -> 0, of a magnitude step on the outlier's column alone: kappa alpha^2.

    Half-space symmetry: E[relu(z) da] = E[z u]/2 t and E[da^2] = t^2 alpha^2/2 with u = alpha sign(w_1), and
    corr(z, u)^2 = kappa alpha^2, whatever the other entries are.
    """
    return kappa * _share(alpha)


def column_ratio(alpha: float, kappa: float = BUSSGANG) -> float:
    """Ratio of transverse energies as p -> 0 when the outlier's column alone is perturbed.

    [S(alpha^2)/(2 alpha^2)]/(1 - kappa alpha^2): it starts at one, dips, and ends at half of 1/(1 - kappa).
    """
    share = _share(alpha)
    return sign_energy(share) / (2 * share) / (1 - column_radial_fraction(alpha, kappa))


def ratio_with_outlier(alpha: float, n: int, kappa: float = BUSSGANG) -> float:
    """Ratio of transverse energies as p -> 0 with every weight perturbed, one outlier and n - 1 equal entries.

    [sum_j S(x_j^2)/2]/(1 - kappa). Below 1/(1 - kappa), because S(q) < 2q; p is far below 1/n here, so that a neuron
    has one flip at most.
    """
    share = _share(alpha)
    rest = (1 - alpha) * (1 + alpha)
    background = (n - 1) * sign_energy(rest / (n - 1)) if rest > 0 else 0.0
    return c_limit(kappa) * (sign_energy(share) + background) / 2


def _odds(eta: float) -> tuple[float, float]:
    if not 0.0 < eta < 1.0:
        raise ValueError(f"eta: the outliers' share of the energy lies in (0, 1), got {eta!r}")
    return eta, 1 - eta


def group_energy(eta: float, flip_rate: float = 1.0) -> float:
    """E[(relu z' - relu z)^2] when a share `flip_rate` of a group's energy eta is flipped: S(flip_rate eta).

    All of it is Appendix F's case A, with correlation 1 - 2 eta; case B is `group_energy(1 - eta)`.
    """
    return sign_energy(flip_rate * _odds(eta)[0])


def group_ratio(eta: float, flip_rate: float = 1.0) -> float:
    """R_E: energy of flips in the outlier group over those in the rest; 1 at eta = 1/2 (Appendix F.3)."""
    own, other = _odds(eta)
    return sign_energy(flip_rate * own) / sign_energy(flip_rate * other)


def group_leverage(eta: float, column_share: float = 0.05, flip_rate: float = 1.0) -> float:
    """R_col: the same per flip, R_E (1 - eps)/eps for a share eps of the columns (eq. 34)."""
    return group_ratio(eta, flip_rate) * (1 - column_share) / column_share


def eta_of_ratio(ratio: float, flip_rate: float = 1.0) -> float:
    """The share of energy at which R_E is `ratio`, by bisection on log-odds (R_E increases with eta)."""
    if not 0.0 < ratio < math.inf:
        raise ValueError(f"ratio: a positive number is needed, got {ratio!r}")
    lo, hi = -80.0, 80.0
    for _ in range(200):
        middle = (lo + hi) / 2
        own, other = 1 / (1 + math.exp(-middle)), 1 / (1 + math.exp(middle))
        too_low = sign_energy(flip_rate * own) < ratio * sign_energy(flip_rate * other)
        lo, hi = (middle, hi) if too_low else (lo, middle)
    return 1 / (1 + math.exp(-lo))


def eta_of_leverage(leverage: float, column_share: float = 0.05, flip_rate: float = 1.0) -> float:
    """The share of energy at which R_col is `leverage`."""
    return eta_of_ratio(leverage * column_share / (1 - column_share), flip_rate)


def finite_group_energy(eta: float, columns: int, flip_rate: float) -> float:
    """Energy of random flips in a group of equal entries: the binomial mixture of S(eta K/columns), exactly."""
    if flip_rate == 1.0:
        return group_energy(eta)
    eta, _ = _odds(eta)
    total = 0.0
    for flips in range(1, columns + 1):
        log_chance = math.lgamma(columns + 1) - math.lgamma(flips + 1) - math.lgamma(columns - flips + 1)
        log_chance += flips * math.log(flip_rate) + (columns - flips) * math.log1p(-flip_rate)
        total += math.exp(log_chance) * sign_energy(eta * flips / columns)
    return total


def damage_share(eta: float, flip_rate: float) -> float:
    """Energy of the flips in the outlier group over the sum of both groups' (Appendix F.2); eta as p -> 0."""
    own, other = _odds(eta)
    damage = sign_energy(flip_rate * own)
    return damage / (damage + sign_energy(flip_rate * other))


def outlier_energy(magnitude: float, column_share: float) -> float:
    """n alpha^2 of an outlier `magnitude` times the other entries' rms: k^2/(1 - eps + eps k^2) (Appendix F.5).

    Unit norm caps it at 1/eps, however large the outliers.
    """
    if not 0.0 < column_share < 1.0:
        raise ValueError(f"column_share: a share of the columns lies in (0, 1), got {column_share!r}")
    square = magnitude * magnitude
    return square / (1 - column_share + column_share * square)


def pearson_excess(flip_rate: float) -> float:
    """Squared Pearson over squared uncentred correlation of a = relu(z) and da under sign flips: 1/(1 - 1/pi).

    E[da] = 0, so that both have the covariance E[a da]; Pearson divides by Var a = (1 - 1/pi)/2, not E a^2 = 1/2.
    """
    flip_angle(flip_rate)
    return 1 / (1 - 1 / math.pi)
