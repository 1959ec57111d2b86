"""Experiments with other activations than ReLU and other weight laws: blocks with drawn weights, and quadrature.

Activations are written out here a second time, independently of the closed forms' quadrature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from claims.kernels import gemm, transverse_energy
from claims.papers.sign_magnitude.experiments.blocks import (
    Record,
    controlled_mean,
    energy,
    flip_change,
    inner,
    matched_size,
    product,
    sphere,
)
from claims.papers.sign_magnitude.experiments.vectors import draw_weights
from claims.streams import Streams

Array = NDArray[np.float64]

_TORCH: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": torch.nn.functional.silu,
    "gelu": torch.nn.functional.gelu,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "softplus": torch.nn.functional.softplus,
    "relu": torch.relu,
    "relu2": lambda z: torch.relu(z).square(),
    "linear": lambda z: z,
}


def _erf(z: Array) -> Array:
    from scipy.special import erf

    return erf(z)


_SMOOTH: dict[str, Callable[[Array], Array]] = {
    "silu": lambda z: z / (1 + np.exp(-z)),
    "gelu": lambda z: z * (1 + _erf(z / math.sqrt(2))) / 2,
    "tanh": np.tanh,
    "erf": _erf,
    "softplus": lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
}
#: Degree, and the factor of |t|^degree below zero.
_HOMOGENEOUS = {"linear": (1, -1), "relu": (1, 0), "leaky-relu": (1, -0.1), "abs": (1, 1), "relu2": (2, 0)}

#: Nodes of the trapezoidal rule in t, and its spacing in the noise, in standard deviations and over the activation's.
_T = np.arange(-12, 12, 0.02)
_XI_STEPS = (0.25, 0.2)
#: sqrt(p) at which the limit p -> 0 is taken, with twice that.
_ROOT = 1e-4
_METRICS = ("pre", "post")
_DIGITS = 30


def block(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Sign flips against the magnitude step behind any activation, on the same weights, flips and inputs x and -x.

    Controls are |h|^2, h.dh and |dh|^2, whose means over the sphere are norms and an inner product of matrices.

    Base point: n (= m), pairs, scale (standard deviation of pre-activations), law of the weights, flip_rate. Sweep:
    activation, metric. Quantities: transverse_sign and transverse_magnitude, means over inputs, and the same with
    ``plain_`` (no controls).
    """
    n = point["n"]
    weight = draw_weights(point["law"], n * n, streams.torch("weights")).view(n, n) * point["scale"]
    x = sphere(streams.torch("inputs"), point["pairs"], n)
    h, aligner = gemm(x, weight.T), torch.sign(weight)
    change = flip_change(weight, flip_rate=point["flip_rate"], key=streams.key("flips"))
    size = matched_size(energy(change), int(torch.count_nonzero(weight)))
    arms = {
        "sign": (gemm(x, change.T), -energy(change) / 2),  # D is -2 W or 0, so <W, D> = -|D|^2/2
        "magnitude": (size * gemm(x, aligner.T), size * product(weight, aligner)),
    }
    cells: dict[tuple[str, str], dict[str, float]] = {(a, m): {} for a in point["activation"] for m in point["metric"]}
    for arm, (dh, overlap) in arms.items():
        controls = torch.stack([inner(h, h), inner(h, dh), inner(dh, dh)], dim=-1)
        means = torch.tensor([energy(weight) / n, overlap / n, energy(change) / n], dtype=torch.float64)
        values = torch.cat([_transverse(activation, h, dh) for activation in point["activation"]], dim=-1)
        pairs = zip(controlled_mean(values, controls, means).tolist(), values.mean(0).tolist(), strict=True)
        for key, (controlled, plain) in zip(
            ((a, m) for a in point["activation"] for m in _METRICS), pairs, strict=True
        ):
            if key in cells:
                cells[key] |= {f"transverse_{arm}": controlled, f"plain_transverse_{arm}": plain}
    return [{"activation": activation, "metric": metric} | cell for (activation, metric), cell in cells.items()]


def _transverse(activation: str, h: Tensor, dh: Tensor) -> Tensor:
    """(K, 2): transverse energy of an input in the pre and in the post metric, averaged over x and -x."""
    sides = []
    for sign in (1, -1):
        clean, moved = _TORCH[activation](sign * h), _TORCH[activation](sign * (h + dh))
        transverse = transverse_energy(clean, moved - clean)[2]
        sides.append(torch.stack([transverse, transverse / inner(moved, moved)], dim=-1))
    return torch.stack(sides).mean(0)


