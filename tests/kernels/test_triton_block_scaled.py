"""Codecs and block-scaled formats in Triton: the bits of the reference, whatever the layout and the tiling."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.kernels import AverisRecipe, KernelError, averis_forward, averis_split
from claims.kernels.block_gemm import block_scaled_matmul
from claims.kernels.formats.dequantize import dequantize
from claims.kernels.formats.e2m1 import e2m1_encode
from claims.kernels.formats.e4m3 import e4m3_encode
from claims.kernels.formats.mx import mxfp4_quantize, mxfp6_quantize, mxfp8_quantize
from claims.kernels.formats.nvfp4 import nvfp4_quantize

from .inputs import FLOATS, KEYS, laid_out, smallest
from .interpreter import DEVICE, KERNELS, by_triton, running, some

NARROW = (torch.float32, torch.bfloat16, torch.float16)
roundings = st.one_of(st.none(), KEYS).map(
    lambda key: {"rounding": "nearest"} if key is None else {"rounding": "stochastic", "key": key}
)


def mx(name):
    """The quantizer of an MX format by the format's name."""
    if name == "mxfp4":
        return mxfp4_quantize
    return partial({"mxfp6": mxfp6_quantize, "mxfp8": mxfp8_quantize}[name[:5]], element=name[6:])


MX = ("mxfp4", "mxfp6_e2m3", "mxfp6_e3m2", "mxfp8_e4m3", "mxfp8_e5m2")


def by_reference(operation, *arguments, **options):
    return operation(*arguments, **options, route="reference")


@st.composite
def matrices(draw):
    """Rows of mixed magnitudes: zeros of both signs, subnormals, heavy tails, infinities, ragged shapes, any layout."""
    rows, k = draw(st.integers(0, 40)), draw(st.integers(0, 70))
    dtype = draw(st.sampled_from(FLOATS))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    x = torch.randn(rows, k, dtype=torch.float64, generator=generator)
    spread = draw(st.sampled_from((0.0, 1.0, 10.0, 30.0)))
    x = x * torch.exp(spread * torch.randn(rows, k, dtype=torch.float64, generator=generator))
    x = x * draw(st.sampled_from((1.0, 1e-38, 1e-30, 1e30)))
    special = torch.tensor([0.0, -0.0, torch.inf, -torch.inf, smallest(dtype), -smallest(dtype), 6.0, 5.0, 0.25])
    if draw(st.booleans()):
        place = torch.rand(rows, k, generator=generator) < 0.1
        choice = torch.randint(len(special), (rows, k), generator=generator)
        x = torch.where(place, special[choice].double(), x)
    return laid_out(x.to(dtype), draw(st.sampled_from(("contiguous", "transposed", "strided", "negated", "shifted"))))


def every_pattern(dtype):
    """All 65536 values of a 16-bit type but NaN."""
    x = torch.arange(-(1 << 15), 1 << 15).to(torch.int16).view(dtype)
    return x[~x.isnan()]


def neighbourhoods():
    """float32 on, just below and just above every tie and every value of E2M1 and E4M3, with both signs."""
    halves = torch.cat([torch.arange(0, 257) * 2.0**e for e in range(-12, 4)])
    x = torch.cat([halves.nextafter(torch.tensor(-1.0)), halves, halves.nextafter(torch.tensor(torch.inf))])
    return torch.cat([x, -x])


@pytest.mark.parametrize("encode", [e2m1_encode, e4m3_encode])
def test_encoders_on_every_pattern(encode):
    for x in (every_pattern(torch.bfloat16), every_pattern(torch.float16), neighbourhoods()):
        assert torch.equal(by_triton(encode, x), encode(x, route="reference"))


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("key", [0, 2**63 + 1])
def test_stochastic_encoder(dtype, key):
    x = torch.linspace(-8, 8, 40001).to(dtype)
    options = {"rounding": "stochastic", "key": key}
    assert torch.equal(by_triton(e2m1_encode, x, **options), e2m1_encode(x, **options, route="reference"))


