"""Averis: its experiments against the equations written out, and the kernels over shapes, layouts and odd values."""

from dataclasses import replace

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from claims.kernels import KernelError, averis_forward, averis_input_gradient, averis_weight_gradient
from claims.packs import declared
from claims.papers.mean_bias.experiments import averis
from claims.papers.mean_bias.experiments.planted_mean import RECIPES, direction, parts, split_error
from claims.papers.mean_bias.sections import section5_averis
from claims.streams import Streams

from ...kernels.inputs import laid_out
from ...kernels.quantized import LAYOUTS

PRODUCTS = ("Y", "dX", "dW/4", "dW/2")


def streams(seed: int = 0) -> Streams:
    return Streams(3, "averis", {}, seed)


@pytest.mark.parametrize(("product", "terms"), [("dW/2", 2), ("dW/4", 4)])
def test_each_identity_is_measured_with_its_number_of_terms(monkeypatch, product, terms):
    """Without quantization both are the same number, so that only the recipe tells which was computed."""
    asked, linear = [], averis.averis_linear
    monkeypatch.setattr(averis, "averis_linear", lambda *x, recipe: asked.append(recipe) or linear(*x, recipe=recipe))
    averis.identities({"product": [product]}, streams())
    assert [recipe.weight_gradient_terms for recipe in asked] == [terms]


@given(seed=st.integers(0, 2**20))
@example(seed=0)
@settings(deadline=None, max_examples=6)
def test_identities_hold_and_mistakes_show(seed):
    records = averis.identities({"product": PRODUCTS}, streams(seed))
    records += averis.quantized_products({"product": ("Y", "dX", "dW")}, streams(seed))
    assert [record["product"] for record in records] == [*PRODUCTS, "Y", "dX", "dW"]
    for record in records:
        assert abs(record["lhs"] - record["rhs"]) <= record["bound"]
    for record in records[:4]:
        # With one token D and its mean are the same, so that a mean left out cannot be small; sizes are never 0.
        assert abs(record["planted"] - record["rhs"]) > record["bound"]


def test_cross_terms_are_noise_alone():
    record = averis.cross_terms({}, streams())
    assert abs(record["exact"]) <= record["bound"] < 1e-3 * abs(record["quantized"])
    x, _, gradient = averis.operands(streams())
    assert x.shape[0] == gradient.shape[0]
    assert x.dtype == torch.float64


def test_a_single_token_is_its_own_mean():
    record = averis.single_token({"channels": 40, "outputs": 8}, streams())
    assert abs(record["printed"] - record["plain"]) <= record["bound"]
    assert abs(record["bfloat16"] - record["plain"]) > record["bound"]
    point = {"tokens": 24, "channels": 32, "strength": 1, "arm": ("plain", "printed", "bfloat16")}
    cells = averis.batch_of_one(point | {"batch": ("whole", "alone")}, streams())
    error = {(cell["arm"], cell["batch"]): cell["error"] for cell in cells}
    assert error["printed", "alone"] == pytest.approx(error["plain", "alone"], rel=1e-6)  # the mean, a float32
    assert error["bfloat16", "alone"] < 1e-4 < error["bfloat16", "whole"] < error["plain", "whole"]


def test_only_a_split_lets_later_tokens_in():
    point = {"tokens": 16, "channels": 32, "outputs": 8, "strength": 1, "arm": ("plain", "printed", "bfloat16")}
    moved = {cell["arm"]: cell["moved"] for cell in averis.later_token(point, streams())}
    assert moved["plain"] == 0
    assert moved["printed"] > 0
    assert moved["bfloat16"] > 0


# Draws and measures that the experiments share


@given(seed=st.integers(0, 99), channels=st.sampled_from((16, 64, 250)), every=st.sampled_from((1, 4, 16)))
@settings(deadline=None, max_examples=15)
def test_directions_have_unit_mean_square(seed, channels, every):
    b = direction(torch.Generator().manual_seed(seed), channels, every=every)
    assert float(b.double().square().mean()) == pytest.approx(1, rel=1e-5)
    if every > 1:
        used = b[::every].abs()
        assert int((b != 0).sum()) == len(used)
        assert bool(used.max() < 2.001 * used.min())


def test_parts_of_an_error():
    error = torch.tensor([[1.0, 3.0], [3.0, 3.0]])
    assert parts(error) == {"varying": 0.5, "coherent": (4 + 9) / 2, "total": (1 + 9 + 9 + 9) / 4}


