"""Philox4x32-10: the one source of random words for flips and stochastic rounding, on every route.

Element ``i`` of a tensor (row-major index of the logical shape, whatever the strides) uses word ``i % 4`` of the block
whose counter is ``i // 4`` (low 32 bits in counter word 0, high 32 bits in word 1, words 2 and 3 zero) under a 64-bit
key (low word first). So a word depends on key and element alone: not on blocking, threads, device or dtype. These are
the words of ``triton.language.randint4x(seed=key, offset=i // 4)``.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), Philox4x32 with 10 rounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from claims.kernels.arguments import check_real, is_size
from claims.kernels.errors import KernelError

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
_LOW = 0xFFFFFFFF


def check_key(key: int, *, operation: str) -> int:
    """The key as the signed 64-bit integer with the same bits (torch schemas have no unsigned one)."""
    if isinstance(key, bool) or not isinstance(key, int) or not 0 <= key < 1 << 64:
        raise KernelError(operation, "key", got=repr(key), allowed="an int in [0, 2**64)")
    return key - (1 << 64) if key >> 63 else key


def flip_threshold(flip_rate: float, *, operation: str) -> int:
    """``floor(flip_rate * 2**32)``, exact for every float: a word below it flips its element."""
    rate = check_real(operation, "flip_rate", flip_rate, low=0.0, high=1.0, allowed="a probability in [0, 1]")
    return math.floor(math.ldexp(rate, 32))


def philox(counter: Sequence[Tensor], key: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Ten rounds on four int64 tensors that hold unsigned 32-bit words; returns four of the same shape.

    int64 products wrap modulo 2**64, so both halves of the unsigned product are in the bits.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key & _LOW, (key >> 32) & _LOW
    for _ in range(ROUNDS):
        even, odd = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = ((odd >> 32) & _LOW) ^ c1 ^ k0, odd & _LOW, ((even >> 32) & _LOW) ^ c3 ^ k1, even & _LOW
        k0, k1 = (k0 + WEYL[0]) & _LOW, (k1 + WEYL[1]) & _LOW
    return c0, c1, c2, c3


def block_words(block: Tensor, key: int) -> Tensor:
    """The four words of each block of four elements: int64, of the shape of ``block`` (int64) and 4."""
    zero = torch.zeros_like(block)
    return torch.stack(philox((block & _LOW, block >> 32, zero, zero), key), dim=-1)


def flip_mask_words(shape: int | Sequence[int], *, key: int, device: torch.device | str | None = None) -> Tensor:
    """The 32-bit word of each element of a tensor of this shape: int64 in [0, 2**32).

    Raises KernelError for a key outside [0, 2**64) or a negative size.
    """
    check_key(key, operation="flip_mask_words")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape) if isinstance(shape, Sequence) else (None,)
    if not all(map(is_size, sizes)):
        raise KernelError("flip_mask_words", "shape", got=repr(shape), allowed="an int >= 0, or a sequence of them")
    count = math.prod(sizes)
    words = block_words(torch.arange((count + 3) // 4, dtype=torch.int64, device=device), key)
    return words.flatten()[:count].reshape(sizes)


def flip_mask(
    shape: int | Sequence[int], *, flip_rate: float, key: int, device: torch.device | str | None = None
) -> Tensor:
    """Which elements ``sign_flip`` negates: bool, true with probability ``floor(flip_rate * 2**32) / 2**32``."""
    threshold = flip_threshold(flip_rate, operation="flip_mask")
    return flip_mask_words(shape, key=key, device=device) < threshold
