"""Total, radial and transverse energy of a perturbation, sample by sample.

For a state y and its change dy, both rows of d entries: ``total = |dy|^2``, ``radial = (y.dy)^2 / |y|^2`` is the part
along y that RMSNorm removes, ``transverse = total - radial`` the part that passes (``claims.kernels.rms_norm_jvp``).
Sums are accumulated in float64 in one pass over both tensors, whatever their dtype.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.dispatch import Operation, check_rows, register
from claims.kernels.norm import scaled_rows

Energies = tuple[Tensor, Tensor, Tensor]


def _reference(y: Tensor, dy: Tensor) -> Energies:
    total = dy.double().square().sum(-1)
    if y.numel() == 0:
        return total, torch.zeros_like(total), total.clone()
    direction, _ = scaled_rows(y)
    along = (direction * dy.double()).sum(-1)
    norm = direction.square().sum(-1)
    radial = torch.minimum(torch.where(norm == 0, 0.0, along * (along / norm)), total)
    return total, radial, total - radial


def _cpu(y: Tensor, dy: Tensor, out: None) -> Energies:
    y, dy = native.plain(y), native.plain(dy)
    shape = y.shape[:-1]
    total, radial = native.empty(shape, torch.float64), native.empty(shape, torch.float64)
    transverse = native.empty(shape, torch.float64)
    native.call("transverse_energy", native.code(y.dtype), y, dy, total.numel(), y.shape[-1], total, radial, transverse)
    return total, radial, transverse


def _save(context: Any, arguments: tuple[Any, ...], output: Energies) -> None:
    context.save_for_backward(*arguments)


def _direction(y: Tensor, dy: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """y times a power of two, b = (y.dy) / |y|^2 divided by it, and the power: squares of y may leave float64."""
    scaled, power = scaled_rows(y)
    norm = scaled.square().sum(-1, keepdim=True)
    along = (scaled * dy).sum(-1, keepdim=True)
    return scaled, torch.where(norm == 0, 0.0, along / torch.where(norm == 0, 1.0, norm)), power


def _backward(context: Any, total: Tensor, radial: Tensor, transverse: Tensor) -> tuple[Tensor, Tensor]:
    """From d total = 2 dy.d(dy) and d radial = 2 b (y.d(dy) + dy.dy') - 2 b^2 y.dy', b = (y.dy) / |y|^2, dy' = d(y)."""
    y, dy = context.saved_tensors
    if y.numel() == 0:
        return torch.zeros_like(y), torch.zeros_like(dy)
    wide = dy.double()
    scaled, slope, power = _direction(y, wide)
    to_total, to_radial = (total + transverse).unsqueeze(-1), (radial - transverse).unsqueeze(-1)
    by_y = to_radial * (2 * slope * power * (wide - slope * scaled))
    by_dy = 2 * (to_total * wide + to_radial * slope * scaled)
    return by_y.to(y.dtype), by_dy.to(y.dtype)


def _tangent(arguments: tuple[Any, ...], tangents: tuple[Any, ...]) -> Energies:
    """By the same formulas; y in the direction dy' only turns, whatever its length."""
    (y, dy), (turned, changed) = arguments, (tangent.double() for tangent in tangents)
    if y.numel() == 0:
        none = dy.double().sum(-1)
        return none, torch.zeros_like(none), torch.zeros_like(none)
    wide = dy.double()
    scaled, slope, power = _direction(y, wide)
    slope, turned = slope.squeeze(-1), turned * power
    total = 2 * (wide * changed).sum(-1)
    radial = 2 * slope * ((scaled * changed + wide * turned).sum(-1) - slope * (scaled * turned).sum(-1))
    return total, radial, total - radial


def _fake(y: Tensor, dy: Tensor) -> Energies:
    total, radial, transverse = (y.new_empty(y.shape[:-1], dtype=torch.float64) for _ in range(3))
    return total, radial, transverse


TRANSVERSE_ENERGY = register(
    Operation(
        name="transverse_energy",
        schema="(Tensor y, Tensor dy) -> (Tensor, Tensor, Tensor)",
        reference=_reference,
        cpu=_cpu,
        triton="triton.energy:transverse_energy",
        fake=_fake,
        backward=_backward,
        save=_save,
        tangent=_tangent,
        row_by_row=True,
    )
)


def transverse_energy(y: Tensor, dy: Tensor, *, route: str | None = None) -> Energies:
    """``(total, radial, transverse)`` of the rows of dy against those of y (..., d): three float64 tensors (...).

    ``total = radial + transverse`` to one rounding of float64, ``0 <= radial <= total``. The relative error of total
    and radial is that of float64 sums of d terms; the error of transverse is that fraction of total, not of itself, so
    a change along y to within 1e-8 has a transverse energy of rounding errors. The result does not depend on |y|.
    Differentiable, to any order.

    A row of zeros has no direction: its radial energy is 0. A NaN in dy makes all three NaN, a NaN or an infinity in y
    radial and transverse. An infinity in dy makes total infinite and, unless y is zero, transverse NaN.
    Raises KernelError for other dtypes than the four float ones, 0-dimensional tensors, or y and dy that differ in
    shape, dtype or device.
    """
    check_rows("transverse_energy", y=y, dy=dy)
    result: Energies = TRANSVERSE_ENERGY(y, dy, route=route)
    return result