def test_split_error_is_that_of_the_product_with_a_unit_matrix():
    """E2M1 and E4M3 hold the unit matrix exactly, so that equation 11 gives back what was quantized."""
    x = torch.randn(20, 32, generator=torch.Generator().manual_seed(0)) + 3
    unit = torch.eye(32)
    for arm in ("plain", "printed", "bfloat16", "kept"):
        product = averis_forward(x, unit, recipe=RECIPES[arm]).double() - x.double()
        torch.testing.assert_close(split_error(x, RECIPES[arm]), product, rtol=0, atol=1e-5)


# Kernels over what a caller may hand over

ODD = (0.0, -0.0, 1e-42, -1e-42, 6.0, 1e6, torch.inf, -torch.inf, torch.nan)


@st.composite
def operands(draw):
    """x (l, m), weight (n, m) and gradient (l, n) of ragged, empty and single sizes, dtypes, layouts, odd values."""
    tokens, channels, outputs = (draw(st.sampled_from((0, 1, 2, 15, 16, 17, 40))) for _ in range(3))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    dtype = draw(st.sampled_from((torch.float64, torch.float32, torch.bfloat16, torch.float16)))

    def drawn(*shape):
        return laid_out(torch.randn(*shape, generator=generator).to(dtype), draw(st.sampled_from(LAYOUTS)))

    x, weight, gradient = drawn(tokens, channels), drawn(outputs, channels), drawn(tokens, outputs)
    odd = draw(st.sampled_from(ODD))
    if draw(st.booleans()) and x.numel():
        x = x.contiguous().clone()
        x[draw(st.integers(0, tokens - 1)), draw(st.integers(0, channels - 1))] = odd
    return x, weight, gradient


@given(tensors=operands(), arm=st.sampled_from(("plain", "printed", "bfloat16/2", "kept", "exact weight")))
@settings(deadline=None, max_examples=60)
def test_products_are_defined_or_refused(tensors, arm):
    """Layout never matters, what is finite gives finite results of the right shape, and the rest is refused."""
    x, weight, _ = tensors
    recipe, split = RECIPES[arm], arm != "plain"
    calls = (
        (lambda *t: averis_forward(t[0], t[1], recipe=recipe), (x.shape[0], weight.shape[0]), True),
        (lambda *t: averis_input_gradient(t[2], t[1], recipe=recipe), (x.shape[0], weight.shape[1]), False),
        (lambda *t: averis_weight_gradient(t[2], t[0], recipe=recipe), (weight.shape[0], weight.shape[1]), True),
    )
    plain = tuple(t.clone(memory_format=torch.contiguous_format) for t in tensors)
    undefined = bool(x.isnan().any()) or (split and not bool(torch.isfinite(x).all()))
    for call, shape, takes_x in calls:
        if takes_x and undefined:
            with pytest.raises(KernelError, match="NaN"):
                call(*tensors)
            continue
        product = call(*tensors)
        assert product.shape == shape
        assert torch.equal(product, call(*plain))
        if bool(torch.isfinite(x).all()):
            assert bool(torch.isfinite(product).all())


@given(tokens=st.integers(1, 40), channels=st.integers(1, 40), outputs=st.integers(1, 20), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_a_common_offset_costs_nothing_with_a_float32_mean(tokens, channels, outputs, seed):
    """Adding one vector to every token adds its product to every output: the residual, and so its codes, stay."""
    generator = torch.Generator().manual_seed(seed)
    # Multiples of 1/64 and sums of 2^k tokens: means, residuals and shifted activations are all exact in float32.
    tokens = 1 << (tokens.bit_length() - 1)
    x, b = (torch.randint(-128, 128, shape, generator=generator) / 64 for shape in ((tokens, channels), (channels,)))
    weight = torch.randn(outputs, channels, generator=generator)
    recipe = replace(RECIPES["float32"], mean_weight="exact")
    before, after = (averis_forward(t, weight, recipe=recipe).double() for t in (x, x + b))
    size = weight.double().abs() @ (x.abs().amax(0) + b.abs()).double()
    assert bool(((after - before - weight.double() @ b.double()).abs() <= 1e-6 * (1 + size)).all())


def test_every_claim_has_its_own_place_in_section_5():
    claims = declared(section5_averis)
    assert len({claim.id for claim in claims}) == len(claims) == 12
    assert all(claim.locus.startswith("section 5") for claim in claims)
