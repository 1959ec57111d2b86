"""Small-flip-rate expansions of the closed forms, and the paper's own approximate formulas for c.

Notation: a = 4/(3 pi), r = sqrt(kappa), k = 1 - kappa. Coefficients come from expanding
theta_s^2 = 4p (1 + p/3 + ...), s2 theta_m^2 = 4pk (1 + 4pk/3 + ...) and
1 - (2J)^2 = theta^2 - 2 theta^3/(3 pi) - theta^4/3 + ...;
the p^0.5 terms of the numerator and denominator are -a and -a sqrt(k).
"""

import math

from .block import BUSSGANG, Metric, c_exact

FLIP_SLOPE = 4 / (3 * math.pi)


def c_limit(kappa: float = BUSSGANG) -> float:
    """Limit of c as the flip rate goes to 0: 1/(1 - kappa); pi/(pi - 2) for Gaussian weights (eq. 14)."""
    return 1 / (1 - kappa)


def c_sqrt_coefficient(metric: Metric = "pre", step: int = 1, kappa: float = BUSSGANG) -> float:
    """Coefficient of sqrt(p) in c(p)/c_limit - 1: -a (1 - sqrt k), plus 4 step r in the post metric."""
    pre = -FLIP_SLOPE * (1 - math.sqrt(1 - kappa))
    return pre if metric == "pre" else pre + 4 * step * math.sqrt(kappa)


def c_slope(metric: Metric = "pre", step: int = 1) -> float:
    """Coefficient of sqrt(p) in c(p) itself."""
    return c_limit() * c_sqrt_coefficient(metric, step)


def c_rate_coefficient(metric: Metric = "pre", step: int = 1, kappa: float = BUSSGANG) -> float:
    """Coefficient of p in c(p)/c_limit - 1.

    Pre: -1 - a^2 sqrt(k) (1 - sqrt k) - 2 step a r sqrt(k); post: times s2 = 1 + 4 step r sqrt(p) + 4p.
    """
    a, r, root = FLIP_SLOPE, math.sqrt(kappa), math.sqrt(1 - kappa)
    pre = -1 - a * a * root * (1 - root) - 2 * step * a * r * root
    return pre if metric == "pre" else pre + 4 * step * r * c_sqrt_coefficient("pre", step, kappa) + 4


def c_series(flip_rate: float, metric: Metric = "pre", step: int = 1, kappa: float = BUSSGANG) -> float:
    """c(p) through order p; the error is O(p^1.5)."""
    first = c_sqrt_coefficient(metric, step, kappa) * math.sqrt(flip_rate)
    return c_limit(kappa) * (1 + first + c_rate_coefficient(metric, step, kappa) * flip_rate)


def sign_energy_series(flip_rate: float) -> float:
    """S through p^2.5: 2p - 8 p^1.5/(3 pi) - 4 p^2.5/(15 pi) (step A6); there is no p^2 term."""
    root = math.sqrt(flip_rate)
    return 2 * flip_rate - (8 / 3 + 4 / 15 * flip_rate) * root**3 / math.pi


def sign_gate_energy_series(flip_rate: float) -> float:
    """Gate-flip energy through p^2.5: 16 p^1.5/(3 pi) - 8 p^2.5/(5 pi) (step A4, eq. 23)."""
    root = math.sqrt(flip_rate)
    return (16 / 3 - 8 / 5 * flip_rate) * root**3 / math.pi


def sign_smooth_energy_series(flip_rate: float) -> float:
    """Smooth energy through p^2.5: 2p - 8 p^1.5/pi + 4 p^2.5/(3 pi) (step A5, eq. 24)."""
    root = math.sqrt(flip_rate)
    return 2 * flip_rate - (8 - 4 / 3 * flip_rate) * root**3 / math.pi


def magnitude_energy_sqrt_coefficient(kappa: float = BUSSGANG) -> float:
    """Coefficient of sqrt(p) in E_mag/(2p) - 1: -a k^1.5, whatever the sign of the step (step A7)."""
    return -FLIP_SLOPE * (1 - kappa) * math.sqrt(1 - kappa)


def energy_ratio_sqrt_coefficient(kappa: float = BUSSGANG) -> float:
    """Coefficient of sqrt(p) in E_sign/E_mag - 1: -a (1 - k^1.5); the paper's displayed factor has -a."""
    return -FLIP_SLOPE - magnitude_energy_sqrt_coefficient(kappa)


def magnitude_radial_sqrt_coefficient(kappa: float = BUSSGANG) -> float:
    """Coefficient of sqrt(p) in R_mag/kappa - 1: a k^1.5, because E[a da] = r t/2 + O(t^3)."""
    return FLIP_SLOPE * (1 - kappa) * math.sqrt(1 - kappa)


def c_printed_formula(flip_rate: float) -> float:
    """The factored formula behind the theory columns of the paper's Tables 2 and 6 (Remark 1 without R_p).

    [(1 - p + a p^1.5) / (1 - 2/pi)] (1 - a sqrt p).
    """
    root = math.sqrt(flip_rate)
    return c_limit() * (1 - flip_rate + FLIP_SLOPE * root**3) * (1 - FLIP_SLOPE * root)


def c_figure_formula(flip_rate: float) -> float:
    """The curve of the paper's Figure 1: pi/(pi - 2) (1 - p)(1 - a sqrt p), without the table's a p^1.5."""
    return c_limit() * (1 - flip_rate) * (1 - FLIP_SLOPE * math.sqrt(flip_rate))


def printed_remainder(flip_rate: float) -> float:
    """R_p of Remark 1, which the paper leaves undetermined: c_exact / c_printed_formula - 1."""
    return c_exact(flip_rate) / c_printed_formula(flip_rate) - 1


def printed_remainder_coefficient() -> float:
    """Coefficient of sqrt(p) in `printed_remainder`: a sqrt(1 - 2/pi), so R_p is positive at small p."""
    return FLIP_SLOPE * math.sqrt(1 - BUSSGANG)
