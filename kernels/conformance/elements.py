"""Elements and scales one by one: every 16-bit number encoded, every code decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from claims.kernels.conformance.tally import Case, Reason, Tally, on_every_route, sixteen_bits, tally, torchao_module
from claims.kernels.formats.block_scaled import e8m0_decode
from claims.kernels.formats.e2m1 import e2m1_encode
from claims.kernels.formats.e4m3 import e4m3_encode
from claims.kernels.formats.minifloat import E2M1, E4M3, E5M2, ELEMENTS, Minifloat
from claims.kernels.formats.mx import mxfp6_quantize, mxfp8_quantize

_ML_DTYPES = {
    "e2m1": "float4_e2m1fn",
    "e4m3": "float8_e4m3fn",
    "e5m2": "float8_e5m2",
    "e2m3": "float6_e2m3fn",
    "e3m2": "float6_e3m2fn",
}
_TORCH = {"e4m3": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2}
NAN = Reason(
    text="what rounds beyond 448 becomes NaN there, the other conversion of OFP8; here it saturates, as MX (6.3) asks",
    claims=("mean-bias.ml-dtypes.overflow",),
)
INFINITE = Reason(
    text="what rounds beyond 57344 becomes Inf there, the other conversion of OFP8; here it saturates, as MX (6.3) asks"
)
HALF_UP = Reason(text="gguf rounds a tie of E4M3 up, not to the even code")
TOP_BINADE = Reason(
    text="gguf makes 448 of every scale from 256 on: it takes the highest exponent of E4M3 for overflow"
)
LAST_STEP = Reason(text="gguf makes the largest subnormal number of what rounds up to the smallest normal one, 2^-6")


def encoded(form: Minifloat, x: Tensor) -> Tensor:
    """Codes of float32 numbers (n,) by the public operations.

    E2M1 and E4M3 have encoders. The others are elements of a block whose first one, the largest of the format, makes
    the scale 1; what a block of that scale cannot hold is taken from the reference.
    """
    if form in (E2M1, E4M3):
        call: Callable[..., Tensor] = e2m1_encode if form is E2M1 else e4m3_encode
        return on_every_route(lambda route: call(x, route=route))
    codes = form.signed_code(x, form.nearest_code(x.abs()))
    small = x.abs() < 2.0 ** (form.largest_exponent + 1)
    inner = x[small]
    rows = -(-len(inner) // 31)
    blocks = torch.nn.functional.pad(inner, (0, 31 * rows - len(inner))).view(rows, 31)
    blocks = torch.cat([torch.full((rows, 1), form.largest), blocks], dim=1)
    by_bits: Any = mxfp8_quantize if form.bits == 8 else mxfp6_quantize
    quantize = partial(by_bits, element=form.name)
    q = quantize(blocks)
    if bool((q.scales != 127).any()):
        raise RuntimeError(f"a block with {form.largest} does not have scale 1")
    found = on_every_route(lambda route: quantize(blocks, route=route).elements)
    codes[small] = found[:, 1:].flatten()[: len(inner)]
    return codes


def _ml_dtypes(form: Minifloat) -> Tally:
    import ml_dtypes

    kind, x = getattr(ml_dtypes, _ML_DTYPES[form.name]), sixteen_bits()
    theirs = torch.from_numpy(x.numpy().astype(kind).view(np.uint8).copy())
    step = 2.0 ** (form.largest_exponent - form.mantissa_bits)
    beyond = x.abs() >= form.largest + step / 2 if form is E5M2 else x.abs() > form.largest + step / 2
    reasons = {E4M3.name: {NAN: beyond}, E5M2.name: {INFINITE: beyond}}.get(form.name)
    codes = np.arange(2**form.bits, dtype=np.uint8)
    values = torch.from_numpy(codes.view(kind).astype(np.float64))
    decoded = form.decode(torch.from_numpy(codes), torch.float64)
    return tally(encoded(form, x), theirs, reasons) + tally(decoded, values)


def _gfloat(form: Minifloat) -> Tally:
    import gfloat
    from gfloat import formats

    info, x = getattr(formats, f"format_info_ocp_{form.name}"), sixteen_bits()
    rounded = gfloat.round_ndarray(info, x.double().numpy(), gfloat.RoundMode.TiesToEven, True)
    theirs = torch.from_numpy(gfloat.encode_ndarray(info, rounded).astype(np.uint8))
    codes = np.arange(2**form.bits, dtype=np.uint8)
    values = torch.from_numpy(np.asarray(gfloat.decode_ndarray(info, codes), np.float64))
    return tally(encoded(form, x), theirs) + tally(form.decode(torch.from_numpy(codes), torch.float64), values)


def _torch(form: Minifloat) -> Tally:
    kind, x = _TORCH[form.name], sixteen_bits()
    theirs = x.to(kind).view(torch.uint8)
    reasons = {INFINITE: x.abs() >= 61440.0} if form is E5M2 else None
    codes = torch.arange(256, dtype=torch.uint8)
    values = codes.view(kind).double()
    return tally(encoded(form, x), theirs, reasons) + tally(form.decode(codes, torch.float64), values)


def _torchao(form: Minifloat) -> Tally:
    kernels, x = torchao_module("kernels"), sixteen_bits()
    name = "f4" if form is E2M1 else f"f6_{form.name}"
    theirs = getattr(kernels, f"f32_to_{name}_unpacked")(x)
    codes = torch.arange(2**form.bits, dtype=torch.uint8)
    values = getattr(kernels, f"{name}_unpacked_to_f32")(codes).double()
    return tally(encoded(form, x), theirs) + tally(form.decode(codes, torch.float64), values)


def _gguf_scale() -> Tally:
    from gguf.quants import NVFP4

    x = sixteen_bits()
    x = x[~x.signbit()]
    theirs = torch.from_numpy(NVFP4.fp32_to_ue4m3(x.numpy()))
    in_steps = E4M3._in_steps(x)[0]
    masks = {
        TOP_BINADE: x >= 248,  # which rounds to 256, and on
        LAST_STEP: (x < 2.0**-6) & (x >= 7.5 * 2.0**-9),
        HALF_UP: in_steps - in_steps.floor() == 0.5,
    }
    return tally(encoded(E4M3, x), theirs, masks)


def _e8m0(values: Callable[[], Any]) -> Tally:
    theirs = torch.as_tensor(np.asarray(values(), np.float64))
    return tally(e8m0_decode(torch.arange(256, dtype=torch.uint8), torch.float64), theirs)


def _e8m0_gfloat() -> Any:
    import gfloat
    from gfloat.formats import format_info_ocp_e8m0

    return gfloat.decode_ndarray(format_info_ocp_e8m0, np.arange(256, dtype=np.uint8))


def _e8m0_ml_dtypes() -> Any:
    import ml_dtypes

    return np.arange(256, dtype=np.uint8).view(ml_dtypes.float8_e8m0fnu)


def _e8m0_torch() -> Any:
    return torch.arange(256, dtype=torch.uint8).view(torch.float8_e8m0fnu).double().numpy()


def cases() -> Iterator[Case]:
    """Every element format against every oracle that has it."""
    inputs = "every bfloat16 and float16 number encoded, every code decoded"
    for form in ELEMENTS:
        name = form.name.upper()
        known = {"e4m3": (NAN,), "e5m2": (INFINITE,)}.get(form.name, ())
        yield Case(format=name, oracle="ml_dtypes", inputs=inputs, run=partial(_ml_dtypes, form), reasons=known)
        yield Case(format=name, oracle="gfloat", inputs=inputs, run=partial(_gfloat, form))
        if form.name in _TORCH:
            known = (INFINITE,) if form is E5M2 else ()
            yield Case(format=name, oracle="torch", inputs=inputs, run=partial(_torch, form), reasons=known)
        else:
            yield Case(format=name, oracle="torchao", inputs=inputs, run=partial(_torchao, form))
    yield Case(
        format="E4M3",
        oracle="gguf",
        inputs="every bfloat16 and float16 number >= 0 made a scale of NVFP4",
        run=_gguf_scale,
        reasons=(TOP_BINADE, LAST_STEP, HALF_UP),
    )
    for oracle, values in (("ml_dtypes", _e8m0_ml_dtypes), ("gfloat", _e8m0_gfloat), ("torch", _e8m0_torch)):
        yield Case(format="E8M0", oracle=oracle, inputs="every code decoded", run=partial(_e8m0, values))
