"""Theorem 3's wide limit by quadrature: the definitions only, none of the closed forms that the claims are about.

Write clean and perturbed pre-activation as r cos f and s r cos(f - t), with f uniform and E r^2 = 2: s is the perturbed
standard deviation and t the angle whose cosine is their correlation. A moment of the two rectified normals is then an
integral of trigonometric functions over the arcs on which neither gate changes, done by mpmath to working precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mpmath import mp, mpf

from claims.streams import Streams

#: Decimal digits of the quadrature.
_DIGITS = 40
#: Nodes at which an expansion in sqrt(p) is interpolated: k / 500 for k = 1, ..., 8, hence exact to about 1e-12.
_NODES = tuple(range(1, 9))
_SPACING = 500
#: Leading powers of sqrt(p), where they are not 2 for what belongs to one arm and 0 for ratios of the arms.
_POWERS = {"magnitude_cross": 1, "magnitude_radial_fraction": 0}


@dataclass(frozen=True, slots=True)
class _Moments:
    """Second moments of a = relu(u) and a' = relu(u'), with da = a' - a."""

    gate: mpf
    smooth: mpf
    cross: mpf
    clean: mpf
    perturbed: mpf

    @property
    def total(self) -> mpf:
        return self.gate + self.smooth

    @property
    def radial(self) -> mpf:
        return self.cross**2 / self.clean

    @property
    def transverse(self) -> mpf:
        return self.total - self.radial


def _moments(scale: mpf, angle: mpf) -> _Moments:
    right = mp.pi / 2

    def arc(integrand: Any, low: mpf, high: mpf) -> mpf:
        return mp.quad(integrand, [low, high], method="gauss-legendre") / mp.pi

    def clean(f: mpf) -> mpf:
        return mp.cos(f)

    def moved(f: mpf) -> mpf:
        return scale * mp.cos(f - angle)

    off, both, on = (-right, angle - right), (angle - right, right), (right, right + angle)
    lost = arc(lambda f: clean(f) ** 2, *off)
    gained = arc(lambda f: moved(f) ** 2, *on)
    return _Moments(
        gate=lost + gained,
        smooth=arc(lambda f: (moved(f) - clean(f)) ** 2, *both),
        cross=arc(lambda f: clean(f) * (moved(f) - clean(f)), *both) - lost,
        clean=arc(lambda f: clean(f) ** 2, *both) + lost,
        perturbed=arc(lambda f: moved(f) ** 2, *both) + gained,
    )


def _limit(root: mpf, step: int) -> dict[str, mpf]:
    """Quantities of the wide limit at sqrt(p) = ``root``: energies per neuron of unit variance, and their ratios.

    The flips leave the variance alone and the correlation at 1 - 2p (A3). The magnitude step adds 2 sqrt(p) u with
    corr(z, u) = sqrt(2/pi), u = sign(W) x (A4).
    """
    rate, size, alignment = root**2, 2 * step * root, mp.sqrt(2 / mp.pi)
    variance = 1 + 2 * size * alignment + size**2
    sign = _moments(mpf(1), mp.acos(1 - 2 * rate))
    magnitude = _moments(mp.sqrt(variance), mp.acos((1 + size * alignment) / mp.sqrt(variance)))
    slope = 4 / (3 * mp.pi)
    factored = (1 - rate + slope * root**3) / (1 - 2 / mp.pi) * (1 - slope * root)
    c_pre = sign.transverse / magnitude.transverse
    values = {
        f"{arm}_{name}": getattr(moments, name)
        for arm, moments in (("sign", sign), ("magnitude", magnitude))
        for name in ("total", "gate", "smooth", "cross")
    }
    return values | {
        "sign_radial_fraction": sign.radial / sign.total,
        "magnitude_radial_fraction": magnitude.radial / magnitude.total,
        "energy_ratio": sign.total / magnitude.total,
        "c_pre": c_pre,
        "c_post": c_pre * magnitude.perturbed / sign.perturbed,
        "factored": factored,
        "remainder": c_pre / factored - 1,
    }


def wide_limit(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Theorem 3's quantities in the wide limit at one flip rate.

    Base point: flip_rate, step (sign of the magnitude step). Quantities: for each arm (``sign_``, ``magnitude_``)
    the energy ``total`` of da, its ``gate`` and ``smooth`` parts, ``cross`` = E[a da] and ``radial_fraction``;
    ``energy_ratio``; ``c_pre`` and ``c_post``; ``factored``, the paper's formula (Remark 1 without R_p), and
    ``remainder`` = c_pre/factored - 1, its R_p; ``factored_exact``, that formula with the exact R_sign; and
    ``radial_gain``, by how much the arms' radial fractions are farther apart than without the ReLU, 2/pi and p.
    """
    with mp.workdps(_DIGITS):
        root = mp.sqrt(mpf(repr(point["flip_rate"])))
        values = _limit(root, point["step"])
        sign, magnitude = values["sign_radial_fraction"], values["magnitude_radial_fraction"]
        values["factored_exact"] = (1 - sign) / (1 - 2 / mp.pi) * (1 - 4 * root / (3 * mp.pi))
        values["radial_gain"] = magnitude - sign - (2 / mp.pi - root**2)
        return {name: float(value) for name, value in values.items()}


def small_rate(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Coefficients of powers of sqrt(p) as p -> 0, by interpolation of ``wide_limit`` at tiny flip rates.

    Base point: step. Quantities: ``<name>_<j>`` is the coefficient of sqrt(p)^j, j = 0, 1, 2, in a quantity of
    ``wide_limit``; energies, the flips' radial fraction and their cross term are divided by p before the expansion,
    the magnitude step's cross term by sqrt(p), so that every expansion starts at order zero.
    """
    with mp.workdps(_DIGITS):
        roots = [mpf(node) / _SPACING for node in _NODES]
        rows = [_limit(root, point["step"]) for root in roots]
        powers = mp.matrix([[root**j for j in range(len(roots))] for root in roots])
        values: dict[str, float] = {}
        for name in rows[0]:
            power = _POWERS.get(name, 2 if name.startswith(("sign_", "magnitude_")) else 0)
            scaled = [row[name] / root**power for row, root in zip(rows, roots, strict=True)]
            coefficients = mp.lu_solve(powers, mp.matrix(scaled))
            values |= {f"{name}_{j}": float(coefficients[j]) for j in range(3)}
        return values
