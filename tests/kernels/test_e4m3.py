"""E4M3: every code, every tie, subnormals and saturation."""

import ml_dtypes
import numpy as np
import pytest
import torch

from claims.kernels import KernelError, e4m3_decode, e4m3_encode

from .inputs import FLOATS, VARIANTS, laid_out
from .quantized import LAYOUTS, check_operator, neighbourhoods, normal, oracle_e4m3, patterns, route_for

each_variant = pytest.mark.parametrize("variant", VARIANTS)
CODES = torch.arange(256, dtype=torch.uint8)
FINITE = CODES[(CODES & 127) != 127]


@pytest.mark.parametrize("dtype", FLOATS)
def test_values_of_all_codes_against_ml_dtypes(dtype):
    expected = np.arange(256, dtype=np.uint8).view(ml_dtypes.float8_e4m3fn).astype(np.float64)
    assert np.array_equal(e4m3_decode(CODES, dtype=dtype).double().numpy(), expected, equal_nan=True)
    assert torch.equal(e4m3_decode(CODES, dtype=dtype).signbit()[FINITE.long()], FINITE >= 128)


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
def test_encoding_a_decoded_code_gives_the_code(variant, dtype):
    with route_for(variant, dtype) as route:
        assert torch.equal(e4m3_encode(e4m3_decode(FINITE, dtype=dtype), route=route), FINITE)


@each_variant
def test_against_ml_dtypes_exhaustively(variant):
    """All bfloat16 and float16 numbers, and float32 around every value and tie of the format."""
    heavy = normal(200_000) * torch.exp(4 * normal(200_000, seed=1))
    for x in (patterns(torch.bfloat16), patterns(torch.float16), neighbourhoods(), heavy):
        with route_for(variant, x.dtype) as route:
            codes = e4m3_encode(x, route=route)
            assert np.array_equal(codes.numpy(), oracle_e4m3(x.float().numpy()))


@each_variant
def test_float64_is_rounded_once(variant):
    """Halfway between neighbours, and a little off, by less than float32 could hold."""
    values = e4m3_decode(CODES[:127], dtype=torch.float64)
    ties = (values[1:] + values[:-1]) / 2
    lower = torch.arange(126, dtype=torch.uint8)
    with route_for(variant) as route:
        assert torch.equal(e4m3_encode(ties * (1 + 2.0**-50), route=route), lower + 1)
        assert torch.equal(e4m3_encode(ties * (1 - 2.0**-50), route=route), lower)
        assert torch.equal(e4m3_encode(ties, route=route), lower + lower % 2)


@each_variant
def test_saturation_signs_and_nan(variant):
    x = torch.tensor([448.0, 464.0, 465.0, 1e38, torch.inf, -torch.inf, 0.0, -0.0, 2.0**-10, -(2.0**-11)])
    with route_for(variant) as route:
        assert e4m3_encode(x, route=route).tolist() == [0x7E] * 5 + [0xFE, 0, 0x80, 0, 0x80]
        with pytest.raises(KernelError, match="NaN"):
            e4m3_encode(torch.tensor([torch.nan]), route=route)


@each_variant
def test_monotone(variant):
    x = torch.sort(normal(5000) * torch.exp(3 * normal(5000, seed=1))).values
    with route_for(variant) as route:
        assert bool((e4m3_decode(e4m3_encode(x, route=route)).diff() >= 0).all())


@each_variant
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_and_out(variant, layout):
    x = laid_out(100 * normal(7, 45), layout)
    expected = e4m3_encode(x.contiguous().clone(), route="reference")
    with route_for(variant) as route:
        out = torch.empty(x.shape, dtype=torch.uint8)
        assert e4m3_encode(x, out=out, route=route) is out
        assert torch.equal(out, expected)


def test_empty_refusals_and_registered_operator():
    assert e4m3_encode(torch.zeros(2, 0)).shape == (2, 0)
    with pytest.raises(KernelError, match="x must be"):
        e4m3_encode(torch.arange(3))
    with pytest.raises(KernelError, match="codes must be"):
        e4m3_decode(torch.zeros(3))
    check_operator(torch.ops.claims.e4m3_encode.default, (normal(4, 5), None))
