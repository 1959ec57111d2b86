"""Transverse energy: extended precision, exact separation, and its tie to the derivative of RMSNorm."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.kernels import KernelError, native, rms_norm_jvp, transverse_energy

from .inputs import FLOATS, LAYOUTS, VARIANTS, exact, few, laid_out, tensors, using, values

U64 = 2.0**-53
each_variant = pytest.mark.parametrize("variant", VARIANTS)
NARROW = (torch.float32, torch.bfloat16, torch.float16)


@st.composite
def pairs(draw, dtypes=FLOATS, wild=False):
    y = draw(tensors(dtypes=dtypes, wild=wild))
    dy = draw(values(tuple(y.shape), y.dtype, wild=wild))
    return y, laid_out(dy, draw(st.sampled_from(LAYOUTS)))


def oracle(y, dy):
    y, dy = exact(y), exact(dy)
    norm, along, total = (y**2).sum(-1), (y * dy).sum(-1), (dy**2).sum(-1)
    radial = np.divide(along**2, norm, out=np.zeros_like(norm), where=norm > 0)
    return total, radial, total - radial


@each_variant
@given(pair=pairs())
@few
def test_within_the_bound_of_extended_precision(variant, pair):
    """Each of the three sums is within d + 1 roundings of the sum of its terms' magnitudes (Cauchy-Schwarz: total)."""
    y, dy = pair
    with using(variant, y.dtype) as route:
        result = transverse_energy(y, dy, route=route)
    expected = oracle(y, dy)
    bound = (4 * y.shape[-1] + 12) * U64 * expected[0]
    for got, true in zip(result, expected, strict=True):
        assert got.shape == y.shape[:-1]
        assert got.dtype == torch.float64
        assert (np.abs(exact(got) - true) <= bound).all()


@each_variant
@given(pair=pairs(wild=True, dtypes=NARROW))
@few
def test_wild_rows_below_float64_lose_nothing(variant, pair):
    """Squares of every float32 fit into a float64, the largest and the subnormal ones too."""
    y, dy = pair
    with using(variant, y.dtype) as route:
        result = transverse_energy(y, dy, route=route)
    expected = oracle(y, dy)
    for got, true in zip(result, expected, strict=True):
        assert (np.abs(exact(got) - true) <= (4 * y.shape[-1] + 12) * U64 * expected[0]).all()


@each_variant
@given(pair=pairs(wild=True, dtypes=NARROW))
@few
def test_exact_separation(variant, pair):
    """total = radial + transverse to one rounding, none negative, radial at most total."""
    y, dy = pair
    with using(variant, y.dtype) as route:
        total, radial, transverse = transverse_energy(y, dy, route=route)
    assert bool((transverse == total - radial).all())
    assert bool((radial >= 0).all())
    assert bool((radial <= total).all())


@each_variant
@given(pair=pairs(dtypes=(torch.float64,)), power=st.sampled_from((-1060, -600, -3, 1, 400, 900)))
@few
def test_only_the_direction_of_y_counts(variant, pair, power):
    y, dy = pair
    scaled = torch.from_numpy(np.ldexp(y.resolve_neg().contiguous().numpy(), power))
    if power > -1000:  # below it entries are rounded to subnormals
        assert torch.equal(torch.from_numpy(np.ldexp(scaled.numpy(), -power)), y)
    with using(variant) as route:
        result, expected = transverse_energy(scaled, dy, route=route), transverse_energy(y, dy, route=route)
    slack = (8 * y.shape[-1] + 24) * U64 if power > -1000 else 1e-3
    for got, true in zip(result, expected, strict=True):
        assert bool(((got - true).abs() <= slack * expected[0]).all())


@each_variant
@given(pair=pairs(dtypes=(torch.float32, torch.float64)))
@few
def test_radial_change_is_radial_and_the_rest_is_transverse(variant, pair):
    y, dy = (tensor.double() for tensor in pair)
    if y.numel() == 0:
        return
    slack = (8 * y.shape[-1] + 24) * U64
    unit = y / y.norm(dim=-1, keepdim=True)
    across = dy - unit * (unit * dy).sum(-1, keepdim=True)
    with using(variant) as route:
        total, _, transverse = transverse_energy(y, -3 * y, route=route)
        _, radial, _ = transverse_energy(y, across, route=route)
    assert bool((transverse <= slack * total).all())
    assert bool((radial <= slack * dy.square().sum(-1)).all())


