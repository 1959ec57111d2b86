"""The kernels' CPU routes with the sizes of a model, their limits, their peers, and what must hold of their results.

A row is made when it is asked for: its tensors live as long as it does. ``peers`` compute the same thing as one would
otherwise, the most usual one first; they are made where they are wanted. ``check`` gives the largest error in units of
what is allowed, 0 for equal bits where bits are promised: above 1, a row gets no time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import torch
from torch import Tensor

Thunk = Callable[[], object]
KEY = 0x0123456789ABCDEF
RATE = 0.05


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kernel at one size. ``bytes`` is the least that must move, ``operations`` counts a multiply-add as two.

    ``arithmetic`` is the least that must be computed, as ``limits.arithmetic`` takes it: random words, products, and
    steps, which are vector instructions of one lane of 32 bits in the shortest sequence that we know.
    ``aims`` are what the kernel should reach: the share of the limit, and how many times faster than a peer.
    ``default_pages`` names the peer that is measured a second time with torch's default pages (``peer.py``).
    """

    shape: str
    limit: Literal["copy", "read", "write", "gemm"]
    ours: Thunk
    check: Callable[[], float]
    bytes: int = 0
    operations: int = 0
    product: tuple[int, int, int] = (0, 0, 0)
    arithmetic: dict[str, int] = field(default_factory=dict)
    peers: Callable[[], dict[str, Thunk]] = dict
    default_pages: str = ""
    aims: dict[str, float] = field(default_factory=dict)


ROWS: dict[str, Callable[[], Row]] = {}
NEEDS: dict[str, tuple[str, ...]] = {}
"""Public names of ``claims.kernels`` that a row uses: a commit that lacks one does not have the row."""


def row(name: str, *needs: str) -> Callable[[Callable[[], Row]], Callable[[], Row]]:
    """Put a builder into the table; it needs what its first word names, if nothing is said."""

    def register(builder: Callable[[], Row]) -> Callable[[], Row]:
        ROWS[name] = builder
        NEEDS[name] = needs or (name.partition(" ")[0],)
        return builder

    return register


@cache
def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """The same Gaussian tensor whoever asks."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def compiled(function: Callable[..., object]) -> Callable[..., object]:
    """Under torch.compile, as a user would, from the first call on: no options but that shapes do not vary."""

    @cache
    def made() -> Callable[..., object]:
        return torch.compile(function, dynamic=False)

    def call(*arguments: Tensor) -> object:
        return made()(*arguments)

    return call


def excess(result: Tensor, expected: Tensor, bound: Tensor | float) -> float:
    """The largest error over what is allowed."""
    return float(((result.double() - expected.double()).abs() / bound).max())


def unequal(result: Tensor, expected: Tensor) -> float:
    """0 for equal bits (or values), else infinite."""
    return 0.0 if torch.equal(result, expected) else math.inf


def product_bound(a: Tensor, b: Tensor) -> Tensor:
    """What sums of float32 products may be off by, whatever their order: of ``a @ b``."""
    return (a.shape[-1] + 2) * 2.0**-24 * (a.double().abs() @ b.double().abs())
