"""What holds for every public operation on every route: it hangs on its arguments alone, and changes nothing else."""

import os
import random
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import claims.kernels
from claims.kernels import (
    BlockScaled,
    KernelError,
    averis_linear,
    dequantize,
    dispatch,
    flip_mask,
    hadamard_transform,
    mxfp4_quantize,
    nvfp4_quantize,
    rms_norm,
    rms_norm_jvp,
    sign_flip_linear,
    sign_quantize,
    ternary_quantize,
    transverse_energy,
)

from .inputs import FLOATS, LAYOUTS, VARIANTS, bits, few, laid_out, using, values
from .operations import CALLS, DRAWS, LARGE, NO_OPERATIONS, agree, guarded, outcome, parts, with_special_values
from .quantized import normal, threads
from .test_dispatch import CORE

every = pytest.mark.parametrize("name", CALLS)
ROUTED = [name for name, call in CALLS.items() if call.routed]
WITH_OUT = [name for name, call in CALLS.items() if call.has_out]


def memory(tensors):
    """Dtype, shape and bytes of tensors, NaN like any other pattern."""
    return [(t.dtype, tuple(t.shape), t.contiguous().numpy(force=True).tobytes()) for t in tensors if not odd(t)]


def odd(tensor):
    """numpy has no bfloat16: compared as integers below."""
    return tensor.dtype == torch.bfloat16


def same(first, second):
    narrow = [[bits(t) for t in tensors if odd(t)] for tensors in (first, second)]
    return memory(first) == memory(second) and all(map(torch.equal, *narrow))


def by_route(call, variant, *arguments, **options):
    if not call.routed:
        return call(*arguments, **options)
    with using(variant) as route:
        return call(*arguments, route=route, **options)


def test_the_table_is_complete():
    names = {name.split()[0] for name in CALLS} | set(DRAWS) | NO_OPERATIONS
    assert names == set(claims.kernels.__all__)


def test_every_registered_operator_is_held_to_torchs_own_check():
    """Here and in the tests of the formats (``check_operator``)."""
    checked = {"hadamard_transform", "column_statistics", "block_scaled_matmul", "dequantize_blocks"}
    checked |= {"nvfp4_quantize", "mxfp4_quantize", "mxfp6_quantize", "mxfp8_quantize"}
    checked |= {"e2m1_encode", "e4m3_encode"}
    assert set(dispatch.OPERATIONS) == set(CORE) | checked


@every
def test_docstrings_say_what_nan_and_infinity_do(name):
    """All that take floats; a product of packed matrices and a dequantization hold neither, and say so."""
    call = CALLS[name]
    first = call.arguments[0]
    if isinstance(first, BlockScaled) or first.dtype.is_floating_point:
        text = call.function.__doc__
        assert "NaN" in text
        assert "Inf" in text or "infinit" in text


@pytest.mark.parametrize("name", ROUTED)
def test_nan_and_infinity_do_the_same_on_all_routes(name):
    """What is NaN and what is infinite, or that the operation refuses."""
    call = CALLS[name]
    for arguments in with_special_values(call):
        expected = outcome(lambda a=arguments: call.function(*a, **call.options, route="reference"))
        for variant in VARIANTS[1:]:
            with using(variant) as route:
                got = outcome(lambda a=arguments, r=route: call.function(*a, **call.options, route=r))
            assert agree(got, expected)


@every
def test_neither_default_dtype_nor_default_device_shows(name):
    """Buffers of kernels would have them: values of another size, or no memory at all."""
    call = CALLS[name]
    for variant in VARIANTS:
        expected = by_route(call, variant)
        torch.set_default_dtype(torch.float64)
        try:
            assert same(by_route(call, variant), expected)
        finally:
            torch.set_default_dtype(torch.float32)
        with torch.device("meta"):
            assert same(by_route(call, variant), expected)


@pytest.mark.parametrize("name", DRAWS)
def test_draws_do_not_have_the_default_dtype(name):
    expected = DRAWS[name]()
    torch.set_default_dtype(torch.float64)
    try:
        assert same((DRAWS[name](),), (expected,))
    finally:
        torch.set_default_dtype(torch.float32)


