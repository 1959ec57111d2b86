"""NVFP4 with a choice of two scales a block: one arithmetic on every route, and what such a choice has to do."""

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW

from claims.kernels import BlockScaled, KernelError, dequantize, e4m3_decode, nvfp4_quantize, unpack_nibbles

from .inputs import VARIANTS
from .quantized import COMPILED, matrices, normal, oracle_e2m1, oracle_e4m3, quick, roundings, route_for

ERRORS = ("squared", "absolute")
each_variant = pytest.mark.parametrize("variant", VARIANTS)
rules = st.fixed_dictionaries(
    {
        "four_over_six": st.sampled_from(ERRORS),
        "largest_scale": st.sampled_from((448, 256)),
        "tile": st.sampled_from(("1x16", "16x16")),
        "axis": st.sampled_from((-1, -2)),
    }
)


def values(q: BlockScaled) -> torch.Tensor:
    return dequantize(q, dtype=torch.float64)


def block_errors(q: BlockScaled, x: torch.Tensor, error: str) -> torch.Tensor:
    """(row groups, blocks), in float64."""
    off = values(q) - x.double()
    size = off.square() if error == "squared" else off.abs()
    padded = torch.nn.functional.pad(size, (0, -x.shape[1] % 16, 0, -x.shape[0] % q.tile))
    return padded.view(padded.shape[0] // q.tile, q.tile, -1, 16).sum((1, 3))


@pytest.mark.parametrize("variant", COMPILED)
@given(x=matrices(), rule=rules, rounding=roundings, centred=st.booleans())
@quick
def test_compiled_routes_have_the_bits_of_the_reference(variant, x, rule, rounding, centred):
    options = {**rule, **rounding}
    if centred:
        options["center"] = normal(x.shape[1], seed=3, dtype=x.dtype)
    expected = nvfp4_quantize(x, **options, route="reference")
    with route_for(variant) as route:
        assert torch.equal(nvfp4_quantize(x, **options, route=route).payload, expected.payload)


def oracle(x: np.ndarray, tile: int, error: str, largest_scale: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes, scales, and whether rounding could have decided otherwise, a block at a time; sums in float64."""
    one = np.float32(1)
    encode = np.float32(6 * largest_scale) / np.abs(x).max()
    codes, scales = np.zeros(x.shape, np.uint8), np.zeros((x.shape[0] // tile, x.shape[1] // 16), np.uint8)
    close = np.zeros(scales.shape, bool)
    for i, j in np.ndindex(scales.shape):
        part = slice(i * tile, (i + 1) * tile), slice(16 * j, 16 * j + 16)
        block, found = x[part], []
        for stretch in (one, np.float32(1.5)):
            scale = oracle_e4m3(np.abs(block).max() * (encode * np.float32(1 / 6)) * stretch)
            step = scale.view(ml_dtypes.float8_e4m3fn).astype(np.float32)
            element = oracle_e2m1(np.clip(block * (one / (step * (one / encode))), -6, 6))
            value = element.view(ml_dtypes.float4_e2m1fn).astype(np.float64) * step / np.float64(encode)
            off = np.abs(value - block)
            found.append(((off**2 if error == "squared" else off).sum(), scale, element))
        six, four = found
        scales[i, j], codes[part] = (four if four[0] < six[0] else six)[1:]
        close[i, j] = four[1] != six[1] and abs(four[0] - six[0]) <= 1e-5 * six[0]
    return codes, scales, close


@pytest.mark.parametrize("largest_scale", [448, 256])
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("tile", [1, 16])
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_reference_against_numpy_scalars(tile, error, spread, largest_scale):
    x = normal(64, 96) * torch.exp(spread * normal(64, 96, seed=1))
    options = {"tile": "1x16" if tile == 1 else "16x16", "four_over_six": error, "largest_scale": largest_scale}
    q = nvfp4_quantize(x, **options, route="reference")
    codes, scales, close = oracle(x.numpy(), tile, error, largest_scale)
    agree = (q.scales.numpy() == scales) | close
    assert agree.all()
    assert close.mean() < 0.02
    same = np.repeat(np.repeat(q.scales.numpy() == scales, tile, 0), 16, 1)
    assert np.array_equal(unpack_nibbles(q.codes).numpy()[same], codes[same])


@given(x=matrices(special=False, dtypes=(torch.float32,)), rule=rules)
@quick
def test_no_block_is_worse_by_the_error_that_chose(x, rule):
    """But for the rounding of the sums, in the units in which they are taken."""
    options = {**rule, "axis": -1}
    error = options["four_over_six"]
    if x.numel() == 0 or not bool(x.any()):
        return
    plain = nvfp4_quantize(x, **(options | {"four_over_six": None}))
    chosen = nvfp4_quantize(x, **options)
    assert torch.equal(plain.tensor_scale, chosen.tensor_scale)
    before, after = (block_errors(q, x, error) for q in (plain, chosen))
    unit = plain.tensor_scale.double()
    slack = 1e-5 * before + 1e-6 * unit ** (2 if error == "squared" else 1)
    assert bool((after <= before + slack).all())
    assert bool(((chosen.scales == plain.scales) | (after < before + slack)).all())


@given(x=matrices(special=False, dtypes=(torch.float32,)), rule=rules, power=st.integers(-40, 40))
@quick
def test_powers_of_two_do_not_change_the_choice(x, rule, power):
    q, scaled = (nvfp4_quantize(y, **rule) for y in (x, x * 2.0**power))
    assert torch.equal(scaled.codes, q.codes)
    assert torch.equal(scaled.scales, q.scales)


@given(x=matrices(), rule=rules, key=st.integers(0, 2**64 - 1))
@quick
def test_the_choice_does_not_hang_on_draws(x, rule, key):
    drawn = nvfp4_quantize(x, **rule, rounding="stochastic", key=key)
    assert torch.equal(drawn.scales, nvfp4_quantize(x, **rule).scales)


def test_stochastic_rounding_stays_unbiased_where_nothing_clips():
    """Blocks put near 4 do not clip: Student intervals of the mean error over 400 keys, 1e-6 an element."""
    x = torch.tensor([[6.0] + [4.5] * 8 + [0.1, 0.2, -0.7, 1.3, -1.9, 2.6, 5.1]])
    options = {"four_over_six": "squared", "largest_scale": 256, "rounding": "stochastic"}
    draws = torch.stack([values(nvfp4_quantize(x, **options, key=key))[0] for key in range(400)])
    assert e4m3_decode(nvfp4_quantize(x, **options, key=0).scales).item() == 384  # 1.5 times 256: put near 4
    low, high = DescrStatsW((draws - x.double()).numpy()[:, 9:]).tconfint_mean(alpha=1e-6)
    assert np.all(low < 0)
    assert np.all(high > 0)


@each_variant
def test_ties_keep_six(variant):
    """Zeros, and blocks that both scales represent: 6 and 3 at 6 are 4 and 2 at 4."""
    x = torch.zeros(3, 16)
    x[1, :2] = torch.tensor([6.0, 3.0])
    x[2, 0] = 6.0
    with route_for(variant) as route:
        for error in ERRORS:
            q = nvfp4_quantize(x, four_over_six=error, largest_scale=256, route=route)
            assert e4m3_decode(q.scales).flatten().tolist() == [0, 256, 256]


@each_variant
def test_the_largest_block_has_a_choice_only_below_448(variant):
    """At 6 what is 3/4 of the largest element lies between the codes of 4 and 6, at 4 it is 3."""
    x = torch.tensor([[6.0] * 4 + [4.5] * 12])
    with route_for(variant) as route:
        for largest_scale, kept in ((448, 448.0), (256, 384.0)):
            q = nvfp4_quantize(x, four_over_six="squared", largest_scale=largest_scale, route=route)
            assert e4m3_decode(q.scales).item() == kept
            assert torch.equal(values(q), x.double()) == (largest_scale == 256)


@each_variant
def test_tiles_agree_with_their_transpose_but_for_the_order_of_sums(variant):
    x = normal(160, 160)
    with route_for(variant) as route:
        options = {"tile": "16x16", "four_over_six": "squared", "largest_scale": 256, "route": route}
        q, transposed = (nvfp4_quantize(x, axis=axis, **options) for axis in (-1, -2))
    assert bool((q.scales == transposed.scales.T).double().mean() > 0.98)


@each_variant
def test_infinities_count_as_the_largest_number(variant):
    x, largest = normal(4, 40), torch.finfo(torch.float32).max
    x[1, 3], x[2, 30] = torch.inf, -torch.inf
    with route_for(variant) as route:
        for extra in ({}, {"amax": 10.0}, {"tile": "16x16"}):
            options = {"four_over_six": "absolute", "largest_scale": 256, **extra}
            finite = nvfp4_quantize(x.clamp(-largest, largest), **options)
            assert torch.equal(nvfp4_quantize(x, **options, route=route).payload, finite.payload)


@each_variant
def test_an_infinity_is_put_near_four_like_the_largest_number(variant):
    """3/4 of it are neither 4 nor 6 at 6, but 3 at 4; a code beyond 4 would decode to Inf."""
    largest = torch.finfo(torch.float32).max
    x = torch.tensor([[torch.inf, 0.75 * largest] + [0.0] * 14])
    with route_for(variant) as route:
        q = nvfp4_quantize(x, four_over_six="squared", largest_scale=256, route=route)
    assert e4m3_decode(q.scales).item() == 384
    assert unpack_nibbles(q.codes)[0, :2].tolist() == [6, 5]  # 4 and 3
    assert bool(dequantize(q).isfinite().all())


def test_quantization_error_of_gaussians():
    """Relative mean squared errors of N(0, 1), measured elsewhere with another implementation to three digits."""
    x = normal(400, 1024, seed=1)
    for options, known in (({"four_over_six": "squared"}, 0.00758), ({"largest_scale": 256}, 0.00904)):
        error = (values(nvfp4_quantize(x, **options)) - x.double()).square().mean(1).numpy()
        low, high = DescrStatsW(error).tconfint_mean(alpha=1e-6)
        assert low - 5e-5 < known < high + 5e-5


@pytest.mark.parametrize(
    "options", [{"four_over_six": "mse"}, {"four_over_six": True}, {"largest_scale": 255}, {"largest_scale": "448"}]
)
def test_refusals(options):
    with pytest.raises(KernelError, match=rf"nvfp4_quantize: {next(iter(options))} must be"):
        nvfp4_quantize(torch.zeros(2, 16), **options)
