"""RMSNorm without a gain, its Jacobian-vector product (the transverse projector) and its backward.

For a row x of d entries, ``rms_norm(x) = x / sqrt(|x|^2 / d + eps)``; with eps = 0 this is ``sqrt(d) x / |x|``. Its
Jacobian at eps = 0 is ``sqrt(d) / |x|`` times the projector orthogonal to x, hence symmetric: the backward product is
the forward one, and only transverse perturbations reach the output to first order.

Every route sums in float64 and rounds once at the end, so the result is within one unit in the last place of the exact
one in float32 and bfloat16. No finite row over- or underflows on the way, whatever its magnitude.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.arguments import LARGEST, check_real
from claims.kernels.dispatch import Operation, check_rows, like_first, register

_SAFE_EXPONENT = 1000  # 2.0**±1000 are normal, and bring every float64 to where its square is


def _check_eps(operation: str, eps: float) -> float:
    return check_real(operation, "eps", eps, low=0.0, high=LARGEST, allowed="finite and not negative")


def scaled_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Rows in float64 times a power of two that brings their largest entry near 1, and that power (..., 1).

    To derivatives the power is a constant, as its exponent is an integer: any other would serve as well.
    """
    wide = x.double()
    largest = wide.abs().amax(-1, keepdim=True)
    exponent = torch.frexp(largest).exponent.clamp(-_SAFE_EXPONENT, _SAFE_EXPONENT)
    usual = torch.isfinite(largest) & (largest > 0)
    power = torch.exp2(torch.where(usual, -exponent, 0).double())
    return wide * power, power


def _root_mean_square(x: Tensor, power: Tensor, eps: float) -> Tensor:
    """Of scaled rows: sqrt(mean of squares + eps), eps scaled alike."""
    return torch.hypot(x.square().mean(-1, keepdim=True).sqrt(), math.sqrt(eps) * power)


def _over(a: Tensor, b: Tensor) -> Tensor:
    """a / b, and zero where b is: the convention for rows of zeros, whose derivatives are zero as well."""
    return torch.where(b == 0, 0.0, a / torch.where(b == 0, 1.0, b))


def _reference(x: Tensor, eps: float) -> Tensor:
    if x.numel() == 0:
        return torch.empty_like(x)
    scaled, power = scaled_rows(x)
    return _over(scaled, _root_mean_square(scaled, power, eps)).to(x.dtype)


def _reference_jvp(x: Tensor, h: Tensor, eps: float) -> Tensor:
    if x.numel() == 0:
        return torch.empty_like(x)
    scaled, power = scaled_rows(x)
    rms = _root_mean_square(scaled, power, eps)
    unit = _over(scaled, rms)
    tangent = h.double()
    return _over((tangent - unit * (unit * tangent).mean(-1, keepdim=True)) * power, rms).to(x.dtype)


