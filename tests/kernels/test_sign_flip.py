"""Sign flips and the magnitude step: bit for bit on every route, and equal in norm."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from claims.kernels import KernelError, flip_mask, flip_mask_words, magnitude_step, matched_step, sign_flip

from .inputs import FLOATS, INTEGERS, KEYS, LAYOUTS, RATES, VARIANTS, bits, few, laid_out, tensors, using

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def flip_route(variant, dtype):
    """The flip only touches sign bits, so the compiled route takes all four dtypes."""
    return "reference" if variant == "reference" else "cpu"


@each_variant
@given(w=tensors(), rate=RATES, key=KEYS)
@few
def test_flips_the_sign_bits_of_the_mask_and_no_other_bit(variant, w, rate, key):
    with using(variant):
        flipped = sign_flip(w, flip_rate=rate, key=key, route=flip_route(variant, w.dtype))
    sign = torch.iinfo(INTEGERS[w.element_size()]).min
    changed = torch.where(flip_mask(w.shape, flip_rate=rate, key=key), sign, 0).to(bits(w).dtype)
    assert flipped.is_contiguous()
    assert torch.equal(bits(flipped), bits(w) ^ changed)


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_bit_pattern_survives(variant, dtype):
    """Infinities and all kinds of NaN too: to negate is to flip the sign bit."""
    generator = torch.Generator().manual_seed(1)
    integers = INTEGERS[dtype.itemsize]
    low, high = torch.iinfo(integers).min, torch.iinfo(integers).max
    pattern = torch.randint(low, high, (4001,), dtype=integers, generator=generator)
    special = torch.tensor([torch.nan, -torch.nan, torch.inf, -torch.inf, 0.0, -0.0], dtype=dtype)
    w = torch.cat((pattern.view(dtype), special.repeat(100)))
    with using(variant):
        flipped = sign_flip(w, flip_rate=0.5, key=3, route=flip_route(variant, dtype))
    changed = torch.where(flip_mask(w.shape, flip_rate=0.5, key=3), low, 0).to(integers)
    assert torch.equal(flipped.view(integers), w.view(integers) ^ changed)


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_word_flips_if_it_is_below_the_threshold(variant, dtype):
    """Not at it: rates at which a word is the threshold itself, and the next one, where it flips."""
    words = flip_mask_words(67, key=5)
    w = torch.ones(67, dtype=dtype)
    for at in (0, 40, 66):  # the last ones are not a whole vector
        for above in (0, 1):
            rate = (int(words[at]) + above) / 2**32
            with using(variant):
                flipped = sign_flip(w, flip_rate=rate, key=5, route=flip_route(variant, dtype))
            assert bool(flipped[at] < 0) == bool(above)
            assert torch.equal(flipped < 0, words < int(words[at]) + above)
            with using(variant, dtype) as route:
                size = matched_step(w, flip_rate=rate, key=5, route=route)
            assert size == pytest.approx(2 * math.sqrt(int((flipped < 0).sum()) / 67), rel=1e-12)


@each_variant
@given(w=tensors(), rate=RATES, key=KEYS)
@few
def test_involution(variant, w, rate, key):
    with using(variant):
        route = flip_route(variant, w.dtype)
        once = sign_flip(w, flip_rate=rate, key=key, route=route)
        assert torch.equal(bits(sign_flip(once, flip_rate=rate, key=key, out=once, route=route)), bits(w))


@each_variant
@given(count=st.integers(0, 70), rows=st.integers(1, 5), rate=RATES, key=KEYS)
@few
def test_block_independence(variant, count, rows, rate, key):
    """The flips of the first elements are those of a longer tensor; the layout plays no part."""
    w = torch.ones(rows, count)
    with using(variant) as route:
        whole = sign_flip(torch.ones(400), flip_rate=rate, key=key, route=route)
        for layout in LAYOUTS:
            part = sign_flip(laid_out(w, layout), flip_rate=rate, key=key, route=route)
            assert torch.equal(part.flatten(), whole[: w.numel()])


def test_threads_change_nothing():
    w = torch.randn(1 << 17, generator=torch.Generator().manual_seed(2))
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            flipped = sign_flip(w, flip_rate=0.3, key=8)
            results.append((flipped, matched_step(w, flip_rate=0.3, key=8), magnitude_step(w, size=0.5)))
    finally:
        torch.set_num_threads(before)
    for flipped, size, stepped in results[1:]:
        assert torch.equal(flipped, results[0][0])
        assert size == results[0][1]
        assert torch.equal(stepped, results[0][2])


def test_another_key_gives_other_flips():
    """Agreement of two masks of rate 1/2 is a fair coin an element: exact test at 1e-6."""
    w = torch.ones(100_000)
    first, second = (sign_flip(w, flip_rate=0.5, key=key) for key in (11, 12))
    agreeing = int((first == second).sum())
    assert stats.binomtest(agreeing, w.numel(), 0.5).pvalue > 1e-6


@each_variant
@given(w=tensors(), size=st.floats(0, 1e4), sign=st.sampled_from((1, -1)))
@few
def test_magnitude_step_is_the_formula_to_the_bit(variant, w, size, sign):
    with using(variant, w.dtype) as route:
        moved = magnitude_step(w, size=size, sign=sign, route=route)
    wide = w.resolve_neg() if w.dtype == torch.float64 else w.float().resolve_neg()
    step = torch.tensor(sign * size, dtype=wide.dtype)
    expected = torch.where(wide > 0, wide + step, torch.where(wide < 0, wide - step, wide)).to(w.dtype)
    assert torch.equal(bits(moved), bits(expected))


@each_variant
@given(w=tensors(), size=st.floats(0, 100))
@few
def test_magnitude_step_away_from_zero_preserves_signs_and_order(variant, w, size):
    with using(variant, w.dtype) as route:
        moved = magnitude_step(w, size=size, route=route)
    assert torch.equal(moved.sign(), w.sign())
    assert bool((moved.abs() >= w.abs()).all())
    ordered = moved.flatten()[w.flatten().argsort()]
    assert bool((ordered[1:] >= ordered[:-1]).all())


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
def test_magnitude_step_of_nan_infinity_and_zero(variant, dtype):
    w = torch.tensor([torch.nan, torch.inf, -torch.inf, 0.0, -0.0, 0.25, -0.25], dtype=dtype)
    with using(variant, dtype) as route:
        up, down = (magnitude_step(w, size=0.5, sign=sign, route=route) for sign in (1, -1))
    for moved in (up, down):
        assert moved[0].isnan()
        assert torch.equal(bits(moved[1:5]), bits(w[1:5]))
    assert up[5:].tolist() == [0.75, -0.75]
    assert down[5:].tolist() == [-0.25, 0.25]


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
@given(
    shape=st.lists(st.integers(1, 60), min_size=1, max_size=2),
    rate=st.floats(0.05, 1),
    key=KEYS,
    seed=st.integers(0, 99),
)
@few
def test_matched_step_is_the_distance_of_the_flip(variant, dtype, shape, rate, key, seed):
    """Positive terms: the sum of n of them in float64 is within n 2**-53 of itself, on either side."""
    w = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)
    w[..., 0] = 0  # zeros do not move, so they do not share the norm
    with using(variant, dtype) as route:
        size = matched_step(w, flip_rate=rate, key=key, route=route)
    distance = math.fsum(((sign_flip(w, flip_rate=rate, key=key).double() - w.double()) ** 2).flatten().tolist())
    moved = int(torch.count_nonzero(w))
    expected = math.sqrt(distance / moved) if moved else 0.0
    assert size == pytest.approx(expected, rel=(w.numel() + 8) * 2.0**-53, abs=0)


@pytest.mark.parametrize("sign", [1, -1])
def test_equal_norms(sign):
    w = torch.randn(300, 200, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    by_flip = (sign_flip(w, flip_rate=0.05, key=7) - w).norm()
    by_step = (magnitude_step(w, size=matched_step(w, flip_rate=0.05, key=7), sign=sign) - w).norm()
    assert float(by_step) == pytest.approx(float(by_flip), rel=1e-12)
    assert float(by_flip) > 0.1 * float(w.norm())


def test_matched_step_of_special_values():
    assert matched_step(torch.zeros(10), flip_rate=0.5, key=1) == 0.0
    assert matched_step(torch.empty(0), flip_rate=0.5, key=1) == 0.0
    assert math.isnan(matched_step(torch.full((10,), torch.nan), flip_rate=1.0, key=1))
    assert matched_step(torch.full((10,), torch.inf), flip_rate=1.0, key=1) == math.inf
    assert matched_step(torch.full((10,), torch.inf), flip_rate=0.0, key=1) == 0.0


def test_derivatives():
    w = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(5)).requires_grad_()
    assert torch.autograd.gradcheck(lambda w: sign_flip(w, flip_rate=0.4, key=2**63 + 1), (w,))
    assert torch.autograd.gradgradcheck(lambda w: sign_flip(w, flip_rate=0.4, key=2**63 + 1) ** 2, (w,))
    assert torch.autograd.gradcheck(lambda w: magnitude_step(w, size=1e-3), (w,))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: sign_flip(w, flip_rate=2.0, key=1), "flip_rate must be a probability"),
        (lambda w: sign_flip(w, flip_rate=0.5, key=-1), "key must be an int"),
        (lambda w: sign_flip(w.int(), flip_rate=0.5, key=1), "w must be a strided tensor"),
        (lambda w: matched_step(w, flip_rate=-1.0, key=1), "flip_rate must be a probability"),
        (lambda w: magnitude_step(w, size=-1.0), "size must be finite and not negative"),
        (lambda w: magnitude_step(w, size=math.inf), "size must be finite and not negative"),
        (lambda w: magnitude_step(w, size=1.0, sign=0), "sign must be 1 or -1"),
    ],
)
def test_errors_name_argument_got_and_allowed(call, message):
    with pytest.raises(KernelError, match=message):
        call(torch.ones(4))
