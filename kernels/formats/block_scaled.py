"""Matrices in a block-scaled format: what the quantizers of NVFP4 and of the MX family give and their products take.

A matrix is stored with its contraction axis last, padded with zeros to whole blocks. All parts lie in one uint8 buffer
(one allocation, one result for ``torch.library``): the codes of the elements, without gaps (two of four bits a byte,
four of six bits three bytes), then for NVFP4 the float32 tensor scale, then one code a block scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.arguments import check_choice, check_tensor, is_size
from claims.kernels.dispatch import FLOATS, check_floating
from claims.kernels.errors import KernelError
from claims.kernels.formats import e4m3
from claims.kernels.formats.minifloat import E2M1, ELEMENTS, Minifloat
from claims.kernels.philox import flip_mask_words

FourBit = Literal["nvfp4", "mxfp4"]
Format = Literal["nvfp4", "mxfp4", "mxfp8_e4m3", "mxfp8_e5m2", "mxfp6_e2m3", "mxfp6_e3m2"]
NVFP4_BLOCK, MX_BLOCK = 16, 32
_ELEMENT: dict[Format, int] = {
    "nvfp4": 0, "mxfp4": 0, "mxfp8_e4m3": 1, "mxfp8_e5m2": 2, "mxfp6_e2m3": 3, "mxfp6_e3m2": 4
}  # fmt: skip
STORED = (torch.float32, torch.bfloat16)
"""Dtypes that the compiled quantizers read as they are."""
_BITS = tuple(element.bits for element in ELEMENTS)
_SCALE_BYTES = 4
_E8M0_BIAS = 127
LARGEST_FLOAT32 = torch.finfo(torch.float32).max


def _blocks(size: int, block: int) -> int:
    return (size + block - 1) // block


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockScaled:
    """A quantized matrix: element (r, c) is ``value of its code * scale of its block * tensor_scale``.

    ``shape`` is that of the matrix with the contraction axis last, without padding. ``tile`` is the number of rows that
    share a scale: 1, or 16 for two-dimensional NVFP4 blocks.
    """

    payload: Tensor
    shape: tuple[int, ...]
    format: Format
    tile: int = 1

    def __post_init__(self) -> None:
        check_choice("BlockScaled", "format", self.format, tuple(_ELEMENT))
        check_choice("BlockScaled", "tile", self.tile, (1, 16) if self.format == "nvfp4" else (1,))
        if not (isinstance(self.shape, tuple) and self.shape and all(map(is_size, self.shape))):
            raise KernelError("BlockScaled", "shape", got=repr(self.shape), allowed="a tuple of at least one int >= 0")
        check_tensor("BlockScaled", "payload", self.payload)
        size, flat = payload_bytes(*self._sizes), self.payload
        if flat.dtype != torch.uint8 or flat.shape != (size,) or not flat.is_contiguous():
            got = f"{flat.dtype} of shape {tuple(flat.shape)}"
            raise KernelError("BlockScaled", "payload", got=got, allowed=f"contiguous uint8 of shape {(size,)}")

    @property
    def block(self) -> int:
        """Elements along the contraction axis that share a scale: 16 (NVFP4) or 32 (MX formats)."""
        return NVFP4_BLOCK if self.format == "nvfp4" else MX_BLOCK

    @property
    def element(self) -> int:
        """The number of the element format in ``minifloat.ELEMENTS``."""
        return _ELEMENT[self.format]

    @property
    def _sizes(self) -> tuple[int, int, int, int, int]:
        return self.rows, self.shape[-1], self.block, self.tile, self.element

    @property
    def rows(self) -> int:
        """Rows of the matrix: the product of all axes but the last."""
        return math.prod(self.shape[:-1])

    @property
    def codes(self) -> Tensor:
        """uint8 (rows, padded_k * bits / 8): codes of elements without gaps, the first in the lowest bits.

        With four bits element 2i is in the low nibble and 2i + 1 in the high one.
        """
        return split(self.payload, *self._sizes)[0]

    @property
    def elements(self) -> Tensor:
        """uint8 (rows, padded_k): the same codes, one a byte."""
        return ELEMENTS[self.element].unpack(self.codes)

    @property
    def scales(self) -> Tensor:
        """uint8 (ceil(rows / tile), padded_k / block): codes of the block scales, E4M3 (NVFP4) or E8M0 (MX)."""
        return split(self.payload, *self._sizes)[1]

    @property
    def tensor_scale(self) -> Tensor:
        """float32 scalar that multiplies every block scale; 1 in MX formats, which have none."""
        scale = split(self.payload, *self._sizes)[2]
        return torch.ones((), dtype=torch.float32, device=self.payload.device) if scale is None else scale


def quantized(payload: Tensor, shape: tuple[int, ...], wanted: Format, tile: int = 1) -> BlockScaled:
    """What a quantizer has made. Its parts fit together: to check them takes as long as a small matrix."""
    made = object.__new__(BlockScaled)
    object.__setattr__(made, "__dict__", {"payload": payload, "shape": shape, "format": wanted, "tile": tile})
    return made


def element_of(wanted: Format) -> int:
    """The number of a format's elements in ``ELEMENTS``."""
    return _ELEMENT[wanted]