@every
def test_autocast_does_not_show(name):
    call = CALLS[name]
    for variant in VARIANTS:
        expected = by_route(call, variant)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert same(by_route(call, variant), expected)


@every
def test_inference_mode_and_deterministic_mode_do_not_show(name):
    call = CALLS[name]
    expected = call()
    with torch.inference_mode():
        assert same(call(), expected)
    torch.use_deterministic_algorithms(True)
    try:
        assert same(call(), expected)
    finally:
        torch.use_deterministic_algorithms(False)


def state():
    """All that an operation could change for its caller."""
    tiny = torch.tensor(2.0**-149)
    return (
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.get_num_threads(),
        torch.get_num_interop_threads(),
        torch.get_float32_matmul_precision(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.backends.mkldnn.enabled,
        torch.get_rng_state().numpy().tobytes(),
        repr(np.random.get_state()),
        random.getstate(),
        tuple(np.geterr().items()),
        tuple(warnings.filters),
        dict(os.environ),
        bool((tiny / 2 * 2 == 0) & (tiny * 1 > 0)),  # rounds to nearest even, and keeps subnormal numbers
        bool(torch.tensor(1.0) + 2.0**-24 == 1.0),
    )


@every
def test_a_call_changes_nothing_global_and_no_argument(name):
    call = CALLS[name]
    tensors = [a.payload if isinstance(a, BlockScaled) else a for a in call.arguments]
    tensors += [value for value in call.options.values() if isinstance(value, torch.Tensor)]
    values, before = [tensor.clone() for tensor in tensors], state()
    for variant in VARIANTS:
        by_route(call, variant)
    assert state() == before
    assert same(tensors, values)


@every
def test_results_are_contiguous_and_have_memory_of_their_own(name):
    call = CALLS[name]
    own = [a.payload if isinstance(a, BlockScaled) else a for a in call.arguments]
    for result in (call(), *(by_route(call, variant) for variant in VARIANTS)):
        assert all(part.is_contiguous() for part in result)
        held = {tensor.untyped_storage().data_ptr() for tensor in own if tensor.numel()}
        assert not held & {part.untyped_storage().data_ptr() for part in result if part.numel()}


@every
def test_threads_of_python_do_not_meet(name):
    call = CALLS[name]
    expected = call()
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: call(), range(8)):
            assert same(result, expected)


@every
def test_what_has_no_derivative_is_detached(name):
    """Differentiable results know their arguments; the others don't pretend to."""
    call = CALLS[name]
    if isinstance(call.arguments[0], BlockScaled) or not call.arguments[0].is_floating_point():
        return
    leaves = tuple(a.detach().clone().requires_grad_() if a.is_floating_point() else a for a in call.arguments)
    result = call(*leaves)
    assert all(part.requires_grad == call.differentiable for part in result)
    if call.differentiable:
        wanted = [leaf for leaf in leaves if leaf.requires_grad]
        gradients = torch.autograd.grad(sum(part.double().sum() for part in result), wanted)
        assert all(g.shape == leaf.shape and g.dtype == leaf.dtype for g, leaf in zip(gradients, wanted, strict=True))


def of_fixed_order(name):
    """All variants but a reference that leaves the order of a sum to torch."""
    if name not in ("matched_step", "relu_moments", "transverse_energy", "ternary_quantize"):
        return VARIANTS
    if not VARIANTS[1:]:
        pytest.skip("no compiled library in this run")
    return VARIANTS[1:]


def layouts(x):
    """The same values in other memory, and (stride 0) the first row repeated; rows and entries far apart."""
    yield from (laid_out(x, layout) for layout in LAYOUTS if x.is_floating_point() or layout != "negated")
    if x.dim() == 2:
        apart = torch.zeros(len(x), 1 << 16, dtype=x.dtype)
        apart[:, : x.shape[1] * 1000 : 1000] = x
        yield apart[:, : x.shape[1] * 1000 : 1000]


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if call.fixed_order])
def test_layouts_do_not_show(name):
    call = CALLS[name]
    tensors = [place for place, value in enumerate(call.arguments) if isinstance(value, torch.Tensor)]
    for place in tensors:
        for view in layouts(call.arguments[place]):
            arguments = [*call.arguments[:place], view, *call.arguments[place + 1 :]]
            plain = [*call.arguments[:place], view.contiguous().clone(), *call.arguments[place + 1 :]]
            for variant in of_fixed_order(name):
                assert same(by_route(call, variant, *arguments), by_route(call, variant, *plain))


