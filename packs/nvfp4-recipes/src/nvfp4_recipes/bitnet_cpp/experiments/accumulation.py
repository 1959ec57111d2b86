"""Products of ternary weights and int8 activations as the I2_S kernel for AVX2 adds them up, lane by lane.

Weights are stored as 0, 1 and 2, activations as they are. Of 32 blocks of 128 at a time, products of neighbours are
added to 16 lanes of 16 bits, which wrap around; lanes are then added in 32 bits, and at the end the sum of all
activations is taken off. A lane gets elements 2 l and 2 l + 1 of every 32: 256 products of 4,096. Read from
``ggml_vec_dot_i2_i8_s_1x1`` in src/ggml-bitnet-mad.cpp of microsoft/BitNet at 16da220.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from claims import Statement
from claims.streams import Streams

Array = np.ndarray[Any, np.dtype[np.int64]]

_LANES, _WIDTH = 16, 4096
#: What 16 bits hold.
_LARGEST = 2**15 - 1
_LARGEST_ACTIVATION = 127


def lanes(weights: Array, activations: Array) -> Array:
    """Exact sums of what each lane gets of each stretch of 4,096: (stretches, 16)."""
    products = (weights + 1) * activations
    padded = np.pad(products, (0, -len(products) % _WIDTH))
    found: Array = padded.reshape(-1, _WIDTH // 32, _LANES, 2).sum((1, 3))
    return found


def accumulated(weights: Array, activations: Array) -> int:
    """What the kernel returns."""
    wrapped = lanes(weights, activations).astype(np.int16)
    return int(wrapped.astype(np.int64).sum() - activations.sum())


def ones(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """All weights 1 and all activations 127. Base point: length. Quantities: ``got``, ``exact``."""
    activations = np.full(point["length"], _LARGEST_ACTIVATION, dtype=np.int64)
    weights = np.ones_like(activations)
    return {"got": float(accumulated(weights, activations)), "exact": float(weights @ activations)}


def drawn(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Random ternary weights, and normal activations in int8 whose largest is 127, as BitNet b1.58 quantizes a token.

    Base point: length, products, mean of the activations in standard deviations. Quantities: ``wrong``, products that
    differ from the exact ones; ``products``; ``fullest``, the fullest lane over what 16 bits hold.
    """
    generator = streams.numpy("products")
    wrong, fullest = 0, 0.0
    for _ in range(point["products"]):
        x = point["mean"] + generator.standard_normal(point["length"])
        activations = np.round(x * (_LARGEST_ACTIVATION / np.abs(x).max())).astype(np.int64)
        weights = generator.integers(-1, 2, point["length"])
        wrong += accumulated(weights, activations) != int(weights @ activations)
        fullest = max(fullest, float(np.abs(lanes(weights, activations)).max()) / _LARGEST)
    return {"wrong": float(wrong), "products": float(point["products"]), "fullest": fullest}


def _spare(most: int, limit: int) -> Callable[..., float]:
    """What the fullest lane is below ``limit``, relative to it: negative where 16 bits do not hold it.

    Arguments: ``share`` of the length ``most``, in whole blocks of 128; activations of magnitude ``level`` and less,
    the more alike the nearer ``even`` is to 1; ``plus``, the chance of a weight 1, and of -1 for half the rest; the
    seed of both.
    """

    def margin(share: float, level: float, even: float, plus: float, seed: float) -> float:
        length = max(1, round(share * most / 128)) * 128
        generator = np.random.default_rng(int(seed))
        x = level * (even + (1 - even) * generator.uniform(-1, 1, length))
        activations = np.round(x).astype(np.int64)
        other = (1 - plus) / 2
        weights = generator.choice(3, length, p=(other, other, plus)).astype(np.int64) - 1
        return 1 - float(np.abs(lanes(weights, activations)).max()) / limit

    return margin


def _exact(most: int, planted: int) -> Statement:
    return Statement(
        inputs={
            "share": (0.0, 1.0),
            "level": (-127.0, 127.0),
            "even": (0.0, 1.0),
            "plus": (0.0, 1.0),
            "seed": (0.0, 1e6),
        },
        margin=_spare(most, _LARGEST),
        planted=_spare(planted, _LARGEST),
        precise=_spare(most, _LARGEST),  # whole numbers: there is nothing to round
    )


#: Lanes hold whatever comes, up to the length of the largest layer of BitNet b1.58 2B4T; planted: the same.
LOSSLESS = _exact(6912, 6912)
#: The same up to 2,048; planted: one block more than 2,048 and what 16 bits hold of it.
SHORT = _exact(2048, 2176)