def check_block_scaled(operation: str, name: str, q: Any) -> None:
    """Raise KernelError unless it is a quantized matrix."""
    if not isinstance(q, BlockScaled):
        raise KernelError(operation, name, got=type(q).__name__, allowed="a BlockScaled, as the quantizers give it")


def payload_bytes(rows: int, k: int, block: int, tile: int, element: int = 0) -> int:
    """Bytes of the buffer that holds a (rows, k) matrix; ``element`` is a number in ``ELEMENTS``, 0 for E2M1."""
    blocks = _blocks(k, block)
    scale_bytes = _SCALE_BYTES if block == NVFP4_BLOCK else 0
    return rows * code_bytes(blocks * block, element) + scale_bytes + _blocks(rows, tile) * blocks


def code_bytes(count: int, element: int) -> int:
    """Bytes of the codes of ``count`` elements, a multiple of 16."""
    return count * _BITS[element] // 8


def split(
    payload: Tensor, rows: int, k: int, block: int, tile: int, element: int = 0
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Views of the buffer: codes, block scales and (NVFP4) tensor scale."""
    blocks = _blocks(k, block)
    width = code_bytes(blocks * block, element)
    end = rows * width
    codes = payload[:end].view(rows, width)
    if block == MX_BLOCK:
        return codes, payload[end:].view(rows, blocks), None
    # rows * blocks * 8 bytes of codes keep the float32 aligned.
    scale = payload[end : end + _SCALE_BYTES].view(torch.float32)[0]
    return codes, payload[end + _SCALE_BYTES :].view(_blocks(rows, tile), blocks), scale


def addresses(payload: Tensor, rows: int, k: int, block: int, tile: int, element: int = 0) -> tuple[int, int, int]:
    """Where the parts of ``split`` lie, for compiled kernels: codes, block scales, tensor scale (0 in MX formats)."""
    start, blocks = payload.data_ptr(), _blocks(k, block)
    end = start + rows * code_bytes(blocks * block, element)
    return (start, end, 0) if block == MX_BLOCK else (start, end + _SCALE_BYTES, end)


def as_matrix(operation: str, x: Tensor, axis: int) -> tuple[Tensor, tuple[int, ...]]:
    """``x`` as a view (rows, k) with the axis to be blocked last, and the shape with that axis last.

    ``axis=-1`` takes any number of axes; ``axis=-2`` (blocks down the columns) a matrix, whose transpose it views.
    """
    check_floating(operation, x=x)
    check_choice(operation, "axis", axis, (-1, -2))
    shape = tuple(x.shape)
    if axis == -1 and shape:
        return x if len(shape) == 2 else x.reshape(math.prod(shape[:-1]), shape[-1]), shape
    if axis == -2 and len(shape) == 2:
        return x.mT, shape[::-1]
    got = f"{axis} for shape {shape}"
    raise KernelError(operation, "axis", got=got, allowed="-1 (at least one axis) or -2 (a matrix)")


def oriented_center(operation: str, x: Tensor, center: Tensor | None, axis: int) -> Tensor | None:
    """``center``, one number for each entry of the last axis of ``x``, as float32 (1, k) or, for axis -2, (rows, 1)."""
    if center is None:
        return None
    check_tensor(operation, "center", center)
    if tuple(center.shape) != (x.shape[-1],) or center.dtype not in FLOATS or center.device != x.device:
        got = f"shape {tuple(center.shape)}, {center.dtype}, {center.device}"
        raise KernelError(operation, "center", got=got, allowed=f"floats of shape {(x.shape[-1],)} on {x.device}")
    return native.plain(center.float()).unsqueeze(0 if axis == -1 else 1)


def buffer_of(
    operation: str, out: BlockScaled | None, shape: tuple[int, ...], wanted: Format, tile: int
) -> Tensor | None:
    """The buffer of ``out``, if given and made for a matrix like this one."""
    if out is None:
        return None
    check_block_scaled(operation, "out", out)
    if (out.shape, out.format, out.tile) != (shape, wanted, tile):
        got = f"{out.format} of shape {out.shape} with tiles of {out.tile}"
        raise KernelError(operation, "out", got=got, allowed=f"{wanted} of shape {shape} with tiles of {tile}")
    return out.payload


def cpu_source(x: Tensor, center: Tensor | None) -> tuple[Tensor, int, int, int, int, Tensor | None, int]:
    """What the compiled quantizers know of their argument: memory, dtype, rows, k, order, centre and its order.

    Memory is contiguous float32 or bfloat16 and holds the matrix by rows (order 0) or by columns (1). Of
    ``oriented_center`` there is none (0), one number a column (1), or one a row (2).
    """
    rows, k = x.shape
    memory = (x if x.dtype in STORED else x.float()).resolve_neg()
    by_columns = 0
    if not memory.is_contiguous():
        by_columns = int(memory.mT.is_contiguous())
        memory = memory.mT if by_columns else memory.contiguous()
    center_order = 0 if center is None else 2 if tuple(center.shape) == (rows, 1) else 1
    return memory, native.code(memory.dtype), rows, k, by_columns, center, center_order


def as_blocks(x: Tensor, center: Tensor | None, block: int, tile: int) -> Tensor:
    """float32 residual ``x - center``, zero-padded, as (row groups, tile, blocks, block). Reference routes only."""
    wide = x.float() if center is None else x.float() - center
    rows, k = x.shape
    padded = torch.nn.functional.pad(wide, (0, -k % block, 0, -rows % tile))
    return padded.view(_blocks(rows, tile), tile, _blocks(k, block), block)


def pack(scaled: Tensor, source: Tensor, rows: int, stochastic: bool, key: int, element: Minifloat = E2M1) -> Tensor:
    """Packed codes of scaled magnitudes with the signs of ``source``; both (row groups, tile, blocks, block)."""
    shape = (scaled.shape[0] * scaled.shape[1], scaled.shape[2] * scaled.shape[3])
    magnitude, sign = scaled.reshape(shape)[:rows], source.reshape(shape)[:rows]
    if stochastic:
        words = flip_mask_words(magnitude.shape, key=key & 0xFFFFFFFFFFFFFFFF, device=source.device)
        codes = element.stochastic_code(magnitude, words)
    else:
        codes = element.nearest_code(magnitude)
    return element.pack(element.signed_code(sign, codes))


def block_values(codes: Tensor, scales: Tensor, k: int, block: int, tile: int, element: int) -> Tensor:
    """``code * block scale`` without the tensor scale, exact: float64 (rows, k). Reference routes only."""
    rows, form = codes.shape[0], ELEMENTS[element]
    elements = form.decode(form.unpack(codes), torch.float64).view(rows, _blocks(k, block), block)
    decode = e4m3.decode if block == NVFP4_BLOCK else e8m0_decode
    factors = decode(scales, torch.float64).repeat_interleave(tile, dim=0)[:rows]
    return (elements * factors[..., None]).flatten(1)[:, :k]


def e8m0_decode(codes: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """2**(code - 127) of uint8 codes; 255 is NaN. Exact in float64, float32 and bfloat16."""
    exponent = codes.long() - _E8M0_BIAS
    # A float64 with this exponent field and no mantissa: exact where a power function need not be.
    power = ((exponent + 1023) << 52).view(torch.float64)
    return torch.where(codes == 255, torch.nan, power).to(dtype)
