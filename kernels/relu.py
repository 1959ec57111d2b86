"""What a ReLU block's energies are made of, sample by sample and for inputs of both signs, in one pass.

For pre-activations h and their change dh, rows of d entries: a = relu(h), b = relu(h + dh) and da = b - a. An input x
and its mirror image -x have pre-activations h, dh and -h, -dh, so that a second pass is saved.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.dispatch import Operation, check_rows, register

_SUMS = 10


@dataclass(frozen=True, kw_only=True)
class Side:
    """Sums over a row for one sign of its input, each (...) float64: |a|^2, a.da, |da|^2 and |b|^2."""

    clean: Tensor
    cross: Tensor
    total: Tensor
    moved: Tensor

    @property
    def radial(self) -> Tensor:
        """(a.da)^2 / |a|^2, the part of |da|^2 along a: 0 for a row of zeros, at most ``total``."""
        share = torch.where(self.clean == 0, 0.0, self.cross / torch.where(self.clean == 0, 1.0, self.clean))
        return torch.minimum(self.cross * share, self.total)

    @property
    def transverse(self) -> Tensor:
        """``total - radial``."""
        return self.total - self.radial


@dataclass(frozen=True, kw_only=True)
class ReluMoments:
    """Of the input, of its mirror image, and without the ReLU: ``cross`` = h.dh, ``total`` = |dh|^2."""

    up: Side
    down: Side
    linear: Side


def _reference(h: Tensor, dh: Tensor) -> Tensor:
    wide, change = h.double(), dh.double()
    moved = wide + change
    sums = []
    for u, v in ((wide, moved), (-wide, -moved)):
        a, b = torch.relu(u), torch.relu(v)
        sums += [a * a, a * (b - a), (b - a).square(), b * b]
    return torch.stack([part.sum(-1) for part in (*sums, wide * change, change.square())], dim=-1)


def _cpu(h: Tensor, dh: Tensor, out: Tensor | None) -> Tensor:
    h, dh = native.plain(h), native.plain(dh)
    sums = native.empty((*h.shape[:-1], _SUMS), torch.float64) if out is None else out
    native.call("relu_moments", native.code(h.dtype), h, dh, h.shape[:-1].numel(), h.shape[-1], sums)
    return sums


RELU_MOMENTS = register(
    Operation(
        name="relu_moments",
        schema="(Tensor h, Tensor dh) -> Tensor",
        reference=_reference,
        cpu=_cpu,
        fake=lambda h, dh: h.new_empty((*h.shape[:-1], _SUMS), dtype=torch.float64),
        row_by_row=True,
    )
)


def relu_moments(h: Tensor, dh: Tensor, *, route: str | None = None) -> ReluMoments:
    """Energies of relu(h + dh) - relu(h) and of relu(-h - dh) - relu(-h), row by row of h and dh (..., d).

    Every sum is taken in float64 over entries widened to it, h + dh included: its relative error is that of d terms of
    its own magnitudes. Not differentiable.

    A NaN in h or dh is a NaN in the sums that it enters, an infinity as IEEE arithmetic has it.
    Raises KernelError for other dtypes than the four float ones, 0-dimensional tensors, or h and dh that differ in
    shape, dtype or device.
    """
    check_rows("relu_moments", h=h, dh=dh)
    sums = RELU_MOMENTS(h, dh, route=route).movedim(-1, 0).contiguous()
    names = ("clean", "cross", "total", "moved")
    up, down = (Side(**dict(zip(names, sums[at : at + 4], strict=True))) for at in (0, 4))
    clean, cross, total = up.clean + down.clean, sums[8], sums[9]
    return ReluMoments(
        up=up, down=down, linear=Side(clean=clean, cross=cross, total=total, moved=clean + 2 * cross + total)
    )
