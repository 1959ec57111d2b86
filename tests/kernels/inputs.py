"""What the kernels' tests share: the routes that run here, tensors of every layout, and units in the last place."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from claims.kernels import native

VARIANTS = ("reference", *native.available_sets()) if native.obstacle() is None else ("reference",)
"""The reference, and the compiled route on each instruction set that was built and that this CPU has."""

FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
LAYOUTS = ("contiguous", "transposed", "strided", "broadcast", "negated", "shifted")
KEYS = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from((0, 1, 2**63, 2**64 - 1)))
RATES = st.one_of(st.floats(0, 1), st.sampled_from((0.0, 1.0, 2.0**-32, 1 - 2.0**-32, 0.5)))
few = settings(max_examples=25, deadline=None)
INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


@contextmanager
def using(variant: str, *dtypes: torch.dtype) -> Iterator[str | None]:
    """The route to force: None where the compiled route does not take one of these dtypes."""
    if variant == "reference":
        yield "reference"
        return
    with native.forced(variant):
        yield None if set(dtypes) - set(native.DTYPES) else "cpu"


def bits(x: Tensor) -> Tensor:
    """The memory of a float tensor as integers: tells zeros of both signs and NaN apart."""
    return x.resolve_neg().contiguous().view(INTEGERS[x.element_size()])


def laid_out(x: Tensor, layout: str) -> Tensor:
    """The same values in another memory layout (broadcast: the first row, repeated)."""
    if layout == "transposed" and x.dim() >= 2:
        return x.transpose(-1, -2).contiguous().transpose(-1, -2)
    if layout == "strided":
        return torch.stack((x, torch.zeros_like(x)), -1)[..., 0]
    if layout == "broadcast" and x.dim() >= 2 and x.shape[0]:
        return x[:1].expand(x.shape)
    if layout == "negated":
        return torch._neg_view(-x)
    if layout == "shifted":
        return torch.cat((x.new_zeros(1), x.flatten()))[1:].view(x.shape)
    return x


def exact(x: Tensor) -> np.ndarray:
    """As numpy's extended precision (64-bit significand), for oracles."""
    return x.double().resolve_neg().contiguous().numpy().astype(np.longdouble)


def unit(dtype: torch.dtype) -> float:
    """Unit roundoff u: a rounding changes a normal number by at most the fraction u.

    bfloat16 and float16 are rounded from float32, which adds at most 2**-24 of the value.
    """
    u = torch.finfo(dtype).eps / 2
    return u if dtype in (torch.float64, torch.float32) else u * (1 + 2.0**-24) + 2.0**-24


def smallest(dtype: torch.dtype) -> float:
    """The smallest subnormal number: the absolute error of a rounding below the normal range."""
    info = torch.finfo(dtype)
    return info.tiny * info.eps


@st.composite
def shapes(draw: st.DrawFn, *, largest: int = 70) -> tuple[int, ...]:
    """(..., d) with 0, 1, ragged and whole multiples of vector lengths."""
    lead = draw(st.lists(st.integers(0, 5), min_size=0, max_size=2))
    edges = [d for d in (0, 1, 7, 8, 9, 31, 32, 33, 64) if d <= largest]
    d = draw(st.one_of(st.integers(0, largest), st.sampled_from(edges)))
    return (*lead, d)


@st.composite
def values(draw: st.DrawFn, shape: tuple[int, ...], dtype: torch.dtype, *, wild: bool = True) -> Tensor:
    """Gaussian entries; if wild, rows may also hold zeros, subnormals, the largest numbers or one outlier."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    x = torch.randn(shape, dtype=torch.float64, generator=generator)
    info = torch.finfo(dtype)
    kind = draw(st.sampled_from(("plain", "zeros", "tiny", "huge", "outlier", "mixed"))) if wild else "plain"
    if kind == "zeros":
        x = x * 0.0
    elif kind == "tiny":
        x = x * smallest(dtype) * 30
    elif kind == "huge":
        x = x.sign() * info.max
    elif kind == "outlier" and x.numel():
        x[..., -1] *= 1e4
    elif kind == "mixed":
        x = x * torch.randint(0, 2, shape, generator=generator)
    return x.clamp(-info.max, info.max).to(dtype)


@st.composite
def tensors(
    draw: st.DrawFn, *, dtypes: tuple[torch.dtype, ...] = FLOATS, wild: bool = True, largest: int = 70
) -> Tensor:
    """Any shape, dtype, layout and kind of values."""
    x = draw(values(draw(shapes(largest=largest)), draw(st.sampled_from(dtypes)), wild=wild))
    return laid_out(x, draw(st.sampled_from(LAYOUTS)))
