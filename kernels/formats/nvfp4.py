"""NVFP4: E2M1 elements, one E4M3 scale for 16 of them (or for a 16 x 16 tile), one float32 scale a tensor.

The arithmetic is float32 throughout (wider inputs are rounded to float32 first), every operation rounded by itself and
in this order, so that all routes agree to the bit (A = largest magnitude of the tensor, a = of the block):

    encode = min(2688 / A, FLT_MAX), 1 if A = 0        2688 = 6 * 448, the largest element times the largest scale
    tensor_scale = 1 / encode
    S = E4M3(min(a * (encode * (1/6)), 448))           to nearest even, subnormals kept, may round to 0
    y = min(|x| * min(1 / (S * tensor_scale), FLT_MAX), 6), 0 if S = 0
    code = E2M1(y) with the sign of x

Because E4M3 rounds the scale to nearest, the largest element of a block lands in [5.65, 6.38] and about half of them
are clipped to 6. Source: NVIDIA, "Pretraining large language models with NVFP4" (arXiv 2509.25149), appendices B and C.

A block with S = 0 is zero whatever its codes are, so the format leaves them open. Here they are zeros with the sign of
x, which is what quantizing the decoded block gives again; NVIDIA's Transformer Engine, whose reciprocal of S ends at
FLT_MAX, writes +-6 for what exceeds 5 / FLT_MAX. Both decode to the same bits (docs/reference/conformance.md).

Four over six (Cook et al., arXiv 2512.02010) tries a second scale a block, S' = E4M3(min(a * (encode * (1/6)) * 1.5,
448)), which puts the largest element near 4, below which E2M1 is finer. It takes S' where the error of the block
(or tile) rounded to nearest is less, else S. The error of an element is E2M1(y) * S - min(|x|, FLT_MAX) * encode; its
squares or magnitudes are added by halves: element i + 8 to element i, then i + 4, i + 2 and i + 1, and rows of a tile
likewise. With 256 in place of 448 in ``encode`` the block of the tensor's largest element has an S' as well.
"""

from __future__ import annotations

import ctypes
from typing import Literal

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.arguments import check_choice, check_real
from claims.kernels.derivatives import innermost
from claims.kernels.dispatch import FLOATS, Operation, register
from claims.kernels.errors import KernelError
from claims.kernels.formats import e2m1, e4m3
from claims.kernels.formats.again import Again
from claims.kernels.formats.block_scaled import (
    LARGEST_FLOAT32,
    NVFP4_BLOCK,
    BlockScaled,
    as_blocks,
    as_matrix,
    buffer_of,
    cpu_source,
    oriented_center,
    pack,
    payload_bytes,
    quantized,
    split,
)
from claims.kernels.formats.e2m1 import LARGEST as LARGEST_ELEMENT
from claims.kernels.formats.e2m1 import Rounding, check_rounding, refuse_nan

Tile = Literal["1x16", "16x16"]
Error = Literal["squared", "absolute"]
_TILES = {"1x16": 1, "16x16": 16}
_ERRORS: dict[str | None, int] = {None: 0, "squared": 1, "absolute": 2}
_TILE_NAMES, _ERROR_NAMES = tuple(_TILES), tuple(_ERRORS)
_STRETCH = 1.5  # of the scale that puts the largest element at 4 in place of 6


def tensor_scales(amax: Tensor, largest_scale: int = 448) -> tuple[Tensor, Tensor, Tensor]:
    """(tensor_scale, what turns a block's largest magnitude into its scale, encode) of float32 ``amax`` >= 0."""
    # Tensors, not numbers, are divided: `number / tensor` is a reciprocal and a product, rounded twice.
    full_range = amax.new_tensor(LARGEST_ELEMENT * largest_scale)
    encode = (full_range / amax.clamp(max=LARGEST_FLOAT32)).clamp(max=LARGEST_FLOAT32)
    encode = torch.where(amax == 0, 1.0, encode)
    return encode.reciprocal(), encode * amax.new_tensor(1 / LARGEST_ELEMENT), encode


