"""Draws and estimators that the block experiments share. Samples are rows: inputs (K, n), pre-activations (K, m)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels import sign_flip

#: One cell of a sweep: its coordinates and the quantities measured there.
Record = dict[str, Any]

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def dtype_of(point: Mapping[str, Any]) -> torch.dtype:
    """The dtype of weights, inputs and matrix products that the point names (sums over samples are float64)."""
    return _DTYPES[point["dtype"]]


def gaussian_matrix(
    generator: torch.Generator, rows: int, columns: int, *, dtype: torch.dtype = torch.float32
) -> Tensor:
    """A (rows, columns) matrix of iid N(0, 1/columns) entries, the paper's law for both projections (A1)."""
    return torch.randn(rows, columns, generator=generator, dtype=dtype) / math.sqrt(columns)


def sphere(generator: torch.Generator, count: int, dimension: int, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """``count`` rows, uniform on the unit sphere."""
    x = torch.randn(count, dimension, generator=generator, dtype=dtype)
    lengths: Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    return x / lengths


def inner(a: Tensor, b: Tensor) -> Tensor:
    """Row-wise inner products, summed in the rows' dtype (relative rounding near 1e-7 in float32), as float64."""
    products: Tensor = torch.linalg.vecdot(a, b)
    return products.double()


def product(a: Tensor, b: Tensor) -> float:
    """Frobenius inner product of two matrices: rows as in ``inner``, over rows in float64."""
    return float(inner(a, b).sum())


def energy(a: Tensor) -> float:
    """Squared Frobenius norm."""
    return product(a, a)


def flip_change(weight: Tensor, *, flip_rate: float, key: int) -> Tensor:
    """Change of the weight by random sign flips (A3): -2 w where flipped, else 0, both exact in floating point."""
    flipped: Tensor = sign_flip(weight, flip_rate=flip_rate, key=key)
    return flipped - weight


def matched_size(change_energy: float, moved: int) -> float:
    """Size of the constant step along sign(W) of squared Frobenius norm ``change_energy`` (A4).

    The norm is the flips' realised one in this draw, not its expectation 2 sqrt(p/n); ``moved`` counts the nonzero
    entries of W.
    """
    return math.sqrt(change_energy / moved)


def alignment_excess(absolute_sum: float, weight_energy: float, entries: int) -> float:
    """|W|_1 of iid centred normal entries less the |W|_F in it: of mean zero, whatever the entries' variance.

    |W|_1/|W|_F is independent of |W|_F, so that E|W|_1/E|W|_F = N Gamma(N/2) / (sqrt(pi) Gamma((N + 1)/2)) of it is
    what |W|_F takes along.
    """
    log_quotient = math.lgamma(entries / 2) - math.lgamma((entries + 1) / 2)
    return absolute_sum - entries / math.sqrt(math.pi) * math.exp(log_quotient) * math.sqrt(weight_energy)


def sine_squared_after_projection(sine2: Tensor, outputs: int) -> Tensor:
    """Expected squared sine of the angle between W2 a and W2 a', given that between a and a' (any shape).

    Rows of a Gaussian W2 make the outputs d iid pairs of correlation rho, so that the squared cosine is the squared
    uncentred sample correlation, with 1 - E r^2 = (1 - 1/d)(1 - rho^2) 2F1(1, 1; d/2 + 1; rho^2). The series has
    terms rho^(2j) / C(d/2 + j, j) and stops where they fall below 1e-12.
    """
    rho2 = 1.0 - sine2
    term = torch.ones_like(rho2)
    series = term.clone()
    size, j = 1.0, 1
    while size > 1e-12:
        factor = j / (outputs / 2 + j)
        term = term * rho2 * factor
        series += term
        size, j = size * factor, j + 1
    return (1 - 1 / outputs) * sine2 * series


def controlled_mean(values: Tensor, controls: Tensor, means: Tensor, *, excess: Tensor | None = None) -> Tensor:
    """Means over inputs with control variates, unbiased whatever the fit.

    The coefficients used on one half of the inputs are fitted on the other, so that they are independent of what
    they correct and E[values - (controls - means) @ beta] = E[values] exactly.

    Args:
        values: (..., K, q) per-input values.
        controls: (..., K, c) per-input controls.
        means: (..., c) exact means of the controls given everything but the inputs.
        excess: (..., c) a part of these of mean zero over all else that is drawn, taken out by the same coefficients.
            They do depend on what else is drawn: the mean moves by their covariance with the excess, a fraction of
            order 1/N of N drawn weights.

    Returns:
        (..., q) estimates.
    """
    half = values.shape[-2] // 2
    halves = (slice(0, half), slice(half, None))
    centred = controls - means.unsqueeze(-2)
    scale = centred.square().mean(-2, keepdim=True).sqrt()
    drift = torch.zeros_like(scale) if excess is None else excess.unsqueeze(-2) / scale
    centred = centred / scale
    estimates: list[Tensor] = []
    for fit, use in (halves, halves[::-1]):
        z = centred[..., fit, :] - centred[..., fit, :].mean(-2, keepdim=True)
        v = values[..., fit, :] - values[..., fit, :].mean(-2, keepdim=True)
        # torch's default driver, gelsy, reads pivots left over in memory and is not reproducible to the bit.
        beta: Tensor = torch.linalg.lstsq(z, v, driver="gelsd").solution
        estimates.append((values[..., use, :] - (centred[..., use, :] + drift) @ beta).mean(-2))
    return (estimates[0] + estimates[1]) / 2
