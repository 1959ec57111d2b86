"""Wide limit of deep stacks by quadrature: the Gram matrices of the streams, layer by layer, in 40 digits.

The rectified product moment is integrated over the arc on which both gates are open, and energies and inner products
of the streams are propagated as such; the claims' closed forms use neither. The working precision makes up for what
cancels at small flip rates.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mpmath import mp, mpf

if TYPE_CHECKING:
    from claims.papers.sign_magnitude.experiments.blocks import Record
    from claims.streams import Streams

#: Decimal digits of the quadrature.
_DIGITS = 40
#: Nodes at which an expansion in sqrt(p) is interpolated: k / 2000 for k = 1, ..., 8.
_NODES = tuple(range(1, 9))
_SPACING = 2000


@dataclass(frozen=True, slots=True)
class _Gram:
    """|y|^2, |y'|^2, y.y' of a clean and a perturbed stream, and their coordinate means times sqrt(width)."""

    clean: mpf
    perturbed: mpf
    product: mpf
    mean: mpf
    perturbed_mean: mpf

    def transverse(self, metric: str) -> mpf:
        determinant = self.clean * self.perturbed - self.product**2
        return determinant / (self.clean if metric == "pre" else self.clean * self.perturbed)

    def normalised(self) -> _Gram:
        a, b = mp.sqrt(self.clean), mp.sqrt(self.perturbed)
        return _Gram(mpf(1), mpf(1), self.product / (a * b), self.mean / a, self.perturbed_mean / b)


@dataclass(frozen=True, slots=True)
class _Arm:
    """Pre-activations of one perturbed layer on equal inputs: standard deviation (clean: 1), correlation to clean."""

    scale: mpf
    correlation: mpf


@lru_cache(maxsize=1024)
def _rectified_product(rho: mpf) -> mpf:
    """E[relu(u) relu(v)]: with (u, v) = r (cos f, cos(f - t)) and E r^2 = 2, over the arc of common support."""
    t = mp.acos(rho)
    ends = [t - mp.pi / 2, mp.pi / 2]
    return mp.quad(lambda f: mp.cos(f) * mp.cos(f - t), ends, method="gauss-legendre") / mp.pi


def _half_linear_product(rho: mpf) -> mpf:
    """The same for z/2, which SiLU is on pre-activations of vanishing variance."""
    return rho / 4


def _linear_product(rho: mpf) -> mpf:
    return rho


_PRODUCTS: Mapping[str, Callable[[mpf], mpf]] = {
    "relu": _rectified_product,
    "silu": _half_linear_product,
    "linear": _linear_product,
}


def _after(gram: _Gram, arm: _Arm, point: Mapping[str, Any]) -> _Gram:
    """The streams after a layer, before any normalisation of its output."""
    product = _PRODUCTS[point["activation"]]
    rho = arm.correlation * gram.product / mp.sqrt(gram.clean * gram.perturbed)
    clean, perturbed, cross = product(mpf(1)), arm.scale**2 * product(mpf(1)), arm.scale * product(rho)
    if point["norm"] == "none":
        clean, perturbed = clean * gram.clean, perturbed * gram.perturbed
        cross *= mp.sqrt(gram.clean * gram.perturbed)
    if not point["residual"]:
        return _Gram(clean, perturbed, cross, mpf(0), mpf(0))
    rectified = point["activation"] == "relu" and point["projection"] == "none"
    mean = 1 / mp.sqrt(2 * mp.pi) if rectified else mpf(0)
    moved = arm.scale * mean
    return _Gram(
        gram.clean + clean + 2 * gram.mean * mean,
        gram.perturbed + perturbed + 2 * gram.perturbed_mean * moved,
        gram.product + cross + gram.mean * moved + gram.perturbed_mean * mean,
        gram.mean + mean,
        gram.perturbed_mean + moved,
    )


def _arms(root: mpf) -> tuple[_Arm, _Arm]:
    """Sign flips at sqrt(p) = ``root`` (A3) and the growing magnitude step of their norm (A4)."""
    size, alignment = 2 * root, mp.sqrt(2 / mp.pi)
    scale = mp.sqrt(1 + 2 * size * alignment + size**2)
    return _Arm(mpf(1), 1 - 2 * root**2), _Arm(scale, (1 + size * alignment) / scale)


def _ratios(root: mpf, point: Mapping[str, Any]) -> dict[tuple[int, str], mpf]:
    """Ratio of transverse energies at sqrt(p) = ``root``, by layer and metric."""
    arms, ratios = _arms(root), {}
    grams = [_Gram(mpf(1), mpf(1), mpf(1), mpf(0), mpf(0))] * 2
    for layer in range(1, max(point["layer"]) + 1):
        grams = [_after(gram, arm, point) for gram, arm in zip(grams, arms, strict=True)]
        for metric in point["metric"]:
            sign, magnitude = (gram.transverse(metric) for gram in grams)
            ratios[layer, metric] = sign / magnitude
        if point["norm"] == "stream":
            grams = [gram.normalised() for gram in grams]
    return ratios


def _cells(point: Mapping[str, Any]) -> list[tuple[int, str]]:
    return list(itertools.product(point["layer"], point["metric"]))


def mean_field(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The ratio in the wide limit.

    Base point: flip_rate, residual, projection, norm, activation, as in ``depth.stack``. Sweep: layer, metric.
    Quantity: c.
    """
    with mp.workdps(_DIGITS):
        ratios = _ratios(mp.sqrt(mpf(repr(point["flip_rate"]))), point)
        return [{"layer": cell[0], "metric": cell[1], "c": float(ratios[cell])} for cell in _cells(point)]


