"""Rows of the table with 4-bit and ternary numbers: quantizers, packed products, Averis, the Hadamard transform."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from benchmarks.rows import KEY, Row, Thunk, compiled, excess, normal, product_bound, row, unequal
from claims import kernels


def torchao_nvfp4(x: Tensor) -> dict[str, Thunk]:
    """torchao's quantizer, with the tensor scale given as to ours; nothing where torchao is not installed."""
    if find_spec("torchao") is None:
        return {}
    from torchao.prototype.mx_formats import nvfp4_tensor

    scale = nvfp4_tensor.per_tensor_amax_to_scale(x.abs().max().float())
    by_compile = compiled(lambda x, scale: nvfp4_tensor.nvfp4_quantize(x, 16, scale))
    return {
        "torchao": lambda: nvfp4_tensor.nvfp4_quantize(x, 16, scale),
        "torchao compiled": lambda: by_compile(x, scale),
    }


# Steps an element of an E2M1 quantizer: magnitude and largest of the block (4, with steps across lanes), scales (2, as
# 30 make 16 of them), magnitude, product, two limits (4), rounding by a sum with a power of two that the exponent looks
# up (3), sign (2), packing (2). Blocks along columns need no step across lanes (2 less) and one more to pack. The
# largest magnitude of the tensor is given: nothing is read twice.
E2M1_STEPS, WIDEN_STEPS, COLUMNS_STEPS, DRAW_STEPS = 17, 2, -1, 9


def _nvfp4(dtype: torch.dtype, *, peers: bool = False, aims: dict[str, float] | None = None, **options: Any) -> Row:
    x = normal(4096, 4096, dtype=dtype)
    amax = x.abs().max()
    settings = {"amax": amax, **options}
    out = kernels.nvfp4_quantize(x, **settings)
    drawn, turned = "key" in options, options.get("axis") == -2
    steps = E2M1_STEPS + WIDEN_STEPS * (dtype == torch.bfloat16) + COLUMNS_STEPS * turned + DRAW_STEPS * drawn

    def check() -> float:
        expected = kernels.nvfp4_quantize(x, **settings, route="reference")
        return unequal(kernels.nvfp4_quantize(x, **settings).payload, expected.payload)

    return Row(
        shape=f"4096x4096 {str(dtype).removeprefix('torch.')}",
        limit="read",
        bytes=x.nbytes + out.payload.nbytes,
        arithmetic={"words": drawn * x.numel(), "steps": steps * x.numel()},
        ours=lambda: kernels.nvfp4_quantize(x, **settings, out=out),
        check=check,
        peers=(lambda: torchao_nvfp4(x)) if peers else dict,
        default_pages="torchao" if peers and find_spec("torchao") else "",
        aims=aims or {},
    )


AIMS = {"torchao": 60.0, "torchao compiled": 15.0}
row("nvfp4_quantize")(lambda: _nvfp4(torch.float32, peers=True, aims=AIMS))
row("nvfp4_quantize bf16")(lambda: _nvfp4(torch.bfloat16, peers=True))
row("nvfp4_quantize stochastic")(lambda: _nvfp4(torch.float32, rounding="stochastic", key=KEY))
row("nvfp4_quantize columns")(lambda: _nvfp4(torch.float32, axis=-2))
row("nvfp4_quantize 16x16")(lambda: _nvfp4(torch.float32, tile="16x16"))


def torchao_mxfp4(x: Tensor) -> dict[str, Thunk]:
    """torchao's MXFP4 quantizer with the scale rule that is our default; nothing where torchao is not installed."""
    if find_spec("torchao") is None:
        return {}
    from torchao.prototype.mx_formats.config import ScaleCalculationMode
    from torchao.prototype.mx_formats.mx_tensor import to_mx

    def theirs(x: Tensor) -> object:
        return to_mx(x, torch.float4_e2m1fn_x2, 32, ScaleCalculationMode.FLOOR)

    by_compile = compiled(theirs)
    return {"torchao": lambda: theirs(x), "torchao compiled": lambda: by_compile(x)}


@row("mxfp4_quantize")
def _mxfp4() -> Row:
    x = normal(4096, 4096, dtype=torch.bfloat16)
    out = kernels.mxfp4_quantize(x)
    return Row(
        shape="4096x4096 bfloat16",
        limit="read",
        bytes=x.nbytes + out.payload.nbytes,
        arithmetic={"steps": (E2M1_STEPS + WIDEN_STEPS) * x.numel()},
        ours=lambda: kernels.mxfp4_quantize(x, out=out),
        check=lambda: unequal(kernels.mxfp4_quantize(x).payload, kernels.mxfp4_quantize(x, route="reference").payload),
        peers=lambda: torchao_mxfp4(x),
    )


@row("dequantize nvfp4", "dequantize", "nvfp4_quantize")
def _dequantize() -> Row:
    q = kernels.nvfp4_quantize(normal(4096, 4096))
    out = torch.empty(4096, 4096)
    expected = kernels.dequantize(q, route="reference")
    return Row(
        shape="4096x4096",
        limit="write",
        bytes=out.nbytes,  # an eighth as much is read meanwhile
        ours=lambda: kernels.dequantize(q, out=out),
        check=lambda: unequal(kernels.dequantize(q), expected),
        peers=lambda: {"eager": lambda: kernels.dequantize(q, route="reference")},
    )


