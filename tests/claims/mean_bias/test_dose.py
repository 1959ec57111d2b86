"""Dose and response: the laws against sampling and against each other, the experiments against the laws."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.kernels import dequantize, nvfp4_quantize
from claims.packs import declared
from claims.papers.mean_bias.experiments import dose
from claims.papers.mean_bias.sections import section5_dose, section5_products, section5_weight_gradient
from claims.papers.mean_bias.theory import averis as theory
from claims.papers.mean_bias.theory.formats import nvfp4_cells, nvfp4_error
from claims.papers.mean_bias.theory.offset_error import block_error, channel_error
from claims.streams import Streams
from claims.verdict import DEPENDS, HOLDS, REFUTED

SIZE = {"tokens": 256, "channels": 128}
ARMS = ("plain", "printed", "bfloat16", "kept")


def streams(seed: int = 0) -> Streams:
    return Streams(4, "dose", {}, seed)


def cells(records, *names):
    return {tuple(record[name] for name in names): record for record in records}


# Laws


@pytest.mark.parametrize("offset", [0.0, 0.7, -2.0, 6.0, 14.0])
def test_offset_blocks_against_the_kernel(offset):
    """2^17 elements N(c, 1) in blocks of 16; the largest magnitude of the tensor is planted."""
    amax = abs(offset) + 6
    x = torch.randn(2**13, 16, generator=torch.Generator().manual_seed(1)) + offset
    error = dequantize(nvfp4_quantize(x, amax=amax), dtype=torch.float64) - x
    law = block_error(offset, amax)
    assert law.varying + law.coherent == pytest.approx(float(error.square().mean()), rel=0.02)
    assert math.copysign(math.sqrt(law.coherent), 1) == pytest.approx(abs(float(error.mean())), abs=0.006)


@given(offset=st.floats(0, 12), amax=st.floats(5, 40))
@settings(deadline=None, max_examples=20)
def test_offset_blocks_are_symmetric_and_bounded(offset, amax):
    law, mirrored = block_error(offset, offset + amax), block_error(-offset, offset + amax)
    assert law.varying == pytest.approx(mirrored.varying, rel=1e-9, abs=1e-15)
    assert law.coherent == pytest.approx(mirrored.coherent, rel=1e-6, abs=1e-15)
    # The largest step is twice the scale, and no scale exceeds the one of the tensor's largest magnitude.
    largest = max(cell.scale for cell in nvfp4_cells(offset + amax))
    assert 0 < law.varying + law.coherent <= (2 * largest) ** 2


def test_without_an_offset_the_error_is_that_of_the_format():
    assert block_error(0.0, 4.8).varying == pytest.approx(nvfp4_error(2**18), rel=2e-3)
    assert block_error(0.0, 4.8).coherent < 1e-12
    assert channel_error(0.0, 512, 256).varying == pytest.approx(nvfp4_error(2**17), rel=2e-3)
    with pytest.raises(ValueError, match="amax"):
        block_error(1.0, 0.0)


def test_laws_at_their_ends():
    e = theory.residual_error(512, 256)
    assert e == pytest.approx(0.00904, abs=1e-5)
    for arm in ARMS:
        assert theory.total_error(0, arm, 512, 256) == pytest.approx(e, rel=0.003)
    assert theory.total_error(4, "printed", 512, 256) == pytest.approx(
        theory.total_error(4, "plain", 512, 256), rel=0.01
    )
    assert theory.total_error(4, "kept", 512, 256) == pytest.approx(e * (1 + 16 * 0.00903), rel=1e-3)

    def gradient(arm, s, r):
        return theory.weight_gradient_error(s, r, arm, 512, 256, 256)

    assert gradient("bfloat16/2", 8, 0.5) == gradient("bfloat16/2", 0, 0)  # flat in both means
    assert gradient("bfloat16/4", 4, 0) - gradient("bfloat16/2", 4, 0) == pytest.approx(16 * e, rel=1e-9)
    assert gradient("plain", 0, 0) == pytest.approx(gradient("bfloat16/2", 0, 0), rel=0.02)
    assert gradient("printed/4", 4, 0.05) > 2 * gradient("plain", 4, 0.05) > 4 * gradient("bfloat16/4", 4, 0.05)


# Experiments


def test_operand_errors_have_the_laws():
    point = SIZE | {"every": 1, "strength": (0, 2), "arm": ARMS}
    runs = [cells(dose.operand_error(point, streams(seed)), "strength", "arm") for seed in range(4)]
    for cell, record in runs[0].items():
        total = sum(run[cell]["total"] for run in runs) / 4
        assert record["total"] == pytest.approx(record["varying"] + record["coherent"], rel=1e-12)
        assert record["plain"] == runs[0][cell[0], "plain"]["total"]
        tolerance = 0.3 if cell == (2, "printed") else 0.06
        assert total == pytest.approx(theory.total_error(*cell, 256, 128), rel=tolerance)
    printed = [run[2, "printed"] for run in runs]
    assert sum(p["coherent"] for p in printed) / 4 == pytest.approx(theory.coherent_error(2, 128), rel=0.4)


def test_products_add_the_weights_error():
    point = SIZE | {"outputs": 96, "strength": (2,), "arm": ("printed", "bfloat16", "exact weight")}
    found = cells(dose.product_error(point, streams()), "arm")
    for (arm,), record in found.items():
        varying, coherent = theory.product_error(2, arm, 256, 128, 96)
        assert record["varying"] / record["noise"] == pytest.approx(varying, rel=0.06)
        assert record["coherent"] / record["noise"] == pytest.approx(coherent, rel=0.4, abs=1e-4)
    shared = [found[arm,]["coherent"] for arm in ("exact weight", "bfloat16", "printed")]
    assert shared == sorted(shared)


def test_input_gradients_are_operands_of_their_own():
    point = {"tokens": 64, "outputs": 48, "gradient_strength": (0.5,), "arm": ("plain", "bfloat16")}
    found = dose.input_gradient_error(point, streams())
    base = {"tokens": 64, "channels": 48, "every": 1, "strength": (0.5,), "arm": ("plain", "bfloat16")}
    assert [r["total"] for r in found] == [r["total"] for r in dose.operand_error(base, streams())]
    assert all(record["gradient_strength"] == 0.5 for record in found)


def test_weight_gradients_have_the_laws():
    arms = ("plain", "printed/4", "printed/2", "bfloat16/4", "bfloat16/2", "kept/4")
    point = SIZE | {"every": 1, "outputs": 128, "gradient_strength": 0.05, "strength": (2,), "arm": arms}
    runs = [cells(dose.weight_gradient_error(point, streams(seed)), "arm") for seed in range(4)]
    for arm in arms:
        error = sum(run[arm,]["error"] for run in runs) / 4
        law = theory.weight_gradient_error(2, 0.05, arm, 256, 128, 128)
        assert error == pytest.approx(law, rel=0.03 if arm == "bfloat16/2" else 0.2)
        assert runs[0][arm,]["plain"] == runs[0]["plain",]["error"]


@pytest.mark.parametrize("arm", ["plain", "printed/4", "printed/2", "bfloat16/4", "bfloat16/2", "kept/4"])
def test_activations_and_gradients_change_places_in_the_law(arm):
    """X^T D is the transpose of D^T X."""
    there = theory.weight_gradient_error(2.0, 0.7, arm, 256, 128, 96)
    assert theory.weight_gradient_error(0.7, 2.0, arm, 256, 96, 128) == pytest.approx(there, rel=1e-12)


def test_refuted_claims_name_corrections_that_hold():
    claims = [
        claim for module in (section5_dose, section5_products, section5_weight_gradient) for claim in declared(module)
    ]
    by_id = {claim.id: claim for claim in claims}
    refuted = [claim for claim in claims if claim.expected in (REFUTED, DEPENDS)]
    assert len(refuted) == 6
    assert all(by_id[claim.corrected_by].expected is HOLDS for claim in refuted)
