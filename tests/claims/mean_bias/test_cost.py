"""Counts of operations, arithmetic and memory: the tracer on code whose counts are known, and the formulas."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.errors import Unavailable
from claims.kernels import hadamard_transform, native
from claims.packs import declared
from claims.papers.mean_bias.experiments import cost
from claims.papers.mean_bias.experiments.tracer import Trace, counted
from claims.papers.mean_bias.sections import section5_cost
from claims.papers.mean_bias.theory import cost as theory
from claims.streams import Streams
from claims.verdict import DEPENDS, HOLDS, REFUTED

SHAPE = {"tokens": 64, "channels": 48, "outputs": 32}
needs_library = pytest.mark.skipif(native.obstacle() is not None, reason="counts the compiled kernels' operations")


def streams() -> Streams:
    return Streams(8, "cost", {}, 0)


def test_the_tracer_sees_inside_our_operations_only_if_told():
    x = torch.ones(4, 16)
    outside, inside = [], []
    with Trace(lambda name, args, result: outside.append(name)):
        hadamard_transform(x, route="reference")
    with Trace(lambda name, args, result: inside.append(name), inside=True):
        result = hadamard_transform(x, route="reference")
    assert [name for name in outside if name.startswith("claims.")] == ["claims.hadamard_transform.default"]
    assert "aten.add.Tensor" not in outside
    assert inside.count("aten.add.Tensor") == inside.count("aten.sub.Tensor") == 4
    assert torch.equal(result, hadamard_transform(x))


@given(a=st.integers(1, 9), b=st.integers(1, 9), c=st.integers(1, 9))
@settings(deadline=None, max_examples=20)
def test_arithmetic_of_known_code(a, b, c):
    x, y = torch.ones(a, b), torch.ones(b, c)
    assert counted(lambda: x @ y)["mm"] == 2 * a * b * c
    assert counted(lambda: x.sum(0))["sum"] == a * b
    assert counted(lambda: torch.mv(x, y[:, 0]))["mv"] == 2 * a * b
    assert sum(counted(lambda: torch.addr(x @ y, x[:, 0], y[0])).values()) == 2 * a * b * c + 2 * a * c
    assert sum(counted(lambda: (x - x.mean(0)) * 2).values()) == 3 * a * b


@given(tokens=st.integers(1, 12), channels=st.sampled_from((16, 32, 96)), outputs=st.integers(1, 40))
@settings(deadline=None, max_examples=10)
def test_formulas_are_the_counts(tokens, channels, outputs):
    counts = cost.arithmetic({"tokens": tokens, "channels": channels, "outputs": outputs}, streams())
    shape = (tokens, channels, outputs)
    expected = {
        "forward": theory.forward(*shape),
        "input_gradient": theory.input_gradient(*shape),
        "cross_terms": theory.cross_terms(*shape),
        "mean_term": theory.mean_term(tokens),
        "hadamard": theory.hadamard(outputs),
        "power_iteration": theory.power_iteration(outputs),
        "gram": theory.gram(channels, outputs),
    }
    assert set(counts) == set(expected)
    assert all(math.isclose(counts[name], expected[name], rel_tol=1e-12) for name in expected)
    assert theory.means_and_subtractions(outputs) < theory.forward(*shape)


@needs_library
def test_operations_of_a_step():
    point = SHAPE | {"arm": ("plain", "printed/4", "bfloat16/2", "activation/2")}
    plain, printed, two_terms, one_split = cost.step_operations(point, streams())
    assert {name: plain[name] for name in cost.KINDS if plain[name]} == {"quantizations": 6, "products": 3}
    wanted = (2, 4, 2, 3, 2, 2, 2, 2, 3)
    assert tuple(printed[name] for name in cost.KINDS) == wanted
    assert tuple(two_terms[name] for name in cost.KINDS) == (2, 4, 2, 3, 0, 2, 2, 0, 1)
    assert tuple(one_split[name] for name in cost.KINDS) == (2, 2, 4, 3, 0, 1, 1, 0, 1)
    assert (plain["beside"], printed["beside"], two_terms["beside"], one_split["beside"]) == (0, 11, 5, 3)


@needs_library
def test_memory_and_passes():
    point = {"tokens": 6144, "channels": 64, "outputs": 16, "arm": ("printed/4",)}
    (record,) = cost.allocations(point, streams())
    assert record["written_out"] == 1
    assert 4.5 / 32 <= record["largest"] < 0.5  # at least the packed codes
    point = SHAPE | {"arm": ("plain", "printed"), "format": ("nvfp4", "mxfp4")}
    passes = {(r["arm"], r["format"]): r["passes"] for r in cost.operand_passes(point, streams())}
    assert passes == {("plain", "nvfp4"): 2, ("plain", "mxfp4"): 1, ("printed", "nvfp4"): 2, ("printed", "mxfp4"): 2}


def test_without_the_library_counts_are_unavailable(monkeypatch):
    monkeypatch.setattr(native, "obstacle", lambda: "it was not built")
    for experiment in (cost.step_operations, cost.allocations, cost.operand_passes):
        with pytest.raises(Unavailable, match="it was not built"):
            experiment(SHAPE | {"arm": ("plain",), "format": ("nvfp4",)}, streams())


def test_refuted_claims_name_corrections_that_hold():
    claims = {claim.id: claim for claim in declared(section5_cost)}
    refuted = [claim for claim in claims.values() if claim.expected in (REFUTED, DEPENDS)]
    assert len(refuted) == 2
    assert all(claims[claim.corrected_by].expected is HOLDS for claim in refuted)
