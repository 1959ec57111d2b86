"""RMSNorm and its Jacobian-vector product: extended precision, derivatives, and the geometry of a normalisation."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.kernels import KernelError, native, rms_norm, rms_norm_jvp

from .inputs import FLOATS, LAYOUTS, VARIANTS, bits, exact, few, laid_out, smallest, tensors, unit, using, values

U64 = 2.0**-53
each_variant = pytest.mark.parametrize("variant", VARIANTS)
SCALES = st.sampled_from((-40, -3, -1, 1, 2, 35))


def oracle(x, eps=0.0):
    """x / sqrt(mean of squares + eps) in extended precision; longdouble's exponents leave no overflow."""
    wide = exact(x)
    if wide.size == 0:
        return wide
    rms = np.sqrt((wide**2).mean(-1, keepdims=True) + np.longdouble(eps))
    return np.divide(wide, rms, out=np.zeros_like(wide), where=rms > 0)


def oracle_jvp(x, h):
    wide, tangent = exact(x), exact(h)
    if wide.size == 0:
        return wide
    norm = (wide**2).sum(-1, keepdims=True)
    along = np.divide((wide * tangent).sum(-1, keepdims=True), norm, out=np.zeros_like(norm), where=norm > 0)
    rms = np.sqrt(norm / wide.shape[-1])
    return np.divide(tangent - along * wide, rms, out=np.zeros_like(wide), where=rms > 0)


def sum_error(x):
    """Relative error of the root mean square in float64: d additions under a root, and less than 10 roundings."""
    return (x.shape[-1] / 2 + 10) * U64


@each_variant
@given(x=tensors(), eps=st.sampled_from((0.0, 0.0, 1e-6, 1.0)))
@few
def test_within_the_bound_of_extended_precision(variant, x, eps):
    with using(variant, x.dtype) as route:
        y = rms_norm(x, eps=eps, route=route)
    expected = oracle(x, eps)
    assert y.is_contiguous()
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    bound = (unit(x.dtype) + 2 * sum_error(x)) * np.abs(expected) + smallest(x.dtype)
    assert (np.abs(exact(y) - expected) <= bound).all()


@each_variant
@given(data=st.data())
@few
def test_jvp_within_the_bound_of_extended_precision(variant, data):
    x = data.draw(tensors(wild=False))
    h = data.draw(values(tuple(x.shape), x.dtype, wild=False))
    with using(variant, x.dtype) as route:
        result = rms_norm_jvp(x, h, route=route)
    expected = oracle_jvp(x, h)
    if expected.size == 0:
        return
    # The projection subtracts what may be as long as h: its rounding errors count against |h| / rms.
    length = np.linalg.norm(exact(h), axis=-1, keepdims=True) + np.abs(exact(h))
    rms = np.linalg.norm(exact(x), axis=-1, keepdims=True) / math.sqrt(x.shape[-1])
    lost = np.divide(length, rms, out=np.zeros_like(length), where=rms > 0) * (4 * sum_error(x))
    bound = unit(x.dtype) * np.abs(expected) + lost + smallest(x.dtype)
    assert (np.abs(exact(result) - expected) <= bound).all()


@pytest.mark.parametrize("dtype", native.DTYPES)
@given(data=st.data())
@few
def test_instruction_sets_agree_to_the_bit(dtype, data):
    """The order of every sum is fixed in the source, so no route but the reference may differ in any bit."""
    x = data.draw(tensors(dtypes=(dtype,), largest=300))
    results = []
    for name in VARIANTS[1:]:
        with using(name) as route:
            results.append((bits(rms_norm(x, route=route)), bits(rms_norm_jvp(x, x.flip(-1), route=route))))
    for norm, jvp in results[1:]:
        assert torch.equal(norm, results[0][0])
        assert torch.equal(jvp, results[0][1])


@each_variant
@given(x=tensors(wild=False), power=SCALES)
@few
def test_scale_equivariance(variant, x, power):
    """Scaling rows by a positive power of two changes no bit; a negative one changes signs alone."""
    if x.dtype == torch.float16:
        power = power // 10  # 2**-4 .. 2**3: the entries stay normal
    scaled = x * 2.0**power
    if not torch.equal(scaled / 2.0**power, x):
        return  # an entry became subnormal: not the same direction any more
    with using(variant, x.dtype) as route:
        assert torch.equal(rms_norm(scaled, route=route), rms_norm(x, route=route))
        assert torch.equal(rms_norm(-scaled, route=route), -rms_norm(x, route=route))


