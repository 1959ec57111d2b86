"""What the tests of the 4-bit formats share: inputs, an oracle in numpy and ml_dtypes, and the routes that run here."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from claims.kernels import flip_mask_words, native

from .inputs import FLOATS, KEYS, VARIANTS, laid_out

COMPILED = VARIANTS[1:]
LAYOUTS = ("contiguous", "transposed", "strided", "broadcast", "negated", "shifted")
quick = settings(max_examples=25, deadline=None)

roundings = st.one_of(st.none(), KEYS).map(
    lambda key: {"rounding": "nearest"} if key is None else {"rounding": "stochastic", "key": key}
)


def import_torchao(module: str) -> ModuleType:
    """A module of torchao's MX formats; skips without torchao, whose import warns of matters that are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("torchao", minversion="0.18", reason="torchao is an oracle")
        return import_module(f"torchao.prototype.mx_formats.{module}")


@contextmanager
def route_for(variant: str, codec_dtype: torch.dtype = torch.float32) -> Iterator[str]:
    """The name of the route, with the instruction set forced if it is the compiled one.

    Quantizers take all four dtypes; the element-wise codecs, for which the dtype is given, no float16.
    """
    if variant == "reference" or codec_dtype == torch.float16:
        yield "reference"
        return
    with native.forced(variant):
        yield "cpu"


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_operator(operator: Any, arguments: tuple[object, ...]) -> None:
    """Schema, fake tensors and autograd registration (``opcheck`` without its slow compilation)."""
    tests = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(operator, arguments, test_utils=tests)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


@st.composite
def matrices(
    draw: st.DrawFn, *, rows: int = 40, k: int = 70, dtypes: tuple[torch.dtype, ...] = FLOATS, special: bool = True
) -> Tensor:
    """Ragged shapes in any layout: heavy tails, very small and very large, zeros of both signs, subnormals, Inf."""
    dtype = draw(st.sampled_from(dtypes))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    length = st.one_of(st.integers(0, k), st.sampled_from((1, 15, 16, 17, 32, 64, 257, 300)))
    shape = (draw(st.integers(0, rows)), draw(length))
    x, spread = (torch.randn(shape, dtype=torch.float64, generator=generator) for _ in range(2))
    x *= torch.exp(draw(st.sampled_from((0.0, 1.0, 8.0))) * spread)
    if special:
        x *= draw(st.sampled_from((1.0, 1e-38, 1e-30, 1e30)))
        tiny = torch.finfo(dtype).tiny * torch.finfo(dtype).eps
        odd = torch.tensor([0.0, -0.0, torch.inf, -torch.inf, tiny, -tiny, 6.0, 5.0, 0.25], dtype=torch.float64)
        place = torch.rand(shape, generator=generator) < draw(st.sampled_from((0.0, 0.05)))
        x = torch.where(place, odd[torch.randint(len(odd), shape, generator=generator)], x)
    return laid_out(x.to(dtype), draw(st.sampled_from(LAYOUTS)))


def patterns(dtype: torch.dtype) -> Tensor:
    """All 65536 values of a 16-bit dtype but NaN."""
    x = torch.arange(-(1 << 15), 1 << 15).to(torch.int16).view(dtype)
    return x[~x.isnan()]


def at_their_word(key: int, count: int) -> tuple[Tensor, Tensor]:
    """Indices and float32 numbers y below 1/2 whose stochastic rounding is decided by one unit of their Philox word.

    With y = word / 2**33 the threshold floor(2**32 * 2 y) is the word itself, which is not below it: y goes down, and
    the next larger float32 up. Words whose low 8 bits are 0 are exact in float32.
    """
    words = flip_mask_words(count, key=key)
    index = ((words % 256 == 0) & (words >= 1 << 31)).nonzero().flatten()
    return index, (words[index].double() / 2**33).float()


def neighbourhoods() -> Tensor:
    """float32 numbers on, next below and next above every value and every tie of E2M1 and E4M3, with both signs."""
    centres = torch.cat([torch.arange(0, 257) * 2.0**e for e in range(-14, 4)])
    x = torch.cat([centres.nextafter(torch.tensor(-1.0)), centres, centres.nextafter(torch.tensor(torch.inf))])
    return torch.cat([x, -x])


def oracle_e2m1(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32).astype(ml_dtypes.float4_e2m1fn).view(np.uint8)


def oracle_e4m3(x: np.ndarray) -> np.ndarray:
    # ml_dtypes overflows to NaN above 464.
    return np.clip(x.astype(np.float32), -448, 448).astype(ml_dtypes.float8_e4m3fn).view(np.uint8)


def oracle_nvfp4(x: np.ndarray, tile: int) -> tuple[np.ndarray, np.ndarray, np.float32]:
    """(codes, scales, tensor scale) of a finite float32 matrix of whole tiles, a block at a time, in numpy scalars."""
    one, largest = np.float32(1), np.finfo(np.float32).max
    with np.errstate(over="ignore", divide="ignore"):
        amax = np.abs(x).max()
        encode = min(np.float32(2688) / amax, largest) if amax else one
        tensor_scale = one / encode
        multiplier = encode * np.float32(1 / 6)
        codes = np.zeros(x.shape, np.uint8)
        scales = np.zeros((x.shape[0] // tile, x.shape[1] // 16), np.uint8)
        for i, j in np.ndindex(scales.shape):
            block = x[i * tile : (i + 1) * tile, 16 * j : 16 * j + 16]
            scales[i, j] = oracle_e4m3(np.abs(block).max() * multiplier)
            step = scales[i, j].view(ml_dtypes.float8_e4m3fn).astype(np.float32)
            factor = min(one / (step * tensor_scale), largest) if step else np.float32(0)
            codes[i * tile : (i + 1) * tile, 16 * j : 16 * j + 16] = oracle_e2m1(np.clip(block * factor, -6, 6))
    return codes, scales, tensor_scale
