"""Blocks and their scales: every bfloat16 number as the largest of a block, edges of the scale rules, heavy tails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from claims.kernels.conformance.tally import NOTHING, Case, Reason, Tally, on_every_route, tally, torchao_module
from claims.kernels.formats.block_scaled import BlockScaled, Format, element_of
from claims.kernels.formats.dequantize import dequantize
from claims.kernels.formats.minifloat import E2M1, ELEMENTS, Minifloat
from claims.kernels.formats.mx import ScaleRule, last_fraction, mxfp4_quantize, mxfp6_quantize, mxfp8_quantize

MX: tuple[Format, ...] = ("mxfp4", "mxfp6_e2m3", "mxfp6_e3m2", "mxfp8_e4m3", "mxfp8_e5m2")
SMALLEST = Reason(
    text="the smallest scale, 2^-127, is stored by torchao but its elements are divided by 2^-126, or by 1 (rceil)",
    claims=("mean-bias.torchao.tiny",),
)
LOGARITHM = Reason(
    text="torchao takes the logarithm of a / M in float32 before the ceiling: next above M 2^e it stays at e",
    by_machine=True,
    claims=("mean-bias.torchao.ceil-exponent",),
)
INFINITY = Reason(text="a block with Inf has the scale of the largest float32 here, and one of their own elsewhere")
GGUF_TIE = Reason(text="gguf takes the smaller of two nearest elements, not the even one")
GGUF_ZERO = Reason(text="gguf has no -0: it stores 0, and reads -0 as 0")
GGUF_LOGARITHM = Reason(
    text="gguf takes a logarithm in float32: next below 2^e the scale is that of 2^e", by_machine=True
)
GGUF_TINY = Reason(
    text="gguf lets exponents below -127 wrap around; here the scale is then the smallest, 2^-127", by_machine=True
)
GGUF_NAN = Reason(text="gguf reads the scale 255, which is NaN in OCP MX 1.0 (5.4.1), as 2^128")
GGUF_OVERFLOW = Reason(text="gguf overflows to Inf beyond the largest float32; here such a value is that float32")


def quantized(wanted: Format, x: Tensor, rule: ScaleRule, route: str) -> BlockScaled:
    """A matrix in one of the MX formats."""
    if wanted == "mxfp4":
        return mxfp4_quantize(x, scale_rule=rule, route=route)
    call: Any = mxfp6_quantize if wanted.startswith("mxfp6") else mxfp8_quantize
    result: BlockScaled = call(x, element=wanted[6:], scale_rule=rule, route=route)
    return result


@cache
def largest_numbers() -> Tensor:
    """bfloat16 (32641, 32): each number >= 0 (Inf last) is the largest of a block with both signs and many ratios."""
    patterns = torch.arange(0, 0x7F81).to(torch.int16).view(torch.bfloat16).float()
    ratios = torch.tensor([(1 - (5 * i % 32) / 32.5) * (-1) ** (i % 3) for i in range(32)])
    ratios[0] = 1.0
    return (patterns[:, None] * ratios).bfloat16()


@cache
def edges(form: Minifloat) -> Tensor:
    """float32 (n, 32): largest numbers on, next below and next above every 2^e and every M 2^e, ratios as above."""
    on = torch.tensor([1.0, form.largest / 2.0**form.largest_exponent])
    on = on.outer(2.0 ** torch.arange(-126, 128, dtype=torch.float32)).flatten()
    most = torch.cat([on.nextafter(torch.zeros(())), on, on.nextafter(torch.tensor(torch.inf))])
    return most[:, None] * largest_numbers()[0x3F80].float()


@cache
def heavy_tails() -> Tensor:
    """float32 (8192, 32): normal numbers times exp(3 normal numbers), magnitudes over fifteen decades."""
    generator = torch.Generator().manual_seed(17)
    x, spread = (torch.randn(8192, 32, generator=generator) for _ in range(2))
    return x * torch.exp(3 * spread)


def _inputs(form: Minifloat) -> Iterator[Tensor]:
    yield from (largest_numbers(), edges(form), heavy_tails())


def _ours(wanted: Format, x: Tensor, rule: ScaleRule) -> tuple[Tensor, Tensor]:
    """Codes (rows, 32) and scales (rows,), the same on every route."""
    both = on_every_route(lambda route: torch.cat([(q := quantized(wanted, x, rule, route)).elements, q.scales], dim=1))
    return both[:, :32], both[:, 32]


def _near_last(largest: Tensor, form: Minifloat) -> Tensor:
    """Where the largest float32 of a block lies within 2^-17 of M times a power of two, and above it."""
    beyond = (largest.view(torch.int32) & 0x7FFFFF) - last_fraction(form)
    return (beyond > 0) & (beyond < 64)


def _wide(mask: Tensor) -> Tensor:
    """Of blocks, for each of their elements and then the scale."""
    return mask[:, None].expand(-1, 33)


def _by_torchao(wanted: Format, rule: ScaleRule) -> Tally:
    module, form = torchao_module("mx_tensor"), ELEMENTS[element_of(wanted)]
    mode = module.ScaleCalculationMode({"floor": "floor", "ceil": "rceil"}[rule])
    elements: dict[Format, Any] = {
        "mxfp4": torch.float4_e2m1fn_x2,
        "mxfp6_e2m3": module.DTYPE_FP6_E2M3,
        "mxfp6_e3m2": module.DTYPE_FP6_E3M2,
        "mxfp8_e4m3": torch.float8_e4m3fn,
        "mxfp8_e5m2": torch.float8_e5m2,
    }
    total = NOTHING
    for x in _inputs(form):
        scales, packed = module.to_mx(x, elements[wanted], 32, mode)
        theirs = packed.view(torch.uint8)
        theirs = form.unpack(theirs) if wanted == "mxfp4" else theirs
        codes, ours = _ours(wanted, x, rule)
        largest = x.float().abs().amax(1)
        reasons = {INFINITY: _wide(largest.isinf()), SMALLEST: _wide((ours == 0) & ~largest.isinf())}
        if rule == "ceil":
            reasons[LOGARITHM] = _wide(_near_last(largest, form))
        both = torch.cat([codes, ours[:, None]], 1), torch.cat([theirs, scales.view(torch.uint8)], 1)
        total += tally(*both, reasons)
    return total


def _by_gfloat(wanted: Format) -> Tally:
    import gfloat
    from gfloat import formats

    form = ELEMENTS[element_of(wanted)]
    block = getattr(formats, f"format_info_{'mxfp4_e2m1' if wanted == 'mxfp4' else wanted}")
    total = NOTHING
    for x in _inputs(form):
        finite = x[torch.isfinite(x[:, 0])]
        codes, scales = _ours(wanted, finite, "floor")
        wide = finite.double().numpy()
        steps = np.array([gfloat.compute_scale_amax(block.etype.emax, row) for row in wide])
        rounded = gfloat.round_ndarray(block.etype, wide / steps[:, None], gfloat.RoundMode.TiesToEven, True)
        theirs = torch.from_numpy(gfloat.encode_ndarray(block.etype, rounded).astype(np.uint8))
        exponents = torch.from_numpy((np.log2(steps) + 127).astype(np.uint8))
        total += tally(torch.cat([codes, scales[:, None]], 1), torch.cat([theirs, exponents[:, None]], 1))
        # Its own function for a block gives values; it is slow, and taken for every 499th.
        sample = finite[::499].contiguous()
        values = [gfloat.quantize_block(block, row, gfloat.compute_scale_amax) for row in sample.double().numpy()]
        ours = dequantize(quantized(wanted, sample, "floor", "reference"), dtype=torch.float64)
        total += tally(ours, torch.from_numpy(np.stack(values)))
    return total


def _gguf_reasons(x: Tensor, codes: Tensor, scales: Tensor) -> Mapping[Reason, Tensor]:
    largest = x.abs().amax(1)
    near = (largest.view(torch.int32) & 0x7FFFFF) > 0x7FFFFF - 64
    y = x.abs().double() / 2.0 ** (scales.double() - 127)[:, None]
    middle = E2M1.decode(torch.arange(8), torch.float64)
    ties = torch.isin(y, (middle[1:] + middle[:-1]) / 2)
    return {
        INFINITY: _wide(largest.isinf()),
        GGUF_TINY: _wide((scales == 0) & ~largest.isinf()),
        GGUF_LOGARITHM: _wide(near),
        GGUF_ZERO: torch.nn.functional.pad(codes == 8, (0, 1)),
        GGUF_TIE: torch.nn.functional.pad(ties, (0, 1)),
    }


def _mxfp4_by_gguf() -> Tally:
    from gguf.quants import MXFP4

    total = NOTHING
    for x in map(Tensor.float, _inputs(E2M1)):
        codes, scales = _ours("mxfp4", x, "floor")
        with np.errstate(all="ignore"):
            packed = torch.from_numpy(MXFP4.quantize_blocks(x.numpy()))
        # Element i is in the low nibble of byte i, element 16 + i in the high one.
        theirs = torch.cat([packed[:, 1:] & 15, packed[:, 1:] >> 4, packed[:, :1]], dim=1)
        ours = torch.cat([codes, scales[:, None]], dim=1)
        total += tally(ours, theirs, _gguf_reasons(x, codes, scales))
    return total + _mxfp4_read_by_gguf()


def _mxfp4_read_by_gguf() -> Tally:
    """Every scale with every element."""
    from gguf.quants import MXFP4

    scales = torch.arange(256, dtype=torch.uint8)
    q = mxfp4_quantize(torch.zeros(256, 32))
    codes = torch.arange(32, dtype=torch.uint8).expand(256, 32) % 16
    q.codes.copy_(E2M1.pack(codes))
    q.scales.copy_(scales[:, None])
    packed = torch.cat([scales[:, None], codes[:, :16] | (codes[:, 16:] << 4)], dim=1)
    with np.errstate(all="ignore"):
        theirs = torch.from_numpy(MXFP4.dequantize_blocks(packed.numpy()))
    ours = on_every_route(lambda route: dequantize(q, route=route).view(torch.int32)).view(torch.float32)
    reasons = {
        GGUF_NAN: (scales == 255)[:, None].expand(-1, 32),
        GGUF_ZERO: codes == 8,
        GGUF_OVERFLOW: theirs.isinf(),
    }
    return tally(ours, theirs, reasons)


def cases() -> Iterator[Case]:
    """Every MX format against every oracle that has it, by both scale rules where the oracle has them."""
    inputs = "every bfloat16 number the largest of a block, 1524 edges of the scale rule, 8192 blocks of heavy tails"
    rules: dict[ScaleRule, tuple[Reason, ...]] = {
        "floor": (SMALLEST, INFINITY),
        "ceil": (SMALLEST, INFINITY, LOGARITHM),
    }
    for wanted in MX:
        name = wanted.upper().replace("_", " ")
        for rule, reasons in rules.items():
            by_torchao = partial(_by_torchao, wanted, rule)
            yield Case(format=f"{name}, {rule}", oracle="torchao", inputs=inputs, run=by_torchao, reasons=reasons)
        yield Case(format=f"{name}, floor", oracle="gfloat", inputs=inputs, run=partial(_by_gfloat, wanted))
    known = (INFINITY, GGUF_TINY, GGUF_LOGARITHM, GGUF_ZERO, GGUF_TIE, GGUF_NAN, GGUF_OVERFLOW)
    inputs += "; every scale with every element read"
    yield Case(format="MXFP4, floor", oracle="gguf", inputs=inputs, run=_mxfp4_by_gguf, reasons=known)
