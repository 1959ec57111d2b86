"""Alternatives to mean removal: splits and rotations against linear algebra written out."""

import math

import pytest
import torch

from claims.kernels import RHT_SIGNS
from claims.packs import declared
from claims.papers.mean_bias.experiments import alternatives
from claims.papers.mean_bias.experiments.planted_mean import RECIPES, energy, split_error
from claims.papers.mean_bias.sections import section5_alternatives as section
from claims.papers.mean_bias.sections import section5_modes
from claims.streams import Streams
from claims.verdict import DEPENDS, HOLDS, REFUTED

POINT = {"tokens": 96, "channels": 200, "every": 1, "strength": 2, "spike": 1}


def streams(seed: int = 0) -> Streams:
    return Streams(6, "alternatives", {}, seed)


def test_activations_have_the_planted_parts():
    x = alternatives.activations(POINT | {"strength": 3, "spike": 0}, streams())
    bare = alternatives.activations(POINT | {"strength": 0, "spike": 0}, streams())
    shift = x - bare
    assert float((shift - shift.mean(0)).abs().max()) < 1e-5
    assert float(shift.mean(0).square().mean()) == pytest.approx(9, rel=1e-5)
    spike = alternatives.activations(POINT | {"strength": 0, "spike": 2}, streams()) - bare
    values = torch.linalg.svdvals(spike.double())
    assert float(values[0] ** 2) == pytest.approx(4 * 96 * 200, rel=1e-5)
    assert float(values[1]) < 1e-3


def test_right_vectors_are_singular_vectors():
    x = alternatives.activations(POINT, streams())
    vectors = alternatives.right_vectors(x)
    expected = torch.linalg.svd(x.double()).Vh[:3]
    assert torch.allclose((vectors[:, :3].T * expected).sum(1).abs(), torch.ones(3, dtype=torch.float64), atol=1e-6)
    along = x.double() @ vectors[:, :2]
    assert energy(along) == pytest.approx(float(torch.linalg.svdvals(x.double())[:2].square().sum()), rel=1e-9)


def test_spectral_errors_are_of_the_rest_and_of_the_factors():
    x = alternatives.activations(POINT, streams())
    vectors = alternatives.right_vectors(x)
    assert energy(alternatives.spectral_error(x, vectors, factors="exact")) < 1e-20 * energy(x)
    one = vectors[:, :1]
    rest = x.double() - x.double() @ one @ one.T
    exact = alternatives.fake_quantized(rest) - rest
    assert torch.equal(alternatives.spectral_error(x, one, factors="exact"), exact)
    u, v = alternatives.fake_quantized((x.double() @ one).T), alternatives.fake_quantized(one.T)
    whole = alternatives.fake_quantized(rest) + u.T @ v - x.double()
    torch.testing.assert_close(alternatives.spectral_error(x, one, factors="fp4"), whole, rtol=0, atol=1e-12)


def test_arms_are_what_they_are_called():
    arms = ("plain", "bfloat16", "svd 1/exact", "svd 1%/exact", "svd 1/fp4", "rotated")
    point = POINT | {"channels": 208, "arm": arms}
    x = alternatives.activations(point, streams())
    vectors = alternatives.right_vectors(x)
    errors = {record["arm"]: record["error"] for record in alternatives.operand_alternatives(point, streams())}
    assert errors["bfloat16"] == pytest.approx(energy(split_error(x, RECIPES["bfloat16"])) / x.numel(), rel=1e-12)
    two = energy(alternatives.spectral_error(x, vectors[:, :2], factors="exact")) / x.numel()
    assert errors["svd 1%/exact"] == pytest.approx(two, rel=1e-12)
    assert errors["svd 1%/exact"] < errors["svd 1/exact"] < errors["plain"] < errors["svd 1/fp4"]
    rotated = alternatives.hadamard_error(x)
    assert errors["rotated"] == pytest.approx(energy(rotated) / x.numel(), rel=1e-12)


def test_modes_cause_their_share():
    shares = alternatives.mode_removal(POINT | {"tokens": 160, "channels": 160, "modes": 3}, streams())
    assert shares["leading"] == pytest.approx(shares["energy"], rel=0.1)
    assert shares["second"] < shares["leading"] / 2


def test_the_second_mode_is_the_best_of_all_others():
    """Which need not be the one that is second by energy, where none stands out."""
    point, seeds = POINT | {"channels": 96, "spike": 0}, range(4)
    few, many = (
        [alternatives.mode_removal(point | {"modes": modes}, streams(seed))["second"] for seed in seeds]
        for modes in (2, 6)
    )
    assert all(most >= one for most, one in zip(many, few, strict=True))
    assert sum(most > one for most, one in zip(many, few, strict=True)) > 1


def test_rounding_cells():
    point = POINT | {"spike": 0, "arm": ("printed",), "rounding": ("nearest", "stochastic")}
    nearest, stochastic = alternatives.rounding(point, streams())
    assert stochastic["varying"] > 1.8 * nearest["varying"]
    assert nearest["total"] == pytest.approx(nearest["varying"] + nearest["coherent"], rel=1e-12)


def test_constant_blocks_by_the_matrix_itself():
    """H[i, j] = (-1)^popcount(i & j): 16 equal entries become c/4 times the signs' own transform."""
    transform = [sum(sign * (-1) ** (i & j).bit_count() for i, sign in enumerate(RHT_SIGNS)) / 4 for j in range(16)]
    assert sorted(map(abs, transform)) == [0.0] * 6 + [1.0] * 8 + [2.0] * 2
    record = alternatives.constant_block({}, streams())
    assert record["largest"] == pytest.approx(2 * record["magnitude"], rel=1e-14)
    assert record["unsigned"] == pytest.approx(4 * record["magnitude"], rel=1e-14)
    assert record["smallest"] < 1e-15


def test_targets():
    assert section.recovered(2, 4) == pytest.approx(0.2)
    assert section.spike_left(2, 0) == pytest.approx(0.2)
    assert section.fp4_factors(4) == pytest.approx(33 / 17)
    assert math.isclose(section5_modes.stochastic_factor(), 2.08, abs_tol=0.02)


def test_refuted_claims_name_corrections_that_hold():
    claims = {claim.id: claim for module in (section, section5_modes) for claim in declared(module)}
    refuted = [claim for claim in claims.values() if claim.expected in (REFUTED, DEPENDS)]
    assert len(refuted) == 5
    assert all(claims[claim.corrected_by].expected is HOLDS for claim in refuted)
