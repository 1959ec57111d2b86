"""The experiment that audits measure kernels by: it takes all of them, and notices one number that is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from torch import Tensor

from claims.kernels import agreement as module
from claims.kernels.agreement import agreement
from claims.kernels.dispatch import OPERATIONS
from claims.kernels.entries import Entry, compiled_alone, entries
from claims.packs import declared
from claims.papers.mean_bias.sections import kernel_references as of_formats
from claims.papers.sign_magnitude.sections import kernel_references as of_the_block
from claims.streams import Streams

EVERY = {entry.name: entry for entry in (*entries(), *compiled_alone())}
#: Sums of torch or of its own choice, which no reference of ours stands behind.
LEFT_TO_TORCH = {"gemm"}


def streams(seed: int) -> Streams:
    return Streams(5, "agreement", {}, seed)


def test_every_kernel_is_claimed_once():
    claims = [*declared(of_formats), *declared(of_the_block)]
    named = [dict(point)["kernel"] for claim in claims for point in claim.at]
    assert sorted(named) == sorted(EVERY)
    compiled = {name for name, operation in OPERATIONS.items() if operation.cpu is not None}
    assert compiled - {entry.operation for entry in EVERY.values()} == LEFT_TO_TORCH


@pytest.mark.parametrize("name", EVERY)
def test_a_kernel_agrees_and_a_wrong_number_does_not(name: str):
    for seed in range(2):
        found = agreement({"kernel": name}, streams(seed))
        assert found["excess"] <= 1 < found["planted"]


@pytest.mark.parametrize("name", ["sign_flip", "rms_norm", "nvfp4_quantize"])
def test_a_kernel_that_gives_something_else_is_noticed(monkeypatch, name: str):
    right = EVERY[name]

    def wrong(*arguments, route):
        first, *others = arguments
        return right.call(first if route == "reference" else -first, *others, route=route)

    assert isinstance(right, Entry)
    monkeypatch.setattr(module, "entries", lambda: (replace(right, call=wrong),))
    assert agreement({"kernel": name}, streams(0))["excess"] > 1


def test_arguments_have_zeros_ties_and_tiny_numbers(monkeypatch):
    seen: list[Tensor] = []
    right = EVERY["nvfp4_quantize"]
    taken = replace(right, call=lambda x, route: (seen.append(x), right.call(x, route=route))[1])
    monkeypatch.setattr(module, "entries", lambda: (taken,))
    for seed in range(4):
        agreement({"kernel": right.name}, streams(seed))
    large = next(x for x in seen if len(x) > 4)
    assert not large[0].any()
    assert (large[1] * 4 == (large[1] * 4).round()).all()
    assert 0 < large[2].double().abs().max() < 1e-4