def test_fractions_next_to_a_word_are_compared_exactly():
    """A word equal to floor(2**32 fraction) must not round up, the next smaller word must."""
    from claims.kernels import flip_mask_words

    words = flip_mask_words(4096, key=11)
    fraction = (words.double() / 2**32).float().clamp(max=1 - 2.0**-24)  # float32: 24 bits, straddles the word
    x = 4 + 2 * fraction
    options = {"rounding": "stochastic", "key": 11}
    result = by_triton(e2m1_encode, x, **options)
    assert torch.equal(result, e2m1_encode(x, **options, route="reference"))
    assert set(result.tolist()) == {6, 7}


@given(x=matrices(), axis=st.sampled_from((-1, -2)), tile=st.sampled_from(("1x16", "16x16")), rounding=roundings)
@some
def test_nvfp4_has_the_bits_of_the_reference(x, axis, tile, rounding):
    options = {"axis": axis, "tile": tile, **rounding}
    result, expected = by_triton(nvfp4_quantize, x, **options), nvfp4_quantize(x, **options, route="reference")
    assert torch.equal(result.payload, expected.payload)


@given(
    x=matrices(),
    tile=st.sampled_from(("1x16", "16x16")),
    error=st.sampled_from((None, "squared", "absolute")),
    largest_scale=st.sampled_from((448, 256)),
    rounding=roundings,
)
@some
def test_four_over_six_has_the_bits_of_the_reference(x, tile, error, largest_scale, rounding):
    options = {"tile": tile, "four_over_six": error, "largest_scale": largest_scale, **rounding}
    result, expected = by_triton(nvfp4_quantize, x, **options), nvfp4_quantize(x, **options, route="reference")
    assert torch.equal(result.payload, expected.payload)


@given(
    x=matrices(),
    name=st.sampled_from(MX),
    axis=st.sampled_from((-1, -2)),
    rule=st.sampled_from(("floor", "ceil")),
    rounding=roundings,
)
@settings(max_examples=30, deadline=None)
def test_mx_has_the_bits_of_the_reference(x, name, axis, rule, rounding):
    options = {"axis": axis, "scale_rule": rule, **rounding}
    result, expected = by_triton(mx(name), x, **options), mx(name)(x, **options, route="reference")
    assert torch.equal(result.payload, expected.payload)


@given(x=matrices(), axis=st.sampled_from((-1, -2)), seed=st.integers(0, 99), amax=st.sampled_from((None, 0.0, 2.5)))
@some
def test_centers_are_subtracted_on_the_fly(x, axis, seed, amax):
    center = torch.randn(x.shape[-1], generator=torch.Generator().manual_seed(seed))
    for quantize, given_amax in ((nvfp4_quantize, {"amax": amax}), (mxfp4_quantize, {})):
        options = {"axis": axis, "center": center, **given_amax}
        result, expected = by_triton(quantize, x, **options), quantize(x, **options, route="reference")
        assert torch.equal(result.payload, expected.payload)


@pytest.mark.parametrize("name", MX)
@pytest.mark.parametrize("rule", ["floor", "ceil"])
def test_scales_next_to_a_change_of_exponent(rule, name):
    """Largest magnitudes on, next below and next above 2**e and the largest element, where one rule steps up."""
    on = (
        torch.tensor([1.0, {"mxfp4": 1.5, "mxfp6_e2m3": 1.875}.get(name, 1.75)])
        .outer(2.0 ** torch.arange(-126, 127))
        .flatten()
    )
    x = torch.cat([on.nextafter(torch.zeros(())), on, on.nextafter(torch.tensor(torch.inf))]).view(-1, 1)
    result, expected = (f(mx(name), x, scale_rule=rule) for f in (by_triton, by_reference))
    assert torch.equal(result.payload, expected.payload)


