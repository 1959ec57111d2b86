"""Ternary codes in two bits each, and matrix products from the packed form.

A product with codes -1, 0, 1 needs no multiplication: with int8 activations it is an exact integer, with float ones
only the additions are rounded.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.arguments import check_floating, check_tensor, is_size
from claims.kernels.dispatch import FLOATS, Operation, register
from claims.kernels.errors import KernelError

MAX_COLUMNS = 1 << 22
"""Beyond it a sum of int8 products of one row could leave int32."""


def _reference_pack(codes: Tensor) -> Tensor:
    rows, columns = codes.shape
    digits = torch.ones(rows, (columns + 3) // 4 * 4, dtype=torch.int32, device=codes.device)
    digits[:, :columns] = (codes.int() + 1) & 3
    shift = torch.tensor([0, 2, 4, 6], dtype=torch.int32, device=codes.device)
    return (digits.unflatten(1, (-1, 4)) << shift).sum(-1).to(torch.uint8)


def _cpu_pack(codes: Tensor, out: Tensor | None) -> Tensor:
    rows, columns = codes.shape
    packed = native.empty((rows, (columns + 3) // 4), torch.uint8) if out is None else out
    native.call("pack_ternary", native.plain(codes), rows, columns, packed)
    return packed


def _reference_product(x: Tensor, packed: Tensor) -> Tensor:
    codes = unpack_ternary(packed, columns=x.shape[-1])
    result = x.double() @ codes.double().T  # of int8: an exact integer
    return result.to(torch.int32 if x.dtype == torch.int8 else x.dtype)


def _fake_product(x: Tensor, packed: Tensor) -> Tensor:
    return x.new_empty((*x.shape[:-1], packed.shape[0]), dtype=torch.int32 if x.dtype == torch.int8 else x.dtype)


def _cpu_product(x: Tensor, packed: Tensor, out: Tensor | None) -> Tensor:
    is_integer = x.dtype == torch.int8
    source, packed = native.plain(x if is_integer else x.float()), native.plain(packed)
    shape, dtype = (*x.shape[:-1], packed.shape[0]), torch.int32 if is_integer else torch.float32
    result = out if out is not None and out.dtype == dtype else native.empty(shape, dtype)
    name = "ternary_product_i8" if is_integer else "ternary_product_f32"
    native.call(name, source, math.prod(x.shape[:-1]), x.shape[-1], packed, packed.shape[0], result)
    return result if is_integer else result.to(x.dtype)


def _save_product(context: Any, arguments: tuple[Any, ...], output: Tensor) -> None:
    x, packed = arguments
    context.save_for_backward(packed)
    context.columns = x.shape[-1]


def _backward_product(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
    (packed,) = context.saved_tensors
    codes = unpack_ternary(packed, columns=context.columns)
    return gradient @ codes.to(gradient.dtype), None


def _tangent_product(arguments: tuple[Any, ...], tangents: tuple[Any, ...]) -> Tensor:
    result: Tensor = TERNARY_PRODUCT(tangents[0], arguments[1])
    return result


PACK_TERNARY = register(
    Operation(
        name="pack_ternary",
        schema="(Tensor codes) -> Tensor",
        reference=_reference_pack,
        cpu=_cpu_pack,
        cpu_dtypes=(torch.int8,),
        triton="triton.ternary_codes:pack_ternary",
        triton_dtypes=(torch.int8,),
        fake=lambda codes: codes.new_empty((codes.shape[0], (codes.shape[1] + 3) // 4), dtype=torch.uint8),
    )
)
TERNARY_PRODUCT = register(
    Operation(
        name="ternary_product",
        schema="(Tensor x, Tensor packed) -> Tensor",
        reference=_reference_product,
        cpu=_cpu_product,
        cpu_dtypes=(torch.int8, torch.float32, torch.bfloat16, torch.float16),
        triton="triton.ternary:ternary_product",
        triton_dtypes=(torch.int8, *FLOATS),
        fake=_fake_product,
        backward=_backward_product,
        save=_save_product,
        tangent=_tangent_product,
    )
)


def pack_ternary(codes: Tensor, *, out: Tensor | None = None, route: str | None = None) -> Tensor:
    """Four codes a byte: int8 (rows, d) to uint8 (rows, ceil(d / 4)).

    Column 4j + s is in bits 2s and 2s + 1 of byte j, as code + 1; what is missing in the last byte is filled with the
    code 0. Two bits also hold the code 2; any other is taken modulo 4.
    Raises KernelError unless codes are a matrix of int8.
    """
    check_tensor("pack_ternary", "codes", codes)
    if codes.dim() != 2 or codes.dtype != torch.int8:
        raise KernelError("pack_ternary", "codes", got=f"{codes.dtype} {tuple(codes.shape)}", allowed="an int8 matrix")
    result: Tensor = PACK_TERNARY(codes, out=out, route=route)
    return result


def unpack_ternary(packed: Tensor, *, columns: int) -> Tensor:
    """The int8 codes (rows, columns) of ``pack_ternary``, in plain torch.

    Raises KernelError unless packed is a uint8 matrix with ceil(columns / 4) columns.
    """
    _check_packed("unpack_ternary", packed, columns)
    shift = torch.tensor([0, 2, 4, 6], dtype=torch.uint8, device=packed.device)
    digits = (packed.unsqueeze(-1) >> shift) & 3
    return digits.flatten(1)[:, :columns].to(torch.int8) - 1


def _check_packed(operation: str, packed: Tensor, columns: int) -> None:
    check_tensor(operation, "packed", packed)
    if not is_size(columns):
        raise KernelError(operation, "columns", got=repr(columns), allowed="an int >= 0")
    if packed.dim() != 2 or packed.dtype != torch.uint8 or packed.shape[1] != (columns + 3) // 4:
        got = f"{packed.dtype} {tuple(packed.shape)}"
        raise KernelError(operation, "packed", got=got, allowed=f"uint8 (rows, {(columns + 3) // 4})")


def ternary_linear(
    x: Tensor, packed: Tensor, *, scale: Tensor | None = None, out: Tensor | None = None, route: str | None = None
) -> Tensor:
    """``x @ codes.T`` (times scale) from packed codes: x (..., columns), packed (rows, ceil(columns / 4)).

    int8 x gives the exact int32 product and takes no scale. Float x gives its own dtype: float32 sums for the types up
    to float32, with error at most ``columns * 2**-24 * (|x| @ |codes|.T)`` and the rounding to the dtype, float64 sums
    for float64. ``scale``, one or one a row of the weights, multiplies the result. Differentiable in x and scale.

    NaN and infinities in x act as in the dense product: a code 0 times an infinity is NaN.
    Raises KernelError for other dtypes, shapes that do not fit, a scale with int8, or more than 2**22 columns.
    """
    check_tensor("ternary_linear", "x", x)
    if x.dim() == 0 or x.dtype not in (torch.int8, *FLOATS) or x.shape[-1] > MAX_COLUMNS:
        allowed = f"int8 or float (..., columns) with at most {MAX_COLUMNS} columns"
        raise KernelError("ternary_linear", "x", got=f"{x.dtype} {tuple(x.shape)}", allowed=allowed)
    _check_packed("ternary_linear", packed, x.shape[-1])
    if scale is None:
        result: Tensor = TERNARY_PRODUCT(x, packed, out=out, route=route)
        return result
    check_floating("ternary_linear", scale=scale)
    if x.dtype == torch.int8 or out is not None or scale.shape not in ((), (packed.shape[0],)):
        allowed = "None for int8 x or with out, else of shape () or (rows,)"
        raise KernelError("ternary_linear", "scale", got=f"shape {tuple(scale.shape)}", allowed=allowed)
    product: Tensor = TERNARY_PRODUCT(x, packed, route=route)
    return product * scale.to(x.dtype)