def few_flips(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Coefficients of powers of sqrt(p) in the ratio as p -> 0, by interpolation at tiny flip rates.

    Base point: residual, projection, norm, activation. Sweep: layer, metric. Quantities: ``limit``, the ratio at
    p = 0, and ``slope``, the coefficient of sqrt(p) divided by the limit.
    """
    with mp.workdps(_DIGITS):
        roots = [mpf(node) / _SPACING for node in _NODES]
        powers = mp.matrix([[root**j for j in range(len(roots))] for root in roots])
        rows = [_ratios(root, point) for root in roots]
        records = []
        for cell in _cells(point):
            limit, slope, *_ = mp.lu_solve(powers, mp.matrix([row[cell] for row in rows]))
            records.append({"layer": cell[0], "metric": cell[1], "limit": float(limit), "slope": float(slope / limit)})
        return records


def plateau(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The ratio at infinite depth: ReLU layers without a skip connection, outputs normalised.

    Each arm's cosine C is the fixed point of C = 2 E[relu(u) relu(v)] at correlation kappa C, bracketed by a cosine of
    one and of zero.

    Base point: flip_rate. Quantity: c.
    """
    with mp.workdps(_DIGITS):
        deficits = [_fixed_deficit(arm.correlation) for arm in _arms(mp.sqrt(mpf(repr(point["flip_rate"]))))]
        sign, magnitude = (deficit * (2 - deficit) for deficit in deficits)
        return {"c": float(sign / magnitude)}


def _fixed_deficit(correlation: mpf) -> mpf:
    """1 - C at the fixed point, to 35 digits after the point."""

    def excess(deficit: mpf) -> mpf:
        return 1 - 2 * _rectified_product(correlation * (1 - deficit)) - deficit

    return mp.findroot(excess, (mpf(0), mpf(1)), solver="anderson", tol=mpf(10) ** (10 - 2 * _DIGITS), maxsteps=200)


def compounding(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """What Conjecture 1 predicts: (pi/(pi - 2))^(exponent layer). Base point: exponent, layer. Quantity: c."""
    with mp.workdps(_DIGITS):
        return {"c": float((mp.pi / (mp.pi - 2)) ** (mpf(repr(point["exponent"])) * point["layer"]))}
