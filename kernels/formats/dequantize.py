"""The way back from a block-scaled matrix to floats."""

from __future__ import annotations

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.arguments import check_tensor
from claims.kernels.dispatch import FLOATS, Operation, register
from claims.kernels.errors import KernelError
from claims.kernels.formats.block_scaled import BlockScaled, addresses, block_values, check_block_scaled, split
from claims.kernels.formats.minifloat import ELEMENTS


def _saturated(values: Tensor, dtype: torch.dtype, element: int) -> Tensor:
    """In the dtype, what is finite stays finite; an infinity that is a code of the element's stays one."""
    largest = torch.finfo(dtype).max
    finite = values.clamp(-largest, largest)
    return torch.where(values.isinf(), values, finite).to(dtype) if ELEMENTS[element].infinity else finite.to(dtype)


def _dequantize_reference(
    payload: Tensor, rows: int, k: int, block: int, tile: int, element: int, dtype: torch.dtype
) -> Tensor:
    codes, scales, scale = split(payload, rows, k, block, tile, element)
    values = block_values(codes, scales, k, block, tile, element)
    if scale is not None:
        values = values * scale.double()
    if dtype != torch.float64:
        # One rounding to float32 (the format's arithmetic), which for the narrow dtypes is followed by theirs.
        values = _saturated(values, torch.float32, element)
    return _saturated(values, dtype, element)


def _dequantize_cpu(
    payload: Tensor, rows: int, k: int, block: int, tile: int, element: int, dtype: torch.dtype, *, out: Tensor | None
) -> Tensor:
    if dtype not in (torch.float32, torch.bfloat16):
        return _dequantize_reference(payload, rows, k, block, tile, element, dtype)
    values = native.empty((rows, k), dtype) if out is None else out
    sizes = (rows, k, block, tile, element)
    payload = native.plain(payload)  # kept while its memory is read
    parts = addresses(payload, *sizes)
    native.call("dequantize_blocks", *parts, *sizes, native.code(dtype), values)
    return values


_DEQUANTIZE = register(
    Operation(
        name="dequantize_blocks",
        schema="(Tensor payload, int rows, int k, int block, int tile, int element, ScalarType dtype) -> Tensor",
        reference=_dequantize_reference,
        cpu=_dequantize_cpu,
        cpu_dtypes=(torch.uint8,),
        fake=lambda payload, rows, k, block, tile, element, dtype: payload.new_empty((rows, k), dtype=dtype),
        triton="triton.block_scaled:dequantize_blocks",
        triton_dtypes=(torch.uint8,),
    )
)


def dequantize(
    q: BlockScaled, *, dtype: torch.dtype = torch.float32, out: Tensor | None = None, route: str | None = None
) -> Tensor:
    """The values of a quantized matrix, in the shape ``q.shape`` (contraction axis last).

    float64 gives the exact product of code and scales; float32 rounds it once; the narrow dtypes round that once more.
    A value beyond the largest finite one of the dtype saturates there (MX formats reach 2**128), so that nothing finite
    or infinite that was quantized comes back as Inf. A quantized matrix holds no NaN. (In one that was made elsewhere
    the codes of Inf and NaN that E4M3, E5M2 and E8M0 have are what they say.)

    Raises KernelError for another dtype and for an ``out`` of another shape or dtype.
    """
    check_block_scaled("dequantize", "q", q)
    if dtype not in FLOATS:
        raise KernelError("dequantize", "dtype", got=dtype, allowed="float64, float32, bfloat16 or float16")
    if out is not None:
        check_tensor("dequantize", "out", out)
    if out is not None and (tuple(out.shape) != q.shape or not out.is_contiguous()):
        allowed = f"contiguous, of shape {q.shape}"
        raise KernelError("dequantize", "out", got=f"shape {tuple(out.shape)}", allowed=allowed)
    rows, k = q.rows, q.shape[-1]
    buffer = None if out is None else out.view(rows, k)
    values = _DEQUANTIZE(q.payload, rows, k, q.block, q.tile, q.element, dtype, out=buffer, route=route)
    if out is not None:
        return out
    return values if len(q.shape) == 2 else values.view(q.shape)
