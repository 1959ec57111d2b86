"""Hadamard transform: the matrix it multiplies by, orthogonality, gradients, and the same bits on every route."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import hadamard

from claims.kernels import RHT_SIGNS, KernelError, hadamard_signs, hadamard_transform
from claims.kernels.philox import flip_mask_words

from .inputs import FLOATS, KEYS, VARIANTS, bits, exact, laid_out, tensors, unit
from .quantized import COMPILED, LAYOUTS, check_operator, normal, quick, route_for, threads

each_variant = pytest.mark.parametrize("variant", VARIANTS)
BLOCKS = st.sampled_from((1, 2, 4, 8, 16, 32, 64, 256))


@st.composite
def transforms(draw, **options):
    """A tensor whose axis is a multiple of the block, and the options of the transform."""
    block, axis = draw(BLOCKS), draw(st.sampled_from((-1, -2)))
    dtype = draw(st.sampled_from(options.get("dtypes", FLOATS)))
    length, other = block * draw(st.integers(0, 4)), draw(st.sampled_from((0, 1, 3, 16, 33)))
    shape = (*draw(st.sampled_from(((), (2,)))), *((other, length) if axis == -1 else (length, other)))
    x = normal(*shape, seed=draw(st.integers(0, 1000)), dtype=dtype)
    signs = draw(st.one_of(st.none(), KEYS.map(lambda key: hadamard_signs(block, key=key))))
    return laid_out(x, draw(st.sampled_from(LAYOUTS))), {"block": block, "axis": axis, "signs": signs}


@pytest.mark.parametrize("variant", COMPILED)
@given(case=transforms(), inverse=st.booleans())
@quick
def test_compiled_routes_have_the_bits_of_the_reference(variant, case, inverse):
    x, options = case
    expected = hadamard_transform(x, **options, inverse=inverse, route="reference")
    with route_for(variant) as route:
        out = torch.empty(x.shape, dtype=x.dtype)
        assert hadamard_transform(x, **options, inverse=inverse, out=out, route=route) is out
        assert torch.equal(bits(out), bits(expected))
        assert torch.equal(bits(hadamard_transform(x, **options, inverse=inverse, route=route)), bits(expected))


@pytest.mark.parametrize("variant", COMPILED)
@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("block", [16, 64])
def test_any_number_of_threads_gives_the_same_bits(variant, axis, block):
    x = normal(512, 640)
    expected = hadamard_transform(x, block=block, axis=axis, route="reference")
    with route_for(variant) as route:
        for count in (1, 2, 5):
            with threads(count):
                assert torch.equal(hadamard_transform(x, block=block, axis=axis, route=route), expected)


@given(case=transforms())
@quick
def test_against_scipys_matrix(case):
    """log2(block) additions and a product: (log2(block) + 2) u sum|x| / sqrt(block), and the last rounding."""
    x, options = case
    block, axis, signs = options["block"], options["axis"], options["signs"]
    y = hadamard_transform(x, **options)
    vectors = np.moveaxis(exact(x), axis, -1).reshape(-1, block)
    matrix = hadamard(block).astype(np.longdouble) / np.sqrt(np.longdouble(block))
    if signs is not None:
        matrix = exact(signs)[:, None] * matrix
    got = np.moveaxis(exact(y), axis, -1).reshape(-1, block)
    u = 2.0**-53 if x.dtype == torch.float64 else 2.0**-24
    bound = (math.log2(block) + 2) * u * np.abs(vectors).sum(1, keepdims=True) / math.sqrt(block)
    last = unit(x.dtype) * (np.abs(vectors @ matrix) + bound) + 2.0**-24 * (x.dtype == torch.float16)
    assert np.all(np.abs(got - vectors @ matrix) <= bound + last)


@each_variant
@pytest.mark.parametrize("block", [1, 4, 16, 64, 256])
def test_matrix_is_orthogonal_exactly(variant, block):
    """For powers of 4 all entries are +-2**-k: the transform of the identity times its transpose is the identity."""
    identity = torch.eye(block, dtype=torch.float64)
    with route_for(variant) as route:
        for signs in (None, hadamard_signs(block, key=1)):
            matrix = hadamard_transform(identity, block=block, signs=signs, route=route)
            assert torch.equal(matrix @ matrix.T, identity)
            assert torch.equal(matrix.abs(), torch.full_like(matrix, block**-0.5))
            back = hadamard_transform(matrix, block=block, signs=signs, inverse=True, route=route)
            assert torch.equal(back, identity)


@given(case=transforms(dtypes=(torch.float64,)))
@quick
def test_inverse_and_energy(case):
    x, options = case
    y = hadamard_transform(x, **options)
    torch.testing.assert_close(hadamard_transform(y, **options, inverse=True), x.contiguous(), rtol=0, atol=1e-13)
    torch.testing.assert_close(y.square().sum(), x.square().sum(), rtol=1e-12, atol=0)


def test_a_product_over_the_transformed_axis_is_unchanged():
    d, x = normal(64, 5, dtype=torch.float64), normal(64, 7, seed=1, dtype=torch.float64)
    options = {"signs": RHT_SIGNS, "axis": -2}
    product = hadamard_transform(d, **options).T @ hadamard_transform(x, **options)
    torch.testing.assert_close(product, d.T @ x, rtol=0, atol=1e-12)


def test_one_outlier_is_spread_over_its_block():
    x = torch.zeros(2, 32)
    x[0, 19] = 8.0
    y = hadamard_transform(x)
    assert torch.equal(y[0, 16:].abs(), torch.full((16,), 2.0))
    assert not bool(y[0, :16].any())
    assert not bool(y[1].any())


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("axis", [-1, -2])
def test_nan_and_inf_stay_in_their_block(variant, dtype, axis):
    x = normal(64, 64, dtype=dtype)
    x[20, 37], x[50, 3] = torch.nan, torch.inf
    with route_for(variant) as route:
        y = hadamard_transform(x, axis=axis, route=route)
    bad = torch.zeros(64, 64, dtype=torch.bool)
    for row, column in ((20, 37), (50, 3)):
        first = (column if axis == -1 else row) // 16 * 16
        if axis == -1:
            bad[row, first : first + 16] = True
        else:
            bad[first : first + 16, column] = True
    assert torch.equal(~torch.isfinite(y), bad)
    nan_block = y[20, 32:48] if axis == -1 else y[16:32, 37]
    assert bool(nan_block.isnan().all())


def test_gradients():
    x = normal(3, 16, dtype=torch.float64).requires_grad_()
    for axis, block, signs, inverse in ((-1, 8, None, False), (-1, 16, RHT_SIGNS, True), (-2, 1, None, False)):
        options = {"axis": axis, "block": block, "signs": signs, "inverse": inverse}
        assert torch.autograd.gradcheck(lambda v, o=options: hadamard_transform(v, **o), (x,))
        assert torch.autograd.gradgradcheck(lambda v, o=options: hadamard_transform(v, **o), (x,))


def test_the_fixed_signs_are_those_of_nvfp4_training():
    """The vector of Transformer Engine's recipe as a mask: minus is one, the first sign the lowest bit."""
    assert sum(2**i for i, sign in enumerate(RHT_SIGNS) if sign < 0) == 0xD7E8
    assert {*RHT_SIGNS} == {-1, 1}


