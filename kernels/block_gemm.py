"""Products of block-scaled matrices, from the packed form, a panel at a time.

As on a tensor core, the tensor scales stay out of the sums: each product of a code and its block scale is exact, sums
are over those, and the two tensor scales multiply the result. No more than a panel of either matrix exists unpacked.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from claims.kernels import matmul, native
from claims.kernels.arguments import check_tensor
from claims.kernels.dispatch import Operation, register
from claims.kernels.errors import KernelError
from claims.kernels.formats.block_scaled import BlockScaled, block_values, check_block_scaled, code_bytes, split

PANEL, PANEL_COLUMNS = 1024, 1024  # of a panel: multiples of the largest tile and of both blocks


@dataclass(frozen=True)
class _Packed:
    """The parts of a payload, and how to unpack some of it."""

    codes: Tensor
    scales: Tensor
    tensor_scale: Tensor | None
    k: int
    block: int
    tile: int
    element: int

    @classmethod
    def of(cls, payload: Tensor, rows: int, k: int, block: int, tile: int, element: int) -> _Packed:
        return cls(*split(payload, rows, k, block, tile, element), k, block, tile, element)

    def unpack(self, row: int, column: int, *, native_route: bool) -> Tensor:
        """Up to a panel from this row and column on, times its block scales alone: float32."""
        rows, columns = min(PANEL, len(self.codes) - row), min(PANEL_COLUMNS, self.k - column)
        if native_route:
            values = native.empty((rows, columns), torch.float32)
            where = (row, rows, column, columns, self.k, self.block, self.tile, self.element)
            native.call("unpack_panel", self.codes, self.scales, *where, values)
            return values
        last = -(-(column + columns) // self.block)
        first, end = (code_bytes(count, self.element) for count in (column, last * self.block))
        codes = self.codes[row : row + rows, first:end]
        scales = self.scales[row // self.tile : -(-(row + rows) // self.tile), column // self.block : last]
        return block_values(codes, scales, columns, self.block, self.tile, self.element).to(torch.float32)

    def rows(self) -> range:
        """First rows of the panels."""
        return range(0, len(self.codes), PANEL)

    def columns(self) -> range:
        """First columns of the panels."""
        return range(0, self.k, PANEL_COLUMNS)


def _reference(
    a: Tensor, b: Tensor, m: int, n: int, k: int, block: int, tile_a: int, tile_b: int, element: int
) -> Tensor:
    codes_a, scales_a, scale_a = split(a, m, k, block, tile_a, element)
    codes_b, scales_b, scale_b = split(b, n, k, block, tile_b, element)
    # The terms are multiples of 2**-20 below 2**23 in NVFP4, so that float64 adds up 1024 of them without rounding.
    left = block_values(codes_a, scales_a, k, block, tile_a, element)
    right = block_values(codes_b, scales_b, k, block, tile_b, element)
    return _scaled(left @ right.T, scale_a, scale_b).float()


def _scaled(product: Tensor, *scales: Tensor | None) -> Tensor:
    """Times the tensor scales, one after the other so that their own product cannot underflow; in place."""
    for scale in scales:
        if scale is not None:
            product *= scale.to(product.dtype)
    return product


def _cpu(
    a: Tensor,
    b: Tensor,
    m: int,
    n: int,
    k: int,
    block: int,
    tile_a: int,
    tile_b: int,
    element: int,
    *,
    out: Tensor | None,
) -> Tensor:
    left, right = _Packed.of(a, m, k, block, tile_a, element), _Packed.of(b, n, k, block, tile_b, element)
    product = torch.zeros(m, n, dtype=torch.float32, device="cpu") if out is None else out.zero_()
    for j in right.rows():
        for c in right.columns():
            columns = right.unpack(j, c, native_route=True).T
            for i in left.rows():
                product[i : i + PANEL, j : j + PANEL] += matmul.gemm(left.unpack(i, c, native_route=True), columns)
    return _scaled(product, left.tensor_scale, right.tensor_scale)


def block_scaled_matvec(q: BlockScaled, vector: Tensor) -> Tensor:
    """``q @ vector``, float64 (rows,), of a (rows, k) and floats (k,): added up in float64, a panel at a time.

    Not an operation of its own: what Averis needs beside products of two packed matrices, on any device.
    """
    packed = _Packed.of(q.payload, q.rows, q.shape[-1], q.block, q.tile, q.element)
    on_cpu = q.payload.device.type == "cpu" and native.obstacle() is None
    wide = vector.double()
    product = wide.new_zeros(q.rows)
    for row in packed.rows():
        for column in packed.columns():
            values = packed.unpack(row, column, native_route=on_cpu).double()
            product[row : row + PANEL] += values @ wide[column : column + PANEL_COLUMNS]
    return _scaled(product, packed.tensor_scale)


_MATMUL = register(
    Operation(
        name="block_scaled_matmul",
        schema="(Tensor a, Tensor b, int m, int n, int k, int block, int tile_a, int tile_b, int element) -> Tensor",
        reference=_reference,
        cpu=_cpu,
        cpu_dtypes=(torch.uint8,),
        fake=lambda a, b, m, n, *_: a.new_empty((m, n), dtype=torch.float32),
        triton="triton.block_scaled:block_scaled_matmul",
        triton_dtypes=(torch.uint8,),
    )
)


def block_scaled_matmul(
    a: BlockScaled, b: BlockScaled, *, out: Tensor | None = None, route: str | None = None
) -> Tensor:
    """``a @ b.T``, float32 (*, n), of a (*, k) and b (n, k) in the same format: both have the contraction axis last.

    The reference adds in float64 and rounds once. The other routes add in float32 in any order: they differ from it by
    at most ``g * (|a| @ |b|.T)`` with g = (k + 2) 2**-24 / (1 - (k + 2) 2**-24), barring overflow and underflow.
    Quantized matrices hold neither NaN nor Inf; a product beyond float32 is Inf.

    Raises KernelError for unlike formats or contraction lengths and for a ``b`` that is no matrix.
    """
    check_block_scaled("block_scaled_matmul", "a", a)
    check_block_scaled("block_scaled_matmul", "b", b)
    if b.format != a.format or b.shape[-1] != a.shape[-1] or len(b.shape) != 2:
        got = f"{b.format} of shape {b.shape} for {a.format} of shape {a.shape}"
        raise KernelError("block_scaled_matmul", "b", got=got, allowed=f"{a.format} of shape (n, {a.shape[-1]})")
    shape = (*a.shape[:-1], b.shape[0])
    if out is not None:
        check_tensor("block_scaled_matmul", "out", out)
    if out is not None and (tuple(out.shape) != shape or not out.is_contiguous()):
        allowed = f"contiguous, of shape {shape}"
        raise KernelError("block_scaled_matmul", "out", got=f"shape {tuple(out.shape)}", allowed=allowed)
    sizes = (a.rows, b.rows, a.shape[-1], a.block, a.tile, b.tile, a.element)
    buffer = None if out is None else out.view(a.rows, b.rows)
    product = _MATMUL(a.payload, b.payload, *sizes, out=buffer, route=route)
    return product.view(shape) if out is None else out
