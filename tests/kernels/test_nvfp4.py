"""NVFP4: one arithmetic on every route, in every layout; what the field expects of it; torchao with its differences."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from claims.kernels import (
    BlockScaled,
    KernelError,
    dequantize,
    e2m1_decode,
    e4m3_decode,
    mxfp4_quantize,
    nvfp4_quantize,
    route_of,
    unpack_nibbles,
)

from .inputs import FLOATS, KEYS, VARIANTS, bits, laid_out
from .quantized import (
    COMPILED,
    LAYOUTS,
    check_operator,
    import_torchao,
    matrices,
    normal,
    oracle_e4m3,
    oracle_nvfp4,
    quick,
    roundings,
    route_for,
    threads,
)

each_variant = pytest.mark.parametrize("variant", VARIANTS)
TILES = st.sampled_from(("1x16", "16x16"))


def same(a: BlockScaled, b: BlockScaled) -> bool:
    return a.shape == b.shape and (a.format, a.tile) == (b.format, b.tile) and torch.equal(a.payload, b.payload)


def values(q: BlockScaled) -> torch.Tensor:
    return dequantize(q, dtype=torch.float64)


@pytest.mark.parametrize("variant", COMPILED)
@given(x=matrices(), axis=st.sampled_from((-1, -2)), tile=TILES, rounding=roundings, centred=st.booleans())
@quick
def test_compiled_routes_have_the_bits_of_the_reference(variant, x, axis, tile, rounding, centred):
    options = {"axis": axis, "tile": tile, **rounding}
    if centred:
        options["center"] = normal(x.shape[1], seed=3, dtype=x.dtype)
    expected = nvfp4_quantize(x, **options, route="reference")
    with route_for(variant) as route:
        assert same(nvfp4_quantize(x, **options, route=route), expected)
        for dtype in FLOATS:
            again = dequantize(expected, dtype=dtype, route=route)
            assert torch.equal(bits(again), bits(dequantize(expected, dtype=dtype, route="reference")))


@pytest.mark.parametrize("tile", [1, 16])
@pytest.mark.parametrize("spread", [0.0, 2.0, 8.0])
def test_reference_against_numpy_scalars(tile, spread):
    x = normal(32, 48) * torch.exp(spread * normal(32, 48, seed=1))
    q = nvfp4_quantize(x, tile="1x16" if tile == 1 else "16x16", route="reference")
    codes, scales, tensor_scale = oracle_nvfp4(x.numpy(), tile)
    assert np.array_equal(unpack_nibbles(q.codes).numpy(), codes)
    assert np.array_equal(q.scales.numpy(), scales)
    assert q.tensor_scale.item() == tensor_scale


@each_variant
@pytest.mark.parametrize(("tensor", "block"), [(3.0, 2.25), (6.0, 4.5), (13.0, 9.75), (24.0, 1.125), (27.0, 10.125)])
def test_order_of_the_scale_arithmetic(variant, tensor, block):
    """Ties of E4M3, which ``encode / 6`` would decide otherwise than the product with the rounded 1/6."""
    encode = np.float32(2688) / np.float32(tensor)
    product, quotient = (np.float32(block) * s for s in (encode * np.float32(1 / 6), encode / np.float32(6)))
    assert oracle_e4m3(product) != oracle_e4m3(quotient)
    x = torch.zeros(2, 16)
    x[0, 0], x[1, 3] = tensor, -block
    with route_for(variant) as route:
        assert nvfp4_quantize(x, route=route).scales[1, 0].item() == oracle_e4m3(product)


@given(x=matrices(), tile=TILES, rounding=roundings)
@quick
def test_value_is_code_times_scales(x, tile, rounding):
    q = nvfp4_quantize(x, tile=tile, **rounding)
    codes = e2m1_decode(unpack_nibbles(q.codes), dtype=torch.float64)
    scales = e4m3_decode(q.scales, dtype=torch.float64).repeat_interleave(q.tile, 0)[: q.rows].repeat_interleave(16, 1)
    product = codes * scales * q.tensor_scale.double()
    assert torch.equal(values(q), product[:, : x.shape[1]])
    largest = torch.finfo(torch.float32).max
    assert torch.equal(dequantize(q), product[:, : x.shape[1]].clamp(-largest, largest).float())
    assert bool(torch.isfinite(dequantize(q)).all())


@given(x=matrices(), tile=TILES, rounding=roundings)
@quick
def test_down_the_columns_is_the_transpose(x, tile, rounding):
    options = {"tile": tile, **rounding}
    assert same(nvfp4_quantize(x, axis=-2, **options), nvfp4_quantize(x.mT.contiguous(), **options))


@given(x=matrices(), tile=TILES, rounding=roundings)
@quick
def test_a_ragged_end_is_padded_with_zeros(x, tile, rounding):
    padded = torch.nn.functional.pad(x, (0, -x.shape[1] % 16))
    q, whole = nvfp4_quantize(x, tile=tile, **rounding), nvfp4_quantize(padded, tile=tile, **rounding)
    assert torch.equal(q.payload, whole.payload)
    assert torch.equal(values(q), values(whole)[:, : x.shape[1]])


@given(x=matrices(special=False, dtypes=(torch.float32,)), power=st.integers(-40, 40), tile=TILES, rounding=roundings)
@quick
def test_scale_equivariance(x, power, tile, rounding):
    q, scaled = (nvfp4_quantize(y, tile=tile, **rounding) for y in (x, x * 2.0**power))
    assert torch.equal(scaled.codes, q.codes)
    assert torch.equal(scaled.scales, q.scales)
    if x.numel() and bool(x.any()):
        assert scaled.tensor_scale == q.tensor_scale * 2.0**power


@each_variant
def test_block_independence(variant):
    x = normal(4, 64)
    changed = x.clone()
    changed[2, 16:32] = normal(16, seed=9)
    with route_for(variant) as route:
        q, other = (nvfp4_quantize(y, amax=5.0, route=route) for y in (x, changed))
    differs = values(q) != values(other)
    assert bool(differs[2, 16:32].any())
    differs[2, 16:32] = False
    assert not bool(differs.any())


@each_variant
@given(x=matrices(special=False), tile=TILES)
@quick
def test_idempotence(variant, x, tile):
    """With the tensor scale held and normal block scales: their largest code is 6 (of y > 5), so nothing moves."""
    with route_for(variant) as route:
        amax = x.float().abs().max().clamp(max=torch.finfo(torch.float32).max) if x.numel() else 1.0
        q = nvfp4_quantize(x, tile=tile, amax=amax, route=route)
        if bool(((q.scales & 127) < 8).any()):
            return  # a subnormal scale is coarse: [5.65, 6.38] widens and the largest code may be below 6
        again = nvfp4_quantize(values(q), tile=tile, amax=amax, route=route)
    assert torch.equal(values(again), values(q))


@given(x=matrices(dtypes=(torch.float32,)), rounding=roundings)
@quick
def test_signs_and_monotonicity(x, rounding):
    """A value has the sign of its element, and within a block a larger element never gets a smaller value."""
    q = nvfp4_quantize(x, **rounding)
    value = values(q)
    assert torch.equal(value.signbit(), x.signbit())
    if rounding["rounding"] == "nearest":
        for start in range(0, x.shape[1], 16):
            order = x[:, start : start + 16].argsort(dim=1)
            assert bool((value[:, start : start + 16].gather(1, order).diff(dim=1) >= 0).all())


def test_largest_element_of_a_block_lands_between_5_65_and_6_38():
    x = normal(2000, 16)
    q = nvfp4_quantize(x)
    largest = x.double().abs().amax(1) / (e4m3_decode(q.scales, dtype=torch.float64)[:, 0] * q.tensor_scale)
    assert bool(((q.scales & 127) >= 8).all())
    assert 6 / (1 + 2.0**-4) * (1 - 1e-6) <= largest.min() < largest.max() <= 6 / (1 - 2.0**-4) * (1 + 1e-6)
    # About half of the blocks clip: rounding a scale to nearest goes down as often as up.
    ends = stats.binomtest(int((largest > 6).sum()), 2000, 0.5).proportion_ci(1 - 1e-6)
    assert ends.low < 0.507 < ends.high


@each_variant
def test_two_dimensional_tiles_agree_with_the_transpose(variant):
    x = normal(40, 56)
    with route_for(variant) as route:
        q, transposed = (nvfp4_quantize(x, axis=axis, tile="16x16", route=route) for axis in (-1, -2))
        narrow = nvfp4_quantize(x, axis=-2, route=route)
    assert torch.equal(values(q), values(transposed).T)
    assert not torch.equal(values(q), values(narrow).T)  # 1 x 16 blocks do depend on the direction


@each_variant
def test_zeros_and_their_signs(variant):
    x = torch.zeros(3, 20)
    x[1] = -0.0
    with route_for(variant) as route:
        for rounding in ({}, {"rounding": "stochastic", "key": 1}):
            q = nvfp4_quantize(x, **rounding, route=route)
            assert q.tensor_scale == 1
            assert not bool(q.scales.any())
            assert torch.equal(unpack_nibbles(q.codes)[:, :20] == 8, x.signbit())
            assert torch.equal(bits(dequantize(q)), bits(x))


@each_variant
def test_subnormal_and_vanishing_block_scales(variant):
    """One outlier pushes the other blocks below 2**-6, then to scale 0, where all codes are zeros with a sign."""
    x = torch.cat([torch.zeros(16), torch.full((16,), -(2.0**-7)), torch.full((16,), -(2.0**-9))])
    x[0] = 448.0 * 6
    with route_for(variant) as route:
        q = nvfp4_quantize(x, route=route)
    assert q.tensor_scale == 1
    assert e4m3_decode(q.scales).tolist() == [[448.0, 2.0**-9, 0.0]]
    assert unpack_nibbles(q.codes)[0, 16:].tolist() == [14] * 16 + [8] * 16


@each_variant
def test_infinities_count_as_the_largest_number(variant):
    x = normal(4, 40)
    x[1, 3], x[2, 30] = torch.inf, -torch.inf
    largest = torch.finfo(torch.float32).max
    with route_for(variant) as route:
        for options in ({}, {"tile": "16x16"}, {"amax": 10.0}, {"rounding": "stochastic", "key": 4}):
            finite = nvfp4_quantize(x.clamp(-largest, largest), **options)
            assert same(nvfp4_quantize(x, **options, route=route), finite)
        restored = dequantize(nvfp4_quantize(x, route=route), route=route)
    assert restored[1, 3] > 3.4e38
    assert restored[2, 30] < -3.4e38
    assert bool(torch.isfinite(restored).all())


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("where", [(0, 0), (3, 5), (16, 38)])
def test_nan_is_refused_wherever_it_is(variant, dtype, where):
    x = normal(17, 39, dtype=dtype)
    x[where] = torch.nan
    with route_for(variant) as route:
        for options in ({}, {"axis": -2}, {"amax": 3.0}, {"tile": "16x16"}, {"center": torch.zeros(39)}):
            with pytest.raises(KernelError, match="NaN"):
                nvfp4_quantize(x, **options, route=route)


@each_variant
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_and_out(variant, layout):
    x = laid_out(normal(21, 50), layout)
    with route_for(variant) as route:
        for options in ({"axis": -1}, {"axis": -2}, {"tile": "16x16"}, {"rounding": "stochastic", "key": 2**63}):
            expected = nvfp4_quantize(x.contiguous().clone(), **options, route="reference")
            out = replace(expected, payload=torch.empty_like(expected.payload))
            assert nvfp4_quantize(x, **options, out=out, route=route) is out
            assert same(out, expected)
            back = torch.empty(out.shape)
            assert dequantize(out, out=back, route=route) is back
            assert torch.equal(back, dequantize(expected))


@each_variant
@pytest.mark.parametrize("options", [{}, {"axis": -2}, {"tile": "16x16"}, {"rounding": "stochastic", "key": 8}])
def test_any_number_of_threads_gives_the_same_bits(variant, options):
    x = normal(500, 700)
    with route_for(variant) as route:
        results = []
        for count in (1, 2, 5):
            with threads(count):
                q = nvfp4_quantize(x, **options, route=route)
                results.append((q.payload, dequantize(q, route=route)))
    for payload, restored in results[1:]:
        assert torch.equal(payload, results[0][0])
        assert torch.equal(restored, results[0][1])


@each_variant
def test_huge_strides(variant):
    x = normal(3, 40)
    wide = torch.empty(3, 1 << 20)
    wide[:, :40] = x
    apart = torch.empty(3, 40 << 10)
    apart[:, :: 1 << 10] = x
    with route_for(variant) as route:
        for view in (wide[:, :40], apart[:, :: 1 << 10]):
            assert same(nvfp4_quantize(view, route=route), nvfp4_quantize(x))


@given(x=matrices(special=False, dtypes=FLOATS[1:3]), rounding=roundings, axis=st.sampled_from((-1, -2)))
@quick
def test_center_is_subtracted_in_float32(x, rounding, axis):
    center = normal(x.shape[1], seed=5)
    q = nvfp4_quantize(x, center=center, axis=axis, **rounding)
    assert same(q, nvfp4_quantize(x.float() - center, axis=axis, **rounding))


@each_variant
@pytest.mark.parametrize("shape", [(0, 16), (16, 0), (0, 0), (0,), (1,), (2, 3, 20), (1, 1)])
def test_shapes(variant, shape):
    x = normal(*shape)
    with route_for(variant) as route:
        q = nvfp4_quantize(x, route=route)
        assert q.shape == shape
        assert q.codes.shape == (math.prod(shape[:-1]), -(-shape[-1] // 16) * 8)
        assert dequantize(q, route=route).shape == shape
        assert same(q, nvfp4_quantize(x, route="reference"))


def test_stochastic_rounding_is_unbiased_where_nothing_clips():
    """Student intervals of the mean error over 400 keys, 1e-6 an element for 15 elements (statsmodels)."""
    scaled = [6.0, 0.1, 0.2, -0.3, 0.4, 0.6, -0.7, 0.8, 0.9, 1.1, -1.3, 1.6, 1.8, 2.3, 3.4, -4.6]
    x = torch.tensor(scaled) * 448 / 1024  # tensor scale 1 / 1024, block scale 448
    draws = torch.stack([values(nvfp4_quantize(x, rounding="stochastic", key=key)) for key in range(400)])
    assert torch.equal(draws[:, 0], torch.full((400,), 2.625, dtype=torch.float64))
    low, high = DescrStatsW((draws - x.double())[:, 1:].numpy()).tconfint_mean(alpha=1e-6)
    assert np.all(low < 0)
    assert np.all(high > 0)


@given(x=matrices(special=False), key=KEYS)
@quick
def test_stochastic_rounding_takes_a_neighbour(x, key):
    """Never further than one step: on or beside the value rounded down, in code order."""
    nearest = unpack_nibbles(nvfp4_quantize(x).codes).int() & 7
    drawn = unpack_nibbles(nvfp4_quantize(x, rounding="stochastic", key=key).codes).int() & 7
    assert bool(((drawn - nearest).abs() <= 1).all())


def test_quantization_error_of_gaussians():
    """Relative mean squared errors of N(0, 1), measured elsewhere with another implementation to three digits."""
    x = normal(400, 1024, seed=1)
    for options, known in (({}, 0.00904), ({"tile": "16x16"}, 0.0124), ({"rounding": "stochastic", "key": 5}, 0.01887)):
        error = (values(nvfp4_quantize(x, **options)) - x.double()).square().mean(1).numpy()
        low, high = DescrStatsW(error).tconfint_mean(alpha=1e-6)
        assert low - 5e-5 < known < high + 5e-5


class TestTorchao:
    """torchao's NVFP4 on the CPU is another implementation of the format, with known differences."""

    @pytest.fixture(autouse=True)
    def _load(self):
        module = import_torchao("nvfp4_tensor")
        self.quantize, self.scale = module.nvfp4_quantize, module.per_tensor_amax_to_scale

    def both(self, x):
        scales, codes = self.quantize(x, 16, self.scale(x.float().abs().max()))
        return nvfp4_quantize(x), codes.view(torch.uint8), scales.view(torch.uint8)

    def test_same_bytes_for_float32(self):
        q, codes, scales = self.both(normal(256, 256))
        assert torch.equal(q.scales, scales)
        assert torch.equal(q.codes, codes)

    def test_known_difference_on_the_bfloat16_grid(self):
        """It divides by 6 and by the tensor scale one after the other: ties of the coarse grid may fall otherwise."""
        q, codes, scales = self.both(normal(256, 1024, dtype=torch.bfloat16, seed=2))
        alike = q.scales == scales
        assert bool(((q.scales.int() - scales.int()).abs() <= 1).all())
        assert 0 < int((~alike).sum()) < 0.01 * scales.numel()
        steps = (unpack_nibbles(q.codes).int() - unpack_nibbles(codes).int()).abs().unflatten(1, (-1, 16))
        assert int(steps[alike].max()) <= 1
        assert int((steps[alike] > 0).sum()) < 0.01 * steps.numel()

    def test_known_difference_no_subnormal_scales(self):
        """Its scales stop at 2**-6; ours go on in steps of 2**-9 to zero."""
        x = normal(16, 256)
        x[0, 0] = 1e6
        q, _, scales = self.both(x)
        assert int((scales != q.scales).sum()) == 255
        assert bool((e4m3_decode(scales).flatten()[1:] == 2.0**-6).all())
        assert bool((e4m3_decode(q.scales).flatten()[1:] < 2.0**-6).all())

    def test_known_difference_zero_tensor(self):
        """Its tensor scale is 0 and its block scales 0 / 0; ours are 1 and 0."""
        q, _, scales = self.both(torch.zeros(2, 32))
        assert bool(e4m3_decode(scales).isnan().all())
        assert not bool(q.payload[:32].any())


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"x": torch.zeros(())}, "axis"),
        ({"axis": 0}, "axis"),
        ({"x": torch.zeros(2, 3, 16), "axis": -2}, "axis"),
        ({"x": torch.zeros(2, 16, dtype=torch.int32)}, "x"),
        ({"tile": 16}, "tile"),
        ({"rounding": "up"}, "rounding"),
        ({"rounding": "stochastic"}, "key"),
        ({"key": 3}, "key"),
        ({"center": torch.zeros(2)}, "center"),
        ({"amax": -1.0}, "amax"),
        ({"amax": math.inf}, "amax"),
        ({"amax": torch.ones(2)}, "amax"),
        ({"out": nvfp4_quantize(torch.zeros(16, 2))}, "out"),
        ({"route": "gpu"}, "route"),
    ],
)
def test_refusals_name_the_argument(options, argument):
    arguments = {"x": torch.zeros(2, 16), **options}
    with pytest.raises(KernelError) as caught:
        nvfp4_quantize(arguments.pop("x"), **arguments)
    assert caught.value.argument == argument


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("quantize", [nvfp4_quantize, mxfp4_quantize])
def test_dequantize_takes_every_scale_code(variant, quantize, dtype):
    """Scales that no quantizer writes too: NaN codes, negative ones, and the ends of the range."""
    q = quantize(torch.randn(32, 8 * (16 if quantize is nvfp4_quantize else 32)), route="reference")
    q.scales.copy_(torch.arange(256, dtype=torch.uint8).view(32, 8))
    expected = dequantize(q, dtype=dtype, route="reference")
    assert bool(expected.isnan().any())
    with route_for(variant) as route:
        got = dequantize(q, dtype=dtype, route=route)
    torch.testing.assert_close(got, expected, rtol=0, atol=0, equal_nan=True)


def test_dequantize_refusals():
    q = nvfp4_quantize(torch.zeros(2, 16))
    for options in ({"dtype": torch.int8}, {"out": torch.zeros(2, 15)}, {"out": torch.zeros(16, 2).T}):
        with pytest.raises(KernelError, match="dequantize"):
            dequantize(q, **options)


def test_registered_operators():
    x = normal(18, 20)
    check_operator(torch.ops.claims.nvfp4_quantize.default, (x, None, None, 16, False, 0, 1, 256, None))
    centred = (x, normal(1, 20), torch.tensor(3.0), 1, True, 7, 0, 448, None)
    check_operator(torch.ops.claims.nvfp4_quantize.default, centred)
    payload = nvfp4_quantize(x).payload
    check_operator(torch.ops.claims.dequantize_blocks.default, (payload, 18, 20, 16, 1, 0, torch.bfloat16, None))
    assert route_of("nvfp4_quantize", x) == ("cpu" if COMPILED else "reference")
