"""Binary and ternary weights: codes, scales, two-bit packing and products, exact where integers make it possible."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.kernels import (
    KernelError,
    pack_ternary,
    sign_quantize,
    ternary_linear,
    ternary_quantize,
    unpack_ternary,
)

from .inputs import FLOATS, LAYOUTS, VARIANTS, few, laid_out, tensors, using

each_variant = pytest.mark.parametrize("variant", VARIANTS)
PER = st.sampled_from(("row", "tensor"))


def code_matrix(rows, columns, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-1, 2, (rows, columns), dtype=torch.int8, generator=generator)


def spread(scale, w, per):
    return scale.unsqueeze(-1) if per == "row" else scale


@each_variant
@given(w=tensors(), per=PER, quantize=st.sampled_from((sign_quantize, ternary_quantize)))
@few
def test_scale_is_the_mean_magnitude(variant, w, per, quantize):
    """Against exact rational sums: n float64 additions, a division, and one rounding to the dtype of the scale."""
    if w.numel() == 0:
        return
    with using(variant, w.dtype) as route:
        _, scale = quantize(w, per=per, route=route)
    wide = torch.float64 if w.dtype == torch.float64 else torch.float32
    assert scale.dtype == wide
    assert scale.shape == (w.shape[:-1] if per == "row" else ())
    groups = w.double().reshape(-1, w.shape[-1]) if per == "row" else w.double().reshape(1, -1)
    for got, group in zip(scale.flatten().tolist(), groups.tolist(), strict=True):
        mean = sum(abs(Fraction(value)) for value in group) / len(group)
        relative = Fraction((len(group) + 2) * 2.0**-53) + Fraction(torch.finfo(wide).eps / 2)
        if mean * (1 + relative) > Fraction(torch.finfo(wide).max):
            continue  # the sum of the largest float64 numbers is infinite, as documented
        assert abs(Fraction(got) - mean) <= relative * mean + Fraction(
            2.0**-149 if wide == torch.float32 else 2.0**-1074
        )


@each_variant
@given(w=tensors(), per=PER)
@few
def test_codes_are_exact(variant, w, per):
    out = torch.empty(w.shape, dtype=torch.int8)
    with using(variant, w.dtype) as route:
        signs, _ = sign_quantize(w, per=per, route=route)
        codes, scale = ternary_quantize(w, per=per, out=out, route=route)
    assert codes is out
    assert signs.dtype == codes.dtype == torch.int8
    assert torch.equal(signs, 1 - 2 * (w < 0).to(torch.int8))
    # |w| > scale / 2 in exact arithmetic: twice a float64 is a float64 here, as scales are means of |w|.
    beyond = w.double().abs() > spread(scale.double() / 2, w, per)
    assert torch.equal(codes, torch.where(beyond, w.double().sign(), 0).to(torch.int8))


@each_variant
def test_ties_go_to_zero(variant):
    w = torch.tensor([[0.5, -0.5, 0.5 + 2.0**-24, -0.5 - 2.0**-24, 0.0, -0.0, 3.0]])
    with using(variant) as route:
        codes, _ = ternary_quantize(w, scale=torch.tensor(1.0), route=route)
    assert codes.tolist() == [[0, 0, 1, -1, 0, 0, 1]]


@each_variant
@pytest.mark.parametrize("quantize", [sign_quantize, ternary_quantize])
@given(w=tensors(dtypes=(torch.float64, torch.float32), wild=False), per=PER, power=st.integers(-30, 30))
@few
def test_scale_equivariance(variant, quantize, w, per, power):
    if w.numel() == 0:
        return
    with using(variant, w.dtype) as route:
        codes, scale = quantize(w, per=per, route=route)
        scaled_codes, scaled = quantize(w * 2.0**power, per=per, route=route)
    assert torch.equal(scaled_codes, codes)
    assert torch.equal(scaled, scale * 2.0**power)


@each_variant
@given(w=tensors(wild=False, dtypes=(torch.float64, torch.float32)), per=PER)
@few
def test_quantizing_twice_changes_no_code(variant, w, per):
    if w.numel() == 0:
        return
    with using(variant, w.dtype) as route:
        for quantize in (sign_quantize, ternary_quantize):
            codes, scale = quantize(w, per=per, route=route)
            again, _ = quantize(codes.to(w.dtype) * spread(scale, w, per), per=per, route=route)
            assert torch.equal(again, codes)


@pytest.mark.parametrize("per", ["row", "tensor"])
def test_sign_scale_is_the_least_squares_one(per):
    w = torch.randn(20, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    codes, scale = sign_quantize(w, per=per)

    def error(factor):
        return float((w - factor * spread(scale, w, per) * codes).square().sum())

    assert error(1.0) < min(error(0.999), error(1.001))


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_and_infinity(variant, dtype):
    w = torch.ones(3, 10, dtype=dtype)
    w[0, 2], w[1, 3] = torch.nan, -torch.inf
    with using(variant, dtype) as route:
        codes, scale = ternary_quantize(w, per="row", route=route)
        signs, of_signs = sign_quantize(w, per="row", route=route)
        _, whole = ternary_quantize(w, route=route)
    assert scale[0].isnan()
    assert scale[1:].tolist() == [math.inf, 1.0]
    assert torch.equal(scale.nan_to_num(), of_signs.nan_to_num())
    assert (codes[:2] == 0).all()
    assert (codes[2] == 1).all()
    assert signs[0, 2] == 1
    assert signs[1, 3] == -1
    assert whole.isnan()
    assert (codes * scale.unsqueeze(-1))[:2].isnan().all()


def packed_by_definition(codes):
    rows, columns = codes.shape
    packed = [[0] * ((columns + 3) // 4) for _ in range(rows)]
    for row in range(rows):
        for column in range((columns + 3) // 4 * 4):
            code = int(codes[row, column]) if column < columns else 0
            packed[row][column // 4] |= (code + 1) << (2 * (column % 4))
    return torch.tensor(packed, dtype=torch.uint8).reshape(rows, (columns + 3) // 4)


@each_variant
@given(rows=st.integers(0, 5), columns=st.integers(0, 40), seed=st.integers(0, 99), layout=st.sampled_from(LAYOUTS[:4]))
@few
def test_packing_is_its_definition_and_unpacking_its_inverse(variant, rows, columns, seed, layout):
    codes = laid_out(code_matrix(rows, columns, seed), layout)
    out = torch.empty(rows, (columns + 3) // 4, dtype=torch.uint8)
    with using(variant) as route:
        packed = pack_ternary(codes, route=route)
        assert torch.equal(pack_ternary(codes, out=out, route=route), packed)
    assert torch.equal(packed, packed_by_definition(codes))
    assert torch.equal(unpack_ternary(packed, columns=columns), codes)


@each_variant
@given(
    n=st.one_of(st.integers(0, 9), st.just(37)),
    columns=st.one_of(st.integers(0, 40), st.sampled_from((255, 256, 257, 511, 600))),
    rows=st.integers(0, 6),
    seed=st.integers(0, 999),
    layout=st.sampled_from(LAYOUTS[:4]),
)
@few
def test_integer_product_is_exact(variant, n, columns, rows, seed, layout):
    codes = code_matrix(rows, columns, seed)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(-128, 128, (n, columns), dtype=torch.int8, generator=generator)
    x = laid_out(x, layout)
    with using(variant) as route:
        product = ternary_linear(x, pack_ternary(codes), route=route)
    assert product.dtype == torch.int32
    assert torch.equal(product, (x.long().unsqueeze(1) * codes.long()).sum(-1).int())


@each_variant
@pytest.mark.parametrize("value", [-128, 127])
def test_largest_integer_product(variant, value):
    """Every product at the end of its range: partial sums in 16 bits would show here."""
    x, codes = torch.full((5, 4099), value, dtype=torch.int8), torch.ones(3, 4099, dtype=torch.int8)
    codes[1], codes[2, ::2] = -1, -1
    with using(variant) as route:
        product = ternary_linear(x, pack_ternary(codes), route=route)
    assert product.tolist() == [[4099 * value, -4099 * value, -value]] * 5


@each_variant
@given(
    n=st.one_of(st.integers(0, 9), st.just(37)),
    columns=st.one_of(st.integers(0, 40), st.sampled_from((255, 256, 257, 511, 600))),
    rows=st.integers(0, 6),
    seed=st.integers(0, 999),
    dtype=st.sampled_from(FLOATS),
    layout=st.sampled_from(LAYOUTS),
)
@few
def test_float_product_within_its_bound(variant, n, columns, rows, seed, dtype, layout):
    """Products with -1, 0, 1 are exact; at most ``columns`` additions and, below float32, one more rounding."""
    codes = code_matrix(rows, columns, seed)
    generator = torch.Generator().manual_seed(seed)
    x = laid_out(torch.randn(n, columns, dtype=torch.float64, generator=generator).to(dtype), layout)
    with using(variant) as route:
        product = ternary_linear(x, pack_ternary(codes), route=None if dtype == torch.float64 else route)
    exact, magnitude = x.double() @ codes.double().T, x.double().abs() @ codes.double().abs().T
    u = 2.0**-53 if dtype == torch.float64 else 2.0**-24
    bound = 2 * columns * 2.0**-53 * magnitude + columns * u * magnitude + torch.finfo(dtype).eps / 2 * exact.abs()
    assert product.dtype == dtype
    assert bool(((product.double() - exact).abs() <= bound * (1 + torch.finfo(dtype).eps)).all())


@each_variant
def test_nan_and_infinity_in_activations_act_as_in_the_dense_product(variant):
    codes = torch.zeros(2, 300, dtype=torch.int8)
    codes[1, 7] = 1
    x = torch.zeros(3, 300)
    x[0, 7], x[1, 7], x[2, 7] = torch.nan, torch.inf, 1.0
    with using(variant) as route:
        product = ternary_linear(x, pack_ternary(codes), route=route)
    assert product[0].isnan().all()
    assert product[1, 0].isnan()
    assert product[1, 1] == math.inf
    assert product[2].tolist() == [0.0, 1.0]


@each_variant
def test_linear_layer_of_quantized_weights(variant):
    """Packed form and dense product agree, scales a row or a tensor, and gradients reach x and scale."""
    generator = torch.Generator().manual_seed(3)
    w, x = torch.randn(9, 130, generator=generator), torch.randn(4, 3, 130, generator=generator).requires_grad_()
    for per in ("row", "tensor"):
        codes, scale = ternary_quantize(w, per=per)
        scale.requires_grad_()
        dense = torch.nn.functional.linear(x, codes * spread(scale, w, per))
        with using(variant) as route:
            y = ternary_linear(x, pack_ternary(codes), scale=scale, route=route)
        torch.testing.assert_close(y, dense, rtol=1e-4, atol=1e-4)
        for got, expected in zip(
            torch.autograd.grad(y.square().sum(), (x, scale)),
            torch.autograd.grad(dense.square().sum(), (x, scale)),
            strict=True,
        ):
            torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


def test_derivative():
    packed = pack_ternary(code_matrix(4, 6, 1))
    x = torch.randn(3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(4)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ternary_linear(x, packed), (x,))
    assert torch.autograd.gradgradcheck(lambda x: ternary_linear(x, packed) ** 2, (x,))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p, x: ternary_linear(x[:, :7], p), r"packed must be uint8 \(rows, 2\)"),
        (lambda p, x: ternary_linear(x.int(), p), "x must be int8 or float"),
        (lambda p, x: ternary_linear(x.to(torch.int8), p, scale=torch.tensor(1.0)), "scale must be None for int8"),
        (lambda p, x: ternary_linear(x, p, scale=torch.ones(3)), "scale must be None for int8"),
        (lambda p, x: unpack_ternary(p, columns=8), r"packed must be uint8 \(rows, 2\)"),
        (lambda p, x: pack_ternary(x), "codes must be an int8 matrix"),
        (lambda p, x: sign_quantize(x, per="column"), "per must be 'row' or 'tensor'"),
        (lambda p, x: ternary_quantize(x, per="row", scale=torch.tensor(1.0)), "scale must be one scale a row"),
    ],
)
def test_errors_name_argument_got_and_allowed(call, message):
    with pytest.raises(KernelError, match=message):
        call(pack_ternary(torch.ones(4, 12, dtype=torch.int8)), torch.ones(2, 12))
