"""Every kernel: how it is called, on what, and how far its results may be from the reference's.

Bits are promised unless an entry says what is allowed; what is allowed is derived as for the tests of each kernel, for
two evaluations that round differently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from claims import kernels
from claims.kernels.dispatch import FLOATS
from claims.kernels.relu import RELU_MOMENTS

SEED = 2026
KEY = 0x0123456789ABCDEF
RATE = 0.05
_U64 = 2.0**-53

#: Arguments on the CPU for so many rows, columns, a dtype, and a seed.
Make = Callable[[int, int, torch.dtype, int], tuple[Any, ...]]
#: What each part of a result may be off by, from the arguments and the reference's result; None for bits.
Allowed = Callable[[tuple[Any, ...], Sequence[Tensor]], Sequence[Tensor | None]]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One kernel in one variant.

    Attributes:
        operation: the registered operation that it takes.
        variant: in words; empty for the usual one.
        make: makes arguments.
        call: the public function: ``call(*arguments, route=...)``.
        dtypes: of its first argument.
        allowed: None where bits are promised.
        product: m, n and k of what it multiplies, by its arguments; None where memory is what bounds it.
        infinities: whether it says what becomes of an infinity in its first argument.
    """

    operation: str
    make: Make
    call: Callable[..., Any]
    variant: str = ""
    dtypes: tuple[torch.dtype, ...] = FLOATS
    allowed: Allowed | None = None
    product: Callable[[tuple[Any, ...]], tuple[int, int, int]] | None = None
    infinities: bool = False

    @property
    def name(self) -> str:
        """Operation and variant."""
        return f"{self.operation} {self.variant}".strip()


# Arguments


