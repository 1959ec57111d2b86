"""Binary and ternary weights: codes with one scale a row or a tensor.

``sign_quantize`` is W ~ scale * sgn(W) with scale the mean magnitude, the least-squares choice (Rastegari et al.,
XNOR-Net, 2016); ``ternary_quantize`` is the absmean rule of BitNet b1.58 (Ma et al., 2024): W / scale rounded to the
nearest of -1, 0, 1. Scales are float64 for float64 weights, else float32, and are exact to the rounding of a float64
sum and their own; codes are a function of weights and scale that every route computes exactly.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.arguments import check_choice
from claims.kernels.dispatch import Operation, check_floating, register
from claims.kernels.errors import KernelError

PIECE = 4096
"""Entries summed at a time for the scale of a tensor; the sums of pieces are added exactly."""


def _scale_dtype(w: Tensor) -> torch.dtype:
    return torch.float64 if w.dtype == torch.float64 else torch.float32


def _rows(w: Tensor, by_row: bool) -> tuple[int, int]:
    """How many scales there are, and how many entries share one."""
    rows = math.prod(w.shape[:-1]) if by_row else 1
    return rows, w.shape[-1] if by_row else w.numel()


def _reference_absmean(w: Tensor, by_row: bool) -> Tensor:
    wide = w.double().abs()
    return (wide.mean(-1) if by_row else wide.mean()).to(_scale_dtype(w))


def _cpu_absmean(w: Tensor, by_row: bool, out: Tensor | None) -> Tensor:
    w = native.plain(w)
    rows, d = _rows(w, by_row)
    if by_row or d <= PIECE:
        means = native.empty(w.shape[:-1] if by_row else (), _scale_dtype(w))
        native.call("absolute_mean", native.code(w.dtype), w, rows, d, means)
        return means
    # Sums over fixed pieces, added exactly: the same bits for any number of threads.
    whole = d // PIECE
    sums = native.empty((whole + 1,), torch.float64)
    native.call("absolute_sum", native.code(w.dtype), w, whole, PIECE, sums)
    native.call("absolute_sum", native.code(w.dtype), w.view(-1)[whole * PIECE :], 1, d - whole * PIECE, sums[whole:])
    values = sums.tolist()
    total = math.fsum(values) if all(map(math.isfinite, values)) else sum(values)
    return torch.tensor(total / d, dtype=_scale_dtype(w), device="cpu")


def _reference_codes(w: Tensor, scale: Tensor, by_row: bool, ternary: bool) -> Tensor:
    if not ternary:
        return torch.where(w < 0, -1, 1).to(torch.int8)
    half = scale.double() / 2
    wide, bound = w.double(), half.unsqueeze(-1) if by_row else half
    return torch.where(wide.abs() > bound, wide.sign(), 0.0).to(torch.int8)


def _cpu_codes(w: Tensor, scale: Tensor, by_row: bool, ternary: bool, out: Tensor | None) -> Tensor:
    w, codes = native.plain(w), native.result(w, out, dtype=torch.int8)
    rows, d = _rows(w, by_row=True)
    scale = native.plain(scale if scale.dtype in native.DTYPES else scale.double())
    scales = (native.code(scale.dtype), scale if ternary else None, int(by_row))
    native.call("weight_codes", native.code(w.dtype), w, rows, d, *scales, codes)
    return codes


ABSMEAN = register(
    Operation(
        name="absmean",
        schema="(Tensor w, bool by_row) -> Tensor",
        reference=_reference_absmean,
        cpu=_cpu_absmean,
        triton="triton.ternary_codes:absmean",
        fake=lambda w, by_row: w.new_empty(w.shape[:-1] if by_row else (), dtype=_scale_dtype(w)),
    )
)
WEIGHT_CODES = register(
    Operation(
        name="weight_codes",
        schema="(Tensor w, Tensor scale, bool by_row, bool ternary) -> Tensor",
        reference=_reference_codes,
        cpu=_cpu_codes,
        triton="triton.ternary_codes:weight_codes",
        fake=lambda w, scale, by_row, ternary: w.new_empty(w.shape, dtype=torch.int8),
    )
)


def _codes_and_scales(w: Tensor, by_row: bool, ternary: bool) -> tuple[Tensor, Tensor]:
    """Both by one call of a compiled kernel."""
    rows, d = _rows(w, by_row=True)
    scales = native.empty(w.shape[:-1] if by_row else (), _scale_dtype(w))
    codes = torch.empty_like(w, dtype=torch.int8)
    native.call("quantize_weights", native.code(w.dtype), w, rows, d, int(by_row), int(ternary), scales, codes)
    return codes, scales


def _quantize(
    name: str, w: Tensor, per: str, scale: Tensor | None, out: Tensor | None, route: str | None
) -> tuple[Tensor, Tensor]:
    check_floating(name, w=w)
    check_choice(name, "per", per, ("row", "tensor"))
    if w.dim() == 0:
        raise KernelError(name, "w", got="a 0-dimensional tensor", allowed="of shape (..., d)")
    by_row = per == "row"
    usual = scale is None and out is None and route is None
    if usual and (by_row or w.numel() <= PIECE) and WEIGHT_CODES.at_once(w):
        return _codes_and_scales(w, by_row, name == "ternary_quantize")
    if scale is None:
        scale = ABSMEAN(w, by_row, route=route)
    else:
        check_floating(name, scale=scale)
    if scale.shape != (w.shape[:-1] if by_row else ()):
        raise KernelError(name, "scale", got=f"shape {tuple(scale.shape)}", allowed=f"one scale a {per}")
    return WEIGHT_CODES(w, scale.detach(), by_row, name == "ternary_quantize", out=out, route=route), scale


def sign_quantize(
    w: Tensor,
    *,
    per: str = "row",
    scale: Tensor | None = None,
    out: Tensor | None = None,
    route: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Codes (int8, of the shape of w) and scales (one a row of w (..., d), or one in all) of W ~ scale * sgn(W).

    The code is -1 for negative entries and 1 for all others, zeros of both signs and NaN among them. The scale is the
    mean magnitude, unless it is given. ``out`` takes the codes.

    NaN and infinities make the scale of their row (or tensor) NaN or infinite.
    Raises KernelError for a dtype that is no float, ``per`` other than "row" and "tensor", or scales of another shape.
    """
    return _quantize("sign_quantize", w, per, scale, out, route)


def ternary_quantize(
    w: Tensor,
    *,
    per: str = "tensor",
    scale: Tensor | None = None,
    out: Tensor | None = None,
    route: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Codes in {-1, 0, 1} (int8, of the shape of w) and scales of W ~ scale * codes.

    The code is sgn(w) where ``|w| > scale / 2``, compared exactly, else 0 (so that ties go to 0, the even one). The
    scale is the mean magnitude, unless it is given. ``out`` takes the codes.

    NaN and infinities make the scale of their row (or tensor) NaN or infinite and all its codes 0, so that the product
    of both is NaN.
    Raises KernelError as ``sign_quantize`` does.
    """
    return _quantize("ternary_quantize", w, per, scale, out, route)