@pytest.mark.parametrize("recipe", [{}, {"mean": "float32", "mean_weight": "exact"}, {"format": "mxfp4"}])
def test_averis_has_the_operands_of_the_reference(recipe):
    """Its products are those of the quantized operands, which are held to their bound below."""
    x, weight, options = torch.randn(40, 33) + 2, torch.randn(5, 33), {"recipe": AverisRecipe(**recipe)}
    for axis in (-1, -2):
        result, expected = (f(averis_split, x, axis=axis, **options) for f in (by_triton, by_reference))
        assert torch.equal(result.residual.payload, expected.residual.payload)
        assert torch.equal(result.mean, expected.mean)
    result, expected = (f(averis_forward, x, weight, **options) for f in (by_triton, by_reference))
    size = x.abs().max() * weight.abs().sum(1)  # sums of 34 terms, each at most a third above its operand's magnitude
    assert bool(((result - expected).abs() <= 4 * 36 * 2.0**-24 * size).all())


@pytest.mark.parametrize("smallest_block", [1e-41, 5e-42, 1e-43, 1.4e-45])
def test_tensors_near_the_end_of_float32(smallest_block):
    """1 / (block scale * tensor scale) is beyond float32, and zeros must not meet an infinity."""
    x = torch.zeros(3, 32)
    x[0, 0], x[1, 3], x[2, 20] = 2e-36, smallest_block, -smallest_block
    for quantize in (nvfp4_quantize, mxfp4_quantize):
        assert torch.equal(by_triton(quantize, x).payload, quantize(x, route="reference").payload)


@pytest.mark.parametrize("quantize", [nvfp4_quantize, mxfp4_quantize, mxfp6_quantize, mxfp8_quantize])
@pytest.mark.parametrize("rows", [16, 64])
def test_tiles_do_not_show(quantize, rows, monkeypatch):
    """Programs of another shape, with edges inside the matrix and inside 16 x 16 tiles' groups."""
    x = torch.randn(rows + 21, 70)
    for name in ("nvfp4", "mx"):
        for kernel in KERNELS[name].KERNELS:
            monkeypatch.setitem(kernel.interpreted, "ROWS", rows)
            monkeypatch.setitem(kernel.interpreted, "COLUMNS", 32)
    for view in (x, x.T):
        options = {"rounding": "stochastic", "key": 3}
        result, expected = by_triton(quantize, view, **options), quantize(view, **options, route="reference")
        assert torch.equal(result.payload, expected.payload)


@pytest.mark.parametrize("quantize", [nvfp4_quantize, mxfp4_quantize])
def test_nan_is_refused(quantize):
    x = torch.randn(40, 40)
    x[39, 39] = torch.nan
    with pytest.raises(KernelError, match="free of NaN"):
        by_triton(quantize, x)
    with pytest.raises(KernelError, match="free of NaN"):
        by_triton(quantize, torch.randn(40, 40), center=x[39])


def test_nan_is_refused_where_the_largest_magnitude_is_given():
    x = torch.randn(40, 40)
    x[3, 5] = torch.nan
    with pytest.raises(KernelError, match="free of NaN"):
        by_triton(nvfp4_quantize, x, amax=3.0)


@given(x=matrices(), format=st.sampled_from(("1x16", "16x16", *MX)), dtype=st.sampled_from(FLOATS))
@settings(max_examples=40, deadline=None)
def test_dequantize_has_the_bits_of_the_reference(x, format, dtype):
    q = mx(format)(x, route="reference") if format in MX else nvfp4_quantize(x, tile=format, route="reference")
    result, expected = by_triton(dequantize, q, dtype=dtype), dequantize(q, dtype=dtype, route="reference")
    assert torch.equal(result, expected)
    assert torch.equal(torch.signbit(result), torch.signbit(expected))