def _cpu(x: Tensor, eps: float, out: Tensor | None) -> Tensor:
    x, y = native.plain(x), native.result(x, out)
    if x.numel():
        native.call("rms_norm", native.code(x.dtype), x, x.numel() // x.shape[-1], x.shape[-1], eps, y)
    return y


def _cpu_jvp(x: Tensor, h: Tensor, eps: float, out: Tensor | None) -> Tensor:
    x, h, y = native.plain(x), native.plain(h), native.result(x, out)
    if x.numel():
        native.call("rms_norm_jvp", native.code(x.dtype), x, h, x.numel() // x.shape[-1], x.shape[-1], eps, y)
    return y


def _save(context: Any, arguments: tuple[Any, ...], output: Tensor) -> None:
    *tensors, context.eps = arguments
    context.save_for_backward(*tensors)


def _backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
    (x,) = context.saved_tensors
    return rms_norm_jvp(x, gradient, eps=context.eps), None


def _tangent(arguments: tuple[Any, ...], tangents: tuple[Any, ...]) -> Tensor:
    (x, eps), (dx, _) = arguments, tangents
    return rms_norm_jvp(x, dx, eps=eps)


def _second_derivative(x: Tensor, g: Tensor, h: Tensor, eps: float) -> Tensor:
    """The gradient of g.J(x)h in x, which is also the derivative of J(x)g in the direction h, and of J(x)h in g.

    With u = x/r and r^2 = |x|^2/d + eps, g.J h = g.h/r - (g.x)(x.h)/(d r^3) and dr/dx = x/(d r) give
    -[ (g.h) u + g (u.h) + h (g.u) - 3 u (g.u)(u.h)/d ] / (d r^2). All three are brought near 1 by powers of two first;
    these are multiplied to the result at once, so that it over- or underflows only where the exact one does.
    """
    if x.numel() == 0:
        return torch.zeros_like(x)
    (scaled, power), (g, g_power), (h, h_power) = map(scaled_rows, (x, g, h))
    rms = _root_mean_square(scaled, power, eps)
    rms_power = torch.exp2(_exponent(rms))
    unit, rms = _over(scaled, rms), rms / rms_power
    gh, gu, uh = ((a * b).mean(-1, keepdim=True) for a, b in ((g, h), (g, unit), (unit, h)))
    near_one = _over(-(gh * unit + g * uh + h * gu - 3 * unit * gu * uh), rms.square())
    exponent = 2 * (_exponent(power) - _exponent(rms_power)) - _exponent(g_power) - _exponent(h_power)
    third = (exponent / 3).trunc().clamp(-_SAFE_EXPONENT, _SAFE_EXPONENT)
    last = (exponent - 2 * third).clamp(-_SAFE_EXPONENT, _SAFE_EXPONENT)
    return (near_one * torch.exp2(third) * torch.exp2(third) * torch.exp2(last)).to(x.dtype)


def _exponent(values: Tensor) -> Tensor:
    """Of the largest power of two that is no larger, in float64; 0 for zero and what is not finite."""
    usual = torch.isfinite(values) & (values > 0)
    return torch.where(usual, torch.frexp(values).exponent - 1, 0).double()


def _backward_jvp(context: Any, g: Tensor) -> tuple[Tensor, Tensor, None]:
    x, h = context.saved_tensors
    return _second_derivative(x, g, h, context.eps), rms_norm_jvp(x, g, eps=context.eps), None


def _tangent_jvp(arguments: tuple[Any, ...], tangents: tuple[Any, ...]) -> Tensor:
    (x, h, eps), (dx, dh, _) = arguments, tangents
    return rms_norm_jvp(x, dh, eps=eps) + _second_derivative(x, h, dx, eps)


RMS_NORM = register(
    Operation(
        name="rms_norm",
        schema="(Tensor x, float eps) -> Tensor",
        reference=_reference,
        cpu=_cpu,
        triton="triton.norm:rms_norm",
        fake=like_first,
        backward=_backward,
        save=_save,
        tangent=_tangent,
        row_by_row=True,
        in_place=True,
    )
)
RMS_NORM_JVP = register(
    Operation(
        name="rms_norm_jvp",
        schema="(Tensor x, Tensor h, float eps) -> Tensor",
        reference=_reference_jvp,
        cpu=_cpu_jvp,
        triton="triton.norm:rms_norm_jvp",
        fake=like_first,
        backward=_backward_jvp,
        save=_save,
        tangent=_tangent_jvp,
        row_by_row=True,
    )
)


def rms_norm(x: Tensor, *, eps: float = 0.0, out: Tensor | None = None, route: str | None = None) -> Tensor:
    """Each row of x (..., d) divided by its root mean square: ``x / sqrt(|x|^2 / d + eps)``.

    ``out`` may be x itself. Differentiable as often as wanted, where the row is not zero.

    With eps = 0 a row of zeros stays a row of zeros. A row with a NaN is NaN throughout. A row with an infinity and no
    NaN is NaN where infinite and zero elsewhere.
    Raises KernelError for other dtypes than the four float ones, 0-dimensional x, negative or non-finite eps.
    """
    check_rows("rms_norm", x=x)
    result: Tensor = RMS_NORM(x, _check_eps("rms_norm", eps), out=out, route=route)
    return result


def rms_norm_jvp(
    x: Tensor, h: Tensor, *, eps: float = 0.0, out: Tensor | None = None, route: str | None = None
) -> Tensor:
    """The derivative of ``rms_norm`` at the rows x in the direction of the rows h, both (..., d).

    ``(h - u (u.h) / d) / r`` with ``r = sqrt(|x|^2 / d + eps)`` and ``u = x / r``; the Jacobian is symmetric, so this
    is also the backward product.

    At a row of zeros with eps = 0, where no derivative exists, the result is zero. A row with a NaN in x or h is NaN
    throughout; an infinity in h makes its row NaN or infinite wherever the exact value is not finite. A row with an
    infinity in x is NaN throughout.
    Raises KernelError as ``rms_norm`` does, and if x and h differ in shape, dtype or device.
    """
    check_rows("rms_norm_jvp", x=x, h=h)
    result: Tensor = RMS_NORM_JVP(x, h, _check_eps("rms_norm_jvp", eps), out=out, route=route)
    return result
