"""NVFP4 against torchao and gguf, and ternary codes against gguf's TQ1_0 and TQ2_0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from claims.kernels.conformance.blocks import GGUF_ZERO, heavy_tails, largest_numbers
from claims.kernels.conformance.tally import (
    NOTHING,
    Case,
    Reason,
    Tally,
    on_every_route,
    sixteen_bits,
    tally,
    torchao_module,
)
from claims.kernels.formats.dequantize import dequantize
from claims.kernels.formats.minifloat import E2M1, E4M3, Minifloat
from claims.kernels.formats.nvfp4 import nvfp4_quantize
from claims.kernels.packed import pack_ternary, unpack_ternary
from claims.kernels.ternary import ternary_quantize

SUBNORMAL = Reason(
    text="torchao has no block scale below 2^-6; here the subnormal numbers of E4M3 are scales too",
    claims=("mean-bias.torchao.smallest-scale", "mean-bias.torchao.outlier-error"),
)
ORDER = Reason(
    text="torchao divides where the recipe multiplies by 1/6 and by reciprocals: what lies at a tie falls otherwise",
    claims=("mean-bias.torchao.bfloat16",),
)
SIGN = Reason(text="gguf ignores the sign bit of a block scale, which no quantizer writes; here it is a sign")
SCALE_NAN = Reason(text="gguf reads the scale 127, which is NaN in E4M3, as 0; with the sign bit, as 480")
AWAY = Reason(
    text="gguf rounds a half away from 0, after a product with a rounded reciprocal; here a half is 0, the even one"
)


def _near_tie(form: Minifloat, magnitude: Tensor) -> Tensor:
    """Where a float64 lies within 2^-20 of a step from the middle of two codes."""
    in_steps = form._in_steps(magnitude)[0]
    return (in_steps - in_steps.floor() - 0.5).abs() < 2.0**-20 * in_steps.clamp(min=1)


def _blocks_of_a_known_tensor() -> Iterator[tuple[Tensor, Tensor]]:
    x = largest_numbers()
    yield x[x[:, 0] <= 2688].reshape(-1, 16).contiguous(), torch.tensor(2688.0)


def _tensors() -> Iterator[tuple[Tensor, Tensor]]:
    x = heavy_tails().view(-1, 16)
    yield x, x.abs().max()
    generator = torch.Generator().manual_seed(18)
    for _ in range(64):
        x = torch.randn(1 << 10, 16, generator=generator).bfloat16()
        yield x, x.float().abs().max()


def _by_torchao(tensors: Callable[[], Iterator[tuple[Tensor, Tensor]]]) -> Tally:
    module, total = torchao_module("nvfp4_tensor"), NOTHING
    for x, amax in tensors():
        scales, packed = module.nvfp4_quantize(x, 16, module.per_tensor_amax_to_scale(amax))
        theirs = torch.cat([E2M1.unpack(packed.view(torch.uint8)), scales.view(torch.uint8).view(-1, 1)], dim=1)
        ours = on_every_route(partial(_quantized, x, amax))
        wide, scale = x.double().abs(), amax.double() / 2688
        steps = E4M3.decode(ours[:, 16], torch.float64)
        exact = torch.cat([wide / (steps * scale)[:, None], torch.zeros(len(x), 1)], dim=1)
        reasons = {
            SUBNORMAL: (ours[:, 16] < 8)[:, None].expand(-1, 17),
            ORDER: _near_tie(E4M3, wide.amax(1) / 6 / scale)[:, None] | _near_tie(E2M1, exact),
        }
        total += tally(ours, theirs, reasons)
    return total


def _quantized(x: Tensor, amax: Tensor, route: str) -> Tensor:
    q = nvfp4_quantize(x, amax=amax, route=route)
    return torch.cat([q.elements, q.scales], dim=1)


def _read_by_gguf() -> Tally:
    """Every scale code with every element code: super-blocks of four scales and 64 elements."""
    from gguf.quants import NVFP4

    scales = torch.arange(256, dtype=torch.uint8)
    q = nvfp4_quantize(torch.zeros(256, 16))
    codes = torch.arange(16, dtype=torch.uint8).expand(256, 16)
    q.codes.copy_(E2M1.pack(codes))
    q.scales.copy_(scales[:, None])
    q.tensor_scale.fill_(1.0)
    # Element i of a block is in the low nibble of byte i, element 8 + i in the high one.
    bytes_ = (codes[:, :8] | (codes[:, 8:] << 4)).reshape(64, 32)
    with np.errstate(all="ignore"):
        read = NVFP4.dequantize_blocks(torch.cat([scales.view(64, 4), bytes_], dim=1).numpy())
    theirs = torch.from_numpy(np.asarray(read, np.float32)).view(256, 16)
    ours = on_every_route(lambda route: dequantize(q, route=route).view(torch.int32)).view(torch.float32)
    reasons = {
        SCALE_NAN: ((scales & 127) == 127)[:, None].expand(-1, 16),
        SIGN: (scales >= 128)[:, None].expand(-1, 16),
        GGUF_ZERO: codes == 8,
    }
    return tally(ours, theirs, reasons)


def _ternary_codes(w: Tensor, scale: Tensor, route: str) -> Tensor:
    return ternary_quantize(w, per="row", scale=scale, route=route)[0]


def _ternary(name: str) -> Tally:
    """Blocks of 256 beside a largest magnitude, which is gguf's scale: codes, and what its bytes are read as."""
    from gguf import quants

    kind, total = getattr(quants, name), NOTHING
    for largest in (1.0, 0.75, 0.7001953125, 1.9921875):
        x = sixteen_bits()
        x = x[x.abs() <= largest]
        rows = -(-len(x) // 255)
        blocks = torch.nn.functional.pad(x, (0, 255 * rows - len(x))).view(rows, 255)
        blocks = torch.cat([torch.full((rows, 1), largest), blocks], dim=1)
        packed: Any = kind.quantize_blocks(blocks.numpy())
        step = torch.tensor(np.float32(np.float16(largest)))
        theirs = (torch.from_numpy(kind.dequantize_blocks(packed)) / step).to(torch.int8)
        ours = on_every_route(partial(_ternary_codes, blocks, torch.full((rows,), largest)))
        half = blocks.double().abs() / largest
        total += tally(ours, theirs, {AWAY: (half - 0.5).abs() < 2.0**-23})
        total += tally(unpack_ternary(pack_ternary(theirs), columns=256), theirs)
    return total


def _ternary_bytes() -> Tally:
    """All bytes of TQ2_0: digit 4 s + j of 128 lies there in bits 2 s of byte j of 32, here in byte 4 s + j of 4."""
    from gguf.quants import TQ2_0

    bytes_ = torch.arange(256, dtype=torch.uint8).view(4, 64)
    scale = torch.ones(4, 1, dtype=torch.float16).view(torch.uint8)
    theirs = torch.from_numpy(TQ2_0.dequantize_blocks(torch.cat([bytes_, scale], dim=1).numpy())).to(torch.int8)
    order = torch.arange(256).view(2, 4, 32).transpose(1, 2).flatten()
    return tally(unpack_ternary(bytes_, columns=256), theirs[:, order])


def _tq2_0() -> Tally:
    return _ternary("TQ2_0") + _ternary_bytes()


def cases() -> Iterator[Case]:
    """NVFP4 and ternary codes."""
    yield Case(
        format="NVFP4",
        oracle="torchao",
        inputs="every bfloat16 number up to 2688 the largest of a block, the tensor's largest being 2688",
        run=partial(_by_torchao, _blocks_of_a_known_tensor),
        reasons=(SUBNORMAL, ORDER),
    )
    yield Case(
        format="NVFP4",
        oracle="torchao",
        inputs="16384 float32 blocks of heavy tails; 64 bfloat16 tensors of 1024 blocks of normal numbers",
        run=partial(_by_torchao, _tensors),
        reasons=(SUBNORMAL, ORDER),
    )
    yield Case(
        format="NVFP4",
        oracle="gguf",
        inputs="every scale with every element read",
        run=_read_by_gguf,
        reasons=(SCALE_NAN, SIGN, GGUF_ZERO),
    )
    inputs = "every bfloat16 and float16 number up to a block's largest, for four of these; packed and read"
    yield Case(format="ternary", oracle="gguf TQ1_0", inputs=inputs, run=partial(_ternary, "TQ1_0"), reasons=(AWAY,))
    inputs += "; every byte"
    yield Case(format="ternary", oracle="gguf TQ2_0", inputs=inputs, run=_tq2_0, reasons=(AWAY,))
