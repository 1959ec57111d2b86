"""E2M1: every code, every tie, saturation, and stochastic rounding whose probabilities are exact."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given
from statsmodels.stats.proportion import proportion_confint

from claims.kernels import KernelError, e2m1_decode, e2m1_encode, flip_mask_words, pack_nibbles, unpack_nibbles

from .inputs import FLOATS, KEYS, VARIANTS, bits, laid_out
from .quantized import (
    LAYOUTS,
    at_their_word,
    check_operator,
    neighbourhoods,
    normal,
    oracle_e2m1,
    patterns,
    quick,
    route_for,
)

each_variant = pytest.mark.parametrize("variant", VARIANTS)
CODES = torch.arange(16, dtype=torch.uint8)


@pytest.mark.parametrize("dtype", FLOATS)
def test_values_of_all_codes(dtype):
    """From the fields: (-1)**s * 2**(e - 1) * (1 + m / 2), and m / 2 for e = 0."""
    values = e2m1_decode(CODES, dtype=dtype)
    for code, value in enumerate(values.tolist()):
        sign, e, m = (-1) ** (code >> 3), code >> 1 & 3, code & 1
        assert value == sign * (m / 2 if e == 0 else 2.0 ** (e - 1) * (1 + m / 2))
    theirs = np.arange(16, dtype=np.uint8).view(ml_dtypes.float4_e2m1fn).astype(float)
    assert np.array_equal(values.double().numpy(), theirs)
    assert bits(values)[8] != bits(values)[0]  # -0 keeps its sign


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
def test_encoding_a_decoded_code_gives_the_code(variant, dtype):
    with route_for(variant, dtype) as route:
        assert torch.equal(e2m1_encode(e2m1_decode(CODES, dtype=dtype), route=route), CODES)


@each_variant
def test_against_ml_dtypes_exhaustively(variant):
    """All bfloat16 and float16 numbers, and float32 around every value and tie of the format."""
    for x in (patterns(torch.bfloat16), patterns(torch.float16), neighbourhoods(), 4 * normal(200_000)):
        with route_for(variant, x.dtype) as route:
            codes = e2m1_encode(x, route=route)
            assert np.array_equal(codes.numpy(), oracle_e2m1(x.float().numpy()))


@each_variant
def test_ties_go_to_the_even_code(variant):
    ties = torch.tensor([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0])
    with route_for(variant) as route:
        assert e2m1_encode(ties, route=route).tolist() == [0, 2, 2, 4, 4, 6, 6]
        assert e2m1_encode(-ties, route=route).tolist() == [8, 10, 10, 12, 12, 14, 14]


@each_variant
def test_float64_is_rounded_once(variant):
    """By way of float32 these would be ties."""
    x = torch.tensor([0.25, 1.75, 5.0], dtype=torch.float64)
    with route_for(variant) as route:
        assert e2m1_encode(x + 2.0**-40, route=route).tolist() == [1, 4, 7]
        assert e2m1_encode(x - 2.0**-40, route=route).tolist() == [0, 3, 6]


@each_variant
def test_saturation_signs_and_nan(variant):
    x = torch.tensor([6.0, 6.5, 1e38, torch.inf, -torch.inf, -0.0, -1e-45, 1e-45])
    with route_for(variant) as route:
        assert e2m1_encode(x, route=route).tolist() == [7, 7, 7, 7, 15, 8, 8, 0]
        assert e2m1_encode(x, rounding="stochastic", key=5, route=route).tolist() == [7, 7, 7, 7, 15, 8, 8, 0]
        with pytest.raises(KernelError, match="NaN"):
            e2m1_encode(torch.tensor([1.0, torch.nan]), route=route)


@each_variant
def test_monotone_and_odd(variant):
    x = torch.sort(4 * normal(5000)).values
    with route_for(variant) as route:
        values = e2m1_decode(e2m1_encode(x, route=route))
        assert bool((values.diff() >= 0).all())
        assert torch.equal(e2m1_decode(e2m1_encode(-x, route=route)), -values)


@each_variant
@given(key=KEYS)
@quick
def test_stochastic_rounding_by_exact_rationals(variant, key):
    """Up iff word < floor(2**32 * fraction): checked element by element with Fractions."""
    x = torch.cat([8 * normal(90, seed=key % 97), torch.tensor([0.1, 0.5, 1e-9, 1e-10, 2.9999998, 5.9999995])])
    with route_for(variant) as route:
        codes = e2m1_encode(x, rounding="stochastic", key=key, route=route)
    magnitudes = [Fraction(v) for v in (0, 0.5, 1, 1.5, 2, 3, 4, 6)]
    words = flip_mask_words(x.numel(), key=key).tolist()
    for value, code, word in zip(x.tolist(), codes.tolist(), words, strict=True):
        m = min(abs(Fraction(value)), Fraction(6))
        lower = max(i for i in range(8) if magnitudes[i] <= m)
        step = magnitudes[min(lower + 1, 7)] - magnitudes[lower] or 1
        up = word < int((m - magnitudes[lower]) / step * 2**32)
        assert code == lower + up + 8 * (value < 0)


@each_variant
def test_a_word_at_the_threshold_does_not_round_up(variant):
    index, y = at_their_word(key=11, count=1 << 14)
    assert len(index) > 10
    with route_for(variant) as route:
        for magnitude, code in ((y, 0), (y.nextafter(torch.tensor(1.0)), 1)):
            x = torch.zeros(1 << 14)
            x[index] = magnitude
            codes = e2m1_encode(x, rounding="stochastic", key=11, route=route)
            assert bool((codes[index] == code).all())


def test_stochastic_rounding_is_unbiased():
    """Clopper-Pearson intervals of 12 proportions, 1e-6 each: 1.2e-5 for the test if words were random."""
    count = 100_000
    for i, y in enumerate((0.1, 0.25, 0.49, 0.7, 1.1, 1.9, 2.3, 2.9, 3.3, 4.2, 5.0, 5.9)):
        x = torch.full((count,), y)
        values = e2m1_decode(e2m1_encode(x, rounding="stochastic", key=1000 + i))
        low, high = values.min().item(), values.max().item()
        assert low < y < high
        up = int((values == high).sum())
        assert up + int((values == low).sum()) == count
        ends = proportion_confint(up, count, alpha=1e-6, method="beta")
        exact = (x[0].item() - low) / (high - low)
        assert ends[0] <= exact <= ends[1]


@each_variant
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_layouts_and_out(variant, layout, dtype):
    x = laid_out(normal(7, 45, dtype=dtype), layout)
    with route_for(variant, dtype) as route:
        for options in ({}, {"rounding": "stochastic", "key": 2**64 - 1}):
            expected = e2m1_encode(x.contiguous().clone(), **options, route="reference")
            out = torch.empty(x.shape, dtype=torch.uint8)
            assert e2m1_encode(x, **options, out=out, route=route) is out
            assert torch.equal(out, expected)
            assert torch.equal(e2m1_encode(x, **options, route=route), expected)


@pytest.mark.parametrize("shape", [(0,), (3, 0), ()])
def test_empty_and_scalar(shape):
    assert e2m1_encode(torch.zeros(shape)).shape == shape


def test_pack_and_unpack_are_inverse():
    every_byte = torch.arange(256, dtype=torch.uint8)
    codes = unpack_nibbles(every_byte)
    assert codes.tolist() == [nibble for byte in range(256) for nibble in (byte & 15, byte >> 4)]
    assert torch.equal(pack_nibbles(codes), every_byte)
    assert unpack_nibbles(torch.empty(3, 0, dtype=torch.uint8)).shape == (3, 0)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: e2m1_encode(torch.arange(3)), "x"),
        (lambda: e2m1_encode(torch.zeros(3), rounding="up"), "rounding"),
        (lambda: e2m1_encode(torch.zeros(3), rounding="stochastic"), "key"),
        (lambda: e2m1_encode(torch.zeros(3), key=1), "key"),
        (lambda: e2m1_encode(torch.zeros(3), rounding="stochastic", key=2**64), "key"),
        (lambda: e2m1_encode(torch.zeros(3), out=torch.zeros(3)), "out"),
        (lambda: e2m1_decode(torch.full((2,), 16, dtype=torch.uint8)), "codes"),
        (lambda: e2m1_decode(torch.zeros(2)), "codes"),
        (lambda: e2m1_decode(CODES, dtype=torch.int32), "dtype"),
        (lambda: pack_nibbles(torch.zeros(3, dtype=torch.uint8)), "codes"),
        (lambda: unpack_nibbles(torch.zeros(3)), "packed"),
    ],
)
def test_refusals_name_the_argument(call, argument):
    with pytest.raises(KernelError) as caught:
        call()
    assert caught.value.argument == argument


def test_registered_operator():
    for x in (normal(4, 5), normal(4, 5, dtype=torch.bfloat16)):
        check_operator(torch.ops.claims.e2m1_encode.default, (x, True, 7, None))
