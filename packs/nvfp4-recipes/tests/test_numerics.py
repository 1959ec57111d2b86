"""The formats and laws of the experiments, each against another route to the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from claims.kernels import dequantize, e2m1_decode, mxfp4_quantize, nvfp4_quantize
from claims.streams import Streams
from nvfp4_recipes.four_over_six.experiments.errors import always_four
from nvfp4_recipes.numerics.blocks import LAST, MAGNITUDES, levels, nearest, quantized, rotated
from nvfp4_recipes.numerics.drawn import LAWS, alignment, matrix, relative_error
from nvfp4_recipes.quartet_ii.experiments.estimators import ms_eden, stochastic, stochastic_e4m3
from nvfp4_recipes.theory import blocks as theory

VALUES = {grid: np.array(magnitudes) for grid, magnitudes in MAGNITUDES.items()}


def drawn(law: str = "normal", elements: int = 2**14, seed: int = 0) -> torch.Tensor:
    return matrix(law, elements, np.random.default_rng(seed))


@pytest.mark.parametrize("grid", ["e2m1", "int4"])
def test_nearest_is_the_nearest(grid):
    x = torch.linspace(-1.2 * LAST[grid], 1.2 * LAST[grid], 4001, dtype=torch.float64)
    distance = np.abs(np.abs(x.numpy())[:, None] - VALUES[grid])
    found = nearest(x, grid).numpy()
    assert set(np.abs(found)) <= set(VALUES[grid])
    np.testing.assert_array_equal(np.abs(np.abs(x.numpy()) - np.abs(found)), distance.min(1))


def test_nvfp4_scales_are_those_of_the_kernel_but_for_rounding_of_float32():
    x = drawn()
    ours, kernel = quantized(x, 16, "e2m1", "e4m3"), dequantize(nvfp4_quantize(x), dtype=torch.float64)
    assert (ours - kernel).abs().gt(1e-5).double().mean() < 1e-3
    assert relative_error(ours, x) == pytest.approx(relative_error(kernel, x), rel=1e-3)


def test_powers_of_two_are_those_of_the_kernel():
    x = drawn()
    assert torch.equal(quantized(x, 32, "e2m1", "e8m0"), dequantize(mxfp4_quantize(x), dtype=torch.float64))


@pytest.mark.parametrize("scale", ["exact", "e4m3", "e8m0"])
def test_a_block_of_zeros_stays_one(scale):
    x = drawn()
    x[0, :32] = 0
    assert torch.equal(quantized(x, 32, "e2m1", scale)[0, :32], torch.zeros(32, dtype=torch.float64))


@pytest.mark.parametrize("wrong", ["e5m2", ""])
def test_an_unknown_scale_or_law_is_named(wrong):
    with pytest.raises(ValueError, match="allowed: exact"):
        levels(drawn(), 16, "e2m1", wrong)
    with pytest.raises(ValueError, match="allowed: normal"):
        matrix(wrong, 256, np.random.default_rng(0))


@pytest.mark.parametrize(("law", "kurtosis"), [("normal", 3.0), ("laplace", 6.0)])
def test_laws_have_their_kurtosis(law, kurtosis):
    x = drawn(law, 2**18).double()
    assert float((x**4).mean() / (x**2).mean() ** 2) == pytest.approx(kurtosis, rel=0.05)


def test_outliers_stand_in_one_column_of_a_block():
    x = drawn("outliers", 2**16)
    large = x.double().square().mean(0).sqrt().reshape(-1, 16)
    assert (large.amax(1) > 5).all()
    assert (large.sort(1).values[:, :-1] < 1.5).all()


@pytest.mark.parametrize("law", LAWS)
def test_a_rotation_keeps_energy_and_turns_back(law):
    x = drawn(law)
    turned = rotated(x, 16, 7)
    torch.testing.assert_close(rotated(turned, 16, 7, inverse=True), x.double())
    assert alignment(turned, turned) == pytest.approx(1.0)
    assert float(turned.square().sum()) == pytest.approx(float(x.double().square().sum()))


def test_near_four_every_block_reaches_four_and_none_six():
    x = drawn()
    largest = x.double().abs().reshape(-1, 16).amax(1)
    reached = always_four(x).abs().reshape(-1, 16).amax(1)
    assert (reached / largest).sub(1).abs().max() <= 1 / 16  # E4M3 rounds the scale, 4 of them are what is reached


def test_stochastic_scales_take_both_neighbours_in_proportion():
    x = torch.full((200_000,), 1.03125, dtype=torch.float64)  # a quarter of the way from 1 to 1.125
    found = stochastic_e4m3(x, torch.Generator().manual_seed(1))
    assert set(found.tolist()) == {1.0, 1.125}
    assert float(found.mean()) == pytest.approx(1.03125, abs=5e-4)


def test_estimators_are_unbiased_where_they_should_be():
    x = torch.randn(4, 128, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    many = torch.stack([stochastic(x, 3 * key) for key in range(2000)]).mean(0)
    assert relative_error(many, x) < 5e-5  # .0235 / 2000, four times
    generator = torch.Generator().manual_seed(5)
    along = [alignment(ms_eden(x, generator, weighted=True), x) for _ in range(500)]
    assert np.mean(along) == pytest.approx(1.0, abs=2e-3)


def test_streams_alone_decide_what_is_measured():
    from nvfp4_recipes.ufp4.experiments.grids import shrinkage

    point = {"elements": 4096, "block": 16, "law": ("t3",), "grid": ("int4",), "rotation": ("hadamard",)}
    streams = Streams(1, "a:b", {}, 3)
    assert shrinkage(point, streams) == shrinkage(point, streams)


def test_grids_are_those_of_the_formats():
    assert MAGNITUDES["e2m1"] == tuple(map(float, e2m1_decode(torch.arange(8, dtype=torch.uint8))))
    assert MAGNITUDES["int4"] == (0, 1, 2, 3, 4, 5, 6, 7)
    assert theory.MAGNITUDES == MAGNITUDES
