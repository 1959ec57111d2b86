"""Replays of the published streams: against the scripts' arithmetic written out, and against published digits."""

from __future__ import annotations

import math

import pytest
import torch

from claims.evidence import fingerprint
from claims.papers.sign_magnitude.experiments.replays import (
    PUBLISHED_SEEDS,
    hidden_and_output,
    linear_layer,
    one_layer_block,
    two_layer_block,
)
from claims.streams import Streams

N, RATE, SEED_INDEX = 24, 0.1, 2
SEED = PUBLISHED_SEEDS[SEED_INDEX]


def streams(seed: int, epoch: int = 1) -> Streams:
    return Streams(epoch, "replay", {}, seed)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def all_inputs(n: int, offset: int = 0) -> torch.Tensor:
    batches = [torch.randn(2000, n, generator=generator(SEED * 100000 + b + offset)) for b in range(0, 10000, 2000)]
    x = torch.cat(batches).double()
    return x / x.norm(dim=1, keepdim=True)


def arms(weight: torch.Tensor, mask_seed: int) -> dict[str, torch.Tensor]:
    """Flipped and stepped weights of the published draw, in double precision."""
    mask = torch.rand(weight.shape, generator=generator(mask_seed)) < RATE
    flips = torch.where(mask, -2 * weight, 0.0).double()
    step = weight.sign().double()
    return {"sign": weight + flips, "magnitude": weight + step * float(flips.norm() / step.norm())}


def split(y: torch.Tensor, moved: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Total and radial energy of each row's change."""
    change = moved - y
    return change.square().sum(1), (change * y).sum(1).square() / y.square().sum(1)


def test_two_layer_block_is_the_script_s_arithmetic():
    source = generator(SEED + 99999)
    w1, w2 = (torch.randn(N, N, generator=source) / math.sqrt(N) for _ in range(2))
    x, w2 = all_inputs(N), w2.double()
    outputs = {arm: torch.relu(x @ w.T) @ w2.T for arm, w in arms(w1, SEED).items()}
    y = torch.relu(x @ w1.double().T) @ w2.T
    energies = {arm: split(y, moved) for arm, moved in outputs.items()}
    (record,) = two_layer_block({"n": N, "flip_rate": (RATE,)}, streams(SEED_INDEX))
    transverse = {arm: (total - radial) for arm, (total, radial) in energies.items()}
    sines = {arm: transverse[arm] / moved.square().sum(1) for arm, moved in outputs.items()}
    assert record["c_pre"] == pytest.approx(float(transverse["sign"].sum() / transverse["magnitude"].sum()), rel=1e-5)
    assert record["c_post"] == pytest.approx(float(sines["sign"].sum() / sines["magnitude"].sum()), rel=1e-5)
    for arm, (total, radial) in energies.items():
        assert record[f"radial_{arm}"] == pytest.approx(float(radial.sum() / total.sum()), rel=1e-5)


def test_one_layer_block_is_the_script_s_arithmetic():
    weight = torch.randn(N, N, generator=generator(SEED + 99999)) / math.sqrt(N)
    x = all_inputs(N)
    y = torch.relu(x @ weight.double().T)
    outputs = {arm: torch.relu(x @ w.T) for arm, w in arms(weight, SEED).items()}
    (record,) = one_layer_block({"n": N, "flip_rate": (RATE,)}, streams(SEED_INDEX))
    for metric, scale in (("pre", lambda moved: 1.0), ("post", lambda moved: moved.square().sum(1))):
        sums = [float(((split(y, b)[0] - split(y, b)[1]) / scale(b)).sum()) for b in outputs.values()]
        assert record[f"c_{metric}"] == pytest.approx(sums[0] / sums[1], rel=1e-5)


def test_hidden_and_output_fractions_are_means_over_inputs():
    source = generator(SEED)
    w1 = torch.randn(N, N, generator=source) / math.sqrt(N)
    w2 = (torch.randn(12, N, generator=source) / math.sqrt(N)).double()
    x = all_inputs(N, offset=50000)
    a = torch.relu(x @ w1.double().T)
    record = hidden_and_output({"n": N, "m": N, "d": 12, "flip_rate": RATE}, streams(SEED_INDEX))
    for arm, weight in arms(w1, SEED + 10000).items():
        moved = torch.relu(x @ weight.T)
        for layer, (total, radial) in (("hidden", split(a, moved)), ("output", split(a @ w2.T, moved @ w2.T))):
            assert record[f"{layer}_{arm}"] == pytest.approx(float((radial / total).mean()), rel=1e-4)


@pytest.mark.slow
def test_published_digits_of_the_linear_layer_come_out():
    """Proposition 1's released figures at n = m = 256, p = .005: mean and spread over all twenty seeds."""
    point = {"n": 256, "m": 256, "flip_rate": 0.005}
    records = [linear_layer(point, streams(seed)) for seed in range(20)]
    columns = {name: torch.tensor([record[name] for record in records], dtype=torch.float64) for name in records[0]}
    assert float(columns["radial_sign"].mean()) == pytest.approx(0.008830517, abs=2e-9)
    assert float(columns["radial_sign"].std()) == pytest.approx(0.000473441, abs=2e-9)
    assert float(columns["radial_magnitude"].mean()) == pytest.approx(0.003907950, abs=2e-9)
    assert float(columns["energy_ratio"].mean()) == pytest.approx(1.0003, abs=5e-5)


def test_one_seed_of_the_printed_configuration_is_near_its_mean():
    (record,) = two_layer_block({"n": 256, "flip_rate": (0.01,)}, streams(0))
    assert record["c_pre"] == pytest.approx(2.6232, abs=4 * 0.0251)
    assert record["radial_magnitude"] == pytest.approx(0.6451, abs=0.02)


def test_replays_depend_on_the_published_seed_alone():
    point = {"n": N, "flip_rate": (RATE,)}
    first = one_layer_block(point, streams(0, epoch=1))
    assert first == one_layer_block(point, streams(0, epoch=2))
    assert first != one_layer_block(point, streams(1, epoch=1))
    assert len(set(PUBLISHED_SEEDS)) == 20


@pytest.mark.parametrize("module", ["replays", "depth_replays", "ternary_replays"])
def test_evidence_of_a_replay_depends_on_no_kernel(module):
    """A replay takes minutes: an edited kernel must not have it measured again."""
    code = fingerprint.Code()
    fingerprint._collect(f"claims.papers.sign_magnitude.experiments.{module}", code)
    assert f"claims.papers.sign_magnitude.experiments.{module}" in code.modules
    assert not [name for name in {*code.modules, *code.parts} if name.startswith("claims.kernels")]
