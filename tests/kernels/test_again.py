"""Quantizers called again: what is kept of a call changes nothing of what the next one gives, refuses or is seen in."""

import pytest
import torch

from claims.kernels import (
    KernelError,
    mxfp4_quantize,
    mxfp6_quantize,
    mxfp8_quantize,
    native,
    nvfp4_quantize,
    sign_quantize,
    ternary_quantize,
)
from claims.kernels.formats import mx, nvfp4

from .quantized import normal

CALLS = {
    "nvfp4": (nvfp4_quantize, {}),
    "nvfp4 columns": (nvfp4_quantize, {"axis": -2}),
    "nvfp4 tiles": (nvfp4_quantize, {"tile": "16x16"}),
    "nvfp4 stochastic": (nvfp4_quantize, {"rounding": "stochastic", "key": 2**63 + 5}),
    "nvfp4 four over six": (nvfp4_quantize, {"four_over_six": "squared", "largest_scale": 256}),
    "mxfp4": (mxfp4_quantize, {}),
    "mxfp4 ceil": (mxfp4_quantize, {"scale_rule": "ceil", "axis": -2}),
    "mxfp4 stochastic": (mxfp4_quantize, {"rounding": "stochastic", "key": 7}),
    "mxfp6": (mxfp6_quantize, {}),
    "mxfp6 e3m2": (mxfp6_quantize, {"element": "e3m2"}),
    "mxfp8": (mxfp8_quantize, {"element": "e5m2"}),
}
KEPT = (nvfp4._AGAIN, mx._MXFP4, mx._MXFP6, mx._MXFP8)
each = pytest.mark.parametrize(("quantize", "options"), CALLS.values(), ids=CALLS)
SHAPES = ((5, 33), (1, 16), (0, 32), (3, 0), (37, 64))


@pytest.fixture(autouse=True)
def _nothing_kept():
    for again in KEPT:
        again._calls.clear()


def kept():
    return sum(len(again._calls) for again in KEPT)


def same(first, second):
    return torch.equal(first.payload, second.payload) and (first.shape, first.format, first.tile) == (
        second.shape,
        second.format,
        second.tile,
    )


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_another_tensor_of_the_shape_has_its_own_result(quantize, options, dtype):
    for shape in SHAPES:
        for seed in range(3):
            x = normal(*shape, seed=seed).to(dtype)
            assert same(quantize(x, **options), quantize(x, **options, route="reference"))
    assert kept() == (0 if native.obstacle() else len(SHAPES))


@each
def test_another_key_has_its_own_draws(quantize, options):
    x = normal(4, 64)
    for key in (1, 2, 2**64 - 1):
        own = options | ({"key": key} if "key" in options else {})
        assert same(quantize(x, **own), quantize(x, **own, route="reference"))


@each
def test_a_tensor_that_lies_otherwise_is_read_as_it_lies(quantize, options):
    x = normal(32, 32)
    quantize(x, **options)
    imaginary = torch.complex(x, x).conj().imag
    for other in (x.T, normal(32, 64)[:, ::2], imaginary, x.double(), x.half(), normal(64, 32)[16:48]):
        assert same(quantize(other, **options), quantize(other, **options, route="reference"))


@each
def test_a_nan_is_refused_again(quantize, options):
    x = normal(4, 32)
    quantize(x, **options)
    x[3, 31] = torch.nan
    with pytest.raises(KernelError, match="NaN"):
        quantize(x, **options)


@pytest.mark.parametrize(
    ("quantize", "options", "argument"),
    [
        (nvfp4_quantize, {"axis": -1.0}, "axis"),
        (nvfp4_quantize, {"axis": [-1]}, "axis"),
        (nvfp4_quantize, {"tile": ["1x16"]}, "tile"),
        (nvfp4_quantize, {"largest_scale": 448.0}, "largest_scale"),
        (nvfp4_quantize, {"four_over_six": {}}, "four_over_six"),
        (nvfp4_quantize, {"key": 3}, "key"),
        (nvfp4_quantize, {"rounding": "stochastic"}, "key"),
        (nvfp4_quantize, {"rounding": "stochastic", "key": -1}, "key"),
        (nvfp4_quantize, {"rounding": "stochastic", "key": True}, "key"),
        (mxfp4_quantize, {"axis": -1.0}, "axis"),
        (mxfp4_quantize, {"scale_rule": []}, "scale_rule"),
        (mxfp8_quantize, {"element": ["e4m3"]}, "element"),
    ],
)
def test_what_is_refused_is_refused_after_a_call_that_equals_it(quantize, options, argument):
    x = normal(16, 16)
    quantize(x)
    if quantize is nvfp4_quantize:
        quantize(x, rounding="stochastic", key=1)
    with pytest.raises(KernelError, match=argument):
        quantize(x, **options)


@pytest.mark.parametrize("x", [None, 3, [[1.0]], torch.ones(2, 16).to_sparse(), torch.ones(2, 16, dtype=torch.int64)])
def test_what_is_no_matrix_of_floats_is_refused_again(x):
    for quantize in (nvfp4_quantize, mxfp4_quantize):
        quantize(torch.ones(2, 16))
        with pytest.raises(KernelError, match="x must be"):
            quantize(x)


@each
def test_what_looks_on_sees_a_call_that_was_kept(quantize, options):
    """A mode sees the operator; without one it is called at once."""
    x = normal(8, 32)
    quantize(x, **options)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        quantize(x, **options)
    assert any(event.key.startswith("claims::") for event in profile.key_averages())


def test_only_so_many_calls_are_kept(monkeypatch):
    monkeypatch.setattr("claims.kernels.formats.again._KEPT", 3)
    for rows in range(1, 9):
        nvfp4_quantize(torch.ones(rows, 16))
        assert kept() <= 3


@pytest.mark.parametrize("per", ["row", "tensor"])
@pytest.mark.parametrize("quantize", [ternary_quantize, sign_quantize])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_one_call_for_scales_and_codes_gives_those_of_two(quantize, per, dtype):
    for shape in ((3, 40), (1, 1), (64, 64), (65, 64), (0, 8), (7,)):
        w = normal(*shape, seed=3).to(dtype)
        codes, scale = quantize(w, per=per)
        wanted_codes, wanted_scale = quantize(w, per=per, route="reference")
        assert torch.equal(codes, wanted_codes)
        assert codes.is_contiguous()
        assert scale.dtype == wanted_scale.dtype
        torch.testing.assert_close(
            scale, wanted_scale, rtol=1e-12 if dtype == torch.float64 else 1e-7, atol=0, equal_nan=True
        )
        separate = quantize(w, per=per, scale=scale)
        assert torch.equal(codes, separate[0])
