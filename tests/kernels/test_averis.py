"""Averis: identities without quantization, the printed products with it, and nothing as large as the mean matrix."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.profiler import ProfilerActivity, profile

from claims.kernels import (
    RHT_SIGNS,
    AverisRecipe,
    KernelError,
    averis_forward,
    averis_input_gradient,
    averis_linear,
    averis_split,
    averis_weight_gradient,
    column_statistics,
    dequantize,
    hadamard_transform,
    mxfp4_quantize,
    nvfp4_quantize,
)
from claims.kernels.averis_recipe import stream

from .inputs import FLOATS, VARIANTS, bits, laid_out
from .quantized import COMPILED, LAYOUTS, check_operator, matrices, normal, quick, route_for

each_variant = pytest.mark.parametrize("variant", VARIANTS)
EXACT = AverisRecipe(format=None)
PLAIN = {"split_activation": False, "split_gradient": False}


def operands(tokens=96, m=40, n=24, *, dtype=torch.float32, seed=0):
    """x and gradient with a mean, weight."""
    x = normal(tokens, m, seed=seed) + 2 * normal(m, seed=seed + 1)
    gradient = normal(tokens, n, seed=seed + 2) + normal(n, seed=seed + 3)
    return x.to(dtype), (normal(n, m, seed=seed + 4) / math.sqrt(m)).to(dtype), gradient.to(dtype)


# Column statistics


@pytest.mark.parametrize("variant", COMPILED)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 1), (3, 257), (2100, 300)])
def test_statistics_have_the_bits_of_the_reference(variant, dtype, shape):
    x = (normal(*shape) + 3).to(dtype)
    expected = column_statistics(x, route="reference")
    with route_for(variant) as route:
        out = torch.empty(3, shape[1])
        assert column_statistics(x, out=out, route=route) is out
        assert torch.equal(bits(out), bits(expected))


@pytest.mark.parametrize("variant", COMPILED)
@given(x=matrices(special=False).filter(lambda x: bool(torch.isfinite(x).all())))  # float16 ends early
@quick
def test_statistics_of_any_shape_layout_and_magnitude(variant, x):
    """Equal numbers: the extreme of zeros of both signs may be either."""
    with route_for(variant) as route:
        assert torch.equal(column_statistics(x, route=route), column_statistics(x, route="reference"))


@each_variant
def test_statistics_against_exactly_rounded_sums(variant):
    """l float64 additions and a division before the one rounding to float32."""
    x = normal(3000, 20) * torch.exp(5 * normal(20, seed=1)) + 1
    with route_for(variant) as route:
        mean, low, high = column_statistics(x, route=route)
    for j, column in enumerate(x.T.tolist()):
        error = 3002 * 2.0**-53 * math.fsum(map(abs, column)) / 3000
        exact = math.fsum(column) / 3000
        assert abs(mean[j].item() - exact) <= error + 2.0**-24 * abs(exact) * (1 + 2.0**-20)
        assert (low[j].item(), high[j].item()) == (min(column), max(column))


@each_variant
@pytest.mark.parametrize("layout", LAYOUTS)
def test_statistics_of_any_layout(variant, layout):
    x = laid_out(normal(30, 50), layout)
    with route_for(variant) as route:
        got = column_statistics(x, route=route)
    assert torch.equal(got, column_statistics(x.contiguous().clone(), route="reference"))


@each_variant
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_what_has_no_mean_is_refused(variant, value):
    x, weight, gradient = operands()
    x[95, 39] = value
    gradient[95, 23] = value
    with route_for(variant) as route:
        for call in (
            lambda: column_statistics(x, route=route),
            lambda: averis_forward(x, weight, route=route),
            lambda: averis_input_gradient(gradient, weight, route=route),
            lambda: averis_weight_gradient(gradient, x, route=route),
        ):
            with pytest.raises(KernelError, match="NaN or Inf"):
                call()


# Identities


@given(
    l=st.integers(1, 700), m=st.integers(1, 20), n=st.integers(1, 20), seed=st.integers(0, 99),
    splits=st.tuples(st.booleans(), st.booleans()), terms=st.sampled_from((2, 4)),
)  # fmt: skip
@quick
def test_without_quantization_the_products_are_exact(l, m, n, seed, splits, terms):  # noqa: E741
    """Equations 11 and 12 in float64: relative to |a| |b|, 1e-12."""
    x, weight, gradient = operands(l, m, n, dtype=torch.float64, seed=seed)
    recipe = replace(EXACT, split_activation=splits[0], split_gradient=splits[1], weight_gradient_terms=terms)
    for got, a, b in (
        (averis_forward(x, weight, recipe=recipe), x, weight.T),
        (averis_input_gradient(gradient, weight, recipe=recipe), gradient, weight),
        (averis_weight_gradient(gradient, x, recipe=recipe), gradient.T, x),
    ):
        assert got.dtype == torch.float64
        assert bool(((got - a @ b).abs() <= 1e-12 * (1 + a.abs() @ b.abs())).all())


def test_residuals_sum_to_zero_so_that_two_terms_vanish():
    x, _, gradient = operands(dtype=torch.float64)
    centred = gradient - gradient.mean(0)
    assert (x - x.mean(0)).sum(0).abs().max() < 1e-12
    assert (centred.sum(0)[:, None] * x.mean(0)).abs().max() < 1e-12


# Split


def quantized(x, recipe, axis, center):
    if recipe.format == "mxfp4":
        return mxfp4_quantize(x.float() - center, axis=axis, scale_rule=recipe.scale_rule)
    return nvfp4_quantize(x.float() - center, axis=axis)


@each_variant
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize(
    "options", [{}, {"mean": "bfloat16"}, {"mean": "float32"}, {"subtract": "kept mean"}, {"format": "mxfp4"}]
)
def test_split_is_the_quantized_residual(variant, dtype, axis, options):
    """The bits of quantizing X - 1 mean, with the largest magnitude found from column extremes."""
    # The largest residual is negative: the column minimum decides.
    x, recipe = -torch.exp(operands(50, 37)[0]).to(dtype), AverisRecipe(**options)
    with route_for(variant) as route:
        part = averis_split(x, recipe=recipe, axis=axis, route=route)
    mean = column_statistics(x)[0]
    if recipe.mean == "fp4":
        packed = (mxfp4_quantize if recipe.format == "mxfp4" else nvfp4_quantize)(mean[None])
        assert torch.equal(part.mean_codes.payload, packed.payload)
        kept = dequantize(packed)[0]
    else:
        assert part.mean_codes is None
        kept = mean.to(getattr(torch, recipe.mean)).float()
    assert torch.equal(part.mean, kept)
    expected = quantized(x, recipe, axis, mean if recipe.subtract == "mean" else kept)
    assert torch.equal(part.residual.payload, expected.payload)


@each_variant
def test_residuals_beyond_float32_saturate(variant):
    """3e38 less a mean of -1e38 is beyond the largest number, and is quantized as Inf would be."""
    x = torch.full((3, 16), -3e38)
    x[0] = 3e38
    recipe = AverisRecipe(mean="float32")
    with route_for(variant) as route:
        part = averis_split(x, recipe=recipe, route=route)
        restored = dequantize(part.residual, route=route)
    assert torch.equal(part.mean, torch.full((16,), -1e38))
    assert torch.equal(part.residual.payload, nvfp4_quantize(x + 1e38).payload)
    assert bool((restored[0] > 3.3e38).all())


def test_hadamard_split_is_of_the_transformed_residual():
    x = operands(64, 37)[0]
    part = averis_split(x, recipe=AverisRecipe(hadamard=True), axis=-2)
    rotated = hadamard_transform(x - column_statistics(x)[0], signs=RHT_SIGNS, axis=-2)
    assert torch.equal(part.residual.payload, nvfp4_quantize(rotated, axis=-2).payload)


# Products


def close(got, expected, scale, k):
    """Within a float32 sum of k terms, twice, of terms whose magnitudes add up to ``scale``."""
    assert bool(((got.double() - expected).abs() <= 2 * (k + 4) * 2.0**-24 * scale + 1e-30).all())


def values(q):
    return dequantize(q, dtype=torch.float64)


RECIPES = [
    {},
    {"mean": "float32"},
    {"mean": "bfloat16", "mean_weight": "exact"},
    {"mean_weight": "exact", "weight_tile": "16x16"},
    {"split_activation": False},
    {"split_gradient": False},
    PLAIN,
    {"subtract": "kept mean"},
    {"format": "mxfp4", "scale_rule": "ceil"},
    {"format": "mxfp4", "mean": "float32", "stochastic": frozenset({"activation", "weight", "gradient"})},
    {"stochastic": frozenset({"gradient", "mean"}), "weight_tile": "16x16"},
    {"hadamard": True},
    {"hadamard": True, "mean": "float32", "split_gradient": False},
]


@each_variant
@pytest.mark.parametrize("options", RECIPES)
def test_products_from_their_parts(variant, options):
    """Equations 11 and 12 spelled out in float64 with the very operands that were quantized."""
    recipe = AverisRecipe(**options)
    x, weight, gradient = operands()
    key = 77 if recipe.stochastic else None
    with route_for(variant) as route:
        common = {"recipe": recipe, "key": key, "route": route}
        for tensor, operand, axis, product in (
            (x, "activation", -1, averis_forward),
            (gradient, "gradient", -2, averis_input_gradient),
        ):
            part = averis_split(tensor, operand=operand, **common)
            quantizer = mxfp4_quantize if recipe.format == "mxfp4" else nvfp4_quantize
            extra = {"scale_rule": recipe.scale_rule} if recipe.format == "mxfp4" else {"tile": recipe.weight_tile}
            if "weight" in recipe.stochastic:
                ordinal = 2 if axis == -1 else 3
                extra |= {"rounding": "stochastic", "key": (77 + ordinal * 0x9E3779B97F4A7C15) % 2**64}
            w = values(quantizer(weight, axis=axis, **extra)).T
            expected, scale = values(part.residual) @ w, values(part.residual).abs() @ w.abs()
            if part.mean is not None:
                by = (weight.T if axis == -1 else weight).double() if recipe.mean_weight == "exact" else w
                expected, scale = expected + part.mean.double() @ by, scale + part.mean.double().abs() @ by.abs()
            out = torch.empty(expected.shape)
            assert product(tensor, weight, out=out, **common) is out
            close(out, expected, scale, w.shape[0])


@each_variant
@pytest.mark.parametrize("terms", [2, 4])
@pytest.mark.parametrize("options", RECIPES)
def test_weight_gradient_from_its_parts(variant, options, terms):
    recipe = AverisRecipe(**options, weight_gradient_terms=terms)
    x, _, gradient = operands()
    with route_for(variant) as route:
        common = {"recipe": recipe, "key": 77 if recipe.stochastic else None, "route": route}
        got = averis_weight_gradient(gradient, x, **common)
        parts = [averis_split(t, operand=o, axis=-2, **common) for t, o in ((gradient, "gradient"), (x, "activation"))]
        full = {**common, "recipe": replace(recipe, split_activation=True, split_gradient=True)}
        means = [averis_split(t, operand=o, **full).mean for t, o in ((gradient, "gradient"), (x, "activation"))]
    d, a = (values(part.residual).T for part in parts)  # (l, n) and (l, m)
    ones = torch.ones(96, 1, dtype=torch.float64)
    ones = hadamard_transform(ones, signs=RHT_SIGNS, axis=-2) if recipe.hadamard else ones
    mean_d, mean_x = (mean.double()[None] for mean in means)
    products = [(d.T, a)]
    split_d, split_x = parts[0].mean is not None, parts[1].mean is not None
    if terms == 4:
        products += [(d.T @ ones, mean_x)] * split_x + [(mean_d.T, ones.T @ a)] * split_d
    if (split_d and split_x) or (terms == 2 and (split_d or split_x)):
        products += [(96 * mean_d.T, mean_x)]
    close(got, sum(p @ q for p, q in products), sum(p.abs() @ q.abs() for p, q in products), 96)


def test_plain_recipe_is_plain_quantization():
    x, weight, _ = operands()
    recipe = AverisRecipe(**PLAIN)
    expected = values(nvfp4_quantize(x)) @ values(nvfp4_quantize(weight)).T
    torch.testing.assert_close(averis_forward(x, weight, recipe=recipe).double(), expected, rtol=1e-5, atol=1e-5)
    x[0, 0] = torch.inf  # nothing is split, so that Inf saturates as in the quantizer, and the rest goes on
    saturated = averis_forward(x, weight, recipe=recipe)
    assert saturated[0].abs().max() > 1e35
    assert not bool(saturated.isnan().any())
    assert bool(torch.isfinite(saturated[1:]).all())


def test_where_the_error_of_a_large_mean_goes():
    """For x = 4 b + noise, error energy of the product by kind of mean, as the text of the recipe says.

    In FP4 the mean's error moves from the tokens into a constant offset of the same size; a high-precision mean removes
    it, and so does an FP4 mean that is itself what is subtracted.
    """
    noise, b, weight = normal(512, 256), normal(256, seed=1), normal(64, 256, seed=2) / 16
    x = 4 * b + noise
    energy = {}
    for name, options in {
        "plain": PLAIN, "fp4": {}, "float32": {"mean": "float32"}, "kept": {"subtract": "kept mean"},
    }.items():  # fmt: skip
        part = averis_split(x, recipe=AverisRecipe(**options))
        error = values(part.residual) - x.double() + (0 if part.mean is None else part.mean.double())
        error = error @ weight.double().T
        offset = error.mean(0)
        energy[name] = (offset.square().sum().item(), (error - offset).square().sum().item() / 512)
    assert energy["plain"][1] > 10 * energy["float32"][1]
    assert energy["fp4"][1] < 1.1 * energy["float32"][1]
    assert energy["fp4"][0] > 5 * energy["fp4"][1]
    assert energy["float32"][0] < 0.01 * energy["fp4"][0]
    assert energy["kept"][0] < 0.01 * energy["fp4"][0]
    assert energy["kept"][1] < 1.3 * energy["float32"][1]


# Streams of random words


@pytest.mark.parametrize("chosen", ["activation", "gradient", "mean", "weight"])
def test_what_a_recipe_names_is_rounded_stochastically_and_nothing_else(chosen):
    recipe = AverisRecipe(stochastic=frozenset({chosen}))
    for operand in ("activation", "gradient", "mean", "weight"):
        rounding = ("stochastic", (5 + 3 * 0x9E3779B97F4A7C15) % 2**64) if operand == chosen else ("nearest", None)
        assert stream(recipe, operand, 5, 3) == rounding


def test_stochastic_operands_have_streams_of_their_own():
    recipe = AverisRecipe(stochastic=frozenset({"activation", "gradient", "mean", "weight"}))
    x, weight, gradient = operands(64, 64, 64)
    whole = replace(recipe, split_activation=False, split_gradient=False)  # else they differ by their means
    payloads = [
        averis_split(t, operand=o, axis=a, recipe=whole, key=5).residual.payload
        for o in ("activation", "gradient")
        for t, a in ((x, -1), (x.T.contiguous(), -2))
    ]
    assert not any(torch.equal(p, q) for p, q in itertools.combinations(payloads, 2))
    both = [averis_split(x, axis=axis, recipe=recipe, key=5).mean for axis in (-1, -2)]
    assert torch.equal(*both)  # one mean, whichever product uses it
    first, again, other = (averis_forward(x, weight, recipe=recipe, key=key) for key in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    with pytest.raises(KernelError, match="key must be given"):
        averis_input_gradient(gradient, weight, recipe=recipe)


# Memory


@pytest.mark.skipif(not COMPILED, reason="the reference route does make residuals")
@pytest.mark.parametrize("options", [{}, {"mean": "float32"}, {"format": "mxfp4"}, {"format": None}])
def test_nothing_of_the_size_of_the_mean_matrix_is_allocated(options):
    """x is 32 MiB; the largest single allocation is for packed codes (4.5 bits an element) or a panel (1024 x 1024)."""
    recipe = AverisRecipe(**options)
    x, weight, gradient, dx = (torch.zeros(*shape) for shape in ((16384, 512), (16, 512), (16384, 16), (16384, 512)))
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        averis_forward(x, weight, recipe=recipe)
        averis_input_gradient(gradient, weight, recipe=recipe, out=dx)
        averis_weight_gradient(gradient, x, recipe=recipe)
    events = recorded.profiler.kineto_results.events()
    made = [event.nbytes() for event in events if event.name() == "[memory]"]
    assert max(made) >= 16 * 512 * 4  # it does see what is made inside operations
    assert max(made) <= x.nbytes / 4


# Autograd


def test_linear_is_the_three_products():
    recipe = AverisRecipe(stochastic=frozenset({"gradient"}))
    x, weight, gradient = operands(30)
    leaf_x, leaf_w = x.view(5, 6, 40).clone().requires_grad_(), weight.clone().requires_grad_()
    y = averis_linear(leaf_x, leaf_w, recipe=recipe, key=9)
    y.backward(gradient.view(5, 6, 24))
    assert torch.equal(y.detach().view(30, 24), averis_forward(x, weight, recipe=recipe, key=9))
    assert torch.equal(leaf_x.grad.view(30, 40), averis_input_gradient(gradient, weight, recipe=recipe, key=9))
    assert torch.equal(leaf_w.grad, averis_weight_gradient(gradient, x, recipe=recipe, key=9))


@pytest.mark.parametrize("terms", [2, 4])
def test_without_a_format_the_gradient_is_exact(terms):
    x, weight, _ = operands(6, 5, 4, dtype=torch.float64)
    recipe = replace(EXACT, weight_gradient_terms=terms)
    arguments = (x.requires_grad_(), weight.requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: averis_linear(a, b, recipe=recipe), arguments)


@pytest.mark.parametrize("dtype", FLOATS)
def test_linear_keeps_the_dtype(dtype):
    x, weight, _ = operands(16, 32, 8, dtype=dtype)
    y = averis_linear(x.requires_grad_(), weight, recipe=AverisRecipe())
    assert y.dtype == dtype
    y.sum().backward()
    assert x.grad.dtype == dtype


# Edges and refusals


@each_variant
@pytest.mark.parametrize("format_", ["nvfp4", "mxfp4", None])
@pytest.mark.parametrize(("l", "m", "n"), [(0, 5, 3), (4, 0, 3), (4, 5, 0), (1, 1, 1), (1, 40, 3)])
def test_empty_and_single(variant, format_, l, m, n):  # noqa: E741
    recipe = AverisRecipe(format=format_)
    x, weight, gradient = normal(l, m), normal(n, m, seed=1), normal(l, n, seed=2)
    with route_for(variant) as route:
        common = {"recipe": recipe, "route": route}
        y, dx = averis_forward(x, weight, **common), averis_input_gradient(gradient, weight, **common)
        dw = averis_weight_gradient(gradient, x, **common)
    assert (y.shape, dx.shape, dw.shape) == ((l, n), (l, m), (n, m))
    assert all(bool(torch.isfinite(t).all()) for t in (y, dx, dw))
    if not l or not m:
        assert not bool(y.any())
        assert not bool(dw.any())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "fp8"), ("mean", "fp8"), ("subtract", "nothing"), ("mean_weight", "none"), ("weight_tile", "8x8"),
        ("weight_gradient_terms", 3), ("scale_rule", "even"), ("stochastic", frozenset({"bias"})),
    ],
)  # fmt: skip
def test_recipes_are_checked(field, value):
    with pytest.raises(KernelError) as caught:
        AverisRecipe(**{field: value})
    assert caught.value.argument == field


def test_refusals():
    x, weight, gradient = operands()
    for call, argument in (
        (lambda: averis_forward(x, weight.T), "weight"),
        (lambda: averis_input_gradient(gradient, weight.T), "weight"),
        (lambda: averis_weight_gradient(gradient[:5], x), "x"),
        (lambda: averis_forward(x, weight.double()), "weight"),
        (lambda: averis_forward(x, weight, out=torch.zeros(96, 25)), "out"),
        (lambda: averis_forward(x, weight, out=torch.zeros(96, 24, dtype=torch.float64)), "out"),
        (lambda: averis_split(x[0]), "x"),
        (lambda: averis_split(x, operand="weight"), "operand"),
        (lambda: averis_split(x, axis=1), "axis"),
        (lambda: column_statistics(x[0]), "x"),
        (lambda: averis_weight_gradient(gradient[:95], x[:95], recipe=AverisRecipe(hadamard=True)), "x"),
        (lambda: averis_linear(torch.zeros(()), weight), "x"),
    ):
        with pytest.raises(KernelError) as caught:
            call()
        assert caught.value.argument == argument


def test_registered_operator():
    check_operator(torch.ops.claims.column_statistics.default, (normal(5, 7), None))