def test_signs():
    assert len(RHT_SIGNS) == 16
    signs = hadamard_signs(64, key=5)
    assert torch.equal(signs.abs(), torch.ones(64))
    assert torch.equal(signs[:8], hadamard_signs(8, key=5))
    assert not torch.equal(signs, hadamard_signs(64, key=6))
    many = hadamard_signs(4096, key=5)
    assert torch.equal(many < 0, flip_mask_words(4096, key=5) >= 2**31)
    assert abs(float(many.sum())) < 5 * 64  # five standard deviations of fair ones


@each_variant
@given(x=tensors())
@quick
def test_block_of_one_changes_nothing(variant, x):
    with route_for(variant) as route:
        assert torch.equal(bits(hadamard_transform(x, block=1, axis=-1, route=route)), bits(x))


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"block": 12}, "block"),
        ({"block": 0}, "block"),
        ({"block": 2.0}, "block"),
        ({"block": 32}, "x"),
        ({"axis": 0}, "axis"),
        ({"axis": -2}, "x"),
        ({"signs": (1, -1)}, "signs"),
        ({"signs": torch.full((16,), 2.0)}, "signs"),
        ({"out": torch.zeros(16, 3)}, "out"),
    ],
)
def test_refusals_name_the_argument(options, argument):
    with pytest.raises(KernelError) as caught:
        hadamard_transform(torch.zeros(3, 16), **options)
    assert caught.value.argument == argument


def test_registered_operator():
    x = normal(4, 32).requires_grad_()
    check_operator(torch.ops.claims.hadamard_transform.default, (x, torch.ones(16), 16, -1, False, None))