def test_dequantize_takes_every_scale_code():
    """Scales that no quantizer writes: NaN codes and the ends of the range."""
    codes = torch.arange(256, dtype=torch.uint8)
    for quantize in (nvfp4_quantize, mxfp4_quantize):
        q = quantize(torch.randn(32, 8 * (16 if quantize is nvfp4_quantize else 32)), route="reference")
        q.scales.copy_(codes.view(32, 8))
        for dtype in FLOATS:
            result, expected = by_triton(dequantize, q, dtype=dtype), dequantize(q, dtype=dtype, route="reference")
            torch.testing.assert_close(result, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", MX)
@pytest.mark.parametrize("dtype", FLOATS)
def test_dequantize_takes_every_element_code(name, dtype):
    """Codes of Inf and NaN, which no quantizer writes, with scales from the smallest to the largest."""
    q = mx(name)(torch.zeros(8, 256), route="reference")
    q.codes.copy_(torch.arange(q.codes.numel()).to(torch.uint8).view(q.codes.shape))
    q.scales.copy_(torch.tensor([0, 1, 126, 127, 128, 253, 254, 255], dtype=torch.uint8)[:, None].expand(8, 8))
    result, expected = by_triton(dequantize, q, dtype=dtype), dequantize(q, dtype=dtype, route="reference")
    torch.testing.assert_close(result, expected, rtol=0, atol=0, equal_nan=True)


def check_product(a, b):
    """Any order of float32 additions, and one product for each tensor scale."""
    result, k = by_triton(block_scaled_matmul, a, b), a.shape[-1]
    wide_a, wide_b = (dequantize(q, dtype=torch.float64, route="reference") for q in (a, b))
    u = (k + 2) * 2.0**-24
    bound = 2 * u / (1 - u) * (wide_a.abs() @ wide_b.abs().T)
    assert (result.dtype, result.shape) == (torch.float32, (a.shape[0], b.shape[0]))
    assert bool(((result.double() - wide_a @ wide_b.T).abs() <= bound).all())


@given(data=st.data(), format=st.sampled_from((*MX, ("1x16", "1x16"), ("16x16", "1x16"), ("1x16", "16x16"))))
@settings(max_examples=20, deadline=None)
def test_products_within_the_bound(data, format):
    m, n, k = (data.draw(st.integers(0, 40)) for _ in range(3))
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    pair = torch.randn(m, k, generator=generator), torch.randn(n, k, generator=generator)
    if format in MX:
        check_product(*(mx(format)(x, route="reference") for x in pair))
    else:
        check_product(*(nvfp4_quantize(x, tile=tile, route="reference") for x, tile in zip(pair, format, strict=True)))


def test_products_over_several_tiles(monkeypatch):
    for name in ("M", "N"):
        monkeypatch.setitem(KERNELS["block_scaled"].MATMUL.interpreted, name, 16)
    monkeypatch.setitem(KERNELS["block_scaled"].MATMUL.interpreted, "K", 32)
    for quantize in (nvfp4_quantize, mxfp4_quantize):
        check_product(*(quantize(torch.randn(rows, 70), route="reference") for rows in (21, 18)))


def test_bfloat16_is_rounded_to_even():
    """The interpreter's own conversion truncates: this one is the kernels' and must not."""
    patterns = torch.arange(0, 1 << 16, dtype=torch.int32) << 16
    x = torch.cat([(patterns + low).view(torch.float32) for low in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF)])
    out = torch.zeros(len(x), dtype=torch.bfloat16, device=DEVICE)
    with running():
        from .triton_probes import rounded_to_bfloat16

        padded = 1 << (len(x) - 1).bit_length()
        x = torch.nn.functional.pad(x, (0, padded - len(x)))
        out = torch.zeros(padded, dtype=torch.bfloat16, device=DEVICE)
        rounded_to_bfloat16[(1,)](x.to(DEVICE), out, COUNT=padded)
    expected = x.to(torch.bfloat16)
    assert torch.equal(out.cpu().isnan(), expected.isnan())
    assert torch.equal(out.cpu().nan_to_num(), expected.nan_to_num())
