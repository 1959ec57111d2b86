"""The 4-bit formats on all their codes and on all bfloat16 numbers, against definitions that share no step with them.

Nothing here is random: one evaluation covers every case. Counts come with ``planted`` counts of a version with one
mistake, which has to agree less often.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from claims.kernels import (
    BlockScaled,
    KernelError,
    dequantize,
    e2m1_decode,
    e2m1_encode,
    e4m3_decode,
    e4m3_encode,
    mxfp4_quantize,
    nvfp4_quantize,
)
from claims.streams import Streams

Record = dict[str, Any]

#: Exponent bits, mantissa bits, bias, and magnitude codes that are NaN.
_FIELDS = {"e2m1": (2, 1, 1, ()), "e4m3": (4, 3, 7, (0x7F,))}
_DECODE = {"e2m1": e2m1_decode, "e4m3": e4m3_decode}
_ENCODE = {"e2m1": e2m1_encode, "e4m3": e4m3_encode}
_QUANTIZE: dict[str, Callable[[Tensor], BlockScaled]] = {"nvfp4": nvfp4_quantize, "mxfp4": mxfp4_quantize}
#: A tensor of this largest magnitude has tensor scale 1: 6, the largest element, times 448, the largest scale.
UNIT_AMAX = 2688.0


def bfloat16_numbers() -> Tensor:
    """All bfloat16 numbers with both signs, infinities and zeros included, NaN not: float32 (65282,)."""
    x = torch.arange(-(1 << 15), 1 << 15).to(torch.int16).view(torch.bfloat16)
    return x[~x.isnan()].float()


def magnitude(code: int, element: str, *, bias: int | None = None) -> Fraction:
    """Value of a code without sign bit, from its fields: 2^(e - bias) (1 + m / 2^bits), without the 1 for e = 0."""
    _, bits, standard, _ = _FIELDS[element]
    exponent, mantissa = code >> bits, Fraction(code & ((1 << bits) - 1), 1 << bits)
    power = Fraction(2) ** (max(exponent, 1) - (standard if bias is None else bias))
    return power * (mantissa + (exponent > 0))


def decoded(point: Mapping[str, Any], streams: Streams) -> Record:
    """How many codes decode to the value that their fields say.

    Base point: element ("e2m1", "e4m3"). Quantities: codes, agree, and planted, which agree if the bias were one less.
    """
    element = point["element"]
    exponent_bits, mantissa_bits, bias, nan = _FIELDS[element]
    sign_bit = exponent_bits + mantissa_bits
    count = 2 << sign_bit
    values = _DECODE[element](torch.arange(count, dtype=torch.uint8).to(streams.device), dtype=torch.float64).cpu()

    def agree(used: int) -> int:
        total = 0
        for code, value in enumerate(values.tolist()):
            lower = code & ((1 << sign_bit) - 1)
            if lower in nan:
                total += math.isnan(value)
            else:
                signed = (-1) ** (code >> sign_bit) * magnitude(lower, element, bias=used)
                total += value == signed and bool(values[code].signbit()) == bool(code >> sign_bit)
        return total

    return {"codes": count, "agree": agree(bias), "planted": agree(bias - 1)}


def encoded(point: Mapping[str, Any], streams: Streams) -> Record:
    """How many bfloat16 numbers get the nearest code, ties the even one, all beyond the largest value that value's.

    The nearest is found among all magnitudes by distance. Base point: element. Quantities: numbers, agree, and
    planted, which agree if ties went away from zero.
    """
    element = point["element"]
    exponent_bits, mantissa_bits, _, nan = _FIELDS[element]
    sign_bit = exponent_bits + mantissa_bits
    codes = [code for code in range(1 << sign_bit) if code not in nan]
    values = torch.tensor([float(magnitude(code, element)) for code in codes], dtype=torch.float64)
    x = bfloat16_numbers()
    sizes, place = torch.unique(x.double().abs(), return_inverse=True)
    distance = (sizes.clamp(max=values[-1].item())[:, None] - values).abs()
    tied = distance == distance.min(1, keepdim=True).values
    number = torch.arange(len(codes))
    even = (tied * (1 + (number % 2 == 0))).argmax(1)
    upper = (tied * (1 + number)).argmax(1)
    sign = x.signbit().long() << sign_bit
    got = _ENCODE[element](x.to(streams.device)).long().cpu()
    return {
        "numbers": len(x),
        "agree": int((got == even[place] + sign).sum()),
        "planted": int((got == upper[place] + sign).sum()),
    }


def refused(point: Mapping[str, Any], streams: Streams) -> Record:
    """How many of the 254 bfloat16 NaNs are refused, one at a time, as an element among zeros.

    Base point: operation ("e2m1", "e4m3", "nvfp4", "mxfp4"). Quantities: numbers, agree (refusals), and planted:
    refusals of infinities in their place, which are to saturate.
    """
    operations: dict[str, Callable[[Tensor], object]] = {**_ENCODE, **_QUANTIZE}
    operation = operations[point["operation"]]
    every = torch.arange(-(1 << 15), 1 << 15).to(torch.int16).view(torch.bfloat16)

    def refusals(numbers: Tensor) -> int:
        count = 0
        for i, number in enumerate(numbers):
            x = torch.zeros(1, 32, dtype=torch.bfloat16)
            x[0, i % 32] = number
            try:
                operation(x.to(streams.device))
            except KernelError:
                count += 1
        return count

    nan = every[every.isnan()]
    infinite = torch.full_like(nan, torch.inf) * torch.where(torch.arange(len(nan)) % 2 == 0, 1.0, -1.0)
    return {"numbers": len(nan), "agree": refusals(nan), "planted": refusals(infinite.bfloat16())}


def infinite(point: Mapping[str, Any], streams: Streams) -> Record:
    """Whether infinities are quantized as the largest finite float32, at each of 32 places in a row with numbers.

    Base point: operation ("nvfp4", "mxfp4"). Quantities: places, agree, and planted: as half the largest float32.
    """
    quantize = _QUANTIZE[point["operation"]]
    largest = torch.finfo(torch.float32).max
    row = torch.linspace(-3.0, 3.0, 32)
    agree = planted = 0
    for place in range(32):
        payloads = []
        for number in (torch.inf, largest, largest / 2):
            x = row.repeat(2, 1)
            x[1, place] = number
            payloads.append(quantize(x.to(streams.device)))
        restored = dequantize(payloads[0])
        agree += torch.equal(payloads[0].payload, payloads[1].payload) and bool(restored.isfinite().all())
        planted += torch.equal(payloads[0].payload, payloads[2].payload)
    return {"places": 32, "agree": agree, "planted": planted}


def scale_range(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Largest element of a block over the block's scale, for ``steps`` magnitudes evenly spaced over three octaves.

    Sweep: format ("nvfp4", "mxfp4-floor", "mxfp4-ceil"). Scales are normal numbers; the tensor scale of NVFP4 is 1.
    Quantities: smallest and largest ratio, and largest_loss = (a - 6 s) / a.
    """
    octave = 1 + torch.arange(point["steps"], dtype=torch.float64) / point["steps"]
    largest = torch.cat([octave * 2.0**power for power in (-1, 3, 7)]).float()
    records = []
    for name in point["format"]:
        x = torch.zeros(len(largest), 16 if name == "nvfp4" else 32)
        x[:, 0] = largest
        if name == "nvfp4":
            q = nvfp4_quantize(x.to(streams.device), amax=UNIT_AMAX)
            scale = e4m3_decode(q.scales, dtype=torch.float64)[:, 0] * q.tensor_scale.double()
        else:
            q = mxfp4_quantize(x.to(streams.device), scale_rule=name.removeprefix("mxfp4-"))
            scale = torch.ldexp(torch.ones(len(x), dtype=torch.float64), q.scales[:, 0].int().cpu() - 127)
        ratio = largest.double() / scale.cpu()
        records.append(
            {
                "format": name,
                "smallest": ratio.min().item(),
                "largest": ratio.max().item(),
                "largest_loss": max(0.0, (1 - 6 / ratio).max().item()),
            }
        )
    return records