def drawn(*shape: int, seed: int, dtype: torch.dtype = torch.float32, spread: float = 0.0) -> Tensor:
    """Gaussian numbers, the same whoever asks; with a spread, times exp(spread N(0, 1)): blocks of all magnitudes."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    if spread:
        x = x * torch.exp(spread * torch.randn(shape, generator=generator, dtype=torch.float64))
    return x.to(dtype)


def _matrix(rows: int, columns: int, dtype: torch.dtype, seed: int) -> tuple[Tensor, ...]:
    return (drawn(rows, columns, seed=seed, dtype=dtype),)


def _wide(rows: int, columns: int, dtype: torch.dtype, seed: int) -> tuple[Tensor, ...]:
    return (drawn(rows, columns, seed=seed, dtype=dtype, spread=2.0),)


def _pair(rows: int, columns: int, dtype: torch.dtype, seed: int) -> tuple[Tensor, ...]:
    return drawn(rows, columns, seed=seed, dtype=dtype), drawn(rows, columns, seed=seed + 1, dtype=dtype)


def _integers(rows: int, columns: int, least: int, end: int, *, seed: int) -> Tensor:
    return torch.randint(least, end, (rows, columns), dtype=torch.int8, generator=torch.Generator().manual_seed(seed))


def _samples(rows: int, columns: int, dtype: torch.dtype, seed: int) -> tuple[Tensor, ...]:
    """Samples, packed weights."""
    if dtype == torch.int8:
        x = _integers(rows, columns, -128, 128, seed=seed + 1)
    else:
        x = drawn(rows, columns, seed=seed + 1, dtype=dtype)
    return x, kernels.pack_ternary(_integers(max(rows, 17), columns, -1, 2, seed=seed), route="reference")


def _blocks(rows: int, columns: int, dtype: torch.dtype, seed: int, *, block: int) -> tuple[Tensor, ...]:
    return (drawn(rows, max(block, columns - columns % block), seed=seed, dtype=dtype),)


def _centered(rows: int, columns: int, dtype: torch.dtype, seed: int) -> tuple[Tensor, ...]:
    return drawn(rows, columns, seed=seed, dtype=dtype), drawn(columns, seed=seed + 1)


def _with_scale(rows: int, columns: int, dtype: torch.dtype, seed: int) -> tuple[Tensor, ...]:
    scale = torch.tensor(0.5, dtype=torch.float64 if dtype == torch.float64 else torch.float32)
    return drawn(rows, columns, seed=seed, dtype=dtype), scale


# What is allowed


def unit(dtype: torch.dtype) -> float:
    """Half the distance of 1 to the next number; 16-bit floats are rounded from float32, which adds a little."""
    half = torch.finfo(dtype).eps / 2
    return half if dtype in (torch.float64, torch.float32) else half * (1 + 2.0**-24) + 2.0**-24


def _smallest(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).tiny * torch.finfo(dtype).eps


def _sum(terms: int) -> float:
    """Relative error of the root of a float64 sum of so many squares, in any order."""
    return (terms / 2 + 10) * _U64


def _of_rows(arguments: tuple[Any, ...], expected: Sequence[Tensor]) -> list[Tensor]:
    (y,), d = expected, expected[0].shape[-1]
    return [(2 * unit(y.dtype) + 4 * _sum(d)) * y.double().abs() + 2 * _smallest(y.dtype)]


def _of_derivative(arguments: tuple[Any, ...], expected: Sequence[Tensor]) -> list[Tensor]:
    """The projection subtracts what may be as long as h: its errors count against |h| over the root mean square."""
    x, h = (each.double() for each in arguments)
    rms = (x.square().mean(-1, keepdim=True) + _EPS).sqrt()
    length = h.norm(dim=-1, keepdim=True) + h.abs()
    return [_of_rows(arguments, expected)[0] + length / rms * (8 * _sum(x.shape[-1]))]


def _of_step(arguments: tuple[Any, ...], expected: Sequence[Tensor]) -> list[Tensor]:
    return [(arguments[0].numel() + 8) * _U64 * expected[0].abs()]


def _of_energies(arguments: tuple[Any, ...], expected: Sequence[Tensor]) -> list[Tensor]:
    return [(8 * arguments[0].shape[-1] + 20) * _U64 * expected[0]] * 3


def _of_moments(arguments: tuple[Any, ...], expected: Sequence[Tensor]) -> list[Tensor]:
    """No sum has larger terms than four times the squares of both arguments."""
    h, dh = (each.double() for each in arguments)
    return [(h.shape[-1] + 20) * _U64 * 4 * (h.square() + dh.square()).sum(-1, keepdim=True)]


def _of_product(x: Tensor, w: Tensor, expected: Tensor) -> Tensor:
    """Sums of k products in any order; result and reference are both rounded to their dtype."""
    k, dtype = x.shape[-1], expected.dtype
    u = _U64 if dtype == torch.float64 else 2.0**-24
    magnitude = x.double().abs() @ w.double().abs().T
    return 4 * ((k + 2) * u * magnitude + unit(dtype) * expected.double().abs() + _smallest(dtype))


def _of_flipped(arguments: tuple[Any, ...], expected: Sequence[Tensor]) -> list[Tensor]:
    x, w = arguments
    return [_of_product(x, w, expected[0])]


def _of_ternary(arguments: tuple[Any, ...], expected: Sequence[Tensor]) -> list[Tensor | None]:
    x, packed = arguments
    if x.dtype == torch.int8:
        return [None]
    return [_of_product(x, kernels.unpack_ternary(packed, columns=x.shape[-1]), expected[0])]


def _of_blocks(arguments: tuple[Any, ...], expected: Sequence[Tensor]) -> list[Tensor]:
    a, b = (kernels.dequantize(q, dtype=torch.float64, route="reference") for q in arguments)
    return [_of_product(a, b, expected[0])]


def _of_scale(arguments: tuple[Any, ...], expected: Sequence[Tensor]) -> list[Tensor | None]:
    """Codes of signs hang on no scale; the scale is a mean of magnitudes."""
    scale = expected[1]
    return [None, 2 * (unit(scale.dtype) + 2 * (arguments[0].numel() + 2) * _U64) * scale.double().abs()]


def _values(arguments: tuple[Any, ...], expected: Sequence[Tensor]) -> list[Tensor]:
    """Equal values: the sign of a zero extreme is not promised."""
    return [torch.zeros_like(expected[0], dtype=torch.float64)]


def _square(arguments: tuple[Any, ...]) -> tuple[int, int, int]:
    """m, n and k of a product of what has the contraction axis last."""
    return arguments[0].shape[0], arguments[1].shape[0], arguments[0].shape[-1]


# The list

_EPS = 1e-6
_INT8 = (torch.int8,)
_NARROW = (torch.float32, torch.bfloat16, torch.float16)
_RANDOM: dict[str, Any] = {"rounding": "stochastic", "key": KEY}
_PRODUCTS: dict[str, Any] = {"allowed": _of_blocks, "product": _square, "dtypes": (torch.float32,)}


def _plain() -> Iterator[Entry]:
    flips: dict[str, Any] = {"flip_rate": RATE, "key": KEY}
    yield Entry(
        operation="rms_norm", make=_matrix, call=partial(kernels.rms_norm, eps=_EPS), allowed=_of_rows, infinities=True
    )
    yield Entry(
        operation="rms_norm_jvp", make=_pair, call=partial(kernels.rms_norm_jvp, eps=_EPS),
        allowed=_of_derivative, infinities=True,
    )  # fmt: skip
    yield Entry(operation="sign_flip", make=_matrix, call=partial(kernels.sign_flip, **flips), infinities=True)
    yield Entry(
        operation="magnitude_step", make=_matrix, call=partial(kernels.magnitude_step, size=0.1), infinities=True
    )
    yield Entry(operation="flip_energy", make=_matrix, call=partial(kernels.matched_step, **flips), allowed=_of_step)
    yield Entry(operation="transverse_energy", make=_pair, call=kernels.transverse_energy, allowed=_of_energies)
    yield Entry(
        operation="sign_flip_linear", make=_pair, call=partial(kernels.sign_flip_linear, **flips),
        allowed=_of_flipped, product=_square,
    )  # fmt: skip
    for block in (16, 128):
        call = partial(kernels.hadamard_transform, block=block)
        yield Entry(operation="hadamard_transform", variant=str(block), make=partial(_blocks, block=block), call=call)
    signed = partial(kernels.hadamard_transform, signs=kernels.RHT_SIGNS)
    for variant, inverse in {"signs": False, "signs, inverse": True}.items():
        call = partial(signed, inverse=inverse)
        yield Entry(operation="hadamard_transform", variant=variant, make=partial(_blocks, block=16), call=call)
    yield Entry(operation="column_statistics", make=_matrix, call=kernels.column_statistics, allowed=_values)


def _ternary() -> Iterator[Entry]:
    yield Entry(
        operation="absmean", variant="rows", make=_matrix, call=partial(kernels.sign_quantize, per="row"),
        allowed=_of_scale,
    )  # fmt: skip
    yield Entry(operation="absmean", make=_matrix, call=kernels.sign_quantize, allowed=_of_scale)
    yield Entry(operation="weight_codes", make=_with_scale, call=_ternary_codes)
    yield Entry(operation="pack_ternary", make=_only_codes, call=kernels.pack_ternary, dtypes=_INT8)
    products: dict[str, Any] = {"call": kernels.ternary_linear, "allowed": _of_ternary, "dtypes": _INT8 + FLOATS}
    yield Entry(operation="ternary_product", make=_samples, product=_ternary_sizes, **products)
    yield Entry(operation="ternary_product", variant="one row", make=_one_sample, **products)


def _ternary_codes(w: Tensor, scale: Tensor, *, route: str | None) -> Any:
    return kernels.ternary_quantize(w, scale=scale, route=route)


def _only_codes(rows: int, columns: int, dtype: torch.dtype, seed: int) -> tuple[Tensor, ...]:
    return (_integers(rows, columns, -1, 2, seed=seed),)


def _one_sample(rows: int, columns: int, dtype: torch.dtype, seed: int) -> tuple[Tensor, ...]:
    x, packed = _samples(rows, columns, dtype, seed)
    return x[:1].contiguous(), packed


def _ternary_sizes(arguments: tuple[Any, ...]) -> tuple[int, int, int]:
    x, packed = arguments
    return x.shape[0], packed.shape[0], x.shape[-1]


def _formats() -> Iterator[Entry]:
    for variant, options in _NVFP4.items():
        call = partial(kernels.nvfp4_quantize, **options)
        yield Entry(operation="nvfp4_quantize", variant=variant, make=_wide, call=call, infinities=True)
    yield Entry(operation="nvfp4_quantize", variant="centered", make=_centered, call=_quantize_centered)
    for variant, options in _MXFP4.items():
        call = partial(kernels.mxfp4_quantize, **options)
        yield Entry(operation="mxfp4_quantize", variant=variant, make=_wide, call=call, infinities=True)
    for name, elements in _MX.items():
        for element in elements:
            call = partial(getattr(kernels, name), element=element)
            yield Entry(operation=name, variant=element, make=_wide, call=call, infinities=True)
    for variant, quantize in _QUANTIZERS.items():
        make = partial(_quantized, quantize=quantize)
        yield Entry(operation="dequantize_blocks", variant=variant, make=make, call=_dequantize)
        pair = partial(_quantized_pair, quantize=quantize)
        yield Entry(
            operation="block_scaled_matmul", variant=variant, make=pair, call=kernels.block_scaled_matmul, **_PRODUCTS
        )
    for variant, options in {"": {}, "stochastic": _RANDOM}.items():
        yield Entry(
            operation="e2m1_encode",
            variant=variant,
            make=_matrix,
            call=partial(kernels.e2m1_encode, **options),
            dtypes=_NARROW,
        )
    yield Entry(operation="e4m3_encode", make=_wide, call=kernels.e4m3_encode, dtypes=_NARROW)


_NVFP4: dict[str, dict[str, Any]] = {
    "": {},
    "16x16": {"tile": "16x16"},
    "columns": {"axis": -2},
    "stochastic": _RANDOM,
    "four over six": {"four_over_six": "squared", "largest_scale": 256},
    "four over six, absolute": {"four_over_six": "absolute"},
}
_MXFP4: dict[str, dict[str, Any]] = {
    "": {}, "ceil, columns": {"scale_rule": "ceil", "axis": -2}, "stochastic": _RANDOM
}  # fmt: skip
_MX = {"mxfp6_quantize": ("e2m3", "e3m2"), "mxfp8_quantize": ("e4m3", "e5m2")}
_QUANTIZERS: dict[str, Callable[..., Any]] = {
    "nvfp4": kernels.nvfp4_quantize,
    "mxfp4": kernels.mxfp4_quantize,
    "mxfp6": kernels.mxfp6_quantize,
    "mxfp8": kernels.mxfp8_quantize,
}


def _quantize_centered(x: Tensor, center: Tensor, *, route: str | None) -> Any:
    return kernels.nvfp4_quantize(x, center=center, route=route)


def _quantized(
    rows: int, columns: int, dtype: torch.dtype, seed: int, *, quantize: Callable[..., Any]
) -> tuple[Any, ...]:
    """A quantized matrix, and the dtype to restore it to."""
    x = drawn(rows, columns, seed=seed, spread=2.0)
    x[-1] *= 2.0**-130  # the smallest scale that there is
    return quantize(x, route="reference"), dtype


def _quantized_pair(
    rows: int, columns: int, dtype: torch.dtype, seed: int, *, quantize: Callable[..., Any]
) -> tuple[Any, ...]:
    return tuple(quantize(x, route="reference") for x in _pair(rows, columns, torch.float32, seed))


def _dequantize(q: Any, dtype: torch.dtype, *, route: str | None) -> Any:
    return kernels.dequantize(q, dtype=dtype, route=route)


def entries() -> tuple[Entry, ...]:
    """All that have a Triton route."""
    return (*_plain(), *_ternary(), *_formats())


def compiled_alone() -> tuple[Entry, ...]:
    """Those that are compiled for the CPU and have no Triton route."""
    return (Entry(operation="relu_moments", make=_pair, call=_moments, allowed=_of_moments),)


def _moments(h: Tensor, dh: Tensor, *, route: str | None) -> Tensor:
    found: Tensor = RELU_MOMENTS(h, dh, route=route)
    return found
