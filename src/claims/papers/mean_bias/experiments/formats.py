"""The 4-bit formats on random data: quantization error, its systematic part, and what extremes do to a block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels import (
    BlockScaled,
    dequantize,
    e2m1_decode,
    e2m1_encode,
    e4m3_decode,
    mxfp4_quantize,
    nvfp4_quantize,
)
from claims.streams import Streams

Record = dict[str, Any]

_WIDTH = 256
#: A block whose maximum is 6 scales but for the rounding of the float32 tensor scale is not clipped.
_ROUNDING = 1e-6


def block_scales(q: BlockScaled) -> Tensor:
    """Factors that turn an element's code value into its value, NVFP4: float64, (rows, blocks)."""
    scales: Tensor = e4m3_decode(q.scales, dtype=torch.float64) * q.tensor_scale.double()
    return scales


def _quantized(x: Tensor, arm: str, key: int) -> Tensor:
    """Values of ``x`` (float64) in the format and with the rounding that ``arm`` names."""
    name, _, rounding = arm.partition("/")
    options: dict[str, Any] = {} if rounding == "nearest" else {"rounding": "stochastic", "key": key}
    if name.startswith("nvfp4"):
        q = nvfp4_quantize(x, tile="16x16" if name.endswith("16x16") else "1x16", **options)
    else:
        q = mxfp4_quantize(x, scale_rule="floor" if name.endswith("floor") else "ceil", **options)
    values: Tensor = dequantize(q, dtype=torch.float64)
    return values


def normal_error(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Quantization error of a tensor of N(0, 1) elements.

    Base point: elements, a multiple of 16 rows of 256. Sweep: arm, "format/rounding". Quantities, each relative to the
    energy of the tensor: error |q - x|^2; gain <x, q - x>; systematic, the part of the error that averaging over
    rounding keys leaves (of two keys the product of errors; for rounding to nearest the error itself).
    """
    x = torch.randn(point["elements"] // _WIDTH, _WIDTH, generator=streams.torch("elements")).to(streams.device)
    energy = float(x.double().square().sum())
    records = []
    for arm in point["arm"]:
        first = _quantized(x, arm, streams.key("first")) - x
        second = first if arm.endswith("/nearest") else _quantized(x, arm, streams.key("second")) - x
        both = {
            "error": (first.square() + second.square()) / 2,
            "gain": x * (first + second) / 2,
            "systematic": first * second,
        }
        records.append({"arm": arm} | {name: float(part.sum()) / energy for name, part in both.items()})
    return records


def block_maxima(point: Mapping[str, Any], streams: Streams) -> Record:
    """Blocks of tensors of N(0, 1) elements whose largest element exceeds 6 scales, and what rounding makes of it.

    Base point: elements of a tensor, tensors of a seed. Quantities: clipped, the share of blocks; maximum_gain, the sum
    of q - |x| over blocks' largest elements under stochastic rounding, relative to the sum of those |x|; inside_gain,
    <x, q - x> over all elements that are within 6 scales, relative to their energy.
    """
    clipped, lost, largest_sum, along, energy = (0.0,) * 5
    generator = streams.torch("elements")
    for tensor in range(point["tensors"]):
        x = torch.randn(point["elements"] // _WIDTH, _WIDTH, generator=generator).to(streams.device)
        q = nvfp4_quantize(x, rounding="stochastic", key=(streams.key("rounding") + tensor) % 2**64)
        blocks, values = (t.double().reshape(-1, 16) for t in (x, dequantize(q, dtype=torch.float64)))
        top = 6 * (1 + _ROUNDING) * block_scales(q).reshape(-1, 1)
        largest, place = blocks.abs().max(1, keepdim=True)
        clipped += float((largest > top).sum()) / len(blocks) / point["tensors"]
        lost += float((values.gather(1, place).abs() - largest).sum())
        largest_sum += float(largest.sum())
        inside = blocks.abs() <= top
        along += float((blocks * (values - blocks) * inside).sum())
        energy += float((blocks.square() * inside).sum())
    return {"clipped": clipped, "maximum_gain": lost / largest_sum, "inside_gain": along / energy}


def rounded_level(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Mean of stochastically rounded copies of one number in units of the scale, less the number.

    Base point: copies. Sweep: level. Quantity: bias.
    """
    records = []
    for index, level in enumerate(point["level"]):
        x = torch.full((point["copies"],), level, device=streams.device)
        codes = e2m1_encode(x, rounding="stochastic", key=(streams.key("rounding") + index) % 2**64)
        records.append({"level": level, "bias": float((e2m1_decode(codes, dtype=torch.float64) - x).mean())})
    return records


def extremes(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Blocks of N(0, 1) elements of which the first ``count`` are replaced by ``size``, under a fixed tensor scale.

    Base point: blocks, size. Sweep: count. Quantities: flushed, the share of ordinary elements that become zero; error,
    their mean squared error.
    """
    x = torch.randn(point["blocks"], 16, generator=streams.torch("elements")).to(streams.device)
    records = []
    for count in point["count"]:
        planted = x.clone()
        planted[:, :count] = point["size"]
        q = nvfp4_quantize(planted, amax=2 * point["size"])
        ordinary = dequantize(q, dtype=torch.float64)[:, count:]
        records.append(
            {
                "count": count,
                "flushed": float((ordinary == 0).double().mean()),
                "error": float((ordinary - planted[:, count:]).square().mean()),
            }
        )
    return records
