"""Appendices E and F by quadrature over the plane of two normals: definitions only, none of the closed forms.

With z = alpha g + beta h and z' = beta h - alpha g, in polar coordinates g = r sin f, h = r cos f: z = r cos(f - t) and
z' = r cos(f + t) with t = arcsin(alpha). Both are positive for |f| < pi/2 - t and one of them on the two arcs of width
2t beside. Integrands are trigonometric polynomials, for which Gauss-Legendre is exact to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from claims.streams import Streams

Array = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


def _arc(function: Callable[[Array], Array], length: float, start: float = 0.0) -> float:
    """Integral over an arc; nodes are ``start`` + offsets in (0, length)."""
    offsets = length * (1 + _NODES) / 2
    return float(length / 2 * (_WEIGHTS @ function(start + offsets)))


def _moments(alpha: float) -> dict[str, float]:
    """Moments of a = relu(z), a' = relu(z') and da for one flip; E r^2 = 2 and E r = sqrt(pi/2)."""
    t = math.atan2(alpha, math.sqrt((1 - alpha) * (1 + alpha)))
    both, start = math.pi - 2 * t, t - math.pi / 2
    lost = _arc(lambda w: np.sin(2 * t - w) ** 2, 2 * t) / math.pi
    smooth = _arc(lambda f: 4 * alpha**2 * np.sin(f) ** 2, both, start) / math.pi
    cross = _arc(lambda f: -2 * alpha * np.sin(f) * np.cos(f - t), both, start) / math.pi - lost
    clean = _arc(lambda f: np.cos(f - t) ** 2, both, start) / math.pi + lost
    mean = _arc(lambda f: np.cos(f - t), math.pi, t - math.pi / 2) * math.sqrt(math.pi / 2) / (2 * math.pi)
    mean_moved = _arc(lambda f: np.cos(f + t), math.pi, -t - math.pi / 2) * math.sqrt(math.pi / 2) / (2 * math.pi)
    energy = 2 * lost + smooth
    covariance = cross - mean * (mean_moved - mean)
    return {
        "correlation": _arc(lambda f: np.cos(f - t) * np.cos(f + t), 2 * math.pi) / math.pi,
        "linear_energy": _arc(lambda f: 4 * alpha**2 * np.sin(f) ** 2, 2 * math.pi) / math.pi,
        "gate_rate": _arc(np.ones_like, 2 * t) / math.pi,
        "gate_energy": 2 * lost,
        "smooth_energy": smooth,
        "energy": energy,
        "gate_share": 2 * lost / energy,
        "uncentred": cross**2 / (clean * energy),
        "pearson": covariance**2 / ((clean - mean**2) * (energy - (mean_moved - mean) ** 2)),
    }


def single_flip(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Appendix E at one amplitude.

    Base point: alpha, n. Quantities: those of ``_moments``; ``leverage`` over an entry 1/sqrt(n); ``linear_leverage``,
    the same before the ReLU; ``lead_error`` = n alpha^2 (1 - 4 alpha/(3 pi))/leverage - 1; ``cubic`` =
    gate_energy/alpha^3, ``quintic`` = (cubic/(16/(3 pi)) - 1)/alpha^2, ``energy_slope`` = (energy/(2 alpha^2) -
    1)/alpha, ``gate_rate_slope`` = gate_rate/alpha and ``pearson_excess`` = pearson/uncentred.
    """
    alpha, n = point["alpha"], point["n"]
    found, baseline = _moments(alpha), _moments(1 / math.sqrt(n))
    leverage = found["energy"] / baseline["energy"]
    cubic = found["gate_energy"] / alpha**3
    return found | {
        "leverage": leverage,
        "linear_leverage": found["linear_energy"] / baseline["linear_energy"],
        "lead_error": n * alpha**2 * (1 - 4 * alpha / (3 * math.pi)) / leverage - 1,
        "cubic": cubic,
        "quintic": (cubic * 3 * math.pi / 16 - 1) / alpha**2,
        "energy_slope": (found["energy"] / (2 * alpha**2) - 1) / alpha,
        "gate_rate_slope": found["gate_rate"] / alpha,
        "pearson_excess": found["pearson"] / found["uncentred"],
    }


def unit_norm_leverage(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Leverage over one of n - 1 equal entries that share what unit norm leaves. Base point: alpha < 1, n."""
    alpha, n = point["alpha"], point["n"]
    other = math.sqrt((1 - alpha) * (1 + alpha) / (n - 1))
    return {"leverage": _moments(alpha)["energy"] / _moments(other)["energy"]}


def _group(share: float) -> dict[str, float]:
    return _moments(math.sqrt(share))


def two_groups(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Appendix F: a share flip_rate of the flips in each group.

    Base point: eta, column_share, flip_rate. Quantities: ``energy_outliers`` and ``energy_rest`` (E_A, E_B), ``ratio``
    (R_E), ``ratio_rounded`` (of energies to three digits, as the appendix prints them), ``leverage`` (R_col), both
    correlations, and ``damage_share``.
    """
    eta, eps, rate = point["eta"], point["column_share"], point["flip_rate"]
    own, rest = _group(rate * eta), _group(rate * (1 - eta))
    ratio = own["energy"] / rest["energy"]
    return {
        "energy_outliers": own["energy"],
        "energy_rest": rest["energy"],
        "correlation_outliers": own["correlation"],
        "correlation_rest": rest["correlation"],
        "ratio": ratio,
        "ratio_rounded": round(own["energy"], 3) / (round(rest["energy"], 3) or rest["energy"]),
        "leverage": ratio * (1 - eps) / eps,
        "damage_share": own["energy"] / (own["energy"] + rest["energy"]),
    }


def energy_share_needed(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The outliers' share of energy at which R_E (``ratio``) or R_col (``leverage``) reaches a value.

    Base point: value, column_share, flip_rate.
    """
    from scipy.optimize import brentq

    rate, eps = point["flip_rate"], point["column_share"]

    def root(target: float) -> float:
        def excess(odds: float) -> float:
            own, rest = rate / (1 + math.exp(-odds)), rate / (1 + math.exp(odds))
            return math.log(_group(own)["energy"] / _group(rest)["energy"] / target)

        return 1 / (1 + math.exp(-brentq(excess, -30, 30, xtol=1e-13)))

    return {"ratio": root(point["value"]), "leverage": root(point["value"] * eps / (1 - eps))}


def explicit_outliers(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """n alpha^2 of an outlier in a vector with a share column_share of entries ``magnitude`` and all others one.

    Base point: n, column_share, magnitude.
    """
    n = point["n"]
    x = np.ones(n)
    x[: round(n * point["column_share"])] = point["magnitude"]
    x /= np.linalg.norm(x)
    return {"outlier_energy": float(n * x[0] ** 2)}
