"""Streams: named by (epoch, experiment, base point, seed index, name), by a hash that the documentation gives."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.evidence.canonical import canonical_json, digest
from claims.streams import Streams

BASE = {"n": 16, "metric": "pre", "p": 0.1}


def test_the_key_is_what_the_documentation_says():
    root = (
        f'["claimbench-stream-1",7,"module:function",{json.dumps(BASE, sort_keys=True, separators=(",", ":"))},3,"x"]'
    )
    expected = hashlib.sha256(root.encode()).digest()
    streams = Streams(7, "module:function", BASE, 3)
    assert streams.key("x") == int.from_bytes(expected[:8], "little")
    again = np.random.Generator(np.random.Philox(key=int.from_bytes(expected[:16], "little")))
    assert (streams.numpy("x").normal(size=4) == again.normal(size=4)).all()
    seeded = torch.Generator().manual_seed(streams.key("x") >> 1)
    assert torch.equal(torch.randn(4, generator=streams.torch("x")), torch.randn(4, generator=seeded))


def test_these_bits_never_change():
    """Stored evidence is only worth something while the streams stay what they were."""
    streams = Streams(20260518, "claims.papers.sign_magnitude.model:two_layer", {"n": 512, "inputs": 256}, 2**20)
    assert streams.key("flips") == 2574461070626858477
    assert streams.numpy("inputs").integers(0, 2**63, size=2).tolist() == [283443905637146323, 3081069261827884399]


@pytest.mark.parametrize(
    "other",
    [
        Streams(8, "m:f", BASE, 3),
        Streams(7, "m:g", BASE, 3),
        Streams(7, "m:f", BASE | {"n": 17}, 3),
        Streams(7, "m:f", BASE | {"more": 1}, 3),
        Streams(7, "m:f", BASE, 4),
    ],
    ids=["epoch", "experiment", "coordinate", "coordinates", "seed"],
)
def test_each_part_of_the_name_moves_the_stream(other):
    streams = Streams(7, "m:f", BASE, 3)
    assert other.key("x") != streams.key("x")
    assert streams.key("y") != streams.key("x")


def test_the_order_of_coordinates_does_not_matter():
    assert Streams(7, "m:f", dict(reversed(BASE.items())), 3).key("x") == Streams(7, "m:f", BASE, 3).key("x")


def test_an_arm_that_draws_more_shifts_no_other():
    streams = Streams(7, "m:f", BASE, 3)
    before = streams.numpy("weights").normal(size=3)
    streams.numpy("inputs").normal(size=10_000)
    assert (streams.numpy("weights").normal(size=3) == before).all()


def test_streams_of_many_seeds_and_names_are_all_different():
    keys = {Streams(7, "m:f", BASE, seed).key(name) for seed in range(500) for name in ("a", "b", "c", "d")}
    assert len(keys) == 2000


@given(st.integers(0, 2**64 - 1))
def test_torch_takes_every_key(seed):
    generator = Streams(seed, "m:f", {}, 0).torch("x")
    assert 0 <= generator.initial_seed() < 2**63


@given(
    st.dictionaries(st.text(), st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()))
)
def test_canonical_json_survives_a_round_trip(value):
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text
    assert digest(value) == hashlib.sha256(text.encode()).digest()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [-float("inf")]])
def test_canonical_json_refuses_what_is_not_finite(value):
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(value)
