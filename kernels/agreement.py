"""Whether kernels give here what their references give: the experiment that an audit measures them by.

Tests ask the same of them where they are developed. An audit asks it of the library that was built for this machine and
of the instructions that this machine has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from claims.kernels.entries import compiled_alone, entries
from claims.kernels.routes import bits, counted, parts
from claims.streams import Streams

_ROWS, _COLUMNS = 48, 600


def agreement(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """A kernel beside its reference, on drawn values of a drawn shape up to 48 x 600, in each dtype that it takes.

    Point: ``kernel``, the name of an entry of ``entries``. Quantities: ``excess``, the largest error over what is
    allowed; where bits are promised 0, or 1e300 if one is wrong. ``planted``: the same of a result whose first number
    is wrong, in its last bit or by more than one.
    """
    entry = {each.name: each for each in (*entries(), *compiled_alone())}[point["kernel"]]
    sizes = streams.numpy("sizes")
    excess, planted = [], []
    for dtype in entry.dtypes:
        rows, columns = int(sizes.integers(1, _ROWS + 1)), int(sizes.integers(1, _COLUMNS + 1))
        first, *others = entry.make(rows, columns, dtype, int(sizes.integers(2**31)))
        arguments = (_with_edges(first, infinite=entry.infinities), *others)
        expected = list(parts(entry.call(*arguments, route="reference")))
        allowed = [None] * len(expected) if entry.allowed is None else entry.allowed(arguments, expected)
        found = list(parts(entry.call(*arguments, route=None)))
        excess.append(counted(found, expected, allowed).excess)
        planted.append(counted(_altered(expected, allowed), expected, allowed).excess)
    return {"excess": max(excess), "planted": max(planted)}


def _with_edges(x: Any, *, infinite: bool) -> Any:
    """A float matrix whose first rows are zeros, multiples of 1/4, which are ties of formats, and tiny numbers.

    The last row begins with the largest number of its block, 6, which is the largest of E2M1, and both zeros; the one
    before it may have an infinity.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point() or len(x) < 5:
        return x
    x = x.clone()
    x[0] = 0.0
    x[1] = (4 * x[1]).round() / 4
    x[2] *= 2.0 ** -{torch.float16: 20, torch.float64: 600}.get(x.dtype, 130)
    x[-1].clamp_(-5.0, 5.0)
    x[-1, :3] = torch.tensor([6.0, -0.0, 0.0], dtype=x.dtype)[: x.shape[1]]
    if infinite:
        x[-2, -1] = torch.inf
    return x


def _altered(results: Sequence[Tensor], allowed: Sequence[Tensor | None]) -> list[Tensor]:
    """The same with the first number of each part wrong."""
    found = []
    for result, bound in zip(results, allowed, strict=True):
        numbers = result.contiguous().clone()
        flat = numbers.view(-1)
        if bound is None:
            bits(flat)[0] ^= 1
        else:
            flat[0] += 1.0 + 3 * float(bound.expand_as(result).reshape(-1)[0])
        found.append(numbers)
    return found
