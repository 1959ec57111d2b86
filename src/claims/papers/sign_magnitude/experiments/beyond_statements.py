"""For-all statements about outliers (Appendices E and F) and activations, as margins that are negative if they fail."""

from __future__ import annotations

import math
from collections.abc import Callable

from claims import Statement
from claims.papers.sign_magnitude.experiments.precision import Functions, Real, precisely

#: What rounding may make of a margin of order one.
ALLOWANCE = 1e-12
N = 2048


def gate_energy(m: Functions, share: Real) -> Real:
    """Energy of neurons that switch when a share of the input's energy changes sign."""
    t = 2 * m.asin(m.sqrt(share))
    return (2 * t - m.sin(2 * t)) / (2 * m.pi)


def smooth_energy(m: Functions, share: Real) -> Real:
    """Energy of neurons that stay on: E[4 alpha^2 g^2] over the sector of opening pi - t."""
    half = m.pi / 2 - m.asin(m.sqrt(share))
    return 2 * share * (2 * half - m.sin(2 * half)) / m.pi


def flip_energy(m: Functions, share: Real) -> Real:
    """Energy of both together."""
    return gate_energy(m, share) + smooth_energy(m, share)


def _gate_share(m: Functions, allowance: float, factor: float) -> Callable[..., Real]:
    def margin(alpha: Real) -> Real:
        gate = gate_energy(m, alpha * alpha)
        return 0.5 - factor * gate / (gate + smooth_energy(m, alpha * alpha)) + allowance

    return margin


def _increasing(m: Functions, energy: Callable[[Functions, Real], Real]) -> Callable[..., Real]:
    def margin(alpha: Real, step: Real) -> Real:
        larger = alpha + step * (1 - alpha)
        return (energy(m, larger * larger) - energy(m, alpha * alpha)) / (larger - alpha)

    return margin


def _leading(m: Functions, tolerance: float) -> Callable[..., Real]:
    def margin(alpha: Real) -> Real:
        lead = N * alpha * alpha * (1 - 4 * alpha / (3 * m.pi))
        exact = flip_energy(m, alpha * alpha) / flip_energy(m, 1 / (m.sqrt(N) * m.sqrt(N)))
        return tolerance - abs(lead / exact - 1)

    return margin


def _group_ratio(m: Functions, eta: Real) -> Real:
    return flip_energy(m, eta) / flip_energy(m, 1 - eta)


def _group_increasing(m: Functions, slope: float) -> Callable[..., Real]:
    """log R_E grows with eta by ``slope`` times the growth of the odds' logarithm, at least."""

    def margin(eta: Real, step: Real) -> Real:
        larger = eta + step * (0.999 - eta)
        rise = m.log(_group_ratio(m, larger) / _group_ratio(m, eta))
        return rise / (larger - eta) - slope

    return margin


def _group_bound(m: Functions, most: float, allowance: float) -> Callable[..., Real]:
    def margin(eta: Real) -> Real:
        return most - 19 * _group_ratio(m, eta) + allowance

    return margin


def _never_above(m: Functions, most: Callable[[Functions], Real]) -> Callable[..., Real]:
    """Uniform flips and flips of the outlier's column alone stay below ``most``, over pi/(pi - 2)."""

    def margin(alpha: Real) -> Real:
        share = alpha * alpha
        background = (N - 1) * flip_energy(m, (1 - share) / (N - 1))
        limit = m.pi / (m.pi - 2)
        everywhere = limit * (flip_energy(m, share) + background) / 2
        column = flip_energy(m, share) / (2 * share) / (1 - 2 * share / m.pi)
        return most(m) - max(everywhere, column)

    return margin


def _half_moment(m: Functions, power: Real) -> Real:
    """E[t^power; t > 0] for a standard normal t."""
    return 2 ** (power / 2 - 1) * m.gamma((power + 1) / 2) / m.sqrt(m.pi)