@row("block_scaled_matmul", "block_scaled_matmul", "dequantize", "nvfp4_quantize")
def _block_scaled_matmul() -> Row:
    a, b = kernels.nvfp4_quantize(normal(1024, 2048)), kernels.nvfp4_quantize(normal(1024, 2048, seed=1))
    expected = kernels.block_scaled_matmul(a, b, route="reference")
    bound = product_bound(kernels.dequantize(a), kernels.dequantize(b).T)
    return Row(
        shape="1024x1024x2048",
        limit="gemm",
        operations=2 * 1024 * 1024 * 2048,
        product=(1024, 1024, 2048),
        ours=lambda: kernels.block_scaled_matmul(a, b),
        check=lambda: excess(kernels.block_scaled_matmul(a, b), expected, bound),
        peers=lambda: {
            "eager": lambda: kernels.dequantize(a, route="reference") @ kernels.dequantize(b, route="reference").T
        },
    )


@row("averis quantize", "column_statistics", "nvfp4_quantize")
def _averis() -> Row:
    """Statistics of the columns, then the residual quantized from x as it lies; x is read twice."""
    x = normal(4096, 4096, dtype=torch.bfloat16) + 2
    out = kernels.nvfp4_quantize(x, amax=8.0)

    def ours(route: str | None = None, out: Any = None) -> Any:
        mean = kernels.column_statistics(x, route=route)[0]
        return kernels.nvfp4_quantize(x, center=mean, amax=8.0, out=out, route=route)

    def eager() -> Any:
        residual = x.float() - x.float().mean(0)
        return kernels.nvfp4_quantize(residual, amax=8.0)

    return Row(
        shape="4096x4096 bfloat16",
        limit="read",
        bytes=2 * x.nbytes + out.payload.nbytes,
        # Statistics: widened twice, a float64 sum, two extremes; then the centre is subtracted.
        arithmetic={"steps": (2 * WIDEN_STEPS + 6 + 1 + E2M1_STEPS) * x.numel()},
        ours=lambda: ours(out=out),
        check=lambda: unequal(ours().payload, ours(route="reference").payload),
        peers=lambda: {"eager": eager},
    )


@row("hadamard_transform")
def _hadamard() -> Row:
    x = normal(4096, 4096)
    out, matrix = torch.empty_like(x), kernels.hadamard_transform(torch.eye(16))
    expected = kernels.hadamard_transform(x, route="reference")

    def eager(x: Tensor) -> Tensor:
        return (x.view(-1, 16) @ matrix).view(x.shape)

    by_compile = compiled(eager)
    return Row(
        shape="4096x4096 blocks of 16",
        limit="copy",
        bytes=2 * x.nbytes,
        arithmetic={"steps": (4 * 3 + 1) * x.numel()},  # four strides: exchange, sign, sum; then the scale
        ours=lambda: kernels.hadamard_transform(x, out=out),
        check=lambda: unequal(kernels.hadamard_transform(x), expected),
        peers=lambda: {"eager": lambda: eager(x), "compile": lambda: by_compile(x)},
    )


def fbgemm(x: Tensor, codes: Tensor) -> dict[str, Thunk]:
    """torch's int8 product of one row, with weights in the engine's own packing; its result is rounded to 8 bits."""
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        return {}
    torch.backends.quantized.engine = "fbgemm"
    weights = torch.ops.quantized.linear_prepack(torch.quantize_per_tensor(codes.float(), 1.0, 0, torch.qint8), None)
    activations = torch.quantize_per_tensor(x.float(), 1.0, 128, torch.quint8)
    return {"fbgemm int8": lambda: torch.ops.quantized.linear(activations, weights, 64.0, 128)}


def _ternary(samples: int, *, integer: bool, size: int = 4096) -> Row:
    w = normal(size, size)
    codes, _ = kernels.ternary_quantize(w)
    packed = kernels.pack_ternary(codes)
    dense = codes.float()
    numbers = torch.randint(-127, 128, (samples, size), generator=torch.Generator().manual_seed(2))
    x = numbers.to(torch.int8) if integer else normal(samples, size, seed=2)
    out = torch.empty(samples, size, dtype=torch.int32 if integer else torch.float32)
    dense_x = x.float()
    expected = dense_x.double() @ dense.double().T
    bound = 0.5 if integer else size * 2.0**-24 * (dense_x.double().abs() @ dense.double().abs().T)
    products = samples * size * size
    peers: dict[str, Thunk] = {"dense float32": lambda: dense_x @ dense.T}
    if integer and samples > 1:
        turned = codes.T.contiguous()
        peers["torch._int_mm"] = lambda: torch._int_mm(x, turned)
    # Floats: codes are moved down and looked up. Bytes: digits are masked beside the products, on other units.
    floating = {"float_products": products, "steps": 2 * size * size}
    return Row(
        shape=f"{samples}x{size}x{size}",
        limit="read",
        bytes=packed.nbytes,
        operations=2 * products,
        arithmetic={"bytes_products": products} if integer else floating,
        ours=lambda: kernels.ternary_linear(x, packed, out=out),
        check=lambda: excess(kernels.ternary_linear(x, packed), expected, bound),
        peers=lambda: peers | (fbgemm(x, codes) if integer and samples == 1 else {}),
        aims={"dense float32": 10} if samples == 1 and integer and size == 4096 else {},
    )


TERNARY = ("ternary_linear", "ternary_quantize", "pack_ternary")
row("ternary product int8", *TERNARY)(lambda: _ternary(1, integer=True))
row("ternary product float32", *TERNARY)(lambda: _ternary(1, integer=False))
row("ternary product int8, 256 rows", *TERNARY)(lambda: _ternary(256, integer=True))
row("ternary product int8, 1024", *TERNARY)(lambda: _ternary(1, integer=True, size=1024))
row("ternary product int8, 2048", *TERNARY)(lambda: _ternary(1, integer=True, size=2048))
row("ternary product int8, 8192", *TERNARY)(lambda: _ternary(1, integer=True, size=8192))
