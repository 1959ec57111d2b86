"""The lanes of the I2_S kernel against a reading of its instructions one by one, in Python's integers."""

from __future__ import annotations

import numpy as np
import pytest

from nvfp4_recipes.bitnet_cpp.experiments import accumulation


def int16(x: int) -> int:
    return (x + 2**15) % 2**16 - 2**15


def instructions(weights: list[int], activations: list[int]) -> int:
    """Load 32 bytes of weights, four fields each; multiply and add pairs with saturation; add in 16 bits; widen."""
    total = 0
    for start in range(0, len(weights), 4096):  # a stretch of 32 blocks, the last one perhaps shorter
        lane = [0] * 16
        for block in range(start, min(start + 4096, len(weights)), 128):
            sums = []
            for field in range(4):
                at = block + 32 * field
                pairs = [
                    sum((weights[at + 2 * i + j] + 1) * activations[at + 2 * i + j] for j in range(2))
                    for i in range(16)
                ]
                sums.append([min(max(pair, -(2**15)), 2**15 - 1) for pair in pairs])
            for i in range(16):
                lane[i] = int16(lane[i] + int16(sums[0][i] + sums[1][i]))
                lane[i] = int16(lane[i] + int16(sums[2][i] + sums[3][i]))
        total += sum(lane)
    return total - sum(activations)


@pytest.mark.parametrize("length", [128, 2048, 4096, 4224, 6912])
@pytest.mark.parametrize("level", [20, 127])
def test_lanes_are_what_the_instructions_do(length, level):
    generator = np.random.default_rng(length + level)
    weights = generator.choice([0, 1, 1, 1, -1], length)
    activations = generator.integers(level // 2, level + 1, length)
    found = accumulation.accumulated(weights, activations)
    assert found == instructions(weights.tolist(), activations.tolist())
    if level == 20:
        assert found == int(weights @ activations)
    elif length >= 4096:
        assert found != int(weights @ activations)


def test_the_shortest_length_that_can_overflow():
    for length, exact in ((2048, True), (2176, False)):
        ones, most = np.ones(length, np.int64), np.full(length, 127)
        assert (accumulation.accumulated(ones, most) == 127 * length) is exact
        assert (accumulation.accumulated(ones, -most) == -127 * length) is exact


def test_margins_are_negative_exactly_where_a_lane_overflows():
    worst = {"level": 127.0, "even": 1.0, "plus": 1.0, "seed": 0.0}
    assert accumulation.SHORT.margin(share=1.0, **worst) == pytest.approx(1 - 128 * 254 / 32767)
    assert accumulation.SHORT.planted(share=1.0, **worst) < 0
    assert accumulation.LOSSLESS.margin(share=1.0, **worst) == pytest.approx(1 - 256 * 254 / 32767)