def _limit_of_powers(m: Functions, sides: tuple[list[tuple[Real, Real]], ...], constant: Real) -> Real | None:
    """c0 of phi(t) = constant + sum of coefficient |t|^degree on either side of zero; None if phi is constant."""
    slope = weighted = cross = energy = m.mpf(0) if hasattr(m, "mpf") else 0.0
    for terms in sides:
        for a, i in terms:
            for b, j in terms:
                slope += a * b * i * j * _half_moment(m, i + j - 2)
                weighted += a * b * i * j * _half_moment(m, i + j)
                cross += a * b * i * _half_moment(m, i + j)
                energy += a * b * _half_moment(m, i + j)
            cross += a * i * constant * _half_moment(m, i)
            energy += 2 * a * constant * _half_moment(m, i)
    energy += constant * constant
    if not slope > 1e-9 or not energy > 1e-9:
        return None
    kappa = 2 / m.pi
    return slope / ((1 - kappa) * slope + kappa * (weighted - cross * cross / energy))


def _maximum(m: Functions, factor: float, allowance: float) -> Callable[..., Real]:
    def margin(right: Real, other_right: Real, left: Real, bias: Real, degree: Real, other: Real) -> Real:
        sides = ([(right, degree), (other_right, other)], [(left, degree)])
        found = _limit_of_powers(m, sides, bias)
        return 1.0 if found is None else factor * m.pi / (m.pi - 2) - found + allowance

    return margin


#: Below alpha = 1/2 less than half of a flip's energy is in gates; planted: a gate share two per cent larger.
GATE_SHARE = Statement(
    inputs={"alpha": (0.001, 0.5)},
    margin=_gate_share(math, ALLOWANCE, 1.0),
    planted=_gate_share(math, ALLOWANCE, 1.02),
    precise=precisely(_gate_share, 0.0, 1.0),
)

#: A flip's energy grows with its amplitude; planted: the smooth part alone does.
INCREASING = Statement(
    inputs={"alpha": (0.001, 0.999), "step": (0.001, 1.0)},
    margin=_increasing(math, flip_energy),
    planted=_increasing(math, smooth_energy),
    precise=precisely(_increasing, flip_energy),
)

#: n alpha^2 (1 - 4 alpha/(3 pi)) is within 1 % of R from the crossover to alpha = .6; planted: within .9 %.
LEADING = Statement(
    inputs={"alpha": (0.0221, 0.6)},
    margin=_leading(math, 0.01),
    planted=_leading(math, 0.009),
    precise=precisely(_leading, 0.01),
)

#: R_E increases with eta, by no less than 2 in its logarithm; planted: by no less than 4.5.
GROUP_INCREASING = Statement(
    inputs={"eta": (0.001, 0.99), "step": (0.001, 1.0)},
    margin=_group_increasing(math, 0.0),
    planted=_group_increasing(math, 4.5),
    precise=precisely(_group_increasing, 0.0),
)

#: R_col <= 19 for eta <= 1/2 with 5 % of the columns; planted: <= 18.9.
GROUP_BOUND = Statement(
    inputs={"eta": (0.0, 0.5)},
    margin=_group_bound(math, 19.0, ALLOWANCE),
    planted=_group_bound(math, 18.9, ALLOWANCE),
    precise=precisely(_group_bound, 19.0, 0.0),
)

#: No amplitude raises the ratio above pi/(pi - 2); planted: above .98 of it.
NEVER_ABOVE = Statement(
    inputs={"alpha": (0.001, 1.0)},
    margin=_never_above(math, lambda m: m.pi / (m.pi - 2)),
    planted=_never_above(math, lambda m: 0.98 * m.pi / (m.pi - 2)),
    precise=precisely(_never_above, lambda m: m.pi / (m.pi - 2)),
)

#: c0 <= pi/(pi - 2) for sums of powers with an offset; planted: .999 of it, which homogeneous ones exceed.
MAXIMUM = Statement(
    inputs={
        "right": (-1.0, 1.0),
        "other_right": (-1.0, 1.0),
        "left": (-1.0, 1.0),
        "bias": (-1.0, 1.0),
        "degree": (0.75, 4.0),
        "other": (0.75, 4.0),
    },
    margin=_maximum(math, 1.0, 1e-9),
    planted=_maximum(math, 0.999, 1e-9),
    precise=precisely(_maximum, 1.0, 0.0),
)
