"""Experiments on the geometry of RMSNorm (section 4), in float64.

RMS(y) = sqrt(d) y/|y|. Derivatives are taken by complex steps, f(y + i s h) = f(y) + i s D f[h] + O(s^2) with
s = 1e-40, which subtract nothing and so are exact to rounding; the closed forms they are compared with come from
the kernels under test or are written out here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from claims.kernels import rms_norm, rms_norm_jvp

if TYPE_CHECKING:
    from claims.streams import Streams

Array = np.ndarray[Any, np.dtype[Any]]

EPS = 2.0**-52
COMPLEX_STEP = 1e-40


def normalised(y: Array, device: str = "cpu") -> Array:
    """RMS(y) of rows y (..., d) by the kernel, on a device."""
    rows: Array = rms_norm(torch.from_numpy(y).to(device)).numpy(force=True)
    return rows


def derivative(y: Array, h: Array, device: str = "cpu") -> Array:
    """D RMS(y)[h] of rows by the kernel, on a device: sqrt(d)/|y| times the part of h transverse to y."""
    rows: Array = rms_norm_jvp(torch.from_numpy(y).to(device), torch.from_numpy(h).to(device)).numpy(force=True)
    return rows


def length(y: Array) -> Array:
    """Euclidean norms of rows."""
    norms: Array = np.sqrt(np.einsum("...i,...i->...", y, y))
    return norms


def rescaling(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Theorem 1 at drawn vectors: y = alpha z with scales of either sign and positive energy-weighted mean.

    Base point: ``dim``. ``chord`` = |RMS(y) - RMS(z)|/sqrt(d), ``formula`` = sqrt(2 - 2/sqrt(1 + CV^2)), ``cv``.
    ``uniform`` is the chord for constant alpha, ``uniform_planted`` the one with a single scale off by 1e-9.

    Rounding: each RMS is within (d/2 + 4) ulp, hence so is the chord, in absolute terms. CV is known to
    (2d + 8)(1 + CV) A ulp, A = max|alpha|/mean; the chord's slope in CV is at most 1, and the root of a
    difference from 2 adds 4/CV ulp.
    """
    dim = int(point["dim"])
    generator = streams.numpy("row")
    z = generator.standard_normal(dim)
    alpha = 1 + generator.uniform(0.05, 1) * generator.standard_normal(dim)
    weight = z * z / (z @ z)
    mean = float(weight @ alpha)
    alpha, mean = math.copysign(1, mean) * alpha, abs(mean)
    cv = math.sqrt(float(weight @ (alpha - mean) ** 2)) / mean
    unit = normalised(z, streams.device)
    scale = float(generator.uniform(0.1, 10))
    nudged = np.full(dim, scale)
    nudged[0] *= 1 + 1e-9
    spread = float(np.abs(alpha).max()) / mean
    return {
        "chord": float(length(normalised(alpha * z, streams.device) - unit)) / math.sqrt(dim),
        "formula": math.sqrt(2 - 2 / math.hypot(1, cv)),
        "cv": cv,
        "bound": (dim + 8 + (2 * dim + 8) * (1 + cv) * spread + 4 / cv) * EPS,
        "uniform": float(length(normalised(scale * z, streams.device) - unit)) / math.sqrt(dim),
        "uniform_planted": float(length(normalised(nudged * z, streams.device) - unit)) / math.sqrt(dim),
        "uniform_bound": (dim + 8) * EPS,
    }


