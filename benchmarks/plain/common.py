"""What straightforward protocols share: inputs in batches, each used once, and perturbations as the scripts make them.

Written from the protocol, in plain torch: neither kernels nor estimators of the experiments are used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from claims.streams import Streams

#: Inputs of a seed in all of the authors' scripts, and how many are in memory at once.
INPUTS, BATCH = 10_000, 2_000
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def dtype_of(point: Mapping[str, Any]) -> torch.dtype:
    """The dtype that the point names, float32 if it names none."""
    return DTYPES[point.get("dtype", "float32")]


def count_of(point: Mapping[str, Any]) -> int:
    """Inputs of a run: 10,000, unless the point asks for fewer under ``plain_inputs`` (tests do)."""
    return int(point.get("plain_inputs", INPUTS))


def input_batches(point: Mapping[str, Any], streams: Streams, n: int) -> Iterator[Tensor]:
    """The inputs of a run, uniform on the sphere, in batches (<= 2000, n)."""
    generator, left = streams.torch("inputs"), count_of(point)
    while left > 0:
        x = torch.randn(min(left, BATCH), n, generator=generator, dtype=dtype_of(point))
        yield x / x.norm(dim=1, keepdim=True)
        left -= len(x)


def weights(streams: Streams, point: Mapping[str, Any], *shapes: tuple[int, int]) -> list[Tensor]:
    """Matrices of iid N(0, 1/columns) entries, from one generator."""
    generator = streams.torch("weights")
    return [torch.randn(*shape, generator=generator, dtype=dtype_of(point)) / math.sqrt(shape[1]) for shape in shapes]


def flips(weight: Tensor, flip_rate: float, streams: Streams) -> Tensor:
    """Change of the weight by random sign flips, one uniform number an entry."""
    mask = torch.rand(weight.shape, generator=streams.torch("flips")) < flip_rate
    return -2 * weight * mask


def step_like(change: Tensor, weight: Tensor) -> Tensor:
    """The step along sign(W) of the Frobenius norm of ``change``."""
    direction = weight.sign()
    return direction * float(change.norm() / direction.norm())


def split_energy(y: Tensor, dy: Tensor) -> Tensor:
    """(3, K) float64: total, radial and transverse energy of each sample."""
    unit = y / y.norm(dim=1, keepdim=True)
    total, radial = (dy * dy).sum(1), (unit * dy).sum(1) ** 2
    return torch.stack([total, radial, total - radial]).double()


def only(levels: tuple[Any, ...]) -> Any:
    """The one level of an axis that a run is about."""
    (level,) = levels
    return level