def _smooth(name: str, scale: float, root: float, kappa: float) -> dict[str, float]:
    """Ratios at sqrt(p) = root by the trapezoidal rule, which converges exponentially for analytic integrands."""
    phi, along = _SMOOTH[name], math.sqrt(kappa)
    t, weights = _T[:, None], np.exp(-(_T**2) / 2)
    weights /= weights.sum()
    clean = phi(scale * t)
    turned = {
        "sign": (1 - 2 * root**2, 2 * root * math.sqrt(1 - root**2)),
        "magnitude": (1 + 2 * root * along, 2 * root * math.sqrt(1 - along**2)),
    }
    found = {}
    for arm, (growth, noise) in turned.items():
        own, of_activation = _XI_STEPS
        xi = np.arange(-9, 9, min(own, of_activation / (scale * noise)))
        chances = np.exp(-(xi**2) / 2)
        chances /= chances.sum()
        moved = phi(scale * (growth * t + noise * xi))
        change = moved - clean
        total, cross = float(weights @ change**2 @ chances), float(weights @ (clean * change) @ chances)
        radial = cross**2 / float(weights @ clean[:, 0] ** 2)
        found[arm] = (total, radial, float(weights @ moved**2 @ chances))
    return _ratios(found)


def _homogeneous(name: str, root: float, kappa: float) -> dict[str, float]:
    """The same for a positively homogeneous activation, on the circle: its degree's radial factor cancels."""
    from mpmath import mp, mpf

    degree, below = _HOMOGENEOUS[name]

    def phi(z: Any) -> Any:
        return z**degree if z > 0 else below * abs(z) ** degree

    with mp.workdps(_DIGITS):
        root, along = mpf(root), mp.sqrt(mpf(kappa))
        arms = {
            "sign": (1 - 2 * root**2, 2 * root * mp.sqrt(1 - root**2)),
            "magnitude": (1 + 2 * root * along, 2 * root * mp.sqrt(1 - along**2)),
        }
        found = {}
        for arm, (growth, noise) in arms.items():
            turn = mp.atan2(noise, growth)
            edges = sorted({-mp.pi / 2, turn - mp.pi / 2, mp.pi / 2, turn + mp.pi / 2, 3 * mp.pi / 2})

            def mean(function: Any, edges: Any = edges, growth: Any = growth, noise: Any = noise) -> Any:
                def at(f: Any) -> Any:
                    return function(phi(mp.cos(f)), phi(growth * mp.cos(f) + noise * mp.sin(f)))

                return mp.quad(at, edges, method="gauss-legendre", maxdegree=5)

            cross = mean(lambda a, b: a * (b - a))
            found[arm] = (
                mean(lambda a, b: (b - a) ** 2),
                cross**2 / mean(lambda a, b: a * a),
                mean(lambda a, b: b * b),
            )
        return _ratios(found)


def _ratios(arms: Mapping[str, tuple[Any, Any, Any]]) -> dict[str, float]:
    """Ratios from (total, radial, perturbed) energies of both arms."""
    (sign, sign_radial, sign_moved), (magnitude, radial, moved) = arms["sign"], arms["magnitude"]
    pre = (sign - sign_radial) / (magnitude - radial)
    return {
        "pre": float(pre),
        "post": float(pre * moved / sign_moved),
        "energy_ratio": float(sign / magnitude),
        "radial_magnitude": float(radial / magnitude),
    }


def _at(point: Mapping[str, Any], root: float) -> dict[str, float]:
    name, kappa = point["activation"], point["kappa"]
    return _homogeneous(name, root, kappa) if name in _HOMOGENEOUS else _smooth(name, point["scale"], root, kappa)


def finite_rate(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Wide-limit ratios at a finite flip rate. Base point: activation, scale, flip_rate, kappa ((E|w|)^2/E w^2).

    Quantities: ``pre`` and ``post`` ratio of transverse energies, ``energy_ratio``, ``radial_magnitude``.
    """
    return _at(point, math.sqrt(point["flip_rate"]))


def small_rate(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Limits of ``finite_rate`` as p -> 0, from sqrt(p) = 1e-4 and twice that: first order in sqrt(p) cancels."""
    near, far = _at(point, _ROOT), _at(point, 2 * _ROOT)
    return {name: 2 * near[name] - far[name] for name in near}
