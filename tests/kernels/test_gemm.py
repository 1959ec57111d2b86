"""Matrix products: the a-priori bound of any order of summation, on oneDNN's path and on torch.mm's."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.kernels import KernelError, gemm, matmul, route_of, sign_flip, sign_flip_linear

from .inputs import FLOATS, KEYS, LAYOUTS, RATES, VARIANTS, few, laid_out, unit, using

BIG = (300, 170, 129)
PAIRS = [(layout, layout) for layout in LAYOUTS] + [("contiguous", "transposed"), ("transposed", "strided")]
each_variant = pytest.mark.parametrize("variant", VARIANTS)


def random(*shape, dtype=torch.float32, seed=1):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def assert_within_bound(product, a, b):
    """|fl(ab) - ab| <= k u / (1 - k u) |a||b| with u of the type summed in, and one rounding to the dtype."""
    exact, magnitude = a.double() @ b.double(), a.double().abs() @ b.double().abs()
    u = 2.0**-53 if product.dtype == torch.float64 else 2.0**-24
    k = a.shape[-1]
    # The comparison's own product is in float64: k 2**-53 of the magnitude again.
    bound = (k * u / (1 - k * u) + k * 2.0**-53) * magnitude
    if product.dtype in (torch.bfloat16, torch.float16):
        bound = bound + unit(product.dtype) * (exact.abs() + bound) + torch.finfo(product.dtype).tiny
    assert bool(((product.double() - exact).abs() <= bound).all())


@pytest.mark.parametrize("route", [None, "reference"])
@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
@few
def test_small_products_of_all_layouts(route, dtype, data):
    n, k, m = (data.draw(st.integers(0, 20)) for _ in range(3))
    a = laid_out(random(n, k, dtype=dtype), data.draw(st.sampled_from(LAYOUTS)))
    b = laid_out(random(k, m, dtype=dtype, seed=2), data.draw(st.sampled_from(LAYOUTS)))
    product = gemm(a, b, route=route)
    assert product.is_contiguous()
    assert (product.shape, product.dtype) == ((n, m), dtype)
    assert_within_bound(product, a, b)


@pytest.mark.parametrize("route", [None, "reference"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layouts", PAIRS)
def test_large_products_of_all_layouts(route, dtype, layouts):
    n, k, m = BIG
    a, b = laid_out(random(n, k, dtype=dtype), layouts[0]), laid_out(random(k, m, dtype=dtype, seed=2), layouts[1])
    assert_within_bound(gemm(a, b, route=route), a, b)


def test_large_float32_products_take_onednn_where_it_is_chosen(monkeypatch):
    """The route is told, and what it calls is counted: on one machine the choice depends on shapes alone."""
    n, k, m = BIG
    a, b = random(n, k), random(k, m)
    assert route_of("gemm", a) == "cpu"
    assert route_of("gemm", a.double()) == "reference"
    calls = []
    multiply = matmul._multiply
    monkeypatch.setattr(matmul, "_multiply", lambda a, *rest: calls.append(a.shape) or multiply(a, *rest))
    monkeypatch.setattr(matmul, "chosen", lambda: "mm")
    gemm(a, b)
    assert [calls.pop()] == [(n, k)]
    monkeypatch.setattr(matmul, "chosen", lambda: "onednn")
    gemm(a, b)
    assert calls == ([] if matmul.has_onednn() else [(n, k)])
    gemm(a[:8], b)
    assert calls[-1] == (8, k)
    monkeypatch.setattr(matmul, "has_onednn", lambda: False)
    assert_within_bound(gemm(a, b), a, b)
    assert calls[-1] == (n, k)


def test_rows_beyond_two_dimensions_and_out():
    n, k, m = BIG
    a, b = random(3, n // 3, k), random(k, m)
    expected = gemm(a.reshape(n, k), b).reshape(3, n // 3, m)
    assert torch.equal(gemm(a, b), expected)
    for out in (torch.empty(3, n // 3, m), torch.empty(3, m, n // 3).mT):
        assert gemm(a, b, out=out) is out
        assert torch.equal(out, expected)
    assert gemm(random(k), b).shape == (m,)
    for dtype in FLOATS:
        small, other, out = random(2, 3, 7, dtype=dtype), random(7, 5, dtype=dtype), torch.empty(2, 3, 5, dtype=dtype)
        assert torch.equal(gemm(small, other, out=out), gemm(small, other))
        out = torch.empty(2, 3, 4, dtype=dtype)
        sign_flip_linear(small, random(4, 7, dtype=dtype), flip_rate=0.5, key=1, out=out)
        assert torch.equal(out, sign_flip_linear(small, random(4, 7, dtype=dtype), flip_rate=0.5, key=1))


@pytest.mark.parametrize("special", [torch.nan, torch.inf])
def test_nan_and_infinity_reach_their_row_and_no_other(special):
    n, k, m = BIG
    for rows in (3, n):
        a, b = random(rows, k), random(k, m)
        a[1, 5] = special
        product = gemm(a, b)
        assert not product[1].isfinite().any()
        assert product[[0, 2]].isfinite().all()


def test_nothing_global_is_changed():
    def state():
        return (
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.get_float32_matmul_precision(),
            torch.backends.mkldnn.enabled,
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.random.get_rng_state().tolist(),
        )

    before = state()
    n, k, m = BIG
    sign_flip_linear(random(n, k), random(m, k), flip_rate=0.1, key=1)
    assert state() == before


@pytest.mark.parametrize("sizes", [(3, 4, 5), BIG])
def test_derivatives(sizes):
    n, k, m = sizes
    a, b = random(n, k).requires_grad_(), random(k, m).requires_grad_()
    seed = random(n, m, seed=3)
    by_a, by_b = torch.autograd.grad(gemm(a, b), (a, b), seed)
    assert_within_bound(by_a, seed, b.detach().T)
    assert_within_bound(by_b, a.detach().T, seed)
    small = [random(2, 3, dtype=torch.float64).requires_grad_(), random(3, 4, dtype=torch.float64).requires_grad_()]
    assert torch.autograd.gradgradcheck(gemm, small)


@each_variant
@given(
    n=st.integers(0, 9), k=st.integers(0, 40), m=st.integers(0, 9), rate=RATES, key=KEYS, dtype=st.sampled_from(FLOATS)
)
@few
def test_flipped_product_is_the_product_of_the_flipped(variant, n, k, m, rate, key, dtype):
    x, w = random(n, k, dtype=dtype), random(m, k, dtype=dtype, seed=2)
    with using(variant, dtype) as route:
        product = sign_flip_linear(x, w, flip_rate=rate, key=key, route=route)
    assert product.is_contiguous()
    assert_within_bound(product, x, sign_flip(w, flip_rate=rate, key=key).T)


@each_variant
def test_large_flipped_product(variant):
    n, k, m = BIG
    x, w = random(n, k), random(m, k, seed=2)
    out = torch.empty(n, m)
    with using(variant) as route:
        assert sign_flip_linear(x, w, flip_rate=0.05, key=9, out=out, route=route) is out
    assert_within_bound(out, x, sign_flip(w, flip_rate=0.05, key=9).T)
    # One flip less or more is far outside the bound: the other rate must fail.
    with pytest.raises(AssertionError):
        assert_within_bound(out, x, sign_flip(w, flip_rate=0.0501, key=9).T)


def test_flipped_product_without_flips_and_with_all():
    x, w = random(7, 33), random(5, 33, seed=2)
    plain = sign_flip_linear(x, w, flip_rate=0.0, key=1)
    assert torch.equal(sign_flip_linear(x, w, flip_rate=1.0, key=1), -plain)
    np.testing.assert_allclose(plain.numpy(), x.numpy() @ w.numpy().T, rtol=1e-4, atol=1e-5)


def test_derivatives_of_the_flipped_product():
    x, w = random(3, 4, dtype=torch.float64).requires_grad_(), random(5, 4, dtype=torch.float64).requires_grad_()
    flips = {"flip_rate": 0.5, "key": 2**64 - 3}
    assert torch.autograd.gradcheck(lambda x, w: sign_flip_linear(x, w, **flips), (x, w))
    assert torch.autograd.gradgradcheck(lambda x, w: sign_flip_linear(x, w, **flips), (x, w))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: gemm(a, a), r"b must be a matrix \(3, m\)"),
        (lambda a: gemm(a, a[0]), r"b must be a matrix \(3, m\)"),
        (lambda a: gemm(a, a.double().T), "b must be torch.float32"),
        (lambda a: gemm(a[0, 0], a), r"a must be of shape \(..., k\)"),
        (lambda a: sign_flip_linear(a, a.T, flip_rate=0.1, key=1), r"w must be a matrix \(m, 3\)"),
        (lambda a: sign_flip_linear(a, a, flip_rate=1.1, key=1), "flip_rate must be a probability"),
        (lambda a: gemm(a, a.T, route="triton"), "route must be None or one of 'reference', 'cpu' here"),
    ],
)
def test_errors_name_argument_got_and_allowed(call, message):
    with pytest.raises(KernelError, match=message):
        call(torch.ones(2, 3))
