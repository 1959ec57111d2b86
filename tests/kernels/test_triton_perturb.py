"""Flips, magnitude steps and transverse energies in Triton: bits where bits are promised, else the derived bound."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.kernels import magnitude_step, sign_flip, sign_flip_linear, transverse_energy
from claims.kernels.perturb import FLIP_ENERGY
from claims.kernels.philox import check_key, flip_mask, flip_mask_words

from .inputs import FLOATS, INTEGERS, KEYS, RATES, bits, laid_out, smallest, tensors, unit, values
from .interpreter import BLOCKS, DEVICE, KERNELS, by_triton, running, some

U64 = 2.0**-53


@given(w=tensors(), rate=RATES, key=KEYS)
@some
def test_flips_have_the_bits_of_the_reference(w, rate, key):
    result = by_triton(sign_flip, w, flip_rate=rate, key=key)
    assert torch.equal(bits(result), bits(sign_flip(w, flip_rate=rate, key=key, route="reference")))


@pytest.mark.parametrize("dtype", FLOATS)
def test_flips_turn_the_sign_bit_of_anything(dtype):
    w = torch.tensor([0.0, -0.0, torch.inf, -torch.inf, torch.nan, smallest(dtype)], dtype=dtype)
    flipped = by_triton(sign_flip, w, flip_rate=1.0, key=3)
    sign = torch.tensor(1, dtype=INTEGERS[w.element_size()]) << (8 * w.element_size() - 1)
    assert torch.equal(bits(flipped), bits(w) ^ sign)
    assert torch.equal(bits(by_triton(sign_flip, flipped, flip_rate=1.0, key=3)), bits(w))


@pytest.mark.parametrize("block", BLOCKS)
@given(count=st.integers(1, 200), rate=RATES, key=KEYS)
@some
def test_flips_do_not_depend_on_blocks(block, count, rate, key):
    module = KERNELS["perturb"]
    if not (threshold := module.flip_threshold(rate, operation="test")):
        return
    w = torch.arange(1, count + 1, dtype=torch.int32, device=DEVICE)
    out = torch.zeros_like(w)
    scalars = count, module.last_flipping_word(threshold), *module.key_halves(key)
    with running():
        module.launch(module.SIGN_FLIP, module.blocks_of(count), w, out, *scalars, BLOCK=block)
    assert torch.equal(out.cpu() < 0, flip_mask(count, flip_rate=rate, key=key))


@pytest.mark.parametrize("element", [0, 1, 2, 3, 30])
def test_a_word_flips_below_the_threshold_and_not_at_it(element):
    word = int(flip_mask_words(31, key=3)[element])
    w = torch.ones(31)
    for rate, expected in (((word + 1) / 2**32, -1.0), (word / 2**32, 1.0)):
        assert by_triton(sign_flip, w, flip_rate=rate, key=3)[element] == expected
        product = by_triton(sign_flip_linear, torch.eye(31), w[None], flip_rate=rate, key=3)
        assert product[element, 0] == expected
        flipped = by_triton(FLIP_ENERGY, w, rate, 3)[0]
        assert flipped == flip_mask(31, flip_rate=rate, key=3).sum()


def test_flips_in_place():
    w = torch.randn(1000)
    expected = sign_flip(w, flip_rate=0.3, key=1, route="reference")
    assert torch.equal(by_triton(sign_flip, w, flip_rate=0.3, key=1, out=w), expected)


def test_words_beyond_the_first_32_bits_of_the_counter():
    """Elements above 2**34 use the second counter word, which no tensor of a test reaches: asked for directly."""
    numbers = KERNELS["perturb"]
    words = flip_mask((8,), flip_rate=0.5, key=9)
    assert words.any()
    block = torch.tensor([2**32 - 1, 2**32, 2**33 + 5, 2**61], dtype=torch.int64)
    from claims.kernels.philox import philox

    zero = torch.zeros_like(block)
    expected = torch.stack(philox((block & 0xFFFFFFFF, block >> 32, zero, zero), 9), -1).flatten()
    out = torch.zeros(16, dtype=torch.int64, device=DEVICE)
    with running():
        from .triton_probes import words_of_blocks

        words_of_blocks[(1,)](block.to(DEVICE), out, *numbers.key_halves(9), COUNT=4)
    assert torch.equal(out.cpu(), expected)


@pytest.mark.parametrize("key", [0, 0x0123456789ABCDEF])
def test_words_are_those_of_tritons_own_generator(key):
    out = torch.zeros(256, dtype=torch.int64, device=DEVICE)
    with running():
        from .triton_probes import words_of_triton

        words_of_triton[(1,)](out, key, COUNT=64)
    assert torch.equal(out.cpu(), flip_mask_words(256, key=key))


@given(w=tensors(), step=st.sampled_from((0.1, -0.3, 0.0, 1e-8, 2.0)))
@some
def test_magnitude_step_has_the_bits_of_the_reference(w, step):
    sign, size = (1, step) if step >= 0 else (-1, -step)
    result = by_triton(magnitude_step, w, size=size, sign=sign)
    assert torch.equal(bits(result), bits(magnitude_step(w, size=size, sign=sign, route="reference")))


@given(w=tensors(wild=False), rate=RATES, key=KEYS)
@some
def test_flip_energy_within_the_bound(w, rate, key):
    arguments = (w, rate, check_key(key, operation="test"))
    energy, nonzeros = by_triton(FLIP_ENERGY, *arguments)
    expected = FLIP_ENERGY(*arguments, route="reference")
    assert nonzeros == expected[1]
    assert abs(energy - expected[0]) <= 2 * (w.numel() + 1) * U64 * expected[0]


@given(data=st.data())
@some
def test_energies_within_the_bound(data):
    y = data.draw(tensors(wild=False))
    dy = data.draw(values(tuple(y.shape), y.dtype, wild=False))
    results = by_triton(transverse_energy, y, dy)
    expected = transverse_energy(y, dy, route="reference")
    # Every term is bounded by the total energy; the product of two sums has twice the error of one.
    bound = (8 * y.shape[-1] + 20) * U64 * expected[0]
    for result, reference in zip(results, expected, strict=True):
        assert result.dtype == torch.float64
        assert result.shape == y.shape[:-1]
        assert bool(((result - reference).abs() <= bound).all())
    assert torch.equal(results[1] + results[2], results[0]) or bool(
        ((results[1] + results[2] - results[0]).abs() <= 2 * U64 * results[0]).all()
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_rounding_takes_more_than_the_whole(dtype):
    """Changes along y: the radial energy is the total one up to rounding, of which half the rows would exceed it."""
    y = torch.randn(400, 5, dtype=torch.float64).to(dtype)
    total, radial, transverse = by_triton(transverse_energy, y, 0.3 * y)
    assert bool((radial <= total).all())
    assert bool((transverse >= 0).all())
    assert bool((transverse <= (unit(dtype) ** 2 + 60 * U64) * total).all())
    assert torch.equal(total - radial, transverse)


@pytest.mark.parametrize("block", [1, 16])
def test_energies_over_several_blocks(block, monkeypatch):
    monkeypatch.setattr(KERNELS["energy"], "LONGEST_BLOCK", block)
    y, dy = torch.randn(2, 7, 70, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = transverse_energy(y, dy)
    for result, reference in zip(by_triton(transverse_energy, y, dy), expected, strict=True):
        # Of the total: a step that is all but transverse has a radial part of which nothing but rounding may be left.
        assert bool(((result - reference).abs() <= 600 * U64 * expected[0]).all())


def test_energies_of_unusual_rows():
    y = torch.tensor([[0.0, 0], [1e-200, 1e-200], [1e200, 0], [5e-324, 0]], dtype=torch.float64)
    dy = torch.tensor([[3.0, 4], [3, 4], [3, 4], [3, 4]], dtype=torch.float64)
    total, radial, transverse = by_triton(transverse_energy, y, dy)
    assert torch.equal(total, torch.full((4,), 25.0, dtype=torch.float64))
    torch.testing.assert_close(radial, torch.tensor([0, 24.5, 9, 9], dtype=torch.float64), rtol=20 * U64, atol=0)
    assert torch.equal(transverse, total - radial)


def flipped_product(x, w, rate, key):
    """Exactly rounded product, and the sum of magnitudes that its error is measured against."""
    mask = flip_mask(w.shape, flip_rate=rate, key=key)
    wide = torch.where(mask, -w.double(), w.double())
    return x.double() @ wide.T, x.double().abs() @ wide.abs().T


@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data(), rate=RATES, key=KEYS)
@some
def test_flipped_product_within_the_bound(dtype, data, rate, key):
    samples, outputs, inputs = (data.draw(st.integers(0, 40)) for _ in range(3))
    x = laid_out(
        data.draw(values((samples, inputs), dtype, wild=False)),
        data.draw(st.sampled_from(("contiguous", "transposed"))),
    )
    w = data.draw(values((outputs, inputs), dtype, wild=False))
    result = by_triton(sign_flip_linear, x, w, flip_rate=rate, key=key)
    expected, magnitude = flipped_product(x, w, rate, key)
    u = U64 if dtype == torch.float64 else 2.0**-24
    bound = (inputs + 2) * u * magnitude + unit(dtype) * expected.abs() + smallest(dtype)
    assert (result.shape, result.dtype) == ((samples, outputs), dtype)
    assert bool(((result.double() - expected).abs() <= 2 * bound).all())


@pytest.mark.parametrize("inputs", [63, 64])
def test_flipped_product_over_several_tiles(inputs):
    """Tiles edges fall inside samples, outputs and inputs, whether or not four divides the row length."""
    module = KERNELS["matmul"]
    x, w = torch.randn(37, inputs), torch.randn(41, inputs)
    tile = {"SAMPLES": 16, "OUTPUTS": 16, "INPUTS": 16}
    out = torch.full((37, 41), torch.nan, device=DEVICE)
    scalars = 37, 41, inputs, module.last_flipping_word(2**30), 5, 0
    flags = {"ANY": True, "ALIGNED": inputs % 4 == 0, "AS_FLOAT32": False}
    with running():
        grid = lambda _: (3, 3)  # noqa: E731
        module.launch(module.WIDE, grid, x.to(DEVICE), w.view(torch.int32).to(DEVICE), out, *scalars, **flags, **tile)
    expected, magnitude = flipped_product(x, w, 0.25, 5)
    assert bool(((out.cpu().double() - expected).abs() <= 2 * (inputs + 2) * 2.0**-24 * magnitude).all())