def _factors(step: Tensor, decode: Tensor) -> Tensor:
    """What scales the elements of blocks with these scales."""
    return torch.where(step == 0, 0.0, (step * decode).reciprocal().clamp(max=LARGEST_FLOAT32))


def _halves(errors: Tensor, axis: int) -> Tensor:
    """The sum along an axis of 1 or 16 entries, the second half added to the first until one is left."""
    while errors.shape[axis] > 1:
        low, high = errors.chunk(2, axis)
        errors = low + high
    return errors.squeeze(axis)


def _block_errors(magnitude: Tensor, step: Tensor, decode: Tensor, encode: Tensor, selection: int) -> Tensor:
    """Of finite magnitudes (groups, tile, blocks, 16) rounded to nearest by scales (groups, blocks), times encode."""
    scaled = magnitude * _factors(step, decode)[:, None, :, None]
    rounded = e2m1.decode(e2m1.nearest_code(scaled)) * step[:, None, :, None]
    errors = rounded - magnitude * encode
    return _halves(_halves(errors.square() if selection == 1 else errors.abs(), 3), 1)


def _reference(
    x: Tensor,
    center: Tensor | None,
    amax: Tensor | None,
    tile: int,
    stochastic: bool,
    key: int,
    selection: int,
    largest_scale: int,
) -> Tensor:
    rows, k = x.shape
    payload = torch.empty(payload_bytes(rows, k, NVFP4_BLOCK, tile), dtype=torch.uint8, device=x.device)
    codes, scales, tensor_scale = split(payload, rows, k, NVFP4_BLOCK, tile)
    assert tensor_scale is not None
    blocks = as_blocks(x, center, NVFP4_BLOCK, tile)
    refuse_nan("nvfp4_quantize", blocks)
    magnitude = blocks.abs().clamp(max=LARGEST_FLOAT32)
    if amax is None:
        amax = magnitude.max() if magnitude.numel() else magnitude.new_zeros(())
    decode, to_block_scale, encode = tensor_scales(amax.float(), largest_scale)
    tensor_scale.copy_(decode)
    largest = magnitude.amax(dim=(1, 3)) if magnitude.numel() else scales.float()
    scales.copy_(e4m3.encode(largest * to_block_scale))
    if selection:
        four = e4m3.encode(largest * to_block_scale * _STRETCH)
        by_four, by_six = (
            _block_errors(magnitude, e4m3.decode(one), decode, encode, selection) for one in (four, scales)
        )
        scales.copy_(torch.where(by_four < by_six, four, scales))
    factors = _factors(e4m3.decode(scales), decode)
    codes.copy_(pack(magnitude * factors[:, None, :, None], blocks, rows, stochastic, key))
    return payload


def _cpu(
    x: Tensor,
    center: Tensor | None,
    amax: Tensor | None,
    tile: int,
    stochastic: bool,
    key: int,
    selection: int,
    largest_scale: int,
    *,
    out: Tensor | None,
) -> Tensor:
    source = cpu_source(x, center)
    size = payload_bytes(*source[2:4], NVFP4_BLOCK, tile)
    payload = native.empty((size,), torch.uint8) if out is None else out
    largest = ctypes.c_float(-1.0 if amax is None else amax.item())
    rule = (tile, int(stochastic), key, selection, largest_scale)
    native.call("nvfp4_quantize", *source, ctypes.addressof(largest), *rule, payload)
    refuse_nan("nvfp4_quantize", largest.value)
    return payload


_QUANTIZE = register(
    Operation(
        name="nvfp4_quantize",
        schema="(Tensor x, Tensor? center, Tensor? amax, int tile, bool stochastic, int key, int selection, "
        "int largest_scale) -> Tensor",
        reference=_reference,
        cpu=_cpu,
        cpu_dtypes=FLOATS,
        fake=lambda x, center, amax, tile, *_: x.new_empty(
            payload_bytes(x.shape[0], x.shape[1], NVFP4_BLOCK, tile), dtype=torch.uint8
        ),
        triton="triton.nvfp4:nvfp4_quantize",
    )
)

