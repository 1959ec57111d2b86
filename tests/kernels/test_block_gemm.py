"""Products of packed matrices: the error bound of float32 sums, and exact sums in the reference."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.kernels import KernelError, block_scaled_matmul, dequantize, mxfp4_quantize, nvfp4_quantize
from claims.kernels.block_gemm import PANEL, PANEL_COLUMNS, block_scaled_matvec

from .inputs import VARIANTS, exact
from .quantized import check_operator, normal, quick, route_for

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def quantized(name, x, **options):
    if name == "mxfp4":
        return mxfp4_quantize(x, **options)
    return nvfp4_quantize(x, tile="16x16" if name == "tiles" else "1x16", **options)


FORMATS = st.sampled_from((("nvfp4", "nvfp4"), ("nvfp4", "tiles"), ("tiles", "tiles"), ("mxfp4", "mxfp4")))


@each_variant
@given(formats=FORMATS, m=st.integers(0, 40), n=st.integers(0, 40), k=st.integers(0, 100), seed=st.integers(0, 99))
@quick
def test_within_the_bound_of_float32_sums(variant, formats, m, n, k, seed):
    a = quantized(formats[0], normal(m, k, seed=seed))
    b = quantized(formats[1], normal(n, k, seed=seed + 1))
    with route_for(variant) as route:
        out = torch.empty(m, n)
        assert block_scaled_matmul(a, b, out=out, route=route) is out
        assert torch.equal(block_scaled_matmul(a, b, route=route), out)
    left, right = (exact(dequantize(q, dtype=torch.float64)) for q in (a, b))
    g = (k + 2) * 2.0**-24 / (1 - (k + 2) * 2.0**-24)
    assert np.all(np.abs(exact(out) - left @ right.T) <= g * (np.abs(left) @ np.abs(right).T))


def test_reference_adds_without_rounding():
    """1024 terms: the sum of code and block-scale products is exact, so only scales and the float32 result round."""
    a, b = (nvfp4_quantize(torch.exp(normal(2, 1024, seed=seed))) for seed in (1, 2))
    got = block_scaled_matmul(a, b, route="reference")
    scales = Fraction(a.tensor_scale.item()) * Fraction(b.tensor_scale.item())
    left, right = ((dequantize(q, dtype=torch.float64) / q.tensor_scale.double()).round(decimals=12) for q in (a, b))
    for i in range(2):
        for j in range(2):
            pairs = zip(left[i].tolist(), right[j].tolist(), strict=True)
            total = sum(Fraction(x) * Fraction(y) for x, y in pairs) * scales
            assert abs(Fraction(got[i, j].item()) - total) <= abs(total) * Fraction(2.0**-24 + 2.0**-50)


@each_variant
def test_panels_meet(variant):
    """More rows and columns than a panel, in tiles, against one product of everything."""
    k = PANEL_COLUMNS + 72
    a, b = (nvfp4_quantize(normal(PANEL + 37, k, seed=seed), tile="16x16") for seed in (1, 2))
    with route_for(variant) as route:
        got = block_scaled_matmul(a, b, route=route)
    left, right = dequantize(a, dtype=torch.float64), dequantize(b, dtype=torch.float64)
    bound = (k + 3) * 2.0**-24 / (1 - (k + 3) * 2.0**-24) * (left.abs() @ right.abs().T)
    assert bool(((got.double() - left @ right.T).abs() <= bound).all())


def test_leading_axes():
    a, b = nvfp4_quantize(normal(2, 3, 20)), nvfp4_quantize(normal(5, 20))
    assert block_scaled_matmul(a, b).shape == (2, 3, 5)
    assert block_scaled_matmul(a, b, out=torch.empty(2, 3, 5)).shape == (2, 3, 5)


@pytest.mark.parametrize("name", ["nvfp4", "tiles", "mxfp4"])
@pytest.mark.parametrize("rows", [0, 1, 40, PANEL + 5])
@pytest.mark.parametrize("k", [70, PANEL_COLUMNS + 70])
def test_matrix_times_vector(name, rows, k):
    q, vector = quantized(name, normal(rows, k)), normal(k, seed=1)
    product = block_scaled_matvec(q, vector)
    assert product.dtype == torch.float64
    torch.testing.assert_close(product, dequantize(q, dtype=torch.float64) @ vector.double(), rtol=1e-11, atol=1e-11)


def test_scales_whose_product_underflows():
    tiny = nvfp4_quantize(normal(3, 32) * 1e-30)
    assert not bool(block_scaled_matmul(tiny, nvfp4_quantize(normal(3, 32) * 1e-30)).any())
    big = block_scaled_matmul(tiny, nvfp4_quantize(normal(3, 32, seed=1) * 1e30))
    plain = block_scaled_matmul(nvfp4_quantize(normal(3, 32)), nvfp4_quantize(normal(3, 32, seed=1)))
    torch.testing.assert_close(big, plain, rtol=1e-5, atol=1e-5)


def test_refusals():
    a = nvfp4_quantize(torch.zeros(2, 32))
    shorter, leading = nvfp4_quantize(torch.zeros(2, 16)), nvfp4_quantize(torch.zeros(1, 2, 32))
    for b in (shorter, leading, mxfp4_quantize(torch.zeros(2, 32))):
        with pytest.raises(KernelError, match="b must be"):
            block_scaled_matmul(a, b)
    with pytest.raises(KernelError, match="out must be"):
        block_scaled_matmul(a, a, out=torch.zeros(2, 3))


def test_registered_operator():
    a, b = nvfp4_quantize(normal(18, 20), tile="16x16"), nvfp4_quantize(normal(5, 20))
    arguments = (a.payload, b.payload, 18, 5, 20, 16, 16, 1, 0, None)
    check_operator(torch.ops.claims.block_scaled_matmul.default, arguments)
