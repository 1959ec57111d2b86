"""MXFP6 and MXFP8: their codes, scales and packing from the definition, and the same bits on every route."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.kernels import (
    KernelError,
    block_scaled_matmul,
    dequantize,
    flip_mask_words,
    mxfp4_quantize,
    mxfp6_quantize,
    mxfp8_quantize,
)
from claims.kernels.formats.minifloat import ELEMENTS

from .inputs import FLOATS, KEYS, VARIANTS, bits, exact, laid_out
from .quantized import COMPILED, LAYOUTS, check_operator, matrices, normal, quick, roundings, route_for

NAMES = ("e4m3", "e5m2", "e2m3", "e3m2")
FORMS = {form.name: form for form in ELEMENTS}
each_element = pytest.mark.parametrize("name", NAMES)
each_variant = pytest.mark.parametrize("variant", VARIANTS)
RULES = st.sampled_from(("floor", "ceil"))
few = settings(max_examples=5, deadline=None)
#: Exponent bits, mantissa bits and largest value as the standard prints them.
PRINTED = {"e4m3": (4, 3, 448), "e5m2": (5, 2, 57344), "e2m3": (2, 3, 7.5), "e3m2": (3, 2, 28)}


def quantize(name, x, **options):
    return (mxfp8_quantize if FORMS[name].bits == 8 else mxfp6_quantize)(x, element=name, **options)


def values(q):
    return dequantize(q, dtype=torch.float64)


def magnitudes(name):
    """Every finite magnitude of the format, exactly, by its code."""
    exponent_bits, mantissa_bits, largest = PRINTED[name]
    bias = 2 ** (exponent_bits - 1) - 1
    found = []
    for field, mantissa in itertools.product(range(2**exponent_bits), range(2**mantissa_bits)):
        fraction = Fraction(mantissa, 2**mantissa_bits)
        exponent = field - bias if field else 1 - bias
        found.append((fraction + (field > 0)) * Fraction(2) ** exponent)
    return [value for value in found if value <= largest]


@each_element
def test_values_of_all_codes(name):
    form, known = FORMS[name], magnitudes(name)
    assert [Fraction(value) for value in form.values[: len(known)]] == known
    above = form.values[len(known) : 2 ** (form.bits - 1)]
    assert str(above) == {"e4m3": "(nan,)", "e5m2": "(inf, nan, nan, nan)"}.get(name, "()")
    negative = form.values[2 ** (form.bits - 1) :]
    assert all(math.copysign(1, value) == -1 for value in negative)
    assert [-value for value in negative[: len(known)]] == [float(value) for value in known]


#: Blocks with the largest element first, whose scale is the given exponent by the floor rule: element and its code.
VECTORS = {
    "e4m3": (0, {
        448.0: 0x7E, 500.0: 0x7E, -448.0: 0xFE, 1.0: 0x38, 17.0: 0x58, 19.0: 0x5A, 2.0**-6: 0x08, 2.0**-9: 0x01,
        2.0**-10: 0x00, 1.5 * 2.0**-9: 0x02, -(2.0**-10): 0x80, -0.0: 0x80, 0.875 * 2.0**-6: 0x07, 0.3: 0x2A,
    }),
    "e5m2": (0, {
        57344.0: 0x7B, 65000.0: 0x7B, 1.0: 0x3C, 1.125: 0x3C, 1.375: 0x3E, 2.0**-14: 0x04, 2.0**-16: 0x01,
        2.0**-17: 0x00, 3 * 2.0**-17: 0x02, -3.0: 0xC2, -0.0: 0x80,
    }),
    "e2m3": (0, {
        7.5: 0x1F, 7.9: 0x1F, 1.0: 0x08, 0.125: 0x01, 0.0625: 0x00, 0.1875: 0x02, 0.875: 0x07, 0.9375: 0x08,
        1.9375: 0x10, 4.25: 0x18, 4.75: 0x1A, -0.3: 0x22, -7.5: 0x3F,
    }),
    "e3m2": (0, {
        28.0: 0x1F, 31.0: 0x1F, 16.0: 0x1C, 18.0: 0x1C, 22.0: 0x1E, 1.0: 0x0C, 0.0625: 0x01, 0.03125: 0x00,
        0.09375: 0x02, 0.25: 0x04, -0.21875: 0x24, -28.0: 0x3F,
    }),
}  # fmt: skip


@each_variant
@each_element
def test_blocks_worked_out_by_hand(variant, name):
    """Ties, saturation, the ends of the normal and of the subnormal numbers, both zeros; the same with other scales."""
    exponent, table = VECTORS[name]
    x = torch.zeros(32)
    x[: len(table)] = torch.tensor(list(table))
    for power in (-100, 0, 60):
        with route_for(variant) as route:
            q = quantize(name, x * 2.0**power, route=route)
        assert q.scales.tolist() == [[127 + exponent + power]]
        assert q.elements[0, : len(table)].tolist() == list(table.values())


@each_variant
def test_six_bit_codes_lie_without_gaps_from_the_lowest_bit_on(variant):
    """E2M3 codes 1, 2, 3, 31 and 33, 0, 32, 8: 0x7C3081 and 0x220021 in little-endian bytes."""
    x = torch.zeros(32)
    x[:8] = torch.tensor([0.125, 0.25, 0.375, 7.5, -0.125, 0.0, -0.0, 1.0])
    with route_for(variant) as route:
        q = mxfp6_quantize(x, route=route)
    assert q.codes[0, :6].tolist() == [0x81, 0x30, 0x7C, 0x21, 0x00, 0x22]
    assert q.codes.shape == (1, 24)
    assert q.elements[0, :8].tolist() == [1, 2, 3, 31, 33, 0, 32, 8]


@pytest.mark.parametrize("variant", COMPILED)
@given(
    x=matrices(),
    name=st.sampled_from(NAMES),
    axis=st.sampled_from((-1, -2)),
    rule=RULES,
    rounding=roundings,
    centred=st.booleans(),
)
@settings(max_examples=12, deadline=None)
def test_compiled_routes_have_the_bits_of_the_reference(variant, x, name, axis, rule, rounding, centred):
    options = {"axis": axis, "scale_rule": rule, **rounding}
    if centred:
        options["center"] = normal(x.shape[1], seed=3, dtype=x.dtype)
    expected = quantize(name, x, **options, route="reference")
    with route_for(variant) as route:
        assert torch.equal(quantize(name, x, **options, route=route).payload, expected.payload)
        for dtype in FLOATS:
            again = dequantize(expected, dtype=dtype, route=route)
            assert torch.equal(bits(again), bits(dequantize(expected, dtype=dtype, route="reference")))


@each_variant
@each_element
@pytest.mark.parametrize("rule", ["floor", "ceil"])
def test_scales_next_to_a_change_of_exponent(variant, name, rule):
    """The one integer e with 2**m <= a / 2**e < 2**(m + 1), or M / 2 < a / 2**e <= M, within [-127, 127]."""
    largest, m = Fraction(PRINTED[name][2]), FORMS[name].largest_exponent
    on = torch.tensor([1.0, float(largest / 2**m)]).outer(2.0 ** torch.arange(-126, 127, 7)).flatten()
    x = torch.cat([on.nextafter(torch.zeros(())), on, on.nextafter(torch.tensor(torch.inf))])
    with route_for(variant) as route:
        q = quantize(name, x.view(-1, 1), scale_rule=rule, route=route)
    for magnitude, code in zip(x.tolist(), q.scales[:, 0].tolist(), strict=True):
        scaled = Fraction(magnitude) / Fraction(2) ** (code - 127)
        assert scaled < 2 ** (m + 1) if rule == "floor" else scaled <= largest
        assert (scaled >= 2**m if rule == "floor" else scaled > largest / 2) or code == 0


@given(x=matrices(rows=6, dtypes=(torch.float32,)), name=st.sampled_from(NAMES), rule=RULES)
@quick
def test_nearest_by_exact_rationals(x, name, rule):
    """Of all values of the format none is nearer, and on a tie the code is even."""
    known, form = magnitudes(name), FORMS[name]
    sorted_values = np.array([float(value) for value in known])
    q = quantize(name, x, scale_rule=rule)
    steps = q.scales.double().sub(127).exp2().repeat_interleave(32, dim=1)[:, : x.shape[1]]
    scaled = (x.abs().double() / steps).clamp(max=form.largest).numpy()
    codes = (q.elements[:, : x.shape[1]] & (2 ** (form.bits - 1) - 1)).numpy()
    errors = np.abs(sorted_values[codes] - scaled)
    for code in (np.maximum(codes.astype(int) - 1, 0), np.minimum(codes.astype(int) + 1, len(known) - 1)):
        other = np.abs(sorted_values[code] - scaled)
        assert np.all((errors < other) | (code == codes) | ((errors == other) & (codes % 2 == 0)))


@each_element
@given(key=KEYS, seed=st.integers(0, 99))
@few
def test_stochastic_rounding_by_exact_rationals(name, key, seed):
    """Up iff the element's own Philox word is below floor(2**32 (y - lower) / step)."""
    known, form = magnitudes(name), FORMS[name]
    x = normal(2, 40, seed=seed)
    q = quantize(name, x, scale_rule="ceil", rounding="stochastic", key=key, route="reference")
    words = flip_mask_words((2, 64), key=key)
    sizes = (q.elements & (2 ** (form.bits - 1) - 1)).tolist()
    ends = torch.tensor([float(value) for value in known], dtype=torch.float64)
    for row, column in itertools.product(range(2), range(40)):
        y = Fraction(abs(x[row, column].item())) / Fraction(2) ** (q.scales[row, column // 32].item() - 127)
        lower = int(torch.searchsorted(ends, float(y), right=True)) - 1
        step = known[min(lower + 1, len(known) - 1)] - known[lower]
        up = step > 0 and words[row, column].item() < math.floor(2**32 * (y - known[lower]) / step)
        assert sizes[row][column] == lower + up


@given(x=matrices(special=False), name=st.sampled_from(NAMES), rule=RULES)
@settings(max_examples=10, deadline=None)
def test_idempotence_signs_and_order(x, name, rule):
    once = values(quantize(name, x, scale_rule=rule))
    assert torch.equal(values(quantize(name, once, scale_rule=rule)), once)
    assert torch.equal(once.signbit(), x.signbit())
    for start in range(0, x.shape[1], 32):
        order = x[:, start : start + 32].argsort(dim=1)
        assert bool((once[:, start : start + 32].gather(1, order).diff(dim=1) >= 0).all())


@given(x=matrices(), name=st.sampled_from(NAMES), rule=RULES, rounding=roundings)
@settings(max_examples=10, deadline=None)
def test_columns_and_padding(x, name, rule, rounding):
    options = {"scale_rule": rule, **rounding}
    down = quantize(name, x, axis=-2, **options)
    assert torch.equal(down.payload, quantize(name, x.mT.contiguous(), **options).payload)
    padded = torch.nn.functional.pad(x, (0, -x.shape[1] % 32))
    assert torch.equal(quantize(name, x, **options).payload, quantize(name, padded, **options).payload)


@each_variant
@each_element
@pytest.mark.parametrize("rule", ["floor", "ceil"])
def test_ends_of_the_range(variant, name, rule):
    """Zeros, the smallest number, the largest and Inf, which come back finite and never as a code of Inf or NaN."""
    largest, tiny, form = torch.finfo(torch.float32).max, 2.0**-149, FORMS[name]
    x = torch.zeros(5, 32)
    x[1], x[2, 0], x[3, 0], x[4, 5] = -0.0, tiny, largest, -torch.inf
    with route_for(variant) as route:
        q = quantize(name, x, scale_rule=rule, route=route)
        restored = dequantize(q, route=route)
    top = 254 - form.largest_exponent + (rule == "ceil")
    assert q.scales[:, 0].tolist() == [0, 0, 0, top, top]
    assert torch.equal(restored[:2].signbit(), x[:2].signbit())
    assert restored[2, 0] == 0  # in steps of 2**-127 times the smallest element, at least 2**-143
    assert bool(torch.isfinite(restored).all())
    size = 2 ** (form.bits - 1)
    assert float(form.values[int(q.elements[4, 5]) - size]) == form.largest
    assert restored[4, 5] == -min(largest, form.largest * 2.0 ** (top - 127))


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
def test_codes_that_no_quantizer_writes(variant, dtype):
    """Of a matrix made elsewhere: Inf and NaN of the elements, NaN of the scale; every code against the definition."""
    for name in NAMES:
        form = FORMS[name]
        codes = (torch.arange(256) % 2**form.bits).to(torch.uint8)
        for scale in (0, 1, 127, 254, 255):
            q = quantize(name, torch.zeros(1, 256))
            q.codes.copy_(form.pack(codes[None]))
            q.scales.fill_(scale)
            with route_for(variant) as route:
                got = dequantize(q, dtype=dtype, route=route)[0].double()
            factor = math.nan if scale == 255 else 2.0 ** (scale - 127)
            wide = torch.tensor(form.values, dtype=torch.float64)[codes.long()] * factor
            largest = torch.finfo(dtype).max
            middle = wide.float().double() if dtype != torch.float64 else wide
            expected = torch.where(wide.isinf(), wide, middle.clamp(-largest, largest)).to(dtype).double()
            torch.testing.assert_close(got, expected, rtol=0, atol=0, equal_nan=True)


@each_variant
@each_element
def test_nan_is_refused(variant, name):
    x = normal(17, 39)
    x[16, 38] = torch.nan
    with route_for(variant) as route:
        for options in ({}, {"axis": -2}, {"scale_rule": "ceil"}, {"center": torch.zeros(39)}):
            with pytest.raises(KernelError, match=f"mxfp{FORMS[name].bits}_quantize: x must be free of NaN"):
                quantize(name, x, **options, route=route)


@each_variant
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_and_out(variant, layout):
    x = laid_out(normal(21, 70), layout)
    for name in NAMES:
        with route_for(variant) as route:
            for options in ({"axis": -1}, {"axis": -2}, {"rounding": "stochastic", "key": 2**63}):
                expected = quantize(name, x.contiguous().clone(), **options, route="reference")
                out = replace(expected, payload=torch.empty_like(expected.payload))
                assert quantize(name, x, **options, out=out, route=route) is out
                assert torch.equal(out.payload, expected.payload)


@each_variant
@pytest.mark.parametrize("shape", [(0, 32), (16, 0), (0,), (1,), (2, 3, 20)])
def test_shapes(variant, shape):
    for name in NAMES:
        with route_for(variant) as route:
            q = quantize(name, normal(*shape), route=route)
            assert (q.shape, q.tensor_scale) == (shape, 1)
            width = -(-shape[-1] // 32)
            assert q.codes.shape == (math.prod(shape[:-1]), 4 * FORMS[name].bits * width)
            assert q.elements.shape == (math.prod(shape[:-1]), 32 * width)
            assert dequantize(q, route=route).shape == shape


@each_variant
@each_element
def test_products_within_the_bound_of_float32_sums(variant, name):
    a, b = (quantize(name, normal(rows, 1100, seed=rows)) for rows in (5, 9))
    with route_for(variant) as route:
        got = block_scaled_matmul(a, b, route=route)
    left, right = (exact(values(q)) for q in (a, b))
    g = 1102 * 2.0**-24 / (1 - 1102 * 2.0**-24)
    assert np.all(np.abs(exact(got) - left @ right.T) <= g * (np.abs(left) @ np.abs(right).T))


@pytest.mark.parametrize(
    ("call", "options", "argument"),
    [
        (mxfp8_quantize, {"element": "e2m3"}, "element"),
        (mxfp6_quantize, {"element": "e4m3"}, "element"),
        (mxfp6_quantize, {"element": None}, "element"),
        (mxfp8_quantize, {"scale_rule": "even"}, "scale_rule"),
        (mxfp8_quantize, {"out": mxfp4_quantize(torch.zeros(2, 32))}, "out"),
        (mxfp8_quantize, {"out": mxfp8_quantize(torch.zeros(2, 32), element="e5m2")}, "out"),
    ],
)
def test_refusals_name_the_argument(call, options, argument):
    with pytest.raises(KernelError) as caught:
        call(torch.zeros(2, 32), **options)
    assert caught.value.argument == argument


def test_products_of_unlike_elements_are_refused():
    a, b = (mxfp8_quantize(torch.zeros(2, 32), element=name) for name in ("e4m3", "e5m2"))
    with pytest.raises(KernelError, match="b must be mxfp8_e4m3"):
        block_scaled_matmul(a, b)


def test_registered_operators():
    """All three are one function by three names; the third is in the tests of MXFP4."""
    for operator, element in ((torch.ops.claims.mxfp6_quantize, 3), (torch.ops.claims.mxfp8_quantize, 2)):
        check_operator(operator.default, (normal(3, 40), None, True, False, 0, element, None))
