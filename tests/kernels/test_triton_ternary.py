"""Binary and ternary weights in Triton: exact codes, exact integer products, float products within the bound."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.kernels import pack_ternary, sign_quantize, ternary_linear, ternary_quantize, unpack_ternary

from .inputs import FLOATS, smallest, tensors, unit
from .interpreter import DEVICE, KERNELS, by_triton, running, some

module, codes_module = KERNELS["ternary"], KERNELS["ternary_codes"]


@pytest.mark.parametrize("quantize", [sign_quantize, ternary_quantize])
@given(w=tensors().filter(lambda w: w.dim() > 0), per=st.sampled_from(("row", "tensor")))
@some
def test_codes_are_those_of_the_reference_for_the_same_scale(quantize, w, per):
    _, scale = quantize(w, per=per, route="reference")
    codes, _ = by_triton(quantize, w, per=per, scale=scale)
    assert torch.equal(codes, quantize(w, per=per, scale=scale, route="reference")[0])


@pytest.mark.parametrize("dtype", FLOATS)
def test_ties_go_to_zero(dtype):
    """Half the scale is no ternary weight yet, its neighbour beyond is."""
    half = torch.tensor(0.5, dtype=dtype)
    beyond = torch.nextafter(half, torch.tensor(1.0, dtype=dtype))
    w = torch.stack([half, -half, beyond, -beyond])
    scale = torch.tensor(1.0, dtype=torch.float64 if dtype == torch.float64 else torch.float32)
    codes, _ = by_triton(ternary_quantize, w, scale=scale)
    assert codes.tolist() == [0, 0, 1, -1]


@given(w=tensors(wild=False).filter(lambda w: w.dim() > 0 and w.numel() > 0), per=st.sampled_from(("row", "tensor")))
@some
def test_scales_within_the_bound(w, per):
    _, scale = by_triton(sign_quantize, w, per=per)
    wide = w.double().abs()
    expected = wide.mean(-1) if per == "row" else wide.mean()
    assert scale.dtype == (torch.float64 if w.dtype == torch.float64 else torch.float32)
    bound = (unit(scale.dtype) + 2 * (w.numel() + 2) * 2.0**-53) * expected
    assert bool(((scale.double() - expected).abs() <= bound + smallest(scale.dtype)).all())


def test_scales_and_codes_over_several_pieces():
    w = torch.randn(3, 5000)
    codes, scale = by_triton(ternary_quantize, w)
    torch.testing.assert_close(scale.double(), w.double().abs().mean(), rtol=2.0**-23, atol=0)
    assert torch.equal(codes, ternary_quantize(w, scale=scale, route="reference")[0])


@pytest.mark.parametrize("quantize", [sign_quantize, ternary_quantize])
def test_codes_of_nan_and_infinity(quantize):
    w = torch.tensor([[torch.nan, 1.0, -2.0, 0.0], [torch.inf, -torch.inf, -0.0, 3.0], [1.0, 0.5, -0.5, -1.0]])
    codes, scale = by_triton(quantize, w, per="row")
    expected, expected_scale = quantize(w, per="row", route="reference")
    assert torch.equal(codes, expected)
    torch.testing.assert_close(scale, expected_scale, equal_nan=True)


@given(rows=st.integers(0, 20), columns=st.integers(0, 70), seed=st.integers(0, 99))
@some
def test_packing(rows, columns, seed):
    generator = torch.Generator().manual_seed(seed)
    for low, high in ((-1, 3), (-128, 128)):
        codes = torch.randint(low, high, (rows, columns), dtype=torch.int8, generator=generator)
        with running():
            packed = codes_module.pack_ternary(codes.to(DEVICE), None).cpu()
        assert torch.equal(packed, pack_ternary(codes, route="reference"))
        if low == -1:
            assert torch.equal(unpack_ternary(packed, columns=columns), codes)


@given(data=st.data(), samples=st.sampled_from((0, 1, 3, 9, 20)))
@some
def test_integer_products_are_exact(data, samples):
    outputs, columns = data.draw(st.integers(0, 40)), data.draw(st.integers(0, 70))
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    codes = torch.randint(-1, 2, (outputs, columns), dtype=torch.int8, generator=generator)
    x = torch.randint(-128, 128, (samples, columns), dtype=torch.int8, generator=generator)
    result = by_triton(ternary_linear, x, pack_ternary(codes))
    assert result.dtype == torch.int32
    assert torch.equal(result.long(), x.long() @ codes.long().T)


@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data(), samples=st.sampled_from((1, 3, 9, 20)))
@some
def test_float_products_within_the_bound(dtype, data, samples):
    outputs, columns = data.draw(st.integers(0, 40)), data.draw(st.integers(0, 70))
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    codes = torch.randint(-1, 2, (outputs, columns), dtype=torch.int8, generator=generator)
    x = torch.randn(samples, columns, dtype=torch.float64, generator=generator).to(dtype)
    result = by_triton(ternary_linear, x, pack_ternary(codes))
    expected, magnitude = x.double() @ codes.double().T, x.double().abs() @ codes.double().abs().T
    u = 2.0**-53 if dtype == torch.float64 else 2.0**-24
    assert result.dtype == dtype
    bound = 2 * columns * u * magnitude + unit(dtype) * (1 + columns * u) * expected.abs()
    assert bool(((result.double() - expected).abs() <= bound + smallest(dtype)).all())


@pytest.mark.parametrize("samples", [2, 20])
def test_products_over_several_tiles(samples, monkeypatch):
    for kernel in (module.FEW, module.MANY_WIDE, module.MANY_NARROW):
        small = dict.fromkeys(kernel.interpreted, 16) | ({"INPUTS": 32} if "INPUTS" in kernel.interpreted else {})
        for name, value in small.items():
            monkeypatch.setitem(kernel.interpreted, name, value)
    codes = torch.randint(-1, 2, (37, 150), dtype=torch.int8)
    x = torch.randint(-128, 128, (samples, 150), dtype=torch.int8)
    expected = x.long() @ codes.long().T
    assert torch.equal(by_triton(ternary_linear, x, pack_ternary(codes)).long(), expected)
    assert torch.equal(by_triton(ternary_linear, x.float(), pack_ternary(codes)).long(), expected)


@pytest.mark.parametrize("samples", [1, 20])
def test_infinities_act_as_in_the_dense_product(samples):
    codes = torch.tensor([[1, 0, -1], [0, 1, 0], [1, 1, 1]], dtype=torch.int8)
    x = torch.tensor([[torch.inf, 1.0, 2.0]]).repeat(samples, 1)
    result = by_triton(ternary_linear, x, pack_ternary(codes))
    torch.testing.assert_close(result, x @ codes.float().T, rtol=0, atol=0, equal_nan=True)
