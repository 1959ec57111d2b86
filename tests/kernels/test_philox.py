"""Philox words against published vectors, and their distribution; Triton's generator is in test_triton_perturb."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from claims.kernels import KernelError, flip_mask, flip_mask_words, native
from claims.kernels.philox import block_words, flip_threshold, philox

from .inputs import KEYS, RATES, VARIANTS, few

# Known answers of Philox4x32-10 published with Random123: counter, key, output.
KNOWN = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)
COMPILED = [variant for variant in VARIANTS if variant != "reference"]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_published_vectors(counter, key, words):
    result = philox([torch.tensor(word) for word in counter], key[0] | key[1] << 32)
    assert tuple(int(word) for word in result) == words


@pytest.mark.parametrize("variant", COMPILED)
@given(first=st.integers(0, 2**40), count=st.integers(0, 100), key=KEYS)
@few
def test_compiled_words_are_the_reference_words(variant, first, count, key):
    expected = block_words(torch.arange(first, first + (count + 3) // 4), key).flatten()[:count]
    words = torch.empty(count, dtype=torch.int64)
    with native.forced(variant):
        native.call("philox_words", first, count, key - (1 << 64) if key >> 63 else key, words)
    assert torch.equal(words, expected)


@given(shape=st.lists(st.integers(0, 6), max_size=3), key=KEYS)
@few
def test_word_depends_on_row_major_index_alone(shape, key):
    words = flip_mask_words(shape, key=key)
    assert words.shape == tuple(shape)
    assert words.dtype == torch.int64
    assert torch.equal(words.flatten(), flip_mask_words(1000, key=key)[: math.prod(shape)])
    assert bool(((words >= 0) & (words < 2**32)).all())


@given(rate=RATES)
def test_threshold_is_exact(rate):
    assert flip_threshold(rate, operation="test") == math.floor(Fraction(rate) * 2**32)


def test_mask_compares_words_with_the_threshold():
    words = flip_mask_words(1000, key=5)
    # A rate just above the largest word flips all but words at or above the threshold: here none, there exactly one.
    top = int(words.max())
    assert int(flip_mask(1000, flip_rate=top / 2**32, key=5).sum()) == 999
    assert int(flip_mask(1000, flip_rate=(top + 1) / 2**32, key=5).sum()) == 1000
    assert not flip_mask(1000, flip_rate=0.0, key=5).any()


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.05, 0.5])
def test_flip_fraction(rate):
    """Exact binomial test on fixed keys; a generator without fault fails one of the 4 with probability 4e-6."""
    n = 200_000
    flips = sum(int(flip_mask(n, flip_rate=rate, key=key).sum()) for key in range(5))
    assert stats.binomtest(flips, 5 * n, rate).pvalue > 1e-6
    assert stats.binomtest(flips, 5 * n, rate * 1.1 + 0.001).pvalue < 1e-6


def test_neighbouring_words_bits_and_keys_are_uncorrelated():
    """Bits of words (as +-1) against the next word, the next bit and the next key: sums of n signs, at 5 sigma."""
    n = 50_000
    words, others = flip_mask_words(n, key=9), flip_mask_words(n, key=10)
    signs, other = (((w.unsqueeze(-1) >> torch.arange(32)) & 1).double() * 2 - 1 for w in (words, others))
    for product in (signs[1:] * signs[:-1], signs[:, 1:] * signs[:, :-1], signs * other):
        assert float(product.sum(0).abs().max()) < 5 * math.sqrt(n)
    assert float((signs * signs).sum(0).min()) == n


@pytest.mark.parametrize("key", [-1, 2**64, 1.0, True])
def test_key_outside_64_bits_is_refused(key):
    with pytest.raises(KernelError, match=r"key must be an int in \[0, 2\*\*64\)"):
        flip_mask_words(4, key=key)


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_flip_rate_outside_the_unit_interval_is_refused(rate):
    with pytest.raises(KernelError, match="flip_rate must be a probability"):
        flip_mask(4, flip_rate=rate, key=1)