_AGAIN = Again(_QUANTIZE, "nvfp4_quantize", start=-1.0)


def _as_amax(amax: float | Tensor | None, x: Tensor) -> Tensor | None:
    """The given largest magnitude as a float32 scalar on the device of ``x``."""
    if amax is None:
        return None
    allowed = "one finite number >= 0"
    if not isinstance(amax, Tensor):
        number = check_real("nvfp4_quantize", "amax", amax, low=0.0, high=LARGEST_FLOAT32, allowed=allowed)
        return torch.tensor(number, dtype=torch.float32, device=x.device)
    value = amax.to(x.device, torch.float32)
    if value.numel() != 1 or not (value.is_meta or 0.0 <= innermost(value).item() <= LARGEST_FLOAT32):
        raise KernelError("nvfp4_quantize", "amax", got=amax, allowed=allowed)
    return value.reshape(()) if value.dim() else value


def nvfp4_quantize(
    x: Tensor,
    *,
    axis: int = -1,
    tile: Tile = "1x16",
    rounding: Rounding = "nearest",
    key: int | None = None,
    center: Tensor | None = None,
    amax: float | Tensor | None = None,
    four_over_six: Error | None = None,
    largest_scale: Literal[448, 256] = 448,
    out: BlockScaled | None = None,
    route: str | None = None,
) -> BlockScaled:
    """Quantize ``x`` (or ``x - center``) with blocks of 16 along ``axis``, which becomes the contraction axis.

    ``axis=-1``: x (..., k) gives a matrix of that shape. ``axis=-2``: x (k, rows) gives (rows, k), the bits of
    ``nvfp4_quantize(x.T)``, read from ``x`` as it lies. ``tile="16x16"`` lets 16 rows share a scale, so that a matrix
    and its transpose get the same values. A length that is no multiple of 16 is padded with zeros.

    ``rounding="stochastic"`` rounds element (r, c) of the result with Philox word ``r * padded_k + c`` of ``key``: the
    mean over keys is the value wherever the element is not clipped to 6. ``center`` is one number for each entry of the
    last axis of ``x``, subtracted in float32 on the fly. ``amax`` replaces the largest magnitude of the tensor (what
    exceeds it saturates).

    ``four_over_six`` gives each block (or tile) the scale that puts its largest element near 4 where the sum of
    ``"squared"`` or ``"absolute"`` errors is less than with the usual one, near 6. Errors are those of rounding to
    nearest, with ``rounding="stochastic"`` too: the choice then does not hang on the draws, whose mean stays the value.
    ``largest_scale=256`` leaves room for the scales of blocks put near 4 (448 is the largest that E4M3 has).

    NaN (also from ``center``) raises KernelError; Inf counts as the largest finite float32. All routes
    give the same bits.
    """
    usual = center is None and amax is None and out is None and route is None
    options = (axis, type(axis), tile, rounding, four_over_six, largest_scale, type(largest_scale))
    if usual and (made := _AGAIN.take(options, x, key)) is not None:
        return made
    view, shape = as_matrix("nvfp4_quantize", x, axis)
    check_choice("nvfp4_quantize", "tile", tile, _TILE_NAMES)
    check_choice("nvfp4_quantize", "four_over_six", four_over_six, _ERROR_NAMES)
    check_choice("nvfp4_quantize", "largest_scale", largest_scale, (448, 256))
    stochastic = check_rounding("nvfp4_quantize", rounding, key)
    offset = oriented_center("nvfp4_quantize", x, center, axis)
    buffer = buffer_of("nvfp4_quantize", out, shape, "nvfp4", _TILES[tile])
    rule = (_ERRORS[four_over_six], int(largest_scale))
    payload = _QUANTIZE(view, offset, _as_amax(amax, x), _TILES[tile], *stochastic, *rule, out=buffer, route=route)
    if out is not None:
        return out
    made = quantized(payload, shape, "nvfp4", _TILES[tile])
    if usual:
        _AGAIN.keep(options, x, view, key, (_TILES[tile], int(stochastic[0])), rule, made)
    return made