@each_variant
@pytest.mark.parametrize("magnitude", [1e-320, 1e-308, 1e-160, 1e160, 1e308])
@pytest.mark.parametrize("eps", [0.0, 1e-5])
def test_no_finite_float64_row_leaves_the_range(variant, magnitude, eps):
    x = torch.tensor([[3.0, -4.0, 0.0, 1.0, 0.5] * 5]).double() / 4 * magnitude
    with using(variant) as route:
        y = rms_norm(x, eps=eps, route=route)
    expected = oracle(x, eps)
    assert (np.abs(exact(y) - expected) <= 50 * U64 * np.abs(expected) + 2.0**-1022).all()
    if eps == 0.0:
        assert float(y.square().mean()) == pytest.approx(1.0, rel=1e-14)


@each_variant
@given(x=tensors(dtypes=(torch.float64,)))
@few
def test_rows_have_mean_square_one_or_are_zero(variant, x):
    with using(variant) as route:
        y = rms_norm(x, route=route)
    zero = (x == 0).all(-1)
    mean = y.square().mean(-1)
    assert bool((y[zero] == 0).all())
    assert bool(((mean[~zero] - 1).abs() <= (3 * x.shape[-1] + 40) * U64).all())


@each_variant
@given(x=tensors(dtypes=(torch.float64,), wild=False), data=st.data())
@few
def test_tangency_and_symmetry(variant, x, data):
    """The derivative is orthogonal to x, kills x itself, and its matrix is symmetric."""
    h = data.draw(values(tuple(x.shape), x.dtype, wild=False))
    g = data.draw(values(tuple(x.shape), x.dtype, wild=False))
    if x.numel() == 0:
        return
    with using(variant) as route:
        along, to_g = rms_norm_jvp(x, h, route=route), rms_norm_jvp(x, g, route=route)
        radial = rms_norm_jvp(x, x, route=route)
    rms = x.square().mean(-1).sqrt()
    unit_x = x / x.norm(dim=-1, keepdim=True)
    slack = (8 * x.shape[-1] + 80) * U64
    assert bool(((unit_x * along).sum(-1).abs() * rms <= slack * h.norm(dim=-1)).all())
    assert bool((radial.abs() <= slack * math.sqrt(x.shape[-1])).all())
    difference = (g * along).sum(-1) - (h * to_g).sum(-1)
    assert bool((difference.abs() * rms <= slack * g.norm(dim=-1) * h.norm(dim=-1)).all())


@each_variant
@pytest.mark.parametrize("size", [0.3, 0.03, 0.003])
def test_second_order_remainder(variant, size):
    """|N(x + h) - N(x) - J h| <= sqrt(d / 3) |h|^2 / (|x| - |h|)^2, and is really of second order.

    From |D^2 (x/|x|)[h, h]|^2 = |Ph|^2 (4 (u.h)^2 + |Ph|^2) / |x|^4, whose largest value is (4/3) |h|^4 / |x|^4.
    """
    generator = torch.Generator().manual_seed(1)
    x, h = torch.randn(2, 64, 33, dtype=torch.float64, generator=generator)
    h = h * size * x.norm(dim=-1, keepdim=True) / h.norm(dim=-1, keepdim=True)
    with using(variant) as route:
        remainder = rms_norm(x + h, route=route) - rms_norm(x, route=route) - rms_norm_jvp(x, h, route=route)
    length = remainder.norm(dim=-1)
    assert bool((length <= math.sqrt(33 / 3) * (size / (1 - size)) ** 2).all())
    # Along Ph the remainder is |Ph|^2 / 2 times sqrt(d) / |x|^2 up to relative order size: far above rounding.
    assert bool((length >= 0.2 * math.sqrt(33) * size**2 * (1 - 3 * size)).all())


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_and_infinity(variant, dtype):
    x = torch.ones(4, 11, dtype=dtype)
    x[0, 3], x[1, 4], x[2, 5] = torch.nan, torch.inf, -torch.inf
    h = torch.ones(4, 11, dtype=dtype)
    h[3, 2] = torch.inf
    with using(variant, dtype) as route:
        y, along = rms_norm(x, route=route), rms_norm_jvp(x, h, route=route)
        with_nan = rms_norm_jvp(torch.ones_like(x), torch.where(h == torch.inf, torch.nan, h), route=route)
    assert y[0].isnan().all()
    for row, column in ((1, 4), (2, 5)):
        assert y[row].isnan().nonzero().flatten().tolist() == [column]
        assert (y[row].nan_to_num() == 0).all()
    assert torch.equal(y[3], torch.ones(11, dtype=dtype))
    assert along[:3].isnan().all()
    assert not along[3].isfinite().any()
    assert with_nan[3].isnan().all()
    assert (with_nan[:3] == 0).all()


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
def test_rows_of_zeros(variant, dtype):
    zero, h = torch.zeros(2, 9, dtype=dtype), torch.full((2, 9), torch.nan, dtype=dtype)
    with using(variant, dtype) as route:
        assert (rms_norm(zero, route=route) == 0).all()
        assert (rms_norm_jvp(zero, h, route=route) == 0).all()