@pytest.mark.parametrize("name", LARGE)
def test_any_number_of_threads_gives_the_same_bits(name):
    """Sizes that are shared out, and counts that do not divide them."""
    call = LARGE[name]
    for variant in of_fixed_order(name):
        results = []
        for count in (1, 2, 5):
            with threads(count):
                results.append(by_route(call, variant))
        assert all(same(result, results[0]) for result in results)


ROW_BY_ROW = {
    "rms_norm": lambda x, route: rms_norm(x, eps=1e-6, route=route),
    "rms_norm_jvp": lambda x, route: rms_norm_jvp(x, x.flip(-1), route=route),
    "transverse_energy": lambda x, route: torch.stack(transverse_energy(x, x.flip(-1), route=route), -1),
    "sign_quantize": lambda x, route: torch.cat(
        [t.double().view(len(x), -1) for t in sign_quantize(x, route=route)], -1
    ),
    "mxfp4_quantize": lambda x, route: mxfp4_quantize(x, route=route).codes,
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ROW_BY_ROW)
@given(data=st.data(), rows=st.integers(1, 9), columns=st.integers(1, 70))
@few
def test_rows_do_not_meet(name, variant, data, rows, columns):
    """A row alone, or among others whatever they hold, gets the same bits: vectors and threads end within rows.

    Any NaN is as good as another: torch's vectors and its scalars give them other signs.
    """
    x = data.draw(values((rows, columns), data.draw(st.sampled_from(FLOATS))))
    with using(variant, x.dtype) as route:
        whole = one_nan(ROW_BY_ROW[name](x, route))
        for row in range(rows):
            assert same((one_nan(ROW_BY_ROW[name](x[row : row + 1], route)),), (whole[row : row + 1],))


def one_nan(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x.isnan(), torch.nan, x) if x.is_floating_point() else x


@pytest.mark.parametrize("special", [torch.nan, torch.inf, -torch.inf])
def test_special_weights_of_a_flipped_product_reach_their_output_and_no_other(special):
    """A flipped NaN is NaN, a flipped infinity has the other sign, in whichever order sums are taken."""
    x, w = torch.rand(5, 40) + 0.5, torch.randn(7, 40)
    w[3, 11] = special
    flips = {"flip_rate": 0.5, "key": 3}
    sign = -1 if flip_mask(w.shape, **flips)[3, 11] else 1
    for variant in VARIANTS:
        with using(variant) as route:
            result = sign_flip_linear(x, w, **flips, route=route)
        assert bool(torch.isfinite(result[:, [0, 1, 2, 4, 5, 6]]).all())
        assert torch.equal(result[:, 3].nan_to_num(7), torch.full((5,), sign * special).nan_to_num(7))


def test_a_gradient_that_is_no_function_is_not_differentiated():
    x, w = torch.randn(6, 32, requires_grad=True), torch.randn(8, 32, requires_grad=True)
    (gradient,) = torch.autograd.grad(averis_linear(x, w).square().sum(), x, create_graph=True)
    with pytest.raises(KernelError, match="differentiated once"):
        gradient.sum().backward()


@pytest.mark.parametrize("name", WITH_OUT)
def test_out_gets_the_result_and_its_neighbours_in_memory_nothing(name):
    call = CALLS[name]
    for variant in VARIANTS:
        expected = by_route(call, variant)
        out, guards = guarded(call)
        result = by_route(call, variant, out=out)
        assert result[0].data_ptr() == (out.payload if isinstance(out, BlockScaled) else out).data_ptr()
        assert same(result, expected)
        assert all(bool((guard == 85).all()) for guard in guards)