@each_variant
def test_rounding_makes_no_energy_negative(variant):
    """Of a change along y, total and radial energy differ by rounding alone, which goes either way."""
    generator = torch.Generator().manual_seed(2)
    y = torch.randn(500, 33, dtype=torch.float64, generator=generator)
    along, norm, total = (y * (y / 3)).sum(-1), y.square().sum(-1), (y / 3).square().sum(-1)
    assert bool((along * (along / norm) > total).any())  # so there is something to prevent
    with using(variant) as route:
        total, radial, transverse = transverse_energy(y, y / 3, route=route)
    assert bool((radial <= total).all())
    assert bool((transverse >= 0).all())


@each_variant
def test_is_the_energy_that_passes_rms_norm(variant):
    """|J dy|^2 = (d / |y|^2) transverse: the derivative of RMSNorm lets the transverse part through, and no other."""
    generator = torch.Generator().manual_seed(1)
    y, dy = torch.randn(2, 50, 77, dtype=torch.float64, generator=generator)
    with using(variant) as route:
        _, _, transverse = transverse_energy(y, dy, route=route)
        passed = rms_norm_jvp(y, dy, route=route).square().sum(-1) * y.square().mean(-1)
    torch.testing.assert_close(transverse, passed, rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype", native.DTYPES)
@given(data=st.data())
@few
def test_instruction_sets_agree_to_the_bit(dtype, data):
    y, dy = data.draw(pairs(dtypes=(dtype,), wild=True))
    results = []
    for name in VARIANTS[1:]:
        with using(name) as route:
            results.append(torch.stack(transverse_energy(y, dy, route=route)).view(torch.int64))
    assert all(torch.equal(result, results[0]) for result in results)


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_infinity_and_zero(variant, dtype):
    y, dy = torch.ones(6, 19, dtype=dtype), torch.ones(6, 19, dtype=dtype)
    y[0, 3], y[1, 4], dy[2, 18], dy[3, 0], y[4], y[5], dy[5, 2] = (
        torch.nan, torch.inf, torch.nan, -torch.inf, 0.0, 0.0, torch.inf,
    )  # fmt: skip
    with using(variant, dtype) as route:
        total, radial, transverse = transverse_energy(y, dy, route=route)
    assert total[[0, 1]].tolist() == [19, 19]
    assert radial[:3].isnan().all()
    assert transverse[:4].isnan().all()
    assert total[2].isnan()
    assert total[[3, 5]].tolist() == [torch.inf, torch.inf]
    assert (float(total[4]), float(radial[4]), float(transverse[4])) == (19, 0, 19)
    assert float(radial[5]) == 0


def test_threads_change_nothing():
    y, dy = torch.randn(2, 1000, 300, generator=torch.Generator().manual_seed(2))
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(torch.stack(transverse_energy(y, dy)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(result, results[0]) for result in results)


def test_derivatives():
    generator = torch.Generator().manual_seed(3)
    y, dy = (torch.randn(3, 5, dtype=torch.float64, generator=generator, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(transverse_energy, (y, dy))
    assert torch.autograd.gradgradcheck(transverse_energy, (y, dy))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda y: transverse_energy(y, y.double()), "dy must be torch.float32 on cpu, like the first tensor"),
        (lambda y: transverse_energy(y, y[:2]), r"dy must be of shape \(4,\)"),
        (lambda y: transverse_energy(y[0], y[0]), "y must be rows of shape"),
        (lambda y: transverse_energy(y.to(torch.complex64), y), "y must be a strided tensor"),
    ],
)
def test_errors_name_argument_got_and_allowed(call, message):
    with pytest.raises(KernelError, match=message):
        call(torch.ones(4))