@each_variant
@pytest.mark.parametrize("layout", LAYOUTS)
def test_out_of_any_layout_and_in_place(variant, layout):
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(6, 6, generator=generator)
    with using(variant) as route:
        expected = rms_norm(x, route=route)
        if layout != "broadcast":
            out = laid_out(torch.empty(6, 6), layout)
            assert rms_norm(x, out=out, route=route) is out
            assert torch.equal(out, expected)
        own = laid_out(x.clone(), layout)
        expected = rms_norm(own.clone(), route=route)
        if layout != "broadcast":
            assert torch.equal(rms_norm(own, out=own, route=route), expected)
        overlapping = torch.cat((x.flatten(), x.flatten()))
        source, target = overlapping[:36].view(6, 6), overlapping[7:43].view(6, 6)
        expected = rms_norm(source.clone(), route=route)
        assert torch.equal(rms_norm(source, out=target, route=route), expected)


def test_large_rows_are_streamed_alike():
    """From 8 MiB on the compiled kernel stores past the caches, on every instruction set."""
    x = torch.randn(1100, 2048, generator=torch.Generator().manual_seed(3))
    rows = torch.stack([rms_norm(row) for row in x[::100]])
    for variant in VARIANTS:
        with using(variant) as route:
            y = rms_norm(x, out=torch.empty_like(x), route=route)
            assert torch.allclose(y[::100], rows, rtol=2.0**-23, atol=0)
            assert not y.isnan().any()


@pytest.mark.parametrize("eps", [0.0, 0.1])
@pytest.mark.parametrize("route", [None, "reference"])
def test_derivatives(eps, route):
    generator = torch.Generator().manual_seed(4)
    x, h = (torch.randn(3, 5, dtype=torch.float64, generator=generator, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda x: rms_norm(x, eps=eps, route=route), (x,))
    assert torch.autograd.gradgradcheck(lambda x: rms_norm(x, eps=eps, route=route), (x,))
    assert torch.autograd.gradcheck(lambda x, h: rms_norm_jvp(x, h, eps=eps, route=route), (x, h))
    forward = torch.autograd.functional.jvp(lambda x: rms_norm(x, eps=eps, route=route), x, h)[1]
    torch.testing.assert_close(rms_norm_jvp(x, h, eps=eps, route=route), forward, rtol=1e-13, atol=1e-13)


def test_is_torchs_own_rms_norm():
    x = torch.randn(40, 257, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(
        rms_norm(x, eps=1e-6), torch.nn.functional.rms_norm(x, (257,), eps=1e-6), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rms_norm(torch.ones(3, dtype=torch.int32)), "x must be a strided tensor of float64"),
        (lambda: rms_norm([1.0]), "x must be a torch.Tensor; got list"),
        (lambda: rms_norm(torch.tensor(1.0)), "x must be rows of shape"),
        (lambda: rms_norm(torch.ones(3), eps=-1.0), "eps must be finite"),
        (lambda: rms_norm(torch.ones(3), out=torch.ones(4)), r"out must be \(3,\), torch.float32, cpu"),
        (lambda: rms_norm(torch.ones(3), out=torch.ones(1).expand(3)), "out must be without overlap"),
        (lambda: rms_norm(torch.ones(3, requires_grad=True), out=torch.ones(3)), "out must be used without autograd"),
        (lambda: rms_norm(torch.ones(3), route="gpu"), "route must be None or one of 'reference'"),
        (lambda: rms_norm_jvp(torch.ones(3), torch.ones(4)), r"h must be of shape \(3,\)"),
        (lambda: rms_norm_jvp(torch.ones(3), torch.ones(3).double()), "h must be torch.float32 on cpu"),
    ],
)
def test_errors_name_argument_got_and_allowed(call, message):
    with pytest.raises(KernelError, match=message) as caught:
        call()
    assert caught.value.argument in str(caught.value)
    assert caught.value.allowed in str(caught.value)