STREAMED = {
    "rms_norm": rms_norm,
    "rms_norm_jvp": lambda x, **options: rms_norm_jvp(x, x.flip(0), **options),
    "hadamard_transform": hadamard_transform,
    "dequantize": lambda x, **options: dequantize(nvfp4_quantize(x, amax=4.0), **options),
}


@pytest.mark.skipif(not VARIANTS[1:], reason="no compiled library in this run")
@pytest.mark.parametrize("offset", [64, 65, 72])
@pytest.mark.parametrize("name", STREAMED)
def test_results_beyond_the_caches_leave_their_neighbours_alone(name, offset):
    """Where stores go past the caches: memory that begins on a line of the cache, beside one, and inside of one."""
    x = normal(2064, 1024)
    expected = STREAMED[name](x)
    pool = torch.full((x.numel() + 256,), 85.0)
    first = (-pool.data_ptr() % 64) // 4 + offset
    out = pool[first : first + x.numel()].view(x.shape)
    for variant in VARIANTS[1:]:
        with using(variant):
            assert torch.equal(STREAMED[name](x, out=out), expected)
        assert bool((pool[:first] == 85).all())
        assert bool((pool[first + x.numel() :] == 85).all())


@pytest.mark.parametrize("name", ["rms_norm", "rms_norm_jvp", "sign_flip", "magnitude_step", "hadamard_transform"])
def test_out_may_overlap_the_argument(name):
    """The argument itself, a shifted piece of its memory, its transpose, every other element."""
    call = CALLS[name]
    x, *rest = call.arguments
    for variant in VARIANTS:
        expected = by_route(call, variant)
        for place in (slice(0, 192), slice(16, 208), slice(100, 292), slice(0, 384, 2)):
            pool = torch.zeros(400)
            source = pool[:192].view(6, 32).copy_(x)
            target = torch.as_strided(pool[place], (6, 32), (32 * (place.step or 1), place.step or 1))
            target = torch.as_strided(pool, target.shape, target.stride(), place.start)
            assert same(by_route(call, variant, source, *rest, out=target), expected)


@pytest.mark.parametrize("name", ROUTED)
@pytest.mark.parametrize("route", ["gpu", "CPU", ""])
def test_unknown_routes_are_refused_with_what_there_is(name, route):
    with pytest.raises(KernelError, match=r"route must be None or one of .*'reference'") as caught:
        CALLS[name](route=route)
    assert (caught.value.argument, caught.value.got) == ("route", repr(route))


@pytest.mark.parametrize("name", [name for name in ROUTED if "unquantized" not in name])
def test_the_triton_route_is_refused_on_the_cpu(name, monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(KernelError, match=r"got 'triton' \(") as caught:
        CALLS[name](route="triton")
    assert caught.value.argument == "route"


def on_meta(value):
    if isinstance(value, BlockScaled):
        return BlockScaled(payload=value.payload.to("meta"), shape=value.shape, format=value.format, tile=value.tile)
    return value.to("meta") if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("name", [name for name in CALLS if name != "matched_step"])  # which gives a number
def test_shapes_and_dtypes_without_data(name):
    call = CALLS[name]
    options = {key: on_meta(value) for key, value in call.options.items()}
    result = parts(call.function(*map(on_meta, call.arguments), **options))
    shapes = [(part.shape, part.dtype, part.device.type) for part in result]
    assert shapes == [(part.shape, part.dtype, "meta") for part in call()]


@pytest.mark.parametrize("scale", [-2.0, -1.0, -0.0, 0.0])
def test_a_scale_that_is_not_positive_bounds_nothing(scale):
    """|w| > scale / 2 holds for all but zeros, on every route."""
    w = torch.tensor([[0.1, -0.1, 0.0, -0.0, 1e-45, -5.0, 0.6, torch.inf]])
    for variant in VARIANTS:
        with using(variant) as route:
            codes, _ = ternary_quantize(w, scale=torch.tensor(scale), route=route)
        assert codes.tolist() == [[1, -1, 0, 0, 1, -1, 1, 1]]
