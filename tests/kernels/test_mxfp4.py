"""MXFP4: both scale rules to the bit on every route, exact scaling, and torchao with its differences."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW

from claims.kernels import KernelError, dequantize, mxfp4_quantize, nvfp4_quantize, unpack_nibbles

from .inputs import FLOATS, VARIANTS, bits, laid_out
from .quantized import (
    COMPILED,
    LAYOUTS,
    at_their_word,
    check_operator,
    import_torchao,
    matrices,
    normal,
    oracle_e2m1,
    quick,
    roundings,
    route_for,
)

each_variant = pytest.mark.parametrize("variant", VARIANTS)
RULES = st.sampled_from(("floor", "ceil"))


def values(q):
    return dequantize(q, dtype=torch.float64)


@pytest.mark.parametrize("variant", COMPILED)
@given(x=matrices(), axis=st.sampled_from((-1, -2)), rule=RULES, rounding=roundings, centred=st.booleans())
@quick
def test_compiled_routes_have_the_bits_of_the_reference(variant, x, axis, rule, rounding, centred):
    options = {"axis": axis, "scale_rule": rule, **rounding}
    if centred:
        options["center"] = normal(x.shape[1], seed=3, dtype=x.dtype)
    expected = mxfp4_quantize(x, **options, route="reference")
    with route_for(variant) as route:
        assert torch.equal(mxfp4_quantize(x, **options, route=route).payload, expected.payload)
        for dtype in FLOATS:
            again = dequantize(expected, dtype=dtype, route=route)
            assert torch.equal(bits(again), bits(dequantize(expected, dtype=dtype, route="reference")))


def check_exponent(largest, exponent, rule):
    """The one integer e in [-127, 127] with 4 <= a / 2**e < 8 (floor), or 3 < a / 2**e <= 6 (ceil)."""
    scaled = largest / Fraction(2) ** exponent
    assert (scaled < 8 if rule == "floor" else scaled <= 6) or exponent == 127
    assert (scaled >= 4 if rule == "floor" else scaled > 3) or exponent == -127


@each_variant
@pytest.mark.parametrize("rule", ["floor", "ceil"])
def test_scales_next_to_a_change_of_exponent(variant, rule):
    """Largest magnitudes on, next below and next above 2**e and 6 * 2**e, where one of the rules steps up."""
    on = torch.tensor([1.0, 1.5]).outer(2.0 ** torch.arange(-126, 127)).flatten()
    x = torch.cat([on.nextafter(torch.zeros(())), on, on.nextafter(torch.tensor(torch.inf))])
    with route_for(variant) as route:
        q = mxfp4_quantize(x.view(-1, 1), scale_rule=rule, route=route)
    for largest, code in zip(x.tolist(), q.scales[:, 0].tolist(), strict=True):
        check_exponent(Fraction(largest), code - 127, rule)


@given(x=matrices(dtypes=(torch.float32,)), rule=RULES)
@quick
def test_scale_by_exact_rationals_and_elements_by_ml_dtypes(x, rule):
    q = mxfp4_quantize(x, scale_rule=rule)
    finite = x.clamp(-torch.finfo(torch.float32).max, torch.finfo(torch.float32).max)
    codes = unpack_nibbles(q.codes)
    for (row, block), code in np.ndenumerate(q.scales.numpy()):
        part = finite[row, 32 * block : 32 * block + 32]
        largest = Fraction(float(part.abs().max()))
        exponent = int(code) - 127
        check_exponent(largest, exponent, rule)
        exact = x[row, 32 * block : 32 * block + 32].double().numpy() * 2.0**-exponent
        got = codes[row, 32 * block : 32 * block + len(part)].numpy()
        assert np.array_equal(got, oracle_e2m1(np.clip(exact, -6, 6)))


@given(x=matrices(special=False, dtypes=(torch.float32,)), power=st.integers(-40, 40), rule=RULES, rounding=roundings)
@quick
def test_scale_equivariance(x, power, rule, rounding):
    q, scaled = (mxfp4_quantize(y, scale_rule=rule, **rounding) for y in (x, x * 2.0**power))
    assert torch.equal(scaled.codes, q.codes)
    nonzero = (q.scales > 41) & (scaled.scales > 0)
    assert torch.equal(scaled.scales.int()[nonzero], q.scales.int()[nonzero] + power)


@given(x=matrices(special=False), rule=RULES)
@quick
def test_idempotence(x, rule):
    once = values(mxfp4_quantize(x, scale_rule=rule))
    assert torch.equal(values(mxfp4_quantize(once, scale_rule=rule)), once)


@given(x=matrices(dtypes=(torch.float32,)), rule=RULES, rounding=roundings)
@quick
def test_signs_and_monotonicity(x, rule, rounding):
    value = values(mxfp4_quantize(x, scale_rule=rule, **rounding))
    assert torch.equal(value.signbit(), x.signbit())
    if rounding["rounding"] == "nearest":
        for start in range(0, x.shape[1], 32):
            order = x[:, start : start + 32].argsort(dim=1)
            assert bool((value[:, start : start + 32].gather(1, order).diff(dim=1) >= 0).all())


@given(x=matrices(), rule=RULES, rounding=roundings)
@quick
def test_columns_and_padding(x, rule, rounding):
    options = {"scale_rule": rule, **rounding}
    down = mxfp4_quantize(x, axis=-2, **options)
    assert torch.equal(down.payload, mxfp4_quantize(x.mT.contiguous(), **options).payload)
    padded = torch.nn.functional.pad(x, (0, -x.shape[1] % 32))
    assert torch.equal(mxfp4_quantize(x, **options).payload, mxfp4_quantize(padded, **options).payload)


@each_variant
def test_block_independence(variant):
    x = normal(4, 96)
    changed = x.clone()
    changed[2, 32:64] = 100 * normal(32, seed=9)
    with route_for(variant) as route:
        differs = values(mxfp4_quantize(x, route=route)) != values(mxfp4_quantize(changed, route=route))
    assert bool(differs[2, 32:64].any())
    differs[2, 32:64] = False
    assert not bool(differs.any())


@each_variant
@pytest.mark.parametrize("rule", ["floor", "ceil"])
def test_ends_of_the_range(variant, rule):
    """Zeros, subnormals, the largest number and Inf; what lies at 2**128 comes back as the largest float32."""
    largest, tiny = torch.finfo(torch.float32).max, 2.0**-149
    x = torch.zeros(5, 32)
    x[1], x[2, 0], x[3, 0], x[4, 5] = -0.0, tiny, largest, -torch.inf
    with route_for(variant) as route:
        q = mxfp4_quantize(x, scale_rule=rule, route=route)
        restored = dequantize(q, route=route)
    assert q.scales[:, 0].tolist() == ([0, 0, 0, 252, 252] if rule == "floor" else [0, 0, 0, 253, 253])
    assert torch.equal(restored[:2].signbit(), x[:2].signbit())
    assert restored[2, 0] == 0  # 2**-149 is nearer to 0 than to the step of 2**-128
    top = 6 * 2.0**125 if rule == "floor" else largest
    assert restored[3, 0] == top
    assert restored[4, 5] == -top


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_is_refused(variant, dtype):
    x = normal(17, 39, dtype=dtype)
    x[16, 38] = torch.nan
    with route_for(variant) as route:
        for options in ({}, {"axis": -2}, {"scale_rule": "ceil"}, {"center": torch.zeros(39)}):
            with pytest.raises(KernelError, match="NaN"):
                mxfp4_quantize(x, **options, route=route)


@each_variant
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_and_out(variant, layout):
    x = laid_out(normal(21, 70), layout)
    with route_for(variant) as route:
        for options in ({"axis": -1}, {"axis": -2}, {"rounding": "stochastic", "key": 2**63}):
            expected = mxfp4_quantize(x.contiguous().clone(), **options, route="reference")
            out = replace(expected, payload=torch.empty_like(expected.payload))
            assert mxfp4_quantize(x, **options, out=out, route=route) is out
            assert torch.equal(out.payload, expected.payload)


@each_variant
@pytest.mark.parametrize("shape", [(0, 32), (16, 0), (0,), (1,), (2, 3, 20)])
def test_shapes(variant, shape):
    with route_for(variant) as route:
        q = mxfp4_quantize(normal(*shape), route=route)
        assert q.shape == shape
        assert q.tensor_scale == 1
        assert q.scales.shape == (math.prod(shape[:-1]), -(-shape[-1] // 32))
        assert dequantize(q, route=route).shape == shape


@each_variant
def test_a_word_at_the_threshold_does_not_round_up(variant):
    """In the vector arithmetic of the quantizers too: blocks with a 4, whose scale is 1."""
    index, y = at_their_word(key=11, count=1 << 14)
    y, index = y[index % 32 > 0], index[index % 32 > 0]
    with route_for(variant) as route:
        for magnitude, code in ((y, 0), (y.nextafter(torch.tensor(1.0)), 1)):
            x = torch.zeros(1 << 9, 32)
            x[:, 0] = 4.0
            x.view(-1)[index] = magnitude
            q = mxfp4_quantize(x, rounding="stochastic", key=11, route=route)
            assert bool((q.scales == 127).all())
            assert bool((unpack_nibbles(q.codes).flatten()[index] == code).all())


def test_stochastic_rounding_is_unbiased_when_nothing_clips():
    """Student intervals of the mean error over 400 keys, 1e-6 an element for 64 elements (statsmodels)."""
    x = normal(2, 32, seed=12)
    options = {"scale_rule": "ceil", "rounding": "stochastic"}
    draws = torch.stack([values(mxfp4_quantize(x, **options, key=key)) for key in range(400)])
    low, high = DescrStatsW((draws - x.double()).flatten(1).numpy()).tconfint_mean(alpha=1e-6)
    assert np.all(low <= 0)
    assert np.all(high >= 0)


class TestTorchao:
    """torchao's ``to_mx`` on the CPU is another implementation of the format, with known differences."""

    @pytest.fixture(autouse=True)
    def _load(self):
        self.module = import_torchao("mx_tensor")

    def theirs(self, x, rule):
        mode = {"floor": "FLOOR", "ceil": "RCEIL"}[rule]
        mode = getattr(self.module.ScaleCalculationMode, mode)
        scales, codes = self.module.to_mx(x, torch.float4_e2m1fn_x2, 32, mode)
        return codes.view(torch.uint8), scales.view(torch.uint8)

    @pytest.mark.parametrize("rule", ["floor", "ceil"])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_same_bytes(self, rule, dtype):
        x = (normal(256, 256) * torch.exp(3 * normal(256, 256, seed=1))).to(dtype)
        q = mxfp4_quantize(x, scale_rule=rule)
        codes, scales = self.theirs(x, rule)
        assert torch.equal(q.scales, scales)
        assert torch.equal(q.codes, codes)

    def test_known_difference_logarithm(self):
        """It takes the logarithm in float32, which loses the last bits: just above 6 * 1024 it stays at 1024."""
        x = torch.zeros(1, 32)
        x[0, 0] = torch.tensor(6.0 * 1024).nextafter(torch.tensor(1e9))
        assert mxfp4_quantize(x, scale_rule="ceil").scales.item() == 138
        assert self.theirs(x, "ceil")[1].item() == 137

    @pytest.mark.parametrize("rule", ["floor", "ceil"])
    def test_known_difference_below_the_normal_numbers(self, rule):
        """Its smallest scale is stored as 2**-127 and used as 2**-126 (floor) or 1 (ceil); ours is what it says."""
        x = torch.zeros(1, 32)
        x[0, 0] = 2.0**-126
        assert dequantize(mxfp4_quantize(x, scale_rule=rule))[0, 0] == 2.0**-126
        codes, scales = self.theirs(x, rule)
        assert scales.item() == 0
        assert codes[0, 0].item() == (2 if rule == "floor" else 0)  # 1 x 2**-127, and 0


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"axis": 1}, "axis"),
        ({"scale_rule": "even"}, "scale_rule"),
        ({"rounding": "stochastic"}, "key"),
        ({"center": torch.zeros(2)}, "center"),
        ({"out": nvfp4_quantize(torch.zeros(2, 32))}, "out"),
    ],
)
def test_refusals_name_the_argument(options, argument):
    with pytest.raises(KernelError) as caught:
        mxfp4_quantize(torch.zeros(2, 32), **options)
    assert caught.value.argument == argument


def test_registered_operator():
    arguments = (normal(5, 40), normal(1, 40), True, True, 7, 0, None)
    check_operator(torch.ops.claims.mxfp4_quantize.default, arguments)