def two_scales(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Chord of Theorem 1 at a given coefficient of variation: two equal energies scaled by 1 + cv and 1 - cv.

    Base point: ``cv``. ``chord`` is measured by the kernel; ``slack`` = cv/chord.
    """
    cv = float(point["cv"])
    chord = float(length(normalised(np.array([1 + cv, 1 - cv])) - normalised(np.ones(2)))) / math.sqrt(2)
    return {"chord": chord, "slack": cv / chord}


def projector(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Theorem 2 and Corollary 2 at drawn y, h: the kernel's derivative against a complex step of y/rms(y).

    Base point: ``dim``. ``gap`` is |step - kernel|, ``planted`` the same without the projector. ``radial`` is
    |D[c y]| (c drawn), ``radial_planted`` |D[c y + 1e-9 h]|. ``transverse`` = |D[t]| for t = h made orthogonal to
    y, which should be ``passed`` = sqrt(d) |t|/|y|; ``transverse_planted`` takes |h| for |t|. Rounding: products
    and sums over d entries, (4d + 32) ulp of sqrt(d) |h|/|y|.
    """
    dim = int(point["dim"])
    generator = streams.numpy("row")
    y, h = generator.standard_normal(dim), generator.standard_normal(dim)
    gain = math.sqrt(dim) / float(length(y))
    across = h - y * ((y @ h) / (y @ y))
    shift = generator.uniform(0.1, 10) * y
    stepped = _complex_step(_plain_rms_norm, y, h)
    return {
        "gap": float(length(stepped - derivative(y, h, streams.device))),
        "planted": float(length(stepped - gain * h)),
        "bound": (4 * dim + 32) * EPS * gain * float(length(h)),
        "radial": float(length(derivative(y, shift, streams.device))),
        "radial_planted": float(length(derivative(y, shift + 1e-9 * h, streams.device))),
        "radial_bound": (4 * dim + 32) * EPS * gain * float(length(shift)),
        "transverse": float(length(_complex_step(_plain_rms_norm, y, across))),
        "passed": gain * float(length(across)),
        "transverse_planted": gain * float(length(h)),
    }


def second_derivative(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The Hessian term of Corollary 3: -[2 (u.h) Ph + |Ph|^2 u] sqrt(d)/|y|^2 with u = y/|y|.

    Base point: ``dim``. ``gap`` compares the formula with a complex step of the first derivative, ``planted`` the
    one without the factor 2. ``inner`` is the inner product of the two bracketed terms over the product of their
    lengths, ``inner_planted`` the one with h in place of Ph. Rounding: (8d + 64) ulp of sqrt(d) |h|^2/|y|^2.
    """
    dim = int(point["dim"])
    generator = streams.numpy("row")
    y, h = generator.standard_normal(dim), generator.standard_normal(dim)
    norm = float(length(y))
    unit = y / norm
    along = float(unit @ h)
    across = h - along * unit
    first, second = 2 * along * across, float(across @ across) * unit
    gain = math.sqrt(dim) / norm**2
    stepped = _complex_step(lambda x: _plain_derivative(x, h), y, h)
    slanted = 2 * along * h
    return {
        "gap": float(length(stepped + gain * (first + second))),
        "planted": float(length(stepped + gain * (first / 2 + second))),
        "bound": (8 * dim + 64) * EPS * gain * float(h @ h),
        "inner": float(first @ second) / float(length(first) * length(second)),
        "inner_planted": float(slanted @ second) / float(length(slanted) * length(second)),
        "inner_bound": (4 * dim + 32) * EPS * float(length(h) / length(across)),
    }


def hessian_supremum(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Largest |D^2 RMS(y)[h, h]|/sqrt(d) over unit h, y being a unit vector of ``dim`` entries.

    Rotations leave it alone, so h turns in one plane through y; a complex step gives the second derivative.
    """
    y, orthogonal = _frame(int(point["dim"]))

    def size(angles: Array) -> Array:
        h = np.cos(angles)[:, None] * y + np.sin(angles)[:, None] * orthogonal
        return length(_complex_step(lambda x: _plain_derivative(x, h), y, h)) / math.sqrt(len(y))

    return {"supremum": _largest(size, 0.0, math.pi / 2)}


def remainder_supremum(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Largest remainders of the linearised RMSNorm over |h| = eps |y|, y a vector of ``dim`` entries.

    Base point: ``dim``, ``eps``. ``absolute`` is |RMS(y + h) - RMS(y) - D[h]|/(sqrt(d) eps^2), ``relative`` the
    remainder over |D[h]|; h turns in one plane through y, short of 1 mrad from the opposite direction, where
    |D[h]| vanishes.
    """
    y, orthogonal = _frame(int(point["dim"]))
    eps = float(point["eps"])

    def parts(angles: Array) -> tuple[Array, Array]:
        h = eps * (np.cos(angles)[:, None] * y + np.sin(angles)[:, None] * orthogonal)
        base = np.broadcast_to(y, h.shape).copy()
        linear = derivative(base, h)
        return length(normalised(base + h) - normalised(base) - linear), length(linear)

    return {
        "absolute": _largest(lambda f: parts(f)[0], 0.0, math.pi) / (math.sqrt(len(y)) * eps**2),
        "relative": _largest(lambda f: np.divide(*parts(f)), 1e-3, math.pi - 1e-3),
    }


def step_kept(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Energy that RMSNorm keeps of a perturbation of a linear layer's output y = Wx.

    Base point: ``n``, ``m``, ``inputs``, ``size`` (relative step, small). ``kept`` = mean over inputs of
    |RMS(y + dy) - RMS(y)|^2 |y|^2/d and ``total`` = mean of |dy|^2 for dW = size sign(W) rms(W). ``scaled`` is the
    change of RMS(y) when all of W is multiplied by 1 + c, which should vanish, ``scaled_planted`` the one when one
    row alone is. Rounding: an entry of y is off by n ulp of |w||x|, so RMS(y) by sqrt(m) (m + 16) ulp plus
    m n ulp of |w||x|/|y|, on both sides.
    """
    n, m, inputs = int(point["n"]), int(point["m"]), int(point["inputs"])
    generator = streams.numpy("draws")
    weights = generator.standard_normal((m, n)) / math.sqrt(n)
    x = generator.standard_normal((inputs, n)) / math.sqrt(n)
    factor = 1 + float(generator.uniform(0.1, 1))
    one_row = weights.copy()
    one_row[0] *= 1 + 1e-6
    y, dy = x @ weights.T, x @ (np.sign(weights) * (float(point["size"]) / math.sqrt(n))).T
    before = normalised(y)
    row_length = float(length(weights).max())
    moved = length(normalised(y + dy) - before)
    return {
        "kept": float(np.mean(moved**2 * length(y) ** 2)) / m,
        "total": float(np.mean(length(dy) ** 2)),
        "scaled": float(length(normalised(x @ (factor * weights).T) - before).max()),
        "scaled_planted": float(length(normalised(x @ one_row.T) - before).max()),
        "scaled_bound": 2 * EPS * (math.sqrt(m) * (m + 16) + m * n * float((length(x) / length(y)).max() * row_length)),
    }


def _plain_rms_norm(y: Array) -> Array:
    result: Array = y / np.sqrt(np.mean(y * y, axis=-1, keepdims=True))
    return result


def _plain_derivative(y: Array, h: Array) -> Array:
    """Theorem 2's formula in arithmetic that also takes complex y."""
    square = np.sum(y * y, axis=-1, keepdims=True)
    across = h - y * (np.sum(y * h, axis=-1, keepdims=True) / square)
    result: Array = math.sqrt(y.shape[-1]) * across / np.sqrt(square)
    return result


def _complex_step(function: Callable[[Array], Array], y: Array, h: Array) -> Array:
    imaginary: Array = function(y + 1j * COMPLEX_STEP * h).imag / COMPLEX_STEP
    return imaginary


def _frame(dim: int) -> tuple[Array, Array]:
    """Two orthonormal vectors of ``dim`` entries, dense enough that every entry takes part."""
    y, other = np.cos(np.arange(dim)), np.sin(1.0 + np.arange(dim) ** 2)
    y = y / length(y)
    other = other - y * (y @ other)
    return y, other / length(other)


def _largest(function: Callable[[Array], Array], low: float, high: float) -> float:
    """Largest value on an interval: a grid, zoomed three times into the neighbours of its best point."""
    for _ in range(4):
        grid = np.linspace(low, high, 201)
        values = function(grid)
        best = int(np.argmax(values))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, 200)]
    return float(values[best])
